// SPDX-License-Identifier: Apache-2.0
/* The OCI image of a version (image-spec 1.0): one uncompressed layer, written by our own tar
 * writer so that it is the same everywhere, and so that weights are mapped straight out of it.
 *
 *   model/contract.json
 *   model/files/...        the members; a file, zip or single model is model/files/model.SUFFIX
 *   model/serving.yaml     when there was one
 *
 * Entries are sorted, parents first; owner 0, time 0, mode 0644 or 0755. Data lies on 512 byte
 * boundaries, as tar has it, which is more than any kernel asks for. */
#include "registry/internal.h"

#include <ctype.h>
#include <stdlib.h>

#include "formats/json/json.h"
#include "formats/archive/tar_write.h"

#define LAYER_FOLDER "model/"

enum {
    COPY_BYTES = 1 << 20,
    SUFFIX_BYTES_MAX = 16,
    PATH_BYTES_MAX = 4000, /* of a member; the tar reader's own limit is above it */
};

/* One layer that is being written. */
struct layer {
    struct blob *blob;
    const struct version_upload *upload;
    uint64_t done, total;   /* payload bytes, for the progress */
    char folder[PATH_SIZE]; /* the last one written, with '/' */
    uint8_t *buffer;        /* (COPY_BYTES,) */
};

static enum status padding_write(struct layer *layer, uint64_t size, struct error *err)
{
    static const uint8_t ZEROS[TAR_BLOCK];

    return blob_write(layer->blob, (struct bytes){ZEROS, tar_padding(size)}, err);
}

static enum status entry_write(struct layer *layer, struct bytes path, uint64_t size, char type,
                               struct error *err)
{
    struct text head = {0};
    enum status status;

    tar_write_head(&head, path, size, type);
    status = text_check(&head, err);
    if (!status)
        status = blob_write(layer->blob, text_bytes(&head), err);
    text_release(&head);
    return status;
}

/* The folders above `path` that the last entry was not in. */
static enum status folders_write(struct layer *layer, const char *path, struct error *err)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path) + 1;
        if (strncmp(layer->folder, path, size) == 0)
            continue;
        memcpy(layer->folder, path, size);
        layer->folder[size] = 0;
        TRY(entry_write(layer, bytes_of(layer->folder), 0, TAR_FOLDER, err));
    }
    return STATUS_OK;
}

/* The bytes are copied first: what is hashed is what is written, though the source may change. */
static enum status data_write(struct layer *layer, struct bytes bytes, bool counts,
                              struct error *err)
{
    size_t size = bytes.size;

    while (bytes.size) {
        size_t chunk = bytes.size < COPY_BYTES ? bytes.size : COPY_BYTES;
        memcpy(layer->buffer, bytes.data, chunk);
        TRY(blob_write(layer->blob, (struct bytes){layer->buffer, chunk}, err));
        artifact_forget(layer->upload->artifact, (struct bytes){bytes.data, chunk});
        bytes = (struct bytes){bytes.data + chunk, bytes.size - chunk};
        layer->done += counts ? chunk : 0;
        if (counts && layer->upload->progress)
            layer->upload->progress(layer->upload->context, layer->done, layer->total);
    }
    return padding_write(layer, size, err);
}

static enum status file_write(struct layer *layer, const char *path, struct bytes bytes,
                              bool counts, struct error *err)
{
    TRY(folders_write(layer, path, err));
    TRY(entry_write(layer, bytes_of(path), bytes.size, TAR_FILE, err));
    return data_write(layer, bytes, counts, err);
}

/* A single file's name in the image: the suffix stays, because it may be a hint; the rest goes, so
 * that a renamed copy is the same version. */
static void single_path(const struct artifact *artifact, char *path, size_t size)
{
    const char *suffix = strrchr(artifact->name, '.');
    size_t length = suffix ? strlen(suffix + 1) : 0;

    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)suffix[1 + i]))
            length = 0;
    snprintf(path, size, IMAGE_FILES "model%s", length && length <= SUFFIX_BYTES_MAX ? suffix : "");
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(struct member *const *)a)->path, (*(struct member *const *)b)->path);
}

