// SPDX-License-Identifier: Apache-2.0
/* Who reads a value. */
#include "graph/internal.h"

enum status uses_find(struct uses *uses, const struct graph *graph, struct arena *scratch,
                      struct error *err)
{
    size_t slots = 0;

    for (size_t n = 0; n < graph->node_count; n++)
        slots += graph->nodes[n].input_count;
    *uses = (struct uses){
        .graph = graph,
        .first = arena_new(scratch, uint32_t, graph->value_count + 2),
        .nodes = arena_new(scratch, int32_t, slots),
        .is_output = arena_new(scratch, bool, graph->value_count),
    };
    if (!uses->first || !uses->nodes || !uses->is_output)
        return error_no_memory(err, "a pass");
    /* counts, moved two places on, so that filling leaves each beginning in its place */
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                uses->first[graph->nodes[n].inputs[i] + 2]++;
    for (size_t v = 2; v < graph->value_count + 2; v++)
        uses->first[v] += uses->first[v - 1];
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                uses->nodes[uses->first[graph->nodes[n].inputs[i] + 1]++] = (int32_t)n;
    for (size_t s = 0; s < graph->signature_count; s++)
        for (size_t i = 0; i < graph->signatures[s].output_count; i++)
            uses->is_output[graph->signatures[s].outputs[i]] = true;
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
