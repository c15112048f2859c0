// SPDX-License-Identifier: Apache-2.0
/* ConstantOfShape, Range, EyeLike: tensors made from nothing but their description. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

/* --- ConstantOfShape: attribute value, one element; float 0 when absent --- */

static enum status infer_constant(struct op_call *call, struct error *err)
{
    const struct tensor *value = attribute_tensor(call->attributes, "value");
    struct shape out;

    TRY(op_input_shape(call, 0, 0, &out, err));
    if (value && tensor_count(value) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "value has %zu elements, not 1",
                        tensor_count(value));
    op_give(call, 0, value ? value->dtype : DTYPE_F32, &out);
    return STATUS_OK;
}

static enum status run_constant(const struct op_call *call, struct error *err)
{
    const struct tensor *value = attribute_tensor(call->attributes, "value");
    size_t size = dtype_size(call->out[0].dtype), count = tensor_count(&call->out[0]);
    char *y = call->out[0].data;

    (void)err;
    if (!value && count)
        memset(y, 0, count * size);
    for (size_t i = 0; value && i < count; i++)
        memcpy(y + i * size, value->data, size);
    return STATUS_OK;
}

/* --- Range: start, start + delta ... below (or above) the limit --- */

static enum status range_count(const struct op_call *call, int64_t *count, struct error *err)
{
    double span;

    for (size_t i = 0; i < 3; i++)
        if (tensor_count(&call->in[i]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", i);
    if (tensor_f64(&call->in[2], 0) == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "the step is 0");
    if (dtype_is_integer(call->in[0].dtype)) {
        __int128 start = tensor_i64(&call->in[0], 0), limit = tensor_i64(&call->in[1], 0);
        __int128 delta = tensor_i64(&call->in[2], 0), n;

        n = delta > 0 ? (limit - start + delta - 1) / delta : (start - limit - delta - 1) / -delta;
        if (n > INT64_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "the range does not fit");
        *count = n < 0 ? 0 : (int64_t)n;
        return STATUS_OK;
    }
    span =
        (tensor_f64(&call->in[1], 0) - tensor_f64(&call->in[0], 0)) / tensor_f64(&call->in[2], 0);
    if (!(ceil(span) < 0x1p40))
        return op_error(call, err, STATUS_TOO_LARGE, "the range has %g elements", ceil(span));
    *count = span > 0 ? (int64_t)ceil(span) : 0;
    return STATUS_OK;
}

static enum status infer_range(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};

    TRY(op_wants(call, 0, DTYPES_FLOAT | DTYPES_SIGNED, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_same(call, 0, 2, err));
    if (op_is_known(call, 0) && op_is_known(call, 1) && op_is_known(call, 2))
        TRY(range_count(call, &out.dims[0], err));
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_range(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    size_t count = tensor_count(y);
    int64_t start = tensor_i64(&call->in[0], 0), delta = tensor_i64(&call->in[2], 0);
    double start_f = tensor_f64(&call->in[0], 0), delta_f = tensor_f64(&call->in[2], 0);

    (void)err;
    for (size_t i = 0; i < count; i++)
        switch (y->dtype) {
        case DTYPE_I64:
            ((int64_t *)y->data)[i] = start + (int64_t)i * delta;
            break;
        case DTYPE_I32:
            ((int32_t *)y->data)[i] = (int32_t)(start + (int64_t)i * delta);
            break;
        case DTYPE_F32: /* in float, as numpy and the standard's function body */
            ((float *)y->data)[i] = (float)start_f + (float)i * (float)delta_f;
            break;
        default:
            tensor_set_f64(y, i, start_f + (double)i * delta_f);
        }
    return STATUS_OK;
}

/* --- EyeLike: ones on a diagonal --- */

static enum status infer_eye(struct op_call *call, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, "dtype");
    enum dtype dtype = call->in[0].dtype;

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (attribute) {
        dtype = dtype_from_onnx(attribute_int(call->attributes, "dtype", 0));
        if (!((DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL)) & DTYPE_BIT(dtype)))
            return op_error(call, err, STATUS_UNSUPPORTED, "dtype %lld",
                            (long long)attribute_int(call->attributes, "dtype", 0));
    }
    op_give(call, 0, dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_eye(const struct op_call *call, struct error *err)
{
    int64_t k = attribute_int(call->attributes, "k", 0);
    struct tensor *y = &call->out[0];
    int64_t rows = y->shape.dims[0], columns = y->shape.dims[1];

    (void)err;
    if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < rows; i++) {
        int64_t j;

        if (!__builtin_add_overflow(i, k, &j) && j >= 0 && j < columns)
            tensor_set_f64(y, (size_t)(i * columns + j), 1);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_fill = OP_SET({.name = "ConstantOfShape",
                                            .summary = "one value, repeated",
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_constant,
                                            .run = run_constant},
                                           {.name = "Range",
                                            .summary = "numbers at equal steps",
                                            .in_min = 3,
                                            .in_max = 3,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_range,
                                            .run = run_range},
                                           {.name = "EyeLike",
                                            .summary = "ones on a diagonal",
                                            .flags = OP_SHAPE_ONLY,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_eye,
                                            .run = run_eye});
