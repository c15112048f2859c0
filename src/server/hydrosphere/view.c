// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/view.h"

#include "base/map.h"
#include "base/number.h"
#include "contract/hydrosphere.h"
#include "formats/json/json_tensor.h"
#include "server/hydrosphere/upload.h"
#include "server/internal.h"
#include "server/stored.h"

enum { BATCH_DEFAULT = 100 };

struct view view_of(struct request *request, struct response *response)
{
    struct models *models = request->server->models;
    const struct model_table *table = models_pinned(models, request->executor->index);

    return (struct view){
        .table = table ? table : models_pin(models, request->executor->index),
        .registry = request->server->registry,
        .generation = (int)request->server->settings.hydrosphere_generation,
        .arena = request_arena(request),
        .text = &response->body,
        .uses = arena_new(request_arena(request), struct view_uses, 1),
    };
}

static void write_error(const struct error *err, struct text *text)
{
    const char *kind = err->status == STATUS_NOT_FOUND  ? "NotFound"
                       : status_http(err->status) < 500 ? "InvalidRequest"
                                                        : "InternalError";

    text_printf(text, "{\"error\":\"%s\",\"message\":", kind);
    view_write_reason(err, text);
}

void view_write_error(const struct error *err, struct text *text)
{
    write_error(err, text);
    text_append_char(text, '}');
}

void view_write_error_monitoring(const struct error *err, struct text *text)
{
    write_error(err, text);
    text_append(text, ",\"errors\":[");
    view_write_reason(err, text);
    text_append(text, "]}");
}

void view_write_reason(const struct error *err, struct text *text)
{
    struct text both = {0};

    text_printf(&both, "%s%s%s", err->text, err->fix[0] ? "; " : "", err->fix);
    json_write_string(text, text_bytes(&both));
    text_release(&both);
}

enum status view_refuse(struct request *request, struct response *response, struct error *err)
{
    response->status = 501;
    return error_set(err, STATUS_UNSUPPORTED, "%s", request->match.route->summary);
}

/* --- finding --- */

bool view_is_model(const struct table_model *model)
{
    return model->count && !hydrosphere_is_application(loaded_row(model->versions[0]));
}

bool view_is_application(const struct table_model *model)
{
    return model->serving && hydrosphere_is_application(loaded_row(model->serving));
}

static enum status list_print(const struct view *view, bool (*is)(const struct table_model *model),
                              view_writer *write, struct error *err)
{
    bool any = false;

    text_append(view->text, "[");
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        if (!is(model))
            continue;
        text_append(view->text, any ? "," : "");
        any = true;
        TRY(write(view, model, err));
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

enum status view_list(struct request *request, struct response *response,
                      bool (*is)(const struct table_model *model), view_writer *write,
                      struct error *err)
{
    struct view view = view_of(request, response);
    enum status status = list_print(&view, is, write, err);

    model_release(request);
    return status;
}

enum status view_id(const struct request *request, size_t index, int64_t *id, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (number_i64_from_text(request->parameters[index], id) && *id >= 0)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "'%s' is no id",
                     text_quote(request->parameters[index], quoted, sizeof quoted));
}

void view_look_again(struct request *request, struct view *view)
{
    model_release(request);
    models_refresh(request->server->models, false);
    view->table = models_pin(request->server->models, request->executor->index);
}

enum status view_find_version(struct request *request, struct view *view, int64_t id,
                              struct loaded **loaded, struct error *err)
{
    *loaded = model_table_version(view->table, id);
    if (!*loaded) {
        view_look_again(request, view);
        *loaded = model_table_version(view->table, id);
    }
    if (!*loaded || hydrosphere_is_application(loaded_row(*loaded)))
        return error_set(err, STATUS_NOT_FOUND, "there is no model version with id %lld",
                         (long long)id);
    return STATUS_OK;
}

