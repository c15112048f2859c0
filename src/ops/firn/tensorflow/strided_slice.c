// SPDX-License-Identifier: Apache-2.0
/* StridedSlice: x, begin, end, strides (lists of items). StridedSliceUpdate: the same and a tensor
 * that is written where the slice is; its output is x with that.
 *
 * Attributes, one bit for each item: begin, end: as far as the dimension goes; ellipsis: as many
 * dimensions as are left; new_axis: a dimension of 1; shrink: one index, whose dimension goes.
 * Source: tensorflow/core/util/strided_slice_op.cc. */
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"
#include "ops/kernels/strided.h"

struct cut {                      /* one dimension of x */
    int64_t begin, stride, count; /* count DIM_UNKNOWN: not known yet */
    bool gone;
};

struct slice {
    struct cut cuts[RANK_MAX];
    struct shape out;
};

struct masks {
    int64_t begin, end, ellipsis, new_axis, shrink;
};

static struct masks masks_of(const struct op_call *call)
{
    const struct attributes *a = call->attributes;

    return (struct masks){attribute_int(a, "begin", 0), attribute_int(a, "end", 0),
                          attribute_int(a, "ellipsis", 0), attribute_int(a, "new_axis", 0),
                          attribute_int(a, "shrink", 0)};
}

static bool bit(int64_t mask, int64_t i)
{
    return i < 63 && (mask >> i & 1);
}

static int64_t place(int64_t at, bool masked, bool is_end, int64_t dim, int64_t stride)
{
    int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;

    if (masked)
        return (stride > 0) == is_end ? high : low;
    at += at < 0 ? dim : 0;
    return at < low ? low : at > high ? high : at;
}

/* Item `i` of dimension `d`; everything is known. */
static enum status cut_of(const struct op_call *call, const struct masks *m, int64_t i, int d,
                          struct cut *cut, struct error *err)
{
    int64_t dim = call->in[0].shape.dims[d], begin = index_at(&call->in[1], (size_t)i);
    int64_t end = index_at(&call->in[2], (size_t)i), stride = index_at(&call->in[3], (size_t)i);
    int64_t span;

    if (stride == 0 || stride == INT64_MIN)
        return op_error(call, err, STATUS_INVALID_INPUT, "stride %lld is %lld", (long long)i,
                        (long long)stride);
    cut->stride = stride;
    if (bit(m->shrink, i)) {
        cut->begin = begin < 0 ? begin + dim : begin;
        cut->stride = cut->count = 1;
        cut->gone = true;
        if (stride < 0 || cut->begin < 0 || cut->begin >= dim)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %lld of dimension %d of %lld",
                            (long long)begin, d, (long long)dim);
        return STATUS_OK;
    }
    cut->begin = place(begin, bit(m->begin, i), false, dim, stride);
    span = place(end, bit(m->end, i), true, dim, stride) - cut->begin;
    cut->count = span == 0 || (span < 0) != (stride < 0) ? 0 : span / stride + (span % stride != 0);
    return STATUS_OK;
}

static void add_dim(struct shape *out, int64_t dim)
{
    if (out->rank < RANK_MAX)
        out->dims[out->rank] = dim;
    out->rank++;
}

/* Dimension d as it is. */
static void take_whole(const struct shape *x, int d, struct slice *s)
{
    s->cuts[d] = (struct cut){0, 1, x->dims[d], false};
    add_dim(&s->out, x->dims[d]);
}

