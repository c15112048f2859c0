// SPDX-License-Identifier: Apache-2.0
#include "images/layer_path.h"

#include "base/text.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

static enum status refuse(struct bytes path, const char *why, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED, "refused: \"/%s\" %s",
                     text_quote(path, quoted, sizeof quoted), why);
}

static enum status refuse_long(struct error *err)
{
    return error_set(err, STATUS_TOO_LARGE, "a path in a layer is longer than %d bytes",
                     LAYER_PATH_MAX);
}

static bool is_step(struct bytes part)
{
    return part.size == 0 || bytes_is(part, ".") || bytes_is(part, "..");
}

/* The part that begins at `at`. */
static struct bytes part_at(struct bytes path, size_t at)
{
    const uint8_t *end = at < path.size ? memchr(path.data + at, '/', path.size - at) : NULL;

    return (struct bytes){path.data + at, end ? (size_t)(end - path.data) - at : path.size - at};
}

static struct bytes trim(struct bytes path)
{
    for (;;) {
        size_t dot = path.size > 1 && path.data[0] == '.';
        if (path.size <= dot || path.data[dot] != '/')
            break;
        path = (struct bytes){path.data + dot + 1, path.size - dot - 1};
    }
    while (path.size && path.data[path.size - 1] == '/')
        path.size--;
    return path;
}

enum status layer_path_clean(struct bytes path, char buffer[LAYER_PATH_MAX], struct bytes *clean,
                             struct error *err)
{
    struct bytes part, whole = trim(path);
    size_t used = 0, steps = 0;

    for (size_t at = 0; at < whole.size; at += part.size + 1) {
        part = part_at(whole, at);
        steps += is_step(part);
    }
    *clean = whole;
    if (!steps)
        return STATUS_OK;
    if (whole.size >= LAYER_PATH_MAX)
        return refuse_long(err);
    for (size_t at = 0; at < whole.size; at += part.size + 1) {
        part = part_at(whole, at);
        if (bytes_is(part, "..")) {
            if (!used)
                return refuse(path, "leaves the root", err);
            while (used && buffer[--used] != '/')
                ;
        } else if (!is_step(part)) {
            if (used)
                buffer[used++] = '/';
            memcpy(buffer + used, part.data, part.size);
            used += part.size;
        }
    }
    *clean = (struct bytes){(const uint8_t *)buffer, used};
    return STATUS_OK;
}

struct bytes layer_path_name(struct bytes path)
{
    size_t at = path.size;

    while (at && path.data[at - 1] != '/')
        at--;
    return (struct bytes){path.data + at, path.size - at};
}

struct bytes layer_path_folder(struct bytes path)
{
    size_t at = path.size - layer_path_name(path).size;

    return (struct bytes){path.data, at ? at - 1 : 0};
}

bool layer_path_is_within(struct bytes path, struct bytes folder)
{
    return folder.size == 0 || (bytes_starts(path, folder) &&
                                (path.size == folder.size || path.data[folder.size] == '/'));
}

bool layer_path_is_whiteout(struct bytes path)
{
    return bytes_starts(layer_path_name(path), bytes_of(WHITEOUT));
}

enum status layer_path_hides(struct bytes path, char buffer[LAYER_PATH_MAX], struct bytes *hidden,
                             bool *opaque, struct error *err)
{
    struct bytes name = layer_path_name(path), folder = layer_path_folder(path), gone;
    size_t before = path.size - name.size; /* the folder and its slash */

    *hidden = folder;
    *opaque = bytes_is(name, OPAQUE);
    if (*opaque)
        return STATUS_OK;
    gone = (struct bytes){name.data + strlen(WHITEOUT), name.size - strlen(WHITEOUT)};
    if (is_step(gone))
        return refuse(path, "is a whiteout of no file", err);
    if (path.size >= LAYER_PATH_MAX)
        return refuse_long(err);
    memcpy(buffer, path.data, before);
    memcpy(buffer + before, gone.data, gone.size);
    *hidden = (struct bytes){(const uint8_t *)buffer, before + gone.size};
    return STATUS_OK;
}
