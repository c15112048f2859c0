// SPDX-License-Identifier: Apache-2.0
/* Quantised constants that no integer kernel reads become floats at load. */
#include "graph/internal.h"

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    return graph_fold(graph, true, scratch, err);
}

const struct pass pass_dequantise = {
    .name = "dequantise",
    .summary = "compute quantised constants that are read as floats",
    .order = 290,
    .run = run,
};
