// SPDX-License-Identifier: Apache-2.0
/* Batch: a worker process that does one job in its sandbox and ends. What it makes it passes as
 * open files, which lie in the sandbox's own memory: nothing of the server's disk is writable for
 * it, and the caller copies as much as it allows. */
#pragma once

#include "workers/worker.h"

enum batch_end {
    BATCH_DONE,      /* `result` is what it said */
    BATCH_RAISED,    /* its code failed: again it would, too */
    BATCH_DIED,      /* it was killed by something else, or crashed */
    BATCH_CANCELLED, /* by the caller */
    BATCH_LATE,      /* the deadline passed */
    BATCH_BROKEN,    /* it took too much, or broke the protocol: killed */
};

struct worker_batch {
    /* `adapter` does the work when it loads; log is called from the thread that calls. */
    struct worker_options options;
    uint64_t deadline_ns; /* of CLOCK_MONOTONIC */
    const _Atomic bool *cancelled;
    void (*progress)(void *context, struct bytes json);
    /* `what`: JSON; `fd`: open for reading, a regular file, borrowed. A failure ends the batch. */
    enum status (*file)(void *context, struct bytes what, int fd, struct error *err);
    void *context; /* of both */
};

/* Runs on the calling thread, which the process does not outlive. STATUS_OK is BATCH_DONE. */
enum status worker_batch(const struct worker_batch *batch, struct text *result, enum batch_end *end,
                         struct error *err) must_check;
