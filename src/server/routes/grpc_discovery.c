// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's discovery over gRPC, generations 2 and 3: a client that watches gets what there is,
 * then every change: {removed 1 (names or ids), added 2}. What it sends is not looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "server/hydrosphere/kept.h"
#include "server/hydrosphere/message.h"
#include "server/hydrosphere/metrics.h"
#include "server/internal.h"

struct item { /* that the client knows */
    char *id;
    uint64_t hash; /* of its message */
    bool seen;     /* in the state at hand */
};

struct watch_feed {
    struct feed feed; /* first */
    struct server *server;
    /* Write every item that there is now with watch_item. */
    enum status (*write)(struct watch_feed *watch, const struct model_table *table,
                         struct arena *arena, struct text *out, struct error *err);
    int generation;
    bool begun;
    uint64_t serial;  /* of the table that was looked at */
    uint64_t changes; /* likewise of what clients left */
    struct item *items;
    size_t count, capacity;
};

/* --- what is known --- */

static struct item *item_find(struct watch_feed *watch, const char *id)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->items[i].id, id) == 0)
            return &watch->items[i];
    return NULL;
}

static struct item *item_add(struct watch_feed *watch, const char *id)
{
    struct item *item;

    if (watch->count == watch->capacity) {
        size_t capacity = watch->capacity ? 2 * watch->capacity : 16;
        struct item *items = realloc(watch->items, capacity * sizeof *items);

        if (!items)
            return NULL;
        watch->items = items;
        watch->capacity = capacity;
    }
    item = &watch->items[watch->count];
    *item = (struct item){.id = strdup(id)};
    if (!item->id)
        return NULL;
    watch->count++;
    return item;
}

/* The message that was appended to `out` since `begin`: it stays as field `number` when the client
 * does not know it so. */
static enum status watch_item(struct watch_feed *watch, const char *id, struct text *out,
                              size_t begin, uint32_t number, struct error *err)
{
    struct bytes message = {(const uint8_t *)out->data + begin, out->size - begin};
    uint64_t hash = bytes_hash(message);
    struct item *item = item_find(watch, id);

    if (!item)
        item = item_add(watch, id);
    if (!item)
        return error_no_memory(err, "a watch");
    item->seen = true;
    if (item->hash == hash)
        out->size = begin;
    else
        protobuf_write_end(out, number, begin);
    item->hash = hash;
    return STATUS_OK;
}

static void write_removed(struct watch_feed *watch, struct text *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < watch->count; i++) {
        if (watch->items[i].seen) {
            watch->items[kept] = watch->items[i];
            watch->items[kept++].seen = false;
            continue;
        }
        protobuf_write_text(out, 1, watch->items[i].id);
        free(watch->items[i].id);
    }
    watch->count = kept;
}

/* --- what there is --- */

static enum status write_applications(struct watch_feed *watch, const struct model_table *table,
                                      struct arena *arena, struct text *out, struct error *err)
{
    char id[24];

    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);
        size_t begin = protobuf_write_begin(out);

        if (!model->serving || !hydrosphere_is_application(loaded_row(model->serving)))
            continue;
        TRY(message_write_application(out, table, model, watch->generation, arena, err));
        snprintf(id, sizeof id, "%lld", (long long)loaded_row(model->serving)->model_id);
        TRY(watch_item(watch, id, out, begin, 2, err));
    }
    return STATUS_OK;
}

static enum status write_servables(struct watch_feed *watch, const struct model_table *table,
                                   struct arena *arena, struct text *out, struct error *err)
{
    for (size_t i = 0; i < model_table_servables(table); i++) {
        const struct table_servable *servable = model_table_servable_at(table, i);
        size_t begin = protobuf_write_begin(out);

        if (!hydrosphere_is_running(servable))
            continue;
        TRY(message_write_servable(out, servable, 0, watch->generation, arena, err));
        TRY(watch_item(watch, servable->name, out, begin, 2, err));
    }
    return STATUS_OK;
}

static enum status write_metric(struct watch_feed *watch, const struct hydrosphere_metric *metric,
                                const struct model_table *table, struct arena *arena,
                                struct text *out, struct error *err)
{
    const struct loaded *loaded = metric->by ? model_table_version(table, metric->by) : NULL;
    size_t begin = protobuf_write_begin(out), config, threshold, servable;
    const struct table_servable *by = NULL;
    char name[SERVABLE_NAME_SIZE], id[24];

    snprintf(id, sizeof id, "%lld", (long long)metric->id);
    protobuf_write_text(out, 1, id);
    protobuf_write_text(out, 2, metric->name);
    protobuf_write_i64(out, 3, metric->version);
    config = protobuf_write_begin(out);
    if (loaded) {
        const struct version *row = loaded_row(loaded);

        protobuf_write_i64(out, 1, row->id);
        servable_name(row->model, row->number, 0, name);
        by = model_table_servable(table, bytes_of(name));
    }
    threshold = protobuf_write_begin(out);
    protobuf_write_f64(out, 1, metric->threshold);
    protobuf_write_i64(out, 2, metric->comparison);
    protobuf_write_end(out, 2, threshold);
    if (by) {
        servable = protobuf_write_begin(out);
        TRY(message_write_servable(out, by, 0, watch->generation, arena, err));
        protobuf_write_end(out, 3, servable);
    }
    protobuf_write_end(out, 4, config);
    return watch_item(watch, id, out, begin, 3, err);
}

