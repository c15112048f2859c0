// SPDX-License-Identifier: Apache-2.0
/* Clip: between min and max (inputs; attributes before opset 11, whose defaults are the least and
 * the largest float: infinities are clipped). */
#include <float.h>
#include <math.h>

#include "ops/fast/elementwise/unary.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

struct bounds {
    const void *low, *high; /* one element each, or NULL: then the values, of float types */
    double low_value, high_value;
};

#define TEMPLATE "ops/onnx/math/clip.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*clip_kernel)(const void *x, void *y, size_t count, const struct bounds *bounds);
static const clip_kernel KERNELS[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, clip)};

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    for (size_t i = 1; i < 3; i++) {
        if (!op_has(call, i))
            continue;
        TRY(op_wants_same(call, 0, i, err));
        if (shape_is_known(&call->in[i].shape) && tensor_count(&call->in[i]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", i);
    }
    return op_infer_same(call, err);
}

static double bound(const struct op_call *call, size_t input, double otherwise)
{
    return op_has(call, input) ? tensor_f64(&call->in[input], 0) : otherwise;
}

static enum status run(const struct op_call *call, struct error *err)
{
    double widest = op_before(call, 11) ? (double)FLT_MAX : INFINITY;
    struct bounds bounds = {
        .low = op_has(call, 1) ? call->in[1].data : NULL,
        .high = op_has(call, 2) ? call->in[2].data : NULL,
        .low_value = attribute_float(call->attributes, "min", -widest),
        .high_value = attribute_float(call->attributes, "max", widest),
    };

    (void)err;
    if (unary_takes(UNARY_CLIP, call->in[0].dtype) && !op_is_reference_only()) {
        struct unary clip = {UNARY_CLIP, (float)bound(call, 1, bounds.low_value),
                             (float)bound(call, 2, bounds.high_value)};
        unary_tensor(&clip, &call->in[0], &call->out[0], call->team);
        return STATUS_OK;
    }
    KERNELS[call->in[0].dtype](call->in[0].data, call->out[0].data, tensor_count(&call->in[0]),
                               &bounds);
    return STATUS_OK;
}

const struct op_set ops_onnx_clip = OP_SET({.name = "Clip",
                                            .summary = "between a smallest and a largest value",
                                            .flags = OP_INPLACE | OP_ROWS | OP_OPTIONAL_GAPS,
                                            .in_min = 1,
                                            .in_max = 3,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .run = run});
