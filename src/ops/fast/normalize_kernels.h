// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's kernels of rows: what normalize.c asks of normalize_ISA.c. */
#pragma once

#include "ops/fast/normalize.h"

struct normalize_kernels {
    float (*max)(const float *x, size_t n);
    void (*scale)(const float *x, float factor, float *y, size_t n);
    void (*shift)(const float *x, float by, float *y, size_t n); /* y = x - by */
    /* rows [from, to) */
    void (*normalize)(const struct normalization *normalization, size_t from, size_t to);
};

extern const struct normalize_kernels normalize_portable, normalize_avx2, normalize_avx512;
