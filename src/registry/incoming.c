// SPDX-License-Identifier: Apache-2.0
#include "registry/incoming.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/internal.h"

enum {
    /* manifest, configuration and all layers of an image, or three of each version of a store */
    INCOMING_BLOBS_MAX = 384,
    PIECE_BYTES = 8 << 20,
};

struct incoming {
    struct registry *registry;
    struct staging staging;
    struct blob *blobs[INCOMING_BLOBS_MAX]; /* whole, but for the last while one is written */
    size_t count;
    int64_t size;             /* that the present one must have */
    char digest[DIGEST_SIZE]; /* and its digest; "" when none is being written */
};

enum status incoming_open(struct registry *registry, struct incoming **incoming, struct error *err)
{
    struct incoming *opened = calloc(1, sizeof *opened);

    *incoming = NULL;
    if (!opened)
        return error_no_memory(err, "an image");
    opened->registry = registry;
    if (staging_open(registry, &opened->staging, err)) {
        free(opened);
        return err->status;
    }
    *incoming = opened;
    return STATUS_OK;
}

void incoming_close(struct incoming *incoming)
{
    if (!incoming)
        return;
    for (size_t i = 0; i < incoming->count; i++) {
        blob_release(incoming->blobs[i]);
        free(incoming->blobs[i]);
    }
    staging_close(&incoming->staging);
    free(incoming);
}

static struct blob *received(const struct incoming *incoming, const char *digest, int64_t size)
{
    size_t whole = incoming->digest[0] ? incoming->count - 1 : incoming->count;

    for (size_t i = 0; i < whole; i++)
        if (strcmp(incoming->blobs[i]->digest, digest) == 0 && incoming->blobs[i]->size == size)
            return incoming->blobs[i];
    return NULL;
}

bool incoming_has(const struct incoming *incoming, const char *digest, int64_t size, char *path)
{
    const struct blob *blob = received(incoming, digest, size);
    char stored[PATH_SIZE];

    if (blob) {
        if (path)
            memcpy(path, blob->path, strlen(blob->path) + 1);
        return true;
    }
    if (!blob_exists(incoming->registry, digest, size))
        return false;
    return blob_path(incoming->registry, digest, path ? path : stored);
}

void incoming_file(const struct incoming *incoming, const char *name, char path[4096])
{
    snprintf(path, PATH_SIZE, "%s/%s", incoming->staging.path, name);
}

/* --- blobs --- */

void incoming_abandon(struct incoming *incoming)
{
    struct blob *blob = incoming->blobs[--incoming->count];

    if (blob->path[0])
        unlink(blob->path);
    blob_release(blob);
    free(blob);
    incoming->digest[0] = 0;
}

static enum status begin(struct incoming *incoming, const char *digest, int64_t size,
                         struct error *err)
{
    char name[32];
    struct blob *blob;

    if (incoming->digest[0] || incoming->count == INCOMING_BLOBS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "an image has more than %d blobs",
                         INCOMING_BLOBS_MAX);
    blob = malloc(sizeof *blob);
    if (!blob)
        return error_no_memory(err, "a blob");
    snprintf(name, sizeof name, "blob-%zu", incoming->count);
    incoming->blobs[incoming->count++] = blob;
    snprintf(incoming->digest, sizeof incoming->digest, "%s", digest);
    incoming->size = size;
    if (blob_create(blob, &incoming->staging, name, err)) {
        incoming_abandon(incoming);
        return err->status;
    }
    return STATUS_OK;
}

enum status incoming_begin(struct incoming *incoming, const char *digest, int64_t size,
                           struct error *err)
{
    if (!blob_digest_is(digest) || size < 0)
        return error_set(err, STATUS_INVALID_INPUT, "\"%.80s\" is no digest", digest);
    return begin(incoming, digest, size, err);
}

enum status incoming_make(struct incoming *incoming, struct error *err)
{
    return begin(incoming, "that is made", INT64_MAX, err);
}

void incoming_made(struct incoming *incoming, char *digest, int64_t *size, char *path)
{
    struct blob *blob = incoming->blobs[incoming->count - 1];

    blob_finish(blob);
    incoming->digest[0] = 0;
    memcpy(digest, blob->digest, sizeof blob->digest);
    *size = blob->size;
    snprintf(path, PATH_SIZE, "%s", blob->path);
}

enum status incoming_write(struct incoming *incoming, struct bytes bytes, struct error *err)
{
    struct blob *blob = incoming->blobs[incoming->count - 1];

    if (bytes.size > (uint64_t)(incoming->size - blob->size))
        return error_set(err, STATUS_TOO_LARGE, "blob %s has more than the %lld bytes it should",
                         incoming->digest, (long long)incoming->size);
    return blob_write(blob, bytes, err);
}

enum status incoming_write_mapped(struct incoming *incoming, const struct artifact *artifact,
                                  struct bytes bytes, struct error *err)
{
    while (bytes.size) {
        struct bytes piece = {bytes.data, bytes.size < PIECE_BYTES ? bytes.size : PIECE_BYTES};
        TRY(incoming_write(incoming, piece, err));
        if (artifact)
            artifact_forget(artifact, piece);
        bytes = (struct bytes){bytes.data + piece.size, bytes.size - piece.size};
    }
    return STATUS_OK;
}

enum status incoming_add(struct incoming *incoming, const char *digest,
                         const struct artifact *artifact, struct bytes bytes, struct error *err)
{
    TRY(incoming_begin(incoming, digest, (int64_t)bytes.size, err));
    if (incoming_write_mapped(incoming, artifact, bytes, err)) {
        incoming_abandon(incoming);
        return err->status;
    }
    return incoming_end(incoming, err);
}

