// SPDX-License-Identifier: Apache-2.0
/* Open Inference: infer, with JSON and the binary-data extension. */
#include <stdio.h>

#include "base/number.h"
#include "formats/json/oip.h"
#include "server/internal.h"
#include "server/oip/oip.h"

static struct oip_request *oip_of(const struct prediction *p)
{
    return p->state;
}

static const char HEADER_SIZE[] = "inference-header-content-length";

/* Bytes of the JSON part of the body. */
static enum status json_size(const struct request *request, size_t *size, struct error *err)
{
    struct bytes value;
    int64_t given;
    char quoted[TEXT_QUOTE_SIZE];

    *size = request->body.size;
    if (!request_header(request, HEADER_SIZE, &value))
        return STATUS_OK;
    if (!number_i64_from_text(value, &given) || given < 0 || (uint64_t)given > request->body.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "Inference-Header-Content-Length is '%s', the body has %zu bytes",
                         text_quote(value, quoted, sizeof quoted), request->body.size);
    *size = (size_t)given;
    return STATUS_OK;
}

/* A raw body is the one input of the model: at most one dimension may be free. */
static enum status parse_raw(struct prediction *p, struct error *err)
{
    struct request *request = p->request;
    const struct field *field;
    struct oip_tensor *input = arena_new(request_arena(request), struct oip_tensor, 1);
    size_t known, free_dim = RANK_MAX;

    TRY(prediction_signature(p, NULL, err));
    if (!input)
        return error_no_memory(err, "a request");
    if (p->signature->input_count != 1)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a raw body is for models with one input; this one has %zu",
                         p->signature->input_count);
    field = &p->signature->inputs[0];
    known = dtype_size(field->dtype);
    if (field->dtype == DTYPE_STRING || field->shape.rank < 0)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a raw body is for inputs of numbers with a known rank");
    *input = (struct oip_tensor){.name = field->name,
                                 .binary = true,
                                 .tensor = {.dtype = field->dtype, .shape = field->shape}};
    for (int d = 0; d < field->shape.rank; d++) {
        if (field->shape.dims[d] < 0 && free_dim < RANK_MAX)
            return error_set(err, STATUS_INVALID_INPUT,
                             "a raw body is for inputs with at most one free dimension");
        if (field->shape.dims[d] < 0)
            free_dim = (size_t)d;
        else
            known *= (size_t)field->shape.dims[d];
    }
    if (known == 0 || request->body.size % known ||
        (free_dim == RANK_MAX && request->body.size != known))
        return error_set(err, STATUS_INVALID_INPUT,
                         "a raw body of %zu bytes is not a whole number of elements of '%s'",
                         request->body.size, field->name);
    if (free_dim < RANK_MAX)
        input->tensor.shape.dims[free_dim] = (int64_t)(request->body.size / known);
    input->tensor.data = arena_alloc(request_arena(request), request->body.size, 1);
    if (!input->tensor.data)
        return error_no_memory(err, "a request");
    memcpy(input->tensor.data, request->body.data, request->body.size);
    *oip_of(p) = (struct oip_request){.binary_output = true, .inputs = input, .input_count = 1};
    return STATUS_OK;
}

static enum status body_parse(struct prediction *p, struct error *err)
{
    struct request *request = p->request;
    size_t size;

    TRY(json_size(request, &size, err));
    if (size == 0 && request->body.size)
        return parse_raw(p, err);
    return oip_parse_request(request->body, size, oip_of(p), request_arena(request), err);
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);

    p->state = arena_new(arena, struct oip_request, 1);
    if (!p->state)
        return error_no_memory(err, "a request");
    TRY(body_parse(p, err));
    return oip_give(p, oip_of(p), err);
}

static enum status answer(struct prediction *p, struct error *err)
{
    const struct version *row = loaded_row(p->loaded);
    struct oip_response oip = {.model_name = row->model, .id = oip_of(p)->id};
    struct oip_tensor *outputs;
    char number[24];
    size_t size;

    TRY(oip_choose_outputs(p, oip_of(p), &outputs, &oip.output_count, err));
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    oip.outputs = outputs;
    oip.model_version = number;
    oip_write_response(&oip, &p->response->body, &size);
    if (size != p->response->body.size) {
        p->response->content_type = "application/octet-stream";
        response_header_number(p->response, "Inference-Header-Content-Length", size);
    }
    return STATUS_OK;
}

static const struct prediction_wire WIRE = {parse, answer};

static enum status infer(struct request *request, struct response *response, struct error *err)
{
    struct bytes version =
        request->match.parameter_count > 1 ? request->parameters[1] : (struct bytes){NULL, 0};

    return prediction_handle(request, response, request->parameters[0], version, &WIRE, err);
}

static const struct route ROWS[] = {
    {HTTP_POST, "/v2/models/{model}/infer", infer, "predict with the version that serves", 0},
    {HTTP_POST, "/v2/models/{model}/versions/{version}/infer", infer, "predict", 0},
};

const struct route_set routes_inference = {
    .name = "inference",
    .summary = "Open Inference: predict",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = oip_write_error,
};
