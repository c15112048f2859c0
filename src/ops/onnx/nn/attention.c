// SPDX-License-Identifier: Apache-2.0
/* Attention: softmax(scale Q K' + bias) V per head; several query heads may share one of keys and
 * values; past keys and values stand before the new ones. Scores and sums in double. */
#include <math.h>

#include "ops/fast/attention.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/nn/attention.inc"
#define EACH_FLOAT
#include "ops/kernels/each.h"

typedef double (*dot_kernel)(const struct tensor *a, size_t a_at, const struct tensor *b,
                             size_t b_at, size_t n, double root);
typedef void (*add_kernel)(double *sums, double weight, const struct tensor *v, size_t at,
                           size_t n);
typedef double (*round_kernel)(double value);
static const dot_kernel DOT[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, dot)};
static const add_kernel ADD[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, add)};
static const round_kernel ROUND[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, rounded)};

enum { Q, K, V, MASK, PAST_K, PAST_V, LENGTHS };

/* (batch, heads, steps, size), or (batch, steps, heads * size) when packed. */
struct heads {
    bool packed;
    int64_t batch, heads, steps, size;
};

struct attention_call {
    struct heads q, k, v;
    int64_t past;  /* steps of the past */
    int64_t total; /* past and new keys */
    double scale, softcap;
    bool is_causal;
    int64_t left, right; /* of the window; -1: unbounded */
    int64_t mode;        /* what the fourth output is */
};

static enum status heads_of(const struct op_call *call, size_t input, const char *attribute,
                            struct heads *h, struct error *err)
{
    const struct shape *shape = &call->in[input].shape;
    int64_t count = attribute_int(call->attributes, attribute, 0);

    TRY(op_wants(call, input, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, input, 3, 4, err));
    *h = (struct heads){false, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (shape->rank == 4) {
        *h = (struct heads){false, shape->dims[0], shape->dims[1], shape->dims[2], shape->dims[3]};
    } else if (shape->rank == 3) {
        if (count < 1 || (dim_is_known(shape->dims[2]) && shape->dims[2] % count))
            return op_error(call, err, STATUS_INVALID_INPUT, "%s is %lld", attribute,
                            (long long)count);
        *h = (struct heads){true, shape->dims[0], count, shape->dims[1],
                            dim_is_known(shape->dims[2]) ? shape->dims[2] / count : DIM_UNKNOWN};
    }
    return STATUS_OK;
}

static bool differ(int64_t a, int64_t b)
{
    return dim_is_known(a) && dim_is_known(b) && a != b;
}

static enum status check_past(const struct op_call *call, struct attention_call *a,
                              struct error *err)
{
    const struct shape *past = &call->in[PAST_K].shape;

    if (op_has(call, PAST_K) != op_has(call, PAST_V))
        return op_error(call, err, STATUS_INVALID_INPUT, "one of past key and value is missing");
    if (!op_has(call, PAST_K))
        return STATUS_OK;
    if (op_has(call, LENGTHS))
        return op_error(call, err, STATUS_INVALID_INPUT, "both a past and nonpad_kv_seqlen");
    TRY(op_wants_same(call, K, PAST_K, err));
    TRY(op_wants_same(call, V, PAST_V, err));
    TRY(op_wants_rank(call, PAST_K, 4, 4, err));
    TRY(op_wants_rank(call, PAST_V, 4, 4, err));
    a->past = past->rank == 4 ? past->dims[2] : DIM_UNKNOWN;
    for (int i = 0; i < 4; i++) {
        const struct shape *value = &call->in[PAST_V].shape;
        int64_t of_k[] = {a->k.batch, a->k.heads, a->past, a->k.size};
        int64_t of_v[] = {a->k.batch, a->k.heads, a->past, a->v.size};

        if ((past->rank == 4 && differ(past->dims[i], of_k[i])) ||
            (value->rank == 4 && differ(value->dims[i], of_v[i])))
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d of the past", i);
    }
    return STATUS_OK;
}

/* The mask broadcasts to (batch, heads, steps, total), but may be short in the last dimension. */
static enum status check_mask(const struct op_call *call, const struct attention_call *a,
                              struct error *err)
{
    const struct shape *mask = &call->in[MASK].shape;
    int64_t want[] = {a->total, a->q.steps, a->q.heads, a->q.batch};