static enum status sorted_write(struct layer *layer, struct member **members, size_t count,
                                struct error *err)
{
    char path[PATH_SIZE];
    struct bytes bytes;

    for (size_t i = 0; i < count; i++) {
        struct member *member = members[i];
        if (strlen(member->path) > PATH_BYTES_MAX)
            return error_set(err, STATUS_TOO_LARGE, "a member's path is longer than %d bytes",
                             PATH_BYTES_MAX);
        TRY(member_bytes(member, &bytes, err));
        snprintf(path, sizeof path, IMAGE_FILES "%s", member->path);
        TRY(file_write(layer, path, bytes, true, err));
    }
    return STATUS_OK;
}

/* A file that found others beside it has them in the order in which it named them. */
static enum status members_write(struct layer *layer, struct artifact *artifact, struct error *err)
{
    struct member **members = calloc(artifact->count + 1, sizeof(struct member *));
    enum status status;

    if (!members)
        return error_no_memory(err, "an image");
    for (size_t i = 0; i < artifact->count; i++)
        members[i] = &artifact->members[i];
    qsort(members, artifact->count, sizeof(struct member *), by_path);
    status = sorted_write(layer, members, artifact->count, err);
    free(members);
    return status;
}

static enum status layer_fill(struct layer *layer, bool single, struct error *err)
{
    static const uint8_t END[TAR_END_SIZE];
    const struct version_upload *upload = layer->upload;
    char path[PATH_SIZE];

    TRY(file_write(layer, IMAGE_CONTRACT, bytes_of(upload->contract), false, err));
    /* The folder is there even when it holds nothing. */
    TRY(folders_write(layer, IMAGE_FILES, err));
    if (single) {
        single_path(upload->artifact, path, sizeof path);
        TRY(file_write(layer, path, artifact_container(upload->artifact), true, err));
    } else {
        TRY(members_write(layer, upload->artifact, err));
    }
    if (upload->manifest[0])
        TRY(file_write(layer, IMAGE_MANIFEST, bytes_of(upload->manifest), false, err));
    return blob_write(layer->blob, (struct bytes){END, sizeof END}, err);
}

/* Members of a tar are a folder; a zip may be the model itself, so it stays as it is. */
static bool is_single(const struct artifact *artifact)
{
    return artifact->kind == ARTIFACT_FILE || artifact->kind == ARTIFACT_ZIP;
}

uint64_t image_payload(const struct artifact *artifact)
{
    uint64_t total = 0;

    if (is_single(artifact))
        return artifact_container(artifact).size;
    for (size_t i = 0; i < artifact->count; i++)
        total += artifact->members[i].size;
    return total;
}

static enum status layer_write(struct image *image, const struct staging *staging,
                               const struct version_upload *upload, struct error *err)
{
    struct layer *layer = calloc(1, sizeof *layer);
    enum status status;

    if (!layer)
        return error_no_memory(err, "an image");
    layer->blob = &image->layer;
    layer->upload = upload;
    image->single = is_single(upload->artifact);
    layer->total = image_payload(upload->artifact);
    image->bytes = (int64_t)layer->total;
    layer->buffer = malloc(COPY_BYTES);
    status = layer->buffer ? blob_create(&image->layer, staging, "layer", err)
                           : error_no_memory(err, "an image");
    if (!status)
        status = layer_fill(layer, image->single, err);
    if (!status)
        blob_finish(&image->layer);
    free(layer->buffer);
    free(layer);
    return status;
}

static enum status text_write(struct blob *blob, const struct staging *staging, const char *name,
                              struct text *text, struct error *err)
{
    TRY(text_check(text, err));
    TRY(blob_create(blob, staging, name, err));
    TRY(blob_write(blob, text_bytes(text), err));
    blob_finish(blob);
    return STATUS_OK;
}

static void label(struct text *text, const char *key, const char *value, bool last)
{
    json_write_key(text, key);
    json_write_text(text, value);
    if (!last)
        text_append_char(text, ',');
}

