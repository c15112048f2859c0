// SPDX-License-Identifier: Apache-2.0
/* The Reduce operators: axes as attribute or (from 13 for ReduceSum, from 18 for the others) as
 * input. Sums and means of floats are taken in double; integers wrap. */
#include <math.h>

#include "ops/fast/reduce/reduce.h"
#include "ops/kernels/call.h"
#include "ops/kernels/reduction.h"
#include "ops/kernels/types.h"

/* a double as int64, out of range: the limit */
static int64_t saturated(double value)
{
    if (!(value > -0x1p63))
        return isnan(value) ? 0 : INT64_MIN;
    return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

#define TEMPLATE "ops/onnx/reduction/reduce.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

#define ReduceMax_BOOL ReduceMax_U8

static void ReduceMin_BOOL(const struct reduction *reduction, const void *x, void *y)
{
    ReduceMin_U8(reduction, x, y);
    if (reduction->reduced == 0)
        memset(y, true, reduction->kept);
}

typedef void (*reduce_kernel)(const struct reduction *reduction, const void *x, void *y);

/* The axes as a mask; all when none are given, none when none are given and that is a no-op. */
static enum status reduced_axes(const struct op_call *call, const struct axes *axes, int rank,
                                bool mask[RANK_MAX], struct error *err)
{
    bool noop = attribute_int(call->attributes, "noop_with_empty_axes", 0);

    TRY(op_axes_mask(call, axes, rank, mask, err));
    for (int i = 0; axes->count == 0 && !noop && i < rank; i++)
        mask[i] = true;
    return STATUS_OK;
}

/* Nothing is known of the axes but perhaps how many they are. */
static struct shape shape_without_axes(const struct op_call *call, const struct shape *in)
{
    bool keep = attribute_int(call->attributes, "keepdims", 1);
    const struct shape *axes = &call->in[1].shape;
    struct shape out = *in;

    if (!keep && (axes->rank != 1 || axes->dims[0] <= 0 || axes->dims[0] > in->rank))
        return shape_unknown();
    if (!keep)
        out.rank -= (int)axes->dims[0];
    for (int i = 0; i < out.rank; i++)
        out.dims[i] = DIM_UNKNOWN;
    return out;
}

static enum status reduce_infer(struct op_call *call, const reduce_kernel kernels[DTYPE_COUNT],
                                struct error *err)
{
    bool keep = attribute_int(call->attributes, "keepdims", 1), mask[RANK_MAX];
    const struct shape *in = &call->in[0].shape;
    struct shape out = {.rank = 0};
    uint64_t dtypes = 0;
    struct axes axes;

    for (int i = 0; i < DTYPE_COUNT; i++)
        if (kernels[i])
            dtypes |= DTYPE_BIT(i);
    TRY(op_wants(call, 0, dtypes, err));
    TRY(op_axes_list(call, 1, "axes", &axes, err));
    if (in->rank < 0) {
        out = shape_unknown();
    } else if (!axes.known) {
        out = shape_without_axes(call, in);
    } else {
        TRY(reduced_axes(call, &axes, in->rank, mask, err));
        for (int i = 0; i < in->rank; i++)
            if (!mask[i] || keep)
                out.dims[out.rank++] = mask[i] ? 1 : in->dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status reduce_run(const struct op_call *call, const reduce_kernel kernels[DTYPE_COUNT],
                              enum reduce_function fast, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct reduction reduction;
    bool mask[RANK_MAX];
    struct axes axes;

    TRY(op_axes_list(call, 1, "axes", &axes, err));
    TRY(reduced_axes(call, &axes, x->shape.rank, mask, err));
    reduction_of(&reduction, &x->shape, mask);
    if (fast != REDUCE_NONE && x->dtype == DTYPE_F32 && !op_is_reference_only())
        reduce_floats(fast, &reduction, x->data, call->out[0].data, call->team);
    else
        kernels[x->dtype](&reduction, x->data, call->out[0].data);
    return STATUS_OK;
}

#define OPERATOR(op, group, fast, text)                                                            \
    static const reduce_kernel KERNELS_##op[DTYPE_COUNT] = {group(KERNEL, op)};                    \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return reduce_infer(call, KERNELS_##op, err);                                              \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        return reduce_run(call, KERNELS_##op, fast, err);                                          \
    }

#define FOR_ORDERED(X, f) FOR_NUMBER(X, f) X(BOOL, f)
#define OPERATORS(X)                                                                               \
    X(ReduceSum, FOR_NUMBER, REDUCE_SUM, "sum")                                                    \
    X(ReduceMean, FOR_NUMBER, REDUCE_MEAN, "mean")                                                 \
    X(ReduceMax, FOR_ORDERED, REDUCE_MAX, "largest")                                               \
    X(ReduceMin, FOR_ORDERED, REDUCE_MIN, "smallest")                                              \
    X(ReduceProd, FOR_NUMBER, REDUCE_NONE, "product")                                              \
    X(ReduceL1, FOR_NUMBER, REDUCE_L1, "sum of magnitudes")                                        \
    X(ReduceL2, FOR_NUMBER, REDUCE_L2, "root of the sum of squares")                               \
    X(ReduceLogSum, FOR_NUMBER, REDUCE_NONE, "logarithm of the sum")                               \
    X(ReduceLogSumExp, FOR_NUMBER, REDUCE_NONE, "logarithm of the sum of exponentials")            \
    X(ReduceSumSquare, FOR_NUMBER, REDUCE_SUM_SQUARES, "sum of squares")

OPERATORS(OPERATOR)

#define ROW(op, group, fast, text)                                                                 \
    {.name = #op,                                                                                  \
     .summary = text,                                                                              \
     .flags = OP_ROWS,                                                                             \
     .in_min = 1,                                                                                  \
     .in_max = 2,                                                                                  \
     .out_min = 1,                                                                                 \
     .out_max = 1,                                                                                 \
     .infer = infer_##op,                                                                          \
     .run = run_##op},

const struct op_set ops_onnx_reduce = OP_SET(OPERATORS(ROW));
