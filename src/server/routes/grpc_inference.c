// SPDX-License-Identifier: Apache-2.0
/* Open Inference over gRPC: inference.GRPCInferenceService. */
#include <stdio.h>

#include "base/version.h"
#include "formats/oip_message.h"
#include "server/internal.h"
#include "server/oip/infer_stream.h"
#include "server/oip/oip.h"

/* --- the server --- */

static enum status live(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    protobuf_write_i64(&response->body, 1, 1);
    return STATUS_OK;
}

static enum status ready(struct request *request, struct response *response, struct error *err)
{
    bool is = models_settled(request->server->models) && !server_draining(request->server);

    (void)err;
    protobuf_write_i64(&response->body, 1, is);
    return STATUS_OK;
}

static enum status about(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    protobuf_write_text(&response->body, 1, "firn");
    protobuf_write_text(&response->body, 2, FIRN_VERSION);
    protobuf_write_text(&response->body, 3, "binary_tensor_data");
    protobuf_write_text(&response->body, 3, "model_repository");
    protobuf_write_text(&response->body, 3, "parameters");
    return STATUS_OK;
}

/* --- models: {name 1, version 2} --- */

static enum status model_of(struct request *request, bool loads, struct loaded **loaded,
                            struct error *err)
{
    const char *name, *version;

    TRY(oip_message_model(request->body, &name, &version, request_arena(request), err));
    if (!*name)
        return error_set(err, STATUS_INVALID_INPUT, "the request has no name");
    return model_access_named(request, bytes_of(name), bytes_of(version), loads, loaded, err);
}

/* A version that is not loaded is loaded now, as over HTTP. */
static enum status model_ready(struct request *request, struct response *response,
                               struct error *err)
{
    struct loaded *loaded = NULL;
    enum status status = model_of(request, true, &loaded, err);

    if (status == STATUS_OK && !loaded)
        return STATUS_OK; /* later */
    if (status == STATUS_NO_MEMORY)
        return status;
    protobuf_write_i64(&response->body, 1, status == STATUS_OK);
    model_release(request);
    return STATUS_OK;
}

/* TensorMetadata {name 1, datatype 2, shape 3} */
static void write_fields(struct text *text, uint32_t number, const struct field *fields,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *datatype = dtype_oip(fields[i].dtype);
        size_t begin = protobuf_write_begin(text);
        struct shape shape = fields[i].shape;

        if (shape.rank < 0) /* unknown rank has no words in the protocol */
            shape = SHAPE(-1);
        shape_forget_symbols(&shape);
        protobuf_write_text(text, 1, fields[i].name);
        protobuf_write_text(text, 2, *datatype ? datatype : dtype_name(fields[i].dtype));
        if (shape.rank)
            protobuf_write_packed_i64(text, 3, shape.dims, (size_t)shape.rank);
        protobuf_write_end(text, number, begin);
    }
}

static void write_versions(struct text *text, const struct table_model *model)
{
    char number[24];

    for (size_t i = 0; model && i < model->count; i++) {
        snprintf(number, sizeof number, "%lld", (long long)loaded_row(model->versions[i])->number);
        protobuf_write_text(text, 2, number);
    }
}

static enum status metadata(struct request *request, struct response *response, struct error *err)
{
    const struct signature *signature;
    struct text *text = &response->body;
    struct contract contract;
    struct loaded *loaded;
    enum status status;

    TRY(model_of(request, false, &loaded, err));
    if (!loaded)
        return STATUS_OK;
    status = oip_contract(loaded, &contract, request_arena(request), err);
    if (status == STATUS_OK) {
        const struct version *row = loaded_row(loaded);

        protobuf_write_text(text, 1, row->model);
        write_versions(
            text, model_table_find(models_pinned(request->server->models, request->executor->index),
                                   bytes_of(row->model)));
        protobuf_write_text(text, 3, row->format);
        signature = contract.count ? &contract.signatures[0] : NULL;
        if (signature) {
            write_fields(text, 4, signature->inputs, signature->input_count);
            write_fields(text, 5, signature->outputs, signature->output_count);
        }
    }
    model_release(request);
    return status;
}

/* --- the repository --- */

/* RepositoryIndexRequest {ready 2} -> {repeated {name 1, version 2, state 3, reason 4}} */
static enum status list(struct request *request, struct response *response, struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    const struct model_table *table;
    struct protobuf_field field;
    struct text *text = &response->body;
    bool ready_only = false;
    char number[24];

    do {
        TRY(protobuf_next(&message, &field, err));
        if (field.number == 2)
            TRY(protobuf_bool(&field, &ready_only, err));
    } while (field.number);
    table = models_pin(request->server->models, request->executor->index);
    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);

        for (size_t i = 0; i < model->count; i++) {
            const struct loaded *loaded = model->versions[i];
            enum model_state state = loaded_state(loaded);
            size_t begin = protobuf_write_begin(text);

            if (ready_only && state != MODEL_READY)
                continue;
            snprintf(number, sizeof number, "%lld", (long long)loaded_row(loaded)->number);
            protobuf_write_text(text, 1, model->name);
            protobuf_write_text(text, 2, number);
            protobuf_write_text(text, 3, model_state_name(state));
            protobuf_write_text(text, 4, oip_repository_reason(model, loaded));
            protobuf_write_end(text, 1, begin);
        }
    }
    model_release(request);
    return STATUS_OK;
}

/* {repository_name 1, model_name 2, map parameters 3} */
static enum status repository_model(struct request *request, bool parameters, struct bytes *model,
                                    struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    struct protobuf_field field;
    const char *name = "";

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number == 2)
            TRY(protobuf_text(&field, &name, request_arena(request), err));
        if (field.number == 3 && !parameters)
            return error_set(err, STATUS_UNSUPPORTED,
                             "load takes no parameters: a version never changes");
    }
    *model = bytes_of(name);
    return *name ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "the request has no model_name");
}

static enum status load(struct request *request, struct response *response, struct error *err)
{
    struct bytes model;

    (void)response;
    TRY(repository_model(request, false, &model, err));
    return oip_repository_load(request, model, err);
}

static enum status unload(struct request *request, struct response *response, struct error *err)
{
    struct bytes model;

    (void)response;
    TRY(repository_model(request, true, &model, err));
    return oip_repository_unload(request, model, err);
}

#define SERVICE "/inference.GRPCInferenceService/"

static const struct route ROWS[] = {
    {HTTP_POST, SERVICE "ServerLive", live, "does the process live?", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ServerReady", ready, "are models loaded?", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ServerMetadata", about, "name, version, extensions", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ModelReady", model_ready, "can it predict?", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ModelMetadata", metadata, "inputs and outputs", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ModelInfer", infer_message, "predict", ROUTE_GRPC},
    {HTTP_POST, SERVICE "ModelStreamInfer", infer_stream, "predict, request after request",
     ROUTE_GRPC},
    {HTTP_POST, SERVICE "RepositoryIndex", list, "every version and its state", ROUTE_GRPC},
    {HTTP_POST, SERVICE "RepositoryModelLoad", load, "load again", ROUTE_GRPC | ROUTE_CONTROL},
    {HTTP_POST, SERVICE "RepositoryModelUnload", unload, "keep unloaded until load",
     ROUTE_GRPC | ROUTE_CONTROL},
};

const struct route_set routes_grpc_inference = {
    .name = "grpc_inference",
    .summary = "gRPC: Open Inference",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
