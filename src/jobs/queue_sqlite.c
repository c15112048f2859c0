// SPDX-License-Identifier: Apache-2.0
/* Jobs in SQLite: jobs.db beside store.db, so that what happens to jobs is no change of the
 * registry, which servers watch. */
#include "jobs/queue.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "registry/store/sqlite.h"

enum { BUSY_MS = 20000 };

struct queue {
    struct store rows;
};

static const char *const STATES[] = {"queued", "running", "done", "failed", "cancelled"};

const char *job_state_name(enum job_state state)
{
    return STATES[state];
}

int64_t queue_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void now_text(char when[32])
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(when + 19, 13, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* --- opening --- */

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS jobs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  request TEXT NOT NULL,"
    "  key TEXT UNIQUE,"
    "  digest TEXT NOT NULL,"
    "  folder TEXT NOT NULL UNIQUE,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  staged INTEGER NOT NULL DEFAULT 0,"
    "  cancel INTEGER NOT NULL DEFAULT 0,"
    "  attempt INTEGER NOT NULL DEFAULT 0,"
    "  attempts_max INTEGER NOT NULL,"
    "  timeout_ms INTEGER NOT NULL,"
    "  progress INTEGER NOT NULL DEFAULT -1," /* millionths */
    "  said TEXT NOT NULL DEFAULT '',"
    "  error TEXT,"
    "  status INTEGER NOT NULL DEFAULT 0,"
    "  result TEXT,"
    "  owner TEXT,"
    "  lease_ms INTEGER NOT NULL DEFAULT 0,"
    "  not_before_ms INTEGER NOT NULL DEFAULT 0,"
    "  created TEXT NOT NULL,"
    "  started TEXT,"
    "  ended TEXT"
    ") STRICT;"
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, not_before_ms);";

static enum status set_up(struct queue *queue, struct error *err)
{
    static const char *const PRAGMAS[] = {
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA trusted_schema = OFF",
    };
    int64_t version = 0;
    bool found;

