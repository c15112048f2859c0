// SPDX-License-Identifier: Apache-2.0
/* What the files of the SQLite back end share: one connection behind a lock, and statements. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "registry/store/store.h"

struct store {
    sqlite3 *connection;
    pthread_mutex_t lock;
};

#define SQLITE_NEWEST "(SELECT max(number) FROM versions w WHERE w.model = v.model)"

#define SQLITE_VERSION_ROWS                                                                        \
    "SELECT m.name, v.number, v.digest, v.format, v.framework, v.framework_version, v.contract,"   \
    " v.manifest, v.reason, v.created, v.bytes, i.id, m.id FROM versions v"                        \
    " JOIN models m ON m.id = v.model"                                                             \
    " JOIN version_ids i ON i.model = v.model AND i.number = v.number "

static inline void sqlite_lock(struct store *store)
{
    pthread_mutex_lock(&store->lock);
}

static inline void sqlite_unlock(struct store *store)
{
    pthread_mutex_unlock(&store->lock);
}

/* End a transaction that changed nothing, or should not have. */
static inline void sqlite_undo(struct store *store)
{
    sqlite3_exec(store->connection, "ROLLBACK", NULL, NULL, NULL);
}

/* Prepare and bind: `types` has 't' for a text (NULL is NULL) and 'i' for an int64_t. */
enum status sql_open(struct store *store, sqlite3_stmt **query, struct error *err, const char *sql,
                     const char *types, ...) must_check;
enum status sql_step(struct store *store, sqlite3_stmt *query, bool *row, struct error *err)
    must_check;

/* A statement without rows. */
enum status sql_run(struct store *store, struct error *err, const char *sql, const char *types, ...)
    must_check;

/* The first column of the first row; *found says whether there was one. */
enum status sql_integer(struct store *store, int64_t *value, bool *found, struct error *err,
                        const char *sql, const char *types, ...) must_check;

/* A column, kept; false when there is no memory. NULL stays NULL. */
bool sql_text(sqlite3_stmt *query, int column, const char **text, struct arena *keep) must_check;

/* Reads that belong together see one state; sqlite_undo ends it. */
static inline enum status sqlite_read_begin(struct store *store, struct error *err)
{
    return sql_run(store, err, "BEGIN", "");
}

enum status sqlite_schema(struct store *store, struct error *err) must_check;

/* BEGIN of a change; its end, undone when `status` says that it failed. */
enum status sqlite_begin(struct store *store, struct error *err) must_check;
enum status sqlite_finish(struct store *store, enum status status, struct error *err) must_check;

/* --- sqlite_record.c --- */
enum status sqlite_record_insert(struct store *store, struct record *record, struct error *err)
    must_check; /* in a change that has begun */
enum status sqlite_record_put(struct store *store, struct record *record, bool replace,
                              struct error *err) must_check;
enum status sqlite_record_list(struct store *store, const struct record_filter *filter,
                               struct record **records, size_t *count, struct arena *keep,
                               struct error *err) must_check;
enum status sqlite_record_remove(struct store *store, int64_t id, struct error *err) must_check;

/* --- sqlite_object.c: the functions of struct store_backend --- */
enum status sqlite_object_put(struct store *store, const struct object_put *put,
                              const struct object_part *part, const char *when,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err) must_check;
enum status sqlite_object_find(struct store *store, const char *kind, const char *name,
                               int64_t number, size_t back, bool *found, struct object *object,
                               struct arena *keep, struct error *err) must_check;
enum status sqlite_object_list(struct store *store, const char *kind, const char *pattern,
                               const char *name, struct object **objects, size_t *count,
                               struct arena *keep, struct error *err) must_check;
enum status sqlite_object_parts(struct store *store, const struct object *object,
                                struct object_part **parts, size_t *count, struct arena *keep,
                                struct error *err) must_check;
enum status sqlite_object_remove(struct store *store, const char *kind, const char *name,
                                 int64_t number, struct error *err) must_check;

/* --- sqlite_read.c: the functions of struct store_backend --- */
enum status sqlite_find(struct store *store, const char *model, int64_t number, const char *alias,
                        bool *found, struct version *version, struct arena *keep, struct error *err)
    must_check;
enum status sqlite_find_id(struct store *store, int64_t id, bool *found, struct version *version,
                           struct arena *keep, struct error *err) must_check;
enum status sqlite_image(struct store *store, const char *digest, struct store_image *image,
                         struct arena *keep, struct error *err) must_check;
enum status sqlite_images(struct store *store, struct store_image **images, size_t *count,
                          struct arena *keep, struct error *err) must_check;
enum status sqlite_pushes(struct store *store, const char *layer, const char ***references,
                          size_t *count, struct arena *keep, struct error *err) must_check;
enum status sqlite_generation(struct store *store, int64_t *generation, struct error *err)
    must_check;
enum status sqlite_check(struct store *store, struct text *report, size_t *faults,
                         struct error *err) must_check;
/* A row of a query that begins with SQLITE_VERSION_ROWS; names are not read. */
enum status sqlite_version_read(sqlite3_stmt *query, struct version *version, struct arena *keep,
                                struct error *err) must_check;

/* --- sqlite_list.c: the functions of struct store_backend --- */
enum status sqlite_list(struct store *store, const char *model, bool newest,
                        struct version **versions, size_t *count, struct arena *keep,
                        struct error *err) must_check;
enum status sqlite_list_all(struct store *store, const struct version_known *known,
                            struct version **versions, size_t *count, struct arena *keep,
                            struct error *err) must_check;
enum status sqlite_tags(struct store *store, struct store_tag **tags, size_t *count,
                        int64_t *generation, struct arena *keep, struct error *err) must_check;
/* The rows of an opened query, which is closed, by model, newest first; with their names. */
enum status sqlite_versions_read(struct store *store, sqlite3_stmt *query,
                                 struct version **versions, size_t *count, struct arena *keep,
                                 struct error *err) must_check;
