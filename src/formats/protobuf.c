// SPDX-License-Identifier: Apache-2.0
/* https://protobuf.dev/programming-guides/encoding/ */
#include "formats/protobuf.h"

enum { VARINT_SIZE_MAX = 10, FIELD_NUMBER_MAX = (1 << 29) - 1 };

struct protobuf protobuf_over(struct bytes message)
{
    return (struct protobuf){.input = message, .origin = message.data};
}

static size_t place(const struct protobuf *reader)
{
    return reader->input.data ? (size_t)(reader->input.data - reader->origin) + reader->offset : 0;
}

/* Size of the varint at the front of `bytes`, 0 when it is cut short or has more than 64 bits. */
static size_t varint_parse(const uint8_t *bytes, size_t left, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < left && i < VARINT_SIZE_MAX; i++) {
        sum |= (uint64_t)(bytes[i] & 127) << (7 * i);
        if (bytes[i] < 128) {
            if (i == VARINT_SIZE_MAX - 1 && bytes[i] > 1)
                return 0;
            *value = sum;
            return i + 1;
        }
    }
    return 0;
}

static enum status read_long_varint(struct protobuf *reader, uint64_t *value, struct error *err)
{
    size_t left = reader->input.size - reader->offset, size;

    size = left ? varint_parse(reader->input.data + reader->offset, left, value) : 0;
    if (size == 0)
        return error_at(err, place(reader), STATUS_INVALID_INPUT,
                        left < VARINT_SIZE_MAX ? "message ends within a number"
                                               : "number of more than 64 bits");
    reader->offset += size;
    return STATUS_OK;
}

static always_inline enum status read_varint(struct protobuf *reader, uint64_t *value,
                                             struct error *err)
{
    const uint8_t *first = reader->input.data + reader->offset;

    if (reader->offset == reader->input.size || *first >= 128)
        return read_long_varint(reader, value, err);
    *value = *first;
    reader->offset++;
    return STATUS_OK;
}

static enum status read_fixed(struct protobuf *reader, size_t size, uint64_t *value,
                              struct error *err)
{
    const uint8_t *bytes = reader->input.data + reader->offset;

    if (reader->input.size - reader->offset < size)
        return error_at(err, place(reader), STATUS_INVALID_INPUT, "message ends within a number");
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    reader->offset += size;
    return STATUS_OK;
}

static enum status read_bytes(struct protobuf *reader, struct bytes *bytes, struct error *err)
{
    uint64_t size;

    TRY(read_varint(reader, &size, err));
    if (size > reader->input.size - reader->offset)
        return error_at(err, place(reader), STATUS_INVALID_INPUT,
                        "field of %llu bytes in a message that has %zu left",
                        (unsigned long long)size, reader->input.size - reader->offset);
    *bytes = (struct bytes){reader->input.data + reader->offset, (size_t)size};
    reader->offset += (size_t)size;
    return STATUS_OK;
}

enum status protobuf_next(struct protobuf *reader, struct protobuf_field *field, struct error *err)
{
    uint64_t key;

    *field = (struct protobuf_field){
        .origin = reader->origin, .offset = place(reader), .depth = reader->depth};
    if (reader->offset == reader->input.size)
        return STATUS_OK;
    TRY(read_varint(reader, &key, err));
    if (key >> 3 == 0 || key >> 3 > FIELD_NUMBER_MAX)
        return error_at(err, field->offset, STATUS_INVALID_INPUT, "field number %llu",
                        (unsigned long long)(key >> 3));
    field->wire = (enum protobuf_wire)(key & 7);
    switch ((unsigned)(key & 7)) {
    case PROTOBUF_VARINT:
        TRY(read_varint(reader, &field->value, err));
        break;
    case PROTOBUF_FIXED64:
        TRY(read_fixed(reader, 8, &field->value, err));
        break;
    case PROTOBUF_BYTES:
        TRY(read_bytes(reader, &field->bytes, err));
        break;
    case PROTOBUF_FIXED32:
        TRY(read_fixed(reader, 4, &field->value, err));
        break;
    default:
        return error_at(err, field->offset, STATUS_INVALID_INPUT, "field %llu has wire type %u%s",
                        (unsigned long long)(key >> 3), (unsigned)(key & 7),
                        (key & 7) < 5 ? " (a group)" : "");
    }
    field->number = (uint32_t)(key >> 3);
    return STATUS_OK;
}

