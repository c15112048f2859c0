// SPDX-License-Identifier: Apache-2.0
/* Shapes as tensors, and evenly spaced numbers.
 *
 * BroadcastShapes: two lists of dimensions -> what they broadcast to.
 * BroadcastAxes: the same two -> for each, the axes that a gradient is summed over.
 * LinSpace: start, stop, number of values.
 * EnsureShape: its input, whose rank (-1: any) and dimensions (-1: any) are those attributes. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

static enum status wants_shapes(const struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    return op_wants_rank(call, 1, 1, 1, err);
}

/* Dimension `at` of a list aligned at the end with one of `rank`. */
static int64_t dim_of(const struct tensor *list, int64_t at, int64_t rank)
{
    int64_t missing = rank - list->shape.dims[0];

    return at < missing ? 1 : index_at(list, (size_t)(at - missing));
}

static enum status dims_agree(const struct op_call *call, int64_t a, int64_t b, struct error *err)
{
    if (a != b && a != 1 && b != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld and %lld do not broadcast",
                        (long long)a, (long long)b);
    return STATUS_OK;
}

static int64_t longer(const struct op_call *call)
{
    int64_t a = call->in[0].shape.dims[0], b = call->in[1].shape.dims[0];

    return a > b ? a : b;
}

static enum status infer_shapes(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};

    TRY(wants_shapes(call, err));
    if (shape_is_known(&call->in[0].shape) && shape_is_known(&call->in[1].shape))
        out.dims[0] = longer(call);
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_shapes(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    int64_t rank = longer(call);

    for (int64_t i = 0; i < rank; i++) {
        int64_t a = dim_of(&call->in[0], i, rank), b = dim_of(&call->in[1], i, rank);

        TRY(dims_agree(call, a, b, err));
        if (y->dtype == DTYPE_I32)
            ((int32_t *)y->data)[i] = (int32_t)(a == 1 ? b : a);
        else
            ((int64_t *)y->data)[i] = a == 1 ? b : a;
    }
    return STATUS_OK;
}

/* Both are summed over an axis where both are 1. Where the shapes are the same nothing is. */
static enum status axes_of(const struct op_call *call, int which, struct tensor *y, int64_t *count,
                           struct error *err)
{
    int64_t rank = longer(call);
    bool equal = call->in[0].shape.dims[0] == call->in[1].shape.dims[0];

    for (int64_t i = 0; i < rank; i++)
        equal = equal && dim_of(&call->in[0], i, rank) == dim_of(&call->in[1], i, rank);
    *count = 0;
    for (int64_t i = 0; i < rank && !equal; i++) {
        int64_t own = dim_of(&call->in[which], i, rank), other = dim_of(&call->in[!which], i, rank);

        TRY(dims_agree(call, own, other, err));
        if (own != 1 || (other == 1 && own != 1))
            continue;
        if (y && y->dtype == DTYPE_I32)
            ((int32_t *)y->data)[*count] = (int32_t)i;
        else if (y)
            ((int64_t *)y->data)[*count] = i;
        ++*count;
    }
    return STATUS_OK;
}

static enum status infer_axes(struct op_call *call, struct error *err)
{
    TRY(wants_shapes(call, err));
    for (int i = 0; i < 2; i++) {
        struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};

        if (op_is_known(call, 0) && op_is_known(call, 1))
            TRY(axes_of(call, i, NULL, &out.dims[0], err));
        op_give(call, (size_t)i, call->in[0].dtype, &out);
    }
    return STATUS_OK;
}

static enum status run_axes(const struct op_call *call, struct error *err)
{
    int64_t count;

    for (size_t i = 0; i < call->out_count; i++)
        TRY(axes_of(call, (int)i, &call->out[i], &count, err));
    return STATUS_OK;
}

static enum status infer_space(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants(call, 2, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 0, 0, err));
    TRY(op_wants_rank(call, 1, 0, 0, err));
    if (op_is_known(call, 2)) {
        TRY(op_input_i64(call, 2, &out.dims[0], err));
        if (out.dims[0] < 1 || out.dims[0] > INT64_C(1) << 32)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld values", (long long)out.dims[0]);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_space(const struct op_call *call, struct error *err)
{
    double start = tensor_f64(&call->in[0], 0), stop = tensor_f64(&call->in[1], 0);
    size_t count = (size_t)call->out[0].shape.dims[0];
    double step = count > 1 ? (stop - start) / (double)(count - 1) : 0;

    (void)err;
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(&call->out[0], i, i && i + 1 == count ? stop : start + step * (double)i);
    return STATUS_OK;
}

/* --- EnsureShape --- */

static enum status infer_ensured(struct op_call *call, struct error *err)
{
    int64_t rank = attribute_int(call->attributes, "rank", RANK_UNKNOWN);
    struct shape out = call->in[0].shape;
    size_t count;
    const int64_t *dims = attribute_ints(call->attributes, "dims", &count);

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (rank >= 0 && (rank > RANK_MAX || (int64_t)count != rank))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu dimensions of %lld", count,
                        (long long)rank);
    if (rank >= 0 && out.rank < 0)
        out = shape_of((int)rank, dims);
    if (rank >= 0)
        TRY(op_wants_rank(call, 0, (int)rank, (int)rank, err));
    for (int i = 0; rank >= 0 && i < out.rank; i++) {
        if (dims[i] < 0)
            continue;
        if (dim_is_known(out.dims[i]) && out.dims[i] != dims[i])
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld, not %lld", i,
                            (long long)out.dims[i], (long long)dims[i]);
        out.dims[i] = dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_ensured(const struct op_call *call, struct error *err)
{
    (void)err;
    if (call->out[0].data != call->in[0].data && tensor_count(&call->in[0]))
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

const struct op_set ops_firn_shapes =
    OP_SET({.name = "EnsureShape",
            .summary = "its input, of a shape that is certain",
            .flags = OP_VIEW | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_ensured,
            .run = run_ensured},
           {.name = "BroadcastShapes",
            .summary = "the shape that two shapes broadcast to",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_shapes,
            .run = run_shapes},
           {.name = "BroadcastAxes",
            .summary = "the axes along which broadcasting repeats",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 2,
            .infer = infer_axes,
            .run = run_axes},
           {.name = "LinSpace",
            .summary = "evenly spaced numbers",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_space,
            .run = run_space});
