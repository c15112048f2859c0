// SPDX-License-Identifier: Apache-2.0
/* Reference matrix product, any number type: the oracle of the fast kernels. */
#pragma once

#include "tensor/tensor.h"

/* y (m, n) = alpha * a (m, k) b (k, n) + beta * c; strides in elements, y's rows are contiguous.
 * Sums are taken in double (integers: modulo 2^64), each y rounded once. */
struct matmul {
    enum dtype dtype;
    size_t m, n, k;
    const void *a, *b, *c; /* c may be NULL */
    void *y;
    size_t a_row, a_column, b_row, b_column;
    size_t c_row, c_column; /* 0 where c repeats */
    double alpha, beta;
};

void matmul_reference(const struct matmul *matmul);
