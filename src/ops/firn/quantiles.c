// SPDX-License-Identifier: Apache-2.0
/* Quantiles: each column through the distribution that it was fitted on
 * (sklearn/preprocessing/_data.py, QuantileTransformer).
 *
 * Input: x (n, w) double. Attributes: quantiles tensor (w, q) double, each row ascending;
 * references tensor (q,) double, ascending from 0 to 1; normal: 1 for the normal distribution's
 * quantiles of that. Output: (n, w) double; NaN stays. */
#include <float.h>
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/special.h"
#include "ops/kernels/ml/interpolate.h"

#define BOUND 1e-7 /* this near the ends is at the end, of normal ones */

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    const struct tensor *quantiles = attribute_tensor(call->attributes, "quantiles");
    const struct tensor *references = attribute_tensor(call->attributes, "references");

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (!quantiles || !references || quantiles->dtype != DTYPE_F64 ||
        references->dtype != DTYPE_F64 || quantiles->shape.rank != 2 ||
        references->shape.rank != 1 || quantiles->shape.dims[1] != references->shape.dims[0] ||
        references->shape.dims[0] == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "quantiles and references do not fit");
    if (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != quantiles->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                        (long long)x->dims[1], (long long)quantiles->shape.dims[0]);
    return op_infer_same(call, err);
}

/* Backwards and negated: numpy.interp(-x, -q[::-1], -r[::-1]) is of these. */
static void turn(const double *from, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = -from[count - 1 - i];
}

static double clamped(const double *x, const double *y, size_t count, double at)
{
    if (at <= x[0] && at < x[count - 1])
        return at == x[0] ? interpolate_at(x, y, count, at) : y[0];
    return at >= x[count - 1] ? y[count - 1] : interpolate_at(x, y, count, at);
}

static size_t scratch_size(const struct op_call *call)
{
    const struct tensor *references = attribute_tensor(call->attributes, "references");

    return 2 * tensor_count(references) * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *quantiles = attribute_tensor(call->attributes, "quantiles");
    const double *references = attribute_tensor(call->attributes, "references")->data;
    bool normal = attribute_int(call->attributes, "normal", 0);
    size_t width = (size_t)quantiles->shape.dims[0], count = (size_t)quantiles->shape.dims[1];
    size_t rows = (size_t)call->in[0].shape.dims[0];
    double *turned = call->scratch, *turned_references = turned + count;
    double low = special_ndtri(BOUND - DBL_EPSILON),
           high = special_ndtri(1 - (BOUND - DBL_EPSILON));

    (void)err;
    turn(references, count, turned_references);
    for (size_t c = 0; c < width; c++) {
        const double *q = (const double *)quantiles->data + c * count;

        turn(q, count, turned);
        for (size_t r = 0; r < rows; r++) {
            double x = ((const double *)call->in[0].data)[r * width + c], y = x;

            if (!isnan(x))
                y = 0.5 * (clamped(q, references, count, x) -
                           clamped(turned, turned_references, count, -x));
            if (normal ? x + BOUND > q[count - 1] : x == q[count - 1])
                y = 1;
            if (normal ? x - BOUND < q[0] : x == q[0])
                y = 0;
            if (normal && !isnan(y)) {
                y = special_ndtri(y);
                y = y < low ? low : y > high ? high : y;
            }
            ((double *)call->out[0].data)[r * width + c] = y;
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_quantiles =
    OP_SET({.name = "Quantiles",
            .summary = "columns through the distributions they were fitted on",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
