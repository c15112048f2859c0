// SPDX-License-Identifier: Apache-2.0
/* A build is in the list from its beginning until its version is in the table of models, or, when
 * it failed, until HYDROSPHERE_FAILED_MAX others did. */
#include "server/hydrosphere/builds.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "loading/worker.h"
#include "server/hydrosphere/internal.h"
#include "server/received.h"
#include "server/sse.h"
#include "server/stored.h"

enum { LOG_BYTES_MAX = 1 << 20, AWAIT_POLL_MS = 200, RUNNING_MAX = 256 };

struct builds *builds_new(struct server *server)
{
    struct builds *builds = calloc(1, sizeof *builds);

    if (!builds)
        return NULL;
    builds->server = server;
    pthread_mutex_init(&builds->lock, NULL);
    pthread_cond_init(&builds->ended, NULL);
    return builds;
}

/* --- one --- */

enum status build_new(struct request *request, struct build **build, struct error *err)
{
    struct building *building = calloc(1, sizeof *building);

    if (!building)
        return error_no_memory(err, "a build");
    building->server = request->server;
    building->users = 1;
    building->build.payload = RECEIVED_NONE;
    arena_init(&building->build.memory, (size_t)request->server->settings.request_memory_max);
    *build = &building->build;
    return STATUS_OK;
}

/* What only building needs. */
static void building_close(struct building *building)
{
    load_close(&building->loading);
    building->loading = (struct loading){0};
    received_release(&building->build.payload);
    building->build.payload = RECEIVED_NONE;
    text_release(&building->build.upload.log);
    building->build.upload.log = (struct text){0};
}

static void building_free(struct building *building)
{
    building_close(building);
    arena_release(&building->build.memory);
    text_release(&building->view);
    text_release(&building->log);
    free(building);
}

void build_unref(struct build *build)
{
    struct building *building = (struct building *)build;
    struct builds *builds = building ? building->server->builds : NULL;
    bool last;

    if (!building)
        return;
    pthread_mutex_lock(&builds->lock);
    last = --building->users == 0;
    pthread_mutex_unlock(&builds->lock);
    if (last)
        building_free(building);
}

void builds_free(struct builds *builds)
{
    if (!builds)
        return;
    while (builds->first) {
        struct building *next = builds->first->next;

        building_free(builds->first);
        builds->first = next;
    }
    pthread_cond_destroy(&builds->ended);
    pthread_mutex_destroy(&builds->lock);
    free(builds);
}

/* --- the list; under the lock --- */

static struct building **place_of(struct builds *builds, const struct building *building)
{
    struct building **link = &builds->first;

    while (*link && *link != building)
        link = &(*link)->next;
    return link;
}

static struct building *find_id(struct builds *builds, int64_t id)
{
    struct building *building = builds->first;

    while (building && building->place.id != id)
        building = building->next;
    return building;
}

/* A further build; CONFLICT when the model has one that runs. */
static enum status list_add(struct builds *builds, struct building *building, struct error *err)
{
    enum status status = STATUS_OK;
    size_t running = 0;

    pthread_mutex_lock(&builds->lock);
    for (struct building *b = builds->first; b && !status; b = b->next) {
        running += b->state == BUILD_RUNNING;
        if (b->state == BUILD_RUNNING && strcmp(b->row.model, building->row.model) == 0)
            status = error_set(err, STATUS_CONFLICT, "version %lld of \"%s\" is being built",
                               (long long)b->place.number, b->row.model);
    }
    if (!status && running >= RUNNING_MAX)
        status = error_set(err, STATUS_UNAVAILABLE, "%d versions are being built", RUNNING_MAX);
    if (!status) {
        building->users++;
        *place_of(builds, NULL) = building;
        builds->changes++;
    }
    pthread_mutex_unlock(&builds->lock);
    return status;
}

static void list_remove(struct builds *builds, struct building *building)
{
    struct building **link;
    bool there;

    pthread_mutex_lock(&builds->lock);
    link = place_of(builds, building);
    there = *link != NULL;
    if (there)
        *link = building->next;
    builds->changes++;
    pthread_cond_broadcast(&builds->ended);
    pthread_mutex_unlock(&builds->lock);
    if (there)
        build_unref(&building->build);
}

/* Only so many that failed stay. */
static void list_forget(struct builds *builds)
{
    struct building *oldest = NULL;
    size_t failed = 0;

    pthread_mutex_lock(&builds->lock);
    for (struct building *b = builds->first; b; b = b->next) {
        if (b->state != BUILD_FAILED)
            continue;
        oldest = oldest ? oldest : b;
        failed++;
    }
    pthread_mutex_unlock(&builds->lock);
    if (failed > HYDROSPHERE_FAILED_MAX)
        list_remove(builds, oldest);
}

