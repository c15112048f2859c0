// SPDX-License-Identifier: Apache-2.0
/* Gaussian processes: kernels that are sums and products of others (sklearn/gaussian_process). */
#include "importers/sklearn/distance.h"

#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 64, TRAINING_MAX = 1024 };

/* x and the training rows over the length scale, one number or one for each column. */
static enum status scaled_by(struct lowering *l, const struct pickle_object *kernel, value_id x,
                             const struct tensor *rows, value_id *scaled_x,
                             struct tensor *scaled_rows, struct error *err)
{
    const struct pickle_object *stored;
    size_t width = (size_t)rows->shape.dims[1];
    struct shape shape = SHAPE((int64_t)width);
    struct tensor scale, all;
    double number;
    value_id constant;

    TRY(state_object(kernel, "length_scale", &stored, err));
    TRY(tensor_new(&all, DTYPE_F64, &shape, l->keep, err));
    if (pickle_to_f64(stored, &number)) {
        for (size_t f = 0; f < width; f++)
            tensor_set_f64(&all, f, number);
    } else {
        TRY(state_vector(l, kernel, "length_scale", -1, &scale, err));
        if (tensor_count(&scale) != width && tensor_count(&scale) != 1)
            return state_error(err, "length_scale", "does not fit %zu columns", width);
        for (size_t f = 0; f < width; f++)
            tensor_set_f64(&all, f, tensor_f64(&scale, tensor_count(&scale) == 1 ? 0 : f));
    }
    TRY(tensor_new(scaled_rows, DTYPE_F64, &rows->shape, l->keep, err));
    for (size_t i = 0; i < tensor_count(rows); i++)
        tensor_set_f64(scaled_rows, i, tensor_f64(rows, i) / tensor_f64(&all, i % width));
    TRY(emit_constant(&l->e, &all, &constant, err));
    return emit_2(&l->e, "Div", x, constant, scaled_x, err);
}

/* Of distances d over the length scale. */
static enum status matern(struct lowering *l, const struct pickle_object *kernel, value_id squares,
                          value_id *out, struct error *err)
{
    value_id d, e, line;
    double nu;

    TRY(state_f64(kernel, "nu", 1.5, &nu, err));
    if (isinf(nu)) {
        TRY(emit_scaled(l, "Mul", squares, -0.5, &squares, err));
        return emit_1(&l->e, "Exp", squares, out, err);
    }
    if (nu != 0.5 && nu != 1.5 && nu != 2.5)
        return state_error(err, "nu", "other than 0.5, 1.5, 2.5 and infinity is not served");
    TRY(emit_1(&l->e, "Sqrt", squares, &d, err));
    if (nu != 0.5)
        TRY(emit_scaled(l, "Mul", d, sqrt(nu == 1.5 ? 3 : 5), &d, err));
    TRY(emit_1(&l->e, "Neg", d, &e, err));
    TRY(emit_1(&l->e, "Exp", e, &e, err));
    *out = e;
    if (nu == 0.5)
        return STATUS_OK;
    TRY(emit_scaled(l, "Add", d, 1, &line, err));
    if (nu == 2.5) {
        TRY(emit_2(&l->e, "Mul", d, d, &d, err));
        TRY(emit_scaled(l, "Div", d, 3, &d, err));
        TRY(emit_2(&l->e, "Add", line, d, &line, err));
    }
    return emit_2(&l->e, "Mul", line, e, out, err);
}

/* (1 + d^2 / (2 alpha l^2))^-alpha; exp(-2 (sin(pi d / period) / l)^2) */
static enum status of_distance(struct lowering *l, const struct pickle_object *kernel, value_id x,
                               const struct tensor *rows, bool periodic, value_id *out,
                               struct error *err)
{
    double alpha, length, period;

