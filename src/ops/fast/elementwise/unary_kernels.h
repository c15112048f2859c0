// SPDX-License-Identifier: Apache-2.0
/* What unary.c asks of unary_ISA.c. */
#pragma once

#include "ops/fast/elementwise/unary.h"

typedef void (*unary_kernel)(const float *x, float *y, size_t n, float p, float q);

extern const unary_kernel unary_portable[UNARY_FUNCTIONS], unary_avx2[UNARY_FUNCTIONS],
    unary_avx512[UNARY_FUNCTIONS];
