// SPDX-License-Identifier: Apache-2.0
/* A server's registry, through its management API. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/client.h"
#include "cli/store.h"
#include "formats/json/json.h"
#include "formats/archive/tar_write.h"
#include "loading/load.h"

struct remote {
    struct store base;
    struct client client;
};

static const struct client *client_of(struct store *store)
{
    return &((struct remote *)store)->client;
}

/* --- versions out of JSON --- */

static enum status text_of(const struct json *value, const char *missing, const char **text,
                           struct arena *keep, struct error *err)
{
    struct bytes bytes;

    *text = missing;
    if (json_string(value, &bytes))
        *text = arena_text(keep, bytes);
    return *text || !missing ? STATUS_OK : error_no_memory(err, "an answer");
}

static enum status list_of(const struct json *list, const char ***items, size_t *count,
                           struct arena *keep, struct error *err)
{
    if (!list || list->kind != JSON_ARRAY)
        return STATUS_OK;
    *items = arena_new(keep, const char *, list->count);
    if (!*items)
        return error_no_memory(err, "an answer");
    *count = list->count;
    for (size_t i = 0; i < list->count; i++)
        TRY(text_of(&list->items[i], "", &(*items)[i], keep, err));
    return STATUS_OK;
}

static enum status version_from(const struct json *value, struct version *version,
                                struct arena *keep, struct error *err)
{
    const struct json *framework = json_get(value, "framework");
    const struct json *aliases = json_get(value, "aliases");

    *version = (struct version){.contract = "[]"};
    if (!json_i64(json_get(value, "version"), &version->number))
        return error_set(err, STATUS_UNAVAILABLE, "the server's answer is no version");
    json_i64(json_get(value, "bytes"), &version->bytes);
    TRY(text_of(json_get(value, "name"), "", &version->model, keep, err));
    TRY(text_of(json_get(value, "digest"), "", &version->digest, keep, err));
    TRY(text_of(json_get(value, "format"), "", &version->format, keep, err));
    TRY(text_of(json_get(value, "created"), "", &version->created, keep, err));
    TRY(text_of(json_get(value, "manifest"), "", &version->manifest, keep, err));
    TRY(text_of(json_get(value, "reason"), NULL, &version->reason, keep, err));
    TRY(text_of(json_get(framework, "name"), NULL, &version->framework, keep, err));
    TRY(text_of(json_get(framework, "version"), NULL, &version->framework_version, keep, err));
    TRY(list_of(aliases, &version->aliases, &version->alias_count, keep, err));
    return list_of(json_get(value, "pushed"), &version->pushed, &version->pushed_count, keep, err);
}

/* The text of a member of an object, as it stands there. */
static enum status raw_member(struct bytes object, const char *name, const char **raw,
                              struct arena *keep, struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more;

    json_reader_init(&reader, object, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        size_t begin;
        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            return STATUS_OK;
        begin = json_offset(&reader);
        TRY(json_skip(&reader, err));
        if (bytes_is(key, name)) {
            *raw =
                arena_text(keep, (struct bytes){object.data + begin, json_offset(&reader) - begin});
            return *raw ? STATUS_OK : error_no_memory(err, "an answer");
        }
    }
}

static enum status version_read(struct bytes body, struct version *version, bool *unchanged,
                                struct arena *keep, struct error *err)
{
    struct json value;

    TRY(json_parse(body, 0, &value, keep, err));
    TRY(version_from(&value, version, keep, err));
    if (unchanged)
        json_bool(json_get(&value, "unchanged"), unchanged);
    return raw_member(body, "signatures", &version->contract, keep, err);
}

/* --- paths --- */

/* /api/models/MODEL, then `rest`. */
static const char *model_path(const char *model, const char *rest, struct arena *keep)
{
    struct text encoded = {0};
    const char *path;

    client_encode(&encoded, bytes_of(model));
    path = encoded.data ? arena_printf(keep, "/api/models/%s%s", encoded.data, rest) : NULL;
    text_release(&encoded);
    return path;
}

