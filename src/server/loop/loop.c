// SPDX-License-Identifier: Apache-2.0
#include "server/loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_A_ROUND = 128 };

static uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- tasks --- */

/* Run all that was posted, in the order of posting. */
static void run_posted(struct loop *loop)
{
    struct task *newest = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    struct task *oldest = NULL;

    while (newest) {
        struct task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct task *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

static void wake_ready(struct watch *watch, uint32_t events)
{
    struct loop *loop = (struct loop *)((char *)watch - offsetof(struct loop, wake));
    uint64_t count;

    (void)events;
    if (read(loop->event, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    run_posted(loop);
}

void loop_post(struct loop *loop, struct task *task)
{
    struct task *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    uint64_t one = 1;

    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->posted, &head, task,
                                                    memory_order_release, memory_order_relaxed));
    if (!head)
        while (write(loop->event, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

void loop_defer(struct loop *loop, struct task *task)
{
    task->next = loop->deferred;
    loop->deferred = task;
}

static void run_deferred(struct loop *loop)
{
    while (loop->deferred) {
        struct task *task = loop->deferred;
        loop->deferred = task->next;
        task->run(task);
    }
}

/* --- timers --- */

static void timer_link(struct loop *loop, struct timer *timer)
{
    uint64_t tick = timer->due_ms / LOOP_TICK_MS + 1;
    struct timer **slot;

    if (tick < loop->tick)
        tick = loop->tick;
    if (tick >= loop->tick + LOOP_SLOTS) /* further than the wheel turns: look again then */
        tick = loop->tick + LOOP_SLOTS - 1;
    slot = &loop->slots[tick % LOOP_SLOTS];
    timer->slot_ms = tick * LOOP_TICK_MS;
    timer->next = *slot;
    timer->link = slot;
    if (timer->next)
        timer->next->link = &timer->next;
    *slot = timer;
    loop->timer_count++;
    if (tick < loop->nearest)
        loop->nearest = tick;
}

static void timer_unlink(struct loop *loop, struct timer *timer)
{
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    timer->link = NULL;
    loop->timer_count--;
}

void loop_timer_set(struct loop *loop, struct timer *timer, uint64_t due_ms)
{
    timer->due_ms = due_ms;
    if (timer->link && due_ms >= timer->slot_ms)
        return; /* the wheel will look at it too early, and put it back */
    if (timer->link)
        timer_unlink(loop, timer);
    timer_link(loop, timer);
}

void loop_timer_cancel(struct loop *loop, struct timer *timer)
{
    if (timer->link)
        timer_unlink(loop, timer);
}

/* The first tick from loop->tick on whose slot holds a timer. */
static uint64_t nearest_tick(const struct loop *loop)
{
    for (uint64_t tick = loop->tick; loop->timer_count && tick < loop->tick + LOOP_SLOTS; tick++)
        if (loop->slots[tick % LOOP_SLOTS])
            return tick;
    return UINT64_MAX;
}

static void run_slot(struct loop *loop, struct timer **slot)
{
    struct timer *due = *slot;

    *slot = NULL;
    if (due)
        due->link = &due;
    while (due) {
        struct timer *timer = due;

        timer_unlink(loop, timer);
        if (timer->due_ms <= loop->now_ms)
            timer->fire(timer);
        else
            timer_link(loop, timer);
    }
}

static void run_timers(struct loop *loop)
{
    uint64_t now = loop->now_ms / LOOP_TICK_MS;

    if (now < loop->nearest) { /* most rounds */
        loop->tick = now + 1;
        return;
    }
    if (now >= loop->tick + LOOP_SLOTS) /* a long sleep: one turn sees every slot */
        loop->tick = now - LOOP_SLOTS + 1;
    while (loop->tick <= now)
        run_slot(loop, &loop->slots[loop->tick++ % LOOP_SLOTS]);
    loop->nearest = nearest_tick(loop);
}

/* Milliseconds until a slot that may hold a timer; -1: none does. */
static int wait_ms(const struct loop *loop)
{
    uint64_t at = loop->nearest * LOOP_TICK_MS;

    if (loop->nearest == UINT64_MAX)
        return -1;
    return at > loop->now_ms ? (int)(at - loop->now_ms) : 0;
}

/* --- the loop --- */

enum status loop_init(struct loop *loop, struct error *err)
{
    *loop = (struct loop){.epoll = -1, .event = -1, .nearest = UINT64_MAX};
    loop->now_ms = clock_ms();
    loop->tick = loop->now_ms / LOOP_TICK_MS + 1;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->wake = (struct watch){.fd = loop->event, .ready = wake_ready};
    if (loop->epoll < 0 || loop->event < 0 || !loop_add(loop, &loop->wake, EPOLLIN)) {
        int why = errno;

        loop_release(loop);
        return error_set(err, STATUS_UNAVAILABLE, "cannot make an event loop: %s", strerror(why));
    }
    return STATUS_OK;
}

void loop_release(struct loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->event >= 0)
        close(loop->event);
    loop->epoll = loop->event = -1;
}

bool loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_remove(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_run_rest(struct loop *loop)
{
    run_posted(loop);
    run_deferred(loop);
}

void loop_run(struct loop *loop)
{
    struct epoll_event events[EVENTS_A_ROUND];

    while (!loop->stopping) {
        int count = epoll_wait(loop->epoll, events, EVENTS_A_ROUND, wait_ms(loop));

        loop->now_ms = clock_ms();
        for (int i = 0; i < count; i++) {
            struct watch *watch = events[i].data.ptr;
            watch->ready(watch, events[i].events);
        }
        run_timers(loop);
        run_deferred(loop);
    }
}
