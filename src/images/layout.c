// SPDX-License-Identifier: Apache-2.0
/* A folder with an OCI layout (image-spec 1.0), as skopeo, umoci and podman read and write it:
 *
 *   oci-layout            {"imageLayoutVersion":"1.0.0"}
 *   index.json            descriptors of manifests; an annotation is their tag
 *   blobs/sha256/HEX */
#include "images/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/json/json.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define INDEX_HEAD "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_INDEX "\",\"manifests\":["

enum { PIECE_BYTES = 1 << 20, PATH_SIZE = PATH_MAX, SCRATCH_MAX = 64 << 20 };

struct layout {
    struct image_place base;
    char folder[PATH_SIZE - 256];
};

static void blob_path(const struct layout *layout, const char *digest, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/blobs/sha256/%s", layout->folder, digest + strlen("sha256:"));
}

static void index_path(const struct layout *layout, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/index.json", layout->folder);
}

static enum status system_error(struct error *err, const char *what, const char *path)
{
    return error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE,
                     "cannot %s \"%.300s\": %s", what, path, strerror(errno));
}

/* --- index.json --- */

static bool tag_is(const struct json *entry, const char *tag)
{
    struct bytes name;

    return json_string(json_get(json_get(entry, "annotations"), REF_NAME), &name) &&
           bytes_is(name, tag);
}

/* The digest of a tag; without one, of the only manifest. */
enum status image_index_find(const struct json *index, const char *tag, struct bytes *digest,
                             struct error *err)
{
    const struct json *list = json_get(index, "manifests"), *found = NULL;

    if (!list || list->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "index.json: it lists no manifests");
    for (size_t i = 0; i < list->count; i++)
        if (tag ? tag_is(&list->items[i], tag) : list->count == 1)
            found = &list->items[i];
    if (!found && !tag)
        return error_set(err, STATUS_INVALID_INPUT, "index.json: it has %zu images, name a tag",
                         list->count);
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "index.json: there is no tag \"%s\"", tag);
    if (!json_string(json_get(found, "digest"), digest) || !image_digest_is(*digest))
        return error_set(err, STATUS_INVALID_INPUT, "index.json: the image has no sha256 digest");
    return STATUS_OK;
}

static enum status index_map(const struct layout *layout, struct file_map *map, struct error *err)
{
    char path[PATH_SIZE];

    index_path(layout, path);
    TRY(file_map_open(map, AT_FDCWD, path, true, err));
    if (map->bytes.size <= IMAGE_MANIFEST_MAX)
        return STATUS_OK;
    file_map_close(map);
    return error_set(err, STATUS_TOO_LARGE, "\"%.300s\" has more than %d bytes", path,
                     IMAGE_MANIFEST_MAX);
}

static enum status tag_resolve(const struct layout *layout, const char *tag, const char **digest,
                               struct arena *keep, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct bytes found;
    struct json index;
    enum status status;

    TRY(index_map(layout, &map, err));
    status = json_parse(map.bytes, 0, &index, keep, err);
    if (status)
        status = error_within(err, "index.json");
    else
        status = image_index_find(&index, tag, &found, err);
    if (!status) {
        *digest = arena_text(keep, found);
        status = *digest ? STATUS_OK : error_no_memory(err, "a digest");
    }
    file_map_close(&map);
    return status;
}

static enum status manifest_read(struct image_place *place, const char *which, struct bytes *bytes,
                                 struct arena *keep, struct error *err)
{
    const struct layout *layout = (struct layout *)place;
    struct file_map map = {{NULL, 0}};
    char path[PATH_SIZE];

    if (!which || !image_digest_is(bytes_of(which)))
        TRY(tag_resolve(layout, which, &which, keep, err));
    blob_path(layout, which, path);
    TRY(file_map_open(&map, AT_FDCWD, path, true, err));
    bytes->size = map.bytes.size;
    bytes->data =
        bytes->size <= IMAGE_MANIFEST_MAX ? (const uint8_t *)arena_text(keep, map.bytes) : NULL;
    file_map_close(&map);
    return bytes->data ? STATUS_OK
                       : error_set(err, STATUS_TOO_LARGE, "manifest %s has %zu bytes, more than %d",
                                   which, bytes->size, IMAGE_MANIFEST_MAX);
}

/* The entries that stay, as they are written there. */
static enum status entries_copy(struct bytes index, const char *tag, struct text *text,
                                struct arena *scratch, struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    struct json entry;
    bool more;

    json_reader_init(&reader, index, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            return STATUS_OK;
        if (!bytes_is(key, "manifests")) {
            TRY(json_skip(&reader, err));
            continue;
        }
        TRY(json_enter(&reader, JSON_ARRAY, err));
        for (;;) {
            size_t begin;
            struct bytes raw;
            TRY(json_next(&reader, &more, NULL, err));
            if (!more)
                break;
            begin = json_offset(&reader);
            TRY(json_skip(&reader, err));
            raw = (struct bytes){index.data + begin, json_offset(&reader) - begin};
            TRY(json_parse(raw, 0, &entry, scratch, err));
            if (tag_is(&entry, tag))
                continue;
            text_append_bytes(text, raw);
            text_append_char(text, ',');
        }
    }
}

