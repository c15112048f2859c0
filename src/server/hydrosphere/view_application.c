// SPDX-License-Identifier: Apache-2.0
/* Applications as the manager of every generation shows them. */
#include "contract/hydrosphere.h"
#include "formats/json/json.h"
#include "server/hydrosphere/runtimes.h"
#include "server/hydrosphere/view.h"

/* --- what an application was made with --- */

struct told { /* members of the record; NULL: not there */
    const struct json *streaming, *namespace, *stages;
};

static enum status told_read(const struct view *view, const struct version *row, struct told *told,
                             struct error *err)
{
    const struct record_filter filter = {.kind = HYDROSPHERE_APPLICATION, .version = row->id};
    struct json *body = arena_new(view->arena, struct json, 1);
    struct record record;
    bool found = false;

    *told = (struct told){NULL, NULL, NULL};
    if (!body)
        return error_no_memory(err, "an application");
    if (view->registry)
        TRY(registry_record_find(view->registry, &filter, &found, &record, view->arena, err));
    if (!found || json_parse(bytes_of(record.body), 0, body, view->arena, err))
        return found ? err->status : STATUS_OK;
    told->streaming = json_get(body, "kafkaStreaming");
    told->namespace = json_get(body, "namespace");
    told->stages = json_get(json_get(body, "executionGraph"), "stages");
    return STATUS_OK;
}

/* A member of variant `v` of stage `s`, as it was sent; NULL when it was not. */
static const struct json *told_variant(const struct told *told, size_t s, size_t v,
                                       const char *name)
{
    const struct json *variants;

    if (!told->stages || told->stages->kind != JSON_ARRAY || s >= told->stages->count)
        return NULL;
    variants = json_get(&told->stages->items[s], "modelVariants");
    variants = variants ? variants : json_get(&told->stages->items[s], "services");
    if (!variants || variants->kind != JSON_ARRAY || v >= variants->count)
        return NULL;
    return json_get(&variants->items[v], name);
}

static void print_string(struct text *text, const char *key, const struct json *value)
{
    struct bytes string;

    json_write_key(text, key);
    if (json_string(value, &string))
        json_write_string(text, string);
    else
        text_append(text, "null");
}

/* With the keys that hydrosdk asks for too. */
static void print_streaming(struct text *text, const struct json *streaming)
{
    static const char *const KEYS[][2] = {{"sourceTopic", "in-topic"},
                                          {"destinationTopic", "out-topic"}};

    text_append(text, "\"kafkaStreaming\":[");
    for (size_t i = 0; streaming && streaming->kind == JSON_ARRAY && i < streaming->count; i++) {
        const struct json *item = &streaming->items[i];

        text_append(text, i ? ",{" : "{");
        for (size_t k = 0; k < ARRAY_COUNT(KEYS); k++) {
            print_string(text, KEYS[k][0], json_get(item, KEYS[k][0]));
            text_append(text, ",");
            print_string(text, KEYS[k][1], json_get(item, KEYS[k][0]));
            text_append(text, ",");
        }
        print_string(text, "consumerId", json_get(item, "consumerId"));
        text_append(text, ",");
        print_string(text, "errorTopic", json_get(item, "errorTopic"));
        text_append(text, "}");
    }
    text_append(text, "]");
}

/* --- applications --- */

/* What it is, and its first members as every generation writes them. */
static enum status begin(const struct view *view, const struct table_model *model,
                         struct hydrosphere_application *application, struct told *told,
                         struct error *err)
{
    TRY(hydrosphere_application(view->table, model, application, view->arena, err));
    TRY(told_read(view, application->row, told, err));
    text_printf(view->text, "{\"id\":%lld,", (long long)application->id);
    view_text(view->text, "name", model->name);
    return STATUS_OK;
}

static enum status print_variant(const struct view *view, const struct hydrosphere_variant *variant,
                                 const struct json *deployment, struct error *err)
{
    const struct table_servable *servable = variant->servable;
    struct text *text = view->text;

    text_printf(text, "{\"modelVersionId\":%lld,\"weight\":%lld,\"shadow\":%s,",
                (long long)(servable ? loaded_row(servable->loaded)->id : 0),
                (long long)variant->weight, variant->shadow ? "true" : "false");
    view_text(text, "servableName", servable ? servable->name : NULL);
    text_append(text, ",");
    print_string(text, "deploymentConfigurationName", deployment);
    if (servable) {
        text_append(text, ",\"modelVersion\":");
        TRY(view_version(view, servable->loaded, NULL, err));
    }
    text_append(text, "}");
    return STATUS_OK;
}

