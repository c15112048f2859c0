// SPDX-License-Identifier: Apache-2.0
#include "registry/frozen.h"

#include "base/number.h"
#include "formats/json/json.h"
#include "registry/internal.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"

/* What a row says, as annotations: texts, then numbers. */
static const struct {
    const char *key;
    size_t offset; /* in struct incoming_image */
    bool digest, optional;
} TEXTS[] = {
    {"io.firn.model", offsetof(struct incoming_image, model), false, false},
    {"io.firn.config", offsetof(struct incoming_image, config_digest), true, false},
    {"io.firn.layer", offsetof(struct incoming_image, layer_digest), true, false},
    {LABEL_FORMAT, offsetof(struct incoming_image, format), false, false},
    {LABEL_FRAMEWORK, offsetof(struct incoming_image, framework), false, false},
    {LABEL_FRAMEWORK_VERSION, offsetof(struct incoming_image, framework_version), false, false},
    {"io.firn.reason", offsetof(struct incoming_image, reason), false, true},
};
static const struct {
    const char *key;
    size_t offset;
} NUMBERS[] = {
    {"io.firn.config.bytes", offsetof(struct incoming_image, config_bytes)},
    {"io.firn.layer.bytes", offsetof(struct incoming_image, layer_bytes)},
    {"io.firn.payload.bytes", offsetof(struct incoming_image, payload_bytes)},
};

static const char **text_at(const struct incoming_image *image, size_t offset)
{
    return (const char **)((uintptr_t)image + offset);
}

static int64_t *number_at(const struct incoming_image *image, size_t offset)
{
    return (int64_t *)((uintptr_t)image + offset);
}

/* --- writing --- */

static void row_print(const struct frozen *row, struct text *json)
{
    const struct incoming_image *image = &row->image;

    text_printf(json,
                "{\"mediaType\":\"" TYPE_MANIFEST "\",\"digest\":\"%s\",\"size\":%lld,"
                "\"annotations\":{\"" REF_NAME "\":\"%s:%lld\"",
                image->manifest_digest, (long long)image->manifest_bytes, image->model,
                (long long)row->number);
    for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
        const char *value = *text_at(image, TEXTS[i].offset);
        if (!value)
            continue;
        text_append_char(json, ',');
        json_write_key(json, TEXTS[i].key);
        json_write_text(json, value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(NUMBERS); i++)
        text_printf(json, ",\"%s\":\"%lld\"", NUMBERS[i].key,
                    (long long)*number_at(image, NUMBERS[i].offset));
    text_printf(json, ",\"io.firn.version\":\"%lld\",\"io.firn.single\":\"%s\"}}",
                (long long)row->number, image->single ? "true" : "false");
}

void frozen_print(const struct frozen *versions, size_t count, struct text *json)
{
    text_append(json, "{\"schemaVersion\":2,\"mediaType\":\"" TYPE_INDEX "\",\"manifests\":[");
    for (size_t i = 0; i < count; i++) {
        text_append(json, i ? "," : "");
        row_print(&versions[i], json);
    }
    text_append(json, "]}");
}

/* --- reading --- */

static enum status text_read(const struct json *object, const char *key, bool optional,
                             const char **text, struct arena *keep, struct error *err)
{
    struct bytes string;

    if (optional && !json_get(object, key))
        return STATUS_OK;
    if (!json_string(json_get(object, key), &string) ||
        memchr(string.data ? string.data : (const uint8_t *)"", 0, string.size))
        return error_set(err, STATUS_INVALID_INPUT, "it has no text \"%s\"", key);
    *text = arena_text(keep, string);
    return *text ? STATUS_OK : error_no_memory(err, "a version");
}

static enum status digest_read(const struct json *object, const char *key, const char **digest,
                               struct arena *keep, struct error *err)
{
    TRY(text_read(object, key, false, digest, keep, err));
    return blob_digest_is(*digest)
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "its \"%s\" is no sha256 digest", key);
}

static enum status number_read(const struct json *object, const char *key, int64_t least,
                               int64_t *number, struct error *err)
{
    struct bytes string;

    if (json_string(json_get(object, key), &string) && number_i64_from_text(string, number) &&
        *number >= least)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "it has no number \"%s\"", key);
}

static enum status row_parse(const struct json *entry, struct frozen *row, struct arena *keep,
                             struct error *err)
{
    const struct json *said = json_get(entry, "annotations");
    struct incoming_image *image = &row->image;
    const char *single = "";

    TRY(digest_read(entry, "digest", &image->manifest_digest, keep, err));
    if (!json_i64(json_get(entry, "size"), &image->manifest_bytes) || image->manifest_bytes < 0)
        return error_set(err, STATUS_INVALID_INPUT, "it has no size");
    for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
        const char **text = text_at(image, TEXTS[i].offset);
        if (TEXTS[i].digest)
            TRY(digest_read(said, TEXTS[i].key, text, keep, err));
        else
            TRY(text_read(said, TEXTS[i].key, TEXTS[i].optional, text, keep, err));
    }
    for (size_t i = 0; i < ARRAY_COUNT(NUMBERS); i++)
        TRY(number_read(said, NUMBERS[i].key, 0, number_at(image, NUMBERS[i].offset), err));
    TRY(number_read(said, "io.firn.version", 1, &row->number, err));
    TRY(text_read(said, "io.firn.single", false, &single, keep, err));
    image->single = strcmp(single, "true") == 0;
    return registry_model_check(image->model, err);
}

static enum status rows_parse(const struct json *list, struct frozen **versions, size_t *count,
                              struct arena *keep, struct error *err)
{
    if (!list || list->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "it lists no versions");
    if (list->count > FROZEN_VERSIONS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu versions, more than %d", list->count,
                         FROZEN_VERSIONS_MAX);
    *versions = arena_new(keep, struct frozen, list->count);
    if (!*versions)
        return error_no_memory(err, "versions");
    for (size_t i = 0; i < list->count; i++) {
        struct frozen *row = &(*versions)[i];
        if (row_parse(&list->items[i], row, keep, err))
            return error_within(err, "version %zu of it", i + 1);
        for (size_t k = 0; k < i; k++)
            if (row->number == (*versions)[k].number &&
                !strcmp(row->image.model, (*versions)[k].image.model))
                return error_set(err, STATUS_INVALID_INPUT, "it has %s:%lld twice",
                                 row->image.model, (long long)row->number);
    }
    *count = list->count;
    return STATUS_OK;
}

enum status frozen_parse(struct bytes text, struct frozen **versions, size_t *count,
                         struct arena *keep, struct error *err)
{
    struct json json;
    enum status status = STATUS_OK;

    *versions = NULL;
    *count = 0;
    if (text.size > FROZEN_INDEX_MAX)
        status = error_set(err, STATUS_TOO_LARGE, "it has %zu bytes, more than %d", text.size,
                           FROZEN_INDEX_MAX);
    if (!status)
        status = json_parse(text, 0, &json, keep, err);
    if (!status)
        status = rows_parse(json_get(&json, "manifests"), versions, count, keep, err);
    return status ? error_within(err, "the frozen store's index.json") : STATUS_OK;
}