static enum status index_write(const struct layout *layout, const char *tag, const char *digest,
                               size_t size, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct text text = {0};
    char path[PATH_SIZE];
    struct arena scratch;
    enum status status = STATUS_OK;

    arena_init(&scratch, SCRATCH_MAX);
    index_path(layout, path);
    text_append(&text, INDEX_HEAD);
    if (access(path, F_OK) == 0)
        status = index_map(layout, &map, err);
    if (!status && map.bytes.size && entries_copy(map.bytes, tag, &text, &scratch, err))
        status = error_within(err, "index.json");
    text_printf(&text,
                "{\"mediaType\":\"" IMAGE_TYPE_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu,"
                "\"annotations\":{\"" REF_NAME "\":\"%s\"}}]}",
                digest, size, tag);
    if (!status)
        status = text_check(&text, err);
    if (!status)
        status = file_replace(path, text_bytes(&text), err);
    file_map_close(&map);
    text_release(&text);
    arena_release(&scratch);
    return status;
}

/* --- blobs --- */

static enum status blob_read(struct image_place *place, const struct image_descriptor *descriptor,
                             const struct image_sink *sink, struct error *err)
{
    char path[PATH_SIZE];
    uint8_t *piece = malloc(PIECE_BYTES);
    enum status status = piece ? STATUS_OK : error_no_memory(err, "a blob");
    int64_t left = descriptor->size;
    ssize_t got = 1;
    int fd;

    blob_path((struct layout *)place, descriptor->digest, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!status && fd < 0)
        status = system_error(err, "open", path);
    while (!status && left > 0) {
        got = read(fd, piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = system_error(err, "read", path);
        else if (got == 0)
            status = error_set(err, STATUS_INVALID_INPUT, "blob %s ends early: %lld bytes less",
                               descriptor->digest, (long long)left);
        else
            status = sink->write(sink->context, (struct bytes){piece, (size_t)got}, err);
        left -= got > 0 ? got : 0;
        image_progress_add(place, got > 0 ? (uint64_t)got : 0);
    }
    if (fd >= 0)
        close(fd);
    free(piece);
    return status;
}

static enum status blob_fill(int to, const struct image_blob *blob, struct image_place *place,
                             struct error *err)
{
    uint8_t *piece;
    enum status status = STATUS_OK;
    ssize_t got = 1;
    int from;

    if (!blob->path)
        return file_write_all(to, blob->bytes) ? STATUS_OK
                                               : system_error(err, "write", blob->digest);
    from = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return system_error(err, "open", blob->path);
    piece = malloc(PIECE_BYTES);
    if (!piece)
        status = error_no_memory(err, "a blob");
    while (!status && got) {
        got = read(from, piece, PIECE_BYTES);
        if (got < 0 && errno != EINTR)
            status = system_error(err, "read", blob->path);
        else if (got > 0 && !file_write_all(to, (struct bytes){piece, (size_t)got}))
            status = system_error(err, "write", blob->digest);
        image_progress_add(place, got > 0 ? (uint64_t)got : 0);
    }
    free(piece);
    close(from);
    return status;
}

static enum status blob_write(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err)
{
    const struct layout *layout = (struct layout *)place;
    char path[PATH_SIZE], temporary[PATH_SIZE];
    enum status status;
    struct stat info;
    int fd;

    blob_path(layout, blob->digest, path);
    *existed = stat(path, &info) == 0 && info.st_size == blob->size;
    if (*existed)
        return STATUS_OK;
    snprintf(temporary, sizeof temporary, "%s/.blob-XXXXXX", layout->folder);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return system_error(err, "create", temporary);
    status = blob_fill(fd, blob, place, err);
    if (!status && (fchmod(fd, 0644) || fsync(fd) || rename(temporary, path)))
        status = system_error(err, "write", path);
    close(fd);
    if (status)
        unlink(temporary);
    return status;
}

static enum status manifest_write(struct image_place *place, const char *which, const char *digest,
                                  struct bytes bytes, struct error *err)
{
    const struct layout *layout = (struct layout *)place;
    const struct image_blob blob = {.digest = digest, .size = (int64_t)bytes.size, .bytes = bytes};
    bool existed;

    TRY(blob_write(place, &blob, &existed, err));
    return index_write(layout, which, digest, bytes.size, err);
}

/* --- opening --- */

static void layout_close(struct image_place *place)
{
    free(place);
}

static const struct image_place_class LAYOUT_CLASS = {
    .manifest_read = manifest_read,
    .manifest_write = manifest_write,
    .blob_read = blob_read,
    .blob_write = blob_write,
    .close = layout_close,
};

/* Made when it is not there; another folder that holds something is left alone. */
static enum status layout_make(const struct layout *layout, struct error *err)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/oci-layout", layout->folder);
    if (access(path, F_OK) == 0)
        return STATUS_OK;
    if (rmdir(layout->folder) && errno != ENOENT)
        return error_set(err, STATUS_CONFLICT, "\"%.300s\" is no OCI layout, and not empty",
                         layout->folder);
    snprintf(path, sizeof path, "%s/blobs/sha256", layout->folder);
    TRY(file_make_folders(path, err));
    snprintf(path, sizeof path, "%s/oci-layout", layout->folder);
    return file_replace(path, bytes_of(LAYOUT), err);
}

enum status image_layout_open(const struct image_reference *reference,
                              const struct image_access *access, struct image_place **place,
                              struct error *err)
{
    struct layout *layout = calloc(1, sizeof *layout);
    enum status status = STATUS_OK;

    if (!layout)
        return error_no_memory(err, "a layout");
    layout->base.class = &LAYOUT_CLASS;
    if ((size_t)snprintf(layout->folder, sizeof layout->folder, "%s", reference->folder) >=
        sizeof layout->folder)
        status =
            error_set(err, STATUS_INVALID_INPUT, "path is too long: %.64s...", reference->folder);
    if (!status && access->write)
        status = layout_make(layout, err);
    if (status)
        free(layout);
    else
        *place = &layout->base;
    return status;
}
