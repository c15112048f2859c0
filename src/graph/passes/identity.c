// SPDX-License-Identifier: Apache-2.0
/* Nodes that do nothing: their output is their input. */
#include "graph/internal.h"

static const struct shape *shape_of_input(const struct graph *graph, const struct node *node)
{
    return &graph->values[node->inputs[0]].shape;
}

/* A view (Reshape, Flatten, Squeeze ...) that changes nothing. Only numbers count, and
 * those that were inferred: what the model states may not be what arrives. */
static bool is_same_view(const struct graph *graph, const struct node *node)
{
    const struct value *out = &graph->values[node->outputs[0]];

    return node->op->flags & OP_VIEW && !(node->op->flags & OP_RANDOM) && node->output_count == 1 &&
           !out->declared && graph->values[node->inputs[0]].dtype == out->dtype &&
           shape_is_known(&out->shape) && shape_equal(shape_of_input(graph, node), &out->shape);
}

/* Is every output but the first unused? */
static bool is_first_alone(const struct uses *uses, const struct node *node)
{
    for (size_t i = 1; i < node->output_count; i++)
        if (uses_count(uses, node->outputs[i]) || uses->is_output[node->outputs[i]])
            return false;
    return true;
}

/* Dropout leaves its input alone in inference, unless a training mode is asked for. */
static bool is_idle_dropout(const struct graph *graph, const struct uses *uses,
                            const struct node *node)
{
    const struct tensor *training = node_constant(graph, node, 2);

    if (!node_is(node, "Dropout") || !is_first_alone(uses, node))
        return false;
    if (node->opset < 7)
        return attribute_int(&node->attributes, "is_test", 0) != 0;
    if (node->input_count < 3 || node->inputs[2] == VALUE_NONE)
        return true;
    return training && training->dtype == DTYPE_BOOL && !*(const bool *)training->data;
}

static bool is_same_cast(const struct graph *graph, const struct node *node)
{
    return (node_is(node, "Cast") || node_is(node, "CastLike")) &&
           graph->values[node->inputs[0]].dtype == graph->values[node->outputs[0]].dtype;
}

/* Of one tensor, these are the tensor. */
static bool is_single(const struct node *node)
{
    return node->input_count == 1 &&
           (node_is(node, "Concat") || node_is(node, "Sum") || node_is(node, "Max") ||
            node_is(node, "Min") || node_is(node, "Mean"));
}

/* The permutation of a Transpose; false when it is the default of an unknown rank. */
static bool permutation_of(const struct graph *graph, const struct node *node, int *perm, int *rank)
{
    const int64_t *stored;
    size_t count;

    if (!node_is(node, "Transpose"))
        return false;
    stored = attribute_ints(&node->attributes, "perm", &count);
    *rank = stored ? (int)count : shape_of_input(graph, node)->rank;
    if (*rank < 0 || *rank > RANK_MAX)
        return false;
    for (int i = 0; i < *rank; i++)
        perm[i] = stored ? (int)stored[i] : *rank - 1 - i;
    return true;
}

static bool is_identity_permutation(const int *perm, int rank)
{
    for (int i = 0; i < rank; i++)
        if (perm[i] != i)
            return false;
    return true;
}

/* The value that the node's output is, or VALUE_NONE. */
static value_id same_as(const struct graph *graph, const struct uses *uses, const struct node *node)
{
    int perm[RANK_MAX], before[RANK_MAX], rank, rank_before;
    const struct node *producer;

    if (!node->input_count || node->inputs[0] == VALUE_NONE)
        return VALUE_NONE;
    if (node_is(node, "Identity") || is_same_view(graph, node) ||
        is_idle_dropout(graph, uses, node) || is_same_cast(graph, node) || is_single(node))
        return node->inputs[0];
    if (!permutation_of(graph, node, perm, &rank))
        return VALUE_NONE;
    if (is_identity_permutation(perm, rank))
        return node->inputs[0];
    if (graph->values[node->inputs[0]].producer < 0)
        return VALUE_NONE;
    producer = &graph->nodes[graph->values[node->inputs[0]].producer];
    if (!permutation_of(graph, producer, before, &rank_before) || rank != rank_before)
        return VALUE_NONE;
    for (int i = 0; i < rank; i++)
        perm[i] = before[perm[i]];
    return is_identity_permutation(perm, rank) ? producer->inputs[0] : VALUE_NONE;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;
    struct edit edit;

    TRY(uses_find(&uses, graph, scratch, err));
    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        value_id same;

        edit_visit(&edit, n);
        same = same_as(graph, &uses, &graph->nodes[n]);
        if (same == VALUE_NONE)
            continue;
        edit_replace(&edit, graph->nodes[n].outputs[0], same);
        edit_remove(&edit, n);
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_identity = {
    .name = "identity",
    .summary = "remove nodes that change nothing",
    .order = 10,
    .run = run,
};