    if (op_has(call, LENGTHS)) {
        TRY(op_wants(call, LENGTHS, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, LENGTHS, 1, 1, err));
        if (call->in[LENGTHS].shape.rank == 1 &&
            differ(call->in[LENGTHS].shape.dims[0], a->q.batch))
            return op_error(call, err, STATUS_INVALID_INPUT, "nonpad_kv_seqlen has %lld lengths",
                            (long long)call->in[LENGTHS].shape.dims[0]);
    }
    if (!op_has(call, MASK))
        return STATUS_OK;
    TRY(op_wants(call, MASK, DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_rank(call, MASK, 1, 4, err));
    for (int i = 0; i < mask->rank; i++) {
        int64_t dim = mask->dims[mask->rank - 1 - i];

        if (!dim_is_known(dim) || !dim_is_known(want[i]))
            continue;
        if (i == 0 ? dim > want[0] : dim != 1 && dim != want[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of the mask is %lld, not %lld", mask->rank - 1 - i,
                            (long long)dim, (long long)want[i]);
    }
    return STATUS_OK;
}

static enum status attention_of(const struct op_call *call, struct attention_call *a,
                                struct error *err)
{
    *a = (struct attention_call){
        .softcap = attribute_float(call->attributes, "softcap", 0),
        .is_causal = attribute_int(call->attributes, "is_causal", 0),
        .left = attribute_int(call->attributes, "left_window_size", -1),
        .right = attribute_int(call->attributes, "right_window_size", -1),
        .mode = attribute_int(call->attributes, "qk_matmul_output_mode", 0),
    };
    TRY(heads_of(call, Q, "q_num_heads", &a->q, err));
    TRY(heads_of(call, K, "kv_num_heads", &a->k, err));
    TRY(heads_of(call, V, "kv_num_heads", &a->v, err));
    TRY(op_wants_same(call, Q, K, err));
    if (differ(a->q.batch, a->k.batch) || differ(a->q.batch, a->v.batch) ||
        differ(a->q.size, a->k.size) || differ(a->k.heads, a->v.heads) ||
        differ(a->k.steps, a->v.steps) || a->q.packed != a->k.packed || a->q.packed != a->v.packed)
        return op_error(call, err, STATUS_INVALID_INPUT, "queries, keys and values do not fit");
    if (dim_is_known(a->q.heads) && dim_is_known(a->k.heads) &&
        (a->k.heads == 0 || a->q.heads % a->k.heads))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld heads of queries for %lld of keys",
                        (long long)a->q.heads, (long long)a->k.heads);
    TRY(check_past(call, a, err));
    TRY(dim_add(call, a->past, a->k.steps, &a->total, err));
    TRY(check_mask(call, a, err));
    if (attribute_find(call->attributes, "softmax_precision") &&
        !(DTYPES_FLOAT &
          DTYPE_BIT(dtype_from_onnx(attribute_int(call->attributes, "softmax_precision", 0)))))
        return op_error(call, err, STATUS_UNSUPPORTED, "this softmax_precision");
    if (a->left < -1 || a->right < -1 || a->mode < 0 || a->mode > 3)
        return op_error(call, err, STATUS_INVALID_INPUT, "a window or qk_matmul_output_mode");
    a->scale =
        attribute_float(call->attributes, "scale", a->q.size > 0 ? 1 / sqrt((double)a->q.size) : 1);
    if (!(a->scale >= 0))
        return op_error(call, err, STATUS_UNSUPPORTED, "scale is %g", a->scale);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape y = shape_unknown(), keys, values, scores;
    struct attention_call a;

    TRY(attention_of(call, &a, err));
    if (call->in[Q].shape.rank == 4)
        y = SHAPE(a.q.batch, a.q.heads, a.q.steps, a.v.size);
    if (call->in[Q].shape.rank == 3) {
        y = SHAPE(a.q.batch, a.q.steps, DIM_UNKNOWN);
        TRY(dim_multiply(call, a.q.heads, a.v.size, &y.dims[2], err));
    }
    keys = SHAPE(a.k.batch, a.k.heads, a.total, a.k.size);
    values = SHAPE(a.k.batch, a.v.heads, a.total, a.v.size);
    scores = SHAPE(a.q.batch, a.q.heads, a.q.steps, a.total);
    op_give(call, 0, call->in[Q].dtype, &y);
    op_give(call, 1, call->in[K].dtype, &keys);
    op_give(call, 2, call->in[V].dtype, &values);
    op_give(call, 3, call->in[Q].dtype, &scores);
    return STATUS_OK;
}

/* --- floats without the rarer wishes: the fast kernel --- */

static bool is_fast(const struct op_call *call, const struct attention_call *a)
{
    bool past = op_has(call, PAST_K);
    int64_t precision = attribute_int(call->attributes, "softmax_precision", 0);

    for (size_t i = 0; i < 3; i++)
        if (call->in[i].dtype != DTYPE_F32)
            return false;
    if (op_has(call, MASK)) {
        const struct tensor *mask = &call->in[MASK];

        if ((mask->dtype != DTYPE_F32 && mask->dtype != DTYPE_BOOL) ||
            (mask->shape.dims[mask->shape.rank - 1] != a->total &&
             mask->shape.dims[mask->shape.rank - 1] != 1))
            return false;
    }
    return !(a->softcap > 0) && a->left < 0 && a->right < 0 && !op_has(call, LENGTHS) &&
           call->out_count < 4 && (!past || call->out_count == 3) && a->total > 0 &&
           (!precision || dtype_from_onnx(precision) == DTYPE_F32);
}

static struct attention_layout layout_of(const struct heads *h)
{
    size_t heads = (size_t)h->heads, steps = (size_t)h->steps, size = (size_t)h->size;

