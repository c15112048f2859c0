// SPDX-License-Identifier: Apache-2.0
#include "gen/passes.h"
#include "graph/constants.h"

enum { PASSES_MAX = 64, ROUNDS_MAX = 16, PHASE = 100 };

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

/* The passes to run, by order, ties by name (which the table is sorted by). */
static size_t passes_sort(const char *skip, const struct pass *sorted[PASSES_MAX])
{
    size_t count = 0;

    for (size_t p = 0; PASSES[p] && count < PASSES_MAX; p++) {
        size_t i = count;

        if (listed(skip, PASSES[p]->name))
            continue;
        for (; i > 0 && sorted[i - 1]->order > PASSES[p]->order; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = PASSES[p];
        count++;
    }
    return count;
}

static int phase_of(const struct pass *pass)
{
    return pass->order / PHASE;
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

enum status graph_optimise(struct graph *graph, const char *skip, struct arena *scratch,
                           struct error *err)
{
    const struct pass *passes[PASSES_MAX];
    size_t count, end = 0;

    if (listed(skip, "all"))
        return STATUS_OK;
    count = passes_sort(skip, passes);
    while (end < count) {
        int phase = phase_of(passes[end]);

        while (end < count && phase_of(passes[end]) == phase)
            end++;
        TRY(passes_run(graph, passes, end, scratch, err));
        TRY(constants_sweep(graph, scratch, err));
    }
    return STATUS_OK;
}
