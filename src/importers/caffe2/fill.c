// SPDX-License-Identifier: Apache-2.0
/* What makes blobs of nothing: weights (GivenTensorFill and its kin) and constants. Fills with
 * random numbers belong to nets that were never trained. */
#include "base/checked.h"
#include "base/text.h"
#include "importers/caffe2/internal.h"

static enum status filled_shape(struct caffe2_call *c, enum dtype dtype, struct tensor *tensor,
                                struct error *err)
{
    int64_t *dims;
    size_t rank, bytes;

    if (c->op->input_count || c->op->output_count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "a fill of the shape of an input");
    TRY(caffe2_ints(c, "shape", &dims, &rank, err));
    if (rank > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%zu dimensions", rank);
    *tensor = (struct tensor){.dtype = dtype, .shape.rank = (int)rank};
    for (size_t d = 0; d < rank; d++) {
        if (dims[d] < 0)
            return error_set(err, STATUS_INVALID_INPUT, "the shape has a dimension of %lld",
                             (long long)dims[d]);
        tensor->shape.dims[d] = dims[d];
    }
    return shape_check(&tensor->shape, dtype, (size_t)1 << 36, &bytes, err);
}

static enum status give(struct caffe2_call *c, const struct tensor *tensor, struct error *err)
{
    return graph_constant(c->e->graph, c->op->outputs[0], tensor, &c->out[0], err);
}

static enum status count_check(const struct tensor *tensor, size_t count, struct error *err)
{
    if (shape_count(&tensor->shape) != count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu values for %zu elements", count,
                         shape_count(&tensor->shape));
    return STATUS_OK;
}

static enum status given_floats(struct caffe2_call *c, const struct caffe2_argument *values,
                                enum dtype dtype, struct error *err)
{
    struct tensor tensor, from = {.dtype = DTYPE_F32};
    float *floats = NULL;
    size_t count = 0;

    TRY(filled_shape(c, dtype, &tensor, err));
    if (values)
        TRY(protobuf_all_f32(&values->message, 5, &floats, &count, c->keep, err));
    TRY(count_check(&tensor, count, err));
    tensor.data = floats;
    if (dtype != DTYPE_F32) {
        from.shape = tensor.shape;
        from.data = floats;
        TRY(tensor_new(&tensor, dtype, &from.shape, c->keep, err));
        for (size_t i = 0; i < count; i++)
            tensor_set_f64(&tensor, i, (double)floats[i]);
    }
    return give(c, &tensor, err);
}

static enum status given_ints(struct caffe2_call *c, const struct caffe2_argument *values,
                              enum dtype dtype, struct error *err)
{
    struct tensor tensor;
    int64_t *ints = NULL;
    size_t count = 0;

    TRY(filled_shape(c, dtype, &tensor, err));
    if (values)
        TRY(protobuf_all_i64(&values->message, 6, &ints, &count, c->keep, err));
    TRY(count_check(&tensor, count, err));
    TRY(tensor_new(&tensor, dtype, &tensor.shape, c->keep, err));
    for (size_t i = 0; i < count; i++)
        switch (dtype) {
        case DTYPE_I64:
            ((int64_t *)tensor.data)[i] = ints[i];
            break;
        case DTYPE_BOOL:
            ((uint8_t *)tensor.data)[i] = ints[i] != 0;
            break;
        default:
            if (ints[i] != (int32_t)ints[i])
                return error_set(err, STATUS_INVALID_INPUT, "value %zu is no int32", i);
            ((int32_t *)tensor.data)[i] = (int32_t)ints[i];
        }
    return give(c, &tensor, err);
}

/* The type of the operator, unless the argument dtype says another. */
static enum status given(struct caffe2_call *c, struct error *err)
{
    static const struct {
        const char *type;
        enum dtype dtype;
    } TYPES[] = {
        {"GivenTensorFill", DTYPE_F32},      {"GivenTensorDoubleFill", DTYPE_F64},
        {"GivenTensorIntFill", DTYPE_I32},   {"GivenTensorInt64Fill", DTYPE_I64},
        {"GivenTensorBoolFill", DTYPE_BOOL},
    };
    const struct caffe2_argument *values = caffe2_argument(c, "values");
    enum dtype dtype = DTYPE_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
        if (!strcmp(TYPES[i].type, c->op->type))
            dtype = TYPES[i].dtype;
    if (caffe2_has(c, "dtype"))
        dtype = caffe2_dtype(caffe2_int(c, "dtype", 0));
    if (dtype == DTYPE_F32 || dtype == DTYPE_F64)
        return given_floats(c, values, dtype, err);
    if (dtype == DTYPE_I32 || dtype == DTYPE_I64 || dtype == DTYPE_BOOL)
        return given_ints(c, values, dtype, err);
    return error_set(err, STATUS_UNSUPPORTED, "values of type %lld",
                     (long long)caffe2_int(c, "dtype", 0));
}

/* One string that holds the bytes. */
static enum status given_bytes(struct caffe2_call *c, struct error *err)
{
    const struct caffe2_argument *values = caffe2_argument(c, "values");
    struct tensor tensor;
    struct bytes *strings = NULL;
    size_t count = 0;

    TRY(filled_shape(c, DTYPE_U8, &tensor, err));
    if (values)
        TRY(protobuf_all_bytes(&values->message, 7, &strings, &count, c->keep, err));
    if (count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "%zu strings, not one", count);
    TRY(count_check(&tensor, strings[0].size, err));
    tensor.data = (void *)(uintptr_t)strings[0].data;
    return give(c, &tensor, err);
}

static enum status constant(struct caffe2_call *c, struct error *err)
{
    const struct caffe2_argument *value = caffe2_argument(c, "value");
    int64_t code = caffe2_int(c, "dtype", 1);
    enum dtype dtype = caffe2_dtype(code);
    struct tensor tensor;
    double number = !value ? 0 : value->has_f ? (double)value->f : (double)value->i;

    if (dtype == DTYPE_NONE || dtype == DTYPE_STRING || dtype == DTYPE_F16)
        return error_set(err, STATUS_UNSUPPORTED, "a constant of type %lld", (long long)code);
    if (value && value->has_s)
        return error_set(err, STATUS_UNSUPPORTED, "a constant of text");
    TRY(filled_shape(c, dtype, &tensor, err));
    TRY(tensor_new(&tensor, dtype, &tensor.shape, c->keep, err));
    for (size_t i = 0, count = shape_count(&tensor.shape); i < count; i++)
        if (dtype == DTYPE_I64 && value && value->has_i)
            ((int64_t *)tensor.data)[i] = value->i;
        else
            tensor_set_f64(&tensor, i, number);
    return give(c, &tensor, err);
}

static enum status random_fill(struct caffe2_call *c, struct error *err)
{
    (void)c;
    return error_set(err, STATUS_UNSUPPORTED,
                     "weights are drawn at random: the net is not trained");
}

const struct caffe2_op_set caffe2_ops_fill = CAFFE2_OP_SET(
    {"GivenTensorFill", given, NULL}, {"GivenTensorDoubleFill", given, NULL},
    {"GivenTensorIntFill", given, NULL}, {"GivenTensorInt64Fill", given, NULL},
    {"GivenTensorBoolFill", given, NULL}, {"GivenTensorByteStringToUInt8Fill", given_bytes, NULL},
    {"ConstantFill", constant, NULL}, {"XavierFill", random_fill, NULL},
    {"UniformFill", random_fill, NULL}, {"GaussianFill", random_fill, NULL},
    {"MSRAFill", random_fill, NULL}, {"UniformIntFill", random_fill, NULL});
