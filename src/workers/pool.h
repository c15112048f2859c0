// SPDX-License-Identifier: Apache-2.0
/* Pool: the processes of one servable and the thread that looks after them: it starts, kills and
 * reaps, reads what they print, asks the idle ones whether they are alive, watches their memory,
 * and starts them again, with growing pauses, when they died. */
#pragma once

#include "workers/process.h"

struct worker_pool;

/* Starts one process and waits until it is ready; when it cannot be, says why. Strings are copied;
 * `contract` is borrowed. */
enum status worker_pool_new(const struct worker_options *options, const struct contract *contract,
                            struct worker_pool **pool, struct error *err) must_check;
void worker_pool_free(struct worker_pool *pool); /* when nobody holds a process */

/* A process for one request. Waits until `until_ns` (DEADLINE); UNAVAILABLE when `cancelled`, when
 * too many wait, or at once when they die one after the other. */
enum status worker_pool_take(struct worker_pool *pool, uint64_t until_ns,
                             const _Atomic bool *cancelled, struct process **process,
                             struct error *err) must_check;

enum give {
    GIVE_GOOD,      /* it answered */
    GIVE_UNUSED,    /* it was not asked */
    GIVE_ABANDONED, /* it works until its until_ns, or is killed then */
    GIVE_BROKEN,    /* kill it: `why` */
};
void worker_pool_give(struct worker_pool *pool, struct process *process, enum give give,
                      const char *why);
/* The same for one whose socket ended: waits until it was reaped; `end` receives what happened. */
void worker_pool_give_ended(struct worker_pool *pool, struct process *process, char *end,
                            size_t size);

const struct worker_options *worker_pool_options(const struct worker_pool *pool);
const char *worker_pool_ready_text(const struct worker_pool *pool);
size_t worker_pool_memory(struct worker_pool *pool); /* of the arenas */

/* The processes that there are, at most `count`. */
size_t worker_pool_pids(struct worker_pool *pool, pid_t *pids, size_t count);
