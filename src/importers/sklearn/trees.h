// SPDX-License-Identifier: Apache-2.0
/* Trees of any estimator, gathered into one firn TreeEnsemble node. */
#pragma once

#include "importers/sklearn/internal.h"

enum value_rule {
    VALUES_AS_STORED, /* regression: (node, output) */
    VALUES_FRACTIONS, /* classification: counts or fractions of the classes, made fractions */
    VALUES_PATHS,     /* isolation: nodes above the leaf, and the mean path that its samples need */
    VALUES_LEAVES,    /* the leaf's place among the nodes */
};

/* Growing lists in l->keep; see ops/firn/tree_ensemble.c for what they mean. */
struct tree_list {
    struct lowering *l;
    int64_t outputs, features;
    int64_t *roots, *feature, *left, *right, *mode, *missing_left, *outside_left, *set, *set_words;
    double *threshold, *values;
    int64_t *targets, *sets;
    size_t tree_count, tree_capacity, node_count, node_capacity;
    size_t value_count, value_capacity, target_count, target_capacity, set_count, set_capacity;
    bool targeted; /* leaves add to one output each */
    bool compare_f32;
    const double *base; /* (outputs,) or NULL */
    const char *aggregate;
    const size_t *columns; /* which column feature f of a tree is, (column_count,); NULL: f */
    size_t column_count;
};

void tree_list_init(struct tree_list *list, struct lowering *l, size_t features, size_t outputs);

/* Room for `nodes` more nodes, all lists; then write them from node_count on and add to it. */
enum status tree_list_reserve(struct tree_list *list, size_t nodes, struct error *err) must_check;
enum status tree_list_root(struct tree_list *list, size_t node, struct error *err) must_check;
enum status tree_list_value(struct tree_list *list, double value, struct error *err) must_check;
enum status tree_list_target(struct tree_list *list, int64_t output, struct error *err) must_check;
/* 256 members as four words; their place in *set. */
enum status tree_list_set(struct tree_list *list, const uint64_t words[4], int64_t *set,
                          struct error *err) must_check;

/* Append a sklearn.tree._tree.Tree. Every leaf has the tree's values, or with `target` >= 0 its one
 * value times `scale` for that output. `missing`: NaN goes where the node says. */
enum status tree_list_append(struct tree_list *list, const struct pickle_object *tree,
                             enum value_rule rule, int64_t target, double scale, bool missing,
                             struct error *err) must_check;

/* What a search among `count` samples needs on average. */
double mean_path(double count);

/* The nodes of a sklearn.tree._tree.Tree. */
struct tree_nodes {
    const struct numpy_array *array; /* of structures: see node_field */
    struct tensor left, right;       /* (count,) I64; -1: a leaf */
    struct tensor threshold;         /* (count,) F64 */
    size_t count;
};
enum status tree_nodes_of(struct lowering *l, const struct pickle_object *tree,
                          struct tree_nodes *nodes, struct error *err) must_check;
/* Node i's; INVALID_INPUT for those that are no nodes. */
enum status tree_node_children(const struct tree_nodes *nodes, size_t i, int64_t *left,
                               int64_t *right, struct error *err) must_check;

/* A field of a structured array of nodes as (count,) of `dtype`. */
enum status node_field(struct lowering *l, const struct numpy_array *nodes, const char *name,
                       enum dtype dtype, struct tensor *field, struct error *err) must_check;
bool node_has_field(const struct numpy_array *nodes, const char *name);

/* x (n, features) -> y (n, outputs). */
enum status tree_list_emit(const struct tree_list *list, value_id x, value_id *y, struct error *err)
    must_check;

/* Does this estimator, of this version, take NaN at prediction? */
bool tree_allows_nan(const struct lowering *l, const struct pickle_object *tree_estimator,
                     bool in_forest);

/* The leaf of each tree (of each stage's first tree, where they are boosted): (n, trees), whole
 * numbers. UNSUPPORTED for what has no trees of scikit-learn's. */
enum status leaves_lower(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err) must_check;

/* What a function of an estimator answers, by its name (an object of text): a method, or "apply",
 * as whole columns (n, k). */
enum status function_lower(struct lowering *l, const char *role,
                           const struct pickle_object *estimator, const struct pickle_object *name,
                           const struct table *in, struct table *out, struct error *err) must_check;
