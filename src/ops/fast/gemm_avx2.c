// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm_kernels.h"

#include <immintrin.h>
#include <stdint.h>

#define VECTOR_BYTES 32
#define VECTOR_REGISTER "x"
#define ROWS 6
#define VECTORS 2
#define WIDE_1 4
#define WIDE_2 2
#define WIDE_3 1
#define PANELS_MAX 4

typedef float vector_f32 __attribute__((vector_size(VECTOR_BYTES)));
typedef float unaligned_f32 __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef double vector_f64 __attribute__((vector_size(VECTOR_BYTES)));
typedef double unaligned_f64 __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
enum {
    LANES_f32 = VECTOR_BYTES / 4,
    LANES_f64 = VECTOR_BYTES / 8,
    LANES_f16 = LANES_f32, /* stored halves are floats in registers */
    LANES_bf16 = LANES_f32,
};
typedef vector_f32 vector_f16, vector_bf16;
typedef unaligned_f32 unaligned_f16, unaligned_bf16;

/* The first `lanes` lanes: from a table, which needs no register of the loops around. */
static const int32_t FIRST[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

static inline __m256i lanes_f32(size_t lanes)
{
    return _mm256_loadu_si256((const __m256i *)(FIRST + 8 - lanes));
}

static inline __m256i lanes_f64(size_t lanes)
{
    return _mm256_loadu_si256((const __m256i *)(FIRST + 8 - 2 * lanes));
}

static inline vector_f32 load_part_f32(const float *from, size_t lanes)
{
    return _mm256_maskload_ps(from, lanes_f32(lanes));
}

static inline void store_part_f32(float *to, vector_f32 value, size_t lanes)
{
    _mm256_maskstore_ps(to, lanes_f32(lanes), value);
}

static inline vector_f64 load_part_f64(const double *from, size_t lanes)
{
    return _mm256_maskload_pd(from, lanes_f64(lanes));
}

static inline void store_part_f64(double *to, vector_f64 value, size_t lanes)
{
    _mm256_maskstore_pd(to, lanes_f64(lanes), value);
}

static inline vector_f32 widen_f16(const uint16_t *from)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
}

static inline vector_f32 widen_bf16(const uint16_t *from)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from));

    return (vector_f32)_mm256_slli_epi32(wide, 16);
}

#define load_part_f16 load_part_f32
#define load_part_bf16 load_part_f32
#define store_part_f16 store_part_f32
#define store_part_bf16 store_part_f32

#define TYPE float
#define STORED float
#define LOAD_STORED(from) (*(const unaligned_f32 *)(from))
#define NAME(verb) verb##_f32
#include "ops/fast/gemm_strip.inc"
#undef TYPE
#undef STORED
#undef LOAD_STORED
#undef NAME

#define TYPE double
#define STORED double
#define LOAD_STORED(from) (*(const unaligned_f64 *)(from))
#define NAME(verb) verb##_f64
#include "ops/fast/gemm_strip.inc"
#undef TYPE
#undef STORED
#undef LOAD_STORED
#undef NAME

#define TYPE float
#define STORED uint16_t
#define LOAD_STORED(from) widen_f16(from)
#define NAME(verb) verb##_f16
#include "ops/fast/gemm_strip.inc"
#undef LOAD_STORED
#undef NAME

#define LOAD_STORED(from) widen_bf16(from)
#define NAME(verb) verb##_bf16
#include "ops/fast/gemm_strip.inc"

#define WIDE                                                                                       \
    {                                                                                              \
        0, WIDE_1, WIDE_2, WIDE_3                                                                  \
    }

const struct gemm_kernels gemm_avx2 = {
    .f32 = {LANES_f32, VECTORS *LANES_f32, ROWS, WIDE, strip_f32},
    .f64 = {LANES_f64, VECTORS *LANES_f64, ROWS, WIDE, strip_f64},
    .f16 = {LANES_f32, VECTORS *LANES_f32, ROWS, WIDE, strip_f16},
    .bf16 = {LANES_f32, VECTORS *LANES_f32, ROWS, WIDE, strip_bf16},
};
