// SPDX-License-Identifier: Apache-2.0
/* Events of a job: an append-only file with a JSON object a line, so that whoever follows a job
 * reads on where it was, whichever server runs it.
 *
 *   {"time": "...", "state": "running", "attempt": 1}
 *   {"time": "...", "log": "what was printed"}
 *   {"time": "...", "progress": 0.5, "text": "epoch 3 of 6"}
 *
 * Bounded: of what is printed the first bytes are kept and, at the end of an attempt, the last. */
#pragma once

#include <pthread.h>

#include "base/text.h"
#include "jobs/queue.h"

enum { EVENTS_TAIL_LINES = 40, EVENTS_LINE_MAX = 1200 };

struct events {
    pthread_mutex_t lock;
    int fd;                        /* -1: none */
    size_t room;                   /* bytes of the log that may still be written */
    size_t left_out;               /* lines that were not */
    uint64_t told_ns;              /* when a progress was written last */
    size_t progresses;             /* how many were */
    char (*tail)[EVENTS_LINE_MAX]; /* (EVENTS_TAIL_LINES,): the last lines that were left out */
};

/* Append to the file; `room`: for what is printed. A line that a kill cut short is ended. */
enum status events_open(struct events *events, const char *path, size_t room, struct error *err)
    must_check;
void events_close(struct events *events); /* writes what is left of the log; safe on a closed one */

/* From any thread. They cannot fail: a log that cannot be written is lost. */
void events_state(struct events *events, enum job_state state, int64_t attempt, const char *why);
void events_log(struct events *events, const char *line);
void events_progress(struct events *events, double share, struct bytes text); /* not each one */
