// SPDX-License-Identifier: Apache-2.0
#include "server/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "formats/json/json.h"
#include "server/download.h"
#include "server/internal.h"
#include "server/stored.h"

enum {
    PIECE_BYTES = 256 << 10,
    FORMAT_BYTES_MAX = 64,
    APPENDS_MAX = 1000, /* how often others may be faster */
};

/* --- as JSON --- */

void object_print_members(const struct object *object, struct text *text)
{
    text_append(text, "\"name\":");
    json_write_text(text, object->name);
    text_printf(text, ",\"revision\":%lld,\"format\":", (long long)object->number);
    json_write_text(text, object->format);
    text_printf(text, ",\"metadata\":%s,\"digest\":\"%s\",\"bytes\":%lld,\"parts\":%lld",
                object->metadata, object->digest, (long long)object->bytes,
                (long long)object->parts);
    text_printf(text, ",\"created\":\"%s\"", object->created);
}

void object_print_json(const struct object *object, struct text *text)
{
    text_append_char(text, '{');
    object_print_members(object, text);
    text_append_char(text, '}');
}

static void print_list(const struct object *objects, size_t count, struct text *text)
{
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(text, ',');
        object_print_json(&objects[i], text);
    }
    text_append_char(text, ']');
}

enum status objects_list(struct request *request, struct response *response, const char *kind,
                         struct error *err)
{
    struct registry *registry;
    struct object *objects;
    const char *pattern;
    size_t count;

    TRY(stored_registry(request, &registry, err));
    TRY(request_query(request, "pattern", &pattern, err));
    TRY(registry_object_list(registry, kind, pattern, &objects, &count, request_arena(request),
                             err));
    print_list(objects, count, &response->body);
    return STATUS_OK;
}

/* --- getting --- */

enum status objects_find(struct request *request, const char *kind, struct object *object,
                         struct error *err)
{
    struct registry *registry;
    const char *reference;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &reference, err));
    return registry_object_find(registry, kind, reference, object, request_arena(request), err);
}

static enum status answer_bytes(struct request *request, struct response *response,
                                const struct object *object, struct error *err)
{
    struct registry *registry = request->server->registry;
    struct download_file *files;
    struct object_part *parts;
    size_t count;

    TRY(registry_object_parts(registry, object, &parts, &count, request_arena(request), err));
    files = arena_new(request_arena(request), struct download_file, count);
    if (!files)
        return error_no_memory(err, "a download");
    for (size_t i = 0; i < count; i++)
        files[i] = (struct download_file){parts[i].path, parts[i].digest, parts[i].bytes};
    TRY(download_answer(response, files, count, err));
    response->content_type =
        strcmp(object->format, "json") == 0 ? "application/json" : "application/octet-stream";
    response_header(response, "Firn-Format", object->format);
    response_header(response, "Firn-Digest", object->digest);
    response_header_number(response, "Firn-Revision", (uint64_t)object->number);
    response_header_number(response, "Firn-Bytes", (uint64_t)object->bytes);
    response_header_number(response, "Firn-Parts", (uint64_t)object->parts);
    return STATUS_OK;
}

static enum status answer_revisions(struct request *request, struct response *response,
                                    const char *kind, struct error *err)
{
    struct registry *registry;
    struct object *objects;
    const char *name;
    size_t count;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &name, err));
    TRY(registry_object_revisions(registry, kind, name, &objects, &count, request_arena(request),
                                  err));
    print_list(objects, count, &response->body);
    return STATUS_OK;
}

/* Bytes of each part: what was put, and what was appended to it. */
static enum status answer_parts(struct request *request, struct response *response,
                                const struct object *object, struct error *err)
{
    struct object_part *parts;
    size_t count;

    TRY(registry_object_parts(request->server->registry, object, &parts, &count,
                              request_arena(request), err));
    object_parts_print(parts, count, &response->body);
    return STATUS_OK;
}

enum status objects_get(struct request *request, struct response *response, const char *kind,
                        struct error *err)
{
    struct object object;

    if (request_query_flag(request, "revisions"))
        return answer_revisions(request, response, kind, err);
    TRY(objects_find(request, kind, &object, err));
    if (request_query_flag(request, "parts"))
        return answer_parts(request, response, &object, err);
    if (!request_query_flag(request, "metadata"))
        return answer_bytes(request, response, &object, err);
    object_print_json(&object, &response->body);
    return STATUS_OK;
}

/* --- putting --- */

static bool is_word(const char *word)
{
    return *word && strlen(word) <= FORMAT_BYTES_MAX &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(word);
}

/* The first bytes of the body as metadata: header Firn-Metadata-Bytes says how many. */
static enum status receive_metadata(struct request *request, struct object_put *put,
                                    struct error *err)
{
    struct bytes said;
    int64_t size = 0;
    size_t have = 0, got = 1;
    uint8_t *data;

    if (!request_header(request, "firn-metadata-bytes", &said))
        return STATUS_OK;
    if (!number_i64_from_text(said, &size) || size < 0 || size > OBJECT_METADATA_MAX)
        return error_set(err, STATUS_INVALID_INPUT,
                         "header Firn-Metadata-Bytes is no number up to %d", OBJECT_METADATA_MAX);
    data = arena_new(request_arena(request), uint8_t, (size_t)size + 1);
    if (!data)
        return error_no_memory(err, "metadata");
    while (have < (size_t)size && got) {
        TRY(body_stream_read(request->stream, data + have, (size_t)size - have, &got, err));
        have += got;
    }
    if (have < (size_t)size || memchr(data, 0, have))
        return error_set(err, STATUS_INVALID_INPUT, "the body is shorter than its metadata");
    put->metadata = (const char *)data;
    return STATUS_OK;
}

