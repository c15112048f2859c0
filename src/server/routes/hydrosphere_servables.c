// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generations 2 and 3: servables. */
#include "formats/json/json.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/feed.h"
#include "server/hydrosphere/view.h"
#include "server/internal.h"
#include "server/stored.h"

/* Instances, not all the names that versions have. */
static enum status servables_print(const struct view *view, struct error *err)
{
    bool any = false;

    text_append(view->text, "[");
    for (size_t i = 0; i < model_table_servables(view->table); i++) {
        const struct table_servable *servable = model_table_servable_at(view->table, i);

        if (!hydrosphere_is_running(servable))
            continue;
        text_append(view->text, any ? "," : "");
        any = true;
        TRY(view_servable(view, servable, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status servables_list(struct request *request, struct response *response,
                                  struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = servables_print(&view, err);

    model_release(request);
    return status;
}

static enum status print_named(struct request *request, struct response *response,
                               struct bytes name, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_servable *servable = model_table_servable(view.table, name);
    char quoted[TEXT_QUOTE_SIZE];
    enum status status = servable ? view_servable(&view, servable, err)
                                  : error_set(err, STATUS_NOT_FOUND, "there is no servable '%s'",
                                              text_quote(name, quoted, sizeof quoted));

    model_release(request);
    return status;
}

static enum status servable_show(struct request *request, struct response *response,
                                 struct error *err)
{
    return print_named(request, response, request->parameters[0], err);
}

/* --- deploying --- */

struct order { /* {modelName, version, metadata?, deploymentConfigName?} */
    const char *model;
    int64_t number;
    struct servable_note note;
};

static enum status order_read(struct request *request, struct order *order, struct error *err)
{
    struct arena *arena = request_arena(request);
    struct bytes text;
    struct json body;

    *order = (struct order){NULL};
    TRY(hydrosphere_body(request, JSON_OBJECT, &body, err));
    if (!json_string(json_get(&body, "modelName"), &text))
        return error_set(err, STATUS_INVALID_INPUT, "\"modelName\" is no string");
    order->model = arena_text(arena, text);
    if (!order->model)
        return error_no_memory(err, "a servable");
    if (!json_i64(json_get(&body, "version"), &order->number) || order->number < 1)
        return error_set(err, STATUS_INVALID_INPUT, "\"version\" is no number of a version");
    return servable_note_read(&body, &order->note, arena, err);
}

static enum status servable_create(struct request *request, struct response *response,
                                   struct error *err)
{
    struct registry *registry;
    const char *reference, *name;
    struct version version;
    struct order order;

    TRY(stored_registry(request, &registry, err));
    TRY(order_read(request, &order, err));
    reference =
        arena_printf(request_arena(request), "%s:%lld", order.model, (long long)order.number);
    if (!reference)
        return error_no_memory(err, "a servable");
    TRY(builds_await_named(request, bytes_of(order.model), order.number, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    TRY(registry_resolve(registry, reference, &version, request_arena(request), err));
    TRY(hydrosphere_deploy(request, &version, &order.note, &name, err));
    return print_named(request, response, bytes_of(name), err);
}

static enum status servable_delete(struct request *request, struct response *response,
                                   struct error *err)
{
    TRY(print_named(request, response, request->parameters[0], err));
    return hydrosphere_undeploy(request, request->parameters[0], err);
}

/* --- logs --- */

static enum status servable_logs(struct request *request, struct response *response,
                                 struct error *err)
{
    return hydrosphere_servable_log(request, response, request->parameters[0],
                                    request_query_flag(request, "follow"), err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v2/servable", servables_list, "versions that run, and those deployed",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/servable", servable_create,
     "deploy a version under a name of its own: {modelName, version, metadata?}", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/servable/{name}", servable_show, "a servable", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/servable/{name}", servable_delete, "take a deployed one away",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/servable/{name}/logs", servable_logs,
     "what it says, as server-sent events; ?follow=true goes on", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_servables = {
    .name = "hydrosphere_servables",
    .summary = "Hydrosphere's manager: servables",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
};
