// SPDX-License-Identifier: Apache-2.0
/* Open Inference: the model repository extension (index, load, unload). */
#include "formats/json/json.h"
#include "server/access.h"
#include "server/internal.h"
#include "server/oip/oip.h"

enum { OPTIONS_BYTES_MAX = 1 << 20 };

static void write_entry(struct text *text, const struct table_model *model,
                        const struct loaded *loaded)
{
    enum model_state state = loaded_state(loaded);
    text_append(text, "{\"name\":");
    json_write_string(text, bytes_of(model->name));
    text_printf(text, ",\"version\":\"%lld\",\"state\":\"%s\",\"reason\":",
                (long long)loaded_row(loaded)->number, model_state_name(state));
    json_write_string(text, bytes_of(oip_repository_reason(model, loaded)));
    text_append_char(text, '}');
}

/* The body: nothing, or an object. */
static enum status parse_body(struct request *request, struct json *body, struct error *err)
{
    *body = (struct json){.kind = JSON_OBJECT};
    if (request->body.size == 0)
        return STATUS_OK;
    if (request->body.size > OPTIONS_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "request body is larger than %d bytes",
                         OPTIONS_BYTES_MAX);
    TRY(json_parse(request->body, 0, body, request_arena(request), err));
    if (body->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "request body is %s, not an object",
                         json_kind_name(body->kind));
    return STATUS_OK;
}

static enum status list(struct request *request, struct response *response, struct error *err)
{
    const struct model_table *table;
    struct text *text = &response->body;
    struct json body;
    bool ready_only = false, any = false;

    TRY(parse_body(request, &body, err));
    if (json_get(&body, "ready") && !json_bool(json_get(&body, "ready"), &ready_only))
        return error_set(err, STATUS_INVALID_INPUT, "\"ready\" is not true or false");
    table = models_pin(request->server->models, request->executor->index);
    text_append_char(text, '[');
    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        for (size_t i = 0; i < model->count; i++) {
            if (ready_only && loaded_state(model->versions[i]) != MODEL_READY)
                continue;
            if (any)
                text_append_char(text, ',');
            any = true;
            write_entry(text, model, model->versions[i]);
        }
    }
    text_append_char(text, ']');
    model_release(request);
    return STATUS_OK;
}

static enum status load(struct request *request, struct response *response, struct error *err)
{
    struct json body;

    (void)response;
    TRY(parse_body(request, &body, err));
    if (json_get(&body, "parameters") && json_get(&body, "parameters")->count)
        return error_set(err, STATUS_UNSUPPORTED,
                         "load takes no parameters: a version never changes");
    return oip_repository_load(request, request->parameters[0], err);
}

static enum status unload(struct request *request, struct response *response, struct error *err)
{
    struct json body;

    (void)response;
    TRY(parse_body(request, &body, err));
    return oip_repository_unload(request, request->parameters[0], err);
}

static const struct route ROWS[] = {
    {HTTP_POST, "/v2/repository/index", list, "every version and its state", 0},
    {HTTP_POST, "/v2/repository/models/{model}/load", load, "load again", ROUTE_CONTROL},
    {HTTP_POST, "/v2/repository/models/{model}/unload", unload, "keep unloaded until load",
     ROUTE_CONTROL},
};

const struct route_set routes_repository = {
    .name = "repository",
    .summary = "Open Inference: load and unload models",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = oip_write_error,
};