static const struct table_model *application_in(const struct model_table *table, struct bytes name)
{
    const struct table_model *model = model_table_find(table, name);
    int64_t id;

    if (model && view_is_application(model))
        return model;
    if (!number_i64_from_text(name, &id))
        return NULL;
    for (size_t m = 0; m < model_table_count(table); m++) {
        model = model_table_at(table, m);
        if (view_is_application(model) && loaded_row(model->serving)->model_id == id)
            return model;
    }
    return NULL;
}

enum status view_find_application(struct request *request, struct view *view, struct bytes name,
                                  const struct table_model **model, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    *model = application_in(view->table, name);
    if (!*model) {
        view_look_again(request, view);
        *model = application_in(view->table, name);
    }
    if (*model)
        return STATUS_OK;
    return error_set(err, STATUS_NOT_FOUND, "there is no application '%s'",
                     text_quote(name, quoted, sizeof quoted));
}

enum status view_delete(struct request *request, enum status status,
                        const struct table_model *model, struct error *err)
{
    struct registry *registry;
    const char *name = NULL;

    if (!status && !(name = arena_text(request_arena(request), bytes_of(model->name))))
        status = error_no_memory(err, "a request");
    model_release(request);
    TRY(status);
    TRY(stored_registry(request, &registry, err));
    TRY(registry_delete(registry, name, 0, err));
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

/* --- words --- */

void view_text(struct text *text, const char *key, const char *value)
{
    json_write_key(text, key);
    if (value)
        json_write_text(text, value);
    else
        text_append(text, "null");
}

void view_pairs(struct text *text, const struct manifest_pair *pairs, size_t count)
{
    text_append_char(text, '{');
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "," : "");
        view_text(text, pairs[i].key, pairs[i].value);
    }
    text_append_char(text, '}');
}

void view_signature(const struct view *view, const struct signature *signature, unsigned shapes)
{
    static const struct signature NONE = {.name = ""};

    hydrosphere_print_signature(signature ? signature : &NONE, shapes, view->text);
}

/* --- versions --- */

bool view_is_external(const struct version *row)
{
    return strcmp(row->format, EXTERNAL_FORMAT) == 0;
}

const char *view_version_status(const struct loaded *loaded)
{
    if (view_is_external(loaded_row(loaded)))
        return "Released";
    return loaded_state(loaded) == MODEL_FAILED ? "Failed" : "Released";
}

enum status view_uses(const struct view *view, struct view_uses *uses, struct error *err)
{
    size_t capacity = 0;

    *uses = (struct view_uses){.known = true};
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);
        struct hydrosphere_application application;

        if (!model->serving || !hydrosphere_is_application(loaded_row(model->serving)))
            continue;
        TRY(hydrosphere_application(view->table, model, &application, view->arena, err));
        for (size_t s = 0; s < application.stage_count; s++)
            for (size_t v = 0; v < application.stages[s].variant_count; v++) {
                const struct table_servable *servable = application.stages[s].variants[v].servable;

                if (!servable)
                    continue;
                if (!ARENA_GROW(view->arena, uses->items, uses->count, capacity))
                    return error_no_memory(err, "a list");
                uses->items[uses->count++] =
                    (struct view_use){loaded_row(servable->loaded)->id, model->name};
            }
    }
    return STATUS_OK;
}

static void print_image(struct text *text, const char *key, const struct hydrosphere_image *image)
{
    json_write_key(text, key);
    text_append(text, "{");
    view_text(text, "name", image->name);
    text_append(text, ",");
    view_text(text, "tag", image->tag);
    if (image->sha) {
        text_append(text, ",");
        view_text(text, "sha256", image->sha);
    }
    text_append(text, "},");
}

