// SPDX-License-Identifier: Apache-2.0
/* bzip2, several streams one after the other. */
#include "formats/compression/codec.h"

#include <bzlib.h>
#include <limits.h>
#include <stdlib.h>

static bool is_bzip2(struct bytes bytes)
{
    const uint8_t *b = bytes.data;

    return bytes.size >= 10 && memcmp(b, "BZh", 3) == 0 && b[3] >= '1' && b[3] <= '9' &&
           (memcmp(b + 4, "1AY&SY", 6) == 0 || memcmp(b + 4, "\x17rE8P\x90", 6) == 0);
}

static enum status open_bzip2(struct codec_state *state, struct error *err)
{
    bz_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return error_no_memory(err, "unpacking");
    if (BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK) {
        free(stream);
        return error_no_memory(err, "unpacking");
    }
    state->library = stream;
    return STATUS_OK;
}

static enum status next_stream(struct codec_state *state, bz_stream *stream, struct error *err)
{
    struct bytes rest = {state->packed.data + state->consumed,
                         state->packed.size - state->consumed};

    if (!is_bzip2(rest))
        return codec_finish(state, "bzip2", err);
    BZ2_bzDecompressEnd(stream);
    if (BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK)
        return error_no_memory(err, "unpacking");
    return STATUS_OK;
}

static enum status read_bzip2(struct codec_state *state, uint8_t *buffer, size_t capacity,
                              size_t *size, struct error *err)
{
    bz_stream *stream = state->library;

    *size = 0;
    while (*size == 0 && !state->done) {
        size_t left = state->packed.size - state->consumed;
        unsigned input = left < INT_MAX ? (unsigned)left : INT_MAX;
        unsigned output = capacity < INT_MAX ? (unsigned)capacity : INT_MAX;
        int result;

        stream->next_in = (char *)(uintptr_t)(state->packed.data + state->consumed);
        stream->avail_in = input;
        stream->next_out = (char *)buffer;
        stream->avail_out = output;
        result = BZ2_bzDecompress(stream);
        state->consumed += input - stream->avail_in;
        *size = output - stream->avail_out;
        if (result == BZ_STREAM_END)
            TRY(next_stream(state, stream, err));
        else if (result == BZ_MEM_ERROR)
            return error_no_memory(err, "unpacking");
        else if (result != BZ_OK)
            return codec_broken(state, "bzip2", "bad data or checksum", err);
        else if (*size == 0 && stream->avail_in == input)
            return codec_ends_early(state, "bzip2", err);
    }
    return STATUS_OK;
}

static void close_bzip2(struct codec_state *state)
{
    if (state->library)
        BZ2_bzDecompressEnd(state->library);
    free(state->library);
}

const struct codec codec_bzip2 = {"bzip2", is_bzip2, open_bzip2, read_bzip2, close_bzip2};
