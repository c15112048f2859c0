// SPDX-License-Identifier: Apache-2.0
/*   data blocks, metaindex block, index block (key -> handle of a data block)
 *   footer, 48 bytes: handles of metaindex and index, padding, magic
 *   block: entries {varint shared, varint unshared, varint size, key tail, value}, u32 restarts[n],
 *          u32 n; behind it one byte of compression and the masked CRC of both */
#include "formats/tensorflow/leveldb.h"

#include "base/cursor.h"
#include "base/hash/crc32c.h"
#include "formats/compression/snappy.h"

enum { FOOTER = 48, TRAILER = 5, ENTRIES_MAX = 1 << 24, KEY_MAX = 1 << 16, BLOCK_MAX = 1 << 26 };
static const uint64_t MAGIC = 0xDB4775248B80FB57u;

struct handle {
    uint64_t offset, size;
};

static struct handle handle_read(struct cursor *cursor)
{
    struct handle handle;

    handle.offset = cursor_varint(cursor);
    handle.size = cursor_varint(cursor);
    return handle;
}

static enum status block_at(struct bytes file, const struct handle *handle, struct bytes *block,
                            struct arena *keep, struct error *err)
{
    enum { PLAIN, SNAPPY };
    struct cursor cursor = cursor_over(file);
    struct bytes sealed, trailer;
    uint32_t stored;

    cursor_skip(&cursor, handle->offset);
    *block = cursor_take(&cursor, handle->size);
    trailer = cursor_take(&cursor, TRAILER);
    if (cursor_check(&cursor, err))
        return error_within(err, "a block of the table");
    sealed = (struct bytes){block->data, block->size + 1};
    stored = (uint32_t)trailer.data[1] | (uint32_t)trailer.data[2] << 8 |
             (uint32_t)trailer.data[3] << 16 | (uint32_t)trailer.data[4] << 24;
    if (crc32c_mask(crc32c(sealed)) != stored)
        return error_at(err, (size_t)handle->offset, STATUS_INVALID_INPUT,
                        "the checksum of a block of the table is wrong");
    if (trailer.data[0] == PLAIN)
        return STATUS_OK;
    if (trailer.data[0] == SNAPPY)
        return snappy_unpack(*block, BLOCK_MAX, block, keep, err);
    return error_at(err, (size_t)handle->offset, STATUS_UNSUPPORTED,
                    "a block of the table has compression %u", trailer.data[0]);
}

/* --- the entries of a block --- */

struct walk {
    struct cursor cursor;
    struct bytes key;
    struct arena *keep;
};

static enum status walk_begin(struct walk *walk, struct bytes block, struct arena *keep,
                              struct error *err)
{
    struct cursor tail = cursor_over(block);
    uint64_t restarts;

    *walk = (struct walk){.keep = keep};
    if (block.size < 4)
        return error_set(err, STATUS_INVALID_INPUT, "a block of the table has %zu bytes",
                         block.size);
    tail.offset = block.size - 4;
    restarts = (uint64_t)cursor_u32le(&tail) * 4 + 4;
    if (restarts > block.size)
        return error_set(err, STATUS_INVALID_INPUT, "a block of the table has too many restarts");
    walk->cursor = cursor_over((struct bytes){block.data, block.size - (size_t)restarts});
    return STATUS_OK;
}

static bool walk_has(const struct walk *walk)
{
    return cursor_left(&walk->cursor) > 0;
}

static enum status walk_next(struct walk *walk, struct leveldb_entry *entry, struct error *err)
{
    struct cursor *cursor = &walk->cursor;
    uint64_t shared = cursor_varint(cursor), unshared = cursor_varint(cursor);
    uint64_t size = cursor_varint(cursor);
    struct bytes tail = cursor_take(cursor, unshared);
    uint8_t *key;

    entry->value = cursor_take(cursor, size);
    TRY(cursor_check(cursor, err));
    if (shared > walk->key.size || shared + tail.size > KEY_MAX)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a key of the table shares %llu bytes with one of %zu",
                         (unsigned long long)shared, walk->key.size);
    key = arena_alloc(walk->keep, (size_t)shared + tail.size + 1, 1);
    if (!key)
        return error_no_memory(err, "a table");
    if (shared)
        memcpy(key, walk->key.data, (size_t)shared);
    if (tail.size)
        memcpy(key + shared, tail.data, tail.size);
    walk->key = entry->key = (struct bytes){key, (size_t)shared + tail.size};
    return STATUS_OK;
}

/* --- the table --- */

int leveldb_key_compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;

    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

static enum status entry_add(struct leveldb_table *table, size_t *capacity,
                             const struct leveldb_entry *entry, struct arena *keep,
                             struct error *err)
{
    if (table->count && leveldb_key_compare(table->entries[table->count - 1].key, entry->key) >= 0)
        return error_set(err, STATUS_INVALID_INPUT, "the keys of the table are not in order");
    if (table->count == ENTRIES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the table has more than %d entries", ENTRIES_MAX);
    if (!ARENA_GROW(keep, table->entries, table->count, *capacity))
        return error_no_memory(err, "a table");
    table->entries[table->count++] = *entry;
    return STATUS_OK;
}

static enum status footer_read(struct bytes file, struct handle *index, struct error *err)
{
    struct cursor cursor = cursor_over(file), magic;

    if (file.size < FOOTER)
        return error_set(err, STATUS_INVALID_INPUT, "a table of %zu bytes has no footer",
                         file.size);
    cursor.offset = file.size - FOOTER;
    magic = cursor;
    magic.offset = file.size - 8;
    if (cursor_u64le(&magic) != MAGIC)
        return error_at(err, file.size - 8, STATUS_INVALID_INPUT, "this is no table: no magic");
    (void)handle_read(&cursor);
    *index = handle_read(&cursor);
    return cursor_check(&cursor, err);
}

enum status leveldb_read(struct bytes file, struct leveldb_table *table, struct arena *keep,
                         struct error *err)
{
    struct walk index, data;
    struct leveldb_entry entry;
    struct handle handle;
    struct bytes block;
    size_t capacity = 0;

    *table = (struct leveldb_table){0};
    TRY(footer_read(file, &handle, err));
    TRY(block_at(file, &handle, &block, keep, err));
    TRY(walk_begin(&index, block, keep, err));
    while (walk_has(&index)) {
        struct cursor cursor;

        TRY(walk_next(&index, &entry, err));
        cursor = cursor_over(entry.value);
        handle = handle_read(&cursor);
        TRY(cursor_check(&cursor, err));
        TRY(block_at(file, &handle, &block, keep, err));
        TRY(walk_begin(&data, block, keep, err));
        while (walk_has(&data)) {
            TRY(walk_next(&data, &entry, err));
            TRY(entry_add(table, &capacity, &entry, keep, err));
        }
    }
    return STATUS_OK;
}

const struct bytes *leveldb_find(const struct leveldb_table *table, struct bytes key)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = leveldb_key_compare(table->entries[middle].key, key);

        if (!order)
            return &table->entries[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
