// SPDX-License-Identifier: Apache-2.0
/* Objects of the SQLite back end: revisions, and the parts that they share. */
#include "registry/store/sqlite.h"

#include "base/hash/sha256.h"

#define OBJECT_COLUMNS                                                                             \
    "SELECT o.kind, o.name, r.number, r.format, r.metadata, r.digest, r.bytes,"                    \
    " r.last - r.first + 1, r.created, o.id, r.first"                                              \
    " FROM object_revisions r JOIN objects o ON o.id = r.object "
#define OBJECT_NEWEST "(SELECT max(number) FROM object_revisions w WHERE w.object = r.object)"

/* --- reading --- */

static enum status object_read(sqlite3_stmt *query, struct object *object, struct arena *keep,
                               struct error *err)
{
    *object = (struct object){.number = sqlite3_column_int64(query, 2),
                              .bytes = sqlite3_column_int64(query, 6),
                              .parts = sqlite3_column_int64(query, 7),
                              .id = sqlite3_column_int64(query, 9),
                              .first = sqlite3_column_int64(query, 10)};
    if (sql_text(query, 0, &object->kind, keep) && sql_text(query, 1, &object->name, keep) &&
        sql_text(query, 3, &object->format, keep) && sql_text(query, 4, &object->metadata, keep) &&
        sql_text(query, 5, &object->digest, keep) && sql_text(query, 8, &object->created, keep))
        return STATUS_OK;
    return error_no_memory(err, "an object");
}

static enum status find_locked(struct store *store, const char *kind, const char *name,
                               int64_t number, size_t back, bool *found, struct object *object,
                               struct arena *keep, struct error *err)
{
    sqlite3_stmt *query;
    enum status status;

    TRY(sql_open(store, &query, err,
                 OBJECT_COLUMNS "WHERE o.kind = ?1 AND o.name = ?2 AND (?3 = 0 OR r.number = ?3)"
                                " ORDER BY r.number DESC LIMIT 1 OFFSET ?4",
                 "ttii", kind, name, number, (int64_t)back));
    status = sql_step(store, query, found, err);
    if (!status && *found)
        status = object_read(query, object, keep, err);
    sqlite3_finalize(query);
    return status;
}

enum status sqlite_object_find(struct store *store, const char *kind, const char *name,
                               int64_t number, size_t back, bool *found, struct object *object,
                               struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = find_locked(store, kind, name, number, back, found, object, keep, err);
    sqlite_unlock(store);
    return status;
}

static enum status list_locked(struct store *store, const char *kind, const char *pattern,
                               const char *name, struct object **objects, size_t *count,
                               struct arena *keep, struct error *err)
{
    size_t capacity = 0, used = 0;
    struct object *items = NULL;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err,
                 OBJECT_COLUMNS "WHERE o.kind = ?1 AND (?2 IS NULL OR o.name GLOB ?2)"
                                " AND (?3 IS NOT NULL AND o.name = ?3"
                                "      OR ?3 IS NULL AND r.number = " OBJECT_NEWEST ")"
                                " ORDER BY o.name, r.number DESC",
                 "ttt", kind, pattern, name));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        status =
            ARENA_GROW(keep, items, used, capacity) ? STATUS_OK : error_no_memory(err, "objects");
        if (!status)
            status = object_read(query, &items[used++], keep, err);
        if (status)
            break;
    }
    sqlite3_finalize(query);
    *objects = items;
    *count = used;
    return status;
}

enum status sqlite_object_list(struct store *store, const char *kind, const char *pattern,
                               const char *name, struct object **objects, size_t *count,
                               struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = list_locked(store, kind, pattern, name, objects, count, keep, err);
    sqlite_unlock(store);
    return status;
}

static enum status parts_locked(struct store *store, const struct object *object,
                                struct object_part **parts, size_t *count, struct arena *keep,
                                struct error *err)
{
    struct object_part *items = NULL;
    size_t capacity = 0, used = 0;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err,
                 "SELECT digest, bytes FROM object_parts"
                 " WHERE ?1 = 0 OR (object = ?1 AND part >= ?2 AND part < ?2 + ?3)"
                 " ORDER BY object, part",
                 "iii", object ? object->id : (int64_t)0, object ? object->first : (int64_t)0,
                 object ? object->parts : (int64_t)0));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        if (!ARENA_GROW(keep, items, used, capacity)) {
            status = error_no_memory(err, "parts");
            break;
        }
        items[used] = (struct object_part){.bytes = sqlite3_column_int64(query, 1)};
        if (!sql_text(query, 0, &items[used++].digest, keep)) {
            status = error_no_memory(err, "parts");
            break;
        }
    }
    sqlite3_finalize(query);
    *parts = items;
    *count = used;
    return status;
}

enum status sqlite_object_parts(struct store *store, const struct object *object,
                                struct object_part **parts, size_t *count, struct arena *keep,
                                struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = parts_locked(store, object, parts, count, keep, err);
    sqlite_unlock(store);
    return status;
}

/* --- putting --- */

/* What the next revision will be. */
struct next {
    int64_t first, bytes;
    const char *metadata;
    char digest[7 + SHA256_HEX_SIZE];
};

/* May it stand on the newest one? */
static enum status expected_check(const struct object_put *put, int64_t newest, struct error *err)
{
    if (put->expected < 0 || put->expected == newest)
        return STATUS_OK;
    if (newest == 0)
        return error_set(err, STATUS_CONFLICT, "%s \"%s\" does not exist, expected revision %lld",
                         put->kind, put->name, (long long)put->expected);
    return error_set(err, STATUS_CONFLICT, "%s \"%s\" stands at revision %lld, not at %lld",
                     put->kind, put->name, (long long)newest, (long long)put->expected);
}

