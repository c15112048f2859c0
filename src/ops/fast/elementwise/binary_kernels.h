// SPDX-License-Identifier: Apache-2.0
/* What binary.c asks of binary_ISA.c. */
#pragma once

#include "ops/fast/elementwise/binary.h"

/* `count` elements; steps are 0 (the same element again) or 1. y may be a. */
typedef void (*binary_loop)(const void *a, int a_step, const void *b, int b_step, void *y,
                            size_t count);

enum { BINARY_F32, BINARY_F64, BINARY_I32, BINARY_I64, BINARY_TYPES };
typedef binary_loop binary_table[BINARY_FUNCTIONS][BINARY_TYPES]; /* NULL: has none */

extern const binary_table binary_portable, binary_avx2, binary_avx512;
