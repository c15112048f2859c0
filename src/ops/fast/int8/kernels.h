// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's integer micro-kernels: what product.c and depthwise.c ask of
 * int8_ISA.c. All sums are exact, modulo 2^32. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INT8_ROWS_MAX = 6,
    INT8_PANEL_MAX = 64, /* columns */
};

/* sums (rows, columns rounded up to whole vectors) = A B. Row r of A is `tap_count` runs of `run`
 * neighbouring elements, which begin at rows[r] + taps[t] (bytes). An element is a byte, or, where
 * the instruction set has no product of bytes that is exact, an int16. B is a panel: for every
 * `group` of neighbours in a run (the last filled up with zeros), the columns, each with its group
 * side by side. */
struct int8_tile {
    const char *const *rows;
    const ptrdiff_t *taps;
    size_t tap_count, run;
    const void *panel;
    size_t row_count, columns;
    bool is_signed;    /* A's bytes are int8: 128 is added to them */
    int32_t *sums;     /* rows lie INT8_PANEL_MAX apart; 64-byte aligned */
    const char *ahead; /* what will be read soon: prefetched, `ahead_step` bytes in each step */
    size_t ahead_step;
};

enum int8_target { INT8_TO_U8, INT8_TO_I8, INT8_TO_F32, INT8_TO_I32 };

/* What becomes of a tile of sums, column j of row r:
 *     I32:     sum + offset[j]
 *     F32:     (sum + offset[j]) scale[j] + bias[j]
 *     U8, I8:  q = clamp(round((sum + offset[j]) scale[j]), low, high); q + zero
 *              or, with a residual, of q clamped to sum_low and sum_high:
 *              clamp(round(q own + (residual - residual_zero) other), low, high) + zero
 * with halves rounded to even. offset, scale and bias hold INT8_PANEL_MAX elements. */
struct int8_finish {
    enum int8_target target;
    const int32_t *sums, *offset;
    const float *scale, *bias;
    size_t row_count, columns;
    float low, high; /* relative to zero */
    int32_t zero;
    bool is_bounded; /* every scale is below 1/2: no product leaves int32 */
    void *y;
    size_t y_stride; /* bytes from row to row */

    const void *residual; /* of the type of y; or NULL */
    size_t residual_stride;
    int32_t residual_zero;
    float own, other, sum_low, sum_high;
};

enum { INT8_DEPTHWISE_TAPS_MAX = 128 };

/* Depthwise: sums[c] = sum over taps of x[tap][c] w[tap][c], for `count` channels. x points to rows
 * of bytes (uint8, or int8 when is_signed), one per tap; w (taps, channels) is int16, w_stride
 * elements from tap to tap. */
struct int8_depthwise {
    const char *const *x;
    const int16_t *w;
    size_t taps, w_stride, count;
    bool is_signed;
    int32_t *sums;
};

/* Depthwise with weights that are bytes: `rows` of `width` outputs, finished. The window of output
 * (row, j) has tap t at x + row * row_step + j * step + taps[t]. w is packed by int8_pack_quads;
 * the taps are filled up to whole quads with any tap that may be read. `finish` has offset and
 * scale of all channels, y of the first output, y_stride from output to output; its targets are
 * quanta, it is bounded and has no residual. */
enum { INT8_QUAD_CHANNELS = 64 };
struct int8_quads {
    const char *x;
    const ptrdiff_t *taps;
    size_t quads;
    size_t rows, width, channels;
    ptrdiff_t row_step, step;
    const int8_t *w;
    bool is_signed; /* 128 is added to x */
    const struct int8_finish *finish;
};

/* y[i] = clamp(round((a[i] - a_zero) a_scale + (b[i] - b_zero) b_scale), low, high) + zero, all
 * uint8, or int8. */
struct int8_add {
    const void *a, *b;
    void *y;
    size_t count;
    bool is_signed;
    int32_t a_zero, b_zero, zero;
    float a_scale, b_scale, low, high; /* scales over that of y; low and high relative to zero */
};

/* Quanta of floats: y[i] = clamp(round(x[i] / scale), low, high) + zero, NaN as 0; and floats of
 * quanta: x[i] = (y[i] - zero) scale. Both as ONNX says, to the last bit. */
struct int8_linear {
    float *x;
    void *y;
    size_t count;
    bool is_signed;
    float scale;
    int32_t zero;
};

struct int8_kernels {
    const char *name;
    size_t group;   /* elements that one instruction multiplies and sums */
    size_t element; /* bytes of an element of A: 1 or 2 */
    size_t vector;  /* columns of a vector */
    size_t panel;   /* columns of a whole panel */
    size_t rows_max;
    void (*tile)(const struct int8_tile *tile);
    void (*finish)(const struct int8_finish *finish);
    void (*depthwise)(const struct int8_depthwise *depthwise);
    void (*quads)(const struct int8_quads *quads); /* or NULL */
    void (*add)(const struct int8_add *add);
    /* the least and the largest of x and 0; NaN is neither */
    void (*range)(const float *x, size_t count, float *low, float *high);
    void (*quantise)(const struct int8_linear *linear);
    void (*dequantise)(const struct int8_linear *linear);
};

extern const struct int8_kernels int8_portable, int8_avx2, int8_avx2_vnni, int8_avx512,
    int8_avx512_vnni;
