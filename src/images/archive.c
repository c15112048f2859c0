// SPDX-License-Identifier: Apache-2.0
/* A tar file with images, read only: an OCI layout in it, as `docker save` (from 25 on), podman and
 * skopeo write one, or docker's own form before that, which has no manifests:
 *
 *   manifest.json    [{"Config": "HEX.json", "RepoTags": ["name:tag"], "Layers": ["ID/layer.tar"]}]
 *
 * For that one a manifest is made, whose digests are those of the files. */
#include "images/place.h"

#include <stdlib.h>

#include "base/sha256.h"
#include "base/text.h"
#include "formats/archive/artifact.h"
#include "formats/json/json.h"

enum { PIECE_BYTES = 1 << 20, MEMORY_MAX = 64 << 20 };

struct archive {
    struct image_place base;
    struct artifact *artifact;
    struct arena memory;
    const char *digests[IMAGE_LAYERS_MAX + 1]; /* (blob_count,) of docker's form */
    struct member *blobs[IMAGE_LAYERS_MAX + 1];
    size_t blob_count;
};

static enum status member_needed(struct archive *archive, const char *path, struct member **member,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    *member = artifact_find(archive->artifact, path);
    return *member ? STATUS_OK
                   : error_set(err, STATUS_NOT_FOUND, "the archive has no \"%s\"",
                               text_quote(bytes_of(path), quoted, sizeof quoted));
}

static enum status json_member(struct archive *archive, struct member *member, struct json *json,
                               struct error *err)
{
    struct bytes bytes;

    TRY(member_bytes(member, &bytes, err));
    if (bytes.size > IMAGE_MANIFEST_MAX)
        return error_set(err, STATUS_TOO_LARGE, "\"%s\" has more than %d bytes", member->path,
                         IMAGE_MANIFEST_MAX);
    return json_parse(bytes, 0, json, &archive->memory, err) ? error_within(err, "%s", member->path)
                                                             : STATUS_OK;
}

/* --- docker's own form --- */

static bool has_tag(const struct json *entry, const char *tag)
{
    const struct json *names = json_get(entry, "RepoTags");
    struct bytes name;

    for (size_t i = 0; names && names->kind == JSON_ARRAY && i < names->count; i++) {
        size_t size = strlen(tag);
        if (json_string(&names->items[i], &name) && name.size > size &&
            name.data[name.size - size - 1] == ':' &&
            memcmp(name.data + name.size - size, tag, size) == 0)
            return true;
    }
    return false;
}

static enum status entry_find(const struct json *list, const char *tag, const struct json **entry,
                              struct error *err)
{
    size_t found = 0;

    if (list->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "manifest.json: it lists no images");
    for (size_t i = 0; i < list->count; i++)
        if (!tag || has_tag(&list->items[i], tag)) {
            *entry = &list->items[i];
            found++;
        }
    if (found == 1)
        return STATUS_OK;
    if (tag && !found)
        return error_set(err, STATUS_NOT_FOUND, "manifest.json: there is no tag \"%s\"", tag);
    return error_set(err, STATUS_INVALID_INPUT, "manifest.json: it has %zu images%s, name %s",
                     found, tag ? " with that tag" : "", tag ? "one that is alone" : "a tag");
}

static enum status blob_describe(struct archive *archive, const struct json *name, const char *type,
                                 struct text *manifest, struct error *err)
{
    struct bytes string;
    struct member *member;
    const char *path;
    char hex[65];

    if (!json_string(name, &string) || memchr(string.data, 0, string.size))
        return error_set(err, STATUS_INVALID_INPUT, "manifest.json: a file has no name");
    path = arena_text(&archive->memory, string);
    if (!path)
        return error_no_memory(err, "an image");
    TRY(member_needed(archive, path, &member, err));
    TRY(member_sha256(member, hex, err));
    archive->blobs[archive->blob_count] = member;
    archive->digests[archive->blob_count] = arena_printf(&archive->memory, "sha256:%s", hex);
    if (!archive->digests[archive->blob_count++])
        return error_no_memory(err, "an image");
    text_printf(manifest, "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%llu}", type,
                hex, (unsigned long long)member->size);
    return STATUS_OK;
}

static enum status manifest_make(struct archive *archive, const struct json *entry,
                                 struct text *manifest, struct error *err)
{
    const struct json *layers = json_get(entry, "Layers");

    if (!layers || layers->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT,
                         "manifest.json: the image has no list of layers");
    if (layers->count > IMAGE_LAYERS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "manifest.json: %zu layers, more than %d",
                         layers->count, IMAGE_LAYERS_MAX);
    archive->blob_count = 0;
    text_append(manifest, "{\"schemaVersion\":2,\"config\":");
    TRY(blob_describe(archive, json_get(entry, "Config"), IMAGE_TYPE_CONFIG, manifest, err));
    text_append(manifest, ",\"layers\":[");
    for (size_t i = 0; i < layers->count; i++) {
        text_append(manifest, i ? "," : "");
        TRY(blob_describe(archive, &layers->items[i], IMAGE_TYPE_LAYER, manifest, err));
    }
    text_append(manifest, "]}");
    return text_check(manifest, err);
}

