// SPDX-License-Identifier: Apache-2.0
/* omega|ml's services: a model or script called with plain JSON, and its document. The contract is
 * checked as everywhere; the answer keeps its shape. */
#include "formats/json/frame.h"
#include "formats/json/json_tensor.h"
#include "jobs/jobs.h"
#include "registry/object.h"
#include "server/internal.h"
#include "server/omegaml/columns.h"
#include "server/omegaml/jobs.h"
#include "server/omegaml/services.h"
#include "server/omegaml/words.h"
#include "server/predict.h"
#include "server/stored.h"

static const struct bytes SERVING = {(const uint8_t *)"", 0};

static bool is_action(struct bytes word)
{
    static const char *const ACTIONS[] = {
        "predict", "predict_proba", "transform", "decision_function",
        "fit",     "partial_fit",   "score",     "run"};

    for (size_t i = 0; i < ARRAY_COUNT(ACTIONS); i++)
        if (bytes_is(word, ACTIONS[i]))
            return true;
    return false;
}

/* "shop/churn/predict_proba" is an action of "shop/churn". */
static struct bytes split(struct bytes path, struct bytes *action)
{
    const uint8_t *slash;

    while (path.size && path.data[path.size - 1] == '/')
        path.size--;
    slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
    *action = (struct bytes){NULL, 0};
    if (!slash)
        return path;
    *action = (struct bytes){slash + 1, path.size - (size_t)(slash + 1 - path.data)};
    if (is_action(*action))
        return (struct bytes){path.data, (size_t)(slash - path.data)};
    *action = (struct bytes){NULL, 0};
    return path;
}

/* --- models --- */

static enum status choose(struct prediction *p, struct bytes action, struct error *err)
{
    const struct contract *contract = loaded_contract(p->loaded);
    const char *name = action.size ? arena_text(request_arena(p->request), action) : "predict";
    bool named = false;

    if (!name)
        return error_no_memory(err, "a request");
    for (size_t i = 0; i < contract->count; i++)
        named |= strcmp(contract->signatures[i].name, name) == 0;
    return prediction_signature(p, !named && strcmp(name, "predict") == 0 ? NULL : name, err);
}

static enum status columns_read(void *context, const enum dtype *dtypes, struct tensor *columns,
                                struct arena *keep, struct error *err)
{
    return frame_json_read(context, dtypes, columns, keep, err);
}

/* The body is the data itself, or what the other routes take. */
static enum status parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct frame_json frame;
    struct omegaml_columns columns = {.read = columns_read, .context = &frame};
    struct bytes action, body = p->request->body;
    struct json_reader reader;
    const char *dataset;
    bool whole = false, more;
    struct bytes key;

    split(p->request->parameters[0], &action);
    TRY(choose(p, action, err));
    TRY(request_query(p->request, "datax", &dataset, err));
    if (dataset)
        return omegaml_give_dataset(p, dataset, err);
    if (!body.size)
        return error_set(err, STATUS_INVALID_INPUT, "the request has no body");
    json_reader_init(&reader, body, 0);
    if (json_peek(&reader) == JSON_OBJECT) {
        TRY(json_enter(&reader, JSON_OBJECT, err));
        for (;;) {
            TRY(json_next(&reader, &more, &key, err));
            if (!more)
                break;
            whole |= bytes_is(key, "data");
            TRY(json_skip(&reader, err));
        }
    }
    if (!whole) {
        char *text = body.size < INT32_MAX ? arena_printf(arena, "{\"data\":%.*s}", (int)body.size,
                                                          (const char *)body.data)
                                           : NULL;
        if (!text)
            return error_no_memory(err, "a request");
        body = bytes_of(text);
    }
    TRY(frame_json_open(body, &frame, arena, err));
    columns.names = frame.columns;
    columns.count = frame.count;
    return omegaml_give(p, &columns, err);
}

static enum status answer(struct prediction *p, struct error *err)
{
    const struct signature *signature = p->signature;
    struct text *body = &p->response->body;
    bool bare = signature->output_count == 1 && p->outputs[0].shape.rank > 0;

