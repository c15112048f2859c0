// SPDX-License-Identifier: Apache-2.0
#include "images/push.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "images/base.h"
#include "images/standalone.h"

enum { BLOBS_MAX = IMAGE_LAYERS_MAX + 1, MOUNTS_MAX = 4 };

struct pushing {
    struct image_place *place;
    const struct image_push *push;
    const struct version *version;
    const char *tag;
    struct stored_image image;
    struct standalone *standalone; /* NULL: the version's own image */
    struct incoming *incoming;     /* for what is made of it */
    struct image_blob blobs[BLOBS_MAX];
    size_t count;
    const char *mounts[MOUNTS_MAX]; /* repositories that may have a layer of it */
    size_t mount_count;
    struct bytes manifest;
    const char *digest;
    struct arena *keep;
};

static bool is_mount(const struct pushing *pushing, const char *name)
{
    for (size_t i = 0; i < pushing->mount_count; i++)
        if (strcmp(pushing->mounts[i], name) == 0)
            return true;
    return false;
}

/* Those of the registry that is pushed to. */
static void mounts_add(struct pushing *pushing, const char *const *references, size_t count)
{
    const struct image_reference *target = pushing->push->reference;
    struct image_reference known;

    for (size_t i = 0; i < count && pushing->mount_count < MOUNTS_MAX; i++) {
        struct error ignored;
        if (image_reference_parse(references[i], &known, pushing->keep, &ignored) || known.folder ||
            target->folder || strcmp(known.host, target->host) != 0 ||
            strcmp(known.name, target->name) == 0 || is_mount(pushing, known.name))
            continue;
        pushing->mounts[pushing->mount_count++] = known.name;
    }
}

/* Repositories that the version's layer was pushed to. */
static enum status mounts_find(struct pushing *pushing, struct registry *registry,
                               struct error *err)
{
    const char **references;
    size_t count;

    TRY(registry_pushes(registry, pushing->image.layer.digest, &references, &count, pushing->keep,
                        err));
    mounts_add(pushing, references, count);
    return STATUS_OK;
}

/* Of other applications, whose images may have the same versions. */
static enum status mounts_of_others(struct pushing *pushing, struct registry *registry,
                                    struct error *err)
{
    struct version *models;
    size_t count;

    TRY(registry_list(registry, NULL, &models, &count, pushing->keep, err));
    for (size_t i = 0; i < count; i++)
        if (!strcmp(models[i].format, pushing->version->format))
            mounts_add(pushing, models[i].pushed, models[i].pushed_count);
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

static struct standalone_part part_of(const struct version *version,
                                      const struct stored_image *image)
{
    return (struct standalone_part){
        .row = {.image = {.model = version->model,
                          .manifest_digest = image->manifest.digest,
                          .config_digest = image->config.digest,
                          .layer_digest = image->layer.digest,
                          .manifest_bytes = image->manifest.size,
                          .config_bytes = image->config.size,
                          .layer_bytes = image->layer.size,
                          .payload_bytes = version->bytes,
                          .single = image->single,
                          .format = version->format,
                          .framework = version->framework,
                          .framework_version = version->framework_version,
                          .reason = version->reason},
                .number = version->number},
        .image = *image};
}

/* What an application uses, and itself behind it. */
static enum status parts_list(struct pushing *pushing, struct registry *registry,
                              struct standalone_wish *wish, struct error *err)
{
    const struct image_push *push = pushing->push;
    struct standalone_part *parts;

    if (!push->use_count && !push->base)
        return STATUS_OK;
    if (push->use_count >= FROZEN_VERSIONS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s:%lld uses %zu versions: its image can hold %d",
                         wish->version->model, (long long)wish->version->number, push->use_count,
                         FROZEN_VERSIONS_MAX - 1);
    parts = arena_new(pushing->keep, struct standalone_part, push->use_count + 1);
    if (!parts)
        return error_no_memory(err, "an image");
    for (size_t i = 0; i < push->use_count; i++) {
        struct stored_image image;
        TRY(registry_image(registry, &push->uses[i], &image, pushing->keep, err));
        parts[i] = part_of(&push->uses[i], &image);
    }
    parts[push->use_count] = part_of(wish->version, &pushing->image);
    wish->parts = parts;
    wish->part_count = push->use_count + 1;
    return mounts_of_others(pushing, registry, err);
}

/* What is pulled from the registry that is pushed to need not be sent again. */
static void base_mounts(struct pushing *pushing)
{
    const struct image_reference *base = pushing->push->base, *target = pushing->push->reference;

    if (base->folder || target->folder || strcmp(base->host, target->host) != 0 ||
        strcmp(base->name, target->name) == 0 || is_mount(pushing, base->name))
        return;
    if (pushing->mount_count == MOUNTS_MAX)
        pushing->mount_count--;
    memmove(pushing->mounts + 1, pushing->mounts, pushing->mount_count * sizeof *pushing->mounts);
    pushing->mounts[0] = base->name;
    pushing->mount_count++;
}

static enum status standalone_list(struct pushing *pushing, struct registry *registry,
                                   struct error *err)
{
    struct standalone *standalone = arena_new(pushing->keep, struct standalone, 1);
    struct standalone_wish wish = {
        .server = pushing->push->server, .version = pushing->version, .image = &pushing->image};

    struct image_base base;

    pushing->standalone = standalone;
    if (!standalone)
        return error_no_memory(err, "an image");
    TRY(parts_list(pushing, registry, &wish, err));
    if (wish.part_count)
        TRY(incoming_open(registry, &pushing->incoming, err));
    wish.incoming = pushing->incoming;
    if (pushing->push->base) {
        TRY(image_base_read(pushing->incoming, pushing->push->base, pushing->push->hosts,
                            pushing->push->requirements, &base, pushing->keep, err));
        base_mounts(pushing);
        wish.base = &base;
        wish.code = pushing->push->code;
    }
    TRY(standalone_make(&wish, standalone, pushing->keep, err));
    for (size_t i = 0; i < standalone->layer_count; i++) {
        const struct standalone_layer *layer = &standalone->layers[i];
        pushing->blobs[pushing->count++] = (struct image_blob){.digest = layer->digest,
                                                               .size = layer->size,
                                                               .path = layer->path,
                                                               .bytes = layer->bytes,
                                                               .from = pushing->mounts,
                                                               .from_count = pushing->mount_count};
    }
    blob_made(pushing, standalone->config_digest, &standalone->config);
    pushing->manifest = text_bytes(&standalone->manifest);
    pushing->digest = arena_text(pushing->keep, bytes_of(standalone->manifest_digest));
    return pushing->digest ? STATUS_OK : error_no_memory(err, "an image");
}

static enum status blobs_list(struct pushing *pushing, struct registry *registry, struct error *err)
{
    if (pushing->push->server)
        return standalone_list(pushing, registry, err);
    blob_stored(pushing, &pushing->image.layer);
    pushing->blobs[pushing->count - 1].from = pushing->mounts;
    pushing->blobs[pushing->count - 1].from_count = pushing->mount_count;
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
    TRY(blobs_list(pushing, registry, err));
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
    if (pushing.standalone)
        standalone_release(pushing.standalone);
    incoming_close(pushing.incoming);
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
