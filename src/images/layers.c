// SPDX-License-Identifier: Apache-2.0
#include "images/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/archive/entries.h"
#include "formats/archive/tar_write.h"
#include "images/layer_walk.h"

enum { COPY_BYTES = 256 << 10 };

struct merge {
    const struct image_layers *layers;
    struct image_merged *merged;
    size_t seen; /* entries that concern us */
    uint64_t bytes;
    uint8_t *buffer; /* (COPY_BYTES,) */
    int to;
    const char *target;
};

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
    struct bytes root = bytes_of(merge->layers->path), rest = layer_path_name(path);
    struct text name = {0};
    enum status status;
    bool extra = !layer_path_is_within(path, root);

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

/* A folder above what we want, or a link in its place. */
static enum status above(struct layer_walk *walk, const struct tar_entry *entry, struct bytes path,
                         struct error *err)
{
    bool folder = entry->type == '5';

    if (layer_walk_is_hidden(walk, path, folder))
        return STATUS_OK;
    if (entry->type == '2')
        return refuse(path, "is a symbolic link: give the path that it leads to", err);
    return layer_walk_mark(walk, path, folder, err);
}

static enum status entry_take(struct layer_walk *walk, struct tar_stream *stream,
                              const struct tar_entry *entry, struct bytes path, struct error *err)
{
    struct merge *merge = walk->context;
    struct bytes root = bytes_of(merge->layers->path);
    bool inside = layer_path_is_within(path, root);
    bool extra = merge->layers->extra && bytes_is(path, merge->layers->extra);

    if (path.size == 0)
        return STATUS_OK;
    if (!inside && !extra)
        return layer_path_is_within(root, path) ? above(walk, entry, path, err) : STATUS_OK;
    TRY(count_one(merge, err));
    TRY(entry_path_check(&path, &merge->layers->limits, err));
    if (layer_walk_is_hidden(walk, path, entry->type == '5'))
        return STATUS_OK;
    switch (entry->type) {
    case '5':
        return layer_walk_mark(walk, path, true, err);
    case '0':
        TRY(layer_walk_mark(walk, path, false, err));
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

/* Whiteouts in it, above it, or above the file more. */
static bool concerns(struct layer_walk *walk, struct bytes folder)
{
    const struct image_layers *layers = ((const struct merge *)walk->context)->layers;
    struct bytes root = bytes_of(layers->path);

    return layer_path_is_within(folder, root) || layer_path_is_within(root, folder) ||
           (layers->extra && layer_path_is_within(bytes_of(layers->extra), folder));
}

static enum status merge_all(struct merge *merge, struct error *err)
{
    struct layer_walk walk = {.files = merge->layers->files,
                              .count = merge->layers->count,
                              .limits = merge->layers->limits,
                              .visit = entry_take,
                              .concerns = concerns,
                              .context = merge};

    merge->buffer = malloc(COPY_BYTES);
    if (!merge->buffer)
        return error_no_memory(err, "layers");
    TRY(layer_walk_run(&walk, err));
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
    status = merge_all(&merge, err);
    free(merge.buffer);
    close(merge.to);
    return status;
}