    sqlite3_busy_timeout(queue->rows.connection, BUSY_MS);
    sqlite3_db_config(queue->rows.connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(PRAGMAS); i++)
        TRY(sql_run(&queue->rows, err, PRAGMAS[i], ""));
    TRY(sql_integer(&queue->rows, &version, &found, err, "PRAGMA user_version", ""));
    if (version > 1)
        return error_set(err, STATUS_UNSUPPORTED,
                         "jobs.db has layout %lld, this program knows 1: it is from a newer one",
                         (long long)version);
    if (version == 1)
        return STATUS_OK;
    if (sqlite3_exec(queue->rows.connection, SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
        return error_set(err, STATUS_INTERNAL, "jobs.db: %s",
                         sqlite3_errmsg(queue->rows.connection));
    return sql_run(&queue->rows, err, "PRAGMA user_version = 1", "");
}

static void close_queue(struct queue *queue)
{
    if (!queue)
        return;
    sqlite3_close(queue->rows.connection);
    pthread_mutex_destroy(&queue->rows.lock);
    free(queue);
}

static enum status open_queue(const char *folder, struct queue **queue, struct error *err)
{
    struct queue *opened = calloc(1, sizeof *opened);
    struct text path = {0};
    enum status status;

    *queue = NULL;
    if (!opened)
        return error_no_memory(err, "jobs.db");
    pthread_mutex_init(&opened->rows.lock, NULL);
    text_printf(&path, "%s/jobs.db", folder);
    status = text_check(&path, err);
    if (!status && sqlite3_open_v2(path.data, &opened->rows.connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK)
        status = error_set(err, STATUS_INVALID_INPUT, "cannot open \"%s\": %s", path.data,
                           sqlite3_errmsg(opened->rows.connection));
    if (!status)
        status = set_up(opened, err);
    text_release(&path);
    if (status)
        close_queue(opened);
    else
        *queue = opened;
    return status;
}

/* --- rows --- */

#define COLUMNS                                                                                    \
    "SELECT id, kind, name, request, key, digest, folder, state, staged, cancel, attempt,"         \
    " attempts_max, timeout_ms, progress, said, error, status, result, owner, lease_ms,"           \
    " not_before_ms, created, started, ended FROM jobs "

static enum status row_read(sqlite3_stmt *query, struct job_row *job, struct arena *keep,
                            struct error *err)
{
    const int state = sqlite3_column_int(query, 7);

    *job = (struct job_row){.id = sqlite3_column_int64(query, 0),
                            .state = state >= 0 && state < JOB_STATES ? (enum job_state)state
                                                                      : JOB_FAILED,
                            .staged = sqlite3_column_int(query, 8),
                            .cancel = sqlite3_column_int(query, 9),
                            .attempt = sqlite3_column_int64(query, 10),
                            .attempts_max = sqlite3_column_int64(query, 11),
                            .timeout_ms = sqlite3_column_int64(query, 12),
                            .progress = (double)sqlite3_column_int64(query, 13) / 1e6,
                            .status = sqlite3_column_int64(query, 16),
                            .lease_ms = sqlite3_column_int64(query, 19),
                            .not_before_ms = sqlite3_column_int64(query, 20)};
    if (sql_text(query, 1, &job->kind, keep) && sql_text(query, 2, &job->name, keep) &&
        sql_text(query, 3, &job->request, keep) && sql_text(query, 4, &job->key, keep) &&
        sql_text(query, 5, &job->digest, keep) && sql_text(query, 6, &job->folder, keep) &&
        sql_text(query, 14, &job->said, keep) && sql_text(query, 15, &job->error, keep) &&
        sql_text(query, 17, &job->result, keep) && sql_text(query, 18, &job->owner, keep) &&
        sql_text(query, 21, &job->created, keep) && sql_text(query, 22, &job->started, keep) &&
        sql_text(query, 23, &job->ended, keep))
        return STATUS_OK;
    return error_no_memory(err, "a job");
}

/* The first row of a query, which is finalized. */
static enum status row_first(struct queue *queue, sqlite3_stmt *query, bool *found,
                             struct job_row *job, struct arena *keep, struct error *err)
{
    enum status status = sql_step(&queue->rows, query, found, err);

    if (!status && *found)
        status = row_read(query, job, keep, err);
    sqlite3_finalize(query);
    return status;
}

static enum status find_locked(struct queue *queue, int64_t id, const char *key, bool *found,
                               struct job_row *job, struct arena *keep, struct error *err)
{
    sqlite3_stmt *query;

    TRY(sql_open(&queue->rows, &query, err,
                 COLUMNS "WHERE (?1 <> 0 AND id = ?1) OR (?1 = 0 AND key = ?2)", "it", id, key));
    return row_first(queue, query, found, job, keep, err);
}

static enum status find(struct queue *queue, int64_t id, bool *found, struct job_row *job,
                        struct arena *keep, struct error *err)
{
    enum status status;

    *found = false;
    if (!id)
        return STATUS_OK;
    sqlite_lock(&queue->rows);
    status = find_locked(queue, id, NULL, found, job, keep, err);
    sqlite_unlock(&queue->rows);
    return status;
}

static enum status find_key(struct queue *queue, const char *key, bool *found, struct job_row *job,
                            struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(&queue->rows);
    status = find_locked(queue, 0, key, found, job, keep, err);
    sqlite_unlock(&queue->rows);
    return status;
}

static enum status list_locked(struct queue *queue, const struct job_filter *filter,
                               struct job_row **jobs, size_t *count, struct arena *keep,
                               struct error *err)
{
    size_t capacity = 0, used = 0;
    struct job_row *items = NULL;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(&queue->rows, &query, err,
                 COLUMNS "WHERE (?1 IS NULL OR name = ?1) AND (?2 = 0 OR (1 << state) & ?2)"
                         " AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
                 "tiii", filter->name, (int64_t)filter->states, filter->before,
                 filter->most ? (int64_t)filter->most : (int64_t)-1));
    for (status = sql_step(&queue->rows, query, &row, err); !status && row;
         status = sql_step(&queue->rows, query, &row, err)) {
        status = ARENA_GROW(keep, items, used, capacity) ? STATUS_OK : error_no_memory(err, "jobs");
        if (!status)
            status = row_read(query, &items[used++], keep, err);
        if (status)
            break;
    }
    sqlite3_finalize(query);
    *jobs = items;
    *count = used;
    return status;
}

static enum status list(struct queue *queue, const struct job_filter *filter, struct job_row **jobs,
                        size_t *count, struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(&queue->rows);
    status = list_locked(queue, filter, jobs, count, keep, err);
    sqlite_unlock(&queue->rows);
    return status;
}

/* --- changes --- */

static enum status begin(struct queue *queue, struct error *err)
{
    enum status status;

    sqlite_lock(&queue->rows);
    status = sql_run(&queue->rows, err, "BEGIN IMMEDIATE", "");
    if (status)
        sqlite_unlock(&queue->rows);
    return status;
}

static enum status end(struct queue *queue, enum status status, struct error *err)
{
    if (!status)
        status = sql_run(&queue->rows, err, "COMMIT", "");
    if (status)
        sqlite_undo(&queue->rows);
    sqlite_unlock(&queue->rows);
    return status;
}

static enum status submit_locked(struct queue *queue, struct job_row *job, bool *known,
                                 struct arena *scratch, struct error *err)
{
    struct job_row other;
    char when[32];

    *known = false;
    if (job->key)
        TRY(find_locked(queue, 0, job->key, known, &other, scratch, err));
    if (*known) {
        job->id = other.id;
        if (!strcmp(other.digest, job->digest))
            return STATUS_OK;
        if (error_set(err, STATUS_CONFLICT, "the key of this submission is that of job %lld",
                      (long long)other.id))
            error_fix(err, "a submission of something else needs a key of its own");
        return err->status;
    }
    now_text(when);
    TRY(sql_run(&queue->rows, err,
                "INSERT INTO jobs (kind, name, request, key, digest, folder, attempts_max,"
                " timeout_ms, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                "ttttttiit", job->kind, job->name, job->request, job->key, job->digest, job->folder,
                job->attempts_max, job->timeout_ms, when));
    job->id = sqlite3_last_insert_rowid(queue->rows.connection);
    return STATUS_OK;
}

static enum status submit(struct queue *queue, struct job_row *job, bool *known, struct error *err)
{
    struct arena scratch;
    enum status status;

    TRY(begin(queue, err));
    arena_init(&scratch, 64 << 20);
    status = end(queue, submit_locked(queue, job, known, &scratch, err), err);
    arena_release(&scratch);
    return status;
}

static enum status keep_locked(struct queue *queue, struct job_row *job, const char *result,
                               struct error *err)
{
    char when[32];

    now_text(when);
    TRY(sql_run(&queue->rows, err,
                "INSERT INTO jobs (kind, name, request, digest, folder, attempts_max, timeout_ms,"
                " state, progress, result, created, started, ended)"
                " VALUES (?1, ?2, '{}', '', ?3, 1, 1, 2, 1000000, ?4, ?5, ?5, ?5)",
                "ttttt", job->kind, job->name, job->folder, result, when));
    job->id = sqlite3_last_insert_rowid(queue->rows.connection);
    job->state = JOB_DONE;
    return STATUS_OK;
}

static enum status keep_row(struct queue *queue, struct job_row *job, const char *result,
                            struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, keep_locked(queue, job, result, err), err);
}

/* One that had all its attempts does not get another: its worker or its server died each time. */
static enum status give_up_locked(struct queue *queue, struct error *err)
{
    char when[32];

