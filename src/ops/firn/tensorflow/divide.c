// SPDX-License-Identifier: Apache-2.0
/* Division as TensorFlow cuts it: FloorDiv and FloorMod downwards, TruncateDiv towards zero; of
 * integers and floats. */
#include <math.h>

#include "ops/kernels/binary.h"

#define TEMPLATE "ops/firn/tensorflow/divide.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

static const binary_kernel KERNELS_FloorDiv[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, floor_div)};
static const binary_kernel KERNELS_FloorMod[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, floor_mod)};
static const binary_kernel KERNELS_TruncateDiv[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, truncate_div)};

static enum status no_zeros(const struct op_call *call, struct error *err)
{
    const struct tensor *divisor = &call->in[1];

    if (dtype_is_float(divisor->dtype) || !tensor_count(&call->out[0]))
        return STATUS_OK;
    for (size_t i = 0; i < tensor_count(divisor); i++)
        if (tensor_i64(divisor, i) == 0)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "element %zu of the divisor is the integer 0", i);
    return STATUS_OK;
}

#define DIVISION(op)                                                                               \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return binary_infer(call, KERNELS_##op, DTYPE_NONE, err);                                  \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        TRY(no_zeros(call, err));                                                                  \
        binary_run(call, KERNELS_##op, BINARY_NONE);                                               \
        return STATUS_OK;                                                                          \
    }
DIVISION(FloorDiv)
DIVISION(FloorMod)
DIVISION(TruncateDiv)

#define ROW(op, does)                                                                              \
    {                                                                                              \
        .name = #op, .summary = does, .flags = OP_ROWS, .in_min = 2, .in_max = 2, .out_min = 1,    \
        .out_max = 1, .infer = infer_##op, .run = run_##op                                         \
    }
const struct op_set ops_firn_divide =
    OP_SET(ROW(FloorDiv, "quotients rounded down"), ROW(FloorMod, "what is left of FloorDiv"),
           ROW(TruncateDiv, "quotients rounded towards zero"));
