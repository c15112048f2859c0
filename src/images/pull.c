// SPDX-License-Identifier: Apache-2.0
#include "images/pull.h"

#include <stdio.h>
#include <string.h>

#include "base/hash/sha256.h"
#include "base/text.h"
#include "images/layer_path.h"
#include "images/manifest.h"
#include "images/standalone.h"

struct pulling {
    struct image_place *place;
    struct incoming *incoming;
    const struct image_pull *pull;
    struct image_pulled *pulled;
    struct bytes manifest_bytes;
    struct image_manifest manifest;
    struct image_config config;
    struct bytes config_bytes;
    struct arena *keep;
};

#define DEFAULT_PATH "model/files"

/* --- manifests --- */

static enum status digest_of(struct bytes bytes, const char **digest, struct arena *keep,
                             struct error *err)
{
    char hex[SHA256_HEX_SIZE];

    if (!sha256_of(bytes, hex))
        return error_no_memory(err, "a digest");
    *digest = arena_printf(keep, "sha256:%s", hex);
    return *digest ? STATUS_OK : error_no_memory(err, "a digest");
}

/* Read it; what was asked for by digest must have it. */
static enum status manifest_get(struct pulling *pulling, const char *which, struct error *err)
{
    struct image_place *place = pulling->place;

    TRY(place->class->manifest_read(place, which, &pulling->manifest_bytes, pulling->keep, err));
    TRY(digest_of(pulling->manifest_bytes, &pulling->pulled->digest, pulling->keep, err));
    if (which && image_digest_is(bytes_of(which)) && strcmp(which, pulling->pulled->digest) != 0)
        return error_set(err, STATUS_INVALID_INPUT,
                         "manifest %s has other bytes: their digest is %s", which,
                         pulling->pulled->digest);
    if (image_manifest_parse(pulling->manifest_bytes, &pulling->manifest, pulling->keep, err))
        return error_within(err, "manifest %s", which ? which : pulling->pulled->digest);
    return STATUS_OK;
}

/* Through an index, which names the image of each platform, to an image. */
static enum status manifest_find(struct pulling *pulling, struct error *err)
{
    const struct image_reference *reference = pulling->pull->reference;
    const char *which = reference->digest ? reference->digest : reference->tag;

    if (!which && !reference->folder)
        which = "latest";
    TRY(manifest_get(pulling, which, err));
    if (!pulling->manifest.platform_count)
        return STATUS_OK;
    TRY(manifest_get(pulling, pulling->manifest.platforms[0].digest, err));
    if (pulling->manifest.platform_count)
        return error_set(err, STATUS_UNSUPPORTED, "manifest %s is an index within an index",
                         pulling->pulled->digest);
    return STATUS_OK;
}

/* --- blobs --- */

static enum status sink_write(void *context, struct bytes bytes, struct error *err)
{
    return incoming_write(context, bytes, err);
}

/* Into the incoming image, unless it is there; `path` (4,096 bytes) is its file. */
static enum status blob_get(struct pulling *pulling, const struct image_descriptor *descriptor,
                            char *path, struct error *err)
{
    const struct image_sink sink = {sink_write, pulling->incoming};
    struct incoming *incoming = pulling->incoming;
    enum status status;

    if (incoming_has(incoming, descriptor->digest, descriptor->size, path)) {
        image_progress_add(pulling->place, (uint64_t)descriptor->size);
        return STATUS_OK;
    }
    TRY(incoming_begin(incoming, descriptor->digest, descriptor->size, err));
    status = pulling->place->class->blob_read(pulling->place, descriptor, &sink, err);
    if (status) {
        incoming_abandon(incoming);
        return status;
    }
    TRY(incoming_end(incoming, err));
    return incoming_has(incoming, descriptor->digest, descriptor->size, path)
               ? STATUS_OK
               : error_set(err, STATUS_INTERNAL, "blob %s is not where it was put",
                           descriptor->digest);
}

static enum status config_get(struct pulling *pulling, struct error *err)
{
    const struct image_descriptor *descriptor = &pulling->manifest.config;
    struct bytes bytes;
    char path[4096];

