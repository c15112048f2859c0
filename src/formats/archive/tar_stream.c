// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/tar_stream.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    PIECE_BYTES = 256 << 10,
    RATIO_FREE_BYTES = 1 << 20,
    FORGET_BYTES = 16 << 20,
    LINK_AT = 157,
    LINK_BYTES = 100,
};

struct tar_stream {
    struct unpacking *unpacking;
    struct bytes packed;
    bool mapped;
    uint64_t forgotten; /* bytes of `packed` whose pages were given back */
    uint64_t limit, at; /* unpacked bytes: allowed, read */
    unsigned ratio;
    uint8_t *piece; /* (PIECE_BYTES,) unpacked, from piece_at to piece_end still to be given */
    size_t piece_at, piece_end;
    uint64_t left, padding; /* of the present member */
    struct tar_extension next;
    uint8_t
        *extended; /* (TAR_EXTENDED_MAX,) what `next` is borrowed from; NULL until there is one */
    size_t extended_size;
    uint8_t header[TAR_BLOCK]; /* of the present member: its path lies here, or in */
    char name[TAR_NAME_SIZE];
};

enum status tar_stream_open(struct bytes packed, bool mapped, uint64_t limit, unsigned ratio,
                            struct tar_stream **stream, struct error *err)
{
    struct tar_stream *opened = calloc(1, sizeof *opened);
    enum status status = STATUS_OK;

    *stream = NULL;
    if (opened)
        opened->piece = malloc(PIECE_BYTES);
    if (!opened || !opened->piece)
        status = error_no_memory(err, "a layer");
    if (!status)
        status = unpacking_open(compression_of(packed), packed, &opened->unpacking, err);
    if (status) {
        tar_stream_close(opened);
        return status;
    }
    opened->packed = packed;
    opened->mapped = mapped;
    opened->limit = limit;
    opened->ratio = ratio;
    *stream = opened;
    return STATUS_OK;
}

void tar_stream_close(struct tar_stream *stream)
{
    if (!stream)
        return;
    unpacking_close(stream->unpacking);
    free(stream->piece);
    free(stream->extended);
    free(stream);
}

static enum status invalid(const struct tar_stream *stream, const char *what, struct error *err)
{
    return error_at(err, (size_t)stream->at, STATUS_INVALID_INPUT, "broken tar: %s", what);
}

/* What was read will not be again: a large layer should not fill our memory. */
static void forget(struct tar_stream *stream)
{
    uint64_t consumed = unpacking_consumed(stream->unpacking) / FORGET_BYTES * FORGET_BYTES;
    const uint8_t *from = stream->packed.data + stream->forgotten;

    if (!stream->mapped || consumed <= stream->forgotten)
        return;
    madvise((void *)(uintptr_t)from, consumed - stream->forgotten, MADV_DONTNEED);
    stream->forgotten = consumed;
}

/* Unpack more; piece_at == piece_end afterwards at the end only. */
static enum status fill(struct tar_stream *stream, struct error *err)
{
    size_t size;

    if (stream->piece_at < stream->piece_end)
        return STATUS_OK;
    TRY(unpacking_read(stream->unpacking, stream->piece, PIECE_BYTES, &size, err));
    stream->piece_at = 0;
    stream->piece_end = size;
    stream->at += size;
    forget(stream);
    if (stream->at > stream->limit)
        return error_set(err, STATUS_TOO_LARGE, "it unpacks to more than %llu bytes",
                         (unsigned long long)stream->limit);
    if (stream->at > RATIO_FREE_BYTES &&
        stream->at / stream->ratio > unpacking_consumed(stream->unpacking))
        return error_set(err, STATUS_TOO_LARGE, "it unpacks to more than %u times its size",
                         stream->ratio);
    return STATUS_OK;
}

/* Up to `size` bytes to `to`, or (NULL) nowhere. */
static enum status take(struct tar_stream *stream, uint8_t *to, uint64_t size, uint64_t *taken,
                        struct error *err)
{
    *taken = 0;
    while (*taken < size) {
        uint64_t part = size - *taken;
        TRY(fill(stream, err));
        if (stream->piece_at == stream->piece_end)
            return STATUS_OK;
        if (part > stream->piece_end - stream->piece_at)
            part = stream->piece_end - stream->piece_at;
        if (to)
            memcpy(to + *taken, stream->piece + stream->piece_at, part);
        stream->piece_at += part;
        *taken += part;
    }
    return STATUS_OK;
}

