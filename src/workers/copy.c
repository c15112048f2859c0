// SPDX-License-Identifier: Apache-2.0
#include "workers/copy.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/team.h"

enum {
    LARGE_BYTES = 4 << 20, /* from here on caches do not hold it for who reads it next */
    CHUNK_BYTES = 1 << 20, /* worth a thread that helps */
};

#ifdef __SSE2__
/* `size` is a multiple of 64, `to` aligned to 64. */
static void stream(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i += 64) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 16));
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 32));
        __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 48));

        _mm_stream_si128((__m128i *)(void *)(to + i), a);
        _mm_stream_si128((__m128i *)(void *)(to + i + 16), b);
        _mm_stream_si128((__m128i *)(void *)(to + i + 32), c);
        _mm_stream_si128((__m128i *)(void *)(to + i + 48), d);
    }
    _mm_sfence();
}
#else
static void stream(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
}
#endif

struct copy {
    uint8_t *to;
    const uint8_t *from;
    size_t size;
};

static void copy_chunk(void *context, size_t chunk, size_t lane)
{
    const struct copy *copy = context;
    size_t offset = chunk * CHUNK_BYTES, left = copy->size - offset;
    size_t size = left < CHUNK_BYTES ? left : CHUNK_BYTES, whole = size & ~(size_t)63;

    (void)lane;
    stream(copy->to + offset, copy->from + offset, whole);
    memcpy(copy->to + offset + whole, copy->from + offset + whole, size - whole);
}

void copy_large(struct team *team, void *to, const void *from, size_t size)
{
    struct copy copy = {to, from, size};

    if (size < LARGE_BYTES || (uintptr_t)to % 64)
        memcpy(to, from, size);
    else
        team_run(team, (size + CHUNK_BYTES - 1) / CHUNK_BYTES, copy_chunk, &copy);
}
