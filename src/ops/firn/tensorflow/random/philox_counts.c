// SPDX-License-Identifier: Apache-2.0
/* Counts that TensorFlow draws by Philox. Inputs key (1), counter (2), int64 or uint64, are the
 * last two.
 *
 * PhiloxPoisson: rates, how many of each as dimensions (rank), key, counter -> dims + those of the
 * rates. Attribute to: a dtype of TensorFlow.
 * PhiloxBinomial: dimensions (rank), counts, probabilities, which are broadcast to the last of
 * them, key, counter -> dimensions. Attribute to.
 *
 * Sources: Knuth, Seminumerical algorithms; Hoermann, The transformed rejection method for
 * generating Poisson random variables (1993), The generation of binomial random variates (1993);
 * tensorflow/core/kernels/random_{poisson,binomial}_op.cc. */
#include <math.h>

#include "ops/kernels/math/philox_call.h"
#include "ops/kernels/strided.h"

enum { RESERVED = 256, RESERVED_SMALL = 42, TRIES_MAX = 1 << 20 };

#define DTYPES_COUNT (DTYPES_FLOAT | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64))

static enum status type_of(const struct op_call *call, enum dtype *to, struct error *err)
{
    *to = dtype_from_tf(attribute_int(call->attributes, "to", 1));
    return DTYPES_COUNT & DTYPE_BIT(*to) && *to != DTYPE_BF16
               ? STATUS_OK
               : op_error(call, err, STATUS_UNSUPPORTED, "counts as %s", dtype_name(*to));
}

/* Uniform numbers, of each pair the second one first. */
struct uniforms {
    struct philox philox;
    double values[2];
    int left;
};

static double next_of(struct uniforms *u)
{
    if (!u->left) {
        uint32_t words[PHILOX_WORDS];

        philox_words(&u->philox, words);
        philox_skip(&u->philox, 1);
        u->values[0] = philox_uniform(words[0], words[1]);
        u->values[1] = philox_uniform(words[2], words[3]);
        u->left = 2;
    }
    return u->values[--u->left];
}

/* --- PhiloxPoisson --- */

static enum status infer_poisson(struct op_call *call, struct error *err)
{
    const struct shape *rates = &call->in[0].shape;
    struct shape out = shape_unknown();
    enum dtype to;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(philox_wants(call, call->in_count - 2, err));
    TRY(type_of(call, &to, err));
    if (call->in[0].dtype == DTYPE_BF16)
        return op_error(call, err, STATUS_UNSUPPORTED, "rates of bfloat16");
    TRY(op_input_shape(call, 1, 0, &out, err));
    if (out.rank >= 0 && rates->rank >= 0) {
        if (out.rank + rates->rank > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%d dimensions", out.rank + rates->rank);
        memcpy(out.dims + out.rank, rates->dims, (size_t)rates->rank * sizeof *out.dims);
        out.rank += rates->rank;
    } else {
        out = shape_unknown();
    }
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

static double poisson_small(double rate, struct uniforms *u)
{
    double limit = exp(-rate), product = 1, x = 0;

    for (;; x++) {
        product *= next_of(u);
        if (product <= limit)
            return x;
    }
}

static double poisson_large(double rate, struct uniforms *u)
{
    const double log_rate = log(rate), b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse = 1.1239 + 1.1328 / (b - 3.4);
    int sign;

    for (int tries = 0; tries < TRIES_MAX; tries++) {
        double x = next_of(u) - 0.5, v = next_of(u), shifted = 0.5 - fabs(x);
        double k = floor((2 * a / shifted + b) * x + rate + 0.43);

        if (shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2))
            return k;
        if (k < 0 || (shifted < 0.013 && v > shifted))
            continue;
        if (log(v * inverse / (a / (shifted * shifted) + b)) <=
            -rate + k * log_rate - lgamma_r(k + 1, &sign))
            return k;
    }
    return NAN;
}

static void put(struct tensor *y, size_t i, double value)
{
    if (y->dtype == DTYPE_I32)
        ((int32_t *)y->data)[i] = value < (double)INT32_MAX ? (int32_t)value : INT32_MAX;
    else if (y->dtype == DTYPE_I64)
        ((int64_t *)y->data)[i] = value < 0x1p62 ? (int64_t)value : INT64_MAX;
    else
        tensor_set_f64(y, i, value);
}

static enum status run_poisson(const struct op_call *call, struct error *err)
{
    size_t rates = tensor_count(&call->in[0]), count = tensor_count(&call->out[0]);
    size_t each = rates ? count / rates : 0;
    struct philox begin;

    TRY(philox_begin(call, call->in_count - 2, &begin, err));
    for (size_t r = 0; r < rates; r++) {
        double rate = tensor_f64(&call->in[0], r);

        if (!(rate >= 0) || rate > 0x1p30)
            return op_error(call, err, STATUS_INVALID_INPUT, "rate %zu is %g", r, rate);
        for (size_t i = 0; i < each; i++) {
            struct uniforms u = {.philox = begin};

            philox_skip(&u.philox, RESERVED * (r * each + i));
            put(&call->out[0], i * rates + r,
                rate < 10 ? poisson_small(rate, &u) : poisson_large(rate, &u));
        }
    }
    return STATUS_OK;
}

/* --- PhiloxBinomial --- */

static enum status infer_binomial(struct op_call *call, struct error *err)
{
    struct shape out, both;
    enum dtype to;

