// SPDX-License-Identifier: Apache-2.0
/* omega|ml's REST: PUT /api/v1/model/NAME/ACTION with a data frame. The answer's `result` is flat,
 * as it was there; its shape stands beside it. Names have folders; errors have their own status. */
#include "formats/json/frame.h"
#include "formats/json/json_tensor.h"
#include "server/internal.h"
#include "server/omegaml/words.h"
#include "server/predict.h"

/* An action is a signature of that name; predict may be called otherwise and is the first then. */
static enum status choose_signature(struct prediction *p, struct error *err)
{
    const struct contract *contract = loaded_contract(p->loaded);
    const char *action = arena_text(request_arena(p->request), p->request->parameters[1]);
    bool named = false;

    if (!action)
        return error_no_memory(err, "a request");
    for (size_t i = 0; i < contract->count; i++)
        named |= strcmp(contract->signatures[i].name, action) == 0;
    return prediction_signature(p, !named && strcmp(action, "predict") == 0 ? NULL : action, err);
}

static const struct field *input_named(const struct signature *signature, const char *name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (strcmp(signature->inputs[i].name, name) == 0)
            return &signature->inputs[i];
    return NULL;
}

/* Several columns of one input are its columns: [rows] each, side by side. */
static enum status join(const struct frame_json *frame, const struct tensor *columns,
                        struct tensor *matrix, struct arena *arena, struct error *err)
{
    size_t rows = (size_t)columns[0].shape.dims[0], size = dtype_size(columns[0].dtype), bytes;
    struct shape shape = SHAPE((int64_t)rows, (int64_t)frame->count);

    for (size_t c = 0; c < frame->count; c++)
        if (columns[c].shape.rank != 1)
            return error_set(err, STATUS_INVALID_INPUT,
                             "column '%.64s' holds arrays, and is one of %zu columns",
                             frame->columns[c], frame->count);
    TRY(shape_check(&shape, columns[0].dtype, SIZE_MAX / 2, &bytes, err));
    *matrix = (struct tensor){.dtype = columns[0].dtype, .shape = shape};
    matrix->data = arena_alloc(arena, bytes ? bytes : 1, 1);
    if (!matrix->data)
        return error_no_memory(err, "a request");
    for (size_t c = 0; c < frame->count; c++)
        for (size_t row = 0; row < rows; row++)
            memcpy((uint8_t *)matrix->data + (row * frame->count + c) * size,
                   (const uint8_t *)columns[c].data + row * size, size);
    return STATUS_OK;
}

/* By name where every column is an input; else all of them are the one input. */
static enum status give(struct prediction *p, const struct frame_json *frame, bool by_name,
                        const struct tensor *columns, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct given *given = arena_new(arena, struct given, frame->count);

    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    p->given_count = by_name ? frame->count : 1;
    for (size_t c = 0; by_name && c < frame->count; c++)
        given[c] = (struct given){frame->columns[c], columns[c]};
    if (by_name)
        return STATUS_OK;
    given->name = p->signature->input_count == 1 ? p->signature->inputs[0].name : NULL;
    given->tensor = columns[0];
    if (frame->count == 1 && columns[0].shape.rank > 1)
        return STATUS_OK;
    return join(frame, columns, &given->tensor, arena, err);
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct frame_json frame;
    struct tensor *columns;
    enum dtype *dtypes;
    bool by_name = true;

    TRY(choose_signature(p, err));
    if (!p->request->body.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the request has no body: {\"columns\": [...], \"data\": ...}");
    TRY(frame_json_open(p->request->body, &frame, arena, err));
    dtypes = arena_new(arena, enum dtype, frame.count);
    columns = arena_new(arena, struct tensor, frame.count);
    if (!dtypes || !columns)
        return error_no_memory(err, "a request");
    for (size_t c = 0; c < frame.count; c++)
        by_name &= input_named(p->signature, frame.columns[c]) != NULL;
    if (!by_name && p->signature->input_count != 1 && !p->signature->columns)
        for (size_t c = 0; c < frame.count; c++)
            if (!input_named(p->signature, frame.columns[c]))
                return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no input '%.64s'",
                                 p->signature->name, frame.columns[c]);
    for (size_t c = 0; c < frame.count; c++)
        dtypes[c] = by_name ? input_named(p->signature, frame.columns[c])->dtype
                            : p->signature->inputs[0].dtype;
    TRY(frame_json_read(&frame, dtypes, columns, arena, err));
    return give(p, &frame, by_name, columns, err);
}

