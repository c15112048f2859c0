// SPDX-License-Identifier: Apache-2.0
#include "cli/remote_predict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/store.h"
#include "formats/json/json_tensor.h"
#include "formats/json/oip.h"

static void write_shape(struct text *text, const struct shape *shape)
{
    text_append(text, "\"shape\":[");
    for (int i = 0; i < shape->rank; i++)
        text_printf(text, "%s%" PRId64, i ? "," : "", shape->dims[i]);
    text_append(text, "]");
}

/* A missing string is null, which "" is not. */
static void write_data(struct text *text, const struct tensor *tensor)
{
    const struct bytes *strings = tensor->data;

    if (tensor->dtype != DTYPE_STRING) {
        json_write_tensor(text, tensor);
        return;
    }
    text_append(text, "[");
    for (size_t i = 0; i < tensor_count(tensor); i++) {
        text_append(text, i ? "," : "");
        if (strings[i].data)
            json_write_string(text, strings[i]);
        else
            text_append(text, "null");
    }
    text_append(text, "]");
}

/* Strings that JSON cannot hold go behind it, as binary data. */
static bool is_binary(const struct tensor *tensor)
{
    const struct bytes *strings = tensor->data;

    for (size_t i = 0; tensor->dtype == DTYPE_STRING && i < tensor_count(tensor); i++)
        if (!text_is_utf8(strings[i]))
            return true;
    return false;
}

static void write_tensor(struct text *text, const struct tensor *tensor, struct text *binary)
{
    write_shape(text, &tensor->shape);
    if (is_binary(tensor)) {
        text_printf(text, ",\"parameters\":{\"binary_data_size\":%zu}", oip_binary_size(tensor));
        oip_binary_write(binary, tensor);
        return;
    }
    text_append(text, ",\"data\":");
    write_data(text, tensor);
}

/* *json_size: where binary data begin. */
static enum status write_request(const struct signature *signature, const struct tensor *bound,
                                 struct text *text, size_t *json_size, struct error *err)
{
    struct text binary = {0};
    enum status status;

    char quoted[TEXT_QUOTE_SIZE];

    text_append(text, "{\"parameters\":{\"signature\":");
    json_write_string(text, bytes_of(signature->name));
    text_append(text, "},\"inputs\":[");
    for (size_t i = 0, written = 0; i < signature->input_count; i++) {
        const struct field *field = &signature->inputs[i];
        if (bound[i].dtype == DTYPE_NONE ||
            bound[i].data == (field->fallback ? field->fallback->data : NULL))
            continue; /* not given: the server has the same fallback */
        if (!dtype_oip(bound[i].dtype)[0]) {
            text_release(&binary);
            return error_set(err, STATUS_UNSUPPORTED, "input \"%s\": the protocol has no %s",
                             text_quote(bytes_of(field->name), quoted, sizeof quoted),
                             dtype_name(bound[i].dtype));
        }
        text_append(text, written++ ? ",{\"name\":" : "{\"name\":");
        json_write_string(text, bytes_of(field->name));
        text_printf(text, ",\"datatype\":\"%s\",", dtype_oip(bound[i].dtype));
        write_tensor(text, &bound[i], &binary);
        text_append(text, "}");
    }
    text_append(text, "]}");
    *json_size = text->size;
    text_append_bytes(text, text_bytes(&binary));
    status = text_check(&binary, err);
    text_release(&binary);
    return status ? status : text_check(text, err);
}

/* --- the answer --- */

static enum status read_answer(struct bytes body, struct remote_answer *answer, struct arena *keep,
                               struct error *err)
{
    struct oip_response response;

    if (oip_parse_response(body, body.size, &response, keep, err)) {
        err->status = STATUS_UNAVAILABLE;
        return error_within(err, "the answer");
    }
    for (size_t i = 0; i < answer->signature->output_count; i++) {
        const char *name = answer->signature->outputs[i].name;
        char quoted[TEXT_QUOTE_SIZE];
        size_t k = 0;

        while (k < response.output_count && strcmp(response.outputs[k].name, name) != 0)
            k++;
        if (k == response.output_count)
            return error_set(err, STATUS_UNAVAILABLE, "the answer lacks output \"%s\"",
                             text_quote(bytes_of(name), quoted, sizeof quoted));
        answer->outputs[i] = response.outputs[k].tensor;
    }
    return STATUS_OK;
}

static enum status ask(const char *server, const struct remote_answer *answer,
                       const struct tensor *bound, struct bytes *body, struct arena *keep,
                       struct error *err)
{
    struct client client;
    struct text path = {0}, text = {0};
    struct bytes piece;
    struct client_request request = {.method = "POST", .pieces = &piece, .piece_count = 1};
    char headers[128];
    size_t json_size = 0;
    enum status status;

    TRY(client_init(&client, server, err));
    text_append(&path, "/v2/models/");
    client_encode(&path, bytes_of(answer->version.model));
    text_printf(&path, "/versions/%" PRId64 "/infer", answer->version.number);
    status = text_check(&path, err);
    if (!status)
        status = write_request(answer->signature, bound, &text, &json_size, err);
    if (json_size == text.size)
        snprintf(headers, sizeof headers, "Content-Type: application/json\r\n");
    else
        snprintf(headers, sizeof headers,
                 "Content-Type: application/octet-stream\r\n"
                 "Inference-Header-Content-Length: %zu\r\n",
                 json_size);
    request.path = path.data;
    request.headers = headers;
    piece = text_bytes(&text);
    if (!status)
        status = client_call(&client, &request, body, keep, err);
    text_release(&path);
    text_release(&text);
    return status;
}

static enum status resolve(const char *server, const char *reference, struct version *version,
                           struct arena *keep, struct error *err)
{
    struct store *store;
    enum status status;

    TRY(store_remote(server, &store, err));
    status = store->class->resolve(store, reference, version, keep, err);
    store->class->close(store);
    return status;
}

enum status remote_predict(const char *server, const char *reference, const char *signature,
                           const struct inputs *inputs, struct remote_answer *answer,
                           struct arena *keep, struct error *err)
{
    struct tensor *bound;
    struct bytes body;
    size_t index;

    TRY(resolve(server, reference, &answer->version, keep, err));
    TRY(contract_parse_json(bytes_of(answer->version.contract), &answer->contract, keep, err));
    TRY(contract_signature(&answer->contract, signature ? signature : inputs->signature, &index,
                           err));
    answer->signature = &answer->contract.signatures[index];
    answer->outputs = arena_new(keep, struct tensor, answer->signature->output_count);
    if (!answer->outputs)
        return error_no_memory(err, "an answer");
    TRY(inputs_bind(inputs, answer->signature, &bound, keep, err));
    TRY(ask(server, answer, bound, &body, keep, err));
    return read_answer(body, answer, keep, err);
}
