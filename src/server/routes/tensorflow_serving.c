// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving's REST API: /v1/models/NAME[/versions/N|/labels/L][:predict|:classify|:regress
 * or /metadata]. A label is an alias. */
#include <stdio.h>
#include <strings.h>

#include "formats/json/json_tensor.h"
#include "server/internal.h"
#include "server/tensorflow_serving/model_spec.h"
#include "server/tensorflow_serving/example_json.h"
#include "server/tensorflow_serving/examples.h"
#include "server/tensorflow_serving/metadata.h"
#include "server/tensorflow_serving/predict_json.h"

/* --- what a path names --- */

struct target {
    struct bytes model, version; /* "", digits, or "@label" */
    bool label;
    struct bytes verb; /* behind the ':' */
};

static enum status malformed(const struct request *request, struct error *err)
{
    struct bytes path = http1_bytes(request->data, request->head->path);
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "Malformed request: %s %s",
                     http_method_name(request->head->method),
                     text_quote(path, quoted, sizeof quoted));
}

/* The last parameter of a POST is NAME:verb, as it was sent. */
static enum status verb_cut(struct request *request, struct target *target, struct error *err)
{
    size_t last = request->match.parameter_count - 1, size = 0;
    struct bytes whole = request->match.parameters[last];
    struct bytes *named = last ? &target->version : &target->model;

    while (size < whole.size && whole.data[size] != ':')
        size++;
    if (size == 0 || size == whole.size)
        return malformed(request, err);
    target->verb = (struct bytes){whole.data + size + 1, whole.size - size - 1};
    return percent_decode((struct bytes){whole.data, size}, named, request_arena(request), err);
}

static enum status label_take(struct request *request, struct target *target, struct error *err)
{
    uint8_t *alias = arena_alloc(request_arena(request), target->version.size + 1, 1);

    if (!alias)
        return error_no_memory(err, "a label");
    alias[0] = '@';
    memcpy(alias + 1, target->version.data, target->version.size);
    target->version = (struct bytes){alias, target->version.size + 1};
    target->label = true;
    return STATUS_OK;
}

static enum status target_read(struct request *request, struct target *target, struct error *err)
{
    *target = (struct target){.model = request->parameters[0]};
    if (request->match.parameter_count > 1)
        target->version = request->parameters[1];
    if (request->match.route->method == HTTP_POST)
        TRY(verb_cut(request, target, err));
    if (memchr(request->match.parameters[0].data, ':', request->match.parameters[0].size) &&
        (request->match.route->method != HTTP_POST || request->match.parameter_count > 1))
        return malformed(request, err);
    if (strstr(request->match.route->path, "/labels/"))
        return label_take(request, target, err);
    for (size_t i = 0; i < target->version.size; i++)
        if (target->version.data[i] < '0' || target->version.data[i] > '9')
            return malformed(request, err);
    return STATUS_OK;
}

/* --- errors: gRPC's as HTTP says them --- */

static enum status unknown(const struct target *target, struct error *err)
{
    char model[TEXT_QUOTE_SIZE], version[TEXT_QUOTE_SIZE];

    text_quote(target->model, model, sizeof model);
    text_quote(target->version, version, sizeof version);
    if (target->label) {
        err->status = STATUS_INVALID_INPUT;
        return error_within(err, "Unrecognized servable version label: %s", version + 1);
    }
    if (target->version.size)
        return error_within(err, "Servable not found for request: Specific(%s, %s)", model,
                            version);
    return error_within(err, "Servable not found for request: Latest(%s)", model);
}

static enum status fail(struct response *response, enum status status, struct error *err)
{
    if (status == STATUS_UNSUPPORTED)
        response->status = 501;
    return err->status;
}

/* --- predictions --- */

struct predicting {
    struct predict_json predict;
    struct examples_json json;
    struct examples examples;
};

static enum status signature_choose(struct prediction *p, const char *name, struct error *err)
{
    const struct model_spec spec = {"", "", name ? name : ""};
    enum status status = model_spec_signature(p, &spec, err);
    char quoted[TEXT_QUOTE_SIZE];

