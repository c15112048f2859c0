// SPDX-License-Identifier: Apache-2.0
#include "images/base.h"

#include <ctype.h>

#include "base/text.h"
#include "formats/json/json.h"
#include "images/layer_walk.h"
#include "images/standalone.h"

#define PYTHON "/python3"
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { FOUND_MAX = 100000, VARIABLES_MAX = 1000, PATH_MAX_BYTES = 4096 };

struct scan { /* every python3, and the metadata of packages: paths that a container sees */
    struct bytes *items; /* (count,) */
    size_t count, capacity;
    struct arena *keep;
};

/* --- what lies in its layers --- */

static bool ends(struct bytes path, const char *with)
{
    size_t size = strlen(with);

    return path.size >= size && !memcmp(path.data + path.size - size, with, size);
}

/* "lib/python3.12/site-packages/numpy-2.0.dist-info" of a path in it; else empty. */
static struct bytes metadata_of(struct bytes path)
{
    static const char *const ENDS[] = {".dist-info", ".egg-info"};

    for (size_t i = 0; i < path.size; i++)
        for (size_t k = 0; k < ARRAY_COUNT(ENDS) && (i + 1 == path.size || path.data[i + 1] == '/');
             k++)
            if (ends((struct bytes){path.data, i + 1}, ENDS[k]))
                return (struct bytes){path.data, i + 1};
    return (struct bytes){NULL, 0};
}

static enum status found_add(struct scan *scan, struct bytes path, struct error *err)
{
    const char *copy;

    if (scan->count && bytes_equal(scan->items[scan->count - 1], path))
        return STATUS_OK;
    if (scan->count == FOUND_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has more than %d packages", FOUND_MAX);
    copy = arena_text(scan->keep, path);
    if (!copy || !ARENA_GROW(scan->keep, scan->items, scan->count, scan->capacity))
        return error_no_memory(err, "a base image");
    scan->items[scan->count++] = (struct bytes){(const uint8_t *)copy, path.size};
    return STATUS_OK;
}

static enum status entry_look(struct layer_walk *walk, struct tar_stream *stream,
                              const struct tar_entry *entry, struct bytes path, struct error *err)
{
    bool folder = entry->type == '5';
    struct bytes metadata;

    (void)stream;
    if (!path.size || layer_walk_is_hidden(walk, path, folder))
        return STATUS_OK;
    TRY(layer_walk_mark(walk, path, folder, err));
    if (folder)
        return STATUS_OK;
    if (ends(path, PYTHON))
        return found_add(walk->context, path, err);
    metadata = metadata_of(path);
    return metadata.size ? found_add(walk->context, metadata, err) : STATUS_OK;
}

/* --- its configuration --- */

static enum status config_read(struct image_base *base, struct arena *keep, struct error *err)
{
    const struct json *list;
    struct bytes string;
    struct json json;

    TRY(json_parse(base->image.config_bytes, 0, &json, keep, err));
    if (json_string(json_get(&json, "architecture"), &string) &&
        !bytes_is(string, STANDALONE_ARCHITECTURE))
        return error_set(err, STATUS_UNSUPPORTED,
                         "it is for %.*s, not for " STANDALONE_ARCHITECTURE,
                         (int)(string.size < 32 ? string.size : 32), (const char *)string.data);
    list = json_get(json_get(&json, "config"), "Env");
    if (!list || list->kind != JSON_ARRAY)
        return STATUS_OK;
    if (list->count > VARIABLES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu variables, more than %d", list->count,
                         VARIABLES_MAX);
    base->variables = arena_new(keep, const char *, list->count);
    if (!base->variables)
        return error_no_memory(err, "a base image");
    for (size_t i = 0; i < list->count; i++) {
        const char *copy;
        if (!json_string(&list->items[i], &string))
            return error_set(err, STATUS_INVALID_INPUT, "a variable of it is no text");
        copy = arena_text(keep, string);
        if (!copy)
            return error_no_memory(err, "a base image");
        base->variables[base->variable_count++] = copy;
    }
    return STATUS_OK;
}

/* --- python3 --- */

static bool has(const struct scan *scan, struct bytes path)
{
    for (size_t i = 0; i < scan->count; i++)
        if (bytes_equal(scan->items[i], path))
            return true;
    return false;
}

/* The first folder of its PATH with a python3, which must be called bin. */
static enum status python_find(const struct scan *scan, struct image_base *base, struct arena *keep,
                               struct error *err)
{
    const char *path = PATH_DEFAULT;

