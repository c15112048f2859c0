// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generation 1: applications, runtimes, environments. */
#include "formats/json/json.h"
#include "server/hydrosphere/applications.h"
#include "server/hydrosphere/runtimes.h"
#include "server/hydrosphere/v1.h"
#include "server/internal.h"
#include "server/stored.h"

/* --- applications --- */

static enum status list_all(struct request *request, struct response *response, struct error *err)
{
    return applications_list(request, response, view_application_1, err);
}

static enum status show(struct request *request, struct response *response, struct error *err)
{
    return application_show(request, response, view_application_1, err);
}

static enum status create(struct request *request, struct response *response, struct error *err)
{
    return application_compose(request, response, COMPOSE_NEW, view_application_1, err);
}

static enum status replace(struct request *request, struct response *response, struct error *err)
{
    return application_compose(request, response, COMPOSE_CHANGE, view_application_1, err);
}

static enum status remove_one(struct request *request, struct response *response, struct error *err)
{
    return application_delete(request, response, view_application_1, err);
}

/* Of path parameter 0 with the signature of parameter 1. */
static enum status example_print(struct request *request, const struct view *view,
                                 struct error *err)
{
    const char *name = arena_text(request_arena(request), request->parameters[1]);
    struct hydrosphere_application application;
    const struct table_model *model;
    struct view again = *view;
    size_t index;

    if (!name)
        return error_no_memory(err, "a request");
    TRY(view_find_application(request, &again, request->parameters[0], &model, err));
    TRY(hydrosphere_application(again.table, model, &application, again.arena, err));
    TRY(contract_signature(&application.contract, name, &index, err));
    return view_example(&again, &application.contract.signatures[index], err);
}

static enum status application_example(struct request *request, struct response *response,
                                       struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = example_print(request, &view, err);

    model_release(request);
    return status;
}

/* --- runtimes and environments --- */

typedef enum status print_record(const struct record *record, struct text *text, struct error *err);

static enum status records_print(struct request *request, struct text *text, const char *kind,
                                 bool any, print_record *print, struct error *err)
{
    const struct record_filter filter = {.kind = kind};
    struct registry *registry;
    struct record *records;
    size_t count;

    TRY(stored_registry(request, &registry, err));
    TRY(registry_record_list(registry, &filter, &records, &count, request_arena(request), err));
    for (size_t i = 0; i < count; i++) {
        text_append(text, any || i ? "," : "");
        TRY(print(&records[i], text, err));
    }
    text_append(text, "]");
    return STATUS_OK;
}

/* firn itself is the first one: what does not name another is served by it, and all is. */
static enum status runtimes_list(struct request *request, struct response *response,
                                 struct error *err)
{
    text_append(&response->body, "[");
    runtime_print_own(&response->body);
    return records_print(request, &response->body, HYDROSPHERE_RUNTIME, true, runtime_print, err);
}

static enum status environments_list(struct request *request, struct response *response,
                                     struct error *err)
{
    text_append(&response->body, "[");
    return records_print(request, &response->body, HYDROSPHERE_ENVIRONMENT, false,
                         environment_print, err);
}

/* Keep the body under its name and version: "python:3.6". */
static enum status keep(struct request *request, const char *kind, bool versioned,
                        struct record *record, struct error *err)
{
    struct bytes name, version = bytes_of("");
    struct registry *registry;
    struct json body;

    TRY(stored_registry(request, &registry, err));
    TRY(hydrosphere_body(request, JSON_OBJECT, &body, err));
    if (!json_string(json_get(&body, "name"), &name) || !name.size)
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is no string");
    if (versioned && (!json_string(json_get(&body, "version"), &version) || !version.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"version\" is no string");
    if (memchr(name.data, 0, name.size) || (version.size && memchr(version.data, 0, version.size)))
        return error_set(err, STATUS_INVALID_INPUT, "a name holds a zero byte");
    *record = (struct record){.kind = kind,
                              .name = arena_printf(request_arena(request), "%.*s:%.*s",
                                                   (int)name.size, (const char *)name.data,
                                                   (int)version.size, (const char *)version.data),
                              .body = arena_text(request_arena(request), request->body)};
    if (!record->name || !record->body)
        return error_no_memory(err, kind);
    return registry_record_put(registry, record, (struct bytes){NULL, 0}, true, err);
}

/* The answer of the original was the task of pulling an image: here there is nothing to pull. */
static enum status task_print(const struct record *record, const char *when, struct text *text,
                              struct error *err)
{
    text_printf(text, "{\"id\":%lld,\"status\":\"Finished\",", (long long)record->id);
    view_text(text, "startedAt", when);
    text_append(text, ",");
    view_text(text, "finishedAt", when);
    text_append(text, ",\"request\":");
    text_append(text, record->body);
    text_append(text, ",\"result\":");
    TRY(runtime_print(record, text, err));
    text_append(text, "}");
    return STATUS_OK;
}

static enum status runtime_find(struct request *request, int64_t id, struct record *record,
                                struct error *err)
{
    const struct record_filter filter = {.kind = HYDROSPHERE_RUNTIME, .id = id};
    struct registry *registry;
    bool found = false;

    TRY(stored_registry(request, &registry, err));
    if (id)
        TRY(registry_record_find(registry, &filter, &found, record, request_arena(request), err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no runtime with id %lld", (long long)id);
    return STATUS_OK;
}

static enum status runtime_create(struct request *request, struct response *response,
                                  struct error *err)
{
    struct record record, stored;

    TRY(keep(request, HYDROSPHERE_RUNTIME, true, &record, err));
    TRY(runtime_find(request, record.id, &stored, err));
    return task_print(&stored, stored.created, &response->body, err);
}

static enum status runtime_status(struct request *request, struct response *response,
                                  struct error *err)
{
    struct record record;
    int64_t id;

    TRY(view_id(request, 0, &id, err));
    TRY(runtime_find(request, id, &record, err));
    return task_print(&record, record.created, &response->body, err);
}

static enum status environment_create(struct request *request, struct response *response,
                                      struct error *err)
{
    struct record record;

    TRY(keep(request, HYDROSPHERE_ENVIRONMENT, false, &record, err));
    return environment_print(&record, &response->body, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v1/applications", list_all, "applications", ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/applications", create,
     "make an application: {name, executionGraph {stages [{services [{runtimeId, modelVersionId, "
     "weight, signatureName}]}]}}",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/v1/applications", replace, "change an application, at once", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/applications/{id}", show, "an application, by id or name", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v1/applications/{id}", remove_one, "delete an application with its history",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/applications/generateInputs/{id}/{signature}", application_example,
     "an example of a request", ROUTE_CONTROL},
    {HTTP_GET, "/gateway/applications", list_all, "applications", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/runtime", runtimes_list, "runtimes: kept, not used", ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/runtime", runtime_create,
     "keep a runtime: {name, version, modelTypes, tags, configParams}", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/runtime/status/{id}", runtime_status, "the task that registered it",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/environment", environments_list, "environments: kept, not used",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/environment", environment_create,
     "keep an environment: {name, placeholders}", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_v1_applications = {
    .name = "hydrosphere_v1_applications",
    .summary = "Hydrosphere's manager, first generation: applications, runtimes, environments",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error_1,
};
