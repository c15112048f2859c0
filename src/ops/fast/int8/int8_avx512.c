// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "ops/fast/int8/kernels.h"

#define LANES 16
#define FLOATS __m512
typedef int32_t vector512 __attribute__((vector_size(64), may_alias));
#define INTEGERS vector512
#define TO_FLOATS(i) _mm512_cvtepi32_ps((__m512i)(i))
#define TO_NEAREST(f) ((INTEGERS)_mm512_cvtps_epi32(f))
#define LOWER(a, b) _mm512_min_ps(a, b)
#define HIGHER(a, b) _mm512_max_ps(a, b)
#define ALL_FLOATS(x) _mm512_set1_ps(x)
#define ALL_INTEGERS(i) ((INTEGERS)_mm512_set1_epi32(i))
#define NAN_TO_0(x) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x)
#define GET_uint8_t(p) ((INTEGERS)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define GET_int8_t(p) ((INTEGERS)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define PUT_uint8_t(p, i) _mm_storeu_si128((__m128i *)(p), _mm512_cvtepi32_epi8((__m512i)(i)))
#define PUT_int8_t PUT_uint8_t
#include "ops/fast/int8/finish.inc"

/* 64 columns of a row at once: the packs saturate, what is left of the clamp is done to bytes. */
static inline __attribute__((always_inline)) __m512i
quanta_of(const struct int8_finish *f, const int32_t *sums, const uint8_t *residual, int part)
{
    __m512 x = TO_FLOATS(*(const INTEGERS *)(sums + part * LANES) +
                         *(const integers_unaligned *)(f->offset + part * LANES)) *
               *(const floats_unaligned *)(f->scale + part * LANES);

    if (residual) {
        const uint8_t *with = residual + part * LANES;
        INTEGERS r = f->target == INT8_TO_U8 ? GET_uint8_t(with) : GET_int8_t(with);

        x = TO_FLOATS(TO_NEAREST(WITHIN(x, f->sum_low, f->sum_high))) * ALL_FLOATS(f->own) +
            TO_FLOATS(r - ALL_INTEGERS(f->residual_zero)) * ALL_FLOATS(f->other);
        x = WITHIN(x, f->low, f->high);
    }
    return (__m512i)(TO_NEAREST(x) + ALL_INTEGERS(f->zero));
}

static inline __attribute__((always_inline)) void
finish_panel(const struct int8_finish *f, const bool is_signed, const bool with_residual)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i low = _mm512_set1_epi8((char)((int)f->low + f->zero));
    const __m512i high = _mm512_set1_epi8((char)((int)f->high + f->zero));

    for (size_t r = 0; r < f->row_count; r++) {
        const int32_t *sums = f->sums + r * INT8_PANEL_MAX;
        const uint8_t *residual =
            with_residual ? (const uint8_t *)f->residual + r * f->residual_stride : NULL;
        __m512i a =
            _mm512_packs_epi32(quanta_of(f, sums, residual, 0), quanta_of(f, sums, residual, 1));
        __m512i b =
            _mm512_packs_epi32(quanta_of(f, sums, residual, 2), quanta_of(f, sums, residual, 3));
        __m512i y = is_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);

        y = is_signed ? _mm512_min_epi8(_mm512_max_epi8(y, low), high)
                      : _mm512_min_epu8(_mm512_max_epu8(y, low), high);
        _mm512_storeu_si512((char *)f->y + r * f->y_stride, _mm512_permutexvar_epi32(order, y));
    }
}

static void finish_u8_64(const struct int8_finish *f)
{
    finish_panel(f, false, false);
}

static void finish_u8_64_residual(const struct int8_finish *f)
{
    finish_panel(f, false, true);
}

static void finish_i8_64(const struct int8_finish *f)
{
    finish_panel(f, true, false);
}

static void finish_i8_64_residual(const struct int8_finish *f)
{
    finish_panel(f, true, true);
}

static void finish_512(const struct int8_finish *f)
{
    if (f->columns != 64 || !f->is_bounded || f->target == INT8_TO_F32 || f->target == INT8_TO_I32)
        finish(f);
    else if (f->residual)
        (f->target == INT8_TO_I8 ? finish_i8_64_residual : finish_u8_64_residual)(f);
    else
        (f->target == INT8_TO_I8 ? finish_i8_64 : finish_u8_64)(f);
}

#define VECTOR INTEGERS
#define SET ALL_INTEGERS
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
    "avx512 vnni", 4,          1,         LANES, VECTORS *LANES, ROWS,
    tile_vnni,     finish_512, depthwise, add,   quantise,       dequantise,
};
const struct int8_kernels int8_avx512 = {
    "avx512",   2,          2,         LANES, VECTORS *LANES, ROWS,
    tile_words, finish_512, depthwise, add,   quantise,       dequantise,
};
