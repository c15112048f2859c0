// SPDX-License-Identifier: Apache-2.0
/* Vectors of floats of this instruction set, as tile.inc and depthwise.inc want them. */
#pragma once

#include <stddef.h>

#include <immintrin.h>

typedef __m256 vector;
enum { LANES = 8, REGISTERS = 16 };

static const int MASKS[] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

#define mask_of(n) _mm256_loadu_si256((const __m256i *)(MASKS + LANES - (n)))
#define load(p) _mm256_loadu_ps(p)
#define store(p, v) _mm256_storeu_ps(p, v)
#define load_part(p, n) _mm256_maskload_ps(p, mask_of(n))
#define store_part(p, v, n) _mm256_maskstore_ps(p, mask_of(n), v)
/* The second operand is the one that is taken when either is NaN. */
#define HOLD(v, low, high)                                                                         \
    _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), v))
#define broadcast(p) _mm256_broadcast_ss(p)
#define MULTIPLY_ADD(sum, a, b) sum = _mm256_fmadd_ps(a, b, sum)
#define MULTIPLY_ADD_AT(sum, a, p) MULTIPLY_ADD(sum, a, load(p))