static enum status docker_read(struct archive *archive, struct member *member, const char *tag,
                               struct bytes *bytes, struct arena *keep, struct error *err)
{
    const struct json *entry = NULL;
    struct text manifest = {0};
    struct json json;
    enum status status;

    TRY(json_member(archive, member, &json, err));
    TRY(entry_find(&json, tag, &entry, err));
    status = manifest_make(archive, entry, &manifest, err);
    if (!status) {
        *bytes =
            (struct bytes){(const uint8_t *)arena_text(keep, text_bytes(&manifest)), manifest.size};
        status = bytes->data ? STATUS_OK : error_no_memory(err, "an image");
    }
    text_release(&manifest);
    return status;
}

/* --- both --- */

static struct member *blob_find(struct archive *archive, const char *digest)
{
    const char *path;

    for (size_t i = 0; i < archive->blob_count; i++)
        if (strcmp(archive->digests[i], digest) == 0)
            return archive->blobs[i];
    path = arena_printf(&archive->memory, "blobs/sha256/%s", digest + strlen("sha256:"));
    return path ? artifact_find(archive->artifact, path) : NULL;
}

static enum status blob_missing(const char *digest, struct error *err)
{
    return error_set(err, STATUS_NOT_FOUND, "the archive has no blob %s", digest);
}

static enum status manifest_read(struct image_place *place, const char *which, struct bytes *bytes,
                                 struct arena *keep, struct error *err)
{
    struct archive *archive = (struct archive *)place;
    struct member *index = artifact_find(archive->artifact, "index.json");
    struct member *docker = artifact_find(archive->artifact, "manifest.json"), *member;
    struct bytes digest = bytes_of(which ? which : "");
    struct json json;

    if (!image_digest_is(digest)) {
        if (!index && docker)
            return docker_read(archive, docker, which, bytes, keep, err);
        if (!index)
            return error_set(err, STATUS_INVALID_INPUT,
                             "the archive has no index.json and no manifest.json: it is no image");
        TRY(json_member(archive, index, &json, err));
        TRY(image_index_find(&json, which, &digest, err));
        which = arena_text(&archive->memory, digest);
        if (!which)
            return error_no_memory(err, "a digest");
    }
    member = blob_find(archive, which);
    if (!member)
        return blob_missing(which, err);
    if (member->size > IMAGE_MANIFEST_MAX)
        return error_set(err, STATUS_TOO_LARGE, "manifest %s has more than %d bytes", which,
                         IMAGE_MANIFEST_MAX);
    TRY(member_bytes(member, &digest, err));
    *bytes = (struct bytes){(const uint8_t *)arena_text(keep, digest), digest.size};
    return bytes->data ? STATUS_OK : error_no_memory(err, "an image");
}

static enum status blob_read(struct image_place *place, const struct image_descriptor *descriptor,
                             const struct image_sink *sink, struct error *err)
{
    struct archive *archive = (struct archive *)place;
    struct member *member = blob_find(archive, descriptor->digest);
    struct bytes bytes;

    if (!member)
        return blob_missing(descriptor->digest, err);
    TRY(member_bytes(member, &bytes, err));
    for (size_t at = 0; at < bytes.size; at += PIECE_BYTES) {
        size_t left = bytes.size - at;
        struct bytes piece = {bytes.data + at, left < PIECE_BYTES ? left : PIECE_BYTES};
        TRY(sink->write(sink->context, piece, err)); /* which bounds and checks it */
        artifact_forget(archive->artifact, piece);
        image_progress_add(place, piece.size);
    }
    return STATUS_OK;
}

static enum status refuse(struct error *err)
{
    enum status status = error_set(err, STATUS_UNSUPPORTED, "an archive is only read");

    error_fix(err, "push to oci:FOLDER, and `skopeo copy` makes an archive of it");
    return status;
}

static enum status manifest_write(struct image_place *place, const char *which, const char *digest,
                                  struct bytes bytes, struct error *err)
{
    (void)place;
    (void)which;
    (void)digest;
    (void)bytes;
    return refuse(err);
}

static enum status blob_write(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err)
{
    (void)place;
    (void)blob;
    (void)existed;
    return refuse(err);
}

static void archive_close(struct image_place *place)
{
    struct archive *archive = (struct archive *)place;

    artifact_close(archive->artifact);
    arena_release(&archive->memory);
    free(archive);
}

static const struct image_place_class ARCHIVE_CLASS = {
    .manifest_read = manifest_read,
    .manifest_write = manifest_write,
    .blob_read = blob_read,
    .blob_write = blob_write,
    .close = archive_close,
};

enum status image_archive_open(const struct image_reference *reference,
                               const struct image_access *access, struct image_place **place,
                               struct error *err)
{
    struct archive *archive;
    enum status status;

    if (access->write)
        return refuse(err);
    archive = calloc(1, sizeof *archive);
    if (!archive)
        return error_no_memory(err, "an archive");
    archive->base.class = &ARCHIVE_CLASS;
    arena_init(&archive->memory, MEMORY_MAX);
    status = artifact_open(reference->folder, NULL, &archive->artifact, err);
    if (!status && archive->artifact->kind != ARTIFACT_TAR)
        status =
            error_set(err, STATUS_INVALID_INPUT, "\"%.300s\" is no tar archive", reference->folder);
    if (status)
        archive_close(&archive->base);
    else
        *place = &archive->base;
    return status;
}
