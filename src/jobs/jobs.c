// SPDX-License-Identifier: Apache-2.0
#include "jobs/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash/sha256.h"
#include "jobs/internal.h"

enum {
    IDLE_MS = 1000, /* how often the queue is looked at when nobody says that it changed */
    TICK_MS = 500,
    PRUNE_EVERY_MS = 600000,
    WAIT_MS = 100,
    KEY_BYTES_MAX = 255,
    REQUEST_BYTES_MAX = 64 << 20,
    TIMEOUT_MS_MAX = 7 * 86400000,
    ATTEMPTS_MAX = 20,
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Under the lock. */
static void wait_changed(struct jobs *jobs, unsigned milliseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

void jobs_changed(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->changes++;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

/* --- threads --- */

static void *runner_main(void *argument)
{
    struct jobs *jobs = argument;
    struct arena keep;

    arena_init(&keep, JOB_MEMORY_MAX);
    for (;;) {
        struct job_row job;
        struct error err;
        bool found = false, stopping;
        unsigned changes;

        pthread_mutex_lock(&jobs->lock);
        stopping = jobs->stopping;
        changes = jobs->changes;
        pthread_mutex_unlock(&jobs->lock);
        if (stopping)
            break;
        arena_reset(&keep);
        if (!jobs->backend->claim(jobs->queue, jobs->owner, jobs->options.lease_ms, &found, &job,
                                  &keep, &err) &&
            found) {
            attempt_run(jobs, &job);
            continue;
        }
        pthread_mutex_lock(&jobs->lock);
        if (!jobs->stopping && jobs->changes == changes)
            wait_changed(jobs, IDLE_MS);
        pthread_mutex_unlock(&jobs->lock);
    }
    arena_release(&keep);
    return NULL;
}

/* Tell the queue how far it is; see whether it shall end. Under the lock, which is why the running
 * ones stay. */
static void renew(struct jobs *jobs, struct attempt *attempt)
{
    char said[sizeof attempt->said];
    bool cancel = false;
    double progress;
    struct error err;

    pthread_mutex_lock(&attempt->lock);
    progress = attempt->progress;
    memcpy(said, attempt->said, sizeof said);
    pthread_mutex_unlock(&attempt->lock);
    if (jobs->backend->renew(jobs->queue, &attempt->job, jobs->options.lease_ms, progress, said,
                             &cancel, &err) == STATUS_CONFLICT) {
        atomic_store(&attempt->lost, true);
        atomic_store(&attempt->cancelled, true);
    }
    if (cancel) {
        atomic_store(&attempt->wanted, true);
        atomic_store(&attempt->cancelled, true);
    }
}

/* Renews leases, looks for what others left, and prunes. */
static void *keeper_main(void *argument)
{
    struct jobs *jobs = argument;
    uint64_t pruned = 0;

    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        bool prune = !pruned || now_ns() - pruned > (uint64_t)PRUNE_EVERY_MS * 1000000;

        for (struct attempt *attempt = jobs->running; attempt; attempt = attempt->next)
            renew(jobs, attempt);
        pthread_mutex_unlock(&jobs->lock);
        jobs_reclaim(jobs);
        if (prune)
            jobs_prune(jobs);
        pthread_mutex_lock(&jobs->lock);
        if (prune)
            pruned = now_ns();
        if (!jobs->stopping)
            wait_changed(jobs, TICK_MS);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

static enum status threads_start(struct jobs *jobs, struct error *err)
{
    unsigned count = jobs->options.threads + 1;
    sigset_t all, before;
    int failure = 0;

    jobs->threads = calloc(count, sizeof *jobs->threads);
    if (!jobs->threads)
        return error_no_memory(err, "threads");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for other threads */
    for (unsigned i = 0; i < count && !failure; i++) {
        failure = pthread_create(&jobs->threads[i], NULL, i ? runner_main : keeper_main, jobs);
        if (!failure) {
            pthread_setname_np(jobs->threads[i], i ? "firn-job" : "firn-jobs");
            jobs->thread_count = i + 1;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure ? error_set(err, STATUS_UNAVAILABLE, "cannot start a thread for jobs: %s",
                               strerror(failure))
                   : STATUS_OK;
}

/* --- life --- */

static enum status open_all(struct jobs *jobs, struct error *err)
{
    const struct jobs_options *options = &jobs->options;
    char *real = realpath(options->folder, NULL); /* a sandbox knows no other */
    int size = real ? snprintf(jobs->folder, sizeof jobs->folder, "%s/jobs", real) : -1;

    free(real);
    if (size < 0 || (size_t)size + 256 > sizeof jobs->folder)
        return error_set(err, STATUS_INVALID_INPUT, "the folder \"%.200s\": %s", options->folder,
                         size < 0 ? strerror(errno) : "its path is too long");
    TRY(file_make_folders(jobs->folder, err));
    TRY(jobs->backend->open(options->folder, &jobs->queue, err));
    if (!options->workers)
        return STATUS_OK;
    if (chmod(jobs->folder, 0711)) /* workers have user ids of their own */
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", jobs->folder, strerror(errno));
    TRY(jobs_own(jobs, err));
    jobs_reclaim(jobs);
    return threads_start(jobs, err);
}

enum status jobs_open(const struct jobs_options *options, struct jobs **jobs, struct error *err)
{
    struct jobs *opened = calloc(1, sizeof *opened);
    pthread_condattr_t attributes;

    *jobs = NULL;
    if (!opened)
        return error_no_memory(err, "jobs");
    opened->options = *options;
    opened->owner_lock = -1;
    opened->backend = &queue_sqlite;
    pthread_mutex_init(&opened->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&opened->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (open_all(opened, err)) {
        jobs_close(opened);
        return err->status;
    }
    *jobs = opened;
    return STATUS_OK;
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (struct attempt *attempt = jobs->running; attempt; attempt = attempt->next)
        atomic_store(&attempt->cancelled, true);
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->thread_count; i++)
        pthread_join(jobs->threads[i], NULL);
    jobs->thread_count = 0;
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_stop(jobs);
    jobs_disown(jobs);
    jobs->backend->close(jobs->queue);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->threads);
    free(jobs);
}

bool jobs_run(const struct jobs *jobs)
{
    return jobs->options.workers != NULL;
}

const char *jobs_path(const struct jobs *jobs, const struct job_row *job, const char *name,
                      struct arena *keep)
{
    return arena_printf(keep, "%s/%s/%s", jobs->folder, job->folder, name);
}

/* --- submitting --- */

static enum status number_of(const struct json *request, const char *key, int64_t otherwise,
                             int64_t most, int64_t *value, struct error *err)
{
    const struct json *given = json_get(request, key);

    *value = otherwise;
    if (!given || given->kind == JSON_NULL)
        return STATUS_OK;
    if (json_i64(given, value) && *value >= 1 && *value <= most)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no number from 1 to %lld", key,
                     (long long)most);
}

/* Of the request and all files. */
static enum status digest_of(const struct job_submission *submission, const char **digest,
                             struct arena *keep, struct error *err)
{
    char hex[SHA256_HEX_SIZE], member[65];
    struct text text = {0};
    enum status status = STATUS_OK;

    text_append_bytes(&text, submission->request);
    for (size_t i = 0; submission->files && i < submission->files->count && !status; i++) {
        status = member_sha256(&submission->files->members[i], member, err);
        text_printf(&text, "\n%s %s", status ? "" : member, submission->files->members[i].path);
    }
    if (!status)
        status = text_check(&text, err);
    if (!status && !sha256_of(text_bytes(&text), hex))
        status = error_no_memory(err, "a hash");
    text_release(&text);
    TRY(status);
    *digest = arena_printf(keep, "%s", hex);
    return *digest ? STATUS_OK : error_no_memory(err, "a hash");
}

static enum status files_write(struct jobs *jobs, const struct job_row *job, struct artifact *files,
                               struct arena *keep, struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        struct member *member = &files->members[i];
        char *path = arena_printf(keep, "%s/%s/input/%s", jobs->folder, job->folder, member->path);
        struct bytes bytes;

        if (!path)
            return error_no_memory(err, "a path");
        TRY(file_make_public_folders(path, strlen(jobs->folder) + 1, err));
        TRY(member_bytes(member, &bytes, err));
        TRY(file_write_public(path, &bytes, 1, true, err));
        artifact_forget(files, bytes);
    }
    return STATUS_OK;
}

static enum status folder_make(struct jobs *jobs, struct job_row *job,
                               const struct job_submission *submission, struct arena *keep,
                               struct error *err)
{
    uint64_t random[2];
    const char *path;

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return error_set(err, STATUS_INTERNAL, "no random numbers: %s", strerror(errno));
    job->folder = arena_printf(keep, "%016llx%08llx", (unsigned long long)random[0],
                               (unsigned long long)(random[1] >> 32));
    path = job->folder ? jobs_path(jobs, job, "", keep) : NULL;
    if (!path)
        return error_no_memory(err, "a path");
    if (mkdir(path, 0711) || chmod(path, 0711))
        return error_set(err, STATUS_UNAVAILABLE, "cannot make \"%.300s\": %s", path,
                         strerror(errno));
    if (submission->files)
        TRY(files_write(jobs, job, submission->files, keep, err));
    TRY(file_sync_folder(path, err));
    return file_sync_folder(jobs->folder, err);
}

static enum status row_of(struct jobs *jobs, const struct job_submission *submission,
                          struct job_row *job, struct arena *keep, struct error *err)
{
    const struct jobs_options *options = &jobs->options;
    const struct job_kind *kind;
    struct json request;

    *job = (struct job_row){.key = submission->key};
    if (submission->request.size > REQUEST_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a request for a job has more than %d bytes",
                         REQUEST_BYTES_MAX);
    if (job->key && (!*job->key || strlen(job->key) > KEY_BYTES_MAX))
        return error_set(err, STATUS_INVALID_INPUT, "a key of a submission has 1 to %d bytes",
                         KEY_BYTES_MAX);
    TRY(json_parse(submission->request, 0, &request, keep, err));
    if (request.kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "a request for a job is a JSON object");
    kind = job_kind_of(&request, err);
    if (!kind)
        return err->status;
    job->kind = kind->name;
    TRY(number_of(&request, "attempts", options->attempts, ATTEMPTS_MAX, &job->attempts_max, err));
    TRY(number_of(&request, "timeout_ms", options->timeout_ms, TIMEOUT_MS_MAX, &job->timeout_ms,
                  err));
    TRY(kind->check(jobs, &request, &job->name, keep, err));
    TRY(data_check(jobs, &request, keep, err));
    job->request = arena_text(keep, submission->request);
    return job->request ? STATUS_OK : error_no_memory(err, "a job");
}

enum status jobs_submit(struct jobs *jobs, const struct job_submission *submission,
                        struct job_row *job, bool *known, struct arena *keep, struct error *err)
{
    const char *digest = NULL, *path;
    struct error ignored;
    enum status status;
    bool found = false;

    *known = false;
    TRY(digest_of(submission, &digest, keep, err));
    if (submission->key)
        TRY(jobs->backend->find_key(jobs->queue, submission->key, &found, job, keep, err));
    if (found && !strcmp(job->digest, digest)) {
        *known = true;
        return STATUS_OK;
    }
    if (!jobs_run(jobs)) {
        if (error_set(err, STATUS_UNAVAILABLE, "jobs run code of models, which is off here"))
            error_fix(err, "start the server with --workers on");
        return err->status;
    }
    TRY(row_of(jobs, submission, job, keep, err));
    job->digest = digest;
    status = folder_make(jobs, job, submission, keep, err);
    if (!status)
        status = jobs->backend->submit(jobs->queue, job, known, err);
    path = job->folder ? jobs_path(jobs, job, "", keep) : NULL;
    if ((status || *known) && path)
        (void)!file_remove_tree(path, &ignored);
    TRY(status);
    jobs_changed(jobs);
    return jobs_find(jobs, job->id, job, keep, err);
}

enum status jobs_keep(struct jobs *jobs, struct job_row *job, const char *result, struct error *err)
{
    const struct job_submission nothing = {0};
    struct arena scratch;
    enum status status;

    arena_init(&scratch, 1 << 20);
    status = folder_make(jobs, job, &nothing, &scratch, err);
    if (!status)
        status = jobs->backend->keep(jobs->queue, job, result, err);
    arena_release(&scratch);
    job->folder = NULL;
    return status;
}

/* --- asking --- */

enum status jobs_find(struct jobs *jobs, int64_t id, struct job_row *job, struct arena *keep,
                      struct error *err)
{
    bool found = false;

    TRY(jobs->backend->find(jobs->queue, id, &found, job, keep, err));
    if (found)
        return STATUS_OK;
    if (error_set(err, STATUS_NOT_FOUND, "there is no job %lld", (long long)id))
        error_fix(err, "`firn jobs` lists them");
    return err->status;
}

enum status jobs_list(struct jobs *jobs, const struct job_filter *filter, struct job_row **rows,
                      size_t *count, struct arena *keep, struct error *err)
{
    return jobs->backend->list(jobs->queue, filter, rows, count, keep, err);
}

enum status jobs_cancel(struct jobs *jobs, int64_t id, enum job_state *state, struct error *err)
{
    struct arena keep;
    struct job_row job;
    bool found = false;

    TRY(jobs->backend->cancel(jobs->queue, id, state, err));
    arena_init(&keep, JOB_MEMORY_MAX);
    if (*state == JOB_CANCELLED &&
        !jobs->backend->find(jobs->queue, id, &found, &job, &keep, err) && found)
        jobs_tidy(jobs, &job, &keep);
    arena_release(&keep);
    jobs_changed(jobs); /* the keeper looks at once */
    return STATUS_OK;
}

enum status jobs_remove(struct jobs *jobs, int64_t id, struct error *err)
{
    struct arena keep;
    struct job_row job;
    const char *path;
    enum status status;

    arena_init(&keep, JOB_MEMORY_MAX);
    status = jobs_find(jobs, id, &job, &keep, err);
    if (!status)
        status = jobs->backend->remove(jobs->queue, id, err);
    path = status ? NULL : jobs_path(jobs, &job, "", &keep);
    if (path)
        status = file_remove_tree(path, err);
    arena_release(&keep);
    return status;
}

enum status jobs_wait(struct jobs *jobs, int64_t id, uint64_t until_ns,
                      const _Atomic bool *cancelled, struct job_row *job, struct arena *keep,
                      struct error *err)
{
    struct arena scratch;
    enum status status;
    bool over = false;

    arena_init(&scratch, JOB_MEMORY_MAX);
    do {
        unsigned changes;

        pthread_mutex_lock(&jobs->lock);
        changes = jobs->changes;
        pthread_mutex_unlock(&jobs->lock);
        arena_reset(&scratch);
        status = jobs_find(jobs, id, job, &scratch, err);
        over = status || job_state_ended(job->state) || now_ns() >= until_ns ||
               (cancelled && atomic_load(cancelled));
        pthread_mutex_lock(&jobs->lock);
        over |= jobs->stopping;
        if (!over && jobs->changes == changes)
            wait_changed(jobs, WAIT_MS);
        pthread_mutex_unlock(&jobs->lock);
    } while (!over);
    arena_release(&scratch);
    return status ? status : jobs_find(jobs, id, job, keep, err);
}
