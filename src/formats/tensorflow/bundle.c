// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/bundle.h"

#include "base/cursor.h"
#include "base/checked.h"
#include "base/hash/crc32c.h"
#include "base/text.h"
#include "formats/tensorflow/bundle_first.h"
#include "formats/tensorflow/slice.h"
#include "formats/tensorflow/tensor_proto.h"

enum { SHARDS_MAX = 1 << 14 };
static const size_t TENSOR_MAX = (size_t)1 << 40;

/* --- opening --- */

static enum status header_read(struct bundle *bundle, struct error *err)
{
    const struct bytes *value =
        leveldb_find(&bundle->index, (struct bytes){(const uint8_t *)"", 0});
    struct protobuf reader;
    struct protobuf_field field;
    int64_t shards = 0, big_endian = 0;

    if (!value)
        return error_set(err, STATUS_INVALID_INPUT, "the index has no header");
    reader = protobuf_over(*value);
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == 1)
            TRY(protobuf_i64(&field, &shards, err));
        if (field.number == 2)
            TRY(protobuf_i64(&field, &big_endian, err));
    }
    if (big_endian)
        return error_set(err, STATUS_UNSUPPORTED, "the checkpoint is of a big-endian machine");
    if (shards < 0 || shards > SHARDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "the checkpoint has %lld shards",
                         (long long)shards);
    bundle->shard_count = (size_t)shards;
    return STATUS_OK;
}

enum status bundle_open(struct artifact *artifact, const char *prefix, struct bundle *bundle,
                        struct arena *keep, struct error *err)
{
    char *path = arena_printf(keep, "%s.index", prefix);
    struct member *index;
    struct bytes bytes;

    *bundle = (struct bundle){.prefix = prefix, .keep = keep};
    if (!path)
        return error_no_memory(err, "a checkpoint");
    index = artifact_find(artifact, path);
    if (!index && artifact->kind == ARTIFACT_FILE && !strcmp(artifact->name, path))
        index = &artifact->members[0]; /* given alone */
    if (!index)
        return first_open(artifact, prefix, bundle, err);
    TRY(member_bytes(index, &bytes, err));
    if (leveldb_read(bytes, &bundle->index, keep, err) || header_read(bundle, err))
        return error_within(err, "'%.128s'", path);
    bundle->shards = arena_new(keep, struct member *, bundle->shard_count);
    if (!bundle->shards)
        return error_no_memory(err, "a checkpoint");
    for (size_t i = 0; i < bundle->shard_count; i++) {
        path = arena_printf(keep, "%s.data-%05zu-of-%05zu", prefix, i, bundle->shard_count);
        bundle->shards[i] = path ? artifact_find(artifact, path) : NULL;
    }
    return STATUS_OK;
}

/* --- entries --- */

static enum status entry_read(const struct bundle *bundle, struct bytes value,
                              struct bundle_entry *entry, struct error *err)
{
    struct protobuf reader = protobuf_over(value), shape;
    struct protobuf_field field;
    int64_t number;

    *entry = (struct bundle_entry){.shape = shape_scalar()};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_i64(&field, &number, err));
            entry->dtype = dtype_from_tf(number);
            break;
        case 2:
            TRY(protobuf_message(&field, &shape, err));
            TRY(tf_shape_read(&shape, &entry->shape, NULL, bundle->keep, err));
            break;
        case 3:
            TRY(protobuf_i64(&field, (int64_t *)&entry->shard, err));
            break;
        case 4:
            TRY(protobuf_i64(&field, (int64_t *)&entry->offset, err));
            break;
        case 5:
            TRY(protobuf_i64(&field, (int64_t *)&entry->size, err));
            break;
        case 6:
            entry->crc = (uint32_t)field.value;
            entry->has_crc = field.wire == PROTOBUF_FIXED32;
            break;
        case 7:
            entry->sliced = true;
            break;
        }
    }
}

static enum status within(struct bytes name, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_within(err, "checkpoint tensor '%s'", text_quote(name, quoted, sizeof quoted));
}

enum status bundle_find(const struct bundle *bundle, struct bytes name, struct bundle_entry *entry,
                        struct error *err)
{
    const struct bytes *value = name.size ? leveldb_find(&bundle->index, name) : NULL;
    char quoted[TEXT_QUOTE_SIZE];

