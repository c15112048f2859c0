// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/tile.h"

#include <immintrin.h>

typedef __m256 vector;
enum { LANES = 8 };
#define VECTORS 2
#define ROWS_1 12
#define ROWS_2 6

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
#define REGISTERS 16
#define MULTIPLY_ADD(sum, a, b) sum = _mm256_fmadd_ps(a, b, sum)
#define MULTIPLY_ADD_AT(sum, a, p) MULTIPLY_ADD(sum, a, load(p))

#include "ops/fast/conv/tile.inc"

EACH(KERNEL, 1, ROWS_1)
EACH(KERNEL, 2, ROWS_2)

const struct conv_tiles conv_tiles_avx2 = {
    LANES,
    VECTORS,
    (const size_t[]){ROWS_1, ROWS_2},
    (conv_tile_kernel *const *const[]){
        (conv_tile_kernel *const[]){EACH(ROW, 1, ROWS_1)},
        (conv_tile_kernel *const[]){EACH(ROW, 2, ROWS_2)},
    },
};
