// SPDX-License-Identifier: Apache-2.0
/* The SQLite back end's lists. What is asked for is a few statements, however many rows there are;
 * what a caller knows already is not read. */
#include "registry/store/sqlite.h"

#include <string.h>

#include "base/text.h"

/* --- names of versions --- */

/* Versions are in order of models, newest first. */
static bool precedes(const struct version *version, const char *model, int64_t number)
{
    int order = strcmp(version->model, model);

    return order < 0 || (order == 0 && version->number > number);
}

static bool is(const struct version *version, const char *model, int64_t number)
{
    return version->number == number && strcmp(version->model, model) == 0;
}

/* Hand the rows (model, number, text) of an opened query, which is closed, to their versions; both
 * are in the same order. `pushed`: they are references of registries, else aliases. */
static enum status names_attach(struct store *store, sqlite3_stmt *query, bool pushed,
                                struct version *versions, size_t count, struct arena *keep,
                                struct error *err)
{
    size_t at = 0, used = 0, capacity = 0;
    const char **names = NULL;
    enum status status;
    bool row;

    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        const char *model = (const char *)sqlite3_column_text(query, 0);
        int64_t number = sqlite3_column_int64(query, 1);

        while (model && at < count && precedes(&versions[at], model, number))
            at++;
        if (!model || at == count || !is(&versions[at], model, number))
            continue;
        if (!ARENA_GROW(keep, names, used, capacity) || !sql_text(query, 2, &names[used++], keep)) {
            status = error_no_memory(err, "names");
            break;
        }
        ++*(pushed ? &versions[at].pushed_count : &versions[at].alias_count);
    }
    sqlite3_finalize(query);
    for (size_t i = 0; i < count && names; i++) {
        *(pushed ? &versions[i].pushed : &versions[i].aliases) = names;
        names += pushed ? versions[i].pushed_count : versions[i].alias_count;
    }
    return status;
}

/* Which aliases stand on the versions; all are of `model` and have `number`, unless that is NULL or
 * 0. */
static enum status aliases_read(struct store *store, const char *model, int64_t number,
                                struct version *versions, size_t count, struct arena *keep,
                                struct error *err)
{
    sqlite3_stmt *query;

    TRY(sql_open(store, &query, err,
                 "SELECT m.name, a.number, a.name FROM aliases a JOIN models m ON m.id = a.model"
                 " WHERE (?1 IS NULL OR m.name = ?1) AND (?2 = 0 OR a.number = ?2)"
                 " ORDER BY m.name, a.number DESC, a.name",
                 "ti", model, number));
    return names_attach(store, query, false, versions, count, keep, err);
}

static enum status pushes_read(struct store *store, const char *model, int64_t number,
                               struct version *versions, size_t count, struct arena *keep,
                               struct error *err)
{
    sqlite3_stmt *query;

    TRY(sql_open(store, &query, err,
                 "SELECT m.name, p.number, p.reference FROM pushes p"
                 " JOIN models m ON m.id = p.model"
                 " WHERE (?1 IS NULL OR m.name = ?1) AND (?2 = 0 OR p.number = ?2)"
                 " ORDER BY m.name, p.number DESC, p.reference",
                 "ti", model, number));
    return names_attach(store, query, true, versions, count, keep, err);
}

/* --- versions --- */

enum status sqlite_versions_read(struct store *store, sqlite3_stmt *query,
                                 struct version **versions, size_t *count, struct arena *keep,
                                 struct error *err)
{
    struct version *items = NULL;
    size_t capacity = 0, used = 0;
    const char *model = NULL;
    enum status status;
    int64_t number = 0;
    bool row;

    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        status =
            ARENA_GROW(keep, items, used, capacity) ? STATUS_OK : error_no_memory(err, "versions");
        if (!status)
            status = sqlite_version_read(query, &items[used++], keep, err);
        if (status)
            break;
    }
    sqlite3_finalize(query);
    TRY(status);
    *versions = items;
    *count = used;
    if (!used)
        return STATUS_OK;
    if (strcmp(items[0].model, items[used - 1].model) == 0)
        model = items[0].model;
    if (used == 1)
        number = items[0].number;
    TRY(aliases_read(store, model, number, items, used, keep, err));
    return pushes_read(store, model, number, items, used, keep, err);
}

static enum status list_locked(struct store *store, const char *model, bool newest,
                               struct version **versions, size_t *count, struct arena *keep,
                               struct error *err)
{
    sqlite3_stmt *query;

    TRY(sql_open(store, &query, err,
                 SQLITE_VERSION_ROWS "WHERE (?1 IS NULL OR m.name = ?1)"
                                     " AND (?2 = 0 OR v.number = " SQLITE_NEWEST
                                     ") ORDER BY m.name, v.number DESC",
                 "ti", model, (int64_t)newest));
    return sqlite_versions_read(store, query, versions, count, keep, err);
}

