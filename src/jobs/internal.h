// SPDX-License-Identifier: Apache-2.0
/* What the files of the jobs share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/text.h"
#include "jobs/events.h"
#include "jobs/jobs.h"
#include "registry/registry.h"
#include "workers/batch.h"

enum {
    JOB_MEMORY_MAX = 256 << 20, /* of what a job's rows and messages take */
    JOB_FILES_MAX = 10000,      /* that a job makes */
    JOB_RESULT_MAX = 16 << 20,  /* bytes of result.json */
    OWNER_SIZE = 40,
};

struct attempt { /* one that runs here */
    struct jobs *jobs;
    struct job_row job;
    struct json request;
    struct events events;
    struct arena keep;
    _Atomic bool cancelled; /* it shall end: */
    _Atomic bool wanted;    /* somebody cancelled it */
    _Atomic bool lost;      /* another has it now */
    pthread_mutex_t lock;   /* of what follows */
    double progress;
    char said[200];
    /* of the files that it passes */
    uint64_t output_bytes;
    size_t output_files;
    struct attempt *next; /* on jobs->running */
};

struct jobs {
    struct jobs_options options;
    char folder[4096]; /* "STORE/jobs" */
    char owner[OWNER_SIZE];
    int owner_lock; /* held as long as we live: flock(2) on jobs/OWNER.lock; -1: none */
    const struct queue_backend *backend;
    struct queue *queue;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* something was submitted, has ended, or all shall */
    bool stopping;
    unsigned changes;        /* counts them */
    struct attempt *running; /* here */
    pthread_t *threads;
    unsigned thread_count;
};

/* --- kinds/ --- */

struct job_plan {            /* what an attempt runs */
    const char *environment; /* folder or NULL */
    const char *target;      /* model of new versions that name none; NULL: none */
    const char *manifest;    /* of them; "" */
    bool java;               /* see contract/adapters.h */
    struct text *settings;   /* members of the worker's job.json, each with a comma behind it */
};

struct job_kind {
    const char *name; /* the member of a request that tells it: "model" */
    const char *summary;
    /* Can such a job be run? `name` is what it works on, pinned to a version. */
    enum status (*check)(struct jobs *jobs, const struct json *request, const char **name,
                         struct arena *keep, struct error *err);
    /* Put what it needs below `work` and say what to run. */
    enum status (*prepare)(struct attempt *attempt, const char *work, struct job_plan *plan,
                           struct error *err);
};
const struct job_kind *job_kind_of(const struct json *request, struct error *err);
const struct job_kind *job_kind_find(const char *name); /* or NULL */

/* --- script.c: stored functions, objects of the registry --- */

/* The object that member `key` of the request names, pinned to its revision: "train@3". */
enum status script_check(struct jobs *jobs, const char *object_kind, const struct json *request,
                         const char *key, const char **name, struct arena *keep, struct error *err)
    must_check;
/* Its files become work/script. */
enum status script_prepare(struct attempt *attempt, const char *object_kind, const char *work,
                           struct job_plan *plan, struct error *err) must_check;

/* --- data.c --- */

/* Data sets that the request's arguments name become files of `work`; `settings` says which. */
enum status data_check(struct jobs *jobs, const struct json *request, struct arena *keep,
                       struct error *err) must_check;
enum status data_lay_out(struct attempt *attempt, const char *work, struct text *settings,
                         struct error *err) must_check;
/* Packages that reading the arguments takes: lines of a requirements.txt; NULL: none. */
const char *data_needs(struct attempt *attempt);

/* Worker policy whose lines go to the attempt's log. */
struct worker_policy attempt_policy(struct attempt *attempt);

/* --- attempt.c --- */

/* Run what was claimed, to its end or back into the queue. */
void attempt_run(struct jobs *jobs, const struct job_row *job);

/* --- output.c --- */

/* A file that a worker passed: `what` is {"path": "0/model.joblib"}. */
enum status output_take(struct attempt *attempt, struct bytes what, int fd, struct error *err)
    must_check;
/* All of it is durable. */
enum status output_sync(struct attempt *attempt, struct error *err) must_check;
/* Freeze what is there and say what the result is. Again and again with the same end. */
enum status output_freeze(struct attempt *attempt, struct text *result, struct error *err)
    must_check;

/* --- housekeeping.c --- */

enum status jobs_own(struct jobs *jobs, struct error *err) must_check;
void jobs_disown(struct jobs *jobs);
/* Jobs of servers that died go back to the queue. */
void jobs_reclaim(struct jobs *jobs);
/* Remove what only a job that has not ended needs, telling `events` (or NULL) what cannot be. Was
 * there anything? */
bool jobs_clear(struct jobs *jobs, const struct job_row *job, struct events *events,
                struct arena *keep);
/* The same for one that nobody runs; one that ended elsewhere is told to who follows it. */
void jobs_tidy(struct jobs *jobs, const struct job_row *job, struct arena *keep);
/* Old jobs go, and folders that no job has. */
void jobs_prune(struct jobs *jobs);
void jobs_changed(struct jobs *jobs); /* wake who waits */
