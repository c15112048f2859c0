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
    "avx2 vnni", 4,         1,    LANES, VECTORS *LANES, 6,        tile_vnni,
    finish,      depthwise, NULL, add,   range,          quantise, dequantise,
};
const struct int8_kernels int8_avx2 = {
    "avx2", 2,         2,    LANES, VECTORS *LANES, 4,        tile_words,
    finish, depthwise, NULL, add,   range,          quantise, dequantise,
};
