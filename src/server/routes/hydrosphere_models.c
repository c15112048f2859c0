// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generations 2 and 3: models, their versions and uploads. */
#include "base/number.h"
#include "formats/json/json.h"
#include "loading/load.h"
#include "server/form.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/models.h"
#include "server/internal.h"
#include "server/sse.h"
#include "server/stored.h"

/* --- models --- */

static enum status print_model(const struct view *view, const struct table_model *model,
                               struct error *err)
{
    const struct version *row = loaded_row(model->versions[0]);

    (void)err;
    text_printf(view->text, "{\"id\":%lld,", (long long)row->model_id);
    view_text(view->text, "name", row->model);
    text_append(view->text, "}");
    return STATUS_OK;
}

static enum status models_list(struct request *request, struct response *response,
                               struct error *err)
{
    return hydrosphere_models_list(request, response, print_model, err);
}

static enum status model_show(struct request *request, struct response *response, struct error *err)
{
    return hydrosphere_model_show(request, response, print_model, err);
}

static enum status model_delete(struct request *request, struct response *response,
                                struct error *err)
{
    return hydrosphere_model_delete(request, response, print_model, err);
}

/* --- versions --- */

/* Those that are there, then those that are being built or could not be. */
static enum status versions_print(const struct view *view, const struct build_entry *builds,
                                  size_t build_count, struct error *err)
{
    struct loaded **versions;
    struct view_uses uses;
    size_t count;

    TRY(view_uses(view, &uses, err));
    TRY(hydrosphere_versions(view, &versions, &count, err));
    text_append(view->text, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(view->text, i ? "," : "");
        TRY(view_version(view, versions[i], &uses, err));
    }
    for (size_t i = 0; i < build_count; i++) {
        if (model_table_version(view->table, builds[i].id))
            continue; /* it has ended meanwhile */
        text_append(view->text, count++ ? "," : "");
        text_append_bytes(view->text, builds[i].view);
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status versions_list(struct request *request, struct response *response,
                                 struct error *err)
{
    struct build_entry *builds;
    struct view view;
    size_t count;
    enum status status;

    /* before the table: what has ended meanwhile is there */
    TRY(builds_list(request->server, &builds, &count, request_arena(request), err));
    view = view_of(request, response);
    status = versions_print(&view, builds, count, err);
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

/* Not as a version, but it may be one that is being built or could not be. */
static enum status build_show(struct request *request, struct response *response, struct error *err)
{
    struct build_entry entry;
    struct error ignored;
    int64_t number;
    bool found;

    if (!number_i64_from_text(request->parameters[1], &number))
        return err->status;
    if (builds_find(request->server, 0, request->parameters[0], number, &found, &entry,
                    request_arena(request), &ignored) ||
        !found)
        return err->status;
    text_append_bytes(&response->body, entry.view);
    return STATUS_OK;
}

/* By model and number. */
static enum status version_show(struct request *request, struct response *response,
                                struct error *err)
{
    struct loaded *loaded;
    struct view view;
    enum status status;

    status = model_access(request, false, &loaded, err);
    if (status == STATUS_NOT_FOUND)
        return build_show(request, response, err);
    TRY(status);
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

static enum status lines_seen(struct request *request, int64_t *seen, struct error *err)
{
    struct bytes last;

    *seen = 0;
    if (request_header(request, "last-event-id", &last) && last.size &&
        (!number_i64_from_text(last, seen) || *seen < 0))
        return error_set(err, STATUS_INVALID_INPUT, "Last-Event-ID is no number");
    return STATUS_OK;
}

/* Each line an event; those up to `seen` were seen. */
static void log_print(struct bytes log, int64_t seen, struct text *text)
{
    for (int64_t number = 1; log.size; number++) {
        const uint8_t *end = memchr(log.data, '\n', log.size);
        size_t size = end ? (size_t)(end - log.data) : log.size;

        if (number > seen)
            sse_write(text, number, NULL, (struct bytes){log.data, size});
        size += end != NULL;
        log = (struct bytes){log.data + size, log.size - size};
    }
    sse_write(text, 0, SSE_END, (struct bytes){NULL, 0});
}

/* Of a version that is there, or could not be built. */
static enum status log_kept(struct request *request, int64_t id, int64_t seen, struct text *text,
                            struct error *err)
{
    struct registry *registry = request->server->registry;
    struct arena *arena = request_arena(request);
    struct error ignored;
    struct version version;
    struct text log = {0};
    enum status status = registry_resolve_id(registry, id, &version, arena, err);
    const char *failed;
    bool found;

    if (status == STATUS_NOT_FOUND &&
        !builds_failed_log(request->server, id, &found, &failed, arena, &ignored) && found) {
        log_print(bytes_of(failed), seen, text);
        return STATUS_OK;
    }
    TRY(status);
    status = load_log_read(registry, &version, NULL, &log, arena, err);
    if (!status)
        status = text_check(&log, err);
    if (!status)
        log_print(text_bytes(&log), seen, text);
    text_release(&log);
    return status;
}

static enum status version_logs(struct request *request, struct response *response,
                                struct error *err)
{
    struct registry *registry;
    int64_t id, seen;

    TRY(stored_registry(request, &registry, err));
    TRY(view_id(request, 0, &id, err));
    TRY(lines_seen(request, &seen, err));
    TRY(builds_follow(request->server->builds, id, seen, &response->feed, err));
    if (!response->feed)
        TRY(log_kept(request, id, seen, &response->body, err));
    response->content_type = SSE_TYPE;
    return STATUS_OK;
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

/* What became of an upload: a version, or one that is being built. */
static enum status answer_build(struct request *request, struct response *response, int64_t id,
                                struct error *err)
{
    struct build_entry entry;
    bool found;

    TRY(builds_find(request->server, id, (struct bytes){NULL, 0}, 0, &found, &entry,
                    request_arena(request), err));
    if (!found)
        return answer_version(request, response, id, err);
    text_append_bytes(&response->body, entry.view);
    return STATUS_OK;
}

static enum status receive(struct request *request, struct build *build, int64_t *id,
                           struct error *err)
{
    struct form_part parts[] = {{.name = "payload", .file = &build->payload, .required = true},
                                {.name = "metadata", .required = true}};
    const char *metadata;

    TRY(form_receive(request, parts, ARRAY_COUNT(parts), err));
    metadata = arena_text(&build->memory, parts[1].text);
    if (!metadata)
        return error_no_memory(err, "an upload");
    TRY(hydrosphere_upload_json((struct bytes){(const uint8_t *)metadata, parts[1].text.size},
                                &build->upload, &build->memory, err));
    return build_start(build, request, parts[0].file_name, id, err);
}

static enum status upload(struct request *request, struct response *response, struct error *err)
{
    struct registry *registry;
    struct build *build;
    enum status status;
    int64_t id;

    TRY(stored_registry(request, &registry, err));
    TRY(build_new(request, &build, err));
    status = receive(request, build, &id, err);
    build_unref(build);
    return status ? status : answer_build(request, response, id, err);
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
     "what happens while it is made, and what happened, as server-sent events", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/externalmodel", external,
     "keep the contract of a model that runs elsewhere", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_models = {
    .name = "hydrosphere_models",
    .summary = "Hydrosphere's manager: models, versions, uploads",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
    .below = {"/api/v2"},
};
