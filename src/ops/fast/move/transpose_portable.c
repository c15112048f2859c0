// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

#include "ops/fast/move/transpose_kernels.h"

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t words8 __attribute__((vector_size(16)));
typedef uint32_t ints4 __attribute__((vector_size(16)));
typedef uint64_t longs2 __attribute__((vector_size(16)));

/* The lower or upper halves of two vectors, element by element in turn. */
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW2(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH2(a, b) __builtin_shufflevector(a, b, 1, 3)
#define LOW8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW16(a, b)                                                                                \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)

static void tile_bytes(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    const uint8_t *f = from;
    uint8_t *t = to;
    bytes16 a[8], b[4];
    words8 c[4];
    ints4 d[4];

    for (int i = 0; i < 8; i++) {
        a[i] = (bytes16){0};
        __builtin_memcpy(&a[i], f + i * from_step, 8);
    }
    for (int i = 0; i < 4; i++)
        b[i] = LOW16(a[2 * i], a[2 * i + 1]); /* pairs of rows */
    for (int i = 0; i < 2; i++) {
        c[2 * i] = LOW8((words8)b[2 * i], (words8)b[2 * i + 1]); /* fours: columns 0 to 3 */
        c[2 * i + 1] = HIGH8((words8)b[2 * i], (words8)b[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        d[2 * i] = LOW((ints4)c[i], (ints4)c[2 + i]); /* eights: two columns each */
        d[2 * i + 1] = HIGH((ints4)c[i], (ints4)c[2 + i]);
    }
    for (int i = 0; i < 4; i++) {
        __builtin_memcpy(t + (2 * i) * to_step, &d[i], 8);
        __builtin_memcpy(t + (2 * i + 1) * to_step, (const char *)&d[i] + 8, 8);
    }
}

static void tile_words(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    const uint16_t *f = from;
    uint16_t *t = to;
    words8 a[8], b[8];
    ints4 c[8];

    for (int i = 0; i < 8; i++)
        __builtin_memcpy(&a[i], f + i * from_step, 16);
    for (int i = 0; i < 4; i++) {
        b[2 * i] = LOW8(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = HIGH8(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++)
        for (int h = 0; h < 2; h++) {
            c[4 * i + 2 * h] = LOW((ints4)b[4 * i + h], (ints4)b[4 * i + 2 + h]);
            c[4 * i + 2 * h + 1] = HIGH((ints4)b[4 * i + h], (ints4)b[4 * i + 2 + h]);
        }
    for (int i = 0; i < 4; i++) {
        longs2 low = LOW2((longs2)c[i], (longs2)c[4 + i]);
        longs2 high = HIGH2((longs2)c[i], (longs2)c[4 + i]);
        __builtin_memcpy(t + (2 * i) * to_step, &low, 16);
        __builtin_memcpy(t + (2 * i + 1) * to_step, &high, 16);
    }
}

static void tile_ints(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    const uint32_t *f = from;
    uint32_t *t = to;
    ints4 a[4], b[4];

    for (int i = 0; i < 4; i++)
        __builtin_memcpy(&a[i], f + i * from_step, 16);
    for (int i = 0; i < 2; i++) {
        b[2 * i] = LOW(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = HIGH(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        longs2 low = LOW2((longs2)b[i], (longs2)b[2 + i]);
        longs2 high = HIGH2((longs2)b[i], (longs2)b[2 + i]);
        __builtin_memcpy(t + (2 * i) * to_step, &low, 16);
        __builtin_memcpy(t + (2 * i + 1) * to_step, &high, 16);
    }
}

static void tile_longs(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step)
{
    const uint64_t *f = from;
    uint64_t *t = to;
    longs2 a, b, low, high;

    __builtin_memcpy(&a, f, 16);
    __builtin_memcpy(&b, f + from_step, 16);
    low = LOW2(a, b);
    high = HIGH2(a, b);
    __builtin_memcpy(t, &low, 16);
    __builtin_memcpy(t + to_step, &high, 16);
}

const struct transpose_tile transpose_portable[4] = {
    {8, tile_bytes}, {8, tile_words}, {4, tile_ints}, {2, tile_longs}};
