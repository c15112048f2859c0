// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/bundle_first.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/tensorflow/slice.h"
#include "formats/tensorflow/tensor_proto.h"

enum { SHARDS_MAX = 1 << 14, ENTRIES_MAX = 1 << 24 };

/* Fields: SavedTensorSlices, SavedTensorSliceMeta, SavedSliceMeta, SavedSlice. */
enum { SLICES_META = 1, SLICES_DATA = 2 };
enum { META_TENSOR = 1 };
enum { TENSOR_NAME = 1, TENSOR_SHAPE = 2, TENSOR_TYPE = 3, TENSOR_SLICE = 4 };
enum { DATA_VALUES = 3 };

/* --- opening --- */

/* The last message of this number within another. */
static enum status message_of(struct bytes bytes, uint32_t number, struct protobuf *message,
                              bool *found, struct error *err)
{
    struct protobuf reader = protobuf_over(bytes);
    struct protobuf_field field;

    *found = false;
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != number)
            continue;
        TRY(protobuf_message(&field, message, err));
        *found = true;
    }
}

static enum status entry_add(struct leveldb_table *table, size_t *room,
                             const struct leveldb_entry *entry, struct arena *keep,
                             struct error *err)
{
    if (table->count == ENTRIES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the checkpoint has more than %d entries",
                         ENTRIES_MAX);
    if (!ARENA_GROW(keep, table->entries, table->count, *room))
        return error_no_memory(err, "a checkpoint");
    table->entries[table->count++] = *entry;
    return STATUS_OK;
}

static enum status name_of(struct protobuf tensor, struct bytes *name, struct error *err)
{
    struct protobuf_field field;

    *name = (struct bytes){(const uint8_t *)"", 0};
    for (;;) {
        TRY(protobuf_next(&tensor, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == TENSOR_NAME)
            TRY(protobuf_bytes(&field, name, err));
    }
}

struct room {
    size_t index, pieces;
};

static enum status meta_read(struct bundle *bundle, struct protobuf meta, struct room *room,
                             struct error *err)
{
    struct protobuf_field field;

    for (;;) {
        struct leveldb_entry entry;

        TRY(protobuf_next(&meta, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != META_TENSOR)
            continue;
        TRY(protobuf_bytes(&field, &entry.value, err));
        TRY(name_of(protobuf_over(entry.value), &entry.key, err));
        if (!entry.key.size)
            return error_set(err, STATUS_INVALID_INPUT, "a tensor has no name");
        TRY(entry_add(&bundle->index, &room->index, &entry, bundle->keep, err));
    }
}

static enum status shard_read(struct bundle *bundle, struct member *member, struct room *room,
                              struct error *err)
{
    struct leveldb_table table;
    struct protobuf meta;
    struct bytes bytes;
    bool found = false;

    TRY(member_bytes(member, &bytes, err));
    TRY(leveldb_read(bytes, &table, bundle->keep, err));
    if (table.count && !table.entries[0].key.size)
        TRY(message_of(table.entries[0].value, SLICES_META, &meta, &found, err));
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "the table says nothing of tensors");
    TRY(meta_read(bundle, meta, room, err));
    for (size_t i = 1; i < table.count; i++) {
        TRY(entry_add(&bundle->pieces, &room->pieces, &table.entries[i], bundle->keep, err));
        bundle->pieces_size += table.entries[i].value.size;
    }
    return STATUS_OK;
}

static int entry_compare(const void *a, const void *b)
{
    const struct leveldb_entry *x = a, *y = b;

    return leveldb_key_compare(x->key, y->key);
}

static void table_sort(struct leveldb_table *table)
{
    if (table->count)
        qsort(table->entries, table->count, sizeof *table->entries, entry_compare);
}

/* A file that was given alone has the artifact's name. */
static const char *path_of(const struct artifact *artifact, size_t i)
{
    return artifact->kind == ARTIFACT_FILE && !i ? artifact->name : artifact->members[i].path;
}

static struct member *find(struct artifact *artifact, const char *path)
{
    struct member *found = artifact_find(artifact, path);

    return !found && artifact->count && !strcmp(path_of(artifact, 0), path) ? &artifact->members[0]
                                                                            : found;
}

/* PREFIX-0000i-of-0000N: N, or 0. */
static size_t shards_find(const struct artifact *artifact, const char *prefix)
{
    size_t size = strlen(prefix), count = 0;

    for (size_t i = 0; i < artifact->count && !count; i++) {
        const char *path = path_of(artifact, i);
        unsigned found;

        if (!strncmp(path, prefix, size) && sscanf(path + size, "-%*5u-of-%5u", &found) == 1)
            count = found;
    }
    return count <= SHARDS_MAX ? count : 0;
}

enum status first_open(struct artifact *artifact, const char *prefix, struct bundle *bundle,
                       struct error *err)
{
    struct member *whole = find(artifact, prefix);
    size_t count = whole ? 1 : shards_find(artifact, prefix);
    struct room room = {0};

