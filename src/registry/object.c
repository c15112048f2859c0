// SPDX-License-Identifier: Apache-2.0
#include "registry/object.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json/json.h"
#include "registry/internal.h"

enum { SUGGESTIONS_MAX = 1000, PATTERN_BYTES_MAX = 256, SCRATCH_BYTES_MAX = 256 << 20 };

/* --- putting --- */

struct object_writer {
    struct registry *registry;
    struct staging staging;
    struct blob blob;
    bool finished; /* it has its digest */
    int lock;      /* keeps gc away from the first put on, so that there may be a second; or -1 */
};

enum status object_writer_open(struct registry *registry, struct object_writer **writer,
                               struct error *err)
{
    struct object_writer *opened = calloc(1, sizeof *opened);

    *writer = NULL;
    if (!opened)
        return error_no_memory(err, "an object");
    opened->registry = registry;
    opened->blob.fd = opened->lock = -1;
    if (staging_open(registry, &opened->staging, err)) {
        free(opened);
        return err->status;
    }
    if (blob_create(&opened->blob, &opened->staging, "part", err)) {
        object_writer_close(opened);
        return err->status;
    }
    *writer = opened;
    return STATUS_OK;
}

void object_writer_close(struct object_writer *writer)
{
    if (!writer)
        return;
    blob_release(&writer->blob);
    staging_close(&writer->staging);
    if (writer->lock >= 0)
        close(writer->lock);
    free(writer);
}

enum status object_writer_write(struct object_writer *writer, struct bytes bytes, struct error *err)
{
    return blob_write(&writer->blob, bytes, err);
}

enum status object_writer_map(struct object_writer *writer, struct file_map *map, struct error *err)
{
    return file_map_open(map, AT_FDCWD, writer->blob.path, false, err);
}

/* Metadata are a JSON object, so that whoever reads them need not check it again. */
static enum status metadata_check(const char *metadata, struct arena *scratch, struct error *err)
{
    struct json value;

    if (strlen(metadata) > OBJECT_METADATA_MAX)
        return error_set(err, STATUS_TOO_LARGE, "metadata are larger than %d bytes",
                         OBJECT_METADATA_MAX);
    if (json_parse(bytes_of(metadata), 0, &value, scratch, err))
        return error_within(err, "metadata");
    if (value.kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "metadata are %s, not an object",
                         json_kind_name(value.kind));
    return STATUS_OK;
}

static enum status check(const struct object_put *put, struct error *err)
{
    struct arena scratch;
    enum status status = STATUS_OK;

    TRY(registry_object_check(put->kind, put->name, err));
    if (!put->metadata)
        return STATUS_OK;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = metadata_check(put->metadata, &scratch, err);
    arena_release(&scratch);
    return status;
}

/* The bytes first, then the rows, under the lock that keeps gc away. */
static enum status publish(struct object_writer *writer, const struct object_put *put,
                           struct object *object, bool *unchanged, struct arena *keep,
                           struct error *err)
{
    struct registry *registry = writer->registry;
    const struct object_part part = {.digest = writer->blob.digest, .bytes = writer->blob.size};
    char folder[PATH_SIZE], when[32];

    TRY(blob_publish(registry, &writer->blob, err));
    snprintf(folder, sizeof folder, "%s/blobs/sha256", registry->folder);
    TRY(file_sync_folder(folder, err));
    registry_now(when);
    return registry->backend->object_put(registry->store, put, &part, when, object, unchanged, keep,
                                         err);
}

enum status object_writer_put(struct object_writer *writer, const struct object_put *put,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err)
{
    *unchanged = false;
    TRY(check(put, err));
    if (!writer->finished)
        blob_finish(&writer->blob);
    writer->finished = true;
    if (writer->lock < 0)
        writer->lock = registry_lock(writer->registry, "lock", LOCK_SHARED, err);
    if (writer->lock < 0)
        return err->status;
    return publish(writer, put, object, unchanged, keep, err);
}

/* --- finding --- */

static enum status missing(struct registry *registry, const char *kind, const char *name,
                           struct arena *scratch, struct error *err)
{
    const char *names[SUGGESTIONS_MAX], *near;
    struct object *objects;
    enum status status;
    size_t count;

    TRY(registry->backend->object_list(registry->store, kind, NULL, NULL, &objects, &count, scratch,
                                       err));
    if (count > SUGGESTIONS_MAX)
        count = SUGGESTIONS_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = objects[i].name;
    status = error_set(err, STATUS_NOT_FOUND, "there is no %s \"%s\"", kind, name);
    near = text_suggest(name, names, count);
    if (near)
        error_fix(err, "did you mean \"%s\"?", near);
    else
        error_fix(err, count ? "GET /api/%ss lists them" : "there is none yet (/api/%ss)", kind);
    return status;
}

