// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/kept.h"

#include <stdlib.h>

#include "server/internal.h"

enum { BYTES_MAX = 256 << 20 };

const char *const KEPT_RECORDS[KEPT_COUNT] = {
    [KEPT_METRIC] = "metric-spec",
    [KEPT_CONFIGURATION] = "deployment-configuration",
};

struct kept {
    struct server *server;
    pthread_mutex_t reading; /* one reads the store at a time */
    int64_t generation;      /* of the store that was read */
    pthread_mutex_t lock;    /* of all below */
    struct arena memory[2];
    int now; /* memory[now] holds the records */
    struct record *records[KEPT_COUNT];
    size_t counts[KEPT_COUNT];
    uint64_t changes;
};

struct kept *kept_new(struct server *server)
{
    struct kept *kept = calloc(1, sizeof *kept);

    if (!kept)
        return NULL;
    kept->server = server;
    kept->generation = -1;
    pthread_mutex_init(&kept->reading, NULL);
    pthread_mutex_init(&kept->lock, NULL);
    for (int i = 0; i < 2; i++)
        arena_init(&kept->memory[i], BYTES_MAX);
    return kept;
}

void kept_free(struct kept *kept)
{
    if (!kept)
        return;
    for (int i = 0; i < 2; i++)
        arena_release(&kept->memory[i]);
    pthread_mutex_destroy(&kept->reading);
    pthread_mutex_destroy(&kept->lock);
    free(kept);
}

/* --- reading --- */

static bool records_same(const struct record *a, size_t a_count, const struct record *b,
                         size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (a[i].id != b[i].id || strcmp(a[i].body, b[i].body) != 0)
            return false;
    return true;
}

static void read_all(struct kept *kept)
{
    struct arena *memory = &kept->memory[!kept->now];
    struct record *records[KEPT_COUNT];
    size_t counts[KEPT_COUNT];
    struct error ignored;
    bool same = true;

    arena_reset(memory);
    for (int k = 0; k < KEPT_COUNT; k++) {
        const struct record_filter filter = {.kind = KEPT_RECORDS[k]};

        if (registry_record_list(kept->server->registry, &filter, &records[k], &counts[k], memory,
                                 &ignored)) {
            kept->generation = -1;
            return;
        }
        same = same && records_same(records[k], counts[k], kept->records[k], kept->counts[k]);
    }
    if (same)
        return;
    pthread_mutex_lock(&kept->lock);
    memcpy(kept->records, records, sizeof records);
    memcpy(kept->counts, counts, sizeof counts);
    kept->now = !kept->now;
    kept->changes++;
    pthread_mutex_unlock(&kept->lock);
    feeds_wake(kept->server);
}

void kept_refresh(struct kept *kept)
{
    struct registry *registry = kept->server->registry;
    struct error ignored;
    int64_t generation;

    if (!registry)
        return;
    pthread_mutex_lock(&kept->reading);
    if (!registry_generation(registry, &generation, &ignored) && generation != kept->generation) {
        kept->generation = generation;
        read_all(kept);
    }
    pthread_mutex_unlock(&kept->reading);
}

/* --- telling --- */

static struct kept_item *copy(const struct kept *kept, enum kept_kind kind, struct arena *keep)
{
    size_t count = kept->counts[kind];
    struct kept_item *items = arena_new(keep, struct kept_item, count);

    for (size_t i = 0; items && i < count; i++) {
        const struct record *record = &kept->records[kind][i];

        items[i] = (struct kept_item){.kind = kind,
                                      .id = record->id,
                                      .name = arena_text(keep, bytes_of(record->name)),
                                      .body = arena_text(keep, bytes_of(record->body))};
        if (!items[i].name || !items[i].body)
            return NULL;
    }
    return items;
}

struct kept_item *kept_list(struct kept *kept, enum kept_kind kind, size_t *count,
                            struct arena *keep)
{
    struct kept_item *items = NULL;

    pthread_mutex_lock(&kept->lock);
    if (kept->counts[kind])
        items = copy(kept, kind, keep);
    *count = items ? kept->counts[kind] : 0;
    pthread_mutex_unlock(&kept->lock);
    return items;
}

uint64_t kept_changes(struct kept *kept)
{
    uint64_t changes;

    pthread_mutex_lock(&kept->lock);
    changes = kept->changes;
    pthread_mutex_unlock(&kept->lock);
    return changes;
}
