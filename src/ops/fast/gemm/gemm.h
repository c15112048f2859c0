// SPDX-License-Identifier: Apache-2.0
/* Matrix product with a packed right side: C = activation(A B + bias + residual), in float or
 * double.
 *
 * B is packed into column panels, once per model where it is constant, and read in blocks of rows
 * that stay in the cache (Goto and van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", 2008). Every row of C is summed in the same order whatever the number of rows,
 * so that a row's answer does not depend on its batch. */
#pragma once

#include "base/arena.h"
#include "ops/fast/epilogue.h"
#include "tensor/tensor.h"

struct gemm_kernels;

struct packed_matrix {
    enum dtype dtype;     /* of A and C: DTYPE_F32 or DTYPE_F64 */
    enum dtype stored;    /* of the packed data: the same, or DTYPE_F16 or DTYPE_BF16 for floats */
    size_t rows, columns; /* of B: (k, n) */
    const struct gemm_kernels *kernels;
    const void *data; /* 64-byte aligned, or a matrix in place */
    size_t step;      /* of a matrix in place: elements from row to row; 0: packed */
};

/* Bytes of the packed data of a (k, n) matrix of this (stored) dtype; SIZE_MAX when it overflows.
 */
size_t gemm_packed_size(enum dtype stored, size_t k, size_t n);

/* Pack b (k, n), or with `transposed` b (n, k), into `data` (gemm_packed_size bytes, 64-byte
 * aligned, owned by the caller). */
void gemm_pack(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t k, size_t n,
               bool transposed, void *data);

/* The same of a matrix whose rows lie ldb elements apart, each element times `scale`. */
void gemm_pack_strided(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t ldb,
                       size_t k, size_t n, bool transposed, double scale, void *data);

/* Pack b, of floats (dtype F32) or halves, in half precision: `stored` F16 or BF16, to nearest
 * even. A and C are floats. */
void gemm_pack_narrow(struct packed_matrix *packed, enum dtype stored, enum dtype dtype,
                      const void *b, size_t ldb, size_t k, size_t n, bool transposed, double scale,
                      void *data);

/* Use b (k, n) where it is, which pays for few rows of A; false when n does not allow it. */
bool gemm_in_place(struct packed_matrix *packed, enum dtype dtype, const void *b, size_t ldb,
                   size_t k, size_t n);
enum { GEMM_IN_PLACE_ROWS = 12 }; /* up to so many rows */

struct gemm {
    const struct packed_matrix *b;
    const void *a;    /* (m, k) */
    size_t m, lda;    /* lda, ldc, ldr: elements from row to row */
    const void *bias; /* (n,); NULL: 0 */
    void *c;          /* (m, n); overlaps no input */
    size_t ldc;
    const void *residual; /* (m, n); NULL: 0 */
    size_t ldr;
    const struct epilogue *epilogue; /* floats only; NULL: none */
    struct team *team;               /* may be NULL */
};
void gemm_multiply(const struct gemm *gemm);

/* C (m, n) = A (m, k) B + bias (n,) or nothing (NULL). */
void gemm_run(const struct packed_matrix *b, const void *a, size_t m, size_t lda, const void *bias,
              void *c, size_t ldc);