    TRY(emit_exact_square_distances(l, x, rows, &x, err));
    if (!pickle_to_f64(pickle_get(kernel, "length_scale"), &length))
        return state_error(err, "length_scale", "is no number");
    if (!periodic) {
        TRY(state_f64(kernel, "alpha", 1, &alpha, err));
        TRY(emit_scaled(l, "Div", x, 2 * alpha * length * length, &x, err));
        TRY(emit_scaled(l, "Add", x, 1, &x, err));
        return emit_scaled(l, "Pow", x, -alpha, out, err);
    }
    TRY(state_f64(kernel, "periodicity", 1, &period, err));
    TRY(emit_1(&l->e, "Sqrt", x, &x, err));
    TRY(emit_scaled(l, "Mul", x, acos(-1) / period, &x, err));
    TRY(emit_1(&l->e, "Sin", x, &x, err));
    TRY(emit_scaled(l, "Div", x, length, &x, err));
    TRY(emit_2(&l->e, "Mul", x, x, &x, err));
    TRY(emit_scaled(l, "Mul", x, -2, &x, err));
    return emit_1(&l->e, "Exp", x, out, err);
}

static enum status process_kernel(struct lowering *l, const struct pickle_object *kernel,
                                  value_id x, const struct tensor *rows, int depth, value_id *out,
                                  struct error *err);

/* k1 and k2, added or multiplied. */
static enum status pair_kernel(struct lowering *l, const struct pickle_object *kernel,
                               const char *op, value_id x, const struct tensor *rows, int depth,
                               value_id *out, struct error *err)
{
    value_id a, b;

    TRY(process_kernel(l, pickle_get(kernel, "k1"), x, rows, depth + 1, &a, err));
    TRY(process_kernel(l, pickle_get(kernel, "k2"), x, rows, depth + 1, &b, err));
    return emit_2(&l->e, op, a, b, out, err);
}

/* x (n, w), rows (m, w) -> (n, m), or a number that is the same for all pairs. */
static enum status process_kernel(struct lowering *l, const struct pickle_object *kernel,
                                  value_id x, const struct tensor *rows, int depth, value_id *out,
                                  struct error *err)
{
    struct tensor scaled;
    double number;

    if (depth > DEPTH_MAX)
        return state_error(err, "kernel_", "is nested too deeply");
    if (pickle_is(kernel, "sklearn", "Sum"))
        return pair_kernel(l, kernel, "Add", x, rows, depth, out, err);
    if (pickle_is(kernel, "sklearn", "Product"))
        return pair_kernel(l, kernel, "Mul", x, rows, depth, out, err);
    if (pickle_is(kernel, "sklearn", "Exponentiation")) {
        TRY(state_f64(kernel, "exponent", 1, &number, err));
        TRY(process_kernel(l, pickle_get(kernel, "kernel"), x, rows, depth + 1, &x, err));
        return emit_scaled(l, "Pow", x, number, out, err);
    }
    if (pickle_is(kernel, "sklearn", "ConstantKernel")) {
        TRY(state_f64(kernel, "constant_value", 1, &number, err));
        return emit_scalar(l, number, out, err);
    }
    if (pickle_is(kernel, "sklearn", "WhiteKernel")) /* of two different sets of rows */
        return emit_scalar(l, 0, out, err);
    if (pickle_is(kernel, "sklearn", "DotProduct")) {
        TRY(state_f64(kernel, "sigma_0", 1, &number, err));
        TRY(emit_linear(l, x, rows, NULL, &x, err));
        return emit_scaled(l, "Add", x, number * number, out, err);
    }
    if (pickle_is(kernel, "sklearn", "RationalQuadratic"))
        return of_distance(l, kernel, x, rows, false, out, err);
    if (pickle_is(kernel, "sklearn", "ExpSineSquared"))
        return of_distance(l, kernel, x, rows, true, out, err);
    if (!pickle_is(kernel, "sklearn", "RBF") && !pickle_is(kernel, "sklearn", "Matern"))
        return state_error(err, "kernel_", "%s is not served",
                           kernel ? pickle_name(kernel) : "nothing");
    TRY(scaled_by(l, kernel, x, rows, &x, &scaled, err));
    TRY(emit_exact_square_distances(l, x, &scaled, &x, err));
    if (pickle_is(kernel, "sklearn", "Matern"))
        return matern(l, kernel, x, out, err);
    TRY(emit_scaled(l, "Mul", x, -0.5, &x, err));
    return emit_1(&l->e, "Exp", x, out, err);
}

