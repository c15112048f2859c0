// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's manager, generation 1: models, versions, and builds as tasks. There the error of a
 * user had status 500 too; here it has the one that it deserves. */
#include "base/number.h"
#include "contract/hydrosphere.h"
#include "formats/json/json.h"
#include "server/form.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/models.h"
#include "server/hydrosphere/v1.h"
#include "server/internal.h"
#include "server/stored.h"

/* A build that made no version has the id of its record, above those of versions. */
#define FAILED_IDS ((int64_t)1 << 40)

/* --- models --- */

/* {model, lastModelBuild, lastModelVersion, nextVersion} */
static enum status print_model(const struct view *view, const struct table_model *model,
                               struct error *err)
{
    const struct version *row = loaded_row(model->versions[0]);

    text_printf(view->text, "{\"model\":{\"id\":%lld,", (long long)row->model_id);
    view_text(view->text, "name", row->model);
    text_append(view->text, "},\"lastModelBuild\":");
    TRY(view_build_1(view, model->versions[0], err));
    text_append(view->text, ",\"lastModelVersion\":");
    TRY(view_version_1(view, model->versions[0], err));
    text_printf(view->text, ",\"nextVersion\":%lld}", (long long)row->number + 1);
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

/* As many as ?maximum= says; 0: all. */
static enum status maximum_of(struct request *request, size_t *maximum, struct error *err)
{
    const char *text;
    int64_t number = 0;

    TRY(request_query(request, "maximum", &text, err));
    if (text && (!number_i64_from_text(bytes_of(text), &number) || number < 1))
        return error_set(err, STATUS_INVALID_INPUT, "maximum is no positive number");
    *maximum = (size_t)number;
    return STATUS_OK;
}

typedef enum status print_one(const struct view *view, const struct loaded *loaded,
                              struct error *err);

/* Those of the model of path parameter 0, newest first. */
static enum status last_print(struct request *request, struct view *view, print_one *print,
                              struct error *err)
{
    const struct table_model *model;
    size_t maximum = 0;