static enum status print_stage(const struct view *view, const struct hydrosphere_stage *stage,
                               const struct told *told, size_t index, struct error *err)
{
    text_append(view->text, "{\"modelVariants\":[");
    for (size_t v = 0; v < stage->variant_count; v++) {
        text_append(view->text, v ? "," : "");
        TRY(print_variant(view, &stage->variants[v],
                          told_variant(told, index, v, "deploymentConfigName"), err));
    }
    text_append(view->text, "],\"signature\":");
    view_signature(view, stage->signature, HYDROSPHERE_DIMS | HYDROSPHERE_DIM);
    text_append(view->text, "}");
    return STATUS_OK;
}

enum status view_application(const struct view *view, const struct table_model *model,
                             struct error *err)
{
    struct hydrosphere_application application;
    struct text *text = view->text;
    struct told told;

    TRY(begin(view, model, &application, &told, err));
    text_printf(text, ",\"version\":%lld,", (long long)application.row->number);
    view_text(text, "status", application_state_name(application.state));
    text_append(text, ",");
    view_text(text, "message", application.message);
    text_append(text, ",");
    print_string(text, "namespace", told.namespace);
    text_append(text, ",\"signature\":");
    view_signature(view, application.contract.count ? &application.contract.signatures[0] : NULL,
                   HYDROSPHERE_DIMS | HYDROSPHERE_DIM);
    text_append(text, ",\"executionGraph\":{\"stages\":[");
    for (size_t s = 0; s < application.stage_count; s++) {
        text_append(text, s ? "," : "");
        TRY(print_stage(view, &application.stages[s], &told, s, err));
    }
    text_append(text, "]},");
    print_streaming(text, told.streaming);
    text_append(text, ",\"metadata\":");
    view_pairs(text, application.metadata, application.metadata_count);
    text_append(text, "}");
    return STATUS_OK;
}

/* --- the first generation --- */

static enum status print_service_1(const struct view *view,
                                   const struct hydrosphere_variant *variant,
                                   const struct hydrosphere_stage *stage, const struct told *told,
                                   size_t s, size_t v, struct error *err)
{
    const struct json *runtime = told_variant(told, s, v, "runtimeId");
    const struct json *environment = told_variant(told, s, v, "environmentId");
    struct text *text = view->text;
    int64_t id = 0;

    text_printf(text,
                "{\"weight\":%lld,\"runtimeId\":%lld,\"runtime\":", (long long)variant->weight,
                (long long)(json_i64(runtime, &id) ? id : 0));
    TRY(runtimes_embed(view->registry, HYDROSPHERE_RUNTIME, id, text, view->arena, err));
    if (json_i64(environment, &id)) {
        text_printf(text, ",\"environmentId\":%lld,\"environment\":", (long long)id);
        TRY(runtimes_embed(view->registry, HYDROSPHERE_ENVIRONMENT, id, text, view->arena, err));
    }
    text_append(text, ",");
    view_text(text, "signatureName", stage->signature ? stage->signature->name : NULL);
    text_append(text, ",\"signature\":");
    view_signature(view, stage->signature, HYDROSPHERE_DIM);
    text_append(text, ",\"modelVersion\":");
    if (variant->servable)
        TRY(view_version_1(view, variant->servable->loaded, err));
    else
        text_append(text, "null");
    text_append(text, "}");
    return STATUS_OK;
}

enum status view_application_1(const struct view *view, const struct table_model *model,
                               struct error *err)
{
    struct hydrosphere_application application;
    struct text *text = view->text;
    struct told told;

    TRY(begin(view, model, &application, &told, err));
    text_append(text, ",");
    print_string(text, "namespace", told.namespace);
    text_append(text, ",\"contract\":");
    view_contract_1(&application.contract, model->name, text);
    text_append(text, ",\"executionGraph\":{\"stages\":[");
    for (size_t s = 0; s < application.stage_count; s++) {
        const struct hydrosphere_stage *stage = &application.stages[s];

        text_append(text, s ? ",{" : "{");
        view_text(text, "id", stage->id);
        text_append(text, ",\"services\":[");
        for (size_t v = 0; v < stage->variant_count; v++) {
            text_append(text, v ? "," : "");
            TRY(print_service_1(view, &stage->variants[v], stage, &told, s, v, err));
        }
        text_append(text, "],\"signature\":");
        view_signature(view, stage->signature, HYDROSPHERE_DIM);
        text_append(text, "}");
    }
    text_append(text, "]},");
    print_streaming(text, told.streaming);
    text_append(text, "}");
    return STATUS_OK;
}
