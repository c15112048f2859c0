// SPDX-License-Identifier: Apache-2.0
/* Zstandard frames (RFC 8878), several one after the other. Windows up to the library's 128 MiB. */
#include "formats/compression/codec.h"

#include <zstd.h>
#include <zstd_errors.h>

static enum status open_zstd(struct codec_state *state, struct error *err)
{
    state->library = ZSTD_createDStream();
    return state->library ? STATUS_OK : error_no_memory(err, "unpacking");
}

static enum status fail(struct codec_state *state, size_t result, struct error *err)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return error_no_memory(err, "unpacking");
    case ZSTD_error_frameParameter_windowTooLarge:
        return error_set(err, STATUS_TOO_LARGE, "zstd stream needs a window above 128 MiB");
    case ZSTD_error_dictionary_wrong:
        return error_set(err, STATUS_UNSUPPORTED, "zstd stream needs a dictionary");
    default:
        return codec_broken(state, "zstd", ZSTD_getErrorName(result), err);
    }
}

static enum status read_zstd(struct codec_state *state, uint8_t *buffer, size_t capacity,
                             size_t *size, struct error *err)
{
    ZSTD_outBuffer output = {buffer, capacity, 0};
    ZSTD_inBuffer input = {state->packed.data, state->packed.size, state->consumed};

    while (output.pos == 0 && !state->done) {
        size_t before = input.pos;
        size_t result = ZSTD_decompressStream(state->library, &output, &input);
        state->consumed = input.pos;
        if (ZSTD_isError(result))
            return fail(state, result, err);
        if (result == 0 && input.pos == input.size)
            state->done = true;
        else if (output.pos == 0 && input.pos == before && input.pos == input.size)
            return codec_ends_early(state, "zstd", err);
    }
    *size = output.pos;
    return STATUS_OK;
}

static void close_zstd(struct codec_state *state)
{
    ZSTD_freeDStream(state->library);
}

static bool is_zstd(struct bytes bytes)
{
    return bytes.size >= 4 && memcmp(bytes.data, "\x28\xB5\x2F\xFD", 4) == 0;
}

const struct codec codec_zstd = {"zstd", is_zstd, open_zstd, read_zstd, close_zstd};
