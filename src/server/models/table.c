// SPDX-License-Identifier: Apache-2.0
/* Tables of models: made, swapped, pinned, searched, freed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/text.h"
#include "server/models/internal.h"

struct model_table *table_new(void)
{
    struct model_table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    arena_init(&table->arena, MODEL_TABLE_BYTES_MAX);
    map_init(&table->by_name, &table->arena);
    map_init(&table->servables_by_name, &table->arena);
    map_init(&table->versions_by_id, &table->arena);
    return table;
}

void table_free(struct models *models, struct model_table *table)
{
    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++)
            if (table->models[m].versions[i])
                loaded_unref(models, table->models[m].versions[i]);
    arena_release(&table->arena);
    free(table);
}

static bool is_pinned(const struct models *models, const struct model_table *table)
{
    for (unsigned i = 0; i < models->threads; i++)
        if (atomic_load(&models->pins[i].table) == table)
            return true;
    return false;
}

void table_reclaim(struct models *models)
{
    struct model_table **link = &models->retired;

    while (*link) {
        struct model_table *table = *link;

        if (is_pinned(models, table)) {
            link = &table->retired;
            continue;
        }
        *link = table->retired;
        table_free(models, table);
    }
}

/* What the plain name means: the newest that is ready, unless a newer one still may be; a table
 * without a ready one points at the newest that may become it, else at the newest. */
static struct loaded *choose_serving(const struct table_model *model)
{
    struct loaded *hope = NULL;

    for (size_t i = 0; i < model->count; i++) {
        enum model_state state = loaded_state(model->versions[i]);

        if (state == MODEL_READY)
            return model->versions[i];
        if (state != MODEL_FAILED && !hope)
            hope = model->versions[i];
    }
    return hope ? hope : model->count ? model->versions[0] : NULL;
}

void table_publish(struct models *models, struct model_table *table)
{
    struct model_table *old;

    for (size_t m = 0; m < table->count; m++)
        table->models[m].serving = choose_serving(&table->models[m]);
    table->serial = ++models->serial;
    old = atomic_exchange(&models->current, table);
    if (old) {
        old->retired = models->retired;
        models->retired = old;
    }
    table_reclaim(models);
}

static int compare_models(const void *a, const void *b)
{
    return strcmp(((const struct table_model *)a)->name, ((const struct table_model *)b)->name);
}

bool name_set_has(const struct name_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->names[i], name) == 0)
            return true;
    return false;
}

/* Should this version be made anew instead of being taken over? */
static bool starts_anew(struct models *models, const struct loaded *loaded)
{
    enum model_state state = loaded_state(loaded);

    if (name_set_has(&models->unloaded, loaded->row.model))
        return state == MODEL_READY;
    return state == MODEL_FAILED && (!loaded->row.reason || models->source.workers) &&
           name_set_has(&models->retry, loaded->row.model);
}

/* The instance for this row: the one of the old table, or a fresh one. */
static struct loaded *take_over(struct models *models, const struct model_table *old,
                                const struct version *row)
{
    struct loaded *loaded = model_table_version(old, row->id);

    if (loaded && loaded_is(loaded, row) && !starts_anew(models, loaded))
        return loaded;
    return loaded_new(models, row);
}

static size_t count_aliases(const struct version *rows, size_t count)
{
    size_t aliases = 0;

    for (size_t i = 0; i < count; i++)
        aliases += rows[i].alias_count;
    return aliases;
}

/* `rows`: the versions of one model. */
static bool table_model_init(struct models *models, struct model_table *table,
                             struct table_model *model, const struct version *rows, size_t count)
{
    struct model_table *old = atomic_load(&models->current);
    struct arena *keep = &table->arena;
    size_t aliases = count_aliases(rows, count);