/* --- the log --- */

/* A line, from any thread; the last one of a long log says that there is more. */
static void line_told(void *context, const char *line)
{
    struct building *building = context;
    struct builds *builds = building->server->builds;
    struct text *log = &building->log;

    pthread_mutex_lock(&builds->lock);
    if (!building->full) {
        building->full = log->size + strlen(line) >= LOG_BYTES_MAX;
        text_printf(log, "%s\n", building->full ? "... and more" : line);
    }
    pthread_mutex_unlock(&builds->lock);
    if (building->server->workers->log)
        building->server->workers->log(building->server->workers->context, line);
}

static void log_told(void *context, struct text *log)
{
    struct building *building = context;
    struct builds *builds = building->server->builds;

    pthread_mutex_lock(&builds->lock);
    text_append_bytes(log, text_bytes(&building->log));
    pthread_mutex_unlock(&builds->lock);
}

/* --- building --- */

static enum status add(struct building *building, struct version *version, struct arena *scratch,
                       struct error *err)
{
    struct hydrosphere_upload *upload = &building->build.upload;
    struct loading_add adding = {.name = upload->name,
                                 .workers = building->server->workers,
                                 .log = text_bytes(&upload->log)};
    bool unchanged;

    if (building->place.id) {
        adding.workers = &building->policy;
        adding.place = &building->place;
        adding.told = log_told;
        adding.context = building;
    }
    TRY(text_check(&upload->log, err));
    return load_add(&building->loading, building->server->registry, &adding, version, &unchanged,
                    scratch, err);
}

static void show(struct building *building, const char *status, struct arena *scratch)
{
    const struct view view = {.arena = scratch, .text = &building->view};
    struct error ignored;

    text_clear(&building->view);
    if (view_version_built(&view, &building->row, status,
                           *building->finished ? building->finished : NULL, &ignored))
        text_clear(&building->view);
}

/* The rest of the log that is kept with the version. */
static void released(struct building *building, const struct version *version,
                     struct arena *scratch)
{
    struct builds *builds = building->server->builds;
    struct text log = {0};
    struct error ignored;
    enum status status =
        load_log_read(building->server->registry, version, NULL, &log, scratch, &ignored);

    models_refresh(building->server->models, false);
    pthread_mutex_lock(&builds->lock);
    if (!status && !log.failed && log.size > building->log.size)
        text_append_bytes(&building->log,
                          (struct bytes){(const uint8_t *)log.data + building->log.size,
                                         log.size - building->log.size});
    building->state = BUILD_RELEASED;
    pthread_mutex_unlock(&builds->lock);
    text_release(&log);
    list_remove(builds, building);
}

static void failed(struct building *building, const struct error *err, struct arena *scratch)
{
    struct builds *builds = building->server->builds;

    pthread_mutex_lock(&builds->lock);
    text_printf(&building->log, "failed: %s%s%s\n", err->text, err->fix[0] ? "; " : "", err->fix);
    registry_now(building->finished);
    snprintf(building->message, sizeof building->message, "%s", err->text);
    show(building, "Failed", scratch);
    pthread_mutex_unlock(&builds->lock);
    build_keep_failure(building->server, &building->build.upload, building, err, scratch);
    pthread_mutex_lock(&builds->lock);
    building->state = BUILD_FAILED;
    builds->changes++;
    pthread_cond_broadcast(&builds->ended);
    pthread_mutex_unlock(&builds->lock);
    list_forget(builds);
}

static void build_run(struct work *work, struct executor *executor)
{
    struct building *building = (struct building *)((char *)work - offsetof(struct building, work));
    struct server *server = building->server;
    struct version version;
    struct error err;

    if (add(building, &version, &executor->arena, &err))
        failed(building, &err, &executor->arena);
    else
        released(building, &version, &executor->arena);
    building_close(building);
    build_unref(&building->build);
    executor_reset(executor);
    feeds_wake(server);
}

/* --- beginning --- */

/* As it is shown until it is there. */
static enum status describe(struct building *building, struct error *err)
{
    const struct loading *loading = &building->loading;
    const struct description *d = &loading->description;
    struct arena *memory = &building->build.memory;
    struct text contract = {0};
    enum status status;

