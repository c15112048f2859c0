// SPDX-License-Identifier: Apache-2.0
/* Open Inference: what models there are, what they take and give, whether they are ready. */
#include "formats/json/json.h"
#include "server/access.h"
#include "server/internal.h"
#include "server/oip/oip.h"

static enum status list(struct request *request, struct response *response, struct error *err)
{
    struct models *models = request->server->models;
    const struct model_table *table = models_pin(models, request->executor->index);

    (void)err;
    text_append(&response->body, "{\"models\":[");
    for (size_t i = 0; i < model_table_count(table); i++) {
        if (i)
            text_append_char(&response->body, ',');
        json_write_string(&response->body, bytes_of(model_table_at(table, i)->name));
    }
    text_append(&response->body, "]}");
    model_release(request);
    return STATUS_OK;
}

static void write_fields(struct text *text, const char *key, const struct field *fields,
                         size_t count)
{
    text_append_char(text, ',');
    json_write_key(text, key);
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        const char *datatype = dtype_oip(field->dtype);

        text_append(text, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(text, bytes_of(field->name));
        text_printf(text, ",\"datatype\":\"%s\",\"shape\":[",
                    *datatype ? datatype : dtype_name(field->dtype));
        if (field->shape.rank < 0) /* unknown rank has no words in the protocol */
            text_append(text, "-1");
        for (int d = 0; d < field->shape.rank; d++)
            text_printf(text, "%s%lld", d ? "," : "",
                        (long long)(field->shape.dims[d] < 0 ? -1 : field->shape.dims[d]));
        text_append(text, "]}");
    }
    text_append_char(text, ']');
}

static void write_versions(struct text *text, const struct table_model *model)
{
    text_append(text, ",\"versions\":[");
    for (size_t i = 0; i < model->count; i++)
        text_printf(text, "%s\"%lld\"", i ? "," : "",
                    (long long)loaded_row(model->versions[i])->number);
    text_append_char(text, ']');
}

static enum status write_metadata(struct request *request, struct response *response,
                                  const struct loaded *loaded, struct error *err)
{
    const struct version *row = loaded_row(loaded);
    const struct table_model *model = model_table_find(
        models_pinned(request->server->models, request->executor->index), bytes_of(row->model));
    struct text *text = &response->body;
    struct contract contract;
    const char *name;
    size_t index;

    TRY(oip_contract(loaded, &contract, request_arena(request), err));
    TRY(request_query(request, "signature", &name, err));
    text_append(text, "{\"name\":");
    json_write_string(text, bytes_of(row->model));
    if (model)
        write_versions(text, model);
    text_append(text, ",\"platform\":");
    json_write_string(text, bytes_of(row->format ? row->format : ""));
    if (contract.count) {
        TRY(contract_signature(&contract, name, &index, err));
        write_fields(text, "inputs", contract.signatures[index].inputs,
                     contract.signatures[index].input_count);
        write_fields(text, "outputs", contract.signatures[index].outputs,
                     contract.signatures[index].output_count);
        text_append(text, ",\"parameters\":{\"signature\":");
        json_write_string(text, bytes_of(contract.signatures[index].name));
        text_append(text, ",\"signatures\":\"");
        for (size_t i = 0; i < contract.count; i++)
            text_printf(text, "%s%s", i ? "," : "", contract.signatures[i].name);
        text_append(text, "\"}");
    } else {
        text_append(text, ",\"inputs\":[],\"outputs\":[]");
    }
    text_append_char(text, '}');
    return STATUS_OK;
}

static enum status metadata(struct request *request, struct response *response, struct error *err)
{
    struct loaded *loaded;
    enum status status;

    TRY(model_access(request, false, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    status = write_metadata(request, response, loaded, err);
    model_release(request);
    return status;
}

/* 200 when it can predict at once. A version that is not loaded is loaded now. */
static enum status ready(struct request *request, struct response *response, struct error *err)
{
    struct loaded *loaded;
    enum status status = model_access(request, true, &loaded, err);

    if (status != STATUS_OK) {
        if (status != STATUS_NOT_FOUND)
            response->status = 503;
        return status;
    }
    if (!loaded)
        return STATUS_OK;
    text_append(&response->body, "{\"name\":");
    json_write_string(&response->body, bytes_of(loaded_row(loaded)->model));
    text_append(&response->body, ",\"ready\":true}");
    model_release(request);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/v2/models", list, "names of all models", 0},
    {HTTP_GET, "/v2/models/{model}", metadata, "inputs and outputs of the version that serves", 0},
    {HTTP_GET, "/v2/models/{model}/versions/{version}", metadata, "inputs and outputs", 0},
    {HTTP_GET, "/v2/models/{model}/ready", ready, "200 when it can predict", 0},
    {HTTP_GET, "/v2/models/{model}/versions/{version}/ready", ready, "200 when it can predict", 0},
};

const struct route_set routes_metadata = {
    .name = "metadata",
    .summary = "Open Inference: models and their contracts",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = oip_write_error,
};
