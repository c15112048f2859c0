// SPDX-License-Identifier: Apache-2.0
/* Attributes and datasets as tensors. */
#include "base/checked.h"
#include "base/text.h"
#include "formats/hdf5/internal.h"
#include "formats/numpy/npy.h"

static const size_t DATA_MAX = (size_t)1 << 40;
enum { UNWRITTEN_MAX = 64 << 20 };

/* --- strings of variable length: references into global heaps --- */

/* An object of a global heap collection. */
static enum status heap_object(struct hdf5 *file, uint64_t address, uint32_t index,
                               struct bytes *object, struct error *err)
{
    struct cursor cursor;
    struct bytes collection;
    uint64_t size;

    TRY(hdf5_at(file, address, "GCOL", "global heap", &cursor, err));
    cursor_skip(&cursor, 4);
    size = hdf5_length(file, &cursor);
    cursor.offset = (size_t)address;
    collection = cursor_take(&cursor, size);
    TRY(cursor_check(&cursor, err));
    cursor = cursor_over(collection);
    cursor_skip(&cursor, 8 + (uint64_t)file->length_size);
    while (cursor_left(&cursor) >= 8 + (size_t)file->length_size) {
        uint16_t number = cursor_u16le(&cursor);

        cursor_skip(&cursor, 6);
        size = hdf5_length(file, &cursor);
        if (!number)
            break;
        *object = cursor_take(&cursor, size);
        cursor_skip(&cursor, (8 - size % 8) % 8);
        if (number == index)
            return cursor_check(&cursor, err);
    }
    return error_at(err, (size_t)address, STATUS_INVALID_INPUT,
                    "the HDF5 global heap has no object %u", index);
}

static struct bytes until_nul(struct bytes text)
{
    const uint8_t *end = text.size ? memchr(text.data, 0, text.size) : NULL;

    return end ? (struct bytes){text.data, (size_t)(end - text.data)} : text;
}

static enum status variable_strings(struct hdf5 *file, const struct shape *shape, struct bytes data,
                                    struct tensor *tensor, struct error *err)
{
    struct cursor cursor = cursor_over(data);
    struct bytes *strings;
    size_t count;

    TRY(tensor_new(tensor, DTYPE_STRING, shape, file->keep, err));
    strings = tensor->data;
    count = tensor_count(tensor);
    for (size_t i = 0; i < count; i++) {
        uint32_t size = cursor_u32le(&cursor);
        uint64_t address = hdf5_offset(file, &cursor);
        uint32_t index = cursor_u32le(&cursor);

        TRY(cursor_check(&cursor, err));
        strings[i] = (struct bytes){(const uint8_t *)"", 0};
        if (!size)
            continue;
        hdf5_call_begin(file); /* many strings share a heap */
        TRY(heap_object(file, address, index, &strings[i], err));
        if (size < strings[i].size)
            strings[i].size = size;
        strings[i] = until_nul(strings[i]);
    }
    return STATUS_OK;
}

/* --- elements --- */

static void trim_spaces(const struct tensor *strings)
{
    struct bytes *items = strings->data;

    for (size_t i = 0; i < tensor_count(strings); i++)
        while (items[i].size && items[i].data[items[i].size - 1] == ' ')
            items[i].size--;
}

static enum status booleans_check(const struct tensor *tensor, struct error *err)
{
    const uint8_t *items = tensor->data;

    for (size_t i = 0; i < tensor_count(tensor); i++)
        if (items[i] > 1)
            return error_set(err, STATUS_INVALID_INPUT, "element %zu is bool and %u", i, items[i]);
    return STATUS_OK;
}

enum status hdf5_tensor(struct hdf5 *file, const struct hdf5_type *type, const struct shape *shape,
                        struct bytes data, struct tensor *tensor, struct error *err)
{
    struct numpy_array array = {.dtype = type->dtype, .shape = *shape, .data = data};

    if (type->variable)
        return variable_strings(file, shape, data, tensor, err);
    if (numpy_dtype_native(&type->dtype) == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "HDF5 numbers of %zu bytes are not supported",
                         type->dtype.itemsize);
    TRY(numpy_to_tensor(&array, tensor, file->keep, err));
    if (type->space_padded)
        trim_spaces(tensor);
    if (type->bfloat16)
        tensor->dtype = DTYPE_BF16;
    if (type->boolean) {
        tensor->dtype = DTYPE_BOOL;
        return booleans_check(tensor, err);
    }
    return STATUS_OK;
}

/* Bytes of all elements, as they lie in the file. */
static enum status data_size(const struct hdf5_type *type, const struct shape *shape, size_t *size,
                             struct error *err)
{
    TRY(shape_check(shape, DTYPE_U8, DATA_MAX, size, err));
    if (!checked_multiply(*size, type->dtype.itemsize, size) || *size > DATA_MAX)
        return error_set(err, STATUS_TOO_LARGE, "an HDF5 dataset of more than %zu bytes", DATA_MAX);
    return STATUS_OK;
}

