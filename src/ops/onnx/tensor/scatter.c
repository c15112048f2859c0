// SPDX-License-Identifier: Apache-2.0
/* ScatterElements (Scatter before opset 11), ScatterND: a copy with elements replaced, or combined
 * with updates. Where indices repeat, updates apply in their order. */
#include <math.h>

#include "ops/kernels/index.h"
#include "ops/kernels/strided.h"
#include "ops/kernels/types.h"

enum reduction { REDUCTION_NONE, REDUCTION_ADD, REDUCTION_MUL, REDUCTION_MAX, REDUCTION_MIN };

#define TEMPLATE "ops/onnx/tensor/scatter.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

static void combine_BOOL(enum reduction reduction, void *vy, const void *vx, size_t count)
{
    const uint8_t *x = vx;
    uint8_t *y = vy;

    for (size_t i = 0; i < count; i++)
        y[i] = reduction == REDUCTION_ADD || reduction == REDUCTION_MAX ? y[i] | x[i] : y[i] & x[i];
}

/* Sums and products: complex numbers have no order. */
#define COMBINE_COMPLEX(name, type)                                                                \
    static void combine_##name(enum reduction reduction, void *vy, const void *vx, size_t count)   \
    {                                                                                              \
        const type *x = vx;                                                                        \
        type *y = vy;                                                                              \
                                                                                                   \
        for (size_t i = 0; i < count; i++)                                                         \
            y[i] = reduction == REDUCTION_ADD ? y[i] + x[i] : y[i] * x[i];                         \
    }
COMBINE_COMPLEX(C64, float _Complex)
COMBINE_COMPLEX(C128, double _Complex)

typedef void (*combine_kernel)(enum reduction reduction, void *y, const void *x, size_t count);
static const combine_kernel COMBINE[DTYPE_COUNT] = {
    FOR_NUMBER(KERNEL, combine) KERNEL(BOOL, combine) KERNEL(C64, combine) KERNEL(C128, combine)};

static const char *const REDUCTIONS[] = {"none", "add", "mul", "max", "min"};

static enum status reduction_of_call(const struct op_call *call, enum reduction *reduction,
                                     struct error *err)
{
    struct bytes name = attribute_string(call->attributes, "reduction", "none");
    enum dtype dtype = call->in[0].dtype;
    bool is_complex = dtype == DTYPE_C64 || dtype == DTYPE_C128;

    for (size_t i = 0; i < ARRAY_COUNT(REDUCTIONS); i++)
        if (bytes_is(name, REDUCTIONS[i])) {
            *reduction = (enum reduction)i;
            if (*reduction && (!COMBINE[dtype] || (*reduction > REDUCTION_MUL && is_complex)))
                return op_error(call, err, STATUS_UNSUPPORTED, "reduction %s of %s", REDUCTIONS[i],
                                dtype_name(dtype));
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "this reduction");
}

static void put(const struct op_call *call, enum reduction reduction, size_t y_offset,
                size_t update, size_t count)
{
    size_t size = dtype_size(call->in[0].dtype);
    const char *x = (const char *)call->in[2].data + update * size;
    char *y = (char *)call->out[0].data + y_offset * size;

    if (reduction)
        COMBINE[call->in[0].dtype](reduction, y, x, count);
    else if (count)
        memcpy(y, x, count * size);
}

static void copy_data(const struct op_call *call)
{
    if (call->out[0].data != call->in[0].data && tensor_count(&call->in[0]))
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
}

/* --- ScatterElements --- */

static enum status infer_elements(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    const struct shape *updates = &call->in[2].shape;
    enum reduction reduction;
    int axis;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(reduction_of_call(call, &reduction, err));
    if (in->rank >= 0) {
        TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), in->rank, &axis, err));
        TRY(op_wants_rank(call, 1, in->rank, in->rank, err));
        for (int i = 0; i < indices->rank; i++)
            if (i != axis && dim_is_known(in->dims[i]) && indices->dims[i] > in->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of the indices is %lld, of the data %lld", i,
                                (long long)indices->dims[i], (long long)in->dims[i]);
    }
    if (shape_is_known(indices) && shape_is_known(updates) && !shape_equal(indices, updates))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "indices and updates are of different shapes");
    return op_infer_same(call, err);
}

static enum status run_elements(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    int64_t strides[RANK_MAX], at[RANK_MAX] = {0};
    size_t count = tensor_count(indices);
    enum reduction reduction;
    int axis;

    TRY(reduction_of_call(call, &reduction, err));
    TRY(op_axis(call, attribute_int(call->attributes, "axis", 0), x->shape.rank, &axis, err));
    copy_data(call);
    shape_strides(&x->shape, strides);
    for (size_t i = 0; i < count; i++) {
        size_t index, offset = 0;

        TRY(index_check(call, indices, i, x->shape.dims[axis], &index, err));
        for (int d = 0; d < x->shape.rank; d++)
            offset += (d == axis ? index : (size_t)at[d]) * (size_t)strides[d];
        put(call, reduction, offset, i, 1);
        (void)index_next(at, indices->shape.dims, x->shape.rank);
    }
    return STATUS_OK;
}

/* --- ScatterND --- */

static enum status infer_nd(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    const struct shape *updates = &call->in[2].shape;
    enum reduction reduction;
    int64_t tuple;
    int rank;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(op_wants_rank(call, 1, 1, RANK_MAX, err));
    TRY(reduction_of_call(call, &reduction, err));
    if (in->rank >= 0 && indices->rank > 0 && dim_is_known(indices->dims[indices->rank - 1])) {
        tuple = indices->dims[indices->rank - 1];
        if (tuple < 1 || tuple > in->rank)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "indices are tuples of %lld for %d dimensions", (long long)tuple,
                            in->rank);
        rank = indices->rank - 1 + in->rank - (int)tuple;
        TRY(op_wants_rank(call, 2, rank, rank, err));
        for (int i = 0; i < updates->rank; i++) {
            int64_t want = i < indices->rank - 1 ? indices->dims[i]
                                                 : in->dims[i - indices->rank + 1 + (int)tuple];
            if (dim_is_known(want) && dim_is_known(updates->dims[i]) && want != updates->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of the updates is %lld, not %lld", i,
                                (long long)updates->dims[i], (long long)want);
        }
    }
    return op_infer_same(call, err);
}

static enum status run_nd(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *indices = &call->in[1];
    int tuple = (int)indices->shape.dims[indices->shape.rank - 1];
    size_t picks = shape_span(&indices->shape, 0, indices->shape.rank - 1);
    size_t inner = shape_span(&x->shape, tuple, x->shape.rank);
    int64_t strides[RANK_MAX];
    enum reduction reduction;

    TRY(reduction_of_call(call, &reduction, err));
    copy_data(call);
    shape_strides(&x->shape, strides);
    for (size_t i = 0; i < picks; i++) {
        size_t offset = 0;

        for (int d = 0; d < tuple; d++) {
            size_t index;

            TRY(index_check(call, indices, i * (size_t)tuple + (size_t)d, x->shape.dims[d], &index,
                            err));
            offset += index * (size_t)strides[d];
        }
        put(call, reduction, offset, i * inner, inner);
    }
    return STATUS_OK;
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE, .in_min = 3, .in_max = 3, .out_min = 1,  \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_onnx_scatter = OP_SET(
    ROW("Scatter", "elements of an axis replaced, by index", infer_elements, run_elements),
    ROW("ScatterElements", "elements of an axis replaced, by index", infer_elements, run_elements),
    ROW("ScatterND", "elements or slices replaced, by tuples of indices", infer_nd, run_nd));
