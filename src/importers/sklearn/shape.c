// SPDX-License-Identifier: Apache-2.0
/* Changing the distribution of single columns: KBinsDiscretizer, PowerTransformer,
 * QuantileTransformer, SplineTransformer. */
#include "importers/sklearn/internal.h"

#include <string.h>

/* --- KBinsDiscretizer --- */

/* The inner edges of all columns in one tensor; ends[c] is where column c's stop. */
static enum status inner_edges(struct lowering *l, const struct pickle_object *self, size_t width,
                               struct tensor *edges, int64_t *ends, struct error *err)
{
    struct pickle_object **items;
    struct tensor *columns = arena_new(l->keep, struct tensor, width);
    struct shape shape;
    size_t count, total = 0, at = 0;

    if (!columns)
        return error_no_memory(err, "edges");
    TRY(state_list(l, self, "bin_edges_", &items, &count, err));
    if (count != width)
        return state_error(err, "bin_edges_", "is for %zu columns, not %zu", count, width);
    for (size_t c = 0; c < width; c++) {
        if (pickle_to_tensor_f64(items[c], &columns[c], l->keep, err))
            return error_within(err, "attribute 'bin_edges_'");
        if (columns[c].shape.rank != 1 || tensor_count(&columns[c]) < 2)
            return state_error(err, "bin_edges_", "has no edges for column %zu", c);
        total += tensor_count(&columns[c]) - 2;
        ends[c] = (int64_t)total;
    }
    shape = SHAPE((int64_t)total);
    TRY(tensor_new(edges, DTYPE_F64, &shape, l->keep, err));
    for (size_t c = 0; c < width; c++)
        for (size_t i = 1; i + 1 < tensor_count(&columns[c]); i++)
            tensor_set_f64(edges, at++, tensor_f64(&columns[c], i));
    return STATUS_OK;
}

static enum status discretize(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    static const char *const ENCODE[] = {"onehot", "ordinal", "onehot-dense", NULL};
    struct tensor *edges = arena_new(l->keep, struct tensor, 1);
    int64_t *ends = arena_new(l->keep, int64_t, in->count);
    bool old = estimator_version(l, self) < 10100; /* numbers next to an edge count as on it */
    struct attribute attributes[4];
    struct table bins;
    size_t encode;
    value_id x;

    if (!edges || !ends)
        return error_no_memory(err, "edges");
    if (old && estimator_version(l, self) > 2402)
        return state_error(err, "bin_edges_", "of version 1.0 is not served yet");
    TRY(state_choice(self, "encode", ENCODE, 0, &encode, err));
    TRY(inner_edges(l, self, in->count, edges, ends, err));
    attributes[0] = attribute_of_tensor("edges", edges);
    attributes[1] = attribute_of_ints("ends", ends, in->count);
    attributes[2] = attribute_of_float("rtol", old ? 1e-5 : 0);
    attributes[3] = attribute_of_float("atol", old ? 1e-8 : 0);
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit(&l->e, "firn", "Bins", &x, 1, attributes, 4, &x, 1, err));
    TRY(table_of_matrix(l, x, in->count, &bins, err));
    *out = bins;
    if (encode == 1)
        return STATUS_OK;
    return estimator_lower(l, "encoder", pickle_get(self, "_encoder"), METHOD_TRANSFORM, &bins, out,
                           err);
}

/* --- PowerTransformer --- */

static enum status power(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    static const char *const METHODS[] = {"yeo-johnson", "box-cox", NULL};
    /* 0.20 had Box-Cox as its only default; the attribute is always stored. */
    struct tensor lambdas;
    struct table powered;
    bool standardize;
    size_t method;
    value_id x;

    TRY(state_choice(self, "method", METHODS, 0, &method, err));
    TRY(state_bool(self, "standardize", true, &standardize, err));
    TRY(state_vector(l, self, "lambdas_", (int64_t)in->count, &lambdas, err));
    TRY(table_matrix(l, in, CHECK_FINITE_OR_NAN, &x, err));
    {
        struct attribute attributes[] = {
            {.name = "lambdas",
             .kind = ATTRIBUTE_FLOATS,
             .count = in->count,
             .floats = lambdas.data},
            attribute_of_int("box_cox", method == 1),
            attribute_of_int("stable", estimator_version(l, self) >= 10900)};

        TRY(emit(&l->e, "firn", "PowerTransform", &x, 1, attributes, 3, &x, 1, err));
    }
    TRY(table_of_matrix(l, x, in->count, &powered, err));
    *out = powered;
    if (!standardize)
        return STATUS_OK;
    return estimator_lower(l, "scaler", pickle_get(self, "_scaler"), METHOD_TRANSFORM, &powered,
                           out, err);
}

/* --- QuantileTransformer --- */

