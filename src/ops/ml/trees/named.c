// SPDX-License-Identifier: Apache-2.0
/* Versions 1 and 3. */
#include "ops/ml/trees/reading.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ops/kernels/ml/pairs.h"

static enum status mode_of(struct reading *r, struct bytes mode, struct tree_node *node,
                           struct error *err)
{
    static const char *const MODES[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(MODES); i++)
        if (bytes_is(mode, MODES[i])) {
            node->mode = (uint8_t)i;
            return STATUS_OK;
        }
    if (bytes_is(mode, "LEAF")) {
        node->feature = -1;
        return STATUS_OK;
    }
    return op_error(r->call, err, STATUS_UNSUPPORTED, "node mode '%s' is unknown",
                    text_quote(mode, quoted, sizeof quoted));
}

static enum status named_nodes(struct reading *r, struct pairs *index, struct error *err)
{
    const struct attributes *attributes = r->call->attributes;
    size_t count, values, missing_count;
    const int64_t *tree = attribute_ints(attributes, "nodes_treeids", &count), *node, *feature,
                  *yes, *no;
    const int64_t *missing =
        attribute_ints(attributes, "nodes_missing_value_tracks_true", &missing_count);
    size_t modes;
    const struct bytes *mode = attribute_strings(attributes, "nodes_modes", &modes);
    int32_t twice;
    const double *value;

    TRY(reading_ints(r, "nodes_nodeids", count, &node, err));
    TRY(reading_ints(r, "nodes_featureids", count, &feature, err));
    TRY(reading_ints(r, "nodes_truenodeids", count, &yes, err));
    TRY(reading_ints(r, "nodes_falsenodeids", count, &no, err));
    TRY(reading_numbers(r, "nodes_values", &value, &values, err));
    if (modes != count || values != count || (missing && missing_count && missing_count != count))
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "%zu nodes have %zu modes and %zu values", count, modes, values);
    r->nodes = arena_new(r->scratch, struct tree_node, count);
    if (!r->nodes || !pairs_index(index, tree, node, count, &twice, r->scratch))
        return error_no_memory(err, "trees");
    if (twice != PAIR_NONE)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "tree %lld has node %lld twice",
                        (long long)tree[twice], (long long)node[twice]);
    for (size_t i = 0; i < count; i++) {
        r->nodes[i] = (struct tree_node){.threshold = value[i],
                                         .feature = reading_narrow(feature[i]),
                                         .missing_left = missing && missing_count && missing[i]};
        TRY(mode_of(r, mode[i], &r->nodes[i], err));
    }
    r->trees.node_count = count;
    return STATUS_OK;
}

/* Children by number, and as roots the nodes that are nobody's child. */
static enum status named_children(struct reading *r, const struct pairs *index, struct error *err)
{
    size_t count;
    const int64_t *tree = attribute_ints(r->call->attributes, "nodes_treeids", &count);
    const int64_t *yes = attribute_ints(r->call->attributes, "nodes_truenodeids", &count);
    const int64_t *no = attribute_ints(r->call->attributes, "nodes_falsenodeids", &count);
    bool *child = arena_new(r->scratch, bool, count);

    r->roots = arena_new(r->scratch, int32_t, count);
    if (!child || !r->roots)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < count; i++) {
        struct tree_node *node = &r->nodes[i];
        if (node->feature < 0) {
            node->left = INT32_MAX; /* until its weights come */
            continue;
        }
        node->left = pairs_find(index, tree[i], yes[i]);
        node->right = pairs_find(index, tree[i], no[i]);
        if (node->left != INT32_MAX)
            child[node->left] = true;
        if (node->right != INT32_MAX)
            child[node->right] = true;
    }
    for (size_t i = 0; i < count; i++)
        if (!child[i])
            r->roots[r->trees.tree_count++] = (int32_t)i;
    if (!r->trees.tree_count && count)
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "no node is a root: the trees run in a circle");
    return STATUS_OK;
}

/* Several weights of one leaf and output; MIN and MAX: NaN before the first. */
static double weights_join(const struct trees *trees, double before, double weight)
{
    if (trees->aggregate == TREES_MIN)
        return fmin(before, weight);
    if (trees->aggregate == TREES_MAX)
        return fmax(before, weight);
    return before + weight;
}

/* Weights of leaves, given as lists of (tree, node, output, weight); dense rows here. */
static enum status named_weights(struct reading *r, const struct pairs *index, const char *prefix,
                                 const char *outputs_name, struct error *err)
{
    char name[32];
    size_t count, weights, leaves = 0, outputs = r->trees.outputs;
    const int64_t *tree, *node, *output;
    const double *weight;
    double *values;

    snprintf(name, sizeof name, "%s_treeids", prefix);
    tree = attribute_ints(r->call->attributes, name, &count);
    snprintf(name, sizeof name, "%s_nodeids", prefix);
    TRY(reading_ints(r, name, count, &node, err));
    TRY(reading_ints(r, outputs_name, count, &output, err));
    snprintf(name, sizeof name, "%s_weights", prefix);
    TRY(reading_numbers(r, name, &weight, &weights, err));
    if (weights != count)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu entries, not %zu", name,
                        weights, count);
    for (size_t i = 0; i < r->trees.node_count; i++)
        if (r->nodes[i].feature < 0)
            r->nodes[i].left = (int32_t)leaves++;
    values = outputs && leaves > (SIZE_MAX >> 8) / outputs
                 ? NULL
                 : arena_new(r->scratch, double, leaves *outputs);
    if (!values)
        return error_no_memory(err, "trees");
    for (size_t i = 0; r->trees.aggregate > TREES_AVERAGE && i < leaves * outputs; i++)
        values[i] = NAN;
    for (size_t i = 0; i < count; i++) {
        int32_t at = pairs_find(index, tree[i], node[i]);
        double *value;
        if (at == INT32_MAX || r->nodes[at].feature >= 0)
            return op_error(r->call, err, STATUS_INVALID_INPUT, "%s: tree %lld has no leaf %lld",
                            name, (long long)tree[i], (long long)node[i]);
        if (output[i] < 0 || (uint64_t)output[i] >= outputs)
            return op_error(r->call, err, STATUS_INVALID_INPUT, "%s is %lld of %zu", outputs_name,
                            (long long)output[i], outputs);
        value = &values[(size_t)r->nodes[at].left * outputs + (size_t)output[i]];
        *value = weights_join(&r->trees, *value, weight[i]);
    }
    r->trees.values = values;
    r->trees.leaf_count = leaves;
    return STATUS_OK;
}

enum status trees_read_named(struct reading *r, const char *prefix, const char *outputs_name,
                             struct error *err)
{
    struct pairs index;

    TRY(named_nodes(r, &index, err));
    TRY(named_children(r, &index, err));
    return named_weights(r, &index, prefix, outputs_name, err);
}
