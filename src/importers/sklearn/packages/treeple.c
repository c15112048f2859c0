// SPDX-License-Identifier: Apache-2.0
/* treeple (once scikit-tree): oblique trees and forests. A node compares a weighted sum of
 * features, added up in float32 in the order of the features; all sums are worked out beside each
 * other, then the trees are those of scikit-learn over these sums. */
#include "importers/sklearn/trees.h"

#include <string.h>

enum { SUMS_MAX = 1 << 20, TERMS_MAX = 256 };

struct term {
    int64_t feature;
    float weight;
};

struct sums { /* of all nodes of all trees */
    struct lowering *l;
    size_t features, most; /* most: terms of one sum */
    struct term *terms;
    size_t term_count, term_capacity;
    size_t *starts; /* (count,): where the terms of a sum begin */
    size_t count, capacity;
};

static enum status sum_add(struct sums *s, const double *weights, struct error *err)
{
    size_t start = s->term_count;

    if (s->count >= SUMS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d oblique nodes", SUMS_MAX);
    if (!ARENA_GROW(s->l->keep, s->starts, s->count, s->capacity))
        return error_no_memory(err, "oblique nodes");
    s->starts[s->count++] = start;
    for (size_t f = 0; f < s->features; f++) {
        if ((float)weights[f] == 0)
            continue;
        if (!ARENA_GROW(s->l->keep, s->terms, s->term_count, s->term_capacity))
            return error_no_memory(err, "oblique nodes");
        s->terms[s->term_count++] = (struct term){(int64_t)f, (float)weights[f]};
    }
    if (s->term_count - start > TERMS_MAX)
        return state_error(err, "proj_vecs", "adds more than %d features", TERMS_MAX);
    s->most = s->term_count - start > s->most ? s->term_count - start : s->most;
    return STATUS_OK;
}

/* Term `t` of every sum: which feature, and its weight; weight 0 where a sum has fewer. */
static enum status term(struct sums *s, size_t t, value_id x, value_id *y, struct error *err)
{
    struct shape shape = SHAPE((int64_t)s->count);
    struct tensor *weights = arena_new(s->l->keep, struct tensor, 1);
    int64_t *places = arena_new(s->l->keep, int64_t, s->count);
    struct attribute axis = attribute_of_int("axis", 1);
    value_id index, factor;

    if (!weights || !places)
        return error_no_memory(err, "oblique nodes");
    TRY(tensor_new(weights, DTYPE_F32, &shape, s->l->keep, err));
    for (size_t i = 0; i < s->count; i++) {
        size_t end = i + 1 < s->count ? s->starts[i + 1] : s->term_count;

        if (t >= end - s->starts[i])
            continue;
        places[i] = s->terms[s->starts[i] + t].feature;
        ((float *)weights->data)[i] = s->terms[s->starts[i] + t].weight;
    }
    TRY(graph_constant_i64(s->l->e.graph, places, &shape, &index, err));
    TRY(emit(&s->l->e, "", "Gather", (value_id[]){x, index}, 2, &axis, 1, y, 1, err));
    TRY(emit_constant(&s->l->e, weights, &factor, err));
    return emit_2(&s->l->e, "Mul", *y, factor, y, err);
}

/* (n, count) F64 that hold float32 sums. */
static enum status sums_emit(struct sums *s, const struct table *in, value_id *y, struct error *err)
{
    value_id x, next;

    TRY(table_matrix(s->l, in, CHECK_FINITE_F32, &x, err));
    TRY(emit_cast(&s->l->e, x, DTYPE_F32, &x, err));
    TRY(term(s, 0, x, y, err));
    for (size_t t = 1; t < s->most; t++) {
        TRY(term(s, t, x, &next, err));
        TRY(emit_2(&s->l->e, "Add", *y, next, y, err));
    }
    return emit_cast(&s->l->e, *y, DTYPE_F64, y, err);
}

/* --- trees --- */

struct oblique { /* a tree */
    struct tree_nodes nodes;
    struct tensor values, weights; /* (nodes, width), (nodes, features) */
};

static enum status oblique_of(struct sums *s, const struct pickle_object *tree, size_t width,
                              struct oblique *oblique, struct error *err)
{
    size_t count;

