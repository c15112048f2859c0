// SPDX-License-Identifier: Apache-2.0
/* What is stored of an application: a manifest again, as JSON, with every model resolved:
 *
 *   {"kind":"Application","name":"both","pipeline":[{"signature":"predict","modelservices":[
 *     {"model":"iris:3","weight":100,"shadow":false,"digest":"sha256:..."}]}]} */
#include "applications/application.h"
#include "base/text.h"
#include "contract/adapters.h"
#include "formats/json/json.h"

/* --- parts --- */

static enum status part_find(struct application *application, const struct version *version,
                             struct application_variant *variant, struct arena *keep,
                             struct error *err)
{
    struct application_part *part;

    for (size_t i = 0; i < application->part_count; i++) {
        part = &application->parts[i];
        variant->part = i;
        if (!strcmp(part->version.model, version->model) && part->version.number == version->number)
            return STATUS_OK;
    }
    if (version->reason && !adapter_serves(version->format, version->reason))
        return error_set(err, STATUS_UNSUPPORTED, "%s:%lld cannot be served: %s", version->model,
                         (long long)version->number, version->reason);
    if (!strcmp(version->format, APPLICATION_FORMAT))
        return error_set(err, STATUS_UNSUPPORTED, "%s is an application, not a model",
                         version->model);
    variant->part = application->part_count;
    part = &application->parts[application->part_count++];
    part->version = *version;
    return contract_parse_json(bytes_of(version->contract), &part->contract, keep, err);
}

/* Room for the parts of all variants. */
static enum status parts_room(struct application *application, struct arena *keep,
                              struct error *err)
{
    size_t count = 0;

    for (size_t s = 0; s < application->stage_count; s++)
        count += application->stages[s].variant_count;
    application->parts = arena_new(keep, struct application_part, count);
    return application->parts ? STATUS_OK : error_no_memory(err, "an application");
}

static enum status variant_resolve(struct registry *registry, struct application *application,
                                   const char *reference, struct application_variant *variant,
                                   struct arena *keep, struct error *err)
{
    struct version version;

    TRY(registry_resolve(registry, reference, &version, keep, err));
    if (variant->digest && strcmp(variant->digest, version.digest))
        return error_set(err, STATUS_CONFLICT, "%s is no longer what it was: %s, not %s", reference,
                         version.digest, variant->digest);
    variant->model = version.model;
    variant->number = version.number;
    variant->digest = version.digest;
    return part_find(application, &version, variant, keep, err);
}

/* --- from a manifest --- */

static enum status stage_resolve(struct registry *registry, struct application *application,
                                 const struct manifest_stage *from, struct application_stage *stage,
                                 struct arena *keep, struct error *err)
{
    for (size_t v = 0; v < from->variant_count; v++) {
        const struct manifest_variant *variant = &from->variants[v];

        stage->variants[v] = (struct application_variant){
            .weight = variant->weight, .shadow = variant->shadow, .digest = variant->digest};
        TRY(variant_resolve(registry, application, variant->model, &stage->variants[v], keep, err));
    }
    return STATUS_OK;
}

enum status application_resolve(struct registry *registry, const struct manifest_application *from,
                                struct application *application, struct arena *keep,
                                struct error *err)
{
    *application = (struct application){.name = from->name,
                                        .stage_count = from->stage_count,
                                        .sticky_header = from->sticky_header,
                                        .sticky_field = from->sticky_field,
                                        .metadata = from->metadata,
                                        .metadata_count = from->metadata_count};
    if (!from->stage_count)
        return error_set(err, STATUS_INVALID_INPUT, "an application needs a stage");
    application->stages = arena_new(keep, struct application_stage, from->stage_count);
    if (!application->stages)
        return error_no_memory(err, "an application");
    for (size_t s = 0; s < from->stage_count; s++) {
        struct application_stage *stage = &application->stages[s];

        if (!from->stages[s].variant_count)
            return error_set(err, STATUS_INVALID_INPUT, "stage %zu names no model", s + 1);
        stage->signature = from->stages[s].signature;
        stage->variant_count = from->stages[s].variant_count;
        stage->variants = arena_new(keep, struct application_variant, stage->variant_count);
        if (!stage->variants)
            return error_no_memory(err, "an application");
    }
    TRY(parts_room(application, keep, err));
    for (size_t s = 0; s < from->stage_count; s++)
        if (stage_resolve(registry, application, &from->stages[s], &application->stages[s], keep,
                          err))
            return error_within(err, "stage %zu", s + 1);
    return STATUS_OK;
}

/* --- as JSON --- */

static void variant_print(const struct application_variant *variant, struct text *json)
{
    text_append(json, "{\"model\":\"");
    text_printf(json, "%s:%lld\",\"weight\":%lld,\"shadow\":%s,\"digest\":", variant->model,
                (long long)variant->number, (long long)variant->weight,
                variant->shadow ? "true" : "false");
    json_write_text(json, variant->digest);
    text_append(json, "}");
}

/* {"name":value,...}; what is NULL is left out, and all of it when everything is. */
static void pairs_print(const char *key, const struct manifest_pair *pairs, size_t count,
                        struct text *json)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!pairs[i].value)
            continue;
        if (!any) {
            text_append(json, ",");
            json_write_key(json, key);
        }
        text_append(json, any ? "," : "{");
        json_write_key(json, pairs[i].key);
        json_write_text(json, pairs[i].value);
        any = true;
    }
    text_append(json, any ? "}" : "");
}

void application_print(const struct application *application, struct text *json)
{
    const struct manifest_pair sticky[] = {{"header", application->sticky_header},
                                           {"field", application->sticky_field}};

    text_append(json, "{\"kind\":\"Application\",\"name\":");
    json_write_text(json, application->name);
    pairs_print("sticky", sticky, ARRAY_COUNT(sticky), json);
    pairs_print("metadata", application->metadata, application->metadata_count, json);
    text_append(json, ",\"pipeline\":[");
    for (size_t s = 0; s < application->stage_count; s++) {
        const struct application_stage *stage = &application->stages[s];

        text_append(json, s ? ",{" : "{");
        if (stage->signature) {
            text_append(json, "\"signature\":");
            json_write_text(json, stage->signature);
            text_append(json, ",");
        }
        text_append(json, "\"modelservices\":[");
        for (size_t v = 0; v < stage->variant_count; v++) {
            text_append(json, v ? "," : "");
            variant_print(&stage->variants[v], json);
        }
        text_append(json, "]}");
    }
    text_append(json, "]}\n");
}

enum status application_parse(struct registry *registry, struct bytes manifest,
                              struct application *application, struct arena *keep,
                              struct error *err)
{
    const struct manifest_application *from;

    TRY(application_manifest(manifest, "application.json", &from, keep, err));
    return application_resolve(registry, from, application, keep, err);
}

enum status application_manifest(struct bytes manifest, const char *file_name,
                                 const struct manifest_application **application,
                                 struct arena *keep, struct error *err)
{
    struct manifests manifests;

    TRY(manifests_parse(manifest, file_name, &manifests, keep, err));
    TRY(manifests_check(&manifests, file_name, err));
    if (manifests.count != 1 || !manifests.documents[0].application)
        return error_set(err, STATUS_INVALID_INPUT, "%s is not one document of kind Application",
                         file_name);
    *application = manifests.documents[0].application;
    return STATUS_OK;
}