/* --- attributes --- */

struct attribute_parts {
    struct bytes name, space;
    struct hdf5_message type;
    struct bytes data; /* and what follows */
};

static struct bytes take_padded(struct cursor *cursor, uint16_t size, unsigned version)
{
    struct bytes taken = cursor_take(cursor, size);

    cursor_skip(cursor, version == 1 ? (8u - size % 8u) % 8u : 0);
    return taken;
}

static enum status attribute_split(struct bytes body, struct attribute_parts *parts,
                                   struct error *err)
{
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), flags = cursor_u8(&cursor);
    uint16_t name = cursor_u16le(&cursor), type = cursor_u16le(&cursor);
    uint16_t space = cursor_u16le(&cursor);

    if (version < 1 || version > 3)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 attribute has version %u", version);
    cursor_skip(&cursor, version == 3 ? 1 : 0); /* character set */
    parts->name = until_nul(take_padded(&cursor, name, version));
    parts->type = (struct hdf5_message){.type = HDF5_DATATYPE, .shared = version > 1 && flags & 1};
    parts->type.body = take_padded(&cursor, type, version);
    parts->space = take_padded(&cursor, space, version);
    parts->data = cursor_take(&cursor, cursor_left(&cursor));
    return cursor_check(&cursor, err);
}

static enum status attribute_value(struct hdf5 *file, const struct attribute_parts *parts,
                                   struct tensor *value, struct error *err)
{
    struct hdf5_type type;
    struct shape shape;
    size_t size;

    TRY(hdf5_type_read(file, &parts->type, &type, err));
    TRY(hdf5_space_read(file, parts->space, &shape, err));
    TRY(data_size(&type, &shape, &size, err));
    if (size > parts->data.size)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu bytes, not %zu", parts->data.size,
                         size);
    return hdf5_tensor(file, &type, &shape, (struct bytes){parts->data.data, size}, value, err);
}

/* Many attributes lie in a fractal heap, which we do not read. */
static enum status attribute_missing(const struct hdf5 *file, const struct hdf5_header *header,
                                     const char *name, struct error *err)
{
    const struct hdf5_message *info = hdf5_message_find(header, HDF5_ATTRIBUTE_INFO);
    struct cursor cursor;
    uint8_t flags;

    if (!info)
        return STATUS_OK;
    cursor = cursor_over(info->body);
    flags = (cursor_skip(&cursor, 1), cursor_u8(&cursor));
    cursor_skip(&cursor, flags & 1 ? 2 : 0);
    if (hdf5_is_undefined(file, hdf5_offset(file, &cursor)) || cursor.failed)
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED,
                     "attribute '%.64s': the HDF5 object keeps its attributes in a fractal heap",
                     name);
}

enum status hdf5_attribute(struct hdf5 *file, hdf5_object object, const char *name, bool *found,
                           struct tensor *value, struct error *err)
{
    struct hdf5_header header;

    *found = false;
    hdf5_call_begin(file);
    TRY(hdf5_header_read(file, object, &header, err));
    for (size_t i = 0; i < header.count; i++) {
        struct attribute_parts parts;

        if (header.messages[i].type != HDF5_ATTRIBUTE)
            continue;
        TRY(attribute_split(header.messages[i].body, &parts, err));
        if (!bytes_is(parts.name, name))
            continue;
        *found = true;
        if (attribute_value(file, &parts, value, err))
            return error_within(err, "HDF5 attribute '%.64s'", name);
        return STATUS_OK;
    }
    return attribute_missing(file, &header, name, err);
}

/* --- datasets --- */

struct dataset {
    struct hdf5 *file;
    const struct hdf5_header *header;
    struct hdf5_type type;
    struct shape shape;
    size_t size;
};

static enum status zeros(const struct dataset *d, struct bytes *data, struct error *err)
{
    const uint8_t *made;

    if (d->size > UNWRITTEN_MAX)
        return error_set(err, STATUS_TOO_LARGE, "claims %zu bytes that were never written",
                         d->size);
    made = arena_alloc(d->file->keep, d->size, 1);
    if (!made)
        return error_no_memory(err, "an HDF5 dataset");
    *data = (struct bytes){made, d->size};
    return STATUS_OK;
}

/* `stored` bytes at an address; a dataset that was never written is zero. */
static enum status contiguous(const struct dataset *d, uint64_t address, uint64_t stored,
                              struct bytes *data, struct error *err)
{
    struct cursor cursor;

