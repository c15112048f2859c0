// SPDX-License-Identifier: Apache-2.0
/* Predictions over Hydrosphere's gRPC. The gateway of generation 2 and that of 3 have the same path
 * and the same fields; only the shape inside a tensor differs, so each is read as what it is, and
 * answers have both. A runtime serves one model and its requests do not name it: the metadata
 * "firn-model" may, and a server with one model needs no name. */
#include <stdio.h>

#include "server/grpc/tensor_wire.h"
#include "server/hydrosphere/hydrosphere.h"
#include "server/internal.h"

/* --- gateway: {name 1, map data 2} -> {map outputs 1} --- */

static enum status gateway_parse(struct prediction *p, struct error *err)
{
    TRY(prediction_signature(p, NULL, err));
    return tensor_wire_give(p, 2, TENSOR_EITHER, err);
}

static enum status gateway_answer(struct prediction *p, struct error *err)
{
    return tensor_wire_answer(p, TENSOR_EITHER, NULL, 0, err);
}

static const struct prediction_wire GATEWAY = {gateway_parse, gateway_answer};

static enum status name_read(struct request *request, const char **name, struct error *err)
{
    struct protobuf message = protobuf_over(request->body);
    struct protobuf_field field;

    *name = "";
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number == 1)
            TRY(protobuf_text(&field, name, request_arena(request), err));
    }
    if (!**name)
        return error_set(err, STATUS_INVALID_INPUT, "the request has no name");
    return STATUS_OK;
}

static enum status servable(struct request *request, struct response *response, struct error *err)
{
    const char *name;

    TRY(name_read(request, &name, err));
    return hydrosphere_predict(request, response, bytes_of(name), &GATEWAY, err);
}

static enum status application(struct request *request, struct response *response,
                               struct error *err)
{
    const char *name;

    TRY(name_read(request, &name, err));
    return prediction_handle(request, response, bytes_of(name), (struct bytes){0}, &GATEWAY, err);
}

/* --- runtime: {map inputs 1} -> {map outputs 1} --- */

static enum status runtime_parse(struct prediction *p, struct error *err)
{
    TRY(prediction_signature(p, NULL, err));
    return tensor_wire_give(p, 1, TENSOR_HYDROSPHERE, err);
}

static enum status runtime_answer(struct prediction *p, struct error *err)
{
    return tensor_wire_answer(p, TENSOR_HYDROSPHERE, NULL, 0, err);
}

static const struct prediction_wire RUNTIME = {runtime_parse, runtime_answer};

static enum status runtime(struct request *request, struct response *response, struct error *err)
{
    const char *name;

    TRY(hydrosphere_only_model(request, &name, err));
    return hydrosphere_predict(request, response, bytes_of(name), &RUNTIME, err);
}

#define GATEWAY_PATH "/hydrosphere.serving.gateway.GatewayService/"

static const struct route ROWS[] = {
    {HTTP_POST, GATEWAY_PATH "PredictServable", servable, "predict with a servable", ROUTE_GRPC},
    {HTTP_POST, GATEWAY_PATH "ShadowlessPredictServable", servable, "predict with a servable",
     ROUTE_GRPC},
    {HTTP_POST, GATEWAY_PATH "PredictApplication", application, "predict with an application",
     ROUTE_GRPC},
    {HTTP_POST, "/hydrosphere.serving.runtime.PredictionService/Predict", runtime,
     "predict with the only model, or that of the metadata firn-model", ROUTE_GRPC},
};

const struct route_set routes_grpc_gateway = {
    .name = "grpc_gateway",
    .summary = "gRPC: predictions of Hydrosphere, generations 2 and 3",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
