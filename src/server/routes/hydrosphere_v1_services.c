// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generation 1: services (running instances), contracts as flat lists, where
 * Prometheus looks. */
#include "contract/hydrosphere.h"
#include "formats/json/json.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/models.h"
#include "server/hydrosphere/runtimes.h"
#include "server/hydrosphere/v1.h"
#include "server/internal.h"
#include "server/stored.h"

enum { IDS_MAX = 10000 };

/* A version's own servable has no record: its id is above those of records. */
#define OWN_IDS ((int64_t)1 << 40)

/* What a client called it; kept among the metadata of the servable. */
static const char SERVICE_NAME[] = "serviceName";

/* --- services --- */

static int64_t service_id(const struct table_servable *servable)
{
    return servable->id ? servable->id : OWN_IDS + loaded_row(servable->loaded)->id;
}

static const char *given_name(const struct servable_note *note)
{
    for (size_t i = 0; i < note->metadata_count; i++)
        if (strcmp(note->metadata[i].key, SERVICE_NAME) == 0)
            return note->metadata[i].value;
    return NULL;
}

static enum status service_print(const struct view *view, const struct table_servable *servable,
                                 struct error *err)
{
    struct text *text = view->text;
    struct servable_note note;
    const char *why, *state;

    TRY(hydrosphere_servable_note(servable, &note, view->arena, err));
    state = servable_state_name(hydrosphere_servable_state(servable, &why));
    text_printf(text, "{\"id\":%lld,", (long long)service_id(servable));
    view_text(text, SERVICE_NAME, given_name(&note) ? given_name(&note) : servable->name);
    text_append(text, ",");
    view_text(text, "servable", servable->name);
    text_append(text, ",");
    view_text(text, "status", state);
    text_append(text, ",");
    view_text(text, "statusText", why);
    text_append(text, ",\"runtimeId\":0,\"runtime\":");
    runtime_print_own(text);
    text_printf(text,
                ",\"environmentId\":null,\"configParams\":{},\"modelVersionId\":%lld,"
                "\"modelVersion\":",
                (long long)loaded_row(servable->loaded)->id);
    TRY(view_version_1(view, servable->loaded, err));
    text_append(text, "}");
    return STATUS_OK;
}

struct choice {         /* which services: all members that are given */
    int64_t model;      /* 0: of any */
    const int64_t *ids; /* NULL: all */
    size_t count;
};

static bool is_chosen(const struct choice *choice, const struct table_servable *servable)
{
    bool found = !choice->ids;

    if (choice->model && loaded_row(servable->loaded)->model_id != choice->model)
        return false;
    for (size_t i = 0; i < choice->count && !found; i++)
        found = choice->ids[i] == service_id(servable);
    return found && hydrosphere_is_running(servable) &&
           !hydrosphere_is_application(loaded_row(servable->loaded));
}

static enum status services_print(const struct view *view, const struct choice *choice,
                                  struct error *err)
{
    bool any = false;