/* Each application once, though several of its variants use the version. */
static void print_uses(struct text *text, const struct view_uses *uses, int64_t version)
{
    const char *last = NULL;

    text_append(text, "\"applications\":[");
    for (size_t i = 0; uses && i < uses->count; i++) {
        if (uses->items[i].version != version || uses->items[i].application == last)
            continue;
        text_append(text, last ? "," : "");
        last = uses->items[i].application;
        json_write_text(text, last);
    }
    text_append(text, "]");
}

static void print_identity(struct text *text, const struct version *row, const char *finished)
{
    text_printf(text, "{\"id\":%lld,\"model\":{\"id\":%lld,", (long long)row->id,
                (long long)row->model_id);
    view_text(text, "name", row->model);
    text_printf(text, "},\"modelVersion\":%lld,", (long long)row->number);
    view_text(text, "created", row->created);
    text_append(text, ",");
    view_text(text, "finished", finished);
    text_append(text, ",");
}

/* Of generation 3, then of 2. */
static void print_contracts(const struct view *view, const struct hydrosphere_version *version)
{
    text_append(view->text, "\"modelSignature\":");
    view_signature(view, version->predict, HYDROSPHERE_DIMS);
    text_append(view->text, ",\"modelContract\":{");
    view_text(view->text, "modelName", version->row->model);
    text_append(view->text, ",\"predict\":");
    view_signature(view, version->predict, HYDROSPHERE_DIM);
    text_append(view->text, "},");
}

/* `finished`: NULL when it is not. */
static enum status print_version(const struct view *view, const struct version *row,
                                 const char *status, const char *finished,
                                 const struct view_uses *uses, struct error *err)
{
    struct hydrosphere_version version;
    struct text *text = view->text;

    TRY(hydrosphere_version(row, &version, view->arena, err));
    print_identity(text, row, finished);
    print_image(text, "image", &version.image);
    print_image(text, "runtime", &version.runtime);
    print_contracts(view, &version);
    view_text(text, "status", status);
    text_append(text, ",");
    view_text(text, "installCommand", version.install_command);
    text_append(text, ",\"metadata\":");
    view_pairs(text, version.metadata, version.metadata_count);
    text_printf(text, ",\"monitoringConfiguration\":{\"batchSize\":%lld},\"isExternal\":%s,",
                (long long)(version.monitoring_batch ? version.monitoring_batch : BATCH_DEFAULT),
                view_is_external(row) ? "true" : "false");
    print_uses(text, uses, row->id);
    text_append(text, "}");
    return STATUS_OK;
}

enum status view_version(const struct view *view, const struct loaded *loaded,
                         const struct view_uses *uses, struct error *err)
{
    const struct version *row = loaded_row(loaded);

    return print_version(view, row, view_version_status(loaded), row->created, uses, err);
}

enum status view_version_built(const struct view *view, const struct version *row,
                               const char *status, const char *finished, struct error *err)
{
    return print_version(view, row, status, finished, NULL, err);
}

/* --- servables --- */

enum status view_servable(const struct view *view, const struct table_servable *servable,
                          struct error *err)
{
    struct text *text = view->text;
    struct servable_note note;
    const char *why, *state;

    TRY(hydrosphere_servable_note(servable, &note, view->arena, err));
    state = servable_state_name(hydrosphere_servable_state(servable, &why));
    text_printf(text, "{\"modelVersionId\":%lld,", (long long)loaded_row(servable->loaded)->id);
    view_text(text, "fullName", servable->name);
    text_append(text, ",");
    if (view->generation == 2) {
        text_append(text, "\"status\":{");
        view_text(text, "status", state);
        text_append(text, ",");
        view_text(text, "msg", why);
        text_append(text, "},");
    } else {
        view_text(text, "status", state);
        text_append(text, ",");
    }
    view_text(text, "statusMessage", why);
    text_append(text, ",\"metadata\":");
    view_pairs(text, note.metadata, note.metadata_count);
    text_append(text, ",");
    view_text(text, "deploymentConfigurationName", note.deployment);
    text_append(text, ",\"modelVersion\":");
    TRY(view_version(view, servable->loaded, NULL, err));
    text_append(text, "}");
    return STATUS_OK;
}

