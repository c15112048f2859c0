// SPDX-License-Identifier: Apache-2.0
/* Softmax from its parts: exp(x - max) / sum of it, and LogSoftmax: (x - max) - log of the sum of
 * its exp, along one axis. */
#include "graph/match.h"

/* value = op of x along one axis, which stays as 1. */
static bool reduced(const struct graph *graph, value_id value, const char *op, value_id *x,
                    int64_t *axis)
{
    const struct node *node = match_op(graph, value, op);
    size_t count;
    int rank;

    if (!node || !attribute_int(&node->attributes, "keepdims", 1) ||
        !match_axes(graph, node, axis, 1, &count) || count != 1)
        return false;
    *x = node->inputs[0];
    rank = graph->values[*x].shape.rank;
    *axis += *axis < 0 ? rank : 0;
    return rank > 0 && *axis >= 0 && *axis < rank;
}

/* value = x - max of x along the axis */
static bool shifted(const struct graph *graph, value_id value, int64_t axis, value_id *x)
{
    const struct node *sub = match_op(graph, value, "Sub");
    int64_t of_max;
    value_id of;

    if (!sub || sub->input_count != 2 || attribute_find(&sub->attributes, "axis") ||
        !reduced(graph, sub->inputs[1], "ReduceMax", &of, &of_max) || of != sub->inputs[0] ||
        of_max != axis)
        return false;
    *x = of;
    return true;
}

/* The operator that the node is the end of, or NULL. */
static const char *find(const struct graph *graph, const struct node *node, value_id *x,
                        int64_t *axis)
{
    const struct node *exponential, *logarithm;
    value_id of;

    if (node->input_count != 2 || attribute_find(&node->attributes, "axis"))
        return NULL;
    if (node_is(node, "Div")) {
        exponential = match_op(graph, node->inputs[0], "Exp");
        return exponential && reduced(graph, node->inputs[1], "ReduceSum", &of, axis) &&
                       of == node->inputs[0] && shifted(graph, exponential->inputs[0], *axis, x)
                   ? "Softmax"
                   : NULL;
    }
    logarithm = node_is(node, "Sub") ? match_op(graph, node->inputs[1], "Log") : NULL;
    if (!logarithm || !reduced(graph, logarithm->inputs[0], "ReduceSum", &of, axis))
        return NULL;
    exponential = match_op(graph, of, "Exp");
    return exponential && exponential->inputs[0] == node->inputs[0] &&
                   shifted(graph, node->inputs[0], *axis, x)
               ? "LogSoftmax"
               : NULL;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    (void)scratch;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT};
        const char *op;
        value_id x;

        if (graph->values[node->outputs[0]].dtype != DTYPE_F32 &&
            graph->values[node->outputs[0]].dtype != DTYPE_F64)
            continue;
        op = find(graph, node, &x, &axis.i);
        if (!op)
            continue;
        TRY(graph_node_rewrite(graph, n,
                               &(struct node_description){
                                   .op = op,
                                   .inputs = &x,
                                   .input_count = 1,
                                   .attributes = &axis,
                                   .attribute_count = 1,
                               },
                               err));
    }
    return STATUS_OK;
}

const struct pass pass_softmax = {
    .name = "softmax",
    .summary = "Softmax and LogSoftmax from their parts",
    .order = 133,
    .run = run,
};
