// SPDX-License-Identifier: Apache-2.0
/* Matrix product with a packed right side: C = A B + bias, in float or double.
 *
 * B is packed once per model into column panels, in blocks of rows that stay in the L1 or L2 cache
 * (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008). Every row of
 * C is summed in the same order whatever the number of rows, so that a row's answer does not depend
 * on its batch. */
#pragma once

#include "base/arena.h"
#include "tensor/tensor.h"

struct gemm_kernels;

struct packed_matrix {
    enum dtype dtype;     /* DTYPE_F32 or DTYPE_F64 */
    size_t rows, columns; /* of B: (k, n) */
    const struct gemm_kernels *kernels;
    void *data; /* 64-byte aligned */
};

/* Bytes of the packed data of a (k, n) matrix; SIZE_MAX when it overflows. */
size_t gemm_packed_size(enum dtype dtype, size_t k, size_t n);

/* Pack b (k, n), or with `transposed` b (n, k), into `data` (gemm_packed_size bytes, 64-byte
 * aligned, owned by the caller). */
void gemm_pack(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t k, size_t n,
               bool transposed, void *data);

/* C (m, n) = A (m, k) B + bias (n,) or nothing (NULL). lda and ldc: elements from row to row. C
 * must not overlap A. */
void gemm_run(const struct packed_matrix *b, const void *a, size_t m, size_t lda, const void *bias,
              void *c, size_t ldc);
