// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's micro-kernels: what gemm.c asks of gemm_ISA.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    GEMM_BLOCK_BYTES = 1536, /* of one column in a block of B's rows: 384 floats, 192 doubles */
    GEMM_ROW_BLOCK = 192,    /* rows of A that stay in L2 while the panels pass */
};

/* One strip of C: `rows` (1 to rows_max) by `columns` (1 to panel) += A (rows, depth) times a panel
 * (depth, width) whose width is `columns` rounded up to whole vectors. Starts from C, or from bias,
 * or from zero. */
struct gemm_strip {
    const void *a, *panel, *bias;
    void *c;
    size_t rows, columns, depth, lda, ldc;
    bool add; /* start from C */
};

struct gemm_type {
    size_t vector, panel, rows_max; /* elements, elements, rows */
    void (*strip)(const struct gemm_strip *strip);
};

struct gemm_kernels {
    struct gemm_type f32, f64;
};

extern const struct gemm_kernels gemm_portable, gemm_avx2, gemm_avx512;
