// SPDX-License-Identifier: Apache-2.0
/* Identity: y = x. */
#include "ops/op.h"

static enum status infer(struct op_call *call, struct error *err)
{
    (void)err;
    call->out[0] = call->in[0];
    call->out[0].data = NULL;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    (void)err;
    if (call->out[0].data != call->in[0].data)
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

const struct op_set ops_onnx_identity = OP_SET({
    .name = "Identity",
    .summary = "y = x",
    .flags = OP_VIEW | OP_ROWS | OP_CONTAINERS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
});
