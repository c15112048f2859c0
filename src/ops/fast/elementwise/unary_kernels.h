// SPDX-License-Identifier: Apache-2.0
/* What unary.c asks of unary_ISA.c. */
#pragma once

#include "ops/fast/elementwise/unary.h"

typedef void (*unary_kernel)(const float *x, float *y, size_t n, float p, float q);

struct unary_kernels {
    unary_kernel floats[UNARY_FUNCTIONS];
    void (*doubles[UNARY_FUNCTIONS])(const double *x, double *y, size_t n); /* NULL: none */
};

extern const struct unary_kernels unary_portable, unary_avx2, unary_avx512;
