// SPDX-License-Identifier: Apache-2.0
/* What ONNX asks as an attribute, TensorFlow as an input that may be computed.
 *
 * Permute: x, the order of its dimensions. ReverseAxes: x, axes. BandPart: x (..., m, n), how many
 * diagonals below and above the main one are kept (negative: all). UnravelIndex: numbers (n) or
 * one, dimensions (rank) -> (rank, n) or (rank). */
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"
#include "ops/kernels/strided.h"

/* --- Permute --- */

static enum status order_read(const struct op_call *call, int order[RANK_MAX], struct error *err)
{
    int rank = call->in[0].shape.rank, axis;
    bool seen[RANK_MAX] = {false};

    if (tensor_count(&call->in[1]) != (size_t)rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "an order of %zu, %d dimensions",
                        tensor_count(&call->in[1]), rank);
    for (int i = 0; i < rank; i++) {
        TRY(op_axis(call, index_at(&call->in[1], (size_t)i), rank, &axis, err));
        if (seen[axis])
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d twice", axis);
        seen[axis] = true;
        order[i] = axis;
    }
    return STATUS_OK;
}

static enum status infer_permute(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    struct shape out = *x;
    int order[RANK_MAX];

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (x->rank >= 0 && op_is_known(call, 1))
        TRY(order_read(call, order, err));
    for (int i = 0; i < x->rank; i++)
        out.dims[i] = op_is_known(call, 1) ? x->dims[order[i]] : DIM_UNKNOWN;
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_permute(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct strided copy = {.rank = x->shape.rank};
    int64_t from[RANK_MAX];
    int order[RANK_MAX];

    TRY(order_read(call, order, err));
    shape_strides(&x->shape, from);
    shape_strides(&call->out[0].shape, copy.to);
    for (int i = 0; i < copy.rank; i++) {
        copy.dims[i] = x->shape.dims[order[i]];
        copy.from[i] = from[order[i]];
    }
    if (tensor_count(x))
        strided_copy(&copy, x->data, call->out[0].data, dtype_size(x->dtype));
    return STATUS_OK;
}

/* --- TransposeLast: the last two dimensions the other way round, whatever the rank --- */

static enum status infer_last(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (out.rank >= 2) {
        out.dims[out.rank - 2] = call->in[0].shape.dims[out.rank - 1];
        out.dims[out.rank - 1] = call->in[0].shape.dims[out.rank - 2];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_last(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct strided copy = {.rank = x->shape.rank};
    int64_t from[RANK_MAX];

    (void)err;
    shape_strides(&x->shape, from);
    shape_strides(&call->out[0].shape, copy.to);
    for (int i = 0; i < copy.rank; i++) {
        int other = i < copy.rank - 2 ? i : 2 * copy.rank - 3 - i;

        copy.dims[i] = x->shape.dims[other];
        copy.from[i] = from[other];
    }
    if (tensor_count(x))
        strided_copy(&copy, x->data, call->out[0].data, dtype_size(x->dtype));
    return STATUS_OK;
}

/* --- ReverseAxes --- */

static enum status infer_reverse(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_reverse(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct strided copy = {.rank = x->shape.rank};
    size_t size = dtype_size(x->dtype);
    int64_t start = 0;
    int axis;

    shape_strides(&x->shape, copy.from);
    shape_strides(&x->shape, copy.to);
    for (int i = 0; i < copy.rank; i++)
        copy.dims[i] = x->shape.dims[i];
    for (size_t i = 0; i < tensor_count(&call->in[1]); i++) {
        TRY(op_axis(call, index_at(&call->in[1], i), copy.rank, &axis, err));
        if (copy.from[axis] < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d twice", axis);
        start += (copy.dims[axis] - 1) * copy.from[axis];
        copy.from[axis] = -copy.from[axis];
    }
    if (tensor_count(x))
        strided_copy(&copy, (const char *)x->data + (size_t)start * size, call->out[0].data, size);
    return STATUS_OK;
}

/* --- BandPart --- */

static enum status infer_band(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY & ~DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    for (size_t i = 1; i < 3; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, i, 0, 0, err));
    }
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_band(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    int64_t n = x->shape.dims[x->shape.rank - 1], m = x->shape.dims[x->shape.rank - 2];
    size_t size = dtype_size(x->dtype), count = tensor_count(x);
    int64_t low, high;

    TRY(op_input_i64(call, 1, &low, err));
    TRY(op_input_i64(call, 2, &high, err));
    for (size_t i = 0; i < count; i++) {
        int64_t row = (int64_t)i / n % m, column = (int64_t)i % n;
        bool kept = (low < 0 || row - column <= low) && (high < 0 || column - row <= high);
        char *y = (char *)call->out[0].data + i * size;

        if (kept)
            memcpy(y, (const char *)x->data + i * size, size);
        else
            memset(y, 0, size);
    }
    return STATUS_OK;
}

/* --- UnravelIndex --- */

static enum status infer_unravel(struct op_call *call, struct error *err)
{
    const struct shape *indices = &call->in[0].shape, *dims = &call->in[1].shape;
    struct shape out = {.rank = RANK_UNKNOWN};

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 0, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (indices->rank >= 0 && dims->rank == 1) {
        out.rank = 1 + indices->rank;
        out.dims[0] = dims->dims[0];
        out.dims[1] = indices->dims[0];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_unravel(const struct op_call *call, struct error *err)
{
    const struct tensor *dims = &call->in[1];
    size_t n = tensor_count(&call->in[0]), rank = tensor_count(dims);
    struct tensor *y = &call->out[0];
    int64_t total = 1;

    for (size_t d = 0; d < rank; d++)
        if (index_at(dims, d) < 0 || __builtin_mul_overflow(total, index_at(dims, d), &total))
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %zu is %lld", d,
                            (long long)index_at(dims, d));
    for (size_t i = 0; i < n; i++) {
        int64_t rest = index_at(&call->in[0], i);

        if (rest < 0 || rest >= total)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %lld, of %lld", i,
                            (long long)rest, (long long)total);
        for (size_t d = rank; d-- > 0; rest /= index_at(dims, d)) {
            int64_t at = rest % index_at(dims, d);

            if (y->dtype == DTYPE_I32)
                ((int32_t *)y->data)[d * n + i] = (int32_t)at;
            else
                ((int64_t *)y->data)[d * n + i] = at;
        }
    }
    return STATUS_OK;
}

#define ROW(title, does, ins, rule)                                                                \
    {                                                                                              \
        .name = title, .summary = does, .in_min = ins, .in_max = ins, .out_min = 1, .out_max = 1,  \
        .infer = infer_##rule, .run = run_##rule                                                   \
    }
const struct op_set ops_firn_computed =
    OP_SET(ROW("Permute", "dimensions in a computed order", 2, permute),
           ROW("TransposeLast", "the last two dimensions the other way round", 1, last),
           ROW("ReverseAxes", "computed axes in reverse", 2, reverse),
           ROW("BandPart", "the diagonals around the main one", 3, band),
           ROW("UnravelIndex", "numbers of elements as indices", 2, unravel));
