// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/spread.h"

/* A thread that helps has most often been waiting awake since the step before, and sees work within
 * a microsecond; a chunk is many times that, and no chunk so long that another thread waits for it.
 */
static const double CHUNK_NS = 5e3, WAKING_NS = 60e3;
enum { CHUNKS_A_LANE = 16 };
static double alone_ns = 16e3;

double spread_alone_ns(double ns)
{
    double before = alone_ns;

    alone_ns = ns;
    return before;
}

size_t spread_chunks(const struct team *team, double ns)
{
    size_t lanes = team_lanes(team);
    double most = (double)(CHUNKS_A_LANE * lanes), wanted = ns / CHUNK_NS;

    if (lanes < 2 || !(ns > alone_ns))
        return 1;
    return wanted < 2 ? 2 : (size_t)(wanted < most ? wanted : most);
}

void spread_share(struct team *team, double ns, size_t chunks,
                  void (*work)(void *context, size_t chunk, size_t lane), void *context)
{
    (ns < WAKING_NS ? team_offer : team_run)(team, chunks, work, context);
}

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

    size_t chunks = spread_chunks(team, (double)n * ns);

    if (chunks < 2) {
        work(context, 0, n);
        return;
    }
    spread.chunk = (n / chunks / grain + 1) * grain;
    spread_share(team, (double)n * ns, (n + spread.chunk - 1) / spread.chunk, run_chunk, &spread);
}
