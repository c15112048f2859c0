// SPDX-License-Identifier: Apache-2.0
/* xz and the older lzma-alone format, through liblzma. */
#include "formats/compression/codec.h"

#include <lzma.h>
#include <stdlib.h>

/* The dictionary is allocated as the stream announces it: `xz -9` says 64 MiB. */
enum { DICTIONARY_BYTES_MAX = 256 << 20 };

static enum status open_with(struct codec_state *state, bool alone, struct error *err)
{
    lzma_stream *stream = calloc(1, sizeof *stream);
    lzma_ret result;

    if (!stream)
        return error_no_memory(err, "unpacking");
    result = alone ? lzma_alone_decoder(stream, DICTIONARY_BYTES_MAX)
                   : lzma_stream_decoder(stream, DICTIONARY_BYTES_MAX, LZMA_CONCATENATED);
    if (result != LZMA_OK) {
        free(stream);
        return error_no_memory(err, "unpacking");
    }
    state->library = stream;
    return STATUS_OK;
}

static enum status open_xz(struct codec_state *state, struct error *err)
{
    return open_with(state, false, err);
}

static enum status open_lzma(struct codec_state *state, struct error *err)
{
    return open_with(state, true, err);
}

static enum status read_with(struct codec_state *state, const char *name, uint8_t *buffer,
                             size_t capacity, size_t *size, struct error *err)
{
    lzma_stream *stream = state->library;
    lzma_ret result = LZMA_OK;

    *size = 0;
    if (state->done)
        return STATUS_OK;
    stream->next_in = state->packed.data + state->consumed;
    stream->avail_in = state->packed.size - state->consumed;
    stream->next_out = buffer;
    stream->avail_out = capacity;
    while (result == LZMA_OK && stream->avail_out)
        result = lzma_code(stream, LZMA_FINISH);
    state->consumed = state->packed.size - stream->avail_in;
    *size = capacity - stream->avail_out;
    switch (result) {
    case LZMA_OK:
        return STATUS_OK;
    case LZMA_STREAM_END:
        return codec_finish(state, name, err);
    case LZMA_BUF_ERROR:
        return *size ? STATUS_OK : codec_ends_early(state, name, err);
    case LZMA_MEM_ERROR:
        return error_no_memory(err, "unpacking");
    case LZMA_MEMLIMIT_ERROR:
        return error_set(err, STATUS_TOO_LARGE, "%s stream needs more than %d bytes to unpack",
                         name, DICTIONARY_BYTES_MAX);
    case LZMA_OPTIONS_ERROR:
        return error_set(err, STATUS_UNSUPPORTED, "%s stream uses an option that is not known",
                         name);
    default:
        return codec_broken(state, name, "bad data or checksum", err);
    }
}

static enum status read_xz(struct codec_state *state, uint8_t *buffer, size_t capacity,
                           size_t *size, struct error *err)
{
    return read_with(state, "xz", buffer, capacity, size, err);
}

static enum status read_lzma(struct codec_state *state, uint8_t *buffer, size_t capacity,
                             size_t *size, struct error *err)
{
    return read_with(state, "lzma", buffer, capacity, size, err);
}

static void close_lzma(struct codec_state *state)
{
    if (state->library)
        lzma_end(state->library);
    free(state->library);
}

static bool is_xz(struct bytes bytes)
{
    return bytes.size >= 6 && memcmp(bytes.data,
                                     "\xFD"
                                     "7zXZ",
                                     6) == 0;
}

/* 1 byte properties (0x5D is what every writer uses), u32 dictionary size, u64 unpacked size, all
 * ones when it is not known. */
static bool is_lzma(struct bytes bytes)
{
    static const uint8_t UNKNOWN[8] = {255, 255, 255, 255, 255, 255, 255, 255};

    if (bytes.size < 13 || memcmp(bytes.data, "\x5D\0\0", 3) != 0)
        return false;
    return memcmp(bytes.data + 5, UNKNOWN, 8) == 0 ||
           (bytes.data[10] == 0 && bytes.data[11] == 0 && bytes.data[12] == 0);
}

const struct codec codec_xz = {"xz", is_xz, open_xz, read_xz, close_lzma};
const struct codec codec_lzma = {"lzma", is_lzma, open_lzma, read_lzma, close_lzma};
