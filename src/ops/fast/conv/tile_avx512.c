// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/tile.h"
#include "ops/fast/conv/vector_avx512.h"

#define VECTORS 4
#define ROWS_1 14
#define ROWS_2 14
#define ROWS_3 9
#define ROWS_4 7
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