static enum status check_wire(const struct protobuf_field *field, enum protobuf_wire wire,
                              struct error *err)
{
    static const char *const NAMES[] = {"a varint", "64 bits", "bytes", "", "", "32 bits"};

    if (field->wire == wire)
        return STATUS_OK;
    return error_at(err, field->offset, STATUS_INVALID_INPUT, "field %u is %s, not %s",
                    field->number, NAMES[field->wire], NAMES[wire]);
}

enum status protobuf_i64(const struct protobuf_field *field, int64_t *value, struct error *err)
{
    TRY(check_wire(field, PROTOBUF_VARINT, err));
    *value = (int64_t)field->value;
    return STATUS_OK;
}

enum status protobuf_bool(const struct protobuf_field *field, bool *value, struct error *err)
{
    TRY(check_wire(field, PROTOBUF_VARINT, err));
    *value = field->value != 0;
    return STATUS_OK;
}

enum status protobuf_f32(const struct protobuf_field *field, float *value, struct error *err)
{
    uint32_t bits = (uint32_t)field->value;

    TRY(check_wire(field, PROTOBUF_FIXED32, err));
    memcpy(value, &bits, sizeof bits);
    return STATUS_OK;
}

enum status protobuf_bytes(const struct protobuf_field *field, struct bytes *bytes,
                           struct error *err)
{
    TRY(check_wire(field, PROTOBUF_BYTES, err));
    *bytes = field->bytes;
    return STATUS_OK;
}

enum status protobuf_text(const struct protobuf_field *field, const char **text, struct arena *keep,
                          struct error *err)
{
    struct bytes bytes;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(protobuf_bytes(field, &bytes, err));
    if (!text_is_utf8(bytes) || (bytes.size && memchr(bytes.data, 0, bytes.size)))
        return error_at(err, field->offset, STATUS_INVALID_INPUT, "field %u, \"%s\", is not text",
                        field->number, text_quote(bytes, quoted, sizeof quoted));
    *text = arena_text(keep, bytes);
    return *text ? STATUS_OK : error_no_memory(err, "a string");
}

enum status protobuf_message(const struct protobuf_field *field, struct protobuf *message,
                             struct error *err)
{
    TRY(check_wire(field, PROTOBUF_BYTES, err));
    if (field->depth >= PROTOBUF_DEPTH_MAX)
        return error_at(err, field->offset, STATUS_INVALID_INPUT,
                        "messages nested more than %d deep", PROTOBUF_DEPTH_MAX);
    *message = (struct protobuf){
        .input = field->bytes, .origin = field->origin, .depth = field->depth + 1};
    return STATUS_OK;
}

/* --- repeated fields --- */

/* Values in one occurrence of a repeated scalar of that wire type. */
static enum status count_values(const struct protobuf_field *field, enum protobuf_wire wire,
                                size_t *count, struct error *err)
{
    size_t width = wire == PROTOBUF_FIXED32 ? 4 : 8, ends = 0;

    if (field->wire != PROTOBUF_BYTES) {
        TRY(check_wire(field, wire, err));
        *count += 1;
        return STATUS_OK;
    }
    if (wire == PROTOBUF_VARINT) {
        for (size_t i = 0; i < field->bytes.size; i++)
            ends += field->bytes.data[i] < 128;
        if (field->bytes.size && field->bytes.data[field->bytes.size - 1] >= 128)
            return error_at(err, field->offset, STATUS_INVALID_INPUT,
                            "packed field %u ends within a number", field->number);
        *count += ends;
        return STATUS_OK;
    }
    if (field->bytes.size % width)
        return error_at(err, field->offset, STATUS_INVALID_INPUT,
                        "packed field %u has %zu bytes, not a multiple of %zu", field->number,
                        field->bytes.size, width);
    *count += field->bytes.size / width;
    return STATUS_OK;
}