    if (status != STATUS_NOT_FOUND)
        return status;
    err->status = STATUS_INVALID_INPUT;
    return error_within(err, "Serving signature name: \"%s\" not found in signature def",
                        text_quote(bytes_of(spec.signature), quoted, sizeof quoted));
}

static enum status predicting_new(struct prediction *p, struct predicting **predicting,
                                  struct error *err)
{
    *predicting = arena_new(request_arena(p->request), struct predicting, 1);
    p->state = *predicting;
    return *predicting ? STATUS_OK : error_no_memory(err, "a request");
}

static enum status predict_parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct predicting *state;

    TRY(predicting_new(p, &state, err));
    TRY(predict_json_open(p->request->body, &state->predict, arena, err));
    TRY(signature_choose(p, state->predict.signature, err));
    TRY(predict_json_check(p->signature, err));
    return predict_json_read(&state->predict, p->signature, &p->given, &p->given_count, arena, err);
}

/* Were values given as [n] where fields are [n,1]? TensorFlow would compute with [n]. */
static bool is_narrow(const struct prediction *p)
{
    for (size_t i = 0; i < p->given_count; i++)
        if (p->given[i].tensor.shape.rank != 1)
            return false;
    for (size_t i = 0; i < p->signature->input_count; i++)
        if (p->inputs[i].shape.rank != 2 || p->inputs[i].shape.dims[1] != 1)
            return false;
    return p->given_count == p->signature->input_count && p->given_count > 0;
}

static enum status predict_answer(struct prediction *p, struct error *err)
{
    const struct predicting *state = p->state;
    size_t count = p->signature->output_count;
    struct tensor *outputs = p->outputs;

    if (is_narrow(p)) {
        outputs = arena_new(request_arena(p->request), struct tensor, count);
        if (!outputs)
            return error_no_memory(err, "an answer");
        for (size_t i = 0; i < count; i++) {
            outputs[i] = p->outputs[i];
            if (outputs[i].shape.rank == 2 && outputs[i].shape.dims[1] == 1)
                outputs[i].shape.rank = 1;
        }
    }
    return predict_json_write(p->signature, outputs, state->predict.rows, &p->response->body, err);
}

static enum status examples_parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct predicting *state;

    TRY(predicting_new(p, &state, err));
    TRY(examples_json_read(p->request->body, EXAMPLES_MAX, &state->json, arena, err));
    TRY(signature_choose(p, state->json.signature, err));
    state->examples = (struct examples){state->json.examples, state->json.count};
    TRY(examples_add_context(&state->examples, state->json.context, arena, err));
    return examples_give(p, &state->examples, err);
}

static void write_score(struct text *text, float value)
{
    const struct tensor tensor = {.dtype = DTYPE_F32, .shape = {0}, .data = &value};

    json_write_rows(text, &tensor, ROWS_ALL, JSON_ALLOW_NAN);
}

/* {"results": [[[label, score], ...] an example]} */
static enum status classify_answer(struct prediction *p, struct error *err)
{
    size_t examples = ((const struct predicting *)p->state)->examples.count;
    struct text *text = &p->response->body;
    struct classification found;
    char label[LABEL_SIZE];

    TRY(classification_find(p, examples, &found, err));
    text_append(text, "{\"results\":[");
    for (size_t i = 0; i < examples; i++) {
        text_append(text, i ? ",[" : "[");
        for (size_t k = 0; k < found.count; k++) {
            text_append(text, k ? ",[" : "[");
            json_write_string(text, classification_label(&found, i, k, label));
            text_append_char(text, ',');
            write_score(text, classification_score(&found, i, k));
            text_append_char(text, ']');
        }
        text_append_char(text, ']');
    }
    text_append(text, "]}");
    return STATUS_OK;
}

/* {"results": [number of an example]} */
static enum status regress_answer(struct prediction *p, struct error *err)
{
    size_t examples = ((const struct predicting *)p->state)->examples.count;
    struct text *text = &p->response->body;
    const struct tensor *values;

