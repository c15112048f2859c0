// SPDX-License-Identifier: Apache-2.0
#include "tensor/block.h"

#include <string.h>

void block_steps(int rank, const size_t *dims, size_t item, size_t *steps)
{
    for (int d = rank - 1; d >= 0; d--) {
        steps[d] = item;
        item *= dims[d];
    }
}

void block_copy(const struct block *block, const void *from, void *to, size_t item)
{
    const char *source = from;
    char *target = to;
    size_t index[RANK_MAX] = {0};
    int rank = block->rank, d;

    for (d = 0; d < rank; d++)
        if (!block->dims[d])
            return;
    if (rank && block->from[rank - 1] == item && block->to[rank - 1] == item)
        item *= block->dims[--rank]; /* whole rows */
    do {
        memcpy(target, source, item);
        for (d = rank - 1; d >= 0; d--) {
            source += block->from[d];
            target += block->to[d];
            if (++index[d] < block->dims[d])
                break;
            source -= block->from[d] * block->dims[d];
            target -= block->to[d] * block->dims[d];
            index[d] = 0;
        }
    } while (d >= 0);
}
