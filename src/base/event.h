// SPDX-License-Identifier: Apache-2.0
/* Event: threads sleep until something that they look for may have changed; who changes it pays
 * nothing while nobody sleeps (an event count over a futex).
 *
 *     sleeper:  ticket = event_prepare(e); if (there is work) event_cancel(e); else event_wait(e,
 * ticket); waker:    publish the work (an atomic store or a lock); event_wake(e, 1);
 *
 * A wake between prepare and wait is not lost. A sleeper may wake without a reason: it looks again.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct event {
    _Atomic uint32_t epoch, sleepers;
};

uint32_t event_prepare(struct event *event);
void event_cancel(struct event *event);
void event_wait(struct event *event, uint32_t ticket);
void event_wake(struct event *event, size_t count); /* at most so many sleepers */

/* One number that one thread waits for: sleep while it is `seen`; wake who sleeps on it. */
void event_sleep_on(_Atomic uint32_t *number, uint32_t seen);
void event_wake_on(_Atomic uint32_t *number);
