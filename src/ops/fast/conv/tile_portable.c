// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/conv/tile.h"
#include "ops/fast/conv/vector_portable.h"

#define VECTORS 2
#define ROWS_1 8
#define ROWS_2 4
#include "ops/fast/conv/tile.inc"

EACH(KERNEL, 1, ROWS_1)
EACH(KERNEL, 2, ROWS_2)

const struct conv_tiles conv_tiles_portable = {
    LANES,
    VECTORS,
    (const size_t[]){ROWS_1, ROWS_2},
    (conv_tile_kernel *const *const[]){
        (conv_tile_kernel *const[]){EACH(ROW, 1, ROWS_1)},
        (conv_tile_kernel *const[]){EACH(ROW, 2, ROWS_2)},
    },
};