    now_text(when);
    return sql_run(&queue->rows, err,
                   "UPDATE jobs SET state = 3, ended = ?1, status = ifnull(nullif(status, 0), ?2),"
                   " error = 'was given up after ' || attempt || ' attempts: ' ||"
                   " ifnull(error, 'each was interrupted')"
                   " WHERE state = 0 AND NOT staged AND attempt >= attempts_max",
                   "ti", when, (int64_t)STATUS_FAILED);
}

static enum status claim_locked(struct queue *queue, const char *owner, int64_t lease_ms,
                                bool *found, struct job_row *job, struct arena *keep,
                                struct error *err)
{
    int64_t now = queue_now_ms(), id = 0;
    char when[32];

    TRY(give_up_locked(queue, err));
    TRY(sql_integer(&queue->rows, &id, found, err,
                    "SELECT id FROM jobs WHERE state = 0 AND not_before_ms <= ?1 ORDER BY id"
                    " LIMIT 1",
                    "i", now));
    if (!*found)
        return STATUS_OK;
    now_text(when);
    TRY(sql_run(&queue->rows, err,
                "UPDATE jobs SET state = 1, attempt = attempt + 1, owner = ?2, lease_ms = ?3,"
                " started = ?4, progress = -1, said = '' WHERE id = ?1",
                "itit", id, owner, now + lease_ms, when));
    return find_locked(queue, id, NULL, found, job, keep, err);
}

static enum status claim(struct queue *queue, const char *owner, int64_t lease_ms, bool *found,
                         struct job_row *job, struct arena *keep, struct error *err)
{
    *found = false;
    TRY(begin(queue, err));
    return end(queue, claim_locked(queue, owner, lease_ms, found, job, keep, err), err);
}

/* After an UPDATE of a job that `job` has: it did. */
static enum status had(struct queue *queue, const struct job_row *job, struct error *err)
{
    if (sqlite3_changes(queue->rows.connection))
        return STATUS_OK;
    return error_set(err, STATUS_CONFLICT, "job %lld was taken over", (long long)job->id);
}
#define MINE " WHERE id = ?1 AND state = 1 AND owner = ?2 AND attempt = ?3"

static enum status renew_locked(struct queue *queue, const struct job_row *job, int64_t lease_ms,
                                double progress, const char *said, bool *cancel, struct error *err)
{
    int64_t wanted = 0;
    bool found;

    TRY(sql_run(&queue->rows, err, "UPDATE jobs SET lease_ms = ?4, progress = ?5, said = ?6" MINE,
                "itiiit", job->id, job->owner, job->attempt, queue_now_ms() + lease_ms,
                (int64_t)(progress * 1e6), said));
    TRY(had(queue, job, err));
    TRY(sql_integer(&queue->rows, &wanted, &found, err, "SELECT cancel FROM jobs WHERE id = ?1",
                    "i", job->id));
    *cancel = wanted != 0;
    return STATUS_OK;
}

static enum status renew(struct queue *queue, const struct job_row *job, int64_t lease_ms,
                         double progress, const char *said, bool *cancel, struct error *err)
{
    *cancel = false;
    TRY(begin(queue, err));
    return end(queue, renew_locked(queue, job, lease_ms, progress, said, cancel, err), err);
}

static enum status stage_locked(struct queue *queue, const struct job_row *job, struct error *err)
{
    TRY(sql_run(&queue->rows, err, "UPDATE jobs SET staged = 1" MINE, "iti", job->id, job->owner,
                job->attempt));
    return had(queue, job, err);
}

static enum status stage(struct queue *queue, const struct job_row *job, struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, stage_locked(queue, job, err), err);
}