    TRY(blob_get(pulling, descriptor, path, err));
    TRY(incoming_read(path, IMAGE_CONFIG_MAX, &bytes, pulling->keep, err));
    pulling->config_bytes = bytes;
    if (image_config_parse(bytes, &pulling->config, pulling->keep, err))
        return error_within(err, "configuration %s", descriptor->digest);
    return STATUS_OK;
}

/* --- what it is --- */

/* The image that registry_add makes: one layer as it is, and labels that say the rest. */
bool image_read_ours(const struct image_manifest *manifest, const struct image_config *config,
                     const char *digest, int64_t bytes, struct image_pulled *pulled)
{
    struct incoming_image *image = &pulled->image;

    *image = (struct incoming_image){
        .model = image_config_label(config, LABEL_TITLE),
        .format = image_config_label(config, LABEL_FORMAT),
        .framework = image_config_label(config, LABEL_FRAMEWORK),
        .framework_version = image_config_label(config, LABEL_FRAMEWORK_VERSION),
        .manifest_digest = digest,
        .manifest_bytes = bytes,
        .config_digest = manifest->config.digest,
        .config_bytes = manifest->config.size,
    };
    pulled->contract_digest = image_config_label(config, LABEL_CONTRACT);
    pulled->made_here = image->model && image->format && image->framework &&
                        image->framework_version && pulled->contract_digest;
    if (!pulled->made_here || manifest->layer_count != 1 || config->diff_id_count != 1 ||
        strcmp(manifest->layers[0].type, IMAGE_TYPE_LAYER) != 0 ||
        strcmp(manifest->layers[0].digest, config->diff_ids[0]) != 0)
        return false;
    image->layer_digest = manifest->layers[0].digest;
    image->layer_bytes = manifest->layers[0].size;
    return true;
}

/* The manifest is a blob of its own in the store. */
static enum status manifest_keep(struct pulling *pulling, struct error *err)
{
    const struct incoming_image *image = &pulling->pulled->image;
    struct incoming *incoming = pulling->incoming;

    if (incoming_has(incoming, image->manifest_digest, image->manifest_bytes, NULL))
        return STATUS_OK;
    return incoming_add(incoming, image->manifest_digest, NULL, pulling->manifest_bytes, err);
}

static enum status ours_get(struct pulling *pulling, struct error *err)
{
    char path[4096];

    TRY(manifest_keep(pulling, err));
    TRY(blob_get(pulling, &pulling->manifest.layers[0], path, err));
    pulling->pulled->layer = arena_text(pulling->keep, bytes_of(path));
    return pulling->pulled->layer ? STATUS_OK : error_no_memory(err, "an image");
}

/* "/models/churn/" as the layers have it. */
static enum status path_clean(const char *path, const char **kept, struct arena *keep,
                              struct error *err)
{
    char buffer[LAYER_PATH_MAX];
    struct bytes clean;

    TRY(layer_path_clean(bytes_of(path), buffer, &clean, err));
    *kept = arena_text(keep, clean);
    return *kept ? STATUS_OK : error_no_memory(err, "a path");
}

static enum status merged_check(const struct pulling *pulling, const char *path, struct error *err)
{
    enum status status;

    if (pulling->pulled->facts.files)
        return STATUS_OK;
    status = error_set(err, STATUS_NOT_FOUND, "the image has no file at /%s", path);
    error_fix(err, "say with --path where the model is inside the image");
    return status;
}

static enum status layers_get(struct pulling *pulling, const char ***layers, struct error *err)
{
    const struct image_manifest *manifest = &pulling->manifest;
    const char **files = arena_new(pulling->keep, const char *, manifest->layer_count);
    char path[4096];

    if (!files)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < manifest->layer_count; i++) {
        TRY(blob_get(pulling, &manifest->layers[i], path, err));
        files[i] = arena_text(pulling->keep, bytes_of(path));
        if (!files[i])
            return error_no_memory(err, "layers");
    }
    *layers = files;
    return STATUS_OK;
}

