// SPDX-License-Identifier: Apache-2.0
#include <limits.h>

#include "gen/passes.h"
#include "graph/constants.h"
#include "graph/internal.h"

enum { PASSES_MAX = 64, ROUNDS_MAX = 16, PHASE = 100 };
enum { PHASE_IDIOMS = 1, PHASE_LAST = INT_MAX };

/* Is `name` one of the comma-separated `list`? */
static bool listed(const char *list, const char *name)
{
    size_t size = strlen(name);

    while (list && *list) {
        size_t item = strcspn(list, ",");

        if (item == size && !memcmp(list, name, size))
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

static int phase_of(const struct pass *pass)
{
    return pass->order / PHASE;
}

/* The passes to run, up to those of phase `last`, by order, ties by name (which the table is sorted
 * by). */
static size_t passes_sort(const char *skip, int last, const struct pass *sorted[PASSES_MAX])
{
    size_t count = 0;

    for (size_t p = 0; PASSES[p] && count < PASSES_MAX; p++) {
        size_t i = count;

        if (listed(skip, PASSES[p]->name) || phase_of(PASSES[p]) > last)
            continue;
        for (; i > 0 && sorted[i - 1]->order > PASSES[p]->order; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = PASSES[p];
        count++;
    }
    return count;
}

/* All of them, again and again until none changes anything. */
static enum status passes_run(struct graph *graph, const struct pass *const *passes, size_t count,
                              struct arena *scratch, struct error *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        size_t edits = graph->edits;

        for (size_t p = 0; p < count; p++)
            if (passes[p]->run(graph, scratch, err))
                return error_within(err, "pass %s", passes[p]->name);
        if (graph->edits == edits)
            break;
    }
    return STATUS_OK;
}

static enum status phases_run(struct graph *graph, const struct pass *const *passes, size_t count,
                              bool sweep, struct arena *scratch, struct error *err)
{
    size_t end = 0;

    while (end < count) {
        int phase = phase_of(passes[end]);

        while (end < count && phase_of(passes[end]) == phase)
            end++;
        TRY(passes_run(graph, passes, end, scratch, err));
        if (sweep)
            TRY(constants_sweep(graph, scratch, err));
    }
    return STATUS_OK;
}

/* Constants of a graph inside of a node may be shared with the one around it: they are not swept.
 */
enum status graph_optimise_inner(struct graph *graph, const char *skip, int last, int depth,
                                 struct arena *scratch, struct error *err)
{
    const struct pass *passes[PASSES_MAX];
    size_t count = passes_sort(skip, last, passes), edits;

    TRY(phases_run(graph, passes, count, depth == 0, scratch, err));
    edits = graph->edits;
    TRY(subgraphs_optimise(graph, skip, last, depth, scratch, err));
    return graph->edits == edits ? STATUS_OK
                                 : phases_run(graph, passes, count, depth == 0, scratch, err);
}

static bool has_subgraphs(const struct graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op->flags & OP_SUBGRAPHS)
            return true;
    return false;
}

/* Idioms in the bodies of loops are looked for from outside, before anything in them is fused. */
enum status graph_optimise(struct graph *graph, const char *skip, struct arena *scratch,
                           struct error *err)
{
    if (listed(skip, "all"))
        return STATUS_OK;
    if (has_subgraphs(graph))
        TRY(graph_optimise_inner(graph, skip, PHASE_IDIOMS, 0, scratch, err));
    return graph_optimise_inner(graph, skip, PHASE_LAST, 0, scratch, err);
}