static enum status call(struct store *store, const char *method, const char *path,
                        struct bytes *body, struct arena *keep, struct error *err)
{
    const struct client_request request = {.method = method, .path = path};

    if (!path)
        return error_no_memory(err, "a request");
    return client_call(client_of(store), &request, body, keep, err);
}

static enum status remote_resolve(struct store *store, const char *reference,
                                  struct version *version, struct arena *keep, struct error *err)
{
    const char *mark = strpbrk(reference, ":@"), *model, *which = "newest";
    struct text rest = {0};
    struct bytes body;
    enum status status;

    model = arena_text(keep, (struct bytes){(const uint8_t *)reference,
                                            mark ? (size_t)(mark - reference) : strlen(reference)});
    if (mark)
        which = *mark == '@' ? mark : mark + 1;
    text_append(&rest, "/versions/");
    client_encode(&rest, bytes_of(which));
    status = model && rest.data
                 ? call(store, "GET", model_path(model, rest.data, keep), &body, keep, err)
                 : error_no_memory(err, "a request");
    text_release(&rest);
    return status ? status : version_read(body, version, NULL, keep, err);
}

static enum status remote_list(struct store *store, const char *model, struct version **versions,
                               size_t *count, struct arena *keep, struct error *err)
{
    const char *path = model ? model_path(model, "", keep) : "/api/models";
    struct json value;
    struct bytes body;

    TRY(call(store, "GET", path, &body, keep, err));
    TRY(json_parse(body, 0, &value, keep, err));
    if (value.kind != JSON_ARRAY)
        return error_set(err, STATUS_UNAVAILABLE, "the server's answer is no list");
    *versions = arena_new(keep, struct version, value.count);
    if (!*versions)
        return error_no_memory(err, "a list");
    *count = value.count;
    for (size_t i = 0; i < value.count; i++)
        TRY(version_from(&value.items[i], &(*versions)[i], keep, err));
    return STATUS_OK;
}

static enum status remote_log(struct store *store, const struct version *version, struct text *log,
                              struct arena *keep, struct error *err)
{
    char rest[64];
    struct bytes body;

    snprintf(rest, sizeof rest, "/versions/%" PRId64 "/log", version->number);
    TRY(call(store, "GET", model_path(version->model, rest, keep), &body, keep, err));
    text_append_bytes(log, body);
    return STATUS_OK;
}

/* --- changes --- */

static enum status remote_alias(struct store *store, const char *model, const char *alias,
                                int64_t number, int64_t expected, struct error *err)
{
    struct text rest = {0};
    struct arena keep;
    struct bytes body;
    enum status status;

    arena_init(&keep, 1 << 24);
    text_append(&rest, "/aliases/");
    client_encode(&rest, bytes_of(alias));
    text_append(&rest, "?");
    if (number)
        text_printf(&rest, "version=%" PRId64 "&", number);
    if (expected >= 0)
        text_printf(&rest, "expect=%" PRId64, expected);
    status = text_check(&rest, err);
    if (!status)
        status = call(store, number ? "PUT" : "DELETE", model_path(model, rest.data, &keep), &body,
                      &keep, err);
    text_release(&rest);
    arena_release(&keep);
    return status;
}

static enum status remote_delete(struct store *store, const char *model, int64_t number,
                                 struct error *err)
{
    char rest[48] = "";
    struct arena keep;
    struct bytes body;
    enum status status;

    arena_init(&keep, 1 << 24);
    if (number)
        snprintf(rest, sizeof rest, "/versions/%" PRId64, number);
    status = call(store, "DELETE", model_path(model, rest, &keep), &body, &keep, err);
    arena_release(&keep);
    return status;
}

/* By the version's id, which only the manager of Hydrosphere tells. */
static enum status remote_keep_training(struct store *store, const struct version *version,
                                        struct bytes data, struct arena *keep, struct error *err)
{
    struct client_request request = {.method = "POST",
                                     .headers = "Content-Type: text/csv\r\n",
                                     .pieces = &data,
                                     .piece_count = 1};
    struct text path = {0};
    struct json value;
    struct bytes body;
    enum status status;
    int64_t id;

