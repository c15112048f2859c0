// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm_kernels.h"

#include <immintrin.h>

#define VECTOR_BYTES 64
#define VECTOR_REGISTER "v"
#define ROWS 6
#define VECTORS 4
#define WIDE_1 2
#define WIDE_2 1
#define WIDE_3 1
#define PANELS_MAX 2

typedef float vector_f32 __attribute__((vector_size(VECTOR_BYTES)));
typedef float unaligned_f32 __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef double vector_f64 __attribute__((vector_size(VECTOR_BYTES)));
typedef double unaligned_f64 __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
enum { LANES_f32 = VECTOR_BYTES / 4, LANES_f64 = VECTOR_BYTES / 8 };

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

#define TYPE float
#define NAME(verb) verb##_f32
#include "ops/fast/gemm_strip.inc"
#undef TYPE
#undef NAME

#define TYPE double
#define NAME(verb) verb##_f64
#include "ops/fast/gemm_strip.inc"

#define WIDE                                                                                       \
    {                                                                                              \
        0, WIDE_1, WIDE_2, WIDE_3                                                                  \
    }

const struct gemm_kernels gemm_avx512 = {
    .f32 = {LANES_f32, VECTORS *LANES_f32, ROWS, WIDE, strip_f32},
    .f64 = {LANES_f64, VECTORS *LANES_f64, ROWS, WIDE, strip_f64},
};
