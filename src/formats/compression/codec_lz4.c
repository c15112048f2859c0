// SPDX-License-Identifier: Apache-2.0
/* LZ4 frames, several one after the other. */
#include "formats/compression/codec.h"

#include <lz4frame.h>

static enum status open_lz4(struct codec_state *state, struct error *err)
{
    LZ4F_dctx *context = NULL;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return error_no_memory(err, "unpacking");
    state->library = context;
    return STATUS_OK;
}

static enum status read_lz4(struct codec_state *state, uint8_t *buffer, size_t capacity,
                            size_t *size, struct error *err)
{
    *size = 0;
    while (*size == 0 && !state->done) {
        size_t input = state->packed.size - state->consumed, output = capacity;
        size_t result = LZ4F_decompress(state->library, buffer, &output,
                                        state->packed.data + state->consumed, &input, NULL);
        if (LZ4F_isError(result))
            return codec_broken(state, "lz4", LZ4F_getErrorName(result), err);
        state->consumed += input;
        *size = output;
        if (result == 0 && state->consumed == state->packed.size)
            state->done = true;
        else if (output == 0 && input == 0)
            return codec_ends_early(state, "lz4", err);
    }
    return STATUS_OK;
}

static void close_lz4(struct codec_state *state)
{
    LZ4F_freeDecompressionContext(state->library);
}

static bool is_lz4(struct bytes bytes)
{
    return bytes.size >= 7 && memcmp(bytes.data, "\x04\x22\x4D\x18", 4) == 0;
}

const struct codec codec_lz4 = {"lz4", is_lz4, open_lz4, read_lz4, close_lz4};