    text_append(&path, "/api/v2/model/version/");
    client_encode(&path, bytes_of(version->model));
    text_printf(&path, "/%" PRId64, version->number);
    status = text_check(&path, err);
    if (!status)
        status = call(store, "GET", path.data, &body, keep, err);
    text_release(&path);
    TRY(status);
    TRY(json_parse(body, 0, &value, keep, err));
    if (!json_i64(json_get(&value, "id"), &id))
        return error_set(err, STATUS_UNAVAILABLE, "the server's answer is no version");
    request.path = arena_printf(keep, "/monitoring/profiles/batch/%" PRId64, id);
    if (!request.path)
        return error_no_memory(err, "a request");
    return client_call(client_of(store), &request, &body, keep, err);
}

static enum status remote_gc(struct store *store, uint64_t *files, uint64_t *bytes,
                             struct error *err)
{
    struct arena keep;
    struct json value;
    struct bytes body;
    int64_t number;
    enum status status;

    arena_init(&keep, 1 << 24);
    status = call(store, "POST", "/api/gc", &body, &keep, err);
    if (!status)
        status = json_parse(body, 0, &value, &keep, err);
    if (!status && json_i64(json_get(&value, "files"), &number))
        *files = (uint64_t)number;
    if (!status && json_i64(json_get(&value, "bytes"), &number))
        *bytes = (uint64_t)number;
    arena_release(&keep);
    return status;
}

static enum status remote_verify(struct store *store, struct text *report, size_t *faults,
                                 struct error *err)
{
    struct arena keep;
    struct json value;
    struct bytes body, lines;
    int64_t number = -1;
    enum status status;

    arena_init(&keep, 1 << 28);
    status = call(store, "POST", "/api/verify", &body, &keep, err);
    if (!status)
        status = json_parse(body, 0, &value, &keep, err);
    if (!status && (!json_i64(json_get(&value, "faults"), &number) || number < 0))
        status = error_set(err, STATUS_UNAVAILABLE, "the server's answer counts no faults");
    if (!status && json_string(json_get(&value, "report"), &lines))
        text_append_bytes(report, lines);
    *faults = status ? 0 : (size_t)number;
    arena_release(&keep);
    return status;
}

/* --- upload --- */

struct sending {
    struct bytes *pieces;
    size_t count;
    struct text heads; /* of the tar's entries */
    struct file_map file, map;
    struct bytes manifest;
    struct artifact *artifact;
};

/* A folder as a tar: for each member its head, its bytes, and what fills the last block. */
static enum status pack_folder(struct sending *s, struct arena *keep, struct error *err)
{
    static const uint8_t ZEROS[TAR_END_SIZE];
    struct artifact *artifact = s->artifact;
    size_t *ends = arena_new(keep, size_t, artifact->count + 2), last = 0, own = 0;
    bool replaced = s->manifest.size > 0;

    s->pieces = arena_new(keep, struct bytes, 3 * artifact->count + 4);
    if (!ends || !s->pieces)
        return error_no_memory(err, "an upload");
    for (size_t i = 0; i <= artifact->count; i++) {
        bool is_manifest = i == artifact->count;
        struct bytes path = bytes_of(is_manifest ? MANIFEST_NAME : artifact->members[i].path);
        struct bytes bytes = s->manifest;
        if (is_manifest ? !replaced : replaced && bytes_is(path, MANIFEST_NAME))
            continue;
        if (!is_manifest)
            TRY(member_bytes(&artifact->members[i], &bytes, err));
        tar_write_head(&s->heads, path, bytes.size, TAR_FILE);
        ends[own++] = s->heads.size;
        s->pieces[s->count + 1] = bytes;
        s->pieces[s->count + 2] = (struct bytes){ZEROS, tar_padding(bytes.size)};
        s->count += 3;
    }
    TRY(text_check(&s->heads, err));
    for (size_t i = 0; i < own; i++) { /* the heads stay where they are from now on */
        s->pieces[3 * i] = (struct bytes){(uint8_t *)s->heads.data + last, ends[i] - last};
        last = ends[i];
    }
    s->pieces[s->count++] = (struct bytes){ZEROS, TAR_END_SIZE};
    return STATUS_OK;
}

