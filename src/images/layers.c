// SPDX-License-Identifier: Apache-2.0
/* From the top layer down (image-spec 1.0, layer.md): what an upper layer has or whites out hides
 * what the lower ones have. Marks of a layer hide nothing in the layer itself. */
#include "images/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "formats/archive/entries.h"
#include "formats/archive/tar_stream.h"
#include "formats/archive/tar_write.h"

enum { COPY_BYTES = 256 << 10, NAMES_BYTES_MAX = 512 << 20 };

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

enum { MARK_COVERED = 1, MARK_OPAQUE = 2, MARK_FOLDER = 4 };

struct mark {
    struct mark *next; /* of the layer at hand */
    struct bytes path;
    int kind;
    int kinds; /* in the map: all that was said of the path */
};

struct merge {
    const struct image_layers *layers;
    struct image_merged *merged;
    struct map marks;    /* of the layers above */
    struct mark *fresh;  /* of this one */
    struct bytes folder; /* of it, whose parents were marked last */
    struct arena names;
    size_t seen; /* entries that concern us */
    uint64_t bytes;
    uint8_t *buffer; /* (COPY_BYTES,) */
    int to;
    const char *target;
};

/* --- marks --- */

static struct bytes last_part(struct bytes path)
{
    size_t at = path.size;

    while (at && path.data[at - 1] != '/')
        at--;
    return (struct bytes){path.data + at, path.size - at};
}

static struct bytes parent(struct bytes path)
{
    size_t at = path.size - last_part(path).size;

    return (struct bytes){path.data, at ? at - 1 : 0};
}

static enum status mark_add(struct merge *merge, struct bytes path, int kind, struct error *err)
{
    struct mark *mark = arena_new(&merge->names, struct mark, 1);
    char *copy = arena_text(&merge->names, path);

    if (!mark || !copy)
        return error_set(err, STATUS_TOO_LARGE, "its layers have too many names");
    *mark = (struct mark){merge->fresh, {(uint8_t *)copy, path.size}, kind, 0};
    merge->fresh = mark;
    return STATUS_OK;
}

/* The folders that it lies in, whether or not the layer lists them. */
static enum status mark_parents(struct merge *merge, struct bytes path, struct error *err)
{
    struct bytes folder = parent(path);

    if (bytes_equal(folder, merge->folder))
        return STATUS_OK;
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '/')
            TRY(mark_add(merge, (struct bytes){path.data, i}, MARK_FOLDER, err));
    if (merge->fresh)
        merge->folder = folder.size ? merge->fresh->path : (struct bytes){NULL, 0};
    return STATUS_OK;
}

/* This layer is done: from now on its marks count. */
static enum status marks_settle(struct merge *merge, struct error *err)
{
    for (struct mark *mark = merge->fresh; mark; mark = mark->next) {
        struct mark *known = map_find(&merge->marks, mark->path);
        if (!known && !map_set(&merge->marks, mark->path, mark))
            return error_set(err, STATUS_TOO_LARGE, "its layers have too many names");
        known = known ? known : mark;
        known->kinds |= mark->kind;
    }
    merge->fresh = NULL;
    merge->folder = (struct bytes){NULL, 0};
    return STATUS_OK;
}

static int kinds_of(const struct merge *merge, struct bytes path)
{
    const struct mark *mark = map_find(&merge->marks, path);

    return mark ? mark->kinds : 0;
}

/* Does a layer above hide it? */
static bool is_hidden(const struct merge *merge, struct bytes path, bool folder)
{
    int kinds = kinds_of(merge, path);

    if ((kinds & MARK_COVERED) || (!folder && (kinds & MARK_FOLDER)))
        return true;
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '/' &&
            (kinds_of(merge, (struct bytes){path.data, i}) & (MARK_COVERED | MARK_OPAQUE)))
            return true;
    return (kinds_of(merge, (struct bytes){path.data, 0}) & MARK_OPAQUE) != 0;
}

/* --- paths --- */

static struct bytes tidy(struct bytes path)
{
    while (path.size &&
           (path.data[0] == '/' || (path.size > 1 && path.data[0] == '.' && path.data[1] == '/')))
        path = (struct bytes){path.data + 1, path.size - 1};
    while (path.size && path.data[path.size - 1] == '/')
        path.size--;
    return bytes_is(path, ".") ? (struct bytes){path.data, 0} : path;
}

