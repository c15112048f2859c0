// SPDX-License-Identifier: Apache-2.0
#include "server/received.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "server/internal.h"

enum {
    PIECE = 256 << 10,
    GZIP_WINDOW = 15 + 16, /* zlib: gzip only */
    RATIO_MAX = 1100,      /* unpacked to packed, from RATIO_FROM on: deflate's limit is 1,032 */
    RATIO_FROM = 1 << 20,
};

struct receiving {
    struct received *received;
    uint8_t *piece, *plain; /* (PIECE,) each */
    uint64_t limit, packed;
    const char *what;
};

enum status received_open(const struct server *server, struct received *received, struct error *err)
{
    char path[4096];

    if (!server->temporary)
        return error_set(err, STATUS_UNSUPPORTED, "this server takes no uploads");
    received->fd = open(server->temporary, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (received->fd >= 0)
        return STATUS_OK;
    /* not every file system can do that */
    snprintf(path, sizeof path, "%s/upload-XXXXXX", server->temporary);
    received->fd = mkostemp(path, O_CLOEXEC);
    if (received->fd < 0)
        return error_set(err, STATUS_UNAVAILABLE, "cannot write to the folder for uploads: %m");
    unlink(path);
    return STATUS_OK;
}

static enum status keep(struct receiving *r, struct bytes bytes, struct error *err)
{
    r->received->bytes.size += bytes.size;
    if (r->received->bytes.size > r->limit)
        return error_set(err, STATUS_TOO_LARGE, "%s is larger than upload_bytes_max = %llu",
                         r->what, (unsigned long long)r->limit);
    if (!file_write_all(r->received->fd, bytes))
        return error_set(err, STATUS_UNAVAILABLE, "cannot write the upload: %m");
    return STATUS_OK;
}

/* All that these packed bytes hold; *ended: a stream of gzip is over. */
static enum status unpack_piece(struct receiving *r, z_stream *stream, struct bytes packed,
                                bool *ended, struct error *err)
{
    stream->next_in = (uint8_t *)packed.data;
    stream->avail_in = (uInt)packed.size;
    r->packed += packed.size;
    do {
        int result;

        if (*ended) { /* one stream behind the other */
            if (inflateReset(stream) != Z_OK)
                return error_set(err, STATUS_INTERNAL, "zlib cannot begin anew");
            *ended = false;
        }
        stream->next_out = r->plain;
        stream->avail_out = PIECE;
        result = inflate(stream, Z_NO_FLUSH);
        *ended = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return error_set(err, STATUS_INVALID_INPUT, "%s is broken gzip: %s", r->what,
                             stream->msg ? stream->msg : "it ends too early");
        TRY(keep(r, (struct bytes){r->plain, PIECE - stream->avail_out}, err));
        if (r->received->bytes.size > RATIO_FROM && r->received->bytes.size / RATIO_MAX > r->packed)
            return error_set(err, STATUS_TOO_LARGE, "%s unpacks to more than %d times its size",
                             r->what, RATIO_MAX);
    } while (stream->avail_in || stream->avail_out == 0);
    return STATUS_OK;
}

static enum status unpack_all(struct receiving *r, struct bytes first, received_source *source,
                              void *context, struct error *err)
{
    z_stream stream = {0};
    struct bytes packed = first;
    bool ended = false;
    enum status status;

    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return error_no_memory(err, "gzip");
    do {
        status = unpack_piece(r, &stream, packed, &ended, err);
        packed.data = r->piece;
        if (!status)
            status = source(context, r->piece, PIECE, &packed.size, err);
    } while (!status && packed.size);
    inflateEnd(&stream);
    if (!status && !ended)
        status =
            error_set(err, STATUS_INVALID_INPUT, "%s is broken gzip: it ends too early", r->what);
    return status;
}

/* The first two bytes decide whether it is gzip. */
static enum status receive(struct receiving *r, received_source *source, void *context, bool unpack,
                           struct error *err)
{
    size_t size = 0, got = 1;

    while (unpack && size < 2 && got) {
        TRY(source(context, r->piece + size, PIECE - size, &got, err));
        size += got;
    }
    if (size >= 2 && r->piece[0] == 0x1F && r->piece[1] == 0x8B)
        return unpack_all(r, (struct bytes){r->piece, size}, source, context, err);
    while (got) {
        TRY(keep(r, (struct bytes){r->piece, size}, err));
        TRY(source(context, r->piece, PIECE, &got, err));
        size = got;
    }
    return STATUS_OK;
}

static enum status map(struct received *received, const char *what, struct error *err)
{
    void *data;

    if (received->bytes.size == 0)
        return error_set(err, STATUS_INVALID_INPUT, "%s is empty", what);
    data = mmap(NULL, received->bytes.size, PROT_READ, MAP_PRIVATE, received->fd, 0);
    if (data == MAP_FAILED)
        return error_set(err, STATUS_UNAVAILABLE, "cannot map the upload: %m");
    received->bytes.data = data;
    return STATUS_OK;
}

enum status received_from(struct request *request, struct received *received,
                          received_source *source, void *context, bool unpack, const char *what,
                          struct error *err)
{
    struct receiving r = {.received = received,
                          .piece = arena_new(request_arena(request), uint8_t, PIECE),
                          .plain =
                              unpack ? arena_new(request_arena(request), uint8_t, PIECE) : NULL,
                          .limit = (uint64_t)request->server->settings.upload_bytes_max,
                          .what = what};

    if (!r.piece || (unpack && !r.plain))
        return error_no_memory(err, "an upload");
    TRY(receive(&r, source, context, unpack, err));
    return map(received, what, err);
}

static enum status read_body(void *context, uint8_t *data, size_t size, size_t *got,
                             struct error *err)
{
    return body_stream_read(context, data, size, got, err);
}

enum status received_body(struct request *request, struct received *received, struct error *err)
{
    return received_from(request, received, read_body, request->stream, false, "the upload", err);
}

void received_release(struct received *received)
{
    if (received->bytes.data)
        munmap((void *)received->bytes.data, received->bytes.size);
    if (received->fd >= 0)
        close(received->fd);
    *received = RECEIVED_NONE;
}
