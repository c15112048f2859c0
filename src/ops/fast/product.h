// SPDX-License-Identifier: Apache-2.0
/* MatMul and Gemm with a constant right side: packed when the model is loaded. */
#pragma once

#include "ops/fast/gemm.h"
#include "ops/op.h"

struct product {
    struct packed_matrix b;
    const void *bias; /* (n,) or NULL */
};

/* What is asked of y = alpha a b + beta c. */
struct product_request {
    const struct tensor *b, *c; /* c may be NULL or omitted */
    bool transposed;            /* b is (n, k) */
    double alpha, beta;
};

/* Pack b, with alpha in it, and c as a bias. *product is NULL where the reference kernel must
 * serve: b is no constant matrix of floats or doubles, c no constant row, or only references are
 * wanted. */
enum status product_prepare(const struct product_request *request, struct product **product,
                            struct arena *keep, struct error *err) must_check;

/* a: m rows, contiguous. */
void product_run(const struct product *product, const void *a, size_t m, void *y);
