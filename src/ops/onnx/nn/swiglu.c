// SPDX-License-Identifier: Apache-2.0
/* SwiGLU: Swish(a) b, element by element, without broadcasting. */
#include <math.h>

#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[0].shape, *b = &call->in[1].shape;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, 0, 1, err));
    if (shape_is_known(a) && shape_is_known(b) && !shape_equal(a, b))
        return op_error(call, err, STATUS_INVALID_INPUT, "the inputs have different shapes");
    return op_infer_same(call, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    double alpha = attribute_float(call->attributes, "alpha", 1);
    size_t count = tensor_count(&call->in[0]);

    (void)err;
    for (size_t i = 0; i < count; i++) {
        double a = tensor_f64(&call->in[0], i);

        tensor_set_f64(&call->out[0], i, a / (1 + exp(-alpha * a)) * tensor_f64(&call->in[1], i));
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_swiglu = OP_SET({.name = "SwiGLU",
                                              .summary = "Swish(a) b",
                                              .flags = OP_INPLACE | OP_ROWS,
                                              .in_min = 2,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run});
