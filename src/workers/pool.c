// SPDX-License-Identifier: Apache-2.0
#include "workers/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "formats/json/json.h"
#include "workers/pool_internal.h"

static const uint64_t MILLISECOND_NS = 1000000;
enum { TEXTS_BYTES_MAX = 64 << 20, WAIT_SLICE_MS = 20, END_WAIT_MS = 200 };

static const struct worker_limits DEFAULTS = {
    .processes = 1,
    .start_ms = 60000,
    .request_ms = 30000,
    .arena_bytes_max = (size_t)1 << 30,
    .log_bytes_max = 1 << 20,
};

/* --- making --- */

static bool keep(const char **text, struct arena *arena)
{
    if (*text)
        *text = arena_text(arena, bytes_of(*text));
    return true;
}

static void limits_default(struct worker_limits *limits)
{
    if (!limits->processes)
        limits->processes = DEFAULTS.processes;
    if (limits->processes > POOL_PROCESSES_MAX)
        limits->processes = POOL_PROCESSES_MAX;
    if (!limits->start_ms)
        limits->start_ms = DEFAULTS.start_ms;
    if (!limits->request_ms)
        limits->request_ms = DEFAULTS.request_ms;
    if (!limits->arena_bytes_max)
        limits->arena_bytes_max = DEFAULTS.arena_bytes_max;
    if (!limits->log_bytes_max)
        limits->log_bytes_max = DEFAULTS.log_bytes_max;
}

static enum status settings_make(struct worker_pool *pool, const struct worker_options *options,
                                 struct error *err)
{
    struct process_settings *settings = &pool->settings;
    struct worker_options *own = &settings->options;

    *own = *options;
    limits_default(&own->limits);
    if (!own->name)
        own->name = "model";
    if (!keep(&own->adapter, &pool->arena) || !keep(&own->name, &pool->arena) ||
        !keep(&own->files, &pool->arena) || !keep(&own->environment, &pool->arena) ||
        !keep(&own->code, &pool->arena) || !keep(&own->settings, &pool->arena) || !own->adapter ||
        !own->files || !own->code)
        return error_no_memory(err, "a worker");
    return process_prepare(settings, pool->contract, err);
}

static enum status thread_start(struct worker_pool *pool, struct error *err)
{
    sigset_t all, before;
    int failure;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for other threads */
    failure = pthread_create(&pool->thread, NULL, worker_pool_supervise, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return error_set(err, STATUS_UNAVAILABLE, "cannot start a thread for workers: %s",
                         strerror(failure));
    pool->runs = true;
    pthread_setname_np(pool->thread, "firn-workers");
    return STATUS_OK;
}

static enum status first_wait(struct worker_pool *pool, struct error *err)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waits_for_first)
        pthread_cond_wait(&pool->freed, &pool->lock);
    if (pool->first.status)
        *err = pool->first;
    pthread_mutex_unlock(&pool->lock);
    return pool->first.status;
}

static enum status start(struct worker_pool *pool, const struct worker_options *options,
                         struct error *err)
{
    size_t count;

    if (options->sandbox)
        TRY(sandbox_check(sandbox_ability(), err));
    TRY(settings_make(pool, options, err));
    count = pool->settings.options.limits.processes;
    pool->slots = calloc(count, sizeof *pool->slots);
    pool->free = calloc(count, sizeof(struct process *));
    if (!pool->slots || !pool->free)
        return error_no_memory(err, "workers");
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake < 0)
        return error_set(err, STATUS_UNAVAILABLE, "an event for workers: %s", strerror(errno));
    pool->waits_for_first = true;
    TRY(thread_start(pool, err));
    return first_wait(pool, err);
}

enum status worker_pool_new(const struct worker_options *options, const struct contract *contract,
                            struct worker_pool **result, struct error *err)
{
    struct worker_pool *pool = calloc(1, sizeof *pool);
    pthread_condattr_t monotonic;

    if (!pool)
        return error_no_memory(err, "workers");
    pool->wake = -1;
    pool->contract = contract;
    arena_init(&pool->arena, TEXTS_BYTES_MAX);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->freed, &monotonic);
    pthread_cond_init(&pool->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start(pool, options, err)) {
        worker_pool_free(pool);
        return err->status;
    }
    *result = pool;
    return STATUS_OK;
}

/* --- the thread is told --- */

