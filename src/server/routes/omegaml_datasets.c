// SPDX-License-Identifier: Apache-2.0
/* omega|ml's REST for data sets: GET with filters, PUT of data frames, DELETE. What it accepted and
 * ignored (limit, skip, page) works; what is wrong has its own status. */
#include <fcntl.h>

#include "base/number.h"
#include "formats/frame/frame.h"
#include "formats/json/json_tensor.h"
#include "formats/numpy/npy.h"
#include "server/datasets/check.h"
#include "server/datasets/table.h"
#include "server/internal.h"
#include "server/objects.h"
#include "server/omegaml/words.h"
#include "server/stored.h"

enum { PAGE_MAX = 1000000000 };

/* --- what is asked for --- */

struct wanted {
    struct table *table; /* NULL: only the words are read */
    const char *orient;
    int64_t limit, skip, page; /* limit -1: all; page 1 is the first */
};

static enum status whole_number(const char *key, const char *value, int64_t *number,
                                struct error *err)
{
    if (number_i64_from_text(bytes_of(value), number) && *number >= 0 && *number <= PAGE_MAX)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "query parameter %s is no whole number", key);
}

static enum status wanted_read(void *context, const char *key, const char *value, struct error *err)
{
    struct wanted *wanted = context;

    if (strcmp(key, "orient") == 0)
        wanted->orient = value;
    else if (strcmp(key, "limit") == 0)
        return whole_number(key, value, &wanted->limit, err);
    else if (strcmp(key, "skip") == 0 || strcmp(key, "offset") == 0)
        return whole_number(key, value, &wanted->skip, err);
    else if (strcmp(key, "page") == 0)
        return whole_number(key, value, &wanted->page, err);
    else if (wanted->table)
        return table_filter(wanted->table, key, value, err);
    else
        return error_set(err, STATUS_INVALID_INPUT, "'%.64s' is no query parameter here", key);
    return STATUS_OK;
}

static enum status wanted_finish(struct wanted *wanted, struct error *err)
{
    if (wanted->page == 0)
        return STATUS_OK;
    if (wanted->limit < 1)
        return error_set(err, STATUS_INVALID_INPUT, "page needs limit: how many are on a page");
    wanted->skip += (wanted->page - 1) * wanted->limit;
    return STATUS_OK;
}

/* "meta":{...} of what is a part of something. */
static void write_meta(const struct wanted *wanted, size_t total, struct text *text)
{
    text_printf(text, "\"meta\":{\"limit\":");
    if (wanted->limit < 0)
        text_append(text, "null");
    else
        text_printf(text, "%lld", (long long)wanted->limit);
    text_printf(text, ",\"offset\":%lld,\"total_count\":%zu}", (long long)wanted->skip, total);
}

/* --- GET --- */

static enum status frame_get(struct request *request, struct response *response,
                             const char *reference, struct error *err)
{
    struct table table;
    struct wanted wanted = {.table = &table, .limit = -1};
    struct text *body = &response->body;
    enum status status;
    size_t total = 0;

    status = table_open(request->server->registry, reference, &table, request_arena(request), err);
    if (!status)
        status = omegaml_each_query(request, wanted_read, &wanted, err);
    if (!status)
        status = wanted_finish(&wanted, err);
    if (!status) {
        total = table.rows;
        table_slice(&table, (size_t)wanted.skip, wanted.limit);
        text_append_char(body, '{');
        status = table_write_json(&table, wanted.orient, body, err);
    }
    if (!status && (wanted.limit >= 0 || wanted.skip)) {
        text_append_char(body, ',');
        write_meta(&wanted, total, body);
    }
    text_append_char(body, '}');
    table_close(&table);
    return status;
}

static enum status part_write(const struct object *object, struct bytes bytes, struct text *text,
                              struct arena *scratch, struct error *err)
{
    struct tensor tensor;

    if (strcmp(object->format, "json") == 0) {
        text_append_bytes(text, bytes);
        return STATUS_OK;
    }
    TRY(npy_read(bytes, &tensor, scratch, err));
    json_write_nested(text, &tensor);
    return text_check(text, err);
}

/* Values and arrays: as they are, without an index. */
static enum status value_get(struct request *request, struct response *response,
                             const struct object *object, struct error *err)
{
    struct wanted wanted = {.limit = -1};
    struct object_part *parts;
    size_t count;

    if (strcmp(object->format, "json") != 0 && strcmp(object->format, "npy") != 0) {
        if (error_set(err, STATUS_UNSUPPORTED, "data set \"%s\" is %s, which is not said in JSON",
                      object->name, object->format))
            error_fix(err, "GET /api/datasets/%s gives its bytes", object->name);
        return err->status;
    }
    TRY(omegaml_each_query(request, wanted_read, &wanted, err));
    TRY(registry_object_parts(request->server->registry, object, &parts, &count,
                              request_arena(request), err));
    if (count > 1)
        return error_set(err, STATUS_UNSUPPORTED, "data set \"%s\" was appended to and is no frame",
                         object->name);
    text_append(&response->body, "{\"data\":");
    for (size_t i = 0; i < count; i++) {
        struct file_map map = {{NULL, 0}};
        enum status status;
        TRY(file_map_open(&map, AT_FDCWD, parts[i].path, false, err));
        status = part_write(object, map.bytes, &response->body, request_arena(request), err);
        file_map_close(&map);
        TRY(status);
    }
    text_append(&response->body, ",\"index\":null}");
    return STATUS_OK;
}

