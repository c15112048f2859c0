// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_value.h"

#include "formats/onnx_tensor.h"

/* DataType of SequenceProto and of OptionalProto; the value is field elem + 2. */
enum { HOLDS_NOTHING = 0, HOLDS_TENSOR = 1, HOLDS_SEQUENCE = 3 };
enum { FIELD_NAME = 1, FIELD_HOLDS = 2, FIELD_TENSOR = 3, FIELD_SEQUENCE = 5, FIELD_LAST = 7 };

static enum status container_new(enum dtype dtype, struct tensor *tensor, struct sequence **made,
                                 struct arena *keep, struct error *err)
{
    struct shape scalar = shape_scalar();

    TRY(tensor_new(tensor, dtype, &scalar, keep, err));
    *made = tensor->data;
    return STATUS_OK;
}

static enum status tensor_field(const struct protobuf_field *field, struct tensor *tensor,
                                struct arena *keep, struct error *err)
{
    struct protobuf inner;
    const char *name;

    TRY(protobuf_message(field, &inner, err));
    return onnx_tensor_read(&inner, NULL, NULL, &name, tensor, keep, err);
}

enum status onnx_sequence_read(const struct protobuf *message, struct tensor *sequence,
                               struct arena *keep, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    struct sequence *made;
    struct tensor item;

    TRY(container_new(DTYPE_SEQUENCE, sequence, &made, keep, err));
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == FIELD_NAME || field.number == FIELD_HOLDS)
            continue;
        if (field.number != FIELD_TENSOR)
            return error_set(err, STATUS_UNSUPPORTED, "it is no sequence of tensors");
        if (tensor_field(&field, &item, keep, err))
            return error_within(err, "item %zu", made->count);
        TRY(sequence_insert(made, made->count, &item, true, made, keep, err));
    }
}

/* Is it an OptionalProto, and what does it hold? Its fields are those, of these wire types. */
static bool is_optional(const struct protobuf *message, int64_t *holds)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    uint32_t value = 0;
    struct error ignored;

    *holds = HOLDS_NOTHING;
    for (;;) {
        if (protobuf_next(&reader, &field, &ignored) || field.number > FIELD_LAST)
            return false;
        if (!field.number)
            break;
        if ((field.number == FIELD_HOLDS) != (field.wire == PROTOBUF_VARINT))
            return false;
        if (field.number == FIELD_HOLDS && protobuf_i64(&field, holds, &ignored))
            return false;
        if (field.number > FIELD_HOLDS) {
            if (value)
                return false;
            value = field.number;
        }
    }
    return *holds == HOLDS_NOTHING ? value == 0 : value == (uint32_t)*holds + 2;
}

enum status onnx_optional_read(const struct protobuf *message, struct tensor *optional,
                               struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field;
    struct sequence *made;
    struct tensor held;
    const char *name;
    int64_t holds;

    TRY(container_new(DTYPE_OPTIONAL, optional, &made, keep, err));
    if (!is_optional(message, &holds)) {
        if (onnx_tensor_read(message, NULL, NULL, &name, &held, keep, err))
            TRY(onnx_sequence_read(message, &held, keep, err));
        return sequence_insert(made, 0, &held, true, made, keep, err);
    }
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number <= FIELD_HOLDS)
            continue;
        if (field.number == FIELD_TENSOR) {
            TRY(tensor_field(&field, &held, keep, err));
        } else if (field.number == FIELD_SEQUENCE) {
            TRY(protobuf_message(&field, &inner, err));
            TRY(onnx_sequence_read(&inner, &held, keep, err));
        } else {
            return error_set(err, STATUS_UNSUPPORTED, "it holds neither a tensor nor a sequence");
        }
        TRY(sequence_insert(made, 0, &held, true, made, keep, err));
    }
}
