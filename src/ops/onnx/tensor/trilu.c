// SPDX-License-Identifier: Apache-2.0
/* Trilu: the upper or lower triangle of matrices, the rest 0. */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (op_has(call, 1)) {
        TRY(op_wants(call, 1, DTYPES_INDEX, err));
        if (shape_is_known(&call->in[1].shape) && tensor_count(&call->in[1]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "k is not one number");
    }
    return op_infer_same(call, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    int rank = x->shape.rank;
    int64_t rows = x->shape.dims[rank - 2], columns = x->shape.dims[rank - 1], k = 0;
    size_t size = dtype_size(x->dtype), row_bytes = (size_t)columns * size;
    bool upper = attribute_int(call->attributes, "upper", 1);
    const char *from = x->data;
    char *to = call->out[0].data;

    if (op_has(call, 1))
        TRY(op_input_i64(call, 1, &k, err));
    k = k > columns ? columns : k < -rows ? -rows : k;
    if (tensor_count(x) == 0)
        return STATUS_OK;
    for (size_t m = shape_span(&x->shape, 0, rank - 2); m--;)
        for (int64_t i = 0; i < rows; i++, from += row_bytes, to += row_bytes) {
            int64_t first = i + k + !upper; /* of the upper part; beyond the lower part */
            size_t edge = (size_t)(first < 0 ? 0 : first > columns ? columns : first) * size;

            if (from != to)
                memcpy(to, from, row_bytes);
            if (upper)
                memset(to, 0, edge);
            else
                memset(to + edge, 0, row_bytes - edge);
        }
    return STATUS_OK;
}

const struct op_set ops_onnx_trilu = OP_SET({.name = "Trilu",
                                             .summary = "a triangle of matrices, the rest 0",
                                             .flags = OP_INPLACE,
                                             .in_min = 1,
                                             .in_max = 2,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .run = run});
