// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm/gemm_kernels.h"

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

#include "ops/fast/gemm/gemm_types.inc"

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

#define TABLE gemm_avx2
#include "ops/fast/gemm/gemm_table.inc"
