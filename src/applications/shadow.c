// SPDX-License-Identifier: Apache-2.0
#include "applications/shadow.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* Slots are a power of two. A thread that found work looks again every millisecond until it found
 * none QUIET_LOOKS times: then it sleeps, and the next offer wakes it. */
enum { SLOTS = 256, DEADLINE_SECONDS = 10, QUIET_LOOKS = 200, LOOK_NS = 1000000, NICE = 19 };
enum { SLOT_BYTES_KEPT = 64 << 10 }; /* memory of larger requests is given back after them */
static const size_t QUEUE_BYTES_MAX = 64 << 20;

struct task {
    size_t path, stage;
    void *memory; /* (capacity,) of the copies */
    size_t capacity;
    struct tensor *inputs; /* NULL: it could not be copied */
};

/* A bounded queue of many writers and one reader (Vyukov): a slot may be written in the turn that
 * is its place, and be read in the next; then it is for the writer one round later. */
struct slot {
    _Atomic size_t turn;
    struct task task;
};

struct counter { /* of a part */
    _Atomic uint64_t run, failed, dropped;
};

struct shadows {
    const struct application *application;
    struct session **sessions; /* (part_count,): NULL for parts that shadow nothing */
    struct tensor *tensors;    /* inputs and outputs of a run */
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; /* of the sleep alone */
    pthread_cond_t wake;
    struct slot slots[SLOTS];
    _Alignas(64) _Atomic size_t written; /* the next place to write */
    _Alignas(64) size_t read;            /* the thread's */
    _Atomic size_t bytes;                /* in the slots */
    _Atomic bool asleep, stopping;       /* stopping ends a run too */
    struct counter *counters;            /* (part_count,) */
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
    struct tensor *inputs = shadows->tensors, *outputs = inputs + step->input_count;

    for (size_t v = 0; v < stage->variant_count; v++) {
        struct counter *counter;
        bool good;

        if (!stage->variants[v].shadow)
            continue;
        good = variant_run(shadows, task, v, inputs, outputs);
        counter = &shadows->counters[stage->variants[v].part];
        atomic_fetch_add(&counter->run, 1);
        atomic_fetch_add(&counter->failed, !good);
    }
}

/* The next task, or NULL when there is none. */
static struct slot *slot_take(struct shadows *shadows)
{
    struct slot *slot = &shadows->slots[shadows->read % SLOTS];

    return atomic_load_explicit(&slot->turn, memory_order_acquire) == shadows->read + 1 ? slot
                                                                                        : NULL;
}

static void slot_give_back(struct shadows *shadows, struct slot *slot)
{
    struct task *task = &slot->task;

    atomic_fetch_sub(&shadows->bytes, task->capacity);
    if (task->capacity > SLOT_BYTES_KEPT) {
        free(task->memory);
        task->memory = NULL;
        task->capacity = 0;
    }
    atomic_store_explicit(&slot->turn, shadows->read++ + SLOTS, memory_order_release);
}

/* Until an offer, or the end. */
static void thread_sleep(struct shadows *shadows)
{
    pthread_mutex_lock(&shadows->lock);
    atomic_store(&shadows->asleep, true);
    while (atomic_load(&shadows->asleep) && !atomic_load(&shadows->stopping) && !slot_take(shadows))
        pthread_cond_wait(&shadows->wake, &shadows->lock);
    atomic_store(&shadows->asleep, false);
    pthread_mutex_unlock(&shadows->lock);
}

static void *work(void *context)
{
    struct shadows *shadows = context;
    int quiet = 0;

    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; whoever answers goes first */
    while (!atomic_load(&shadows->stopping)) {
        struct slot *slot = slot_take(shadows);

        if (slot) {
            quiet = 0;
            if (slot->task.inputs)
                task_run(shadows, &slot->task);
            slot_give_back(shadows, slot);
        } else if (++quiet < QUIET_LOOKS) {
            nanosleep(&(struct timespec){0, LOOK_NS}, NULL);
        } else {
            thread_sleep(shadows);
            quiet = 0;
        }
    }
    return NULL;
}

/* --- offering --- */

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

static size_t strings_size(const struct tensor *tensor)
{
    size_t size = 0;

    for (size_t i = 0; tensor->dtype == DTYPE_STRING && i < tensor_count(tensor); i++)
        size += ((const struct bytes *)tensor->data)[i].size;
    return size;
}

/* Bytes that a copy of the inputs takes; 0: they cannot be copied, or are too large. */
static size_t copy_size(const struct tensor *inputs, size_t count)
{
    size_t size = aligned((count + 1) * sizeof *inputs);

    for (size_t i = 0; i < count; i++) {
        if (inputs[i].dtype == DTYPE_SEQUENCE || inputs[i].dtype == DTYPE_OPTIONAL)
            return 0;
        size += aligned(tensor_bytes(&inputs[i]) + strings_size(&inputs[i]));
    }
    return size <= QUEUE_BYTES_MAX ? size : 0;
}

