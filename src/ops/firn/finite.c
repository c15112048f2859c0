// SPDX-License-Identifier: Apache-2.0
/* Finite: its input, or an error when it holds what scikit-learn's input validation refuses.
 *
 * Input: (n, w) double. Attributes: nan (1: NaN is allowed), single (1: what would overflow
 * float32 is refused too). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (call->in[0].shape.rank != 2 && call->in[0].shape.rank != RANK_UNKNOWN)
        return op_error(call, err, STATUS_INVALID_INPUT, "input has %d dimensions, not 2",
                        call->in[0].shape.rank);
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

/* Quick and without branches: whether a finite `x` within float32 is all there is. */
static bool all_plain(const double *x, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += x[i] * 0; /* NaN for NaN and infinities, else 0 */
    return sum == 0;
}

static bool is_refused(double value, bool nan, bool single)
{
    if (isnan(value))
        return !nan;
    return isinf(value) || (single && isinf((float)value));
}

static enum status run(const struct op_call *call, struct error *err)
{
    const double *x = call->in[0].data;
    size_t width = (size_t)call->in[0].shape.dims[1];
    size_t count = tensor_count(&call->in[0]);
    bool nan = attribute_int(call->attributes, "nan", 0);
    bool single = attribute_int(call->attributes, "single", 0);

    if (single || !all_plain(x, count))
        for (size_t i = 0; i < count; i++)
            if (is_refused(x[i], nan, single))
                return error_set(err, STATUS_INVALID_INPUT,
                                 "input contains %s, at row %zu, column %zu",
                                 isnan(x[i]) ? "NaN"
                                 : single    ? "infinity or a value too large for float32"
                                             : "infinity",
                                 i / width, i % width);
    if (call->out[0].data != call->in[0].data && count)
        memcpy(call->out[0].data, x, count * sizeof *x);
    return STATUS_OK;
}

const struct op_set ops_firn_finite =
    OP_SET({.name = "Finite",
            .summary = "its input, or an error when it holds NaN or infinity",
            .flags = OP_INPLACE | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
