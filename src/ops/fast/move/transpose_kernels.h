// SPDX-License-Identifier: Apache-2.0
/* What transpose.c asks of transpose_ISA.c: square tiles. */
#pragma once

#include "ops/fast/move/transpose.h"

struct transpose_tile {
    ptrdiff_t side; /* elements; 0: no such tile */
    void (*run)(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step);
};

/* By the logarithm of the element's size. */
extern const struct transpose_tile transpose_portable[4], transpose_avx2[4];
