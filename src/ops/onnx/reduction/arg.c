// SPDX-License-Identifier: Apache-2.0
/* ArgMax, ArgMin: where the largest and the smallest element along an axis are. */
#include <math.h>

#include "ops/fast/reduce/reduce.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/reduction/arg.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef size_t (*arg_kernel)(const void *x, size_t n, size_t step, bool last);
static const arg_kernel ARG_MAX[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, ArgMax)};
static const arg_kernel ARG_MIN[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, ArgMin)};

static enum status infer(struct op_call *call, struct error *err)
{
    bool keep = attribute_int(call->attributes, "keepdims", 1);
    const struct shape *in = &call->in[0].shape;
    struct shape out = {.rank = 0};
    int axis;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    if (in->rank < 0) {
        out = shape_unknown();
    } else if (in->rank > 0) {
        TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
        if (in->dims[axis] == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "axis %d has no element", axis);
        for (int i = 0; i < in->rank; i++)
            if (i != axis || keep)
                out.dims[out.rank++] = i == axis ? 1 : in->dims[i];
    }
    op_give(call, 0, DTYPE_I64, &out);
    return STATUS_OK;
}

static void run_arg(const struct op_call *call, arg_kernel kernel, bool smallest)
{
    const struct tensor *x = &call->in[0];
    bool last = attribute_int(call->attributes, "select_last_index", 0);
    int rank = x->shape.rank, axis = (int)attribute_int(call->attributes, "axis", 0);
    size_t size = dtype_size(x->dtype), outer, n, inner;
    int64_t *y = call->out[0].data;

    if (rank == 0) {
        *y = 0;
        return;
    }
    if (tensor_count(x) == 0)
        return;
    axis = axis < 0 ? axis + rank : axis;
    outer = shape_span(&x->shape, 0, axis);
    n = (size_t)x->shape.dims[axis];
    inner = shape_span(&x->shape, axis + 1, rank);
    if (x->dtype == DTYPE_F32 && inner == 1 && !op_is_reference_only()) {
        for (size_t i = 0; i < outer; i++)
            *y++ = (int64_t)reduce_where((const float *)x->data + i * n, n, smallest, last);
        return;
    }
    for (size_t i = 0; i < outer; i++)
        for (size_t j = 0; j < inner; j++)
            *y++ =
                (int64_t)kernel((const char *)x->data + (i * n * inner + j) * size, n, inner, last);
}

static enum status run_max(const struct op_call *call, struct error *err)
{
    (void)err;
    run_arg(call, ARG_MAX[call->in[0].dtype], false);
    return STATUS_OK;
}

static enum status run_min(const struct op_call *call, struct error *err)
{
    (void)err;
    run_arg(call, ARG_MIN[call->in[0].dtype], true);
    return STATUS_OK;
}

#define ROW(op, text, run_it)                                                                      \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS, .in_min = 1, .in_max = 1, .out_min = 1,     \
        .out_max = 1, .infer = infer, .run = run_it                                                \
    }

const struct op_set ops_onnx_arg =
    OP_SET(ROW("ArgMax", "where the largest element of an axis is", run_max),
           ROW("ArgMin", "where the smallest element of an axis is", run_min));
