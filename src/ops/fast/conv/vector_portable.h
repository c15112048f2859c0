// SPDX-License-Identifier: Apache-2.0
/* Vectors of floats in plain C, as tile.inc and depthwise.inc want them. */
#pragma once

#include <stddef.h>
#include <string.h>

typedef float vector __attribute__((vector_size(16)));
typedef float unaligned __attribute__((vector_size(16), aligned(sizeof(float)), may_alias));
enum { LANES = 4, REGISTERS = 16 };

static inline vector load_part(const float *p, size_t n)
{
    vector value = {0};

    memcpy(&value, p, n * sizeof *p);
    return value;
}

static inline void store_part(float *p, vector value, size_t n)
{
    memcpy(p, &value, n * sizeof *p);
}

typedef int mask __attribute__((vector_size(16)));

static inline vector choose(mask condition, vector yes, vector no)
{
    return (vector)(((mask)yes & condition) | ((mask)no & ~condition));
}

/* Comparisons with NaN are false. */
static inline vector hold(vector value, float low, float high)
{
    vector least = {low, low, low, low}, most = {high, high, high, high};

    value = choose(value < least, least, value);
    return choose(value > most, most, value);
}

#define load(p) ((vector) * (const unaligned *)(p))
#define store(p, v) (*(unaligned *)(p) = (v))
#define HOLD(v, low, high) hold(v, low, high)
#define broadcast(p) ((vector){*(p), *(p), *(p), *(p)})
#define MULTIPLY_ADD(sum, a, b) sum += (a) * (b)
#define MULTIPLY_ADD_AT(sum, a, p) MULTIPLY_ADD(sum, a, load(p))
