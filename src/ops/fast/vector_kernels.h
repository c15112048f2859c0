// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's functions of vectors: what vector.c asks of vector_ISA.c. */
#pragma once

#include "ops/fast/vector.h"

struct vector_kernels {
    void (*apply[VECTOR_FUNCTIONS])(const float *x, float *y, size_t n);
    float (*exp_sum)(const float *x, float max, float *y, size_t n);
    /* 0: half, 1: bfloat16 */
    void (*widen[2])(const uint16_t *x, float *y, size_t n);
    void (*narrow[2])(const float *x, uint16_t *y, size_t n);
};

extern const struct vector_kernels vector_portable, vector_avx2, vector_avx512;