static enum status take_all(struct tar_stream *stream, uint8_t *to, uint64_t size,
                            struct error *err)
{
    uint64_t taken;

    TRY(take(stream, to, size, &taken, err));
    return taken == size ? STATUS_OK : invalid(stream, "it ends early", err);
}

/* Long paths of several extended headers stay until the member is read. */
static enum status extension_read(struct tar_stream *stream, char type, uint64_t size,
                                  struct error *err)
{
    uint8_t *data;

    if (size > TAR_EXTENDED_MAX - stream->extended_size)
        return error_set(err, STATUS_TOO_LARGE, "tar has extended headers above %d bytes",
                         TAR_EXTENDED_MAX);
    if (!stream->extended)
        stream->extended = malloc(TAR_EXTENDED_MAX);
    if (!stream->extended)
        return error_no_memory(err, "a layer");
    data = stream->extended + stream->extended_size;
    stream->extended_size += size;
    TRY(take_all(stream, data, size, err));
    TRY(take_all(stream, NULL, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, err));
    return tar_extend(type, (struct bytes){data, size}, (size_t)stream->at, &stream->next, err);
}

static enum status header_read(struct tar_stream *stream, const uint8_t *header, bool *is_member,
                               struct tar_entry *entry, struct error *err)
{
    uint64_t size;

    entry->type = tar_type(header) && tar_type(header) != '7' ? tar_type(header) : '0';
    if (!tar_checksum_is_right(header))
        return invalid(stream, "wrong checksum of a header", err);
    if (!tar_size(header, &size))
        return invalid(stream, "size is not a number", err);
    *is_member = !tar_type_is_extension(entry->type);
    if (!*is_member)
        return extension_read(stream, entry->type, size, err);
    if (entry->type == 'S')
        return error_set(err, STATUS_UNSUPPORTED, "refused: tar holds a sparse file");
    if (stream->next.has_size)
        size = stream->next.size;
    entry->size = tar_type_has_data(entry->type) ? size : 0;
    entry->path = tar_path(header, &stream->next, stream->name);
    if (entry->type == '0' && entry->path.size && !entry->size &&
        entry->path.data[entry->path.size - 1] == '/')
        entry->type = '5';
    entry->link =
        (struct bytes){header + LINK_AT, strnlen((const char *)header + LINK_AT, LINK_BYTES)};
    stream->left = entry->size;
    stream->padding = (TAR_BLOCK - entry->size % TAR_BLOCK) % TAR_BLOCK;
    stream->next = (struct tar_extension){0};
    return STATUS_OK;
}

enum status tar_stream_next(struct tar_stream *stream, struct tar_entry *entry, bool *more,
                            struct error *err)
{
    uint8_t *header = stream->header;
    bool is_member = false;
    uint64_t taken;

    TRY(take_all(stream, NULL, stream->left, err));
    TRY(take_all(stream, NULL, stream->padding, err));
    stream->left = stream->padding = 0;
    stream->extended_size = 0;
    while (!is_member) {
        TRY(take(stream, header, TAR_BLOCK, &taken, err));
        *more = taken == TAR_BLOCK && !tar_is_zero(header);
        if (taken && taken < TAR_BLOCK)
            return invalid(stream, "the last header is cut off", err);
        if (!*more && stream->extended_size)
            return invalid(stream, "an extended header describes nothing", err);
        if (!*more)
            break;
        TRY(header_read(stream, header, &is_member, entry, err));
    }
    /* The end of a packed stream is checked, too; an empty archive may have no blocks at all. */
    while (!*more && taken)
        TRY(take(stream, NULL, PIECE_BYTES, &taken, err));
    return STATUS_OK;
}

enum status tar_stream_read(struct tar_stream *stream, uint8_t *buffer, size_t capacity,
                            size_t *size, struct error *err)
{
    uint64_t part = stream->left < capacity ? stream->left : capacity;

    TRY(take_all(stream, buffer, part, err));
    stream->left -= part;
    *size = (size_t)part;
    return STATUS_OK;
}
