// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/tile.h"

#include <immintrin.h>

typedef __m512 vector;
enum { LANES = 16 };
#define VECTORS 4
#define ROWS_1 14
#define ROWS_2 14
#define ROWS_3 9
#define ROWS_4 7

#define load(p) _mm512_loadu_ps(p)
#define store(p, v) _mm512_storeu_ps(p, v)
#define load_part(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define store_part(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
/* The second operand is the one that is taken when either is NaN. */
#define HOLD(v, low, high)                                                                         \
    _mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), v))
#define broadcast(p) _mm512_set1_ps(*(p))
#define REGISTERS 32
/* As assembly, for gcc 12 repeats the broadcast in each multiplication when it runs out of
 * registers. */
#define MULTIPLY_ADD(sum, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
#define MULTIPLY_ADD_AT(sum, a, p)                                                                 \
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "m"(*(const vector *)(p)))

#include "ops/fast/conv/tile.inc"

EACH(KERNEL, 1, ROWS_1)
EACH(KERNEL, 2, ROWS_2)
EACH(KERNEL, 3, ROWS_3)
EACH(KERNEL, 4, ROWS_4)

const struct conv_tiles conv_tiles_avx512 = {
    LANES,
    VECTORS,
    (const size_t[]){ROWS_1, ROWS_2, ROWS_3, ROWS_4},
    (conv_tile_kernel *const *const[]){
        (conv_tile_kernel *const[]){EACH(ROW, 1, ROWS_1)},
        (conv_tile_kernel *const[]){EACH(ROW, 2, ROWS_2)},
        (conv_tile_kernel *const[]){EACH(ROW, 3, ROWS_3)},
        (conv_tile_kernel *const[]){EACH(ROW, 4, ROWS_4)},
    },
};
