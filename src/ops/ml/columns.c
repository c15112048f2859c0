// SPDX-License-Identifier: Apache-2.0
/* The plain transformations of feature matrices: ArrayFeatureExtractor, Binarizer,
 * FeatureVectorizer, Imputer, Normalizer, Scaler. */
#include <math.h>

#include "ops/kernels/index.h"

#define DTYPES_FEATURE                                                                             \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_I64) | DTYPE_BIT(DTYPE_I32))

/* --- ArrayFeatureExtractor: columns of the last dimension by index --- */

static enum status infer_extractor(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape, *indices = &call->in[1].shape;
    struct shape out = *in;

    TRY(op_wants(call, 0, DTYPES_FEATURE | DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (in->rank == 1)
        out = (struct shape){.rank = 2, .dims = {1}};
    if (out.rank > 0)
        out.dims[out.rank - 1] =
            shape_is_known(indices) ? (int64_t)shape_count(indices) : DIM_UNKNOWN;
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_extractor(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    int last = x->shape.rank - 1;
    size_t rows = shape_span(&x->shape, 0, last), size = dtype_size(x->dtype);
    size_t columns = (size_t)x->shape.dims[last], count = tensor_count(&call->in[1]);

    for (size_t k = 0; k < count; k++) {
        size_t index;

        TRY(index_check(call, &call->in[1], k, x->shape.dims[last], &index, err));
        for (size_t i = 0; i < rows; i++)
            memcpy((char *)call->out[0].data + (i * count + k) * size,
                   (const char *)x->data + (i * columns + index) * size, size);
    }
    return STATUS_OK;
}

/* --- Binarizer: 1 above the threshold, else 0 --- */

static enum status infer_binarizer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    return op_infer_same(call, err);
}

static enum status run_binarizer(const struct op_call *call, struct error *err)
{
    double threshold = attribute_float(call->attributes, "threshold", 0);
    size_t count = tensor_count(&call->in[0]);

    (void)err;
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(&call->out[0], i, tensor_f64(&call->in[0], i) > threshold);
    return STATUS_OK;
}

/* --- FeatureVectorizer: inputs side by side, cut or filled with 0 to inputdimensions --- */

/* Columns that input k takes of the result. */
static enum status width_of(const struct op_call *call, size_t k, int64_t *width, struct error *err)
{
    size_t count;
    const int64_t *widths = attribute_ints(call->attributes, "inputdimensions", &count);
    const struct shape *in = &call->in[k].shape;

    *width = in->rank == 2 ? in->dims[1] : in->rank == 1 ? 1 : DIM_UNKNOWN;
    if (!widths)
        return STATUS_OK;
    if (k >= count || widths[k] < 0 || widths[k] > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "inputdimensions for input %zu", k);
    *width = widths[k];
    return STATUS_OK;
}

static enum status infer_vectorizer(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, 0}};

    for (size_t k = 0; k < call->in_count; k++) {
        const struct shape *in = &call->in[k].shape;
        int64_t width;

        TRY(op_wants(call, k, DTYPES_FEATURE, err));
        TRY(op_wants_rank(call, k, 1, 2, err));
        TRY(width_of(call, k, &width, err));
        TRY(dim_add(call, out.dims[1], width, &out.dims[1], err));
        if (in->rank > 0 && k == 0)
            out.dims[0] = in->dims[0];
        else if (in->rank > 0 && dim_is_known(out.dims[0]) && dim_is_known(in->dims[0]) &&
                 in->dims[0] != out.dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %lld rows, not %lld", k,
                            (long long)in->dims[0], (long long)out.dims[0]);
    }
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static enum status run_vectorizer(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->out[0].shape.dims[0], at = 0;
    size_t columns = (size_t)call->out[0].shape.dims[1];
    float *y = call->out[0].data;

    for (size_t k = 0; k < call->in_count; k++) {
        const struct tensor *x = &call->in[k];
        int64_t width;
        size_t has = x->shape.rank == 2 ? (size_t)x->shape.dims[1] : 1;

        TRY(width_of(call, k, &width, err));
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < (size_t)width; j++)
                y[i * columns + at + j] = j < has ? (float)tensor_f64(x, i * has + j) : 0;
        at += (size_t)width;
    }
    return STATUS_OK;
}

/* --- Imputer: one value replaced, per column of the last dimension --- */

static enum status imputed(const struct op_call *call, const int64_t **ints, const double **floats,
                           size_t *count, struct error *err)
{
    bool is_float = dtype_is_float(call->in[0].dtype);
    const struct shape *in = &call->in[0].shape;

    *floats = NULL;
    *ints = NULL;
    if (is_float)
        *floats = attribute_floats(call->attributes, "imputed_value_floats", count);
    else
        *ints = attribute_ints(call->attributes, "imputed_value_int64s", count);
    if ((!*floats && !*ints) || *count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "no values for %s",
                        dtype_name(call->in[0].dtype));
    if (*count > 1 && in->rank > 0 && dim_is_known(in->dims[in->rank - 1]) &&
        in->dims[in->rank - 1] != (int64_t)*count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values for %lld columns", *count,
                        (long long)in->dims[in->rank - 1]);
    return STATUS_OK;
}

