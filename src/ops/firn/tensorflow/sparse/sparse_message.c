// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors as messages: indices, values and shape as a TensorProto each.
 *
 * SparsePack: indices (n, rank), values (n), shape (rank) -> STRING (3); with attribute many one
 * for each index of dimension 0, (size, 3).
 * SparseUnpack: STRING (..., 3) -> indices, values, shape: the dimensions before the last one come
 * before those of the tensors, of which the largest count. Attribute to: the values' dtype, of
 * TensorFlow.
 * Source: tensorflow/core/kernels/{serialize_sparse_op,deserialize_sparse_string_op}.cc. */
#include "base/checked.h"
#include "formats/tensorflow/tensor_proto.h"
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { PARTS = 3 };
enum { DESCRIPTION_BYTES_MAX = 1 << 28 };

/* --- SparsePack --- */

static enum status infer_pack(struct op_call *call, struct error *err)
{
    struct shape out = SHAPE(PARTS);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants(call, 1, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 2, 1, 1, err));
    if (!tf_tensor_list(call->in[1].dtype))
        return op_error(call, err, STATUS_UNSUPPORTED, "values of %s",
                        dtype_name(call->in[1].dtype));
    if (attribute_int(call->attributes, "many", 0)) {
        out = SHAPE(DIM_UNKNOWN, PARTS);
        if (op_is_known(call, 2)) {
            if (tensor_count(&call->in[2]) < 2)
                return op_error(call, err, STATUS_INVALID_INPUT, "fewer than two dimensions");
            out.dims[0] = index_at(&call->in[2], 0);
            if (out.dims[0] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension 0 is %lld",
                                (long long)out.dims[0]);
        }
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status message_of(const struct op_call *call, const struct tensor *tensor,
                              struct bytes *message, struct error *err)
{
    struct text text = {0};

    tf_tensor_write_content(&text, tensor);
    return op_text_take(call, &text, message, err);
}

/* Rows [from, to) of the indices without their first column, and their values. */
static enum status row_pack(const struct op_call *call, size_t from, size_t to, struct bytes *y,
                            struct error *err)
{
    const struct tensor *all = &call->in[0], *values = &call->in[1];
    size_t rank = (size_t)all->shape.dims[1];
    struct shape shape = SHAPE((int64_t)(to - from), (int64_t)rank - 1);
    struct tensor indices, part = *values;

    TRY(tensor_new(&indices, DTYPE_I64, &shape, call->memory, err));
    for (size_t i = from; i < to; i++)
        memcpy((int64_t *)indices.data + (i - from) * (rank - 1),
               (const int64_t *)all->data + i * rank + 1, (rank - 1) * sizeof(int64_t));
    part.shape = SHAPE((int64_t)(to - from));
    part.data = (uint8_t *)values->data + from * dtype_size(values->dtype);
    TRY(message_of(call, &indices, &y[0], err));
    return message_of(call, &part, &y[1], err);
}

static enum status pack_many(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0], *shape = &call->in[2];
    size_t rows = (size_t)call->out[0].shape.dims[0], count = (size_t)indices->shape.dims[0];
    size_t rank = (size_t)indices->shape.dims[1], at = 0;
    struct tensor inner = *shape;
    struct bytes *y = call->out[0].data, dims;

    inner.shape.dims[0]--;
    inner.data = (int64_t *)shape->data + 1;
    TRY(message_of(call, &inner, &dims, err));
    for (size_t row = 0; row < rows; row++, y += PARTS) {
        size_t from = at;

        while (at < count && ((const int64_t *)indices->data)[at * rank] == (int64_t)row)
            at++;
        TRY(row_pack(call, from, at, y, err));
        y[2] = dims;
    }
    if (at < count)
        return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %lld, out of order", at,
                        (long long)((const int64_t *)indices->data)[at * rank]);
    return STATUS_OK;
}

static enum status run_pack(const struct op_call *call, struct error *err)
{
    struct bytes *y = call->out[0].data;

    if (call->in[0].shape.dims[0] != call->in[1].shape.dims[0] ||
        call->in[0].shape.dims[1] != call->in[2].shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "indices, values and shape do not fit");
    if (attribute_int(call->attributes, "many", 0))
        return pack_many(call, err);
    for (size_t i = 0; i < PARTS; i++)
        TRY(message_of(call, &call->in[i], &y[i], err));
    return STATUS_OK;
}

/* --- SparseUnpack --- */

struct parts { /* of a sparse tensor */
    struct tensor indices, values, shape;
};

static enum status part_read(struct bytes message, enum dtype dtype, int rank,
                             struct tensor *tensor, struct arena *arena, struct error *err)
{
    struct protobuf reader = protobuf_over(message);

    TRY(tf_tensor_read(&reader, tensor, arena, err));
    return tensor->dtype == dtype && tensor->shape.rank == rank
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "%s of %d dimensions, not %s of %d",
                           dtype_name(tensor->dtype), tensor->shape.rank, dtype_name(dtype), rank);
}

static enum status parts_read(const struct op_call *call, size_t i, struct parts *parts,
                              struct arena *arena, struct error *err)
{
    const struct bytes *messages = (const struct bytes *)call->in[0].data + i * PARTS;
    enum dtype dtype = dtype_from_tf(attribute_int(call->attributes, "to", 0));

