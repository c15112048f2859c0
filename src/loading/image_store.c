// SPDX-License-Identifier: Apache-2.0
#include "applications/application.h"
#include "images/pull.h"
#include "loading/image.h"
#include "loading/internal.h"
#include "registry/frozen.h"

struct unfreezing {
    struct registry *registry;
    struct incoming *incoming;
    struct artifact *store;
    struct frozen *rows;         /* (count,) an application is the last; or one model */
    struct image_pulled *pulled; /* (count,) */
    int64_t *numbers;            /* (count,) that they have here */
    size_t count;
    bool alone; /* there is no application */
    struct arena *keep;
};

static bool is_application(const struct unfreezing *u, size_t i)
{
    return i + 1 == u->count && !u->alone;
}

/* --- blobs --- */

static enum status blob_find(struct unfreezing *u, const char *digest, int64_t size,
                             struct bytes *bytes, struct error *err)
{
    const char *path = arena_printf(u->keep, "blobs/sha256/%s", digest + strlen("sha256:"));
    struct member *member = path ? artifact_find(u->store, path) : NULL;

    if (!path)
        return error_no_memory(err, "a path");
    if (!member)
        return error_set(err, STATUS_INVALID_INPUT, "the image's store has no blob %s", digest);
    TRY(member_bytes(member, bytes, err));
    if (bytes->size != (uint64_t)size)
        return error_set(err, STATUS_INVALID_INPUT, "blob %s has %zu bytes, not %lld", digest,
                         bytes->size, (long long)size);
    return STATUS_OK;
}

/* Into the incoming image, which checks the digest; `path` (4,096 bytes) is its file. */
static enum status blob_take(struct unfreezing *u, const char *digest, int64_t size, char *path,
                             struct error *err)
{
    struct bytes bytes;

    if (incoming_has(u->incoming, digest, size, path))
        return STATUS_OK;
    TRY(blob_find(u, digest, size, &bytes, err));
    TRY(incoming_add(u->incoming, digest, u->store, bytes, err));
    return incoming_has(u->incoming, digest, size, path)
               ? STATUS_OK
               : error_set(err, STATUS_INTERNAL, "blob %s is not where it was put", digest);
}

/* --- versions --- */

/* The image that its manifest and configuration describe, whatever the index says of it. */
static enum status version_read(struct unfreezing *u, size_t i, struct error *err)
{
    const struct incoming_image *row = &u->rows[i].image;
    struct image_pulled *pulled = &u->pulled[i];
    struct image_manifest manifest;
    struct image_config config;
    struct bytes bytes;
    char path[4096];

    TRY(blob_take(u, row->manifest_digest, row->manifest_bytes, path, err));
    TRY(incoming_read(path, IMAGE_MANIFEST_MAX, &bytes, u->keep, err));
    TRY(image_manifest_parse(bytes, &manifest, u->keep, err));
    if (manifest.platform_count)
        return error_set(err, STATUS_INVALID_INPUT, "its manifest is an index");
    TRY(blob_take(u, manifest.config.digest, manifest.config.size, path, err));
    TRY(incoming_read(path, IMAGE_CONFIG_MAX, &bytes, u->keep, err));
    TRY(image_config_parse(bytes, &config, u->keep, err));
    if (!image_read_ours(&manifest, &config, row->manifest_digest, row->manifest_bytes, pulled))
        return error_set(err, STATUS_INVALID_INPUT, "it is no version of firn");
    TRY(blob_take(u, pulled->image.layer_digest, pulled->image.layer_bytes, path, err));
    pulled->layer = arena_text(u->keep, bytes_of(path));
    if (!pulled->layer)
        return error_no_memory(err, "a version");
    pulled->image.model = row->model;
    if (!strcmp(pulled->image.format, APPLICATION_FORMAT) != is_application(u, i))
        return error_set(err, STATUS_INVALID_INPUT,
                         is_application(u, i) ? "it is no application"
                                              : "it is an application, and not the last");
    return image_pulled_check(pulled, u->keep, err);
}

/* Is it here already? Else its number is 0. A name that is an application's is no model's. */
static enum status version_find(struct unfreezing *u, size_t i, struct error *err)
{
    const struct incoming_image *image = &u->pulled[i].image;
    struct version *versions;
    struct error missing;
    size_t count;

    if (registry_list(u->registry, image->model, &versions, &count, u->keep, &missing))
        return missing.status == STATUS_NOT_FOUND ? STATUS_OK : (*err = missing, missing.status);
    if (!strcmp(versions[0].format, APPLICATION_FORMAT) != is_application(u, i))
        return error_set(err, STATUS_CONFLICT, "there is %s \"%s\" here",
                         is_application(u, i) ? "a model" : "an application", image->model);
    for (size_t k = 0; k < count && !u->numbers[i]; k++)
        if (!strcmp(versions[k].digest, image->manifest_digest))
            u->numbers[i] = versions[k].number;
    return STATUS_OK;
}

