// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/binary.h"

#include "ops/kernels/strided.h"

uint64_t binary_dtypes(const binary_kernel kernels[DTYPE_COUNT])
{
    uint64_t set = 0;

    for (int i = 0; i < DTYPE_COUNT; i++)
        if (kernels[i])
            set |= DTYPE_BIT(i);
    return set;
}

enum status binary_second_shape(const struct op_call *call, struct shape *shape, struct error *err)
{
    const struct attribute *axis = attribute_find(call->attributes, "axis");
    int rank = call->in[0].shape.rank, at;

    *shape = call->in[1].shape;
    if (!op_before(call, 7) || !axis || axis->kind != ATTRIBUTE_INT || rank < 0 || shape->rank < 0)
        return STATUS_OK;
    if (!attribute_int(call->attributes, "broadcast", 0))
        return STATUS_OK;
    if (shape->rank == 0)
        return STATUS_OK;
    TRY(op_axis(call, axis->i, rank, &at, err));
    if (at + shape->rank > rank)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%d dimensions from axis %d on do not fit a tensor of %d", shape->rank, at,
                        rank);
    while (at + shape->rank < rank)
        shape->dims[shape->rank++] = 1;
    return STATUS_OK;
}

enum status binary_infer(struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                         enum dtype result, struct error *err)
{
    struct shape second, out;

    TRY(op_wants(call, 0, binary_dtypes(kernels), err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(binary_second_shape(call, &second, err));
    TRY(shape_broadcast(&call->in[0].shape, &second, &out, call, err));
    op_give(call, 0, result ? result : call->in[0].dtype, &out);
    return STATUS_OK;
}

void binary_apply(binary_kernel kernel, const struct tensor *a, const struct shape *a_shape,
                  const struct tensor *b, const struct shape *b_shape, struct tensor *y)
{
    size_t size = dtype_size(a->dtype), y_size = dtype_size(y->dtype);
    const struct shape *shapes[] = {a_shape, b_shape};
    struct broadcast walk;

    broadcast_start(&walk, &y->shape, shapes, 2);
    if (walk.count == 0)
        return;
    do {
        kernel((const char *)a->data + walk.at[0] * size, walk.step[0],
               (const char *)b->data + walk.at[1] * size, walk.step[1],
               (char *)y->data + walk.done * y_size, walk.count);
    } while (broadcast_next(&walk));
}

void binary_choose(const struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                   enum binary_function fast, const struct tensor *a, const struct shape *a_shape,
                   const struct tensor *b, const struct shape *b_shape, struct tensor *y)
{
    if (fast != BINARY_NONE && binary_takes(fast, a->dtype) && !op_is_reference_only())
        binary_tensors(fast, a, a_shape, b, b_shape, y, call->team);
    else
        binary_apply(kernels[a->dtype], a, a_shape, b, b_shape, y);
}

void binary_run(const struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                enum binary_function fast)
{
    struct shape second = call->in[1].shape;
    struct error ignored; /* infer has found it right */

    if (binary_second_shape(call, &second, &ignored))
        return;
    binary_choose(call, kernels, fast, &call->in[0], &call->in[0].shape, &call->in[1], &second,
                  &call->out[0]);
}