/* All layers, then out of them the model's files as one tar. */
static enum status foreign_get(struct pulling *pulling, struct error *err)
{
    const struct image_manifest *manifest = &pulling->manifest;
    struct image_layers layers = {.count = manifest->layer_count,
                                  .limits = artifact_limits_default()};
    const char **files;
    const char *place = pulling->pull->path ? pulling->pull->path : DEFAULT_PATH;
    char path[4096];

    TRY(layers_get(pulling, &files, err));
    layers.files = files;
    layers.extra = pulling->pull->path || pulling->pulled->store ? NULL : IMAGE_MANIFEST;
    TRY(path_clean(pulling->pulled->store ? STANDALONE_STORE : place, &layers.path, pulling->keep,
                   err));
    incoming_file(pulling->incoming, "merged.tar", path);
    pulling->pulled->merged = arena_text(pulling->keep, bytes_of(path));
    if (!pulling->pulled->merged)
        return error_no_memory(err, "layers");
    TRY(image_layers_merge(&layers, pulling->pulled->merged, &pulling->pulled->facts, err));
    return merged_check(pulling, layers.path, err);
}

static const char *default_name(const struct image_reference *reference)
{
    const char *path = reference->folder ? reference->folder : reference->name;
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* Manifest and configuration; from here on there is progress. */
static enum status begin(struct pulling *pulling, struct image_progress *progress,
                         struct error *err)
{
    TRY(manifest_find(pulling, err));
    progress->total = (uint64_t)pulling->manifest.config.size;
    for (size_t i = 0; i < pulling->manifest.layer_count; i++)
        progress->total += (uint64_t)pulling->manifest.layers[i].size;
    pulling->place->progress = progress;
    return config_get(pulling, err);
}

enum status image_fetch(struct incoming *incoming, const struct image_pull *pull,
                        struct image_fetched *fetched, struct arena *keep, struct error *err)
{
    const struct image_access access = {.hosts = pull->hosts};
    struct image_progress progress = {.show = pull->show, .context = pull->context};
    struct image_pulled pulled = {0};
    struct pulling pulling = {.incoming = incoming, .pull = pull, .pulled = &pulled, .keep = keep};
    enum status status;

    TRY(image_place_open(pull->reference, &access, &pulling.place, err));
    status = begin(&pulling, &progress, err);
    if (!status)
        status = layers_get(&pulling, &fetched->layers, err);
    image_place_close(pulling.place);
    fetched->digest = pulled.digest;
    fetched->manifest = pulling.manifest;
    fetched->config = pulling.config;
    fetched->config_bytes = pulling.config_bytes;
    return status;
}

static enum status pull_all(struct pulling *pulling, struct error *err)
{
    struct image_progress progress = {.show = pulling->pull->show,
                                      .context = pulling->pull->context};
    struct image_pulled *pulled = pulling->pulled;
    const char *title;

    TRY(begin(pulling, &progress, err));
    pulled->ours = image_read_ours(&pulling->manifest, &pulling->config, pulled->digest,
                                   (int64_t)pulling->manifest_bytes.size, pulled) &&
                   !pulling->pull->path;
    pulled->store = pulled->made_here && !pulled->ours && !pulling->pull->path &&
                    image_config_label(&pulling->config, LABEL_STORE);
    title = image_config_label(&pulling->config, LABEL_TITLE);
    pulled->name = pulled->made_here ? title : default_name(pulling->pull->reference);
    return pulled->ours ? ours_get(pulling, err) : foreign_get(pulling, err);
}

enum status image_pull(struct incoming *incoming, const struct image_pull *pull,
                       struct image_pulled *pulled, struct arena *keep, struct error *err)
{
    const struct image_access access = {.hosts = pull->hosts};
    struct pulling pulling = {.incoming = incoming, .pull = pull, .pulled = pulled, .keep = keep};
    enum status status;

    *pulled = (struct image_pulled){0};
    TRY(image_place_open(pull->reference, &access, &pulling.place, err));
    status = pull_all(&pulling, err);
    image_place_close(pulling.place);
    return status;
}
