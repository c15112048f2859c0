// SPDX-License-Identifier: Apache-2.0
/* A job is published in one of a few slots. Its state is one word: a generation, how many lanes are
 * in use, and how many chunks are left; claiming a chunk is one compare-and-swap on it. Who has a
 * claim may read the rest of the slot, which stays as it is until all claimed chunks are done; who
 * has none never touches it. So a helper that is preempted between two chunks holds nobody up. */
#include "base/team.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    SLOTS = 64, /* jobs at a time; when all are taken, owners work alone */
    LEFT_BITS = 24,
    LANE_BITS = 10,
    GENERATION_SHIFT = LEFT_BITS + LANE_BITS,
    LINE = 64,
    LINGER_NS = 50000, /* at most this long a thread waits awake: waking it costs more */
    PAUSES = 16,       /* between two looks at the clock */
};
static const size_t CHUNKS_MAX = ((size_t)1 << LEFT_BITS) - 1;
static const size_t LANES_MAX = ((size_t)1 << LANE_BITS) - 1;
static const uint64_t ONE_LANE = UINT64_C(1) << LEFT_BITS;

struct slot {
    _Alignas(2 * LINE) _Atomic uint64_t state; /* generation, lanes, chunks left */
    _Alignas(LINE) void (*work)(void *context, size_t chunk, size_t lane);
    void *context;
    size_t chunks;
    _Alignas(LINE) _Atomic uint32_t done; /* by helpers */
    _Atomic uint32_t asleep;              /* the owner waits for `done` */
};

struct team {
    struct slot slots[SLOTS];
    _Atomic uint64_t taken; /* slots, by bit */
    _Alignas(LINE) struct event event;
    _Atomic bool stopping;
    size_t lanes, started; /* started: threads of our own */
    pthread_t threads[];
};

static _Thread_local bool inside; /* a chunk */

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Wait for *number to differ from `seen`, a few us at most. */
static bool linger_on(const _Atomic uint32_t *number, uint32_t seen)
{
    uint64_t end = now_ns() + LINGER_NS;

    do {
        for (int i = 0; i < PAUSES; i++) {
            if (atomic_load_explicit(number, memory_order_relaxed) != seen)
                return true;
            relax();
        }
    } while (now_ns() < end);
    return false;
}

size_t team_lanes(const struct team *team)
{
    return team ? team->lanes : 1;
}

/* --- claims --- */

static size_t left_of(uint64_t state)
{
    return state & CHUNKS_MAX;
}

static size_t lanes_of(uint64_t state)
{
    return state >> LEFT_BITS & LANES_MAX;
}

/* Do the chunks of the job whose state was `state`, as they are claimed; how many were done here.
 * A helper takes its lane with its first claim; the owner has lane 0. */
static uint32_t work_on(struct slot *slot, uint64_t state, bool helps, size_t lanes,
                        bool (*leave)(void *context), void *context)
{
    uint64_t generation = state >> GENERATION_SHIFT, step = 1;
    uint32_t done = 0;
    size_t lane = 0;

    while (left_of(state) && state >> GENERATION_SHIFT == generation) {
        if (helps && !lane && lanes_of(state) >= lanes)
            break;
        step = helps && !lane ? 1 - ONE_LANE : 1;
        if (!atomic_compare_exchange_weak(&slot->state, &state, state - step))
            continue;
        if (helps && !lane)
            lane = lanes_of(state);
        slot->work(slot->context, slot->chunks - left_of(state), lane);
        done++;
        if (leave && leave(context))
            break;
        state = atomic_load(&slot->state);
    }
    return done;
}

static bool is_open(const struct team *team, uint64_t state)
{
    return left_of(state) && lanes_of(state) < team->lanes;
}

bool team_needs_help(struct team *team)
{
    uint64_t taken = atomic_load(&team->taken);

    for (; taken; taken &= taken - 1)
        if (is_open(team, atomic_load(&team->slots[__builtin_ctzll(taken)].state)))
            return true;
    return false;
}

bool team_help(struct team *team, bool (*leave)(void *context), void *context)
{
    uint64_t taken = atomic_load(&team->taken);
    bool helped = false;

    for (; taken; taken &= taken - 1) {
        struct slot *slot = &team->slots[__builtin_ctzll(taken)];
        uint64_t state = atomic_load(&slot->state);
        uint32_t done;

        if (!is_open(team, state))
            continue;
        inside = true;
        done = work_on(slot, state, true, team->lanes, leave, context);
        inside = false;
        if (!done)
            continue;
        helped = true;
        atomic_fetch_add(&slot->done, done);
        if (atomic_load(&slot->asleep))
            event_wake_on(&slot->done);
        if (leave && leave(context))
            break;
    }
    return helped;
}

/* --- owners --- */

