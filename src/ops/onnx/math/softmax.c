// SPDX-License-Identifier: Apache-2.0
/* Softmax, LogSoftmax, Hardmax along an axis; before opset 13 over everything from `axis` on. */
#include <math.h>

#include "ops/fast/normalize.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

#define TEMPLATE "ops/onnx/math/softmax.inc"
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

/* Lines of n elements that lie `inner` apart, `inner` of them beside each other, `outer` times. */
struct lines {
    size_t outer, n, inner;
};

static struct lines lines_of(const struct op_call *call)
{
    const struct tensor *x = &call->in[0];
    int rank = x->shape.rank, axis = (int)default_axis(call);
    struct lines lines;

    if (axis < 0)
        axis += rank;
    if (rank == 0)
        axis = 0;
    lines.outer = shape_span(&x->shape, 0, axis);
    lines.n = rank > axis ? (size_t)x->shape.dims[axis] : 1;
    lines.inner = rank > axis ? shape_span(&x->shape, axis + 1, rank) : 1;
    if (op_before(call, 13)) {
        lines.n *= lines.inner;
        lines.inner = 1;
    }
    return lines;
}

static void run_lines(const struct op_call *call, line_kernel kernel)
{
    struct lines lines = lines_of(call);
    size_t size = dtype_size(call->in[0].dtype);

    for (size_t i = 0; i < lines.outer; i++)
        for (size_t j = 0; j < lines.inner; j++) {
            size_t at = (i * lines.n * lines.inner + j) * size;
            kernel((const char *)call->in[0].data + at, (char *)call->out[0].data + at, lines.n,
                   lines.inner);
        }
}

static bool is_fast(const struct op_call *call)
{
    return call->in[0].dtype == DTYPE_F32 && !op_is_reference_only();
}

static enum status run_softmax(const struct op_call *call, struct error *err)
{
    struct lines lines = lines_of(call);

    (void)err;
    if (tensor_count(&call->in[0]) == 0)
        return STATUS_OK;
    if (is_fast(call))
        softmax_lines(call->in[0].data, call->out[0].data, lines.outer, lines.n, lines.inner,
                      call->team);
    else
        run_lines(call, SOFTMAX[call->in[0].dtype]);
    return STATUS_OK;
}

static enum status run_log_softmax(const struct op_call *call, struct error *err)
{
    struct lines lines = lines_of(call);

    (void)err;
    if (tensor_count(&call->in[0]) == 0)
        return STATUS_OK;
    if (is_fast(call) && lines.inner == 1)
        log_softmax_rows(call->in[0].data, call->out[0].data, lines.outer, lines.n, call->team);
    else
        run_lines(call, LOG_SOFTMAX[call->in[0].dtype]);
    return STATUS_OK;
}

static enum status run_hardmax(const struct op_call *call, struct error *err)
{
    (void)err;
    if (tensor_count(&call->in[0]))
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
