// SPDX-License-Identifier: Apache-2.0
/* The SQLite back end's reads, and its check of itself. */
#include "registry/store/sqlite.h"

#include "base/text.h"

#define IMAGE_COLUMNS                                                                              \
    "SELECT digest, manifest_bytes, config, config_bytes, layer, layer_bytes, single FROM images "

/* --- reading --- */

enum status sqlite_version_read(sqlite3_stmt *query, struct version *version, struct arena *keep,
                                struct error *err)
{
    *version = (struct version){.number = sqlite3_column_int64(query, 1),
                                .bytes = sqlite3_column_int64(query, 10),
                                .id = sqlite3_column_int64(query, 11),
                                .model_id = sqlite3_column_int64(query, 12)};
    if (sql_text(query, 0, &version->model, keep) && sql_text(query, 2, &version->digest, keep) &&
        sql_text(query, 3, &version->format, keep) &&
        sql_text(query, 4, &version->framework, keep) &&
        sql_text(query, 5, &version->framework_version, keep) &&
        sql_text(query, 6, &version->contract, keep) &&
        sql_text(query, 7, &version->manifest, keep) &&
        sql_text(query, 8, &version->reason, keep) && sql_text(query, 9, &version->created, keep))
        return STATUS_OK;
    return error_no_memory(err, "a version");
}

/* The first column of all rows of an opened query, which is closed. */
static enum status texts_read(struct store *store, sqlite3_stmt *query, const char ***texts,
                              size_t *count, struct arena *keep, struct error *err)
{
    const char **items = NULL;
    size_t capacity = 0, used = 0;
    enum status status;
    bool row;

    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        if (!ARENA_GROW(keep, items, used, capacity) || !sql_text(query, 0, &items[used++], keep)) {
            status = error_no_memory(err, "names");
            break;
        }
    }
    sqlite3_finalize(query);
    *texts = items;
    *count = used;
    return status;
}

enum status sqlite_pushes(struct store *store, const char *layer, const char ***references,
                          size_t *count, struct arena *keep, struct error *err)
{
    sqlite3_stmt *query;
    enum status status;

    sqlite_lock(store);
    status = sql_open(store, &query, err,
                      "SELECT p.reference FROM pushes p JOIN versions v ON v.model = p.model"
                      " AND v.number = p.number JOIN images i ON i.digest = v.digest"
                      " WHERE i.layer = ?1 ORDER BY p.reference",
                      "t", layer);
    if (!status)
        status = texts_read(store, query, references, count, keep, err);
    sqlite_unlock(store);
    return status;
}

static enum status find_locked(struct store *store, const char *model, int64_t number,
                               const char *alias, bool *found, struct version *version,
                               struct arena *keep, struct error *err)
{
    struct version *versions;
    sqlite3_stmt *query;
    size_t count;

    if (alias)
        TRY(sql_open(store, &query, err,
                     SQLITE_VERSION_ROWS "JOIN aliases a ON a.model = m.id AND a.number = v.number"
                                         " WHERE m.name = ?1 AND a.name = ?2",
                     "tt", model, alias));
    else if (number)
        TRY(sql_open(store, &query, err, SQLITE_VERSION_ROWS "WHERE m.name = ?1 AND v.number = ?2",
                     "ti", model, number));
    else
        TRY(sql_open(store, &query, err,
                     SQLITE_VERSION_ROWS "WHERE m.name = ?1 AND v.number = " SQLITE_NEWEST, "t",
                     model));
    TRY(sqlite_versions_read(store, query, &versions, &count, keep, err));
    *found = count == 1;
    if (*found)
        *version = versions[0];
    return STATUS_OK;
}

