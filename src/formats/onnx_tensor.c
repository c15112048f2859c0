// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_tensor.h"

#include "base/checked.h"
#include "base/number.h"

enum { TENSOR_BYTES_MAX_SHIFT = 40 };

struct tensor_proto {
    bool unaligned; /* raw data may be */
    const struct protobuf *message;
    struct bytes raw;
    bool has_raw, external, segment;
    struct bytes location;
    int64_t offset, length; /* length -1: to the end */
    int64_t data_type;
};

/* --- the message --- */

static enum status entry_read(struct protobuf entry, struct tensor_proto *proto, struct error *err)
{
    struct bytes key = {NULL, 0}, value = {NULL, 0};
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&entry, &field, err));
        if (!field.number)
            break;
        if (field.number == 1)
            TRY(protobuf_bytes(&field, &key, err));
        if (field.number == 2)
            TRY(protobuf_bytes(&field, &value, err));
    }
    if (bytes_is(key, "location"))
        proto->location = value;
    if (bytes_is(key, "offset") &&
        (!number_i64_from_text(value, &proto->offset) || proto->offset < 0))
        return error_set(err, STATUS_INVALID_INPUT, "its external data has no valid offset");
    if (bytes_is(key, "length") &&
        (!number_i64_from_text(value, &proto->length) || proto->length < 0))
        return error_set(err, STATUS_INVALID_INPUT, "its external data has no valid length");
    return STATUS_OK;
}

static enum status dims_read(const struct protobuf *message, struct shape *shape,
                             struct arena *keep, struct error *err)
{
    int64_t *dims;
    size_t count;

    TRY(protobuf_all_i64(message, 1, &dims, &count, keep, err));
    if (count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "it has %zu dimensions, more than %d", count,
                         RANK_MAX);
    *shape = shape_of((int)count, dims);
    return STATUS_OK;
}

static enum status fields_read(struct tensor_proto *proto, const char **name, struct arena *keep,
                               struct error *err)
{
    struct protobuf reader = protobuf_over(proto->message->input), entry;
    struct protobuf_field field;
    int64_t location;

    reader.origin = proto->message->origin;
    reader.depth = proto->message->depth;
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 2:
            TRY(protobuf_i64(&field, &proto->data_type, err));
            break;
        case 3:
            proto->segment = true;
            break;
        case 8:
            TRY(protobuf_text(&field, name, keep, err));
            break;
        case 9:
            TRY(protobuf_bytes(&field, &proto->raw, err));
            proto->has_raw = true;
            break;
        case 13:
            TRY(protobuf_message(&field, &entry, err));
            TRY(entry_read(entry, proto, err));
            break;
        case 14:
            TRY(protobuf_i64(&field, &location, err));
            proto->external = location == 1;
            break;
        }
    }
}

/* --- data --- */

/* Elements narrower than a byte stand one behind the other, the first in the lowest bits. */
static bool is_packed(enum dtype dtype)
{
    return dtype_bits(dtype) % 8 != 0;
}

static uint8_t packed_element(enum dtype dtype, const uint8_t *data, size_t size, size_t i)
{
    unsigned bits = (unsigned)dtype_bits(dtype), sign = 1u << (bits - 1);
    size_t at = i * bits / 8;
    unsigned pair = data[at] | (unsigned)(at + 1 < size ? data[at + 1] : 0) << 8;
    unsigned value = pair >> (i * bits % 8) & (2 * sign - 1);

    return (uint8_t)(dtype_kind(dtype) == KIND_INT ? (value ^ sign) - sign : value);
}

/* Bytes of raw or external data. */
static size_t stored_size(const struct tensor *tensor)
{
    size_t count = tensor_count(tensor);

    return is_packed(tensor->dtype) ? (count * (size_t)dtype_bits(tensor->dtype) + 7) / 8
                                    : tensor_bytes(tensor);
}

static enum status data_of_wrong_size(struct error *err, size_t got, size_t want)
{
    return error_set(err, STATUS_INVALID_INPUT, "it has %zu bytes of data, its shape asks for %zu",
                     got, want);
}

/* Where it lies when it is aligned there, or need not be, else a copy. */
static enum status raw_data(struct bytes raw, const struct artifact *artifact, bool unaligned,
                            struct tensor *tensor, struct arena *keep, struct error *err)
{
    size_t count = tensor_count(tensor), size = dtype_size(tensor->dtype);
    size_t want = stored_size(tensor);
    uint8_t *data;

