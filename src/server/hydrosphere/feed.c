// SPDX-License-Identifier: Apache-2.0
/* A feed remembers of every object the state that it told last, and looks at the table again when
 * it is asked: nobody has to tell it. */
#include "server/hydrosphere/feed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "server/feed.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/kept.h"
#include "server/hydrosphere/metrics.h"
#include "server/internal.h"
#include "server/sse.h"

enum { HEARTBEAT_NS_PER_S = 1000000000, HEARTBEAT_S = 5, SEEN_BYTES_MAX = 256 << 20 };

/* --- events --- */

enum kind { KIND_MODEL, KIND_APPLICATION, KIND_SERVABLE, KIND_METRIC, KIND_CONFIGURATION };

static const char *const NAMES[] = {
    [KIND_MODEL] = "Model",
    [KIND_APPLICATION] = "Application",
    [KIND_SERVABLE] = "Servable",
    [KIND_METRIC] = "MetricSpec",
    [KIND_CONFIGURATION] = "DeploymentConfiguration",
};

struct seen { /* an object and its state */
    enum kind kind;
    int64_t id;       /* of a version, an application or a metric */
    const char *name; /* of a servable or a configuration */
    uint64_t state;   /* another one: it changed */
    bool there;       /* still */
};

struct events {
    struct feed feed;
    struct server *server;
    struct arena memory[2]; /* [now]: of what was told */
    int now;
    struct map seen; /* key -> struct seen */
    uint64_t digest; /* of all states, so that looking again is cheap */
    uint64_t spoke_ns;
    int64_t last_id;
};

static uint64_t mix(uint64_t state, uint64_t value)
{
    return (state ^ value) * 0x9E3779B97F4A7C15u + 1;
}

/* A key that no other kind has. */
static struct bytes key_of(const struct seen *seen, struct arena *arena)
{
    const char *text = seen->name
                           ? arena_printf(arena, "%d:%s", (int)seen->kind, seen->name)
                           : arena_printf(arena, "%d:%lld", (int)seen->kind, (long long)seen->id);

    return text ? bytes_of(text) : (struct bytes){NULL, 0};
}

/* Put an object into the new map. False: no memory. */
static bool remember(struct map *map, const struct seen *from, const struct seen **old,
                     const struct map *before)
{
    struct seen *seen = arena_new(map->arena, struct seen, 1);
    struct bytes key;

    if (!seen)
        return false;
    *seen = *from;
    if (from->name && !(seen->name = arena_text(map->arena, bytes_of(from->name))))
        return false;
    key = key_of(seen, map->arena);
    *old = key.data ? map_find(before, key) : NULL;
    return key.data && map_set(map, key, seen);
}

/* "ModelUpdate", "ModelRemove" ... */
static void tell(struct events *events, enum kind kind, const char *what, const struct text *body,
                 struct text *out)
{
    char event[64];

    snprintf(event, sizeof event, "%s%s", NAMES[kind], what);
    sse_write(out, ++events->last_id, event, text_bytes(body));
}

static enum status print(const struct view *view, enum kind kind, const void *object,
                         struct error *err)
{
    const struct kept_item *item = object;

    switch (kind) {
    case KIND_MODEL:
        return view_version(view, object, NULL, err);
    case KIND_APPLICATION:
        return view_application(view, object, err);
    case KIND_SERVABLE:
        return view_servable(view, object, err);
    case KIND_METRIC:
        return metric_view(view, object, err);
    case KIND_CONFIGURATION:
        text_append(view->text, item->body);
    }
    return STATUS_OK;
}

/* One object: told when it is new or changed, and `out` is there. */
static bool look_at(struct events *events, struct map *map, const struct seen *seen,
                    const struct view *view, const void *object, struct text *out)
{
    const struct seen *old;
    struct error ignored;

    if (!remember(map, seen, &old, &events->seen))
        return false;
    if (!out || (old && old->state == seen->state))
        return true;
    text_clear(view->text);
    if (!print(view, seen->kind, object, &ignored) && !view->text->failed)
        tell(events, seen->kind, "Update", view->text, out);
    return true;
}

/* --- uploads that are not versions yet, or never will be --- */

