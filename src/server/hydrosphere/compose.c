// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/compose.h"

#include "applications/application.h"
#include "formats/json/json.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/view.h"
#include "server/internal.h"

struct composing {
    struct request *request;
    struct registry *registry;
    struct json body;
    const char *name;
    struct text manifest; /* kind Application, as JSON */
};

static const struct json *member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, name);

    return value && value->kind == JSON_NULL ? NULL : value;
}

/* A list of at least one and at most `most` objects. */
static enum status list_member(const struct json *object, const char *name, size_t most,
                               const struct json **list, struct error *err)
{
    *list = member(object, name);
    if (!*list || (*list)->kind != JSON_ARRAY || (*list)->count == 0 || (*list)->count > most)
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no list of 1 to %zu", name, most);
    return STATUS_OK;
}

/* --- variants --- */

static enum status variant_print(struct composing *c, const struct json *variant, bool alone,
                                 struct error *err)
{
    const struct json *weight = member(variant, "weight");
    struct version version;
    int64_t id, share = APPLICATION_WEIGHTS;

    if (!json_i64(member(variant, "modelVersionId"), &id))
        return error_set(err, STATUS_INVALID_INPUT,
                         "a variant has no \"modelVersionId\", or it is no whole number");
    if (weight && !json_i64(weight, &share))
        return error_set(err, STATUS_INVALID_INPUT, "a weight is %s, not a whole number",
                         weight->kind == JSON_FLOAT ? "a fraction" : json_kind_name(weight->kind));
    TRY(registry_resolve_id(c->registry, id, &version, request_arena(c->request), err));
    if (alone)
        share = APPLICATION_WEIGHTS;
    text_append(&c->manifest, "{\"model\":");
    json_write_string(&c->manifest, bytes_of(version.model));
    c->manifest.size--; /* into the string */
    text_printf(&c->manifest, ":%lld\",\"weight\":%lld%s}", (long long)version.number,
                (long long)share, share ? "" : ",\"shadow\":true");
    return STATUS_OK;
}

/* Generation 1: every service of a stage names the same signature. */
static enum status signature_print(struct composing *c, const struct json *variants,
                                   struct error *err)
{
    struct bytes signature = {NULL, 0}, other;

    for (size_t v = 0; v < variants->count; v++) {
        const struct json *value = member(&variants->items[v], "signatureName");

        if (!value)
            continue;
        if (!json_string(value, &other) || other.size == 0)
            return error_set(err, STATUS_INVALID_INPUT, "\"signatureName\" is no name");
        if (signature.data && !bytes_equal(signature, other))
            return error_set(err, STATUS_INVALID_INPUT,
                             "services of one stage name different signatures");
        signature = other;
    }
    if (!signature.data)
        return STATUS_OK;
    text_append(&c->manifest, "\"signature\":");
    json_write_string(&c->manifest, signature);
    text_append_char(&c->manifest, ',');
    return STATUS_OK;
}

static enum status stage_print(struct composing *c, const struct json *stage, bool alone,
                               struct error *err)
{
    const char *key = member(stage, "services") ? "services" : "modelVariants";
    const struct json *variants;

    TRY(list_member(stage, key, APPLICATION_VARIANTS_MAX, &variants, err));
    text_append_char(&c->manifest, '{');
    TRY(signature_print(c, variants, err));
    text_append(&c->manifest, "\"modelservices\":[");
    for (size_t v = 0; v < variants->count; v++) {
        text_append(&c->manifest, v ? "," : "");
        TRY(variant_print(c, &variants->items[v], alone && variants->count == 1, err));
    }
    text_append(&c->manifest, "]}");
    return STATUS_OK;
}

/* --- the whole --- */

static enum status metadata_print(struct composing *c, struct error *err)
{
    const struct json *metadata = member(&c->body, "metadata");
    struct bytes value;

    if (!metadata)
        return STATUS_OK;
    if (metadata->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "\"metadata\" is no object of strings");
    text_append(&c->manifest, ",\"metadata\":{");
    for (size_t i = 0; i < metadata->count; i++) {
        if (!json_string(&metadata->items[i], &value))
            return error_set(err, STATUS_INVALID_INPUT, "a value of \"metadata\" is no string");
        text_append(&c->manifest, i ? "," : "");
        json_write_string(&c->manifest, metadata->items[i].key);
        text_append_char(&c->manifest, ':');
        json_write_string(&c->manifest, value);
    }
    text_append_char(&c->manifest, '}');
    return STATUS_OK;
}