static enum status unpack_varints(const struct protobuf_field *field, int64_t *values,
                                  size_t *count, struct error *err)
{
    struct protobuf run = {.input = field->bytes, .origin = field->origin};

    while (run.offset < run.input.size) {
        uint64_t value;
        TRY(read_varint(&run, &value, err));
        values[(*count)++] = (int64_t)value;
    }
    return STATUS_OK;
}

/* `width`: bytes of a value in `values` and, but for varints, on the wire. */
static enum status all_scalars(const struct protobuf *message, uint32_t number,
                               enum protobuf_wire wire, size_t width, void **values, size_t *count,
                               struct arena *keep, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    size_t total = 0, used = 0;
    char *to;

    reader.offset = 0;
    do {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == number)
            TRY(count_values(&field, wire, &total, err));
    } while (field.number);
    to = *values = arena_alloc(keep, total, width);
    if (!to)
        return error_no_memory(err, "a repeated field");
    reader.offset = 0;
    while (used < total) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number != number)
            continue;
        if (field.wire != PROTOBUF_BYTES) {
            memcpy(to + used++ * width, &field.value, width); /* little-endian, as we are */
        } else if (wire == PROTOBUF_VARINT) {
            TRY(unpack_varints(&field, *values, &used, err));
        } else if (field.bytes.size) {
            memcpy(to + used * width, field.bytes.data, field.bytes.size);
            used += field.bytes.size / width;
        }
    }
    *count = used;
    return STATUS_OK;
}

enum status protobuf_all_i64(const struct protobuf *message, uint32_t number, int64_t **values,
                             size_t *count, struct arena *keep, struct error *err)
{
    void *memory = NULL;

    TRY(all_scalars(message, number, PROTOBUF_VARINT, 8, &memory, count, keep, err));
    *values = memory;
    return STATUS_OK;
}

enum status protobuf_all_f32(const struct protobuf *message, uint32_t number, float **values,
                             size_t *count, struct arena *keep, struct error *err)
{
    void *memory = NULL;

    TRY(all_scalars(message, number, PROTOBUF_FIXED32, 4, &memory, count, keep, err));
    *values = memory;
    return STATUS_OK;
}

enum status protobuf_all_f64(const struct protobuf *message, uint32_t number, double **values,
                             size_t *count, struct arena *keep, struct error *err)
{
    void *memory = NULL;

    TRY(all_scalars(message, number, PROTOBUF_FIXED64, 8, &memory, count, keep, err));
    *values = memory;
    return STATUS_OK;
}

enum status protobuf_count(const struct protobuf *message, uint32_t number, size_t *count,
                           struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;

    *count = 0;
    reader.offset = 0;
    do {
        TRY(protobuf_next(&reader, &field, err));
        *count += field.number == number && number;
    } while (field.number);
    return STATUS_OK;
}

enum status protobuf_all_bytes(const struct protobuf *message, uint32_t number,
                               struct bytes **values, size_t *count, struct arena *keep,
                               struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    size_t used = 0;

    TRY(protobuf_count(message, number, count, err));
    *values = arena_new(keep, struct bytes, *count);
    if (!*values)
        return error_no_memory(err, "a repeated field");
    reader.offset = 0;
    while (used < *count) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == number)
            TRY(protobuf_bytes(&field, &(*values)[used++], err));
    }
    return STATUS_OK;
}

