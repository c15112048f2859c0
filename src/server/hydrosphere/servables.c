// SPDX-License-Identifier: Apache-2.0
/* Servables and applications in the words of Hydrosphere. */
#include <stdio.h>

#include "base/map.h"
#include "contract/adapters.h"
#include "formats/json/json.h"
#include "server/hydrosphere/hydrosphere.h"
#include "server/internal.h"
#include "server/predict.h"

enum { NAME_TRIES = 16, NOTE_BYTES_MAX = 64 << 10 };
static const char KIND[] = "servable";

const char *servable_state_name(enum servable_state state)
{
    static const char *const NAMES[] = {"NotServing", "NotAvailable", "Starting", "Serving"};

    return NAMES[state];
}

enum servable_state hydrosphere_servable_state(const struct table_servable *servable,
                                               const char **why)
{
    const char *text = "";
    enum servable_state state = SERVABLE_NOT_SERVING;

    switch (loaded_state(servable->loaded)) {
    case MODEL_READY:
        state = SERVABLE_SERVING;
        break;
    case MODEL_LOADING:
        state = SERVABLE_STARTING;
        break;
    case MODEL_FAILED:
        text = loaded_error(servable->loaded)->text;
        break;
    case MODEL_UNLOADED:
        /* It is loaded when it is asked for. */
        state = servable->unloaded ? SERVABLE_NOT_AVAILABLE
                : servable->body   ? SERVABLE_STARTING
                                   : SERVABLE_SERVING;
        if (servable->unloaded)
            text = "its model is unloaded";
    }
    if (why)
        *why = text;
    return state;
}

bool hydrosphere_is_running(const struct table_servable *servable)
{
    return !hydrosphere_is_application(loaded_row(servable->loaded)) &&
           (servable->body || loaded_state(servable->loaded) != MODEL_UNLOADED);
}

/* --- what is said of one: {"metadata":{"k":"v"},"deploymentConfigName":"..."} --- */

static enum status pairs_read(const struct json *metadata, struct servable_note *note,
                              struct arena *arena, struct error *err)
{
    struct bytes text;

    if (metadata->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "\"metadata\" is no object of strings");
    note->metadata = arena_new(arena, struct manifest_pair, metadata->count);
    if (!note->metadata)
        return error_no_memory(err, "a servable");
    for (size_t i = 0; i < metadata->count; i++) {
        struct manifest_pair *pair = &note->metadata[note->metadata_count++];

        if (!json_string(&metadata->items[i], &text))
            return error_set(err, STATUS_INVALID_INPUT, "a value of \"metadata\" is no string");
        pair->key = arena_text(arena, metadata->items[i].key);
        pair->value = arena_text(arena, text);
        if (!pair->key || !pair->value)
            return error_no_memory(err, "a servable");
    }
    return STATUS_OK;
}

enum status servable_note_read(const struct json *body, struct servable_note *note,
                               struct arena *arena, struct error *err)
{
    const struct json *metadata = json_get(body, "metadata");
    struct bytes text;

    *note = (struct servable_note){0};
    if (json_string(json_get(body, "deploymentConfigName"), &text)) {
        note->deployment = arena_text(arena, text);
        if (!note->deployment)
            return error_no_memory(err, "a servable");
    }
    if (!metadata || metadata->kind == JSON_NULL)
        return STATUS_OK;
    return pairs_read(metadata, note, arena, err);
}

enum status hydrosphere_servable_note(const struct table_servable *servable,
                                      struct servable_note *note, struct arena *arena,
                                      struct error *err)
{
    struct json body;

    *note = (struct servable_note){0};
    if (!servable->body || !*servable->body)
        return STATUS_OK;
    TRY(json_parse(bytes_of(servable->body), 0, &body, arena, err));
    return servable_note_read(&body, note, arena, err);
}

static void note_write(struct text *text, const struct servable_note *note)
{
    text_append(text, "{\"metadata\":{");
    for (size_t i = 0; i < note->metadata_count; i++) {
        if (i)
            text_append_char(text, ',');
        json_write_key(text, note->metadata[i].key);
        json_write_text(text, note->metadata[i].value);
    }
    text_append_char(text, '}');
    if (note->deployment) {
        text_append(text, ",\"deploymentConfigName\":");
        json_write_text(text, note->deployment);
    }
    text_append_char(text, '}');
}

/* --- deploying --- */

/* Free among all that are kept and among the versions' own. */
static enum status name_free(struct request *request, const char *name, bool *is_free,
                             struct error *err)
{
    const struct record_filter filter = {.kind = KIND, .name = name};
    const struct model_table *table;
    struct record record;
    bool found;

    TRY(registry_record_find(request->server->registry, &filter, &found, &record,
                             request_arena(request), err));
    table = models_pin(request->server->models, request->executor->index);
    *is_free = !found && !model_table_servable(table, bytes_of(name));
    model_release(request);
    return STATUS_OK;
}