static void wake(struct worker_pool *pool)
{
    uint64_t one = 1;

    while (write(pool->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (!pool)
        return;
    if (pool->runs) {
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_mutex_unlock(&pool->lock);
        wake(pool);
        pthread_join(pool->thread, NULL);
    }
    if (pool->wake >= 0)
        close(pool->wake);
    pthread_cond_destroy(&pool->freed);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    text_release(&pool->settings.hello);
    text_release(&pool->ready);
    arena_release(&pool->arena);
    free(pool->slots);
    free(pool->free);
    free(pool);
}

/* --- taking and giving --- */

static enum status refuse_down(const struct worker_pool *pool, uint64_t now, struct error *err)
{
    (void)!error_set(err, STATUS_UNAVAILABLE,
                     "the worker of \"%.64s\" died %u times in a row: it %s",
                     pool->settings.options.name, pool->failures, pool->reason);
    error_fix(err, "correct the model; it is started again in %llu s",
              (unsigned long long)((pool->next_start_ns - now) / (1000 * MILLISECOND_NS) + 1));
    return err->status;
}

/* Why to wait no longer, if there is a reason. Under the lock. */
static enum status wait_check(const struct worker_pool *pool, uint64_t until_ns,
                              const _Atomic bool *cancelled, struct error *err)
{
    uint64_t now = worker_now_ns();
    const char *name = pool->settings.options.name;

    if (!pool->running && pool->failures >= POOL_CIRCUIT && now < pool->next_start_ns)
        return refuse_down(pool, now, err);
    if (cancelled && atomic_load_explicit(cancelled, memory_order_relaxed))
        return error_set(err, STATUS_UNAVAILABLE, "the request was given up");
    if (now >= until_ns)
        return error_set(err, STATUS_DEADLINE, "no worker of \"%.64s\" was free in time", name);
    if (pool->waiting >= POOL_WAITING_MAX)
        return error_set(err, STATUS_UNAVAILABLE, "%zu requests wait for workers of \"%.64s\"",
                         pool->waiting, name);
    return STATUS_OK;
}

static struct timespec time_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / (1000 * MILLISECOND_NS)),
                             .tv_nsec = (long)(ns % (1000 * MILLISECOND_NS))};
}

/* Sleep until something changed, or a little, to look at `cancelled`. */
static void wait_freed(struct worker_pool *pool, uint64_t until_ns)
{
    uint64_t slice = worker_now_ns() + WAIT_SLICE_MS * MILLISECOND_NS;
    struct timespec when = time_of(until_ns < slice ? until_ns : slice);

    pool->waiting++;
    pthread_cond_timedwait(&pool->freed, &pool->lock, &when);
    pool->waiting--;
}

enum status worker_pool_take(struct worker_pool *pool, uint64_t until_ns,
                             const _Atomic bool *cancelled, struct process **process,
                             struct error *err)
{
    enum status status = STATUS_OK;
    bool more;

    pthread_mutex_lock(&pool->lock);
    while (!pool->free_count && !status) {
        status = wait_check(pool, until_ns, cancelled, err);
        if (status)
            break;
        if (pool->running < pool->settings.options.limits.processes)
            wake(pool);
        wait_freed(pool, until_ns);
    }
    if (!status) {
        *process = pool->free[--pool->free_count];
        (*process)->state = PROCESS_BUSY;
    }
    more = !pool->free_count && pool->running < pool->settings.options.limits.processes;
    pthread_mutex_unlock(&pool->lock);
    if (more) /* a spare is started while this one works */
        wake(pool);
    return status;
}

void worker_pool_give(struct worker_pool *pool, struct process *process, enum give give,
                      const char *why)
{
    bool tell = true;

    pthread_mutex_lock(&pool->lock);
    if (give == GIVE_GOOD)
        pool->failures = 0;
    if (process->ended) {
        process->state = PROCESS_LEAVING;
    } else if (give == GIVE_BROKEN) {
        process_kill(process, why);
        process->state = PROCESS_LEAVING;
    } else if (give == GIVE_ABANDONED) {
        process->state = PROCESS_ABANDONED;
        process->since_ns = worker_now_ns();
    } else {
        process->state = PROCESS_FREE;
        process->since_ns = worker_now_ns();
        pool->free[pool->free_count++] = process;
        pthread_cond_signal(&pool->freed);
        tell = false;
    }
    pthread_mutex_unlock(&pool->lock);
    if (tell)
        wake(pool);
}

static void wait_ended(struct worker_pool *pool, const struct process *process, unsigned ms)
{
    struct timespec when = time_of(worker_now_ns() + ms * MILLISECOND_NS);

    while (!process->ended && pthread_cond_timedwait(&pool->ended, &pool->lock, &when) != ETIMEDOUT)
        ;
}

void worker_pool_give_ended(struct worker_pool *pool, struct process *process, char *end,
                            size_t size)
{
    pthread_mutex_lock(&pool->lock);
    wait_ended(pool, process, END_WAIT_MS);
    process_kill(process, "closed its socket"); /* and lives on */
    while (!process->ended)
        wait_ended(pool, process, WAIT_SLICE_MS);
    snprintf(end, size, "%s", process->end);
    process->state = PROCESS_LEAVING;
    pthread_mutex_unlock(&pool->lock);
    wake(pool);
}

/* --- asking --- */

const struct worker_options *worker_pool_options(const struct worker_pool *pool)
{
    return &pool->settings.options;
}

const char *worker_pool_ready_text(const struct worker_pool *pool)
{
    return pool->ready.data ? pool->ready.data : "{}";
}

size_t worker_pool_memory(struct worker_pool *pool)
{
    size_t total = 0;

    for (size_t i = 0; i < pool->settings.options.limits.processes; i++)
        total += atomic_load(&pool->slots[i].memory_size);
    return total;
}

size_t worker_pool_pids(struct worker_pool *pool, pid_t *pids, size_t count)
{
    size_t found = 0;

    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->settings.options.limits.processes && found < count; i++)
        if (&pool->slots[i] != pool->launching && pool->slots[i].state != PROCESS_NONE &&
            !pool->slots[i].ended && pool->slots[i].pid > 0)
            pids[found++] = pool->slots[i].pid;
    pthread_mutex_unlock(&pool->lock);
    return found;
}
