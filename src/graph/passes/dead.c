// SPDX-License-Identifier: Apache-2.0
/* Dead code: nodes that no output of any signature needs. */
#include "graph/internal.h"

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    bool *needed = arena_new(scratch, bool, graph->value_count);
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    if (!needed)
        return error_no_memory(err, "a pass");
    for (size_t s = 0; s < graph->signature_count; s++)
        for (size_t i = 0; i < graph->signatures[s].output_count; i++)
            needed[graph->signatures[s].outputs[i]] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct node *node = &graph->nodes[n];
        bool wanted = false;

        for (size_t i = 0; i < node->output_count; i++)
            wanted = wanted || needed[node->outputs[i]];
        if (!wanted)
            edit_remove(&edit, n);
        for (size_t i = 0; wanted && i < node->input_count; i++)
            if (node->inputs[i] != VALUE_NONE)
                needed[node->inputs[i]] = true;
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_dead = {
    .name = "dead",
    .summary = "drop what no output needs",
    .order = 5, /* and once more after the others: passes run until nothing changes */
    .run = run,
};
