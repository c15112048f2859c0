// SPDX-License-Identifier: Apache-2.0
/* Rows in SQLite: write-ahead log, synced at each commit. One connection behind a lock: a commit
 * takes 0.2 ms, and changes of a registry are rare. */
#include "registry/store/sqlite.h"

#include <stdlib.h>

#include "base/text.h"

enum { BUSY_MS = 20000 }; /* how long a writer waits for one in another process */

enum status sqlite_begin(struct store *store, struct error *err)
{
    return sql_run(store, err, "BEGIN IMMEDIATE", "");
}

/* Commit a change, or undo it when `status` says that it failed. */
enum status sqlite_finish(struct store *store, enum status status, struct error *err)
{
    if (!status)
        status =
            sql_run(store, err, "UPDATE store SET generation = generation + 1 WHERE id = 1", "");
    if (!status)
        status = sql_run(store, err, "COMMIT", "");
    if (status)
        sqlite3_exec(store->connection, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* --- opening --- */

static enum status set_up(struct store *store, struct error *err)
{
    static const char *const PRAGMAS[] = {
        "PRAGMA journal_mode = WAL",   "PRAGMA synchronous = FULL",   "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON",
    };

    sqlite3_busy_timeout(store->connection, BUSY_MS);
    sqlite3_db_config(store->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(PRAGMAS); i++)
        TRY(sql_run(store, err, PRAGMAS[i], ""));
    return sqlite_schema(store, err);
}

static void close_store(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->connection);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static enum status open_store(const char *folder, struct store **store, struct error *err)
{
    struct store *opened = calloc(1, sizeof *opened);
    struct text path = {0};
    enum status status;

    *store = NULL;
    if (!opened)
        return error_no_memory(err, "store.db");
    pthread_mutex_init(&opened->lock, NULL);
    text_printf(&path, "%s/store.db", folder);
    status = text_check(&path, err);
    if (!status && sqlite3_open_v2(path.data, &opened->connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK)
        status = error_set(err, STATUS_INVALID_INPUT, "cannot open \"%s\": %s", path.data,
                           sqlite3_errmsg(opened->connection));
    if (!status)
        status = set_up(opened, err);
    text_release(&path);
    if (status)
        close_store(opened);
    else
        *store = opened;
    return status;
}

/* --- changing --- */

static enum status history_add(struct store *store, const char *when, const char *model,
                               const char *action, const char *alias, int64_t number,
                               int64_t previous, struct error *err)
{
    return sql_run(store, err,
                   "INSERT INTO history (created, model, action, alias, number, previous)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   "ttttii", when, model, action, alias, number, previous);
}

/* Each must still be there: the foreign key says so. */
static enum status uses_add(struct store *store, int64_t model, int64_t number,
                            const struct version_use *uses, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0, one;
        bool found;

        TRY(sql_integer(store, &id, &found, err, "SELECT id FROM models WHERE name = ?1", "t",
                        uses[i].model));
        TRY(sql_integer(store, &one, &found, err,
                        "SELECT 1 FROM versions WHERE model = ?1 AND number = ?2", "ii", id,
                        uses[i].number));
        if (!found)
            return error_set(err, STATUS_NOT_FOUND, "%s:%lld was deleted meanwhile", uses[i].model,
                             (long long)uses[i].number);
        TRY(sql_run(store, err,
                    "INSERT INTO uses (model, number, used_model, used_number)"
                    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    "iiii", model, number, id, uses[i].number));
    }
    return STATUS_OK;
}

/* The id of a new version, and what comes with it. */
static enum status records_add(struct store *store, struct version *version, int64_t model,
                               const struct version_upload *upload, struct error *err)
{
    TRY(sql_run(store, err,
                "INSERT INTO version_ids (id, model, number) VALUES (nullif(?1, 0), ?2, ?3)", "iii",
                upload->place ? upload->place->id : (int64_t)0, model, version->number));
    version->id = sqlite3_last_insert_rowid(store->connection);
    for (size_t i = 0; i < upload->record_count; i++) {
        struct record record = upload->records[i];

        record.version = version->id;
        record.created = version->created;
        TRY(sqlite_record_insert(store, &record, err));
    }
    return STATUS_OK;
}

static enum status model_make(struct store *store, const char *name, int64_t *id, struct error *err)
{
    bool found;

    TRY(sql_run(store, err, "INSERT INTO models (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
                "t", name));
    return sql_integer(store, id, &found, err, "SELECT id FROM models WHERE name = ?1", "t", name);
}

static enum status add_locked(struct store *store, struct version *version,
                              const struct store_image *image, const struct version_upload *upload,
                              bool *unchanged, struct error *err)
{
    int64_t model = 0, last = 0;
    bool found;

    TRY(sql_integer(store, &version->number, unchanged, err,
                    "SELECT v.number FROM versions v JOIN models m ON m.id = v.model"
                    " WHERE m.name = ?1 AND v.digest = ?2 AND v.number = " SQLITE_NEWEST,
                    "tt", version->model, version->digest));
    *unchanged = *unchanged && !upload->place;
    if (*unchanged)
        return STATUS_OK;
    TRY(model_make(store, version->model, &model, err));
    TRY(sql_run(store, err, "UPDATE models SET last_number = last_number + 1 WHERE id = ?1", "i",
                model));
    TRY(sql_integer(store, &last, &found, err, "SELECT last_number FROM models WHERE id = ?1", "i",
                    model));
    if (upload->place && upload->place->number != last)
        return error_set(err, STATUS_CONFLICT, "another upload became version %lld of \"%s\"",
                         (long long)upload->place->number, version->model);
    TRY(sql_run(store, err,
                "INSERT INTO images (digest, manifest_bytes, config, config_bytes, layer,"
                " layer_bytes, single) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                " ON CONFLICT (digest) DO NOTHING",
                "tititii", image->digest, image->manifest_bytes, image->config, image->config_bytes,
                image->layer, image->layer_bytes, (int64_t)image->single));
    TRY(sql_run(store, err,
                "INSERT INTO versions (model, number, digest, format, framework,"
                " framework_version, contract, manifest, reason, created, bytes)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                "iitttttttti", model, last, version->digest, version->format, version->framework,
                version->framework_version, version->contract, version->manifest, version->reason,
                version->created, version->bytes));
    version->number = last;
    TRY(uses_add(store, model, last, upload->uses, upload->use_count, err));
    TRY(records_add(store, version, model, upload, err));
    return history_add(store, version->created, version->model, "upload", NULL, last, 0, err);
}

static enum status add(struct store *store, struct version *version,
                       const struct store_image *image, const struct version_upload *upload,
                       bool *unchanged, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status) {
        status = add_locked(store, version, image, upload, unchanged, err);
        if (!status && *unchanged)
            sqlite_undo(store);
        else
            status = sqlite_finish(store, status, err);
    }
    sqlite_unlock(store);
    return status;
}

/* The next id of a version is what SQLite remembers of the largest one. */
static enum status reserve_locked(struct store *store, const char *model,
                                  struct version_place *place, struct error *err)
{
    bool found;

    TRY(model_make(store, model, &place->model_id, err));
    TRY(sql_integer(store, &place->number, &found, err,
                    "SELECT last_number + 1 FROM models WHERE id = ?1", "i", place->model_id));
    TRY(sql_run(store, err,
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'version_ids', 0"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'version_ids')",
                ""));
    TRY(sql_run(store, err, "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'version_ids'",
                ""));
    return sql_integer(store, &place->id, &found, err,
                       "SELECT seq FROM sqlite_sequence WHERE name = 'version_ids'", "");
}

static enum status reserve(struct store *store, const char *model, struct version_place *place,
                           struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, reserve_locked(store, model, place, err), err);
    sqlite_unlock(store);
    return status;
}

static enum status model_find(struct store *store, const char *model, int64_t *id,
                              struct error *err)
{
    bool found;