static enum status write_declared(struct watch_feed *watch, const struct model_table *table,
                                  const struct version *row, struct arena *arena, struct text *out,
                                  struct error *err)
{
    struct hydrosphere_metric *metrics;
    size_t count;

    TRY(metrics_declared(table, row, &metrics, &count, arena, err));
    for (size_t i = 0; i < count; i++)
        TRY(write_metric(watch, &metrics[i], table, arena, out, err));
    return STATUS_OK;
}

static enum status write_metrics(struct watch_feed *watch, const struct model_table *table,
                                 struct arena *arena, struct text *out, struct error *err)
{
    const struct kept_item *items;
    struct hydrosphere_metric metric;
    size_t count;

    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        for (size_t i = 0; i < model->count; i++)
            TRY(write_declared(watch, table, loaded_row(model->versions[i]), arena, out, err));
    }
    items = kept_list(watch->server->kept, KEPT_METRIC, &count, arena);
    for (size_t i = 0; i < count; i++) {
        TRY(metric_of_record(items[i].id, items[i].body, &metric, arena, err));
        TRY(write_metric(watch, &metric, table, arena, out, err));
    }
    return STATUS_OK;
}

/* --- the feed --- */

static enum feed_state watch_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct watch_feed *watch = (struct watch_feed *)feed;
    const struct model_table *table = models_pin(watch->server->models, executor->index);
    uint64_t serial = model_table_serial(table), changes = kept_changes(watch->server->kept);
    enum feed_state state = FEED_WAIT;
    struct error err;

    if (!watch->begun || serial != watch->serial || changes != watch->changes) {
        enum status status = watch->write(watch, table, &executor->arena, out, &err);

        write_removed(watch, out);
        watch->serial = serial;
        watch->changes = changes;
        if (status != STATUS_OK)
            state = FEED_END;
        else if (!watch->begun || out->size)
            state = FEED_MORE;
        watch->begun = true;
    }
    models_unpin(watch->server->models, executor->index);
    return state;
}

static void watch_free(struct feed *feed)
{
    struct watch_feed *watch = (struct watch_feed *)feed;

    for (size_t i = 0; i < watch->count; i++)
        free(watch->items[i].id);
    free(watch->items);
    free(watch);
}

static const struct feed_class WATCH = {.next = watch_next, .free = watch_free};

static enum status watch(struct request *request, struct response *response, int generation,
                         enum status (*write)(struct watch_feed *watch,
                                              const struct model_table *table, struct arena *arena,
                                              struct text *out, struct error *err),
                         struct error *err)
{
    struct watch_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return error_no_memory(err, "a watch");
    feed->feed.class = &WATCH;
    feed->server = request->server;
    feed->generation = generation;
    feed->write = write;
    response->feed = &feed->feed;
    return STATUS_OK;
}

#define WATCH_BOTH(what)                                                                           \
    static enum status what##_2(struct request *request, struct response *response,                \
                                struct error *err)                                                 \
    {                                                                                              \
        return watch(request, response, GENERATION_2, write_##what, err);                          \
    }                                                                                              \
    static enum status what##_3(struct request *request, struct response *response,                \
                                struct error *err)                                                 \
    {                                                                                              \
        return watch(request, response, GENERATION_3, write_##what, err);                          \
    }
WATCH_BOTH(applications)
WATCH_BOTH(servables)
WATCH_BOTH(metrics)

#define SECOND "/hydrosphere.discovery.ServingDiscovery/"
#define THIRD "/hydrosphere.serving.discovery.ServingDiscovery/"

static const struct route ROWS[] = {
    {HTTP_POST, SECOND "WatchApplications", applications_2, "applications, then changes",
     ROUTE_GRPC},
    {HTTP_POST, SECOND "WatchServables", servables_2, "servables, then changes", ROUTE_GRPC},
    {HTTP_POST, SECOND "WatchMetricSpec", metrics_2, "metrics, then changes", ROUTE_GRPC},
    {HTTP_POST, THIRD "WatchApplications", applications_3, "applications, then changes",
     ROUTE_GRPC},
    {HTTP_POST, THIRD "WatchServables", servables_3, "servables, then changes", ROUTE_GRPC},
    {HTTP_POST, THIRD "WatchMetricSpec", metrics_3, "metrics, then changes", ROUTE_GRPC},
};

const struct route_set routes_grpc_discovery = {
    .name = "grpc_discovery",
    .summary = "gRPC: Hydrosphere's discovery, generations 2 and 3",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
