// SPDX-License-Identifier: Apache-2.0
/* IsNaN, IsInf: bool, element by element. */
#include <math.h>

#include "ops/kernels/call.h"

#define DTYPES_F8                                                                                  \
    (DTYPE_BIT(DTYPE_F8E4M3FN) | DTYPE_BIT(DTYPE_F8E4M3FNUZ) | DTYPE_BIT(DTYPE_F8E5M2) |           \
     DTYPE_BIT(DTYPE_F8E5M2FNUZ))

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_FLOAT | DTYPES_F8, err));
    op_give(call, 0, DTYPE_BOOL, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_nan(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    uint8_t *y = call->out[0].data;
    size_t count = tensor_count(x);

    (void)err;
    for (size_t i = 0; i < count; i++)
        y[i] = isnan(tensor_f64(x, i));
    return STATUS_OK;
}

static enum status run_infinite(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    uint8_t *y = call->out[0].data;
    size_t count = tensor_count(x);
    bool positive = attribute_int(call->attributes, "detect_positive", 1);
    bool negative = attribute_int(call->attributes, "detect_negative", 1);

    (void)err;
    for (size_t i = 0; i < count; i++) {
        double value = tensor_f64(x, i);
        y[i] = isinf(value) && (value > 0 ? positive : negative);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_is_nan = OP_SET({.name = "IsNaN",
                                              .summary = "is it not a number",
                                              .flags = OP_ROWS,
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run_nan},
                                             {.name = "IsInf",
                                              .summary = "is it infinite",
                                              .flags = OP_ROWS,
                                              .in_min = 1,
                                              .in_max = 1,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .run = run_infinite});