enum status incoming_end(struct incoming *incoming, struct error *err)
{
    struct blob *blob = incoming->blobs[incoming->count - 1];
    enum status status = STATUS_OK;

    blob_finish(blob);
    if (blob->size != incoming->size)
        status = error_set(err, STATUS_INVALID_INPUT, "blob %s has %lld bytes, not %lld",
                           incoming->digest, (long long)blob->size, (long long)incoming->size);
    else if (strcmp(blob->digest, incoming->digest) != 0)
        status = error_set(err, STATUS_INVALID_INPUT, "blob %s has other bytes: their digest is %s",
                           incoming->digest, blob->digest);
    if (status)
        incoming_abandon(incoming);
    incoming->digest[0] = 0;
    return status;
}

enum status incoming_read(const char *path, size_t most, struct bytes *bytes, struct arena *keep,
                          struct error *err)
{
    struct file_map map = {{NULL, 0}};

    enum status status = STATUS_OK;

    TRY(file_map_open(&map, AT_FDCWD, path, false, err));
    *bytes = (struct bytes){NULL, map.bytes.size};
    if (map.bytes.size > most)
        status = error_set(err, STATUS_TOO_LARGE, "a blob has %zu bytes, more than %zu",
                           map.bytes.size, most);
    else if (!(bytes->data = (const uint8_t *)arena_text(keep, map.bytes)))
        status = error_no_memory(err, "a blob");
    file_map_close(&map);
    return status;
}

/* --- freezing --- */

static enum status blob_settle(struct incoming *incoming, const char *digest, int64_t size,
                               struct error *err)
{
    struct blob *blob = received(incoming, digest, size);

    if (blob)
        return blob_publish(incoming->registry, blob, err);
    if (blob_exists(incoming->registry, digest, size))
        return STATUS_OK;
    return error_set(err, STATUS_CONFLICT, "blob %s was removed meanwhile", digest);
}

static enum status freeze_locked(struct incoming *incoming, const struct incoming_image *image,
                                 struct version *version, bool *unchanged, struct error *err)
{
    struct registry *registry = incoming->registry;
    const struct store_image row = {
        .digest = image->manifest_digest,
        .config = image->config_digest,
        .layer = image->layer_digest,
        .manifest_bytes = image->manifest_bytes,
        .config_bytes = image->config_bytes,
        .layer_bytes = image->layer_bytes,
        .single = image->single,
    };
    const struct version_upload alone = {.model = image->model};
    char folder[PATH_SIZE];

    TRY(blob_settle(incoming, image->layer_digest, image->layer_bytes, err));
    TRY(blob_settle(incoming, image->config_digest, image->config_bytes, err));
    TRY(blob_settle(incoming, image->manifest_digest, image->manifest_bytes, err));
    snprintf(folder, sizeof folder, "%s/blobs/sha256", registry->folder);
    TRY(file_sync_folder(folder, err));
    return registry->backend->add(registry->store, version, &row, &alone, unchanged, err);
}

enum status incoming_freeze(struct incoming *incoming, const struct incoming_image *image,
                            struct version *version, bool *unchanged, struct arena *keep,
                            struct error *err)
{
    struct registry *registry = incoming->registry;
    char created[32];
    struct version row = {.model = image->model,
                          .digest = image->manifest_digest,
                          .format = image->format,
                          .framework = image->framework,
                          .framework_version = image->framework_version,
                          .contract = image->contract,
                          .manifest = image->manifest,
                          .reason = image->reason,
                          .created = created,
                          .bytes = image->payload_bytes};
    enum status status;
    bool found;
    int lock;

    TRY(registry_model_check(image->model, err));
    registry_now(created);
    *unchanged = false;
    lock = registry_lock(registry, "lock", LOCK_SHARED, err);
    if (lock < 0)
        return err->status;
    status = freeze_locked(incoming, image, &row, unchanged, err);
    close(lock);
    TRY(status);
    if (!*unchanged)
        registry_index_follow(registry);
    TRY(registry->backend->find(registry->store, image->model, row.number, NULL, &found, version,
                                keep, err));
    return found ? STATUS_OK
                 : error_set(err, STATUS_CONFLICT, "version %lld of \"%s\" was deleted meanwhile",
                             (long long)row.number, image->model);
}

/* --- stored images --- */

static enum status stored(const struct registry *registry, const char *digest, int64_t size,
                          struct stored_blob *blob, struct arena *keep, struct error *err)
{
    char path[PATH_SIZE];

    if (!blob_path(registry, digest, path))
        return error_set(err, STATUS_INTERNAL, "\"%s\" is no digest", digest);
    *blob = (struct stored_blob){digest, size, arena_text(keep, bytes_of(path))};
    return blob->path ? STATUS_OK : error_no_memory(err, "an image");
}

enum status registry_image(struct registry *registry, const struct version *version,
                           struct stored_image *image, struct arena *keep, struct error *err)
{
    struct store_image row;

    TRY(registry->backend->image(registry->store, version->digest, &row, keep, err));
    image->single = row.single;
    TRY(stored(registry, row.digest, row.manifest_bytes, &image->manifest, keep, err));
    TRY(stored(registry, row.config, row.config_bytes, &image->config, keep, err));
    return stored(registry, row.layer, row.layer_bytes, &image->layer, keep, err);
}

enum status registry_pushed(struct registry *registry, const struct version *version,
                            const char *reference, struct error *err)
{
    char when[32];

    registry_now(when);
    return registry->backend->pushed(registry->store, version->model, version->number, reference,
                                     when, err);
}

enum status registry_pushes(struct registry *registry, const char *layer, const char ***references,
                            size_t *count, struct arena *keep, struct error *err)
{
    return registry->backend->pushes(registry->store, layer, references, count, keep, err);
}
