// SPDX-License-Identifier: Apache-2.0
/* What a job makes. result.json, which the worker writes last, says what is what:
 *   {"value": JSON, "versions": [{"folder": "0", "file": "model.joblib", "name": "iris",
 *    "alias": "best", "manifest": "..."}]}
 * All of it comes from a stranger: paths are checked, sizes bounded, and models are read as uploads
 * are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "jobs/internal.h"
#include "loading/load.h"

enum { PIECE = 256 << 10, PATH_BYTES_MAX = 1024, DEPTH_MAX = 32, VERSIONS_MAX = 100 };

/* Relative, of parts that are names: nothing hidden, nothing that leads elsewhere. */
static bool path_good(struct bytes path)
{
    size_t depth = 0;
    bool first = true;

    if (!path.size || path.size > PATH_BYTES_MAX || !text_is_utf8(path) ||
        path.data[path.size - 1] == '/')
        return false;
    for (size_t i = 0; i < path.size; i++) {
        uint8_t c = path.data[i];

        if (c < ' ' || c == 0x7F || c == '\\' || (first && (c == '/' || c == '.')))
            return false;
        first = c == '/';
        depth += first;
    }
    return depth < DEPTH_MAX;
}

static enum status copy(struct attempt *attempt, int from, int to, struct error *err)
{
    uint8_t *piece = arena_new(&attempt->keep, uint8_t, PIECE);
    off_t at = 0;
    ssize_t got = 0;

    if (!piece)
        return error_no_memory(err, "a file");
    while ((got = pread(from, piece, PIECE, at)) > 0) {
        at += got;
        attempt->output_bytes += (uint64_t)got;
        if (attempt->output_bytes > attempt->jobs->options.output_bytes_max)
            return error_set(err, STATUS_TOO_LARGE,
                             "the job made more than job_output_max = %llu bytes",
                             (unsigned long long)attempt->jobs->options.output_bytes_max);
        if (!file_write_all(to, (struct bytes){piece, (size_t)got}))
            return error_set(err, STATUS_UNAVAILABLE, "cannot keep what the job made: %s",
                             strerror(errno));
    }
    arena_give_back(&attempt->keep, piece, PIECE, NULL);
    return got < 0 ? error_set(err, STATUS_FAILED, "a file of the job cannot be read: %s",
                               strerror(errno))
                   : STATUS_OK;
}

enum status output_take(struct attempt *attempt, struct bytes what, int fd, struct error *err)
{
    const char *root = jobs_path(attempt->jobs, &attempt->job, "output", &attempt->keep);
    char *whole, *slash;
    struct bytes path;
    struct json json;
    enum status status;
    int to;

    TRY(json_parse(what, 0, &json, &attempt->keep, err));
    if (!json_string(json_get(&json, "path"), &path) || !path_good(path))
        return error_set(err, STATUS_FAILED, "the job passed a file with a bad name");
    if (++attempt->output_files > JOB_FILES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the job made more than %d files", JOB_FILES_MAX);
    whole = root ? arena_printf(&attempt->keep, "%s/%.*s", root, (int)path.size, path.data) : NULL;
    if (!whole)
        return error_no_memory(err, "a path");
    slash = strrchr(whole, '/');
    *slash = 0;
    TRY(file_make_folders(whole, err));
    *slash = '/';
    to = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (to < 0)
        return error_set(err, STATUS_FAILED, "the job's file \"%.200s\": %s", path.data,
                         strerror(errno));
    status = copy(attempt, fd, to, err);
    if (!status && fsync(to))
        status = error_set(err, STATUS_UNAVAILABLE, "cannot keep what the job made: %s",
                           strerror(errno));
    close(to);
    return status;
}

enum status output_sync(struct attempt *attempt, struct error *err)
{
    const char *root = jobs_path(attempt->jobs, &attempt->job, "output", &attempt->keep);
    const char *result =
        jobs_path(attempt->jobs, &attempt->job, "output/result.json", &attempt->keep);
    int fd;

    if (!root || !result)
        return error_no_memory(err, "a path");
    if (access(result, R_OK))
        return error_set(err, STATUS_FAILED, "the job ended without a result");
    /* files are durable, folders in folders not yet */
    fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd))
        (void)!error_set(err, STATUS_UNAVAILABLE, "cannot keep what the job made: %s",
                         strerror(errno));
    else
        err = NULL;
    if (fd >= 0)
        close(fd);
    return err ? err->status : STATUS_OK;
}

/* --- freezing --- */

static const char *text_of(const struct json *entry, const char *key, const char *otherwise,
                           struct arena *keep)
{
    struct bytes bytes;

    return json_string(json_get(entry, key), &bytes) ? arena_text(keep, bytes) : otherwise;
}

/* "iris" of job "iris:3"; of "into" when that is there. */
static enum status target_of(struct attempt *attempt, const char **name, const char **manifest,
                             struct error *err)
{
    struct version version;
    struct bytes into;

    *name = NULL;
    *manifest = "";
    if (strcmp(attempt->job.kind, "model"))
        return STATUS_OK;
    TRY(registry_resolve(attempt->jobs->options.registry, attempt->job.name, &version,
                         &attempt->keep, err));
    *name = version.model;
    *manifest = version.manifest;
    if (json_string(json_get(&attempt->request, "into"), &into))
        *name = arena_text(&attempt->keep, into);
    return *name ? STATUS_OK : error_no_memory(err, "a name");
}

