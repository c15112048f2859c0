// SPDX-License-Identifier: Apache-2.0
/* Chunked datasets: pieces of equal shape, each found through an index and filtered by itself. */
#include "base/checked.h"
#include "base/text.h"
#include "formats/compression/compression.h"
#include "formats/hdf5/internal.h"
#include "tensor/block.h"

enum { FILTERS_MAX = 8, LEVELS_MAX = 16 };
static const size_t CHUNK_MAX = (size_t)1 << 30;

enum filter_id { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };

struct filter {
    uint16_t id;
    bool optional;
};

struct assembly {
    struct hdf5 *file;
    const struct hdf5_chunked *chunked;
    struct filter filters[FILTERS_MAX];
    size_t filter_count;
    int rank;               /* of the dataset */
    size_t dims[RANK_MAX];  /* of the dataset */
    size_t chunk[RANK_MAX]; /* of a chunk */
    size_t chunk_size;      /* bytes of a chunk */
    uint8_t *data;          /* all elements, row-major */
};

/* --- filters --- */

static enum status filters_read(struct assembly *a, struct bytes body, struct error *err)
{
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), count = cursor_u8(&cursor);

    cursor_skip(&cursor, version == 1 ? 6 : 0);
    if (count > FILTERS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has %u filters", count);
    for (uint8_t i = 0; i < count; i++) {
        struct filter *filter = &a->filters[i];
        uint16_t name = 0, values;

        filter->id = cursor_u16le(&cursor);
        if (version == 1 || filter->id >= 256)
            name = cursor_u16le(&cursor);
        filter->optional = cursor_u16le(&cursor) & 1;
        values = cursor_u16le(&cursor);
        cursor_skip(&cursor, version == 1 ? (name + 7u) / 8 * 8 : name);
        cursor_skip(&cursor, 4 * (uint64_t)values + (version == 1 && values % 2 ? 4 : 0));
        TRY(cursor_check(&cursor, err));
        if (filter->id < DEFLATE || filter->id > FLETCHER32)
            return error_set(err, STATUS_UNSUPPORTED, "has HDF5 filter %u", filter->id);
    }
    a->filter_count = count;
    return STATUS_OK;
}

/* First bytes of all elements, then second bytes ... -> elements. What does not fill an element
 * stays at the end. */
static enum status unshuffle(struct assembly *a, struct bytes *data, struct error *err)
{
    size_t item = a->chunked->item_size, count = data->size / item;
    uint8_t *plain = arena_alloc(a->file->keep, data->size, 1);

    if (!plain)
        return error_no_memory(err, "an HDF5 chunk");
    for (size_t b = 0; b < item; b++)
        for (size_t i = 0; i < count; i++)
            plain[i * item + b] = data->data[b * count + i];
    memcpy(plain + count * item, data->data + count * item, data->size - count * item);
    *data = (struct bytes){plain, data->size};
    return STATUS_OK;
}

/* The sums of all 16-bit words, big-endian, modulo 65535. */
static uint32_t fletcher32(struct bytes data)
{
    uint32_t one = 0, two = 0;

    for (size_t i = 0; i < data.size; i += 2) {
        uint32_t word = (uint32_t)data.data[i] << 8 | (i + 1 < data.size ? data.data[i + 1] : 0);
        one = (one + word) % 65535;
        two = (two + one) % 65535;
    }
    return two << 16 | one;
}

static enum status checksum_strip(struct bytes *data, struct error *err)
{
    struct cursor tail = cursor_over(*data);

    if (data->size < 4)
        return error_set(err, STATUS_INVALID_INPUT, "an HDF5 chunk has no checksum");
    data->size -= 4;
    tail.offset = data->size;
    if (cursor_u32le(&tail) != fletcher32(*data))
        return error_set(err, STATUS_INVALID_INPUT, "the checksum of an HDF5 chunk is wrong");
    return STATUS_OK;
}

/* Undo the filters, the last one first; bit i of `skipped`: filter i was not used. */
static enum status unfilter(struct assembly *a, uint32_t skipped, struct bytes *data,
                            struct error *err)
{
    for (size_t i = a->filter_count; i-- > 0;) {
        if (skipped & 1u << i)
            continue;
        switch (a->filters[i].id) {
        case DEFLATE:
            TRY(decompress(COMPRESSION_ZLIB, *data, a->chunk_size + 4, 2000, data, a->file->keep,
                           err));
            break;
        case SHUFFLE:
            TRY(unshuffle(a, data, err));
            break;
        default:
            TRY(checksum_strip(data, err));
        }
    }
    if (data->size < a->chunk_size)
        return error_set(err, STATUS_INVALID_INPUT, "an HDF5 chunk has %zu bytes, not %zu",
                         data->size, a->chunk_size);
    return STATUS_OK;
}

/* --- placing --- */

/* Copy what of a chunk lies in the dataset; `from` is its first index in each dimension. */
static void chunk_place(const struct assembly *a, const size_t *from, const uint8_t *chunk)
{
    struct block block = {.rank = a->rank};
    uint8_t *to = a->data;
    size_t item = a->chunked->item_size;

    block_steps(a->rank, a->chunk, item, block.from);
    block_steps(a->rank, a->dims, item, block.to);
    for (int d = 0; d < a->rank; d++) {
        size_t inside = a->dims[d] > from[d] ? a->dims[d] - from[d] : 0;

        if (!inside)
            return;
        block.dims[d] = inside < a->chunk[d] ? inside : a->chunk[d];
        to += from[d] * block.to[d];
    }
    block_copy(&block, chunk, to, item);
}

