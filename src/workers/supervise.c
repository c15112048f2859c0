// SPDX-License-Identifier: Apache-2.0
/* The thread of a pool. The processes that it starts die with it, should the server be killed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "workers/pool_internal.h"

static const uint64_t MS = 1000000;
enum {
    PING_MS = 10000,  /* how long one is idle before it is asked */
    PONG_MS = 5000,   /* how long it may take to answer */
    IDLE_MS = 60000,  /* spare processes leave after this time */
    MEMORY_MS = 100,  /* how often their memory is looked at */
    DEAF_MS = 10,     /* how long one that prints too much is not listened to */
    LEAVE_MS = 300,   /* how long one may take to leave when all shall */
    BACK_OFF_MS = 50, /* before the second start in a row that failed; doubles */
    BACK_OFF_MAX_MS = 30000,
    GRACE_MS = 3000, /* of one that works for nobody, while others wait for a process */
    FRAMES_MAX = 64, /* of one process, before the others get their turn */
    READY_BYTES_MAX = 1 << 20,
};

static size_t slot_count(const struct worker_pool *pool)
{
    return pool->settings.options.limits.processes;
}

static void say(const struct worker_pool *pool, const struct process *process, const char *what)
{
    const struct worker_options *options = &pool->settings.options;
    char line[1024];

    if (!options->log)
        return;
    snprintf(line, sizeof line, "worker %.64s[%d]: %s", options->name, (int)process->pid, what);
    options->log(options->context, line);
}

/* --- under the lock --- */

static void first_done(struct worker_pool *pool, enum status status, const char *why)
{
    if (!pool->waits_for_first)
        return;
    pool->waits_for_first = false;
    if (status && error_set(&pool->first, status, "the worker of \"%.64s\" %s",
                            pool->settings.options.name, why))
        error_fix(&pool->first, "correct the model's code or its requirements");
    pthread_cond_broadcast(&pool->freed);
}

static void make_free(struct worker_pool *pool, struct process *process)
{
    process->state = PROCESS_FREE;
    process->since_ns = worker_now_ns();
    pool->free[pool->free_count++] = process;
    pthread_cond_signal(&pool->freed);
}

/* Take it from those that wait for requests. */
static void make_unfree(struct worker_pool *pool, struct process *process)
{
    for (size_t i = 0; i < pool->free_count; i++)
        if (pool->free[i] == process) {
            memmove(&pool->free[i], &pool->free[i + 1],
                    (pool->free_count - i - 1) * sizeof(struct process *));
            pool->free_count--;
            return;
        }
}

static void not_starting(struct worker_pool *pool, const struct process *process)
{
    if (process->state == PROCESS_STARTING || process->state == PROCESS_WARMING)
        pool->starting--;
}

static void put_down(struct worker_pool *pool, struct process *process, const char *why)
{
    process_kill(process, why);
    if (process->state == PROCESS_BUSY)
        return; /* its session will see the end of the socket */
    not_starting(pool, process);
    make_unfree(pool, process);
    process->state = PROCESS_LEAVING;
}

static void note_failure(struct worker_pool *pool, const char *why, uint64_t now)
{
    uint64_t pause = 0;

    pool->failures++;
    snprintf(pool->reason, sizeof pool->reason, "%s", why);
    if (pool->failures > 1) {
        unsigned doublings = pool->failures - 2 < 16 ? pool->failures - 2 : 16;

        pause = (uint64_t)BACK_OFF_MS << doublings;
        pause = pause < BACK_OFF_MAX_MS ? pause : BACK_OFF_MAX_MS;
    }
    pool->next_start_ns = now + pause * MS;
}

/* --- what processes say --- */

static void became_ready(struct worker_pool *pool, struct process *process)
{
    pool->starting--;
    make_free(pool, process);
    first_done(pool, STATUS_OK, NULL);
}

/* Zeros, with 1 for what is not known; false when the first signature cannot be filled so. */
static bool warm_up(struct worker_pool *pool, struct process *process)
{
    const struct signature *signature = &pool->contract->signatures[0];
    size_t limit = pool->settings.options.limits.arena_bytes_max, size, results;
    struct arena scratch;
    struct tensor *inputs;
    struct error err;
    bool good = pool->contract->count > 0;

    arena_init(&scratch, limit);
    inputs = good ? arena_new(&scratch, struct tensor, signature->input_count + 1) : NULL;
    good = inputs != NULL;
    for (size_t i = 0; good && i < signature->input_count; i++) {
        struct shape shape = signature->inputs[i].shape;

        good = shape.rank >= 0 && signature->inputs[i].dtype != DTYPE_NONE;
        for (int d = 0; good && d < shape.rank; d++)
            shape.dims[d] = shape.dims[d] < 0 ? 1 : shape.dims[d];
        good = good && !tensor_new(&inputs[i], signature->inputs[i].dtype, &shape, &scratch, &err);
    }
    good = good && !call_measure(signature, inputs, &size, &err) &&
           size < process->memory.size / 2 &&
           !call_send(process, 0, signature, inputs, false, NULL, &results, &err);
    arena_release(&scratch);
    return good;
}

