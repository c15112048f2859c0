// SPDX-License-Identifier: Apache-2.0
/* Attention as the passes make it of its parts: softmax(scale q k' + mask) v, head by head.
 *
 * q, k and v are (batch, steps, columns), where head h has the `size` (v: `value_size`) columns
 * from `q_offset` (`k_offset`, `v_offset`) + h * size on, so that all three may be one value; or
 * (batch, heads, steps, size). `heads` of queries share `key_heads` of keys and values. The mask,
 * of floats, is added to the scores, to which it broadcasts; of bools, scores are `fill` where it
 * is false. With `is_causal`, query i sees the keys up to i + keys - queries. The output is (batch,
 * steps, heads * value_size), or with `heads_first` (batch, heads, steps, value_size). */
#include "ops/fast/attention.h"

#include <math.h>

#include "ops/kernels/call.h"

enum { Q, K, V, MASK };

/* One of q, k, v. */
struct side {
    int64_t batch, heads, steps, size, offset;
    bool heads_first;
};

struct problem {
    struct side sides[3];
    int64_t batch; /* a side, or the mask, may have one for all */
};

static enum status side_of(const struct op_call *call, size_t input, struct side *side,
                           struct error *err)
{
    static const char *const OFFSETS[] = {"q_offset", "k_offset", "v_offset"};
    const struct shape *shape = &call->in[input].shape;
    int64_t heads = attribute_int(call->attributes, "heads", 0);
    int64_t size = attribute_int(call->attributes, "size", 0);

    *side = (struct side){DIM_UNKNOWN,
                          attribute_int(call->attributes, "key_heads", heads),
                          DIM_UNKNOWN,
                          attribute_int(call->attributes, "value_size", size),
                          attribute_int(call->attributes, OFFSETS[input], 0),
                          false};
    side->heads = input == Q ? heads : side->heads;
    side->size = input == V ? side->size : size;
    TRY(op_wants(call, input, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, input, 3, 4, err));
    if (heads < 1 || side->heads < 1 || heads % side->heads || size < 1 || side->size < 1 ||
        heads > INT32_MAX || size > INT32_MAX || side->size > INT32_MAX || side->offset < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld heads of %lld, from %lld on",
                        (long long)side->heads, (long long)side->size, (long long)side->offset);
    if (shape->rank < 0)
        return STATUS_OK;
    side->batch = shape->dims[0];
    side->heads_first = shape->rank == 4;
    side->steps = shape->dims[side->heads_first ? 2 : 1];
    if (side->heads_first ? (dim_is_known(shape->dims[1]) && shape->dims[1] != side->heads) ||
                                (dim_is_known(shape->dims[3]) && shape->dims[3] != side->size)
                          : dim_is_known(shape->dims[2]) &&
                                (shape->dims[2] < side->offset ||
                                 shape->dims[2] - side->offset < side->heads * side->size))
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has no %lld heads of %lld",
                        input, (long long)side->heads, (long long)side->size);
    return STATUS_OK;
}

static bool differ(int64_t a, int64_t b)
{
    return dim_is_known(a) && dim_is_known(b) && a != b;
}

static enum status check_mask(const struct op_call *call, const struct problem *p,
                              struct error *err)
{
    const struct shape *mask = &call->in[MASK].shape;
    int64_t want[] = {p->sides[K].steps, p->sides[Q].steps, p->sides[Q].heads, p->batch};

    if (!op_has(call, MASK))
        return STATUS_OK;
    TRY(op_wants(call, MASK, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_rank(call, MASK, 0, 4, err));
    for (int i = 0; i < mask->rank; i++) {
        int64_t dim = mask->dims[mask->rank - 1 - i];

        if (dim != 1 && differ(dim, want[i]))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of the mask is %lld, not %lld", mask->rank - 1 - i,
                            (long long)dim, (long long)want[i]);
    }
    return STATUS_OK;
}

static enum status problem_of(const struct op_call *call, struct problem *p, struct error *err)
{
    p->batch = 1;
    for (size_t i = 0; i < 3; i++) {
        TRY(side_of(call, i, &p->sides[i], err));
        TRY(dim_broadcast(p->batch, p->sides[i].batch, &p->batch, call, err));
    }
    if (op_has(call, MASK) && call->in[MASK].shape.rank == 4)
        TRY(dim_broadcast(p->batch, call->in[MASK].shape.dims[0], &p->batch, call, err));
    if (differ(p->sides[K].steps, p->sides[V].steps))
        return op_error(call, err, STATUS_INVALID_INPUT, "queries, keys and values do not fit");
    return check_mask(call, p, err);
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct side *q;
    struct problem p;
    struct shape out;

