// SPDX-License-Identifier: Apache-2.0
/* 0Mind: what a model takes, and predictions: {"input": [items]} to {"result": {"output": value}}.
 * A batch of one is answered without the dimension of the batch, as it was there. */
#include "base/readable.h"
#include "contract/zeromind.h"
#include "formats/json/json_tensor.h"
#include "server/internal.h"
#include "server/predict.h"
#include "server/zeromind/wire.h"

/* --- what it takes --- */

static void write_fields(struct text *text, const struct field *fields, size_t count)
{
    text_append_char(text, '{');
    for (size_t i = 0; i < count; i++) {
        text_printf(text, "%s\"%zu\":", i ? "," : "", i);
        zeromind_print_field(&fields[i], text);
    }
    text_append_char(text, '}');
}

static enum status info(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    struct text *text = &response->body;
    const struct contract *contract;
    struct loaded *loaded;
    const char *id, *tool;

    TRY(zeromind_query_id(request, &id, code, err));
    *code = ZEROMIND_MODEL_NOT_FOUND;
    TRY(model_access_named(request, bytes_of(id), (struct bytes){0}, true, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    contract = loaded_contract(loaded);
    tool = zeromind_type_of(loaded_row(loaded)->framework);
    text_append(text, "{\"inputs\":");
    write_fields(text, contract->signatures[0].inputs, contract->signatures[0].input_count);
    text_append(text, ",\"outputs\":");
    write_fields(text, contract->signatures[0].outputs, contract->signatures[0].output_count);
    text_append(text, ",\"tool\":");
    json_write_text(text, tool ? tool : loaded_row(loaded)->format);
    text_append_char(text, '}');
    model_release(request);
    return STATUS_OK;
}

static enum status model_info(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, info, err);
}

/* --- predictions --- */

#define IMAGE_FILE "image_file"
enum { FILES_MAX = 4096 };

struct predicting {
    enum zeromind_code *code;
    uint64_t began_ns;
};

/* TensorFlow's name of a tensor, "x:0", means x. */
static bool same_name(struct bytes said, const char *name)
{
    size_t size = strlen(name);

    return said.size >= size && !memcmp(said.data, name, size) &&
           (said.size == size || (said.size == size + 2 && !memcmp(said.data + size, ":0", 2)));
}

static const struct field *input_named(const struct signature *signature, struct bytes name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (same_name(name, signature->inputs[i].name))
            return &signature->inputs[i];
    return NULL;
}

/* A table of columns of one type may come as one matrix, under whatever name. */
static bool is_table(const struct signature *signature)
{
    for (size_t i = 1; i < signature->input_count; i++)
        if (signature->inputs[i].dtype != signature->inputs[0].dtype)
            return false;
    return signature->columns && signature->input_count;
}

/* An image of 0Mind's clients, {"image_file": path}, is read by the server, below the folders that
 * `--readable` names; as a text it is the file itself, as base64. */
static enum status file_read(struct prediction *p, struct json_reader *reader, struct bytes *file,
                             struct error *err)
{
    const struct predicting *state = p->state;
    struct bytes key, path = {0};
    bool more;

    if (json_peek(reader) != JSON_OBJECT)
        return json_read_string(reader, file, request_arena(p->request), err);
    TRY(json_enter(reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(reader, &more, &key, err));
        if (!more)
            break;
        if (path.data || !bytes_is(key, IMAGE_FILE))
            return error_set(err, STATUS_INVALID_INPUT, "an item is no {\"" IMAGE_FILE "\": path}");
        TRY(json_read_string(reader, &path, request_arena(p->request), err));
    }
    *state->code = ZEROMIND_FILTER_FILE;
    TRY(readable_file(path, (size_t)p->request->server->settings.body_bytes_max, file,
                      request_arena(p->request), err));
    *state->code = ZEROMIND_PREDICT_UNKNOWN;
    return STATUS_OK;
}

/* Is the value a list that begins with an object? */
static bool are_files(const struct json_reader *reader)
{
    struct json_reader ahead = *reader;
    struct error ignored;
    bool more;

    return json_peek(&ahead) == JSON_ARRAY && !json_enter(&ahead, JSON_ARRAY, &ignored) &&
           !json_next(&ahead, &more, NULL, &ignored) && more && json_peek(&ahead) == JSON_OBJECT;
}

static enum status files_read(struct prediction *p, struct json_reader *reader,
                              struct tensor *tensor, struct error *err)
{
    struct bytes *files = arena_new(request_arena(p->request), struct bytes, FILES_MAX);
    bool more;

    *tensor = (struct tensor){DTYPE_STRING, SHAPE(0), files};
    if (!files)
        return error_no_memory(err, "a request");
    TRY(json_enter(reader, JSON_ARRAY, err));
    for (;;) {
        TRY(json_next(reader, &more, NULL, err));
        if (!more)
            return STATUS_OK;
        if (tensor->shape.dims[0] == FILES_MAX)
            return error_set(err, STATUS_TOO_LARGE, "more than %d files", FILES_MAX);
        TRY(file_read(p, reader, &files[tensor->shape.dims[0]], err));
        tensor->shape.dims[0]++;
    }
}

static enum status value_read(struct prediction *p, struct json_reader *reader, enum dtype dtype,
                              struct tensor *tensor, struct error *err)
{
    const struct shape any = shape_unknown();

    if (dtype == DTYPE_STRING && are_files(reader))
        return files_read(p, reader, tensor, err);
    return json_read_tensor(reader, dtype, &any, tensor, request_arena(p->request), err);
}

static enum status input_read(struct prediction *p, struct json_reader *reader, struct bytes key,
                              struct given *given, struct error *err)
{
    const struct field *field = input_named(p->signature, key);
    bool table = !field && is_table(p->signature);
    char quoted[TEXT_QUOTE_SIZE];

    if (!field && !table)
        return error_set(err, STATUS_INVALID_INPUT, "the model has no input \"%s\"",
                         text_quote(key, quoted, sizeof quoted));
    given->name = table ? NULL : field->name;
    for (const struct given *before = p->given; before < given; before++)
        if (table || !before->name || !strcmp(before->name, given->name))
            return error_set(err, STATUS_INVALID_INPUT, "input \"%s\" is there twice",
                             text_quote(key, quoted, sizeof quoted));
    if (value_read(p, reader, table ? p->signature->inputs[0].dtype : field->dtype, &given->tensor,
                   err))
        return error_within(err, "input \"%s\"", text_quote(key, quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status inputs_read(struct prediction *p, struct given *given, struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more;

    json_reader_init(&reader, p->request->body, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            return json_end(&reader, err);
        if (p->given_count == p->signature->input_count)
            return error_set(err, STATUS_INVALID_INPUT, "the model has %zu inputs only",
                             p->signature->input_count);
        TRY(input_read(p, &reader, key, &given[p->given_count], err));
        p->given_count++;
    }
}

/* The first input that is neither there nor has a value of its own. */
static const char *input_missing(const struct prediction *p)
{
    for (size_t i = 0; i < p->signature->input_count; i++) {
        const struct field *field = &p->signature->inputs[i];
        bool found = field->optional;

        for (size_t g = 0; g < p->given_count && !found; g++)
            found = !p->given[g].name || !strcmp(p->given[g].name, field->name);
        if (!found)
            return field->name;
    }
    return NULL;
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct predicting *state = p->state;
    struct given *given;
    const char *missing;

    TRY(prediction_signature(p, NULL, err));
    given = arena_new(request_arena(p->request), struct given, p->signature->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    TRY(inputs_read(p, given, err));
    *state->code = ZEROMIND_EMPTY_DATA;
    if (!p->given_count && p->signature->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "the data is empty");
    missing = input_missing(p);
    *state->code = ZEROMIND_INPUT_MISSING;
    if (missing)
        return error_set(err, STATUS_INVALID_INPUT, "input \"%.64s\" is missing in the data",
                         missing);
    *state->code = ZEROMIND_PREDICT_RUNTIME;
    state->began_ns = clock_ns();
    return STATUS_OK;
}

static struct tensor without_batch(const struct prediction *p, const struct tensor *output)
{
    struct tensor row = *output;
    const struct shape *input = &p->inputs[0].shape;

    if (!p->signature->input_count || !output->shape.rank || output->shape.dims[0] != 1 ||
        (input->rank && input->dims[0] != 1))
        return row;
    row.shape = shape_without_axis(&row.shape, 0);
    return row;
}

static enum status answer(struct prediction *p, struct error *err)
{
    const struct predicting *state = p->state;
    struct text *text = &p->response->body;
    double seconds = (double)(clock_ns() - state->began_ns) / 1e9;

    (void)err;
    text_append(text, "{\"result\":{");
    for (size_t i = 0; i < p->signature->output_count; i++) {
        struct tensor value = without_batch(p, &p->outputs[i]);

        text_append(text, i ? "," : "");
        json_write_key(text, p->signature->outputs[i].name);
        json_write_nested(text, &value);
    }
    text_printf(text, "},\"model_time\":%.9f}", seconds);
    return STATUS_OK;
}

static enum status predict(struct request *request, struct response *response,
                           enum zeromind_code *code, struct error *err)
{
    struct predicting state = {code, 0};
    const struct prediction_wire wire = {parse, answer, &state};
    const char *id;
    enum status status;

    TRY(zeromind_query_id(request, &id, code, err));
    *code = ZEROMIND_EMPTY_DATA;
    if (!request->body.size)
        return error_set(err, STATUS_INVALID_INPUT, "the request has no data");
    if (!request->executor->waits && !request->executor->control &&
        memmem(request->body.data, request->body.size, IMAGE_FILE, sizeof IMAGE_FILE - 1))
        return request_later(request, LATER_WAITING); /* files are read */
    *code = ZEROMIND_PREDICT_UNKNOWN;
    status = prediction_handle(request, response, bytes_of(id), (struct bytes){0}, &wire, err);
    if (status == STATUS_NOT_FOUND && *code == ZEROMIND_PREDICT_UNKNOWN)
        *code = ZEROMIND_MODEL_NOT_FOUND;
    if (status && *code == ZEROMIND_PREDICT_RUNTIME && !strncmp(err->text, "filters of ", 11))
        *code = ZEROMIND_FILTER_RUNTIME;
    return status;
}

static enum status model_predict(struct request *request, struct response *response,
                                 struct error *err)
{
    return zeromind_handle(request, response, predict, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/model/info", model_info, "inputs and outputs: ?id=", 0},
    {HTTP_POST, "/model/info", model_info, "inputs and outputs: ?id=", 0},
    {HTTP_POST, "/model/predict", model_predict, "predict: ?id=, {\"input\": [items]}", 0},
};

const struct route_set routes_zeromind_predict = {
    .name = "zeromind_predict",
    .summary = "0Mind: predictions",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = zeromind_write_error,
};
