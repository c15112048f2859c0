// SPDX-License-Identifier: Apache-2.0
/* Concat: tensors one after the other along an axis. */
#include "ops/kernels/call.h"

static enum status concat_axis(const struct op_call *call, int rank, int *axis, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, "axis");

    if (!attribute && !op_before(call, 4))
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute axis is missing");
    return op_axis(call, attribute_int(call->attributes, "axis", 1), rank, axis, err);
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = shape_unknown();
    bool all_known = true;
    int axis = 0;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    for (size_t k = 0; k < call->in_count; k++) {
        const struct shape *in = &call->in[k].shape;

        TRY(op_wants_same(call, 0, k, err));
        if (in->rank < 0) {
            all_known = false;
            continue;
        }
        if (out.rank < 0) {
            out = *in;
            TRY(concat_axis(call, in->rank, &axis, err));
            continue;
        }
        if (in->rank != out.rank)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "input %zu has %d dimensions, others %d", k, in->rank, out.rank);
        for (int i = 0; i < out.rank; i++) {
            if (i == axis) {
                TRY(dim_add(call, out.dims[i], in->dims[i], &out.dims[i], err));
            } else if (!dim_is_known(out.dims[i])) {
                out.dims[i] = in->dims[i];
            } else if (dim_is_known(in->dims[i]) && in->dims[i] != out.dims[i]) {
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of input %zu is %lld, of others %lld", i, k,
                                (long long)in->dims[i], (long long)out.dims[i]);
            }
        }
    }
    if (!all_known && out.rank >= 0)
        out.dims[axis] = DIM_UNKNOWN;
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* `count` pieces of `bytes` bytes, `stride` bytes apart in `to`; columns of numbers without a call.
 */
static void copy_pieces(char *to, size_t stride, const char *from, size_t bytes, size_t count)
{
    if (bytes == 8)
        for (size_t i = 0; i < count; i++)
            memcpy(to + i * stride, from + i * 8, 8);
    else if (bytes == 4)
        for (size_t i = 0; i < count; i++)
            memcpy(to + i * stride, from + i * 4, 4);
    else
        for (size_t i = 0; i < count && bytes; i++)
            memcpy(to + i * stride, from + i * bytes, bytes);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *y = &call->out[0];
    size_t size = dtype_size(y->dtype), outer, inner, row, at = 0;
    int axis;

    TRY(concat_axis(call, y->shape.rank, &axis, err));
    if (tensor_count(y) == 0)
        return STATUS_OK;
    outer = shape_span(&y->shape, 0, axis);
    inner = shape_span(&y->shape, axis + 1, y->shape.rank) * size;
    row = (size_t)y->shape.dims[axis] * inner;
    for (size_t k = 0; k < call->in_count; k++) {
        size_t bytes = (size_t)call->in[k].shape.dims[axis] * inner;

        copy_pieces((char *)y->data + at, row, call->in[k].data, bytes, outer);
        at += bytes;
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_concat = OP_SET({.name = "Concat",
                                              .summary = "one after the other along an axis",
                                              .flags = OP_ROWS | OP_CONCAT,
                                              .in_min = 1,
                                              .in_max = OP_INPUTS_ANY,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run});