    (void)err;
    if (bare) {
        json_write_nested(body, &p->outputs[0]);
        return STATUS_OK;
    }
    text_append_char(body, '{');
    for (size_t i = 0; i < signature->output_count; i++) {
        if (i)
            text_append_char(body, ',');
        json_write_key(body, signature->output_count == 1 ? "data" : signature->outputs[i].name);
        json_write_nested(body, &p->outputs[i]);
    }
    text_append_char(body, '}');
    return STATUS_OK;
}

static const struct prediction_wire WIRE = {parse, answer};

/* Is it in the table of served models? Asks nobody else. */
static bool is_served(struct request *request, struct bytes name)
{
    struct models *models = request->server->models;
    const struct model_table *table = models_pin(models, request->executor->index);
    struct loaded *loaded;
    struct error ignored;
    bool found = !models_find(table, name, SERVING, &loaded, &ignored);

    models_unpin(models, request->executor->index);
    return found;
}

static enum status call_model(struct request *request, struct response *response, struct bytes name,
                              struct error *err)
{
    bool async = omegaml_is_async(request);

    if (async && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    TRY(prediction_handle(request, response, name, SERVING, &WIRE, err));
    if (!async || request->later != LATER_NO)
        return STATUS_OK;
    return omegaml_keep_answer(request, response, name, err);
}

static enum status call(struct request *request, struct response *response, struct error *err)
{
    struct bytes action, name = split(request->parameters[0], &action);

    if (omegaml_needs_job(action))
        return omegaml_model_job(request, response, name, action, err);
    if (is_served(request, name))
        return call_model(request, response, name, err);
    return omegaml_script_job(request, response, name, true, err);
}

/* --- documents --- */

static enum status script_document(struct request *request, const char *name,
                                   struct response *response, struct error *err)
{
    struct object object;

    if (registry_object_find(request->server->registry, "script", name, &object,
                             request_arena(request), err))
        return err->status == STATUS_NOT_FOUND
                   ? error_set(err, STATUS_NOT_FOUND, "there is no service \"%.100s\"", name)
                   : err->status;
    omegaml_write_script_openapi(object.name, &response->body);
    return STATUS_OK;
}

static enum status document(struct request *request, struct response *response, struct error *err)
{
    struct arena *arena = request_arena(request);
    struct registry *registry;
    struct contract contract;
    struct version version;
    const char *name;
    struct bytes action;
    size_t index = 0;

    TRY(stored_registry(request, &registry, err));
    name = arena_text(arena, split(request->parameters[0], &action));
    if (!name)
        return error_no_memory(err, "a name");
    if (registry_resolve(registry, name, &version, arena, err))
        return err->status == STATUS_NOT_FOUND ? script_document(request, name, response, err)
                                               : err->status;
    TRY(contract_parse_json(bytes_of(version.contract), &contract, arena, err));
    if (!contract.count)
        return error_set(err, STATUS_UNSUPPORTED, "model \"%s\" has no contract", version.model);
    for (size_t i = 0; i < contract.count; i++)
        if (bytes_is(action.size ? action : bytes_of("predict"), contract.signatures[i].name))
            index = i;
    omegaml_write_openapi(version.model, &contract.signatures[index], &response->body);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/service/{name...}", call,
     "call a model or script: the body is its data; an action may stand behind the name",
     ROUTE_CHANGES},
    {HTTP_PUT, "/api/service/{name...}", call, "the same", ROUTE_CHANGES},
    {HTTP_GET, "/api/service/{name...}/doc", document, "what it takes and gives: Swagger 2.0",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v1/service/{name...}", call, "call a model or script", ROUTE_CHANGES},
    {HTTP_PUT, "/api/v1/service/{name...}", call, "the same", ROUTE_CHANGES},
    {HTTP_GET, "/api/v1/service/{name...}/doc", document, "its document", ROUTE_CONTROL},
};

const struct route_set routes_omegaml_services = {
    .name = "omegaml_services",
    .summary = "omega|ml: models and scripts as services",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = omegaml_write_error,
    .below = {"/api/service"},
};
