// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager over gRPC, of generations 2 and 3: versions, and servables, which are
 * deployed and taken away. */
#include <stdio.h>
#include <stdlib.h>

#include "server/grpc/messages.h"
#include "server/hydrosphere/message.h"
#include "server/internal.h"

enum { PAIRS_MAX = 100, PAIR_BYTES_MAX = 1024 };

/* The table as the registry has it now. */
static const struct model_table *table_now(struct request *request)
{
    models_refresh(request->server->models, false);
    return models_pin(request->server->models, request->executor->index);
}

/* --- versions --- */

static enum status add_versions(struct messages *messages, const struct model_table *table,
                                int generation, struct arena *arena, struct error *err)
{
    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        for (size_t i = 0; i < model->count; i++) {
            const struct version *row = loaded_row(model->versions[i]);

            if (hydrosphere_is_application(row))
                continue;
            TRY(message_write_version(messages_begin(messages), model->versions[i], generation,
                                      arena, err));
            TRY(messages_end(messages, err));
        }
    }
    return STATUS_OK;
}

/* Those that are being built or could not be, and are no versions by now. */
static enum status add_builds(struct messages *messages, const struct model_table *table,
                              const struct build_entry *builds, size_t count, int generation,
                              struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (model_table_version(table, builds[i].id))
            continue;
        TRY(message_write_build(messages_begin(messages), &builds[i], generation, arena, err));
        TRY(messages_end(messages, err));
    }
    return STATUS_OK;
}

static enum status all_versions(struct request *request, struct response *response, int generation,
                                struct error *err)
{
    struct arena *arena = request_arena(request);
    const struct model_table *table;
    struct build_entry *builds;
    struct messages *messages;
    enum status status;
    size_t count;

    /* before the table: what has ended meanwhile is there */
    TRY(builds_list(request->server, &builds, &count, arena, err));
    messages = messages_new();
    if (!messages)
        return error_no_memory(err, "an answer");
    table = table_now(request);
    status = add_versions(messages, table, generation, arena, err);
    if (!status)
        status = add_builds(messages, table, builds, count, generation, arena, err);
    model_release(request);
    if (status == STATUS_OK)
        response->feed = messages_feed(messages);
    else
        messages_free(messages);
    return status;
}

/* {id 1} */
static enum status version(struct request *request, struct response *response, int generation,
                           struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    struct arena *arena = request_arena(request);
    struct protobuf_field field;
    const struct loaded *loaded;
    struct build_entry build;
    enum status status;
    bool found = false;
    int64_t id = 0;

    do {
        TRY(protobuf_next(&message, &field, err));
        if (field.number == 1)
            TRY(protobuf_i64(&field, &id, err));
    } while (field.number);
    if (id)
        TRY(builds_find(request->server, id, (struct bytes){NULL, 0}, 0, &found, &build, arena,
                        err));
    loaded = model_table_version(table_now(request), id);
    if (loaded && !hydrosphere_is_application(loaded_row(loaded)))
        status = message_write_version(&response->body, loaded, generation, arena, err);
    else if (found)
        status = message_write_build(&response->body, &build, generation, arena, err);
    else
        status =
            error_set(err, STATUS_NOT_FOUND, "there is no version with id %lld", (long long)id);
    model_release(request);
    return status;
}

/* --- what a request says --- */

/* An entry of map<string, string>. */
static enum status pair_read(const struct protobuf_field *field, struct manifest_pair *pair,
                             struct arena *arena, struct error *err)
{
    struct protobuf entry;
    struct protobuf_field key, value;

    TRY(protobuf_message(field, &entry, err));
    TRY(protobuf_entry(entry, &key, &value, err));
    TRY(protobuf_text(&key, &pair->key, arena, err));
    TRY(protobuf_text(&value, &pair->value, arena, err));
    if (strlen(pair->key) > PAIR_BYTES_MAX || strlen(pair->value) > PAIR_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "metadata of more than %d bytes", PAIR_BYTES_MAX);
    return STATUS_OK;
}

