// SPDX-License-Identifier: Apache-2.0
/* Models of kernels of the training rows, and what stands in for them: KernelRidge, KernelPCA,
 * Nystroem, RBFSampler, label propagation, BernoulliRBM. */
#include "importers/sklearn/distance.h"

#include <math.h>

enum { CHI2_STEPS_MAX = 64 };

/* --- KernelRidge --- */

static enum status ridge(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *dual = pickle_get(self, "dual_coef_");
    bool flat = dual && dual->kind == PICKLE_ARRAY && dual->array->shape.rank == 1;
    struct tensor rows, coefficients;
    value_id x, constant;
    int64_t outputs;

    TRY(state_matrix(l, self, "X_fit_", -1, (int64_t)in->count, &rows, err));
    if (flat) {
        TRY(state_vector(l, self, "dual_coef_", rows.shape.dims[0], &coefficients, err));
        coefficients.shape = SHAPE(rows.shape.dims[0], 1);
    } else {
        TRY(state_matrix(l, self, "dual_coef_", rows.shape.dims[0], -1, &coefficients, err));
    }
    outputs = coefficients.shape.dims[1];
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_kernel(l, self, x, &rows, &x, err));
    TRY(emit_constant(&l->e, &coefficients, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    return predict_numbers(l, x, (size_t)outputs, flat, out, err);
}

/* --- KernelPCA --- */

/* The kernel less its means over the training rows and over this one (KernelCenterer). */
static enum status centered_kernel(struct lowering *l, const struct pickle_object *self, value_id x,
                                   const struct tensor *rows, value_id *out, struct error *err)
{
    const struct pickle_object *centerer = pickle_get(self, "_centerer");
    struct tensor means;
    value_id own, constant;
    double all;

    if (!centerer)
        return state_error(err, "_centerer", "is missing");
    TRY(state_vector(l, centerer, "K_fit_rows_", rows->shape.dims[0], &means, err));
    if (!pickle_to_f64(pickle_get(centerer, "K_fit_all_"), &all))
        return state_error(err, "_centerer", "K_fit_all_ is no number");
    TRY(emit_kernel(l, self, x, rows, &x, err));
    TRY(emit_reduce(&l->e, "ReduceSum", x, (const int64_t[]){1}, 1, true, &own, err));
    TRY(emit_scaled(l, "Div", own, (double)rows->shape.dims[0], &own, err));
    TRY(emit_constant(&l->e, &means, &constant, err));
    TRY(emit_2(&l->e, "Sub", x, constant, &x, err));
    TRY(emit_2(&l->e, "Sub", x, own, &x, err));
    return emit_scaled(l, "Add", x, all, out, err);
}

/* Eigenvectors over the roots of their eigenvalues (alphas_ and lambdas_ until 0.24); of 0: 0. */
static enum status kernel_components(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    bool named = pickle_get(self, "eigenvectors_") != NULL;
    struct tensor rows, vectors, values, scaled;
    value_id x, constant;
    size_t count;

    TRY(state_matrix(l, self, "X_fit_", -1, (int64_t)in->count, &rows, err));
    TRY(state_matrix(l, self, named ? "eigenvectors_" : "alphas_", rows.shape.dims[0], -1, &vectors,
                     err));
    count = (size_t)vectors.shape.dims[1];
    TRY(state_vector(l, self, named ? "eigenvalues_" : "lambdas_", (int64_t)count, &values, err));
    TRY(tensor_new(&scaled, DTYPE_F64, &vectors.shape, l->keep, err));
    for (size_t i = 0; i < tensor_count(&vectors); i++)
        if (tensor_f64(&values, i % count) != 0)
            tensor_set_f64(&scaled, i,
                           tensor_f64(&vectors, i) / sqrt(tensor_f64(&values, i % count)));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(centered_kernel(l, self, x, &rows, &x, err));
    TRY(emit_constant(&l->e, &scaled, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    return table_of_matrix(l, x, count, out, err);
}

/* --- approximations --- */

static enum status nystroem(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor rows, weights;
    value_id x;

    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &rows, err));
    TRY(state_matrix(l, self, "normalization_", rows.shape.dims[0], rows.shape.dims[0], &weights,
                     err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_kernel(l, self, x, &rows, &x, err));
    TRY(emit_linear(l, x, &weights, NULL, &x, err));
    return table_of_matrix(l, x, (size_t)rows.shape.dims[0], out, err);
}

/* Cosines of random projections. */
static enum status rbf_sample(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    struct tensor weights, offset;
    value_id x, constant;
    int64_t count;

    TRY(state_matrix(l, self, "random_weights_", (int64_t)in->count, -1, &weights, err));
    count = weights.shape.dims[1];
    TRY(state_vector(l, self, "random_offset_", count, &offset, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_constant(&l->e, &weights, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    TRY(emit_constant(&l->e, &offset, &constant, err));
    TRY(emit_2(&l->e, "Add", x, constant, &x, err));
    TRY(emit_1(&l->e, "Cos", x, &x, err));
    TRY(emit_scaled(l, "Mul", x, sqrt(2.0 / (double)count), &x, err));
    return table_of_matrix(l, x, (size_t)count, out, err);
}

static enum status refuse_negative(struct lowering *l, size_t width, value_id *x, struct error *err)
{
    double *low = arena_new(l->keep, double, width + 1),
           *high = arena_new(l->keep, double, width + 1);

    if (!low || !high)
        return error_no_memory(err, "limits");
    for (size_t i = 0; i < width; i++)
        high[i] = INFINITY;
    return emit_node(
        &l->e, "firn", "Domain", EMIT(*x),
        EMIT_ATTRIBUTES({.name = "low", .kind = ATTRIBUTE_FLOATS, .count = width, .floats = low},
                        {.name = "high", .kind = ATTRIBUTE_FLOATS, .count = width, .floats = high}),
        x, err);
}

/* The roots of x and of its products with cosines and sines of steps of log x; 0 stays 0. */
static enum status chi2_sample(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    static const double INTERVALS[] = {0.8, 0.5, 0.4};
    const struct pickle_object *stored = pickle_get(self, "sample_interval");
    double interval;
    value_id x, log, zero, none, parts[2 * CHI2_STEPS_MAX];
    int64_t steps;

    TRY(state_i64(self, "sample_steps", 2, &steps, err));
    if (steps < 1 || steps > CHI2_STEPS_MAX || (pickle_is_none(stored) && steps > 3))
        return state_error(err, "sample_steps", "is %lld", (long long)steps);
    interval = pickle_is_none(stored) ? INTERVALS[steps - 1] : 0;
    if (!pickle_is_none(stored))
        TRY(state_f64(self, "sample_interval", 0, &interval, err));
    if (!(interval > 0))
        return state_error(err, "sample_interval", "is %g", interval);
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(refuse_negative(l, in->count, &x, err));
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, "Equal", x, zero, &none, err));
    TRY(emit_1(&l->e, "Log", x, &log, err));
    TRY(emit_scaled(l, "Mul", log, interval, &log, err));
    TRY(emit_scaled(l, "Mul", x, interval, &parts[0], err));
    TRY(emit_1(&l->e, "Sqrt", parts[0], &parts[0], err));
    TRY(emit_scaled(l, "Mul", x, 2 * interval, &x, err));
    for (int64_t j = 1; j < steps; j++) {
        value_id factor, angle;

        TRY(emit_scaled(l, "Div", x, cosh(acos(-1) * (double)j * interval), &factor, err));
        TRY(emit_1(&l->e, "Sqrt", factor, &factor, err));
        TRY(emit_scaled(l, "Mul", log, (double)j, &angle, err));
        for (int64_t s = 0; s < 2; s++) {
            value_id *part = &parts[2 * j - 1 + s];

            TRY(emit_1(&l->e, s ? "Sin" : "Cos", angle, part, err));
            TRY(emit_2(&l->e, "Mul", factor, *part, part, err));
            TRY(emit_where(&l->e, none, zero, *part, part, err));
        }
    }
    TRY(emit_concat(&l->e, (struct emit_inputs){parts, 2 * (size_t)steps - 1}, 1, &x, err));
    return table_of_matrix(l, x, in->count * (2 * (size_t)steps - 1), out, err);
}

static enum status hidden(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct tensor weights, offset;
    value_id x;

    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &weights, err));
    TRY(state_vector(l, self, "intercept_hidden_", weights.shape.dims[0], &offset, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_linear(l, x, &weights, &offset, &x, err));
    TRY(emit_1(&l->e, "Sigmoid", x, &x, err));
    return table_of_matrix(l, x, (size_t)weights.shape.dims[0], out, err);
}

/* --- label propagation --- */

/* The labels that the training rows ended up with, weighted with the kernel. */
static enum status propagated(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    static const char *const KERNELS[] = {"rbf", NULL};
    struct tensor rows, shares, classes;
    value_id x, constant;
    size_t kernel;

    TRY(state_choice(self, "kernel", KERNELS, 0, &kernel, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(state_matrix(l, self, "X_", -1, (int64_t)in->count, &rows, err));
    TRY(state_matrix(l, self, "label_distributions_", rows.shape.dims[0],
                     (int64_t)tensor_count(&classes), &shares, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_kernel(l, self, x, &rows, &x, err));
    TRY(emit_constant(&l->e, &shares, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    TRY(emit_normalised(l, x, &x, err));
    return predict_columns(l, &classes, x, out, err);
}

#define PROPAGATION(class_name)                                                                    \
    {                                                                                              \
        .name = class_name, .predict = classify_by_proba, .predict_proba = propagated,             \
        .width = "X_"                                                                              \
    }

const struct estimator_set estimators_kernels =
    ESTIMATOR_SET({.name = "KernelRidge", .predict = ridge, .width = "X_fit_"},
                  {.name = "KernelPCA", .transform = kernel_components, .width = "X_fit_"},
                  {.name = "Nystroem", .transform = nystroem, .width = "components_"},
                  {.name = "RBFSampler", .transform = rbf_sample},
                  {.name = "AdditiveChi2Sampler", .transform = chi2_sample},
                  {.name = "BernoulliRBM",
                   .transform = hidden,
                   .score_samples = lower_unsupported, /* draws a column at random */
                   .width = "components_"},
                  PROPAGATION("LabelPropagation"), PROPAGATION("LabelSpreading"));
