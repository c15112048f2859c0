// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm/gemm_kernels.h"

#include <immintrin.h>

#define VECTOR_BYTES 64
#define VECTOR_REGISTER "v"
#define ROWS 6
#define VECTORS 4
#define WIDE_1 2
#define WIDE_2 1
#define WIDE_3 1
#define PANELS_MAX 2

#include "ops/fast/gemm/gemm_types.inc"

static inline vector_f32 load_part_f32(const float *from, size_t lanes)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), from);
}

static inline void store_part_f32(float *to, vector_f32 value, size_t lanes)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << lanes) - 1), value);
}

static inline vector_f64 load_part_f64(const double *from, size_t lanes)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << lanes) - 1), from);
}

static inline void store_part_f64(double *to, vector_f64 value, size_t lanes)
{
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << lanes) - 1), value);
}

static inline vector_f32 widen_f16(const uint16_t *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

static inline vector_f32 widen_bf16(const uint16_t *from)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));

    return (vector_f32)_mm512_slli_epi32(wide, 16);
}

#define TABLE gemm_avx512
#include "ops/fast/gemm/gemm_table.inc"