    TRY(tree_nodes_of(s->l, tree, &oblique->nodes, err));
    count = oblique->nodes.count;
    if (pickle_to_tensor_f64(pickle_get(tree, "values"), &oblique->values, s->l->keep, err) ||
        tensor_count(&oblique->values) != count * width)
        return state_error(err, "values", "do not fit %zu nodes", count);
    return state_matrix(s->l, tree, "proj_vecs", (int64_t)count, (int64_t)s->features,
                        &oblique->weights, err);
}

/* The leaf's numbers; those of a classifier as fractions of their sum. */
static enum status leaf(struct tree_list *list, const double *values, size_t width, bool fractions,
                        struct error *err)
{
    double sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += values[k];
    if (!fractions || sum == 0)
        sum = 1;
    for (size_t k = 0; k < width; k++)
        TRY(tree_list_value(list, values[k] / sum, err));
    return STATUS_OK;
}

static enum status node_append(struct tree_list *list, struct sums *s,
                               const struct oblique *oblique, size_t i, size_t start,
                               bool fractions, struct error *err)
{
    size_t at = list->node_count, width = (size_t)list->outputs;
    int64_t left, right;

    TRY(tree_node_children(&oblique->nodes, i, &left, &right, err));
    if (left == -1) {
        list->feature[at] = list->right[at] = -1;
        list->left[at] = (int64_t)(list->value_count / width);
        list->threshold[at] = 0;
        list->node_count++;
        return leaf(list, (const double *)oblique->values.data + i * width, width, fractions, err);
    }
    list->feature[at] = (int64_t)s->count;
    list->left[at] = left + (int64_t)start;
    list->right[at] = right + (int64_t)start;
    list->threshold[at] = tensor_f64(&oblique->nodes.threshold, i);
    list->node_count++;
    return sum_add(s, (const double *)oblique->weights.data + i * s->features, err);
}

static enum status append(struct tree_list *list, struct sums *s,
                          const struct pickle_object *estimator, bool fractions, struct error *err)
{
    const struct pickle_object *tree;
    size_t start = list->node_count;
    struct oblique oblique;

    TRY(state_object(estimator, "tree_", &tree, err));
    TRY(oblique_of(s, tree, (size_t)list->outputs, &oblique, err));
    TRY(tree_list_reserve(list, oblique.nodes.count, err));
    TRY(tree_list_root(list, start, err));
    for (size_t i = 0; i < oblique.nodes.count; i++)
        TRY(node_append(list, s, &oblique, i, start, fractions, err));
    return STATUS_OK;
}

static enum status mean_of_trees(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, size_t outputs, bool fractions,
                                 value_id *y, struct error *err)
{
    struct sums sums = {.l = l, .features = in->count};
    struct pickle_object **estimators;
    struct tree_list list;
    int64_t several;
    size_t count;
    value_id x;

    TRY(state_i64(self, "n_outputs_", 1, &several, err));
    if (several != 1 || outputs == 0)
        return state_error(err, "n_outputs_", "is not 1, or there are no classes");
    tree_list_init(&list, l, in->count, outputs);
    list.compare_f32 = true;
    if (pickle_get(self, "tree_")) {
        TRY(append(&list, &sums, self, fractions, err));
    } else {
        list.aggregate = "AVERAGE";
        TRY(state_list(l, self, "estimators_", &estimators, &count, err));
        if (count == 0)
            return state_error(err, "estimators_", "is empty");
        for (size_t i = 0; i < count; i++)
            if (append(&list, &sums, estimators[i], fractions, err))
                return error_within(err, "attribute 'estimators_', tree %zu", i);
    }
    if (sums.count == 0) { /* nothing but leaves */
        TRY(table_matrix(l, in, CHECK_FINITE_F32, &x, err));
    } else {
        TRY(sums_emit(&sums, in, &x, err));
        list.features = (int64_t)sums.count;
    }
    return tree_list_emit(&list, x, y, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(mean_of_trees(l, self, in, tensor_count(&classes), true, &y, err));
    return predict_columns(l, &classes, y, out, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    value_id y;

    TRY(mean_of_trees(l, self, in, 1, false, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

#define CLASSIFIER(class_name, where)                                                              \
    {                                                                                              \
        .name = class_name, .package = where, .predict = classify_by_proba,                        \
        .predict_proba = probabilities                                                             \
    }
#define REGRESSOR(class_name, where)                                                               \
    {                                                                                              \
        .name = class_name, .package = where, .predict = regress                                   \
    }

const struct estimator_set estimators_treeple =
    ESTIMATOR_SET(CLASSIFIER("ObliqueDecisionTreeClassifier", "treeple"),
                  CLASSIFIER("ObliqueRandomForestClassifier", "treeple"),
                  REGRESSOR("ObliqueDecisionTreeRegressor", "treeple"),
                  REGRESSOR("ObliqueRandomForestRegressor", "treeple"),
                  CLASSIFIER("ObliqueDecisionTreeClassifier", "sktree"),
                  CLASSIFIER("ObliqueRandomForestClassifier", "sktree"),
                  REGRESSOR("ObliqueDecisionTreeRegressor", "sktree"),
                  REGRESSOR("ObliqueRandomForestRegressor", "sktree"));
