// SPDX-License-Identifier: Apache-2.0
#include "images/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "formats/json/json.h"
#include "images/reference.h"

enum { TYPE_BYTES_MAX = 255, LABEL_BYTES_MAX = 1 << 20 };

static enum status object_parse(struct bytes bytes, size_t most, struct json *value,
                                struct arena *keep, struct error *err)
{
    if (bytes.size > most)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu bytes, more than %zu", bytes.size,
                         most);
    TRY(json_parse(bytes, 0, value, keep, err));
    return value->kind == JSON_OBJECT
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "it is %s, not an object",
                           json_kind_name(value->kind));
}

static enum status text_keep(struct bytes string, const char **text, struct arena *keep,
                             struct error *err)
{
    *text = arena_text(keep, string);
    return *text ? STATUS_OK : error_no_memory(err, "an image");
}

static enum status descriptor_parse(const struct json *value, const char *what, int64_t most,
                                    struct image_descriptor *descriptor, struct arena *keep,
                                    struct error *err)
{
    struct bytes type = {NULL, 0}, digest;
    char quoted[TEXT_QUOTE_SIZE];

    if (!value || value->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "%s is not described", what);
    if (!json_string(json_get(value, "digest"), &digest))
        return error_set(err, STATUS_INVALID_INPUT, "%s has no digest", what);
    if (!image_digest_is(digest))
        return error_set(err, STATUS_INVALID_INPUT, "%s has digest \"%s\", which is no sha256",
                         what, text_quote(digest, quoted, sizeof quoted));
    if (!json_i64(json_get(value, "size"), &descriptor->size) || descriptor->size < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%s has no size", what);
    if (descriptor->size > most)
        return error_set(err, STATUS_TOO_LARGE, "%s has %lld bytes, more than %lld", what,
                         (long long)descriptor->size, (long long)most);
    json_string(json_get(value, "mediaType"), &type);
    if (type.size > TYPE_BYTES_MAX ||
        memchr(type.data ? type.data : (const uint8_t *)"", 0, type.size))
        return error_set(err, STATUS_INVALID_INPUT, "%s has a media type that is none", what);
    TRY(text_keep(digest, &descriptor->digest, keep, err));
    return text_keep(type.data ? type : bytes_of(""), &descriptor->type, keep, err);
}

static bool string_is(const struct json *value, const char *want)
{
    struct bytes string;

    return json_string(value, &string) && bytes_is(string, want);
}

/* How well an entry of an index suits this machine; 0: not at all. */
static int suits(const struct json *entry)
{
    const struct json *platform = json_get(entry, "platform");

    if (!platform)
        return 1;
    if (!string_is(json_get(platform, "os"), "linux"))
        return 0;
#if defined(__x86_64__)
    return string_is(json_get(platform, "architecture"), "amd64") ? 3 : 2;
#else
    return string_is(json_get(platform, "architecture"), "arm64") ? 3 : 2;
#endif
}

/* Models are the same everywhere: another platform's image does when there is none of ours. */
static enum status index_parse(const struct json *list, struct image_manifest *manifest,
                               struct arena *keep, struct error *err)
{
    if (list->count > IMAGE_PLATFORMS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the index has %zu entries, more than %d",
                         list->count, IMAGE_PLATFORMS_MAX);
    manifest->platforms = arena_new(keep, struct image_descriptor, list->count);
    if (!manifest->platforms)
        return error_no_memory(err, "an index");
    for (int want = 3; want > 0; want--)
        for (size_t i = 0; i < list->count; i++)
            if (suits(&list->items[i]) == want)
                TRY(descriptor_parse(&list->items[i], "an entry of the index", IMAGE_MANIFEST_MAX,
                                     &manifest->platforms[manifest->platform_count++], keep, err));
    return manifest->platform_count
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "the index has no image for Linux");
}

static enum status layers_parse(const struct json *list, struct image_manifest *manifest,
                                struct arena *keep, struct error *err)
{
    char what[32];