    if (!value)
        return error_set(err, STATUS_NOT_FOUND, "the checkpoint has no tensor '%s'",
                         text_quote(name, quoted, sizeof quoted));
    if (bundle->first ? first_entry_read(bundle, *value, entry, err)
                      : entry_read(bundle, *value, entry, err))
        return within(name, err);
    return STATUS_OK;
}

/* --- data --- */

static enum status shard_missing(const struct bundle *bundle, uint64_t shard, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "'%.128s.data-%05llu-of-%05zu' is missing",
                     bundle->prefix, (unsigned long long)shard, bundle->shard_count);
}

static enum status stored_bytes(const struct bundle *bundle, const struct bundle_entry *entry,
                                struct bytes *bytes, struct error *err)
{
    struct member *shard = entry->shard < bundle->shard_count ? bundle->shards[entry->shard] : NULL;
    struct bytes all;

    if (!shard)
        return shard_missing(bundle, entry->shard, err);
    TRY(member_bytes(shard, &all, err));
    if (!checked_range(entry->offset, entry->size, all.size))
        return error_set(err, STATUS_INVALID_INPUT,
                         "lies at bytes %llu to %llu of '%.128s', which has %zu",
                         (unsigned long long)entry->offset,
                         (unsigned long long)(entry->offset + entry->size), shard->path, all.size);
    *bytes = (struct bytes){all.data + entry->offset, (size_t)entry->size};
    return STATUS_OK;
}

static enum status crc_check(const struct bundle_entry *entry, uint32_t crc, struct error *err)
{
    if (entry->has_crc && crc32c_mask(crc) != entry->crc)
        return error_set(err, STATUS_INVALID_INPUT, "its checksum is wrong");
    return STATUS_OK;
}

/* Lengths as varints, the masked CRC of the lengths, the bytes. The entry's CRC is over the lengths
 * as u32 (u64 when they do not fit), that CRC, and the bytes. */
static enum status strings_read(const struct bundle *bundle, const struct bundle_entry *entry,
                                struct bytes stored, struct tensor *tensor, struct error *err)
{
    struct cursor cursor = cursor_over(stored);
    struct bytes *strings, sum;
    size_t count = shape_count(&entry->shape);
    uint32_t crc = 0;

    if (count > stored.size)
        return error_set(err, STATUS_INVALID_INPUT, "%zu strings in %zu bytes", count, stored.size);
    TRY(tensor_new(tensor, DTYPE_STRING, &entry->shape, bundle->keep, err));
    strings = tensor->data;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = cursor_varint(&cursor);

        strings[i].size = (size_t)size;
        crc = crc32c_extend(crc, (struct bytes){(const uint8_t *)&size, size > UINT32_MAX ? 8 : 4});
    }
    sum = cursor_take(&cursor, 4);
    TRY(cursor_check(&cursor, err));
    crc = crc32c_extend(crc, sum);
    for (size_t i = 0; i < count; i++) {
        strings[i] = cursor_take(&cursor, strings[i].size);
        TRY(cursor_check(&cursor, err));
        crc = crc32c_extend(crc, strings[i]);
    }
    return crc_check(entry, crc, err);
}

static enum status numbers_read(const struct bundle *bundle, const struct bundle_entry *entry,
                                struct bytes stored, struct tensor *tensor, struct error *err)
{
    *tensor = (struct tensor){.dtype = entry->dtype, .shape = entry->shape};
    if (stored.size != tensor_bytes(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "has %zu bytes, its shape asks for %zu",
                         stored.size, tensor_bytes(tensor));
    TRY(crc_check(entry, crc32c(stored), err));
    tensor->data = (void *)(uintptr_t)stored.data;
    if ((uintptr_t)stored.data % (dtype_size(entry->dtype) < 8 ? dtype_size(entry->dtype) : 8) == 0)
        return STATUS_OK;
    tensor->data = arena_alloc(bundle->keep, stored.size, 1);
    if (!tensor->data)
        return error_no_memory(err, "a tensor");
    memcpy(tensor->data, stored.data, stored.size);
    return STATUS_OK;
}

enum status entry_check(const struct bundle_entry *entry, struct error *err)
{
    if (entry->dtype == DTYPE_NONE || dtype_kind(entry->dtype) == KIND_OTHER)
        return error_set(err, STATUS_UNSUPPORTED, "its dtype is not supported");
    if (!shape_is_known(&entry->shape))
        return error_set(err, STATUS_INVALID_INPUT, "has no known shape");
    return shape_check(&entry->shape, entry->dtype, TENSOR_MAX, NULL, err);
}

static enum status entry_tensor(const struct bundle *bundle, const struct bundle_entry *entry,
                                struct tensor *tensor, struct error *err)
{
    struct bytes stored;