struct found {
    struct build_entry *entries;
    size_t count, capacity;
    struct arena *arena;
    bool failed;
};

enum { BUILD_STATES = 8 }; /* above those of versions */

static bool find_build(void *context, const struct build_entry *entry)
{
    struct found *found = context;
    struct build_entry kept = {.id = entry->id, .state = entry->state, .view = entry->view};

    kept.view.data = (const uint8_t *)arena_text(found->arena, kept.view);
    found->failed =
        !kept.view.data || !ARENA_GROW(found->arena, found->entries, found->count, found->capacity);
    if (!found->failed)
        found->entries[found->count++] = kept;
    return !found->failed;
}

static bool look_at_builds(struct events *events, struct map *map, const struct view *view,
                           const struct found *found, struct text *out)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct build_entry *entry = &found->entries[i];
        const struct seen seen = {
            .kind = KIND_MODEL, .id = entry->id, .state = BUILD_STATES + (unsigned)entry->state};
        const struct seen *old;

        if (model_table_version(view->table, entry->id))
            continue; /* it has become one */
        if (!remember(map, &seen, &old, &events->seen))
            return false;
        if (!out || (old && old->state == seen.state))
            continue;
        text_clear(view->text);
        text_append_bytes(view->text, entry->view);
        tell(events, KIND_MODEL, "Update", view->text, out);
    }
    return !found->failed;
}

/* --- what clients left --- */

static bool look_at_kept(struct events *events, struct map *map, const struct view *view,
                         struct text *out)
{
    for (enum kept_kind kind = 0; kind < KEPT_COUNT; kind++) {
        size_t count;
        const struct kept_item *items = kept_list(events->server->kept, kind, &count, view->arena);

        for (size_t i = 0; i < count; i++) {
            const bool named = kind == KEPT_CONFIGURATION;
            const struct seen seen = {.kind = named ? KIND_CONFIGURATION : KIND_METRIC,
                                      .id = items[i].id,
                                      .name = named ? items[i].name : NULL,
                                      .state = bytes_hash(bytes_of(items[i].body))};

            struct hydrosphere_metric metric;
            struct error ignored;

            if (!named &&
                metric_of_record(items[i].id, items[i].body, &metric, view->arena, &ignored))
                continue;
            if (!look_at(events, map, &seen, view, named ? (const void *)&items[i] : &metric, out))
                return false;
        }
    }
    return true;
}

/* Metrics that the manifest of a version declares: they come with it. */
static bool look_at_declared(struct events *events, struct map *map, const struct version *row,
                             const struct view *view, struct text *out)
{
    struct hydrosphere_metric *metrics;
    struct error ignored;
    size_t count;

    if (metrics_declared(view->table, row, &metrics, &count, view->arena, &ignored))
        return true; /* what does not read declares nothing */
    for (size_t i = 0; i < count; i++) {
        const struct seen seen = {
            .kind = KIND_METRIC, .id = metrics[i].id, .state = (uint64_t)metrics[i].by};

        if (!look_at(events, map, &seen, view, &metrics[i], out))
            return false;
    }
    return true;
}

/* --- the table --- */

static bool look_at_model(struct events *events, struct map *map, const struct table_model *model,
                          const struct view *view, struct text *out)
{
    for (size_t v = 0; v < model->count; v++) {
        const struct version *row = loaded_row(model->versions[v]);
        struct seen seen = {.kind = KIND_MODEL, .id = row->id};

        if (hydrosphere_is_application(row))
            break;
        seen.state = loaded_state(model->versions[v]) == MODEL_FAILED;
        if (!look_at(events, map, &seen, view, model->versions[v], out) ||
            !look_at_declared(events, map, row, view, out))
            return false;
    }
    if (model->serving && hydrosphere_is_application(loaded_row(model->serving))) {
        const struct version *row = loaded_row(model->serving);
        struct seen seen = {.kind = KIND_APPLICATION, .id = row->model_id};

        seen.state = mix((uint64_t)row->id, loaded_state(model->serving) == MODEL_READY    ? 2
                                            : loaded_state(model->serving) == MODEL_FAILED ? 1
                                                                                           : 0);
        return look_at(events, map, &seen, view, model, out);
    }
    return true;
}

