// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "ops/fast/int8/kernels.h"

#include "ops/fast/int8/finish.inc"

typedef int32_t vector256 __attribute__((vector_size(32), may_alias));
#define VECTOR vector256
#define LANES 8
#define SET(i) ((VECTOR)_mm256_set1_epi32(i))
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
    "avx2 vnni", 4,      1,         LANES, VECTORS *LANES, 6,
    tile_vnni,   finish, depthwise, add,   quantise,       dequantise,
};
const struct int8_kernels int8_avx2 = {
    "avx2",     2,      2,         LANES, VECTORS *LANES, 4,
    tile_words, finish, depthwise, add,   quantise,       dequantise,
};
