// SPDX-License-Identifier: Apache-2.0
/* One attempt at a job: what it needs is laid out, a worker does it, what it made is staged and
 * frozen; or it goes back to the queue, or fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "jobs/internal.h"

enum { AGAIN_MS = 200, AGAIN_SHIFT_MAX = 6 };

static void log_line(void *context, const char *line)
{
    events_log(&((struct attempt *)context)->events, line);
}

struct worker_policy attempt_policy(struct attempt *attempt)
{
    struct worker_policy policy = *attempt->jobs->options.workers;

    policy.cancelled = &attempt->cancelled;
    policy.log = log_line;
    policy.context = attempt;
    return policy;
}

/* --- what the worker sees --- */

/* job.json: the request's arguments as they came, and what the kind says. */
static enum status job_write(struct attempt *attempt, const struct job_kind *kind, const char *path,
                             const struct text *settings, struct error *err)
{
    struct text text = {0};
    enum status status;

    text_printf(&text, "{\"kind\":\"%s\",\"id\":%lld,%s\"request\":", kind->name,
                (long long)attempt->job.id, settings->data ? settings->data : "");
    text_append(&text, attempt->job.request);
    text_append_char(&text, '}');
    status = text_check(&text, err);
    if (!status)
        status = file_write_public(path, &(struct bytes){(const uint8_t *)text.data, text.size}, 1,
                                   false, err);
    text_release(&text);
    return status;
}

/* work/ holds input/, job.json and what the kind puts there. */
static enum status lay_out(struct attempt *attempt, const struct job_kind *kind, const char *work,
                           struct job_plan *plan, struct error *err)
{
    struct arena *keep = &attempt->keep;
    const char *input = jobs_path(attempt->jobs, &attempt->job, "input", keep);
    const char *seen = arena_printf(keep, "%s/input", work);
    const char *job = arena_printf(keep, "%s/job.json", work);

    if (!input || !seen || !job)
        return error_no_memory(err, "a job");
    TRY(file_remove_tree(work, err));
    TRY(file_make_folders(work, err));
    if (chmod(work, 0755))
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", work, strerror(errno));
    /* another attempt may need it: moved, and moved back */
    if (rename(input, seen) && errno != ENOENT)
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", input, strerror(errno));
    TRY(data_lay_out(attempt, work, plan->settings, err));
    TRY(kind->prepare(attempt, work, plan, err));
    return job_write(attempt, kind, job, plan->settings, err);
}

/* input/ goes back where it was, also one that a killed server left here. */
static enum status clear_work(struct attempt *attempt, const char *work, struct error *err)
{
    struct arena *keep = &attempt->keep;
    const char *input = jobs_path(attempt->jobs, &attempt->job, "input", keep);
    const char *seen = arena_printf(keep, "%s/input", work);

    if (!input || !seen)
        return error_no_memory(err, "a job");
    if (rename(seen, input) && errno != ENOENT)
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", seen, strerror(errno));
    return file_remove_tree(work, err);
}

/* --- running --- */

static void take_progress(void *context, struct bytes said)
{
    struct attempt *attempt = context;
    struct arena scratch;
    struct json json;
    struct error ignored;
    struct bytes text = {NULL, 0};
    double share = -1;

    arena_init(&scratch, 1 << 20);
    if (!json_parse(said, 0, &json, &scratch, &ignored)) {
        if (!json_f64(json_get(&json, "share"), &share) || !(share >= 0 && share <= 1))
            share = -1;
        json_string(json_get(&json, "text"), &text);
        pthread_mutex_lock(&attempt->lock);
        attempt->progress = share;
        text_quote(text, attempt->said, sizeof attempt->said);
        pthread_mutex_unlock(&attempt->lock);
        events_progress(&attempt->events, share, bytes_of(attempt->said));
    }
    arena_release(&scratch);
}

static enum status take_file(void *context, struct bytes what, int fd, struct error *err)
{
    return output_take(context, what, fd, err);
}

