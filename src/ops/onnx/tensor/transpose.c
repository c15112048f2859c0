// SPDX-License-Identifier: Apache-2.0
/* Transpose: dimensions in another order. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

/* perm for a tensor of `rank`, checked; reversed when there is none. */
static enum status permutation(const struct op_call *call, int rank, int perm[RANK_MAX],
                               struct error *err)
{
    bool seen[RANK_MAX] = {false};
    const int64_t *ints;
    size_t count;

    ints = attribute_ints(call->attributes, "perm", &count);
    if (ints && count != (size_t)rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "perm has %zu axes for %d dimensions",
                        count, rank);
    for (int i = 0; i < rank; i++) {
        perm[i] = rank - 1 - i;
        if (!ints)
            continue;
        TRY(op_axis(call, ints[i], rank, &perm[i], err));
        if (seen[perm[i]])
            return op_error(call, err, STATUS_INVALID_INPUT, "perm names axis %d twice", perm[i]);
        seen[perm[i]] = true;
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    int perm[RANK_MAX];

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (in->rank >= 0)
        TRY(permutation(call, in->rank, perm, err));
    for (int i = 0; i < in->rank; i++)
        out.dims[i] = in->dims[perm[i]];
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    struct strided copy = {.rank = x->shape.rank};
    int64_t strides[RANK_MAX];
    int perm[RANK_MAX];

    TRY(permutation(call, x->shape.rank, perm, err));
    shape_strides(&x->shape, strides);
    shape_strides(&y->shape, copy.to);
    for (int i = 0; i < copy.rank; i++) {
        copy.dims[i] = y->shape.dims[i];
        copy.from[i] = strides[perm[i]];
    }
    strided_copy(&copy, x->data, y->data, dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_set ops_onnx_transpose = OP_SET({.name = "Transpose",
                                                 .summary = "dimensions in another order",
                                                 .in_min = 1,
                                                 .in_max = 1,
                                                 .out_min = 1,
                                                 .out_max = 1,
                                                 .infer = infer,
                                                 .run = run});
