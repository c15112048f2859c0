// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/move/transpose.h"

#include <stdint.h>

#include "base/cpu.h"
#include "ops/fast/move/transpose_kernels.h"

static struct transpose_tile tile_of_machine(int log_size)
{
#if defined(__x86_64__)
    if (cpu_isa() >= ISA_AVX2 && transpose_avx2[log_size].side)
        return transpose_avx2[log_size];
#endif
    return transpose_portable[log_size];
}

#define COPY(type)                                                                                 \
    for (ptrdiff_t r = r0; r < r1; r++)                                                            \
        for (ptrdiff_t c = c0; c < c1; c++)                                                        \
            ((type *)t->to)[r * t->to_step + c] = ((const type *)t->from)[c * t->from_step + r];

/* What no tile covers: rows [r0, r1), columns [c0, c1). */
static void copy_rest(const struct transposition *t, int log_size, ptrdiff_t r0, ptrdiff_t r1,
                      ptrdiff_t c0, ptrdiff_t c1)
{
    switch (log_size) {
    case 0:
        COPY(uint8_t)
        break;
    case 1:
        COPY(uint16_t)
        break;
    case 2:
        COPY(uint32_t)
        break;
    default:
        COPY(uint64_t)
    }
}

bool transpose_run(const struct transposition *t, size_t element_size)
{
    int log_size = element_size <= 8 && __builtin_popcountll(element_size) == 1
                       ? __builtin_ctzll(element_size)
                       : -1;
    struct transpose_tile tile;
    ptrdiff_t block, rows, columns;

    if (log_size < 0)
        return false;
    tile = tile_of_machine(log_size);
    rows = t->rows / tile.side * tile.side;
    columns = t->columns / tile.side * tile.side;
    if (!rows || !columns)
        return false;
    block = 64 >> log_size; /* a line of the cache */
    block = block > tile.side ? block : tile.side;
    for (ptrdiff_t r0 = 0; r0 < rows; r0 += block)
        for (ptrdiff_t c0 = 0; c0 < columns; c0 += tile.side)
            for (ptrdiff_t r = r0; r < rows && r < r0 + block; r += tile.side)
                tile.run((const char *)t->from + (c0 * t->from_step + r) * (1 << log_size),
                         t->from_step, (char *)t->to + (r * t->to_step + c0) * (1 << log_size),
                         t->to_step);
    copy_rest(t, log_size, rows, t->rows, 0, columns);
    copy_rest(t, log_size, 0, t->rows, columns, t->columns);
    return true;
}
