// SPDX-License-Identifier: Apache-2.0
/* SelectFromModel: the columns that weigh most in a fitted model. Importances of trees are computed
 * as they compute them, from impurities (tree/_tree.pyx compute_feature_importances). */
#include "importers/sklearn/trees.h"

#include <math.h>
#include <stdlib.h>

/* --- importances --- */

/* Adds the importances of one tree, made to sum to 1 when `normalised`, to (width,). */
static enum status add_tree(struct lowering *l, const struct pickle_object *estimator,
                            bool normalised, size_t width, double *importances, struct error *err)
{
    const struct pickle_object *tree;
    struct tensor feature, impurity, weight;
    double *own = arena_new(l->keep, double, width), sum = 0;
    struct tree_nodes nodes;

    if (!own)
        return error_no_memory(err, "importances");
    TRY(state_object(estimator, "tree_", &tree, err));
    TRY(tree_nodes_of(l, tree, &nodes, err));
    TRY(node_field(l, nodes.array, "feature", DTYPE_I64, &feature, err));
    TRY(node_field(l, nodes.array, "impurity", DTYPE_F64, &impurity, err));
    TRY(node_field(l, nodes.array, "weighted_n_node_samples", DTYPE_F64, &weight, err));
    for (size_t i = 0; i < nodes.count; i++) {
        int64_t a, b, f = tensor_i64(&feature, i);

        TRY(tree_node_children(&nodes, i, &a, &b, err));
        if (a == -1)
            continue;
        if (f < 0 || f >= (int64_t)width)
            return state_error(err, "nodes", "node %zu asks for a feature that is not there", i);
        own[f] += tensor_f64(&weight, i) * tensor_f64(&impurity, i) -
                  tensor_f64(&weight, (size_t)a) * tensor_f64(&impurity, (size_t)a) -
                  tensor_f64(&weight, (size_t)b) * tensor_f64(&impurity, (size_t)b);
    }
    for (size_t f = 0; nodes.count && f < width; f++) {
        own[f] /= tensor_f64(&weight, 0);
        sum += own[f];
    }
    for (size_t f = 0; f < width; f++)
        importances[f] += normalised && sum > 0 ? own[f] / sum : own[f];
    return STATUS_OK;
}

static bool has_one_node(const struct pickle_object *estimator)
{
    const struct pickle_object *nodes = pickle_get(pickle_get(estimator, "tree_"), "nodes");

    return nodes && nodes->kind == PICKLE_ARRAY && nodes->array->shape.rank == 1 &&
           nodes->array->shape.dims[0] == 1;
}

/* The mean over the trees that have a split at all, made to sum to 1. */
static enum status forest_importances(struct lowering *l, const struct pickle_object *estimator,
                                      bool normalised, size_t width, double *importances,
                                      struct error *err)
{
    struct pickle_object **trees;
    size_t count, used = 0;
    double sum = 0;

    TRY(state_list(l, estimator, "estimators_", &trees, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (has_one_node(trees[i]))
            continue;
        used++;
        if (add_tree(l, trees[i], normalised, width, importances, err))
            return error_within(err, "attribute 'estimators_', tree %zu", i);
    }
    for (size_t f = 0; used && f < width; f++) {
        importances[f] /= (double)used;
        sum += importances[f];
    }
    for (size_t f = 0; sum != 0 && f < width; f++)
        importances[f] /= sum;
    return STATUS_OK;
}

/* Of several rows of coefficients the norm of each column. */
static enum status coefficient_norms(struct lowering *l, const struct pickle_object *self,
                                     const struct pickle_object *estimator, size_t width,
                                     double *importances, struct error *err)
{
    const struct pickle_object *order = pickle_get(self, "norm_order");
    struct tensor coef;
    double power = 1;

    TRY(state_matrix(l, estimator, "coef_", -1, (int64_t)width, &coef, err));
    if (order && !pickle_to_f64(order, &power))
        return state_error(err, "norm_order", "is no number");
    if (power != 1 && power != 2 && !(isinf(power) && power > 0))
        return state_error(err, "norm_order", "other than 1, 2 and infinity");
    for (size_t f = 0; f < width; f++) {
        for (size_t r = 0; r < (size_t)coef.shape.dims[0]; r++) {
            double size = fabs(tensor_f64(&coef, r * width + f));

            if (isinf(power))
                importances[f] = fmax(importances[f], size);
            else
                importances[f] += power == 2 ? size * size : size;
        }
        if (power == 2)
            importances[f] = sqrt(importances[f]);
    }
    return STATUS_OK;
}

static enum status importances_of(struct lowering *l, const struct pickle_object *self,
                                  const struct pickle_object *estimator, size_t width,
                                  double *importances, struct error *err)
{
    static const char *const FORESTS[] = {"RandomForestClassifier", "RandomForestRegressor",
                                          "ExtraTreesClassifier", "ExtraTreesRegressor"};
    const struct pickle_object *getter = pickle_get(self, "importance_getter");
    const char *name = pickle_name(estimator);

    if (getter && !pickle_text_is(getter, "auto"))
        return state_error(err, "importance_getter", "other than 'auto'");
    if (pickle_get(estimator, "coef_"))
        return coefficient_norms(l, self, estimator, width, importances, err);
    if (pickle_get(estimator, "tree_"))
        return add_tree(l, estimator, true, width, importances, err);
    for (size_t i = 0; i < ARRAY_COUNT(FORESTS); i++)
        if (!strcmp(name, FORESTS[i]))
            return forest_importances(l, estimator, true, width, importances, err);
    if (!strncmp(name, "GradientBoosting", 16))
        return forest_importances(l, estimator, false, width, importances, err);
    return state_error(err, "estimator_", "importances of %s are not served yet", name);
}

/* --- the threshold --- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static enum status median_of(struct lowering *l, const double *values, size_t count, double *median,
                             struct error *err)
{
    double *sorted = arena_new(l->keep, double, count);

    if (!sorted)
        return error_no_memory(err, "importances");
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    *median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return STATUS_OK;
}

/* What the threshold is when nobody says: almost nothing for models whose penalty makes zeros. */
static bool is_sparse_model(const struct pickle_object *estimator)
{
    const char *name = pickle_name(estimator);
    double ratio;

    if (pickle_text_is(pickle_get(estimator, "penalty"), "l1") || strstr(name, "Lasso"))
        return true;
    return (!strcmp(name, "ElasticNet") || !strcmp(name, "ElasticNetCV")) &&
           pickle_to_f64(
               pickle_get(estimator, !strcmp(name, "ElasticNet") ? "l1_ratio" : "l1_ratio_"),
               &ratio) &&
           ratio == 1;
}

/* "mean", "median", "1.25*mean" or a number. */
static enum status threshold_of(struct lowering *l, const struct pickle_object *self,
                                const struct pickle_object *estimator, const double *importances,
                                size_t count, double *threshold, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "threshold");
    double factor = 1;
    struct bytes text;
    char *word, *star;

