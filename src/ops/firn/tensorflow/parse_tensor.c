// SPDX-License-Identifier: Apache-2.0
/* ParseTensor: one STRING, a serialized TensorProto -> the tensor. Attribute type: its dtype, an
 * ONNX number. */
#include "formats/tensorflow/tensor_proto.h"
#include "ops/kernels/call.h"

enum { DESCRIPTION_BYTES_MAX = 1 << 28 };

static enum status tensor_of(const struct op_call *call, struct tensor *tensor, struct arena *arena,
                             struct error *err)
{
    struct protobuf message;

    if (tensor_count(&call->in[0]) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu messages, not one",
                        tensor_count(&call->in[0]));
    message = protobuf_over(*(const struct bytes *)call->in[0].data);
    TRY(tf_tensor_read(&message, tensor, arena, err));
    if (tensor->dtype != call->out[0].dtype)
        return op_error(call, err, STATUS_INVALID_INPUT, "the message holds %s, not %s",
                        dtype_name(tensor->dtype), dtype_name(call->out[0].dtype));
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    enum dtype dtype = dtype_from_onnx(attribute_int(call->attributes, "type", 0));
    struct shape shape = shape_unknown();
    enum status status = STATUS_OK;
    struct tensor tensor;
    struct arena arena;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (dtype == DTYPE_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "a tensor of another type");
    op_give(call, 0, dtype, &shape);
    if (!op_is_known(call, 0))
        return STATUS_OK;
    arena_init(&arena, DESCRIPTION_BYTES_MAX);
    status = tensor_of(call, &tensor, &arena, err);
    if (!status)
        op_give(call, 0, dtype, &tensor.shape);
    arena_release(&arena);
    return status;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct tensor tensor;

    TRY(tensor_of(call, &tensor, call->memory, err));
    if (!shape_equal(&tensor.shape, &call->out[0].shape))
        return op_error(call, err, STATUS_INTERNAL, "another shape than inferred");
    if (tensor_bytes(&tensor))
        memcpy(call->out[0].data, tensor.data, tensor_bytes(&tensor));
    return STATUS_OK;
}

const struct op_set ops_firn_parse_tensor = OP_SET({.name = "ParseTensor",
                                                    .summary = "a serialized TensorProto",
                                                    .in_min = 1,
                                                    .in_max = 1,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer,
                                                    .run = run});
