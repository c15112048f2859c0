// SPDX-License-Identifier: Apache-2.0
/* Gather, GatherElements, GatherND: elements picked by index. */
#include "ops/kernels/index.h"
#include "ops/kernels/strided.h"

/* --- Gather: whole slices along an axis --- */

static enum status infer_gather(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    struct shape out = shape_unknown();
    int axis;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    if (in->rank >= 0)
        TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
    if (in->rank >= 0 && indices->rank >= 0) {
        if (in->rank - 1 + indices->rank > RANK_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "more than %d dimensions", RANK_MAX);
        out.rank = 0;
        for (int i = 0; i < axis; i++)
            out.dims[out.rank++] = in->dims[i];
        for (int i = 0; i < indices->rank; i++)
            out.dims[out.rank++] = indices->dims[i];
        for (int i = axis + 1; i < in->rank; i++)
            out.dims[out.rank++] = in->dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* `count` slices of `inner` bytes at these offsets, of each of `outer` rows. */
struct slices {
    const char *from;
    char *to;
    size_t offsets[64], count, inner, outer;
    size_t from_row, to_row; /* bytes from one row to the next */
};

#define COPY_SLICES(type)                                                                          \
    for (size_t o = 0; o < s->outer; o++, from += s->from_row, to += s->to_row)                    \
        for (size_t i = 0; i < s->count; i++)                                                      \
            memcpy(to + i * sizeof(type), from + s->offsets[i], sizeof(type));

static void copy_slices(const struct slices *s)
{
    const char *from = s->from;
    char *to = s->to;

    switch (s->inner) {
    case 1:
        COPY_SLICES(uint8_t)
        break;
    case 4:
        COPY_SLICES(uint32_t)
        break;
    case 8:
        COPY_SLICES(uint64_t)
        break;
    default:
        for (size_t o = 0; o < s->outer; o++, from += s->from_row, to += s->to_row)
            for (size_t i = 0; i < s->count; i++)
                memcpy(to + i * s->inner, from + s->offsets[i], s->inner);
    }
}

static enum status run_gather(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    size_t count = tensor_count(indices);
    struct slices s = {.from = x->data};
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), x->shape.rank, &axis, err));
    s.outer = shape_span(&x->shape, 0, axis);
    s.inner = shape_span(&x->shape, axis + 1, x->shape.rank) * dtype_size(x->dtype);
    s.from_row = (size_t)x->shape.dims[axis] * s.inner;
    s.to_row = count * s.inner;
    for (size_t i = 0; i < count && s.outer; i += s.count) {
        s.count = count - i < ARRAY_COUNT(s.offsets) ? count - i : ARRAY_COUNT(s.offsets);
        for (size_t k = 0; k < s.count; k++) {
            TRY(index_check(call, indices, i + k, x->shape.dims[axis], &s.offsets[k], err));
            s.offsets[k] *= s.inner;
        }
        s.to = (char *)call->out[0].data + i * s.inner;
        if (s.inner)
            copy_slices(&s);
    }
    return STATUS_OK;
}

/* --- GatherElements: y[i][j] = x[indices[i][j]][j] --- */

static enum status infer_elements(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    int axis;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    if (in->rank >= 0) {
        TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
        if (indices->rank >= 0 && indices->rank != in->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "indices have %d dimensions, not %d",
                            indices->rank, in->rank);
        for (int i = 0; i < indices->rank; i++)
            if (i != axis && dim_is_known(in->dims[i]) && indices->dims[i] > in->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of the indices is %lld, of the data %lld", i,
                                (long long)indices->dims[i], (long long)in->dims[i]);
    }
    op_give(call, 0, call->in[0].dtype, indices);
    return STATUS_OK;
}

static enum status run_elements(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    size_t size = dtype_size(x->dtype), count = tensor_count(indices);
    int64_t strides[RANK_MAX], at[RANK_MAX] = {0};
    char *y = call->out[0].data;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), x->shape.rank, &axis, err));
    shape_strides(&x->shape, strides);
    for (size_t i = 0; i < count; i++) {
        size_t index, offset = 0;

        TRY(index_check(call, indices, i, x->shape.dims[axis], &index, err));
        for (int d = 0; d < x->shape.rank; d++)
            offset += (d == axis ? index : (size_t)at[d]) * (size_t)strides[d];
        memcpy(y + i * size, (const char *)x->data + offset * size, size);
        (void)index_next(at, indices->shape.dims, x->shape.rank);
    }
    return STATUS_OK;
}

/* --- GatherND: the last dimension of the indices is a tuple --- */

static enum status infer_nd(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    int64_t batch = attribute_int(call->attributes, "batch_dims", 0), tuple;
    struct shape out = shape_unknown();

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, RANK_MAX, err));
    if (batch < 0 || (in->rank >= 0 && batch >= in->rank) ||
        (indices->rank >= 0 && batch >= indices->rank))
        return op_error(call, err, STATUS_INVALID_INPUT, "batch_dims is %lld", (long long)batch);
    if (in->rank >= 0 && indices->rank >= 0 && dim_is_known(indices->dims[indices->rank - 1])) {
        tuple = indices->dims[indices->rank - 1];
        if (tuple < 1 || tuple > in->rank - batch)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "indices are tuples of %lld for %d dimensions", (long long)tuple,
                            in->rank - (int)batch);
        if (indices->rank - 1 + in->rank - batch - tuple > RANK_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "more than %d dimensions", RANK_MAX);
        for (int i = 0; i < batch; i++)
            if (dim_is_known(in->dims[i]) && dim_is_known(indices->dims[i]) &&
                in->dims[i] != indices->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "batch dimension %d is %lld and %lld", i, (long long)in->dims[i],
                                (long long)indices->dims[i]);
        out.rank = 0;
        for (int i = 0; i < indices->rank - 1; i++)
            out.dims[out.rank++] = indices->dims[i];
        for (int i = (int)(batch + tuple); i < in->rank; i++)
            out.dims[out.rank++] = in->dims[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_nd(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    int batch = (int)attribute_int(call->attributes, "batch_dims", 0);
    int tuple = (int)indices->shape.dims[indices->shape.rank - 1];
    size_t inner = shape_span(&x->shape, batch + tuple, x->shape.rank) * dtype_size(x->dtype);
    size_t batches = shape_span(&x->shape, 0, batch),
           block = shape_span(&x->shape, batch, x->shape.rank);
    size_t picks = shape_span(&indices->shape, batch, indices->shape.rank - 1);
    int64_t strides[RANK_MAX];
    char *y = call->out[0].data;

    shape_strides(&x->shape, strides);
    for (size_t i = 0; i < batches * picks; i++) {
        size_t offset = i / picks * block;

        for (int d = 0; d < tuple; d++) {
            size_t index;

            TRY(index_check(call, indices, i * (size_t)tuple + (size_t)d, x->shape.dims[batch + d],
                            &index, err));
            offset += index * (size_t)strides[batch + d];
        }
        if (inner)
            memcpy(y + i * inner, (const char *)x->data + offset * dtype_size(x->dtype), inner);
    }
    return STATUS_OK;
}

#define ROW(op, row_flags, text, infer_it, run_it)                                                 \
    {                                                                                              \
        .name = op, .summary = text, .flags = row_flags, .in_min = 2, .in_max = 2, .out_min = 1,   \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_onnx_gather =
    OP_SET(ROW("Gather", 0, "slices of an axis by index", infer_gather, run_gather),
           ROW("GatherElements", 0, "elements of an axis by index", infer_elements, run_elements),
           ROW("GatherND", 0, "elements or slices by tuples of indices", infer_nd, run_nd));
