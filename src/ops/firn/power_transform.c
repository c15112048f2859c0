// SPDX-License-Identifier: Apache-2.0
/* PowerTransform: the Yeo-Johnson or the Box-Cox transformation, one lambda a column.
 *
 * Input: (n, w) double. Attributes: lambdas floats (w); box_cox 1 or 0; stable (Yeo-Johnson by
 * expm1 and log1p, as scipy, rather than by pow, as scikit-learn until 1.8). NaN stays. */
#include <float.h>
#include <math.h>

#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    size_t count;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    attribute_floats(call->attributes, "lambdas", &count);
    if (shape->rank != RANK_UNKNOWN &&
        (shape->rank != 2 || (dim_is_known(shape->dims[1]) && (int64_t)count != shape->dims[1])))
        return op_error(call, err, STATUS_INVALID_INPUT, "lambdas do not fit the columns");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = *shape;
    return STATUS_OK;
}

/* ((x + 1) ** lambda - 1) / lambda for x >= 0. */
static double power(double x, double lambda, bool stable)
{
    if (fabs(lambda) < DBL_EPSILON)
        return log1p(x);
    return stable ? expm1(lambda * log1p(x)) / lambda : (pow(x + 1, lambda) - 1) / lambda;
}

static double yeo_johnson(double x, double lambda, bool stable)
{
    if (x >= 0)
        return power(x, lambda, stable);
    return fabs(lambda - 2) > DBL_EPSILON ? -power(-x, 2 - lambda, stable) : -log1p(-x);
}

static double box_cox(double x, double lambda)
{
    return fabs(lambda) < 1e-19 ? log(x) : expm1(lambda * log(x)) / lambda;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t width, count = tensor_count(&call->in[0]);
    const double *lambdas = attribute_floats(call->attributes, "lambdas", &width);
    bool positive = attribute_int(call->attributes, "box_cox", 0);
    bool stable = attribute_int(call->attributes, "stable", 0);
    const double *x = call->in[0].data;
    double *y = call->out[0].data;

    for (size_t i = 0; i < count; i++) {
        if (positive && x[i] <= 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "Box-Cox takes positive numbers, not %g, at row %zu, column %zu", x[i],
                             i / width, i % width);
        y[i] = positive ? box_cox(x[i], lambdas[i % width])
                        : yeo_johnson(x[i], lambdas[i % width], stable);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_power_transform =
    OP_SET({.name = "PowerTransform",
            .summary = "Yeo-Johnson and Box-Cox transformations",
            .flags = OP_INPLACE | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