    *threshold = 1e-5;
    if (pickle_is_none(stored) && is_sparse_model(estimator))
        return STATUS_OK;
    if (!pickle_is_none(stored) && pickle_to_f64(stored, threshold))
        return STATUS_OK;
    text = bytes_of("mean");
    if (!pickle_is_none(stored) && !pickle_to_text(stored, &text, l->keep))
        return state_error(err, "threshold", "is no number and no text");
    word = arena_text(l->keep, text);
    if (!word)
        return error_no_memory(err, "a threshold");
    star = strchr(word, '*');
    if (star) {
        char *end;

        *star = '\0';
        factor = strtod(word, &end);
        if (end == word || end + strspn(end, " ") != star)
            return state_error(err, "threshold", "is of a form that firn does not know");
        word = star + 1 + strspn(star + 1, " ");
    }
    if (!strcmp(word, "median"))
        TRY(median_of(l, importances, count, threshold, err));
    else if (!strcmp(word, "mean"))
        *threshold = mean_of(importances, count);
    else
        return state_error(err, "threshold", "is of a form that firn does not know");
    *threshold *= factor;
    return STATUS_OK;
}

struct weighed { /* a column */
    double importance;
    size_t index;
};

/* The better one first, of equal ones the first. */
static int weighed_compare(const void *a, const void *b)
{
    const struct weighed *x = a, *y = b;

    if (x->importance != y->importance)
        return x->importance > y->importance ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* At most max_features. */
static enum status most_of(struct lowering *l, const struct pickle_object *self,
                           const double *importances, size_t count, bool *mask, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "max_features_");
    struct weighed *columns;
    int64_t most;

    if (!stored)
        stored = pickle_get(self, "max_features");
    memset(mask, true, count * sizeof *mask);
    if (pickle_is_none(stored))
        return STATUS_OK;
    if (!pickle_to_i64(stored, &most))
        return state_error(err, "max_features", "is no number");
    columns = arena_new(l->keep, struct weighed, count);
    if (!columns)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++)
        columns[i] = (struct weighed){importances[i], i};
    qsort(columns, count, sizeof *columns, weighed_compare);
    for (size_t i = 0; i < count; i++)
        mask[columns[i].index] = (int64_t)i < most;
    return STATUS_OK;
}

static const struct pickle_object *chosen_for(const struct pickle_object *self)
{
    const struct pickle_object *fitted = pickle_get(self, "estimator_");

    return fitted ? fitted : pickle_get(self, "estimator"); /* prefit */
}

static enum status transform(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *estimator = chosen_for(self);
    double *importances = arena_new(l->keep, double, in->count), threshold, size = 0;
    size_t *indices = arena_new(l->keep, size_t, in->count), kept = 0;
    bool *mask = arena_new(l->keep, bool, in->count);
    struct table checked;
    value_id x;

    if (!importances || !indices || !mask)
        return error_no_memory(err, "columns");
    TRY(importances_of(l, self, estimator, in->count, importances, err));
    for (size_t i = 0; i < in->count; i++)
        if (isnan(importances[i]))
            return state_error(err, "estimator_", "column %zu has an importance that is NaN", i);
    TRY(threshold_of(l, self, estimator, importances, in->count, &threshold, err));
    TRY(most_of(l, self, importances, in->count, mask, err));
    for (size_t i = 0; i < in->count; i++)
        size = fmax(size, fabs(importances[i]));
    for (size_t i = 0; i < in->count; i++) {
        double above = importances[i] - threshold;

        /* the order in which numpy adds decides */
        if (mask[i] && above != 0 && fabs(above) <= 1e-12 * size)
            return state_error(err, "threshold", "column %zu is as good as on it", i);
        if (mask[i] && above >= 0)
            indices[kept++] = i;
    }
    TRY(table_matrix(l, in, estimator_takes_nan(l, estimator) ? CHECK_NONE : CHECK_FINITE, &x,
                     err));
    TRY(table_of_matrix(l, x, in->count, &checked, err));
    return table_pick(l, &checked, indices, kept, out, err);
}

const struct estimator_set estimators_choose_model =
    ESTIMATOR_SET({.name = "SelectFromModel", .transform = transform, .first = chosen_for});
