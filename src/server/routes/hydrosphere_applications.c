// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generations 2 and 3: applications, and what changes. */
#include "server/hydrosphere_compose.h"
#include "server/hydrosphere_feed.h"
#include "server/hydrosphere_view.h"
#include "server/internal.h"
#include "server/stored.h"

static enum status list_print(const struct view *view, struct error *err)
{
    bool any = false;

    text_append(view->text, "[");
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        if (!model->serving || !hydrosphere_is_application(loaded_row(model->serving)))
            continue;
        text_append(view->text, any ? "," : "");
        any = true;
        TRY(view_application(view, model, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status applications_list(struct request *request, struct response *response,
                                     struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = list_print(&view, err);

    model_release(request);
    return status;
}

static enum status print_named(struct request *request, struct response *response,
                               struct bytes name, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = view_find_application(request, &view, name, &model, err);

    if (!status)
        status = view_application(&view, model, err);
    model_release(request);
    return status;
}

static enum status application_show(struct request *request, struct response *response,
                                    struct error *err)
{
    return print_named(request, response, request->parameters[0], err);
}

static enum status application_create(struct request *request, struct response *response,
                                      struct error *err)
{
    struct version version;

    TRY(hydrosphere_compose(request, COMPOSE_NEW, &version, err));
    return print_named(request, response, bytes_of(version.model), err);
}

static enum status application_replace(struct request *request, struct response *response,
                                       struct error *err)
{
    struct version version;

    TRY(hydrosphere_compose(request, COMPOSE_CHANGE, &version, err));
    return print_named(request, response, bytes_of(version.model), err);
}

/* With its history; the answer is what it was. */
static enum status application_delete(struct request *request, struct response *response,
                                      struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    struct registry *registry;
    const char *name = NULL;
    enum status status = view_find_application(request, &view, request->parameters[0], &model, err);

    if (!status)
        status = view_application(&view, model, err);
    if (!status && !(name = arena_text(request_arena(request), bytes_of(model->name))))
        status = error_no_memory(err, "a request");
    model_release(request);
    TRY(status);
    TRY(stored_registry(request, &registry, err));
    TRY(registry_delete(registry, name, 0, err));
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

static enum status example_print(const struct view *view, const struct table_model *model,
                                 struct error *err)
{
    struct hydrosphere_application application;

    TRY(hydrosphere_application(view->table, model, &application, view->arena, err));
    if (!application.contract.count)
        return error_set(err, STATUS_UNSUPPORTED, "application \"%s\" has no signature",
                         model->name);
    return view_example(view, &application.contract.signatures[0], err);
}

static enum status application_example(struct request *request, struct response *response,
                                       struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = view_find_application(request, &view, request->parameters[0], &model, err);

    if (!status)
        status = example_print(&view, model, err);
    model_release(request);
    return status;
}

static enum status events(struct request *request, struct response *response, struct error *err)
{
    return hydrosphere_events(request, response, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v2/application", applications_list, "applications", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/application", application_create,
     "make an application: {name, executionGraph {stages [{modelVariants [{modelVersionId, "
     "weight}]}]}}",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/v2/application", application_replace, "change an application, at once",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/application/{name}", application_show, "an application, by name or id",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/application/{name}", application_delete,
     "delete an application with its history", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/application/generateInputs/{name}", application_example,
     "an example of a request", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/events", events, "what changes, as server-sent events", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_applications = {
    .name = "hydrosphere_applications",
    .summary = "Hydrosphere's manager: applications, events",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
};
