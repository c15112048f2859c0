// SPDX-License-Identifier: Apache-2.0
#include "images/standalone.h"

#include <stdio.h>
#include <unistd.h>

#include "formats/json/json.h"
#include "images/base.h"

#define SERVER_NAME "firn"
#define SERVER_BESIDE "firn-standalone"
#define TIME "1970-01-01T00:00:00Z"

void standalone_release(struct standalone *standalone)
{
    text_release(&standalone->server);
    text_release(&standalone->index);
    text_release(&standalone->config);
    text_release(&standalone->manifest);
}

static void label(struct text *text, const char *key, const char *value, const char *end)
{
    json_write_key(text, key);
    json_write_text(text, value);
    text_append(text, end);
}

static void variable(struct text *text, const char *name, const char *value)
{
    struct text line = {0};

    text_printf(&line, "%s=%s", name, value);
    text_append_char(text, ',');
    json_write_string(text, text_bytes(&line));
    text->failed = text->failed || line.failed;
    text_release(&line);
}

/* What the server inside knows of the version: server/models/image_root.h. */
static void environment(struct text *text, const struct version *version)
{
    struct text name = {0};

    text_printf(&name, "%s:%lld", version->model, (long long)version->number);
    variable(text, STANDALONE_VARIABLE, name.failed ? "" : name.data);
    variable(text, STANDALONE_VARIABLE "_FORMAT", version->format);
    variable(text, STANDALONE_VARIABLE "_FRAMEWORK", version->framework);
    variable(text, STANDALONE_VARIABLE "_FRAMEWORK_VERSION", version->framework_version);
    variable(text, STANDALONE_VARIABLE "_DIGEST", version->digest);
    text->failed = text->failed || name.failed;
    text_release(&name);
}

static void lists(const struct standalone *standalone, const struct standalone_wish *wish,
                  struct text *text)
{
    text_append(text, "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
    for (size_t i = 0; i < standalone->layer_count; i++)
        text_printf(text, "%s\"%s\"", i ? "," : "",
                    standalone->layers[i].unpacked ? standalone->layers[i].unpacked
                                                   : standalone->layers[i].digest);
    text_append(text, "]},\"history\":[");
    for (size_t i = 0; i < standalone->layer_count; i++)
        text_printf(text, "%s{\"created\":\"" TIME "\",\"created_by\":\"%s\"}", i ? "," : "",
                    i < standalone->base_count    ? "base image"
                    : i == standalone->base_count ? "firn server"
                    : wish->part_count            ? "firn store"
                                                  : "firn");
    text_append(text, "]");
}

/* The variables of the base image, and where its Python is. */
static void base_environment(const struct image_base *base, struct text *text)
{
    for (size_t i = 0; i < base->variable_count; i++) {
        text_append(text, i ? "," : "");
        json_write_text(text, base->variables[i]);
    }
    text_append(text, base->variable_count ? "," : "");
    text_append(text, "\"FIRN_PYTHON=/share/firn/python\"");
    variable(text, "FIRN_WORKER_ENVIRONMENT", base->prefix);
}

static enum status config_make(const struct standalone_wish *wish, const char *contract,
                               struct standalone *standalone, struct error *err)
{
    const struct version *version = wish->version;
    struct text *text = &standalone->config;

