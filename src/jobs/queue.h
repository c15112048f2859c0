// SPDX-License-Identifier: Apache-2.0
/* Queue: the rows of jobs. Each function is one transaction: it happened whole or not at all. A
 * back end is one file here; it is thread-safe, and several servers may share what it keeps.
 *
 * A job that runs belongs to an owner (a server) until lease_ms, which the owner renews. All that
 * an owner says of a job holds only while it has it: `attempt` is what tells it from one that had
 * it before (CONFLICT). A job that is claimed is in its next attempt. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_STATES };
const char *job_state_name(enum job_state state); /* "queued" ... */
static inline bool job_state_ended(enum job_state state)
{
    return state >= JOB_DONE;
}

/* Of those that have ended, for job_filter. */
#define JOB_STATES_ENDED (1u << JOB_DONE | 1u << JOB_FAILED | 1u << JOB_CANCELLED)

struct job_row {
    int64_t id;          /* never given again */
    const char *kind;    /* a file of jobs/kinds */
    const char *name;    /* what it works on: "iris", "iris@best" */
    const char *request; /* JSON, as it was submitted */
    const char *key;     /* of the submission; NULL: none */
    const char *digest;  /* of request and files: with one key they must be the same */
    const char *folder;  /* of its files, below jobs/ */
    enum job_state state;
    bool staged; /* what it made is in its folder and only has to be frozen */
    bool cancel; /* somebody wants it to end */
    int64_t attempt, attempts_max;
    int64_t timeout_ms;                    /* of an attempt */
    double progress;                       /* 0 to 1; below 0: unknown */
    const char *said;                      /* with the progress; "" */
    const char *error;                     /* why it FAILED, or why the attempt before did; NULL */
    int64_t status;                        /* enum status of the error */
    const char *result;                    /* JSON; NULL */
    const char *owner;                     /* of a running one */
    int64_t lease_ms, not_before_ms;       /* of the wall clock, since 1970 */
    const char *created, *started, *ended; /* RFC 3339, UTC; NULL: not yet */
};

struct job_filter { /* what is 0 or NULL is not asked for */
    const char *name;
    unsigned states; /* bits 1 << enum job_state */
    int64_t before;  /* ids below this */
    size_t most;     /* 0: all */
};

struct queue; /* each back end has its own */

struct queue_backend {
    const char *name;
    enum status (*open)(const char *folder, struct queue **queue, struct error *err);
    void (*close)(struct queue *queue);

    /* Fills in the id and the time. *known: there is one with this key, which is `id`, or CONFLICT
     * when it was of something else. */
    enum status (*submit)(struct queue *queue, struct job_row *job, bool *known, struct error *err);
    /* One that is DONE, with its result. */
    enum status (*keep)(struct queue *queue, struct job_row *job, const char *result,
                        struct error *err);
    enum status (*find)(struct queue *queue, int64_t id, bool *found, struct job_row *job,
                        struct arena *keep, struct error *err);
    enum status (*find_key)(struct queue *queue, const char *key, bool *found, struct job_row *job,
                            struct arena *keep, struct error *err);
    /* Newest first. */
    enum status (*list)(struct queue *queue, const struct job_filter *filter, struct job_row **jobs,
                        size_t *count, struct arena *keep, struct error *err);

    /* The oldest that may run now; it is RUNNING then, in its next attempt, with a lease. A job
     * that has had all its attempts becomes FAILED instead. */
    enum status (*claim)(struct queue *queue, const char *owner, int64_t lease_ms, bool *found,
                         struct job_row *job, struct arena *keep, struct error *err);
    /* *cancel: somebody wants it to end. */
    enum status (*renew)(struct queue *queue, const struct job_row *job, int64_t lease_ms,
                         double progress, const char *said, bool *cancel, struct error *err);
    /* What it made lies in its folder: from here on it is frozen, not run. */
    enum status (*stage)(struct queue *queue, const struct job_row *job, struct error *err);
    /* The end: DONE with result, FAILED with status and error, CANCELLED. */
    enum status (*finish)(struct queue *queue, const struct job_row *job, enum job_state state,
                          const char *text, enum status why, struct error *err);
    /* Back to QUEUED: not before this time. `counts`: the attempt does. */
    enum status (*release)(struct queue *queue, const struct job_row *job, bool counts,
                           int64_t not_before_ms, const char *error, enum status why,
                           struct error *err);

    /* A queued one is CANCELLED at once; a running one when its owner sees it. CONFLICT: it has
     * ended. *state: what it is then. */
    enum status (*cancel)(struct queue *queue, int64_t id, enum job_state *state,
                          struct error *err);
    /* The owners of what runs, each once. */
    enum status (*owners)(struct queue *queue, const char ***owners, size_t *count,
                          struct arena *keep, struct error *err);
    /* All jobs of an owner that has died, and (owner NULL) those whose lease ended, are QUEUED. */
    enum status (*reclaim)(struct queue *queue, const char *owner, size_t *count,
                           struct error *err);
    /* Remove one that has ended. */
    enum status (*remove)(struct queue *queue, int64_t id, struct error *err);
};

extern const struct queue_backend queue_sqlite;

int64_t queue_now_ms(void); /* wall clock */
