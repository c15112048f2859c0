// SPDX-License-Identifier: Apache-2.0
/* Open Inference: infer, with JSON and the binary-data extension. */
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "formats/json/oip.h"
#include "server/access.h"
#include "server/internal.h"

struct prediction {
    struct request *request;
    struct response *response;
    struct loaded *loaded;
    const struct signature *signature;
    size_t index; /* of the signature */
    struct oip_request oip;
    struct tensor *inputs, *outputs; /* in the signature's order */
};

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
    const struct contract *contract = loaded_contract(p->loaded);
    const struct field *field;
    struct oip_tensor *input = arena_new(request_arena(request), struct oip_tensor, 1);
    size_t known, free_dim = RANK_MAX;

    TRY(contract_signature(contract, NULL, &p->index, err));
    if (!input)
        return error_no_memory(err, "a request");
    if (contract->signatures[p->index].input_count != 1)
        return error_set(err, STATUS_INVALID_INPUT,
                         "a raw body is for models with one input; this one has %zu",
                         contract->signatures[p->index].input_count);
    field = &contract->signatures[p->index].inputs[0];
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
    p->oip = (struct oip_request){.binary_output = true, .inputs = input, .input_count = 1};
    return STATUS_OK;
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct request *request = p->request;
    size_t size;

    TRY(json_size(request, &size, err));
    if (size == 0 && request->body.size)
        return parse_raw(p, err);
    return oip_parse_request(request->body, size, &p->oip, request_arena(request), err);
}

static enum status bind_inputs(struct prediction *p, struct error *err)
{
    const struct contract *contract = loaded_contract(p->loaded);
    struct arena *arena = request_arena(p->request);
    struct given *given = arena_new(arena, struct given, p->oip.input_count);

    TRY(contract_signature(contract, p->oip.signature, &p->index, err));
    p->signature = &contract->signatures[p->index];
    if (p->signature->reason)
        return error_set(err, STATUS_UNSUPPORTED, "signature '%s': %s", p->signature->name,
                         p->signature->reason);
    p->inputs = arena_new(arena, struct tensor, p->signature->input_count);
    p->outputs = arena_new(arena, struct tensor, p->signature->output_count);
    if (!given || !p->inputs || !p->outputs)
        return error_no_memory(err, "a request");
    for (size_t i = 0; i < p->oip.input_count; i++)
        given[i] = (struct given){p->oip.inputs[i].name, p->oip.inputs[i].tensor};
    return contract_bind(p->signature, given, p->oip.input_count, p->inputs, arena, err);
}

static enum status check_time(const struct prediction *p, struct error *err)
{
    uint64_t waited = clock_ns() - p->request->received_ns;

    if (p->oip.timeout_us <= 0 || waited / 1000 <= (uint64_t)p->oip.timeout_us)
        return STATUS_OK;
    return error_set(err, STATUS_DEADLINE, "the request's timeout of %lld us has passed",
                     (long long)p->oip.timeout_us);
}

/* The index of an output that the request names. */
static enum status find_output(const struct prediction *p, size_t wanted, size_t *index,
                               struct error *err)
{
    const char *name = p->oip.outputs[wanted].name;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < wanted; i++)
        if (strcmp(p->oip.outputs[i].name, name) == 0)
            return error_set(err, STATUS_INVALID_INPUT, "output '%s' is asked for twice",
                             text_quote(bytes_of(name), quoted, sizeof quoted));
    for (*index = 0; *index < p->signature->output_count; ++*index)
        if (strcmp(p->signature->outputs[*index].name, name) == 0)
            return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no output '%s'",
                     p->signature->name, text_quote(bytes_of(name), quoted, sizeof quoted));
}

/* The outputs that go into the answer: those asked for, in that order, or all. */
static enum status choose_outputs(const struct prediction *p, struct oip_tensor **outputs,
                                  size_t *count, struct error *err)
{
    bool all = p->oip.output_count == 0;

    *count = all ? p->signature->output_count : p->oip.output_count;
    *outputs = arena_new(request_arena(p->request), struct oip_tensor, *count);
    if (!*outputs)
        return error_no_memory(err, "an answer");
    for (size_t i = 0; i < *count; i++) {
        size_t index = i;

        if (!all)
            TRY(find_output(p, i, &index, err));
        (*outputs)[i] = (struct oip_tensor){
            .name = p->signature->outputs[index].name,
            .tensor = p->outputs[index],
            .binary = p->oip.binary_output || (!all && p->oip.outputs[i].binary),
        };
    }
    return STATUS_OK;
}

static enum status answer(const struct prediction *p, struct error *err)
{
    const struct version *row = loaded_row(p->loaded);
    struct oip_response oip = {.model_name = row->model, .id = p->oip.id};
    struct oip_tensor *outputs;
    char number[24];
    size_t size;

    TRY(choose_outputs(p, &outputs, &oip.output_count, err));
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

/* Until when the run may take: the server's limit, or the request's own. */
static uint64_t deadline_ns(const struct prediction *p)
{
    uint64_t allowed = (uint64_t)p->request->server->settings.request_timeout_ms * 1000000;

    if (p->oip.timeout_us > 0 && (uint64_t)p->oip.timeout_us < allowed / 1000)
        allowed = (uint64_t)p->oip.timeout_us * 1000;
    return p->request->received_ns + allowed;
}

/* Requests of one key get the same variant of an application. 0: any. */
static uint64_t sticky_key(struct request *request)
{
    struct bytes key;

    if (!request_header(request, "firn-sticky", &key) || !key.size)
        return 0;
    return bytes_hash(key) | 1;
}

static enum status run(struct prediction *p, struct session *session, struct error *err)
{
    enum status status;

    session->team = p->request->server->team;
    session->deadline_ns = deadline_ns(p);
    session->cancelled = p->request->cancelled;
    session->sticky = sticky_key(p->request);
    status = session_run(session, p->index, p->inputs, p->outputs, err);
    session->cancelled = NULL; /* it goes with the request */
    return status;
}

static enum status predict(struct prediction *p, struct error *err)
{
    struct session *session = loaded_session(p->loaded, p->request->executor->index);

    if (!session)
        return error_no_memory(err, "a session");
    TRY(parse(p, err));
    TRY(check_time(p, err));
    TRY(bind_inputs(p, err));
    TRY(run(p, session, err));
    return answer(p, err);
}

static uint64_t count_rows(const struct prediction *p)
{
    return p->signature->input_count && p->inputs[0].shape.rank > 0
               ? (uint64_t)p->inputs[0].shape.dims[0]
               : 1;
}

/* Would it hold up an I/O thread? Nobody knows before the first run. */
static bool takes_long(const struct request *request, const struct loaded *loaded)
{
    double cost = loaded_cost_us(loaded, request->body.size);

    return cost < 0 || cost > (double)request->server->settings.inline_us;
}

static enum status infer(struct request *request, struct response *response, struct error *err)
{
    struct prediction p = {.request = request, .response = response};
    uint64_t began;
    enum status status;

    TRY(model_access(request, true, &p.loaded, err));
    if (!p.loaded)
        return STATUS_OK;
    if (request->executor->io && takes_long(request, p.loaded)) {
        model_release(request);
        return request_later(request, LATER_COMPUTE);
    }
    began = request->executor->io ? request->received_ns : clock_ns();
    status = predict(&p, err);
    if (status == STATUS_OK)
        loaded_ran(p.loaded, request->body.size, count_rows(&p), began, clock_ns());
    else
        loaded_failed(request->server->models, p.loaded, status);
    model_release(request);
    return status;
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