static bool look_at_all(struct events *events, struct map *map, const struct view *view,
                        const struct found *builds, struct text *out)
{
    if (!look_at_builds(events, map, view, builds, out) || !look_at_kept(events, map, view, out))
        return false;
    for (size_t m = 0; m < model_table_count(view->table); m++)
        if (!look_at_model(events, map, model_table_at(view->table, m), view, out))
            return false;
    for (size_t i = 0; i < model_table_servables(view->table); i++) {
        const struct table_servable *servable = model_table_servable_at(view->table, i);
        struct seen seen = {.kind = KIND_SERVABLE, .name = servable->name};

        if (!hydrosphere_is_running(servable))
            continue;
        seen.state = mix((uint64_t)loaded_row(servable->loaded)->id,
                         hydrosphere_servable_state(servable, NULL));
        if (!look_at(events, map, &seen, view, servable, out))
            return false;
    }
    return true;
}

static uint64_t digest_of(const struct model_table *table, struct server *server)
{
    uint64_t digest = mix(mix(model_table_count(table), builds_changes(server->builds)),
                          kept_changes(server->kept));

    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        for (size_t v = 0; v < model->count; v++)
            digest = mix(digest, mix((uint64_t)loaded_row(model->versions[v])->id,
                                     loaded_state(model->versions[v])));
        digest = mix(digest, model->serving ? (uint64_t)loaded_row(model->serving)->id : 0);
    }
    for (size_t i = 0; i < model_table_servables(table); i++) {
        const struct table_servable *servable = model_table_servable_at(table, i);

        digest = mix(digest, mix((uint64_t)servable->id, servable->unloaded));
    }
    return digest;
}

/* What was there and is no more. */
static void tell_removed(struct events *events, const struct map *map, struct text *body,
                         struct text *out)
{
    for (size_t i = 0; i < events->seen.capacity; i++) {
        const struct map_entry *entry = &events->seen.entries[i];
        const struct seen *seen = entry->value;

        if (!seen || map_find(map, entry->key))
            continue;
        text_clear(body);
        if (seen->name) {
            text_append(body, "{");
            view_text(body, "name", seen->name);
            text_append(body, "}");
        } else {
            text_printf(body, "{\"id\":%lld}", (long long)seen->id);
        }
        tell(events, seen->kind, "Remove", body, out);
    }
}

static void compare_all(struct events *events, const struct view *view, const struct found *builds,
                        uint64_t digest, struct text *out)
{
    struct arena *next = &events->memory[!events->now];
    struct map map;

    arena_reset(next);
    map_init(&map, next);
    if (!look_at_all(events, &map, view, builds, out))
        return;
    if (out)
        tell_removed(events, &map, view->text, out);
    events->seen = map;
    events->digest = digest;
    events->now = !events->now;
}

/* Compare what there is with what was told. Without memory: again later. */
static void compare(struct events *events, struct executor *executor, struct text *out)
{
    struct server *server = events->server;
    struct found builds = {.arena = &executor->arena};
    struct text body = {0};
    struct view view = {.table = models_pin(server->models, executor->index),
                        .registry = NULL, /* of applications: an I/O thread does not wait */
                        .generation = (int)server->settings.hydrosphere_generation,
                        .arena = &executor->arena,
                        .text = &body};
    uint64_t digest = digest_of(view.table, server);

    if (!out || digest != events->digest) {
        models_unpin(server->models, executor->index);
        /* before the table: a build that has ended meanwhile is a version there */
        builds_each(server->builds, find_build, &builds);
        view.table = models_pin(server->models, executor->index);
        compare_all(events, &view, &builds, digest, out);
    }
    models_unpin(server->models, executor->index);
    text_release(&body);
}

static enum feed_state events_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct events *events = (struct events *)feed;
    uint64_t now = clock_ns();

    compare(events, executor, out);
    if (out->size == 0 && now - events->spoke_ns >= (uint64_t)HEARTBEAT_S * HEARTBEAT_NS_PER_S)
        sse_heartbeat(out);
    if (out->size == 0)
        return FEED_WAIT;
    events->spoke_ns = now;
    return FEED_MORE;
}