/* --- the first generation --- */

void view_contract_1(const struct contract *contract, const char *model, struct text *text)
{
    text_append(text, "{");
    view_text(text, "modelName", model);
    text_append(text, ",\"signatures\":[");
    for (size_t i = 0; i < contract->count; i++) {
        text_append(text, i ? "," : "");
        hydrosphere_print_signature(&contract->signatures[i], HYDROSPHERE_DIM, text);
    }
    text_append(text, "]}");
}

/* "python:3.6" as declared, else framework and version. */
static void print_type(struct text *text, const struct hydrosphere_version *version)
{
    const struct version *row = version->row;

    json_write_key(text, "modelType");
    if (version->manifest && version->manifest->model_type)
        json_write_text(text, version->manifest->model_type);
    else if (row->framework && *row->framework)
        text_printf(text, "\"%s:%s\"", row->framework,
                    row->framework_version && *row->framework_version ? row->framework_version
                                                                      : "unknown");
    else
        text_append(text, "\"unknown:unknown\"");
}

/* {"x": "NUMERICAL"}: of fields that have one; of an input and an output that are called alike, the
 * input's. */
static enum status print_profiles(struct text *text, const struct signature *signature,
                                  struct arena *scratch, struct error *err)
{
    const size_t count = signature ? signature->input_count + signature->output_count : 0;
    struct map seen;
    bool any = false;

    map_init(&seen, scratch);
    text_append(text, ",\"dataProfileTypes\":{");
    for (size_t i = 0; i < count; i++) {
        const struct field *field = i < signature->input_count
                                        ? &signature->inputs[i]
                                        : &signature->outputs[i - signature->input_count];

        if (field->profile == PROFILE_NONE || map_find(&seen, bytes_of(field->name)))
            continue;
        if (!map_set(&seen, bytes_of(field->name), (void *)field))
            return error_no_memory(err, "a version");
        text_append(text, any ? "," : "");
        any = true;
        view_text(text, field->name, hydrosphere_profile_name(field->profile));
    }
    text_append(text, "}");
    return STATUS_OK;
}

enum status view_version_1(const struct view *view, const struct loaded *loaded, struct error *err)
{
    const struct version *row = loaded_row(loaded);
    struct view_uses uses;
    struct hydrosphere_version version;
    struct text *text = view->text;

    TRY(hydrosphere_version(row, &version, view->arena, err));
    text_printf(text, "{\"id\":%lld,", (long long)row->id);
    view_text(text, "imageName", version.image.name);
    text_append(text, ",");
    view_text(text, "imageTag", version.image.tag);
    text_append(text, ",");
    view_text(text, "imageSHA256", version.image.sha);
    text_append(text, ",");
    view_text(text, "created", row->created);
    text_append(text, ",");
    view_text(text, "modelName", row->model);
    text_printf(text, ",\"modelVersion\":%lld,", (long long)row->number);
    print_type(text, &version);
    text_printf(text, ",\"model\":{\"id\":%lld,", (long long)row->model_id);
    view_text(text, "name", row->model);
    text_append(text, ",");
    print_type(text, &version);
    text_append(text, ",");
    view_text(text, "description", version.manifest ? version.manifest->description : NULL);
    text_append(text, ",\"modelContract\":");
    view_contract_1(&version.contract, row->model, text);
    text_append(text, "},\"modelContract\":");
    view_contract_1(&version.contract, row->model, text);
    TRY(print_profiles(text, version.predict, view->arena, err));
    if (view->uses && view->uses->known)
        uses = *view->uses;
    else
        TRY(view_uses(view, &uses, err));
    if (view->uses)
        *view->uses = uses;
    text_append(text, ",");
    print_uses(text, &uses, row->id);
    text_append(text, "}");
    return STATUS_OK;
}