    if (tensor->dtype == DTYPE_STRING)
        return error_set(err, STATUS_INVALID_INPUT, "it has strings as raw data");
    if (raw.size != want)
        return data_of_wrong_size(err, raw.size, want);
    if (is_packed(tensor->dtype)) {
        data = arena_new(keep, uint8_t, count);
        if (!data)
            return error_no_memory(err, "a tensor");
        for (size_t i = 0; i < count; i++)
            data[i] = packed_element(tensor->dtype, raw.data, raw.size, i);
        tensor->data = data;
        return STATUS_OK;
    }
    if ((unaligned || (uintptr_t)raw.data % (size > 8 ? 8 : size) == 0) && raw.size &&
        tensor->dtype != DTYPE_BOOL) {
        tensor->data = (void *)(uintptr_t)raw.data;
        return STATUS_OK;
    }
    data = arena_alloc(keep, raw.size, 1);
    if (!data)
        return error_no_memory(err, "a tensor");
    if (raw.size)
        memcpy(data, raw.data, raw.size);
    if (artifact)
        artifact_forget(artifact, raw);
    for (size_t i = 0; tensor->dtype == DTYPE_BOOL && i < count; i++)
        data[i] = data[i] != 0;
    tensor->data = data;
    return STATUS_OK;
}

static enum status external_data(const struct tensor_proto *proto, struct artifact *artifact,
                                 const struct member *from, struct tensor *tensor,
                                 struct arena *keep, struct error *err)
{
    struct member *member;
    struct bytes bytes;
    uint64_t length;

    if (!artifact)
        return error_set(err, STATUS_UNSUPPORTED, "its data is in another file");
    TRY(artifact_resolve(artifact, from, proto->location, &member, err));
    TRY(member_bytes(member, &bytes, err));
    if ((uint64_t)proto->offset > bytes.size)
        return error_set(err, STATUS_INVALID_INPUT, "its data begins behind the end of \"%s\"",
                         member->path);
    length = proto->length >= 0 ? (uint64_t)proto->length : stored_size(tensor);
    if (!checked_range((uint64_t)proto->offset, length, bytes.size))
        return error_set(err, STATUS_INVALID_INPUT, "its data ends behind the end of \"%s\"",
                         member->path);
    return raw_data((struct bytes){bytes.data + proto->offset, (size_t)length}, artifact,
                    proto->unaligned, tensor, keep, err);
}

static enum status strings_data(const struct protobuf *message, struct tensor *tensor,
                                struct arena *keep, struct error *err)
{
    struct bytes *strings;
    size_t count;

    TRY(protobuf_all_bytes(message, 6, &strings, &count, keep, err));
    if (count != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu strings, its shape asks for %zu",
                         count, tensor_count(tensor));
    tensor->data = strings;
    return STATUS_OK;
}

/* float_data (also complex, as pairs) and double_data. */
static enum status floats_data(const struct protobuf *message, struct tensor *tensor,
                               struct arena *keep, struct error *err)
{
    bool single = tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_C64;
    bool complex = tensor->dtype == DTYPE_C64 || tensor->dtype == DTYPE_C128;
    size_t count, want = tensor_count(tensor) * (complex ? 2 : 1);
    float *floats;
    double *doubles;

    if (single) {
        TRY(protobuf_all_f32(message, 4, &floats, &count, keep, err));
        tensor->data = floats;
    } else {
        TRY(protobuf_all_f64(message, 10, &doubles, &count, keep, err));
        tensor->data = doubles;
    }
    if (count != want)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu numbers, its shape asks for %zu",
                         count, want);
    return STATUS_OK;
}

static bool fits(int64_t value, int bits, bool is_signed)
{
    int64_t half = (int64_t)1 << (bits - 1);

    return is_signed ? value >= -half && value < half : value >= 0 && value < 2 * half;
}

/* Elements narrower than a byte: int32_data holds bytes of packed ones, or one 6-bit float a value.
 */
static enum status narrow_data(const struct protobuf *message, struct tensor *tensor,
                               struct arena *keep, struct error *err)
{
    bool packed = dtype_bits(tensor->dtype) != 6;
    size_t elements = tensor_count(tensor), count;
    size_t want = packed ? stored_size(tensor) : elements;
    int64_t top = packed ? 255 : 63, *ints;
    uint8_t *bytes, *data;

    TRY(protobuf_all_i64(message, 5, &ints, &count, keep, err));
    if (count != want)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu numbers, its shape asks for %zu",
                         count, want);
    bytes = arena_new(keep, uint8_t, count);
    data = packed ? arena_new(keep, uint8_t, elements) : bytes;
    if (!bytes || !data)
        return error_no_memory(err, "a tensor");
    for (size_t i = 0; i < count; i++) {
        if (ints[i] < (packed ? INT8_MIN : 0) || ints[i] > top)
            return error_set(err, STATUS_INVALID_INPUT, "its number %zu, %lld, does not fit %s", i,
                             (long long)ints[i], dtype_name(tensor->dtype));
        bytes[i] = (uint8_t)ints[i];
    }
    for (size_t i = 0; packed && i < elements; i++)
        data[i] = packed_element(tensor->dtype, bytes, count, i);
    tensor->data = data;
    return STATUS_OK;
}