static void write_shape(struct text *body, const struct tensor *tensor)
{
    text_append_char(body, '[');
    for (int d = 0; d < tensor->shape.rank; d++)
        text_printf(body, "%s%lld", d ? "," : "", (long long)tensor->shape.dims[d]);
    text_append_char(body, ']');
}

/* One output is the value; several are an object of them. */
static void write_each(const struct prediction *p, struct text *body,
                       void (*write)(struct text *, const struct tensor *))
{
    const struct signature *signature = p->signature;

    if (signature->output_count == 1) {
        write(body, &p->outputs[0]);
        return;
    }
    text_append_char(body, '{');
    for (size_t i = 0; i < signature->output_count; i++) {
        if (i)
            text_append_char(body, ',');
        json_write_key(body, signature->outputs[i].name);
        write(body, &p->outputs[i]);
    }
    text_append_char(body, '}');
}

static enum status answer(struct prediction *p, struct error *err)
{
    struct text *body = &p->response->body;
    const struct version *row = loaded_row(p->loaded);

    (void)err;
    text_append(body, "{\"model\":");
    json_write_string(body, p->request->parameters[0]);
    text_append(body, ",\"result\":");
    write_each(p, body, json_write_tensor);
    text_append(body, ",\"shape\":");
    write_each(p, body, write_shape);
    text_printf(body, ",\"version\":%lld,\"resource_uri\":", (long long)row->number);
    json_write_string(body, p->request->parameters[0]);
    text_append_char(body, '}');
    return STATUS_OK;
}

static const struct prediction_wire WIRE = {parse, answer};
static const struct bytes SERVING = {(const uint8_t *)"", 0};

static enum status act(struct request *request, struct response *response, struct error *err)
{
    return prediction_handle(request, response, request->parameters[0], SERVING, &WIRE, err);
}

static enum status ping(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    text_append(&response->body, "{\"ping\":\"pong\"}");
    return STATUS_OK;
}

static enum status metadata(struct request *request, struct response *response, struct error *err)
{
    struct loaded *loaded;
    const struct version *row;
    struct text *body = &response->body;

    TRY(model_access_named(request, request->parameters[0], SERVING, false, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    row = loaded_row(loaded);
    text_append(body, "{\"model\":");
    json_write_string(body, request->parameters[0]);
    text_append(body, ",\"result\":{\"name\":");
    json_write_text(body, row->model);
    text_append(body, ",\"kind\":");
    json_write_text(body, row->format);
    text_append(body, ",\"created\":");
    json_write_text(body, row->created);
    text_append(body, ",\"modified\":");
    json_write_text(body, row->created);
    text_printf(body, ",\"bucket\":\"default\",\"version\":%lld},\"resource_uri\":",
                (long long)row->number);
    json_write_string(body, request->parameters[0]);
    text_append_char(body, '}');
    model_release(request);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/v1/ping", ping, "is the server there", 0},
    {HTTP_GET, "/api/v1/model/{model...}/", metadata, "what is known of a model", 0},
    {HTTP_GET, "/api/v1/model/{model...}/metadata", metadata, "the same", 0},
    {HTTP_PUT, "/api/v1/model/{model...}/{action}", act,
     "predict, predict_proba, transform ...: {\"columns\": [...], \"data\": ..., \"shape\": [...]}",
     0},
};

const struct route_set routes_omegaml = {
    .name = "omegaml",
    .summary = "omega|ml: predictions of data frames",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = omegaml_write_error,
};