static enum status quantiles(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    static const char *const DISTRIBUTIONS[] = {"uniform", "normal", NULL};
    struct tensor *tensors = arena_new(l->keep, struct tensor, 2), stored;
    struct shape shape;
    size_t distribution, count;
    value_id x;

    if (!tensors)
        return error_no_memory(err, "quantiles");
    TRY(state_choice(self, "output_distribution", DISTRIBUTIONS, 0, &distribution, err));
    if (distribution == 0 && estimator_version(l, self) < 2200)
        return state_error(err, "output_distribution",
                           "'uniform' of versions before 0.22 is not served");
    TRY(state_vector(l, self, "references_", -1, &tensors[1], err));
    count = tensor_count(&tensors[1]);
    TRY(state_matrix(l, self, "quantiles_", (int64_t)count, (int64_t)in->count, &stored, err));
    shape = SHAPE((int64_t)in->count, (int64_t)count);
    TRY(tensor_new(&tensors[0], DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < in->count; c++)
            tensor_set_f64(&tensors[0], c * count + i, tensor_f64(&stored, i * in->count + c));
    TRY(table_matrix(l, in, CHECK_FINITE_OR_NAN, &x, err));
    TRY(emit_node(&l->e, "firn", "Quantiles", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_tensor("quantiles", &tensors[0]),
                                  attribute_of_tensor("references", &tensors[1]),
                                  attribute_of_int("normal", distribution == 1)),
                  &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

/* --- SplineTransformer --- */

enum { SPLINE_CONSTANT = 1, SPLINE_LINEAR = 2 }; /* as the operator Splines has them */

/* scipy's BSpline has its attributes with an underscore in front since 1.14. */
static const struct pickle_object *spline_part(const struct pickle_object *spline, const char *name)
{
    const struct pickle_object *part = pickle_get(spline, name);

    return part ? part : pickle_get(spline, name + 1);
}

/* The coefficients say which spline goes to which column: 1 at (i, i modulo columns). */
static bool are_columns(const struct tensor *c)
{
    size_t columns = c->shape.rank == 2 ? (size_t)c->shape.dims[1] : 0;

    for (size_t i = 0; columns && i < tensor_count(c); i++)
        if (tensor_f64(c, i) != (i % columns == i / columns % columns))
            return false;
    return columns > 0;
}

/* The knots of all columns (w, t), and how many splines each has. */
static enum status knots_of(struct lowering *l, const struct pickle_object *self, size_t width,
                            int64_t degree, struct tensor *knots, int64_t *columns,
                            struct error *err)
{
    struct pickle_object **items;
    struct tensor t, c;
    struct shape shape;
    size_t count;

    TRY(state_list(l, self, "bsplines_", &items, &count, err));
    if (count != width || width == 0)
        return state_error(err, "bsplines_", "is for %zu columns, not %zu", count, width);
    for (size_t i = 0; i < width; i++) {
        const struct pickle_object *own_t = spline_part(items[i], "_t");
        const struct pickle_object *own_c = spline_part(items[i], "_c");
        int64_t k;

        if (!own_t || !own_c || !pickle_to_i64(pickle_get(items[i], "k"), &k) || k != degree)
            return state_error(err, "bsplines_", "column %zu has no splines of that degree", i);
        if (pickle_to_tensor_f64(own_t, &t, l->keep, err) ||
            pickle_to_tensor_f64(own_c, &c, l->keep, err))
            return error_within(err, "attribute 'bsplines_'");
        if (i == 0) {
            shape = SHAPE((int64_t)width, (int64_t)tensor_count(&t));
            TRY(tensor_new(knots, DTYPE_F64, &shape, l->keep, err));
            *columns = c.shape.rank == 2 ? c.shape.dims[1] : 0;
        }
        if (t.shape.rank != 1 || t.shape.dims[0] != knots->shape.dims[1] || !are_columns(&c) ||
            c.shape.dims[1] != *columns || c.shape.dims[0] != t.shape.dims[0] - degree - 1)
            return state_error(err, "bsplines_", "is of a form that firn does not know");
        memcpy((double *)knots->data + i * tensor_count(&t), t.data,
               tensor_count(&t) * sizeof(double));
    }
    return STATUS_OK;
}

static enum status splines(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const char *const EXTRAPOLATIONS[] = {"error",    "constant", "linear",
                                                 "continue", "periodic", NULL};
    static const char *const MISSING[] = {"error", "zeros", NULL};
    struct tensor *knots = arena_new(l->keep, struct tensor, 1);
    int64_t degree, columns = 0;
    size_t extrapolation, missing;
    bool bias;
    value_id x;

    if (!knots)
        return error_no_memory(err, "knots");
    TRY(state_i64(self, "degree", 3, &degree, err));
    TRY(state_choice(self, "extrapolation", EXTRAPOLATIONS, 1, &extrapolation, err));
    TRY(state_choice(self, "handle_missing", MISSING, 0, &missing, err));
    TRY(state_bool(self, "include_bias", true, &bias, err));
    if (degree < 1 && (extrapolation == SPLINE_CONSTANT || extrapolation == SPLINE_LINEAR))
        return state_error(err, "degree", "0 with this extrapolation is not served");
    if (degree < 2 && extrapolation == SPLINE_LINEAR && in->count > 1)
        return state_error(err, "degree",
                           "1 with linear extrapolation of several columns is not served");
    TRY(knots_of(l, self, in->count, degree, knots, &columns, err));
    TRY(table_matrix(l, in, missing ? CHECK_FINITE_OR_NAN : CHECK_FINITE, &x, err));
    TRY(emit_node(&l->e, "firn", "Splines", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_tensor("knots", knots),
                                  attribute_of_int("degree", degree),
                                  attribute_of_int("columns", columns),
                                  attribute_of_int("extrapolation", (int64_t)extrapolation),
                                  attribute_of_int("drop_last", !bias),
                                  attribute_of_int("zeros", (int64_t)missing)),
                  &x, err));
    return table_of_matrix(l, x, in->count * (size_t)(columns - !bias), out, err);
}

const struct estimator_set estimators_shape =
    ESTIMATOR_SET({.name = "KBinsDiscretizer", .transform = discretize},
                  {.name = "PowerTransformer", .transform = power, .width = "lambdas_"},
                  {.name = "QuantileTransformer", .transform = quantiles, .width = "quantiles_"},
                  {.name = "SplineTransformer", .transform = splines});
