// SPDX-License-Identifier: Apache-2.0
#include "server/loop/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "test.h"

static struct loop LOOP;
static struct {
    struct timer timer;
    uint64_t fired_ms;
} TIMERS[4];
static int FIRED;

static void fire(struct timer *timer)
{
    for (size_t i = 0; i < 4; i++)
        if (timer == &TIMERS[i].timer)
            TIMERS[i].fired_ms = LOOP.now_ms;
    if (++FIRED == 3)
        loop_stop(&LOOP);
}

/* Not before their time, and soon after; postponed, moved closer and cancelled ones too. */
TEST(timers_fire_when_due)
{
    struct error err = {0};
    uint64_t start;

    CHECK_OK(loop_init(&LOOP, &err), err);
    start = LOOP.now_ms;
    FIRED = 0;
    for (size_t i = 0; i < 4; i++)
        TIMERS[i].timer = (struct timer){.fire = fire};
    loop_timer_set(&LOOP, &TIMERS[0].timer, start + 100);
    loop_timer_set(&LOOP, &TIMERS[0].timer, start + 300); /* later */
    loop_timer_set(&LOOP, &TIMERS[1].timer, start + 100000);
    loop_timer_set(&LOOP, &TIMERS[1].timer, start + 200); /* sooner */
    loop_timer_set(&LOOP, &TIMERS[2].timer, start + 400);
    loop_timer_set(&LOOP, &TIMERS[3].timer, start + 50);
    loop_timer_cancel(&LOOP, &TIMERS[3].timer);
    loop_timer_cancel(&LOOP, &TIMERS[3].timer);
    loop_run(&LOOP);
    CHECK_INT(FIRED, 3);
    for (size_t i = 0; i < 3; i++) {
        static const uint64_t due[] = {300, 200, 400};
        CHECK(TIMERS[i].fired_ms >= start + due[i]);
        CHECK(TIMERS[i].fired_ms < start + due[i] + 1000);
    }
    loop_release(&LOOP);
}

enum { POSTERS = 4, POSTS = 2000 };

struct numbered {
    struct task task;
    int poster, number;
};
static struct numbered TASKS[POSTERS][POSTS];
static int NEXT[POSTERS], RAN;

static void run_numbered(struct task *task)
{
    struct numbered *numbered = (struct numbered *)task;

    if (NEXT[numbered->poster]++ != numbered->number)
        abort(); /* out of order */
    if (++RAN == POSTERS * POSTS)
        loop_stop(&LOOP);
}

static void *post_all(void *argument)
{
    int poster = (int)(intptr_t)argument;

    for (int i = 0; i < POSTS; i++) {
        TASKS[poster][i] = (struct numbered){{NULL, run_numbered}, poster, i};
        loop_post(&LOOP, &TASKS[poster][i].task);
    }
    return NULL;
}

/* From many threads, each in its order, none lost. */
TEST(tasks_from_other_threads)
{
    pthread_t threads[POSTERS];
    struct error err = {0};

    CHECK_OK(loop_init(&LOOP, &err), err);
    for (int i = 0; i < POSTERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, post_all, (void *)(intptr_t)i), 0);
    loop_run(&LOOP);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(RAN, POSTERS * POSTS);
    loop_release(&LOOP);
}
