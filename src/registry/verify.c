// SPDX-License-Identifier: Apache-2.0
/* Reading everything back: each blob against its digest, the image's own words against the rows,
 * the layer's files against both, index.json and the back end's own checks. */
#include "registry/internal.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json/json.h"

enum { SCRATCH_BYTES_MAX = 1 << 30 };

struct verification {
    struct registry *registry;
    struct text *report;
    size_t *faults;
    struct arena scratch; /* emptied per version */
};

static void fault(struct verification *verification, const char *what, const char *why)
{
    text_printf(verification->report, "%s: %s\n", what, why);
    ++*verification->faults;
}

/* Map a blob and check its size and digest; false, with a fault, when it is not right. */
static bool blob_check(struct verification *verification, const char *digest, int64_t size,
                       struct file_map *map)
{
    char path[PATH_SIZE], hex[SHA256_HEX_SIZE];
    struct error err;

    if (!blob_path(verification->registry, digest, path))
        fault(verification, digest, "is no digest");
    else if (file_map_open(map, AT_FDCWD, path, false, &err))
        fault(verification, digest, err.text);
    else if (map->bytes.size != (size_t)size)
        fault(verification, digest, "blob has another size than its row");
    else if (!sha256_of(map->bytes, hex))
        fault(verification, digest, "no memory for its digest");
    else if (strcmp(hex, digest + 7) != 0)
        fault(verification, digest, "blob has other bytes than its digest says");
    else
        return true;
    return false;
}

static bool string_is(const struct json *value, const char *want)
{
    struct bytes string;

    return json_string(value, &string) && bytes_is(string, want);
}

static bool descriptor_is(const struct json *value, const char *digest, int64_t size)
{
    int64_t written;

    return string_is(json_get(value, "digest"), digest) &&
           json_i64(json_get(value, "size"), &written) && written == size;
}

static void manifest_check(struct verification *verification, const struct store_image *image)
{
    struct file_map map = {{NULL, 0}};
    const struct json *layers;
    struct json manifest;
    struct error err;

    if (blob_check(verification, image->digest, image->manifest_bytes, &map)) {
        if (json_parse(map.bytes, 0, &manifest, &verification->scratch, &err)) {
            fault(verification, image->digest, err.text);
        } else {
            layers = json_get(&manifest, "layers");
            if (!descriptor_is(json_get(&manifest, "config"), image->config, image->config_bytes))
                fault(verification, image->digest, "names another configuration than its row");
            if (!layers || layers->kind != JSON_ARRAY || layers->count != 1 ||
                !descriptor_is(&layers->items[0], image->layer, image->layer_bytes))
                fault(verification, image->digest, "names another layer than its row");
        }
    }
    file_map_close(&map);
}

static void config_check(struct verification *verification, const struct store_image *image,
                         const struct version *version)
{
    char contract[DIGEST_SIZE] = "sha256:";
    struct file_map map = {{NULL, 0}};
    const struct json *labels;
    struct json config;
    struct error err;

    if (blob_check(verification, image->config, image->config_bytes, &map)) {
        if (json_parse(map.bytes, 0, &config, &verification->scratch, &err)) {
            fault(verification, image->config, err.text);
        } else if (!sha256_of(bytes_of(version->contract), contract + 7)) {
            fault(verification, image->config, "no memory for a digest");
        } else {
            labels = json_get(json_get(&config, "config"), "Labels");
            /* The title is the name at home: a pulled image may have another one here. */
            if (!string_is(json_get(labels, LABEL_FORMAT), version->format) ||
                !string_is(json_get(labels, LABEL_FRAMEWORK), version->framework) ||
                !string_is(json_get(labels, LABEL_FRAMEWORK_VERSION), version->framework_version) ||
                !string_is(json_get(labels, LABEL_CONTRACT), contract))
                fault(verification, image->config, "says something else than the version's row");
        }
    }
    file_map_close(&map);
}

static bool member_is(struct artifact *layer, const char *path, const char *want)
{
    struct member *member = artifact_find(layer, path);
    struct bytes bytes = {NULL, 0};
    struct error ignored;

    if (member && member_bytes(member, &bytes, &ignored))
        return false;
    return bytes_is(bytes, want);
}

/* The payload opens, and is as large as the row says. */
static void payload_check(struct verification *verification, const struct version *version)
{
    struct artifact *artifact;
    struct error err;
    int64_t total = 0;

    if (registry_artifact(verification->registry, version, &artifact, &err)) {
        fault(verification, version->digest, err.text);
        return;
    }
    for (size_t i = 0; i < artifact->count; i++)
        total += (int64_t)artifact->members[i].size;
    if (artifact->kind != ARTIFACT_FOLDER)
        total = (int64_t)artifact_container(artifact).size;
    if (total != version->bytes)
        fault(verification, version->digest, "payload has another size than the version's row");
    artifact_close(artifact);
}

