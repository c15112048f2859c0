// SPDX-License-Identifier: Apache-2.0
/* gzip bodies, in and out. */
#include <zlib.h>

#include "formats/compression/compression.h"
#include "server/internal.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_LEVEL = 1, GZIP_RATIO_MAX = 1100 };

enum status encoding_unpack(struct bytes packed, size_t limit, struct bytes *plain,
                            struct arena *arena, struct error *err)
{
    if (compression_of(packed) != COMPRESSION_GZIP)
        return error_set(err, STATUS_INVALID_INPUT,
                         "request body is not gzip, as its Content-Encoding says");
    if (decompress(COMPRESSION_GZIP, packed, limit, GZIP_RATIO_MAX, plain, arena, err))
        return error_within(err, "request body");
    return STATUS_OK;
}

bool encoding_worth(const struct response *response, const struct settings *settings)
{
    return !response->compressed && !response->feed && response->status != 204 &&
           response->body.size >= (size_t)settings->gzip_bytes_min &&
           strcmp(response->content_type, "application/octet-stream") != 0;
}

void encoding_pack(struct response *response)
{
    struct text packed = {0};
    z_stream stream = {0};
    size_t bound;
    char *room;

    if (response->body.size > UINT32_MAX / 2 ||
        deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    bound = deflateBound(&stream, response->body.size);
    room = text_reserve(&packed, bound);
    stream.next_in = (Bytef *)response->body.data;
    stream.avail_in = (uInt)response->body.size;
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)bound;
    if (room && deflate(&stream, Z_FINISH) == Z_STREAM_END &&
        stream.total_out < response->body.size) {
        packed.size = stream.total_out;
        text_release(&response->body);
        response->body = packed;
        response->compressed = true;
    } else {
        text_release(&packed);
    }
    deflateEnd(&stream);
}