static enum status add(struct attempt *attempt, const struct json *entry, const char *record_name,
                       struct version *version, bool *unchanged, struct error *err)
{
    struct arena *keep = &attempt->keep;
    struct worker_policy policy = attempt_policy(attempt);
    struct record record = {.kind = JOB_RECORD, .name = record_name, .body = ""};
    struct loading_add add = {.workers = &policy, .record = &record};
    const char *manifest, *folder = text_of(entry, "folder", NULL, keep);
    const char *file = text_of(entry, "file", NULL, keep), *path;
    struct loading loading = {0};
    enum status status;

    TRY(target_of(attempt, &add.name, &manifest, err));
    add.name = text_of(entry, "name", add.name, keep);
    manifest = text_of(entry, "manifest", manifest, keep);
    if (!add.name || !manifest || !folder || !path_good(bytes_of(folder)) ||
        (file && !path_good(bytes_of(file))))
        return error_set(err, STATUS_FAILED, "the job's result names a version badly");
    path = arena_printf(keep, "output/%s%s%s", folder, file ? "/" : "", file ? file : "");
    path = path ? jobs_path(attempt->jobs, &attempt->job, path, keep) : NULL;
    if (!path)
        return error_no_memory(err, "a path");
    status = *manifest ? load_open_text(path, bytes_of(manifest), MANIFEST_NAME, &loading, err)
                       : load_open(path, NULL, &loading, err);
    if (!status)
        status = load_add(&loading, attempt->jobs->options.registry, &add, version, unchanged, keep,
                          err);
    load_close(&loading);
    return status ? error_within(err, "what the job made for \"%s\"", add.name) : STATUS_OK;
}

/* The version of that record, when an attempt before made it already. */
static enum status find_made(struct attempt *attempt, const char *record_name, bool *found,
                             struct version *version, struct error *err)
{
    const struct record_filter filter = {.kind = JOB_RECORD, .name = record_name};
    struct registry *registry = attempt->jobs->options.registry;
    struct record record;

    TRY(registry_record_find(registry, &filter, found, &record, &attempt->keep, err));
    return *found ? registry_resolve_id(registry, record.version, version, &attempt->keep, err)
                  : STATUS_OK;
}

static enum status freeze_one(struct attempt *attempt, const struct json *entry, size_t index,
                              struct text *result, struct error *err)
{
    struct arena *keep = &attempt->keep;
    const char *name = arena_printf(keep, "%lld.%zu", (long long)attempt->job.id, index);
    const char *alias = text_of(entry, "alias", NULL, keep);
    bool found = false, unchanged = false;
    struct version version;

    if (!name)
        return error_no_memory(err, "a name");
    TRY(find_made(attempt, name, &found, &version, err));
    if (!found)
        TRY(add(attempt, entry, name, &version, &unchanged, err));
    if (alias)
        TRY(registry_alias(attempt->jobs->options.registry, version.model, alias, version.number,
                           -1, err));
    text_append(result, index ? ",{\"name\":" : "{\"name\":");
    json_write_text(result, version.model);
    text_printf(result, ",\"version\":%lld,\"digest\":", (long long)version.number);
    json_write_text(result, version.digest);
    text_printf(result, ",\"unchanged\":%s}", unchanged ? "true" : "false");
    return STATUS_OK;
}

/* "value" as it is written there. */
static enum status value_find(struct bytes text, struct bytes *value, struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more;

    json_reader_init(&reader, text, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        bool wanted;
        size_t start;

        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            return STATUS_OK;
        wanted = bytes_is(key, "value");
        start = json_offset(&reader);
        TRY(json_skip(&reader, err));
        if (wanted)
            *value = (struct bytes){text.data + start, json_offset(&reader) - start};
    }
}

static enum status freeze_all(struct attempt *attempt, struct bytes text, struct text *result,
                              struct error *err)
{
    const struct json *versions;
    struct bytes value = bytes_of("null");
    struct json json;

    TRY(json_parse(text, 0, &json, &attempt->keep, err));
    TRY(value_find(text, &value, err));
    versions = json_get(&json, "versions");
    if (versions && (versions->kind != JSON_ARRAY || versions->count > VERSIONS_MAX))
        return error_set(err, STATUS_FAILED, "the job's result has no list of at most %d versions",
                         VERSIONS_MAX);
    text_append(result, "{\"versions\":[");
    for (size_t i = 0; versions && i < versions->count; i++)
        TRY(freeze_one(attempt, &versions->items[i], i, result, err));
    text_append(result, "],\"value\":");
    text_append_bytes(result, value);
    text_append_char(result, '}');
    return STATUS_OK;
}

enum status output_freeze(struct attempt *attempt, struct text *result, struct error *err)
{
    const char *path =
        jobs_path(attempt->jobs, &attempt->job, "output/result.json", &attempt->keep);
    struct file_map map = {0};
    enum status status;

    if (!path)
        return error_no_memory(err, "a path");
    TRY(file_map_open(&map, AT_FDCWD, path, false, err));
    status = map.bytes.size <= JOB_RESULT_MAX
                 ? freeze_all(attempt, map.bytes, result, err)
                 : error_set(err, STATUS_TOO_LARGE, "the job's result has more than %d bytes",
                             JOB_RESULT_MAX);
    file_map_close(&map);
    return status;
}
