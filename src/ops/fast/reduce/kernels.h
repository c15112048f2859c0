// SPDX-License-Identifier: Apache-2.0
/* What reduce.c asks of kernels_ISA.c. The loops are over contiguous floats: a row that becomes one
 * number, or rows that are added to a row of accumulators. */
#pragma once

#include "ops/fast/reduce/reduce.h"

enum { REDUCE_TERM, REDUCE_SQUARE, REDUCE_MAGNITUDE, REDUCE_SUMS }; /* what is summed */

struct reduce_kernels {
    double (*sum[REDUCE_SUMS])(const float *x, size_t n);
    float (*best[2])(const float *x, size_t n); /* 0: largest, 1: smallest; of none: -+infinity */
    /* to[j] += over `rows` rows `step` apart */
    void (*sum_rows[REDUCE_SUMS])(const float *x, size_t rows, size_t step, double *to, size_t n);
    void (*best_rows[2])(const float *x, size_t rows, size_t step, float *to, size_t n);
    /* index of the first (or last) element that is `value`; n when there is none */
    size_t (*find[2])(const float *x, size_t n, float value);
};

extern const struct reduce_kernels reduce_portable, reduce_avx2, reduce_avx512;