    contract_print_json(&d->contract, &contract);
    status = text_check(&contract, err);
    registry_now(building->created);
    building->row = (struct version){
        .model = building->build.upload.name ? building->build.upload.name : loading->manifest.name,
        .number = building->place.number,
        .format = arena_printf(memory, "%s", d->format ? d->format : ""),
        .contract = status ? NULL : arena_text(memory, text_bytes(&contract)),
        .manifest = arena_text(memory, loading->manifest_text),
        .created = building->created,
        .id = building->place.id,
        .model_id = building->place.model_id,
    };
    text_release(&contract);
    if (!status && !(building->row.format && building->row.contract && building->row.manifest))
        status = error_no_memory(err, "a build");
    return status;
}

/* hs 3 never asks what became of an upload: to it a log that ends well is a version. */
static bool log_tells(const struct hydrosphere_upload *upload)
{
    for (size_t i = 0; i < upload->metadata_count; i++)
        if (strcmp(upload->metadata[i].key, "hydrosphere.cli.version") == 0)
            return strncmp(upload->metadata[i].value, "3.", 2) == 0;
    return false;
}

static enum status begin(struct building *building, struct arena *scratch, struct error *err)
{
    struct server *server = building->server;
    struct version_place place;

    building->policy = *server->workers;
    building->policy.log = line_told;
    building->policy.context = building;
    building->work.run = build_run;
    building->log_tells = log_tells(&building->build.upload);
    TRY(describe(building, err)); /* its model's name, for the list */
    TRY(list_add(server->builds, building, err));
    if (registry_reserve(server->registry, building->row.model, &place, err)) {
        list_remove(server->builds, building);
        return err->status;
    }
    pthread_mutex_lock(&server->builds->lock);
    building->place = place; /* from here on others see it */
    building->row.number = place.number;
    building->row.id = place.id;
    building->row.model_id = place.model_id;
    text_append_bytes(&building->log, text_bytes(&building->build.upload.log));
    show(building, "Assembling", scratch);
    building->users++; /* of the thread */
    server->builds->changes++;
    pthread_mutex_unlock(&server->builds->lock);
    if (pool_submit(server->upload, &building->work)) {
        feeds_wake(server);
        return STATUS_OK;
    }
    list_remove(server->builds, building);
    build_unref(&building->build);
    return error_set(err, STATUS_UNAVAILABLE, "too many uploads are waiting");
}

static enum status start(struct building *building, struct request *request, const char *file_name,
                         int64_t *id, struct error *err)
{
    struct hydrosphere_upload *upload = &building->build.upload;
    struct arena *memory = &building->build.memory;
    const char *name = arena_printf(memory, "%s", *file_name ? file_name : "payload");
    struct artifact *artifact;
    struct version version;
    bool installs = false;

    if (!name)
        return error_no_memory(err, "a build");
    TRY(artifact_open_bytes(building->build.payload.bytes, name, NULL, &artifact, err));
    TRY(hydrosphere_upload_load(artifact, upload, &building->loading, memory, err));
    if (request->server->workers && (upload->name || building->loading.manifest.name))
        TRY(worker_installs(&building->loading, request->server->workers, &installs,
                            request_arena(request), err));
    if (installs) {
        TRY(begin(building, request_arena(request), err));
        *id = building->place.id;
        return STATUS_OK;
    }
    TRY(add(building, &version, request_arena(request), err));
    *id = version.id;
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

enum status build_start(struct build *build, struct request *request, const char *file_name,
                        int64_t *id, struct error *err)
{
    struct building *building = (struct building *)build;
    enum status status = start(building, request, file_name, id, err);

    if (status)
        build_keep_failure(request->server, &build->upload, NULL, err, request_arena(request));
    return status;
}

/* --- looking --- */

void builds_each(struct builds *builds,
                 bool (*each)(void *context, const struct build_entry *entry), void *context)
{
    bool more = true;

    pthread_mutex_lock(&builds->lock);
    for (const struct building *b = builds->first; b && more; b = b->next) {
        const struct build_entry entry = {
            .id = b->place.id,
            .state = b->state,
            .name = bytes_of(b->row.model),
            .number = b->place.number,
            .created = b->created,
            .finished = b->state == BUILD_RUNNING ? NULL : b->finished,
            .message = bytes_of(b->message),
            .view = text_bytes(&b->view),
        };

        if (b->view.size && b->state != BUILD_RELEASED)
            more = each(context, &entry);
    }
    pthread_mutex_unlock(&builds->lock);
}

uint64_t builds_changes(struct builds *builds)
{
    uint64_t changes;

    pthread_mutex_lock(&builds->lock);
    changes = builds->changes;
    pthread_mutex_unlock(&builds->lock);
    return changes;
}

/* --- following --- */

struct follow {
    struct feed feed;
    struct building *building;
    size_t offset;  /* of the log */
    int64_t number; /* of the last line that was read */
    int64_t seen;   /* lines that are left out */
    uint64_t spoke_ns;
};

enum { HEARTBEAT_NS = 2000000000, PIECE_BYTES = 32 << 10 };

/* What is new, as much as makes a piece. FEED_END: that was all, and there will be no more. */
static enum feed_state lines_take(struct follow *follow, struct text *out)
{
    struct building *building = follow->building;
    struct builds *builds = building->server->builds;
    enum feed_state state = FEED_MORE;

    pthread_mutex_lock(&builds->lock);
    while (follow->offset < building->log.size && out->size < PIECE_BYTES) {
        const char *line = building->log.data + follow->offset;
        const char *end = memchr(line, '\n', building->log.size - follow->offset);
        size_t size = end ? (size_t)(end - line) : building->log.size - follow->offset;

        follow->offset += size + (end != NULL);
        if (++follow->number > follow->seen)
            sse_write(out, follow->number, NULL, (struct bytes){(const uint8_t *)line, size});
    }
    if (building->state != BUILD_RUNNING && follow->offset >= building->log.size) {
        state = building->state == BUILD_FAILED && building->log_tells ? FEED_CUT : FEED_END;
        building->log_tells = false;
    }
    pthread_mutex_unlock(&builds->lock);
    return state;
}

static enum feed_state follow_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct follow *follow = (struct follow *)feed;
    enum feed_state state = lines_take(follow, out);
    uint64_t now = clock_ns();

    (void)executor;
    if (state == FEED_END)
        sse_write(out, 0, SSE_END, (struct bytes){NULL, 0});
    if (state != FEED_MORE)
        return state;
    if (out->size == 0 && now - follow->spoke_ns >= HEARTBEAT_NS)
        sse_heartbeat(out);
    if (out->size == 0)
        return FEED_WAIT;
    follow->spoke_ns = now;
    return FEED_MORE;
}

