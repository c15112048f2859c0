// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_tensor.h"

enum { DENSE_BYTES_MAX_SHIFT = 36 };

struct sparse {
    struct tensor values, indices; /* (count,); (count,) or (count, rank) */
    struct tensor *dense;
    bool has_values, has_indices;
};

static enum status dims_read(const struct protobuf *message, struct shape *shape,
                             struct arena *keep, struct error *err)
{
    int64_t *dims;
    size_t count;

    TRY(protobuf_all_i64(message, 3, &dims, &count, keep, err));
    if (count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "it has %zu dimensions, more than %d", count,
                         RANK_MAX);
    *shape = shape_of((int)count, dims);
    return STATUS_OK;
}

static enum status parts_read(const struct protobuf *message, struct artifact *artifact,
                              const struct member *member, const char **name, struct sparse *sparse,
                              struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field;
    const char *ignored;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1 && field.number != 2)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        if (field.number == 1) {
            TRY(onnx_tensor_read(&inner, artifact, member, name, &sparse->values, keep, err));
            sparse->has_values = true;
        } else {
            TRY(onnx_tensor_read(&inner, artifact, member, &ignored, &sparse->indices, keep, err));
            sparse->has_indices = true;
        }
    }
}

/* Where value i stands in the dense tensor. */
static enum status place_of(const struct sparse *sparse, size_t i, size_t *place, struct error *err)
{
    const struct shape *shape = &sparse->dense->shape;
    const int64_t *indices = sparse->indices.data;
    size_t total = shape_count(shape), at = 0;
    bool linear = sparse->indices.shape.rank == 1;

    if (linear)
        at = indices[i] < 0 ? total : (size_t)indices[i];
    for (int d = 0; !linear && d < shape->rank; d++) {
        int64_t index = indices[i * (size_t)shape->rank + (size_t)d];

        if (index < 0 || index >= shape->dims[d])
            return error_set(err, STATUS_INVALID_INPUT,
                             "index %lld of its value %zu is beyond %lld", (long long)index, i,
                             (long long)shape->dims[d]);
        at = at * (size_t)shape->dims[d] + (size_t)index;
    }
    if (at >= total)
        return error_set(err, STATUS_INVALID_INPUT, "the index of its value %zu is beyond %zu", i,
                         total);
    *place = at;
    return STATUS_OK;
}

static enum status parts_check(const struct sparse *sparse, struct error *err)
{
    const struct shape *values = &sparse->values.shape, *indices = &sparse->indices.shape;
    int rank = sparse->dense->shape.rank;

    if (!sparse->has_values || !sparse->has_indices)
        return error_set(err, STATUS_INVALID_INPUT, "it has no %s",
                         sparse->has_values ? "indices" : "values");
    if (sparse->indices.dtype != DTYPE_I64)
        return error_set(err, STATUS_INVALID_INPUT, "its indices are %s",
                         dtype_name(sparse->indices.dtype));
    if (values->rank != 1 || indices->rank < 1 || indices->rank > 2 ||
        indices->dims[0] != values->dims[0] || (indices->rank == 2 && indices->dims[1] != rank))
        return error_set(err, STATUS_INVALID_INPUT, "its values and indices do not fit its shape");
    return shape_check(&sparse->dense->shape, sparse->dense->dtype,
                       (size_t)1 << DENSE_BYTES_MAX_SHIFT, NULL, err);
}

static enum status dense_fill(const struct sparse *sparse, struct error *err)
{
    size_t count = tensor_count(&sparse->values), size = dtype_size(sparse->values.dtype);
    size_t total = tensor_count(sparse->dense);

    if (sparse->dense->dtype == DTYPE_STRING)
        for (size_t i = 0; i < total; i++)
            ((struct bytes *)sparse->dense->data)[i] = bytes_of("");
    for (size_t i = 0; i < count; i++) {
        size_t place = 0;

        TRY(place_of(sparse, i, &place, err));
        memcpy((char *)sparse->dense->data + place * size,
               (const char *)sparse->values.data + i * size, size);
    }
    return STATUS_OK;
}

enum status onnx_sparse_read(const struct protobuf *message, struct artifact *artifact,
                             const struct member *member, const char **name, struct tensor *tensor,
                             struct arena *keep, struct error *err)
{
    struct sparse sparse = {.dense = tensor};
    struct shape shape;

    *name = "";
    *tensor = (struct tensor){0};
    if (parts_read(message, artifact, member, name, &sparse, keep, err))
        return error_within(err, "sparse tensor '%s'", *name);
    tensor->dtype = sparse.values.dtype;
    if (dims_read(message, &tensor->shape, keep, err) || parts_check(&sparse, err))
        return error_within(err, "sparse tensor '%s'", *name);
    shape = tensor->shape;
    if (tensor_new(tensor, sparse.values.dtype, &shape, keep, err) || dense_fill(&sparse, err))
        return error_within(err, "sparse tensor '%s'", *name);
    return STATUS_OK;
}
