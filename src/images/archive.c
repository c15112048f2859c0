// SPDX-License-Identifier: Apache-2.0
/* A tar file with images, read only: an OCI layout in it, as `docker save` (from 25 on), podman and
 * skopeo write one, or docker's own form before that, which has no manifests:
 *
 *   manifest.json    [{"Config": "HEX.json", "RepoTags": ["name:tag"], "Layers": ["ID/layer.tar"]}]
 *
 * For that one a manifest is made, whose digests are those of the files. Layers that it has twice
 * are links. The file may be packed: then each blob is found by unpacking from the start. */
#include "images/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/hash/sha256.h"
#include "base/map.h"
#include "base/text.h"
#include "formats/archive/artifact.h"
#include "formats/archive/tar_stream.h"
#include "formats/json/json.h"

enum { PIECE_BYTES = 1 << 20, MEMORY_MAX = 256 << 20 };

struct named { /* a file or a link in it */
    struct bytes path;
    struct bytes link; /* the path that it leads to; {NULL, 0}: a file */
    uint64_t size;
    const char *digest; /* once it is known */
    bool twice;         /* another one has its path: readers differ in which they take */
};

struct archive {
    struct image_place base;
    struct file_map map;
    struct arena memory;
    struct artifact_limits limits;
    struct named **items; /* (count,) in order */
    size_t count, capacity;
    struct map paths; /* to the first of that path */
};

/* --- files --- */

/* As manifest.json and index.json say it: these are names in an archive, not paths in a container,
 * so that "/x" and "a/../x" name nothing. */
static struct bytes tidy(struct bytes path)
{
    while (path.size > 1 && path.data[0] == '.' && path.data[1] == '/')
        path = (struct bytes){path.data + 2, path.size - 2};
    return path;
}

/* "../ID/layer.tar" beside "a/x": "ID/layer.tar". */
static struct bytes link_path(struct archive *archive, const struct tar_entry *entry)
{
    struct bytes from = tidy(entry->path), to = entry->link;
    const char *path;

    for (;;) {
        while (from.size && from.data[from.size - 1] != '/')
            from.size--;
        if (to.size < 3 || memcmp(to.data, "../", 3) != 0)
            break;
        to = (struct bytes){to.data + 3, to.size - 3};
        from.size -= from.size > 0;
    }
    path = arena_printf(&archive->memory, "%.*s%.*s", (int)from.size, (const char *)from.data,
                        (int)to.size, (const char *)to.data);
    return path ? bytes_of(path) : (struct bytes){NULL, 0};
}

static enum status stream_open(const struct archive *archive, struct tar_stream **stream,
                               struct error *err)
{
    return tar_stream_open(archive->map.bytes, true, 4 * archive->limits.bytes,
                           archive->limits.ratio, stream, err);
}

static enum status item_add(struct archive *archive, const struct tar_entry *entry,
                            struct error *err)
{
    struct bytes path = tidy(entry->path);
    struct named *item, *first;

    if (archive->count == archive->limits.members)
        return error_set(err, STATUS_TOO_LARGE, "the archive has more than %zu files",
                         archive->limits.members);
    item = arena_new(&archive->memory, struct named, 1);
    if (!item || !ARENA_GROW(&archive->memory, archive->items, archive->count, archive->capacity))
        return error_no_memory(err, "an archive");
    archive->items[archive->count++] = item;
    item->size = entry->size;
    item->path = (struct bytes){(const uint8_t *)arena_text(&archive->memory, path), path.size};
    if (entry->type != '0')
        item->link = link_path(archive, entry);
    if (!item->path.data)
        return error_no_memory(err, "an archive");
    first = map_find(&archive->paths, item->path);
    if (first)
        first->twice = true;
    else if (!map_set(&archive->paths, item->path, item))
        return error_no_memory(err, "an archive");
    return STATUS_OK;
}

static enum status items_list(struct archive *archive, struct error *err)
{
    struct tar_stream *stream;
    struct tar_entry entry;
    bool more = true;
    enum status status;

