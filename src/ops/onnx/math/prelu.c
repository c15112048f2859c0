// SPDX-License-Identifier: Apache-2.0
/* PRelu: x, or slope x below 0; the slope broadcasts to x (before opset 7: one per channel). */
#include "ops/kernels/binary.h"

#define TEMPLATE "ops/onnx/math/prelu.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

static const binary_kernel KERNELS[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, PRelu)};

static struct shape slope_shape(const struct op_call *call)
{
    struct shape slope = call->in[1].shape;
    int rank = call->in[0].shape.rank;

    if (op_before(call, 7) && slope.rank == 1)
        while (slope.rank < rank - 1)
            slope.dims[slope.rank++] = 1;
    return slope;
}

static enum status infer(struct op_call *call, struct error *err)
{
    char x_text[SHAPE_PRINT_SIZE], slope_text[SHAPE_PRINT_SIZE];
    struct shape slope = slope_shape(call), out;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(shape_broadcast(&call->in[0].shape, &slope, &out, call, err));
    if (shape_is_known(&call->in[0].shape) && shape_is_known(&out) &&
        !shape_equal(&out, &call->in[0].shape))
        return op_error(call, err, STATUS_INVALID_INPUT, "a slope of shape %s does not fit %s",
                        shape_print(&slope, slope_text, sizeof slope_text),
                        shape_print(&call->in[0].shape, x_text, sizeof x_text));
    return op_infer_same(call, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct shape slope = slope_shape(call);

    (void)err;
    binary_choose(call, KERNELS, BINARY_PRELU, &call->in[0], &call->in[0].shape, &call->in[1],
                  &slope, &call->out[0]);
    return STATUS_OK;
}

const struct op_set ops_onnx_prelu = OP_SET({.name = "PRelu",
                                             .summary = "x, or slope x below 0",
                                             .flags = OP_INPLACE | OP_ROWS,
                                             .in_min = 2,
                                             .in_max = 2,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .run = run});
