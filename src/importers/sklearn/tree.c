// SPDX-License-Identifier: Apache-2.0
/* Decision trees and forests of them: the mean of the trees' values. A lone tree is a forest of
 * one. */
#include "importers/sklearn/trees.h"

static bool is_tree(const struct pickle_object *self)
{
    return pickle_get(self, "tree_") != NULL;
}

static enum status append_estimator(struct tree_list *list, const struct pickle_object *estimator,
                                    enum value_rule rule, bool missing, struct error *err)
{
    const struct pickle_object *tree;

    TRY(state_object(estimator, "tree_", &tree, err));
    return tree_list_append(list, tree, rule, -1, 1, missing, err);
}

/* (n, outputs): class fractions or predicted numbers. */
static enum status mean_of_trees(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, size_t outputs, enum value_rule rule,
                                 value_id *y, struct error *err)
{
    bool missing = tree_allows_nan(l, self, !is_tree(self));
    struct pickle_object **estimators;
    struct tree_list list;
    size_t count;
    value_id x;

    tree_list_init(&list, l, in->count, outputs);
    if (is_tree(self)) {
        TRY(append_estimator(&list, self, rule, missing, err));
    } else {
        list.aggregate = "AVERAGE";
        TRY(state_list(l, self, "estimators_", &estimators, &count, err));
        if (!count)
            return state_error(err, "estimators_", "is empty");
        for (size_t i = 0; i < count; i++)
            if (append_estimator(&list, estimators[i], rule, missing, err))
                return error_within(err, "attribute 'estimators_', tree %zu", i);
    }
    TRY(table_matrix(l, in, missing ? CHECK_FINITE_OR_NAN_F32 : CHECK_FINITE_F32, &x, err));
    return tree_list_emit(&list, x, y, err);
}

static enum status output_count(const struct pickle_object *self, int64_t *count, struct error *err)
{
    TRY(state_i64(self, "n_outputs_", 1, count, err));
    if (*count < 1 || *count > 1 << 20)
        return state_error(err, "n_outputs_", "is %lld", (long long)*count);
    return STATUS_OK;
}

/* The number of columns that the trees were fitted on must be what comes in. */
static enum status expect_width(const struct pickle_object *self, const struct table *in,
                                struct error *err)
{
    int64_t width;

    TRY(state_i64(self, "n_features_in_", -1, &width, err));
    if (width < 0)
        TRY(state_i64(self, "n_features_", (int64_t)in->count, &width, err));
    return table_expect(in, (size_t)width, err);
}

static enum status class_fractions(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *classes, value_id *y,
                                   struct error *err)
{
    int64_t outputs;

    TRY(output_count(self, &outputs, err));
    if (outputs != 1)
        return state_error(err, "n_outputs_",
                           "is %lld: classifiers of several targets are not supported",
                           (long long)outputs);
    TRY(expect_width(self, in, err));
    TRY(state_labels(l, self, "classes_", classes, err));
    return mean_of_trees(l, self, in, tensor_count(classes), VALUES_FRACTIONS, y, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(class_fractions(l, self, in, &classes, &y, err));
    return predict_argmax(l, &classes, y, out, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(class_fractions(l, self, in, &classes, &y, err));
    return predict_columns(l, &classes, y, out, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    int64_t outputs;
    value_id y;

    TRY(output_count(self, &outputs, err));
    TRY(expect_width(self, in, err));
    TRY(mean_of_trees(l, self, in, (size_t)outputs, VALUES_AS_STORED, &y, err));
    return predict_numbers(l, y, (size_t)outputs, outputs == 1, out, err);
}

#define CLASSIFIER .predict = classify, .predict_proba = probabilities
#define REGRESSOR .predict = regress

/* RandomTreesEmbedding: which leaf of each tree, as columns of 0 and 1. */
static enum status embed(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    struct table leaves;

    TRY(leaves_lower(l, self, in, &leaves, err));
    return estimator_lower(l, "encoder", pickle_get(self, "one_hot_encoder_"), METHOD_TRANSFORM,
                           &leaves, out, err);
}

const struct estimator_set estimators_tree = ESTIMATOR_SET(
    {.name = "DecisionTreeClassifier", CLASSIFIER}, {.name = "ExtraTreeClassifier", CLASSIFIER},
    {.name = "RandomForestClassifier", CLASSIFIER}, {.name = "ExtraTreesClassifier", CLASSIFIER},
    {.name = "DecisionTreeRegressor", REGRESSOR}, {.name = "ExtraTreeRegressor", REGRESSOR},
    {.name = "RandomForestRegressor", REGRESSOR}, {.name = "ExtraTreesRegressor", REGRESSOR},
    {.name = "RandomTreesEmbedding", .transform = embed, .first = ensemble_first});
