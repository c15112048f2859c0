// SPDX-License-Identifier: Apache-2.0
/* Data sets as the inputs of a prediction. */
#include <fcntl.h>

#include "base/cursor.h"
#include "formats/json/frame.h"
#include "formats/json/json_tensor.h"
#include "formats/numpy/npy.h"
#include "formats/tensorflow/record.h"
#include "server/datasets/table.h"
#include "server/internal.h"
#include "server/omegaml/columns.h"

/* --- frames --- */

static enum status table_read(void *context, const enum dtype *dtypes, struct tensor *columns,
                              struct arena *keep, struct error *err)
{
    const struct table *table = context;

    (void)keep;
    for (size_t c = 0; c < table->count; c++)
        TRY(table_tensor(table, c, dtypes[c], &columns[c], err));
    return STATUS_OK;
}

static enum status give_frame(struct prediction *p, const char *reference, struct error *err)
{
    struct table table;
    struct omegaml_columns columns = {.read = table_read, .context = &table};
    enum status status =
        table_open(p->request->server->registry, reference, &table, request_arena(p->request), err);

    if (!status) {
        columns.names = table.names;
        columns.count = table.count;
        status = omegaml_give(p, &columns, err);
    }
    table_close(&table);
    return status;
}

/* --- one tensor --- */

static enum status give_tensor(struct prediction *p, const struct tensor *tensor, struct error *err)
{
    struct given *given = arena_new(request_arena(p->request), struct given, 1);

    if (!given)
        return error_no_memory(err, "a request");
    given->name = p->signature->input_count == 1 ? p->signature->inputs[0].name : NULL;
    given->tensor = *tensor;
    p->given = given;
    p->given_count = 1;
    return STATUS_OK;
}

/* All bytes of the data set, kept. */
static enum status bytes_read(struct prediction *p, const struct object *object,
                              struct bytes *bytes, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct object_part *parts;
    uint8_t *data;
    size_t count;

    if (object->parts > 1 && strcmp(object->format, "tfrecord") != 0)
        return error_set(err, STATUS_UNSUPPORTED, "data set \"%s\" was appended to and is no frame",
                         object->name);
    TRY(registry_object_parts(p->request->server->registry, object, &parts, &count, arena, err));
    data = arena_alloc(arena, (size_t)object->bytes + 1, 1);
    if (!data)
        return error_set(err, STATUS_TOO_LARGE,
                         "data set \"%s\" has more bytes than request_memory_max allows",
                         object->name);
    *bytes = (struct bytes){data, 0};
    for (size_t i = 0; i < count; i++) {
        struct file_map map = {{NULL, 0}};
        TRY(file_map_open(&map, AT_FDCWD, parts[i].path, false, err));
        if (map.bytes.size > (size_t)object->bytes - bytes->size) {
            file_map_close(&map);
            return error_set(err, STATUS_INTERNAL, "blob %s is damaged", parts[i].digest);
        }
        memcpy(data + bytes->size, map.bytes.data, map.bytes.size);
        bytes->size += map.bytes.size;
        file_map_close(&map);
    }
    return STATUS_OK;
}

/* --- values: a frame in JSON, or arrays of numbers --- */

static enum status json_columns_read(void *context, const enum dtype *dtypes,
                                     struct tensor *columns, struct arena *keep, struct error *err)
{
    return frame_json_read(context, dtypes, columns, keep, err);
}

static enum status give_json(struct prediction *p, struct bytes bytes, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    const struct shape any = shape_unknown();
    struct frame_json frame;
    struct omegaml_columns columns = {.read = json_columns_read, .context = &frame};
    struct json_reader reader;
    struct tensor tensor;
    const char *body;
    size_t at = 0;

    while (at < bytes.size && strchr("[ \t\r\n", bytes.data[at]))
        at++;
    if (at < bytes.size && bytes.data[at] == '{') { /* columns or records */
        body = bytes.size > INT32_MAX ? NULL
                                      : arena_printf(arena, "{\"data\":%.*s}", (int)bytes.size,
                                                     (const char *)bytes.data);
        if (!body)
            return error_no_memory(err, "a request");
        TRY(frame_json_open(bytes_of(body), &frame, arena, err));
        columns.names = frame.columns;
        columns.count = frame.count;
        return omegaml_give(p, &columns, err);
    }
    json_reader_init(&reader, bytes, 0);
    TRY(json_read_tensor(&reader, p->signature->inputs[0].dtype, &any, &tensor, arena, err));
    TRY(json_end(&reader, err));
    return give_tensor(p, &tensor, err);
}

/* --- records --- */

