// SPDX-License-Identifier: Apache-2.0
/* RandomUniform, RandomNormal (and Like), Bernoulli, Multinomial. With a seed every run gives the
 * same draw, which is numpy's; without one each run has its own. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/random.h"

static enum status dtype_of(const struct op_call *call, enum dtype otherwise, uint64_t allowed,
                            enum dtype *dtype, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, "dtype");

    *dtype = attribute ? dtype_from_onnx(attribute_int(call->attributes, "dtype", 0)) : otherwise;
    if (!*dtype && attribute)
        return op_error(call, err, STATUS_UNSUPPORTED, "dtype %lld",
                        (long long)attribute_int(call->attributes, "dtype", 0));
    if (*dtype && !(allowed & DTYPE_BIT(*dtype)))
        return op_error(call, err, STATUS_UNSUPPORTED, "no draw of %s", dtype_name(*dtype));
    return STATUS_OK;
}

/* --- RandomUniform, RandomNormal --- */

static enum status infer_shape(struct op_call *call, struct error *err)
{
    size_t rank;
    const int64_t *dims = attribute_ints(call->attributes, "shape", &rank);
    struct shape shape;
    enum dtype dtype;

    TRY(dtype_of(call, DTYPE_F32, DTYPES_FLOAT, &dtype, err));
    if (!attribute_find(call->attributes, "shape"))
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute shape is missing");
    if (rank > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "shape has %zu dimensions", rank);
    for (size_t i = 0; i < rank; i++)
        if (dims[i] < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "shape has dimension %lld",
                            (long long)dims[i]);
    shape = shape_of((int)rank, dims);
    op_give(call, 0, dtype, &shape);
    return STATUS_OK;
}

static enum status infer_like(struct op_call *call, struct error *err)
{
    enum dtype dtype;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(dtype_of(call, call->in[0].dtype, DTYPES_FLOAT, &dtype, err));
    op_give(call, 0, dtype, &call->in[0].shape);
    return STATUS_OK;
}

/* value * scale + shift, in float for the types that are narrower; each step is rounded. */
static void fill(const struct op_call *call, double (*draw)(struct random *random), double scale,
                 double shift)
{
    struct tensor *y = &call->out[0];
    bool wide = y->dtype == DTYPE_F64;
    size_t count = tensor_count(y);
    struct random random;

    random_start(&random, call);
    for (size_t i = 0; i < count; i++) {
        double value;

        tensor_set_f64(y, i, draw(&random));
        value = tensor_f64(y, i) * scale;
        tensor_set_f64(y, i, wide ? value : (double)(float)value);
        value = tensor_f64(y, i) + shift;
        tensor_set_f64(y, i, wide ? value : (double)(float)value);
    }
}

static enum status run_uniform(const struct op_call *call, struct error *err)
{
    double low = attribute_float(call->attributes, "low", 0);
    double high = attribute_float(call->attributes, "high", 1);

    (void)err;
    fill(call, random_uniform, high - low, low);
    return STATUS_OK;
}

static enum status run_normal(const struct op_call *call, struct error *err)
{
    (void)err;
    fill(call, random_normal, attribute_float(call->attributes, "scale", 1),
         attribute_float(call->attributes, "mean", 0));
    return STATUS_OK;
}

/* --- Bernoulli: true with the probability that the input says --- */

static enum status infer_bernoulli(struct op_call *call, struct error *err)
{
    enum dtype dtype;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(dtype_of(call, call->in[0].dtype, DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL), &dtype, err));
    op_give(call, 0, dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_bernoulli(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]);
    struct random random;

    random_start(&random, call);
    for (size_t i = 0; i < count; i++) {
        double p = tensor_f64(&call->in[0], i);

        if (!(p >= 0 && p <= 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu, %g, is no probability",
                            i, p);
        tensor_set_f64(&call->out[0], i, random_bernoulli(&random, p));
    }
    return STATUS_OK;
}