    TRY(entry_check(entry, err));
    TRY(stored_bytes(bundle, entry, &stored, err));
    return entry->dtype == DTYPE_STRING ? strings_read(bundle, entry, stored, tensor, err)
                                        : numbers_read(bundle, entry, stored, tensor, err);
}

/* --- slices: each under a key of its own --- */

static enum status slice_add(const struct bundle *bundle, struct bytes name,
                             const struct tensor *whole, struct slice *slice, struct text *key,
                             struct error *err)
{
    struct bundle_entry entry;
    struct tensor piece;

    TRY(slice_check(whole, slice, err));
    slice_key(key, name, slice);
    TRY(text_check(key, err));
    TRY(bundle_find(bundle, text_bytes(key), &entry, err));
    TRY(entry_tensor(bundle, &entry, &piece, err));
    if (piece.dtype != whole->dtype || piece.shape.rank != slice->rank)
        return error_set(err, STATUS_INVALID_INPUT, "a slice is of another kind");
    for (int d = 0; d < slice->rank; d++)
        if (piece.shape.dims[d] != (slice->length[d] < 0 ? whole->shape.dims[d] : slice->length[d]))
            return error_set(err, STATUS_INVALID_INPUT, "a slice has another shape than stated");
    slice_copy(whole, slice, &piece, false);
    return STATUS_OK;
}

static enum status slices_read(const struct bundle *bundle, struct bytes name,
                               const struct bundle_entry *entry, struct tensor *tensor,
                               struct text *key, struct error *err)
{
    struct protobuf reader = protobuf_over(*leveldb_find(&bundle->index, name)), message;
    struct protobuf_field field;
    struct slice slice;
    size_t covered = 0, bytes, limit = 0;

    for (size_t i = 0; i < bundle->shard_count; i++) {
        if (!bundle->shards[i])
            return shard_missing(bundle, i, err);
        limit += (size_t)bundle->shards[i]->size;
    }
    TRY(entry_check(entry, err));
    if (shape_check(&entry->shape, entry->dtype, limit, &bytes, err))
        return err->status = STATUS_INVALID_INPUT; /* larger than all that is stored */
    TRY(tensor_new(tensor, entry->dtype, &entry->shape, bundle->keep, err));
    for (;;) {
        size_t elements = 1;

        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number != 7)
            continue;
        TRY(protobuf_message(&field, &message, err));
        TRY(slice_read(message, &slice, err));
        TRY(slice_add(bundle, name, tensor, &slice, key, err));
        for (int d = 0; d < slice.rank; d++)
            elements *= (size_t)(slice.length[d] < 0 ? tensor->shape.dims[d] : slice.length[d]);
        covered += elements;
    }
    if (covered != tensor_count(tensor))
        return error_set(err, STATUS_INVALID_INPUT, "its slices hold %zu of %zu elements", covered,
                         tensor_count(tensor));
    return STATUS_OK;
}

enum status bundle_tensor(const struct bundle *bundle, struct bytes name, struct tensor *tensor,
                          struct error *err)
{
    struct bundle_entry entry;
    struct text key = {0};
    enum status status;

    TRY(bundle_find(bundle, name, &entry, err));
    status = bundle->first  ? first_tensor(bundle, name, &entry, tensor, &key, err)
             : entry.sliced ? slices_read(bundle, name, &entry, tensor, &key, err)
                            : entry_tensor(bundle, &entry, tensor, err);
    text_release(&key);
    return status ? within(name, err) : STATUS_OK;
}

/* --- a part of a tensor --- */

enum status bundle_slice(const struct bundle *bundle, struct bytes name, struct bytes spec,
                         struct tensor *tensor, struct error *err)
{
    struct tensor whole;
    struct slice slice;
    struct shape shape;

    TRY(bundle_tensor(bundle, name, &whole, err));
    *tensor = whole;
    if (!spec.size)
        return STATUS_OK;
    if (slice_parse(spec, &whole, &slice, err))
        return within(name, err);
    shape = whole.shape;
    for (int d = 0; d < shape.rank; d++)
        shape.dims[d] = slice.length[d] < 0 ? shape.dims[d] : slice.length[d];
    TRY(tensor_new(tensor, whole.dtype, &shape, bundle->keep, err));
    if (tensor_count(tensor))
        slice_copy(&whole, &slice, tensor, true);
    return STATUS_OK;
}
