// SPDX-License-Identifier: Apache-2.0
/* Stored functions: an object whose bytes are a tar of src/func_main.py, requirements.txt and
 * function.json, which names the function and how it was kept. */
#include <fcntl.h>

#include "base/file.h"
#include "formats/archive/artifact.h"
#include "jobs/internal.h"
#include "registry/object.h"

#define FACTS "function.json"
#define MAIN "src/func_main.py"

enum { SCRIPT_BYTES_MAX = 256 << 20 };

/* The version of Python that a pickle is tied to; NULL for any. */
static enum status facts_read(struct artifact *artifact, const char **python, struct arena *keep,
                              struct error *err)
{
    struct member *facts = artifact_find(artifact, FACTS);
    struct bytes bytes, name, kind, version;
    struct json json;

    *python = NULL;
    if (!facts || !artifact_find(artifact, MAIN)) {
        if (error_set(err, STATUS_INVALID_INPUT, "it is no function: that has the files %s and %s",
                      MAIN, FACTS))
            error_fix(err, "om.scripts.put(function, name) makes them");
        return err->status;
    }
    TRY(member_bytes(facts, &bytes, err));
    TRY(json_parse(bytes, 0, &json, keep, err));
    if (!json_string(json_get(&json, "name"), &name) ||
        !json_string(json_get(&json, "kind"), &kind))
        return error_set(err, STATUS_INVALID_INPUT, "%s names no function", FACTS);
    if (!bytes_is(kind, "pickle") || !json_string(json_get(&json, "python"), &version))
        return STATUS_OK;
    *python = arena_text(keep, version);
    return *python ? STATUS_OK : error_no_memory(err, "a function");
}

/* Its bytes, parts side by side, opened. They live in `keep`. */
static enum status script_open(struct registry *registry, const struct object *object,
                               struct artifact **artifact, struct arena *keep, struct error *err)
{
    struct object_part *parts;
    struct file_map map = {0};
    struct bytes copy;
    size_t count;
    char *data;

    TRY(registry_object_parts(registry, object, &parts, &count, keep, err));
    if (count != 1 || parts[0].bytes > SCRIPT_BYTES_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "it is no function: it has %zu parts", count);
    TRY(file_map_open(&map, AT_FDCWD, parts[0].path, false, err));
    data = arena_text(keep, map.bytes);
    copy = (struct bytes){(const uint8_t *)data, map.bytes.size};
    file_map_close(&map);
    if (!data)
        return error_no_memory(err, "a function");
    return artifact_open_bytes(copy, "script.tar", NULL, artifact, err);
}

enum status script_check(struct jobs *jobs, const char *object_kind, const struct json *request,
                         const char *key, const char **name, struct arena *keep, struct error *err)
{
    struct registry *registry = jobs->options.registry;
    struct artifact *artifact;
    struct object object;
    struct bytes reference;
    const char *text, *python;
    enum status status;

    if (!json_string(json_get(request, key), &reference) || !(text = arena_text(keep, reference)))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no name", key);
    TRY(registry_object_find(registry, object_kind, text, &object, keep, err));
    TRY(script_open(registry, &object, &artifact, keep, err));
    status = facts_read(artifact, &python, keep, err);
    artifact_close(artifact);
    if (status)
        return error_within(err, "%s \"%s\"", object_kind, text);
    *name = arena_printf(keep, "%s@%lld", object.name, (long long)object.number);
    return *name ? STATUS_OK : error_no_memory(err, "a job");
}

enum status script_prepare(struct attempt *attempt, const char *object_kind, const char *work,
                           struct job_plan *plan, struct error *err)
{
    struct registry *registry = attempt->jobs->options.registry;
    struct worker_policy policy = attempt_policy(attempt);
    const char *folder = arena_printf(&attempt->keep, "%s/script", work), *python;
    struct artifact *artifact;
    struct worker_place place = {0};
    struct object object;
    enum status status;

    if (!folder)
        return error_no_memory(err, "a job");
    TRY(registry_object_find(registry, object_kind, attempt->job.name, &object, &attempt->keep,
                             err));
    TRY(script_open(registry, &object, &artifact, &attempt->keep, err));
    status = facts_read(artifact, &python, &attempt->keep, err);
    if (!status)
        status = worker_lay_out_files(artifact, python, data_needs(attempt), &policy, folder,
                                      &place, &attempt->keep, err);
    artifact_close(artifact);
    plan->environment = place.environment;
    return status;
}