    TRY(stream_open(archive, &stream, err));
    while (more) {
        status = tar_stream_next(stream, &entry, &more, err);
        /* hard links and devices are no files of an image's archive */
        if (!status && more && (entry.type == '0' || entry.type == '2'))
            status = item_add(archive, &entry, err);
        if (status)
            break;
    }
    tar_stream_close(stream);
    return status;
}

/* The file of that name, through one link; NULL when there is none. */
static struct named *item_find(struct archive *archive, struct bytes path)
{
    for (size_t hop = 0; hop < 2; hop++) {
        struct named *found = map_find(&archive->paths, path);
        if (!found || !found->link.data || found->twice)
            return found;
        path = found->link;
    }
    return NULL;
}

static enum status item_needed(struct archive *archive, struct bytes path, struct named **item,
                               struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    *item = item_find(archive, path);
    return *item ? STATUS_OK
                 : error_set(err, STATUS_NOT_FOUND, "the archive has no \"%s\"",
                             text_quote(path, quoted, sizeof quoted));
}

static enum status stream_copy(struct tar_stream *stream, const struct image_sink *sink,
                               struct image_place *place, struct error *err)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    enum status status = piece ? STATUS_OK : error_no_memory(err, "a blob");
    size_t got = 1;

    while (!status && got) {
        status = tar_stream_read(stream, piece, PIECE_BYTES, &got, err);
        if (!status && got)
            status = sink->write(sink->context, (struct bytes){piece, got}, err);
        if (!status)
            image_progress_add(place, got);
    }
    free(piece);
    return status;
}

/* All bytes of a file to `sink`. */
static enum status item_read(struct archive *archive, const struct named *item,
                             const struct image_sink *sink, struct image_place *place,
                             struct error *err)
{
    struct tar_stream *stream;
    struct tar_entry entry;
    bool more = true, found = false;
    char quoted[TEXT_QUOTE_SIZE];
    enum status status;

    if (item->twice)
        return error_set(err, STATUS_INVALID_INPUT, "the archive has \"%s\" twice",
                         text_quote(item->path, quoted, sizeof quoted));
    TRY(stream_open(archive, &stream, err));
    do {
        status = tar_stream_next(stream, &entry, &more, err);
        found = !status && more && entry.type == '0' && bytes_equal(tidy(entry.path), item->path);
    } while (!status && more && !found);
    if (found)
        status = stream_copy(stream, sink, place, err);
    else if (!status)
        status = error_set(err, STATUS_CONFLICT, "the archive changed while it was read");
    tar_stream_close(stream);
    return status;
}

static enum status text_take(void *context, struct bytes bytes, struct error *err)
{
    text_append_bytes(context, bytes);
    return text_check(context, err);
}

/* A small one, kept. */
static enum status item_bytes(struct archive *archive, const struct named *item,
                              struct bytes *bytes, struct arena *keep, struct error *err)
{
    struct image_place nowhere = {0};
    struct text text = {0};
    const struct image_sink sink = {text_take, &text};
    enum status status;
    char quoted[TEXT_QUOTE_SIZE];

    if (item->size > IMAGE_MANIFEST_MAX)
        return error_set(err, STATUS_TOO_LARGE, "\"%s\" has more than %d bytes",
                         text_quote(item->path, quoted, sizeof quoted), IMAGE_MANIFEST_MAX);
    status = item_read(archive, item, &sink, &nowhere, err);
    *bytes = (struct bytes){NULL, text.size};
    if (!status)
        bytes->data = (const uint8_t *)arena_text(keep, text_bytes(&text));
    text_release(&text);
    return status || bytes->data ? status : error_no_memory(err, "a file of an archive");
}

static enum status hash_take(void *context, struct bytes bytes, struct error *err)
{
    (void)err;
    sha256_update(context, bytes);
    return STATUS_OK;
}

static enum status item_digest(struct archive *archive, struct named *item, struct error *err)
{
    struct image_place nowhere = {0};
    struct image_sink sink = {hash_take, NULL};
    char hex[SHA256_HEX_SIZE];
    enum status status;

