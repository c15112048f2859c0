// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's micro-kernels: what gemm.c asks of gemm_ISA.c. */
#pragma once

#include "ops/fast/gemm/gemm.h"

enum {
    GEMM_BLOCK_BYTES = 1536, /* of one column in a block of B's rows: 384 floats, 192 doubles */
    /* Strips of so many rows fetch a line of what comes after their panel for each step: from
     * memory that is a quarter faster, and from L3 no slower. With fewer rows the core's own
     * prefetching is better left alone. */
    GEMM_FETCH_ROWS = 5,
    GEMM_LINE = 64,
};

/* One strip of C: `rows` (1 to rows_max) by `columns` (1 to panel) += A (rows, depth) times a panel
 * (depth, width) whose width is `columns` rounded up to whole vectors. Starts from C, or from bias,
 * or from zero.
 *
 * With `panels` above 1, that many panels of full width beside each other, `distance` apart. A
 * column is summed in the same order whatever `rows` and `panels` are. */
struct gemm_strip {
    const void *a, *panel, *bias;
    void *c;
    size_t rows, columns, depth, lda, ldc;
    size_t step;             /* elements from row to row of the panel */
    size_t panels, distance; /* count, elements */
    const char *next;        /* what comes after the panel, to be fetched early */
    size_t next_step;        /* GEMM_LINE, or 0: there is nothing to fetch */
    bool add;                /* start from C */
};

enum { GEMM_ROWS_MAX = 6, GEMM_PANEL_MAX = 64 };

struct gemm_type {
    size_t vector, panel, rows_max;       /* elements, elements, rows */
    size_t panels_max[GEMM_ROWS_MAX + 1]; /* that a strip of so many rows takes; 0: one */
    void (*strip)(const struct gemm_strip *strip);
};

struct gemm_kernels {
    struct gemm_type f32, f64;
    struct gemm_type f16, bf16; /* floats, of panels of halves */
};

extern const struct gemm_kernels gemm_portable, gemm_avx2, gemm_avx512;

static inline const struct gemm_type *gemm_type_of(const struct gemm_kernels *kernels,
                                                   enum dtype stored)
{
    return stored == DTYPE_F32   ? &kernels->f32
           : stored == DTYPE_F64 ? &kernels->f64
           : stored == DTYPE_F16 ? &kernels->f16
                                 : &kernels->bf16;
}
