// SPDX-License-Identifier: Apache-2.0
/* Dropout as it is at inference: the identity, and a mask of true. */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    bool old_mask = op_before(call, 10); /* of the type of the data */

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    if (op_has(call, 2)) {
        TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_BOOL), err));
        if (!op_is_known(call, 2))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "training_mode is not known when the model is loaded");
        if (tensor_count(&call->in[2]) && tensor_i64(&call->in[2], 0) &&
            !(op_is_known(call, 1) && tensor_count(&call->in[1]) &&
              tensor_f64(&call->in[1], 0) == 0))
            return op_error(call, err, STATUS_UNSUPPORTED, "training_mode is on");
    }
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    op_give(call, 1, old_mask ? call->in[0].dtype : DTYPE_BOOL, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]);

    (void)err;
    if (call->out[0].data != call->in[0].data && count)
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    for (size_t i = 0; call->out_count > 1 && i < count; i++)
        tensor_set_f64(&call->out[1], i, 1);
    return STATUS_OK;
}

const struct op_set ops_onnx_dropout = OP_SET({.name = "Dropout",
                                               .summary = "nothing, at inference",
                                               .flags = OP_VIEW | OP_ROWS | OP_OPTIONAL_GAPS,
                                               .in_min = 1,
                                               .in_max = 3,
                                               .out_min = 1,
                                               .out_max = 2,
                                               .infer = infer,
                                               .run = run});
