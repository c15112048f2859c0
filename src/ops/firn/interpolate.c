// SPDX-License-Identifier: Apache-2.0
/* Interpolate: a function given by points, linear between them (isotonic regression).
 *
 * Input: double, any shape. Attributes: x, y tensors (k,) double, x ascending; outside: 0 an error,
 * 1 NaN, 2 the nearest point. Output: double. */
#include "ops/kernels/ml/interpolate.h"
#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *x = attribute_tensor(call->attributes, "x");
    const struct tensor *y = attribute_tensor(call->attributes, "y");

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (!x || !y || x->dtype != DTYPE_F64 || y->dtype != DTYPE_F64 || tensor_count(x) == 0 ||
        tensor_count(x) != tensor_count(y))
        return op_error(call, err, STATUS_INVALID_INPUT, "x and y are no points");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *points = attribute_tensor(call->attributes, "x");
    const double *x = points->data, *y = attribute_tensor(call->attributes, "y")->data;
    size_t points_count = tensor_count(points), count = tensor_count(&call->in[0]);
    int64_t outside = attribute_int(call->attributes, "outside", 0);
    const double *in = call->in[0].data;
    double *out = call->out[0].data;

    for (size_t i = 0; i < count; i++) {
        double at = in[i];

        if (outside == 2)
            at = at < x[0] ? x[0] : at > x[points_count - 1] ? x[points_count - 1] : at;
        if (outside == 0 && (at < x[0] || at > x[points_count - 1]))
            return error_set(err, STATUS_INVALID_INPUT,
                             "%.17g is outside of %.17g to %.17g, at row %zu", at, x[0],
                             x[points_count - 1], i);
        out[i] = points_count == 1 && !isnan(at) ? y[0] : interpolate_at(x, y, points_count, at);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_interpolate =
    OP_SET({.name = "Interpolate",
            .summary = "a function given by points, linear between them",
            .flags = OP_INPLACE | OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
