// SPDX-License-Identifier: Apache-2.0
/* Tables of the SQLite back end, and their migrations: MIGRATIONS[n] leads from user_version n to
 * n + 1. A released one never changes. */
#include "registry/store/sqlite.h"

static const char *const MIGRATIONS[] = {
    "CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL) "
    "STRICT;"
    "INSERT INTO store VALUES (1, 1);"

    /* A model stays when its versions go, so that a number is never given twice. */
    "CREATE TABLE models ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  last_number INTEGER NOT NULL DEFAULT 0 CHECK (last_number >= 0)"
    ") STRICT;"

    "CREATE TABLE images ("
    "  digest TEXT PRIMARY KEY,"
    "  manifest_bytes INTEGER NOT NULL,"
    "  config TEXT NOT NULL,"
    "  config_bytes INTEGER NOT NULL,"
    "  layer TEXT NOT NULL,"
    "  layer_bytes INTEGER NOT NULL,"
    "  single INTEGER NOT NULL CHECK (single IN (0, 1))"
    ") STRICT;"

    "CREATE TABLE versions ("
    "  model INTEGER NOT NULL REFERENCES models (id),"
    "  number INTEGER NOT NULL CHECK (number > 0),"
    "  digest TEXT NOT NULL REFERENCES images (digest),"
    "  format TEXT NOT NULL,"
    "  framework TEXT NOT NULL,"
    "  framework_version TEXT NOT NULL,"
    "  contract TEXT NOT NULL,"
    "  manifest TEXT NOT NULL,"
    "  reason TEXT,"
    "  created TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  PRIMARY KEY (model, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX versions_by_digest ON versions (digest);"
    "CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions"
    "  BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;"

    "CREATE TABLE aliases ("
    "  model INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  number INTEGER NOT NULL,"
    "  PRIMARY KEY (model, name),"
    "  FOREIGN KEY (model, number) REFERENCES versions (model, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX aliases_by_version ON aliases (model, number);"

    /* Every upload, move and deletion. `number` and `previous` are 0 for none. */
    "CREATE TABLE history ("
    "  id INTEGER PRIMARY KEY,"
    "  created TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  action TEXT NOT NULL CHECK (action IN ('upload', 'alias', 'delete')),"
    "  alias TEXT,"
    "  number INTEGER NOT NULL,"
    "  previous INTEGER NOT NULL"
    ") STRICT;",

    /* Versions that an application needs. */
    "CREATE TABLE uses ("
    "  model INTEGER NOT NULL,"
    "  number INTEGER NOT NULL,"
    "  used_model INTEGER NOT NULL,"
    "  used_number INTEGER NOT NULL,"
    "  PRIMARY KEY (model, number, used_model, used_number),"
    "  FOREIGN KEY (model, number) REFERENCES versions (model, number) ON DELETE CASCADE,"
    "  FOREIGN KEY (used_model, used_number) REFERENCES versions (model, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX uses_by_used ON uses (used_model, used_number);",

    /* A number of each version among those of all models: never given again. */
    "CREATE TABLE version_ids ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  model INTEGER NOT NULL,"
    "  number INTEGER NOT NULL,"
    "  UNIQUE (model, number),"
    "  FOREIGN KEY (model, number) REFERENCES versions (model, number) ON DELETE CASCADE"
    ") STRICT;"
    "INSERT INTO version_ids (model, number)"
    "  SELECT model, number FROM versions ORDER BY created, model, number;"

    /* What is kept beside versions: logs, settings of clients, data of training. */
    "CREATE TABLE records ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  version INTEGER REFERENCES version_ids (id) ON DELETE CASCADE,"
    "  needs INTEGER NOT NULL DEFAULT 0 CHECK (needs IN (0, 1)),"
    "  body TEXT NOT NULL,"
    "  blob TEXT,"
    "  blob_bytes INTEGER NOT NULL DEFAULT 0,"
    "  created TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX records_by_name ON records (kind, ifnull(version, 0), name)"
    "  WHERE name <> '';"
    "CREATE INDEX records_by_version ON records (version);",

    /* Where versions were pushed to. */
    "CREATE TABLE pushes ("
    "  reference TEXT PRIMARY KEY,"
    "  model INTEGER NOT NULL,"
    "  number INTEGER NOT NULL,"
    "  created TEXT NOT NULL,"
    "  FOREIGN KEY (model, number) REFERENCES versions (model, number) ON DELETE CASCADE"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX pushes_by_version ON pushes (model, number);",

    /* Objects beside models: data sets, scripts. One stays when its revisions go, so that a number
     * is never given twice. The bytes of a revision are the parts first to last; the last part of
     * the newest revision is the last part of its object. */
    "CREATE TABLE objects ("
    "  id INTEGER PRIMARY KEY,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  last_number INTEGER NOT NULL DEFAULT 0 CHECK (last_number >= 0),"
    "  UNIQUE (kind, name)"
    ") STRICT;"
    "CREATE TABLE object_parts ("
    "  object INTEGER NOT NULL REFERENCES objects (id),"
    "  part INTEGER NOT NULL,"
    "  digest TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  PRIMARY KEY (object, part)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE object_revisions ("
    "  object INTEGER NOT NULL REFERENCES objects (id),"
    "  number INTEGER NOT NULL CHECK (number > 0),"
    "  format TEXT NOT NULL,"
    "  metadata TEXT NOT NULL,"
    "  digest TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  first INTEGER NOT NULL,"
    "  last INTEGER NOT NULL CHECK (last >= first),"
    "  created TEXT NOT NULL,"
    "  PRIMARY KEY (object, number),"
    "  FOREIGN KEY (object, first) REFERENCES object_parts (object, part),"
    "  FOREIGN KEY (object, last) REFERENCES object_parts (object, part)"
    ") STRICT, WITHOUT ROWID;",
};

enum { SCHEMA_VERSION = ARRAY_COUNT(MIGRATIONS) };

static enum status migrate(struct store *store, int64_t *at, struct error *err)
{
    char pragma[64];
    char *message = NULL;

    for (; *at < SCHEMA_VERSION; ++*at) {
        if (sqlite3_exec(store->connection, MIGRATIONS[*at], NULL, NULL, &message) != SQLITE_OK) {
            enum status status = error_set(err, STATUS_INTERNAL, "store.db: migration %d: %s",
                                           (int)*at, message ? message : "no memory");
            sqlite3_free(message);
            return status;
        }
    }
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", SCHEMA_VERSION);
    return sql_run(store, err, pragma, "");
}

enum status sqlite_schema(struct store *store, struct error *err)
{
    int64_t at = 0;
    bool found;

    TRY(sql_integer(store, &at, &found, err, "PRAGMA user_version", ""));
    if (at == SCHEMA_VERSION)
        return STATUS_OK;
    if (at > SCHEMA_VERSION || at < 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "store.db has layout %lld, this program knows %d: it is from a newer one",
                         (long long)at, SCHEMA_VERSION);
    TRY(sql_run(store, err, "BEGIN IMMEDIATE", ""));
    /* Another process may have been faster. */
    if (sql_integer(store, &at, &found, err, "PRAGMA user_version", "") ||
        migrate(store, &at, err) || sql_run(store, err, "COMMIT", "")) {
        sqlite3_exec(store->connection, "ROLLBACK", NULL, NULL, NULL);
        return err->status;
    }
    return STATUS_OK;
}
