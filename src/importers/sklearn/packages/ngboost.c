// SPDX-License-Identifier: Apache-2.0
/* NGBoost: parameters of a distribution are sums of trees; the answer is its mean, or the
 * probabilities of its classes. */
#include "importers/sklearn/trees.h"

#include <string.h>

enum mean { MEAN_FIRST, MEAN_EXP_FIRST, MEAN_LOG_NORMAL };

static const struct {
    const char *name;
    enum mean mean;
    size_t params;
} DISTRIBUTIONS[] = {{"Normal", MEAN_FIRST, 2},
                     {"Laplace", MEAN_FIRST, 2},
                     {"Poisson", MEAN_EXP_FIRST, 1},
                     {"Exponential", MEAN_EXP_FIRST, 1},
                     {"LogNormal", MEAN_LOG_NORMAL, 2}};

/* Columns that a stage's trees see: none are given where they are all, in order. */
static enum status stage_columns(struct tree_list *list, const struct pickle_object *stored,
                                 size_t width, struct error *err)
{
    struct lowering *l = list->l;
    struct tensor tensor;
    size_t *columns;

    if (pickle_to_tensor_f64(stored, &tensor, l->keep, err) || tensor.shape.rank != 1)
        return state_error(err, "col_idxs", "are no columns");
    columns = arena_new(l->keep, size_t, tensor_count(&tensor) + 1);
    if (!columns)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < tensor_count(&tensor); i++) {
        double column = tensor_f64(&tensor, i);

        if (!(column >= 0 && column < (double)width))
            return state_error(err, "col_idxs", "are out of range");
        columns[i] = (size_t)column;
    }
    list->columns = columns;
    list->column_count = tensor_count(&tensor);
    return STATUS_OK;
}

static enum status stage_append(struct tree_list *list, const struct pickle_object *models,
                                double scale, size_t params, struct error *err)
{
    struct pickle_object **trees;
    size_t count;

    trees = pickle_elements(models, &count, list->l->keep);
    if (!trees || count != params)
        return state_error(err, "base_models", "are not %zu a stage", params);
    for (size_t p = 0; p < params; p++) {
        const struct pickle_object *tree;

        if (!pickle_is(trees[p], "sklearn", "DecisionTreeRegressor") &&
            !pickle_is(trees[p], "sklearn", "ExtraTreeRegressor"))
            return state_error(err, "base_models", "of class %s are not served yet",
                               pickle_name(trees[p]));
        TRY(state_object(trees[p], "tree_", &tree, err));
        TRY(tree_list_append(list, tree, VALUES_AS_STORED, (int64_t)p, scale, false, err));
    }
    return STATUS_OK;
}

/* (n, params): init_params, less the learning rate times what the trees of each stage say. */
static enum status params_of(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, size_t params, value_id *y, struct error *err)
{
    struct pickle_object **stages, **columns;
    size_t count, column_count;
    struct tensor base, scalings;
    struct tree_list list;
    double rate;
    value_id x;

    TRY(state_f64(self, "learning_rate", 0.01, &rate, err));
    TRY(state_matrix(l, self, "init_params", 1, (int64_t)params, &base, err));
    TRY(state_list(l, self, "base_models", &stages, &count, err));
    TRY(state_list(l, self, "col_idxs", &columns, &column_count, err));
    TRY(state_vector(l, self, "scalings", (int64_t)count, &scalings, err));
    if (count != column_count || count == 0)
        return state_error(err, "col_idxs", "does not fit %zu stages", count);
    tree_list_init(&list, l, in->count, params);
    list.base = base.data;
    for (size_t i = 0; i < count; i++) {
        TRY(stage_columns(&list, columns[i], in->count, err));
        if (stage_append(&list, stages[i], -rate * tensor_f64(&scalings, i), params, err))
            return error_within(err, "stage %zu", i);
    }
    TRY(table_matrix(l, in, CHECK_FINITE_F32, &x, err));
    return tree_list_emit(&list, x, y, err);
}

static enum status mean_of(struct lowering *l, enum mean mean, value_id params, value_id *y,
                           struct error *err)
{
    value_id spread;

    TRY(emit_slice(&l->e, params, 1, 0, 1, 1, y, err));
    if (mean == MEAN_FIRST)
        return STATUS_OK;
    if (mean == MEAN_LOG_NORMAL) { /* exp(location + exp(log scale)^2 / 2) */
        TRY(emit_slice(&l->e, params, 1, 1, 2, 1, &spread, err));
        TRY(emit_scaled(l, "Mul", spread, 2, &spread, err));
        TRY(emit_1(&l->e, "Exp", spread, &spread, err));
        TRY(emit_scaled(l, "Mul", spread, 0.5, &spread, err));
        TRY(emit_2(&l->e, "Add", *y, spread, y, err));
    }
    return emit_1(&l->e, "Exp", *y, y, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const char *name = pickle_name(pickle_get(self, "Dist"));
    size_t i = 0;
    value_id y;

    while (i < ARRAY_COUNT(DISTRIBUTIONS) && strcmp(DISTRIBUTIONS[i].name, name) != 0)
        i++;
    if (i == ARRAY_COUNT(DISTRIBUTIONS) || !pickle_is(pickle_get(self, "Dist"), "ngboost", name))
        return state_error(err, "Dist", "is %s, whose mean is not served yet", name);
    TRY(params_of(l, self, in, DISTRIBUTIONS[i].params, &y, err));
    TRY(mean_of(l, DISTRIBUTIONS[i].mean, y, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

/* --- classes: 0, 1 ...; the first one's score is 0 --- */

static enum status classes_of(struct lowering *l, const struct pickle_object *self,
                              struct tensor *classes, struct error *err)
{
    struct shape shape;
    int64_t count;

    if (!pickle_text_is(pickle_get(self, "Dist_name"), "Categorical") ||
        !pickle_to_i64(pickle_get(self, "K"), &count) || count < 2 || count > 1 << 16)
        return state_error(err, "Dist_name", "is not that of classes");
    shape = SHAPE(count);
    TRY(tensor_new(classes, DTYPE_I64, &shape, l->keep, err));
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)classes->data)[i] = i;
    return STATUS_OK;
}

static enum status scores(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct tensor *classes, value_id *y,
                          struct error *err)
{
    value_id first;

    TRY(classes_of(l, self, classes, err));
    TRY(params_of(l, self, in, tensor_count(classes) - 1, y, err));
    TRY(emit_slice(&l->e, *y, 1, 0, 1, 1, &first, err));
    TRY(emit_scaled(l, "Mul", first, 0, &first, err));
    TRY(emit_concat(&l->e, EMIT(first, *y), 1, y, err));
    return emit_softmax(l, *y, y, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(scores(l, self, in, &classes, &y, err));
    return predict_argmax(l, &classes, y, out, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(scores(l, self, in, &classes, &y, err));
    return predict_columns(l, &classes, y, out, err);
}

const struct estimator_set estimators_ngboost =
    ESTIMATOR_SET({.name = "NGBRegressor", .package = "ngboost", .predict = regress},
                  {.name = "NGBClassifier",
                   .package = "ngboost",
                   .predict = classify,
                   .predict_proba = probabilities});
