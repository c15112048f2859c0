// SPDX-License-Identifier: Apache-2.0
/* LinearAttention: a state (d_k, d_v) per batch and head of keys and values, to which each token
 * adds k v^T, after decay and correction, and from which its queries read. Computed in float. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/cast.h"

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };

struct sizes {
    int64_t batch, tokens, query_heads, heads, key, value; /* dimensions; DIM_UNKNOWN possible */
    bool gated, corrected;
};

static const uint64_t HALVES_AND_FLOAT =
    DTYPE_BIT(DTYPE_F16) | DTYPE_BIT(DTYPE_BF16) | DTYPE_BIT(DTYPE_F32);

/* --- shapes --- */

static enum status rule_of(const struct op_call *call, struct sizes *sizes, struct error *err)
{
    struct bytes rule = attribute_string(call->attributes, "update_rule", "gated_delta");

    sizes->gated = bytes_is(rule, "gated") || bytes_is(rule, "gated_delta");
    sizes->corrected = bytes_is(rule, "delta") || bytes_is(rule, "gated_delta");
    if (!sizes->gated && !sizes->corrected && !bytes_is(rule, "linear"))
        return op_error(call, err, STATUS_INVALID_INPUT, "update_rule is not one that there is");
    if (op_has(call, DECAY) != sizes->gated)
        return op_error(call, err, STATUS_INVALID_INPUT, "decay is %s",
                        sizes->gated ? "missing" : "given without a gated rule");
    if (op_has(call, BETA) != sizes->corrected)
        return op_error(call, err, STATUS_INVALID_INPUT, "beta is %s",
                        sizes->corrected ? "missing" : "given without a delta rule");
    return STATUS_OK;
}

static int64_t dim_of(const struct op_call *call, size_t input, int dim)
{
    const struct shape *shape = &call->in[input].shape;

    return shape->rank > dim ? shape->dims[dim] : DIM_UNKNOWN;
}

/* `a` and `b` are one dimension: what is known of it. */
static enum status join(const struct op_call *call, int64_t *a, int64_t b, const char *what,
                        struct error *err)
{
    if (dim_is_known(*a) && dim_is_known(b) && *a != b)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s are %lld and %lld", what,
                        (long long)*a, (long long)b);
    if (!dim_is_known(*a))
        *a = b;
    return STATUS_OK;
}

static enum status per_head(const struct op_call *call, size_t input, int64_t heads, int64_t *size,
                            struct error *err)
{
    int64_t packed = dim_of(call, input, 2);

    *size = DIM_UNKNOWN;
    if (!dim_is_known(packed))
        return STATUS_OK;
    if (packed % heads)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld numbers of input %zu for %lld heads",
                        (long long)packed, input, (long long)heads);
    *size = packed / heads;
    return STATUS_OK;
}

static enum status gates_check(const struct op_call *call, const struct sizes *s, struct error *err)
{
    int64_t decay = s->gated ? dim_of(call, DECAY, 2) : DIM_UNKNOWN;
    int64_t beta = s->corrected ? dim_of(call, BETA, 2) : DIM_UNKNOWN;

    if (dim_is_known(decay) && dim_is_known(s->key) && decay != s->heads &&
        decay != s->heads * s->key)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld decays of a token",
                        (long long)decay);
    if (dim_is_known(beta) && beta != s->heads && beta != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld betas of a token", (long long)beta);
    return STATUS_OK;
}

static enum status sizes_of(const struct op_call *call, struct sizes *s, struct error *err)
{
    int64_t key, *dims[] = {&s->batch, &s->heads, &s->key, &s->value};

