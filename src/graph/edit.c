// SPDX-License-Identifier: Apache-2.0
/* Edits of a whole graph, for passes. */
#include "graph/internal.h"

enum status edit_begin(struct edit *edit, struct graph *graph, struct arena *scratch,
                       struct error *err)
{
    *edit = (struct edit){
        .graph = graph,
        .instead = arena_new(scratch, value_id, graph->value_count),
        .removed = arena_new(scratch, bool, graph->node_count),
    };
    if (!edit->instead || !edit->removed)
        return error_no_memory(err, "a pass");
    for (size_t v = 0; v < graph->value_count; v++)
        edit->instead[v] = (value_id)v;
    return STATUS_OK;
}

/* Replacements are made in order, so what a value is replaced by is final already. */
static void rewire(const struct edit *edit, const value_id *values, size_t count)
{
    value_id *own = (value_id *)values; /* ours: the builder copied it into keep */

    for (size_t i = 0; i < count; i++)
        if (own[i] != VALUE_NONE)
            own[i] = edit->instead[own[i]];
}

void edit_visit(struct edit *edit, size_t index)
{
    rewire(edit, edit->graph->nodes[index].inputs, edit->graph->nodes[index].input_count);
}

void edit_replace(struct edit *edit, value_id value, value_id by)
{
    edit->instead[value] = edit->instead[by];
    edit->graph->edits++;
}

void edit_remove(struct edit *edit, size_t index)
{
    edit->removed[index] = true;
    edit->graph->edits++;
}

void edit_end(struct edit *edit)
{
    struct graph *graph = edit->graph;
    size_t kept = 0;

    for (size_t n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->nodes[n];

        for (size_t i = 0; i < node->output_count; i++)
            graph->values[node->outputs[i]].producer = edit->removed[n] ? -1 : (int32_t)kept;
        if (!edit->removed[n])
            graph->nodes[kept++] = *node;
    }
    graph->node_count = kept;
    for (size_t s = 0; s < graph->signature_count; s++)
        rewire(edit, graph->signatures[s].outputs, graph->signatures[s].output_count);
}
