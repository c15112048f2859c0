// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "ops/fast/int8/kernels.h"

#define LANES 8
#define FLOATS __m256
typedef int32_t vector256 __attribute__((vector_size(32), may_alias));
#define INTEGERS vector256
#define TO_FLOATS(i) _mm256_cvtepi32_ps((__m256i)(i))
#define TO_NEAREST(f) ((INTEGERS)_mm256_cvtps_epi32(f))
#define LOWER(a, b) _mm256_min_ps(a, b)
#define HIGHER(a, b) _mm256_max_ps(a, b)
#define ALL_FLOATS(x) _mm256_set1_ps(x)
#define ALL_INTEGERS(i) ((INTEGERS)_mm256_set1_epi32(i))
#define NAN_TO_0(x) _mm256_and_ps(_mm256_cmp_ps(x, x, _CMP_ORD_Q), x)
#define GET_uint8_t(p) ((INTEGERS)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define GET_int8_t(p) ((INTEGERS)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p))))

static inline __m128i words_of(__m256i i)
{
    return _mm_packs_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
}

static inline void PUT_uint8_t(uint8_t *p, vector256 i)
{
    __m128i words = words_of((__m256i)i);

    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}

static inline void PUT_int8_t(int8_t *p, vector256 i)
{
    __m128i words = words_of((__m256i)i);

    _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(words, words));
}
#include "ops/fast/int8/finish.inc"

/* --- depthwise --- */

enum { WIDE = 16 }; /* channels */

static inline __attribute__((always_inline)) __m256i widen(const char *from, const bool is_signed)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)from);

    return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

/* Two taps at a time: neighbouring words are multiplied and their products summed. */
static inline __attribute__((always_inline)) void depthwise_wide(const struct int8_depthwise *d,
                                                                 size_t c, const bool is_signed)
{
    __m256i low = _mm256_setzero_si256(), high = low; /* channels 0-3 and 8-11; 4-7 and 12-15 */
    const int16_t *w = d->w + c;

    for (size_t t = 0; t < d->taps; t += 2, w += 2 * d->w_stride) {
        bool is_pair = t + 1 < d->taps;
        __m256i x = widen(d->x[t] + c, is_signed), w0 = _mm256_loadu_si256((const __m256i *)w);
        __m256i y = widen(d->x[is_pair ? t + 1 : t] + c, is_signed), w1 = _mm256_setzero_si256();

        if (is_pair)
            w1 = _mm256_loadu_si256((const __m256i *)(w + d->w_stride));
        low = _mm256_add_epi32(
            low, _mm256_madd_epi16(_mm256_unpacklo_epi16(x, y), _mm256_unpacklo_epi16(w0, w1)));
        high = _mm256_add_epi32(
            high, _mm256_madd_epi16(_mm256_unpackhi_epi16(x, y), _mm256_unpackhi_epi16(w0, w1)));
    }
    _mm256_storeu_si256((__m256i *)(d->sums + c), _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(d->sums + c + 8), _mm256_permute2x128_si256(low, high, 0x31));
}

static void depthwise_avx2(const struct int8_depthwise *d)
{
    size_t whole = d->count / WIDE * WIDE;
    const char *x[INT8_DEPTHWISE_TAPS_MAX];
    struct int8_depthwise rest = *d;

    if (d->is_signed)
        for (size_t c = 0; c < whole; c += WIDE)
            depthwise_wide(d, c, true);
    else
        for (size_t c = 0; c < whole; c += WIDE)
            depthwise_wide(d, c, false);
    if (whole == d->count)
        return;
    for (size_t t = 0; t < d->taps; t++)
        x[t] = d->x[t] + whole;
    rest.x = x;
    rest.w += whole;
    rest.sums += whole;
    rest.count -= whole;
    depthwise(&rest);
}

#define VECTOR INTEGERS
#define SET ALL_INTEGERS
#define VECTORS 2

#define ROWS 6
#define ELEMENT uint8_t
#define GROUP 4
#define NAME(x) x##_vnni
#define DOT(sum, a, b) __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "xm"(b))
#include "ops/fast/int8/tile.inc"
#undef ELEMENT
#undef GROUP
#undef NAME
#undef DOT

/* vpmaddubsw, twice as fast, saturates. */
#undef ROWS
#define ROWS 4
#define ELEMENT int16_t
#define GROUP 2
#define NAME(x) x##_words
#define DOT(sum, a, b) sum += (VECTOR)_mm256_madd_epi16((__m256i)(a), (__m256i)(b))
#include "ops/fast/int8/tile.inc"

const struct int8_kernels int8_avx2_vnni = {
    "avx2 vnni",    4,    1,   LANES, VECTORS *LANES, 6,          tile_vnni, finish,
    depthwise_avx2, NULL, add, range, quantise,       dequantise,
};
const struct int8_kernels int8_avx2 = {
    "avx2",         2,    2,   LANES, VECTORS *LANES, 4,          tile_words, finish,
    depthwise_avx2, NULL, add, range, quantise,       dequantise,
};