    TRY(problem_of(call, &p, err));
    q = &p.sides[Q];
    if (attribute_int(call->attributes, "heads_first", 0))
        out = SHAPE(p.batch, q->heads, q->steps, p.sides[V].size);
    else
        out = SHAPE(p.batch, q->steps, q->heads * p.sides[V].size);
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static struct attention_side fast_side(const struct op_call *call, const struct problem *p,
                                       size_t input)
{
    const struct side *side = &p->sides[input];
    size_t size = (size_t)side->size, steps = (size_t)side->steps, columns;
    struct attention_side made = {call->in[input].data, {steps * size, steps * size, size}};

    if (side->heads_first) {
        made.at.batch *= (size_t)side->heads;
    } else {
        columns = (size_t)call->in[input].shape.dims[2];
        made.data = made.data ? made.data + side->offset : NULL; /* not there while planning */
        made.at = (struct attention_layout){steps * columns, size, columns};
    }
    made.at.batch = side->batch == 1 ? 0 : made.at.batch;
    return made;
}

static void fast_mask(const struct op_call *call, struct attention *a)
{
    const struct tensor *mask = &call->in[MASK];
    size_t step = 1;

    if (!op_has(call, MASK))
        return;
    a->mask = mask->data;
    a->mask_is = mask->dtype;
    a->fill = (float)attribute_float(call->attributes, "fill", -INFINITY);
    for (int i = 1; i <= mask->shape.rank; i++) {
        int64_t dim = mask->shape.dims[mask->shape.rank - i];

        a->mask_step[4 - i] = dim == 1 ? 0 : step;
        step *= (size_t)dim;
    }
}

static struct attention attention_of(const struct op_call *call, const struct problem *p)
{
    const struct side *q = &p->sides[Q], *k = &p->sides[K], *v = &p->sides[V];
    size_t heads = (size_t)q->heads, queries = (size_t)q->steps, size = (size_t)v->size;
    struct attention a = {
        .batch = (size_t)p->batch,
        .heads = heads,
        .key_heads = (size_t)k->heads,
        .queries = queries,
        .keys = (size_t)k->steps,
        .size = (size_t)q->size,
        .value_size = size,
        .q = fast_side(call, p, Q),
        .k = fast_side(call, p, K),
        .v = fast_side(call, p, V),
        .y = call->out[0].data,
        .y_at = {queries * heads * size, size, heads * size},
        .scale = (float)attribute_float(call->attributes, "scale", 1),
        .is_causal = attribute_int(call->attributes, "is_causal", 0),
        .causal_offset = k->steps - q->steps,
    };

    if (attribute_int(call->attributes, "heads_first", 0))
        a.y_at = (struct attention_layout){queries * heads * size, queries * size, size};
    fast_mask(call, &a);
    return a;
}

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct attention a;
    struct problem p;
    size_t size, least;

    if (problem_of(call, &p, &ignored))
        return 0;
    a = attention_of(call, &p);
    size = attention_scratch_size(&a, team_lanes(call->team));
    least = (a.keys + a.value_size) * sizeof(double); /* of the reference */
    return size < least ? least : size;
}

/* --- reference --- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static double masked(const struct attention *a, size_t b, size_t h, size_t i, size_t j,
                     double score)
{
    size_t at =
        b * a->mask_step[0] + h * a->mask_step[1] + i * a->mask_step[2] + j * a->mask_step[3];

    if (a->is_causal && (int64_t)j > (int64_t)i + a->causal_offset)
        return -INFINITY;
    if (!a->mask)
        return score;
    if (a->mask_is == DTYPE_BOOL)
        return ((const uint8_t *)a->mask)[at] ? score : (double)a->fill;
    return score + (double)((const float *)a->mask)[at];
}

static const float *row_of(const struct attention_side *side, size_t b, size_t h, size_t i)
{
    return side->data + b * side->at.batch + h * side->at.head + i * side->at.row;
}

static void reference_query(const struct attention *a, size_t b, size_t h, size_t i, double *scores)
{
    size_t key_head = h / (a->heads / a->key_heads);
    const float *q = row_of(&a->q, b, h, i);
    float *y = a->y + b * a->y_at.batch + h * a->y_at.head + i * a->y_at.row;
    double max = -INFINITY, sum = 0, *sums = scores + a->keys;

    for (size_t j = 0; j < a->keys; j++) {
        scores[j] = masked(a, b, h, i, j,
                           dot(q, row_of(&a->k, b, key_head, j), a->size) * (double)a->scale);
        max = scores[j] > max ? scores[j] : max;
    }
    for (size_t c = 0; c < a->value_size; c++)
        sums[c] = 0;
    for (size_t j = 0; j < a->keys; j++) {
        const float *v = row_of(&a->v, b, key_head, j);

        scores[j] = exp(scores[j] - max);
        sum += scores[j];
        for (size_t c = 0; c < a->value_size; c++)
            sums[c] += scores[j] * (double)v[c];
    }
    for (size_t c = 0; c < a->value_size; c++)
        y[c] = a->keys ? (float)(sums[c] / sum) : 0;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct attention a;
    struct problem p;

    TRY(problem_of(call, &p, err));
    a = attention_of(call, &p);
    if (!op_is_reference_only()) {
        attention_run(&a, call->scratch, call->team);
        return STATUS_OK;
    }
    for (size_t b = 0; b < a.batch; b++)
        for (size_t h = 0; h < a.heads; h++)
            for (size_t i = 0; i < a.queries; i++)
                reference_query(&a, b, h, i, call->scratch);
    return STATUS_OK;
}

const struct op_set ops_firn_attention = OP_SET({.name = "Attention",
                                                 .summary = "softmax(q k' + mask) v, per head",
                                                 .flags = OP_ROWS,
                                                 .in_min = 3,
                                                 .in_max = 4,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer,
                                                 .scratch_size = scratch_size,
                                                 .run = run});
