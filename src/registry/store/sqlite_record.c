// SPDX-License-Identifier: Apache-2.0
/* Records of the SQLite back end. */
#include "registry/store/sqlite.h"

#define RECORD_COLUMNS                                                                             \
    "SELECT id, kind, name, ifnull(version, 0), body, blob, blob_bytes, created, needs"            \
    " FROM records "

enum status sqlite_record_insert(struct store *store, struct record *record, struct error *err)
{
    TRY(sql_run(store, err,
                "INSERT INTO records (kind, name, version, body, blob, blob_bytes, created, needs)"
                " VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6, ?7, ?8)",
                "ttittiti", record->kind, record->name ? record->name : "", record->version,
                record->body ? record->body : "", record->blob, record->blob_bytes, record->created,
                (int64_t)record->needs));
    record->id = sqlite3_last_insert_rowid(store->connection);
    return STATUS_OK;
}

static enum status put_locked(struct store *store, struct record *record, bool replace,
                              struct error *err)
{
    int64_t id = 0;
    bool found;

    if (record->version) {
        TRY(sql_integer(store, &id, &found, err, "SELECT id FROM version_ids WHERE id = ?1", "i",
                        record->version));
        if (!found)
            return error_set(err, STATUS_NOT_FOUND, "there is no version with id %lld",
                             (long long)record->version);
    }
    if (!record->name || !*record->name)
        return sqlite_record_insert(store, record, err);
    TRY(sql_integer(store, &id, &found, err,
                    "SELECT id FROM records WHERE kind = ?1 AND name = ?2"
                    " AND ifnull(version, 0) = ?3",
                    "tti", record->kind, record->name, record->version));
    if (!found)
        return sqlite_record_insert(store, record, err);
    if (!replace)
        return error_set(err, STATUS_CONFLICT, "there is a %s \"%s\" already", record->kind,
                         record->name);
    record->id = id;
    return sql_run(store, err,
                   "UPDATE records SET body = ?2, blob = ?3, blob_bytes = ?4, created = ?5"
                   " WHERE id = ?1",
                   "ittit", id, record->body ? record->body : "", record->blob, record->blob_bytes,
                   record->created);
}

enum status sqlite_record_put(struct store *store, struct record *record, bool replace,
                              struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, put_locked(store, record, replace, err), err);
    sqlite_unlock(store);
    return status;
}

static enum status record_read(sqlite3_stmt *query, struct record *record, struct arena *keep,
                               struct error *err)
{
    *record = (struct record){.id = sqlite3_column_int64(query, 0),
                              .version = sqlite3_column_int64(query, 3),
                              .blob_bytes = sqlite3_column_int64(query, 6),
                              .needs = sqlite3_column_int(query, 8)};
    if (sql_text(query, 1, &record->kind, keep) && sql_text(query, 2, &record->name, keep) &&
        sql_text(query, 4, &record->body, keep) && sql_text(query, 5, &record->blob, keep) &&
        sql_text(query, 7, &record->created, keep))
        return STATUS_OK;
    return error_no_memory(err, "a record");
}

static enum status list_locked(struct store *store, const struct record_filter *filter,
                               struct record **records, size_t *count, struct arena *keep,
                               struct error *err)
{
    size_t capacity = 0, used = 0;
    struct record *items = NULL;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err,
                 RECORD_COLUMNS "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR name = ?2)"
                                " AND (?3 = 0 OR id = ?3) AND (?4 = 0 OR version = ?4)"
                                " ORDER BY id",
                 "ttii", filter->kind, filter->name, filter->id, filter->version));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        status =
            ARENA_GROW(keep, items, used, capacity) ? STATUS_OK : error_no_memory(err, "records");
        if (!status)
            status = record_read(query, &items[used++], keep, err);
        if (status)
            break;
    }
    sqlite3_finalize(query);
    *records = items;
    *count = used;
    return status;
}

enum status sqlite_record_list(struct store *store, const struct record_filter *filter,
                               struct record **records, size_t *count, struct arena *keep,
                               struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = list_locked(store, filter, records, count, keep, err);
    sqlite_unlock(store);
    return status;
}

static enum status remove_locked(struct store *store, int64_t id, struct error *err)
{
    TRY(sql_run(store, err, "DELETE FROM records WHERE id = ?1", "i", id));
    if (sqlite3_changes(store->connection) == 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no record %lld", (long long)id);
    return STATUS_OK;
}

enum status sqlite_record_remove(struct store *store, int64_t id, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_begin(store, err);
    if (!status)
        status = sqlite_finish(store, remove_locked(store, id, err), err);
    sqlite_unlock(store);
    return status;
}