/* To `memory`, behind it the bytes of strings. */
static void tensor_copy(const struct tensor *from, struct tensor *to, char *memory)
{
    size_t size = tensor_bytes(from);
    char *strings = memory + size;

    *to = *from;
    to->data = memory;
    if (size)
        memcpy(memory, from->data, size);
    for (size_t i = 0; from->dtype == DTYPE_STRING && i < tensor_count(from); i++) {
        struct bytes *text = &((struct bytes *)to->data)[i];

        if (!text->size)
            continue;
        memcpy(strings, text->data, text->size);
        text->data = (const uint8_t *)strings;
        strings += text->size;
    }
}

static bool task_fill(const struct application_step *step, const struct tensor *inputs,
                      struct task *task)
{
    size_t size = copy_size(inputs, step->input_count);
    char *at;

    task->inputs = NULL;
    if (size > task->capacity) {
        free(task->memory);
        task->memory = aligned_alloc(64, size);
        task->capacity = task->memory ? size : 0;
    }
    if (!size || !task->memory)
        return false;
    task->inputs = task->memory;
    at = (char *)task->memory + aligned((step->input_count + 1) * sizeof *inputs);
    for (size_t i = 0; i < step->input_count; i++) {
        tensor_copy(&inputs[i], &task->inputs[i], at);
        at += aligned(tensor_bytes(&inputs[i]) + strings_size(&inputs[i]));
    }
    return true;
}

/* A slot to write, or NULL when all are taken. *place: for slot_send. */
static struct slot *slot_claim(struct shadows *shadows, size_t *place)
{
    *place = atomic_load_explicit(&shadows->written, memory_order_relaxed);
    while (atomic_load(&shadows->bytes) < QUEUE_BYTES_MAX) {
        struct slot *slot = &shadows->slots[*place % SLOTS];
        size_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);

        if (turn == *place && atomic_compare_exchange_weak(&shadows->written, place, *place + 1))
            return slot;
        if (turn < *place)
            return NULL;
        if (turn > *place)
            *place = atomic_load_explicit(&shadows->written, memory_order_relaxed);
    }
    return NULL;
}

static void slot_send(struct shadows *shadows, struct slot *slot, size_t place)
{
    atomic_fetch_add(&shadows->bytes, slot->task.capacity);
    atomic_store(&slot->turn, place + 1);
    if (!atomic_load(&shadows->asleep))
        return;
    pthread_mutex_lock(&shadows->lock);
    atomic_store(&shadows->asleep, false);
    pthread_cond_signal(&shadows->wake);
    pthread_mutex_unlock(&shadows->lock);
}

static bool has_shadow(const struct application_stage *stage)
{
    for (size_t v = 0; v < stage->variant_count; v++)
        if (stage->variants[v].shadow)
            return true;
    return false;
}

static void drop(struct shadows *shadows, const struct application_stage *stage)
{
    for (size_t v = 0; v < stage->variant_count; v++)
        if (stage->variants[v].shadow)
            atomic_fetch_add(&shadows->counters[stage->variants[v].part].dropped, 1);
}

void shadows_offer(struct shadows *shadows, size_t path, size_t stage, const struct tensor *inputs)
{
    struct slot *slot;
    size_t place;

    if (!shadows || !has_shadow(&shadows->application->stages[stage]))
        return;
    slot = slot_claim(shadows, &place);
    if (slot) {
        slot->task.path = path;
        slot->task.stage = stage;
    }
    if (!slot || !task_fill(&shadows->application->paths[path].steps[stage], inputs, &slot->task))
        drop(shadows, &shadows->application->stages[stage]);
    if (slot)
        slot_send(shadows, slot, place);
}

struct shadow_counts shadows_counts(const struct shadows *shadows, size_t part)
{
    const struct counter *counter;

    if (!shadows)
        return (struct shadow_counts){0};
    counter = &shadows->counters[part];
    return (struct shadow_counts){.run = atomic_load(&counter->run),
                                  .failed = atomic_load(&counter->failed),
                                  .dropped = atomic_load(&counter->dropped)};
}

/* --- life --- */

static enum status sessions_open(struct shadows *shadows, struct servable *const *parts,
                                 struct error *err)
{
    const struct application *application = shadows->application;
    size_t inputs, outputs;

    shadows->sessions = calloc(application->part_count, sizeof(struct session *));
    shadows->counters = calloc(application->part_count, sizeof *shadows->counters);
    application_widths(application, &inputs, &outputs);
    shadows->tensors = calloc(inputs + outputs + 1, sizeof *shadows->tensors);
    if (!shadows->sessions || !shadows->counters || !shadows->tensors)
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
    made = aligned_alloc(64, sizeof *made);
    if (!made)
        return error_no_memory(err, "shadows");
    memset(made, 0, sizeof *made);
    for (size_t i = 0; i < SLOTS; i++)
        atomic_init(&made->slots[i].turn, i);
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
    atomic_store(&shadows->stopping, true);
    pthread_cond_signal(&shadows->wake);
    pthread_mutex_unlock(&shadows->lock);
    if (shadows->runs)
        pthread_join(shadows->thread, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        free(shadows->slots[i].task.memory);
    for (size_t i = 0; shadows->sessions && i < shadows->application->part_count; i++)
        session_free(shadows->sessions[i]);
    free(shadows->sessions);
    free(shadows->counters);
    free(shadows->tensors);
    pthread_mutex_destroy(&shadows->lock);
    pthread_cond_destroy(&shadows->wake);
    free(shadows);
}
