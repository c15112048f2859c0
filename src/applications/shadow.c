// SPDX-License-Identifier: Apache-2.0
#include "applications/shadow.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { QUEUE_MAX = 64, DEADLINE_SECONDS = 10 };
static const size_t QUEUE_BYTES_MAX = 64 << 20;

struct task {
    size_t path, stage, bytes;
    struct arena arena; /* of the copies */
    struct tensor *inputs;
};

struct shadows {
    const struct application *application;
    struct session **sessions; /* (part_count,): NULL for parts that shadow nothing */
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task tasks[QUEUE_MAX]; /* a ring */
    size_t first, count, bytes;
    _Atomic bool stopping; /* ends a run too */
    struct shadow_counts counts;
};

/* --- the thread --- */

static uint64_t deadline(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec + DEADLINE_SECONDS) * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool variant_run(struct shadows *shadows, const struct task *task, size_t v,
                        struct tensor *inputs, struct tensor *outputs)
{
    const struct application_step *step =
        &shadows->application->paths[task->path].steps[task->stage];
    const struct application_variant *variant =
        &shadows->application->stages[task->stage].variants[v];
    struct session *session = shadows->sessions[variant->part];
    struct error err;

    for (size_t i = 0; i < step->input_count; i++)
        inputs[i] = task->inputs[step->calls[v].inputs[i]];
    session->deadline_ns = deadline();
    session->cancelled = &shadows->stopping;
    return !session_run(session, step->calls[v].signature, inputs, outputs, &err);
}

static void task_run(struct shadows *shadows, struct task *task)
{
    const struct application_step *step =
        &shadows->application->paths[task->path].steps[task->stage];
    const struct application_stage *stage = &shadows->application->stages[task->stage];
    struct tensor *inputs = arena_new(&task->arena, struct tensor, step->input_count + 1);
    struct tensor *outputs = arena_new(&task->arena, struct tensor, step->output_count + 1);

    for (size_t v = 0; v < stage->variant_count; v++) {
        bool good;

        if (!stage->variants[v].shadow)
            continue;
        good = inputs && outputs && variant_run(shadows, task, v, inputs, outputs);
        pthread_mutex_lock(&shadows->lock);
        shadows->counts.run++;
        shadows->counts.failed += !good;
        pthread_mutex_unlock(&shadows->lock);
    }
}

static void *work(void *context)
{
    struct shadows *shadows = context;
    struct task task;

    pthread_mutex_lock(&shadows->lock);
    while (!shadows->stopping) {
        if (!shadows->count) {
            pthread_cond_wait(&shadows->wake, &shadows->lock);
            continue;
        }
        task = shadows->tasks[shadows->first];
        pthread_mutex_unlock(&shadows->lock);
        task_run(shadows, &task);
        arena_release(&task.arena);
        pthread_mutex_lock(&shadows->lock);
        shadows->first = (shadows->first + 1) % QUEUE_MAX;
        shadows->count--;
        shadows->bytes -= task.bytes;
    }
    pthread_mutex_unlock(&shadows->lock);
    return NULL;
}

/* --- offering --- */

static bool tensor_copy(const struct tensor *from, struct tensor *to, struct arena *arena)
{
    size_t count = tensor_count(from), size = tensor_bytes(from);

    *to = *from;
    to->data = arena_alloc(arena, size + !size, 1);
    if (!to->data)
        return false;
    if (size)
        memcpy(to->data, from->data, size);
    for (size_t i = 0; from->dtype == DTYPE_STRING && i < count; i++) {
        struct bytes *text = &((struct bytes *)to->data)[i];
        char *copy = arena_alloc(arena, text->size + 1, 1);

        if (!copy)
            return false;
        if (text->size)
            memcpy(copy, text->data, text->size);
        text->data = (const uint8_t *)copy;
    }
    return true;
}

static bool task_make(const struct application_step *step, const struct tensor *inputs,
                      struct task *task)
{
    arena_init(&task->arena, QUEUE_BYTES_MAX);
    task->inputs = arena_new(&task->arena, struct tensor, step->input_count + 1);
    for (size_t i = 0; task->inputs && i < step->input_count; i++)
        if (inputs[i].dtype == DTYPE_SEQUENCE || inputs[i].dtype == DTYPE_OPTIONAL ||
            !tensor_copy(&inputs[i], &task->inputs[i], &task->arena))
            return false;
    task->bytes = task->arena.used;
    return task->inputs != NULL;
}