enum status sqlite_find(struct store *store, const char *model, int64_t number, const char *alias,
                        bool *found, struct version *version, struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = find_locked(store, model, number, alias, found, version, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}

static enum status find_id_locked(struct store *store, int64_t id, bool *found,
                                  struct version *version, struct arena *keep, struct error *err)
{
    struct version *versions;
    sqlite3_stmt *query;
    size_t count;

    TRY(sql_open(store, &query, err, SQLITE_VERSION_ROWS "WHERE i.id = ?1", "i", id));
    TRY(sqlite_versions_read(store, query, &versions, &count, keep, err));
    *found = count == 1;
    if (*found)
        *version = versions[0];
    return STATUS_OK;
}

enum status sqlite_find_id(struct store *store, int64_t id, bool *found, struct version *version,
                           struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = find_id_locked(store, id, found, version, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}

static enum status image_read(sqlite3_stmt *query, struct store_image *image, struct arena *keep,
                              struct error *err)
{
    *image = (struct store_image){.manifest_bytes = sqlite3_column_int64(query, 1),
                                  .config_bytes = sqlite3_column_int64(query, 3),
                                  .layer_bytes = sqlite3_column_int64(query, 5),
                                  .single = sqlite3_column_int(query, 6)};
    if (sql_text(query, 0, &image->digest, keep) && sql_text(query, 2, &image->config, keep) &&
        sql_text(query, 4, &image->layer, keep))
        return STATUS_OK;
    return error_no_memory(err, "an image");
}

static enum status images_locked(struct store *store, const char *digest,
                                 struct store_image **images, size_t *count, struct arena *keep,
                                 struct error *err)
{
    sqlite3_stmt *query;
    enum status status;
    int64_t rows = 0;
    bool row;

    *count = 0;
    TRY(sql_integer(store, &rows, &row, err, "SELECT count(*) FROM images", ""));
    *images = arena_new(keep, struct store_image, (size_t)rows);
    if (!*images)
        return error_no_memory(err, "images");
    TRY(sql_open(store, &query, err,
                 IMAGE_COLUMNS "WHERE ?1 IS NULL OR digest = ?1 ORDER BY digest LIMIT ?2", "ti",
                 digest, rows));
    status = sql_step(store, query, &row, err);
    while (!status && row) {
        status = image_read(query, &(*images)[(*count)++], keep, err);
        if (!status)
            status = sql_step(store, query, &row, err);
    }
    sqlite3_finalize(query);
    return status;
}

enum status sqlite_images(struct store *store, struct store_image **images, size_t *count,
                          struct arena *keep, struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = images_locked(store, NULL, images, count, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}

enum status sqlite_image(struct store *store, const char *digest, struct store_image *image,
                         struct arena *keep, struct error *err)
{
    struct store_image *found;
    enum status status;
    size_t count = 0;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = images_locked(store, digest, &found, &count, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    if (!status && count != 1)
        return error_set(err, STATUS_NOT_FOUND, "there is no image %s", digest);
    if (!status)
        *image = found[0];
    return status;
}

enum status sqlite_generation(struct store *store, int64_t *generation, struct error *err)
{
    enum status status;
    bool found;

    sqlite_lock(store);
    status = sql_integer(store, generation, &found, err,
                         "SELECT generation FROM store WHERE id = 1", "");
    sqlite_unlock(store);
    return status;
}

/* --- checking --- */

/* Each row of the query is a fault, its first column the words. */
static enum status faults_of(struct store *store, const char *sql, struct text *report,
                             size_t *faults, struct error *err)
{
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err, sql, ""));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        const char *words = (const char *)sqlite3_column_text(query, 0);
        if (words && strcmp(words, "ok") == 0)
            continue;
        text_printf(report, "store.db: %s\n", words ? words : "damaged");
        ++*faults;
    }
    sqlite3_finalize(query);
    return status;
}

enum status sqlite_check(struct store *store, struct text *report, size_t *faults,
                         struct error *err)
{
    static const char *const CHECKS[] = {
        "PRAGMA integrity_check",
        "SELECT 'row of table ' || \"table\" || ' refers to nothing' FROM pragma_foreign_key_check",
        "SELECT 'model ' || name || ' has a version above its last number' FROM models m"
        " WHERE last_number < (SELECT max(number) FROM versions v WHERE v.model = m.id)",
        "SELECT 'version ' || number || ' of model ' || model || ' has no id' FROM versions v"
        " WHERE NOT EXISTS (SELECT 1 FROM version_ids i"
        "                   WHERE i.model = v.model AND i.number = v.number)",
        "SELECT 'image ' || digest || ' has no version' FROM images i"
        " WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.digest = i.digest)",
        "SELECT o.kind || ' ' || o.name || ' lacks parts of revision ' || r.number"
        " FROM object_revisions r JOIN objects o ON o.id = r.object"
        " WHERE r.last - r.first + 1 <> (SELECT count(*) FROM object_parts p"
        "   WHERE p.object = r.object AND p.part BETWEEN r.first AND r.last)"
        " OR r.number > o.last_number",
    };
    enum status status = STATUS_OK;

    sqlite_lock(store);
    for (size_t i = 0; !status && i < ARRAY_COUNT(CHECKS); i++)
        status = faults_of(store, CHECKS[i], report, faults, err);
    sqlite_unlock(store);
    return status;
}
