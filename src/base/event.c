// SPDX-License-Identifier: Apache-2.0
#include "base/event.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void event_sleep_on(_Atomic uint32_t *number, uint32_t seen)
{
    syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *number, int count)
{
    syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void event_wake_on(_Atomic uint32_t *number)
{
    wake(number, 1);
}

/* Sleeper: count itself, read the epoch, look for work. Waker: publish work, raise the epoch, look
 * for sleepers. All in one total order, so that one of them sees the other. */
uint32_t event_prepare(struct event *event)
{
    atomic_fetch_add(&event->sleepers, 1);
    return atomic_load(&event->epoch);
}

void event_cancel(struct event *event)
{
    atomic_fetch_sub(&event->sleepers, 1);
}

void event_wait(struct event *event, uint32_t ticket)
{
    event_sleep_on(&event->epoch, ticket);
    atomic_fetch_sub(&event->sleepers, 1);
}

void event_wake(struct event *event, size_t count)
{
    atomic_fetch_add(&event->epoch, 1);
    if (count && atomic_load(&event->sleepers))
        wake(&event->epoch, count < INT_MAX ? (int)count : INT_MAX);
}
