// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/reduce/reduce.h"

#include <math.h>

#include "base/cpu.h"
#include "ops/fast/reduce/kernels.h"
#include "ops/fast/spread.h"

static const double NS = 0.15; /* for an element of the input */
static const double RUN_NS = 10;

static const struct reduce_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &reduce_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &reduce_avx2;
#endif
    return &reduce_portable;
}

float reduce_max(const float *x, size_t n)
{
    return kernels_of_machine()->best[0](x, n);
}

double reduce_sum(const float *x, size_t n)
{
    return kernels_of_machine()->sum[REDUCE_TERM](x, n);
}

size_t reduce_where(const float *x, size_t n, bool smallest, bool last)
{
    const struct reduce_kernels *kernels = kernels_of_machine();
    float best = kernels->best[smallest](x, n);
    size_t at;

    if (best == best)
        return kernels->find[last](x, n, best);
    at = last ? n - 1 : 0;
    while (x[at] == x[at])
        at = last ? at - 1 : at + 1;
    return at;
}

struct work {
    enum reduce_function function;
    const struct reduce_kernels *kernels;
    const struct reduction *r;
    const float *x;
    float *y;
};

static bool is_best(enum reduce_function function)
{
    return function == REDUCE_MAX || function == REDUCE_MIN;
}

static int term_of(enum reduce_function function)
{
    return function == REDUCE_L1                                     ? REDUCE_MAGNITUDE
           : function == REDUCE_L2 || function == REDUCE_SUM_SQUARES ? REDUCE_SQUARE
                                                                     : REDUCE_TERM;
}

static float finish(const struct work *w, double sum)
{
    return (float)(w->function == REDUCE_MEAN ? sum / (double)w->r->reduced
                   : w->function == REDUCE_L2 ? sqrt(sum)
                                              : sum);
}

/* The innermost dimension is reduced: its runs lie one after the other. Outputs [from, to). */
static void run_rows(void *context, size_t from, size_t to)
{
    const struct work *w = context;
    bool best = is_best(w->function), smallest = w->function == REDUCE_MIN;
    struct reduction_walk walk;

    reduction_seek(w->r, &walk, from);
    for (size_t o = from; o < to; o++, reduction_next(w->r, &walk)) {
        float champion = smallest ? INFINITY : -INFINITY;
        double sum = 0;

        for (size_t k = reduction_runs(w->r, &walk); k--; reduction_next_run(w->r, &walk)) {
            const float *x = w->x + walk.at;

            if (best) {
                float v = w->kernels->best[smallest](x, w->r->run_count);
                champion =
                    champion != champion || (smallest ? champion < v : champion > v) ? champion : v;
            } else {
                sum += w->kernels->sum[term_of(w->function)](x, w->r->run_count);
            }
        }
        w->y[o] = best ? champion : finish(w, sum);
    }
}

/* The innermost dimension is kept: rows of it are added up. Ranges of blocks of it. */
enum { BLOCK = 256 };

struct columns {
    const struct work *work;
    size_t width, blocks; /* of the innermost dimension */
};

static void run_block(const struct work *w, struct reduction_walk *walk, size_t at, size_t n,
                      float *y)
{
    bool best = is_best(w->function), smallest = w->function == REDUCE_MIN;
    double sums[BLOCK];
    float bests[BLOCK];

    for (size_t j = 0; j < n; j++)
        sums[j] = 0, bests[j] = smallest ? INFINITY : -INFINITY;
    for (size_t k = reduction_runs(w->r, walk); k--; reduction_next_run(w->r, walk)) {
        const float *x = w->x + walk->at + at;

        if (best)
            w->kernels->best_rows[smallest](x, w->r->run_count, w->r->run_step, bests, n);
        else
            w->kernels->sum_rows[term_of(w->function)](x, w->r->run_count, w->r->run_step, sums, n);
    }
    for (size_t j = 0; j < n; j++)
        y[j] = best ? bests[j] : finish(w, sums[j]);
}

static void run_columns(void *context, size_t from, size_t to)
{
    const struct columns *c = context;
    struct reduction_walk walk;

    for (size_t i = from; i < to; i++) {
        size_t outer = i / c->blocks, at = i % c->blocks * BLOCK;
        size_t n = c->width - at < BLOCK ? c->width - at : BLOCK;

        reduction_seek(c->work->r, &walk, outer * c->width);
        run_block(c->work, &walk, at, n, c->work->y + outer * c->width + at);
    }
}

void reduce_floats(enum reduce_function function, const struct reduction *r, const float *x,
                   float *y, struct team *team)
{
    struct work work = {function, kernels_of_machine(), r, x, y};
    size_t width = r->kept_rank ? (size_t)r->kept_dims[r->kept_rank - 1] : 1;

    if (r->kept == 0)
        return;
    if (r->kept_rank && r->kept_strides[r->kept_rank - 1] == 1 && width > 1 && r->reduced) {
        struct columns columns = {&work, width, (width + BLOCK - 1) / BLOCK};

        spread_run(team, r->kept / width * columns.blocks,
                   NS * (double)r->reduced * (double)width / (double)columns.blocks + RUN_NS, 1,
                   run_columns, &columns);
    } else {
        spread_run(team, r->kept, NS * (double)r->reduced + RUN_NS, 1, run_rows, &work);
    }
}