static enum status versions_read(struct unfreezing *u, const struct load_pull *pull,
                                 struct error *err)
{
    u->pulled = arena_new(u->keep, struct image_pulled, u->count);
    u->numbers = arena_new(u->keep, int64_t, u->count);
    if (!u->pulled || !u->numbers)
        return error_no_memory(err, "versions");
    for (size_t i = 0; i < u->count; i++) {
        const struct frozen *row = &u->rows[i];
        enum status status = version_read(u, i, err);

        if (!status && i + 1 == u->count && pull->name)
            u->pulled[i].image.model = pull->name;
        if (!status)
            status = version_find(u, i, err);
        if (status)
            return error_within(err, "%s:%lld", row->image.model, (long long)row->number);
    }
    return STATUS_OK;
}

static enum status versions_freeze(struct unfreezing *u, struct error *err)
{
    struct version version;
    bool unchanged;

    for (size_t i = 0; i + 1 < u->count; i++) {
        if (u->numbers[i])
            continue;
        if (incoming_freeze(u->incoming, &u->pulled[i].image, &version, &unchanged, u->keep, err))
            return error_within(err, "%s", u->pulled[i].image.model);
        u->numbers[i] = version.number;
    }
    return STATUS_OK;
}

/* --- the application --- */

static bool is_row(const struct unfreezing *u, size_t i, const struct manifest_variant *variant)
{
    const char *name =
        arena_printf(u->keep, "%s:%lld", u->rows[i].image.model, (long long)u->rows[i].number);

    return name && !strcmp(name, variant->model) &&
           !strcmp(u->rows[i].image.manifest_digest, variant->digest);
}

/* The place of each variant's version among the rows; all of them must be there. */
static enum status variant_find(const struct unfreezing *u, const struct manifest_variant *variant,
                                size_t *row, struct error *err)
{
    for (*row = 0; variant->digest && *row + 1 < u->count; ++*row)
        if (is_row(u, *row, variant))
            return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "the application uses %s, which its image has not",
                     variant->model);
}

/* `rename`: versions are here under numbers of their own. */
static enum status variants_each(const struct unfreezing *u,
                                 const struct manifest_application *application, bool rename,
                                 struct error *err)
{
    size_t row;

    for (size_t s = 0; s < application->stage_count; s++)
        for (size_t v = 0; v < application->stages[s].variant_count; v++) {
            struct manifest_variant *variant = &application->stages[s].variants[v];
            TRY(variant_find(u, variant, &row, err));
            if (!rename)
                continue;
            variant->model = arena_printf(u->keep, "%s:%lld", u->rows[row].image.model,
                                          (long long)u->numbers[row]);
            if (!variant->model)
                return error_no_memory(err, "an application");
        }
    return STATUS_OK;
}

static enum status alone_freeze(struct unfreezing *u, struct version *version, bool *unchanged,
                                struct error *err)
{
    const struct incoming_image *image = &u->pulled[0].image;
    const char *name;

    if (!u->numbers[0])
        return incoming_freeze(u->incoming, image, version, unchanged, u->keep, err);
    *unchanged = true;
    name = arena_printf(u->keep, "%s:%lld", image->model, (long long)u->numbers[0]);
    return name ? registry_resolve(u->registry, name, version, u->keep, err)
                : error_no_memory(err, "a name");
}

static enum status unfreeze(struct unfreezing *u, const struct load_pull *pull,
                            struct version *version, bool *unchanged, struct error *err)
{
    const struct manifest_application *read;
    struct manifest_application application;
    const char *name;
    struct member *member = artifact_find(u->store, "index.json");
    struct bytes index;

    if (!member)
        return error_set(err, STATUS_INVALID_INPUT, "the image's store has no index.json");
    TRY(member_bytes(member, &index, err));
    TRY(frozen_parse(index, &u->rows, &u->count, u->keep, err));
    if (!u->count)
        return error_set(err, STATUS_INVALID_INPUT, "the image's store has no versions");
    if (u->alone && u->count > 1)
        return error_set(err, STATUS_INVALID_INPUT, "the image is a model, and its store has %zu",
                         u->count);
    TRY(versions_read(u, pull, err));
    if (u->alone)
        return alone_freeze(u, version, unchanged, err);
    name = u->pulled[u->count - 1].image.model;
    TRY(application_manifest(bytes_of(u->pulled[u->count - 1].image.manifest), "application.json",
                             &read, u->keep, err));
    TRY(variants_each(u, read, false, err));
    TRY(versions_freeze(u, err));
    application = *read;
    application.name = name;
    TRY(variants_each(u, &application, true, err));
    return application_add(u->registry, &application, version, unchanged, u->keep, err);
}

enum status image_store_freeze(struct registry *registry, const struct load_pull *pull,
                               const struct image_pulled *pulled, struct version *version,
                               bool *unchanged, struct arena *keep, struct error *err)
{
    struct unfreezing u = {.registry = registry,
                           .keep = keep,
                           .alone = strcmp(pulled->image.format, APPLICATION_FORMAT) != 0};
    enum status status;

    TRY(artifact_open_layer(pulled->merged, MERGED_FILES, false, NULL, &u.store, err));
    status = incoming_open(registry, &u.incoming, err);
    if (!status)
        status = unfreeze(&u, pull, version, unchanged, err);
    incoming_close(u.incoming);
    artifact_close(u.store);
    return status;
}
