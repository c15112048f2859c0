// SPDX-License-Identifier: Apache-2.0
/* Data sets as arguments: wherever the arguments of a request hold {"dataset": "sales"}, the bytes
 * of that revision lie in the worker's folder, and "datasets" of job.json says where:
 *   {"sales": {"file": "data/0", "format": "frame", "revision": 3, "parts": [120, 80],
 *              "metadata": {...}}} */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "jobs/internal.h"
#include "registry/object.h"

enum { DEPTH_MAX = 8, DATA_MAX = 64 };

struct names { /* of data sets that a request names, each once */
    struct bytes names[DATA_MAX];
    size_t count;
};

/* {"dataset": "sales"}, with "columns": "a,b" of a frame and "arguments" of a virtual one. */
static bool is_dataset(const struct json *value, struct bytes *name)
{
    size_t members =
        1u + (json_get(value, "columns") ? 1u : 0u) + (json_get(value, "arguments") ? 1u : 0u);

    return value->kind == JSON_OBJECT && json_string(json_get(value, "dataset"), name) &&
           value->count == members;
}

static enum status collect(const struct json *value, int depth, struct names *names,
                           struct error *err)
{
    struct bytes name;

    if (!value || (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY) || depth == DEPTH_MAX)
        return STATUS_OK;
    if (is_dataset(value, &name)) {
        for (size_t i = 0; i < names->count; i++)
            if (bytes_equal(names->names[i], name))
                return STATUS_OK;
        if (names->count == DATA_MAX)
            return error_set(err, STATUS_TOO_LARGE, "a job takes at most %d data sets", DATA_MAX);
        names->names[names->count++] = name;
        return STATUS_OK;
    }
    if (value->kind == JSON_OBJECT && value->count == 1 && json_get(value, "json"))
        return STATUS_OK; /* a plain value, whatever is in it */
    for (size_t i = 0; i < value->count; i++)
        TRY(collect(&value->items[i], depth + 1, names, err));
    return STATUS_OK;
}

static enum status find(struct registry *registry, struct bytes name, struct object *object,
                        struct arena *keep, struct error *err)
{
    const char *text = arena_text(keep, name);

    if (!text)
        return error_no_memory(err, "a name");
    return registry_object_find(registry, "dataset", text, object, keep, err);
}

enum status data_check(struct jobs *jobs, const struct json *request, struct arena *keep,
                       struct error *err)
{
    struct names names = {.count = 0};

    TRY(collect(json_get(request, "arguments"), 0, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        struct object object;

        TRY(find(jobs->options.registry, names.names[i], &object, keep, err));
    }
    return STATUS_OK;
}

/* Is one of these values a frame? */
static bool has_frame(struct attempt *attempt, const struct json *value, int depth)
{
    struct bytes text;
    struct object object;
    struct error ignored;

    if (!value || (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY) || depth == DEPTH_MAX)
        return false;
    if (json_string(json_get(value, "format"), &text) && json_get(value, "file"))
        return bytes_is(text, "frame");
    if (is_dataset(value, &text))
        return !find(attempt->jobs->options.registry, text, &object, &attempt->keep, &ignored) &&
               !strcmp(object.format, "frame");
    for (size_t i = 0; i < value->count; i++)
        if (has_frame(attempt, &value->items[i], depth + 1))
            return true;
    return false;
}

const char *data_needs(struct attempt *attempt)
{
    return has_frame(attempt, json_get(&attempt->request, "arguments"), 0) ? "pandas\n" : NULL;
}

static enum status copy_parts(const char *path, const struct object_part *parts, size_t count,
                              struct error *err)
{
    struct file_map *maps = calloc(count ? count : 1, sizeof *maps);
    struct bytes *pieces = calloc(count ? count : 1, sizeof *pieces);
    enum status status = maps && pieces ? STATUS_OK : error_no_memory(err, "a data set");

    for (size_t i = 0; i < count && !status; i++) {
        status = file_map_open(&maps[i], AT_FDCWD, parts[i].path, false, err);
        if (!status)
            pieces[i] = maps[i].bytes;
    }
    if (!status)
        status = file_write_public(path, pieces, count, false, err);
    for (size_t i = 0; maps && i < count; i++)
        file_map_close(&maps[i]);
    free(maps);
    free(pieces);
    return status;
}

static enum status lay_out_one(struct attempt *attempt, struct bytes name, size_t index,
                               const char *work, struct text *settings, struct error *err)
{
    struct registry *registry = attempt->jobs->options.registry;
    const char *path = arena_printf(&attempt->keep, "%s/data/%zu", work, index);
    struct object_part *parts;
    struct object object;
    size_t count;

    if (!path)
        return error_no_memory(err, "a path");
    TRY(find(registry, name, &object, &attempt->keep, err));
    TRY(registry_object_parts(registry, &object, &parts, &count, &attempt->keep, err));
    TRY(copy_parts(path, parts, count, err));
    if (index)
        text_append_char(settings, ',');
    json_write_string(settings, name);
    text_printf(settings, ":{\"file\":\"data/%zu\",\"format\":", index);
    json_write_text(settings, object.format);
    text_printf(settings, ",\"name\":");
    json_write_text(settings, object.name);
    text_printf(settings, ",\"revision\":%lld,\"digest\":\"%s\",\"bytes\":%lld,\"parts\":",
                (long long)object.number, object.digest, (long long)object.bytes);
    object_parts_print(parts, count, settings);
    text_printf(settings, ",\"metadata\":%s}", object.metadata);
    return STATUS_OK;
}

enum status data_lay_out(struct attempt *attempt, const char *work, struct text *settings,
                         struct error *err)
{
    const char *folder = arena_printf(&attempt->keep, "%s/data", work);
    struct names names = {.count = 0};

    TRY(collect(json_get(&attempt->request, "arguments"), 0, &names, err));
    if (!names.count)
        return STATUS_OK;
    if (!folder)
        return error_no_memory(err, "a path");
    TRY(file_make_folders(folder, err));
    if (chmod(folder, 0755))
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", folder, strerror(errno));
    text_append(settings, "\"datasets\":{");
    for (size_t i = 0; i < names.count; i++)
        TRY(lay_out_one(attempt, names.names[i], i, work, settings, err));
    text_append(settings, "},");
    return STATUS_OK;
}
