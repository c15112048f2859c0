// SPDX-License-Identifier: Apache-2.0
/* Vectors of floats of this instruction set, as tile.inc and depthwise.inc want them. */
#pragma once

#include <stddef.h>

#include <immintrin.h>

typedef __m512 vector;
enum { LANES = 16, REGISTERS = 32 };

#define load(p) _mm512_loadu_ps(p)
#define store(p, v) _mm512_storeu_ps(p, v)
#define load_part(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define store_part(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
/* The second operand is the one that is taken when either is NaN. */
#define HOLD(v, low, high)                                                                         \
    _mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), v))
#define broadcast(p) _mm512_set1_ps(*(p))
/* As assembly, for gcc 12 repeats the broadcast in each multiplication when it runs out of
 * registers. */
#define MULTIPLY_ADD(sum, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
#define MULTIPLY_ADD_AT(sum, a, p)                                                                 \
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "m"(*(const vector *)(p)))