static enum status chunk_read(struct assembly *a, uint64_t address, uint64_t stored,
                              uint32_t skipped, const size_t *from, struct error *err)
{
    struct cursor cursor;
    struct bytes data;

    TRY(hdf5_at(a->file, address, NULL, "chunk", &cursor, err));
    data = cursor_take(&cursor, stored);
    TRY(cursor_check(&cursor, err));
    TRY(unfilter(a, skipped, &data, err));
    chunk_place(a, from, data.data);
    return STATUS_OK;
}

/* --- indexes --- */

static enum status tree_read(struct assembly *a, uint64_t address, unsigned levels,
                             struct error *err)
{
    struct hdf5_tree_node node;
    struct cursor *cursor = &node.cursor;

    TRY(hdf5_tree_at(a->file, address, HDF5_TREE_CHUNKS, levels, &node, err));
    for (unsigned i = 0; i < node.count; i++) {
        uint32_t stored = cursor_u32le(cursor), skipped = cursor_u32le(cursor);
        size_t from[RANK_MAX] = {0};
        uint64_t child;

        for (int d = 0; d < a->rank; d++)
            from[d] = (size_t)cursor_u64le(cursor);
        cursor_skip(cursor, 8); /* within the element */
        child = hdf5_offset(a->file, cursor);
        TRY(cursor_check(cursor, err));
        if (node.level)
            TRY(tree_read(a, child, node.level, err));
        else
            TRY(chunk_read(a, child, stored, skipped, from, err));
    }
    return cursor_check(cursor, err);
}

static enum status chunk_shape(struct assembly *a, struct cursor *cursor, unsigned rank,
                               unsigned bytes, struct error *err)
{
    size_t size = a->chunked->item_size;

    if ((int)rank != a->rank + 1)
        return error_set(err, STATUS_INVALID_INPUT,
                         "its chunks have %u dimensions, the dataset has %d", rank, a->rank);
    for (int d = 0; d < a->rank; d++) {
        uint64_t dim = cursor_uint_le(cursor, bytes);

        if (!cursor->failed && (!dim || !checked_multiply(size, dim, &size) || size > CHUNK_MAX))
            return error_set(err, STATUS_INVALID_INPUT, "a chunk has no size we believe in");
        a->chunk[d] = (size_t)dim;
    }
    cursor_skip(cursor, bytes); /* bytes of an element */
    a->chunk_size = size;
    return cursor_check(cursor, err);
}

/* Chunks one after another, without filters. */
static enum status array_read(struct assembly *a, uint64_t address, struct error *err)
{
    size_t counts[RANK_MAX], total = 1;

    for (int d = 0; d < a->rank; d++) {
        counts[d] = (a->dims[d] + a->chunk[d] - 1) / a->chunk[d];
        if (!checked_multiply(total, counts[d], &total) || total > a->file->bytes.size)
            return error_set(err, STATUS_INVALID_INPUT, "has more chunks than bytes");
    }
    for (size_t i = 0; i < total; i++) {
        size_t from[RANK_MAX] = {0}, left = i;

        for (int d = a->rank - 1; d >= 0; d--) {
            from[d] = left % counts[d] * a->chunk[d];
            left /= counts[d];
        }
        TRY(chunk_read(a, address + i * a->chunk_size, a->chunk_size, UINT32_MAX, from, err));
    }
    return STATUS_OK;
}

static enum status layout_4(struct assembly *a, struct cursor cursor, struct error *err)
{
    enum { FILTERED = 2, SINGLE = 1, IMPLICIT = 2 };
    static const size_t AT_ORIGIN[RANK_MAX];
    uint8_t flags = cursor_u8(&cursor), rank = cursor_u8(&cursor), bytes = cursor_u8(&cursor);
    uint64_t stored = 0;
    uint32_t skipped = 0;
    uint8_t kind;

    if (bytes > 8)
        return error_set(err, STATUS_INVALID_INPUT, "its chunks' dimensions have %u bytes", bytes);
    TRY(chunk_shape(a, &cursor, rank, bytes, err));
    kind = cursor_u8(&cursor);
    stored = a->chunk_size;
    if (kind == SINGLE && flags & FILTERED) {
        stored = hdf5_length(a->file, &cursor);
        skipped = cursor_u32le(&cursor);
    }
    if (kind == SINGLE)
        return chunk_read(a, hdf5_offset(a->file, &cursor), stored, skipped, AT_ORIGIN, err);
    if (kind == IMPLICIT)
        return array_read(a, hdf5_offset(a->file, &cursor), err);
    return error_set(err, STATUS_UNSUPPORTED, "its chunks are found by HDF5 index %u", kind);
}

enum status hdf5_chunks_read(struct hdf5 *file, struct hdf5_chunked *chunked, struct bytes *data,
                             struct error *err)
{
    struct assembly a = {.file = file, .chunked = chunked, .rank = chunked->shape->rank};
    struct cursor cursor = chunked->layout;
    uint64_t address;

    for (int d = 0; d < a.rank; d++)
        a.dims[d] = (size_t)chunked->shape->dims[d];
    if (chunked->filters)
        TRY(filters_read(&a, chunked->filters->body, err));
    /* Deflate makes at most 1,032 of one. */
    if (chunked->size / 1032 > file->bytes.size)
        return error_set(err, STATUS_TOO_LARGE, "claims %zu bytes, more than the file can hold",
                         chunked->size);
    a.data = arena_alloc(file->keep, chunked->size, 1);
    if (!a.data)
        return error_no_memory(err, "an HDF5 dataset");
    *data = (struct bytes){a.data, chunked->size};
    if (chunked->version == 4)
        return layout_4(&a, cursor, err);
    address = hdf5_offset(file, &cursor);
    TRY(chunk_shape(&a, &cursor, chunked->rank, 4, err));
    if (hdf5_is_undefined(file, address))
        return STATUS_OK;
    return tree_read(&a, address, LEVELS_MAX, err);
}
