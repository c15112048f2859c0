// SPDX-License-Identifier: Apache-2.0
#include "server/oip/oip.h"

#include "base/text.h"
#include "server/internal.h"

enum status oip_give(struct prediction *p, const struct oip_request *oip, struct error *err)
{
    struct given *given;

    TRY(prediction_signature(p, oip->signature, err));
    p->timeout_us = oip->timeout_us;
    given = arena_new(request_arena(p->request), struct given, oip->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    for (size_t i = 0; i < oip->input_count; i++)
        given[i] = (struct given){oip->inputs[i].name, oip->inputs[i].tensor};
    p->given = given;
    p->given_count = oip->input_count;
    return STATUS_OK;
}

/* The index of an output that the request names. */
static enum status find_output(const struct prediction *p, const struct oip_request *oip,
                               size_t wanted, size_t *index, struct error *err)
{
    const char *name = oip->outputs[wanted].name;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < wanted; i++)
        if (strcmp(oip->outputs[i].name, name) == 0)
            return error_set(err, STATUS_INVALID_INPUT, "output '%s' is asked for twice",
                             text_quote(bytes_of(name), quoted, sizeof quoted));
    for (*index = 0; *index < p->signature->output_count; ++*index)
        if (strcmp(p->signature->outputs[*index].name, name) == 0)
            return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no output '%s'",
                     p->signature->name, text_quote(bytes_of(name), quoted, sizeof quoted));
}

enum status oip_choose_outputs(const struct prediction *p, const struct oip_request *oip,
                               struct oip_tensor **outputs, size_t *count, struct error *err)
{
    bool all = oip->output_count == 0;

    *count = all ? p->signature->output_count : oip->output_count;
    *outputs = arena_new(request_arena(p->request), struct oip_tensor, *count);
    if (!*outputs)
        return error_no_memory(err, "an answer");
    for (size_t i = 0; i < *count; i++) {
        size_t index = i;

        if (!all)
            TRY(find_output(p, oip, i, &index, err));
        (*outputs)[i] = (struct oip_tensor){
            .name = p->signature->outputs[index].name,
            .tensor = p->outputs[index],
            .binary = oip->binary_output || (!all && oip->outputs[i].binary),
        };
    }
    return STATUS_OK;
}

/* --- the repository --- */

const char *oip_repository_reason(const struct table_model *model, const struct loaded *loaded)
{
    enum model_state state = loaded_state(loaded);

    if (state == MODEL_FAILED)
        return loaded_error(loaded)->text;
    if (state != MODEL_UNLOADED)
        return "";
    return model->unloaded ? "unloaded" : "not loaded: it will be when it is asked for";
}

/* The plain name of an existing model, in the request's memory. Nothing stays pinned. */
static enum status model_name(struct request *request, struct bytes given, const char **name,
                              struct error *err)
{
    struct models *models = request->server->models;
    const struct model_table *table;
    const struct table_model *model;
    struct loaded *loaded;
    enum status status = STATUS_OK;

    models_refresh(models, false);
    table = models_pin(models, request->executor->index);
    model = model_table_find(table, given);
    if (!model)
        status = models_find(table, given, (struct bytes){0}, &loaded, err);
    if (!model && status == STATUS_OK)
        status = error_set(err, STATUS_INVALID_INPUT, "a whole model is loaded, not an alias");
    *name = model ? arena_text(request_arena(request), bytes_of(model->name)) : "";
    model_release(request);
    return status == STATUS_OK && !*name ? error_no_memory(err, "a name") : status;
}

enum status oip_repository_load(struct request *request, struct bytes model, struct error *err)
{
    const struct model_table *table;
    struct loaded *loaded;
    const char *name;
    enum status status;

    TRY(model_name(request, model, &name, err));
    TRY(models_load(request->server->models, name, err));
    table = models_pin(request->server->models, request->executor->index);
    status = models_find(table, bytes_of(name), (struct bytes){0}, &loaded, err);
    if (status == STATUS_OK && loaded_state(loaded) == MODEL_FAILED) {
        *err = *loaded_error(loaded);
        status = error_within(err, "model '%s'", name);
    }
    model_release(request);
    return status;
}

enum status oip_repository_unload(struct request *request, struct bytes model, struct error *err)
{
    const char *name;

    TRY(model_name(request, model, &name, err));
    return models_unload(request->server->models, name, err);
}

enum status oip_contract(const struct loaded *loaded, struct contract *contract,
                         struct arena *arena, struct error *err)
{
    if (loaded_state(loaded) == MODEL_READY) {
        *contract = *loaded_contract(loaded);
        return STATUS_OK;
    }
    return contract_parse_json(bytes_of(loaded_row(loaded)->contract), contract, arena, err);
}