    if (h->packed)
        return (struct attention_layout){steps * heads * size, size, heads * size};
    return (struct attention_layout){heads * steps * size, steps * size, size};
}

/* Keys (or values): what came in, or with a past what goes out. */
static struct attention_side side_of(const struct op_call *call, const struct attention_call *a,
                                     const struct heads *h, size_t input)
{
    struct heads whole = {false, h->batch, h->heads, a->total, h->size};

    if (op_has(call, PAST_K))
        return (struct attention_side){call->out[input].data, layout_of(&whole)};
    return (struct attention_side){call->in[input].data, layout_of(h)};
}

static struct attention fast_of(const struct op_call *call, const struct attention_call *a)
{
    const struct tensor *mask = &call->in[MASK];
    struct heads y = {a->q.packed, a->q.batch, a->q.heads, a->q.steps, a->v.size};
    struct attention fast = {
        .batch = (size_t)a->q.batch,
        .heads = (size_t)a->q.heads,
        .key_heads = (size_t)a->k.heads,
        .queries = (size_t)a->q.steps,
        .keys = (size_t)a->total,
        .size = (size_t)a->q.size,
        .value_size = (size_t)a->v.size,
        .q = {call->in[Q].data, layout_of(&a->q)},
        .k = side_of(call, a, &a->k, K),
        .v = side_of(call, a, &a->v, V),
        .y = call->out[0].data,
        .y_at = layout_of(&y),
        .scale = (float)a->scale,
        .fill = -INFINITY,
        .is_causal = a->is_causal,
        .causal_offset = a->past,
        .zero_forbidden = true,
    };
    size_t step = 1;

    if (!op_has(call, MASK))
        return fast;
    fast.mask = mask->data;
    fast.mask_is = mask->dtype;
    for (int i = 1; i <= mask->shape.rank; i++) {
        int64_t dim = mask->shape.dims[mask->shape.rank - i];

        fast.mask_step[4 - i] = dim == 1 ? 0 : step;
        step *= (size_t)dim;
    }
    return fast;
}

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct attention_call a;
    struct attention fast;
    size_t size, reference;

