// SPDX-License-Identifier: Apache-2.0
/* Edits of a whole graph, for passes. */
#include "graph/internal.h"

enum status edit_begin(struct edit *edit, struct graph *graph, struct arena *scratch,
                       struct error *err)
{
    *edit = (struct edit){
        .graph = graph,
        .value_count = graph->value_count,
        .node_count = graph->node_count,
        .instead = arena_new(scratch, value_id, graph->value_count),
        .removed = arena_new(scratch, bool, graph->node_count),
    };
    if (!edit->instead || !edit->removed)
        return error_no_memory(err, "a pass");
    for (size_t v = 0; v < graph->value_count; v++)
        edit->instead[v] = (value_id)v;
    return STATUS_OK;
}

value_id edit_instead(const struct edit *edit, value_id value)
{
    while (value >= 0 && (size_t)value < edit->value_count && edit->instead[value] != value)
        value = edit->instead[value];
    return value;
}

static void rewire(const struct edit *edit, const value_id *values, size_t count)
{
    value_id *own = (value_id *)values; /* ours: the builder copied it into keep */

    for (size_t i = 0; i < count; i++)
        own[i] = edit_instead(edit, own[i]);
}

void edit_visit(struct edit *edit, size_t index)
{
    rewire(edit, edit->graph->nodes[index].inputs, edit->graph->nodes[index].input_count);
}

void edit_replace(struct edit *edit, value_id value, value_id by)
{
    edit->instead[value] = edit_instead(edit, by);
    edit->graph->edits++;
}

void edit_remove(struct edit *edit, size_t index)
{
    edit->removed[index] = true;
    edit->graph->edits++;
}

static void drop_removed(struct edit *edit)
{
    struct graph *graph = edit->graph;
    size_t kept = 0;

    for (size_t n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->nodes[n];
        bool removed = n < edit->node_count && edit->removed[n];

        for (size_t i = 0; i < node->output_count; i++)
            graph->values[node->outputs[i]].producer = removed ? -1 : (int32_t)kept;
        if (!removed)
            graph->nodes[kept++] = *node;
    }
    graph->node_count = kept;
}

struct sorting {
    struct graph *graph;
    struct node *sorted;
    size_t count;
    uint8_t *state; /* (node_count,): 0 not seen, 1 on the stack, 2 in `sorted` */
    int32_t *stack; /* (node_count,) */
};

/* The producer of an input that is not in `sorted` yet; -1: none. */
static int32_t producer_missing(const struct sorting *sorting, const struct node *node)
{
    for (size_t i = 0; i < node->input_count; i++) {
        int32_t producer =
            node->inputs[i] == VALUE_NONE ? -1 : sorting->graph->values[node->inputs[i]].producer;

        if (producer >= 0 && sorting->state[producer] != 2)
            return producer;
    }
    return -1;
}

/* Node `index` after those that it needs; depth first, without recursion. */
static enum status sort_from(struct sorting *sorting, int32_t index, struct error *err)
{
    size_t depth = 0;

    if (sorting->state[index] == 2)
        return STATUS_OK;
    sorting->stack[depth++] = index;
    sorting->state[index] = 1;
    while (depth) {
        int32_t at = sorting->stack[depth - 1];
        int32_t missing = producer_missing(sorting, &sorting->graph->nodes[at]);

        if (missing < 0) {
            sorting->sorted[sorting->count++] = sorting->graph->nodes[at];
            sorting->state[at] = 2;
            depth--;
            continue;
        }
        if (sorting->state[missing] == 1)
            return error_set(err, STATUS_INTERNAL, "a pass made a cycle");
        sorting->state[missing] = 1;
        sorting->stack[depth++] = missing;
    }
    return STATUS_OK;
}

/* Stable: a node moves only behind what it needs. */
static enum status sort(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct sorting sorting = {
        .graph = graph,
        .sorted = arena_new(scratch, struct node, graph->node_count),
        .state = arena_new(scratch, uint8_t, graph->node_count),
        .stack = arena_new(scratch, int32_t, graph->node_count),
    };

    if (!sorting.sorted || !sorting.state || !sorting.stack)
        return error_no_memory(err, "a pass");
    for (size_t n = 0; n < graph->node_count; n++)
        TRY(sort_from(&sorting, (int32_t)n, err));
    memcpy(graph->nodes, sorting.sorted, graph->node_count * sizeof *graph->nodes);
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].output_count; i++)
            graph->values[graph->nodes[n].outputs[i]].producer = (int32_t)n;
    return STATUS_OK;
}

enum status edit_end(struct edit *edit, struct arena *scratch, struct error *err)
{
    struct graph *graph = edit->graph;
    bool added = graph->node_count > edit->node_count;

    for (size_t n = 0; n < graph->node_count; n++)
        rewire(edit, graph->nodes[n].inputs, graph->nodes[n].input_count);
    drop_removed(edit);
    for (size_t s = 0; s < graph->signature_count; s++)
        rewire(edit, graph->signatures[s].outputs, graph->signatures[s].output_count);
    return added ? sort(graph, scratch, err) : STATUS_OK;
}
