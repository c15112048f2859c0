// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/container.h"

enum status op_give_container(const struct op_call *call, size_t output, enum dtype dtype,
                              const struct tensor *element, struct error *err)
{
    struct shape scalar = shape_scalar();

    op_give(call, output, dtype, &scalar);
    if (output >= call->out_count)
        return STATUS_OK;
    call->out[output].element = NULL;
    if (!element)
        return STATUS_OK;
    call->out[output].element =
        element_new(element->dtype, &element->shape, element->element, call->memory);
    return call->out[output].element ? STATUS_OK : error_no_memory(err, "a sequence");
}

enum status op_give_element(const struct op_call *call, size_t output, const struct tensor *element,
                            struct error *err)
{
    if (!element || element->dtype == DTYPE_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "it is not known what its input holds");
    op_give(call, output, element->dtype, &element->shape);
    if (output < call->out_count)
        call->out[output].element = element->element;
    return STATUS_OK;
}

const struct sequence *op_sequence(const struct op_call *call, size_t input)
{
    if (input >= call->in_count || !dtype_is_container(call->in[input].dtype))
        return NULL;
    return tensor_sequence(&call->in[input]);
}

enum status op_position(const struct op_call *call, size_t input, size_t count, size_t beyond,
                        size_t *at, struct error *err)
{
    int64_t position, size = (int64_t)count;

    TRY(op_input_i64(call, input, &position, err));
    if (position < -size || position >= size + (int64_t)beyond)
        return op_error(call, err, STATUS_INVALID_INPUT, "position %lld in a sequence of %zu items",
                        (long long)position, count);
    *at = (size_t)(position < 0 ? position + size : position);
    return STATUS_OK;
}

enum status op_copy(const struct op_call *call, const struct tensor *from, struct error *err)
{
    const struct tensor *to = &call->out[0];

    if (from->dtype != to->dtype || !shape_equal(&from->shape, &to->shape))
        return op_error(call, err, STATUS_INTERNAL, "the item is not what was inferred");
    if (to->data != from->data && tensor_bytes(from))
        memcpy(to->data, from->data, tensor_bytes(from));
    return STATUS_OK;
}
