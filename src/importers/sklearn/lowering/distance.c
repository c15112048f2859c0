// SPDX-License-Identifier: Apache-2.0
#include "importers/sklearn/distance.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum status emit_partial_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                   value_id *out, struct error *err)
{
    size_t width = (size_t)rows->shape.dims[1];
    struct shape shape = SHAPE(rows->shape.dims[0]);
    struct tensor norms;
    value_id constant;

    TRY(tensor_new(&norms, DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < tensor_count(rows); i++) {
        double value = tensor_f64(rows, i);
        ((double *)norms.data)[i / width] += value * value;
    }
    TRY(emit_linear(l, x, rows, NULL, out, err));
    TRY(emit_scaled(l, "Mul", *out, -2, out, err));
    TRY(emit_constant(&l->e, &norms, &constant, err));
    return emit_2(&l->e, "Add", *out, constant, out, err);
}

enum status emit_square_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                  value_id *out, struct error *err)
{
    value_id squares, zero;

    TRY(emit_partial_distances(l, x, rows, out, err));
    TRY(emit_reduce(&l->e, "ReduceSumSquare", x, (const int64_t[]){1}, 1, true, &squares, err));
    TRY(emit_2(&l->e, "Add", *out, squares, out, err));
    TRY(emit_scalar(l, 0, &zero, err));
    return emit_2(&l->e, "Max", *out, zero, out, err);
}

static enum status emit_differences(struct lowering *l, const char *op, value_id x,
                                    const struct tensor *rows, value_id *out, struct error *err)
{
    value_id constant, y;

    TRY(emit_unsqueeze(&l->e, x, 1, &y, err));
    TRY(emit_constant(&l->e, rows, &constant, err));
    TRY(emit_2(&l->e, "Sub", y, constant, &y, err));
    return emit_reduce(&l->e, op, y, (const int64_t[]){2}, 1, false, out, err);
}

enum status emit_exact_square_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                        value_id *out, struct error *err)
{
    return emit_differences(l, "ReduceSumSquare", x, rows, out, err);
}

enum status emit_manhattan_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                     value_id *out, struct error *err)
{
    return emit_differences(l, "ReduceL1", x, rows, out, err);
}

enum status emit_mahalanobis(struct lowering *l, value_id x, const struct tensor *center,
                             const struct tensor *precision, value_id *out, struct error *err)
{
    value_id constant, y;

    TRY(emit_constant(&l->e, center, &constant, err));
    TRY(emit_2(&l->e, "Sub", x, constant, &x, err));
    TRY(emit_linear(l, x, precision, NULL, &y, err));
    TRY(emit_2(&l->e, "Mul", x, y, &y, err));
    return emit_reduce(&l->e, "ReduceSum", y, (const int64_t[]){1}, 1, true, out, err);
}

enum status emit_nearest(struct lowering *l, value_id distances, value_id *index, struct error *err)
{
    return emit_node(&l->e, "", "ArgMin", EMIT(distances),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", 1), attribute_of_int("keepdims", 0)),
                     index, err);
}

/* --- norms --- */

double unit_rows_least(const struct lowering *l, const struct pickle_object *self)
{
    return estimator_version(l, self) >= 10000 ? 10 * DBL_EPSILON : 0;
}

enum status emit_over_norms(struct lowering *l, value_id x, value_id norms, double least,
                            value_id *out, struct error *err)
{
    value_id limit, one, small;

    TRY(emit_scalar(l, least, &limit, err));
    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_2(&l->e, least > 0 ? "Less" : "Equal", norms, limit, &small, err));
    TRY(emit_where(&l->e, small, one, norms, &norms, err));
    return emit_2(&l->e, "Div", x, norms, out, err);
}

enum status emit_unit_rows(struct lowering *l, value_id x, enum norm norm, double least,
                           value_id *out, struct error *err)
{
    static const char *const OPS[] = {"ReduceL2", "ReduceL1", "ReduceMax"};
    value_id norms = x;

    if (norm == NORM_MAX)
        TRY(emit_1(&l->e, "Abs", x, &norms, err));
    TRY(emit_reduce(&l->e, OPS[norm], norms, (const int64_t[]){1}, 1, true, &norms, err));
    return emit_over_norms(l, x, norms, least, out, err);
}

/* --- kernels --- */

enum { LINEAR, POLY, POLYNOMIAL, RBF, LAPLACIAN, SIGMOID, COSINE };

/* A parameter that may be None. */
static enum status number_or(const struct pickle_object *self, const char *name, double otherwise,
                             double *number, struct error *err)
{
    *number = otherwise;
    if (pickle_is_none(pickle_get(self, name)))
        return STATUS_OK;
    return state_f64(self, name, otherwise, number, err);
}

static enum status unit_rows_of(struct lowering *l, const struct tensor *rows, double least,
                                struct tensor *unit, struct error *err)
{
    size_t width = (size_t)rows->shape.dims[1];

    TRY(tensor_new(unit, DTYPE_F64, &rows->shape, l->keep, err));
    for (size_t r = 0; r < (size_t)rows->shape.dims[0]; r++) {
        const double *from = (const double *)rows->data + r * width;
        double norm = 0;

        for (size_t f = 0; f < width; f++)
            norm += from[f] * from[f];
        norm = sqrt(norm);
        if (norm == 0 || norm < least)
            norm = 1;
        for (size_t f = 0; f < width; f++)
            ((double *)unit->data)[r * width + f] = from[f] / norm;
    }
    return STATUS_OK;
}

enum status emit_kernel(struct lowering *l, const struct pickle_object *self, value_id x,
                        const struct tensor *rows, value_id *out, struct error *err)
{
    static const char *const KERNELS[] = {"linear",    "poly",    "polynomial", "rbf",
                                          "laplacian", "sigmoid", "cosine",     NULL};
    const struct pickle_object *more = pickle_get(self, "kernel_params");
    double gamma, coef0, degree;
    struct tensor unit;
    size_t kernel;

    if (!pickle_is_none(more) && (more->kind != PICKLE_DICT || more->count))
        return state_error(err, "kernel_params", "is not None");
    TRY(state_choice(self, "kernel", KERNELS, LINEAR, &kernel, err));
    TRY(number_or(self, pickle_get(self, "gamma_") ? "gamma_" : "gamma",
                  1.0 / (double)rows->shape.dims[1], &gamma, err));
    TRY(number_or(self, "coef0", 1, &coef0, err));
    TRY(number_or(self, "degree", 3, &degree, err));
    if (kernel == RBF || kernel == LAPLACIAN) {
        TRY((kernel == RBF ? emit_square_distances : emit_manhattan_distances)(l, x, rows, out,
                                                                               err));
        TRY(emit_scaled(l, "Mul", *out, -gamma, out, err));
        return emit_1(&l->e, "Exp", *out, out, err);
    }
    if (kernel == COSINE) {
        double least = unit_rows_least(l, self);

        TRY(emit_unit_rows(l, x, NORM_L2, least, &x, err));
        TRY(unit_rows_of(l, rows, least, &unit, err));
        return emit_linear(l, x, &unit, NULL, out, err);
    }
    TRY(emit_linear(l, x, rows, NULL, out, err));
    if (kernel == LINEAR)
        return STATUS_OK;
    TRY(emit_scaled(l, "Mul", *out, gamma, out, err));
    TRY(emit_scaled(l, "Add", *out, coef0, out, err));
    return kernel == SIGMOID ? emit_1(&l->e, "Tanh", *out, out, err)
                             : emit_scaled(l, "Pow", *out, degree, out, err);
}
