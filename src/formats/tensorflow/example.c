// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/example.h"

#include "formats/protobuf.h"

enum { FEATURES = 1, FEATURE_LISTS = 2 };                /* of Example, SequenceExample */
enum { BYTES_LIST = 1, FLOAT_LIST = 2, INT64_LIST = 3 }; /* of Feature */
static const enum dtype DTYPES[] = {DTYPE_NONE, DTYPE_STRING, DTYPE_F32, DTYPE_I64};

static size_t varints_count(struct bytes bytes)
{
    size_t count = 0;

    for (size_t i = 0; i < bytes.size; i++)
        count += bytes.data[i] < 0x80;
    return count;
}

/* How many values a field of a list holds, which may be packed. */
static enum status field_count(enum dtype dtype, const struct protobuf_field *at, size_t *count,
                               struct error *err)
{
    bool packed = at->wire == PROTOBUF_BYTES;

    *count = 1;
    if (dtype == DTYPE_STRING)
        return packed ? STATUS_OK
                      : error_set(err, STATUS_INVALID_INPUT, "a list of bytes holds a number");
    if (dtype == DTYPE_F32 ? (packed ? at->bytes.size % 4 != 0 : at->wire != PROTOBUF_FIXED32)
                           : (packed ? at->bytes.size && at->bytes.data[at->bytes.size - 1] >= 0x80
                                     : at->wire != PROTOBUF_VARINT))
        return error_set(err, STATUS_INVALID_INPUT, "a list of %s is malformed", dtype_name(dtype));
    if (packed)
        *count = dtype == DTYPE_F32 ? at->bytes.size / 4 : varints_count(at->bytes);
    return STATUS_OK;
}

static enum status list_count(struct feature_list *list, struct error *err)
{
    struct protobuf reader = protobuf_over(list->bytes);
    struct protobuf_field at;
    size_t more;

    list->count = 0;
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != 1)
            continue;
        TRY(field_count(list->dtype, &at, &more, err));
        list->count += more;
    }
}

static enum status varints_read(struct bytes bytes, int64_t *values, size_t count,
                                struct error *err)
{
    size_t i = 0;

    for (size_t v = 0; v < count; v++) {
        uint64_t value = 0;
        unsigned shift = 0;

        for (;; shift += 7) {
            uint8_t byte = bytes.data[i++];

            if (shift > 63)
                return error_set(err, STATUS_INVALID_INPUT, "an integer has more than 64 bits");
            value |= (uint64_t)(byte & 0x7f) << shift;
            if (byte < 0x80)
                break;
        }
        values[v] = (int64_t)value;
    }
    return STATUS_OK;
}

static enum status field_values(enum dtype dtype, const struct protobuf_field *at, size_t count,
                                void *values, struct error *err)
{
    uint32_t bits = (uint32_t)at->value;

    if (dtype == DTYPE_STRING) {
        *(struct bytes *)values =
            at->bytes.size ? at->bytes : (struct bytes){(const uint8_t *)"", 0};
        return STATUS_OK;
    }
    if (at->wire == PROTOBUF_BYTES && dtype == DTYPE_I64)
        return varints_read(at->bytes, values, count, err);
    if (at->wire == PROTOBUF_BYTES) {
        if (count)
            memcpy(values, at->bytes.data, 4 * count);
    } else if (dtype == DTYPE_F32) {
        memcpy(values, &bits, sizeof bits);
    } else {
        *(int64_t *)values = (int64_t)at->value;
    }
    return STATUS_OK;
}

enum status feature_values(const struct feature_list *list, void *values, struct error *err)
{
    struct protobuf reader = protobuf_over(list->bytes);
    struct protobuf_field at;
    uint8_t *to = values;
    size_t count;

    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != 1)
            continue;
        TRY(field_count(list->dtype, &at, &count, err));
        TRY(field_values(list->dtype, &at, count, to, err));
        to += count * dtype_size(list->dtype);
    }
}

/* A Feature: one of three lists; the last one stands. */
static enum status feature_open(struct bytes message, struct feature_list *list, struct error *err)
{
    struct protobuf reader = protobuf_over(message);
    struct protobuf_field at;

    *list = (struct feature_list){.dtype = DTYPE_NONE};
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            break;
        if (at.number > INT64_LIST)
            continue;
        list->dtype = DTYPES[at.number];
        TRY(protobuf_bytes(&at, &list->bytes, err));
    }
    return list->dtype == DTYPE_NONE ? STATUS_OK : list_count(list, err);
}

/* Entries of the map, field 1 of the message: their values for the names that are wanted. */
static enum status map_pick(struct protobuf entries, const struct bytes *names, size_t count,
                            struct bytes *values, struct error *err)
{
    struct protobuf_field at, key, feature;
    struct protobuf entry;

    for (;;) {
        struct bytes name, value;

        TRY(protobuf_next(&entries, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != 1)
            continue;
        TRY(protobuf_message(&at, &entry, err));
        TRY(protobuf_entry(entry, &key, &feature, err));
        TRY(protobuf_bytes(&key, &name, err));
        TRY(protobuf_bytes(&feature, &value, err));
        for (size_t i = 0; i < count; i++)
            if (bytes_equal(name, names[i]))
                values[i] = value;
    }
}

/* What a message holds in field `number`, a message with such a map. */
static enum status maps_pick(struct bytes message, uint32_t number, const struct bytes *names,
                             size_t count, struct bytes *values, struct error *err)
{
    struct protobuf reader = protobuf_over(message), map;
    struct protobuf_field at;

    memset(values, 0, count * sizeof *values);
    for (;;) {
        TRY(protobuf_next(&reader, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != number)
            continue;
        TRY(protobuf_message(&at, &map, err));
        TRY(map_pick(map, names, count, values, err));
    }
}

enum status example_features(struct bytes message, const struct bytes *names, size_t count,
                             struct feature_list *features, struct error *err)
{
    struct bytes values[EXAMPLE_KEYS_MAX];

    TRY(maps_pick(message, FEATURES, names, count, values, err));
    for (size_t i = 0; i < count; i++) {
        features[i] = (struct feature_list){.dtype = DTYPE_NONE};
        if (values[i].data)
            TRY(feature_open(values[i], &features[i], err));
    }
    return STATUS_OK;
}

enum status example_sequences(struct bytes message, const struct bytes *names, size_t count,
                              struct bytes *sequences, struct error *err)
{
    return maps_pick(message, FEATURE_LISTS, names, count, sequences, err);
}

enum status feature_next(struct bytes sequence, size_t *at, struct feature_list *feature,
                         bool *more, struct error *err)
{
    struct protobuf reader = protobuf_over(sequence);
    struct protobuf_field field;
    struct bytes bytes;

    reader.offset = *at;
    *feature = (struct feature_list){.dtype = DTYPE_NONE};
    do
        TRY(protobuf_next(&reader, &field, err));
    while (field.number > 1);
    *at = reader.offset;
    *more = field.number == 1;
    if (!*more)
        return STATUS_OK;
    TRY(protobuf_bytes(&field, &bytes, err));
    return feature_open(bytes, feature, err);
}
