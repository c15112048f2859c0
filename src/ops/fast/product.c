// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/product.h"

static bool is_float_or_double(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64;
}

/* c as a row of n: a scalar, (n,), (1, n), (1, 1); NULL when it is another thing. */
static enum status bias_of(const struct product_request *request, size_t n, void **bias, bool *fits,
                           struct arena *keep, struct error *err)
{
    const struct tensor *c = request->c;
    size_t count, size;
    struct tensor row;

    *bias = NULL;
    *fits = true;
    if (!c || c->dtype == DTYPE_NONE || request->beta == 0)
        return STATUS_OK;
    *fits = c->data && shape_is_known(&c->shape) && (c->shape.rank < 2 || c->shape.dims[0] == 1) &&
            (tensor_count(c) == n || tensor_count(c) == 1);
    if (!*fits)
        return STATUS_OK;
    count = tensor_count(c);
    size = dtype_size(c->dtype);
    row = (struct tensor){c->dtype, SHAPE((int64_t)n), arena_alloc(keep, n, size)};
    if (!row.data)
        return error_no_memory(err, "a bias");
    for (size_t i = 0; i < n; i++) {
        double value = tensor_f64(c, count == 1 ? 0 : i);
        tensor_set_f64(&row, i, request->beta == 1 ? value : value * request->beta);
    }
    *bias = row.data;
    return STATUS_OK;
}

/* b, or a copy with alpha in it. */
static enum status scaled(const struct product_request *request, struct tensor *b,
                          struct arena *keep, struct error *err)
{
    *b = *request->b;
    if (request->alpha == 1)
        return STATUS_OK;
    TRY(tensor_new(b, request->b->dtype, &request->b->shape, keep, err));
    for (size_t i = 0; i < tensor_count(b); i++)
        tensor_set_f64(b, i, tensor_f64(request->b, i) * request->alpha);
    return STATUS_OK;
}

enum status product_prepare(const struct product_request *request, struct product **product,
                            struct arena *keep, struct error *err)
{
    const struct tensor *b = request->b;
    struct product *made;
    struct tensor weights;
    size_t k, n, size;
    void *data, *bias;
    bool fits;

    *product = NULL;
    if (op_is_reference_only() || !b->data || b->shape.rank != 2 || !is_float_or_double(b->dtype))
        return STATUS_OK;
    k = (size_t)b->shape.dims[request->transposed];
    n = (size_t)b->shape.dims[!request->transposed];
    TRY(bias_of(request, n, &bias, &fits, keep, err));
    if (!fits)
        return STATUS_OK;
    TRY(scaled(request, &weights, keep, err));
    size = gemm_packed_size(b->dtype, k, n);
    made = arena_new(keep, struct product, 1);
    data = size > SIZE_MAX - 4096 ? NULL : arena_alloc(keep, size + 4096, 1); /* 64-byte aligned */
    if (!made || !data)
        return error_no_memory(err, "packed weights");
    gemm_pack(&made->b, b->dtype, weights.data, k, n, request->transposed, data);
    made->bias = bias;
    *product = made;
    return STATUS_OK;
}

void product_run(const struct product *product, const void *a, size_t m, void *y)
{
    const struct packed_matrix *b = &product->b;

    gemm_run(b, a, m, b->rows, product->bias, y, b->columns);
}
