// SPDX-License-Identifier: Apache-2.0
/* CenterCropPad: axes to given sizes, cut or filled with 0 on both sides alike. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    int64_t sizes[RANK_MAX];
    struct shape out = *in;
    bool mask[RANK_MAX];
    struct axes axes;
    size_t count;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_axes_list(call, call->in_count, "axes", &axes, err));
    if (in->rank >= 0 && !axes.given) {
        axes.count = (size_t)in->rank;
        for (int i = 0; i < in->rank; i++)
            axes.values[i] = i;
    }
    if (in->rank >= 0) {
        TRY(op_axes_mask(call, &axes, in->rank, mask, err));
        for (int i = 0; i < in->rank; i++)
            out.dims[i] = mask[i] ? DIM_UNKNOWN : in->dims[i];
    }
    if (in->rank >= 0 && op_is_known(call, 1)) {
        TRY(op_input_ints(call, 1, sizes, RANK_MAX, &count, err));
        if (count != axes.count)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu sizes for %zu axes", count,
                            axes.count);
        for (size_t i = 0; i < count; i++) {
            int axis;

            TRY(op_axis(call, axes.values[i], in->rank, &axis, err));
            if (sizes[i] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "size %zu is %lld", i,
                                (long long)sizes[i]);
            out.dims[axis] = sizes[i];
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    struct strided copy = {.rank = x->shape.rank};
    size_t size = dtype_size(x->dtype), from = 0, to = 0;

    (void)err;
    if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (size_t i = 0; y->dtype == DTYPE_STRING && i < tensor_count(y); i++)
        ((struct bytes *)y->data)[i] = bytes_of("");
    shape_strides(&x->shape, copy.from);
    shape_strides(&y->shape, copy.to);
    for (int i = 0; i < copy.rank; i++) {
        int64_t more = y->shape.dims[i] - x->shape.dims[i];

        copy.dims[i] = more < 0 ? y->shape.dims[i] : x->shape.dims[i];
        if (more < 0)
            from += (size_t)(-more / 2 * copy.from[i]);
        else
            to += (size_t)(more / 2 * copy.to[i]);
    }
    if (tensor_count(y) && tensor_count(x))
        strided_copy(&copy, (const char *)x->data + from * size, (char *)y->data + to * size, size);
    return STATUS_OK;
}

const struct op_set ops_onnx_center_crop_pad =
    OP_SET({.name = "CenterCropPad",
            .summary = "axes cut or filled on both sides",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