static void layer_check(struct verification *verification, const struct store_image *image,
                        const struct version *version)
{
    struct file_map map = {{NULL, 0}};
    struct artifact *layer;
    char path[PATH_SIZE];
    struct error err;
    bool whole = blob_check(verification, image->layer, image->layer_bytes, &map);

    file_map_close(&map);
    if (!whole || !blob_path(verification->registry, image->layer, path))
        return;
    if (artifact_open_layer(path, "model/", false, NULL, &layer, &err)) {
        fault(verification, image->layer, err.text);
        return;
    }
    if (!member_is(layer, &IMAGE_CONTRACT[strlen("model/")], version->contract))
        fault(verification, image->layer, "holds another contract than the version's row");
    if (!member_is(layer, &IMAGE_MANIFEST[strlen("model/")], version->manifest))
        fault(verification, image->layer, "holds another serving.yaml than the version's row");
    artifact_close(layer);
    payload_check(verification, version);
}

static enum status version_check(struct verification *verification, const struct version *version,
                                 struct error *err)
{
    struct registry *registry = verification->registry;
    struct store_image image;
    enum status status;

    arena_reset(&verification->scratch);
    status = registry->backend->image(registry->store, version->digest, &image,
                                      &verification->scratch, err);
    if (status == STATUS_NOT_FOUND) {
        struct version same;
        bool found;
        /* Deleted since the list was read? */
        TRY(registry->backend->find(registry->store, version->model, version->number, NULL, &found,
                                    &same, &verification->scratch, err));
        if (found)
            fault(verification, version->digest, "version has no image");
        return STATUS_OK;
    }
    TRY(status);
    manifest_check(verification, &image);
    config_check(verification, &image, version);
    layer_check(verification, &image, version);
    return STATUS_OK;
}

static enum status records_check(struct verification *verification, struct arena *keep,
                                 struct error *err)
{
    const struct record_filter all = {.kind = NULL};
    struct registry *registry = verification->registry;
    struct record *records;
    size_t count;

    TRY(registry->backend->record_list(registry->store, &all, &records, &count, keep, err));
    for (size_t i = 0; i < count; i++) {
        struct file_map map = {{NULL, 0}};

        if (!records[i].blob)
            continue;
        if (!blob_check(verification, records[i].blob, records[i].blob_bytes, &map))
            fault(verification, records[i].blob, "belongs to a record");
        file_map_close(&map);
    }
    return STATUS_OK;
}

static enum status objects_check(struct verification *verification, struct arena *keep,
                                 struct error *err)
{
    struct registry *registry = verification->registry;
    struct object_part *parts;
    size_t count;

    TRY(registry->backend->object_parts(registry->store, NULL, &parts, &count, keep, err));
    for (size_t i = 0; i < count; i++) {
        struct file_map map = {{NULL, 0}};

        if (!blob_check(verification, parts[i].digest, parts[i].bytes, &map))
            fault(verification, parts[i].digest, "is a part of an object");
        file_map_close(&map);
    }
    return STATUS_OK;
}

static void layout_check(struct verification *verification)
{
    char path[PATH_SIZE];
    struct file_map map = {{NULL, 0}};
    struct error ignored;

    snprintf(path, sizeof path, "%s/oci-layout", verification->registry->folder);
    if (file_map_open(&map, AT_FDCWD, path, false, &ignored) ||
        !bytes_is(map.bytes, "{\"imageLayoutVersion\":\"1.0.0\"}"))
        fault(verification, "oci-layout", "is missing or wrong");
    file_map_close(&map);
}

static enum status verify_all(struct verification *verification, struct arena *keep,
                              struct error *err)
{
    struct registry *registry = verification->registry;
    struct version *versions;
    size_t count;

    TRY(registry->backend->check(registry->store, verification->report, verification->faults, err));
    layout_check(verification);
    TRY(registry->backend->list(registry->store, NULL, false, &versions, &count, keep, err));
    for (size_t i = 0; i < count; i++)
        TRY(version_check(verification, &versions[i], err));
    TRY(records_check(verification, keep, err));
    TRY(objects_check(verification, keep, err));
    return index_verify(registry, verification->report, verification->faults, err);
}

enum status registry_verify(struct registry *registry, struct text *report, size_t *faults,
                            struct error *err)
{
    struct verification verification = {.registry = registry, .report = report, .faults = faults};
    int lock = registry_lock(registry, "lock", LOCK_SHARED, err);
    enum status status;
    struct arena keep;

    *faults = 0;
    if (lock < 0)
        return err->status;
    arena_init(&keep, SCRATCH_BYTES_MAX);
    arena_init(&verification.scratch, SCRATCH_BYTES_MAX);
    status = verify_all(&verification, &keep, err);
    arena_release(&verification.scratch);
    arena_release(&keep);
    close(lock);
    return status;
}
