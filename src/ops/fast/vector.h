// SPDX-License-Identifier: Apache-2.0
/* Functions of float vectors: y[i] = f(x[i]), within 2 ulp of the exact value (2.3 without fused
 * multiply-adds), in their tails too, in the instruction set in use.
 * NaN gives NaN, infinities the limit (GELU of -infinity is -0). Results below the normal numbers
 * are not flushed. The inline forms for other kernels are in ops/fast/vector_math.inc. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

enum vector_function {
    VECTOR_EXP,
    VECTOR_LOG,
    VECTOR_TANH,
    VECTOR_SIGMOID, /* 1 / (1 + exp(-x)) */
    VECTOR_ERF,
    VECTOR_SIN,
    VECTOR_COS,
    VECTOR_GELU,      /* x/2 (1 + erf(x / sqrt 2)) */
    VECTOR_GELU_TANH, /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    VECTOR_SOFTPLUS,  /* log(1 + exp(x)) */
    VECTOR_FUNCTIONS
};

/* x and y may be the same; they do not overlap otherwise. */
void vector_apply(enum vector_function function, const float *x, float *y, size_t n);

/* sum of exp(x[i] - max), and y[i] = exp(x[i] - max): the heart of softmax. */
float vector_exp_sum(const float *x, float max, float *y, size_t n);

/* Floats from half or bfloat16 (DTYPE_F16, DTYPE_BF16) and back, to nearest even. */
void vector_widen(enum dtype dtype, const uint16_t *x, float *y, size_t n);
void vector_narrow(enum dtype dtype, const float *x, uint16_t *y, size_t n);
