// SPDX-License-Identifier: Apache-2.0
/* Expand broadcasts to a shape; Tile repeats whole tensors along axes. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

static enum status infer_expand(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape wanted, out = shape_unknown();

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_input_shape(call, 1, -1, &wanted, err));
    if (op_is_known(call, 1)) {
        /* -1 is not in the standard, but exporters write it for "as it is" */
        for (int i = 0; i < wanted.rank; i++)
            if (wanted.dims[i] == -1)
                wanted.dims[i] = 1;
        TRY(shape_broadcast(in, &wanted, &out, call, err));
    } else if (wanted.rank >= 0 && in->rank >= 0) {
        out.rank = in->rank > wanted.rank ? in->rank : wanted.rank;
        for (int i = 0; i < out.rank; i++)
            out.dims[i] = DIM_UNKNOWN;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_expand(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    struct strided copy = {.rank = y->shape.rank};

    (void)err;
    memcpy(copy.dims, y->shape.dims, sizeof copy.dims);
    broadcast_strides(&x->shape, &y->shape, copy.from);
    shape_strides(&y->shape, copy.to);
    strided_copy(&copy, x->data, y->data, dtype_size(x->dtype));
    return STATUS_OK;
}

/* Repeats per axis; opset 1 names one axis. */
static enum status repeats_of(const struct op_call *call, int rank, int64_t repeats[RANK_MAX],
                              struct error *err)
{
    size_t count;

    if (call->in_count > 2) {
        int64_t axis, times;
        int at;

        TRY(op_input_i64(call, 1, &times, err));
        TRY(op_input_i64(call, 2, &axis, err));
        TRY(op_axis(call, axis, rank, &at, err));
        for (int i = 0; i < rank; i++)
            repeats[i] = i == at ? times : 1;
        count = (size_t)rank;
    } else {
        TRY(op_input_ints(call, 1, repeats, RANK_MAX, &count, err));
    }
    if (count != (size_t)rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu repeats for %d dimensions", count,
                        rank);
    for (int i = 0; i < rank; i++)
        if (repeats[i] < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "repeat %d is %lld", i,
                            (long long)repeats[i]);
    return STATUS_OK;
}

static enum status infer_tile(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    int64_t repeats[RANK_MAX];
    struct shape out = *in;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (in->rank >= 0 && op_is_known(call, 1) && (call->in_count < 3 || op_is_known(call, 2))) {
        TRY(repeats_of(call, in->rank, repeats, err));
        for (int i = 0; i < in->rank; i++)
            TRY(dim_multiply(call, in->dims[i], repeats[i], &out.dims[i], err));
    } else {
        for (int i = 0; i < in->rank; i++)
            out.dims[i] = DIM_UNKNOWN;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* The whole input is copied into each place of the output where it stands. */
static enum status run_tile(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    int64_t repeats[RANK_MAX], index[RANK_MAX] = {0}, to[RANK_MAX];
    struct strided copy = {.rank = x->shape.rank};
    size_t size = dtype_size(x->dtype);

    TRY(repeats_of(call, x->shape.rank, repeats, err));
    if (tensor_count(y) == 0)
        return STATUS_OK;
    memcpy(copy.dims, x->shape.dims, sizeof copy.dims);
    shape_strides(&x->shape, copy.from);
    shape_strides(&y->shape, to);
    memcpy(copy.to, to, sizeof copy.to);
    do {
        int64_t offset = 0;

        for (int i = 0; i < copy.rank; i++)
            offset += index[i] * x->shape.dims[i] * to[i];
        strided_copy(&copy, x->data, (char *)y->data + (size_t)offset * size, size);
    } while (index_next(index, repeats, copy.rank));
    return STATUS_OK;
}

const struct op_set ops_onnx_expand = OP_SET({.name = "Expand",
                                              .summary = "broadcast to a shape",
                                              .in_min = 2,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer_expand,
                                              .run = run_expand},
                                             {.name = "Tile",
                                              .summary = "repeated along axes",
                                              .in_min = 2,
                                              .in_max = 3,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer_tile,
                                              .run = run_tile});