    if (item->digest)
        return STATUS_OK;
    sink.context = sha256_new();
    if (!sink.context)
        return error_no_memory(err, "a digest");
    status = item_read(archive, item, &sink, &nowhere, err);
    sha256_finish(sink.context, hex);
    sha256_free(sink.context);
    TRY(status);
    item->digest = arena_printf(&archive->memory, "sha256:%s", hex);
    return item->digest ? STATUS_OK : error_no_memory(err, "a digest");
}

static enum status json_read(struct archive *archive, const struct named *item, struct json *json,
                             struct error *err)
{
    struct bytes bytes;

    TRY(item_bytes(archive, item, &bytes, &archive->memory, err));
    if (json_parse(bytes, 0, json, &archive->memory, err))
        return error_within(err, "%.*s", (int)item->path.size, (const char *)item->path.data);
    return STATUS_OK;
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
    struct bytes path;
    struct named *item;

    if (!json_string(name, &path))
        return error_set(err, STATUS_INVALID_INPUT, "manifest.json: a file has no name");
    TRY(item_needed(archive, tidy(path), &item, err));
    TRY(item_digest(archive, item, err));
    text_printf(manifest, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", type,
                item->digest, (unsigned long long)item->size);
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

static enum status docker_read(struct archive *archive, const struct named *item, const char *tag,
                               struct bytes *bytes, struct arena *keep, struct error *err)
{
    const struct json *entry = NULL;
    struct text manifest = {0};
    struct json json;
    enum status status;

    TRY(json_read(archive, item, &json, err));
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

static struct named *blob_find(struct archive *archive, const char *digest)
{
    const char *path;

    for (size_t i = 0; i < archive->count; i++)
        if (archive->items[i]->digest && strcmp(archive->items[i]->digest, digest) == 0)
            return archive->items[i];
    path = arena_printf(&archive->memory, "blobs/sha256/%s", digest + strlen("sha256:"));
    return path ? item_find(archive, bytes_of(path)) : NULL;
}

static enum status blob_missing(const char *digest, struct error *err)
{
    return error_set(err, STATUS_NOT_FOUND, "the archive has no blob %s", digest);
}

static enum status manifest_read(struct image_place *place, const char *which, struct bytes *bytes,
                                 struct arena *keep, struct error *err)
{
    struct archive *archive = (struct archive *)place;
    const struct named *index = item_find(archive, bytes_of("index.json")), *item;
    const struct named *docker = item_find(archive, bytes_of("manifest.json"));
    struct bytes digest = bytes_of(which ? which : "");
    struct json json;

    if (!image_digest_is(digest)) {
        if (!index && docker)
            return docker_read(archive, docker, which, bytes, keep, err);
        if (!index)
            return error_set(err, STATUS_INVALID_INPUT,
                             "the archive has no index.json and no manifest.json: it is no image");
        TRY(json_read(archive, index, &json, err));
        TRY(image_index_find(&json, which, &digest, err));
        which = arena_text(&archive->memory, digest);
        if (!which)
            return error_no_memory(err, "a digest");
    }
    item = blob_find(archive, which);
    return item ? item_bytes(archive, item, bytes, keep, err) : blob_missing(which, err);
}

static enum status blob_read(struct image_place *place, const struct image_descriptor *descriptor,
                             const struct image_sink *sink, struct error *err)
{
    struct archive *archive = (struct archive *)place;
    const struct named *item = blob_find(archive, descriptor->digest);

    return item ? item_read(archive, item, sink, place, err)
                : blob_missing(descriptor->digest, err);
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

    file_map_close(&archive->map);
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
    map_init(&archive->paths, &archive->memory);
    archive->limits = artifact_limits_default();
    status = file_map_open(&archive->map, AT_FDCWD, reference->folder, true, err);
    if (!status && items_list(archive, err))
        status = error_within(err, "archive \"%.200s\"", reference->folder);
    if (status)
        archive_close(&archive->base);
    else
        *place = &archive->base;
    return status;
}