    for (size_t i = 0; i < base->variable_count; i++)
        if (!strncmp(base->variables[i], "PATH=", 5))
            path = base->variables[i] + 5;
    if (strlen(path) > PATH_MAX_BYTES)
        return error_set(err, STATUS_TOO_LARGE, "its PATH has %zu bytes, more than %d",
                         strlen(path), PATH_MAX_BYTES);
    while (*path) {
        size_t size = strcspn(path, ":");
        const char *program = arena_printf(keep, "%.*s" PYTHON, (int)size, path);
        if (!program)
            return error_no_memory(err, "a path");
        if (size > 4 && path[0] == '/' && !memcmp(path + size - 4, "/bin", 4) &&
            has(scan, bytes_of(program + 1))) {
            base->prefix = arena_printf(keep, "%.*s", (int)size - 4, path);
            return base->prefix ? STATUS_OK : error_no_memory(err, "a path");
        }
        path += size + (path[size] == ':');
    }
    return error_set(err, STATUS_NOT_FOUND, "it has no python3 in its PATH");
}

/* --- packages --- */

static int folded(int c)
{
    return c == '_' || c == '.' ? '-' : tolower(c);
}

/* "site-packages/scikit_learn-1.9.1.dist-info" is one of "scikit-learn", below the prefix. */
static bool is_package(struct bytes path, const char *prefix, struct bytes name)
{
    struct bytes found = layer_path_name(path);

    if (!layer_path_is_within(path, bytes_of(prefix + 1)) || found.size <= name.size ||
        (found.data[name.size] != '-' && found.data[name.size] != '.'))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (folded(found.data[i]) != folded(name.data[i]))
            return false;
    return true;
}

static bool has_package(const struct scan *scan, const char *prefix, struct bytes name)
{
    for (size_t i = 0; i < scan->count; i++)
        if (is_package(scan->items[i], prefix, name))
            return true;
    return false;
}

/* The name that a line of requirements.txt begins with; empty for options, comments, what depends
 * on a condition, and files. */
static struct bytes name_of(struct bytes line)
{
    size_t size = 0;

    while (line.size && isspace(line.data[0]))
        line = (struct bytes){line.data + 1, line.size - 1};
    while (size < line.size && (isalnum(line.data[size]) || memchr("._-", line.data[size], 3)))
        size++;
    if (!size || !isalnum(line.data[0]) || memchr(line.data, ';', line.size) ||
        (size < line.size && (line.data[size] == '/' || line.data[size] == ':')))
        return (struct bytes){NULL, 0};
    return (struct bytes){line.data, size};
}

static enum status packages_check(const struct scan *scan, const struct image_base *base,
                                  struct bytes requirements, struct error *err)
{
    struct text missing = {0};
    enum status status = STATUS_OK;

    if (!has_package(scan, base->prefix, bytes_of("numpy")))
        text_append(&missing, ", numpy");
    while (requirements.size) {
        const uint8_t *end = memchr(requirements.data, '\n', requirements.size);
        size_t size = end ? (size_t)(end - requirements.data) : requirements.size;
        struct bytes name = name_of((struct bytes){requirements.data, size});

        if (name.size && !bytes_is(name, "numpy") && !has_package(scan, base->prefix, name))
            text_printf(&missing, ", %.*s", (int)(name.size < 64 ? name.size : 64),
                        (const char *)name.data);
        size += end != NULL;
        requirements = (struct bytes){requirements.data + size, requirements.size - size};
    }
    if (missing.size) {
        status = error_set(err, STATUS_NOT_FOUND, "its Python in %s lacks %.120s", base->prefix,
                           missing.data + 2);
        error_fix(err, "firn installs nothing into a base: make one that has it, FROM this one");
    }
    text_release(&missing);
    return status;
}

enum status image_base_read(struct incoming *incoming, const struct image_reference *reference,
                            const struct image_hosts *hosts, struct bytes requirements,
                            struct image_base *base, struct arena *keep, struct error *err)
{
    const struct image_pull pull = {.reference = reference, .hosts = hosts};
    struct scan scan = {.keep = keep};
    struct layer_walk walk = {
        .limits = artifact_limits_default(), .visit = entry_look, .context = &scan};
    enum status status;

    *base = (struct image_base){.reference = reference};
    status = image_fetch(incoming, &pull, &base->image, keep, err);
    if (!status && base->image.config.diff_id_count != base->image.manifest.layer_count)
        status = error_set(err, STATUS_INVALID_INPUT, "it has %zu layers, and says %zu digests",
                           base->image.manifest.layer_count, base->image.config.diff_id_count);
    if (!status)
        status = config_read(base, keep, err);
    walk.files = base->image.layers;
    walk.count = base->image.manifest.layer_count;
    if (!status)
        status = layer_walk_run(&walk, err);
    if (!status)
        status = python_find(&scan, base, keep, err);
    if (!status)
        status = packages_check(&scan, base, requirements, err);
    return status ? error_within(err, "base image") : STATUS_OK;
}
