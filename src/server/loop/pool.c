// SPDX-License-Identifier: Apache-2.0
#include "server/loop/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pool_thread {
    struct pool *pool;
    struct executor executor;
    pthread_t thread;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct work *first, **last;
    _Atomic size_t length; /* changed under the lock */
    _Atomic bool stopping;
    size_t queue_max;
    struct team *team; /* or NULL */
    struct series *metric;
    unsigned thread_count; /* running */
    struct pool_thread threads[];
};

/* The next work, if there is any; false to end. */
static bool pool_pop(struct pool *pool, struct work **work)
{
    bool go_on;

    pthread_mutex_lock(&pool->lock);
    *work = pool->first;
    if (*work) {
        pool->first = (*work)->next;
        if (!pool->first)
            pool->last = &pool->first;
        atomic_fetch_sub_explicit(&pool->length, 1, memory_order_relaxed);
    }
    go_on = *work || !pool->stopping;
    pthread_mutex_unlock(&pool->lock);
    return go_on;
}

static struct work *pool_wait(struct pool *pool)
{
    struct work *work;

    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->more, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return pool_pop(pool, &work) ? work : NULL;
}

/* Requests come before helping. */
static bool has_work(void *context)
{
    struct pool *pool = context;

    return atomic_load_explicit(&pool->length, memory_order_relaxed) > 0;
}

/* The same for threads that help a team meanwhile; its event says that there is work, too. */
static struct work *pool_wait_or_help(struct pool *pool)
{
    struct event *event = team_event(pool->team);
    struct work *work;
    bool helped = false;

    while (pool_pop(pool, &work) && !work) {
        uint32_t ticket;

        if (team_help(pool->team, has_work, pool)) {
            helped = true;
        } else if (!helped || !team_linger(pool->team)) {
            helped = false;
            ticket = event_prepare(event);
            if (has_work(pool) || atomic_load(&pool->stopping) || team_needs_help(pool->team))
                event_cancel(event);
            else
                event_wait(event, ticket);
        }
    }
    return work;
}

static struct work *pool_take(struct pool *pool)
{
    return pool->team ? pool_wait_or_help(pool) : pool_wait(pool);
}

static void *thread_main(void *argument)
{
    struct pool_thread *thread = argument;
    struct work *work;

    while ((work = pool_take(thread->pool))) {
        series_change(thread->pool->metric, -1);
        work->run(work, &thread->executor);
        executor_reset(&thread->executor);
    }
    return NULL;
}

enum status pool_new(const char *name, struct executor kind, unsigned threads, size_t queue_max,
                     unsigned first_index, size_t request_bytes, struct series *length,
                     struct team *team, struct pool **result, struct error *err)
{
    struct pool *pool = calloc(1, sizeof *pool + threads * sizeof pool->threads[0]);

    if (!pool)
        return error_no_memory(err, "threads");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pool->last = &pool->first;
    pool->queue_max = queue_max;
    pool->metric = length;
    pool->team = team;
    for (unsigned i = 0; i < threads; i++) {
        struct pool_thread *thread = &pool->threads[i];
        int failure;

        thread->pool = pool;
        thread->executor = kind;
        thread->executor.index = first_index + i;
        arena_init(&thread->executor.arena, request_bytes);
        failure = pthread_create(&thread->thread, NULL, thread_main, thread);
        if (failure) {
            pool_free(pool);
            return error_set(err, STATUS_UNAVAILABLE, "cannot start a thread: %s",
                             strerror(failure));
        }
        pool->thread_count++;
        pthread_setname_np(thread->thread, name);
    }
    *result = pool;
    return STATUS_OK;
}

bool pool_submit(struct pool *pool, struct work *work)
{
    bool taken;

    pthread_mutex_lock(&pool->lock);
    taken = pool->length < pool->queue_max && !pool->stopping;
    if (taken) {
        work->next = NULL;
        *pool->last = work;
        pool->last = &work->next;
        pool->length++;
        if (!pool->team)
            pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
    if (taken && pool->team)
        event_wake(team_event(pool->team), 1);
    if (taken)
        series_change(pool->metric, 1);
    return taken;
}

void pool_stop(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    if (pool->team)
        event_wake(team_event(pool->team), pool->thread_count);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i].thread, NULL);
        arena_release(&pool->threads[i].executor.arena);
    }
    pool->thread_count = 0;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pool_stop(pool);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