static enum status finish_locked(struct queue *queue, const struct job_row *job,
                                 enum job_state state, const char *text, enum status why,
                                 struct error *err)
{
    bool done = state == JOB_DONE;
    char when[32];

    now_text(when);
    TRY(sql_run(&queue->rows, err,
                "UPDATE jobs SET state = ?4, ended = ?5, owner = NULL, result = ?6, error = ?7,"
                " status = ?8, progress = CASE ?4 WHEN 2 THEN 1000000 ELSE progress END" MINE,
                "itiittti", job->id, job->owner, job->attempt, (int64_t)state, when,
                done ? text : NULL, done ? NULL : text, (int64_t)why));
    return had(queue, job, err);
}

static enum status finish(struct queue *queue, const struct job_row *job, enum job_state state,
                          const char *text, enum status why, struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, finish_locked(queue, job, state, text, why, err), err);
}

static enum status release_locked(struct queue *queue, const struct job_row *job, bool counts,
                                  int64_t not_before_ms, const char *error, enum status why,
                                  struct error *err)
{
    TRY(sql_run(&queue->rows, err,
                "UPDATE jobs SET state = 0, owner = NULL, attempt = attempt - ?4,"
                " not_before_ms = ?5, error = ?6, status = ?7, progress = -1" MINE,
                "itiiiti", job->id, job->owner, job->attempt, (int64_t)!counts, not_before_ms,
                error, (int64_t)why));
    TRY(had(queue, job, err));
    return give_up_locked(queue, err);
}

static enum status release(struct queue *queue, const struct job_row *job, bool counts,
                           int64_t not_before_ms, const char *error, enum status why,
                           struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, release_locked(queue, job, counts, not_before_ms, error, why, err), err);
}

static enum status cancel_locked(struct queue *queue, int64_t id, enum job_state *state,
                                 struct error *err)
{
    int64_t now = 0;
    char when[32];
    bool found;