static void keep_ready_text(struct worker_pool *pool, const struct process *process,
                            const struct frame *frame)
{
    struct bytes text = frame->text;

    if (!pool->waits_for_first || pool->ready.size)
        return;
    if (!text.size && frame->space <= READY_BYTES_MAX && frame->offset <= process->memory.size &&
        frame->space <= process->memory.size - frame->offset)
        text = (struct bytes){process->memory.data + frame->offset, (size_t)frame->space};
    text_append_bytes(&pool->ready, text);
}

static void handle_start(struct worker_pool *pool, struct process *process,
                         const struct frame *frame)
{
    char text[400], why[480];

    if (frame->type == FRAME_READY) {
        keep_ready_text(pool, process, frame);
        if (pool->settings.options.warm_up && warm_up(pool, process))
            process->state = PROCESS_WARMING;
        else
            became_ready(pool, process);
        return;
    }
    if (frame->type != FRAME_ERROR) {
        put_down(pool, process, "sent a frame that is not READY");
        return;
    }
    process_text(process, frame, text, sizeof text);
    snprintf(why, sizeof why, "could not load the model: %s", text);
    first_done(pool,
               frame->status > STATUS_OK && frame->status <= STATUS_FAILED
                   ? (enum status)frame->status
                   : STATUS_INTERNAL,
               why);
    put_down(pool, process, why);
}

static void handle_frame(struct worker_pool *pool, struct process *process,
                         const struct frame *frame)
{
    char text[200], line[256];

    if (process->state == PROCESS_STARTING) {
        handle_start(pool, process, frame);
    } else if (frame->id != process->id) {
        put_down(pool, process, "answered what nobody asked");
    } else if (process->state == PROCESS_PINGED) {
        if (frame->type == FRAME_PONG)
            make_free(pool, process);
        else
            put_down(pool, process, "answered PING with something else");
    } else if (frame->type != FRAME_RESULT && frame->type != FRAME_ERROR &&
               frame->type != FRAME_GROW) {
        put_down(pool, process, "sent a frame that is no answer");
    } else if (process->state == PROCESS_WARMING) {
        process_text(process, frame, text, sizeof text);
        snprintf(line, sizeof line, "warm-up: %s", text);
        if (frame->type == FRAME_ERROR)
            say(pool, process, line);
        became_ready(pool, process);
    } else {
        make_free(pool, process);
    }
}

static bool is_ours(const struct process *process)
{
    return process->state == PROCESS_STARTING || process->state == PROCESS_WARMING ||
           process->state == PROCESS_ABANDONED || process->state == PROCESS_PINGED;
}

/* Read what one of ours says, under the lock: nothing here waits. */
static void listen_to(struct worker_pool *pool, struct process *process)
{
    char why[192];

    for (int i = 0; i < FRAMES_MAX && is_ours(process); i++) {
        struct frame frame;
        struct error err;
        enum received received = process_receive(process, false, &frame, &err);

        if (received == RECEIVED_FRAME) {
            handle_frame(pool, process, &frame);
        } else if (received == RECEIVED_BAD) {
            snprintf(why, sizeof why, "sent %.160s", err.text);
            put_down(pool, process, why);
        } else {
            return; /* nothing, or its end: which its descriptor tells */
        }
    }
}

/* --- what has to be done at a time --- */

/* It works for nobody while requests wait and there can be no other. */
static bool is_in_the_way(const struct worker_pool *pool, const struct process *process,
                          uint64_t now)
{
    return process->state == PROCESS_ABANDONED && pool->waiting && !pool->free_count &&
           !pool->starting && pool->running == slot_count(pool) &&
           now - process->since_ns >= GRACE_MS * MS;
}

