// SPDX-License-Identifier: Apache-2.0
/* Kernels over rows of channels, (N, ..., C): what pools, interpolation and normalisation of images
 * with their channels last are made of. One table per instruction set. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct row_kernels {
    /* y[i] = the largest of rows[k][i]; NaN when one of them is. count >= 1. */
    void (*max)(float *y, const float *const *rows, size_t count, size_t n);
    void (*max_u8)(uint8_t *y, const uint8_t *const *rows, size_t count, size_t n);
    void (*max_i8)(int8_t *y, const int8_t *const *rows, size_t count, size_t n);

    /* The same for `windows` rows of y, one after the other; rows are `step` elements further on
     * each time. n is small: whole windows are worked on in registers. */
    void (*max_windows)(float *y, const float *const *rows, size_t count, size_t n, size_t windows,
                        size_t step);

    /* y[i] = sum of rows[k][i]; count >= 1 */
    void (*sum)(float *y, const float *const *rows, size_t count, size_t n);
    /* y[i] = sum of weights[k] rows[k][i] */
    void (*blend)(float *y, const float *const *rows, const float *weights, size_t count, size_t n);
    void (*divide)(float *y, float divisor, size_t n); /* y[i] /= divisor */

    /* y[i] = x[i] / (bias + factor * sum of x[k]^2, i - before <= k <= i + behind)^0.75;
     * squares: room for n + before + behind */
    void (*local_response)(float *y, const float *x, float *squares, size_t n, size_t before,
                           size_t behind, float factor, float bias);

    /* y[i] += (x[i] - mean[i])^2 */
    void (*squares)(float *y, const float *x, const float *mean, size_t n);
    /* y[i] = (x[i] - mean[i]) factor[i] + bias[i] */
    void (*normalize)(float *y, const float *x, const float *mean, const float *factor,
                      const float *bias, size_t n);
};

/* Those of the instruction set in use. */
const struct row_kernels *row_kernels(void);

extern const struct row_kernels rows_portable, rows_avx2, rows_avx512;
