// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/upload.h"

#include <stdio.h>

#include "base/number.h"
#include "contract/hydrosphere.h"
#include "formats/protobuf.h"
#include "loading/load.h"
#include "server/internal.h"

enum { PAIRS_MAX = 10000 };

/* --- what a client says --- */

static const struct json *member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, name);

    return value && value->kind == JSON_NULL ? NULL : value;
}

/* A member that is a text or not there. */
static enum status text_member(const struct json *object, const char *name, const char **text,
                               struct arena *keep, struct error *err)
{
    const struct json *value = member(object, name);
    struct bytes string;

    if (!value)
        return STATUS_OK;
    if (!json_string(value, &string) || memchr(string.data, 0, string.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is %s, not a string", name,
                         json_kind_name(value->kind));
    *text = arena_text(keep, string);
    return *text ? STATUS_OK : error_no_memory(err, "an upload");
}

/* {"name", "tag", "sha256"} as "name:tag@sha256:..." */
static enum status runtime_read(const struct json *value, struct hydrosphere_upload *upload,
                                struct arena *keep, struct error *err)
{
    const char *name = NULL, *tag = NULL, *sha = NULL;

    if (!value)
        return STATUS_OK;
    if (value->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "\"runtime\" is %s, not {\"name\", \"tag\"}",
                         json_kind_name(value->kind));
    TRY(text_member(value, "name", &name, keep, err));
    TRY(text_member(value, "tag", &tag, keep, err));
    TRY(text_member(value, "sha256", &sha, keep, err));
    if (!name || !*name)
        return error_set(err, STATUS_INVALID_INPUT, "\"runtime\" has no name");
    upload->runtime = arena_printf(keep, "%s%s%s%s%s", name, tag && *tag ? ":" : "", tag ? tag : "",
                                   sha && *sha ? "@" : "", sha ? sha : "");
    return upload->runtime ? STATUS_OK : error_no_memory(err, "an upload");
}

static enum status metadata_read(const struct json *value, struct hydrosphere_upload *upload,
                                 struct arena *keep, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (!value)
        return STATUS_OK;
    if (value->kind != JSON_OBJECT || value->count > PAIRS_MAX)
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"metadata\" is no object of at most %d strings", PAIRS_MAX);
    upload->metadata = arena_new(keep, struct manifest_pair, value->count);
    if (!upload->metadata)
        return error_no_memory(err, "an upload");
    for (size_t i = 0; i < value->count; i++) {
        struct manifest_pair *pair = &upload->metadata[i];
        struct bytes string;

        if (!json_string(&value->items[i], &string) || memchr(string.data, 0, string.size))
            return error_set(err, STATUS_INVALID_INPUT,
                             "\"%s\" of \"metadata\" is %s, not a string",
                             text_quote(value->items[i].key, quoted, sizeof quoted),
                             json_kind_name(value->items[i].kind));
        pair->key = arena_text(keep, value->items[i].key);
        pair->value = arena_text(keep, string);
        if (!pair->key || !pair->value)
            return error_no_memory(err, "an upload");
    }
    upload->metadata_count = value->count;
    return STATUS_OK;
}

static enum status batch_read(const struct json *value, int64_t *batch, struct error *err)
{
    const struct json *size = member(value, "batchSize");

    size = size ? size : member(value, "batch_size"); /* as hs 2.4 writes it */
    if (!value || (value->kind == JSON_OBJECT && !size))
        return STATUS_OK;
    if (!json_i64(size, batch) || *batch < 1)
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"batchSize\" of the monitoring configuration is no positive number");
    return STATUS_OK;
}

/* Each generation has another key for it. */
static enum status contract_read(const struct json *value, struct hydrosphere_upload *upload,
                                 struct arena *keep, struct error *err)
{
    static const char *const KEYS[] = {"modelSignature", "signature", "contract"};

    for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++) {
        const struct json *given = member(value, KEYS[i]);

        if (given)
            return hydrosphere_contract_json(given, KEYS[i], &upload->contract, keep, err);
    }
    return STATUS_OK;
}

/* What is not understood is told and not lost silently. */
static void unknown_keys(const struct json *value, struct text *log)
{
    static const char *const KNOWN[] = {"name",
                                        "runtime",
                                        "modelSignature",
                                        "signature",
                                        "contract",
                                        "installCommand",
                                        "metadata",
                                        "monitoringConfiguration",
                                        "monitoring_configuration"};
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < value->count; i++) {
        bool known = value->items[i].kind == JSON_NULL;

        for (size_t k = 0; k < ARRAY_COUNT(KNOWN); k++)
            known = known || bytes_is(value->items[i].key, KNOWN[k]);
        if (!known)
            text_printf(log, "note: \"%s\" of the metadata is not used\n",
                        text_quote(value->items[i].key, quoted, sizeof quoted));
    }
}

enum status hydrosphere_upload_json(struct bytes json, struct hydrosphere_upload *upload,
                                    struct arena *keep, struct error *err)
{
    const struct json *monitoring;
    struct json value;

    if (json_parse(json, 0, &value, keep, err))
        return error_within(err, "metadata");
    if (value.kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "metadata is %s, not an object",
                         json_kind_name(value.kind));
    TRY(text_member(&value, "name", &upload->name, keep, err));
    if (!upload->name)
        return error_set(err, STATUS_INVALID_INPUT, "metadata has no \"name\"");
    TRY(text_member(&value, "installCommand", &upload->install_command, keep, err));
    TRY(runtime_read(member(&value, "runtime"), upload, keep, err));
    TRY(metadata_read(member(&value, "metadata"), upload, keep, err));
    monitoring = member(&value, "monitoringConfiguration");
    monitoring = monitoring ? monitoring : member(&value, "monitoring_configuration");
    TRY(batch_read(monitoring, &upload->monitoring_batch, err));
    TRY(contract_read(&value, upload, keep, err));
    unknown_keys(&value, &upload->log);
    return STATUS_OK;
}

