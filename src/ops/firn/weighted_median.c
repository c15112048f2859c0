// SPDX-License-Identifier: Apache-2.0
/* WeightedMedian: of each row the first number, in ascending order, at which the weights of what
 * came so far reach half of all (AdaBoostRegressor).
 *
 * Input: (n, w) double. Attribute weights floats (w). Output: (n, 1) double. */
#include <math.h>
#include <string.h>

#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    size_t count;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    attribute_floats(call->attributes, "weights", &count);
    if (count == 0 ||
        (shape->rank != RANK_UNKNOWN &&
         (shape->rank != 2 || (dim_is_known(shape->dims[1]) && (int64_t)count != shape->dims[1]))))
        return op_error(call, err, STATUS_INVALID_INPUT, "weights do not fit the columns");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = SHAPE(shape->rank == 2 ? shape->dims[0] : DIM_UNKNOWN, 1);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    return (size_t)call->in[0].shape.dims[1] * 2 * sizeof(double);
}

/* Insertion into a sorted list of (value, weight): a few dozen at most, and stable. */
static void insert(double *pairs, size_t count, double value, double weight)
{
    size_t at = count;

    for (; at > 0 && pairs[2 * (at - 1)] > value; at--) {
        pairs[2 * at] = pairs[2 * (at - 1)];
        pairs[2 * at + 1] = pairs[2 * (at - 1) + 1];
    }
    pairs[2 * at] = value;
    pairs[2 * at + 1] = weight;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t width, rows = (size_t)call->in[0].shape.dims[0];
    const double *weights = attribute_floats(call->attributes, "weights", &width);
    const double *x = call->in[0].data;
    double *y = call->out[0].data, *pairs = call->scratch;

    (void)err;
    for (size_t r = 0; r < rows; r++, x += width) {
        double total = 0, sum = 0;
        size_t i;

        for (i = 0; i < width; i++)
            insert(pairs, i, x[i], weights[i]);
        for (i = 0; i < width; i++)
            total += pairs[2 * i + 1];
        for (i = 0; i + 1 < width; i++) {
            sum += pairs[2 * i + 1];
            if (sum >= 0.5 * total)
                break;
        }
        y[r] = pairs[2 * i];
    }
    return STATUS_OK;
}

const struct op_set ops_firn_weighted_median = OP_SET({.name = "WeightedMedian",
                                                       .summary = "the weighted median of each row",
                                                       .flags = OP_ROWS,
                                                       .in_min = 1,
                                                       .in_max = 1,
                                                       .out_min = 1,
                                                       .out_max = 1,
                                                       .infer = infer,
                                                       .scratch_size = scratch_size,
                                                       .run = run});
