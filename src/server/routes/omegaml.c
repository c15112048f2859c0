// SPDX-License-Identifier: Apache-2.0
/* omega|ml's REST: PUT /api/v1/model/NAME/ACTION with a data frame. The answer's `result` is flat,
 * as it was there; its shape stands beside it. Names have folders; errors have their own status. */
#include "formats/json/frame.h"
#include "formats/json/json_tensor.h"
#include "server/internal.h"
#include "server/omegaml/columns.h"
#include "server/omegaml/jobs.h"
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

static enum status body_read(void *context, const enum dtype *dtypes, struct tensor *columns,
                             struct arena *keep, struct error *err)
{
    return frame_json_read(context, dtypes, columns, keep, err);
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct frame_json frame;
    struct omegaml_columns columns = {.read = body_read, .context = &frame};
    const char *dataset;

    TRY(choose_signature(p, err));
    TRY(request_query(p->request, "datax", &dataset, err));
    if (dataset)
        return omegaml_give_dataset(p, dataset, err);
    if (!p->request->body.size)
        return error_set(
            err, STATUS_INVALID_INPUT,
            "the request has no body {\"columns\": [...], \"data\": ...} and no ?datax=");
    TRY(frame_json_open(p->request->body, &frame, request_arena(p->request), err));
    columns.names = frame.columns;
    columns.count = frame.count;
    return omegaml_give(p, &columns, err);
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
    const char *dataset;
    bool async;

    if (omegaml_needs_job(request->parameters[1]))
        return omegaml_model_job(request, response, request->parameters[0], request->parameters[1],
                                 err);
    TRY(request_query(request, "datax", &dataset, err));
    async = omegaml_is_async(request);
    if ((dataset || async) && request->executor->io) /* the disk is read or written */
        return request_later(request, LATER_COMPUTE);
    TRY(prediction_handle(request, response, request->parameters[0], SERVING, &WIRE, err));
    if (!async || request->later != LATER_NO)
        return STATUS_OK;
    return omegaml_keep_answer(request, response, request->parameters[0], err);
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
     "predict, predict_proba, transform, fit, score ...: {\"columns\": [...], \"data\": ..., "
     "\"shape\": [...]}; ?datax=, ?datay= data sets; header async",
     ROUTE_CHANGES},
    {HTTP_GET, "/api/v1/model/{model...}/{action}", act, "the same of a data set: ?datax=", 0},
};

const struct route_set routes_omegaml = {
    .name = "omegaml",
    .summary = "omega|ml: predictions of data frames",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = omegaml_write_error,
};