static enum status revision_missing(struct registry *registry, const char *kind,
                                    const struct reference *reference, struct arena *scratch,
                                    struct error *err)
{
    struct object newest;
    bool found;

    TRY(registry->backend->object_find(registry->store, kind, reference->name, 0, 0, &found,
                                       &newest, scratch, err));
    if (!found)
        return missing(registry, kind, reference->name, scratch, err);
    if (reference->back)
        return error_set(err, STATUS_NOT_FOUND, "%s \"%s\" has no revision %zu before the newest",
                         kind, reference->name, reference->back);
    return error_set(err, STATUS_NOT_FOUND, "%s \"%s\" has no revision %lld, the newest is %lld",
                     kind, reference->name, (long long)reference->number, (long long)newest.number);
}

static enum status not_found(struct registry *registry, const char *kind,
                             const struct reference *reference, struct error *err)
{
    struct arena scratch;
    enum status status;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = revision_missing(registry, kind, reference, &scratch, err);
    arena_release(&scratch);
    return status;
}

static enum status parse(const char *text, const char *kind, struct reference *reference,
                         struct arena *keep, struct error *err)
{
    TRY(registry_reference(text, kind, reference, keep, err));
    if (!reference->alias)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "\"%.64s\" is no revision of %s \"%s\"",
                     reference->alias, kind, reference->name);
}

enum status registry_object_find(struct registry *registry, const char *kind, const char *text,
                                 struct object *object, struct arena *keep, struct error *err)
{
    struct reference reference;
    bool found;

    TRY(parse(text, kind, &reference, keep, err));
    TRY(registry->backend->object_find(registry->store, kind, reference.name, reference.number,
                                       reference.back, &found, object, keep, err));
    return found ? STATUS_OK : not_found(registry, kind, &reference, err);
}

enum status registry_object_list(struct registry *registry, const char *kind, const char *pattern,
                                 struct object **objects, size_t *count, struct arena *keep,
                                 struct error *err)
{
    if (pattern && strlen(pattern) > PATTERN_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a pattern has more than %d bytes",
                         PATTERN_BYTES_MAX);
    return registry->backend->object_list(registry->store, kind, pattern, NULL, objects, count,
                                          keep, err);
}

enum status registry_object_revisions(struct registry *registry, const char *kind, const char *name,
                                      struct object **objects, size_t *count, struct arena *keep,
                                      struct error *err)
{
    const struct reference reference = {.name = name};

    TRY(registry_object_check(kind, name, err));
    TRY(registry->backend->object_list(registry->store, kind, NULL, name, objects, count, keep,
                                       err));
    return *count ? STATUS_OK : not_found(registry, kind, &reference, err);
}

void object_parts_print(const struct object_part *parts, size_t count, struct text *text)
{
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++)
        text_printf(text, "%s%lld", i ? "," : "", (long long)parts[i].bytes);
    text_append_char(text, ']');
}

enum status registry_object_parts(struct registry *registry, const struct object *object,
                                  struct object_part **parts, size_t *count, struct arena *keep,
                                  struct error *err)
{
    char path[PATH_SIZE];

    TRY(registry->backend->object_parts(registry->store, object, parts, count, keep, err));
    if (*count != (size_t)object->parts)
        return error_set(err, STATUS_CONFLICT, "revision %lld of %s \"%s\" was dropped meanwhile",
                         (long long)object->number, object->kind, object->name);
    for (size_t i = 0; i < *count; i++) {
        if (!blob_path(registry, (*parts)[i].digest, path))
            return error_set(err, STATUS_INTERNAL, "\"%s\" is no digest", (*parts)[i].digest);
        (*parts)[i].path = arena_text(keep, bytes_of(path));
        if (!(*parts)[i].path)
            return error_no_memory(err, "parts");
    }
    return STATUS_OK;
}

/* --- dropping --- */

enum status registry_object_drop(struct registry *registry, const char *kind, const char *text,
                                 struct error *err)
{
    struct reference reference;
    struct object object;
    struct arena scratch;
    enum status status;
    bool found = true;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = parse(text, kind, &reference, &scratch, err);
    if (!status)
        status =
            registry->backend->object_find(registry->store, kind, reference.name, reference.number,
                                           reference.back, &found, &object, &scratch, err);
    if (!status && !found)
        status = not_found(registry, kind, &reference, err);
    if (!status)
        status = registry->backend->object_remove(
            registry->store, kind, reference.name,
            reference.number || reference.back ? object.number : 0, err);
    arena_release(&scratch);
    return status;
}
