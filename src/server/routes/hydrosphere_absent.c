// SPDX-License-Identifier: Apache-2.0
/* Services of Hydrosphere that firn has not: statistics of drift, root causes, projections. All of
 * them compare requests that were kept, and none is. Clients learn so in the words of each. */
#include "base/number.h"
#include "server/hydrosphere/view.h"
#include "server/internal.h"
#include "server/stored.h"

/* hydrosdk takes 503 for "Unavailable", and gives up at 404. */
static enum status no_service(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)response;
    return error_set(err, STATUS_UNAVAILABLE, "firn has no such service");
}

#define DRIFT "requests are not kept, so drift is not measured: compare them where they are made"
#define CAUSES "requests are not kept, so none is explained"
#define PROJECTION "there is no projection of embeddings"

/* Of the version that the query names: no, and why. */
static enum status unsupported(struct request *request, struct response *response, const char *key,
                               const char *why, struct error *err)
{
    struct registry *registry;
    struct version version;
    const char *text;
    int64_t id;

    TRY(request_query(request, "model_version_id", &text, err));
    if (!text || !number_i64_from_text(bytes_of(text), &id))
        return error_set(err, STATUS_INVALID_INPUT, "model_version_id is no id of a version");
    TRY(stored_registry(request, &registry, err));
    TRY(registry_resolve_id(registry, id, &version, request_arena(request), err));
    text_append(&response->body, "{\"supported\":false,");
    view_text(&response->body, key, why);
    text_append(&response->body, "}");
    return STATUS_OK;
}

static enum status drift_support(struct request *request, struct response *response,
                                 struct error *err)
{
    return unsupported(request, response, "description", DRIFT, err);
}

static enum status projection_support(struct request *request, struct response *response,
                                      struct error *err)
{
    return unsupported(request, response, "message", PROJECTION, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/stat/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/stat/health", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/stat/support", drift_support,
     "can drift of a version be measured? no; ?model_version_id=", ROUTE_CONTROL},
    {HTTP_GET, "/stat/metrics", view_refuse, DRIFT, 0},
    {HTTP_GET, "/stat/config", view_refuse, DRIFT, 0},
    {HTTP_PUT, "/stat/config", view_refuse, DRIFT, 0},
    {HTTP_GET, "/rootcause/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/rootcause/healthcheck", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/rootcause/explanation", view_refuse, CAUSES, 0},
    {HTTP_POST, "/rootcause/explanation", view_refuse, CAUSES, 0},
    {HTTP_GET, "/rootcause/task_status", view_refuse, CAUSES, 0},
    {HTTP_GET, "/rootcause/config", view_refuse, CAUSES, 0},
    {HTTP_PATCH, "/rootcause/config", view_refuse, CAUSES, 0},
    {HTTP_GET, "/visualization/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/visualization/health", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/visualization/supported", projection_support,
     "can a version be projected? no; ?model_version_id=", ROUTE_CONTROL},
    {HTTP_POST, "/visualization/plottable_embeddings/{method}", view_refuse, PROJECTION, 0},
    {HTTP_GET, "/visualization/jobs", view_refuse, PROJECTION, 0},
    {HTTP_POST, "/visualization/jobs/{method}", view_refuse, PROJECTION, 0},
    {HTTP_GET, "/visualization/params/{method}", view_refuse, PROJECTION, 0},
    {HTTP_POST, "/visualization/params/{method}", view_refuse, PROJECTION, 0},
};

const struct route_set routes_hydrosphere_absent = {
    .name = "hydrosphere_absent",
    .summary = "Hydrosphere's statistics, root causes and projections, which firn has not",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
    .below = {"/stat", "/rootcause", "/visualization"},
};