    *s = (struct sizes){.batch = DIM_UNKNOWN,
                        .tokens = DIM_UNKNOWN,
                        .query_heads = attribute_int(call->attributes, "q_num_heads", 0),
                        .heads = attribute_int(call->attributes, "kv_num_heads", 0)};
    if (s->heads < 1 || s->query_heads < 1 || s->query_heads % s->heads)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld query heads for %lld heads",
                        (long long)s->query_heads, (long long)s->heads);
    TRY(rule_of(call, s, err));
    for (size_t i = QUERY; i < call->in_count; i++) {
        if (!op_has(call, i))
            continue;
        TRY(op_wants(call, i, HALVES_AND_FLOAT, err));
        TRY(op_wants_rank(call, i, i == PAST ? 4 : 3, i == PAST ? 4 : 3, err));
        if (i != PAST)
            TRY(op_wants_same(call, QUERY, i, err));
        TRY(join(call, &s->batch, dim_of(call, i, 0), "batches", err));
        if (i != PAST)
            TRY(join(call, &s->tokens, dim_of(call, i, 1), "tokens", err));
    }
    TRY(per_head(call, QUERY, s->query_heads, &s->key, err));
    TRY(per_head(call, KEY, s->heads, &key, err));
    TRY(join(call, &s->key, key, "the sizes of queries and keys", err));
    TRY(per_head(call, VALUE, s->heads, &s->value, err));
    for (int i = 0; op_has(call, PAST) && i < 4; i++)
        TRY(join(call, dims[i], dim_of(call, PAST, i), "sizes of the state", err));
    return gates_check(call, s, err);
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out, state;
    struct sizes s;
    int64_t width = DIM_UNKNOWN;

    TRY(sizes_of(call, &s, err));
    TRY(dim_multiply(call, s.query_heads, s.value, &width, err));
    out = SHAPE(s.batch, s.tokens, width);
    state = SHAPE(s.batch, s.heads, s.key, s.value);
    op_give(call, 0, call->in[QUERY].dtype, &out);
    op_give(call, 1, call->in[op_has(call, PAST) ? PAST : QUERY].dtype, &state);
    return STATUS_OK;
}

/* --- the recurrence --- */

struct head {               /* of one batch: what its tokens read; floats of call->scratch */
    float *state;           /* (key, value) */
    float *k, *g, *q;       /* (key,) */
    float *v, *wrong, *out; /* (value,) */
    size_t key, value;
};

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct sizes s;

    if (sizes_of(call, &s, &ignored))
        return 0;
    return sizeof(float) * (size_t)(s.key * s.value + 3 * s.key + 3 * s.value);
}

static struct head head_over(float *scratch, const struct sizes *s)
{
    size_t key = (size_t)s->key, value = (size_t)s->value;
    struct head h = {.state = scratch, .key = key, .value = value};

    h.k = h.state + key * value;
    h.g = h.k + key;
    h.q = h.g + key;
    h.v = h.q + key;
    h.wrong = h.v + value;
    h.out = h.wrong + value;
    return h;
}

static void floats_get(const struct tensor *from, size_t at, size_t count, float *to)
{
    struct shape shape = SHAPE((int64_t)count);
    struct tensor part = {from->dtype, shape, (char *)from->data + at * dtype_size(from->dtype)};
    struct tensor floats = {DTYPE_F32, shape, to};
    struct error ignored;

    (void)!cast_tensor(&part, &floats, true, NULL, &ignored);
}

static void floats_put(const float *from, struct tensor *to, size_t at, size_t count)
{
    struct shape shape = SHAPE((int64_t)count);
    struct tensor floats = {DTYPE_F32, shape, (void *)(uintptr_t)from};
    struct tensor part = {to->dtype, shape, (char *)to->data + at * dtype_size(to->dtype)};
    struct error ignored;

    (void)!cast_tensor(&floats, &part, true, NULL, &ignored);
}

static void decay(const struct op_call *call, const struct sizes *s, size_t token, size_t head,
                  struct head *h)
{
    size_t per_token = (size_t)call->in[DECAY].shape.dims[2];
    bool one = per_token == (size_t)s->heads;