static enum status name_choose(struct request *request, const struct version *version,
                               char name[SERVABLE_NAME_SIZE], struct error *err)
{
    uint64_t seed = clock_ns();
    bool is_free = false;

    for (int i = 0; i < NAME_TRIES && !is_free; i++) {
        servable_name(version->model, version->number, ++seed, name);
        TRY(name_free(request, name, &is_free, err));
    }
    if (!is_free)
        return error_set(err, STATUS_CONFLICT, "all names for servables of %s:%lld are taken",
                         version->model, (long long)version->number);
    return STATUS_OK;
}

enum status hydrosphere_deploy(struct request *request, const struct version *version,
                               const struct servable_note *note, const char **name,
                               struct error *err)
{
    struct text body = {.limit = NOTE_BYTES_MAX};
    char *chosen = arena_alloc(request_arena(request), SERVABLE_NAME_SIZE, 1);
    struct record record = {.kind = KIND, .version = version->id, .needs = true};
    enum status status;

    if (!chosen)
        return error_no_memory(err, "a servable");
    if (!request->server->registry)
        return error_set(err, STATUS_UNSUPPORTED, "this server has no registry");
    if (version->reason &&
        !(request->server->workers && adapter_serves(version->format, version->reason)))
        return error_set(err, STATUS_UNSUPPORTED, "%s:%lld cannot be served: %s", version->model,
                         (long long)version->number, version->reason);
    TRY(name_choose(request, version, chosen, err));
    note_write(&body, note);
    status = text_check(&body, err);
    record.name = chosen;
    record.body = body.data;
    if (!status)
        status =
            registry_record_put(request->server->registry, &record, (struct bytes){0}, false, err);
    text_release(&body);
    TRY(status);
    *name = chosen;
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

enum status hydrosphere_undeploy(struct request *request, struct bytes name, struct error *err)
{
    const char *text = arena_text(request_arena(request), name);
    const struct record_filter filter = {.kind = KIND, .name = text};
    const struct table_servable *own;
    char quoted[TEXT_QUOTE_SIZE];
    struct record record;
    bool found, is_own;

    if (!text)
        return error_no_memory(err, "a servable");
    if (!request->server->registry)
        return error_set(err, STATUS_UNSUPPORTED, "this server has no registry");
    TRY(registry_record_find(request->server->registry, &filter, &found, &record,
                             request_arena(request), err));
    if (!found) {
        own = model_table_servable(models_pin(request->server->models, request->executor->index),
                                   name);
        is_own = own != NULL;
        model_release(request);
        if (is_own)
            return error_set(err, STATUS_CONFLICT,
                             "servable '%s' is the version itself: it goes with the version",
                             text_quote(name, quoted, sizeof quoted));
        return error_set(err, STATUS_NOT_FOUND, "there is no servable '%s'",
                         text_quote(name, quoted, sizeof quoted));
    }
    TRY(registry_record_remove(request->server->registry, record.id, err));
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

/* "iris-3": the part before the last dash is a model, the rest its number. */
static bool split_number(struct bytes name, struct bytes *model, struct bytes *number)
{
    size_t at = name.size;

    while (at > 0 && name.data[at - 1] >= '0' && name.data[at - 1] <= '9')
        at--;
    if (at < 2 || at == name.size || name.data[at - 1] != '-')
        return false;
    *model = (struct bytes){name.data, at - 1};
    *number = (struct bytes){name.data + at, name.size - at};
    return true;
}

enum status hydrosphere_servable_find(const struct model_table *table, struct bytes name,
                                      struct loaded **loaded, struct error *err)
{
    const struct table_servable *servable = model_table_servable(table, name);
    struct bytes model, number;
    struct error ignored;

    if (servable && servable->unloaded)
        return error_set(err, STATUS_NOT_FOUND, "servable '%s': its model is unloaded",
                         servable->name);
    if (servable) {
        *loaded = servable->loaded;
        return STATUS_OK;
    }
    if (models_find(table, name, (struct bytes){0}, loaded, err) == STATUS_OK)
        return STATUS_OK;
    if (split_number(name, &model, &number) &&
        models_find(table, model, number, loaded, &ignored) == STATUS_OK)
        return STATUS_OK;
    return err->status;
}

/* The version's own words for it; false: there is none (yet). */
static enum status predict_names(struct request *request, struct bytes name, const char **model,
                                 const char **number, struct error *err)
{
    struct models *models = request->server->models;
    struct loaded *loaded;
    enum status status;

    if (request->executor->control) /* it was not there a moment ago */
        models_refresh(models, false);
    status =
        hydrosphere_servable_find(models_pin(models, request->executor->index), name, &loaded, err);
    *model = *number = NULL;
    if (status == STATUS_OK) {
        *model = arena_text(request_arena(request), bytes_of(loaded_row(loaded)->model));
        *number =
            arena_printf(request_arena(request), "%lld", (long long)loaded_row(loaded)->number);
    }
    model_release(request);
    if (status == STATUS_NOT_FOUND && !request->executor->control)
        return request_later(request, LATER_CONTROL);
    if (status == STATUS_OK && (!*model || !*number))
        return error_no_memory(err, "a name");
    return status;
}

enum status hydrosphere_predict(struct request *request, struct response *response,
                                struct bytes name, const struct prediction_wire *wire,
                                struct error *err)
{
    const char *model, *number;

