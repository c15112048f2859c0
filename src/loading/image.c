// SPDX-License-Identifier: Apache-2.0
#include "loading/image.h"

#include "applications/application.h"
#include "base/hash/sha256.h"
#include "base/text.h"
#include "images/push.h"
#include "loading/adapt.h"
#include "loading/internal.h"
#include "loading/worker.h"

/* What a version's worker installs where it may. */
static enum status needs_of(struct registry *registry, const struct version *version,
                            struct text *needs, struct arena *keep, struct error *err)
{
    struct bytes requirements;

    if (!version->reason)
        return STATUS_OK;
    TRY(worker_requirements(registry, version, &requirements, keep, err));
    text_append_bytes(needs, requirements);
    text_append_char(needs, '\n');
    return text_check(needs, err);
}

enum status load_push(struct registry *registry, const struct version *version,
                      const struct image_push *push, struct image_pushed *pushed,
                      struct arena *keep, struct error *err)
{
    struct image_push whole = *push;
    struct application application;
    struct text needs = {0};
    struct version *uses;
    enum status status = STATUS_OK;

    if (push->base)
        TRY(worker_code(&whole.code, keep, err));
    if (!push->server || strcmp(version->format, APPLICATION_FORMAT) != 0) {
        if (push->base)
            status = needs_of(registry, version, &needs, keep, err);
    } else {
        TRY(application_parse(registry, bytes_of(version->manifest), &application, keep, err));
        uses = arena_new(keep, struct version, application.part_count);
        if (!uses)
            return error_no_memory(err, "an application");
        for (size_t i = 0; i < application.part_count && !status; i++) {
            uses[i] = application.parts[i].version;
            if (push->base)
                status = needs_of(registry, &uses[i], &needs, keep, err);
        }
        whole.uses = uses;
        whole.use_count = application.part_count;
    }
    whole.requirements = text_bytes(&needs);
    if (!status)
        status = image_push(registry, version, &whole, pushed, keep, err);
    text_release(&needs);
    return status;
}

/* --- an image that we made --- */

/* The contract and the manifest lie beside the files. */
static enum status layer_read(const struct image_pulled *pulled, struct incoming_image *image,
                              struct arena *keep, struct error *err)
{
    char digest[72] = "sha256:";

    TRY(image_layer_texts(pulled->layer, &image->contract, &image->manifest, keep, err));
    if (!sha256_of(bytes_of(image->contract), digest + 7))
        return error_no_memory(err, "a digest");
    if (strcmp(digest, pulled->contract_digest) != 0)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the image's contract is not the one that its label names");
    return STATUS_OK;
}

/* As image_write in registry/image.c freezes a single file. */
static bool is_single(const struct artifact *files)
{
    const char *path = files->count == 1 ? files->members[0].path : "";

    return strcmp(path, "model") == 0 || (strncmp(path, "model.", 6) == 0 && !strchr(path, '/'));
}

static enum status files_open(const struct image_pulled *pulled, struct incoming_image *image,
                              struct artifact **files, struct error *err)
{
    TRY(artifact_open_layer(pulled->layer, IMAGE_FILES, false, NULL, files, err));
    for (size_t i = 0; i < (*files)->count; i++)
        image->payload_bytes += (int64_t)(*files)->members[i].size;
    image->single = is_single(*files);
    if (!image->single)
        return STATUS_OK;
    artifact_close(*files);
    return artifact_open_layer(pulled->layer, IMAGE_FILES, true, NULL, files, err);
}

/* What we would say of it now: whether it can be served, and that the contract is its own. */
static enum status import_check(struct loading *loading, struct incoming_image *image,
                                struct arena *keep, struct error *err)
{
    struct contract frozen;
    bool same;

    if (contract_parse_json(bytes_of(image->contract), &frozen, &loading->model, err))
        return error_within(err, "the image's contract");
    if (loading->description.reason) {
        image->reason = arena_text(keep, bytes_of(loading->description.reason));
        return image->reason ? STATUS_OK : error_no_memory(err, "an image");
    }
    if (contract_fits(&frozen, &loading->imported, &same, err))
        return error_within(err, "the image's contract");
    return STATUS_OK;
}

enum status image_pulled_check(struct image_pulled *pulled, struct arena *keep, struct error *err)
{
    struct incoming_image *image = &pulled->image;
    struct loading loading = {0};
    struct artifact *files;
    enum status status;

