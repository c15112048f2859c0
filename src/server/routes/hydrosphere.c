// SPDX-License-Identifier: Apache-2.0
/* Predictions as the gateways of Hydrosphere had them: the body is one JSON object of fields, each
 * a value or arrays of arrays, and so is the answer. The first generation says the signature in the
 * path, later ones have one. Unlike there, numbers are numbers of every type, ragged arrays and
 * unknown fields are refused, and an error has the status that it deserves. */

#include "base/number.h"
#include "contract/maps.h"
#include "server/hydrosphere/v1.h"
#include "server/internal.h"
#include "server/predict.h"

static enum status parse_as(struct prediction *p, const char *signature, struct error *err)
{
    TRY(prediction_signature(p, signature, err));
    return contract_given_json(p->signature, p->request->body, &p->given, &p->given_count,
                               request_arena(p->request), err);
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
    return maps_print_json(p->signature->outputs, p->signature->output_count, p->outputs,
                           &p->response->body, err);
}

static const struct prediction_wire FIRST = {parse_first, answer}, NAMED = {parse_named, answer};
static const struct bytes SERVING = {(const uint8_t *)"", 0};

/* The application with an id, or the version with the name of a servable, as "name" or "name:3";
 * the name itself when it is neither. */
static struct bytes target_of(struct request *request, bool servable)
{
    struct bytes name = request->parameters[0], found = name;
    const struct table_servable *item = NULL;
    const struct model_table *table;
    const char *text = NULL;
    int64_t id;

    if (!servable && !number_i64_from_text(name, &id))
        return name;
    table = models_pin(request->server->models, request->executor->index);
    if (servable)
        item = model_table_servable(table, name);
    if (item)
        text = arena_printf(request_arena(request), "%s:%lld", loaded_row(item->loaded)->model,
                            (long long)loaded_row(item->loaded)->number);
    for (size_t m = 0; !servable && m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        if (model->serving && loaded_row(model->serving)->model_id == id &&
            hydrosphere_is_application(loaded_row(model->serving)))
            text = arena_text(request_arena(request), bytes_of(model->name));
    }
    if (text && (servable || !model_table_find(table, name)))
        found = bytes_of(text);
    models_unpin(request->server->models, request->executor->index);
    return found;
}

static enum status serve(struct request *request, struct response *response, struct error *err)
{
    return prediction_handle(request, response, target_of(request, false), SERVING, &FIRST, err);
}

static enum status serve_servable(struct request *request, struct response *response,
                                  struct error *err)
{
    return prediction_handle(request, response, target_of(request, true), SERVING, &FIRST, err);
}

static enum status serve_signature(struct request *request, struct response *response,
                                   struct error *err)
{
    return prediction_handle(request, response, target_of(request, false), SERVING, &NAMED, err);
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/v1/applications/serve/{application}/{signature}", serve_signature,
     "predict (first generation): an application by id or name", 0},
    {HTTP_POST, "/gateway/applications/{application}/{signature}", serve_signature,
     "predict (first generation)", 0},
    {HTTP_POST, "/gateway/application/{application}", serve, "predict with an application", 0},
    {HTTP_POST, "/gateway/servable/{servable}", serve_servable,
     "predict with a servable, or a version: name:3", 0},
};

const struct route_set routes_hydrosphere = {
    .name = "hydrosphere",
    .summary = "Hydrosphere's gateway: {\"field\": value} in and out",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error_1,
    .below = {"/gateway"},
};
