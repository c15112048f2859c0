// SPDX-License-Identifier: Apache-2.0
/* SplitToSequence and ConcatFromSequence: a tensor apart along an axis, and together again. */
#include "ops/kernels/container.h"

/* --- SplitToSequence --- */

struct parts {
    int axis;
    int64_t chunk; /* of equal parts, the last may be shorter; 0: as `lengths` says */
    const struct tensor *lengths;
    bool squeeze; /* drop the axis: parts of 1 */
};

/* `dim`: length of the axis, known or not; of an unknown `split` only what holds for any. */
static enum status parts_of(const struct op_call *call, struct parts *parts, struct error *err)
{
    const struct shape *in = &call->in[0].shape;

    *parts = (struct parts){.chunk = 1};
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &parts->axis, err));
    if (!op_has(call, 1)) {
        parts->squeeze = !attribute_int(call->attributes, "keepdims", 1);
        return STATUS_OK;
    }
    if (call->in[1].shape.rank == 0) {
        TRY(op_input_i64(call, 1, &parts->chunk, err));
        if (parts->chunk <= 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "parts of %lld",
                            (long long)parts->chunk);
        return STATUS_OK;
    }
    parts->chunk = 0;
    parts->lengths = &call->in[1];
    return STATUS_OK;
}

static enum status split_infer(struct op_call *call, struct error *err)
{
    struct tensor element = {.dtype = call->in[0].dtype, .shape = call->in[0].shape};
    struct shape *shape = &element.shape;
    int axis;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (op_has(call, 1)) {
        TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, 1, 0, 1, err));
    }
    if (shape->rank < 0)
        return op_give_container(call, 0, DTYPE_SEQUENCE, &element, err);
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), shape->rank, &axis, err));
    if (op_has(call, 1)) {
        shape->dims[axis] = DIM_UNKNOWN;
    } else if (attribute_int(call->attributes, "keepdims", 1)) {
        shape->dims[axis] = 1;
    } else {
        *shape = shape_without_axis(shape, axis);
    }
    return op_give_container(call, 0, DTYPE_SEQUENCE, &element, err);
}

/* Part of `length` from `from` of the axis, as a tensor of its own. */
static enum status part_cut(const struct op_call *call, const struct parts *parts, int64_t from,
                            int64_t length, struct tensor *part, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct shape shape = x->shape;
    size_t outer = shape_span(&shape, 0, parts->axis);
    size_t inner = shape_span(&shape, parts->axis + 1, shape.rank) * dtype_size(x->dtype);
    size_t row = (size_t)shape.dims[parts->axis] * inner, bytes = (size_t)length * inner;

    shape.dims[parts->axis] = length;
    TRY(tensor_new(part, x->dtype, &shape, call->memory, err));
    for (size_t i = 0; i < outer && bytes; i++)
        memcpy((char *)part->data + i * bytes,
               (const char *)x->data + i * row + (size_t)from * inner, bytes);
    if (parts->squeeze)
        part->shape = shape_without_axis(&part->shape, parts->axis);
    return STATUS_OK;
}

static enum status split_run(const struct op_call *call, struct error *err)
{
    struct sequence made = {0};
    struct tensor part;
    struct parts parts;
    int64_t dim, at = 0, length;
    size_t count = 0;

    TRY(parts_of(call, &parts, err));
    dim = call->in[0].shape.dims[parts.axis];
    for (; parts.chunk ? at < dim : count < tensor_count(parts.lengths); count++, at += length) {
        length = !parts.chunk             ? tensor_i64(parts.lengths, count)
                 : parts.chunk < dim - at ? parts.chunk
                                          : dim - at;
        if (length < 0 || length > dim - at)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "part %zu has length %lld, of %lld that are left", count,
                            (long long)length, (long long)(dim - at));
        TRY(part_cut(call, &parts, at, length, &part, err));
        TRY(sequence_insert(&made, count, &part, true, &made, call->memory, err));
    }
    if (at != dim)
        return op_error(call, err, STATUS_INVALID_INPUT, "parts of %lld in all, but axis has %lld",
                        (long long)at, (long long)dim);
    *(struct sequence *)call->out[0].data = made;
    return STATUS_OK;
}