    TRY(maximum_of(request, &maximum, err));
    TRY(hydrosphere_model_find(request, view, &model, err));
    text_append(view->text, "[");
    for (size_t v = 0; v < model->count && (!maximum || v < maximum); v++) {
        text_append(view->text, v ? "," : "");
        TRY(print(view, model->versions[v], err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status last(struct request *request, struct response *response, print_one *print,
                        struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = last_print(request, &view, print, err);

    model_release(request);
    return status;
}

static enum status last_versions(struct request *request, struct response *response,
                                 struct error *err)
{
    return last(request, response, view_version_1, err);
}

static enum status last_builds(struct request *request, struct response *response,
                               struct error *err)
{
    return last(request, response, view_build_1, err);
}

static enum status versions_print(const struct view *view, struct error *err)
{
    struct loaded **versions;
    size_t count;

    TRY(hydrosphere_versions(view, &versions, &count, err));
    text_append(view->text, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(view->text, i ? "," : "");
        TRY(view_version_1(view, versions[i], err));
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

/* --- builds --- */

/* One that failed: a record. */
static enum status failed_print(struct request *request, struct text *text, int64_t id,
                                struct error *err)
{
    const struct record_filter filter = {.kind = HYDROSPHERE_FAILED, .id = id - FAILED_IDS};
    struct registry *registry;
    struct record record;
    struct bytes name = {NULL, 0}, message = {NULL, 0};
    struct json body;
    bool found = false;

    TRY(stored_registry(request, &registry, err));
    if (filter.id > 0)
        TRY(registry_record_find(registry, &filter, &found, &record, request_arena(request), err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no build with id %lld", (long long)id);
    TRY(json_parse(bytes_of(record.body), 0, &body, request_arena(request), err));
    (void)json_string(json_get(&body, "name"), &name);
    (void)json_string(json_get(&body, "message"), &message);
    text_printf(text, "{\"id\":%lld,\"status\":\"Failed\",", (long long)id);
    view_text(text, "startedAt", record.created);
    text_append(text, ",");
    view_text(text, "finishedAt", record.created);
    text_append(text, ",\"request\":{\"modelName\":");
    json_write_string(text, name);
    text_append(text, "},\"message\":");
    json_write_string(text, message);
    text_append(text, "}");
    return STATUS_OK;
}

/* One that is being built, or could not be although it had a number. */
static void entry_print(const struct build_entry *entry, struct text *text)
{
    const bool running = entry->state == BUILD_RUNNING;

    text_printf(text, "{\"id\":%lld,\"status\":\"%s\",", (long long)entry->id,
                running ? "Running" : "Failed");
    view_text(text, "startedAt", entry->created);
    if (!running) {
        text_append(text, ",");
        view_text(text, "finishedAt", entry->finished);
        text_append(text, ",\"message\":");
        json_write_string(text, entry->message);
    }
    text_append(text, ",\"request\":{\"modelName\":");
    json_write_string(text, entry->name);
    text_printf(text, "},\"logsUrl\":\"/api/v2/model/version/%lld/logs\"}", (long long)entry->id);
}

static enum status build_print(struct request *request, struct response *response, int64_t id,
                               struct error *err)
{
    struct build_entry entry;
    struct loaded *loaded;
    struct view view;
    enum status status;
    bool found;

    TRY(builds_find(request->server, id, (struct bytes){NULL, 0}, 0, &found, &entry,
                    request_arena(request), err));
    if (found) {
        entry_print(&entry, &response->body);
        return STATUS_OK;
    }
    view = view_of(request, response);
    status = view_find_version(request, &view, id, &loaded, err);
    if (!status)
        status = view_build_1(&view, loaded, err);
    model_release(request);
    return status;
}

static enum status build_show(struct request *request, struct response *response, struct error *err)
{
    int64_t id;

    TRY(view_id(request, 0, &id, err));
    return id >= FAILED_IDS ? failed_print(request, &response->body, id, err)
                            : build_print(request, response, id, err);
}

/* --- uploading --- */

static enum status part_text(const struct form_part *part, const char **text, struct arena *keep,
                             struct error *err)
{
    if (!part->given)
        return STATUS_OK;
    if (memchr(part->text.data, 0, part->text.size))
        return error_set(err, STATUS_INVALID_INPUT, "part \"%s\" holds a zero byte", part->name);
    *text = arena_text(keep, part->text);
    return *text ? STATUS_OK : error_no_memory(err, "an upload");
}

enum { PAYLOAD, NAME, TYPE, CONTRACT, DESCRIPTION, REMOTE, PARTS };

static enum status parts_read(const struct form_part *parts, struct build *build, struct error *err)
{
    struct hydrosphere_upload *upload = &build->upload;
    struct arena *keep = &build->memory;
    struct bytes contract;

    if (parts[REMOTE].given)
        return error_set(err, STATUS_UNSUPPORTED,
                         "part \"remote_payload\": payloads are not fetched from elsewhere");
    if (!parts[PAYLOAD].given)
        return error_set(err, STATUS_INVALID_INPUT, "there is no part \"payload\"");
    TRY(part_text(&parts[NAME], &upload->name, keep, err));
    TRY(part_text(&parts[TYPE], &upload->model_type, keep, err));
    TRY(part_text(&parts[DESCRIPTION], &upload->description, keep, err));
    if (upload->model_type && !*upload->model_type)
        upload->model_type = NULL;
    if (!parts[CONTRACT].given || parts[CONTRACT].text.size == 0)
        return STATUS_OK;
    contract = parts[CONTRACT].text;
    contract.data = (const uint8_t *)arena_text(keep, contract);
    if (!contract.data)
        return error_no_memory(err, "an upload");
    return hydrosphere_contract_protobuf(contract, false, "model_contract", &upload->contract, keep,
                                         err);
}

static enum status receive(struct request *request, struct build *build, int64_t *id,
                           struct error *err)
{
    struct form_part parts[PARTS] = {[PAYLOAD] = {.name = "payload", .file = &build->payload},
                                     [NAME] = {.name = "model_name"},
                                     [TYPE] = {.name = "model_type"},
                                     [CONTRACT] = {.name = "model_contract"},
                                     [DESCRIPTION] = {.name = "model_description"},
                                     [REMOTE] = {.name = "remote_payload"}};

    TRY(form_receive(request, parts, PARTS, err));
    TRY(parts_read(parts, build, err));
    return build_start(build, request, parts[PAYLOAD].file_name, id, err);
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
    return status ? status : build_print(request, response, id, err);
}

/* --- examples --- */

static enum status example_of(struct request *request, const struct view *view,
                              const struct loaded *loaded, struct error *err)
{
    const char *name = arena_text(request_arena(request), request->parameters[1]);
    struct contract contract;
    size_t index;

    if (!name)
        return error_no_memory(err, "a request");
    TRY(contract_parse_json(bytes_of(loaded_row(loaded)->contract), &contract, view->arena, err));
    TRY(contract_signature(&contract, name, &index, err));
    return view_example(view, &contract.signatures[index], err);
}

static enum status model_example(struct request *request, struct response *response,
                                 struct error *err)
{
    struct view view = view_of(request, response);
    const struct table_model *model;
    enum status status = hydrosphere_model_find(request, &view, &model, err);

    if (!status)
        status = example_of(request, &view, model->versions[0], err);
    model_release(request);
    return status;
}

static enum status version_example(struct request *request, struct response *response,
                                   struct error *err)
{
    struct view view = view_of(request, response);
    struct loaded *loaded;
    int64_t id;
    enum status status = view_id(request, 0, &id, err);

    if (!status)
        status = view_find_version(request, &view, id, &loaded, err);
    if (!status)
        status = example_of(request, &view, loaded, err);
    model_release(request);
    return status;
}

/* A version does not change. */
static enum status contract_refuse(struct request *request, struct response *response,
                                   struct error *err)
{
    (void)request, (void)response;
    if (error_set(err, STATUS_UNSUPPORTED, "the contract of a version does not change"))
        error_fix(err, "upload the model again with another contract: it becomes the next version");
    return err->status;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v1/model", models_list, "models with their newest version", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/{id}", model_show, "a model", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v1/model/{id}", model_delete, "delete a model with all versions",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/model/upload", upload,
     "upload: multipart/form-data of payload (tar.gz), model_name, model_type, model_contract "
     "(protocol buffer), model_description",
     ROUTE_STREAM},
    {HTTP_GET, "/api/v1/model/build/{id}", build_show,
     "a build: a task, Running, Finished or Failed", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/builds/{id}", last_builds, "builds of a model", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/builds/{id}/last", last_builds, "its last ?maximum= builds",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/version", versions_list, "all versions", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/version/{id}/last", last_versions,
     "the last ?maximum= versions of a model", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/generate/{id}/{signature}", model_example, "an example of a request",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/model/version/generate/{id}/{signature}", version_example,
     "an example of a request", ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/model/{id}/contract/{form}", contract_refuse,
     "refused: a version does not change", 0},
};

const struct route_set routes_hydrosphere_v1 = {
    .name = "hydrosphere_v1",
    .summary = "Hydrosphere's manager, first generation: models, versions, builds",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error_1,
    .below = {"/api/v1"},
};