static void events_free(struct feed *feed)
{
    struct events *events = (struct events *)feed;

    arena_release(&events->memory[0]);
    arena_release(&events->memory[1]);
    free(events);
}

static const struct feed_class EVENTS = {.next = events_next, .free = events_free};

enum status hydrosphere_events(struct request *request, struct response *response,
                               struct error *err)
{
    struct events *events = calloc(1, sizeof *events);

    if (!events)
        return error_no_memory(err, "events");
    events->feed.class = &EVENTS;
    events->server = request->server;
    events->spoke_ns = clock_ns();
    for (int i = 0; i < 2; i++)
        arena_init(&events->memory[i], SEEN_BYTES_MAX);
    map_init(&events->seen, &events->memory[0]);
    kept_refresh(request->server->kept);
    compare(events, request->executor, NULL); /* told is what changes from now on */
    response->content_type = SSE_TYPE;
    response->feed = &events->feed;
    sse_heartbeat(&response->body);
    return STATUS_OK;
}

/* --- logs of servables --- */

struct servable_log {
    struct feed feed;
    struct server *server;
    char *name;
    int state; /* that was told last; -1: none */
    int64_t last_id;
    bool follow;
    uint64_t spoke_ns;
};

/* The lines about the servable as it is now; false when it is gone. */
static bool lines_tell(struct servable_log *log, unsigned executor, struct text *out)
{
    const struct model_table *table = models_pin(log->server->models, executor);
    const struct table_servable *servable = model_table_servable(table, bytes_of(log->name));
    struct text line = {0};
    const char *why = "";
    int state;

    if (servable) {
        const struct version *row = loaded_row(servable->loaded);

        state = (int)hydrosphere_servable_state(servable, &why);
        if (log->state < 0) {
            text_printf(&line, "%s is version %lld of %s, %s, %s", servable->name,
                        (long long)row->number, row->model, row->format, row->digest);
            sse_write(out, ++log->last_id, NULL, text_bytes(&line));
        }
        if (state != log->state) {
            text_clear(&line);
            text_printf(&line, "%s%s%s", servable_state_name((enum servable_state)state),
                        *why ? ": " : "", why);
            sse_write(out, ++log->last_id, NULL, text_bytes(&line));
        }
        log->state = state;
    }
    models_unpin(log->server->models, executor);
    text_release(&line);
    return servable != NULL;
}

static enum feed_state log_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct servable_log *log = (struct servable_log *)feed;
    uint64_t now = clock_ns();
    bool there = lines_tell(log, executor->index, out);

    if (!there || !log->follow) {
        sse_write(out, 0, SSE_END, (struct bytes){NULL, 0});
        return FEED_END;
    }
    if (out->size == 0 && now - log->spoke_ns >= (uint64_t)HEARTBEAT_S * HEARTBEAT_NS_PER_S)
        sse_heartbeat(out);
    if (out->size == 0)
        return FEED_WAIT;
    log->spoke_ns = now;
    return FEED_MORE;
}

static void log_free(struct feed *feed)
{
    struct servable_log *log = (struct servable_log *)feed;

    free(log->name);
    free(log);
}

static const struct feed_class LOG = {.next = log_next, .free = log_free};

enum status hydrosphere_servable_log(struct request *request, struct response *response,
                                     struct bytes name, bool follow, struct error *err)
{
    struct servable_log *log = calloc(1, sizeof *log);
    char quoted[TEXT_QUOTE_SIZE];
    bool there;

    if (!log || !(log->name = strndup((const char *)name.data, name.size))) {
        free(log);
        return error_no_memory(err, "a log");
    }
    log->feed.class = &LOG;
    log->server = request->server;
    log->state = -1;
    log->follow = follow;
    log->spoke_ns = clock_ns();
    there = lines_tell(log, request->executor->index, &response->body);
    response->content_type = SSE_TYPE;
    response->feed = &log->feed;
    if (there)
        return STATUS_OK;
    text_clear(&response->body);
    return error_set(err, STATUS_NOT_FOUND, "there is no servable '%s'",
                     text_quote(name, quoted, sizeof quoted));
}
