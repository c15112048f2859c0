// SPDX-License-Identifier: Apache-2.0
/* Event loop: one thread that waits for file descriptors (epoll, level-triggered), timers, and
 * tasks that other threads post. Everything but loop_post() belongs to the loop's own thread. */
#pragma once

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/error.h"

struct watch { /* embedded in what is watched */
    int fd;
    void (*ready)(struct watch *watch, uint32_t events); /* EPOLL... bits */
};

struct task { /* embedded; belongs to the loop until it runs */
    struct task *next;
    void (*run)(struct task *task);
};

/* Timers live on a wheel of coarse ticks: to set one costs a few instructions, to postpone one that
 * is already on the wheel only a store. */
struct timer {
    struct timer *next, **link; /* link: NULL while it is on no wheel */
    uint64_t due_ms, slot_ms;   /* when it should fire, and when the wheel will look at it */
    void (*fire)(struct timer *timer);
};

enum { LOOP_TICK_MS = 64, LOOP_SLOTS = 512 };

struct loop {
    int epoll, event;                /* event: eventfd that wakes the loop for posted tasks */
    _Atomic(struct task *) posted;   /* newest first */
    struct task *deferred;           /* run at the end of this round */
    struct timer *slots[LOOP_SLOTS]; /* by slot_ms / LOOP_TICK_MS */
    size_t timer_count;
    uint64_t tick;    /* the next tick to look at */
    uint64_t nearest; /* no slot before this tick holds a timer */
    uint64_t now_ms;  /* of the monotonic clock, refreshed each round */
    bool stopping;
    struct watch wake;
};

enum status loop_init(struct loop *loop, struct error *err) must_check;
void loop_release(struct loop *loop);

/* Run until loop_stop(), called from a task or callback. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_run_rest(struct loop *loop); /* after it ended: the tasks that are left */

bool loop_add(struct loop *loop, struct watch *watch, uint32_t events) must_check;
void loop_change(struct loop *loop, struct watch *watch, uint32_t events);
/* No event of this round will reach a removed watch only if its memory stays until the round ends:
 * free it in a deferred task. */
void loop_remove(struct loop *loop, struct watch *watch);

/* From any thread. The first task on an empty list wakes the loop. */
void loop_post(struct loop *loop, struct task *task);
void loop_defer(struct loop *loop, struct task *task);

/* Fire not before due_ms (of now_ms) and at most about two ticks later. */
void loop_timer_set(struct loop *loop, struct timer *timer, uint64_t due_ms);
void loop_timer_cancel(struct loop *loop, struct timer *timer);