/* The digest of what has several parts is that of their digests. */
static enum status digest_chain(const char *before, const char *part, char *digest,
                                struct error *err)
{
    char both[2 * (7 + SHA256_HEX_SIZE)];

    snprintf(both, sizeof both, "%s\n%s", before, part);
    memcpy(digest, "sha256:", 7);
    if (!sha256_of(bytes_of(both), digest + 7))
        return error_no_memory(err, "a digest");
    return STATUS_OK;
}

static enum status next_appended(const struct object_put *put, const struct object *newest,
                                 const struct object_part *part, struct next *next,
                                 struct error *err)
{
    if (strcmp(newest->format, put->format) != 0)
        return error_set(err, STATUS_CONFLICT, "%s \"%s\" is of format %s: %s cannot be appended",
                         put->kind, put->name, newest->format, put->format);
    if (newest->parts >= OBJECT_PARTS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s \"%s\" was appended to %d times", put->kind,
                         put->name, OBJECT_PARTS_MAX - 1);
    next->first = newest->first;
    next->bytes += newest->bytes;
    if (!next->metadata)
        next->metadata = newest->metadata;
    return digest_chain(newest->digest, part->digest, next->digest, err);
}

static enum status insert(struct store *store, const struct object_put *put,
                          const struct object_part *part, struct next *next, int64_t id,
                          const char *when, struct error *err)
{
    int64_t last = 0, number = 0;
    bool found;

    TRY(sql_integer(store, &last, &found, err,
                    "SELECT ifnull(max(part), 0) + 1 FROM object_parts WHERE object = ?1", "i",
                    id));
    if (!next->first)
        next->first = last;
    TRY(sql_run(store, err,
                "INSERT INTO object_parts (object, part, digest, bytes) VALUES (?1, ?2, ?3, ?4)",
                "iiti", id, last, part->digest, part->bytes));
    TRY(sql_run(store, err, "UPDATE objects SET last_number = last_number + 1 WHERE id = ?1", "i",
                id));
    TRY(sql_integer(store, &number, &found, err, "SELECT last_number FROM objects WHERE id = ?1",
                    "i", id));
    return sql_run(store, err,
                   "INSERT INTO object_revisions (object, number, format, metadata, digest, bytes,"
                   " first, last, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                   "iitttiiit", id, number, put->format, next->metadata ? next->metadata : "{}",
                   next->digest, next->bytes, next->first, last, when);
}

static enum status put_locked(struct store *store, const struct object_put *put,
                              const struct object_part *part, const char *when,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err)
{
    struct next next = {.bytes = part->bytes, .metadata = put->metadata};
    struct object newest = {.number = 0};
    int64_t id = 0;
    bool found;

    memcpy(next.digest, part->digest, strlen(part->digest) + 1);
    TRY(find_locked(store, put->kind, put->name, 0, 0, &found, &newest, keep, err));
    TRY(expected_check(put, newest.number, err));
    if (found && put->append) {
        TRY(next_appended(put, &newest, part, &next, err));
    } else if (found && strcmp(newest.digest, next.digest) == 0 &&
               strcmp(newest.format, put->format) == 0 &&
               strcmp(newest.metadata, next.metadata ? next.metadata : "{}") == 0) {
        *unchanged = true;
        *object = newest;
        return STATUS_OK;
    }
    TRY(sql_run(store, err,
                "INSERT INTO objects (kind, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING", "tt",
                put->kind, put->name));
    TRY(sql_integer(store, &id, &found, err, "SELECT id FROM objects WHERE kind = ?1 AND name = ?2",
                    "tt", put->kind, put->name));
    TRY(insert(store, put, part, &next, id, when, err));
    return find_locked(store, put->kind, put->name, 0, 0, &found, object, keep, err);
}

enum status sqlite_object_put(struct store *store, const struct object_put *put,
                              const struct object_part *part, const char *when,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status) {
        status = put_locked(store, put, part, when, object, unchanged, keep, err);
        if (!status && *unchanged)
            sqlite_undo(store);
        else
            status = sqlite_finish(store, status, err);
    }
    sqlite_unlock(store);
    return status;
}

/* --- removing --- */

static enum status remove_locked(struct store *store, const char *kind, const char *name,
                                 int64_t number, struct error *err)
{
    int64_t id = 0;
    bool found;

    TRY(sql_integer(store, &id, &found, err,
                    "SELECT o.id FROM objects o JOIN object_revisions r ON r.object = o.id"
                    " WHERE o.kind = ?1 AND o.name = ?2 AND (?3 = 0 OR r.number = ?3) LIMIT 1",
                    "tti", kind, name, number));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "%s \"%s\" was dropped meanwhile", kind, name);
    TRY(sql_run(store, err,
                "DELETE FROM object_revisions WHERE object = ?1 AND (?2 = 0 OR number = ?2)", "ii",
                id, number));
    return sql_run(store, err,
                   "DELETE FROM object_parts WHERE object = ?1 AND NOT EXISTS"
                   " (SELECT 1 FROM object_revisions r WHERE r.object = object_parts.object"
                   "  AND object_parts.part BETWEEN r.first AND r.last)",
                   "i", id);
}

enum status sqlite_object_remove(struct store *store, const char *kind, const char *name,
                                 int64_t number, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, remove_locked(store, kind, name, number, err), err);
    sqlite_unlock(store);
    return status;
}
