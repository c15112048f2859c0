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
enum { LANES_f32 = VECTOR_BYTES / 4, LANES_f64 = VECTOR_BYTES / 8 };

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

const struct gemm_kernels gemm_avx2 = {
    .f32 = {LANES_f32, VECTORS *LANES_f32, ROWS, WIDE, strip_f32},
    .f64 = {LANES_f64, VECTORS *LANES_f64, ROWS, WIDE, strip_f64},
};