    if (!count)
        return error_set(err, STATUS_NOT_FOUND, "there is no checkpoint '%.128s'", prefix);
    bundle->first = true;
    for (size_t i = 0; i < count; i++) {
        char *path = arena_printf(bundle->keep, "%s-%05zu-of-%05zu", prefix, i, count);
        struct member *member = whole;

        if (!path)
            return error_no_memory(err, "a checkpoint");
        if (!member)
            member = find(artifact, path);
        if (!member)
            return error_set(err, STATUS_INVALID_INPUT, "'%.128s' is missing", path);
        if (shard_read(bundle, member, &room, err))
            return error_within(err, "'%.128s'", whole ? prefix : path);
    }
    table_sort(&bundle->index);
    table_sort(&bundle->pieces);
    return STATUS_OK;
}

/* --- entries --- */

enum status first_entry_read(const struct bundle *bundle, struct bytes value,
                             struct bundle_entry *entry, struct error *err)
{
    struct protobuf reader = protobuf_over(value), shape;
    struct protobuf_field field;
    int64_t code = 0;

    *entry = (struct bundle_entry){.shape = shape_scalar(), .sliced = true};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == TENSOR_TYPE)
            TRY(protobuf_i64(&field, &code, err));
        if (field.number != TENSOR_SHAPE)
            continue;
        TRY(protobuf_message(&field, &shape, err));
        TRY(tf_shape_read(&shape, &entry->shape, NULL, bundle->keep, err));
    }
    entry->dtype = dtype_from_tf(code);
    return STATUS_OK;
}

/* --- data --- */

static enum status piece_read(const struct bundle *bundle, struct bytes name,
                              const struct tensor *whole, struct slice *slice, struct text *key,
                              struct tensor *piece, struct error *err)
{
    const struct bytes *stored;
    struct protobuf data, values;
    bool found;

    TRY(slice_check(whole, slice, err));
    slice_key(key, name, slice);
    TRY(text_check(key, err));
    stored = leveldb_find(&bundle->pieces, text_bytes(key));
    if (!stored)
        return error_set(err, STATUS_INVALID_INPUT, "a slice of it is missing");
    TRY(message_of(*stored, SLICES_DATA, &data, &found, err));
    if (found)
        TRY(message_of(data.input, DATA_VALUES, &values, &found, err));
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "a slice of it has no values");
    *piece = (struct tensor){.dtype = whole->dtype, .shape = whole->shape};
    for (int d = 0; d < slice->rank; d++)
        if (slice->length[d] >= 0)
            piece->shape.dims[d] = slice->length[d];
    return tf_values_read(&values, piece, bundle->keep, err);
}

/* The slices that one entry of the index states. */
static enum status pieces_add(const struct bundle *bundle, const struct leveldb_entry *stored,
                              struct tensor *tensor, size_t *covered, struct text *key,
                              struct error *err)
{
    struct protobuf reader = protobuf_over(stored->value), message;
    struct protobuf_field field;
    struct tensor piece;
    struct slice slice;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != TENSOR_SLICE)
            continue;
        TRY(protobuf_message(&field, &message, err));
        TRY(slice_read(message, &slice, err));
        TRY(piece_read(bundle, stored->key, tensor, &slice, key, &piece, err));
        *covered += tensor_count(&piece);
        if (*covered > tensor_count(tensor))
            return error_set(err, STATUS_INVALID_INPUT, "its slices overlap");
        if (tensor_count(&piece) == tensor_count(tensor)) {
            tensor->data = piece.data; /* all of it */
            continue;
        }
        if (!tensor->data)
            TRY(tensor_new(tensor, tensor->dtype, &tensor->shape, bundle->keep, err));
        slice_copy(tensor, &slice, &piece, false);
    }
}

enum status first_tensor(const struct bundle *bundle, struct bytes name,
                         const struct bundle_entry *entry, struct tensor *tensor, struct text *key,
                         struct error *err)
{
    const struct leveldb_entry *all = bundle->index.entries;
    size_t covered = 0, i = 0, end = bundle->index.count;

    TRY(entry_check(entry, err));
    if (shape_count(&entry->shape) > bundle->pieces_size)
        return error_set(err, STATUS_INVALID_INPUT, "has more elements than are stored");
    *tensor = (struct tensor){.dtype = entry->dtype, .shape = entry->shape};
    while (i < end) { /* the first of its name: shards state their slices each */
        size_t middle = i + (end - i) / 2;

        if (leveldb_key_compare(all[middle].key, name) < 0)
            i = middle + 1;
        else
            end = middle;
    }
    for (; i < bundle->index.count && bytes_equal(all[i].key, name); i++)
        TRY(pieces_add(bundle, &all[i], tensor, &covered, key, err));
    if (covered != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "its slices hold %zu of %zu elements", covered,
                         tensor_count(tensor));
    if (!tensor->data) /* it has no elements */
        return tensor_new(tensor, entry->dtype, &entry->shape, bundle->keep, err);
    return STATUS_OK;
}
