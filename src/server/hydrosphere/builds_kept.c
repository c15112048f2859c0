// SPDX-License-Identifier: Apache-2.0
/* Builds as lists show them: those that run, and the records of those that failed. */
#include <stdlib.h>

#include "formats/json/json.h"
#include "server/hydrosphere/internal.h"

static void number_write(struct text *body, const char *key, int64_t number)
{
    text_append(body, ",");
    json_write_key(body, key);
    text_printf(body, "%lld", (long long)number);
}

static void bytes_write(struct text *body, const char *key, struct bytes value)
{
    text_append(body, ",");
    json_write_key(body, key);
    json_write_string(body, value);
}

/* {"name", "message"} and, of one that had a number, {"id", "number", "created", "view"}. */
static void failure_write(const char *name, const struct building *building,
                          const struct error *err, struct text *body)
{
    text_append(body, "{\"name\":");
    json_write_text(body, name);
    bytes_write(body, "message", bytes_of(err->text));
    if (building) {
        number_write(body, "id", building->place.id);
        number_write(body, "number", building->place.number);
        bytes_write(body, "created", bytes_of(building->created));
        bytes_write(body, "view", text_bytes(&building->view));
    }
    text_append(body, "}");
}

static enum status put(struct registry *registry, const char *kind, const char *name,
                       const struct text *body, struct error *err)
{
    struct record record = {.kind = kind, .name = name, .body = body->data ? body->data : ""};

    TRY(text_check(body, err));
    return registry_record_put(registry, &record, (struct bytes){NULL, 0}, *name != 0, err);
}

/* All but the last HYDROSPHERE_FAILED_MAX. */
static enum status forget(struct registry *registry, const char *kind, struct arena *scratch,
                          struct error *err)
{
    const struct record_filter filter = {.kind = kind};
    struct record *records;
    size_t count;

    TRY(registry_record_list(registry, &filter, &records, &count, scratch, err));
    for (size_t i = 0; i + HYDROSPHERE_FAILED_MAX < count; i++)
        TRY(registry_record_remove(registry, records[i].id, err));
    return STATUS_OK;
}

void build_keep_failure(struct server *server, const struct hydrosphere_upload *upload,
                        const struct building *building, const struct error *err,
                        struct arena *scratch)
{
    const char *name = building ? building->row.model : upload->name ? upload->name : "";
    const char *id = building ? arena_printf(scratch, "%lld", (long long)building->place.id) : "";
    struct registry *registry = server->registry;
    struct text body = {0};
    struct error ignored;

    failure_write(name, building, err, &body);
    if (id && !put(registry, HYDROSPHERE_FAILED, id, &body, &ignored) &&
        !forget(registry, HYDROSPHERE_FAILED, scratch, &ignored) && building &&
        !put(registry, HYDROSPHERE_FAILED_LOG, id, &building->log, &ignored))
        (void)!forget(registry, HYDROSPHERE_FAILED_LOG, scratch, &ignored);
    text_release(&body);
}

enum status builds_failed_log(struct server *server, int64_t id, bool *found, const char **log,
                              struct arena *keep, struct error *err)
{
    struct record_filter filter = {.kind = HYDROSPHERE_FAILED_LOG,
                                   .name = arena_printf(keep, "%lld", (long long)id)};
    struct record record;

    if (!filter.name)
        return error_no_memory(err, "a log");
    TRY(registry_record_find(server->registry, &filter, found, &record, keep, err));
    *log = *found ? record.body : "";
    return STATUS_OK;
}

/* --- collecting --- */

struct collected {
    struct build_entry *entries;
    size_t count, capacity;
    struct arena *keep;
    bool failed;
};

static bool bytes_keep(struct bytes *bytes, struct arena *keep)
{
    bytes->data = (const uint8_t *)arena_text(keep, *bytes);
    return bytes->data != NULL;
}

static bool collect(void *context, const struct build_entry *entry)
{
    struct collected *all = context;
    struct build_entry kept = *entry;

    if (entry->state != BUILD_RUNNING)
        return true; /* its record says it */
    all->failed = !ARENA_GROW(all->keep, all->entries, all->count, all->capacity) ||
                  !bytes_keep(&kept.name, all->keep) || !bytes_keep(&kept.message, all->keep) ||
                  !bytes_keep(&kept.view, all->keep) ||
                  !(kept.created = arena_printf(all->keep, "%s", entry->created));
    if (!all->failed)
        all->entries[all->count++] = kept;
    return !all->failed;
}

/* False: the record is of an upload that was refused, and never had a number. */
static bool entry_read(const struct record *record, struct build_entry *entry, struct arena *keep)
{
    struct bytes created;
    struct error ignored;
    struct json body;

    *entry = (struct build_entry){.state = BUILD_FAILED, .finished = record->created};
    return *record->name && !json_parse(bytes_of(record->body), 0, &body, keep, &ignored) &&
           json_i64(json_get(&body, "id"), &entry->id) &&
           json_i64(json_get(&body, "number"), &entry->number) &&
           json_string(json_get(&body, "name"), &entry->name) &&
           json_string(json_get(&body, "message"), &entry->message) &&
           json_string(json_get(&body, "view"), &entry->view) &&
           json_string(json_get(&body, "created"), &created) &&
           (entry->created = arena_text(keep, created));
}

static int by_id(const void *a, const void *b)
{
    const struct build_entry *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

enum status builds_list(struct server *server, struct build_entry **entries, size_t *count,
                        struct arena *keep, struct error *err)
{
    const struct record_filter filter = {.kind = HYDROSPHERE_FAILED};
    struct collected all = {.keep = keep};
    struct record *records = NULL;
    size_t record_count = 0;

    /* those that run first: one that fails meanwhile is there twice rather than not at all */
    builds_each(server->builds, collect, &all);
    if (server->registry && !all.failed)
        TRY(registry_record_list(server->registry, &filter, &records, &record_count, keep, err));
    for (size_t i = 0; i < record_count && !all.failed; i++) {
        struct build_entry entry;
        size_t same = 0;

        if (!entry_read(&records[i], &entry, keep))
            continue;
        while (same < all.count && all.entries[same].id != entry.id)
            same++;
        if (same == all.count)
            all.failed = !ARENA_GROW(keep, all.entries, all.count, all.capacity);
        if (!all.failed)
            all.entries[same] = entry;
        all.count += !all.failed && same == all.count;
    }
    if (all.failed)
        return error_no_memory(err, "a list of builds");
    if (all.count)
        qsort(all.entries, all.count, sizeof *all.entries, by_id);
    *entries = all.entries;
    *count = all.count;
    return STATUS_OK;
}

enum status builds_find(struct server *server, int64_t id, struct bytes name, int64_t number,
                        bool *found, struct build_entry *entry, struct arena *keep,
                        struct error *err)
{
    struct build_entry *entries;
    size_t count;

    *found = false;
    TRY(builds_list(server, &entries, &count, keep, err));
    for (size_t i = count; i-- > 0 && !*found;) { /* the newest of a number */
        *found = id ? entries[i].id == id
                    : entries[i].number == number && bytes_equal(entries[i].name, name);
        *entry = entries[i];
    }
    return STATUS_OK;
}