static enum status put_facts(struct request *request, struct object_put *put, struct error *err)
{
    struct arena *arena = request_arena(request);
    const char *expected;
    struct bytes metadata;

    TRY(stored_parameter(request, 0, &put->name, err));
    TRY(request_query(request, "format", &put->format, err));
    TRY(request_query(request, "expect", &expected, err));
    put->append = request_query_flag(request, "append");
    put->format = put->format ? put->format : "bytes";
    if (!is_word(put->format))
        return error_set(err, STATUS_INVALID_INPUT,
                         "query parameter format is no word of a-z, 0-9 and - _ .");
    put->expected = OBJECT_EXPECT_ANY;
    if (expected &&
        (!number_i64_from_text(bytes_of(expected), &put->expected) || put->expected < 0))
        return error_set(err, STATUS_INVALID_INPUT,
                         "query parameter expect is no number of a revision, or 0");
    if (!request_header(request, "firn-metadata", &metadata))
        return STATUS_OK;
    TRY(percent_decode(metadata, &metadata, arena, err));
    put->metadata = arena_text(arena, metadata);
    return put->metadata ? STATUS_OK : error_no_memory(err, "metadata");
}

static enum status receive(struct request *request, struct object_writer *writer, struct error *err)
{
    uint64_t limit = (uint64_t)request->server->settings.upload_bytes_max, size = 0;
    uint8_t *piece = arena_new(request_arena(request), uint8_t, PIECE_BYTES);
    size_t got;

    if (!piece)
        return error_no_memory(err, "an upload");
    for (;;) {
        TRY(body_stream_read(request->stream, piece, PIECE_BYTES, &got, err));
        if (got == 0)
            return STATUS_OK;
        size += got;
        if (size > limit)
            return error_set(err, STATUS_TOO_LARGE,
                             "the body is larger than upload_bytes_max = %llu",
                             (unsigned long long)limit);
        TRY(object_writer_write(writer, (struct bytes){piece, got}, err));
    }
}

static enum status run_check(struct request *request, const struct file_map *map,
                             const struct object_put *put, objects_check *check, int64_t *newest,
                             struct error *err)
{
    struct arena scratch;
    enum status status;

    arena_init(&scratch, (size_t)request->server->settings.request_memory_max);
    status = check(request->server->registry, put, map->bytes, newest, &scratch, err);
    arena_release(&scratch);
    return status;
}

static enum status store_checked(struct request *request, struct object_writer *writer,
                                 const struct file_map *map, const struct object_put *put,
                                 objects_check *check, struct object *object, bool *unchanged,
                                 struct error *err)
{
    bool follows = put->append && put->expected < 0;
    struct object_put exact = *put;
    enum status status;
    int64_t newest;

    /* What is appended was checked against the newest revision: when that changed meanwhile, again.
     */
    for (int i = 0;; i++) {
        TRY(run_check(request, map, put, check, &newest, err));
        if (follows)
            exact.expected = newest;
        status = object_writer_put(writer, &exact, object, unchanged, request_arena(request), err);
        if (status != STATUS_CONFLICT || !follows || i == APPENDS_MAX)
            return status;
    }
}

enum status objects_store(struct request *request, struct object_writer *writer,
                          const struct object_put *put, objects_check *check, struct object *object,
                          bool *unchanged, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    enum status status;

    if (!check)
        return object_writer_put(writer, put, object, unchanged, request_arena(request), err);
    TRY(object_writer_map(writer, &map, err));
    status = store_checked(request, writer, &map, put, check, object, unchanged, err);
    file_map_close(&map);
    return status;
}

enum status objects_put(struct request *request, struct response *response, const char *kind,
                        struct error *err)
{
    return objects_put_checked(request, response, kind, NULL, err);
}

enum status objects_put_checked(struct request *request, struct response *response,
                                const char *kind, objects_check *check, struct error *err)
{
    struct object_put put = {.kind = kind};
    struct object_writer *writer;
    struct registry *registry;
    struct object object;
    bool unchanged = false;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    TRY(put_facts(request, &put, err));
    TRY(receive_metadata(request, &put, err));
    TRY(object_writer_open(registry, &writer, err));
    status = receive(request, writer, err);
    if (!status)
        status = objects_store(request, writer, &put, check, &object, &unchanged, err);
    object_writer_close(writer);
    TRY(status);
    response->status = unchanged ? 200 : 201;
    text_append_char(&response->body, '{');
    object_print_members(&object, &response->body);
    text_printf(&response->body, ",\"unchanged\":%s}", unchanged ? "true" : "false");
    return STATUS_OK;
}

enum status objects_drop(struct request *request, struct response *response, const char *kind,
                         struct error *err)
{
    struct registry *registry;
    const char *reference;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &reference, err));
    TRY(registry_object_drop(registry, kind, reference, err));
    text_append(&response->body, "{\"dropped\":true}");
    return STATUS_OK;
}