    TRY(regression_find(p, examples, &values, err));
    text_append(text, "{\"results\":[");
    for (size_t i = 0; i < examples; i++) {
        text_append(text, i ? "," : "");
        write_score(text, (float)tensor_f64(values, i));
    }
    text_append(text, "]}");
    return STATUS_OK;
}

static const struct {
    const char *verb;
    struct prediction_wire wire;
} VERBS[] = {
    {"predict", {predict_parse, predict_answer, NULL}},
    {"classify", {examples_parse, classify_answer, NULL}},
    {"regress", {examples_parse, regress_answer, NULL}},
};

static const struct prediction_wire *wire_of(struct bytes verb)
{
    for (size_t i = 0; i < ARRAY_COUNT(VERBS); i++)
        if (verb.size == strlen(VERBS[i].verb) &&
            !strncasecmp((const char *)verb.data, VERBS[i].verb, verb.size))
            return &VERBS[i].wire;
    return NULL;
}

static enum status predict(struct request *request, struct response *response, struct error *err)
{
    const struct prediction_wire *wire;
    struct target target;
    enum status status;

    TRY(target_read(request, &target, err));
    wire = wire_of(target.verb);
    if (!wire)
        return malformed(request, err);
    status = prediction_handle(request, response, target.model, target.version, wire, err);
    if (status == STATUS_NOT_FOUND)
        return unknown(&target, err);
    return status ? fail(response, status, err) : STATUS_OK;
}

/* --- what is there --- */

/* The version that a path names, pinned; *loaded NULL: come again, as model_access says. */
static enum status target_access(struct request *request, struct target *target,
                                 struct loaded **loaded, struct error *err)
{
    enum status status;

    TRY(target_read(request, target, err));
    status = model_access_named(request, target->model, target->version, false, loaded, err);
    return status == STATUS_NOT_FOUND ? unknown(target, err) : status;
}

static enum status model_status(struct request *request, struct response *response,
                                struct error *err)
{
    struct target target;
    struct loaded *loaded;
    enum status status;

    TRY(target_access(request, &target, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    status = versions_write_json(request, loaded, target.version.size > 0, &response->body, err);
    model_release(request);
    return status;
}

static enum status model_metadata(struct request *request, struct response *response,
                                  struct error *err)
{
    struct target target;
    struct loaded *loaded;
    enum status status;

    TRY(target_access(request, &target, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    status = metadata_write_json(loaded, &response->body, request_arena(request), err);
    model_release(request);
    return status;
}

static enum status no_model(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)response;
    return error_set(err, STATUS_INVALID_INPUT, "Missing model name in request.");
}

static enum status no_request(struct request *request, struct response *response, struct error *err)
{
    (void)response;
    return malformed(request, err);
}

#define MODEL "/v1/models/{model}"

static const struct route ROWS[] = {
    {HTTP_POST, MODEL, predict, "NAME:predict, NAME:classify, NAME:regress", 0},
    {HTTP_POST, MODEL "/versions/{version}", predict, "the same of version N: N:predict", 0},
    {HTTP_POST, MODEL "/labels/{label}", predict, "the same of an alias: L:predict", 0},
    {HTTP_GET, MODEL, model_status, "states of a model's versions", 0},
    {HTTP_GET, MODEL "/versions/{version}", model_status, "state of a version", 0},
    {HTTP_GET, MODEL "/labels/{label}", model_status, "state of an alias's version", 0},
    {HTTP_GET, MODEL "/metadata", model_metadata, "signatures", 0},
    {HTTP_GET, MODEL "/versions/{version}/metadata", model_metadata, "signatures of a version", 0},
    {HTTP_GET, MODEL "/labels/{label}/metadata", model_metadata, "signatures of an alias", 0},
    {HTTP_GET, "/v1/models", no_model, "400, as there", 0},
    {HTTP_GET, "/v1/models/{path...}", no_request, "400, as there", 0},
    {HTTP_POST, "/v1/models/{path...}", no_request, "400, as there", 0},
};

const struct route_set routes_tensorflow_serving = {
    .name = "tensorflow_serving",
    .summary = "TensorFlow Serving: REST",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = oip_write_error,
};
