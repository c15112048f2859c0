// SPDX-License-Identifier: Apache-2.0
/* Polynomial: columns that are products of the input's columns.
 *
 * Input: (n, w) double. Attribute terms: two integers for each output column: an earlier output
 * column (-1: the number 1), and the input column that it is multiplied with (-1: none).
 * Output: (n, terms) double. */
#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    size_t count;
    const int64_t *terms = attribute_ints(call->attributes, "terms", &count);
    int64_t width;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    if (shape->rank != 2 && shape->rank != RANK_UNKNOWN)
        return op_error(call, err, STATUS_INVALID_INPUT, "input is no matrix");
    width = shape->rank == 2 && dim_is_known(shape->dims[1]) ? shape->dims[1] : INT64_MAX;
    if (count == 0 || count % 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "terms are missing or no pairs");
    for (size_t i = 0; i < count; i += 2)
        if (terms[i] < -1 || terms[i] >= (int64_t)(i / 2) || terms[i + 1] < -1 ||
            terms[i + 1] >= width)
            return op_error(call, err, STATUS_INVALID_INPUT, "term %zu is out of range", i / 2);
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape =
        SHAPE(shape->rank == 2 ? shape->dims[0] : DIM_UNKNOWN, (int64_t)(count / 2));
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t count, rows = (size_t)call->in[0].shape.dims[0];
    size_t width = (size_t)call->in[0].shape.dims[1];
    const int64_t *terms = attribute_ints(call->attributes, "terms", &count);
    const double *x = call->in[0].data;
    double *y = call->out[0].data;

    (void)err;
    for (size_t r = 0; r < rows; r++, x += width, y += count / 2)
        for (size_t i = 0; i < count; i += 2) {
            double factor = terms[i] < 0 ? 1 : y[terms[i]];

            y[i / 2] = terms[i + 1] < 0 ? factor : factor * x[terms[i + 1]];
        }
    return STATUS_OK;
}

const struct op_set ops_firn_polynomial = OP_SET({.name = "Polynomial",
                                                  .summary = "products of columns",
                                                  .flags = OP_ROWS,
                                                  .in_min = 1,
                                                  .in_max = 1,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .run = run});