    TRY(sql_integer(store, id, &found, err,
                    "SELECT m.id FROM models m WHERE m.name = ?1"
                    " AND EXISTS (SELECT 1 FROM versions v WHERE v.model = m.id)",
                    "t", model));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no model \"%s\"", model);
    return STATUS_OK;
}

static enum status version_exists(struct store *store, const char *model, int64_t id,
                                  int64_t number, struct error *err)
{
    int64_t one;
    bool found;

    TRY(sql_integer(store, &one, &found, err,
                    "SELECT 1 FROM versions WHERE model = ?1 AND number = ?2", "ii", id, number));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "model \"%s\" has no version %lld", model,
                         (long long)number);
    return STATUS_OK;
}

static enum status alias_locked(struct store *store, const char *model, const char *alias,
                                int64_t number, int64_t expected, const char *when,
                                struct error *err)
{
    int64_t id = 0, previous = 0;
    bool found;

    TRY(model_find(store, model, &id, err));
    TRY(sql_integer(store, &previous, &found, err,
                    "SELECT number FROM aliases WHERE model = ?1 AND name = ?2", "it", id, alias));
    if (expected >= 0 && previous != expected && previous == 0)
        return error_set(err, STATUS_CONFLICT, "alias \"%s@%s\" does not exist, expected at %lld",
                         model, alias, (long long)expected);
    if (expected >= 0 && previous != expected)
        return error_set(err, STATUS_CONFLICT, "alias \"%s@%s\" stands at %lld, not at %lld", model,
                         alias, (long long)previous, (long long)expected);
    if (number == 0 && !found)
        return error_set(err, STATUS_NOT_FOUND, "model \"%s\" has no alias \"%s\"", model, alias);
    if (number == 0) {
        TRY(sql_run(store, err, "DELETE FROM aliases WHERE model = ?1 AND name = ?2", "it", id,
                    alias));
    } else {
        TRY(version_exists(store, model, id, number, err));
        TRY(sql_run(store, err,
                    "INSERT INTO aliases (model, name, number) VALUES (?1, ?2, ?3)"
                    " ON CONFLICT (model, name) DO UPDATE SET number = ?3",
                    "iti", id, alias, number));
    }
    return history_add(store, when, model, "alias", alias, number, previous, err);
}

