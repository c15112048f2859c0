// SPDX-License-Identifier: Apache-2.0
/* Det: determinants of the last two dimensions, by elimination with pivots, in double. */
#include <math.h>

#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (in->rank >= 0) {
        int64_t rows = in->dims[in->rank - 2], columns = in->dims[in->rank - 1];

        if (dim_is_known(rows) && dim_is_known(columns) && rows != columns)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld x %lld is not square",
                            (long long)rows, (long long)columns);
        out.rank -= 2;
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct shape *in = &call->in[0].shape;

    return (size_t)(in->dims[in->rank - 1] * in->dims[in->rank - 1]) * sizeof(double);
}

static double determinant(double *a, size_t n)
{
    double product = 1;

    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;

        for (size_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
                pivot = i;
        if (a[pivot * n + k] == 0)
            return 0;
        for (size_t j = 0; pivot != k && j < n; j++) {
            double swap = a[k * n + j];
            a[k * n + j] = a[pivot * n + j];
            a[pivot * n + j] = swap;
        }
        product *= pivot == k ? a[k * n + k] : -a[k * n + k];
        for (size_t i = k + 1; i < n; i++) {
            double factor = a[i * n + k] / a[k * n + k];

            for (size_t j = k; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
    return product;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t n = (size_t)x->shape.dims[x->shape.rank - 1], count = tensor_count(&call->out[0]);
    double *room = call->scratch;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < n * n; k++)
            room[k] = tensor_f64(x, i * n * n + k);
        tensor_set_f64(&call->out[0], i, determinant(room, n));
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_det = OP_SET({.name = "Det",
                                           .summary = "determinants",
                                           .in_min = 1,
                                           .in_max = 1,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer,
                                           .scratch_size = scratch_size,
                                           .run = run});