/* What is sent: the file as it is, or a tar of the folder. `name`: how the server calls it. */
static enum status pack(const struct store_upload *upload, struct sending *s, const char **name,
                        struct arena *keep, struct error *err)
{
    struct stat facts;

    if (upload->manifest)
        TRY(file_map_open(&s->map, AT_FDCWD, upload->manifest, true, err));
    s->manifest = upload->manifest ? s->map.bytes : upload->text;
    if (stat(upload->path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        TRY(artifact_open(upload->path, NULL, &s->artifact, err));
        *name = arena_printf(keep, "%s.tar", s->artifact->name);
        return *name ? pack_folder(s, keep, err) : error_no_memory(err, "an upload");
    }
    TRY(file_map_open(&s->file, AT_FDCWD, upload->path, true, err));
    s->pieces = &s->file.bytes;
    s->count = 1;
    *name = strrchr(upload->path, '/') ? strrchr(upload->path, '/') + 1 : upload->path;
    return STATUS_OK;
}

static enum status send_packed(struct store *store, const struct store_upload *upload,
                               const struct sending *s, const char *name, struct bytes *body,
                               struct arena *keep, struct error *err)
{
    struct text path = {0}, headers = {0};
    struct client_request request = {.method = "POST",
                                     .pieces = s->pieces,
                                     .piece_count = s->count,
                                     .progress = upload->progress,
                                     .line = upload->line,
                                     .context = upload->context};
    enum status status;

    text_append(&path, "/api/models?file=");
    client_encode(&path, bytes_of(name));
    if (upload->name) {
        text_append(&path, "&name=");
        client_encode(&path, bytes_of(upload->name));
    }
    if (upload->verify != PARITY_WHERE_POSSIBLE)
        text_append(&path, upload->verify == PARITY_REQUIRED ? "&verify=1" : "&verify=0");
    text_append(&headers, "Content-Type: application/octet-stream\r\nFirn-Log: stream\r\n");
    if (s->manifest.size && !s->artifact) {
        text_append(&headers, "Firn-Manifest: ");
        client_encode(&headers, s->manifest);
        text_append(&headers, "\r\n");
    }
    if (upload->facts.size) {
        text_append(&headers, "Firn-Facts: ");
        client_encode(&headers, upload->facts);
        text_append(&headers, "\r\n");
    }
    status = text_check(&path, err);
    if (!status)
        status = text_check(&headers, err);
    request.path = path.data;
    request.headers = headers.data;
    if (!status)
        status = client_call(client_of(store), &request, body, keep, err);
    text_release(&path);
    text_release(&headers);
    return status;
}

static enum status remote_upload(struct store *store, const struct store_upload *upload,
                                 struct version *version, bool *unchanged, struct arena *keep,
                                 struct error *err)
{
    struct sending sending = {0};
    struct bytes body;
    const char *name;
    enum status status = pack(upload, &sending, &name, keep, err);

    if (!status)
        status = send_packed(store, upload, &sending, name, &body, keep, err);
    if (!status)
        status = version_read(body, version, unchanged, keep, err);
    file_map_close(&sending.file);
    file_map_close(&sending.map);
    artifact_close(sending.artifact);
    text_release(&sending.heads);
    return status;
}

static enum status remote_compose(struct store *store, struct bytes manifest, const char *file_name,
                                  struct version *version, bool *unchanged, struct arena *keep,
                                  struct error *err)
{
    struct text path = {0};
    struct client_request request = {.method = "POST",
                                     .pieces = &manifest,
                                     .piece_count = 1,
                                     .headers = "Content-Type: application/yaml\r\n"};
    struct bytes body;
    enum status status;

