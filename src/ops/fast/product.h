// SPDX-License-Identifier: Apache-2.0
/* Products with a constant right side, packed when the model is loaded: MatMul, Gemm and
 * firn.Product; and with one that is packed on the way. */
#pragma once

#include "ops/fast/gemm/gemm.h"
#include "ops/kernels/matrix/matmul_shape.h"
#include "ops/op.h"

struct product {
    struct packed_matrix b;
    enum dtype dtype; /* of a and y: as b's, or DTYPE_F16, DTYPE_BF16: by way of floats */
    const void *bias; /* (n,) or NULL */
    struct epilogue epilogue;
};

/* What is asked of y = activation(alpha a b + beta c). */
struct product_request {
    const struct tensor *b, *c; /* c may be NULL or omitted */
    bool transposed;            /* b is (n, k) */
    double alpha, beta;
    struct epilogue epilogue;
    enum dtype stored; /* DTYPE_F16, DTYPE_BF16: b is floats, kept in half precision; else as b */
};

/* Pack b, with alpha in it, and c as a bias. *product is NULL where another kernel must serve: b is
 * no constant matrix of floats, doubles or halves, c no constant row, or only references are
 * wanted. */
enum status product_prepare(const struct product_request *request, struct product **product,
                            struct arena *keep, struct error *err) must_check;

/* a: m rows, contiguous; residual (m, n) or NULL, which halves do not take. `scratch`: as
 * product_scratch_size says. */
void product_run(const struct product *product, const void *a, size_t m, const void *residual,
                 void *y, void *scratch, struct team *team);
size_t product_scratch_size(const struct product *product, size_t m);

/* --- both sides made by others: b is packed in scratch memory --- */

/* numpy's matmul of floats or doubles: what the operator's call says of in[0], in[1], out[0]. */
bool matmul_is_fast(const struct op_call *call);
size_t matmul_scratch_size(const struct op_call *call);
void matmul_run(const struct op_call *call);

/* One product; scratch: gemm_packed_size bytes, 64-byte aligned. */
struct loose_product {
    enum dtype dtype;
    size_t m, k, n;
    const void *a, *b;
    bool transposed; /* b is (n, k) */
    double alpha;
    void *y; /* (m, n) */
    const void *bias, *residual;
    const struct epilogue *epilogue;
    struct team *team;
    void *scratch;
};
void loose_product_run(const struct loose_product *product);