    TRY(layer_read(pulled, image, keep, err));
    TRY(files_open(pulled, image, &files, err));
    if (strcmp(image->format, APPLICATION_FORMAT) == 0) { /* application_add checks the rest */
        artifact_close(files);
        return STATUS_OK;
    }
    status = load_import(files, bytes_of(image->manifest), MANIFEST_NAME, &loading, err);
    if (!status)
        status = import_check(&loading, image, keep, err);
    load_close(&loading);
    return status;
}

static enum status ours_freeze(struct incoming *incoming, const struct load_pull *pull,
                               struct image_pulled *pulled, struct version *version,
                               bool *unchanged, struct arena *keep, struct error *err)
{
    struct incoming_image *image = &pulled->image;
    enum status status;

    if (strcmp(image->format, APPLICATION_FORMAT) == 0) {
        status = error_set(err, STATUS_UNSUPPORTED,
                           "the image is an application, whose models are other images");
        error_fix(err, "pull its standalone image, which has them, or pull its models, then "
                       "`firn apply` its manifest");
        return status;
    }
    TRY(image_pulled_check(pulled, keep, err));
    image->model = pull->name ? pull->name : image->model;
    return incoming_freeze(incoming, image, version, unchanged, keep, err);
}

/* --- any other --- */

static enum status extra_read(const struct image_pulled *pulled, struct bytes *manifest,
                              struct arena *keep, struct error *err)
{
    struct artifact *whole;
    struct bytes bytes = {NULL, 0};
    enum status status;
    const char *copy;

    if (manifest->size || !pulled->facts.has_extra)
        return STATUS_OK;
    TRY(artifact_open_layer(pulled->merged, MERGED_EXTRA, true, NULL, &whole, err));
    bytes = artifact_container(whole);
    copy = bytes.size <= IMAGE_MANIFEST_MAX ? arena_text(keep, bytes) : NULL;
    status = copy ? STATUS_OK : error_no_memory(err, "a manifest");
    *manifest = (struct bytes){(const uint8_t *)copy, bytes.size};
    artifact_close(whole);
    return status;
}

/* A serving.yaml among the files counts as it does in a folder. */
static enum status manifest_find(struct artifact *artifact, struct bytes *manifest,
                                 struct error *err)
{
    struct member *member =
        artifact->kind == ARTIFACT_FILE ? NULL : artifact_find(artifact, MANIFEST_NAME);

    return member && !manifest->size ? member_bytes(member, manifest, err) : STATUS_OK;
}

static enum status foreign_freeze(struct registry *registry, const struct load_pull *pull,
                                  const struct image_pulled *pulled, struct version *version,
                                  bool *unchanged, struct arena *keep, struct error *err)
{
    bool single = pulled->facts.single || (pulled->facts.files == 1 && pulled->facts.named_model);
    struct loading_add add = {.name = pull->name};
    struct bytes manifest = pull->manifest;
    struct loading loading = {0};
    struct artifact *artifact;
    enum status status;

    TRY(extra_read(pulled, &manifest, keep, err));
    TRY(artifact_open_layer(pulled->merged, MERGED_FILES, single, NULL, &artifact, err));
    status = manifest_find(artifact, &manifest, err);
    if (status)
        artifact_close(artifact);
    else
        status = load_artifact(artifact, manifest, MANIFEST_NAME, &loading, err);
    if (!add.name && (pulled->made_here || !loading.manifest.name))
        add.name = pulled->name;
    if (!status)
        status = load_add(&loading, registry, &add, version, unchanged, keep, err);
    load_close(&loading);
    return status;
}

enum status load_pull(struct registry *registry, const struct load_pull *pull,
                      struct version *version, bool *unchanged, struct arena *keep,
                      struct error *err)
{
    struct image_reference reference;
    struct image_pull from = {.reference = &reference,
                              .hosts = pull->hosts,
                              .path = pull->path,
                              .show = pull->progress,
                              .context = pull->context};
    struct image_pulled pulled;
    struct incoming *incoming;
    enum status status;

    TRY(image_reference_parse(pull->reference, &reference, keep, err));
    TRY(incoming_open(registry, &incoming, err));
    status = image_pull(incoming, &from, &pulled, keep, err);
    if (!status && pulled.store)
        status = image_store_freeze(registry, pull, &pulled, version, unchanged, keep, err);
    else if (!status)
        status = pulled.ours
                     ? ours_freeze(incoming, pull, &pulled, version, unchanged, keep, err)
                     : foreign_freeze(registry, pull, &pulled, version, unchanged, keep, err);
    incoming_close(incoming);
    return status;
}