/* Is `path` the same as `root`, or below it? */
static bool is_within(struct bytes path, struct bytes root)
{
    return root.size == 0 ||
           (bytes_starts(path, root) && (path.size == root.size || path.data[root.size] == '/'));
}

static enum status refuse(struct bytes path, const char *why, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED, "refused: \"/%s\" %s",
                     text_quote(path, quoted, sizeof quoted), why);
}

/* --- writing --- */

static enum status write_all(struct merge *merge, struct bytes bytes, struct error *err)
{
    if (file_write_all(merge->to, bytes))
        return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "cannot write \"%.200s\": %s", merge->target,
                     strerror(errno));
}

static enum status zeros_write(struct merge *merge, size_t size, struct error *err)
{
    static const uint8_t ZEROS[TAR_END_SIZE];

    return write_all(merge, (struct bytes){ZEROS, size}, err);
}

static enum status file_copy(struct merge *merge, struct tar_stream *stream, const char *name,
                             uint64_t size, struct error *err)
{
    struct text head = {0};
    enum status status;
    size_t got = 1;

    if (size > merge->layers->limits.bytes - merge->bytes)
        return error_set(err, STATUS_TOO_LARGE,
                         "the model's files have more than %llu bytes (limit \"bytes\")",
                         (unsigned long long)merge->layers->limits.bytes);
    merge->bytes += size;
    tar_write_head(&head, bytes_of(name), size, TAR_FILE);
    status = text_check(&head, err);
    if (!status)
        status = write_all(merge, text_bytes(&head), err);
    text_release(&head);
    while (!status && got) {
        status = tar_stream_read(stream, merge->buffer, COPY_BYTES, &got, err);
        if (!status)
            status = write_all(merge, (struct bytes){merge->buffer, got}, err);
    }
    return status ? status : zeros_write(merge, tar_padding(size), err);
}

/* --- entries --- */

static enum status count_one(struct merge *merge, struct error *err)
{
    if (++merge->seen <= merge->layers->limits.members)
        return STATUS_OK;
    return error_set(err, STATUS_TOO_LARGE, "there are more than %zu members (limit \"members\")",
                     merge->layers->limits.members);
}

static bool is_named_model(struct bytes rest)
{
    return bytes_is(rest, "model") ||
           (bytes_starts(rest, bytes_of("model.")) && !memchr(rest.data, '/', rest.size));
}

static enum status file_take(struct merge *merge, struct tar_stream *stream,
                             const struct tar_entry *entry, struct bytes path, struct error *err)
{
    struct bytes root = bytes_of(merge->layers->path), rest = last_part(path);
    struct text name = {0};
    enum status status;
    bool extra = !is_within(path, root);

    if (!extra && path.size > root.size)
        rest = (struct bytes){path.data + root.size + (root.size > 0),
                              path.size - root.size - (root.size > 0)};
    if (extra) {
        merge->merged->has_extra = true;
        text_append(&name, MERGED_EXTRA);
    } else {
        merge->merged->single = path.size == root.size;
        merge->merged->files++;
        merge->merged->named_model = merge->merged->files == 1 && is_named_model(rest);
        text_append(&name, MERGED_FILES);
        text_append_bytes(&name, rest);
    }
    status = text_check(&name, err);
    if (!status)
        status = file_copy(merge, stream, name.data, entry->size, err);
    text_release(&name);
    return status;
}

/* ".wh.NAME" hides NAME, the opaque one what else is in the folder. */
static enum status whiteout(struct merge *merge, struct bytes path, struct bytes name,
                            struct error *err)
{
    struct text hidden = {0};
    struct bytes folder = parent(path);
    enum status status;

    if (bytes_is(name, OPAQUE))
        return mark_add(merge, folder, MARK_OPAQUE, err);
    text_append_bytes(&hidden, folder);
    if (folder.size)
        text_append_char(&hidden, '/');
    text_append_bytes(&hidden,
                      (struct bytes){name.data + strlen(WHITEOUT), name.size - strlen(WHITEOUT)});
    status = text_check(&hidden, err);
    if (!status)
        status = mark_add(merge, text_bytes(&hidden), MARK_COVERED, err);
    text_release(&hidden);
    return status;
}

