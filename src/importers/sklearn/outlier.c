// SPDX-License-Identifier: Apache-2.0
/* IsolationForest: how short the paths are that isolate a sample; EllipticEnvelope. */
#include "importers/sklearn/distance.h"
#include "importers/sklearn/trees.h"

#include <math.h>

/* The columns that a tree was fitted on; NULL when they are all, in order. */
static enum status tree_columns(struct lowering *l, const struct pickle_object *self, size_t index,
                                size_t width, struct tree_list *list, struct error *err)
{
    const struct pickle_object *stored =
        pickle_item(pickle_get(self, "estimators_features_"), index);
    bool whole = true;
    struct tensor tensor;
    size_t *columns;

    list->columns = NULL;
    if (!stored)
        return STATUS_OK;
    if (pickle_to_tensor_f64(stored, &tensor, l->keep, err))
        return error_within(err, "attribute 'estimators_features_'");
    columns = arena_new(l->keep, size_t, tensor_count(&tensor));
    if (!columns)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < tensor_count(&tensor); i++) {
        double at = tensor_f64(&tensor, i);

        if (!(at >= 0 && at < (double)width))
            return state_error(err, "estimators_features_", "is out of range");
        columns[i] = (size_t)at;
        whole = whole && columns[i] == i;
    }
    if (!whole || tensor_count(&tensor) != width) {
        list->columns = columns;
        list->column_count = tensor_count(&tensor);
    }
    return STATUS_OK;
}

static enum status score(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    bool open = estimator_version(l, self) >= 10600; /* nothing is validated */
    struct pickle_object **trees;
    struct tree_list list;
    double samples, scale;
    value_id x, two;
    size_t count;

    if (estimator_version(l, self) < 2200)
        return error_set(err, STATUS_UNSUPPORTED, "IsolationForest of versions before 0.22");
    if (!pickle_to_f64(pickle_get(self, "_max_samples"), &samples) &&
        !pickle_to_f64(pickle_get(self, "max_samples_"), &samples))
        return state_error(err, "max_samples_", "is no number");
    TRY(state_list(l, self, "estimators_", &trees, &count, err));
    tree_list_init(&list, l, in->count, 1);
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *tree;

        TRY(state_object(trees[i], "tree_", &tree, err));
        TRY(tree_columns(l, self, i, in->count, &list, err));
        if (tree_list_append(&list, tree, VALUES_PATHS, -1, 1, open, err))
            return error_within(err, "attribute 'estimators_', tree %zu", i);
    }
    TRY(table_matrix(l, in, open ? CHECK_NONE : CHECK_FINITE_F32, &x, err));
    TRY(tree_list_emit(&list, x, &x, err));
    scale = (double)count * mean_path(samples);
    if (scale == 0)
        return state_error(err, "max_samples_", "is too small for a path");
    TRY(emit_scaled(l, "Div", x, scale, &x, err));
    TRY(emit_1(&l->e, "Neg", x, &x, err));
    TRY(emit_scalar(l, 2, &two, err));
    TRY(emit_2(&l->e, "Pow", two, x, &x, err));
    TRY(emit_1(&l->e, "Neg", x, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

/* --- EllipticEnvelope: the squared distance of Mahalanobis, negated --- */

static enum status envelope(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor location, precision;
    value_id x;

    if (estimator_version(l, self) < 2200)
        return error_set(err, STATUS_UNSUPPORTED, "EllipticEnvelope of versions before 0.22");
    TRY(state_vector(l, self, "location_", (int64_t)in->count, &location, err));
    TRY(state_matrix(l, self, "precision_", (int64_t)in->count, (int64_t)in->count, &precision,
                     err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_mahalanobis(l, x, &location, &precision, &x, err));
    TRY(emit_1(&l->e, "Neg", x, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

#define OUTLIERS(class_name, scores)                                                               \
    {                                                                                              \
        .name = class_name, .predict = predict_inlier, .decision_function = decide_inlier,         \
        .score_samples = scores                                                                    \
    }

const struct estimator_set estimators_outlier =
    ESTIMATOR_SET(OUTLIERS("IsolationForest", score), OUTLIERS("EllipticEnvelope", envelope));
