// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/spread.h"

/* A thread that helps is asked for in microseconds: shorter work is done before it comes. */
static const double INLINE_NS = 150e3, CHUNK_NS = 40e3;

struct spread {
    void (*work)(void *context, size_t from, size_t to);
    void *context;
    size_t n, chunk;
};

static void run_chunk(void *context, size_t chunk, size_t lane)
{
    const struct spread *spread = context;
    size_t from = chunk * spread->chunk, left = spread->n - from;

    (void)lane;
    spread->work(spread->context, from, from + (left < spread->chunk ? left : spread->chunk));
}

void spread_run(struct team *team, size_t n, double ns, size_t grain,
                void (*work)(void *context, size_t from, size_t to), void *context)
{
    struct spread spread = {work, context, n, 0};

    if (team_lanes(team) < 2 || (double)n * ns < INLINE_NS) {
        work(context, 0, n);
        return;
    }
    spread.chunk = (size_t)(CHUNK_NS / ns) / grain * grain + grain;
    team_run(team, (n + spread.chunk - 1) / spread.chunk, run_chunk, &spread);
}