static struct slot *slot_take(struct team *team)
{
    uint64_t taken = atomic_load_explicit(&team->taken, memory_order_relaxed), bit;

    do {
        if (!~taken)
            return NULL;
        bit = ~taken & (taken + 1);
    } while (!atomic_compare_exchange_weak(&team->taken, &taken, taken | bit));
    return &team->slots[__builtin_ctzll(bit)];
}

static void wait_done(struct slot *slot, uint32_t wanted)
{
    uint32_t done = atomic_load(&slot->done);

    while (done != wanted) {
        if (!linger_on(&slot->done, done)) {
            atomic_store(&slot->asleep, 1);
            event_sleep_on(&slot->done, done); /* unless it changed since */
            atomic_store(&slot->asleep, 0);
        }
        done = atomic_load(&slot->done);
    }
}

static void run_here(size_t chunks, void (*work)(void *, size_t, size_t), void *context)
{
    for (size_t chunk = 0; chunk < chunks; chunk++)
        work(context, chunk, 0);
}

/* Waking at most `sleepers` of the helpers. */
static void share(struct team *team, size_t chunks, size_t sleepers,
                  void (*work)(void *context, size_t chunk, size_t lane), void *context)
{
    struct slot *slot = NULL;
    uint64_t state;
    uint32_t own;

    if (team && chunks > 1 && chunks <= CHUNKS_MAX && !inside && team->lanes > 1)
        slot = slot_take(team);
    if (!slot) {
        run_here(chunks, work, context);
        return;
    }
    slot->work = work;
    slot->context = context;
    slot->chunks = chunks;
    atomic_store_explicit(&slot->done, 0, memory_order_relaxed);
    state = ((atomic_load_explicit(&slot->state, memory_order_relaxed) >> GENERATION_SHIFT) + 1)
                << GENERATION_SHIFT |
            ONE_LANE | chunks;
    atomic_store(&slot->state, state);
    event_wake(&team->event, sleepers);
    inside = true;
    own = work_on(slot, state, false, 0, NULL, NULL);
    inside = false;
    wait_done(slot, (uint32_t)chunks - own);
    atomic_fetch_and(&team->taken, ~(UINT64_C(1) << (slot - team->slots)));
}

void team_run(struct team *team, size_t chunks,
              void (*work)(void *context, size_t chunk, size_t lane), void *context)
{
    size_t lanes = team_lanes(team), most = chunks < lanes ? chunks : lanes;

    share(team, chunks, most - (most > 0), work, context);
}

void team_offer(struct team *team, size_t chunks,
                void (*work)(void *context, size_t chunk, size_t lane), void *context)
{
    share(team, chunks, 0, work, context);
}

/* --- life --- */

struct event *team_event(struct team *team)
{
    return &team->event;
}

bool team_linger(struct team *team)
{
    uint32_t epoch = atomic_load(&team->event.epoch);

    return team_needs_help(team) || linger_on(&team->event.epoch, epoch);
}

static void *helper_main(void *argument)
{
    struct team *team = argument;

    while (!atomic_load(&team->stopping)) {
        uint32_t ticket;

        if (team_help(team, NULL, NULL) || team_linger(team))
            continue;
        ticket = event_prepare(&team->event);
        if (team_needs_help(team) || atomic_load(&team->stopping))
            event_cancel(&team->event);
        else
            event_wait(&team->event, ticket);
    }
    return NULL;
}

static struct team *make(size_t threads, size_t started)
{
    size_t size = sizeof(struct team) + started * sizeof(pthread_t);
    size_t alignment = _Alignof(struct team);
    struct team *team = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);

    if (!team)
        return NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        atomic_init(&team->slots[i].state, 0);
        atomic_init(&team->slots[i].done, 0);
        atomic_init(&team->slots[i].asleep, 0);
    }
    atomic_init(&team->taken, 0);
    atomic_init(&team->event.epoch, 0);
    atomic_init(&team->event.sleepers, 0);
    atomic_init(&team->stopping, false);
    team->lanes = threads < LANES_MAX ? threads : LANES_MAX;
    team->started = 0;
    return team;
}

struct team *team_new(size_t threads)
{
    return make(threads, 0);
}

struct team *team_pool_new(size_t threads)
{
    size_t helpers = threads > 1 ? threads - 1 : 0;
    struct team *team = make(threads, helpers);

    for (; team && team->started < helpers; team->started++) {
        pthread_t *thread = &team->threads[team->started];

        if (pthread_create(thread, NULL, helper_main, team)) {
            team_free(team);
            return NULL;
        }
        pthread_setname_np(*thread, "firn-team");
    }
    return team;
}

void team_free(struct team *team)
{
    if (!team)
        return;
    atomic_store(&team->stopping, true);
    event_wake(&team->event, team->started);
    for (size_t i = 0; i < team->started; i++)
        pthread_join(team->threads[i], NULL);
    free(team);
}
