// SPDX-License-Identifier: Apache-2.0
/* The graph of a model after passes, as text. Include this last. */
#pragma once

#include "base/text.h"
#include "model.h"
#include "test.h"

/* The graph after all passes but `skip`, as text. */
static inline void check_optimised(struct model *m, const char *skip, const char *want)
{
    struct text text = {0};
    struct arena scratch;

    arena_init(&scratch, 64 << 20);
    CHECK_OK(graph_finish(m->graph, &m->err), m->err);
    CHECK_OK(graph_optimise(m->graph, skip, &scratch, &m->err), m->err);
    graph_print(m->graph, &text);
    if (strcmp(text.data, want)) /* cmocka cuts long texts */
        fprintf(stderr, "got:\n%s", text.data);
    CHECK_TEXT(text.data, want);
    for (size_t n = 0; n < m->graph->node_count; n++)
        for (size_t i = 0; i < m->graph->nodes[n].output_count; i++)
            CHECK_INT(m->graph->values[m->graph->nodes[n].outputs[i]].producer, n);
    text_release(&text);
    arena_release(&scratch);
    model_release(m);
}
