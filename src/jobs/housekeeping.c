// SPDX-License-Identifier: Apache-2.0
/* Who is there, and what is left over. A server that lives holds the lock of its own file, which
 * the kernel releases however it dies: its jobs go back to the queue at once, without waiting for
 * their leases. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "jobs/internal.h"

enum { ORPHAN_S = 3600 };

static void owner_path(const struct jobs *jobs, const char *owner, char path[4200])
{
    snprintf(path, 4200, "%s/%.64s.lock", jobs->folder, owner);
}

enum status jobs_own(struct jobs *jobs, struct error *err)
{
    uint64_t random;
    char path[4200];

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return error_set(err, STATUS_INTERNAL, "no random numbers: %s", strerror(errno));
    snprintf(jobs->owner, sizeof jobs->owner, "server-%016llx", (unsigned long long)random);
    owner_path(jobs, jobs->owner, path);
    jobs->owner_lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (jobs->owner_lock < 0 || flock(jobs->owner_lock, LOCK_EX | LOCK_NB))
        return error_set(err, STATUS_UNAVAILABLE, "cannot lock \"%.300s\": %s", path,
                         strerror(errno));
    return STATUS_OK;
}

void jobs_disown(struct jobs *jobs)
{
    char path[4200];

    if (jobs->owner_lock < 0)
        return;
    owner_path(jobs, jobs->owner, path);
    unlink(path);
    close(jobs->owner_lock);
    jobs->owner_lock = -1;
}

/* Nobody holds its lock: it died. A file that is not there any more was left in order, or never
 * seen by this machine: leases tell then. */
static bool owner_died(const struct jobs *jobs, const char *owner)
{
    char path[4200];
    bool died;
    int fd;

    if (!strcmp(owner, jobs->owner))
        return false;
    owner_path(jobs, owner, path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    died = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (died)
        unlink(path);
    close(fd);
    return died;
}

bool jobs_clear(struct jobs *jobs, const struct job_row *job, struct events *events,
                struct arena *keep)
{
    static const char *const NAMES[] = {"work", "input"};
    struct error err;
    bool left = false;

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        const char *whole = jobs_path(jobs, job, NAMES[i], keep);

        if (!whole || access(whole, F_OK))
            continue;
        left = true;
        if (file_remove_tree(whole, &err) && events)
            events_log(events, err.text);
    }
    return left;
}

void jobs_tidy(struct jobs *jobs, const struct job_row *job, struct arena *keep)
{
    const char *path = jobs_path(jobs, job, "events", keep);
    bool left = jobs_clear(jobs, job, NULL, keep);
    struct events events;
    struct error err;

    if (!left || !path || events_open(&events, path, jobs->options.log_bytes_max, &err))
        return;
    events_state(&events, job->state, job->attempt, job->error);
    events_close(&events);
}

/* Those that ended without anybody who could tidy. */
static void tidy_all(struct jobs *jobs, struct arena *keep)
{
    const struct job_filter ended = {.states = JOB_STATES_ENDED};
    struct job_row *rows;
    struct error err;
    size_t count;

    if (!jobs->backend->list(jobs->queue, &ended, &rows, &count, keep, &err))
        for (size_t i = 0; i < count; i++)
            jobs_tidy(jobs, &rows[i], keep);
}

void jobs_reclaim(struct jobs *jobs)
{
    struct arena keep;
    const char **owners;
    size_t count, reclaimed, all = 0;
    struct error err;

    arena_init(&keep, JOB_MEMORY_MAX);
    if (!jobs->backend->owners(jobs->queue, &owners, &count, &keep, &err))
        for (size_t i = 0; i < count; i++)
            if (owner_died(jobs, owners[i]) &&
                !jobs->backend->reclaim(jobs->queue, owners[i], &reclaimed, &err))
                all += reclaimed;
    if (!jobs->backend->reclaim(jobs->queue, NULL, &reclaimed, &err))
        all += reclaimed;
    if (all)
        tidy_all(jobs, &keep);
    arena_release(&keep);
    if (all)
        jobs_changed(jobs);
}

/* --- what is old --- */

static bool is_old(const struct job_row *job, int64_t keep_ms)
{
    struct tm utc = {0};
    int64_t ended;

    if (!job->ended || !strptime(job->ended, "%Y-%m-%dT%H:%M:%S", &utc))
        return false;
    ended = (int64_t)timegm(&utc) * 1000;
    return queue_now_ms() - ended > keep_ms;
}

/* A folder of no job: its submission was cut short. */
static void orphans_remove(struct jobs *jobs, struct arena *keep)
{
    const struct job_filter all = {0};
    struct job_row *rows;
    struct dirent *entry;
    size_t count;
    struct error err;
    DIR *folder = opendir(jobs->folder);

    if (!folder)
        return;
    if (jobs->backend->list(jobs->queue, &all, &rows, &count, keep, &err))
        count = SIZE_MAX;
    while (count != SIZE_MAX && (entry = readdir(folder))) {
        char path[4400];
        struct stat about;
        bool wanted = entry->d_name[0] == '.' || strstr(entry->d_name, ".lock");

        for (size_t i = 0; i < count && !wanted; i++)
            wanted = !strcmp(rows[i].folder, entry->d_name);
        snprintf(path, sizeof path, "%s/%s", jobs->folder, entry->d_name);
        if (!wanted && !lstat(path, &about) && time(NULL) - about.st_mtime > ORPHAN_S &&
            file_remove_tree(path, &err))
            break;
    }
    closedir(folder);
}

void jobs_prune(struct jobs *jobs)
{
    const struct job_filter ended = {.states = JOB_STATES_ENDED};
    struct job_row *rows;
    struct arena keep;
    size_t count;
    struct error err;

    arena_init(&keep, JOB_MEMORY_MAX);
    if (!jobs->backend->list(jobs->queue, &ended, &rows, &count, &keep, &err))
        for (size_t i = 0; i < count; i++)
            if (is_old(&rows[i], jobs->options.keep_ms) && jobs_remove(jobs, rows[i].id, &err))
                break;
    tidy_all(jobs, &keep);
    orphans_remove(jobs, &keep);
    arena_release(&keep);
}