static bool has_shadow(const struct application_stage *stage)
{
    for (size_t v = 0; v < stage->variant_count; v++)
        if (stage->variants[v].shadow)
            return true;
    return false;
}

void shadows_offer(struct shadows *shadows, size_t path, size_t stage, const struct tensor *inputs)
{
    struct task task = {.path = path, .stage = stage};
    bool room;

    if (!shadows || !has_shadow(&shadows->application->stages[stage]))
        return;
    pthread_mutex_lock(&shadows->lock);
    room = shadows->count < QUEUE_MAX && shadows->bytes < QUEUE_BYTES_MAX;
    pthread_mutex_unlock(&shadows->lock);
    if (room)
        room = task_make(&shadows->application->paths[path].steps[stage], inputs, &task);
    pthread_mutex_lock(&shadows->lock);
    if (room && shadows->count < QUEUE_MAX) {
        shadows->tasks[(shadows->first + shadows->count++) % QUEUE_MAX] = task;
        shadows->bytes += task.bytes;
        pthread_cond_signal(&shadows->wake);
    } else {
        shadows->counts.dropped++;
        room = false;
    }
    pthread_mutex_unlock(&shadows->lock);
    if (!room)
        arena_release(&task.arena);
}

struct shadow_counts shadows_counts(struct shadows *shadows)
{
    struct shadow_counts counts = {0};

    if (!shadows)
        return counts;
    pthread_mutex_lock(&shadows->lock);
    counts = shadows->counts;
    pthread_mutex_unlock(&shadows->lock);
    return counts;
}

/* --- life --- */

static enum status sessions_open(struct shadows *shadows, struct servable *const *parts,
                                 struct error *err)
{
    const struct application *application = shadows->application;

    shadows->sessions = calloc(application->part_count, sizeof(struct session *));
    if (!shadows->sessions)
        return error_no_memory(err, "shadows");
    for (size_t s = 0; s < application->stage_count; s++)
        for (size_t v = 0; v < application->stages[s].variant_count; v++) {
            const struct application_variant *variant = &application->stages[s].variants[v];

            if (!variant->shadow || shadows->sessions[variant->part])
                continue;
            shadows->sessions[variant->part] = servable_session(parts[variant->part]);
            if (!shadows->sessions[variant->part])
                return error_no_memory(err, "shadows");
        }
    return STATUS_OK;
}

enum status shadows_new(const struct application *application, struct servable *const *parts,
                        struct shadows **shadows, struct error *err)
{
    struct shadows *made;
    bool any = false;

    *shadows = NULL;
    for (size_t s = 0; s < application->stage_count; s++)
        any = any || has_shadow(&application->stages[s]);
    if (!any)
        return STATUS_OK;
    made = calloc(1, sizeof *made);
    if (!made)
        return error_no_memory(err, "shadows");
    made->application = application;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    if (!sessions_open(made, parts, err)) {
        made->runs = !pthread_create(&made->thread, NULL, work, made);
        if (made->runs) {
            *shadows = made;
            return STATUS_OK;
        }
        if (error_set(err, STATUS_UNAVAILABLE, "cannot start a thread for shadows"))
            error_fix(err, "raise the limit of threads of the process");
    }
    shadows_free(made);
    return err->status;
}

void shadows_free(struct shadows *shadows)
{
    if (!shadows)
        return;
    pthread_mutex_lock(&shadows->lock);
    shadows->stopping = true;
    pthread_cond_signal(&shadows->wake);
    pthread_mutex_unlock(&shadows->lock);
    if (shadows->runs)
        pthread_join(shadows->thread, NULL);
    for (size_t i = 0; i < shadows->count; i++)
        arena_release(&shadows->tasks[(shadows->first + i) % QUEUE_MAX].arena);
    for (size_t i = 0; shadows->sessions && i < shadows->application->part_count; i++)
        session_free(shadows->sessions[i]);
    free(shadows->sessions);
    pthread_mutex_destroy(&shadows->lock);
    pthread_cond_destroy(&shadows->wake);
    free(shadows);
}