static enum status alias(struct store *store, const char *model, const char *alias, int64_t number,
                         int64_t expected, const char *when, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store,
                               alias_locked(store, model, alias, number, expected, when, err), err);
    sqlite_unlock(store);
    return status;
}

static enum status pushed(struct store *store, const char *model, int64_t number,
                          const char *reference, const char *when, struct error *err)
{
    enum status status;
    int64_t id = 0;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status) {
        status = model_find(store, model, &id, err);
        if (!status)
            status = version_exists(store, model, id, number, err);
        if (!status)
            status = sql_run(store, err,
                             "INSERT INTO pushes (reference, model, number, created)"
                             " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (reference)"
                             " DO UPDATE SET model = ?2, number = ?3, created = ?4",
                             "tiit", reference, id, number, when);
        status = sqlite_finish(store, status, err);
    }
    sqlite_unlock(store);
    return status;
}

/* CONFLICT when an alias stands on the version (number 0: on any). */
static enum status references_check(struct store *store, const char *model, int64_t id,
                                    int64_t number, struct error *err)
{
    struct text names = {0};
    sqlite3_stmt *query;
    enum status status;
    bool row = false;

    TRY(sql_open(store, &query, err,
                 "SELECT name, number FROM aliases WHERE model = ?1 AND (?2 = 0 OR number = ?2)"
                 " ORDER BY name",
                 "ii", id, number));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err))
        text_printf(&names, "%s%s@%s -> %lld", names.size ? ", " : "", model,
                    (const char *)sqlite3_column_text(query, 0),
                    (long long)sqlite3_column_int64(query, 1));
    sqlite3_finalize(query);
    if (!status && names.size)
        status = error_set(err, STATUS_CONFLICT, "aliases stand on it: %.300s", names.data);
    if (status)
        error_fix(err, "move or remove the aliases first");
    text_release(&names);
    return status;
}

/* CONFLICT when other versions need one of those. */
static enum status uses_check(struct store *store, int64_t id, int64_t number, struct error *err)
{
    struct text names = {0};
    sqlite3_stmt *query;
    enum status status;
    bool row = false;