static void check_time(struct worker_pool *pool, struct process *process, uint64_t now)
{
    struct frame ping = {.type = FRAME_PING}, leave = {.type = FRAME_SHUTDOWN};
    const struct worker_limits *limits = &pool->settings.options.limits;
    char why[96];
    struct error err;

    if (is_ours(process) && now >= process->until_ns) {
        if (process->state == PROCESS_STARTING || process->state == PROCESS_WARMING)
            snprintf(why, sizeof why, "was not ready within %u ms", limits->start_ms);
        else if (process->state == PROCESS_PINGED)
            snprintf(why, sizeof why, "did not answer PING within %d ms", PONG_MS);
        else
            snprintf(why, sizeof why, "did not answer within %u ms", limits->request_ms);
        put_down(pool, process, why);
    } else if (is_in_the_way(pool, process, now)) {
        put_down(pool, process, "did not answer in time, while other requests waited");
    } else if (process->state == PROCESS_FREE && pool->free_count > 1 &&
               now - process->since_ns >= IDLE_MS * MS) {
        make_unfree(pool, process);
        process->state = PROCESS_LEAVING;
        process->killed = true; /* on our word */
        snprintf(process->why, sizeof process->why, "was not needed any more");
        process->until_ns = now + LEAVE_MS * MS;
        (void)!process_send(process, &leave, NULL, -1, false, &err);
    } else if (process->state == PROCESS_FREE && now - process->since_ns >= PING_MS * MS &&
               pool->free_count == 1) {
        make_unfree(pool, process);
        process->state = PROCESS_PINGED;
        process->until_ns = now + PONG_MS * MS;
        if (process_send(process, &ping, NULL, -1, false, &err))
            put_down(pool, process, "does not read");
    }
}

static void check_memory(struct worker_pool *pool, struct process *process)
{
    char why[sizeof process->why];

    if (!process->ended && !process->killed && process_exceeds(process, why, sizeof why))
        put_down(pool, process, why);
}

/* When to look again, at the latest. */
static int pause_ms(const struct worker_pool *pool, uint64_t now)
{
    uint64_t next = now + 1000 * MS;

    for (size_t i = 0; i < slot_count(pool); i++) {
        const struct process *process = &pool->slots[i];

        if (process->state == PROCESS_NONE)
            continue;
        if (is_ours(process) && process->until_ns < next)
            next = process->until_ns;
        if (process->deaf_ns > now && process->deaf_ns < next)
            next = process->deaf_ns;
        if (process->state != PROCESS_FREE && pool->settings.options.limits.memory_bytes &&
            next > now + MEMORY_MS * MS)
            next = now + MEMORY_MS * MS;
    }
    if (!pool->running && pool->next_start_ns > now && pool->next_start_ns < next)
        next = pool->next_start_ns;
    return next <= now ? 0 : (int)((next - now) / MS) + 1;
}

/* --- starting --- */

/* One more than work, and as many as wait. */
static bool needs_more(const struct worker_pool *pool, uint64_t now)
{
    size_t ready = pool->free_count + pool->starting;

    return pool->running < slot_count(pool) && now >= pool->next_start_ns && !pool->stopping &&
           (pool->waits_for_first ? !pool->running : !ready || ready < pool->waiting);
}

/* Outside the lock: this makes a process. */
static void start_one(struct worker_pool *pool)
{
    struct process *process = NULL;
    enum status status;
    struct error err;

    for (size_t i = 0; i < slot_count(pool) && !process; i++)
        if (pool->slots[i].state == PROCESS_NONE)
            process = &pool->slots[i];
    if (!process)
        return;
    pool->running++;
    pool->starting++;
    pool->launching = process;
    pthread_mutex_unlock(&pool->lock);
    status = process_start(process, &pool->settings, &err);
    pthread_mutex_lock(&pool->lock);
    pool->launching = NULL;
    if (!status)
        return;
    pool->running--;
    pool->starting--;
    note_failure(pool, err.text, worker_now_ns());
    first_done(pool, err.status, err.text);
    pthread_cond_broadcast(&pool->freed);
}

/* --- ends --- */

static void ended(struct worker_pool *pool, struct process *process, uint64_t now)
{
    bool asked = process->state == PROCESS_LEAVING && process->killed &&
                 !strcmp(process->why, "was not needed any more");

    process_reap(process, now);
    not_starting(pool, process);
    make_unfree(pool, process);
    process->ended = true;
    pool->running--;
    if (process->state != PROCESS_BUSY)
        process->state = PROCESS_LEAVING;
    say(pool, process, process->end);
    if (!asked && !pool->stopping) {
        note_failure(pool, process->end, now);
        first_done(pool, STATUS_UNAVAILABLE, process->end);
    }
    pthread_cond_broadcast(&pool->ended);
    pthread_cond_broadcast(&pool->freed); /* who waits may have nothing to wait for */
}

/* --- the loop --- */

struct watch_set {
    struct pollfd fds[1 + 3 * POOL_PROCESSES_MAX];
    struct process *owners[1 + 3 * POOL_PROCESSES_MAX];
    nfds_t count;
};

