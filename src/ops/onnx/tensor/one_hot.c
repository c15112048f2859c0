// SPDX-License-Identifier: Apache-2.0
/* OneHot: a dimension of `depth` with the on-value at the index and the off-value elsewhere;
 * indices outside [-depth, depth) give a line of off-values. */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = shape_unknown();
    int64_t depth = DIM_UNKNOWN;
    int axis;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants(call, 1, DTYPES_NUMBER, err));
    TRY(op_wants(call, 2, DTYPES_ANY, err));
    if (shape_is_known(&call->in[2].shape) && tensor_count(&call->in[2]) != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "values has %zu elements, not 2",
                        tensor_count(&call->in[2]));
    if (op_is_known(call, 1)) {
        TRY(op_input_i64(call, 1, &depth, err));
        if (depth < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "depth is %lld", (long long)depth);
    }
    if (in->rank >= 0) {
        if (in->rank == RANK_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "more than %d dimensions", RANK_MAX);
        TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), in->rank + 1, &axis, err));
        out.rank = in->rank + 1;
        for (int i = 0; i < out.rank; i++)
            out.dims[i] = i < axis ? in->dims[i] : i == axis ? depth : in->dims[i - 1];
    }
    op_give(call, 0, call->in[2].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0], *y = &call->out[0];
    size_t size = dtype_size(y->dtype), count = tensor_count(indices), inner,
           total = tensor_count(y);
    const char *off = call->in[2].data, *on = off + size;
    int64_t depth;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), y->shape.rank, &axis, err));
    depth = y->shape.dims[axis];
    inner = shape_span(&indices->shape, axis, indices->shape.rank);
    for (size_t i = 0; i < total; i++)
        memcpy((char *)y->data + i * size, off, size);
    for (size_t i = 0; i < count; i++) {
        int64_t index = tensor_i64(indices, i);

        if (index < -depth || index >= depth)
            continue;
        index += index < 0 ? depth : 0;
        memcpy((char *)y->data +
                   ((i / inner * (size_t)depth + (size_t)index) * inner + i % inner) * size,
               on, size);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_one_hot = OP_SET({.name = "OneHot",
                                               .summary = "indices as lines with one on-value",
                                               .in_min = 3,
                                               .in_max = 3,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