    if (attention_of(call, &a, &ignored))
        return 0;
    reference = (size_t)(2 * a.total + a.v.size) * sizeof(double);
    if (!is_fast(call, &a))
        return reference;
    fast = fast_of(call, &a);
    size = attention_scratch_size(&fast, team_lanes(call->team));
    return size < reference ? reference : size;
}

static size_t row_of(const struct heads *h, int64_t batch, int64_t head, int64_t step)
{
    return (size_t)((h->packed ? (batch * h->steps + step) * h->heads + head
                               : (batch * h->heads + head) * h->steps + step) *
                    h->size);
}

/* Key (or value) `step`, of the past or new. */
static const struct tensor *key_at(const struct op_call *call, const struct attention_call *a,
                                   const struct heads *h, size_t input, int64_t batch, int64_t head,
                                   int64_t step, size_t *at)
{
    if (step >= a->past) {
        *at = row_of(h, batch, head, step - a->past);
        return &call->in[input];
    }
    *at = (size_t)(((batch * h->heads + head) * a->past + step) * h->size);
    return &call->in[input - K + PAST_K];
}

static double mask_at(const struct op_call *call, const int64_t index[4])
{
    const struct tensor *mask = &call->in[MASK];
    size_t at = 0;

    for (int i = 0; i < mask->shape.rank; i++) {
        int64_t k = index[4 - mask->shape.rank + i], dim = mask->shape.dims[i];

        if (i == mask->shape.rank - 1 && k >= dim)
            return -INFINITY;
        at = at * (size_t)dim + (size_t)(dim == 1 ? 0 : k);
    }
    if (mask->dtype == DTYPE_BOOL)
        return ((const uint8_t *)mask->data)[at] ? 0 : -INFINITY;
    return tensor_f64(mask, at);
}

/* What is added to the score of a query and a key: -inf forbids. */
static double bias_at(const struct op_call *call, const struct attention_call *a, int64_t batch,
                      int64_t head, int64_t step, int64_t key)
{
    int64_t offset = a->past, length = a->total;

    if (op_has(call, LENGTHS)) {
        length = tensor_i64(&call->in[LENGTHS], (size_t)batch);
        offset = length - a->q.steps;
    }
    if (key >= length || (a->is_causal && key > step + offset) ||
        (a->left >= 0 && step + offset - key > a->left) ||
        (a->right >= 0 && key - step - offset > a->right))
        return -INFINITY;
    return op_has(call, MASK) ? mask_at(call, (int64_t[]){batch, head, step, key}) : 0;
}

/* Softmax of `scores` where `biases` allow; all 0 where they forbid every key. */
static void softmax(double *scores, const double *biases, size_t n, round_kernel rounded)
{
    double max = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++)
        if (biases[i] != -INFINITY && (scores[i] > max || isnan(scores[i])))
            max = scores[i];
    for (size_t i = 0; i < n; i++) {
        scores[i] =
            biases[i] == -INFINITY || max == -INFINITY ? 0 : rounded(exp(rounded(scores[i] - max)));
        sum += scores[i];
    }
    for (size_t i = 0; i < n && sum != 0; i++)
        scores[i] = rounded(scores[i] / rounded(sum));
}

static void put_scores(const struct op_call *call, const struct attention_call *a, int64_t mode,
                       size_t row, const double *scores)
{
    if (call->out_count < 4 || a->mode != mode)
        return;
    for (size_t i = 0; i < (size_t)a->total; i++)
        tensor_set_f64(&call->out[3], row * (size_t)a->total + i, scores[i]);
}

