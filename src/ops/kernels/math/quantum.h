// SPDX-License-Identifier: Apache-2.0
/* Quantised elements: rounded to the nearest integer, halves to even, and saturated. */
#pragma once

#include "tensor/tensor.h"

#define QUANTUM_BIT(dtype) (UINT64_C(1) << (dtype))
#define DTYPES_QUANTUM_INTEGER                                                                     \
    (QUANTUM_BIT(DTYPE_U8) | QUANTUM_BIT(DTYPE_I8) | QUANTUM_BIT(DTYPE_U16) |                      \
     QUANTUM_BIT(DTYPE_I16) | QUANTUM_BIT(DTYPE_U4) | QUANTUM_BIT(DTYPE_I4) |                      \
     QUANTUM_BIT(DTYPE_U2) | QUANTUM_BIT(DTYPE_I2))
#define DTYPES_QUANTUM                                                                             \
    (DTYPES_QUANTUM_INTEGER | QUANTUM_BIT(DTYPE_F8E4M3FN) | QUANTUM_BIT(DTYPE_F8E4M3FNUZ) |        \
     QUANTUM_BIT(DTYPE_F8E5M2) | QUANTUM_BIT(DTYPE_F8E5M2FNUZ) | QUANTUM_BIT(DTYPE_F4E2M1) |       \
     QUANTUM_BIT(DTYPE_F6E2M3) | QUANTUM_BIT(DTYPE_F6E3M2))

static inline bool quantum_is_integer(enum dtype dtype)
{
    return (DTYPES_QUANTUM_INTEGER & QUANTUM_BIT(dtype)) != 0;
}

/* Element i of y, an integer tensor of the above, becomes round(value) + zero. NaN gives zero. */
void quantum_put(struct tensor *y, size_t i, double value, int64_t zero);

/* Runs with one scale and zero point, or NULL where there is none for these types: from a
 * float type to an integer one, the quotient rounded to the float type first; and back. */
typedef void (*quantum_run)(const void *x, void *y, size_t count, double scale, int64_t zero);
quantum_run quantum_quantise(enum dtype from, enum dtype to);
quantum_run quantum_dequantise(enum dtype from, enum dtype to);
