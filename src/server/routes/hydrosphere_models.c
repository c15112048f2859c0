// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generations 2 and 3: models, their versions and uploads. */
#include <stdlib.h>

#include "base/number.h"
#include "formats/json/json.h"
#include "loading/load.h"
#include "server/form.h"
#include "server/hydrosphere_upload.h"
#include "server/hydrosphere_view.h"
#include "server/internal.h"
#include "server/sse.h"
#include "server/stored.h"

/* --- models --- */

static bool is_model(const struct table_model *model)
{
    return model->count && !hydrosphere_is_application(loaded_row(model->versions[0]));
}

static void print_model(const struct version *row, struct text *text)
{
    text_printf(text, "{\"id\":%lld,", (long long)row->model_id);
    view_text(text, "name", row->model);
    text_append(text, "}");
}

static enum status models_list(struct request *request, struct response *response,
                               struct error *err)
{
    struct view view = view_of(request, response);
    bool any = false;

    (void)err;
    text_append(view.text, "[");
    for (size_t m = 0; m < model_table_count(view.table); m++) {
        const struct table_model *model = model_table_at(view.table, m);

        if (!is_model(model))
            continue;
        text_append(view.text, any ? "," : "");
        any = true;
        print_model(loaded_row(model->versions[0]), view.text);
    }
    text_append(view.text, "]");
    model_release(request);
    return STATUS_OK;
}

/* The newest version of the model of path parameter 0, an id. */
static enum status model_find(struct request *request, struct view *view,
                              const struct version **row, struct error *err)
{
    int64_t id;

    TRY(view_id(request, 0, &id, err));
    for (int look = 0; look < 2; look++) {
        for (size_t m = 0; m < model_table_count(view->table); m++) {
            const struct table_model *model = model_table_at(view->table, m);

            *row = model->count ? loaded_row(model->versions[0]) : NULL;
            if (is_model(model) && (*row)->model_id == id)
                return STATUS_OK;
        }
        if (look)
            break;
        model_release(request);
        models_refresh(request->server->models, false);
        view->table = models_pin(request->server->models, request->executor->index);
    }
    return error_set(err, STATUS_NOT_FOUND, "there is no model with id %lld", (long long)id);
}

static enum status model_show(struct request *request, struct response *response, struct error *err)
{
    struct view view = view_of(request, response);
    const struct version *row;
    enum status status = model_find(request, &view, &row, err);

    if (!status)
        print_model(row, view.text);
    model_release(request);
    return status;
}

/* With all its versions; their bytes go with gc. */
static enum status model_delete(struct request *request, struct response *response,
                                struct error *err)
{
    struct view view = view_of(request, response);
    struct registry *registry;
    const struct version *row;
    const char *name = NULL;
    enum status status = model_find(request, &view, &row, err);

    if (!status) {
        name = arena_text(request_arena(request), bytes_of(row->model));
        print_model(row, view.text);
    }
    model_release(request);
    TRY(status);
    if (!name)
        return error_no_memory(err, "a request");
    TRY(stored_registry(request, &registry, err));
    TRY(registry_delete(registry, name, 0, err));
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

/* --- versions --- */

static int by_id(const void *a, const void *b)
{
    const struct version *x = loaded_row(*(struct loaded *const *)a);
    const struct version *y = loaded_row(*(struct loaded *const *)b);

    return (x->id > y->id) - (x->id < y->id);
}

/* All versions of models, in the order in which they were made. */
static enum status versions_collect(const struct view *view, struct loaded ***versions,
                                    size_t *count, struct error *err)
{
    size_t capacity = 0;

    *versions = NULL;
    *count = 0;
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        for (size_t v = 0; is_model(model) && v < model->count; v++) {
            if (!ARENA_GROW(view->arena, *versions, *count, capacity))
                return error_no_memory(err, "a list");
            (*versions)[(*count)++] = model->versions[v];
        }
    }
    if (*count)
        qsort(*versions, *count, sizeof **versions, by_id);
    return STATUS_OK;
}

static enum status versions_print(const struct view *view, struct error *err)
{
    struct loaded **versions;
    struct view_uses uses;
    size_t count;

