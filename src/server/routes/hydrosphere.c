// SPDX-License-Identifier: Apache-2.0
/* Predictions as the gateways of Hydrosphere had them: the body is one JSON object of fields, each
 * a value or arrays of arrays, and so is the answer. The first generation says the signature in the
 * path, later ones have one. Unlike there, numbers are numbers of every type, ragged arrays and
 * unknown fields are refused, and an error has the status that it deserves. */
#include <stdio.h>

#include "formats/json/json_tensor.h"
#include "server/internal.h"
#include "server/predict.h"

static const struct field *field_named(const struct signature *signature, struct bytes name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (bytes_is(name, signature->inputs[i].name))
            return &signature->inputs[i];
    return NULL;
}

static enum status unknown_field(const struct signature *signature, struct bytes name,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], list[300] = "";
    size_t used = 0;

    for (size_t i = 0; i < signature->input_count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 signature->inputs[i].name);
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no input '%s'; it has %s",
                     signature->name, text_quote(name, quoted, sizeof quoted), list);
}

/* The rank of the contract: a value for [1], say, may come as a lone one. */
static enum status field_read(struct prediction *p, struct json_reader *reader,
                              const struct field *field, struct given *given, struct error *err)
{
    const struct shape any = shape_unknown();

    given->name = field->name;
    if (json_read_tensor(reader, field->dtype, &any, &given->tensor, request_arena(p->request),
                         err))
        return error_within(err, "field '%.64s'", field->name);
    if (given->tensor.shape.rank == 0 && field->shape.rank > 0) {
        given->tensor.shape.rank = field->shape.rank;
        for (int d = 0; d < field->shape.rank; d++)
            given->tensor.shape.dims[d] = 1;
    }
    return STATUS_OK;
}

static enum status fields_read(struct prediction *p, struct json_reader *reader,
                               struct given *given, struct error *err)
{
    struct bytes key;
    bool more;

    for (;;) {
        const struct field *field;

        TRY(json_next(reader, &more, &key, err));
        if (!more)
            return json_end(reader, err);
        field = field_named(p->signature, key);
        if (!field)
            return unknown_field(p->signature, key, err);
        for (size_t i = 0; i < p->given_count; i++)
            if (bytes_is(key, given[i].name))
                return json_repeated(reader, key, err);
        TRY(field_read(p, reader, field, &given[p->given_count], err));
        p->given_count++;
    }
}

static enum status parse_as(struct prediction *p, const char *signature, struct error *err)
{
    struct json_reader reader;
    struct given *given;

    TRY(prediction_signature(p, signature, err));
    given = arena_new(request_arena(p->request), struct given, p->signature->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    json_reader_init(&reader, p->request->body, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    return fields_read(p, &reader, given, err);
}

static enum status parse_first(struct prediction *p, struct error *err)
{
    return parse_as(p, NULL, err);
}

/* Parameter 1 is the signature. */
static enum status parse_named(struct prediction *p, struct error *err)
{
    const char *name = arena_text(request_arena(p->request), p->request->parameters[1]);

    return name ? parse_as(p, name, err) : error_no_memory(err, "a request");
}

static enum status answer(struct prediction *p, struct error *err)
{
    struct text *body = &p->response->body;

    (void)err;
    text_append_char(body, '{');
    for (size_t i = 0; i < p->signature->output_count; i++) {
        if (i)
            text_append_char(body, ',');
        json_write_key(body, p->signature->outputs[i].name);
        json_write_nested(body, &p->outputs[i]);
    }
    text_append_char(body, '}');
    return STATUS_OK;
}

static const struct prediction_wire FIRST = {parse_first, answer}, NAMED = {parse_named, answer};
static const struct bytes SERVING = {(const uint8_t *)"", 0};

static enum status serve(struct request *request, struct response *response, struct error *err)
{
    return prediction_handle(request, response, request->parameters[0], SERVING, &FIRST, err);
}

static enum status serve_signature(struct request *request, struct response *response,
                                   struct error *err)
{
    return prediction_handle(request, response, request->parameters[0], SERVING, &NAMED, err);
}

static void write_error(const struct error *err, struct text *text)
{
    const char *kind = err->status == STATUS_NOT_FOUND  ? "NotFound"
                       : status_http(err->status) < 500 ? "BadRequest"
                                                        : "InternalError";

    text_printf(text, "{\"error\":\"%s\",\"information\":", kind);
    json_write_text(text, err->text);
    text_append_char(text, '}');
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/v1/applications/serve/{application}/{signature}", serve_signature,
     "predict (first generation)", 0},
    {HTTP_POST, "/gateway/applications/{application}/{signature}", serve_signature,
     "predict (first generation)", 0},
    {HTTP_POST, "/gateway/application/{application}", serve, "predict with an application", 0},
    {HTTP_POST, "/gateway/servable/{version}", serve, "predict with a version: name:3", 0},
};

const struct route_set routes_hydrosphere = {
    .name = "hydrosphere",
    .summary = "Hydrosphere's gateway: {\"field\": value} in and out",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = write_error,
};