    TRY(sql_open(
        store, &query, err,
        "SELECT m.name, u.number, u.used_number FROM uses u JOIN models m ON m.id = u.model"
        " WHERE u.used_model = ?1 AND (?2 = 0 OR u.used_number = ?2)"
        " ORDER BY m.name, u.number",
        "ii", id, number));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err))
        text_printf(&names, "%s%s:%lld uses version %lld", names.size ? ", " : "",
                    (const char *)sqlite3_column_text(query, 0),
                    (long long)sqlite3_column_int64(query, 1),
                    (long long)sqlite3_column_int64(query, 2));
    sqlite3_finalize(query);
    if (!status && names.size)
        status = error_set(err, STATUS_CONFLICT, "applications need it: %.300s", names.data);
    if (status)
        error_fix(err, "delete those versions of the applications first");
    text_release(&names);
    return status;
}

/* CONFLICT when a record needs one of those. */
static enum status records_check(struct store *store, int64_t id, int64_t number, struct error *err)
{
    struct text names = {0};
    sqlite3_stmt *query;
    enum status status;
    bool row = false;

    TRY(sql_open(store, &query, err,
                 "SELECT r.kind, r.name, i.number FROM records r"
                 " JOIN version_ids i ON i.id = r.version"
                 " WHERE r.needs AND i.model = ?1 AND (?2 = 0 OR i.number = ?2) ORDER BY r.id",
                 "ii", id, number));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err))
        text_printf(&names, "%s%s \"%s\" needs version %lld", names.size ? ", " : "",
                    (const char *)sqlite3_column_text(query, 0),
                    (const char *)sqlite3_column_text(query, 1),
                    (long long)sqlite3_column_int64(query, 2));
    sqlite3_finalize(query);
    if (!status && names.size)
        status = error_set(err, STATUS_CONFLICT, "%.300s", names.data);
    if (status)
        error_fix(err, "delete that first");
    text_release(&names);
    return status;
}

static enum status remove_locked(struct store *store, const char *model, int64_t number,
                                 const char *when, struct error *err)
{
    int64_t id = 0;

    TRY(model_find(store, model, &id, err));
    if (number)
        TRY(version_exists(store, model, id, number, err));
    TRY(references_check(store, model, id, number, err));
    TRY(uses_check(store, id, number, err));
    TRY(records_check(store, id, number, err));
    TRY(sql_run(store, err, "DELETE FROM versions WHERE model = ?1 AND (?2 = 0 OR number = ?2)",
                "ii", id, number));
    TRY(sql_run(store, err,
                "DELETE FROM images WHERE NOT EXISTS"
                " (SELECT 1 FROM versions v WHERE v.digest = images.digest)",
                ""));
    return history_add(store, when, model, "delete", NULL, number, 0, err);
}

static enum status remove_versions(struct store *store, const char *model, int64_t number,
                                   const char *when, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, remove_locked(store, model, number, when, err), err);
    sqlite_unlock(store);
    return status;
}

/* A process that dies between writing its commit to the log and telling the others leaves a
 * transaction that nobody sees until the log is recovered, at the next first opening. Committing
 * something writes over it. */
static enum status settle(struct store *store, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, STATUS_OK, err);
    sqlite_unlock(store);
    return status;
}

const struct store_backend store_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .close = close_store,
    .add = add,
    .reserve = reserve,
    .find = sqlite_find,
    .find_id = sqlite_find_id,
    .list = sqlite_list,
    .list_all = sqlite_list_all,
    .tags = sqlite_tags,
    .image = sqlite_image,
    .images = sqlite_images,
    .pushed = pushed,
    .pushes = sqlite_pushes,
    .alias = alias,
    .remove = remove_versions,
    .record_put = sqlite_record_put,
    .record_list = sqlite_record_list,
    .record_remove = sqlite_record_remove,
    .object_put = sqlite_object_put,
    .object_find = sqlite_object_find,
    .object_list = sqlite_object_list,
    .object_parts = sqlite_object_parts,
    .object_remove = sqlite_object_remove,
    .settle = settle,
    .generation = sqlite_generation,
    .check = sqlite_check,
};
