// SPDX-License-Identifier: Apache-2.0
/* The health service of gRPC. "" is the server, then there are the services by their names, and
 * models by theirs. */
#include <stdlib.h>

#include "formats/protobuf.h"
#include "server/feed.h"
#include "server/internal.h"

/* HealthCheckResponse.ServingStatus */
enum serving { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

enum { NAME_BYTES_MAX = 1024 };

static enum serving model_health(struct server *server, const struct executor *executor,
                                 struct bytes name)
{
    const struct model_table *table = models_pin(server->models, executor->index);
    struct loaded *loaded;
    struct error err;
    enum serving health = SERVICE_UNKNOWN;

    if (models_find(table, name, (struct bytes){NULL, 0}, &loaded, &err) == STATUS_OK)
        health =
            loaded_state(loaded) == MODEL_READY && !server_draining(server) ? SERVING : NOT_SERVING;
    models_unpin(server->models, executor->index);
    return health;
}

static enum serving health_of(struct server *server, const struct executor *executor,
                              struct bytes name)
{
    bool ready = models_settled(server->models) && !server_draining(server);

    if (name.size == 0 || router_has_service(server->router, name))
        return ready ? SERVING : NOT_SERVING;
    return model_health(server, executor, name);
}

static enum status read_name(struct bytes message, struct bytes *name, struct error *err)
{
    struct protobuf reader = protobuf_over(message);
    struct protobuf_field field;

    *name = (struct bytes){(const uint8_t *)"", 0};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == 0)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_bytes(&field, name, err));
        if (name->size > NAME_BYTES_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "a service's name has %zu bytes",
                             name->size);
    }
}

static enum status check(struct request *request, struct response *response, struct error *err)
{
    struct bytes name;
    enum serving health;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(read_name(request->body, &name, err));
    health = health_of(request->server, request->executor, name);
    if (health == SERVICE_UNKNOWN)
        return error_set(err, STATUS_NOT_FOUND, "there is no service or model '%s'",
                         text_quote(name, quoted, sizeof quoted));
    protobuf_write_i64(&response->body, 1, health);
    return STATUS_OK;
}

static void write_entry(struct text *text, struct bytes name, enum serving health)
{
    size_t entry = protobuf_write_begin(text), value;

    protobuf_write_bytes(text, 1, name);
    value = protobuf_write_begin(text);
    protobuf_write_i64(text, 1, health);
    protobuf_write_end(text, 2, value);
    protobuf_write_end(text, 1, entry);
}

static enum status list(struct request *request, struct response *response, struct error *err)
{
    struct server *server = request->server;
    const struct executor *executor = request->executor;
    const struct model_table *table;

    (void)err;
    write_entry(&response->body, bytes_of(""), health_of(server, executor, bytes_of("")));
    table = models_pin(server->models, executor->index);
    for (size_t i = 0; i < model_table_count(table); i++) {
        const struct table_model *model = model_table_at(table, i);
        bool serves = model->serving && loaded_state(model->serving) == MODEL_READY;

        write_entry(&response->body, bytes_of(model->name), serves ? SERVING : NOT_SERVING);
    }
    models_unpin(server->models, executor->index);
    return STATUS_OK;
}

/* --- Watch --- */

struct watch_feed {
    struct feed base;
    struct server *server;
    int said; /* 0: nothing yet */
    size_t size;
    uint8_t name[];
};

static enum feed_state next(struct feed *base, struct executor *executor, struct text *out)
{
    struct watch_feed *feed = (struct watch_feed *)base;
    enum serving health = health_of(feed->server, executor, (struct bytes){feed->name, feed->size});

    if ((int)health == feed->said)
        return FEED_WAIT;
    feed->said = (int)health;
    protobuf_write_i64(out, 1, health);
    return FEED_MORE;
}

static void feed_free(struct feed *feed)
{
    free(feed);
}

static const struct feed_class WATCH_FEED = {.next = next, .free = feed_free};

static enum status watch(struct request *request, struct response *response, struct error *err)
{
    struct bytes name;
    struct watch_feed *feed;

    TRY(read_name(request->body, &name, err));
    feed = malloc(sizeof *feed + name.size);
    if (!feed)
        return error_no_memory(err, "a stream");
    *feed = (struct watch_feed){{&WATCH_FEED}, request->server, 0, name.size};
    memcpy(feed->name, name.data, name.size);
    response->feed = &feed->base;
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/grpc.health.v1.Health/Check", check, "gRPC: is a service or model ready",
     ROUTE_GRPC},
    {HTTP_POST, "/grpc.health.v1.Health/List", list, "gRPC: all models and whether they are ready",
     ROUTE_GRPC},
    {HTTP_POST, "/grpc.health.v1.Health/Watch", watch, "gRPC: the same, told when it changes",
     ROUTE_GRPC},
};

const struct route_set routes_grpc_health = {
    .name = "grpc_health",
    .summary = "gRPC's health service",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
