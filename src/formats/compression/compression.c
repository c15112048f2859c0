// SPDX-License-Identifier: Apache-2.0
#include "formats/compression/compression.h"

#include <stdlib.h>

#include "formats/compression/codec.h"

enum {
    FIRST_BYTES = 64 << 10,
    TAIL_BYTES = 16,            /* readable zeros behind the result */
    RATIO_FREE_BYTES = 1 << 20, /* below this the ratio says nothing */
    TRUST_BYTES = 16 << 20,     /* above this much, and ... */
    TRUST_RATIO = 32,           /* ... this many times its size, a stream is measured first */
    MEASURE_BYTES = 256 << 10,
};

static const struct codec *const CODECS[] = {
    [COMPRESSION_NONE] = NULL,        [COMPRESSION_ZLIB] = &codec_zlib,
    [COMPRESSION_GZIP] = &codec_gzip, [COMPRESSION_BZIP2] = &codec_bzip2,
    [COMPRESSION_LZMA] = &codec_lzma, [COMPRESSION_XZ] = &codec_xz,
    [COMPRESSION_LZ4] = &codec_lz4,   [COMPRESSION_ZSTD] = &codec_zstd,
    [COMPRESSION_ZF] = &codec_zf,     [COMPRESSION_DEFLATE] = &codec_deflate,
};

/* What one run may produce. */
struct budget {
    size_t limit;
    unsigned ratio; /* 0: any */
};

enum compression compression_of(struct bytes bytes)
{
    for (size_t i = 1; i < ARRAY_COUNT(CODECS); i++)
        if (CODECS[i]->is && CODECS[i]->is(bytes))
            return (enum compression)i;
    return COMPRESSION_NONE;
}

const char *compression_name(enum compression compression)
{
    return compression == COMPRESSION_NONE ? "none" : CODECS[compression]->name;
}

enum status codec_broken(const struct codec_state *state, const char *name, const char *why,
                         struct error *err)
{
    return error_at(err, state->consumed, STATUS_INVALID_INPUT, "%s stream is broken: %s", name,
                    why);
}

enum status codec_ends_early(const struct codec_state *state, const char *name, struct error *err)
{
    return error_at(err, state->consumed, STATUS_INVALID_INPUT, "%s stream ends early", name);
}

enum status codec_finish(struct codec_state *state, const char *name, struct error *err)
{
    size_t end = state->consumed;

    while (state->consumed < state->packed.size && state->packed.data[state->consumed] == 0)
        state->consumed++;
    if (state->consumed < state->packed.size)
        return error_at(err, end, STATUS_INVALID_INPUT, "bytes follow the end of the %s stream",
                        name);
    state->done = true;
    return STATUS_OK;
}

static enum status budget_check(const struct budget *budget, const struct codec *codec,
                                size_t packed, size_t produced, struct error *err)
{
    if (produced > budget->limit)
        return error_set(err, STATUS_TOO_LARGE,
                         "%s stream unpacks to more than %zu bytes (limit \"unpacked\")",
                         codec->name, budget->limit);
    if (budget->ratio && produced > RATIO_FREE_BYTES && produced / budget->ratio > packed)
        return error_set(err, STATUS_TOO_LARGE,
                         "%s stream unpacks to more than %u times its size (limit \"ratio\")",
                         codec->name, budget->ratio);
    return STATUS_OK;
}

/* How much the stream produces, without keeping it: a bomb costs time within the budget, and no
 * memory. */
static enum status measure(const struct codec *codec, struct bytes packed,
                           const struct budget *budget, size_t *total, struct error *err)
{
    struct codec_state state = {.packed = packed};
    uint8_t *buffer = malloc(MEASURE_BYTES);
    enum status status = buffer ? codec->open(&state, err) : error_no_memory(err, "unpacking");
    size_t size = 1;

    *total = 0;
    while (!status && size) {
        status = codec->read(&state, buffer, MEASURE_BYTES, &size, err);
        if (!status) {
            *total += size;
            status = budget_check(budget, codec, packed.size, *total, err);
        }
    }
    codec->close(&state);
    free(buffer);
    return status;
}

/* Into memory of exactly `size` bytes; fewer or more is an error. */
static enum status fill(const struct codec *codec, struct bytes packed, size_t size,
                        struct bytes *unpacked, struct arena *keep, struct error *err)
{
    struct codec_state state = {.packed = packed};
    uint8_t *memory, beyond;
    size_t filled = 0, got = 1;
    enum status status;

    if (size > SIZE_MAX - TAIL_BYTES)
        return error_no_memory(err, "unpacked bytes");
    memory = arena_new(keep, uint8_t, size + TAIL_BYTES);
    if (!memory)
        return error_no_memory(err, "unpacked bytes");
    status = codec->open(&state, err);
    while (!status && got) {
        bool full = filled == size;
        status = codec->read(&state, full ? &beyond : memory + filled, full ? 1 : size - filled,
                             &got, err);
        if (!status && full && got)
            status = error_set(err, STATUS_INVALID_INPUT,
                               "%s stream unpacks to more than the announced %zu bytes",
                               codec->name, size);
        else
            filled += got;
    }
    codec->close(&state);
    if (!status && filled < size)
        status = error_set(err, STATUS_INVALID_INPUT,
                           "%s stream unpacks to %zu bytes, not the announced %zu", codec->name,
                           filled, size);
    if (!status)
        *unpacked = (struct bytes){memory, size};
    return status;
}