    if (one && h->key)
        floats_get(&call->in[DECAY], token * per_token + head, 1, h->g);
    else
        floats_get(&call->in[DECAY], token * per_token + head * h->key, h->key, h->g);
    for (size_t i = 0; i < h->key; i++) {
        float factor = expf(h->g[one ? 0 : i]);

        for (size_t j = 0; j < h->value; j++)
            h->state[i * h->value + j] *= factor;
    }
}

/* v becomes beta (v - S^T k). */
static void correct(const struct op_call *call, size_t token, size_t head, struct head *h)
{
    size_t per_token = (size_t)call->in[BETA].shape.dims[2];
    float beta;

    floats_get(&call->in[BETA], token * per_token + (per_token == 1 ? 0 : head), 1, &beta);
    for (size_t j = 0; j < h->value; j++)
        h->wrong[j] = 0;
    for (size_t i = 0; i < h->key; i++)
        for (size_t j = 0; j < h->value; j++)
            h->wrong[j] += h->state[i * h->value + j] * h->k[i];
    for (size_t j = 0; j < h->value; j++)
        h->v[j] = beta * (h->v[j] - h->wrong[j]);
}

static void read(const struct op_call *call, const struct sizes *s, size_t token, size_t head,
                 double scale, struct head *h)
{
    size_t group = (size_t)(s->query_heads / s->heads);

    for (size_t g = 0; g < group; g++) {
        size_t at = token * (size_t)s->query_heads + head * group + g;

        floats_get(&call->in[QUERY], at * h->key, h->key, h->q);
        for (size_t j = 0; j < h->value; j++)
            h->out[j] = 0;
        for (size_t i = 0; i < h->key; i++)
            for (size_t j = 0; j < h->value; j++)
                h->out[j] += h->q[i] * h->state[i * h->value + j];
        for (size_t j = 0; j < h->value; j++)
            h->out[j] *= (float)scale;
        floats_put(h->out, &call->out[0], at * h->value, h->value);
    }
}

static void run_head(const struct op_call *call, const struct sizes *s, size_t batch, size_t head,
                     double scale)
{
    struct head h = head_over(call->scratch, s);
    size_t tokens = (size_t)s->tokens, heads = (size_t)s->heads, area = h.key * h.value;

    if (op_has(call, PAST))
        floats_get(&call->in[PAST], (batch * heads + head) * area, area, h.state);
    else
        for (size_t i = 0; i < area; i++)
            h.state[i] = 0;
    for (size_t t = 0; t < tokens; t++) {
        size_t token = batch * tokens + t;

        floats_get(&call->in[KEY], (token * heads + head) * h.key, h.key, h.k);
        floats_get(&call->in[VALUE], (token * heads + head) * h.value, h.value, h.v);
        if (s->gated)
            decay(call, s, token, head, &h);
        if (s->corrected)
            correct(call, token, head, &h);
        for (size_t i = 0; i < h.key; i++)
            for (size_t j = 0; j < h.value; j++)
                h.state[i * h.value + j] += h.k[i] * h.v[j];
        read(call, s, token, head, scale, &h);
    }
    if (call->out_count > 1)
        floats_put(h.state, &call->out[1], (batch * heads + head) * area, area);
}

static enum status run(const struct op_call *call, struct error *err)
{
    double scale = attribute_float(call->attributes, "scale", 0);
    struct sizes s;

    TRY(sizes_of(call, &s, err));
    if (scale == 0)
        scale = s.key ? 1 / sqrt((double)s.key) : 0;
    for (size_t batch = 0; batch < (size_t)s.batch; batch++)
        for (size_t head = 0; head < (size_t)s.heads; head++)
            run_head(call, &s, batch, head, scale);
    return STATUS_OK;
}

const struct op_set ops_onnx_linear_attention =
    OP_SET({.name = "LinearAttention",
            .summary = "attention by a recurrent state: linear, gated, delta",
            .flags = OP_OPTIONAL_GAPS | OP_ROWS,
            .in_min = 3,
            .in_max = 6,
            .out_min = 1,
            .out_max = 2,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
