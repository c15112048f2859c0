// SPDX-License-Identifier: Apache-2.0
/* Divisor: its input (double), or an error where it holds 0: what Python's / and % refuse. */
#include <string.h>

#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const double *x = call->in[0].data;
    size_t count = tensor_count(&call->in[0]);

    for (size_t i = 0; i < count; i++)
        if (x[i] == 0)
            return error_set(err, STATUS_INVALID_INPUT, "division by zero, at row %zu", i);
    if (call->out[0].data != call->in[0].data && count)
        memcpy(call->out[0].data, x, count * sizeof *x);
    return STATUS_OK;
}

const struct op_set ops_firn_divisor = OP_SET({.name = "Divisor",
                                               .summary = "its input, or an error where it is zero",
                                               .flags = OP_INPLACE | OP_ROWS,
                                               .in_min = 1,
                                               .in_max = 1,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
