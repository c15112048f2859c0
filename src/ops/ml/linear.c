// SPDX-License-Identifier: Apache-2.0
/* LinearClassifier and LinearRegressor: x W' + b, in double, put out as float. */
#include "ops/kernels/call.h"
#include "ops/kernels/ml/class_labels.h"
#include "ops/kernels/ml/post_transform.h"

#define DTYPES_FEATURE                                                                             \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_I64) | DTYPE_BIT(DTYPE_I32))

struct linear {
    size_t targets, features;
    const double *coefficients; /* (targets, features) */
    const double *intercepts;   /* (targets,) or NULL */
    enum post_transform post;
};

static enum status linear_of(const struct op_call *call, size_t targets, struct linear *linear,
                             struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    size_t count, intercepts;

    linear->targets = targets;
    linear->coefficients = attribute_floats(call->attributes, "coefficients", &count);
    linear->intercepts = attribute_floats(call->attributes, "intercepts", &intercepts);
    if (intercepts == 0)
        linear->intercepts = NULL;
    TRY(post_transform_read(call, &linear->post, err));
    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    if (targets == 0 || !linear->coefficients || count % targets ||
        (linear->intercepts && intercepts != targets))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%zu coefficients and %zu intercepts for %zu targets", count, intercepts,
                        targets);
    linear->features = count / targets;
    if (in->rank > 0 && dim_is_known(in->dims[in->rank - 1]) &&
        in->dims[in->rank - 1] != (int64_t)linear->features)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld features, but weights for %zu",
                        (long long)in->dims[in->rank - 1], linear->features);
    return STATUS_OK;
}

/* Rows of the input, of which a vector is one. */
static int64_t rows_of(const struct shape *in)
{
    return in->rank == 2 ? in->dims[0] : in->rank == 1 ? 1 : DIM_UNKNOWN;
}

static void row_scores(const struct linear *linear, const struct tensor *x, size_t row,
                       double *scores)
{
    for (size_t t = 0; t < linear->targets; t++) {
        const double *w = linear->coefficients + t * linear->features;
        double sum = linear->intercepts ? linear->intercepts[t] : 0;

        for (size_t k = 0; k < linear->features; k++)
            sum += tensor_f64(x, row * linear->features + k) * w[k];
        scores[t] = sum;
    }
}

/* --- LinearClassifier --- */

static enum status classifier_of(const struct op_call *call, struct linear *linear,
                                 struct class_labels *labels, struct error *err)
{
    size_t targets;

    TRY(class_labels_of(call, labels, err));
    if (!attribute_floats(call->attributes, "intercepts", &targets) || targets == 0)
        targets = labels->count;
    TRY(linear_of(call, targets, linear, err));
    if (labels->count < targets || (targets == 1 && labels->count != 2))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu labels for %zu targets",
                        labels->count, targets);
    /* the standard does not say what one score gives two classes with the other transforms */
    if (targets == 1 && linear->post != POST_NONE && linear->post != POST_LOGISTIC)
        return op_error(call, err, STATUS_UNSUPPORTED, "this post_transform of one score");
    return STATUS_OK;
}

static enum status infer_classifier(struct op_call *call, struct error *err)
{
    struct shape rows = {.rank = 1, .dims = {rows_of(&call->in[0].shape)}};
    struct class_labels labels;
    struct linear linear;

    TRY(classifier_of(call, &linear, &labels, err));
    op_give(call, 0, class_labels_dtype(&labels), &rows);
    rows.dims[rows.rank++] = linear.targets == 1 ? 2 : (int64_t)linear.targets;
    op_give(call, 1, DTYPE_F32, &rows);
    return STATUS_OK;
}

static size_t classifier_scratch(const struct op_call *call)
{
    size_t targets, labels, strings;

    attribute_floats(call->attributes, "intercepts", &targets);
    attribute_ints(call->attributes, "classlabels_ints", &labels);
    attribute_strings(call->attributes, "classlabels_strings", &strings);
    return (targets + labels + strings + 2) * sizeof(double);
}

static enum status run_classifier(const struct op_call *call, struct error *err)
{
    size_t rows = tensor_count(&call->out[0]), columns, best;
    double *scores = call->scratch;
    struct class_labels labels;
    struct linear linear;

    TRY(classifier_of(call, &linear, &labels, err));
    columns = linear.targets == 1 ? 2 : linear.targets;
    for (size_t i = 0; i < rows; i++) {
        row_scores(&linear, &call->in[0], i, scores);
        best = linear.targets == 1 ? scores[0] > 0 : 0;
        for (size_t t = 1; t < linear.targets; t++)
            if (scores[t] > scores[best])
                best = t;
        class_labels_put(&labels, best, &call->out[0], i);
        if (call->out_count < 2)
            continue;
        post_transform_row(linear.post, scores, linear.targets);
        if (linear.targets == 1) {
            scores[1] = scores[0];
            scores[0] = 1 - scores[0];
        }
        for (size_t t = 0; t < columns; t++)
            ((float *)call->out[1].data)[i * columns + t] = (float)scores[t];
    }
    return STATUS_OK;
}

/* --- LinearRegressor --- */

static enum status regressor_of(const struct op_call *call, struct linear *linear,
                                struct error *err)
{
    int64_t targets = attribute_int(call->attributes, "targets", 1);

    if (targets < 1 || targets > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "targets is %lld", (long long)targets);
    return linear_of(call, (size_t)targets, linear, err);
}

static enum status infer_regressor(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {rows_of(&call->in[0].shape)}};
    struct linear linear;

    TRY(regressor_of(call, &linear, err));
    out.dims[1] = (int64_t)linear.targets;
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static size_t regressor_scratch(const struct op_call *call)
{
    return (size_t)call->out[0].shape.dims[1] * sizeof(double);
}

static enum status run_regressor(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->out[0].shape.dims[0];
    double *scores = call->scratch;
    struct linear linear;

    TRY(regressor_of(call, &linear, err));
    for (size_t i = 0; i < rows; i++) {
        row_scores(&linear, &call->in[0], i, scores);
        post_transform_row(linear.post, scores, linear.targets);
        for (size_t t = 0; t < linear.targets; t++)
            ((float *)call->out[0].data)[i * linear.targets + t] = (float)scores[t];
    }
    return STATUS_OK;
}

const struct op_set ops_ml_linear = OP_SET({.name = "LinearClassifier",
                                            .summary = "labels and scores of linear models",
                                            .flags = OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 2,
                                            .infer = infer_classifier,
                                            .scratch_size = classifier_scratch,
                                            .run = run_classifier},
                                           {.name = "LinearRegressor",
                                            .summary = "linear models",
                                            .flags = OP_ROWS,
                                            .in_min = 1,
                                            .in_max = 1,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_regressor,
                                            .scratch_size = regressor_scratch,
                                            .run = run_regressor});