static void config_print(struct text *text, const struct image *image,
                         const struct version_upload *upload, const char *contract)
{
    text_append(text, "{\"created\":\"1970-01-01T00:00:00Z\",\"architecture\":\"amd64\","
                      "\"os\":\"linux\",\"config\":{\"Labels\":{");
    label(text, LABEL_CONTRACT, contract, false);
    label(text, LABEL_FORMAT, upload->format, false);
    label(text, LABEL_FRAMEWORK, upload->framework, false);
    label(text, LABEL_FRAMEWORK_VERSION, upload->framework_version, false);
    label(text, LABEL_TITLE, upload->model, true);
    text_printf(text,
                "}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},\"history\":["
                "{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"firn\"}]}",
                image->layer.digest);
}

static void descriptor(struct text *text, const char *type, const struct blob *blob)
{
    text_printf(text,
                "{\"mediaType\":\"application/vnd.oci.image.%s\",\"digest\":\"%s\",\"size\":%lld}",
                type, blob->digest, (long long)blob->size);
}

static void manifest_print(struct text *text, const struct image *image,
                           const struct version_upload *upload, const char *contract)
{
    text_append(text, "{\"schemaVersion\":2,"
                      "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":");
    descriptor(text, "config.v1+json", &image->config);
    text_append(text, ",\"layers\":[");
    descriptor(text, "layer.v1.tar", &image->layer);
    text_append(text, "],\"annotations\":{");
    label(text, LABEL_CONTRACT, contract, false);
    label(text, LABEL_TITLE, upload->model, true);
    text_append(text, "}}");
}

/* What is frozen must open again: a name that the tar reader refuses is found here. */
static enum status layer_check(const struct image *image, struct error *err)
{
    struct artifact *artifact;

    TRY(artifact_open_layer(image->layer.path, IMAGE_FILES, image->single, NULL, &artifact, err));
    artifact_close(artifact);
    return STATUS_OK;
}

enum status image_write(struct image *image, const struct staging *staging,
                        const struct version_upload *upload, struct error *err)
{
    char contract[DIGEST_SIZE] = "sha256:";
    struct text text = {0};
    enum status status;

    *image = (struct image){.layer.fd = -1, .config.fd = -1, .manifest.fd = -1};
    if (!sha256_of(bytes_of(upload->contract), contract + 7))
        return error_no_memory(err, "a digest");
    status = layer_write(image, staging, upload, err);
    if (!status && staging)
        status = layer_check(image, err);
    if (!status) {
        config_print(&text, image, upload, contract);
        status = text_write(&image->config, staging, "config", &text, err);
    }
    if (!status) {
        text_clear(&text);
        manifest_print(&text, image, upload, contract);
        status = text_write(&image->manifest, staging, "manifest", &text, err);
    }
    text_release(&text);
    return status;
}

static enum status member_text(struct artifact *layer, const char *path, bool needed,
                               const char **text, struct arena *keep, struct error *err)
{
    struct member *member = artifact_find(layer, path + strlen(LAYER_FOLDER));
    struct bytes bytes = {(const uint8_t *)"", 0};

    if (!member && needed)
        return error_set(err, STATUS_INVALID_INPUT, "the image has no /%s", path);
    if (member)
        TRY(member_bytes(member, &bytes, err));
    if (memchr(bytes.data, 0, bytes.size))
        return error_set(err, STATUS_INVALID_INPUT, "the image's /%s has zero bytes", path);
    *text = arena_text(keep, bytes);
    return *text ? STATUS_OK : error_no_memory(err, "an image");
}

enum status image_layer_texts(const char *path, const char **contract, const char **manifest,
                              struct arena *keep, struct error *err)
{
    struct artifact *layer;
    enum status status;

    TRY(artifact_open_layer(path, LAYER_FOLDER, false, NULL, &layer, err));
    status = member_text(layer, IMAGE_CONTRACT, true, contract, keep, err);
    if (!status)
        status = member_text(layer, IMAGE_MANIFEST, false, manifest, keep, err);
    artifact_close(layer);
    return status;
}

void image_release(struct image *image)
{
    blob_release(&image->layer);
    blob_release(&image->config);
    blob_release(&image->manifest);
}