    model->name = arena_text(keep, bytes_of(rows[0].model));
    model->versions = arena_new(keep, struct loaded *, count);
    model->aliases = arena_new(keep, const char *, aliases);
    model->aliased = arena_new(keep, struct loaded *, aliases);
    if (!model->name || !model->versions || !model->aliases || !model->aliased)
        return false;
    model->unloaded = name_set_has(&models->unloaded, model->name);
    for (size_t i = 0; i < count; i++) {
        struct loaded *loaded = take_over(models, old, &rows[i]);

        if (!loaded)
            return false;
        loaded->references++;
        model->versions[model->count++] = loaded;
        for (size_t a = 0; a < rows[i].alias_count; a++) {
            model->aliases[model->alias_count] = arena_text(keep, bytes_of(rows[i].aliases[a]));
            model->aliased[model->alias_count] = loaded;
            if (!model->aliases[model->alias_count++])
                return false;
        }
    }
    return true;
}

static size_t rows_of_model(const struct version *rows, size_t count)
{
    size_t same = 1;

    while (same < count && strcmp(rows[same].model, rows[0].model) == 0)
        same++;
    return same;
}

bool table_fill(struct models *models, struct model_table *table, const struct version *rows,
                size_t count)
{
    size_t models_count = 0;

    for (size_t i = 0; i < count; i += rows_of_model(rows + i, count - i))
        models_count++;
    table->models = arena_new(&table->arena, struct table_model, models_count);
    if (!table->models)
        return false;
    for (size_t i = 0; i < count;) {
        size_t same = rows_of_model(rows + i, count - i);

        if (!table_model_init(models, table, &table->models[table->count++], rows + i, same))
            return false;
        i += same;
    }
    qsort(table->models, table->count, sizeof table->models[0], compare_models);
    for (size_t m = 0; m < table->count; m++)
        if (!map_set(&table->by_name, bytes_of(table->models[m].name), &table->models[m]))
            return false;
    return true;
}

/* A table with the same versions, for a new choice of what serves; `replaced` (may be NULL) is
 * made anew. */
void table_republish(struct models *models, const struct loaded *replaced)
{
    struct model_table *old = atomic_load(&models->current), *table = table_new();
    bool done = table != NULL;

    if (done)
        table->models = arena_new(&table->arena, struct table_model, old->count);
    done = done && table->models;
    for (size_t m = 0; done && m < old->count; m++) {
        struct table_model *model = &table->models[table->count++];
        const struct table_model *from = &old->models[m];

        *model = *from; /* names and aliases are copied below: the old table will go */
        model->count = 0;
        model->name = arena_text(&table->arena, bytes_of(from->name));
        model->versions = arena_new(&table->arena, struct loaded *, from->count);
        model->aliases = arena_new(&table->arena, const char *, from->alias_count);
        model->aliased = arena_new(&table->arena, struct loaded *, from->alias_count);
        done = model->name && model->versions && model->aliases && model->aliased;
        for (size_t i = 0; done && i < from->count; i++) {
            struct loaded *loaded = from->versions[i];

            if (loaded == replaced)
                loaded = loaded_new(models, &loaded->row);
            done = loaded != NULL;
            if (done) {
                loaded->references++;
                model->versions[model->count++] = loaded;
            }
        }
        for (size_t i = 0; done && i < from->alias_count; i++) {
            model->aliased[i] = from->aliased[i];
            model->aliases[i] = arena_text(&table->arena, bytes_of(from->aliases[i]));
            done = model->aliases[i] != NULL;
        }
        done = done && map_set(&table->by_name, bytes_of(model->name), model);
    }
    done = done && table_copy_servables(table, old);
    if (done) {
        table_publish(models, table);
        return;
    }
    models->listed = false; /* no memory: the next look makes a table */
    if (table)
        table_free(models, table);
}

/* --- reading --- */

const struct model_table *models_pin(struct models *models, unsigned executor)
{
    struct model_table *table = atomic_load_explicit(&models->current, memory_order_acquire);

    for (;;) {
        struct model_table *again;

        atomic_store(&models->pins[executor].table, table);
        again = atomic_load(&models->current);
        if (again == table)
            return table;
        table = again;
    }
}

