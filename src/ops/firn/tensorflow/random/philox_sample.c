// SPDX-License-Identifier: Apache-2.0
/* What TensorFlow draws by Philox beyond single numbers. Inputs key (1), counter (2), int64 or
 * uint64, are the last two.
 *
 * PhiloxShuffle: x, key, counter -> x in another order along dimension 0.
 * PhiloxPick: logarithms of probabilities (rows, classes), how many (), key, counter -> classes
 * (rows, n) int64. Rows draw one after another, as TensorFlow does with one thread.
 * PhiloxGamma: alpha, how many of each as dimensions (rank), key, counter -> dims + those of alpha.
 * PhiloxSkip: a generator's state (counter, key) (3) int64, by how many numbers () -> state.
 * Source: tensorflow/core/kernels/{random_shuffle_op,multinomial_op,stateless_random_gamma_op,
 * stateful_random_ops}.cc. */
#include <float.h>
#include <math.h>

#include "ops/kernels/math/philox_call.h"

enum { RESERVED = 256 };

struct words { /* one after another */
    struct philox philox;
    uint32_t words[PHILOX_WORDS];
    size_t used;
};

static uint32_t word_next(struct words *w)
{
    if (w->used == PHILOX_WORDS) {
        philox_words(&w->philox, w->words);
        philox_skip(&w->philox, 1);
        w->used = 0;
    }
    return w->words[w->used++];
}

/* --- PhiloxShuffle --- */

static enum status infer_shuffle(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(philox_wants(call, call->in_count - 2, err));
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static size_t shuffle_scratch(const struct op_call *call)
{
    const struct shape *x = &call->in[0].shape;

    return x->rank ? (size_t)x->dims[0] * sizeof(size_t) : 0;
}

static enum status run_shuffle(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t rows = x->shape.rank ? (size_t)x->shape.dims[0] : 1, *order = call->scratch, size;
    struct words w = {.used = PHILOX_WORDS};

    TRY(philox_begin(call, call->in_count - 2, &w.philox, err));
    if (rows > UINT32_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu rows", rows);
    if (tensor_count(x) <= 1 || rows <= 1) {
        if (tensor_bytes(x))
            memcpy(call->out[0].data, x->data, tensor_bytes(x));
        return STATUS_OK;
    }
    for (size_t i = 0; i < rows; i++)
        order[i] = i;
    for (size_t i = 0; i + 1 < rows; i++) {
        size_t k = i + word_next(&w) % (uint32_t)(rows - i), was = order[i];

        order[i] = order[k];
        order[k] = was;
    }
    size = tensor_bytes(x) / rows;
    for (size_t i = 0; i < rows; i++)
        memcpy((char *)call->out[0].data + i * size, (const char *)x->data + order[i] * size, size);
    return STATUS_OK;
}

/* --- PhiloxPick --- */

static enum status infer_pick(struct op_call *call, struct error *err)
{
    struct shape out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN);

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 0, 0, err));
    TRY(philox_wants(call, call->in_count - 2, err));
    if (call->in[0].shape.rank == 2) {
        out.dims[0] = call->in[0].shape.dims[0];
        if (call->in[0].shape.dims[1] == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "no classes");
    }
    if (op_is_known(call, 1)) {
        TRY(op_input_i64(call, 1, &out.dims[1], err));
        if (out.dims[1] < 0 || out.dims[1] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld samples",
                            (long long)out.dims[1]);
    }
    op_give(call, 0, DTYPE_I64, &out);
    return STATUS_OK;
}

static size_t pick_scratch(const struct op_call *call)
{
    return (size_t)call->in[0].shape.dims[1] * sizeof(double);
}

/* Sums of the classes' probabilities, which are not normalised; the last one. */
static double sums_of(const struct tensor *logits, size_t row, double *sums)
{
    size_t classes = (size_t)logits->shape.dims[1];
    double most = -DBL_MAX, sum = 0;

    for (size_t c = 0; c < classes; c++) {
        double x = tensor_f64(logits, row * classes + c);

        if (isfinite(x) && x > most)
            most = x;
    }
    for (size_t c = 0; c < classes; c++) {
        double x = tensor_f64(logits, row * classes + c);

        if (isfinite(x))
            sum += exp(x - most);
        sums[c] = sum;
    }
    return sum;
}

static enum status run_pick(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->out[0].shape.dims[0], n = (size_t)call->out[0].shape.dims[1];
    size_t classes = (size_t)call->in[0].shape.dims[1];
    struct words w = {.used = PHILOX_WORDS};
    int64_t *y = call->out[0].data;
    double *sums = call->scratch;

    TRY(philox_begin(call, call->in_count - 2, &w.philox, err));
    for (size_t row = 0; row < rows; row++) {
        double all = sums_of(&call->in[0], row, sums);

        for (size_t i = 0; i < n; i++) {
            uint32_t first = word_next(&w), second = word_next(&w);
            double wanted = philox_uniform(first, second) * all;
            size_t low = 0, high = classes;

            while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sums[middle] > wanted)
                    high = middle;
                else
                    low = middle + 1;
            }
            *y++ = (int64_t)low;
        }
    }
    return STATUS_OK;
}

/* --- PhiloxGamma --- */