static enum status pairs_read(const struct protobuf *message, uint32_t number,
                              struct manifest_pair **pairs, size_t *count, struct arena *arena,
                              struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;
    size_t i = 0;

    TRY(protobuf_count(message, number, count, err));
    if (*count > PAIRS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d pairs of metadata", PAIRS_MAX);
    *pairs = arena_new(arena, struct manifest_pair, *count);
    if (!*pairs)
        return error_no_memory(err, "metadata");
    while (i < *count) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == number)
            TRY(pair_read(&field, &(*pairs)[i++], arena, err));
    }
    return STATUS_OK;
}

/* --- deploying --- */

struct deployment {   /* DeployServableRequest */
    int64_t id;       /* of the version; 0: it is named */
    const char *name; /* NULL: it is not */
    int64_t number;
    struct servable_note note;
};

/* ModelVersionIdentifier {name 1, version 2} */
static enum status identifier_read(const struct protobuf_field *field,
                                   struct deployment *deployment, struct arena *arena,
                                   struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;

    deployment->name = "";
    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            return STATUS_OK;
        if (part.number == 1)
            TRY(protobuf_text(&part, &deployment->name, arena, err));
        if (part.number == 2)
            TRY(protobuf_i64(&part, &deployment->number, err));
    }
}

/* {version_id 1 | fullname 2, metadata 3, deployment_config_name 4} */
static enum status deployment_read(struct request *request, struct deployment *deployment,
                                   struct error *err)
{
    struct protobuf message = protobuf_over(request->body), reader = message;
    struct arena *arena = request_arena(request);
    struct protobuf_field field;

    *deployment = (struct deployment){0};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == 1) {
            TRY(protobuf_i64(&field, &deployment->id, err));
            deployment->name = NULL;
        } else if (field.number == 2) {
            TRY(identifier_read(&field, deployment, arena, err));
            deployment->id = 0;
        } else if (field.number == 4) {
            TRY(protobuf_text(&field, &deployment->note.deployment, arena, err));
        }
    }
    if (deployment->note.deployment && !*deployment->note.deployment)
        deployment->note.deployment = NULL;
    return pairs_read(&message, 3, &deployment->note.metadata, &deployment->note.metadata_count,
                      arena, err);
}

/* The version that is meant: its row, kept. */
static enum status deployment_version(struct request *request, const struct deployment *deployment,
                                      struct version *row, struct error *err)
{
    const struct model_table *table = table_now(request);
    struct loaded *loaded = NULL;
    enum status status = STATUS_OK;
    char number[24];

    if (deployment->name) {
        snprintf(number, sizeof number, "%lld", (long long)deployment->number);
        status = models_find(table, bytes_of(deployment->name), bytes_of(number), &loaded, err);
    } else {
        loaded = deployment->id ? model_table_version(table, deployment->id) : NULL;
    }
    if (status == STATUS_OK && !loaded)
        status = error_set(err, STATUS_NOT_FOUND, "there is no version with id %lld",
                           (long long)deployment->id);
    if (status == STATUS_OK && hydrosphere_is_application(loaded_row(loaded)))
        status = error_set(err, STATUS_INVALID_INPUT, "'%s' is an application, not a model",
                           loaded_row(loaded)->model);
    if (status == STATUS_OK) {
        *row = *loaded_row(loaded);
        row->model = arena_text(request_arena(request), bytes_of(row->model));
        if (row->reason)
            row->reason = arena_text(request_arena(request), bytes_of(row->reason));
        if (!row->model)
            status = error_no_memory(err, "a name");
    }
    model_release(request);
    return status;
}

/* A servable that was deployed, said again whenever its state is another, until it is settled. */
struct deployed {
    struct feed feed; /* first */
    struct server *server;
    int generation, state; /* the last one that was said; -1: none was */
    bool settled;
    char name[SERVABLE_NAME_SIZE];
};