static enum status manifest_print(struct composing *c, struct error *err)
{
    const struct json *stages;

    TRY(list_member(member(&c->body, "executionGraph"), "stages", APPLICATION_STAGES_MAX, &stages,
                    err));
    text_append(&c->manifest, "{\"kind\":\"Application\",\"name\":");
    json_write_text(&c->manifest, c->name);
    TRY(metadata_print(c, err));
    text_append(&c->manifest, ",\"pipeline\":[");
    for (size_t s = 0; s < stages->count; s++) {
        text_append(&c->manifest, s ? "," : "");
        if (stage_print(c, &stages->items[s], stages->count == 1, err))
            return error_within(err, "stage %zu", s + 1);
    }
    text_append(&c->manifest, "]}");
    return text_check(&c->manifest, err);
}

/* The name, and whether there is such an application: an id says which one. */
static enum status target_find(struct composing *c, enum compose compose, struct error *err)
{
    const struct json *id = member(&c->body, "id");
    struct version newest;
    struct error missing;
    struct bytes name;
    int64_t number;
    bool found;

    if (!json_string(member(&c->body, "name"), &name))
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is no string");
    c->name = arena_text(request_arena(c->request), name);
    if (!c->name)
        return error_no_memory(err, "an application");
    found = !registry_resolve(c->registry, c->name, &newest, request_arena(c->request), &missing);
    if (!found && missing.status != STATUS_NOT_FOUND)
        return *err = missing, missing.status;
    found = found && hydrosphere_is_application(&newest);
    if (compose == COMPOSE_NEW && found)
        return error_set(err, STATUS_CONFLICT, "there is an application \"%s\" already", c->name);
    if (compose == COMPOSE_NEW)
        return STATUS_OK;
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no application \"%s\"", c->name);
    if (id && (!json_i64(id, &number) || number != newest.model_id))
        return error_set(err, STATUS_INVALID_INPUT,
                         "application \"%s\" has id %lld: it keeps its name and id", c->name,
                         (long long)newest.model_id);
    return STATUS_OK;
}

/* What was sent is kept too: firn has no use for all of it. */
static enum status request_keep(struct composing *c, const struct version *version,
                                struct error *err)
{
    struct record record = {.kind = HYDROSPHERE_APPLICATION,
                            .name = HYDROSPHERE_APPLICATION,
                            .version = version->id,
                            .body = arena_text(request_arena(c->request), c->request->body)};

    if (!record.body)
        return error_no_memory(err, "an application");
    return registry_record_put(c->registry, &record, (struct bytes){NULL, 0}, true, err);
}

static enum status compose_all(struct composing *c, enum compose compose, struct version *version,
                               struct error *err)
{
    const struct manifest_application *application;
    bool unchanged;

    TRY(target_find(c, compose, err));
    TRY(manifest_print(c, err));
    TRY(application_manifest(text_bytes(&c->manifest), "application", &application,
                             request_arena(c->request), err));
    TRY(application_add(c->registry, application, version, &unchanged, request_arena(c->request),
                        err));
    return request_keep(c, version, err);
}

/* Versions that are being built are waited for; a malformed graph is told of later. */
static enum status builds_wait(struct composing *c, struct error *err)
{
    const struct json *stages = member(member(&c->body, "executionGraph"), "stages");

    for (size_t s = 0; stages && stages->kind == JSON_ARRAY && s < stages->count; s++) {
        const char *key = member(&stages->items[s], "services") ? "services" : "modelVariants";
        const struct json *variants = member(&stages->items[s], key);

        for (size_t v = 0; variants && variants->kind == JSON_ARRAY && v < variants->count; v++) {
            int64_t id;

            if (!json_i64(member(&variants->items[v], "modelVersionId"), &id))
                continue;
            if (builds_await(c->request, id, err))
                return error_within(err, "stage %zu", s + 1);
            if (c->request->later != LATER_NO)
                return STATUS_OK;
        }
    }
    return STATUS_OK;
}

enum status hydrosphere_compose(struct request *request, enum compose compose,
                                struct version *version, struct error *err)
{
    struct composing c = {.request = request, .registry = request->server->registry};
    enum status status;

    if (!c.registry)
        return error_set(err, STATUS_UNAVAILABLE, "this server has no registry");
    TRY(hydrosphere_body(request, JSON_OBJECT, &c.body, err));
    TRY(builds_wait(&c, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    status = compose_all(&c, compose, version, err);
    text_release(&c.manifest);
    if (!status)
        models_refresh(request->server->models, false);
    return status;
}
