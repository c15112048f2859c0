// SPDX-License-Identifier: Apache-2.0
/* Transposition of a matrix of elements of 1, 2, 4 or 8 bytes, in the instruction set in use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct transposition {
    const void *from;
    void *to;
    size_t rows, columns; /* of `to` */
    ptrdiff_t from_step,
        to_step; /* elements from column to column of `to`, from row to row of `to` */
};

/* to[r * to_step + c] = from[c * from_step + r]; false where there is nothing better than a loop.
 */
bool transpose_run(const struct transposition *t, size_t element_size);