const struct model_table *models_pinned(struct models *models, unsigned executor)
{
    return atomic_load_explicit(&models->pins[executor].table, memory_order_relaxed);
}

void models_unpin(struct models *models, unsigned executor)
{
    atomic_store_explicit(&models->pins[executor].table, NULL, memory_order_release);
}

uint64_t model_table_serial(const struct model_table *table)
{
    return table->serial;
}

size_t model_table_count(const struct model_table *table)
{
    return table->count;
}

const struct table_model *model_table_at(const struct model_table *table, size_t index)
{
    return &table->models[index];
}

const struct table_model *model_table_find(const struct model_table *table, struct bytes name)
{
    return map_find(&table->by_name, name);
}

static enum status unknown_model(const struct model_table *table, struct bytes name,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], wanted[TEXT_QUOTE_SIZE];
    const char *best = NULL;

    text_quote(name, quoted, sizeof quoted);
    snprintf(wanted, sizeof wanted, "%s", quoted);
    for (size_t i = 0; i < table->count && !best; i++)
        best = text_suggest(wanted, &table->models[i].name, 1);
    (void)!error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' is not found", quoted);
    if (best)
        error_fix(err, "did you mean '%s'?", best);
    return STATUS_NOT_FOUND;
}

static enum status unknown_version(struct bytes name, struct bytes version, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], number[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' has no version '%s'",
                     text_quote(name, quoted, sizeof quoted),
                     text_quote(version, number, sizeof number));
}

static struct loaded *find_alias(const struct table_model *model, struct bytes alias)
{
    for (size_t i = 0; i < model->alias_count; i++)
        if (bytes_is(alias, model->aliases[i]))
            return model->aliased[i];
    return NULL;
}

static struct loaded *find_version(const struct table_model *model, struct bytes version)
{
    int64_t number;

    if (version.size == 0)
        return model->serving;
    if (version.data[0] == '@')
        return find_alias(model, (struct bytes){version.data + 1, version.size - 1});
    if (version.data[0] < '0' || version.data[0] > '9' || version.size > 18 ||
        !number_i64_from_text(version, &number))
        return NULL;
    for (size_t i = 0; i < model->count; i++)
        if (model->versions[i]->row.number == number)
            return model->versions[i];
    return NULL;
}

enum status models_find(const struct model_table *table, struct bytes name, struct bytes version,
                        struct loaded **loaded, struct error *err)
{
    size_t size = 0, back = 0; /* back: "name^", so many before the newest */
    struct bytes plain, inside = {NULL, 0};
    const struct table_model *model;

    while (back < name.size && name.data[name.size - 1 - back] == '^')
        back++;
    name.size -= back;
    while (size < name.size && name.data[size] != '@' && name.data[size] != ':')
        size++;
    plain = (struct bytes){name.data, size};
    if (size < name.size) /* ":3" without the colon, "@alias" with the sign */
        inside = (struct bytes){name.data + size + (name.data[size] == ':'),
                                name.size - size - (name.data[size] == ':')};
    model = model_table_find(table, plain);
    if (!model)
        return unknown_model(table, plain, err);
    if (model->unloaded)
        return error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' is unloaded",
                         model->name);
    if (back && (size < name.size || version.size))
        return error_set(err, STATUS_INVALID_INPUT, "two versions are given");
    if (back && back >= model->count)
        return error_set(err, STATUS_NOT_FOUND,
                         "model '%s' has %zu versions, none %zu before the newest", model->name,
                         model->count, back);
    if (back) {
        *loaded = model->versions[back];
        return STATUS_OK;
    }
    if (size < name.size && (version.size || !inside.size))
        return error_set(err, STATUS_INVALID_INPUT,
                         version.size ? "two versions are given" : "the version is empty");
    if (size < name.size)
        version = inside;
    *loaded = find_version(model, version);
    return *loaded ? STATUS_OK : unknown_version(plain, version, err);
}