static enum status slice_of(const struct op_call *call, struct slice *s, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    int64_t count = call->in[1].shape.dims[0], used = 0;
    bool known = op_is_known(call, 1) && op_is_known(call, 2) && op_is_known(call, 3);
    struct masks m = masks_of(call);
    int d = 0;

    *s = (struct slice){.out = {.rank = 0}};
    if (count > 62)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld items", (long long)count);
    for (int64_t i = 0; i < count; i++)
        used += !bit(m.ellipsis, i) && !bit(m.new_axis, i);
    for (int64_t i = 0; i < count; i++) {
        if (bit(m.ellipsis, i)) {
            for (int64_t left = x->rank - used; left > 0 && d < x->rank; left--)
                take_whole(x, d++, s);
            used = x->rank; /* a second one stands for nothing */
        } else if (bit(m.new_axis, i)) {
            add_dim(&s->out, 1);
        } else if (d >= x->rank) {
            return op_error(call, err, STATUS_INVALID_INPUT, "item %lld fits no dimension",
                            (long long)i);
        } else {
            s->cuts[d] = (struct cut){.count = DIM_UNKNOWN, .gone = bit(m.shrink, i)};
            if (known && dim_is_known(x->dims[d]))
                TRY(cut_of(call, &m, i, d, &s->cuts[d], err));
            if (!s->cuts[d].gone)
                add_dim(&s->out, s->cuts[d].count);
            d++;
        }
    }
    while (d < x->rank)
        take_whole(x, d++, s);
    if (s->out.rank > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%d dimensions", s->out.rank);
    return STATUS_OK;
}

static enum status wants_items(const struct op_call *call, bool *counted, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    *counted = call->in[0].shape.rank >= 0;
    for (size_t i = 1; i < 4; i++) {
        const struct shape *list = &call->in[i].shape;

        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
        *counted = *counted && list->rank == 1 && dim_is_known(list->dims[0]);
        if (*counted && list->dims[0] != call->in[1].shape.dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "begin, end and strides have different sizes");
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct slice s = {.out = {.rank = RANK_UNKNOWN}};
    bool counted;

    TRY(wants_items(call, &counted, err));
    if (counted)
        TRY(slice_of(call, &s, err));
    op_give(call, 0, call->in[0].dtype, &s.out);
    return STATUS_OK;
}

/* The elements of the slice: `start` of x, its steps in *walk. */
static int64_t walk_of(const struct op_call *call, const struct slice *s, int64_t steps[RANK_MAX],
                       struct strided *walk)
{
    const struct shape *x = &call->in[0].shape;
    struct shape taken = {.rank = x->rank};
    int64_t strides[RANK_MAX], start = 0;

    shape_strides(x, strides);
    walk->rank = x->rank;
    for (int d = 0; d < x->rank; d++) {
        taken.dims[d] = walk->dims[d] = s->cuts[d].count;
        steps[d] = strides[d] * s->cuts[d].stride;
        start += strides[d] * s->cuts[d].begin;
    }
    shape_strides(&taken, walk->to);
    return start;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t size = dtype_size(call->in[0].dtype);
    struct strided walk = {0};
    struct slice s;
    int64_t start;

    TRY(slice_of(call, &s, err));
    if (!tensor_count(&call->out[0]))
        return STATUS_OK;
    start = walk_of(call, &s, walk.from, &walk);
    strided_copy(&walk, (const char *)call->in[0].data + (size_t)start * size, call->out[0].data,
                 size);
    return STATUS_OK;
}

/* --- the update --- */

static enum status infer_update(struct op_call *call, struct error *err)
{
    bool counted;
    struct slice s;

    TRY(wants_items(call, &counted, err));
    TRY(op_wants_same(call, 0, 4, err));
    if (counted)
        TRY(slice_of(call, &s, err));
    if (counted && shape_is_known(&s.out) && shape_is_known(&call->in[4].shape) &&
        !shape_equal(&s.out, &call->in[4].shape))
        return op_error(call, err, STATUS_UNSUPPORTED,
                        "an update that is not of the slice's shape");
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_update(const struct op_call *call, struct error *err)
{
    size_t size = dtype_size(call->in[0].dtype);
    struct strided walk = {0};
    int64_t steps[RANK_MAX], start;
    struct slice s;

    TRY(slice_of(call, &s, err));
    if (!shape_equal(&s.out, &call->in[4].shape))
        return op_error(call, err, STATUS_UNSUPPORTED,
                        "an update that is not of the slice's shape");
    if (tensor_count(&call->in[0]))
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    if (!tensor_count(&call->in[4]))
        return STATUS_OK;
    start = walk_of(call, &s, steps, &walk);
    memcpy(walk.from, walk.to, sizeof walk.from); /* the update is read in order */
    memcpy(walk.to, steps, sizeof steps);
    strided_copy(&walk, call->in[4].data, (char *)call->out[0].data + (size_t)start * size, size);
    return STATUS_OK;
}

/* --- Choose: x where the condition holds, else y; a condition of one dimension chooses rows --- */

static enum status infer_choose(struct op_call *call, struct error *err)
{
    const struct shape *condition = &call->in[0].shape, *x = &call->in[1].shape;
    struct shape out = x->rank >= 0 ? *x : call->in[2].shape;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants(call, 1, DTYPES_ANY, err));
    TRY(op_wants_same(call, 1, 2, err));
    if (shape_is_known(condition) && shape_is_known(x) && shape_is_known(&call->in[2].shape)) {
        bool rows = condition->rank == 1 && x->rank > 0 && condition->dims[0] == x->dims[0];

        if (!shape_equal(x, &call->in[2].shape) ||
            (condition->rank && !rows && !shape_equal(condition, x)))
            return op_error(call, err, STATUS_INVALID_INPUT, "tensors of different shapes");
    }
    op_give(call, 0, call->in[1].dtype, &out);
    return STATUS_OK;
}

static enum status run_choose(const struct op_call *call, struct error *err)
{
    size_t size = dtype_size(call->in[1].dtype), count = tensor_count(&call->in[1]);
    const uint8_t *condition = call->in[0].data;
    size_t each = tensor_count(&call->in[0]) ? count / tensor_count(&call->in[0]) : 1;

    (void)err;
    for (size_t i = 0; i < count; i++)
        memcpy((char *)call->out[0].data + i * size,
               (const char *)call->in[condition[i / each] ? 1 : 2].data + i * size, size);
    return STATUS_OK;
}

#define ROW(title, does, ins, rule, kernel)                                                        \
    {                                                                                              \
        .name = title, .summary = does, .in_min = ins, .in_max = ins, .out_min = 1, .out_max = 1,  \
        .infer = rule, .run = kernel                                                               \
    }
const struct op_set ops_firn_strided_slice = OP_SET(
    ROW("StridedSlice", "a part of a tensor, by masks", 4, infer, run),
    ROW("StridedSliceUpdate", "a tensor with a part of it replaced", 5, infer_update, run_update),
    ROW("Choose", "elements or rows of one of two tensors", 3, infer_choose, run_choose));