    if (!list || list->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "it has no list of layers");
    if (list->count > IMAGE_LAYERS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu layers, more than %d", list->count,
                         IMAGE_LAYERS_MAX);
    manifest->layers = arena_new(keep, struct image_descriptor, list->count);
    if (!manifest->layers)
        return error_no_memory(err, "layers");
    manifest->layer_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        snprintf(what, sizeof what, "layer %zu", i + 1);
        TRY(descriptor_parse(&list->items[i], what, IMAGE_LAYER_BYTES_MAX, &manifest->layers[i],
                             keep, err));
    }
    return STATUS_OK;
}

enum status image_manifest_parse(struct bytes bytes, struct image_manifest *manifest,
                                 struct arena *keep, struct error *err)
{
    const struct json *list;
    struct json value;
    int64_t version;

    *manifest = (struct image_manifest){0};
    TRY(object_parse(bytes, IMAGE_MANIFEST_MAX, &value, keep, err));
    if (!json_i64(json_get(&value, "schemaVersion"), &version) || version != 2)
        return error_set(err, STATUS_UNSUPPORTED, "it is no image manifest of schema version 2");
    list = json_get(&value, "manifests");
    if (list && list->kind == JSON_ARRAY)
        return index_parse(list, manifest, keep, err);
    TRY(descriptor_parse(json_get(&value, "config"), "the configuration", IMAGE_CONFIG_MAX,
                         &manifest->config, keep, err));
    return layers_parse(json_get(&value, "layers"), manifest, keep, err);
}

static enum status labels_parse(const struct json *labels, struct image_config *config,
                                struct arena *keep, struct error *err)
{
    struct bytes value;

    if (!labels || labels->kind != JSON_OBJECT)
        return STATUS_OK;
    config->labels = arena_new(keep, struct image_label, labels->count);
    if (!config->labels)
        return error_no_memory(err, "labels");
    for (size_t i = 0; i < labels->count; i++) {
        struct image_label *label = &config->labels[config->label_count];
        if (!json_string(&labels->items[i], &value) || value.size > LABEL_BYTES_MAX ||
            memchr(value.data, 0, value.size))
            continue; /* whoever needs it says so */
        TRY(text_keep(labels->items[i].key, &label->name, keep, err));
        TRY(text_keep(value, &label->value, keep, err));
        config->label_count++;
    }
    return STATUS_OK;
}

static enum status diff_ids_parse(const struct json *list, struct image_config *config,
                                  struct arena *keep, struct error *err)
{
    struct bytes digest;

    if (!list || list->kind != JSON_ARRAY)
        return STATUS_OK;
    if (list->count > IMAGE_LAYERS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu layers, more than %d", list->count,
                         IMAGE_LAYERS_MAX);
    config->diff_ids = arena_new(keep, const char *, list->count);
    if (!config->diff_ids)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < list->count; i++) {
        if (!json_string(&list->items[i], &digest) || !image_digest_is(digest))
            return error_set(err, STATUS_INVALID_INPUT, "digest of unpacked layer %zu is none",
                             i + 1);
        TRY(text_keep(digest, &config->diff_ids[config->diff_id_count++], keep, err));
    }
    return STATUS_OK;
}

enum status image_config_parse(struct bytes bytes, struct image_config *config, struct arena *keep,
                               struct error *err)
{
    struct json value;

    *config = (struct image_config){0};
    TRY(object_parse(bytes, IMAGE_CONFIG_MAX, &value, keep, err));
    TRY(labels_parse(json_get(json_get(&value, "config"), "Labels"), config, keep, err));
    return diff_ids_parse(json_get(json_get(&value, "rootfs"), "diff_ids"), config, keep, err);
}

const char *image_config_label(const struct image_config *config, const char *name)
{
    for (size_t i = 0; i < config->label_count; i++)
        if (strcmp(config->labels[i].name, name) == 0)
            return config->labels[i].value;
    return NULL;
}
