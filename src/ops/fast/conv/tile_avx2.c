// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/tile.h"
#include "ops/fast/conv/vector_avx2.h"

#define VECTORS 2
#define ROWS_1 12
#define ROWS_2 6
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