    if (part_read(messages[0], DTYPE_I64, 2, &parts->indices, arena, err) ||
        part_read(messages[1], dtype, 1, &parts->values, arena, err) ||
        part_read(messages[2], DTYPE_I64, 1, &parts->shape, arena, err))
        return error_within(err, "SparseUnpack: sparse tensor %zu", i);
    if (parts->indices.shape.dims[0] != parts->values.shape.dims[0] ||
        parts->indices.shape.dims[1] != parts->shape.shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "sparse tensor %zu: indices, values and shape do not fit", i);
    return STATUS_OK;
}

static enum status measure(const struct op_call *call, int64_t *count, int64_t *rank,
                           struct error *err)
{
    size_t tensors = tensor_count(&call->in[0]) / PARTS;
    enum status status = STATUS_OK;
    struct arena arena;
    struct parts parts;

    *count = 0;
    *rank = DIM_UNKNOWN;
    if (!tensors)
        return op_error(call, err, STATUS_INVALID_INPUT, "no sparse tensor");
    arena_init(&arena, DESCRIPTION_BYTES_MAX);
    for (size_t i = 0; i < tensors && !status; i++) {
        status = parts_read(call, i, &parts, &arena, err);
        if (status)
            break;
        if (i && *rank != parts.indices.shape.dims[1])
            status =
                op_error(call, err, STATUS_INVALID_INPUT, "tensors of %lld and %lld dimensions",
                         (long long)*rank, (long long)parts.indices.shape.dims[1]);
        *rank = parts.indices.shape.dims[1];
        *count += parts.values.shape.dims[0];
        arena_reset(&arena);
    }
    arena_release(&arena);
    return status;
}

static enum status infer_unpack(struct op_call *call, struct error *err)
{
    enum dtype dtype = dtype_from_tf(attribute_int(call->attributes, "to", 0));
    const struct shape *in = &call->in[0].shape;
    int64_t count = DIM_UNKNOWN, rank = DIM_UNKNOWN;
    struct shape out;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (in->rank > 0 && dim_is_known(in->dims[in->rank - 1]) && in->dims[in->rank - 1] != PARTS)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld messages, not 3",
                        (long long)in->dims[in->rank - 1]);
    if (!tf_tensor_list(dtype))
        return op_error(call, err, STATUS_UNSUPPORTED, "values of %s", dtype_name(dtype));
    if (op_is_known(call, 0)) {
        TRY(measure(call, &count, &rank, err));
        rank += in->rank - 1;
        if (rank > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%lld dimensions", (long long)rank);
    }
    out = SHAPE(count, rank);
    op_give(call, 0, DTYPE_I64, &out);
    out = SHAPE(count);
    op_give(call, 1, dtype, &out);
    out = SHAPE(rank);
    op_give(call, 2, DTYPE_I64, &out);
    return STATUS_OK;
}

/* The indices of tensor `i` behind its own among the others. */
static void indices_put(const struct op_call *call, size_t i, const struct parts *parts,
                        int64_t *to)
{
    const struct shape *in = &call->in[0].shape;
    int64_t inner = parts->indices.shape.dims[1];
    int outer = in->rank - 1;

    for (int64_t k = 0; k < parts->indices.shape.dims[0]; k++, to += outer + inner) {
        int64_t rest = (int64_t)i;

        for (int d = outer - 1; d >= 0; d--) {
            to[d] = rest % in->dims[d];
            rest /= in->dims[d];
        }
        for (int64_t d = 0; d < inner; d++)
            to[outer + d] = index_at(&parts->indices, (size_t)(k * inner + d));
    }
}

static enum status run_unpack(const struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    size_t tensors = tensor_count(&call->in[0]) / PARTS, at = 0;
    size_t size = dtype_size(call->out[1].dtype), outer = (size_t)in->rank - 1;
    int64_t *indices = call->out[0].data, *shape = call->out[2].data;
    size_t rank = (size_t)call->out[2].shape.dims[0];
    struct parts parts;

    for (size_t d = 0; d < rank; d++)
        shape[d] = d < outer ? in->dims[d] : 0;
    for (size_t i = 0; i < tensors; i++) {
        TRY(parts_read(call, i, &parts, call->memory, err));
        indices_put(call, i, &parts, indices + at * rank);
        if (tensor_bytes(&parts.values))
            memcpy((uint8_t *)call->out[1].data + at * size, parts.values.data,
                   tensor_bytes(&parts.values));
        at += tensor_count(&parts.values);
        for (size_t d = outer; d < rank; d++)
            if (index_at(&parts.shape, d - outer) > shape[d])
                shape[d] = index_at(&parts.shape, d - outer);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_sparse_message = OP_SET({.name = "SparsePack",
                                                      .summary = "a sparse tensor as TensorProtos",
                                                      .in_min = 3,
                                                      .in_max = 3,
                                                      .out_min = 1,
                                                      .out_max = 1,
                                                      .infer = infer_pack,
                                                      .run = run_pack},
                                                     {.name = "SparseUnpack",
                                                      .summary = "sparse tensors of TensorProtos",
                                                      .in_min = 1,
                                                      .in_max = 1,
                                                      .out_min = 3,
                                                      .out_max = 3,
                                                      .infer = infer_unpack,
                                                      .run = run_unpack});
