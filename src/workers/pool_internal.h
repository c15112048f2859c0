// SPDX-License-Identifier: Apache-2.0
/* What the files of the pool share. */
#pragma once

#include <pthread.h>

#include "workers/calls.h"
#include "workers/pool.h"

enum {
    POOL_PROCESSES_MAX = 64,
    POOL_WAITING_MAX = 256,
    POOL_CIRCUIT = 4, /* deaths in a row, after which requests are refused at once */
};

struct worker_pool {
    struct process_settings settings;
    const struct contract *contract;
    struct arena arena; /* of the strings */
    struct text ready;  /* what the first process said when it was ready */
    bool waits_for_first;
    int wake; /* eventfd */
    pthread_t thread;
    bool runs;

    pthread_mutex_t lock;
    pthread_cond_t freed, ended; /* CLOCK_MONOTONIC */
    struct process *slots;       /* (limits.processes,) */
    struct process **free;       /* (limits.processes,): the last given back is the first taken */
    size_t free_count;
    const struct process *launching; /* its fields are being written, outside the lock */
    size_t running;                  /* started and not reaped */
    size_t starting;                 /* of these, not ready yet */
    size_t waiting;                  /* sessions */
    bool stopping;
    unsigned failures;      /* deaths since the last answer */
    uint64_t next_start_ns; /* not before */
    struct error first;     /* of the first start, while waits_for_first */
    char reason[700];       /* of the last death */
};

/* supervise.c */
void *worker_pool_supervise(void *pool);
