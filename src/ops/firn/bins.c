// SPDX-License-Identifier: Apache-2.0
/* Bins: which interval of its column a number falls into.
 *
 * Input: (n, w) double. Attributes: edges tensor (all,) double and ends integers (w): the inner
 * edges of column c are those up to ends[c], after ends[c - 1], ascending; rtol, atol: added to a
 * number before it is compared, atol + rtol * |x|. Output: (n, w) double, the number of edges that
 * are <= x. */
#include <math.h>

#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    const struct tensor *edges = attribute_tensor(call->attributes, "edges");
    size_t count;
    const int64_t *ends = attribute_ints(call->attributes, "ends", &count);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (shape->rank != 2 && shape->rank != RANK_UNKNOWN)
        return op_error(call, err, STATUS_INVALID_INPUT, "input is no matrix");
    if (!edges || edges->dtype != DTYPE_F64 ||
        (shape->rank == 2 && dim_is_known(shape->dims[1]) && (int64_t)count != shape->dims[1]))
        return op_error(call, err, STATUS_INVALID_INPUT, "edges do not fit the columns");
    for (size_t c = 0; c < count; c++)
        if (ends[c] < (c ? ends[c - 1] : 0) || ends[c] > (int64_t)tensor_count(edges))
            return op_error(call, err, STATUS_INVALID_INPUT, "edges do not fit the columns");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = *shape;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const double *edges = attribute_tensor(call->attributes, "edges")->data;
    const double *x = call->in[0].data;
    double *y = call->out[0].data;
    double rtol = attribute_float(call->attributes, "rtol", 0);
    double atol = attribute_float(call->attributes, "atol", 0);
    size_t width, count = tensor_count(&call->in[0]);
    const int64_t *ends = attribute_ints(call->attributes, "ends", &width);

    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t c = i % width;
        int64_t start = c ? ends[c - 1] : 0, low = start, high = ends[c];
        double value = x[i] + (atol + rtol * fabs(x[i]));

        while (low < high) {
            int64_t middle = low + (high - low) / 2;

            if (edges[middle] <= value)
                low = middle + 1;
            else
                high = middle;
        }
        y[i] = (double)(low - start);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_bins = OP_SET({.name = "Bins",
                                            .summary = "the interval that a number falls into",
                                            .flags = OP_INPLACE | OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .run = run});
