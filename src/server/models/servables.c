// SPDX-License-Identifier: Apache-2.0
/* Versions under names of their own, in the table of models. */
#include <stdio.h>

#include "server/models/internal.h"

char *servable_name(const char *model, int64_t number, uint64_t seed, char name[SERVABLE_NAME_SIZE])
{
    static const char *const ADJECTIVES[] = {
        "amber", "brave", "brisk",  "calm",  "clear",  "crisp",  "dapper", "early",
        "eager", "fair",  "fleet",  "fresh", "gentle", "glad",   "golden", "keen",
        "kind",  "light", "lively", "lucid", "mellow", "merry",  "mild",   "neat",
        "noble", "plain", "proud",  "quick", "quiet",  "steady", "swift",  "warm"};
    static const char *const NOUNS[] = {
        "alder", "aspen",   "badger", "beech", "birch", "brook", "cedar",  "crane",
        "dove",  "elm",     "falcon", "fern",  "finch", "firth", "fjord",  "heron",
        "ibis",  "juniper", "lark",   "larch", "lynx",  "maple", "marten", "oak",
        "otter", "owl",     "pine",   "raven", "rowan", "swan",  "tarn",   "wren"};
    uint64_t hash = bytes_hash(bytes_of(model)) ^
                    ((uint64_t)number * 0x9E3779B97F4A7C15u + seed * 0xC2B2AE3D27D4EB4Fu);

    hash ^= hash >> 29;
    hash *= 0xBF58476D1CE4E5B9u;
    snprintf(name, SERVABLE_NAME_SIZE, "%.128s-%lld-%s-%s", model, (long long)number,
             ADJECTIVES[hash >> 32 & 31], NOUNS[hash >> 48 & 31]);
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = '-';
    return name;
}

/* --- filling --- */

static size_t count_versions(const struct model_table *table)
{
    size_t count = 0;

    for (size_t m = 0; m < table->count; m++)
        count += table->models[m].count;
    return count;
}

/* The name and the body live as long as the table. */
static bool add(struct model_table *table, const char *name, struct loaded *loaded,
                const char *body, int64_t id)
{
    struct table_servable *servable = &table->servables[table->servable_count++];
    const struct table_model *model = model_table_find(table, bytes_of(loaded->row.model));

    *servable = (struct table_servable){.name = name,
                                        .loaded = loaded,
                                        .body = body,
                                        .id = id,
                                        .unloaded = model && model->unloaded};
    return map_set(&table->servables_by_name, bytes_of(name), servable);
}

static bool add_deployed(struct model_table *table, const char *name, struct loaded *loaded,
                         const char *body, int64_t id)
{
    name = arena_text(&table->arena, bytes_of(name));
    if (body)
        body = arena_text(&table->arena, bytes_of(body));
    return name && body && add(table, name, loaded, body, id);
}

/* Every version has a name; a deployed one that has the same comes first. */
static bool add_own(struct model_table *table)
{
    table->deployed = table->servable_count;
    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++) {
            struct loaded *loaded = table->models[m].versions[i];

            if (!map_find(&table->servables_by_name, bytes_of(loaded->own_name)) &&
                !add(table, loaded->own_name, loaded, NULL, 0))
                return false;
        }
    return true;
}

/* Room for `deployed` and for the own names; versions by their ids. */
static bool begin(struct model_table *table, size_t deployed)
{
    table->servables =
        arena_new(&table->arena, struct table_servable, deployed + count_versions(table));
    if (!table->servables)
        return false;
    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++) {
            struct loaded *loaded = table->models[m].versions[i];
            struct bytes key = {(const uint8_t *)&loaded->row.id, sizeof loaded->row.id};

            if (!map_set(&table->versions_by_id, key, loaded))
                return false;
        }
    return true;
}

bool table_add_servables(struct model_table *table, const struct record *records, size_t count)
{
    if (!begin(table, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct loaded *loaded = model_table_version(table, records[i].version);

        if (loaded && records[i].version &&
            !add_deployed(table, records[i].name, loaded, records[i].body, records[i].id))
            return false;
    }
    return add_own(table);
}

bool table_copy_servables(struct model_table *table, const struct model_table *from)
{
    if (!begin(table, from->deployed))
        return false;
    for (size_t i = 0; i < from->deployed; i++) {
        const struct table_servable *old = &from->servables[i];
        struct loaded *loaded = model_table_version(table, old->loaded->row.id);

        if (loaded && !add_deployed(table, old->name, loaded, old->body, old->id))
            return false;
    }
    return add_own(table);
}

/* --- reading --- */

size_t model_table_servables(const struct model_table *table)
{
    return table->servable_count;
}

const struct table_servable *model_table_servable_at(const struct model_table *table, size_t index)
{
    return &table->servables[index];
}

const struct table_servable *model_table_servable(const struct model_table *table,
                                                  struct bytes name)
{
    return map_find(&table->servables_by_name, name);
}

struct loaded *model_table_version(const struct model_table *table, int64_t id)
{
    return map_find(&table->versions_by_id, (struct bytes){(const uint8_t *)&id, sizeof id});
}
