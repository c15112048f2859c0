// SPDX-License-Identifier: Apache-2.0
/* Version 5. */
#include "ops/ml/trees/reading.h"

#include <math.h>

/* The members of each set node follow each other, each list closed by a NaN. */
static enum status indexed_sets(struct reading *r, size_t count, struct error *err)
{
    const double *members;
    size_t total, at = 0;

    TRY(reading_numbers(r, "membership_values", &members, &total, err));
    if (total > INT32_MAX)
        return op_error(r->call, err, STATUS_TOO_LARGE, "it has %zu set members", total);
    for (size_t i = 0; i < count; i++) {
        struct tree_node *node = &r->nodes[i];
        if (node->mode != TREE_MEMBER)
            continue;
        node->mode = TREE_LISTED;
        node->set = (int32_t)at;
        while (at < total && !isnan(members[at]))
            at++;
        node->set_words = (int32_t)at - node->set;
        at += at < total;
    }
    r->trees.members = members;
    r->trees.member_count = total;
    return STATUS_OK;
}

/* A branch of an inner node: another, or a leaf, for which a node of its own is added. */
static int32_t indexed_child(struct reading *r, int64_t index, bool leaf)
{
    if (!leaf)
        return reading_narrow(index);
    r->nodes[r->trees.node_count] =
        (struct tree_node){.feature = -1, .left = reading_narrow(index)};
    return (int32_t)r->trees.node_count++;
}

static enum status indexed_nodes(struct reading *r, struct error *err)
{
    size_t count, splits, missing_count;
    const int64_t *feature = attribute_ints(r->call->attributes, "nodes_featureids", &count), *yes,
                  *no, *yes_leaf, *no_leaf;
    const int64_t *missing =
        attribute_ints(r->call->attributes, "nodes_missing_value_tracks_true", &missing_count);
    const struct tensor *modes = attribute_tensor(r->call->attributes, "nodes_modes");
    const double *split;

    TRY(reading_ints(r, "nodes_truenodeids", count, &yes, err));
    TRY(reading_ints(r, "nodes_falsenodeids", count, &no, err));
    TRY(reading_ints(r, "nodes_trueleafs", count, &yes_leaf, err));
    TRY(reading_ints(r, "nodes_falseleafs", count, &no_leaf, err));
    TRY(reading_numbers(r, "nodes_splits", &split, &splits, err));
    if (splits != count || !modes || modes->dtype != DTYPE_U8 || tensor_count(modes) != count ||
        (missing_count && missing_count != count) || count > INT32_MAX / 4)
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "its lists of %zu nodes differ in length", count);
    r->nodes = arena_new(r->scratch, struct tree_node, count * 3);
    if (!r->nodes)
        return error_no_memory(err, "trees");
    r->trees.node_count = count;
    for (size_t i = 0; i < count; i++) {
        r->nodes[i] = (struct tree_node){.threshold = split[i],
                                         .feature = reading_narrow(feature[i]),
                                         .mode = ((const uint8_t *)modes->data)[i],
                                         .missing_left = missing_count && missing[i]};
        if (r->nodes[i].mode > TREE_MEMBER)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "node mode %d is unknown",
                            r->nodes[i].mode);
        r->nodes[i].left = indexed_child(r, yes[i], yes_leaf[i]);
        r->nodes[i].right = indexed_child(r, no[i], no_leaf[i]);
    }
    return indexed_sets(r, count, err);
}

enum status trees_read_indexed(struct reading *r, struct error *err)
{
    size_t roots, leaves, weights;
    const int64_t *root = attribute_ints(r->call->attributes, "tree_roots", &roots);
    const int64_t *target = attribute_ints(r->call->attributes, "leaf_targetids", &leaves);
    int32_t *targets = arena_new(r->scratch, int32_t, leaves);

    TRY(indexed_nodes(r, err));
    TRY(reading_numbers(r, "leaf_weights", &r->trees.values, &weights, err));
    if (weights != leaves)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%zu leaf weights for %zu targets",
                        weights, leaves);
    r->roots = arena_new(r->scratch, int32_t, roots);
    if (!targets || !r->roots)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < roots; i++)
        r->roots[i] = reading_narrow(root[i]);
    for (size_t i = 0; i < leaves; i++)
        targets[i] = reading_narrow(target[i]);
    r->trees.tree_count = roots;
    r->trees.targets = targets;
    r->trees.leaf_count = leaves;
    return STATUS_OK;
}
