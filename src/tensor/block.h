// SPDX-License-Identifier: Apache-2.0
/* Blocks: n-dimensional pieces of memory, copied from one layout to another. For readers of files;
 * operators have ops/kernels/strided.h, which is faster for the layouts of theirs. */
#pragma once

#include "tensor/tensor.h"

struct block {
    int rank; /* 0: one item */
    size_t dims[RANK_MAX];
    size_t from[RANK_MAX], to[RANK_MAX]; /* bytes from one index to the next */
};

/* Row-major steps of `rank` dimensions, in bytes. */
void block_steps(int rank, const size_t *dims, size_t item, size_t *steps);

void block_copy(const struct block *block, const void *from, void *to, size_t item);