static void watch(struct watch_set *set, struct process *process, int fd)
{
    set->fds[set->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    set->owners[set->count++] = process;
}

static void watch_all(struct worker_pool *pool, struct watch_set *set, uint64_t now)
{
    set->count = 0;
    watch(set, NULL, pool->wake);
    for (size_t i = 0; i < slot_count(pool); i++) {
        struct process *process = &pool->slots[i];

        if (process->state == PROCESS_NONE || process->ended)
            continue;
        watch(set, process, process->pidfd);
        if (!process->output_ended && now >= process->deaf_ns)
            watch(set, process, process->output);
        if (is_ours(process))
            watch(set, process, process->socket);
    }
}

static void handle_event(struct worker_pool *pool, struct process *process, int fd, uint64_t now)
{
    uint64_t count;

    if (!process) {
        while (read(pool->wake, &count, sizeof count) < 0 && errno == EINTR)
            ;
    } else if (process->ended) {
        return;
    } else if (fd == process->output) {
        process->output_ended = !printed_read(&process->printed, fd, now);
        if (process->printed.dropped)
            process->deaf_ns = now + DEAF_MS * MS;
    } else if (fd == process->socket) {
        listen_to(pool, process);
    } else {
        listen_to(pool, process); /* what it said before it ended */
        ended(pool, process, now);
    }
}

static void look_after(struct worker_pool *pool, uint64_t now, uint64_t *memory_ns)
{
    bool memory = now >= *memory_ns;

    if (memory)
        *memory_ns = now + MEMORY_MS * MS;
    for (size_t i = 0; i < slot_count(pool); i++) {
        struct process *process = &pool->slots[i];

        if (process->state == PROCESS_LEAVING && process->ended) {
            process_release(process);
            process->state = PROCESS_NONE;
        }
        if (process->state == PROCESS_NONE)
            continue;
        check_time(pool, process, now);
        if (process->state == PROCESS_LEAVING && !process->ended && now >= process->until_ns &&
            process->killed)
            kill(process->pid, SIGKILL); /* it was asked to leave */
        if (memory)
            check_memory(pool, process);
    }
}

static void turn(struct worker_pool *pool, struct watch_set *set, uint64_t *memory_ns)
{
    uint64_t now = worker_now_ns();
    int pause;

    look_after(pool, now, memory_ns);
    if (needs_more(pool, now))
        start_one(pool);
    watch_all(pool, set, now);
    pause = needs_more(pool, worker_now_ns()) ? 0 : pause_ms(pool, now);
    pthread_mutex_unlock(&pool->lock);
    poll(set->fds, set->count, pause);
    pthread_mutex_lock(&pool->lock);
    now = worker_now_ns();
    for (nfds_t i = 0; i < set->count; i++)
        if (set->fds[i].revents)
            handle_event(pool, set->owners[i], set->fds[i].fd, now);
}

static void leave_all(struct worker_pool *pool, struct watch_set *set)
{
    uint64_t until = worker_now_ns() + LEAVE_MS * MS, now;
    struct frame frame = {.type = FRAME_SHUTDOWN};
    struct error err;

    for (size_t i = 0; i < slot_count(pool); i++)
        if (pool->slots[i].state != PROCESS_NONE && !pool->slots[i].ended)
            (void)!process_send(&pool->slots[i], &frame, NULL, -1, false, &err);
    while (pool->running) {
        now = worker_now_ns();
        for (size_t i = 0; now >= until && i < slot_count(pool); i++)
            if (pool->slots[i].state != PROCESS_NONE)
                put_down(pool, &pool->slots[i], "was ended with its pool");
        watch_all(pool, set, now);
        pthread_mutex_unlock(&pool->lock);
        poll(set->fds, set->count, now < until ? (int)((until - now) / MS) + 1 : 50);
        pthread_mutex_lock(&pool->lock);
        for (nfds_t i = 0; i < set->count; i++)
            if (set->fds[i].revents)
                handle_event(pool, set->owners[i], set->fds[i].fd, now);
    }
    for (size_t i = 0; i < slot_count(pool); i++)
        if (pool->slots[i].state != PROCESS_NONE)
            process_release(&pool->slots[i]);
}

void *worker_pool_supervise(void *context)
{
    struct worker_pool *pool = context;
    struct watch_set *set = calloc(1, sizeof *set);
    uint64_t memory_ns = 0;

    pthread_mutex_lock(&pool->lock);
    if (!set)
        first_done(pool, STATUS_NO_MEMORY, "has no memory");
    while (set && !pool->stopping)
        turn(pool, set, &memory_ns);
    if (set)
        leave_all(pool, set);
    pthread_mutex_unlock(&pool->lock);
    free(set);
    return NULL;
}