    text_append(text, "{\"created\":\"" TIME "\",\"architecture\":\"" STANDALONE_ARCHITECTURE "\","
                      "\"os\":\"linux\",\"config\":{\"User\":\"65532:65532\",\"ExposedPorts\":{"
                      "\"" STANDALONE_PORT "/tcp\":{}},\"Env\":[");
    if (wish->base)
        base_environment(wish->base, text);
    else
        text_append(text, "\"PATH=/\"");
    environment(text, version);
    text_append(text, "],\"Entrypoint\":[\"/" SERVER_NAME "\",\"serve\",\"--image-root\","
                      "\"" STANDALONE_ROOT "\",\"--http\",\"0.0.0.0:" STANDALONE_PORT "\"");
    text_append(text, wish->base ? ",\"--workers\",\"on\"" : "");
    text_append(text, "],"
                      "\"WorkingDir\":\"/\",\"StopSignal\":\"SIGTERM\",\"Labels\":{");
    label(text, LABEL_CONTRACT, contract, ",");
    label(text, LABEL_FORMAT, version->format, ",");
    label(text, LABEL_FRAMEWORK, version->framework, ",");
    label(text, LABEL_FRAMEWORK_VERSION, version->framework_version, ",");
    label(text, "io.firn.healthcheck", "/v2/health/ready", ",");
    label(text, "io.firn.healthcheck.live", "/v2/health/live", ",");
    if (wish->base)
        label(text, "org.opencontainers.image.base.digest", wish->base->image.digest, ",");
    if (wish->part_count)
        label(text, LABEL_STORE, "/" STANDALONE_STORE, ",");
    label(text, "io.firn.version.digest", version->digest, ",");
    text_printf(text, "\"io.firn.version\":\"%lld\",", (long long)version->number);
    text_printf(text, "\"org.opencontainers.image.version\":\"%lld\",", (long long)version->number);
    label(text, LABEL_TITLE, version->model, "}},");
    lists(standalone, wish, text);
    text_append(text, "}");
    return standalone_digest(text, standalone->config_digest, err);
}

static void descriptor(struct text *text, const char *type, const char *digest, int64_t size)
{
    text_printf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld}", type, digest,
                (long long)size);
}

static enum status manifest_make(const struct version *version, const char *contract,
                                 struct standalone *standalone, struct error *err)
{
    struct text *text = &standalone->manifest;

    text_append(text, "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_MANIFEST "\",\"config\":");
    descriptor(text, IMAGE_TYPE_CONFIG, standalone->config_digest,
               (int64_t)standalone->config.size);
    text_append(text, ",\"layers\":[");
    for (size_t i = 0; i < standalone->layer_count; i++) {
        const char *type = standalone->layers[i].type;
        text_append(text, i ? "," : "");
        descriptor(text, type && *type ? type : IMAGE_TYPE_LAYER, standalone->layers[i].digest,
                   standalone->layers[i].size);
    }
    text_append(text, "],\"annotations\":{");
    label(text, LABEL_CONTRACT, contract, ",");
    label(text, "io.firn.version.digest", version->digest, ",");
    label(text, LABEL_TITLE, version->model, "}}");
    return standalone_digest(text, standalone->manifest_digest, err);
}

/* The static server runs no framework's processes. */
static enum status native_check(const char *model, int64_t number, const char *reason,
                                struct error *err)
{
    enum status status;

    if (!reason)
        return STATUS_OK;
    status = error_set(err, STATUS_UNSUPPORTED, "%s:%lld cannot be served by a server alone: %s",
                       model, (long long)number, reason);
    error_fix(err, "--base names an image with the Python that it needs, on which it can stand");
    return status;
}

enum status standalone_make(const struct standalone_wish *wish, struct standalone *standalone,
                            struct arena *keep, struct error *err)
{
    const struct version *version = wish->version;
    struct text contract = {0};
    char digest[72];
    enum status status;

    *standalone = (struct standalone){0};
    if (!wish->base)
        TRY(native_check(version->model, version->number, version->reason, err));
    for (size_t i = 0; i < wish->part_count && !wish->base; i++)
        TRY(native_check(wish->parts[i].row.image.model, wish->parts[i].row.number,
                         wish->parts[i].row.image.reason, err));
    text_append(&contract, version->contract);
    status = standalone_digest(&contract, digest, err);
    text_release(&contract);
    TRY(status);
    TRY(standalone_layers(wish, standalone, keep, err));
    TRY(config_make(wish, digest, standalone, err));
    return manifest_make(version, digest, standalone, err);
}

enum status standalone_find(const char **server, struct arena *keep, struct error *err)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    enum status status;
    char *slash;

    path[size > 0 ? size : 0] = 0;
    slash = strrchr(path, '/');
    if (slash)
        slash[1] = 0;
    *server = arena_printf(keep, "%s" SERVER_BESIDE, path);
    if (!*server)
        return error_no_memory(err, "a path");
    if (access(*server, R_OK) == 0)
        return STATUS_OK;
    status = error_set(err, STATUS_NOT_FOUND, "there is no \"%s\", the static server", *server);
    error_fix(err, "`make standalone` builds it beside firn");
    return status;
}
