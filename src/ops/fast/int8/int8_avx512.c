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
/* Bytes of four taps side by side: lane i of part p has channels 16 i + 4 p to 16 i + 4 p + 3. */
static inline __attribute__((always_inline)) void quad_add(INTEGERS sum[4], const char *x,
                                                           const ptrdiff_t *taps, const int8_t *w,
                                                           __m512i flip, __mmask64 mask)
{
    __m512i a = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + taps[0]), flip);
    __m512i b = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + taps[1]), flip);
    __m512i c = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + taps[2]), flip);
    __m512i d = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + taps[3]), flip);
    __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);

    DOT(sum[0], (INTEGERS)_mm512_unpacklo_epi16(ab, cd), *(const INTEGERS *)w);
    DOT(sum[1], (INTEGERS)_mm512_unpackhi_epi16(ab, cd), *(const INTEGERS *)(w + 64));
    ab = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpackhi_epi8(c, d);
    DOT(sum[2], (INTEGERS)_mm512_unpacklo_epi16(ab, cd), *(const INTEGERS *)(w + 128));
    DOT(sum[3], (INTEGERS)_mm512_unpackhi_epi16(ab, cd), *(const INTEGERS *)(w + 192));
}

/* The packs of AVX-512 put the channels in order again. */
static inline __attribute__((always_inline)) __m512i
quad_finish(const INTEGERS sum[4], const FLOATS scale[4], INTEGERS zero, bool to_signed)
{
    __m512i q[4], a, b;

#pragma GCC unroll 4
    for (int p = 0; p < 4; p++)
        q[p] = (__m512i)(TO_NEAREST(TO_FLOATS(sum[p]) * scale[p]) + zero);
    a = _mm512_packs_epi32(q[0], q[1]);
    b = _mm512_packs_epi32(q[2], q[3]);
    return to_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);
}

static inline __attribute__((always_inline)) void quads_of(const struct int8_quads *d, size_t first,
                                                           size_t count, const bool to_signed)
{
    const struct int8_finish *f = d->finish;
    const __m512i flip = _mm512_set1_epi8(d->is_signed ? (char)-128 : 0);
    const __m512i low = _mm512_set1_epi8((char)((int)f->low + f->zero));
    const __m512i high = _mm512_set1_epi8((char)((int)f->high + f->zero));
    const INTEGERS zero = ALL_INTEGERS(f->zero);
    const __mmask64 mask = count == 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
    int32_t offsets[4][LANES] __attribute__((aligned(64))) = {0};
    float scales[4][LANES] __attribute__((aligned(64))) = {0};
    INTEGERS offset[4];
    FLOATS scale[4];

    for (size_t c = 0; c < count; c++) {
        offsets[c % 16 / 4][c / 16 * 4 + c % 4] = f->offset[first + c];
        scales[c % 16 / 4][c / 16 * 4 + c % 4] = f->scale[first + c];
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
        offset[p] = *(const INTEGERS *)offsets[p];
        scale[p] = *(const FLOATS *)scales[p];
    }
    for (size_t row = 0; row < d->rows; row++)
        for (size_t j = 0; j < d->width; j++) {
            const char *x = d->x + (ptrdiff_t)row * d->row_step + (ptrdiff_t)j * d->step + first;
            const int8_t *w = d->w + first * d->quads * 4;
            INTEGERS sum[4] = {offset[0], offset[1], offset[2], offset[3]};
            __m512i y;

            for (size_t q = 0; q < d->quads; q++, w += 256)
                quad_add(sum, x, d->taps + 4 * q, w, flip, mask);
            y = quad_finish(sum, scale, zero, to_signed);
            y = to_signed ? _mm512_min_epi8(_mm512_max_epi8(y, low), high)
                          : _mm512_min_epu8(_mm512_max_epu8(y, low), high);
            _mm512_mask_storeu_epi8((char *)f->y + (row * d->width + j) * f->y_stride + first, mask,
                                    y);
        }
}

static void quads(const struct int8_quads *d)
{
    for (size_t c = 0; c < d->channels; c += INT8_QUAD_CHANNELS) {
        size_t left = d->channels - c, count = left < 64 ? left : 64;

        if (d->finish->target == INT8_TO_I8)
            quads_of(d, c, count, true);
        else
            quads_of(d, c, count, false);
    }
}

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
    "avx512 vnni", 4,         1,     LANES, VECTORS *LANES, ROWS,     tile_vnni,
    finish_512,    depthwise, quads, add,   range,          quantise, dequantise,
};
const struct int8_kernels int8_avx512 = {
    "avx512",   2,         2,    LANES, VECTORS *LANES, ROWS,     tile_words,
    finish_512, depthwise, NULL, add,   range,          quantise, dequantise,
};
