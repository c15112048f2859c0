// SPDX-License-Identifier: Apache-2.0
/* The micro-kernels of one instruction set for convolutions as matrix products without a matrix:
 * rows of A are windows of x, read in place as runs of neighbouring floats. */
#pragma once

#include <stddef.h>

enum { CONV_VECTORS_MAX = 4 }; /* of a panel's width */

/* A tile of the output: `rows` pixels of a line by `columns` maps of a panel. */
struct conv_tile {
    const float *a;        /* window of the first row */
    size_t a_step;         /* floats from one row's window to the next one's */
    const ptrdiff_t *runs; /* where in the window the runs begin, floats */
    size_t run_count, run_length;
    const float *panel; /* (run_count * run_length, width); width is columns in whole vectors */
    const float *bias;  /* (width,); NULL: start from c */
    float *c;
    size_t c_step;         /* floats from row to row, of c and of the residual */
    size_t columns;        /* 1 to width */
    const float *residual; /* at c's place; or NULL */
    const float *next;     /* weights wanted soon: one cache line is fetched for each k */
    size_t next_step;      /* floats from one to the next; 0: fetch nothing new */
    float low, high;       /* the result is held between them */
};

typedef void conv_tile_kernel(const struct conv_tile *tile);

/* The kernels for panels of v vectors: rows_max[v - 1] rows at most, rows[v - 1][r - 1] for r. */
struct conv_tiles {
    size_t lanes;       /* floats of a vector */
    size_t vectors_max; /* of a panel */
    const size_t *rows_max;
    conv_tile_kernel *const *const *rows;
};

extern const struct conv_tiles conv_tiles_portable, conv_tiles_avx2, conv_tiles_avx512;

/* Of the instruction set in use. */
const struct conv_tiles *conv_tiles_of_machine(void);