static enum status infer_gamma(struct op_call *call, struct error *err)
{
    const struct shape *alpha = &call->in[0].shape;
    struct shape out = shape_unknown();
    int64_t dims[RANK_MAX];
    size_t rank;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 0, 1, err));
    TRY(philox_wants(call, call->in_count - 2, err));
    if (op_is_known(call, 1) && alpha->rank >= 0) {
        TRY(op_input_ints(call, 1, dims, RANK_MAX, &rank, err));
        if (rank + (size_t)alpha->rank > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%zu dimensions",
                            rank + (size_t)alpha->rank);
        out.rank = (int)rank + alpha->rank;
        for (size_t i = 0; i < rank; i++) {
            out.dims[i] = dims[i];
            if (dims[i] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %zu is %lld", i,
                                (long long)dims[i]);
        }
        memcpy(out.dims + rank, alpha->dims, (size_t)alpha->rank * sizeof *out.dims);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

struct doubles { /* of which the second is taken first */
    double values[2];
    int left;
};

static double next_of(struct doubles *d, struct philox *philox, bool normal)
{
    if (!d->left) {
        uint32_t words[PHILOX_WORDS];

        philox_words(philox, words);
        philox_skip(philox, 1);
        if (normal) {
            philox_normals(words, d->values);
        } else {
            d->values[0] = philox_uniform(words[0], words[1]);
            d->values[1] = philox_uniform(words[2], words[3]);
        }
        d->left = 2;
    }
    return d->values[--d->left];
}

/* Marsaglia and Tsang, A simple method for generating gamma variables (2000). */
static double gamma_of(double alpha, struct philox *philox)
{
    double d = alpha + (alpha < 1 ? 2.0 / 3 : -1.0 / 3), c = 1.0 / 3 / sqrt(d);
    struct doubles normals = {.left = 0}, uniforms = {.left = 0};

    if (alpha == 1)
        return -log1p(-next_of(&uniforms, philox, false));
    for (int tries = 0; tries < RESERVED * PHILOX_WORDS; tries++) {
        double x = next_of(&normals, philox, true), v = 1 + c * x, u;

        if (v <= 0)
            continue;
        v = v * v * v;
        u = next_of(&uniforms, philox, false);
        if (u < 1 - 0.0331 * (x * x) * (x * x) || log(u) < 0.5 * x * x + d * (1 - v + log(v)))
            return alpha < 1 ? d * v * pow(next_of(&uniforms, philox, false), 1 / alpha) : d * v;
    }
    return NAN; /* alpha is no number above zero */
}

static enum status run_gamma(const struct op_call *call, struct error *err)
{
    size_t alphas = tensor_count(&call->in[0]), count = tensor_count(&call->out[0]);
    size_t each = alphas ? count / alphas : 0;
    struct philox begin;

    TRY(philox_begin(call, call->in_count - 2, &begin, err));
    for (size_t a = 0; a < alphas; a++) {
        double alpha = tensor_f64(&call->in[0], a);

        if (!(alpha > 0) || !isfinite(alpha))
            return op_error(call, err, STATUS_INVALID_INPUT, "alpha %zu is %g", a, alpha);
        for (size_t i = 0; i < each; i++) {
            struct philox philox = begin;

            philox_skip(&philox, RESERVED * (a * each + i));
            tensor_set_f64(&call->out[0], i * alphas + a, gamma_of(alpha, &philox));
        }
    }
    return STATUS_OK;
}

/* --- PhiloxSkip --- */

static enum status infer_skip(struct op_call *call, struct error *err)
{
    const struct shape *state = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants(call, 1, DTYPES_PHILOX, err));
    TRY(op_wants_rank(call, 1, 0, 0, err));
    if (state->rank == 1 && dim_is_known(state->dims[0]) && state->dims[0] < 3)
        return op_error(call, err, STATUS_INVALID_INPUT, "a state of %lld numbers",
                        (long long)state->dims[0]);
    op_give(call, 0, DTYPE_I64, state);
    return STATUS_OK;
}

static enum status run_skip(const struct op_call *call, struct error *err)
{
    uint64_t by = *(const uint64_t *)call->in[1].data;
    struct philox philox = {{0}, {0}};

    if (tensor_count(&call->in[0]) < 3 || by > UINT64_MAX / RESERVED)
        return op_error(call, err, STATUS_INVALID_INPUT, "a state of %zu numbers, skips %llu",
                        tensor_count(&call->in[0]), (unsigned long long)by);
    memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    memcpy(philox.counter, call->in[0].data, sizeof philox.counter);
    philox_skip(&philox, by * RESERVED);
    memcpy(call->out[0].data, philox.counter, sizeof philox.counter);
    return STATUS_OK;
}

#define ROW(op, text, ins, infer_it, scratch_it, run_it)                                           \
    {                                                                                              \
        .name = op, .summary = text, .in_min = ins, .in_max = ins, .out_min = 1, .out_max = 1,     \
        .infer = infer_it, .scratch_size = scratch_it, .run = run_it                               \
    }

const struct op_set ops_firn_philox_sample =
    OP_SET(ROW("PhiloxShuffle", "rows in an order that a key gives", 3, infer_shuffle,
               shuffle_scratch, run_shuffle),
           ROW("PhiloxPick", "classes by the logarithms of their probabilities", 4, infer_pick,
               pick_scratch, run_pick),
           ROW("PhiloxGamma", "numbers of gamma distributions", 4, infer_gamma, NULL, run_gamma),
           ROW("PhiloxSkip", "a generator's state further on", 2, infer_skip, NULL, run_skip));