    text_append(view->text, "[");
    for (size_t i = 0; i < model_table_servables(view->table); i++) {
        const struct table_servable *servable = model_table_servable_at(view->table, i);

        if (!is_chosen(choice, servable))
            continue;
        text_append(view->text, any ? "," : "");
        any = true;
        TRY(service_print(view, servable, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status answer_list(struct request *request, struct response *response,
                               const struct choice *choice, struct error *err)
{
    const struct view view = view_of(request, response);
    enum status status = services_print(&view, choice, err);

    model_release(request);
    return status;
}

static enum status services_list(struct request *request, struct response *response,
                                 struct error *err)
{
    return answer_list(request, response, &(struct choice){0}, err);
}

static enum status services_of_model(struct request *request, struct response *response,
                                     struct error *err)
{
    struct choice choice = {0};

    TRY(view_id(request, 0, &choice.model, err));
    choice.ids = choice.model ? NULL : &choice.model; /* no model has id 0 */
    return answer_list(request, response, &choice, err);
}

/* The body: [1, 2]. */
static enum status services_by_ids(struct request *request, struct response *response,
                                   struct error *err)
{
    struct choice choice = {0};
    struct json body;
    int64_t *ids;

    TRY(hydrosphere_body(request, JSON_ARRAY, &body, err));
    if (body.count > IDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "the body has more than %d ids", IDS_MAX);
    ids = arena_new(request_arena(request), int64_t, body.count + 1);
    if (!ids)
        return error_no_memory(err, "a list");
    for (size_t i = 0; i < body.count; i++)
        if (!json_i64(&body.items[i], &ids[i]))
            return error_set(err, STATUS_INVALID_INPUT, "item %zu of the body is no id", i);
    choice.ids = ids;
    choice.count = body.count;
    return answer_list(request, response, &choice, err);
}

/* Print the one of path parameter 0; *name (may be NULL) gets its name. */
static enum status service_find(struct request *request, struct response *response,
                                const char **name, struct error *err)
{
    const struct view view = view_of(request, response);
    enum status status;
    int64_t id = -1;

    status = view_id(request, 0, &id, err);
    for (size_t i = 0; !status && i < model_table_servables(view.table); i++) {
        const struct table_servable *servable = model_table_servable_at(view.table, i);

        if (!is_chosen(&(struct choice){.ids = &id, .count = 1}, servable))
            continue;
        id = -1;
        status = service_print(&view, servable, err);
        if (name && !(*name = arena_text(view.arena, bytes_of(servable->name))) && !status)
            status = error_no_memory(err, "a request");
        break;
    }
    model_release(request);
    if (!status && id >= 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no service with id %lld", (long long)id);
    return status;
}

static enum status service_show(struct request *request, struct response *response,
                                struct error *err)
{
    return service_find(request, response, NULL, err);
}

static enum status service_delete(struct request *request, struct response *response,
                                  struct error *err)
{
    const char *name = NULL;

    TRY(service_find(request, response, &name, err));
    return hydrosphere_undeploy(request, bytes_of(name), err);
}

static enum status named_print(const struct view *view, const char *name, struct error *err)
{
    const struct table_servable *servable = model_table_servable(view->table, bytes_of(name));

    return servable ? service_print(view, servable, err)
                    : error_set(err, STATUS_CONFLICT, "servable '%s' was taken away", name);
}

/* {serviceName, runtimeId, modelVersionId}: firn runs versions, so one has to be named. */
static enum status service_create(struct request *request, struct response *response,
                                  struct error *err)
{
    struct manifest_pair pair = {.key = SERVICE_NAME};
    struct servable_note note = {.metadata = &pair, .metadata_count = 1};
    struct registry *registry;
    struct version version;
    struct bytes service;
    struct json body;
    const char *name;
    struct view view;
    enum status status;
    int64_t id;

    TRY(stored_registry(request, &registry, err));
    TRY(hydrosphere_body(request, JSON_OBJECT, &body, err));
    if (!json_string(json_get(&body, "serviceName"), &service) || !service.size ||
        memchr(service.data, 0, service.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"serviceName\" is no string");
    if (!json_i64(json_get(&body, "modelVersionId"), &id))
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"modelVersionId\" is no id: a service without a model is none");
    pair.value = arena_text(request_arena(request), service);
    if (!pair.value)
        return error_no_memory(err, "a service");
    TRY(builds_await(request, id, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    TRY(registry_resolve_id(registry, id, &version, request_arena(request), err));
    TRY(hydrosphere_deploy(request, &version, &note, &name, err));
    view = view_of(request, response);
    status = named_print(&view, name, err);
    model_release(request);
    return status;
}

/* --- contracts as flat lists --- */

/* [{"fieldName", "dataType", "shape"}]; shape null: not known. */
static void flat_fields(const char *key, const struct field *fields, size_t count,
                        struct text *text)
{
    text_printf(text, "\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        const struct shape *shape = &fields[i].shape;
        char dtype[HYDROSPHERE_DTYPE_SIZE];

        text_append(text, i ? ",{" : "{");
        view_text(text, "fieldName", fields[i].name);
        text_append(text, ",");
        view_text(text, "dataType", hydrosphere_dtype_name(fields[i].dtype, dtype));
        text_append(text, ",\"shape\":");
        if (shape->rank < 0) {
            text_append(text, "null}");
            continue;
        }
        for (int d = 0; d < shape->rank; d++)
            text_printf(text, "%s%lld", d ? "," : "[",
                        (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
        text_append(text, shape->rank ? "]}" : "[]}");
    }
    text_append(text, "]");
}

static enum status flat_print(const struct view *view, const struct loaded *loaded,
                              struct error *err)
{
    struct hydrosphere_version version;
    struct text *text = view->text;

    TRY(hydrosphere_version(loaded_row(loaded), &version, view->arena, err));
    text_append(text, "{");
    view_text(text, "modelName", version.row->model);
    text_append(text, ",\"signatures\":[");
    for (size_t i = 0; i < version.contract.count; i++) {
        const struct signature *signature = &version.contract.signatures[i];

        text_append(text, i ? ",{" : "{");
        view_text(text, "signatureName", signature->name);
        text_append(text, ",");
        flat_fields("inputs", signature->inputs, signature->input_count, text);
        text_append(text, ",");
        flat_fields("outputs", signature->outputs, signature->output_count, text);
        text_append(text, "}");
    }
    text_append(text, "]}");
    return STATUS_OK;
}

static enum status version_flat(struct request *request, struct response *response,
                                struct error *err)
{
    struct view view = view_of(request, response);
    struct loaded *loaded;
    int64_t id;
    enum status status = view_id(request, 0, &id, err);

    if (!status)
        status = view_find_version(request, &view, id, &loaded, err);
    if (!status)
        status = flat_print(&view, loaded, err);
    model_release(request);
    return status;
}

/* Of the newest version. */
static enum status model_flat(struct request *request, struct response *response, struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = hydrosphere_model_find(request, &view, &model, err);

    if (!status)
        status = flat_print(&view, model->versions[0], err);
    model_release(request);
    return status;
}

/* --- Prometheus --- */

/* One target, this server: [{"targets": ["host:port"], "labels"}] */
static enum status targets(struct request *request, struct response *response, struct error *err)
{
    struct bytes host;

    (void)err;
    if (!request_header(request, "host", &host))
        host = bytes_of("localhost");
    text_append(&response->body, "[{\"targets\":[");
    json_write_string(&response->body, host);
    text_append(&response->body,
                "],\"labels\":{\"job\":\"firn\",\"__metrics_path__\":\"/metrics\"}}]");
    return STATUS_OK;
}

/* --- what does not change --- */

static enum status refuse(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)response;
    if (error_set(err, STATUS_UNSUPPORTED, "a version is made by an upload, and does not change"))
        error_fix(err, "POST /api/v1/model/upload: it becomes the next version");
    return err->status;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v1/service", services_list, "services: versions that run", ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/service", service_create,
     "run a version under a further name: {serviceName, runtimeId, modelVersionId}", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/service/{id}", service_show, "a service", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v1/service/{id}", service_delete, "take one away that was made here",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/service/fetchByModelId/{id}", services_of_model, "those of a model",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/service/fetchByIds", services_by_ids, "those of a list of ids",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/{id}/flatContract", model_flat,
     "fields of a model's newest version: {signatures [{inputs [{fieldName, dataType, shape}]}]}",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/version/{id}/flatContract", version_flat, "fields of a version",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/v1/model", refuse, "refused: a version does not change", 0},
    {HTTP_POST, "/api/v1/model/version", refuse, "refused: an upload makes one", 0},
    {HTTP_GET, "/api/v1/prometheus/services", targets, "where Prometheus finds figures", 0},
};

const struct route_set routes_hydrosphere_v1_services = {
    .name = "hydrosphere_v1_services",
    .summary = "Hydrosphere's manager, first generation: services, flat contracts",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error_1,
};
