// SPDX-License-Identifier: Apache-2.0
/* CumSum, CumProd: running sums and products along an axis. */
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/math/cum_sum.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*running_kernel)(const void *x, void *y, size_t n, size_t step, bool exclusive,
                               bool reverse);
static const running_kernel SUM[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, CumSum)};
static const running_kernel PRODUCT[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, CumProd)};

static enum status infer(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank, axis;
    int64_t value;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    if (op_is_known(call, 1)) {
        TRY(op_input_i64(call, 1, &value, err));
        if (rank >= 0)
            TRY(op_axis(call, value, rank, &axis, err));
    }
    return op_infer_same(call, err);
}

static enum status run_lines(const struct op_call *call, running_kernel kernel, struct error *err)
{
    const struct tensor *x = &call->in[0];
    bool exclusive = attribute_int(call->attributes, "exclusive", 0);
    bool reverse = attribute_int(call->attributes, "reverse", 0);
    size_t size = dtype_size(x->dtype), outer, inner, n;
    int64_t value;
    int axis;

    TRY(op_input_i64(call, 1, &value, err));
    TRY(op_axis(call, value, x->shape.rank, &axis, err));
    outer = shape_span(&x->shape, 0, axis);
    inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    n = (size_t)x->shape.dims[axis];
    for (size_t i = 0; i < outer; i++)
        for (size_t j = 0; j < inner; j++) {
            size_t at = (i * n * inner + j) * size;
            kernel((const char *)x->data + at, (char *)call->out[0].data + at, n, inner, exclusive,
                   reverse);
        }
    return STATUS_OK;
}

static enum status run_sum(const struct op_call *call, struct error *err)
{
    return run_lines(call, SUM[call->in[0].dtype], err);
}

static enum status run_product(const struct op_call *call, struct error *err)
{
    return run_lines(call, PRODUCT[call->in[0].dtype], err);
}

#define ROW(op, text, run_it)                                                                      \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE, .in_min = 2, .in_max = 2, .out_min = 1,  \
        .out_max = 1, .infer = infer, .run = run_it                                                \
    }

const struct op_set ops_onnx_cum_sum =
    OP_SET(ROW("CumSum", "running sums", run_sum), ROW("CumProd", "running products", run_product));
