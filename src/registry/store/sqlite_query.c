// SPDX-License-Identifier: Apache-2.0
/* Statements: SQLite's results as our errors. */
#include "registry/store/sqlite.h"

#include <stdarg.h>

static enum status fail(struct store *store, struct error *err)
{
    int code = sqlite3_extended_errcode(store->connection);
    const char *message = sqlite3_errmsg(store->connection);

    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, STATUS_UNAVAILABLE, "store.db is busy: %s", message);
    case SQLITE_FULL:
        return error_set(err, STATUS_UNAVAILABLE, "no room for store.db: %s", message);
    case SQLITE_NOMEM:
        return error_no_memory(err, "store.db");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, STATUS_INVALID_INPUT, "store.db is damaged: %s", message);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return error_set(err, STATUS_INVALID_INPUT, "cannot write store.db: %s", message);
    default:
        return error_set(err, STATUS_INTERNAL, "store.db: %s (%d)", message, code);
    }
}

static enum status open_with(struct store *store, sqlite3_stmt **query, struct error *err,
                             const char *sql, const char *types, va_list values)
{
    int result = sqlite3_prepare_v2(store->connection, sql, -1, query, NULL);

    for (int i = 0; result == SQLITE_OK && types[i]; i++) {
        if (types[i] == 't')
            result = sqlite3_bind_text(*query, i + 1, va_arg(values, const char *), -1,
                                       SQLITE_TRANSIENT);
        else
            result = sqlite3_bind_int64(*query, i + 1, va_arg(values, int64_t));
    }
    if (result == SQLITE_OK)
        return STATUS_OK;
    (void)fail(store, err);
    sqlite3_finalize(*query);
    *query = NULL;
    return err->status;
}

enum status sql_open(struct store *store, sqlite3_stmt **query, struct error *err, const char *sql,
                     const char *types, ...)
{
    enum status status;
    va_list values;

    va_start(values, types);
    status = open_with(store, query, err, sql, types, values);
    va_end(values);
    return status;
}

enum status sql_step(struct store *store, sqlite3_stmt *query, bool *row, struct error *err)
{
    int result = sqlite3_step(query);

    *row = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? STATUS_OK : fail(store, err);
}

enum status sql_run(struct store *store, struct error *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *query;
    enum status status;
    va_list values;
    bool row = true;

    va_start(values, types);
    status = open_with(store, &query, err, sql, types, values);
    va_end(values);
    while (!status && row)
        status = sql_step(store, query, &row, err);
    sqlite3_finalize(query);
    return status;
}

enum status sql_integer(struct store *store, int64_t *value, bool *found, struct error *err,
                        const char *sql, const char *types, ...)
{
    sqlite3_stmt *query;
    enum status status;
    va_list values;

    va_start(values, types);
    status = open_with(store, &query, err, sql, types, values);
    va_end(values);
    *found = false;
    if (!status)
        status = sql_step(store, query, found, err);
    if (!status && *found)
        *value = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return status;
}

bool sql_text(sqlite3_stmt *query, int column, const char **text, struct arena *keep)
{
    const uint8_t *value = sqlite3_column_text(query, column);
    size_t size = (size_t)sqlite3_column_bytes(query, column);

    *text = NULL;
    if (!value)
        return sqlite3_column_type(query, column) == SQLITE_NULL;
    *text = arena_text(keep, (struct bytes){value, size});
    return *text != NULL;
}