    TRY(view_uses(view, &uses, err));
    TRY(versions_collect(view, &versions, &count, err));
    text_append(view->text, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(view->text, i ? "," : "");
        TRY(view_version(view, versions[i], &uses, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status versions_list(struct request *request, struct response *response,
                                 struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = versions_print(&view, err);

    model_release(request);
    return status;
}

static enum status print_one(const struct view *view, const struct loaded *loaded,
                             struct error *err)
{
    struct view_uses uses;

    TRY(view_uses(view, &uses, err));
    return view_version(view, loaded, &uses, err);
}

/* By model and number. */
static enum status version_show(struct request *request, struct response *response,
                                struct error *err)
{
    struct loaded *loaded;
    struct view view;
    enum status status;

    TRY(model_access(request, false, &loaded, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    view = view_of(request, response);
    status = hydrosphere_is_application(loaded_row(loaded))
                 ? error_set(err, STATUS_NOT_FOUND, "%s is an application, not a model",
                             loaded_row(loaded)->model)
                 : print_one(&view, loaded, err);
    model_release(request);
    return status;
}

/* --- the log --- */

/* Each line an event; those up to Last-Event-ID were seen. */
static enum status log_print(struct request *request, struct bytes log, struct text *text,
                             struct error *err)
{
    struct bytes last;
    int64_t seen = 0;

    if (request_header(request, "last-event-id", &last) && last.size &&
        (!number_i64_from_text(last, &seen) || seen < 0))
        return error_set(err, STATUS_INVALID_INPUT, "Last-Event-ID is no number");
    for (int64_t number = 1; log.size; number++) {
        const uint8_t *end = memchr(log.data, '\n', log.size);
        size_t size = end ? (size_t)(end - log.data) : log.size;

        if (number > seen)
            sse_write(text, number, NULL, (struct bytes){log.data, size});
        size += end != NULL;
        log = (struct bytes){log.data + size, log.size - size};
    }
    sse_write(text, 0, SSE_END, (struct bytes){NULL, 0});
    return STATUS_OK;
}

static enum status version_logs(struct request *request, struct response *response,
                                struct error *err)
{
    struct registry *registry;
    struct version version;
    struct text log = {0};
    enum status status;
    int64_t id;

    TRY(stored_registry(request, &registry, err));
    TRY(view_id(request, 0, &id, err));
    TRY(registry_resolve_id(registry, id, &version, request_arena(request), err));
    status = load_log_read(registry, &version, &log, request_arena(request), err);
    if (!status)
        status = text_check(&log, err);
    if (!status)
        status = log_print(request, text_bytes(&log), &response->body, err);
    response->content_type = SSE_TYPE;
    text_release(&log);
    return status;
}

/* --- uploading --- */

/* The version, as the table has it now. */
static enum status answer_version(struct request *request, struct response *response, int64_t id,
                                  struct error *err)
{
    struct view view = view_of(request, response);
    struct loaded *loaded;
    enum status status = view_find_version(request, &view, id, &loaded, err);

    if (!status)
        status = print_one(&view, loaded, err);
    model_release(request);
    return status;
}

static enum status upload(struct request *request, struct response *response, struct error *err)
{
    struct received payload = RECEIVED_NONE;
    struct form_part parts[] = {{.name = "payload", .file = &payload, .required = true},
                                {.name = "metadata", .required = true}};
    struct hydrosphere_upload upload = {.name = NULL};
    struct registry *registry;
    struct version version;
    bool unchanged;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    status = form_receive(request, parts, ARRAY_COUNT(parts), err);
    if (!status)
        status = hydrosphere_upload_json(parts[1].text, &upload, request_arena(request), err);
    if (!status)
        status = hydrosphere_upload_add(request, &upload, &payload, parts[0].file_name, &version,
                                        &unchanged, err);
    received_release(&payload);
    text_release(&upload.log);
    return status ? status : answer_version(request, response, version.id, err);
}

static enum status external(struct request *request, struct response *response, struct error *err)
{
    struct hydrosphere_upload upload = {.name = NULL};
    struct registry *registry;
    struct version version;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    status = hydrosphere_upload_json(request->body, &upload, request_arena(request), err);
    if (!status)
        status = hydrosphere_upload_external(request, &upload, &version, err);
    text_release(&upload.log);
    return status ? status : answer_version(request, response, version.id, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v2/model", models_list, "models: [{id, name}]", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/model/{id}", model_show, "a model", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/model/{id}", model_delete, "delete a model with all versions",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/model/upload", upload,
     "upload: multipart/form-data of payload (tar.gz) and metadata (JSON)", ROUTE_STREAM},
    {HTTP_GET, "/api/v2/model/version", versions_list, "all versions of all models", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/model/version/{name}/{version}", version_show, "a version", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/model/version/{id}/logs", version_logs,
     "what happened when it was made, as server-sent events", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/externalmodel", external,
     "keep the contract of a model that runs elsewhere", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_models = {
    .name = "hydrosphere_models",
    .summary = "Hydrosphere's manager: models, versions, uploads",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
};
