// SPDX-License-Identifier: Apache-2.0
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "ops/fast/int8/kernels.h"

#include "ops/fast/int8/finish.inc"

typedef int32_t vector128 __attribute__((vector_size(16), may_alias));
#define VECTOR vector128
#define LANES 4
#define SET(i) ((VECTOR){(i), (i), (i), (i)})
#define ROWS 4
#define VECTORS 2
#define ELEMENT int16_t
#define GROUP 2
#define NAME(x) x##_words

#ifdef __SSE2__
#define DOT(sum, a, b) sum += (VECTOR)_mm_madd_epi16((__m128i)(a), (__m128i)(b))
#else
/* The low and the high half of each lane, sign-extended. */
#define DOT(sum, a, b) sum += (((a) << 16) >> 16) * (((b) << 16) >> 16) + ((a) >> 16) * ((b) >> 16)
#endif
#include "ops/fast/int8/tile.inc"

const struct int8_kernels int8_portable = {
    "portable", 2,         2,    LANES, VECTORS *LANES, ROWS,     tile_words,
    finish,     depthwise, NULL, add,   range,          quantise, dequantise,
};