static enum status run_worker(struct attempt *attempt, const struct job_plan *plan,
                              const char *work, enum batch_end *end, struct error *err)
{
    const struct jobs_options *options = &attempt->jobs->options;
    struct worker_batch batch = {
        .options = {.adapter = "job",
                    .name = attempt->job.name,
                    .files = work,
                    .environment = plan->environment,
                    .code = options->workers->code,
                    .limits = options->workers->limits,
                    .java = plan->java,
                    .sandbox = options->workers->sandbox,
                    .log = log_line,
                    .context = attempt},
        .cancelled = &attempt->cancelled,
        .progress = take_progress,
        .file = take_file,
        .context = attempt,
    };
    struct text result = {.limit = JOB_RESULT_MAX};
    struct timespec now;
    enum status status;

    clock_gettime(CLOCK_MONOTONIC, &now);
    batch.deadline_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
                        (uint64_t)attempt->job.timeout_ms * 1000000;
    batch.options.limits.memory_bytes = options->memory_bytes;
    batch.options.limits.temporary_bytes = (size_t)options->output_bytes_max;
    batch.options.limits.log_bytes_max = SIZE_MAX / 2; /* the events have a limit of their own */
    status = worker_batch(&batch, &result, end, err);
    text_release(&result);
    return status;
}

/* Lay out, run, stage. */
static enum status work(struct attempt *attempt, enum batch_end *end, struct error *err)
{
    const struct job_kind *kind = job_kind_find(attempt->job.kind);
    const char *folder = jobs_path(attempt->jobs, &attempt->job, "work", &attempt->keep);
    const char *output = jobs_path(attempt->jobs, &attempt->job, "output", &attempt->keep);
    struct text settings = {0};
    struct job_plan plan = {.settings = &settings};
    struct error ignored;
    enum status status;

    *end = BATCH_RAISED;
    if (!kind)
        return error_set(err, STATUS_UNSUPPORTED, "this program knows no jobs of kind \"%s\"",
                         attempt->job.kind);
    if (!folder || !output)
        return error_no_memory(err, "a job");
    TRY(clear_work(attempt, folder, err));
    TRY(file_remove_tree(output, err));
    status = lay_out(attempt, kind, folder, &plan, err);
    if (status && atomic_load(&attempt->cancelled))
        *end = BATCH_CANCELLED;
    if (!status)
        status = run_worker(attempt, &plan, folder, end, err);
    if (!status)
        status = output_sync(attempt, err);
    text_release(&settings);
    if (clear_work(attempt, folder, &ignored))
        events_log(&attempt->events, ignored.text);
    return status;
}

/* --- ending --- */

static void tell_lost(struct attempt *attempt, const struct error *err)
{
    char line[600];

    snprintf(line, sizeof line, "the queue did not take this: %s", err->text);
    events_log(&attempt->events, line);
}

static void finish(struct attempt *attempt, enum job_state state, const char *text, enum status why)
{
    struct jobs *jobs = attempt->jobs;
    struct error err;

    if (jobs->backend->finish(jobs->queue, &attempt->job, state, text, why, &err)) {
        tell_lost(attempt, &err);
        return;
    }
    events_state(&attempt->events, state, attempt->job.attempt, state == JOB_DONE ? NULL : text);
    jobs_clear(jobs, &attempt->job, &attempt->events, &attempt->keep);
}

/* Another attempt, after a pause that grows. The queue gives up when there were enough. */
static void release(struct attempt *attempt, bool counts, const struct error *why)
{
    struct jobs *jobs = attempt->jobs;
    int64_t shift = attempt->job.attempt < AGAIN_SHIFT_MAX ? attempt->job.attempt : AGAIN_SHIFT_MAX;
    struct job_row now;
    struct error err;
    bool found;

    if (jobs->backend->release(jobs->queue, &attempt->job, counts,
                               counts ? queue_now_ms() + ((int64_t)AGAIN_MS << shift) : 0,
                               why->text, why->status, &err)) {
        tell_lost(attempt, &err);
        return;
    }
    if (!jobs->backend->find(jobs->queue, attempt->job.id, &found, &now, &attempt->keep, &err) &&
        found) {
        events_state(&attempt->events, now.state, attempt->job.attempt, why->text);
        if (job_state_ended(now.state)) /* that was the last */
            jobs_tidy(jobs, &now, &attempt->keep);
    }
}