    if (!d->size || hdf5_is_undefined(d->file, address))
        return zeros(d, data, err);
    if (stored < d->size)
        return error_set(err, STATUS_INVALID_INPUT, "has %llu bytes, not %zu",
                         (unsigned long long)stored, d->size);
    TRY(hdf5_at(d->file, address, NULL, "data", &cursor, err));
    *data = cursor_take(&cursor, d->size);
    return cursor_check(&cursor, err);
}

static enum status compact(const struct dataset *d, struct cursor *cursor, uint32_t stored,
                           struct bytes *data, struct error *err)
{
    if (stored < d->size)
        return error_set(err, STATUS_INVALID_INPUT, "has %u bytes, not %zu", stored, d->size);
    *data = cursor_take(cursor, d->size);
    return cursor_check(cursor, err);
}

static enum status chunked(const struct dataset *d, const struct cursor *layout, unsigned version,
                           unsigned rank, struct bytes *data, struct error *err)
{
    struct hdf5_chunked chunks = {
        .layout = *layout,
        .version = version,
        .rank = rank,
        .filters = hdf5_message_find(d->header, HDF5_FILTERS),
        .shape = &d->shape,
        .item_size = d->type.dtype.itemsize,
        .size = d->size,
    };

    if (!d->size)
        return zeros(d, data, err);
    return hdf5_chunks_read(d->file, &chunks, data, err);
}

enum { COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL };

/* Versions 1 and 2 state rank and class first, then the dimensions that chunks have. */
static enum status layout_old(const struct dataset *d, struct cursor cursor, struct bytes *data,
                              struct error *err)
{
    uint8_t rank = cursor_u8(&cursor), class = cursor_u8(&cursor);
    uint64_t address;

    cursor_skip(&cursor, 5);
    if (class == CHUNKED)
        return chunked(d, &cursor, 1, rank, data, err);
    address = class == COMPACT ? 0 : hdf5_offset(d->file, &cursor);
    cursor_skip(&cursor, 4 * (uint64_t)rank);
    if (class == COMPACT)
        return compact(d, &cursor, cursor_u32le(&cursor), data, err);
    return contiguous(d, address, d->size, data, err);
}

static enum status layout_read(const struct dataset *d, struct bytes body, struct bytes *data,
                               struct error *err)
{
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), class;
    uint64_t address;

    if (version < 3)
        return layout_old(d, cursor, data, err);
    class = cursor_u8(&cursor);
    if (version > 4 || class > CHUNKED)
        return error_set(err, STATUS_UNSUPPORTED, "its layout is %s",
                         class == VIRTUAL ? "virtual" : "of an unknown version");
    if (class == COMPACT)
        return compact(d, &cursor, cursor_u16le(&cursor), data, err);
    if (class == CHUNKED)
        return chunked(d, &cursor, version, version == 3 ? cursor_u8(&cursor) : 0, data, err);
    address = hdf5_offset(d->file, &cursor);
    return contiguous(d, address, hdf5_length(d->file, &cursor), data, err);
}

static enum status dataset_read(struct dataset *d, struct tensor *tensor, struct error *err)
{
    const struct hdf5_message *type = hdf5_message_find(d->header, HDF5_DATATYPE);
    const struct hdf5_message *space = hdf5_message_find(d->header, HDF5_DATASPACE);
    const struct hdf5_message *layout = hdf5_message_find(d->header, HDF5_LAYOUT);
    struct bytes data;

    if (!type || !space || !layout)
        return error_set(err, STATUS_INVALID_INPUT, "is no dataset");
    if (hdf5_message_find(d->header, HDF5_EXTERNAL_FILES))
        return error_set(err, STATUS_UNSUPPORTED, "lies in external files");
    TRY(hdf5_type_read(d->file, type, &d->type, err));
    TRY(hdf5_space_read(d->file, space->body, &d->shape, err));
    TRY(data_size(&d->type, &d->shape, &d->size, err));
    TRY(layout_read(d, layout->body, &data, err));
    return hdf5_tensor(d->file, &d->type, &d->shape, data, tensor, err);
}

enum status hdf5_read(struct hdf5 *file, hdf5_object object, struct tensor *tensor,
                      struct error *err)
{
    struct hdf5_header header;
    struct dataset dataset = {.file = file, .header = &header};

    hdf5_call_begin(file);
    TRY(hdf5_header_read(file, object, &header, err));
    if (dataset_read(&dataset, tensor, err))
        return error_within(err, "HDF5 object at byte %llu", (unsigned long long)object);
    return STATUS_OK;
}

enum status hdf5_is_dataset(struct hdf5 *file, hdf5_object object, bool *is, struct error *err)
{
    struct hdf5_header header;

    hdf5_call_begin(file);
    TRY(hdf5_header_read(file, object, &header, err));
    *is = hdf5_message_find(&header, HDF5_LAYOUT) != NULL;
    return STATUS_OK;
}
