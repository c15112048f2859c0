// SPDX-License-Identifier: Apache-2.0
/* Softmax, LogSoftmax, Hardmax along an axis; before opset 13 over everything from `axis` on. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/softmax.inc"
#define EACH_FLOAT
#include "ops/kernels/each.h"

typedef void (*line_kernel)(const void *x, void *y, size_t n, size_t step);
static const line_kernel SOFTMAX[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, Softmax)};
static const line_kernel LOG_SOFTMAX[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, LogSoftmax)};
static const line_kernel HARDMAX[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, Hardmax)};

static int64_t default_axis(const struct op_call *call)
{
    return attribute_int(call->attributes, "axis", op_before(call, 13) ? 1 : -1);
}

static enum status infer(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank, axis;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    /* the old form may name the end: rows of one element */
    if (rank >= 0 && !(op_before(call, 13) && default_axis(call) == rank) && rank > 0)
        TRY(op_axis(call, default_axis(call), rank, &axis, err));
    return op_infer_same(call, err);
}

static void run_lines(const struct op_call *call, line_kernel kernel)
{
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    int rank = x->shape.rank, axis = (int)default_axis(call);
    size_t size = dtype_size(x->dtype), outer, n, inner;

    if (tensor_count(x) == 0)
        return;
    if (axis < 0)
        axis += rank;
    if (rank == 0)
        axis = 0;
    outer = shape_span(&x->shape, 0, axis);
    n = rank > axis ? (size_t)x->shape.dims[axis] : 1;
    inner = rank > axis ? shape_span(&x->shape, axis + 1, rank) : 1;
    if (op_before(call, 13)) {
        n *= inner;
        inner = 1;
    }
    for (size_t i = 0; i < outer; i++)
        for (size_t j = 0; j < inner; j++) {
            size_t at = (i * n * inner + j) * size;
            kernel((const char *)x->data + at, (char *)y->data + at, n, inner);
        }
}

static enum status run_softmax(const struct op_call *call, struct error *err)
{
    (void)err;
    run_lines(call, SOFTMAX[call->in[0].dtype]);
    return STATUS_OK;
}

static enum status run_log_softmax(const struct op_call *call, struct error *err)
{
    (void)err;
    run_lines(call, LOG_SOFTMAX[call->in[0].dtype]);
    return STATUS_OK;
}

static enum status run_hardmax(const struct op_call *call, struct error *err)
{
    (void)err;
    run_lines(call, HARDMAX[call->in[0].dtype]);
    return STATUS_OK;
}

#define ROW(op, text, run_it)                                                                      \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE, .in_min = 1, .in_max = 1, .out_min = 1,  \
        .out_max = 1, .infer = infer, .run = run_it                                                \
    }

const struct op_set ops_onnx_softmax =
    OP_SET(ROW("Softmax", "exp(x) / sum of exp(x)", run_softmax),
           ROW("LogSoftmax", "logarithm of Softmax", run_log_softmax),
           ROW("Hardmax", "1 at the first largest, else 0", run_hardmax));