static enum feed_state deployed_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct deployed *deployed = (struct deployed *)feed;
    const struct model_table *table;
    const struct table_servable *servable;
    enum servable_state state;
    enum feed_state result = FEED_END;
    struct error err;

    if (deployed->settled)
        return FEED_END;
    table = models_pin(deployed->server->models, executor->index);
    servable = model_table_servable(table, bytes_of(deployed->name));
    if (servable) { /* it may be taken away meanwhile */
        state = hydrosphere_servable_state(servable, NULL);
        deployed->settled = state != SERVABLE_STARTING;
        result = (int)state == deployed->state ? FEED_WAIT : FEED_MORE;
        deployed->state = (int)state;
        if (result == FEED_MORE &&
            message_write_servable(out, servable, 0, deployed->generation, &executor->arena, &err))
            result = FEED_END;
    }
    models_unpin(deployed->server->models, executor->index);
    return result;
}

static void deployed_free(struct feed *feed)
{
    free(feed);
}

static const struct feed_class DEPLOYED = {.next = deployed_next, .free = deployed_free};

static enum status deploy(struct request *request, struct response *response, int generation,
                          struct error *err)
{
    struct deployment deployment;
    struct deployed *deployed;
    struct version row;
    const char *name;

    TRY(deployment_read(request, &deployment, err));
    TRY(deployment.name
            ? builds_await_named(request, bytes_of(deployment.name), deployment.number, err)
            : builds_await(request, deployment.id, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    TRY(deployment_version(request, &deployment, &row, err));
    TRY(hydrosphere_deploy(request, &row, &deployment.note, &name, err));
    deployed = calloc(1, sizeof *deployed);
    if (!deployed)
        return error_no_memory(err, "an answer");
    deployed->feed.class = &DEPLOYED;
    deployed->server = request->server;
    deployed->generation = generation;
    deployed->state = -1;
    snprintf(deployed->name, sizeof deployed->name, "%s", name);
    response->feed = &deployed->feed;
    return STATUS_OK;
}

/* --- servables --- */

struct service_filter { /* ServableFilter; what is NULL or has no flag is not asked for */
    const char *name;
    int64_t version;
    bool has_version;
    struct manifest_pair *metadata;
    size_t metadata_count;
};

/* Field 1 of StringValue or Int64Value. */
static enum status wrapped(const struct protobuf_field *field, const char **text, int64_t *number,
                           struct arena *arena, struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;

    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            return STATUS_OK;
        if (part.number == 1 && text)
            TRY(protobuf_text(&part, text, arena, err));
        if (part.number == 1 && number)
            TRY(protobuf_i64(&part, number, err));
    }
}

/* {name 1, version_id 2, metadata 3} */
static enum status filter_parts(const struct protobuf *message, struct service_filter *filter,
                                struct arena *arena, struct error *err)
{
    struct protobuf reader = *message;
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == 1) {
            filter->name = "";
            TRY(wrapped(&field, &filter->name, NULL, arena, err));
        }
        if (field.number == 2) {
            filter->has_version = true;
            TRY(wrapped(&field, NULL, &filter->version, arena, err));
        }
    }
    return pairs_read(message, 3, &filter->metadata, &filter->metadata_count, arena, err);
}

static enum status filter_read(struct request *request, struct service_filter *filter,
                               struct error *err)
{
    struct protobuf message = protobuf_over(request->body), inner;
    struct protobuf_field field;

    *filter = (struct service_filter){0};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(filter_parts(&inner, filter, request_arena(request), err));
    }
}

static bool has_pair(const struct servable_note *note, const struct manifest_pair *pair)
{
    for (size_t i = 0; i < note->metadata_count; i++)
        if (!strcmp(note->metadata[i].key, pair->key))
            return !strcmp(note->metadata[i].value, pair->value);
    return false;
}

static enum status filter_passes(const struct service_filter *filter,
                                 const struct table_servable *servable, bool *passes,
                                 struct arena *arena, struct error *err)
{
    struct servable_note note;

    *passes = false;
    if ((filter->name && strcmp(filter->name, servable->name)) ||
        (filter->has_version && filter->version != loaded_row(servable->loaded)->id))
        return STATUS_OK;
    TRY(hydrosphere_servable_note(servable, &note, arena, err));
    for (size_t i = 0; i < filter->metadata_count; i++)
        if (!has_pair(&note, &filter->metadata[i]))
            return STATUS_OK;
    *passes = true;
    return STATUS_OK;
}