enum status protobuf_entry(struct protobuf entry, struct protobuf_field *key,
                           struct protobuf_field *value, struct error *err)
{
    struct protobuf_field field;

    *key = *value = (struct protobuf_field){.wire = PROTOBUF_BYTES,
                                            .bytes = {(const uint8_t *)"", 0},
                                            .origin = entry.origin,
                                            .depth = entry.depth};
    for (;;) {
        TRY(protobuf_next(&entry, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            *key = field;
        if (field.number == 2)
            *value = field;
    }
}

/* --- writing --- */

static size_t varint_write(uint8_t *to, uint64_t value)
{
    size_t size = 0;

    for (; value >= 128; value >>= 7)
        to[size++] = (uint8_t)(value | 128);
    to[size++] = (uint8_t)value;
    return size;
}

void protobuf_write_varint(struct text *text, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];

    text_append_bytes(text, (struct bytes){bytes, varint_write(bytes, value)});
}

static void write_key(struct text *text, uint32_t number, enum protobuf_wire wire)
{
    protobuf_write_varint(text, (uint64_t)number << 3 | wire);
}

void protobuf_write_i64(struct text *text, uint32_t number, int64_t value)
{
    write_key(text, number, PROTOBUF_VARINT);
    protobuf_write_varint(text, (uint64_t)value);
}

void protobuf_write_f32(struct text *text, uint32_t number, float value)
{
    write_key(text, number, PROTOBUF_FIXED32);
    text_append_bytes(text, (struct bytes){(const uint8_t *)&value, sizeof value});
}

void protobuf_write_f64(struct text *text, uint32_t number, double value)
{
    write_key(text, number, PROTOBUF_FIXED64);
    text_append_bytes(text, (struct bytes){(const uint8_t *)&value, sizeof value});
}

void protobuf_write_bytes(struct text *text, uint32_t number, struct bytes bytes)
{
    write_key(text, number, PROTOBUF_BYTES);
    protobuf_write_varint(text, bytes.size);
    text_append_bytes(text, bytes);
}

void protobuf_write_text(struct text *text, uint32_t number, const char *string)
{
    protobuf_write_bytes(text, number, bytes_of(string));
}

void protobuf_write_packed_i64(struct text *text, uint32_t number, const int64_t *values,
                               size_t count)
{
    size_t begin = protobuf_write_begin(text);

    for (size_t i = 0; i < count; i++)
        protobuf_write_varint(text, (uint64_t)values[i]);
    protobuf_write_end(text, number, begin);
}

void protobuf_write_packed_f32(struct text *text, uint32_t number, const float *values,
                               size_t count)
{
    protobuf_write_bytes(text, number,
                         (struct bytes){(const uint8_t *)values, count * sizeof *values});
}

void protobuf_write_size(struct text *text, uint32_t number, size_t size)
{
    write_key(text, number, PROTOBUF_BYTES);
    protobuf_write_varint(text, size);
}

size_t protobuf_size_of_varint(uint64_t value)
{
    return value ? (size_t)(63 - __builtin_clzll(value)) / 7 + 1 : 1;
}

size_t protobuf_size_of_bytes(uint32_t number, size_t size)
{
    return protobuf_size_of_varint((uint64_t)number << 3) + protobuf_size_of_varint(size) + size;
}

size_t protobuf_write_begin(struct text *text)
{
    return text->size;
}

void protobuf_write_end(struct text *text, uint32_t number, size_t begin)
{
    uint8_t head[2 * VARINT_SIZE_MAX];
    size_t size = varint_write(head, (uint64_t)number << 3 | PROTOBUF_BYTES), content;

    if (text->failed || !text_reserve(text, sizeof head))
        return;
    content = text->size - begin;
    size += varint_write(head + size, content);
    memmove(text->data + begin + size, text->data + begin, content);
    memcpy(text->data + begin, head, size);
    text->size += size;
    text->data[text->size] = 0;
}