/* The kernel of the input and X_train_: (n, training rows). */
static enum status training_kernel(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *rows, value_id *out,
                                   struct error *err)
{
    struct shape shape;
    struct tensor zeros;
    value_id x, none;

    TRY(state_matrix(l, self, "X_train_", -1, (int64_t)in->count, rows, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(process_kernel(l, pickle_get(self, "kernel_"), x, rows, 0, out, err));
    if (emit_shape(&l->e, *out)->rank == 2)
        return STATUS_OK;
    shape = rows->shape; /* a constant kernel: as many numbers as pairs */
    TRY(tensor_new(&zeros, DTYPE_F64, &shape, l->keep, err));
    TRY(emit_linear(l, x, &zeros, NULL, &none, err));
    return emit_2(&l->e, "Add", none, *out, out, err);
}

/* --- regression --- */

/* A number, or one for each output; `name` with an underscore in front since 0.23. */
static enum status target_scale(struct lowering *l, const struct pickle_object *self,
                                const char *name, double otherwise, size_t outputs,
                                struct tensor *out, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, name);
    struct shape shape = SHAPE((int64_t)outputs);
    struct tensor tensor;
    double number = otherwise;

    TRY(tensor_new(out, DTYPE_F64, &shape, l->keep, err));
    if (stored && !pickle_to_f64(stored, &number)) {
        if (pickle_to_tensor_f64(stored, &tensor, l->keep, err))
            return error_within(err, "attribute '%s'", name);
        if (tensor_count(&tensor) != outputs && tensor_count(&tensor) != 1)
            return state_error(err, name, "does not fit %zu outputs", outputs);
        for (size_t i = 0; i < outputs; i++)
            tensor_set_f64(out, i, tensor_f64(&tensor, tensor_count(&tensor) == 1 ? 0 : i));
        return STATUS_OK;
    }
    for (size_t i = 0; i < outputs; i++)
        tensor_set_f64(out, i, number);
    return STATUS_OK;
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *alpha = pickle_get(self, "alpha_");
    bool flat = alpha && alpha->kind == PICKLE_ARRAY && alpha->array->shape.rank == 1;
    struct tensor rows, weights, scale, mean;
    size_t outputs;
    value_id x, constant;

    if (estimator_version(l, self) < 2300)
        return error_set(err, STATUS_UNSUPPORTED,
                         "GaussianProcessRegressor of versions before 0.23");
    TRY(training_kernel(l, self, in, &rows, &x, err));
    if (flat) {
        TRY(state_vector(l, self, "alpha_", rows.shape.dims[0], &weights, err));
        weights.shape = SHAPE(rows.shape.dims[0], 1);
    } else {
        TRY(state_matrix(l, self, "alpha_", rows.shape.dims[0], -1, &weights, err));
    }
    outputs = (size_t)weights.shape.dims[1];
    TRY(target_scale(l, self, "_y_train_std", 1, outputs, &scale, err));
    TRY(target_scale(l, self, "_y_train_mean", 0, outputs, &mean, err));
    TRY(emit_constant(&l->e, &weights, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    TRY(emit_constant(&l->e, &scale, &constant, err));
    TRY(emit_2(&l->e, "Mul", x, constant, &x, err));
    TRY(emit_constant(&l->e, &mean, &constant, err));
    TRY(emit_2(&l->e, "Add", x, constant, &x, err));
    return predict_numbers(l, x, outputs, outputs == 1, out, err);
}

/* --- classification: of two classes by Laplace's approximation --- */

static enum status latent_mean(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, value_id *kernel, struct tensor *rows,
                               struct tensor *classes, value_id *mean, struct error *err)
{
    struct tensor y, pi, rest;
    struct shape column;
    value_id constant;

    TRY(state_labels(l, self, "classes_", classes, err));
    if (tensor_count(classes) != 2)
        return state_error(err, "classes_", "are not two");
    TRY(training_kernel(l, self, in, rows, kernel, err));
    TRY(state_vector(l, self, "y_train_", rows->shape.dims[0], &y, err));
    TRY(state_vector(l, self, "pi_", rows->shape.dims[0], &pi, err));
    column = SHAPE(rows->shape.dims[0], 1);
    TRY(tensor_new(&rest, DTYPE_F64, &column, l->keep, err));
    for (size_t i = 0; i < tensor_count(&y); i++)
        tensor_set_f64(&rest, i, tensor_f64(&y, i) - tensor_f64(&pi, i));
    TRY(emit_constant(&l->e, &rest, &constant, err));
    return emit_2(&l->e, "MatMul", *kernel, constant, mean, err);
}

static enum status laplace_predict(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct tensor rows, classes;
    value_id kernel, mean;

    TRY(latent_mean(l, self, in, &kernel, &rows, &classes, &mean, err));
    return predict_sign(l, &classes, mean, out, err);
}

/* The kernel of each row with itself: (n, 1), or a number. */
static enum status kernel_diagonal(struct lowering *l, const struct pickle_object *kernel,
                                   value_id x, int depth, value_id *out, struct error *err)
{
    bool is_sum = pickle_is(kernel, "sklearn", "Sum");
    double number = 1;
    value_id a, b;

    if (depth > DEPTH_MAX)
        return state_error(err, "kernel_", "is nested too deeply");
    if (is_sum || pickle_is(kernel, "sklearn", "Product")) {
        TRY(kernel_diagonal(l, pickle_get(kernel, "k1"), x, depth + 1, &a, err));
        TRY(kernel_diagonal(l, pickle_get(kernel, "k2"), x, depth + 1, &b, err));
        return emit_2(&l->e, is_sum ? "Add" : "Mul", a, b, out, err);
    }
    if (pickle_is(kernel, "sklearn", "Exponentiation")) {
        TRY(state_f64(kernel, "exponent", 1, &number, err));
        TRY(kernel_diagonal(l, pickle_get(kernel, "kernel"), x, depth + 1, &a, err));
        return emit_scaled(l, "Pow", a, number, out, err);
    }
    if (pickle_is(kernel, "sklearn", "DotProduct")) {
        TRY(state_f64(kernel, "sigma_0", 1, &number, err));
        TRY(emit_reduce(&l->e, "ReduceSumSquare", x, (const int64_t[]){1}, 1, true, &a, err));
        return emit_scaled(l, "Add", a, number * number, out, err);
    }
    if (pickle_is(kernel, "sklearn", "ConstantKernel"))
        TRY(state_f64(kernel, "constant_value", 1, &number, err));
    if (pickle_is(kernel, "sklearn", "WhiteKernel"))
        TRY(state_f64(kernel, "noise_level", 1, &number, err));
    return emit_scalar(l, number, out,
                       err); /* others are 1; process_kernel knows which there are */
}

/* inverse(L) diag(W_sr), for emit_linear: its squared sums are what the training rows tell. */
static enum status told_by(struct lowering *l, const struct pickle_object *self, size_t count,
                           struct tensor *out, struct error *err)
{
    struct shape shape = SHAPE((int64_t)count, (int64_t)count);
    struct tensor lower, roots;
    double ignored;

    if (count > TRAINING_MAX)
        return state_error(err, "X_train_", "has %zu rows, more than %d", count, TRAINING_MAX);
    TRY(state_matrix(l, self, "L_", (int64_t)count, (int64_t)count, &lower, err));
    TRY(state_vector(l, self, "W_sr_", (int64_t)count, &roots, err));
    TRY(tensor_new(out, DTYPE_F64, &shape, l->keep, err));
    TRY(invert_matrix(l, count, lower.data, out->data, &ignored, err));
    for (size_t i = 0; i < count * count; i++)
        ((double *)out->data)[i] *= tensor_f64(&roots, i % count);
    return STATUS_OK;
}

/* Williams and Barber's sum of error functions, for the integral over the latent variable. */
static enum status integral(struct lowering *l, value_id mean, value_id variance, value_id *out,
                            struct error *err)
{
    static const double LAMBDAS[] = {0.41, 0.4, 0.37, 0.44, 0.39};
    static const double SHARES[] = {-1854.8214151, 3516.89893646, 221.29346712, 128.12323805,
                                    -2010.49422654};
    value_id alpha, half, sum = VALUE_NONE, one, two;
    double total = 0;

    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_scaled(l, "Mul", variance, 2, &two, err));
    TRY(emit_2(&l->e, "Div", one, two, &alpha, err));
    /* sqrt(pi / alpha) / (2 sqrt(2 pi variance)): a half, or NaN */
    TRY(emit_1(&l->e, "Sqrt", variance, &half, err));
    TRY(emit_2(&l->e, "Div", half, half, &half, err));
    TRY(emit_scaled(l, "Mul", half, 0.5, &half, err));
    for (size_t i = 0; i < ARRAY_COUNT(LAMBDAS); i++) {
        value_id x, y;

        TRY(emit_scaled(l, "Add", alpha, LAMBDAS[i] * LAMBDAS[i], &x, err));
        TRY(emit_2(&l->e, "Div", alpha, x, &x, err));
        TRY(emit_1(&l->e, "Sqrt", x, &x, err));
        TRY(emit_scaled(l, "Mul", mean, LAMBDAS[i], &y, err));
        TRY(emit_2(&l->e, "Mul", y, x, &x, err));
        TRY(emit_1(&l->e, "Erf", x, &x, err));
        TRY(emit_2(&l->e, "Mul", x, half, &x, err));
        TRY(emit_scaled(l, "Mul", x, SHARES[i], &x, err));
        total += SHARES[i];
        if (i)
            TRY(emit_2(&l->e, "Add", sum, x, &sum, err));
        else
            sum = x;
    }
    return emit_scaled(l, "Add", sum, 0.5 * total, out, err);
}

static enum status laplace_proba(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor rows, classes, told;
    value_id x, kernel, mean, variance, known;

    TRY(latent_mean(l, self, in, &kernel, &rows, &classes, &mean, err));
    TRY(told_by(l, self, (size_t)rows.shape.dims[0], &told, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(kernel_diagonal(l, pickle_get(self, "kernel_"), x, 0, &variance, err));
    TRY(emit_linear(l, kernel, &told, NULL, &known, err));
    TRY(emit_reduce(&l->e, "ReduceSumSquare", known, (const int64_t[]){1}, 1, true, &known, err));
    TRY(emit_2(&l->e, "Sub", variance, known, &variance, err));
    TRY(integral(l, mean, variance, &x, err));
    TRY(emit_both(l, x, &x, err));
    return predict_columns(l, &classes, x, out, err);
}

/* Probabilities of one class against another are not coupled. */
static bool process_has(const struct pickle_object *self, enum method method)
{
    return method == METHOD_PREDICT ||
           (method == METHOD_PREDICT_PROBA &&
            estimator_has(pickle_get(self, "base_estimator_"), METHOD_PREDICT_PROBA));
}

const struct estimator_set estimators_gaussian_process = ESTIMATOR_SET(
    {.name = "GaussianProcessRegressor", .predict = regress, .width = "X_train_"},
    {.name = "_BinaryGaussianProcessClassifierLaplace",
     .predict = laplace_predict,
     .predict_proba = laplace_proba,
     .width = "X_train_"},
    {.name = "GaussianProcessClassifier", .inner = "base_estimator_", .has = process_has});