    TRY(op_input_shape(call, 0, 0, &out, err));
    for (size_t i = 1; i < 3; i++)
        TRY(op_wants(call, i, DTYPES_COUNT, err));
    TRY(op_wants_same(call, 1, 2, err));
    TRY(shape_broadcast(&call->in[1].shape, &call->in[2].shape, &both, call, err));
    TRY(philox_wants(call, call->in_count - 2, err));
    TRY(type_of(call, &to, err));
    if (out.rank >= 0 && both.rank > out.rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%d dimensions, for %d", out.rank,
                        both.rank);
    for (int d = 1; out.rank >= 0 && d <= both.rank; d++)
        if (dim_is_known(both.dims[both.rank - d]) && dim_is_known(out.dims[out.rank - d]) &&
            both.dims[both.rank - d] != out.dims[out.rank - d])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "the dimensions do not end with those of counts and probabilities");
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

static double inversion(double count, double p, struct uniforms *u)
{
    double sum = 0;

    for (int64_t tries = 0;; tries++) {
        sum += ceil(log(next_of(u)) / log1p(-p));
        if (sum > count)
            return (double)tries;
    }
}

static double stirling_tail(double k)
{
    static const double FIRST[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                                   0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                                   0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                                   0.00833056343336287};
    double square = (k + 1) * (k + 1);

    if (k <= 9)
        return FIRST[k > 0 ? (int)k : 0];
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

static double rejection(double count, double p, struct uniforms *u)
{
    const double deviation = sqrt(count * p * (1 - p)), b = 1.15 + 2.53 * deviation;
    const double a = -0.0873 + 0.0248 * b + 0.01 * p, c = count * p + 0.5;
    const double alpha = (2.83 + 5.1 / b) * deviation, r = p / (1 - p);
    const double m = floor((count + 1) * p);

    for (int tries = 0; tries < TRIES_MAX; tries++) {
        double x = next_of(u), v = next_of(u), us, k;

        x -= 0.5;
        us = 0.5 - fabs(x);
        k = floor((2 * a / us + b) * x + c);
        if (us >= 0.07 && v <= 0.92 - 4.2 / b)
            return k;
        if (k < 0 || k > count)
            continue;
        v = log(v * alpha / (a / (us * us) + b));
        if (v <= (m + 0.5) * log((m + 1) / (r * (count - m + 1))) +
                     (count + 1) * log((count - m + 1) / (count - k + 1)) +
                     (k + 0.5) * log(r * (count - k + 1) / (k + 1)) + stirling_tail(m) +
                     stirling_tail(count - m) - stirling_tail(k) - stirling_tail(count - k))
            return k;
    }
    return NAN;
}

/* In float where the inputs are: TensorFlow decides which way to go in their type. */
static bool is_large(enum dtype dtype, double count, double p)
{
    return dtype == DTYPE_F64 ? count * p >= 10 : (float)count * (float)p >= 10.0F;
}

static double binomial(enum dtype dtype, double count, double p, struct philox philox,
                       uint64_t number)
{
    struct uniforms u = {.philox = philox};
    double q = p;
    bool large;

    if (count <= 0 || p <= 0)
        return 0;
    if (p >= 1)
        return count;
    if (p > 0.5)
        q = dtype == DTYPE_F64 ? 1 - p : (double)(1.0F - (float)p);
    large = is_large(dtype, count, q);
    philox_skip(&u.philox, (large ? RESERVED : RESERVED_SMALL) * number);
    q = large ? rejection(count, q, &u) : inversion(count, q, &u);
    return p > 0.5 ? count - q : q;
}

/* Element i of what an input is broadcast to. */
static double element(const struct tensor *x, const struct shape *to, size_t i)
{
    int64_t strides[RANK_MAX];
    size_t at = 0;

    broadcast_strides(&x->shape, to, strides);
    for (int d = to->rank - 1; d >= 0; d--) {
        at += i % (size_t)to->dims[d] * (size_t)strides[d];
        i /= (size_t)to->dims[d];
    }
    return tensor_f64(x, at);
}

static enum status run_binomial(const struct op_call *call, struct error *err)
{
    const struct tensor *counts = &call->in[1], *ps = &call->in[2];
    size_t all = tensor_count(&call->out[0]), batches;
    struct shape both;
    struct philox begin;

    TRY(philox_begin(call, call->in_count - 2, &begin, err));
    TRY(shape_broadcast(&counts->shape, &ps->shape, &both, call, err));
    batches = shape_count(&both);
    for (size_t batch = 0; batch < batches && all; batch++) {
        size_t each = all / batches;
        double count = element(counts, &both, batch), p = element(ps, &both, batch);

        if (isnan(p) || !(count < 0x1p40))
            return op_error(call, err, STATUS_INVALID_INPUT, "a count of %g, a probability of %g",
                            count, p);
        for (size_t i = 0; i < each; i++)
            put(&call->out[0], i * batches + batch,
                binomial(counts->dtype, count, p, begin, batch * each + i));
    }
    return STATUS_OK;
}

#define ROW(op, text, ins, infer_it, run_it)                                                       \
    {                                                                                              \
        .name = op, .summary = text, .in_min = ins, .in_max = ins, .out_min = 1, .out_max = 1,     \
        .infer = infer_it, .run = run_it                                                           \
    }

const struct op_set ops_firn_philox_counts = OP_SET(
    ROW("PhiloxPoisson", "numbers of Poisson distributions", 4, infer_poisson, run_poisson),
    ROW("PhiloxBinomial", "numbers of binomial distributions", 5, infer_binomial, run_binomial));