static enum status get(struct request *request, struct response *response, struct error *err)
{
    const char *reference, *name, *columns;
    struct registry *registry;
    struct object object;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &reference, err));
    TRY(table_reference(reference, &name, &columns, request_arena(request), err));
    TRY(registry_object_find(registry, "dataset", name, &object, request_arena(request), err));
    if (strcmp(object.format, "frame") != 0 && !columns)
        return value_get(request, response, &object, err);
    return frame_get(request, response, reference, err);
}

/* --- the list --- */

static enum status list(struct request *request, struct response *response, struct error *err)
{
    struct wanted wanted = {.limit = -1};
    struct text *body = &response->body;
    struct registry *registry;
    struct object *objects;
    size_t count, last;

    TRY(stored_registry(request, &registry, err));
    TRY(omegaml_each_query(request, wanted_read, &wanted, err));
    TRY(wanted_finish(&wanted, err));
    TRY(registry_object_list(registry, "dataset", NULL, &objects, &count, request_arena(request),
                             err));
    text_append_char(body, '{');
    write_meta(&wanted, count, body);
    text_append(body, ",\"objects\":[");
    last = wanted.limit >= 0 && (size_t)(wanted.skip + wanted.limit) < count
               ? (size_t)(wanted.skip + wanted.limit)
               : count;
    for (size_t i = (size_t)wanted.skip; i < last; i++) {
        text_append(body, i > (size_t)wanted.skip ? ",{\"dataset\":" : "{\"dataset\":");
        json_write_text(body, objects[i].name);
        text_append(body, ",\"kind\":");
        json_write_text(body, objects[i].format);
        text_append(body, ",\"created\":");
        json_write_text(body, objects[i].created);
        text_printf(body, ",\"revision\":%lld,\"bucket\":\"default\",\"resource_uri\":",
                    (long long)objects[i].number);
        json_write_text(body, objects[i].name);
        text_append_char(body, '}');
    }
    text_append(body, "]}");
    return STATUS_OK;
}

/* --- PUT, DELETE --- */

static enum status store(struct request *request, const struct frame *frame, bool append,
                         struct object *object, struct error *err)
{
    struct object_put put = {
        .kind = "dataset", .format = "frame", .append = append, .expected = OBJECT_EXPECT_ANY};
    struct object_writer *writer;
    struct text tar = {0};
    bool unchanged;
    enum status status;

    TRY(stored_parameter(request, 0, &put.name, err));
    status = frame_encode(frame, &tar, err);
    if (!status)
        status = object_writer_open(request->server->registry, &writer, err);
    if (!status) {
        status = object_writer_write(writer, text_bytes(&tar), err);
        if (!status)
            status = objects_store(request, writer, &put, dataset_check, object, &unchanged, err);
        object_writer_close(writer);
    }
    text_release(&tar);
    return status;
}

static enum status put(struct request *request, struct response *response, struct error *err)
{
    struct arena *arena = request_arena(request);
    struct registry *registry;
    const struct json *said;
    struct object object;
    struct frame frame;
    struct json body;
    bool append = true;

    TRY(stored_registry(request, &registry, err));
    if (!request->body.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the request has no body: {\"data\": {column: [values]}}");
    TRY(json_parse(request->body, 0, &body, arena, err));
    said = json_get(&body, "append");
    if (said && said->kind != JSON_NULL && !json_bool(said, &append))
        return error_set(err, STATUS_INVALID_INPUT, "\"append\" is neither true nor false");
    TRY(frame_from_json(&body, &frame, arena, err));
    TRY(store(request, &frame, append, &object, err));
    text_append(&response->body, "{\"dataset\":");
    json_write_text(&response->body, object.name);
    text_printf(&response->body,
                ",\"revision\":%lld,\"rows\":%zu,\"resource_uri\":", (long long)object.number,
                frame.rows);
    json_write_text(&response->body, object.name);
    text_append_char(&response->body, '}');
    return STATUS_OK;
}

static enum status drop(struct request *request, struct response *response, struct error *err)
{
    TRY(objects_drop(request, response, "dataset", err));
    text_clear(&response->body);
    text_append(&response->body, "\"\"");
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v1/dataset", list, "data sets; ?limit=, ?skip=, ?page=", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/dataset/", list, "the same", ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/dataset/{name...}", get,
     "a frame; ?COLUMN__OPERATOR= keeps rows (eq ne lt lte gt gte in nin between contains "
     "startswith endswith regex isnull), ?orient= (dict, list, records, split, values), ?limit=, "
     "?skip=, ?page=; name[a,b] keeps columns",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/v1/dataset/{name...}", put,
     "append {\"data\": {column: [...]}, \"dtypes\": {...}}; \"append\": false replaces",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v1/dataset/{name...}", drop, "drop it", ROUTE_CONTROL},
};

const struct route_set routes_omegaml_datasets = {
    .name = "omegaml_datasets",
    .summary = "omega|ml: data sets",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = omegaml_write_error,
    .below = {"/api/v1/dataset"},
};
