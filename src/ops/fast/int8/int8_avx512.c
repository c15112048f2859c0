// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "ops/fast/int8/kernels.h"

#include "ops/fast/int8/finish.inc"

typedef int32_t vector512 __attribute__((vector_size(64), may_alias));
#define VECTOR vector512
#define LANES 16
#define SET(i) ((VECTOR)_mm512_set1_epi32(i))
#define ROWS 6
#define VECTORS 4

/* The intrinsic makes gcc 12 spill all accumulators. */
#define ELEMENT uint8_t
#define GROUP 4
#define NAME(x) x##_vnni
#define DOT(sum, a, b) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
#include "ops/fast/int8/tile.inc"
#undef ELEMENT
#undef GROUP
#undef NAME
#undef DOT

#define ELEMENT int16_t
#define GROUP 2
#define NAME(x) x##_words
#define DOT(sum, a, b) sum += (VECTOR)_mm512_madd_epi16((__m512i)(a), (__m512i)(b))
#include "ops/fast/int8/tile.inc"

const struct int8_kernels int8_avx512_vnni = {
    "avx512 vnni", 4,      1,         LANES, VECTORS *LANES, ROWS,
    tile_vnni,     finish, depthwise, add,   quantise,       dequantise,
};
const struct int8_kernels int8_avx512 = {
    "avx512",   2,      2,         LANES, VECTORS *LANES, ROWS,
    tile_words, finish, depthwise, add,   quantise,       dequantise,
};
