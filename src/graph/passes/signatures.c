// SPDX-License-Identifier: Apache-2.0
/* Equal inputs of several signatures become one, so that what they compute alike is there once: a
 * SavedModel of Keras has its network twice, as `serve` and `serving_default`. */
#include "graph/internal.h"

static bool same_input(const struct value *a, const struct value *b)
{
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) && !a->element &&
           !b->element && a->is_input && b->is_input && *a->name && !strcmp(a->name, b->name);
}

/* An input of a signature before `s` like this one, that no other input of `s` is already. */
static value_id input_like(const struct graph *graph, size_t s, value_id input)
{
    const struct graph_signature *own = &graph->signatures[s];

    for (size_t before = 0; before < s; before++) {
        const struct graph_signature *other = &graph->signatures[before];

        for (size_t i = 0; i < other->input_count - other->state_in_count; i++) {
            value_id candidate = other->inputs[i];
            bool used = false;

            for (size_t k = 0; k < own->input_count; k++)
                used = used || own->inputs[k] == candidate;
            if (!used && same_input(&graph->values[candidate], &graph->values[input]))
                return candidate;
        }
    }
    return VALUE_NONE;
}

static bool is_used_before(const struct graph *graph, size_t s, value_id input)
{
    for (size_t before = 0; before < s; before++)
        for (size_t i = 0; i < graph->signatures[before].input_count; i++)
            if (graph->signatures[before].inputs[i] == input)
                return true;
    return false;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t s = 1; s < graph->signature_count; s++) {
        const struct graph_signature *signature = &graph->signatures[s];
        value_id *inputs = (value_id *)signature->inputs; /* ours: the builder copied it */

        for (size_t i = 0; i < signature->input_count - signature->state_in_count; i++) {
            value_id by =
                is_used_before(graph, s, inputs[i]) ? VALUE_NONE : input_like(graph, s, inputs[i]);

            if (by == VALUE_NONE)
                continue;
            edit_replace(&edit, inputs[i], by);
            graph->values[inputs[i]].is_input = false;
            inputs[i] = by;
        }
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_signatures = {
    .name = "signatures",
    .summary = "equal inputs of several signatures as one",
    .order = 3,
    .run = run,
};
