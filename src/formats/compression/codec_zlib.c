// SPDX-License-Identifier: Apache-2.0
/* zlib (RFC 1950), gzip (RFC 1952, several members), raw deflate (RFC 1951) and the "ZF" files of
 * joblib before 0.10: 'Z' 'F', the unpacked length in hexadecimal, blank padded, a zlib stream. */
#include "formats/compression/codec.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_ZLIB = 15, WINDOW_GZIP = 15 + 16, WINDOW_RAW = -15 };

static const char *name_of(const struct codec_state *state)
{
    return state->window == WINDOW_GZIP ? "gzip" : state->window == WINDOW_RAW ? "deflate" : "zlib";
}

static enum status open_window(struct codec_state *state, int window, struct error *err)
{
    z_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return error_no_memory(err, "unpacking");
    state->window = window;
    if (inflateInit2(stream, window) != Z_OK) {
        free(stream);
        return error_no_memory(err, "unpacking");
    }
    state->library = stream;
    return STATUS_OK;
}

static enum status open_zlib(struct codec_state *state, struct error *err)
{
    return open_window(state, WINDOW_ZLIB, err);
}

static enum status open_gzip(struct codec_state *state, struct error *err)
{
    return open_window(state, WINDOW_GZIP, err);
}

static enum status open_raw(struct codec_state *state, struct error *err)
{
    return open_window(state, WINDOW_RAW, err);
}

static bool is_hexadecimal(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The length is a hint of another time: the zlib stream knows its end. Python 2 ends it in 'L'. */
static enum status open_zf(struct codec_state *state, struct error *err)
{
    size_t i = 4;

    while (i < state->packed.size && i < 24 && is_hexadecimal(state->packed.data[i]))
        i++;
    if (i < state->packed.size && state->packed.data[i] == 'L')
        i++;
    while (i < state->packed.size && i < 24 && state->packed.data[i] == ' ')
        i++;
    state->consumed = i;
    return open_window(state, WINDOW_ZLIB, err);
}

/* Another gzip member may follow the one that ended. */
static bool next_member(struct codec_state *state, z_stream *stream)
{
    const uint8_t *next = state->packed.data + state->consumed;
    size_t left = state->packed.size - state->consumed;

    return state->window == WINDOW_GZIP && left >= 2 && next[0] == 0x1F && next[1] == 0x8B &&
           inflateReset(stream) == Z_OK;
}

static enum status read_zlib(struct codec_state *state, uint8_t *buffer, size_t capacity,
                             size_t *size, struct error *err)
{
    z_stream *stream = state->library;

    *size = 0;
    while (*size == 0 && !state->done) {
        size_t left = state->packed.size - state->consumed;
        uInt input = left < INT_MAX ? (uInt)left : INT_MAX;
        uInt output = capacity < INT_MAX ? (uInt)capacity : INT_MAX;
        int result;

        stream->next_in = (Bytef *)(uintptr_t)(state->packed.data + state->consumed);
        stream->avail_in = input;
        stream->next_out = buffer;
        stream->avail_out = output;
        result = inflate(stream, Z_NO_FLUSH);
        state->consumed += input - stream->avail_in;
        *size = output - stream->avail_out;
        if (result == Z_STREAM_END) {
            if (!next_member(state, stream))
                TRY(codec_finish(state, name_of(state), err));
        } else if (result == Z_MEM_ERROR) {
            return error_no_memory(err, "unpacking");
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return codec_broken(state, name_of(state), stream->msg ? stream->msg : "bad data", err);
        } else if (*size == 0 && input == stream->avail_in) {
            return codec_ends_early(state, name_of(state), err);
        }
    }
    return STATUS_OK;
}

static void close_zlib(struct codec_state *state)
{
    if (state->library)
        inflateEnd(state->library);
    free(state->library);
}

/* The header's checksum, a window that exists, and a first block of a type that exists. */
static bool is_zlib(struct bytes bytes)
{
    const uint8_t *b = bytes.data;

    return bytes.size >= 3 && b[0] == 0x78 && (b[0] * 256 + b[1]) % 31 == 0 && (b[1] & 0x20) == 0 &&
           (b[2] >> 1 & 3) != 3;
}

static bool is_gzip(struct bytes bytes)
{
    return bytes.size >= 3 && memcmp(bytes.data, "\x1F\x8B\x08", 3) == 0;
}

static bool is_zf(struct bytes bytes)
{
    return bytes.size >= 5 && memcmp(bytes.data, "ZF0x", 4) == 0 && is_hexadecimal(bytes.data[4]);
}

const struct codec codec_zlib = {"zlib", is_zlib, open_zlib, read_zlib, close_zlib};
const struct codec codec_gzip = {"gzip", is_gzip, open_gzip, read_zlib, close_zlib};
const struct codec codec_deflate = {"deflate", NULL, open_raw, read_zlib, close_zlib};
const struct codec codec_zf = {"joblib ZF", is_zf, open_zf, read_zlib, close_zlib};
