// SPDX-License-Identifier: Apache-2.0
/* Who reads a value. */
#include "graph/internal.h"

/* The nodes that outputs need, from the last to the first. */
static bool find_live(struct uses *uses, const struct graph *graph, struct arena *scratch)
{
    bool *needed = arena_new(scratch, bool, graph->value_count);

    if (!needed)
        return false;
    memcpy(needed, uses->is_output, graph->value_count * sizeof *needed);
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct node *node = &graph->nodes[n];

        for (size_t i = 0; i < node->output_count; i++)
            uses->is_live[n] = uses->is_live[n] || needed[node->outputs[i]];
        for (size_t i = 0; uses->is_live[n] && i < node->input_count; i++)
            if (node->inputs[i] != VALUE_NONE)
                needed[node->inputs[i]] = true;
    }
    return true;
}

enum status uses_find(struct uses *uses, const struct graph *graph, struct arena *scratch,
                      struct error *err)
{
    size_t slots = 0;

    for (size_t n = 0; n < graph->node_count; n++)
        slots += graph->nodes[n].input_count;
    *uses = (struct uses){
        .graph = graph,
        .value_count = graph->value_count,
        .first = arena_new(scratch, uint32_t, graph->value_count + 2),
        .nodes = arena_new(scratch, int32_t, slots),
        .is_output = arena_new(scratch, bool, graph->value_count),
        .is_live = arena_new(scratch, bool, graph->node_count),
    };
    if (!uses->first || !uses->nodes || !uses->is_output || !uses->is_live)
        return error_no_memory(err, "a pass");
    for (size_t s = 0; s < graph->signature_count; s++)
        for (size_t i = 0; i < graph->signatures[s].output_count; i++)
            uses->is_output[graph->signatures[s].outputs[i]] = true;
    if (!find_live(uses, graph, scratch))
        return error_no_memory(err, "a pass");
    /* counts, two places on, so that after filling each beginning is in its place */
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; uses->is_live[n] && i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                uses->first[graph->nodes[n].inputs[i] + 2]++;
    for (size_t v = 2; v < graph->value_count + 2; v++)
        uses->first[v] += uses->first[v - 1];
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; uses->is_live[n] && i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                uses->nodes[uses->first[graph->nodes[n].inputs[i] + 1]++] = (int32_t)n;
    return STATUS_OK;
}

bool uses_is_private(const struct uses *uses, value_id value)
{
    return uses_count(uses, value) == 1 && !uses->is_output[value];
}

const struct node *value_producer(const struct graph *graph, value_id value)
{
    int32_t producer = value == VALUE_NONE ? -1 : graph->values[value].producer;

    return producer < 0 ? NULL : &graph->nodes[producer];
}

enum status value_inherit(struct graph *graph, value_id from, value_id to, struct error *err)
{
    struct value *known = &graph->values[from], *value = &graph->values[to];

    TRY(graph_learn(graph, value, known->dtype, &known->shape, err));
    value->declared = value->declared || known->declared;
    return STATUS_OK;
}
