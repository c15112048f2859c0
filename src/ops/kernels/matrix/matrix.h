// SPDX-License-Identifier: Apache-2.0
/* Dense linear algebra of small matrices, row-major, plain algorithms: elimination with partial
 * pivots, Householder reflections, Jacobi and Givens rotations. Where a decomposition is unique
 * only up to signs (of rows, columns, phases) these are those of Eigen's algorithms, step by step,
 * in the precision of the element: as TensorFlow gives them. Sources: Golub and Van Loan, Matrix
 * Computations, chapters 3, 5, 8; the documentation and algorithms of Eigen 3.4: PartialPivLU,
 * HouseholderQR, ColPivHouseholderQR, JacobiSVD, SelfAdjointEigenSolver. */
#pragma once

#include "tensor/tensor.h"

/* One matrix, or one and its right-hand sides. Which of these a kernel uses, and how, is written
 * beside it in matrix.inc. */
struct matrix_job {
    const void *a, *b; /* (rows, columns), (rows of b, width) */
    void *y[3];
    void *room; /* matrix_room() bytes */
    int64_t *order;
    int64_t rows, columns, width;
    bool adjoint, lower, full, vectors;
    double regularizer;
};

/* NULL, or why there is no result. */
typedef const char *(*matrix_kernel)(const struct matrix_job *job);

struct matrix_kernels { /* NULL: not of this dtype */
    matrix_kernel determinant, log_determinant, inverse, solve, triangular_solve, cholesky, qr, lu;
    matrix_kernel svd, eigen, least_squares, least_norm, exponential, square_root, logarithm;
};

/* float, double and the complex ones; others have none. */
const struct matrix_kernels *matrix_kernels_of(enum dtype dtype);

/* Enough for every kernel of such matrices. */
size_t matrix_room(enum dtype dtype, int64_t rows, int64_t columns, int64_t width);
