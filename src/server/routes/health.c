// SPDX-License-Identifier: Apache-2.0
/* Is the server there, is it ready, and what does it speak? */
#include "server/access.h"
#include "server/internal.h"
#include "base/version.h"

static enum status live(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    text_append(&response->body, "{\"live\":true}");
    return STATUS_OK;
}

/* Ready: what should be loaded is, and we are not about to stop. */
static enum status ready(struct request *request, struct response *response, struct error *err)
{
    bool is = models_settled(request->server->models) && !server_draining(request->server);

    (void)err;
    response->status = is ? 200 : 503;
    text_printf(&response->body, "{\"ready\":%s}", is ? "true" : "false");
    return STATUS_OK;
}

static enum status about(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    text_append(&response->body, "{\"name\":\"firn\",\"version\":\"" FIRN_VERSION "\","
                                 "\"extensions\":[\"binary_tensor_data\",\"model_repository\","
                                 "\"parameters\"]}");
    return STATUS_OK;
}

static enum status root(struct request *request, struct response *response, struct error *err)
{
    (void)request;
    (void)err;
    text_append(&response->body,
                "{\"name\":\"firn\",\"version\":\"" FIRN_VERSION
                "\",\"routes\":{\"models\":\"/v2/models\",\"infer\":\"/v2/models/{model}/infer\","
                "\"management\":\"/api/models\",\"metrics\":\"/metrics\",\"health\":\"/v2/health/"
                "ready\"}}");
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/", root, "what there is", 0},
    {HTTP_GET, "/healthz", live, "200 while the process lives", 0},
    {HTTP_GET, "/readyz", ready, "200 when models are loaded and requests welcome", 0},
    {HTTP_GET, "/v2", about, "Open Inference: server metadata", 0},
    {HTTP_GET, "/v2/health/live", live, "Open Inference: 200 while the process lives", 0},
    {HTTP_GET, "/v2/health/ready", ready, "Open Inference: 200 when ready", 0},
};

const struct route_set routes_health = {
    .name = "health",
    .summary = "is the server there and ready",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = oip_write_error,
};