/* --- ConcatFromSequence --- */

static enum status concat_axis(const struct op_call *call, int rank, bool stack, int *axis,
                               struct error *err)
{
    if (!attribute_find(call->attributes, "axis"))
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute axis is missing");
    return op_axis(call, attribute_int(call->attributes, "axis", 0), rank + stack, axis, err);
}

/* The shape of `count` items one after the other; they must be alike but for the axis. */
static enum status concat_known(const struct op_call *call, const struct sequence *from, int axis,
                                bool stack, struct shape *out, struct error *err)
{
    const struct shape *first = &from->items[0].shape;

    for (size_t k = 0; k < from->count; k++) {
        const struct tensor *item = &from->items[k];
        bool alike = item->dtype == from->items[0].dtype && item->shape.rank == first->rank;

        for (int i = 0; alike && i < first->rank; i++)
            alike = (i == axis && !stack) || item->shape.dims[i] == first->dims[i];
        if (!alike)
            return op_error(call, err, STATUS_INVALID_INPUT, "items 0 and %zu do not fit together",
                            k);
        TRY(dim_add(call, out->dims[axis], stack ? 1 : item->shape.dims[axis], &out->dims[axis],
                    err));
    }
    return STATUS_OK;
}

static enum status concat_infer(struct op_call *call, struct error *err)
{
    const struct sequence *known = op_sequence(call, 0);
    const struct tensor *element = known && known->count ? &known->items[0] : call->in[0].element;
    bool stack = attribute_int(call->attributes, "new_axis", 0) != 0;
    struct shape out;
    int axis;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_SEQUENCE), err));
    TRY(op_give_element(call, 0, element, err));
    if (dtype_is_container(element->dtype))
        return op_error(call, err, STATUS_INVALID_INPUT, "a sequence of %ss",
                        dtype_name(element->dtype));
    if (known && !known->count)
        return op_error(call, err, STATUS_INVALID_INPUT, "the sequence is empty");
    if (element->shape.rank < 0)
        return STATUS_OK;
    TRY(concat_axis(call, element->shape.rank, stack, &axis, err));
    out = element->shape;
    if (stack && out.rank == RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
    if (stack)
        out = shape_with_axis(&out, axis, DIM_UNKNOWN);
    out.dims[axis] = known ? 0 : DIM_UNKNOWN;
    if (known)
        TRY(concat_known(call, known, axis, stack, &out, err));
    op_give(call, 0, element->dtype, &out);
    return STATUS_OK;
}

static enum status concat_run(const struct op_call *call, struct error *err)
{
    const struct sequence *from = tensor_sequence(&call->in[0]);
    const struct tensor *y = &call->out[0];
    bool stack = attribute_int(call->attributes, "new_axis", 0) != 0;
    size_t outer, row, at = 0;
    int axis;

    TRY(concat_axis(call, y->shape.rank - stack, stack, &axis, err));
    if (!tensor_count(y))
        return STATUS_OK;
    outer = shape_span(&y->shape, 0, axis);
    row = tensor_bytes(y) / outer;
    for (size_t k = 0; k < from->count; k++) {
        size_t bytes = tensor_bytes(&from->items[k]) / outer;

        for (size_t i = 0; i < outer && bytes; i++)
            memcpy((char *)y->data + i * row + at, (const char *)from->items[k].data + i * bytes,
                   bytes);
        at += bytes;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_sequence_split =
    OP_SET({.name = "SplitToSequence",
            .summary = "parts along an axis, as a sequence",
            .in_min = 1,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = split_infer,
            .run = split_run},
           {.name = "ConcatFromSequence",
            .summary = "the items of a sequence, one after the other or stacked",
            .flags = OP_CONTAINERS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = concat_infer,
            .run = concat_run});
