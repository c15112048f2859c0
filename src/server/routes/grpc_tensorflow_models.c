// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving's HandleReloadConfigRequest. There a configuration names folders to be
 * watched; here models are uploads, so what it can change are the labels of their versions:
 * aliases. It must not mean other models or versions than are served. */
#include <stdio.h>

#include "formats/protobuf.h"
#include "server/internal.h"
#include "server/stored.h"

enum { CONFIGS_MAX = 1000, LABELS_MAX = 1000 };

struct label {
    const char *model, *name;
    int64_t version;
};

struct reload {
    struct registry *registry;
    struct arena *arena;
    struct label *labels; /* (label_count,), of all models */
    size_t label_count, label_capacity, config_count;
};

struct model_config {
    const char *name, *base_path;
    struct version *versions; /* (version_count,) of the model, newest first */
    size_t version_count;
};

static bool has_version(const struct model_config *config, int64_t number)
{
    for (size_t i = 0; i < config->version_count; i++)
        if (config->versions[i].number == number)
            return true;
    return false;
}

static enum status no_version(const struct model_config *config, int64_t number, struct error *err)
{
    return error_set(err, STATUS_NOT_FOUND, "model '%.64s' has no version %lld", config->name,
                     (long long)number);
}

/* An entry of version_labels: {key 1, value 2}. */
static enum status label_read(struct reload *reload, const struct model_config *config,
                              struct protobuf entry, struct error *err)
{
    struct protobuf_field key, value;
    struct label *label;

    TRY(protobuf_entry(entry, &key, &value, err));
    if (reload->label_count == LABELS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d labels", LABELS_MAX);
    if (!ARENA_GROW(reload->arena, reload->labels, reload->label_count, reload->label_capacity))
        return error_no_memory(err, "labels");
    label = &reload->labels[reload->label_count++];
    *label = (struct label){.model = config->name};
    TRY(protobuf_text(&key, &label->name, reload->arena, err));
    if (value.wire == PROTOBUF_VARINT)
        TRY(protobuf_i64(&value, &label->version, err));
    return has_version(config, label->version) ? STATUS_OK
                                               : no_version(config, label->version, err);
}

/* Specific {versions 1}: the newest must be among them, for the plain name means it. */
static enum status specific_check(const struct model_config *config, struct protobuf specific,
                                  struct arena *arena, struct error *err)
{
    bool newest = false;
    int64_t *numbers;
    size_t count;

    TRY(protobuf_all_i64(&specific, 1, &numbers, &count, arena, err));
    for (size_t i = 0; i < count; i++) {
        if (!has_version(config, numbers[i]))
            return no_version(config, numbers[i], err);
        newest = newest || numbers[i] == config->versions[0].number;
    }
    if (newest)
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED,
                     "the name '%.64s' serves the newest version, %lld, which model_version_policy "
                     "leaves out; name the others by number or label",
                     config->name, (long long)config->versions[0].number);
}

/* ServableVersionPolicy {latest 100 | all 101 | specific 102} */
static enum status policy_check(const struct model_config *config, struct protobuf policy,
                                struct arena *arena, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    for (;;) {
        TRY(protobuf_next(&policy, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 102)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(specific_check(config, inner, arena, err));
    }
}

static enum status names_read(struct protobuf message, struct model_config *config,
                              struct arena *arena, struct error *err)
{
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return *config->name ? STATUS_OK
                                 : error_set(err, STATUS_INVALID_INPUT, "a model has no name");
        if (field.number == 1)
            TRY(protobuf_text(&field, &config->name, arena, err));
        if (field.number == 2)
            TRY(protobuf_text(&field, &config->base_path, arena, err));
    }
}

/* ModelConfig {name 1, base_path 2, model_version_policy 7, map version_labels 8} */
static enum status config_read(struct reload *reload, struct protobuf message, struct error *err)
{
    struct model_config config = {"", "", NULL, 0};
    struct protobuf_field field;
    struct protobuf inner;

    TRY(names_read(message, &config, reload->arena, err));
    if (registry_list(reload->registry, config.name, &config.versions, &config.version_count,
                      reload->arena, err)) {
        if (err->status == STATUS_NOT_FOUND && *config.base_path)
            error_fix(err, "upload it: firn upload %.64s --name %.64s", config.base_path,
                      config.name);
        return err->status;
    }
    if (!config.version_count)
        return error_set(err, STATUS_NOT_FOUND, "model '%.64s' has no versions", config.name);
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 7 && field.number != 8)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(field.number == 7 ? policy_check(&config, inner, reload->arena, err)
                              : label_read(reload, &config, inner, err));
    }
}

/* ModelConfigList {config 1} */
static enum status list_read(struct reload *reload, struct protobuf list, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    for (;;) {
        TRY(protobuf_next(&list, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        if (++reload->config_count > CONFIGS_MAX)
            return error_set(err, STATUS_TOO_LARGE, "more than %d models", CONFIGS_MAX);
        TRY(protobuf_message(&field, &inner, err));
        TRY(config_read(reload, inner, err));
    }
}

/* ModelServerConfig {model_config_list 1 | custom_model_config 2} */
static enum status server_config_read(struct reload *reload, struct protobuf config,
                                      struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    for (;;) {
        TRY(protobuf_next(&config, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            return error_set(err, STATUS_INVALID_INPUT,
                             "only model_config_list is supported as configuration");
        TRY(protobuf_message(&field, &inner, err));
        TRY(list_read(reload, inner, err));
    }
}

/* {config 1, metric_names 2} -> {status 1 {error_code 1, error_message 2}, metric 2} */
static enum status reload_config(struct request *request, struct response *response,
                                 struct error *err)
{
    struct reload reload = {.arena = request_arena(request)};
    struct protobuf message = protobuf_over(request->body), inner;
    struct protobuf_field field;

    TRY(stored_registry(request, &reload.registry, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number != 1)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(server_config_read(&reload, inner, err));
    }
    if (!reload.config_count)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the configuration has no models; what is not served any more is deleted "
                         "or unloaded by name");
    for (size_t i = 0; i < reload.label_count; i++) /* all of them are there: see above */
        TRY(registry_alias(reload.registry, reload.labels[i].model, reload.labels[i].name,
                           reload.labels[i].version, -1, err));
    models_refresh(request->server->models, false);
    protobuf_write_end(&response->body, 1, protobuf_write_begin(&response->body));
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/tensorflow.serving.ModelService/HandleReloadConfigRequest", reload_config,
     "set the labels of versions", ROUTE_GRPC | ROUTE_CONTROL},
};

const struct route_set routes_grpc_tensorflow_models = {
    .name = "grpc_tensorflow_models",
    .summary = "gRPC: TensorFlow Serving, labels",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
