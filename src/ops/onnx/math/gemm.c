// SPDX-License-Identifier: Apache-2.0
/* Gemm: alpha A B + beta C, A and B perhaps transposed, C broadcast to the result. */
#include "ops/fast/product.h"
#include "ops/kernels/call.h"
#include "ops/kernels/matrix/matmul.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    bool trans_a = attribute_int(call->attributes, "transA", 0);
    bool trans_b = attribute_int(call->attributes, "transB", 0);
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}}, with_c;
    char a_text[SHAPE_PRINT_SIZE], b_text[SHAPE_PRINT_SIZE];

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants_rank(call, 1, 2, 2, err));
    if (a->rank == 2)
        out.dims[0] = a->dims[trans_a];
    if (b->rank == 2)
        out.dims[1] = b->dims[!trans_b];
    if (a->rank == 2 && b->rank == 2) {
        int64_t a_k = a->dims[!trans_a], b_k = b->dims[trans_b];

        if (dim_is_known(a_k) && dim_is_known(b_k) && a_k != b_k)
            return op_error(
                call, err, STATUS_INVALID_INPUT, "shapes %s and %s do not multiply%s%s",
                shape_print(a, a_text, sizeof a_text), shape_print(b, b_text, sizeof b_text),
                trans_a ? ", the first transposed" : "", trans_b ? ", the second transposed" : "");
    }
    if (op_has(call, 2)) {
        TRY(op_wants_same(call, 0, 2, err));
        TRY(op_wants_rank(call, 2, 0, 2, err));
        TRY(shape_broadcast(&out, &call->in[2].shape, &with_c, call, err));
        if (shape_is_known(&out) && shape_is_known(&with_c) && !shape_equal(&out, &with_c))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "C of shape %s does not broadcast to %s",
                            shape_print(&call->in[2].shape, a_text, sizeof a_text),
                            shape_print(&out, b_text, sizeof b_text));
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static void reference(const struct op_call *call)
{
    const struct tensor *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
    bool trans_a = attribute_int(call->attributes, "transA", 0);
    bool trans_b = attribute_int(call->attributes, "transB", 0);
    size_t a_columns = (size_t)a->shape.dims[1], b_columns = (size_t)b->shape.dims[1];
    struct matmul matmul = {
        .dtype = y->dtype,
        .m = (size_t)y->shape.dims[0],
        .n = (size_t)y->shape.dims[1],
        .k = (size_t)a->shape.dims[!trans_a],
        .a = a->data,
        .b = b->data,
        .y = y->data,
        .a_row = trans_a ? 1 : a_columns,
        .a_column = trans_a ? a_columns : 1,
        .b_row = trans_b ? 1 : b_columns,
        .b_column = trans_b ? b_columns : 1,
        .alpha = attribute_float(call->attributes, "alpha", 1),
        .beta = attribute_float(call->attributes, "beta", 1),
    };

    if (op_has(call, 2) && matmul.beta != 0) {
        const struct shape *c = &call->in[2].shape;
        int64_t rows = c->rank == 2 ? c->dims[0] : 1;
        int64_t columns = c->rank ? c->dims[c->rank - 1] : 1;

        matmul.c = call->in[2].data;
        matmul.c_row = rows == 1 ? 0 : (size_t)columns;
        matmul.c_column = columns == 1 ? 0 : 1;
    }
    matmul_reference(&matmul);
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct product_request request = {
        .b = &call->in[1],
        .c = op_has(call, 2) ? &call->in[2] : NULL,
        .transposed = attribute_int(call->attributes, "transB", 0),
        .alpha = attribute_float(call->attributes, "alpha", 1),
        .beta = attribute_float(call->attributes, "beta", 1),
    };
    struct product *product = NULL;

    if (!attribute_int(call->attributes, "transA", 0))
        TRY(product_prepare(&request, &product, keep, err));
    call->state = product;
    call->packed = product ? 1 << 1 | 1 << 2 : 0;
    return STATUS_OK;
}

