// SPDX-License-Identifier: Apache-2.0
/* MatMul: matrix products as numpy's matmul: (..., m, k) (..., k, n), leading dimensions broadcast,
 * a vector is a row on the left and a column on the right. */
#include "ops/kernels/matrix/matmul.h"

#include "ops/fast/product.h"
#include "ops/kernels/matrix/matmul_shape.h"

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(matmul_shape(call, 0, 1, &out, err));
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static void multiply(const struct matmul_part *part, void *context)
{
    const struct op_call *call = context;
    size_t size = dtype_size(call->out[0].dtype);

    matmul_reference(&(struct matmul){
        .dtype = call->out[0].dtype,
        .m = part->m,
        .n = part->n,
        .k = part->k,
        .a = (const char *)call->in[0].data + part->a_at * size,
        .b = (const char *)call->in[1].data + part->b_at * size,
        .y = (char *)call->out[0].data + part->y_at * size,
        .a_row = part->k,
        .a_column = 1,
        .b_row = part->n,
        .b_column = 1,
        .alpha = 1,
    });
}

static void reference(const struct op_call *call)
{
    matmul_each(&call->in[0].shape, &call->in[1].shape, &call->out[0].shape, multiply,
                (void *)call);
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct product_request request = {.b = &call->in[1], .alpha = 1};
    struct product *product = NULL;

    TRY(product_prepare(&request, &product, keep, err));
    call->state = product;
    call->packed = product ? 1 << 1 : 0;
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    int64_t n = call->in[1].shape.dims[1]; /* of a matrix, when there is a state */

    if (call->state)
        return n ? product_scratch_size(call->state, tensor_count(&call->out[0]) / (size_t)n) : 0;
    return matmul_scratch_size(call);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *a = &call->in[0];

    (void)err;
    if (!tensor_count(&call->out[0]))
        return STATUS_OK;
    if (call->state)
        product_run(call->state, a->data,
                    tensor_count(&call->out[0]) / (size_t)call->in[1].shape.dims[1], NULL,
                    call->out[0].data, call->scratch, call->team);
    else if (matmul_is_fast(call))
        matmul_run(call);
    else
        reference(call);
    return STATUS_OK;
}

const struct op_set ops_onnx_matmul = OP_SET({.name = "MatMul",
                                              .summary = "matrix product, batches broadcast",
                                              .flags = OP_ROWS,
                                              .in_min = 2,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .unaligned = 1 << 1,
                                              .prepare = prepare,
                                              .scratch_size = scratch_size,
                                              .run = run});