    text_append(&path, "/api/applications?file=");
    client_encode(&path, bytes_of(file_name));
    status = text_check(&path, err);
    request.path = path.data;
    if (!status)
        status = client_call(client_of(store), &request, &body, keep, err);
    if (!status)
        status = version_read(body, version, unchanged, keep, err);
    text_release(&path);
    return status;
}

/* --- images: the server pushes and pulls --- */

static void query_add(struct text *path, const char *name, const char *value)
{
    if (!value)
        return;
    text_printf(path, "%c%s=", strchr(path->data, '?') ? '&' : '?', name);
    client_encode(path, bytes_of(value));
}

static enum status post(struct store *store, struct text *path, struct bytes *body,
                        struct arena *keep, struct error *err)
{
    enum status status = text_check(path, err);

    if (!status)
        status = call(store, "POST", path->data, body, keep, err);
    text_release(path);
    return status;
}

static enum status pushed_read(struct bytes body, struct image_pushed *pushed, struct arena *keep,
                               struct error *err)
{
    int64_t blobs = 0, existed = 0;
    struct json value;

    TRY(json_parse(body, 0, &value, keep, err));
    TRY(text_of(json_get(&value, "reference"), "", &pushed->reference, keep, err));
    TRY(text_of(json_get(&value, "digest"), "", &pushed->digest, keep, err));
    json_i64(json_get(&value, "bytes"), &pushed->bytes);
    json_i64(json_get(&value, "blobs"), &blobs);
    json_i64(json_get(&value, "existed"), &existed);
    pushed->blobs = (size_t)blobs;
    pushed->existed = (size_t)existed;
    return STATUS_OK;
}

static enum status remote_push(struct store *store, const struct version *version,
                               const struct store_push *push, struct image_pushed *pushed,
                               struct arena *keep, struct error *err)
{
    struct text path = {0};
    struct bytes body;
    char rest[64];

    if (push->registries)
        return error_set(err, STATUS_INVALID_INPUT,
                         "--registries is for --store: the server has its own");
    if (push->base)
        return error_set(err, STATUS_INVALID_INPUT, "--base is for --store");
    snprintf(rest, sizeof rest, "/versions/%" PRId64 "/push", version->number);
    text_append(&path, model_path(version->model, rest, keep));
    query_add(&path, "to", push->reference);
    query_add(&path, "standalone", push->standalone ? "1" : NULL);
    TRY(post(store, &path, &body, keep, err));
    return pushed_read(body, pushed, keep, err);
}

static enum status remote_pull(struct store *store, const struct store_pull *pull,
                               struct version *version, bool *unchanged, struct arena *keep,
                               struct error *err)
{
    struct text path = {0};
    struct bytes body;

    if (pull->registries || pull->manifest)
        return error_set(err, STATUS_INVALID_INPUT,
                         "--registries and --manifest are for --store here");
    text_append(&path, "/api/pull");
    query_add(&path, "from", pull->reference);
    query_add(&path, "name", pull->name);
    query_add(&path, "path", pull->path);
    TRY(post(store, &path, &body, keep, err));
    return version_read(body, version, unchanged, keep, err);
}

static void remote_close(struct store *store)
{
    free(store);
}

static const struct store_class REMOTE = {
    .upload = remote_upload,
    .keep_training = remote_keep_training,
    .compose = remote_compose,
    .resolve = remote_resolve,
    .list = remote_list,
    .log = remote_log,
    .alias = remote_alias,
    .delete = remote_delete,
    .gc = remote_gc,
    .verify = remote_verify,
    .push = remote_push,
    .pull = remote_pull,
    .close = remote_close,
};

enum status store_remote(const char *url, struct store **store, struct error *err)
{
    struct remote *remote = calloc(1, sizeof *remote);

    if (!remote)
        return error_no_memory(err, "a store");
    remote->base.class = &REMOTE;
    if (client_init(&remote->client, url, err)) {
        free(remote);
        return err->status;
    }
    *store = &remote->base;
    return STATUS_OK;
}
