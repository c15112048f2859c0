// SPDX-License-Identifier: Apache-2.0
/* Jobs: work that takes a while, done by workers in their sandbox: training a stored model, running
 * a script. A job is in the queue before its submission is answered, and ends in one of DONE,
 * FAILED and CANCELLED however often servers and workers are killed meanwhile.
 *
 * Beside the registry's files: jobs.db (queue.h) and jobs/FOLDER/ of each job:
 *   job.json       the request, for the worker
 *   input/         what came with it; goes when it has ended
 *   events         what happened, a JSON object a line (events.h)
 *   output/        result.json and what it made: N/ for each new version, and files of values
 *   work/          what an attempt sees; goes with it
 *
 * What a worker makes is copied to output/, made durable, and only then frozen, each version in one
 * transaction with a record of kind JOB_RECORD, so that whoever continues knows what is done. */
#pragma once

#include "formats/json/json.h"
#include "jobs/queue.h"
#include "loading/worker.h"

#define JOB_RECORD "job" /* kind of the record of a version that a job made; named "ID.N" */

struct jobs;

struct jobs_options {
    const char *folder; /* of the store */
    struct registry *registry;
    const struct worker_policy *workers; /* borrowed; NULL: jobs are kept, not run here */
    unsigned threads;                    /* jobs at once */
    int64_t timeout_ms, attempts;        /* of jobs that do not say it */
    int64_t keep_ms;                     /* after their end; then they are removed */
    int64_t lease_ms;
    size_t memory_bytes;           /* of a worker; 0: no limit */
    size_t log_bytes_max;          /* of what a job prints, that is kept */
    uint64_t output_bytes_max;     /* of what a job makes */
    void (*frozen)(void *context); /* new versions are there; on a thread of the jobs; or NULL */
    void *context;
};

enum status jobs_open(const struct jobs_options *options, struct jobs **jobs, struct error *err)
    must_check;
/* End what runs here: it goes back to the queue. No thread of the jobs runs after that. */
void jobs_stop(struct jobs *jobs);
void jobs_close(struct jobs *jobs);     /* NULL is fine */
bool jobs_run(const struct jobs *jobs); /* are they run here? */

struct job_submission {
    struct bytes request;   /* JSON: {"model": "iris", "method": "fit", "arguments": {...}} */
    struct artifact *files; /* what arguments name, below input/; NULL: none; borrowed */
    const char *key;        /* NULL: none; at most 255 bytes */
};
/* *known: the same was submitted before with this key, and `job` is what became of it. */
enum status jobs_submit(struct jobs *jobs, const struct job_submission *submission,
                        struct job_row *job, bool *known, struct arena *keep, struct error *err)
    must_check;

/* Something that was done already, kept like a job: kind, name, and what it answered. */
enum status jobs_keep(struct jobs *jobs, struct job_row *job, const char *result, struct error *err)
    must_check;

/* NOT_FOUND */
enum status jobs_find(struct jobs *jobs, int64_t id, struct job_row *job, struct arena *keep,
                      struct error *err) must_check;
enum status jobs_list(struct jobs *jobs, const struct job_filter *filter, struct job_row **rows,
                      size_t *count, struct arena *keep, struct error *err) must_check;
enum status jobs_cancel(struct jobs *jobs, int64_t id, enum job_state *state, struct error *err)
    must_check;
/* Remove one that has ended, with its files. */
enum status jobs_remove(struct jobs *jobs, int64_t id, struct error *err) must_check;
/* Until it has ended, `until_ns` of CLOCK_MONOTONIC, or *cancelled (may be NULL). */
enum status jobs_wait(struct jobs *jobs, int64_t id, uint64_t until_ns,
                      const _Atomic bool *cancelled, struct job_row *job, struct arena *keep,
                      struct error *err) must_check;

/* "STORE/jobs/FOLDER/NAME" in `keep`. NULL: no memory. */
const char *jobs_path(const struct jobs *jobs, const struct job_row *job, const char *name,
                      struct arena *keep);

/* {"id","kind","name","method","state",...}; without the result when `brief`. */
void job_print_json(const struct job_row *job, bool brief, struct text *text);
