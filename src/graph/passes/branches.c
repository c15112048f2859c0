// SPDX-License-Identifier: Apache-2.0
/* If of a constant condition: the nodes of its branch take its place. */
#include "graph/internal.h"

static const struct graph *branch_of(const struct graph *graph, const struct node *node,
                                     size_t *captures)
{
    const struct tensor *condition = node_constant(graph, node, 0);
    const struct attribute *taken, *then;

    if (!node_is(node, "If") || !condition || !condition->data || condition->dtype != DTYPE_BOOL ||
        tensor_count(condition) != 1)
        return NULL;
    then = attribute_find(&node->attributes, "then_branch");
    taken =
        *(const bool *)condition->data ? then : attribute_find(&node->attributes, "else_branch");
    if (!then || !taken || then->kind != ATTRIBUTE_GRAPH || taken->kind != ATTRIBUTE_GRAPH)
        return NULL;
    *captures = 1 + (taken == then ? 0 : then->g->signatures[0].capture_count);
    return taken->g;
}

/* The value of the outer graph that an inner one has become. */
static enum status mapped(struct graph *graph, const struct graph *inner, value_id *map,
                          value_id value, value_id *out, struct error *err)
{
    *out = VALUE_NONE;
    if (value == VALUE_NONE)
        return STATUS_OK;
    if (map[value] == VALUE_NONE) /* not made by a node, and no input */
        TRY(graph_constant(graph, inner->values[value].name, inner->values[value].constant,
                           &map[value], err));
    *out = map[value];
    return STATUS_OK;
}

static enum status node_copy(struct graph *graph, const struct graph *inner,
                             const struct node *node, value_id *map, struct arena *scratch,
                             struct error *err)
{
    value_id *inputs = arena_new(scratch, value_id, node->input_count);
    value_id *outputs = arena_new(scratch, value_id, node->output_count);
    const char **names = arena_new(scratch, const char *, node->output_count);
    struct node_description description = {
        .domain = node->domain,
        .op = node->op->name,
        .name = node->name,
        .opset = node->opset,
        .inputs = inputs,
        .input_count = node->input_count,
        .output_names = names,
        .output_count = node->output_count,
        .attributes = node->attributes.items,
        .attribute_count = node->attributes.count,
    };

    if (!inputs || !outputs || !names)
        return error_no_memory(err, "a pass");
    for (size_t i = 0; i < node->input_count; i++)
        TRY(mapped(graph, inner, map, node->inputs[i], &inputs[i], err));
    for (size_t i = 0; i < node->output_count; i++)
        names[i] = inner->values[node->outputs[i]].name;
    TRY(graph_node(graph, &description, outputs, err));
    for (size_t i = 0; i < node->output_count; i++)
        map[node->outputs[i]] = outputs[i];
    return STATUS_OK;
}

static enum status branch_inline(struct edit *edit, size_t index, const struct graph *inner,
                                 size_t captures, struct arena *scratch, struct error *err)
{
    struct graph *graph = edit->graph;
    const struct graph_signature *signature = &inner->signatures[0];
    value_id *map = arena_new(scratch, value_id, inner->value_count), by;
    const value_id *outputs = graph->nodes[index].outputs;

    if (!map)
        return error_no_memory(err, "a pass");
    for (size_t v = 0; v < inner->value_count; v++)
        map[v] = VALUE_NONE;
    for (size_t i = 0; i < signature->input_count; i++)
        map[signature->inputs[i]] = graph->nodes[index].inputs[captures + i];
    for (size_t n = 0; n < inner->node_count; n++)
        TRY(node_copy(graph, inner, &inner->nodes[n], map, scratch, err));
    for (size_t i = 0; i < signature->output_count; i++) {
        TRY(mapped(graph, inner, map, signature->outputs[i], &by, err));
        edit_replace(edit, outputs[i], by);
    }
    edit_remove(edit, index);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        const struct graph *inner;
        size_t captures;

        edit_visit(&edit, n);
        inner = branch_of(graph, &graph->nodes[n], &captures);
        if (inner && branch_inline(&edit, n, inner, captures, scratch, err))
            return graph_node_error(&graph->nodes[n], err);
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_branches = {
    .name = "branches",
    .summary = "the branch of an If whose condition is constant",
    .order = 25,
    .run = run,
};
