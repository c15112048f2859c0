// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "ops/fast/move/transpose_kernels.h"

/* Two halves of 16 bytes. */
static inline __m256 load2(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* Columns j to j + 3 of eight rows become four rows. */
static inline void half(const float *f, ptrdiff_t from_step, float *t, ptrdiff_t to_step)
{
    __m256 a = load2(f, f + 4 * from_step), b = load2(f + from_step, f + 5 * from_step);
    __m256 c = load2(f + 2 * from_step, f + 6 * from_step);
    __m256 d = load2(f + 3 * from_step, f + 7 * from_step);
    __m256 ab = _mm256_unpacklo_ps(a, b), ba = _mm256_unpackhi_ps(a, b);
    __m256 cd = _mm256_unpacklo_ps(c, d), dc = _mm256_unpackhi_ps(c, d);

    _mm256_storeu_ps(t, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps(t + to_step, _mm256_shuffle_ps(ab, cd, 0xee));
    _mm256_storeu_ps(t + 2 * to_step, _mm256_shuffle_ps(ba, dc, 0x44));
    _mm256_storeu_ps(t + 3 * to_step, _mm256_shuffle_ps(ba, dc, 0xee));
}

static void tile_ints(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    half(from, from_step, to, to_step);
    half((const float *)from + 4, from_step, (float *)to + 4 * to_step, to_step);
}

static inline __m256d load2_pd(const double *low, const double *high)
{
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(high), 1);
}

static void tile_longs(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    const double *f = from;
    double *t = to;

    for (int i = 0; i < 2; i++, f += 2, t += 2 * to_step) {
        __m256d a = load2_pd(f, f + 2 * from_step), b = load2_pd(f + from_step, f + 3 * from_step);

        _mm256_storeu_pd(t, _mm256_unpacklo_pd(a, b));
        _mm256_storeu_pd(t + to_step, _mm256_unpackhi_pd(a, b));
    }
}

const struct transpose_tile transpose_avx2[4] = {
    {0, NULL}, {0, NULL}, {8, tile_ints}, {4, tile_longs}};
