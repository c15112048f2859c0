// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generations 2 and 3: applications, and what changes. */
#include "server/hydrosphere/applications.h"
#include "server/hydrosphere/feed.h"

static enum status list_all(struct request *request, struct response *response, struct error *err)
{
    return applications_list(request, response, view_application, err);
}

static enum status show(struct request *request, struct response *response, struct error *err)
{
    return application_show(request, response, view_application, err);
}

static enum status create(struct request *request, struct response *response, struct error *err)
{
    return application_compose(request, response, COMPOSE_NEW, view_application, err);
}

static enum status replace(struct request *request, struct response *response, struct error *err)
{
    return application_compose(request, response, COMPOSE_CHANGE, view_application, err);
}

static enum status remove_one(struct request *request, struct response *response, struct error *err)
{
    return application_delete(request, response, view_application, err);
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
    {HTTP_GET, "/api/v2/application", list_all, "applications", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/application", create,
     "make an application: {name, executionGraph {stages [{modelVariants [{modelVersionId, "
     "weight}]}]}}",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/v2/application", replace, "change an application, at once", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/application/{name}", show, "an application, by name or id", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/application/{name}", remove_one,
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