static enum status infer_imputer(struct op_call *call, struct error *err)
{
    const int64_t *ints;
    const double *floats;
    size_t count;

    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    TRY(imputed(call, &ints, &floats, &count, err));
    return op_infer_same(call, err);
}

static enum status run_imputer(const struct op_call *call, struct error *err)
{
    double old_float = attribute_float(call->attributes, "replaced_value_float", 0);
    int64_t old_int = attribute_int(call->attributes, "replaced_value_int64", 0);
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    size_t total = tensor_count(x), count;
    const int64_t *ints;
    const double *floats;

    TRY(imputed(call, &ints, &floats, &count, err));
    if (y->data != x->data && total)
        memcpy(y->data, x->data, tensor_bytes(x));
    for (size_t i = 0; i < total; i++)
        if (floats) {
            double value = tensor_f64(x, i);

            if (isnan(old_float) ? isnan(value) : value == old_float)
                tensor_set_f64(y, i, floats[i % count]);
        } else if (tensor_i64(x, i) == old_int) {
            if (y->dtype == DTYPE_I64)
                ((int64_t *)y->data)[i] = ints[i % count];
            else
                ((int32_t *)y->data)[i] = (int32_t)ints[i % count];
        }
    return STATUS_OK;
}

/* --- Normalizer: rows divided by a norm --- */

static enum status infer_normalizer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    if (!attribute_is(call->attributes, "norm", "MAX") &&
        !attribute_is(call->attributes, "norm", "L1") &&
        !attribute_is(call->attributes, "norm", "L2") && attribute_find(call->attributes, "norm"))
        return op_error(call, err, STATUS_UNSUPPORTED, "norm is none of MAX, L1, L2");
    op_give(call, 0, DTYPE_F32, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_normalizer(const struct op_call *call, struct error *err)
{
    bool is_l1 = attribute_is(call->attributes, "norm", "L1");
    bool is_l2 = attribute_is(call->attributes, "norm", "L2");
    const struct tensor *x = &call->in[0];
    size_t columns = (size_t)x->shape.dims[x->shape.rank - 1];
    size_t count = tensor_count(x);
    float *y = call->out[0].data;

    (void)err;
    for (size_t row = 0; row < count; row += columns) {
        double norm = is_l1 || is_l2 ? 0 : -INFINITY;

        for (size_t j = 0; j < columns; j++) {
            double value = tensor_f64(x, row + j);
            /* the largest, not the largest magnitude: so say the standard and ONNX Runtime */
            norm = is_l1 ? norm + fabs(value) : is_l2 ? norm + value * value : fmax(norm, value);
        }
        norm = is_l2 ? sqrt(norm) : norm;
        for (size_t j = 0; j < columns; j++)
            y[row + j] =
                (float)(norm == 0 ? tensor_f64(x, row + j) : tensor_f64(x, row + j) / norm);
    }
    return STATUS_OK;
}

/* --- Scaler: (x - offset) * scale, per column --- */

static enum status check_columns(const struct op_call *call, const char *name, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    size_t count;
    const double *values = attribute_floats(call->attributes, name, &count);

    if (!values || count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s is missing", name);
    if (count > 1 && in->rank > 0 && dim_is_known(in->dims[in->rank - 1]) &&
        in->dims[in->rank - 1] != (int64_t)count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s has %zu values for %lld columns", name,
                        count, (long long)in->dims[in->rank - 1]);
    return STATUS_OK;
}

static enum status infer_scaler(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    TRY(check_columns(call, "offset", err));
    TRY(check_columns(call, "scale", err));
    op_give(call, 0, DTYPE_F32, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run_scaler(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]), offsets, scales;
    const double *offset = attribute_floats(call->attributes, "offset", &offsets);
    const double *scale = attribute_floats(call->attributes, "scale", &scales);
    float *y = call->out[0].data;

    (void)err;
    for (size_t i = 0; i < count; i++)
        y[i] = (float)((tensor_f64(&call->in[0], i) - offset[i % offsets]) * scale[i % scales]);
    return STATUS_OK;
}

#define ROW(op, rows, low, high, text, infer_it, run_it)                                           \
    {                                                                                              \
        .name = op, .summary = text, .flags = rows, .in_min = low, .in_max = high, .out_min = 1,   \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

/* A vector is one row: Imputer, Normalizer, Scaler tell its elements apart. */
const struct op_set ops_ml_columns = OP_SET(
    ROW("ArrayFeatureExtractor", OP_ROWS, 2, 2, "columns by index", infer_extractor, run_extractor),
    ROW("Binarizer", OP_ROWS, 1, 1, "1 above a threshold, else 0", infer_binarizer, run_binarizer),
    ROW("FeatureVectorizer", OP_ROWS, 1, OP_INPUTS_ANY, "columns of all inputs side by side",
        infer_vectorizer, run_vectorizer),
    ROW("Imputer", 0, 1, 1, "one value replaced, per column", infer_imputer, run_imputer),
    ROW("Normalizer", 0, 1, 1, "rows divided by their norm", infer_normalizer, run_normalizer),
    ROW("Scaler", 0, 1, 1, "(x - offset) * scale, per column", infer_scaler, run_scaler));