/* --- B is not constant: packed on the way, A transposed first where it has to be --- */

/* C as what a product takes: a row, or all of it. */
static bool is_fast(const struct op_call *call)
{
    const struct shape *c = &call->in[2].shape;
    enum dtype dtype = call->in[0].dtype;

    if ((dtype != DTYPE_F32 && dtype != DTYPE_F64) || op_is_reference_only())
        return false;
    if (!op_has(call, 2))
        return true;
    return attribute_float(call->attributes, "beta", 1) == 1 && c->rank > 0 &&
           c->dims[c->rank - 1] == call->out[0].shape.dims[1] &&
           (c->rank == 1 || c->dims[0] == 1 || c->dims[0] == call->out[0].shape.dims[0]);
}

static size_t rounded(size_t size)
{
    return size > SIZE_MAX - 63 ? SIZE_MAX : (size + 63) / 64 * 64;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct tensor *a = &call->in[0], *y = &call->out[0];
    bool trans_a = attribute_int(call->attributes, "transA", 0);
    size_t packed, turned = trans_a ? tensor_bytes(a) : 0;

    if (call->state)
        return product_scratch_size(call->state, (size_t)y->shape.dims[0]);
    if (a->dtype != DTYPE_F32 && a->dtype != DTYPE_F64)
        return 0;
    packed = rounded(
        gemm_packed_size(y->dtype, (size_t)a->shape.dims[!trans_a], (size_t)y->shape.dims[1]));
    return packed > SIZE_MAX - turned ? SIZE_MAX : packed + turned;
}

/* to (m, k) = a (k, m) */
static void turn(const struct tensor *a, void *to)
{
    size_t k = (size_t)a->shape.dims[0], m = (size_t)a->shape.dims[1];

    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++)
            if (a->dtype == DTYPE_F32)
                ((float *)to)[i * k + j] = ((const float *)a->data)[j * m + i];
            else
                ((double *)to)[i * k + j] = ((const double *)a->data)[j * m + i];
}

static void run_loose(const struct op_call *call)
{
    const struct tensor *a = &call->in[0], *y = &call->out[0], *c = &call->in[2];
    bool trans_a = attribute_int(call->attributes, "transA", 0), has_c = op_has(call, 2);
    bool whole = has_c && c->shape.rank == 2 && c->shape.dims[0] != 1;
    size_t k = (size_t)a->shape.dims[!trans_a], n = (size_t)y->shape.dims[1];
    char *turned = (char *)call->scratch + rounded(gemm_packed_size(y->dtype, k, n));

    if (trans_a)
        turn(a, turned);
    loose_product_run(&(struct loose_product){
        .dtype = y->dtype,
        .m = (size_t)y->shape.dims[0],
        .k = k,
        .n = n,
        .a = trans_a ? turned : a->data,
        .b = call->in[1].data,
        .transposed = attribute_int(call->attributes, "transB", 0),
        .alpha = attribute_float(call->attributes, "alpha", 1),
        .y = y->data,
        .bias = has_c && !whole ? c->data : NULL,
        .residual = whole ? c->data : NULL,
        .team = call->team,
        .scratch = call->scratch,
    });
}

static enum status run(const struct op_call *call, struct error *err)
{
    (void)err;
    if (call->state)
        product_run(call->state, call->in[0].data, (size_t)call->in[0].shape.dims[0], NULL,
                    call->out[0].data, call->scratch, call->team);
    else if (!tensor_count(&call->out[0]))
        return STATUS_OK;
    else if (is_fast(call))
        run_loose(call);
    else
        reference(call);
    return STATUS_OK;
}

const struct op_set ops_onnx_gemm = OP_SET({.name = "Gemm",
                                            .summary = "alpha A B + beta C",
                                            .flags = OP_ROWS | OP_OPTIONAL_GAPS,
                                            .in_min = 2,
                                            .in_max = 3,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer,
                                            .unaligned = 1 << 1,
                                            .prepare = prepare,
                                            .scratch_size = scratch_size,
                                            .run = run});