    TRY(predict_names(request, name, &model, &number, err));
    if (!model)
        return STATUS_OK; /* later */
    return prediction_handle(request, response, bytes_of(model), bytes_of(number), wire, err);
}

enum status hydrosphere_only_model(struct request *request, const char **name, struct error *err)
{
    const struct model_table *table;
    struct bytes given;
    size_t count;

    if (request_header(request, "firn-model", &given) && given.size) {
        *name = arena_text(request_arena(request), given);
        return *name ? STATUS_OK : error_no_memory(err, "a name");
    }
    table = models_pin(request->server->models, request->executor->index);
    count = model_table_count(table);
    *name = count == 1
                ? arena_text(request_arena(request), bytes_of(model_table_at(table, 0)->name))
                : "";
    model_release(request);
    if (count == 1)
        return *name ? STATUS_OK : error_no_memory(err, "a name");
    (void)!error_set(err, STATUS_INVALID_INPUT,
                     "the request names no model, and this server has %zu", count);
    error_fix(err, "name it in the metadata firn-model");
    return STATUS_INVALID_INPUT;
}

/* --- applications --- */

const char *application_state_name(enum application_state state)
{
    static const char *const NAMES[] = {"Failed", "Assembling", "Ready"};

    return NAMES[state];
}

/* The version of a variant, which says "name:3". */
static const struct table_servable *variant_find(const struct model_table *table, const char *model)
{
    const struct table_servable *servable;
    char name[SERVABLE_NAME_SIZE];
    struct loaded *loaded;
    struct error ignored;

    if (models_find(table, bytes_of(model), (struct bytes){0}, &loaded, &ignored))
        return NULL;
    servable_name(loaded_row(loaded)->model, loaded_row(loaded)->number, 0, name);
    servable = model_table_servable(table, bytes_of(name));
    return servable && servable->loaded == loaded ? servable : NULL;
}

static enum status stage_signature(const struct manifest_stage *from,
                                   struct hydrosphere_stage *stage, struct arena *arena,
                                   struct error *err)
{
    struct contract contract;
    size_t index;

    if (!stage->variant_count || !stage->variants[0].servable)
        return STATUS_OK;
    TRY(contract_parse_json(bytes_of(loaded_row(stage->variants[0].servable->loaded)->contract),
                            &contract, arena, err));
    if (!contract.count)
        return STATUS_OK;
    TRY(contract_signature(&contract, from->signature, &index, err));
    stage->signature = &contract.signatures[index];
    return STATUS_OK;
}

static enum status stage_read(const struct model_table *table, const struct manifest_stage *from,
                              struct hydrosphere_stage *stage, struct arena *arena,
                              struct error *err)
{
    stage->variant_count = from->variant_count;
    stage->variants = arena_new(arena, struct hydrosphere_variant, from->variant_count);
    if (!stage->variants || !stage->id)
        return error_no_memory(err, "an application");
    for (size_t v = 0; v < from->variant_count; v++)
        stage->variants[v] =
            (struct hydrosphere_variant){.servable = variant_find(table, from->variants[v].model),
                                         .weight = from->variants[v].weight,
                                         .shadow = from->variants[v].shadow};
    return stage_signature(from, stage, arena, err);
}

static void state_read(const struct table_model *model, struct hydrosphere_application *application)
{
    struct loaded *loaded = model->serving;

    application->message = "";
    application->state = APPLICATION_ASSEMBLING;
    if (loaded_state(loaded) == MODEL_READY)
        application->state = APPLICATION_READY;
    if (loaded_state(loaded) == MODEL_FAILED) {
        application->state = APPLICATION_FAILED;
        application->message = loaded_error(loaded)->text;
    }
}

enum status hydrosphere_application(const struct model_table *table,
                                    const struct table_model *model,
                                    struct hydrosphere_application *application,
                                    struct arena *arena, struct error *err)
{
    const struct manifest_application *from;
    const struct version *row;

    if (!model->serving)
        return error_set(err, STATUS_NOT_FOUND, "application '%s' has no version", model->name);
    row = loaded_row(model->serving);
    *application = (struct hydrosphere_application){.row = row, .id = row->model_id};
    state_read(model, application);
    if (row->contract && *row->contract)
        TRY(contract_parse_json(bytes_of(row->contract), &application->contract, arena, err));
    TRY(application_manifest(bytes_of(row->manifest), row->model, &from, arena, err));
    application->metadata = from->metadata;
    application->metadata_count = from->metadata_count;
    application->stage_count = from->stage_count;
    application->stages = arena_new(arena, struct hydrosphere_stage, from->stage_count);
    if (!application->stages)
        return error_no_memory(err, "an application");
    for (size_t s = 0; s < from->stage_count; s++) {
        application->stages[s].id =
            arena_printf(arena, "app%lldstage%zu", (long long)application->id, s);
        TRY(stage_read(table, &from->stages[s], &application->stages[s], arena, err));
    }
    return STATUS_OK;
}
