// SPDX-License-Identifier: Apache-2.0
/* Pool: threads that take work from one bounded queue. */
#pragma once

#include "base/error.h"
#include "base/team.h"
#include "monitoring/metrics.h"
#include "server/loop/executor.h"

struct work { /* embedded */
    struct work *next;
    void (*run)(struct work *work, struct executor *executor);
};

struct pool;

/* `kind`: what its executors are (control, waits). Executors are numbered from `first_index`.
 * `length` (may be NULL) is kept at the queue's length. `request_bytes`: limit of each thread's
 * arena. `team`: what the threads help when there is no work; borrowed; NULL: none. */
enum status pool_new(const char *name, struct executor kind, unsigned threads, size_t queue_max,
                     unsigned first_index, size_t request_bytes, struct series *length,
                     struct team *team, struct pool **pool, struct error *err) must_check;

/* False when the queue is full. Safe from any thread. */
bool pool_submit(struct pool *pool, struct work *work);

/* Finish what is queued and end the threads; nothing is taken any more. */
void pool_stop(struct pool *pool);
void pool_free(struct pool *pool);
