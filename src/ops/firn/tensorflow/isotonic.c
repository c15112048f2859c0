// SPDX-License-Identifier: Apache-2.0
/* IsotonicRegression: x (..., n) -> the nearest rows that do not rise, by squares, and the segment
 * of equal values that each element is in, int32. Small integers come out as float, large ones as
 * double. Pools of adjacent violators: Best and Chakravarti, Active set algorithms for isotonic
 * regression (1990). Source: tensorflow/core/kernels/isotonic_regression_op.cc. */
#include "ops/kernels/call.h"

struct pool {
    size_t start;
    double sum, mean;
};

static enum dtype type_of(enum dtype in)
{
    return dtype_is_float(in) ? in : dtype_size(in) < 4 ? DTYPE_F32 : DTYPE_F64;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const uint64_t taken = DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPES_SIGNED;

    TRY(op_wants(call, 0, taken, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    op_give(call, 0, type_of(call->in[0].dtype), &call->in[0].shape);
    op_give(call, 1, DTYPE_I32, &call->in[0].shape);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct shape *x = &call->in[0].shape;

    return (size_t)x->dims[x->rank - 1] * sizeof(struct pool);
}

/* As the output's type rounds it. */
static double rounded(enum dtype dtype, double value)
{
    return dtype == DTYPE_F32 ? (double)(float)value : value;
}

static void row_run(const struct op_call *call, size_t first, size_t n)
{
    enum dtype dtype = call->out[0].dtype;
    struct pool *pools = call->scratch;
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        double x = rounded(dtype, tensor_f64(&call->in[0], first + i));

        pools[count++] = (struct pool){i, x, x};
        while (count > 1 && pools[count - 1].mean > pools[count - 2].mean) {
            struct pool *into = &pools[count - 2];

            into->sum = rounded(dtype, into->sum + pools[count - 1].sum);
            into->mean = rounded(dtype, into->sum / (double)(i + 1 - into->start));
            count--;
        }
    }
    for (size_t p = 0; p < count; p++)
        for (size_t i = pools[p].start; i < (p + 1 < count ? pools[p + 1].start : n); i++) {
            tensor_set_f64(&call->out[0], first + i, pools[p].mean);
            if (call->out_count > 1)
                ((int32_t *)call->out[1].data)[first + i] = (int32_t)p;
        }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    size_t n = (size_t)x->dims[x->rank - 1], count = tensor_count(&call->in[0]);

    (void)err;
    for (size_t first = 0; first < count; first += n)
        row_run(call, first, n);
    return STATUS_OK;
}

const struct op_set ops_firn_isotonic = OP_SET({.name = "IsotonicRegression",
                                                .summary = "the nearest row that does not rise",
                                                .in_min = 1,
                                                .in_max = 1,
                                                .out_min = 1,
                                                .out_max = 2,
                                                .infer = infer,
                                                .scratch_size = scratch_size,
                                                .run = run});
