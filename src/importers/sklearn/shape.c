// SPDX-License-Identifier: Apache-2.0
/* Changing the distribution of single columns: KBinsDiscretizer, PowerTransformer. */
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

const struct estimator_set estimators_shape =
    ESTIMATOR_SET({.name = "KBinsDiscretizer", .transform = discretize},
                  {.name = "PowerTransformer", .transform = power, .width = "lambdas_"});
