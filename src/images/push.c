// SPDX-License-Identifier: Apache-2.0
#include "images/push.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "images/standalone.h"

enum { BLOBS_MAX = 3, MOUNTS_MAX = 4 };

struct pushing {
    struct image_place *place;
    const struct image_push *push;
    const struct version *version;
    const char *tag;
    struct stored_image image;
    struct standalone standalone;
    struct image_blob blobs[BLOBS_MAX];
    size_t count;
    const char *mounts[MOUNTS_MAX]; /* repositories that have the model's layer */
    size_t mount_count;
    struct bytes manifest;
    const char *digest;
    struct arena *keep;
};

/* Repositories of the same registry that this layer was pushed to. */
static enum status mounts_find(struct pushing *pushing, struct registry *registry,
                               struct error *err)
{
    const struct image_reference *target = pushing->push->reference;
    const char **references;
    struct image_reference known;
    size_t count;

    TRY(registry_pushes(registry, pushing->image.layer.digest, &references, &count, pushing->keep,
                        err));
    for (size_t i = 0; i < count && pushing->mount_count < MOUNTS_MAX; i++) {
        struct error ignored;
        if (image_reference_parse(references[i], &known, pushing->keep, &ignored) || known.folder ||
            target->folder || strcmp(known.host, target->host) != 0 ||
            strcmp(known.name, target->name) == 0)
            continue;
        pushing->mounts[pushing->mount_count++] = known.name;
    }
    return STATUS_OK;
}

static void blob_stored(struct pushing *pushing, const struct stored_blob *blob)
{
    pushing->blobs[pushing->count++] =
        (struct image_blob){.digest = blob->digest, .size = blob->size, .path = blob->path};
}

static void blob_made(struct pushing *pushing, const char *digest, const struct text *text)
{
    pushing->blobs[pushing->count++] = (struct image_blob){
        .digest = digest, .size = (int64_t)text->size, .bytes = text_bytes(text)};
}

static enum status blobs_list(struct pushing *pushing, struct error *err)
{
    struct standalone *standalone = &pushing->standalone;

    if (pushing->push->server) {
        TRY(standalone_make(pushing->push->server, pushing->version, &pushing->image, standalone,
                            err));
        blob_made(pushing, standalone->layer_digest, &standalone->layer);
    }
    blob_stored(pushing, &pushing->image.layer);
    pushing->blobs[pushing->count - 1].from = pushing->mounts;
    pushing->blobs[pushing->count - 1].from_count = pushing->mount_count;
    if (pushing->push->server) {
        blob_made(pushing, standalone->config_digest, &standalone->config);
        pushing->manifest = text_bytes(&standalone->manifest);
        pushing->digest = arena_text(pushing->keep, bytes_of(standalone->manifest_digest));
        return pushing->digest ? STATUS_OK : error_no_memory(err, "an image");
    }
    blob_stored(pushing, &pushing->image.config);
    pushing->digest = pushing->image.manifest.digest;
    return incoming_read(pushing->image.manifest.path, IMAGE_MANIFEST_MAX, &pushing->manifest,
                         pushing->keep, err);
}

static enum status send_all(struct pushing *pushing, struct image_pushed *pushed, struct error *err)
{
    struct image_progress progress = {.show = pushing->push->show,
                                      .context = pushing->push->context};
    struct image_place *place = pushing->place;
    bool existed;

    for (size_t i = 0; i < pushing->count; i++)
        progress.total += (uint64_t)pushing->blobs[i].size;
    pushed->bytes = (int64_t)progress.total + (int64_t)pushing->manifest.size;
    place->progress = &progress;
    for (size_t i = 0; i < pushing->count; i++) {
        TRY(place->class->blob_write(place, &pushing->blobs[i], &existed, err));
        pushed->blobs++;
        pushed->existed += existed;
    }
    return place->class->manifest_write(place, pushing->tag, pushing->digest, pushing->manifest,
                                        err);
}

static enum status push_with(struct pushing *pushing, struct registry *registry,
                             struct image_pushed *pushed, struct error *err)
{
    const struct image_access access = {.hosts = pushing->push->hosts, .write = true};
    struct image_reference target = *pushing->push->reference;

    target.tag = pushing->tag;
    pushed->reference = image_reference_text(&target, pushing->keep);
    if (!pushed->reference)
        return error_no_memory(err, "a reference");
    TRY(registry_image(registry, pushing->version, &pushing->image, pushing->keep, err));
    TRY(mounts_find(pushing, registry, err));
    TRY(blobs_list(pushing, err));
    pushed->digest = pushing->digest;
    TRY(image_place_open(&target, &access, &pushing->place, err));
    TRY(send_all(pushing, pushed, err));
    return target.folder ? STATUS_OK
                         : registry_pushed(registry, pushing->version, pushed->reference, err);
}

enum status image_push(struct registry *registry, const struct version *version,
                       const struct image_push *push, struct image_pushed *pushed,
                       struct arena *keep, struct error *err)
{
    struct pushing pushing = {.push = push, .version = version, .keep = keep};
    enum status status;

    *pushed = (struct image_pushed){0};
    if (push->reference->digest)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a push is to a tag: the digest is what the image has");
    pushing.tag = push->reference->tag ? push->reference->tag
                                       : arena_printf(keep, "%lld", (long long)version->number);
    status = pushing.tag ? push_with(&pushing, registry, pushed, err)
                         : error_no_memory(err, "a reference");
    image_place_close(pushing.place);
    standalone_release(&pushing.standalone);
    return status;
}

enum status image_push_reference(const char *prefix, const struct version *version,
                                 struct image_reference *reference, struct arena *keep,
                                 struct error *err)
{
    const char *whole =
        arena_printf(keep, "%s/%s:%lld", prefix, version->model, (long long)version->number);

    if (!whole)
        return error_no_memory(err, "a reference");
    if (image_reference_parse(whole, reference, keep, err))
        return error_within(err, "registry \"%s\"", prefix);
    if (reference->folder)
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is a folder, not a registry", prefix);
    return STATUS_OK;
}
