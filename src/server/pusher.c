// SPDX-License-Identifier: Apache-2.0
#include "server/pusher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "applications/application.h"
#include "base/text.h"
#include "images/push.h"

enum {
    POLL_MS = 500,
    WAIT_MS_MAX = 300000, /* after failures, each twice as long as the one before */
    REFUSED_MAX = 4096,
    MEMORY_MAX = 1 << 30,
};

struct pusher {
    struct registry *registry;
    struct image_hosts hosts; /* a copy that can be cancelled */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic bool stopping;
    int64_t generation;           /* that was looked at and had nothing left to push */
    int64_t refused[REFUSED_MAX]; /* (refused_count,) ids that no attempt will help */
    size_t refused_count;
};

static bool is_refused(const struct pusher *pusher, int64_t id)
{
    for (size_t i = 0; i < pusher->refused_count; i++)
        if (pusher->refused[i] == id)
            return true;
    return false;
}

static bool is_there(const struct version *version, const char *reference)
{
    for (size_t i = 0; i < version->pushed_count; i++)
        if (strcmp(version->pushed[i], reference) == 0)
            return true;
    return false;
}

/* False when it should be tried again later. */
static bool push_one(struct pusher *pusher, const struct version *version, struct arena *scratch)
{
    struct image_reference reference;
    const struct image_push push = {.reference = &reference, .hosts = &pusher->hosts};
    struct image_pushed pushed;
    struct error err = {0};
    enum status status;
    const char *text;

    if (is_refused(pusher, version->id) || strcmp(version->format, APPLICATION_FORMAT) == 0)
        return true;
    status = image_push_reference(pusher->hosts.registry, version, &reference, scratch, &err);
    text = status ? NULL : image_reference_text(&reference, scratch);
    if (text && is_there(version, text))
        return true;
    if (!status)
        status = image_push(pusher->registry, version, &push, &pushed, scratch, &err);
    if (!status || pusher->stopping)
        return true;
    fprintf(stderr, "warning: %s:%lld is not pushed: %s\n", version->model,
            (long long)version->number, err.text);
    if (status == STATUS_UNAVAILABLE || status == STATUS_NO_MEMORY ||
        pusher->refused_count == REFUSED_MAX)
        return false;
    pusher->refused[pusher->refused_count++] = version->id;
    return true;
}

static bool push_model(struct pusher *pusher, const char *model, struct arena *scratch)
{
    struct version *versions;
    struct error ignored;
    size_t count;
    bool done = true;

    if (registry_list(pusher->registry, model, &versions, &count, scratch, &ignored))
        return true; /* deleted meanwhile */
    for (size_t i = count; i-- > 0 && done && !pusher->stopping;)
        done = push_one(pusher, &versions[i], scratch);
    return done;
}

/* Everything that is missing there, the oldest first. False: again later. */
static bool push_all(struct pusher *pusher)
{
    struct version *models;
    struct arena scratch;
    struct error ignored;
    int64_t generation;
    size_t count;
    bool done;

    if (registry_generation(pusher->registry, &generation, &ignored))
        return false;
    if (generation == pusher->generation)
        return true;
    arena_init(&scratch, MEMORY_MAX);
    done = registry_list(pusher->registry, NULL, &models, &count, &scratch, &ignored) == STATUS_OK;
    for (size_t i = 0; i < count && done && !pusher->stopping; i++)
        done = push_model(pusher, models[i].model, &scratch);
    arena_release(&scratch);
    if (done)
        pusher->generation = generation;
    return done;
}

static void wait_ms(struct pusher *pusher, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&pusher->lock);
    if (!pusher->stopping)
        pthread_cond_timedwait(&pusher->wake, &pusher->lock, &until);
    pthread_mutex_unlock(&pusher->lock);
}

static void *run(void *context)
{
    struct pusher *pusher = context;
    int64_t wait = POLL_MS;

    while (!pusher->stopping) {
        if (push_all(pusher))
            wait = POLL_MS;
        else
            wait = wait < WAIT_MS_MAX / 2 ? 2 * wait : WAIT_MS_MAX;
        wait_ms(pusher, wait);
    }
    return NULL;
}

enum status pusher_new(struct registry *registry, const struct image_hosts *hosts,
                       struct pusher **pusher, struct error *err)
{
    struct pusher *opened = calloc(1, sizeof *opened);
    pthread_condattr_t attributes;

    *pusher = NULL;
    if (!opened)
        return error_no_memory(err, "the pusher");
    opened->registry = registry;
    opened->hosts = *hosts;
    opened->hosts.cancelled = &opened->stopping;
    opened->generation = -1;
    pthread_mutex_init(&opened->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&opened->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&opened->thread, NULL, run, opened)) {
        pthread_cond_destroy(&opened->wake);
        pthread_mutex_destroy(&opened->lock);
        free(opened);
        return error_set(err, STATUS_UNAVAILABLE, "a thread does not start");
    }
    *pusher = opened;
    return STATUS_OK;
}

void pusher_free(struct pusher *pusher)
{
    if (!pusher)
        return;
    pthread_mutex_lock(&pusher->lock);
    pusher->stopping = true;
    pthread_cond_signal(&pusher->wake);
    pthread_mutex_unlock(&pusher->lock);
    pthread_join(pusher->thread, NULL);
    pthread_cond_destroy(&pusher->wake);
    pthread_mutex_destroy(&pusher->lock);
    free(pusher);
}