    TRY(sql_integer(&queue->rows, &now, &found, err, "SELECT state FROM jobs WHERE id = ?1", "i",
                    id));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no job %lld", (long long)id);
    *state = (enum job_state)now;
    if (job_state_ended(*state)) {
        if (error_set(err, STATUS_CONFLICT, "job %lld is %s already", (long long)id,
                      job_state_name(*state)))
            error_fix(err, "`firn jobs show %lld` shows it", (long long)id);
        return err->status;
    }
    now_text(when);
    if (*state == JOB_RUNNING)
        return sql_run(&queue->rows, err, "UPDATE jobs SET cancel = 1 WHERE id = ?1", "i", id);
    *state = JOB_CANCELLED;
    return sql_run(&queue->rows, err, "UPDATE jobs SET state = 4, ended = ?2 WHERE id = ?1", "it",
                   id, when);
}

static enum status cancel(struct queue *queue, int64_t id, enum job_state *state, struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, cancel_locked(queue, id, state, err), err);
}

static enum status owners_locked(struct queue *queue, const char ***owners, size_t *count,
                                 struct arena *keep, struct error *err)
{
    const char **items = NULL;
    size_t used = 0, capacity = 0;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(&queue->rows, &query, err, "SELECT DISTINCT owner FROM jobs WHERE state = 1", ""));
    for (status = sql_step(&queue->rows, query, &row, err); !status && row;
         status = sql_step(&queue->rows, query, &row, err)) {
        if (!ARENA_GROW(keep, items, used, capacity) || !sql_text(query, 0, &items[used++], keep)) {
            status = error_no_memory(err, "owners of jobs");
            break;
        }
    }
    sqlite3_finalize(query);
    *owners = items;
    *count = used;
    return status;
}

static enum status owners(struct queue *queue, const char ***names, size_t *count,
                          struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(&queue->rows);
    status = owners_locked(queue, names, count, keep, err);
    sqlite_unlock(&queue->rows);
    return status;
}

static enum status reclaim_locked(struct queue *queue, const char *owner, size_t *count,
                                  struct error *err)
{
    char when[32];

    now_text(when);
    /* cancelled meanwhile: nobody is left who could see it */
    TRY(sql_run(&queue->rows, err,
                "UPDATE jobs SET state = 4, ended = ?3, owner = NULL"
                " WHERE state = 1 AND cancel AND NOT staged"
                " AND ((?1 IS NOT NULL AND owner = ?1) OR (?1 IS NULL AND lease_ms < ?2))",
                "tit", owner, queue_now_ms(), when));
    *count = (size_t)sqlite3_changes(queue->rows.connection);
    TRY(sql_run(&queue->rows, err,
                "UPDATE jobs SET state = 0, owner = NULL, progress = -1, status = ?3,"
                " error = 'the server ended while it ran'"
                " WHERE state = 1"
                " AND ((?1 IS NOT NULL AND owner = ?1) OR (?1 IS NULL AND lease_ms < ?2))",
                "tii", owner, queue_now_ms(), (int64_t)STATUS_UNAVAILABLE));
    *count += (size_t)sqlite3_changes(queue->rows.connection);
    return give_up_locked(queue, err);
}

static enum status reclaim(struct queue *queue, const char *owner, size_t *count, struct error *err)
{
    *count = 0;
    TRY(begin(queue, err));
    return end(queue, reclaim_locked(queue, owner, count, err), err);
}

static enum status remove_locked(struct queue *queue, int64_t id, struct error *err)
{
    TRY(sql_run(&queue->rows, err, "DELETE FROM jobs WHERE id = ?1 AND state >= 2", "i", id));
    if (sqlite3_changes(queue->rows.connection))
        return STATUS_OK;
    return error_set(err, STATUS_CONFLICT, "job %lld has not ended", (long long)id);
}

static enum status remove_row(struct queue *queue, int64_t id, struct error *err)
{
    TRY(begin(queue, err));
    return end(queue, remove_locked(queue, id, err), err);
}

const struct queue_backend queue_sqlite = {
    .name = "sqlite",
    .open = open_queue,
    .close = close_queue,
    .submit = submit,
    .keep = keep_row,
    .find = find,
    .find_key = find_key,
    .list = list,
    .claim = claim,
    .renew = renew,
    .stage = stage,
    .finish = finish,
    .release = release,
    .cancel = cancel,
    .owners = owners,
    .reclaim = reclaim,
    .remove = remove_row,
};
