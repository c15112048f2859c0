// SPDX-License-Identifier: Apache-2.0
/* `apply`: which leaf of each tree a row ends in. */
#include "importers/sklearn/trees.h"

#include <string.h>

static enum status append(struct tree_list *list, const struct pickle_object *estimator,
                          size_t index, bool missing, struct error *err)
{
    const struct pickle_object *tree;

    TRY(state_object(estimator, "tree_", &tree, err));
    return tree_list_append(list, tree, VALUES_LEAVES, (int64_t)index, 1, missing, err);
}

/* Rows of an array (stages, classes) of trees: those of `class`. */
static enum status stages(struct lowering *l, const struct pickle_object *self,
                          struct pickle_object ***trees, size_t *count, size_t *step,
                          struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "estimators_");

    TRY(state_list(l, self, "estimators_", trees, count, err));
    *step = 1;
    if (stored->kind == PICKLE_ARRAY && stored->array->shape.rank == 2) {
        if (stored->array->shape.dims[1] < 1)
            return state_error(err, "estimators_", "has no trees");
        *step = (size_t)stored->array->shape.dims[1];
    }
    return STATUS_OK;
}

enum status leaves_lower(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    bool alone = pickle_get(self, "tree_") != NULL, boosted, missing;
    struct pickle_object **trees = NULL;
    size_t count = 1, step = 1;
    struct tree_list list;
    value_id x, y;

    if (!estimator_find(self) || (!alone && !pickle_get(self, "estimators_")))
        return error_set(err, STATUS_UNSUPPORTED, "%s has no leaves that firn knows",
                         pickle_name(self));
    if (!alone)
        TRY(stages(l, self, &trees, &count, &step, err));
    boosted = !strncmp(pickle_name(self), "GradientBoosting", 16);
    missing = !boosted && tree_allows_nan(l, self, !alone);
    tree_list_init(&list, l, in->count, alone ? 1 : (count + step - 1) / step);
    if (alone)
        TRY(append(&list, self, 0, missing, err));
    for (size_t i = 0; !alone && i < count; i += step)
        if (append(&list, trees[i], i / step, missing, err))
            return error_within(err, "attribute 'estimators_', tree %zu", i);
    TRY(table_matrix(l, in, missing ? CHECK_FINITE_OR_NAN_F32 : CHECK_FINITE_F32, &x, err));
    TRY(tree_list_emit(&list, x, &y, err));
    TRY(table_of_matrix(l, y, (size_t)list.outputs, out, err));
    for (size_t i = 0; i < out->count; i++)
        ((struct column *)out->columns)[i].integral = true;
    return STATUS_OK;
}

/* Numbers as F64: steps that follow know no others. */
static enum status as_columns(struct lowering *l, struct table *table, struct error *err)
{
    const struct column first = table->columns[0];
    bool whole = dtype_is_integer(first.dtype) || first.integral;
    value_id x;

    table->flat = false;
    if (table->count != 1 || first.dtype == DTYPE_STRING || first.dtype == DTYPE_F64 ||
        first.dtype == DTYPE_BOOL)
        return STATUS_OK;
    TRY(table_vector(l, table, 0, DTYPE_F64, &x, err));
    TRY(table_of_vector(l, x, table, err));
    ((struct column *)table->columns)->integral = whole;
    return STATUS_OK;
}

enum status function_lower(struct lowering *l, const char *role,
                           const struct pickle_object *estimator, const struct pickle_object *name,
                           const struct table *in, struct table *out, struct error *err)
{
    if (pickle_text_is(name, "apply"))
        return leaves_lower(l, estimator, in, out, err);
    for (int m = 0; m < METHOD_COUNT; m++)
        if (pickle_text_is(name, method_name((enum method)m))) {
            TRY(estimator_lower(l, role, estimator, (enum method)m, in, out, err));
            return out->count ? as_columns(l, out, err) : STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED, "%s of %s is a function that firn does not know",
                     name && name->kind == PICKLE_TEXT ? "a method" : "what is asked",
                     pickle_name(estimator));
}