/* A folder above what we want, or a link in its place. */
static enum status above(struct merge *merge, const struct tar_entry *entry, struct bytes path,
                         struct error *err)
{
    if (is_hidden(merge, path, entry->type == '5'))
        return STATUS_OK;
    if (entry->type == '5')
        return mark_add(merge, path, MARK_FOLDER, err);
    if (entry->type == '2')
        return refuse(path, "is a symbolic link: give the path that it leads to", err);
    return mark_add(merge, path, MARK_COVERED, err);
}

static enum status entry_take(struct merge *merge, struct tar_stream *stream,
                              const struct tar_entry *entry, struct error *err)
{
    struct bytes path = tidy(entry->path), name = last_part(path);
    struct bytes root = bytes_of(merge->layers->path);
    bool inside = is_within(path, root);
    bool extra = merge->layers->extra && bytes_is(path, merge->layers->extra);
    bool is_white = bytes_starts(name, bytes_of(WHITEOUT));

    if (is_white &&
        (inside || is_within(root, parent(path)) ||
         (merge->layers->extra && is_within(bytes_of(merge->layers->extra), parent(path))))) {
        TRY(count_one(merge, err));
        return whiteout(merge, path, name, err);
    }
    if (path.size == 0)
        return STATUS_OK;
    if (!inside && !extra)
        return is_within(root, path) ? above(merge, entry, path, err) : STATUS_OK;
    TRY(count_one(merge, err));
    TRY(entry_path_check(&path, &merge->layers->limits, err));
    if (is_hidden(merge, path, entry->type == '5'))
        return STATUS_OK;
    switch (entry->type) {
    case '5':
        TRY(mark_parents(merge, path, err));
        return mark_add(merge, path, MARK_FOLDER, err);
    case '0':
        TRY(mark_parents(merge, path, err));
        TRY(mark_add(merge, path, MARK_COVERED, err));
        return file_take(merge, stream, entry, path, err);
    case '1':
        return refuse(path, "is a hard link", err);
    case '2':
        return refuse(path, "is a symbolic link", err);
    case '3':
    case '4':
    case '6':
        return refuse(path, "is a device", err);
    default:
        return refuse(path, "is of a type that is not known", err);
    }
}

static enum status layer_read(struct merge *merge, const char *file, struct error *err)
{
    const struct artifact_limits *limits = &merge->layers->limits;
    struct file_map map = {{NULL, 0}};
    struct tar_stream *stream = NULL;
    struct tar_entry entry;
    enum status status;
    bool more = true;

    TRY(file_map_open(&map, AT_FDCWD, file, true, err));
    madvise((void *)(uintptr_t)map.bytes.data, map.bytes.size, MADV_SEQUENTIAL);
    status = tar_stream_open(map.bytes, true, 4 * limits->bytes, limits->ratio, &stream, err);
    while (!status && more) {
        status = tar_stream_next(stream, &entry, &more, err);
        if (!status && more)
            status = entry_take(merge, stream, &entry, err);
    }
    tar_stream_close(stream);
    file_map_close(&map);
    return status ? status : marks_settle(merge, err);
}

static enum status merge_all(struct merge *merge, struct error *err)
{
    const struct image_layers *layers = merge->layers;

    merge->buffer = malloc(COPY_BYTES);
    if (!merge->buffer)
        return error_no_memory(err, "layers");
    for (size_t i = layers->count; i-- > 0;)
        if (layer_read(merge, layers->files[i], err))
            return error_within(err, "layer %zu of %zu", i + 1, layers->count);
    return zeros_write(merge, TAR_END_SIZE, err);
}

enum status image_layers_merge(const struct image_layers *layers, const char *to,
                               struct image_merged *merged, struct error *err)
{
    struct merge merge = {.layers = layers, .merged = merged, .target = to};
    enum status status;

    *merged = (struct image_merged){0};
    merge.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (merge.to < 0)
        return error_set(err, STATUS_UNAVAILABLE, "cannot create \"%.200s\": %s", to,
                         strerror(errno));
    arena_init(&merge.names, NAMES_BYTES_MAX);
    map_init(&merge.marks, &merge.names);
    status = merge_all(&merge, err);
    free(merge.buffer);
    arena_release(&merge.names);
    close(merge.to);
    return status;
}