/* What is staged becomes versions. A lack that will pass (a full disk, a busy store) is tried
 * again; the bytes are there. */
static void freeze(struct attempt *attempt)
{
    struct jobs *jobs = attempt->jobs;
    struct text result = {0};
    struct error err;
    enum status status = output_freeze(attempt, &result, &err);

    if (!status)
        status = text_check(&result, &err);
    if (!status) {
        if (jobs->options.frozen)
            jobs->options.frozen(jobs->options.context);
        finish(attempt, JOB_DONE, result.data, STATUS_OK);
    } else if (status == STATUS_CONFLICT && atomic_load(&attempt->cancelled)) {
        if (atomic_load(&attempt->wanted))
            finish(attempt, JOB_CANCELLED, "was cancelled", STATUS_CONFLICT);
        else
            release(attempt, false, &err);
    } else if (status == STATUS_UNAVAILABLE || status == STATUS_NO_MEMORY) {
        release(attempt, true, &err);
    } else {
        finish(attempt, JOB_FAILED, err.text, err.status);
    }
    text_release(&result);
}

static void conclude(struct attempt *attempt, enum status status, enum batch_end end,
                     const struct error *err)
{
    if (!status)
        freeze(attempt);
    else if (atomic_load(&attempt->lost))
        return; /* another has it */
    else if (end == BATCH_CANCELLED && atomic_load(&attempt->wanted))
        finish(attempt, JOB_CANCELLED, "was cancelled", STATUS_CONFLICT);
    else if (end == BATCH_CANCELLED) /* the server ends */
        release(attempt, false, err);
    else if (end == BATCH_DIED || status == STATUS_UNAVAILABLE || status == STATUS_NO_MEMORY)
        release(attempt, true, err);
    else
        finish(attempt, JOB_FAILED, err->text, err->status);
}

static void attempt_go(struct attempt *attempt)
{
    struct jobs *jobs = attempt->jobs;
    const char *path = jobs_path(jobs, &attempt->job, "events", &attempt->keep);
    enum batch_end end = BATCH_RAISED;
    struct error err = {0};
    enum status status;

    if (!path || events_open(&attempt->events, path, jobs->options.log_bytes_max, &err))
        return; /* its lease ends */
    events_state(&attempt->events, JOB_RUNNING, attempt->job.attempt, NULL);
    status = json_parse(bytes_of(attempt->job.request), 0, &attempt->request, &attempt->keep, &err);
    if (!status && !attempt->job.staged) {
        status = work(attempt, &end, &err);
        if (!status)
            status = jobs->backend->stage(jobs->queue, &attempt->job, &err);
    }
    conclude(attempt, status, end, &err);
    events_close(&attempt->events);
}

void attempt_run(struct jobs *jobs, const struct job_row *job)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);

    if (!attempt)
        return; /* its lease ends */
    attempt->jobs = jobs;
    attempt->job = *job; /* its texts live with the caller */
    attempt->events.fd = -1;
    attempt->progress = -1;
    arena_init(&attempt->keep, JOB_MEMORY_MAX);
    pthread_mutex_init(&attempt->lock, NULL);
    pthread_mutex_lock(&jobs->lock);
    attempt->next = jobs->running;
    jobs->running = attempt;
    atomic_store(&attempt->cancelled, jobs->stopping);
    pthread_mutex_unlock(&jobs->lock);
    attempt_go(attempt);
    pthread_mutex_lock(&jobs->lock);
    for (struct attempt **at = &jobs->running; *at; at = &(*at)->next)
        if (*at == attempt) {
            *at = attempt->next;
            break;
        }
    pthread_mutex_unlock(&jobs->lock);
    jobs_changed(jobs);
    pthread_mutex_destroy(&attempt->lock);
    arena_release(&attempt->keep);
    free(attempt);
}