static enum status add_servables(struct messages *messages, const struct model_table *table,
                                 const struct service_filter *filter, int generation,
                                 struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < model_table_servables(table); i++) {
        const struct table_servable *servable = model_table_servable_at(table, i);
        bool passes;

        if (!hydrosphere_is_running(servable))
            continue;
        TRY(filter_passes(filter, servable, &passes, arena, err));
        if (!passes)
            continue;
        TRY(message_write_servable(messages_begin(messages), servable, 0, generation, arena, err));
        TRY(messages_end(messages, err));
    }
    return STATUS_OK;
}

static enum status servables(struct request *request, struct response *response, int generation,
                             struct error *err)
{
    struct messages *messages;
    struct service_filter filter;
    enum status status;

    TRY(filter_read(request, &filter, err));
    messages = messages_new();
    if (!messages)
        return error_no_memory(err, "an answer");
    status = add_servables(messages, table_now(request), &filter, generation,
                           request_arena(request), err);
    model_release(request);
    if (status == STATUS_OK)
        response->feed = messages_feed(messages);
    else
        messages_free(messages);
    return status;
}

/* {servable_name 1}: the answer is what it was. */
static enum status remove_servable(struct request *request, struct response *response,
                                   int generation, struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    const struct table_servable *servable;
    struct protobuf_field field;
    enum status status = STATUS_OK;
    const char *name = "";

    do {
        TRY(protobuf_next(&message, &field, err));
        if (field.number == 1)
            TRY(protobuf_text(&field, &name, request_arena(request), err));
    } while (field.number);
    servable = model_table_servable(table_now(request), bytes_of(name));
    if (servable)
        status = message_write_servable(&response->body, servable, 0, generation,
                                        request_arena(request), err);
    model_release(request);
    TRY(status);
    status = hydrosphere_undeploy(request, bytes_of(name), err);
    if (status != STATUS_OK)
        text_clear(&response->body);
    return status;
}

/* --- both generations --- */

#define BOTH(name)                                                                                 \
    static enum status name##_2(struct request *request, struct response *response,                \
                                struct error *err)                                                 \
    {                                                                                              \
        return name(request, response, GENERATION_2, err);                                         \
    }                                                                                              \
    static enum status name##_3(struct request *request, struct response *response,                \
                                struct error *err)                                                 \
    {                                                                                              \
        return name(request, response, GENERATION_3, err);                                         \
    }
BOTH(all_versions)
BOTH(version)
BOTH(deploy)
BOTH(servables)
BOTH(remove_servable)

#define SECOND "/hydrosphere.manager.ManagerService/"
#define THIRD "/hydrosphere.serving.manager.ManagerService/"
#define FLAGS ROUTE_GRPC | ROUTE_CONTROL

static const struct route ROWS[] = {
    {HTTP_POST, SECOND "GetAllVersions", all_versions_2, "every version", FLAGS},
    {HTTP_POST, SECOND "GetVersion", version_2, "a version by its id", FLAGS},
    {HTTP_POST, SECOND "DeployServable", deploy_2, "give a version a name and load it", FLAGS},
    {HTTP_POST, SECOND "GetServables", servables_2, "what is loaded or was deployed", FLAGS},
    {HTTP_POST, SECOND "RemoveServable", remove_servable_2, "take a name away", FLAGS},
    {HTTP_POST, THIRD "GetAllVersions", all_versions_3, "every version", FLAGS},
    {HTTP_POST, THIRD "GetVersion", version_3, "a version by its id", FLAGS},
    {HTTP_POST, THIRD "DeployServable", deploy_3, "give a version a name and load it", FLAGS},
    {HTTP_POST, THIRD "GetServables", servables_3, "what is loaded or was deployed", FLAGS},
    {HTTP_POST, THIRD "RemoveServable", remove_servable_3, "take a name away", FLAGS},
};

const struct route_set routes_grpc_manager = {
    .name = "grpc_manager",
    .summary = "gRPC: Hydrosphere's manager, generations 2 and 3",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
