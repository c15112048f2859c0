// SPDX-License-Identifier: Apache-2.0
/* Product: activation(a b + bias + residual), as the passes make it of MatMul, Gemm and what
 * follows them. a (..., k), b (k, n) or with `transposed` (n, k), bias (n,), residual of the
 * output's shape; `activation`, `alpha`, `beta` as ops/fast/epilogue.h has them, for floats. With
 * `weights` "bf16" or "f16" a constant b is kept in that precision, which the reference ignores. */
#include "ops/fast/product.h"
#include "ops/kernels/call.h"
#include "ops/kernels/matrix/matmul.h"

enum { A, B, BIAS, RESIDUAL };

static bool is_transposed(const struct op_call *call)
{
    return attribute_int(call->attributes, "transposed", 0);
}

static enum dtype stored_of(const struct op_call *call)
{
    return attribute_is(call->attributes, "weights", "bf16")  ? DTYPE_BF16
           : attribute_is(call->attributes, "weights", "f16") ? DTYPE_F16
                                                              : call->in[B].dtype;
}

static enum status check_bias(struct op_call *call, int64_t n, struct error *err)
{
    const struct shape *bias = &call->in[BIAS].shape;

    if (!op_has(call, BIAS))
        return STATUS_OK;
    TRY(op_wants_same(call, A, BIAS, err));
    TRY(op_wants_rank(call, BIAS, 1, 1, err));
    if (bias->rank == 1 && dim_is_known(n) && dim_is_known(bias->dims[0]) && bias->dims[0] != n)
        return op_error(call, err, STATUS_INVALID_INPUT, "a bias of %lld for %lld columns",
                        (long long)bias->dims[0], (long long)n);
    return STATUS_OK;
}

static enum status check_residual(struct op_call *call, const struct shape *out, struct error *err)
{
    const struct shape *residual = &call->in[RESIDUAL].shape;
    char text[SHAPE_PRINT_SIZE], want[SHAPE_PRINT_SIZE];
    bool fits = residual->rank == out->rank;

    if (!op_has(call, RESIDUAL))
        return STATUS_OK;
    TRY(op_wants_same(call, A, RESIDUAL, err));
    for (int i = 0; fits && i < out->rank; i++)
        fits = !dim_is_known(residual->dims[i]) || !dim_is_known(out->dims[i]) ||
               residual->dims[i] == out->dims[i];
    if (fits || residual->rank < 0 || out->rank < 0)
        return STATUS_OK;
    return op_error(call, err, STATUS_INVALID_INPUT, "a residual of shape %s for %s",
                    shape_print(residual, text, sizeof text), shape_print(out, want, sizeof want));
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[A].shape, *b = &call->in[B].shape;
    int64_t k = b->rank == 2 ? b->dims[is_transposed(call)] : DIM_UNKNOWN;
    int64_t n = b->rank == 2 ? b->dims[!is_transposed(call)] : DIM_UNKNOWN;
    struct shape out = *a;
    struct epilogue epilogue;

    TRY(op_wants(call, A, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_same(call, A, B, err));
    TRY(op_wants_rank(call, A, 1, RANK_MAX, err));
    TRY(op_wants_rank(call, B, 2, 2, err));
    if (a->rank > 0) {
        int64_t a_k = a->dims[a->rank - 1];

        if (dim_is_known(a_k) && dim_is_known(k) && a_k != k)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns by %lld rows",
                            (long long)a_k, (long long)k);
        out.dims[a->rank - 1] = n;
    }
    TRY(check_bias(call, n, err));
    TRY(check_residual(call, &out, err));
    TRY(epilogue_read(call, &epilogue, err));
    if (!epilogue_is_empty(&epilogue) && call->in[A].dtype != DTYPE_F32)
        return op_error(call, err, STATUS_UNSUPPORTED, "an activation of doubles");
    op_give(call, 0, call->in[A].dtype, &out);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct product_request request = {
        .b = &call->in[B],
        .c = op_has(call, BIAS) ? &call->in[BIAS] : NULL,
        .transposed = is_transposed(call),
        .alpha = 1,
        .beta = 1,
        .stored = stored_of(call),
    };
    struct product *product = NULL;

    TRY(epilogue_read(call, &request.epilogue, err));
    TRY(product_prepare(&request, &product, keep, err));
    call->state = product;
    call->packed = product ? 1 << B | 1 << BIAS : 0;
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct shape *b = &call->in[B].shape;

    if (call->state)
        return 0;
    return gemm_packed_size(call->in[B].dtype, (size_t)b->dims[is_transposed(call)],
                            (size_t)b->dims[!is_transposed(call)]);
}

/* Into y as far as the bias; then residual and activation, element by element. */
static void reference(const struct op_call *call, const struct epilogue *epilogue, size_t m,
                      size_t k, size_t n)
{
    bool transposed = is_transposed(call);
    struct tensor *y = &call->out[0];

    matmul_reference(&(struct matmul){
        .dtype = y->dtype,
        .m = m,
        .n = n,
        .k = k,
        .a = call->in[A].data,
        .b = call->in[B].data,
        .c = op_has(call, BIAS) ? call->in[BIAS].data : NULL,
        .y = y->data,
        .a_row = k,
        .a_column = 1,
        .b_row = transposed ? 1 : n,
        .b_column = transposed ? k : 1,
        .c_column = 1,
        .alpha = 1,
        .beta = 1,
    });
    for (size_t i = 0; i < m * n; i++) {
        double value = tensor_f64(y, i);

        if (op_has(call, RESIDUAL)) {
            tensor_set_f64(y, i, value + tensor_f64(&call->in[RESIDUAL], i));
            value = tensor_f64(y, i);
        }
        if (!epilogue_is_empty(epilogue))
            tensor_set_f64(y, i, epilogue_exact(epilogue, value));
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool transposed = is_transposed(call);
    size_t k = (size_t)call->in[B].shape.dims[transposed];
    size_t n = (size_t)call->in[B].shape.dims[!transposed];
    size_t m = n ? tensor_count(&call->out[0]) / n : 0;
    const void *residual = op_has(call, RESIDUAL) ? call->in[RESIDUAL].data : NULL;
    struct epilogue epilogue;

    if (call->state) {
        product_run(call->state, call->in[A].data, m, residual, call->out[0].data, call->scratch,
                    call->team);
        return STATUS_OK;
    }
    TRY(epilogue_read(call, &epilogue, err));
    if (op_is_reference_only()) {
        reference(call, &epilogue, m, k, n);
        return STATUS_OK;
    }
    loose_product_run(&(struct loose_product){
        .dtype = call->out[0].dtype,
        .m = m,
        .k = k,
        .n = n,
        .a = call->in[A].data,
        .b = call->in[B].data,
        .transposed = transposed,
        .alpha = 1,
        .y = call->out[0].data,
        .bias = op_has(call, BIAS) ? call->in[BIAS].data : NULL,
        .residual = residual,
        .epilogue = &epilogue,
        .team = call->team,
        .scratch = call->scratch,
    });
    return STATUS_OK;
}

const struct op_set ops_firn_product = OP_SET({.name = "Product",
                                               .summary = "activation(a b + bias + residual)",
                                               .flags = OP_ROWS | OP_OPTIONAL_GAPS,
                                               .in_min = 2,
                                               .in_max = 4,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .unaligned = 1 << B,
                                               .prepare = prepare,
                                               .scratch_size = scratch_size,
                                               .run = run});
