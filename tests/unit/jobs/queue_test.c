// SPDX-License-Identifier: Apache-2.0
/* The queue: states, leases, keys, attempts; each back end the same. */
#include "jobs/queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static const struct queue_backend *const QUEUE = &queue_sqlite;

struct fixture {
    struct queue *queue;
    struct arena keep;
    struct error err;
    int folders;
};

static char folder[32];

static void open_queue(struct fixture *f)
{
    strcpy(folder, "queue-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    *f = (struct fixture){.queue = NULL};
    arena_init(&f->keep, 64 << 20);
    CHECK_INT(QUEUE->open(folder, &f->queue, &f->err), STATUS_OK);
}

static void close_queue(struct fixture *f)
{
    QUEUE->close(f->queue);
    arena_release(&f->keep);
}

static enum status submit(struct fixture *f, const char *key, const char *digest, int64_t attempts,
                          int64_t *id, bool *known)
{
    struct job_row job = {.kind = "model",
                          .name = "iris:1",
                          .request = "{}",
                          .key = key,
                          .digest = digest,
                          .folder = arena_printf(&f->keep, "folder%d", f->folders++),
                          .attempts_max = attempts,
                          .timeout_ms = 1000};
    enum status status = QUEUE->submit(f->queue, &job, known, &f->err);

    *id = job.id;
    return status;
}

static struct job_row find(struct fixture *f, int64_t id)
{
    struct job_row job = {0};
    bool found = false;

    CHECK_INT(QUEUE->find(f->queue, id, &found, &job, &f->keep, &f->err), STATUS_OK);
    CHECK(found);
    return job;
}

static bool claim(struct fixture *f, const char *owner, int64_t lease_ms, struct job_row *job)
{
    bool found = false;

    CHECK_INT(QUEUE->claim(f->queue, owner, lease_ms, &found, job, &f->keep, &f->err), STATUS_OK);
    return found;
}

TEST(queue_runs_the_oldest_first)
{
    struct fixture f;
    struct job_row job;
    int64_t first, second;
    bool known, cancel;

    open_queue(&f);
    CHECK_INT(submit(&f, NULL, "a", 3, &first, &known), STATUS_OK);
    CHECK_INT(submit(&f, NULL, "a", 3, &second, &known), STATUS_OK);
    CHECK(claim(&f, "one", 1000, &job) && job.id == first && job.attempt == 1);
    CHECK_INT(find(&f, first).state, JOB_RUNNING);
    CHECK_INT(QUEUE->renew(f.queue, &job, 1000, 0.25, "half of the half", &cancel, &f.err),
              STATUS_OK);
    CHECK(!cancel && find(&f, first).progress == 0.25);
    CHECK_INT(QUEUE->finish(f.queue, &job, JOB_DONE, "{\"value\":1}", STATUS_OK, &f.err),
              STATUS_OK);
    job = find(&f, first);
    CHECK_INT(job.state, JOB_DONE);
    CHECK_TEXT(job.result, "{\"value\":1}");
    CHECK(job.ended && !job.error && !job.owner);
    CHECK(claim(&f, "one", 1000, &job) && job.id == second);
    CHECK(!claim(&f, "one", 1000, &job));
    close_queue(&f);
}

TEST(queue_keeps_one_job_for_a_key)
{
    struct fixture f;
    int64_t first, again, other;
    bool known;

    open_queue(&f);
    CHECK_INT(submit(&f, "k", "a", 3, &first, &known), STATUS_OK);
    CHECK(!known);
    CHECK_INT(submit(&f, "k", "a", 3, &again, &known), STATUS_OK);
    CHECK(known && again == first);
    CHECK_INT(submit(&f, "k", "b", 3, &other, &known), STATUS_CONFLICT);
    close_queue(&f);
}

/* Who had a job cannot say anything of it once another has it. */
TEST(queue_fences_the_owner_before)
{
    struct fixture f;
    struct job_row old, new;
    int64_t id;
    size_t count;
    bool known, cancel;

    open_queue(&f);
    CHECK_INT(submit(&f, NULL, "a", 3, &id, &known), STATUS_OK);
    CHECK(claim(&f, "one", 0, &old));
    usleep(5000);
    CHECK_INT(QUEUE->reclaim(f.queue, NULL, &count, &f.err), STATUS_OK);
    CHECK_INT(count, 1);
    CHECK(claim(&f, "two", 10000, &new) && new.attempt == 2);
    CHECK_INT(QUEUE->renew(f.queue, &old, 1000, 0, "", &cancel, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->stage(f.queue, &old, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->finish(f.queue, &old, JOB_DONE, "{}", STATUS_OK, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->release(f.queue, &old, true, 0, "x", STATUS_FAILED, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->reclaim(f.queue, NULL, &count, &f.err), STATUS_OK);
    CHECK_INT(count, 0); /* its lease has not ended */
    CHECK_INT(QUEUE->reclaim(f.queue, "two", &count, &f.err), STATUS_OK);
    CHECK_INT(count, 1);
    close_queue(&f);
}

TEST(queue_gives_up_after_the_last_attempt)
{
    struct fixture f;
    struct job_row job;
    int64_t id;
    bool known;

    open_queue(&f);
    CHECK_INT(submit(&f, NULL, "a", 2, &id, &known), STATUS_OK);
    CHECK(claim(&f, "one", 1000, &job));
    CHECK_INT(QUEUE->release(f.queue, &job, true, 0, "was killed", STATUS_FAILED, &f.err),
              STATUS_OK);
    CHECK_INT(find(&f, id).state, JOB_QUEUED);
    CHECK(claim(&f, "one", 1000, &job) && job.attempt == 2);
    CHECK_INT(
        QUEUE->release(f.queue, &job, false, 0, "the server ends", STATUS_UNAVAILABLE, &f.err),
        STATUS_OK); /* does not count */
    CHECK(claim(&f, "one", 1000, &job) && job.attempt == 2);
    CHECK_INT(QUEUE->release(f.queue, &job, true, 0, "was killed", STATUS_FAILED, &f.err),
              STATUS_OK);
    job = find(&f, id);
    CHECK_INT(job.state, JOB_FAILED);
    CHECK_TEXT(job.error, "was given up after 2 attempts: was killed");
    close_queue(&f);
}

/* What is staged is there: it is frozen however many attempts there were. */
TEST(queue_does_not_give_up_what_is_staged)
{
    struct fixture f;
    struct job_row job;
    int64_t id;
    size_t count;
    bool known;

    open_queue(&f);
    CHECK_INT(submit(&f, NULL, "a", 1, &id, &known), STATUS_OK);
    CHECK(claim(&f, "one", 1000, &job));
    CHECK_INT(QUEUE->stage(f.queue, &job, &f.err), STATUS_OK);
    CHECK_INT(QUEUE->reclaim(f.queue, "one", &count, &f.err), STATUS_OK);
    CHECK(claim(&f, "two", 1000, &job) && job.staged && job.attempt == 2);
    close_queue(&f);
}

TEST(queue_cancels)
{
    struct fixture f;
    struct job_row job;
    enum job_state now;
    int64_t id, other;
    size_t count;
    bool known, cancel;

    open_queue(&f);
    CHECK_INT(submit(&f, NULL, "a", 3, &id, &known), STATUS_OK);
    CHECK_INT(QUEUE->cancel(f.queue, id, &now, &f.err), STATUS_OK);
    CHECK_INT(now, JOB_CANCELLED);
    CHECK_INT(QUEUE->cancel(f.queue, id, &now, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->cancel(f.queue, 99, &now, &f.err), STATUS_NOT_FOUND);
    CHECK(!claim(&f, "one", 1000, &job));
    CHECK_INT(submit(&f, NULL, "a", 3, &other, &known), STATUS_OK);
    CHECK(claim(&f, "one", 1000, &job));
    CHECK_INT(QUEUE->remove(f.queue, other, &f.err), STATUS_CONFLICT);
    CHECK_INT(QUEUE->cancel(f.queue, other, &now, &f.err), STATUS_OK);
    CHECK_INT(now, JOB_RUNNING);
    CHECK_INT(QUEUE->renew(f.queue, &job, 1000, -1, "", &cancel, &f.err), STATUS_OK);
    CHECK(cancel);
    CHECK_INT(QUEUE->reclaim(f.queue, "one", &count, &f.err), STATUS_OK); /* its owner died */
    CHECK_INT(find(&f, other).state, JOB_CANCELLED);
    CHECK_INT(QUEUE->remove(f.queue, other, &f.err), STATUS_OK);
    close_queue(&f);
}

enum { THREADS = 4, JOBS = 60 };

static void *claim_all(void *argument)
{
    struct queue *queue;
    struct arena keep;
    struct error err = {0};
    size_t *taken = argument;

    arena_init(&keep, 64 << 20);
    if (QUEUE->open(folder, &queue, &err))
        return NULL;
    for (;;) {
        struct job_row job;
        bool found = false;
        char owner[32];

        snprintf(owner, sizeof owner, "owner%p", argument);
        if (QUEUE->claim(queue, owner, 60000, &found, &job, &keep, &err) || !found)
            break;
        if (QUEUE->finish(queue, &job, JOB_DONE, "{}", STATUS_OK, &err))
            break;
        ++*taken;
    }
    QUEUE->close(queue);
    arena_release(&keep);
    return NULL;
}

/* Several servers, each with its own connection: every job once. */
TEST(queue_gives_each_job_to_one)
{
    struct fixture f;
    pthread_t threads[THREADS];
    size_t taken[THREADS] = {0}, all = 0;
    int64_t id;
    bool known;

    open_queue(&f);
    for (int i = 0; i < JOBS; i++)
        CHECK_INT(submit(&f, NULL, "a", 3, &id, &known), STATUS_OK);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, claim_all, &taken[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += taken[i];
    }
    CHECK_INT(all, JOBS);
    close_queue(&f);
}
