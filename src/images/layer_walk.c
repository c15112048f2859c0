// SPDX-License-Identifier: Apache-2.0
#include "images/layer_walk.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"

enum { NAMES_BYTES_MAX = 512 << 20 };

enum { MARK_COVERED = 1, MARK_OPAQUE = 2, MARK_FOLDER = 4 };

struct layer_mark {
    struct layer_mark *next; /* of the layer at hand */
    struct bytes path;
    int kind;
    int kinds; /* in the map: all that was said of the path */
};

/* --- marks --- */

static enum status too_many(struct error *err)
{
    return error_set(err, STATUS_TOO_LARGE, "its layers have too many names");
}

static enum status mark_add(struct layer_walk *walk, struct bytes path, int kind, struct error *err)
{
    struct layer_mark *mark = arena_new(&walk->marks.names, struct layer_mark, 1);
    char *copy = arena_text(&walk->marks.names, path);

    if (!mark || !copy)
        return too_many(err);
    *mark = (struct layer_mark){walk->marks.fresh, {(uint8_t *)copy, path.size}, kind, 0};
    walk->marks.fresh = mark;
    return STATUS_OK;
}

/* The folders that it lies in, whether or not the layer lists them. */
static enum status mark_parents(struct layer_walk *walk, struct bytes path, struct error *err)
{
    struct bytes folder = layer_path_folder(path);

    if (bytes_equal(folder, walk->marks.folder))
        return STATUS_OK;
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '/')
            TRY(mark_add(walk, (struct bytes){path.data, i}, MARK_FOLDER, err));
    walk->marks.folder = folder.size ? walk->marks.fresh->path : (struct bytes){NULL, 0};
    return STATUS_OK;
}

enum status layer_walk_mark(struct layer_walk *walk, struct bytes path, bool folder,
                            struct error *err)
{
    TRY(mark_parents(walk, path, err));
    return mark_add(walk, path, folder ? MARK_FOLDER : MARK_COVERED, err);
}

static enum status whiteout(struct layer_walk *walk, struct bytes path, struct error *err)
{
    char buffer[LAYER_PATH_MAX];
    struct bytes hidden;
    bool opaque;

    TRY(layer_path_hides(path, buffer, &hidden, &opaque, err));
    return mark_add(walk, hidden, opaque ? MARK_OPAQUE : MARK_COVERED, err);
}

/* This layer is done: from now on its marks count. */
static enum status settle(struct layer_walk *walk, struct error *err)
{
    for (struct layer_mark *mark = walk->marks.fresh; mark; mark = mark->next) {
        struct layer_mark *known = map_find(&walk->marks.settled, mark->path);
        if (!known && !map_set(&walk->marks.settled, mark->path, mark))
            return too_many(err);
        known = known ? known : mark;
        known->kinds |= mark->kind;
    }
    walk->marks.fresh = NULL;
    walk->marks.folder = (struct bytes){NULL, 0};
    return STATUS_OK;
}

static int kinds_of(const struct layer_walk *walk, struct bytes path)
{
    const struct layer_mark *mark = map_find(&walk->marks.settled, path);

    return mark ? mark->kinds : 0;
}

bool layer_walk_is_hidden(const struct layer_walk *walk, struct bytes path, bool folder)
{
    int kinds = kinds_of(walk, path);

    if ((kinds & MARK_COVERED) || (!folder && (kinds & MARK_FOLDER)))
        return true;
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '/' &&
            (kinds_of(walk, (struct bytes){path.data, i}) & (MARK_COVERED | MARK_OPAQUE)))
            return true;
    return (kinds_of(walk, (struct bytes){path.data, 0}) & MARK_OPAQUE) != 0;
}

/* --- layers --- */

static enum status entry_walk(struct layer_walk *walk, struct tar_stream *stream,
                              const struct tar_entry *entry, struct error *err)
{
    char buffer[LAYER_PATH_MAX];
    struct bytes path;

    TRY(layer_path_clean(entry->path, buffer, &path, err));
    if (!layer_path_is_whiteout(path))
        return walk->visit(walk, stream, entry, path, err);
    if (walk->concerns && !walk->concerns(walk, layer_path_folder(path)))
        return STATUS_OK;
    return whiteout(walk, path, err);
}

static enum status layer_read(struct layer_walk *walk, const char *file, struct error *err)
{
    const struct artifact_limits *limits = &walk->limits;
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
            status = entry_walk(walk, stream, &entry, err);
    }
    tar_stream_close(stream);
    file_map_close(&map);
    return status ? status : settle(walk, err);
}

enum status layer_walk_run(struct layer_walk *walk, struct error *err)
{
    enum status status = STATUS_OK;

    arena_init(&walk->marks.names, NAMES_BYTES_MAX);
    map_init(&walk->marks.settled, &walk->marks.names);
    for (size_t i = walk->count; !status && i-- > 0;) {
        status = layer_read(walk, walk->files[i], err);
        if (status)
            status = error_within(err, "layer %zu of %zu", i + 1, walk->count);
    }
    arena_release(&walk->marks.names);
    return status;
}