static void run_query(const struct op_call *call, const struct attention_call *a, int64_t batch,
                      int64_t head, int64_t step)
{
    size_t n = (size_t)a->total, size = (size_t)a->v.size, y_at, at;
    double *scores = call->scratch, *biases = scores + n, *sums = biases + n;
    size_t row = (size_t)((batch * a->q.heads + head) * a->q.steps + step);
    int64_t key_head = head / (a->q.heads / a->k.heads);
    enum dtype precise = dtype_from_onnx(attribute_int(call->attributes, "softmax_precision", 0));
    round_kernel rounded = ROUND[call->in[Q].dtype];
    double root = rounded(sqrt(a->scale));
    struct heads y = {a->q.packed, a->q.batch, a->q.heads, a->q.steps, a->v.size};

    for (size_t j = 0; j < n; j++) {
        const struct tensor *key = key_at(call, a, &a->k, K, batch, key_head, (int64_t)j, &at);

        scores[j] = DOT[key->dtype](&call->in[Q], row_of(&a->q, batch, head, step), key, at,
                                    (size_t)a->q.size, root);
    }
    put_scores(call, a, 0, row, scores);
    /* half types are rounded after each step, as the standard's function body does */
    for (size_t j = 0; a->softcap > 0 && j < n; j++)
        scores[j] = rounded(a->softcap * rounded(tanh(rounded(scores[j] / a->softcap))));
    put_scores(call, a, 1, row, scores);
    for (size_t j = 0; j < n; j++) {
        biases[j] = bias_at(call, a, batch, head, step, (int64_t)j);
        scores[j] = rounded(scores[j] + biases[j]);
    }
    put_scores(call, a, 2, row, scores);
    softmax(scores, biases, n, precise ? ROUND[precise] : rounded);
    put_scores(call, a, 3, row, scores);
    for (size_t j = 0; j < n; j++)
        scores[j] = rounded(scores[j]);
    for (size_t k = 0; k < size; k++)
        sums[k] = 0;
    for (size_t j = 0; j < n; j++) {
        const struct tensor *value = key_at(call, a, &a->v, V, batch, key_head, (int64_t)j, &at);

        if (scores[j] != 0)
            ADD[value->dtype](sums, scores[j], value, at, size);
    }
    y_at = row_of(&y, batch, head, step);
    for (size_t k = 0; k < size; k++)
        tensor_set_f64(&call->out[0], y_at + k, sums[k]);
}

/* Past and new keys (or values) one after the other. */
static void put_present(const struct op_call *call, const struct attention_call *a,
                        const struct heads *h, size_t input, const struct tensor *out)
{
    size_t bytes = (size_t)h->size * dtype_size(out->dtype), at;
    char *to = out->data;

    for (int64_t b = 0; b < h->batch; b++)
        for (int64_t head = 0; head < h->heads; head++)
            for (int64_t j = 0; j < a->total; j++, to += bytes) {
                const struct tensor *from = key_at(call, a, h, input, b, head, j, &at);

                if (bytes)
                    memcpy(to, (const char *)from->data + at * dtype_size(out->dtype), bytes);
            }
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct attention_call a;

    TRY(attention_of(call, &a, err));
    for (int64_t b = 0; op_has(call, LENGTHS) && b < a.q.batch; b++) {
        int64_t length = tensor_i64(&call->in[LENGTHS], (size_t)b);

        if (length < 0 || length > a.total)
            return op_error(call, err, STATUS_INVALID_INPUT, "length %lld is %lld of %lld",
                            (long long)b, (long long)length, (long long)a.total);
    }
    if (call->out_count > 1)
        put_present(call, &a, &a.k, K, &call->out[1]);
    if (call->out_count > 2)
        put_present(call, &a, &a.v, V, &call->out[2]);
    if (is_fast(call, &a) && !op_is_reference_only()) {
        struct attention fast = fast_of(call, &a);

        attention_run(&fast, call->scratch, call->team);
        return STATUS_OK;
    }
    for (int64_t b = 0; b < a.q.batch; b++)
        for (int64_t h = 0; h < a.q.heads; h++)
            for (int64_t s = 0; s < a.q.steps; s++)
                run_query(call, &a, b, h, s);
    return STATUS_OK;
}

const struct op_set ops_onnx_attention = OP_SET({.name = "Attention",
                                                 .summary = "softmax(Q K') V, per head",
                                                 .flags = OP_OPTIONAL_GAPS | OP_ROWS,
                                                 .in_min = 3,
                                                 .in_max = 7,
                                                 .out_min = 1,
                                                 .out_max = 4,
                                                 .infer = infer,
                                                 .scratch_size = scratch_size,
                                                 .run = run});