static void follow_free(struct feed *feed)
{
    build_unref(&((struct follow *)feed)->building->build);
    free(feed);
}

static const struct feed_class FOLLOW = {.next = follow_next, .free = follow_free};

enum status builds_follow(struct builds *builds, int64_t id, int64_t seen, struct feed **feed,
                          struct error *err)
{
    struct follow *follow = calloc(1, sizeof *follow);

    *feed = NULL;
    if (!follow)
        return error_no_memory(err, "a log");
    follow->feed.class = &FOLLOW;
    follow->seen = seen;
    follow->spoke_ns = clock_ns();
    pthread_mutex_lock(&builds->lock);
    follow->building = id ? find_id(builds, id) : NULL;
    if (follow->building)
        follow->building->users++;
    pthread_mutex_unlock(&builds->lock);
    if (follow->building)
        *feed = &follow->feed;
    else
        free(follow);
    return STATUS_OK;
}

/* --- waiting --- */

/* Until it ends; the caller has the lock. */
static void wait_for_end(struct builds *builds, int64_t id, const struct request *request)
{
    struct building *building = find_id(builds, id);
    struct timespec until;

    while (building && building->state == BUILD_RUNNING &&
           !(request->cancelled && atomic_load(request->cancelled)) &&
           !server_draining(builds->server)) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += AWAIT_POLL_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&builds->ended, &builds->lock, &until);
        building = find_id(builds, id);
    }
}

enum status builds_await(struct request *request, int64_t id, struct error *err)
{
    struct builds *builds = request->server->builds;
    enum status status = STATUS_OK;
    struct building *building;

    pthread_mutex_lock(&builds->lock);
    building = id ? find_id(builds, id) : NULL;
    if (building && building->state == BUILD_RUNNING && !request->executor->waits &&
        !request->stream) {
        status = request_later(request, LATER_WAITING);
    } else if (building) {
        wait_for_end(builds, id, request);
        building = find_id(builds, id);
        if (building)
            status = error_set(err, STATUS_CONFLICT, "version %lld of \"%s\" %s%s",
                               (long long)building->place.number, building->row.model,
                               building->state == BUILD_FAILED ? "could not be built: "
                                                               : "is being built",
                               building->message);
    }
    pthread_mutex_unlock(&builds->lock);
    return status;
}

enum status builds_await_named(struct request *request, struct bytes name, int64_t number,
                               struct error *err)
{
    struct builds *builds = request->server->builds;
    int64_t id = 0;

    pthread_mutex_lock(&builds->lock);
    for (const struct building *b = builds->first; b; b = b->next)
        if (b->state == BUILD_RUNNING && b->place.number == number && bytes_is(name, b->row.model))
            id = b->place.id;
    pthread_mutex_unlock(&builds->lock);
    return builds_await(request, id, err);
}