/* --- as a manifest --- */

static void line(struct text *yaml, const char *key, const char *value)
{
    if (!value)
        return;
    text_printf(yaml, "%s: ", key);
    json_write_text(yaml, value);
    text_append_char(yaml, '\n');
}

void hydrosphere_upload_manifest(const struct hydrosphere_upload *upload, struct text *yaml)
{
    text_append(yaml, "kind: Model\n");
    line(yaml, "name", upload->name);
    line(yaml, "description", upload->description);
    line(yaml, "model-type", upload->model_type);
    line(yaml, "runtime", upload->runtime);
    line(yaml, "install-command", upload->install_command);
    text_append(yaml, upload->metadata_count ? "metadata:\n" : "");
    for (size_t i = 0; i < upload->metadata_count; i++) {
        text_append(yaml, "  ");
        json_write_text(yaml, upload->metadata[i].key);
        text_append(yaml, ": ");
        json_write_text(yaml, upload->metadata[i].value);
        text_append_char(yaml, '\n');
    }
    if (upload->monitoring_batch)
        text_printf(yaml, "monitoring-configuration:\n  batch-size: %lld\n",
                    (long long)upload->monitoring_batch);
    if (upload->contract.count)
        contract_print_yaml(&upload->contract, yaml);
}

/* --- the contract among the files --- */

static enum status contract_of_manifest(struct artifact *artifact,
                                        struct hydrosphere_upload *upload, struct arena *keep,
                                        struct error *err)
{
    struct member *member = artifact_find(artifact, MANIFEST_NAME);
    struct manifest manifest;
    struct bytes bytes;

    if (!member)
        return STATUS_OK;
    TRY(member_bytes(member, &bytes, err));
    TRY(manifest_parse(bytes, MANIFEST_NAME, &manifest, keep, err));
    upload->contract = manifest.contract;
    upload->name = upload->name ? upload->name : manifest.name;
    upload->model_type = upload->model_type ? upload->model_type : manifest.model_type;
    if (manifest.contract.count)
        text_append(&upload->log, "contract: " MANIFEST_NAME " among the files declares one\n");
    return STATUS_OK;
}

/* A ModelContract and a ModelSignature look alike but for outputs, which only the latter has. */
static bool is_signature(struct bytes message)
{
    struct protobuf reader = protobuf_over(message);
    struct protobuf_field field = {.number = 1};
    struct error ignored;

    while (field.number && !protobuf_next(&reader, &field, &ignored))
        if (field.number == 3)
            return true;
    return false;
}

static enum status contract_among_files(struct artifact *artifact,
                                        struct hydrosphere_upload *upload, struct arena *keep,
                                        struct error *err)
{
    static const char NAME[] = "contract.protobin";
    struct member *member = artifact_find(artifact, NAME);
    struct bytes bytes;

    if (artifact->kind == ARTIFACT_FILE || upload->contract.count)
        return STATUS_OK;
    if (!member)
        return contract_of_manifest(artifact, upload, keep, err);
    TRY(member_bytes(member, &bytes, err));
    TRY(hydrosphere_contract_protobuf(bytes, is_signature(bytes), NAME, &upload->contract, keep,
                                      err));
    text_printf(&upload->log, "contract: %s among the files holds one\n", NAME);
    return STATUS_OK;
}

/* --- freezing --- */

enum status hydrosphere_upload_load(struct artifact *artifact, struct hydrosphere_upload *upload,
                                    struct loading *loading, struct arena *keep, struct error *err)
{
    struct text yaml = {0};
    enum status status = contract_among_files(artifact, upload, keep, err);

    if (!status) {
        hydrosphere_upload_manifest(upload, &yaml);
        status = text_check(&yaml, err);
    }
    if (!status)
        status = load_artifact(artifact, text_bytes(&yaml), MANIFEST_NAME, loading, err);
    else
        artifact_close(artifact);
    text_release(&yaml);
    return status;
}

/* The manifest is the payload. */
static enum status external_add(struct request *request, struct hydrosphere_upload *upload,
                                const char *yaml, const char *contract, struct version *version,
                                struct error *err)
{
    const struct record record = {
        .kind = LOAD_LOG, .name = LOAD_LOG, .body = "an external model: no files\n"};
    struct version_upload adding = {
        .model = upload->name,
        .format = EXTERNAL_FORMAT,
        .contract = contract,
        .manifest = yaml,
        .reason = "an external model: it answers elsewhere, its contract is kept here",
        .records = &record,
        .record_count = 1,
    };
    bool unchanged;
    enum status status;

    TRY(artifact_open_bytes(bytes_of(yaml), MANIFEST_NAME, NULL, &adding.artifact, err));
    status = registry_add(request->server->registry, &adding, version, &unchanged,
                          request_arena(request), err);
    artifact_close(adding.artifact);
    return status;
}

enum status hydrosphere_upload_external(struct request *request, struct hydrosphere_upload *upload,
                                        struct version *version, struct error *err)
{
    struct text yaml = {0}, contract = {0};
    enum status status;

    if (!upload->contract.count)
        return error_set(err, STATUS_INVALID_INPUT, "an external model has no \"signature\"");
    hydrosphere_upload_manifest(upload, &yaml);
    contract_print_json(&upload->contract, &contract);
    status = text_check(&yaml, err);
    if (!status)
        status = text_check(&contract, err);
    if (!status)
        status = external_add(request, upload, yaml.data, contract.data, version, err);
    text_release(&yaml);
    text_release(&contract);
    if (!status)
        models_refresh(request->server->models, false);
    return status;
}