/* --- Multinomial: classes, drawn by unnormalised log probabilities --- */

static enum status infer_multinomial(struct op_call *call, struct error *err)
{
    int64_t samples = attribute_int(call->attributes, "sample_size", 1);
    struct shape shape = SHAPE(DIM_UNKNOWN, samples);
    enum dtype dtype;

    TRY(op_wants(call, 0, DTYPES_FLOAT & ~DTYPE_BIT(DTYPE_BF16), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(dtype_of(call, DTYPE_I32, DTYPES_INDEX, &dtype, err));
    if (samples < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "sample_size is %lld", (long long)samples);
    if (call->in[0].shape.rank == 2) {
        shape.dims[0] = call->in[0].shape.dims[0];
        if (call->in[0].shape.dims[1] == 0 && samples)
            return op_error(call, err, STATUS_INVALID_INPUT, "there are no classes");
    }
    op_give(call, 0, dtype, &shape);
    return STATUS_OK;
}

static size_t sums_size(const struct op_call *call)
{
    return (size_t)call->in[0].shape.dims[1] * sizeof(double);
}

/* sums[i] = exp(x[0] - max) + ... + exp(x[i] - max) */
static enum status sums_of(const struct op_call *call, size_t row, size_t classes, double *sums,
                           struct error *err)
{
    double most = -INFINITY, sum = 0;

    for (size_t i = 0; i < classes; i++) {
        double x = tensor_f64(&call->in[0], row * classes + i);

        if (isnan(x) || x == INFINITY)
            return op_error(call, err, STATUS_INVALID_INPUT, "class %zu of row %zu has %g", i, row,
                            x);
        most = fmax(most, x);
    }
    if (most == -INFINITY)
        return op_error(call, err, STATUS_INVALID_INPUT, "no class of row %zu is possible", row);
    for (size_t i = 0; i < classes; i++)
        sums[i] = sum += exp(tensor_f64(&call->in[0], row * classes + i) - most);
    return STATUS_OK;
}

static enum status run_multinomial(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->in[0].shape.dims[0], classes = (size_t)call->in[0].shape.dims[1],
           samples = (size_t)call->out[0].shape.dims[1];
    double *sums = call->scratch;
    struct random random;

    random_start(&random, call);
    for (size_t row = 0; samples && row < rows; row++) {
        TRY(sums_of(call, row, classes, sums, err));
        for (size_t s = 0; s < samples; s++) {
            double mark = random_uniform(&random) * sums[classes - 1];
            size_t low = 0, high = classes - 1; /* the first whose sum is above the mark */

            while (low < high) {
                size_t middle = (low + high) / 2;

                if (sums[middle] > mark)
                    high = middle;
                else
                    low = middle + 1;
            }
            tensor_set_f64(&call->out[0], row * samples + s, (double)low);
        }
    }
    return STATUS_OK;
}

#define ROW(op, ins, text, infer_it, room, run_it)                                                 \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_RANDOM, .in_min = ins, .in_max = ins,             \
        .out_min = 1, .out_max = 1, .infer = infer_it, .scratch_size = room, .run = run_it         \
    }

const struct op_set ops_onnx_random = OP_SET(
    ROW("RandomUniform", 0, "evenly distributed numbers", infer_shape, NULL, run_uniform),
    ROW("RandomUniformLike", 1, "evenly distributed numbers", infer_like, NULL, run_uniform),
    ROW("RandomNormal", 0, "normally distributed numbers", infer_shape, NULL, run_normal),
    ROW("RandomNormalLike", 1, "normally distributed numbers", infer_like, NULL, run_normal),
    ROW("Bernoulli", 1, "ones with given probabilities", infer_bernoulli, NULL, run_bernoulli),
    ROW("Multinomial", 1, "classes drawn by their log probabilities", infer_multinomial, sums_size,
        run_multinomial));