struct records {
    struct bytes *messages; /* (count,) */
    size_t count;
};

static enum status records_list(struct bytes bytes, struct records *records, struct arena *arena,
                                struct error *err)
{
    struct cursor cursor = cursor_over(bytes);
    size_t capacity = 0;

    *records = (struct records){NULL, 0};
    for (;;) {
        struct bytes message;
        bool more;
        TRY(record_next(&cursor, &message, &more, err));
        if (!more)
            return STATUS_OK;
        if (!ARENA_GROW(arena, records->messages, records->count, capacity))
            return error_no_memory(err, "records");
        records->messages[records->count++] = message;
    }
}

static enum status feature_missing(size_t row, const char *name, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "record %zu has no feature '%.64s'", row, name);
}

/* A feature of all records as [rows] or [rows, values], in the type of the input. */
static enum status feature_column(const struct records *records, const struct field *input,
                                  struct tensor *column, struct arena *arena, struct error *err)
{
    struct tensor whole = {.dtype = DTYPE_NONE};
    size_t width = 0, bytes = 0;

    for (size_t row = 0; row < records->count; row++) {
        const struct feature *feature;
        struct example example;

        TRY(example_read(records->messages[row], &example, arena, err));
        feature = example_find(&example, bytes_of(input->name));
        if (!feature || feature->values.dtype == DTYPE_NONE)
            return feature_missing(row, input->name, err);
        if (row == 0) {
            struct shape shape;
            width = tensor_count(&feature->values);
            bytes = tensor_bytes(&feature->values);
            shape = width == 1 ? SHAPE((int64_t)records->count)
                               : SHAPE((int64_t)records->count, (int64_t)width);
            TRY(tensor_new(&whole, feature->values.dtype, &shape, arena, err));
        }
        if (feature->values.dtype != whole.dtype || tensor_count(&feature->values) != width)
            return error_set(err, STATUS_INVALID_INPUT,
                             "feature '%.64s' of record %zu is another than that of record 0",
                             input->name, row);
        memcpy((uint8_t *)whole.data + row * bytes, feature->values.data, bytes);
    }
    *column = whole;
    return STATUS_OK;
}

/* A model of one string input takes the messages themselves; any other its features. */
static enum status give_records(struct prediction *p, struct bytes bytes, struct error *err)
{
    const struct signature *signature = p->signature;
    struct arena *arena = request_arena(p->request);
    struct records records;
    struct given *given;

    TRY(records_list(bytes, &records, arena, err));
    if (records.count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "the data set has no records");
    if (signature->input_count == 1 && dtype_kind(signature->inputs[0].dtype) == KIND_STRING) {
        struct tensor tensor = {.dtype = DTYPE_STRING,
                                .shape = SHAPE((int64_t)records.count),
                                .data = records.messages};
        return give_tensor(p, &tensor, err);
    }
    given = arena_new(arena, struct given, signature->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    p->given_count = signature->input_count;
    for (size_t i = 0; i < signature->input_count; i++) {
        given[i].name = signature->inputs[i].name;
        TRY(feature_column(&records, &signature->inputs[i], &given[i].tensor, arena, err));
    }
    return STATUS_OK;
}

/* --- */

static enum status give_bytes(struct prediction *p, const struct object *object, struct error *err)
{
    struct tensor tensor;
    struct bytes bytes;

    TRY(bytes_read(p, object, &bytes, err));
    if (strcmp(object->format, "tfrecord") == 0)
        return give_records(p, bytes, err);
    if (strcmp(object->format, "json") == 0)
        return give_json(p, bytes, err);
    TRY(npy_read(bytes, &tensor, request_arena(p->request), err));
    return give_tensor(p, &tensor, err);
}

enum status omegaml_give_dataset(struct prediction *p, const char *reference, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct registry *registry = p->request->server->registry;
    const char *name, *columns, *format;
    struct object object;

    if (!registry)
        return error_set(err, STATUS_UNAVAILABLE, "this server has no registry");
    TRY(table_reference(reference, &name, &columns, arena, err));
    TRY(registry_object_find(registry, "dataset", name, &object, arena, err));
    format = object.format;
    if (strcmp(format, "frame") == 0 || columns)
        return give_frame(p, reference, err);
    if (strcmp(format, "npy") != 0 && strcmp(format, "json") != 0 &&
        strcmp(format, "tfrecord") != 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "data set \"%s\" is %s: models take frames, arrays, values and records",
                         object.name, format);
    if (give_bytes(p, &object, err))
        return error_within(err, "data set \"%.64s\"", object.name);
    return STATUS_OK;
}
