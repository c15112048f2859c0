// SPDX-License-Identifier: Apache-2.0
/* CodeScript: code points, I32 -> the number of the script of each, I32 (base/unicode.h). */
#include "base/unicode.h"
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I32), err));
    op_give(call, 0, DTYPE_I32, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const int32_t *codes = call->in[0].data;
    int32_t *scripts = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        scripts[i] = unicode_script((uint32_t)codes[i]);
    return STATUS_OK;
}

const struct op_set ops_firn_code_script = OP_SET({.name = "CodeScript",
                                                   .summary = "scripts of code points",
                                                   .flags = OP_ROWS,
                                                   .in_min = 1,
                                                   .in_max = 1,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer,
                                                   .run = run});
