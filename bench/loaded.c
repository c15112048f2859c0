// SPDX-License-Identifier: Apache-2.0
/* Threads that run while others want the cores too: as many busy threads as there are cores, each
 * with a session of its own, and one thread more that only burns time. The aim: the 99th percentile
 * of a 30 us model stays within 3 times its median.
 *
 * And one long run with a team of as many threads, beside the same load: a helper that is preempted
 * may delay what it has claimed, and no more. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"
#include "base/team.h"
#include "model.h"

enum { SECONDS = 3, TIMES_MAX = 1 << 20, THREADS_MAX = 64 };

static _Atomic bool stop;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *burn(void *unused)
{
    volatile double x = 1;

    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        x = x * 1.0000001 + 1e-9;
    return unused;
}

static value_id weights(struct model *m, int64_t rows, int64_t columns)
{
    float *data = arena_new(&m->keep, float, (size_t)(rows * columns));

    for (int64_t i = 0; i < rows * columns; i++)
        data[i] = (float)(i % 17) * 0.01f - 0.08f;
    return model_constant(m, DTYPE_F32, SHAPE(rows, columns), data);
}

/* `layers` products of `rows` rows with square matrices. */
static void products(struct model *m, int64_t rows, int64_t width, int layers)
{
    value_id x, y;

    model_init(m);
    x = y = model_input(m, "x", DTYPE_F32, SHAPE(rows, width));
    for (int i = 0; i < layers; i++)
        y = model_op(m, "Relu", model_op(m, "MatMul", y, weights(m, width, width), VALUE_NONE),
                     VALUE_NONE, VALUE_NONE);
    model_signature(m, "main", &x, 1, &y, 1);
    model_load(m, NULL);
}

struct worker {
    pthread_t thread;
    struct servable *servable;
    struct team *team;
    struct tensor in;
    uint32_t *ns; /* (TIMES_MAX,) */
    size_t count;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct session *session = servable_session(worker->servable);
    struct tensor out;
    struct error err;
    uint64_t at, after;

    session->team = worker->team;
    if (session_run(session, 0, &worker->in, &out, &err))
        exit(1);
    for (at = now_ns(); !atomic_load(&stop) && worker->count < TIMES_MAX; at = after) {
        if (session_run(session, 0, &worker->in, &out, &err))
            exit(1);
        after = now_ns();
        worker->ns[worker->count++] = (uint32_t)(after - at);
    }
    session_free(session);
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* p99 over p50. */
static double measure(const char *name, struct model *m, struct tensor in, size_t count,
                      struct team *team, bool loaded)
{
    static struct worker workers[THREADS_MAX];
    static uint32_t all[TIMES_MAX];
    pthread_t burner;
    size_t runs = 0;

    atomic_store(&stop, false);
    if (loaded && pthread_create(&burner, NULL, burn, NULL))
        exit(1);
    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.servable = m->servable,
                                     .team = team,
                                     .in = in,
                                     .ns = malloc(TIMES_MAX * sizeof(uint32_t))};
        if (!workers[i].ns || pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            exit(1);
    }
    nanosleep(&(struct timespec){.tv_sec = SECONDS}, NULL);
    atomic_store(&stop, true);
    for (size_t i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        for (size_t k = 0; k < workers[i].count && runs < TIMES_MAX; k++)
            all[runs++] = workers[i].ns[k];
        free(workers[i].ns);
    }
    if (loaded)
        pthread_join(burner, NULL);
    qsort(all, runs, sizeof *all, ascending);
    printf("%-28s %-7s %8.1f us median, %8.1f us p99, %8.1f us p99.9, %8.0f runs a second\n", name,
           loaded ? "loaded" : "quiet", all[runs / 2] / 1e3, all[runs - runs / 100 - 1] / 1e3,
           all[runs - runs / 1000 - 1] / 1e3, (double)runs / SECONDS);
    return (double)all[runs - runs / 100 - 1] / all[runs / 2];
}

int main(void)
{
    static float data[256 * 512];
    struct tensor small = {DTYPE_F32, SHAPE(8, 256), data};
    struct tensor large = {DTYPE_F32, SHAPE(256, 512), data};
    size_t cores = cpu_count() < THREADS_MAX ? cpu_count() : THREADS_MAX;
    struct team *team = team_pool_new(cores);
    struct model m;
    double ratio;

    products(&m, 8, 256, 11);
    measure("30 us model, all cores", &m, small, cores, NULL, false);
    ratio = measure("30 us model, all cores", &m, small, cores, NULL, true);
    model_release(&m);
    printf("p99 / median of the loaded one: %.2f\n", ratio);
    products(&m, 256, 512, 4);
    measure("long run, 1 thread", &m, large, 1, NULL, true);
    measure("long run, team", &m, large, 1, team, true);
    measure("long run, team", &m, large, 1, team, false);
    model_release(&m);
    team_free(team);
    return 0;
}
