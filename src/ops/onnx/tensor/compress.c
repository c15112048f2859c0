// SPDX-License-Identifier: Apache-2.0
/* Compress: slices of an axis (or elements) where a condition holds. */
#include "ops/kernels/call.h"

/* The axis as (outer, n, inner) of the data; without one all elements are a line. */
static enum status layout(const struct op_call *call, size_t *outer, size_t *n, size_t *inner,
                          int *axis, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, "axis");
    const struct shape *in = &call->in[0].shape;

    *axis = 0;
    *outer = *inner = 1;
    if (!attribute) {
        *n = shape_count(in);
        return STATUS_OK;
    }
    TRY(op_axis(call, attribute->i, in->rank, axis, err));
    *outer = shape_span(in, 0, *axis);
    *n = (size_t)in->dims[*axis];
    *inner = shape_span(in, *axis + 1, in->rank);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    bool has_axis = attribute_find(call->attributes, "axis") != NULL;
    const struct shape *in = &call->in[0].shape;
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};
    size_t outer, n, inner;
    int axis = 0;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (has_axis) {
        out = *in;
        if (in->rank >= 0) {
            TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
            out.dims[axis] = DIM_UNKNOWN;
        }
    }
    if (shape_is_known(in) && op_is_known(call, 1)) {
        const uint8_t *condition = call->in[1].data;
        size_t count = tensor_count(&call->in[1]);

        TRY(layout(call, &outer, &n, &inner, &axis, err));
        if (count > n)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu conditions for %zu elements",
                            count, n);
        out.dims[axis] = 0;
        for (size_t i = 0; i < count; i++)
            out.dims[axis] += condition[i] != 0;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const uint8_t *condition = call->in[1].data;
    size_t count = tensor_count(&call->in[1]), outer, n, inner, bytes;
    const char *x = call->in[0].data;
    char *y = call->out[0].data;
    int axis;

    TRY(layout(call, &outer, &n, &inner, &axis, err));
    bytes = inner * dtype_size(call->in[0].dtype);
    for (size_t o = 0; o < outer && bytes; o++)
        for (size_t i = 0; i < count; i++)
            if (condition[i]) {
                memcpy(y, x + (o * n + i) * bytes, bytes);
                y += bytes;
            }
    return STATUS_OK;
}

const struct op_set ops_onnx_compress = OP_SET({.name = "Compress",
                                                .summary = "slices where a condition holds",
                                                .in_min = 2,
                                                .in_max = 2,
                                                .out_min = 1,
                                                .out_max = 1,
                                                .infer = infer,
                                                .run = run});
