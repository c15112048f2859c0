// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/record.h"

#include "base/hash/crc32c.h"
#include "formats/protobuf.h"

/* --- records: u64 length, u32 masked CRC of it, data, u32 masked CRC of the data --- */

enum { HEADER = 12 };

static bool length_is_good(struct bytes header)
{
    struct cursor cursor = cursor_over(header);

    cursor_skip(&cursor, 8);
    return crc32c_mask(crc32c((struct bytes){header.data, 8})) == cursor_u32le(&cursor);
}

bool record_is(struct bytes bytes)
{
    return bytes.size >= HEADER && length_is_good((struct bytes){bytes.data, HEADER});
}

enum status record_next(struct cursor *file, struct bytes *record, bool *more, struct error *err)
{
    size_t begin = file->offset;
    struct cursor header;
    struct bytes bytes;
    uint32_t stored;

    *more = cursor_left(file) > 0;
    if (!*more)
        return STATUS_OK;
    bytes = cursor_take(file, HEADER);
    TRY(cursor_check(file, err));
    if (!length_is_good(bytes))
        return error_at(err, begin, STATUS_INVALID_INPUT,
                        "the checksum of a record's length is wrong");
    header = cursor_over(bytes);
    *record = cursor_take(file, cursor_u64le(&header));
    stored = cursor_u32le(file);
    TRY(cursor_check(file, err));
    if (crc32c_mask(crc32c(*record)) != stored)
        return error_at(err, begin, STATUS_INVALID_INPUT, "the checksum of a record is wrong");
    return STATUS_OK;
}

/* --- Example {1: Features {1: map<string, Feature>}} --- */

enum { BYTES_LIST = 1, FLOAT_LIST = 2, INT64_LIST = 3 };

static enum status list_read(const struct protobuf *list, uint32_t kind, struct tensor *values,
                             struct arena *keep, struct error *err)
{
    size_t count = 0;

    if (kind == BYTES_LIST) {
        TRY(protobuf_all_bytes(list, 1, (struct bytes **)&values->data, &count, keep, err));
        values->dtype = DTYPE_STRING;
    } else if (kind == FLOAT_LIST) {
        TRY(protobuf_all_f32(list, 1, (float **)&values->data, &count, keep, err));
        values->dtype = DTYPE_F32;
    } else {
        TRY(protobuf_all_i64(list, 1, (int64_t **)&values->data, &count, keep, err));
        values->dtype = DTYPE_I64;
    }
    values->shape = SHAPE((int64_t)count);
    return STATUS_OK;
}

/* A oneof: the last list stands. */
static enum status values_read(struct protobuf message, struct tensor *values, struct arena *keep,
                               struct error *err)
{
    struct protobuf_field field;
    struct protobuf list;

    *values = (struct tensor){.shape = SHAPE(0)};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number > INT64_LIST)
            continue;
        TRY(protobuf_message(&field, &list, err));
        TRY(list_read(&list, field.number, values, keep, err));
    }
}

static enum status feature_read(struct protobuf entry, struct feature *feature, struct arena *keep,
                                struct error *err)
{
    struct protobuf_field field;
    struct protobuf values;

    *feature = (struct feature){.name = {(const uint8_t *)"", 0}};
    for (;;) {
        TRY(protobuf_next(&entry, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_bytes(&field, &feature->name, err));
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &values, err));
        TRY(values_read(values, &feature->values, keep, err));
    }
}

static enum status features_read(struct protobuf message, struct example *example,
                                 struct arena *keep, struct error *err)
{
    struct protobuf_field field;
    struct protobuf entry;
    size_t count;

    TRY(protobuf_count(&message, 1, &count, err));
    example->features = arena_new(keep, struct feature, count);
    if (!example->features)
        return error_no_memory(err, "an Example");
    for (;;) {
        struct feature *feature = &example->features[example->count];

        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1 || example->count == count)
            continue;
        TRY(protobuf_message(&field, &entry, err));
        TRY(feature_read(entry, feature, keep, err));
        if (!map_set(&example->by_name, feature->name, feature))
            return error_no_memory(err, "an Example");
        example->count++;
    }
}

enum status example_read(struct bytes message, struct example *example, struct arena *keep,
                         struct error *err)
{
    struct protobuf reader = protobuf_over(message), features;
    struct protobuf_field field;

    *example = (struct example){0};
    map_init(&example->by_name, keep);
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        TRY(protobuf_message(&field, &features, err));
        TRY(features_read(features, example, keep, err));
    }
}

const struct feature *example_find(const struct example *example, struct bytes name)
{
    return map_find(&example->by_name, name);
}

/* --- writing --- */

static enum status list_write(struct text *text, const struct tensor *values, struct error *err)
{
    size_t count = tensor_count(values), begin = protobuf_write_begin(text);
    const struct bytes *strings = values->data;

    switch (values->dtype) {
    case DTYPE_STRING:
        for (size_t i = 0; i < count; i++)
            protobuf_write_bytes(text, 1, strings[i]);
        protobuf_write_end(text, BYTES_LIST, begin);
        return STATUS_OK;
    case DTYPE_F32:
        protobuf_write_packed_f32(text, 1, values->data, count);
        protobuf_write_end(text, FLOAT_LIST, begin);
        return STATUS_OK;
    case DTYPE_I64:
        protobuf_write_packed_i64(text, 1, values->data, count);
        protobuf_write_end(text, INT64_LIST, begin);
        return STATUS_OK;
    default:
        return error_set(err, STATUS_UNSUPPORTED,
                         "an Example holds string, float and int64, not %s",
                         dtype_name(values->dtype));
    }
}

enum status example_write(struct text *text, const struct feature *features, size_t count,
                          struct error *err)
{
    size_t all = protobuf_write_begin(text);

    for (size_t i = 0; i < count; i++) {
        size_t entry = protobuf_write_begin(text), value;

        protobuf_write_bytes(text, 1, features[i].name);
        value = protobuf_write_begin(text);
        if (features[i].values.dtype != DTYPE_NONE)
            TRY(list_write(text, &features[i].values, err));
        protobuf_write_end(text, 2, value);
        protobuf_write_end(text, 1, entry);
    }
    protobuf_write_end(text, 1, all);
    return text_check(text, err);
}
