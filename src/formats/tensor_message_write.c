// SPDX-License-Identifier: Apache-2.0
/* Of tensors whose dtype tensor_message_has. */
#include "formats/tensor_message.h"

#include "formats/tensorflow/tensor_proto.h"

static size_t shape_size(const struct shape *shape, enum tensor_dialect dialect)
{
    size_t size = 0, dims = 0;

    for (int d = 0; d < shape->rank; d++) {
        size_t varint = protobuf_size_of_varint((uint64_t)shape->dims[d]);

        dims += varint;
        if (dialect != TENSOR_HYDROSPHERE)
            size += protobuf_size_of_bytes(2, 1 + varint);
    }
    if (dialect != TENSOR_TENSORFLOW && shape->rank)
        size += protobuf_size_of_bytes(1, dims);
    return size;
}

void tensor_shape_write(struct text *text, const struct shape *shape, enum tensor_dialect dialect)
{
    protobuf_write_size(text, TF_TENSOR_SHAPE, shape_size(shape, dialect));
    if (dialect != TENSOR_TENSORFLOW && shape->rank)
        protobuf_write_packed_i64(text, 1, shape->dims, (size_t)shape->rank);
    for (int d = 0; dialect != TENSOR_HYDROSPHERE && d < shape->rank; d++) {
        protobuf_write_size(text, 2, 1 + protobuf_size_of_varint((uint64_t)shape->dims[d]));
        protobuf_write_i64(text, 1, shape->dims[d]);
    }
}

/* An element of a list of varints, as its bits; negative ones have ten bytes. */
static uint64_t varint_of(const struct tensor *tensor, size_t i)
{
    size_t size = dtype_size(tensor->dtype);
    bool is_signed = dtype_kind(tensor->dtype) == KIND_INT || tensor->dtype == DTYPE_QI8 ||
                     tensor->dtype == DTYPE_QI16 || tensor->dtype == DTYPE_QI32;
    uint64_t bits = 0;

    memcpy(&bits, (const char *)tensor->data + i * size, size);
    if (is_signed && size < 8 && bits >> (8 * size - 1))
        bits |= ~(uint64_t)0 << 8 * size;
    return bits;
}

static bool is_raw(uint32_t list) /* a list that holds the elements as they lie */
{
    return list == TF_FLOAT_VAL || list == TF_DOUBLE_VAL || list == TF_SCOMPLEX_VAL ||
           list == TF_DCOMPLEX_VAL;
}

/* Bytes of the list's content; strings have a field each. */
static size_t list_size(const struct tensor *tensor, uint32_t list)
{
    const struct bytes *strings = tensor->data;
    size_t count = tensor_count(tensor), size = 0;

    if (is_raw(list))
        return tensor_bytes(tensor);
    for (size_t i = 0; i < count; i++)
        size += list == TF_STRING_VAL ? protobuf_size_of_bytes(TF_STRING_VAL, strings[i].size)
                                      : protobuf_size_of_varint(varint_of(tensor, i));
    return size;
}

static size_t message_size(const struct tensor *tensor, enum tensor_dialect dialect, size_t content,
                           uint32_t list)
{
    size_t size = 1 + protobuf_size_of_varint((uint64_t)dtype_to_tf(tensor->dtype)) +
                  protobuf_size_of_bytes(TF_TENSOR_SHAPE, shape_size(&tensor->shape, dialect));

    if (list == TF_STRING_VAL || content == 0)
        return size + content;
    return size + protobuf_size_of_bytes(list, content);
}

static void list_write(struct text *text, const struct tensor *tensor, uint32_t list,
                       size_t content)
{
    const struct bytes *strings = tensor->data;
    size_t count = tensor_count(tensor);

    if (content == 0)
        return;
    if (list != TF_STRING_VAL)
        protobuf_write_size(text, list, content);
    if (is_raw(list)) {
        text_append_bytes(text, (struct bytes){tensor->data, content});
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (list == TF_STRING_VAL)
            protobuf_write_bytes(text, TF_STRING_VAL, strings[i]);
        else
            protobuf_write_varint(text, varint_of(tensor, i));
}

static void message_write(struct text *text, uint32_t number, enum tensor_dialect dialect,
                          const struct tensor *tensor, size_t content)
{
    uint32_t list = tf_tensor_list(tensor->dtype);

    protobuf_write_size(text, number, message_size(tensor, dialect, content, list));
    protobuf_write_i64(text, TF_DTYPE, dtype_to_tf(tensor->dtype));
    tensor_shape_write(text, &tensor->shape, dialect);
    list_write(text, tensor, list, content);
}

void tensor_message_write(struct text *text, uint32_t number, enum tensor_dialect dialect,
                          const struct tensor *tensor)
{
    message_write(text, number, dialect, tensor, list_size(tensor, tf_tensor_list(tensor->dtype)));
}

void tensor_entry_write(struct text *text, uint32_t number, const char *key,
                        enum tensor_dialect dialect, const struct tensor *tensor)
{
    uint32_t list = tf_tensor_list(tensor->dtype);
    size_t content = list_size(tensor, list);
    size_t value = message_size(tensor, dialect, content, list);

    protobuf_write_size(text, number,
                        protobuf_size_of_bytes(1, strlen(key)) + protobuf_size_of_bytes(2, value));
    protobuf_write_text(text, 1, key);
    message_write(text, 2, dialect, tensor, content);
}