/* Grow a buffer with what is produced. *suspicious, with the buffer given up, when the stream
 * should be measured first. */
static enum status collect(const struct codec *codec, struct bytes packed,
                           const struct budget *budget, uint8_t **buffer, size_t *total,
                           bool *suspicious, struct error *err)
{
    struct codec_state state = {.packed = packed};
    enum status status = codec->open(&state, err);
    size_t capacity = 0, size = 1;

    while (!status && size && !*suspicious) {
        if (*total == capacity) {
            uint8_t *grown;
            capacity = capacity ? capacity * 2 : FIRST_BYTES;
            grown = realloc(*buffer, capacity);
            if (!grown) {
                status = error_no_memory(err, "unpacked bytes");
                break;
            }
            *buffer = grown;
        }
        status = codec->read(&state, *buffer + *total, capacity - *total, &size, err);
        if (!status) {
            *total += size;
            status = budget_check(budget, codec, packed.size, *total, err);
        }
        *suspicious = *total > TRUST_BYTES && *total / TRUST_RATIO > state.consumed;
    }
    codec->close(&state);
    return status;
}

enum status decompress(enum compression compression, struct bytes packed, size_t limit,
                       unsigned ratio, struct bytes *unpacked, struct arena *keep,
                       struct error *err)
{
    const struct codec *codec = CODECS[compression];
    struct budget budget = {limit, ratio};
    uint8_t *buffer = NULL, *memory;
    bool suspicious = false;
    enum status status;
    size_t total = 0;

    if (!codec) {
        *unpacked = packed;
        return STATUS_OK;
    }
    status = collect(codec, packed, &budget, &buffer, &total, &suspicious, err);
    if (!status && suspicious) {
        free(buffer);
        TRY(measure(codec, packed, &budget, &total, err));
        return fill(codec, packed, total, unpacked, keep, err);
    }
    if (!status) {
        memory = arena_new(keep, uint8_t, total + TAIL_BYTES);
        if (memory) {
            memcpy(memory, buffer, total);
            *unpacked = (struct bytes){memory, total};
        } else {
            status = error_no_memory(err, "unpacked bytes");
        }
    }
    free(buffer);
    return status;
}

enum status decompress_exactly(enum compression compression, struct bytes packed, size_t size,
                               struct bytes *unpacked, struct arena *keep, struct error *err)
{
    const struct codec *codec = CODECS[compression];
    struct budget budget = {size, 0};
    size_t total = size;

    if (!codec) {
        if (packed.size != size)
            return error_set(err, STATUS_INVALID_INPUT, "%zu bytes are stored, not %zu",
                             packed.size, size);
        *unpacked = packed;
        return STATUS_OK;
    }
    if (size > TRUST_BYTES && size / TRUST_RATIO > packed.size)
        TRY(measure(codec, packed, &budget, &total, err));
    if (total != size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%s stream unpacks to %zu bytes, not the announced %zu", codec->name,
                         total, size);
    return fill(codec, packed, size, unpacked, keep, err);
}

enum status decompress_head(enum compression compression, struct bytes packed, void *buffer,
                            size_t capacity, size_t *size, struct error *err)
{
    const struct codec *codec = CODECS[compression];
    struct codec_state state = {.packed = packed};
    enum status status;
    size_t got = 1;

    *size = 0;
    if (!codec) {
        *size = packed.size < capacity ? packed.size : capacity;
        if (*size)
            memcpy(buffer, packed.data, *size);
        return STATUS_OK;
    }
    status = codec->open(&state, err);
    while (!status && got && *size < capacity) {
        status = codec->read(&state, (uint8_t *)buffer + *size, capacity - *size, &got, err);
        if (!status)
            *size += got;
    }
    codec->close(&state);
    return status;
}

struct unpacking {
    const struct codec *codec; /* NULL: not packed at all */
    struct codec_state state;
};

enum status unpacking_open(enum compression compression, struct bytes packed,
                           struct unpacking **unpacking, struct error *err)
{
    struct unpacking *opened = calloc(1, sizeof *opened);

    *unpacking = NULL;
    if (!opened)
        return error_no_memory(err, "unpacking");
    opened->codec = CODECS[compression];
    opened->state.packed = packed;
    if (opened->codec && opened->codec->open(&opened->state, err)) {
        unpacking_close(opened);
        return err->status;
    }
    *unpacking = opened;
    return STATUS_OK;
}

enum status unpacking_read(struct unpacking *unpacking, uint8_t *buffer, size_t capacity,
                           size_t *size, struct error *err)
{
    struct codec_state *state = &unpacking->state;
    size_t left = state->packed.size - state->consumed;

    if (unpacking->codec)
        return unpacking->codec->read(state, buffer, capacity, size, err);
    *size = left < capacity ? left : capacity;
    if (*size)
        memcpy(buffer, state->packed.data + state->consumed, *size);
    state->consumed += *size;
    return STATUS_OK;
}

uint64_t unpacking_consumed(const struct unpacking *unpacking)
{
    return unpacking->state.consumed;
}

void unpacking_close(struct unpacking *unpacking)
{
    if (!unpacking)
        return;
    if (unpacking->codec)
        unpacking->codec->close(&unpacking->state);
    free(unpacking);
}
