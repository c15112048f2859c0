// SPDX-License-Identifier: Apache-2.0
/* MatMul: matrix products as numpy's matmul: (..., m, k) (..., k, n), leading dimensions broadcast,
 * a vector is a row on the left and a column on the right. */
#include "ops/kernels/matmul.h"

#include "ops/fast/product.h"
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

/* The batch dimensions, and the matrix: vectors get a dimension of 1. */
static void split(const struct shape *shape, bool is_left, struct shape *batch, int64_t *rows,
                  int64_t *columns)
{
    int rank = shape->rank;

    *batch = *shape;
    batch->rank = rank > 2 ? rank - 2 : 0;
    if (rank == 1) {
        *rows = is_left ? 1 : shape->dims[0];
        *columns = is_left ? shape->dims[0] : 1;
    } else {
        *rows = shape->dims[rank - 2];
        *columns = shape->dims[rank - 1];
    }
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    char a_text[SHAPE_PRINT_SIZE], b_text[SHAPE_PRINT_SIZE];
    struct shape a_batch, b_batch, out;
    int64_t m, n, a_k, b_k;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    if (a->rank == 0 || b->rank == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "an input is a scalar");
    if (a->rank < 0 || b->rank < 0) {
        out = shape_unknown();
        op_give(call, 0, call->in[0].dtype, &out);
        return STATUS_OK;
    }
    split(a, true, &a_batch, &m, &a_k);
    split(b, false, &b_batch, &b_k, &n);
    if (dim_is_known(a_k) && dim_is_known(b_k) && a_k != b_k)
        return op_error(call, err, STATUS_INVALID_INPUT, "shapes %s and %s do not multiply",
                        shape_print(a, a_text, sizeof a_text),
                        shape_print(b, b_text, sizeof b_text));
    TRY(shape_broadcast(&a_batch, &b_batch, &out, call, err));
    if (a->rank > 1)
        out.dims[out.rank++] = m;
    if (b->rank > 1)
        out.dims[out.rank++] = n;
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static void reference(const struct op_call *call)
{
    const struct tensor *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
    size_t size = dtype_size(y->dtype);
    struct shape a_batch, b_batch, batch = y->shape;
    const struct shape *shapes[] = {&a_batch, &b_batch};
    int64_t m, n, k;
    struct broadcast walk;

    split(&a->shape, true, &a_batch, &m, &k);
    split(&b->shape, false, &b_batch, &k, &n);
    batch.rank = y->shape.rank - (a->shape.rank > 1) - (b->shape.rank > 1);
    broadcast_start(&walk, &batch, shapes, 2);
    if (walk.count == 0)
        return;
    do {
        for (size_t i = 0; i < walk.count; i++) {
            size_t a_at = walk.at[0] + (walk.step[0] ? i : 0);
            size_t b_at = walk.at[1] + (walk.step[1] ? i : 0);

            matmul_reference(&(struct matmul){
                .dtype = y->dtype,
                .m = (size_t)m,
                .n = (size_t)n,
                .k = (size_t)k,
                .a = (const char *)a->data + a_at * (size_t)(m * k) * size,
                .b = (const char *)b->data + b_at * (size_t)(k * n) * size,
                .y = (char *)y->data + (walk.done + i) * (size_t)(m * n) * size,
                .a_row = (size_t)k,
                .a_column = 1,
                .b_row = (size_t)n,
                .b_column = 1,
                .alpha = 1,
            });
        }
    } while (broadcast_next(&walk));
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct product_request request = {.b = &call->in[1], .alpha = 1};
    struct product *product = NULL;

    TRY(product_prepare(&request, &product, keep, err));
    call->state = product;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *a = &call->in[0];

    (void)err;
    if (!tensor_count(&call->out[0]))
        return STATUS_OK;
    if (call->state)
        product_run(call->state, a->data,
                    tensor_count(&call->out[0]) / (size_t)call->in[1].shape.dims[1],
                    call->out[0].data);
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
                                              .prepare = prepare,
                                              .run = run});