enum status sqlite_list(struct store *store, const char *model, bool newest,
                        struct version **versions, size_t *count, struct arena *keep,
                        struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = list_locked(store, model, newest, versions, count, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}

/* --- all versions, of which most are known --- */

/* The ids of all, in order; rows that are known are those of the caller, the others have no model.
 */
static enum status ids_read(struct store *store, const struct version_known *known,
                            struct version **versions, size_t *count, struct arena *keep,
                            struct error *err)
{
    struct version *items = NULL;
    size_t used = 0, capacity = 0;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err,
                 "SELECT i.id FROM models m JOIN version_ids i ON i.model = m.id"
                 " ORDER BY m.name, i.number DESC",
                 ""));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        int64_t id = sqlite3_column_int64(query, 0);
        const struct version *have = known->find(known->context, id);

        if (!ARENA_GROW(keep, items, used, capacity)) {
            status = error_no_memory(err, "versions");
            break;
        }
        items[used] = have ? *have : (struct version){.id = id};
        items[used].aliases = items[used].pushed = NULL;
        items[used].alias_count = items[used].pushed_count = 0;
        used++;
    }
    sqlite3_finalize(query);
    *versions = items;
    *count = used;
    return status;
}

static enum status unknown_read(struct store *store, struct version *versions, size_t count,
                                struct arena *keep, struct error *err)
{
    enum status status = STATUS_OK;
    sqlite3_stmt *query;
    bool row;

    TRY(sql_open(store, &query, err, SQLITE_VERSION_ROWS "WHERE i.id = ?1", "i", INT64_C(0)));
    for (size_t i = 0; i < count && !status; i++) {
        if (versions[i].model)
            continue;
        sqlite3_reset(query);
        sqlite3_bind_int64(query, 1, versions[i].id);
        status = sql_step(store, query, &row, err);
        if (!status && !row)
            status = error_set(err, STATUS_INVALID_INPUT, "store.db: id %lld has no version",
                               (long long)versions[i].id);
        if (!status)
            status = sqlite_version_read(query, &versions[i], keep, err);
    }
    sqlite3_finalize(query);
    return status;
}

enum status sqlite_list_all(struct store *store, const struct version_known *known,
                            struct version **versions, size_t *count, struct arena *keep,
                            struct error *err)
{
    enum status status;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = ids_read(store, known, versions, count, keep, err);
    if (!status)
        status = unknown_read(store, *versions, *count, keep, err);
    if (!status)
        status = aliases_read(store, NULL, 0, *versions, *count, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}

/* --- tags --- */

static enum status tags_read(struct store *store, struct store_tag **tags, size_t *count,
                             struct arena *keep, struct error *err)
{
    struct store_tag *items = NULL;
    size_t used = 0, capacity = 0;
    sqlite3_stmt *query;
    enum status status;
    bool row;

    TRY(sql_open(store, &query, err,
                 "SELECT m.name AS name, v.number AS number, NULL AS tag, v.digest,"
                 " i.manifest_bytes FROM models m JOIN versions v ON v.model = m.id"
                 " JOIN images i ON i.digest = v.digest"
                 " UNION ALL "
                 "SELECT m.name, a.number, a.name, v.digest, i.manifest_bytes FROM aliases a"
                 " JOIN models m ON m.id = a.model"
                 " JOIN versions v ON v.model = a.model AND v.number = a.number"
                 " JOIN images i ON i.digest = v.digest"
                 " ORDER BY name, number DESC, tag",
                 ""));
    for (status = sql_step(store, query, &row, err); !status && row;
         status = sql_step(store, query, &row, err)) {
        struct store_tag *tag;

        if (!ARENA_GROW(keep, items, used, capacity)) {
            status = error_no_memory(err, "tags");
            break;
        }
        tag = &items[used++];
        *tag = (struct store_tag){.number = sqlite3_column_int64(query, 1),
                                  .manifest_bytes = sqlite3_column_int64(query, 4)};
        if (!sql_text(query, 0, &tag->model, keep) || !sql_text(query, 2, &tag->tag, keep) ||
            !sql_text(query, 3, &tag->digest, keep)) {
            status = error_no_memory(err, "tags");
            break;
        }
    }
    sqlite3_finalize(query);
    *tags = items;
    *count = used;
    return status;
}

enum status sqlite_tags(struct store *store, struct store_tag **tags, size_t *count,
                        int64_t *generation, struct arena *keep, struct error *err)
{
    enum status status;
    bool found;

    sqlite_lock(store);
    status = sqlite_read_begin(store, err);
    if (!status)
        status = sql_integer(store, generation, &found, err,
                             "SELECT generation FROM store WHERE id = 1", "");
    if (!status)
        status = tags_read(store, tags, count, keep, err);
    sqlite_undo(store);
    sqlite_unlock(store);
    return status;
}
