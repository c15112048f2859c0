// SPDX-License-Identifier: Apache-2.0
/* ReverseSequence: the first elements of the time axis in reverse, as many as each batch item's
 * length says. */
#include "ops/kernels/index.h"

static enum status infer(struct op_call *call, struct error *err)
{
    int64_t batch_axis = attribute_int(call->attributes, "batch_axis", 1);
    int64_t time_axis = attribute_int(call->attributes, "time_axis", 0);
    const struct shape *in = &call->in[0].shape, *lengths = &call->in[1].shape;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (batch_axis < 0 || batch_axis > 1 || time_axis < 0 || time_axis > 1 ||
        batch_axis == time_axis)
        return op_error(call, err, STATUS_INVALID_INPUT, "batch_axis %lld, time_axis %lld",
                        (long long)batch_axis, (long long)time_axis);
    if (in->rank >= 0 && lengths->rank == 1 && dim_is_known(lengths->dims[0]) &&
        dim_is_known(in->dims[batch_axis]) && lengths->dims[0] != in->dims[batch_axis])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld lengths for %lld items",
                        (long long)lengths->dims[0], (long long)in->dims[batch_axis]);
    return op_infer_same(call, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *lengths = &call->in[1];
    int time_axis = (int)attribute_int(call->attributes, "time_axis", 0);
    size_t inner = shape_span(&x->shape, 2, x->shape.rank) * dtype_size(x->dtype);
    int64_t times = x->shape.dims[time_axis], items = x->shape.dims[!time_axis];
    size_t time_step = (time_axis ? 1 : (size_t)items) * inner;
    size_t item_step = (time_axis ? (size_t)times : 1) * inner;

    for (int64_t b = 0; b < items; b++) {
        int64_t length = index_at(lengths, (size_t)b);
        const char *from = (const char *)x->data + (size_t)b * item_step;
        char *to = (char *)call->out[0].data + (size_t)b * item_step;

        if (length < 0 || length > times)
            return op_error(call, err, STATUS_INVALID_INPUT, "length %lld is %lld, of %lld",
                            (long long)b, (long long)length, (long long)times);
        for (int64_t t = 0; t < times && inner; t++)
            memcpy(to + (size_t)t * time_step,
                   from + (size_t)(t < length ? length - 1 - t : t) * time_step, inner);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_reverse_sequence =
    OP_SET({.name = "ReverseSequence",
            .summary = "sequences in reverse, each to its length",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
