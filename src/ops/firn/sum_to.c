// SPDX-License-Identifier: Apache-2.0
/* SumTo (x, like): x summed over what broadcasting has repeated, to the shape of `like`. */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *to = &call->in[1].shape;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    for (int i = 0; in->rank >= 0 && to->rank >= 0 && i < to->rank; i++) {
        int at = in->rank - to->rank + i;

        if (at < 0 || (dim_is_known(to->dims[i]) && dim_is_known(in->dims[at]) &&
                       to->dims[i] != 1 && to->dims[i] != in->dims[at]))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d is no part of the first input", i);
    }
    op_give(call, 0, call->in[0].dtype, to);
    return STATUS_OK;
}

/* Where element i of `in` goes in a tensor of the shape `to`. */
static size_t target(const struct shape *in, const struct shape *to, size_t i)
{
    size_t at = 0, stride = 1;

    for (int d = in->rank - 1; d >= 0; d--) {
        int other = d - (in->rank - to->rank);
        size_t index = i % (size_t)in->dims[d];

        i /= (size_t)in->dims[d];
        if (other < 0)
            continue;
        at += to->dims[other] == 1 ? 0 : index * stride;
        stride *= (size_t)to->dims[other];
    }
    return at;
}

static size_t scratch_size(const struct op_call *call)
{
    return shape_count(&call->in[1].shape) * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]), out = tensor_count(&call->out[0]);
    double *sums = call->scratch;

    (void)err;
    for (size_t i = 0; i < out; i++)
        sums[i] = 0;
    for (size_t i = 0; i < count; i++)
        sums[target(&call->in[0].shape, &call->in[1].shape, i)] += tensor_f64(&call->in[0], i);
    for (size_t i = 0; i < out; i++)
        tensor_set_f64(&call->out[0], i, sums[i]);
    return STATUS_OK;
}

const struct op_set ops_firn_sum_to =
    OP_SET({.name = "SumTo",
            .summary = "the reverse of broadcasting: sums, to the shape of another tensor",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
