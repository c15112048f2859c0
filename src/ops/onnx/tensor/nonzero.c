// SPDX-License-Identifier: Apache-2.0
/* NonZero: the indices of the elements that are not zero, as int64 (rank, count), in row-major
 * order. A scalar counts as one element of rank 0 and gives (0, 0 or 1), as numpy does. */
#include "ops/kernels/strided.h"
#include "ops/op.h"

/* A NaN is not zero; -0.0 is. */
static bool is_zero(const struct tensor *tensor, size_t index)
{
    static const uint8_t zeros[16];
    size_t size = dtype_size(tensor->dtype);
    const char *element = (const char *)tensor->data + index * size;

    if (tensor->dtype == DTYPE_STRING)
        return ((const struct bytes *)tensor->data)[index].size == 0;
    if (tensor->dtype == DTYPE_F32)
        return *(const float *)element == 0;
    if (tensor->dtype == DTYPE_F64)
        return *(const double *)element == 0;
    if (tensor->dtype == DTYPE_C64)
        return ((const float *)element)[0] == 0 && ((const float *)element)[1] == 0;
    if (tensor->dtype == DTYPE_C128)
        return ((const double *)element)[0] == 0 && ((const double *)element)[1] == 0;
    if (tensor->dtype == DTYPE_F16 || tensor->dtype == DTYPE_BF16)
        return (*(const uint16_t *)element & 0x7FFF) == 0;
    return memcmp(element, zeros, size) == 0;
}

static size_t count_nonzero(const struct tensor *tensor)
{
    size_t all = tensor_count(tensor), count = 0;

    for (size_t i = 0; i < all; i++)
        count += !is_zero(tensor, i);
    return count;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *in = &call->in[0];
    int64_t count = DIM_UNKNOWN;

    TRY(op_wants(call, 0,
                 DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_STRING) |
                     DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128),
                 err));
    if (in->data && shape_is_known(&in->shape))
        count = (int64_t)count_nonzero(in);
    call->out[0].dtype = DTYPE_I64;
    call->out[0].shape = SHAPE(in->shape.rank < 0 ? DIM_UNKNOWN : in->shape.rank, count);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *in = &call->in[0];
    int64_t *out = call->out[0].data, at[RANK_MAX] = {0};
    size_t all = tensor_count(in), columns = (size_t)call->out[0].shape.dims[1], column = 0;

    (void)err;
    for (size_t i = 0; i < all; i++) {
        if (!is_zero(in, i)) {
            for (int d = 0; d < in->shape.rank; d++)
                out[(size_t)d * columns + column] = at[d];
            column++;
        }
        (void)index_next(at, in->shape.dims, in->shape.rank);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_nonzero = OP_SET({
    .name = "NonZero",
    .summary = "indices of the elements that are not zero",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
});
