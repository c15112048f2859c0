// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/matrix/matmul_shape.h"

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

enum status matmul_shape(const struct op_call *call, size_t a_input, size_t b_input,
                         struct shape *out, struct error *err)
{
    const struct shape *a = &call->in[a_input].shape, *b = &call->in[b_input].shape;
    char a_text[SHAPE_PRINT_SIZE], b_text[SHAPE_PRINT_SIZE];
    struct shape a_batch, b_batch;
    int64_t m, n, a_k, b_k;

    if (a->rank == 0 || b->rank == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "an input is a scalar");
    if (a->rank < 0 || b->rank < 0) {
        *out = shape_unknown();
        return STATUS_OK;
    }
    split(a, true, &a_batch, &m, &a_k);
    split(b, false, &b_batch, &b_k, &n);
    if (dim_is_known(a_k) && dim_is_known(b_k) && a_k != b_k)
        return op_error(call, err, STATUS_INVALID_INPUT, "shapes %s and %s do not multiply",
                        shape_print(a, a_text, sizeof a_text),
                        shape_print(b, b_text, sizeof b_text));
    TRY(shape_broadcast(&a_batch, &b_batch, out, call, err));
    if (a->rank > 1)
        out->dims[out->rank++] = m;
    if (b->rank > 1)
        out->dims[out->rank++] = n;
    return STATUS_OK;
}

void matmul_each(const struct shape *a, const struct shape *b, const struct shape *y,
                 matmul_visit *visit, void *context)
{
    struct shape a_batch, b_batch, batch = *y;
    const struct shape *shapes[] = {&a_batch, &b_batch};
    int64_t m, n, k;
    struct broadcast walk;

    split(a, true, &a_batch, &m, &k);
    split(b, false, &b_batch, &k, &n);
    batch.rank = y->rank - (a->rank > 1) - (b->rank > 1);
    broadcast_start(&walk, &batch, shapes, 2);
    if (walk.count == 0)
        return;
    do {
        for (size_t i = 0; i < walk.count; i++) {
            size_t a_matrix = walk.at[0] + (walk.step[0] ? i : 0);
            size_t b_matrix = walk.at[1] + (walk.step[1] ? i : 0);

            visit(&(struct matmul_part){.m = (size_t)m,
                                        .n = (size_t)n,
                                        .k = (size_t)k,
                                        .a_at = a_matrix * (size_t)(m * k),
                                        .b_at = b_matrix * (size_t)(k * n),
                                        .y_at = (walk.done + i) * (size_t)(m * n)},
                  context);
        }
    } while (broadcast_next(&walk));
}