/* Small types stand in int32_data, one a value, halves and float8 as their bits. */
static enum status ints_data(const struct protobuf *message, struct tensor *tensor,
                             struct arena *keep, struct error *err)
{
    uint32_t number = tensor->dtype == DTYPE_I64                                 ? 7
                      : tensor->dtype == DTYPE_U64 || tensor->dtype == DTYPE_U32 ? 11
                                                                                 : 5;
    size_t size = dtype_size(tensor->dtype), elements = tensor_count(tensor), count;
    bool is_signed = dtype_kind(tensor->dtype) == KIND_INT;
    int64_t *ints;
    uint8_t *data;

    TRY(protobuf_all_i64(message, number, &ints, &count, keep, err));
    if (count != elements)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu numbers, its shape asks for %zu",
                         count, elements);
    if (size == 8) {
        tensor->data = ints;
        return STATUS_OK;
    }
    data = arena_alloc(keep, elements, size);
    if (!data)
        return error_no_memory(err, "a tensor");
    for (size_t i = 0; i < elements; i++) {
        int64_t value = tensor->dtype == DTYPE_BOOL ? ints[i] != 0 : ints[i];

        if (!fits(value, 8 * (int)size, is_signed))
            return error_set(err, STATUS_INVALID_INPUT, "its element %zu, %lld, does not fit %s", i,
                             (long long)value, dtype_name(tensor->dtype));
        memcpy(data + i * size, &value, size); /* little-endian */
    }
    tensor->data = data;
    return STATUS_OK;
}

static enum status data_read(const struct tensor_proto *proto, struct artifact *artifact,
                             const struct member *member, struct tensor *tensor, struct arena *keep,
                             struct error *err)
{
    if (proto->external)
        return external_data(proto, artifact, member, tensor, keep, err);
    if (proto->has_raw)
        return raw_data(proto->raw, artifact, proto->unaligned, tensor, keep, err);
    switch (tensor->dtype) {
    case DTYPE_STRING:
        return strings_data(proto->message, tensor, keep, err);
    case DTYPE_F32:
    case DTYPE_F64:
    case DTYPE_C64:
    case DTYPE_C128:
        return floats_data(proto->message, tensor, keep, err);
    default:
        if (is_packed(tensor->dtype))
            return narrow_data(proto->message, tensor, keep, err);
        return ints_data(proto->message, tensor, keep, err);
    }
}

static enum status read(struct tensor_proto proto, struct artifact *artifact,
                        const struct member *member, const char **name, struct tensor *tensor,
                        struct arena *keep, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    *name = "";
    *tensor = (struct tensor){0};
    if (fields_read(&proto, name, keep, err))
        return error_within(err, "tensor '%s'", text_quote(bytes_of(*name), quoted, sizeof quoted));
    tensor->dtype = dtype_from_onnx(proto.data_type);
    if (tensor->dtype == DTYPE_NONE || proto.segment)
        return error_set(err, STATUS_UNSUPPORTED, "tensor '%s' has data type %lld%s",
                         text_quote(bytes_of(*name), quoted, sizeof quoted),
                         (long long)proto.data_type, proto.segment ? " in segments" : "");
    if (dims_read(proto.message, &tensor->shape, keep, err) ||
        shape_check(&tensor->shape, tensor->dtype, (size_t)1 << TENSOR_BYTES_MAX_SHIFT, NULL,
                    err) ||
        data_read(&proto, artifact, member, tensor, keep, err))
        return error_within(err, "tensor '%s'", text_quote(bytes_of(*name), quoted, sizeof quoted));
    return STATUS_OK;
}

enum status onnx_tensor_read(const struct protobuf *message, struct artifact *artifact,
                             const struct member *member, const char **name, struct tensor *tensor,
                             struct arena *keep, struct error *err)
{
    return read((struct tensor_proto){.message = message, .length = -1}, artifact, member, name,
                tensor, keep, err);
}

enum status onnx_initializer_read(const struct protobuf *message, struct artifact *artifact,
                                  const struct member *member, const char **name,
                                  struct tensor *tensor, struct arena *keep, struct error *err)
{
    return read((struct tensor_proto){.message = message, .length = -1, .unaligned = true},
                artifact, member, name, tensor, keep, err);
}
