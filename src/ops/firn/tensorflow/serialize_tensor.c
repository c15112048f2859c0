// SPDX-License-Identifier: Apache-2.0
/* SerializeTensor: a tensor -> one STRING, TensorFlow's TensorProto. */
#include "formats/tensorflow/tensor_proto.h"
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape scalar = shape_scalar();

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (!tf_tensor_list(call->in[0].dtype))
        return op_error(call, err, STATUS_UNSUPPORTED, "a tensor of %s",
                        dtype_name(call->in[0].dtype));
    op_give(call, 0, DTYPE_STRING, &scalar);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct text text = {0};

    tf_tensor_write(&text, &call->in[0]);
    return op_text_take(call, &text, call->out[0].data, err);
}

const struct op_set ops_firn_serialize_tensor = OP_SET({.name = "SerializeTensor",
                                                        .summary = "a tensor as a TensorProto",
                                                        .in_min = 1,
                                                        .in_max = 1,
                                                        .out_min = 1,
                                                        .out_max = 1,
                                                        .infer = infer,
                                                        .run = run});
