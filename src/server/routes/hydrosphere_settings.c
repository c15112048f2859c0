// SPDX-License-Identifier: Apache-2.0
/* What clients of Hydrosphere leave with its manager and its monitoring: deployment configurations,
 * metrics, training data. firn keeps them; pods there are none, so a deployment configuration is
 * kept as it was given and no more. */
#include <math.h>

#include "base/number.h"
#include "base/version.h"
#include "formats/json/json.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/kept.h"
#include "server/internal.h"
#include "server/received.h"
#include "server/stored.h"

enum { BODY_BYTES_MAX = 256 << 10, NAME_BYTES_MAX = 256 };

#define CONFIGURATION KEPT_RECORDS[KEPT_CONFIGURATION]
#define METRIC KEPT_RECORDS[KEPT_METRIC]

static const char TRAINING[] = "training-data";

/* --- build information --- */

static enum status buildinfo(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)err;
    text_append(&response->body,
                "{\"name\":\"firn\",\"version\":\"" FIRN_VERSION "\",\"gitCurrentBranch\":\"\","
                "\"gitCurrentTags\":[],\"gitHeadCommit\":\"\",\"scalaVersion\":\"\","
                "\"sbtVersion\":\"\"}");
    return STATUS_OK;
}

/* hydrosdk takes 503 for "Unavailable", and gives up at 404. */
static enum status no_service(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)response;
    return error_set(err, STATUS_UNAVAILABLE, "firn has no such service");
}

static enum status health(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)err;
    response->content_type = "text/plain; charset=utf-8";
    text_append(&response->body, "OK");
    return STATUS_OK;
}

/* --- deployment configurations --- */

static enum status body_object(struct request *request, struct json *body, struct error *err)
{
    if (request->body.size > BODY_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the body has more than %d bytes", BODY_BYTES_MAX);
    TRY(json_parse(request->body, 0, body, request_arena(request), err));
    if (body->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "the body is %s, not an object",
                         json_kind_name(body->kind));
    return STATUS_OK;
}

static enum status records_of(struct request *request, const struct record_filter *filter,
                              struct record **records, size_t *count, struct error *err)
{
    struct registry *registry;

    TRY(stored_registry(request, &registry, err));
    return registry_record_list(registry, filter, records, count, request_arena(request), err);
}

static enum status record_remove(struct request *request, int64_t id, struct error *err)
{
    TRY(registry_record_remove(request->server->registry, id, err));
    kept_refresh(request->server->kept);
    return STATUS_OK;
}

static enum status configurations_list(struct request *request, struct response *response,
                                       struct error *err)
{
    const struct record_filter filter = {.kind = CONFIGURATION};
    struct record *records;
    size_t count;

    TRY(records_of(request, &filter, &records, &count, err));
    text_append(&response->body, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(&response->body, i ? "," : "");
        text_append(&response->body, records[i].body);
    }
    text_append(&response->body, "]");
    return STATUS_OK;
}

/* Again: it is replaced, so that a manifest can be applied again. */
static enum status configuration_put(struct request *request, struct response *response,
                                     struct error *err)
{
    struct record record = {.kind = CONFIGURATION};
    struct registry *registry;
    struct bytes name;
    struct json body;

    TRY(stored_registry(request, &registry, err));
    TRY(body_object(request, &body, err));
    if (!json_string(json_get(&body, "name"), &name) || !name.size || name.size > NAME_BYTES_MAX ||
        memchr(name.data, 0, name.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is no string of 1 to %d bytes",
                         NAME_BYTES_MAX);
    record.name = arena_text(request_arena(request), name);
    record.body = arena_text(request_arena(request), request->body);
    if (!record.name || !record.body)
        return error_no_memory(err, "a deployment configuration");
    TRY(registry_record_put(registry, &record, (struct bytes){NULL, 0}, true, err));
    kept_refresh(request->server->kept);
    text_append_bytes(&response->body, request->body);
    return STATUS_OK;
}

static enum status configuration_find(struct request *request, struct record *record,
                                      struct error *err)
{
    struct record_filter filter = {.kind = CONFIGURATION};
    char quoted[TEXT_QUOTE_SIZE];
    struct registry *registry;
    bool found;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &filter.name, err));
    TRY(registry_record_find(registry, &filter, &found, record, request_arena(request), err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no deployment configuration '%s'",
                         text_quote(bytes_of(filter.name), quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status configuration_show(struct request *request, struct response *response,
                                      struct error *err)
{
    struct record record;

    TRY(configuration_find(request, &record, err));
    text_append(&response->body, record.body);
    return STATUS_OK;
}

static enum status configuration_delete(struct request *request, struct response *response,
                                        struct error *err)
{
    struct record record;

    TRY(configuration_find(request, &record, err));
    text_append(&response->body, record.body);
    return record_remove(request, record.id, err);
}

/* --- host selectors: old clients ask for them --- */

static enum status selectors_list(struct request *request, struct response *response,
                                  struct error *err)
{
    (void)request, (void)err;
    text_append(&response->body, "[]");
    return STATUS_OK;
}

/* --- metrics: another version watches a version --- */

/* "LessEq" of itself or of "<=", which hs 3.0 sends untranslated; NULL when it is neither. */
static const char *comparison_of(struct bytes text)
{
    static const char *const KNOWN[][2] = {{"Eq", "=="},        {"NotEq", "!="}, {"Greater", ">"},
                                           {"GreaterEq", ">="}, {"Less", "<"},   {"LessEq", "<="}};

    for (size_t i = 0; i < ARRAY_COUNT(KNOWN); i++)
        if (bytes_is(text, KNOWN[i][0]) || bytes_is(text, KNOWN[i][1]))
            return KNOWN[i][0];
    return NULL;
}

struct metric {
    struct bytes name;
    int64_t version, monitor; /* ids */
    double threshold;
    const char *comparison;
};

static enum status metric_read(const struct json *body, struct metric *metric, struct error *err)
{
    const struct json *config = json_get(body, "config");
    struct bytes text;

    if (!json_string(json_get(body, "name"), &metric->name) || !metric->name.size)
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is no string");
    if (!json_i64(json_get(body, "modelVersionId"), &metric->version))
        return error_set(err, STATUS_INVALID_INPUT, "\"modelVersionId\" is no id");
    if (!json_i64(json_get(config, "modelVersionId"), &metric->monitor))
        return error_set(err, STATUS_INVALID_INPUT, "\"modelVersionId\" of \"config\" is no id");
    if (!json_f64(json_get(config, "threshold"), &metric->threshold) ||
        !isfinite(metric->threshold))
        return error_set(err, STATUS_INVALID_INPUT, "\"threshold\" of \"config\" is no number");
    metric->comparison =
        json_string(json_get(json_get(config, "thresholdCmpOperator"), "kind"), &text)
            ? comparison_of(text)
            : NULL;
    if (!metric->comparison)
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"kind\" of \"thresholdCmpOperator\" is none of Eq NotEq Greater "
                         "GreaterEq Less LessEq");
    return STATUS_OK;
}

/* Without braces: an answer puts the id before it. */
static void metric_write(const struct metric *metric, struct text *text)
{
    text_append(text, "\"name\":");
    json_write_string(text, metric->name);
    text_printf(text, ",\"modelVersionId\":%lld,\"config\":{\"modelVersionId\":%lld,\"threshold\":",
                (long long)metric->version, (long long)metric->monitor);
    json_write_f64(text, metric->threshold);
    text_printf(text, ",\"thresholdCmpOperator\":{\"kind\":\"%s\"}}", metric->comparison);
}

static enum status metric_print(struct request *request, struct response *response,
                                const struct record *record, struct error *err)
{
    const struct view view = view_of(request, response);
    enum status status = kept_view_metric(&view, record->id, record->body, err);

    model_release(request);
    return status;
}

static enum status metric_create(struct request *request, struct response *response,
                                 struct error *err)
{
    struct record record = {.kind = METRIC, .name = ""};
    struct registry *registry;
    struct version version;
    struct text text = {0};
    struct metric metric;
    struct json body;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    TRY(body_object(request, &body, err));
    TRY(metric_read(&body, &metric, err));
    TRY(builds_await(request, metric.version, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    TRY(registry_resolve_id(registry, metric.version, &version, request_arena(request), err));
    TRY(registry_resolve_id(registry, metric.monitor, &version, request_arena(request), err));
    metric_write(&metric, &text);
    record.version = metric.version;
    record.body = text.data;
    status = text_check(&text, err);
    if (!status)
        status = registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, err);
    if (!status)
        status = metric_print(request, response, &record, err);
    text_release(&text);
    kept_refresh(request->server->kept);
    return status;
}

static enum status specs_print(struct request *request, struct response *response, int64_t version,
                               struct error *err)
{
    const struct record_filter filter = {.kind = METRIC, .version = version};
    struct record *records;
    size_t count;

    TRY(records_of(request, &filter, &records, &count, err));
    text_append(&response->body, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(&response->body, i ? "," : "");
        TRY(metric_print(request, response, &records[i], err));
    }
    text_append(&response->body, "]");
    return STATUS_OK;
}

static enum status metrics_list(struct request *request, struct response *response,
                                struct error *err)
{
    return specs_print(request, response, 0, err);
}

/* The version of path parameter 0, an id. */
static enum status version_of(struct request *request, struct version *version, struct error *err)
{
    struct registry *registry;
    int64_t id;

    TRY(stored_registry(request, &registry, err));
    TRY(view_id(request, 0, &id, err));
    return registry_resolve_id(registry, id, version, request_arena(request), err);
}

static enum status metrics_of_version(struct request *request, struct response *response,
                                      struct error *err)
{
    struct version version;

    TRY(version_of(request, &version, err));
    return specs_print(request, response, version.id, err);
}

static enum status metric_find(struct request *request, struct record *record, struct error *err)
{
    struct record_filter filter = {.kind = METRIC};
    struct registry *registry;
    bool found;

    TRY(stored_registry(request, &registry, err));
    TRY(view_id(request, 0, &filter.id, err));
    found = false;
    if (filter.id)
        TRY(registry_record_find(registry, &filter, &found, record, request_arena(request), err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no metric with id %lld",
                         (long long)filter.id);
    return STATUS_OK;
}

static enum status metric_show(struct request *request, struct response *response,
                               struct error *err)
{
    struct record record;

    TRY(metric_find(request, &record, err));
    return metric_print(request, response, &record, err);
}

static enum status metric_delete(struct request *request, struct response *response,
                                 struct error *err)
{
    struct record record;

    TRY(metric_find(request, &record, err));
    TRY(metric_print(request, response, &record, err));
    return record_remove(request, record.id, err);
}

/* --- training data --- */

static enum status no_bucket(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)response;
    if (error_set(err, STATUS_UNSUPPORTED, "training data are not fetched from S3"))
        error_fix(err, "push the file itself: hs profile push --filename");
    return err->status;
}

static enum status training_put(struct request *request, struct response *response,
                                struct error *err)
{
    struct record record = {.kind = TRAINING, .name = TRAINING};
    struct received received = RECEIVED_NONE;
    struct version version;
    struct bytes type;
    enum status status;
    int64_t id;

    /* hs 2.x says its path of S3 here */
    if (request_header(request, "content-type", &type) &&
        bytes_starts(type, bytes_of("application/json")))
        return no_bucket(request, response, err);
    TRY(view_id(request, 0, &id, err));
    status = received_open(request->server, &received, err);
    if (!status)
        status = received_body(request, &received, err);
    if (!status)
        status = builds_await(request, id, err);
    if (!status)
        status = version_of(request, &version, err);
    record.version = status ? 0 : version.id;
    if (!status)
        status = registry_record_put(request->server->registry, &record, received.bytes, true, err);
    received_release(&received);
    response->content_type = "text/plain; charset=utf-8";
    if (!status)
        text_append(&response->body, "ok");
    return status;
}

static enum status training_find(struct request *request, bool *found, struct record *record,
                                 struct error *err)
{
    struct record_filter filter = {.kind = TRAINING};
    struct version version;

    TRY(version_of(request, &version, err));
    filter.version = version.id;
    return registry_record_find(request->server->registry, &filter, found, record,
                                request_arena(request), err);
}

static enum status training_status(struct request *request, struct response *response,
                                   struct error *err)
{
    struct record record;
    bool found;

    TRY(training_find(request, &found, &record, err));
    text_printf(&response->body, "{\"kind\":\"%s\"", found ? "Success" : "NotRegistered");
    if (found)
        text_printf(&response->body, ",\"bytes\":%lld,\"digest\":\"%s\",\"created\":\"%s\"",
                    (long long)record.blob_bytes, record.blob, record.created);
    text_append(&response->body, "}");
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/health", health, "OK", 0},
    {HTTP_GET, "/gateway/health", health, "OK", 0},
    {HTTP_GET, "/api/buildinfo", buildinfo, "name and version", 0},
    {HTTP_GET, "/gateway/buildinfo", buildinfo, "the same", 0},
    {HTTP_GET, "/monitoring/buildinfo", buildinfo, "the same", 0},
    {HTTP_GET, "/rootcause/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/visualization/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/stat/buildinfo", no_service, "503: there is no such service", 0},
    {HTTP_GET, "/api/v2/deployment_configuration", configurations_list,
     "deployment configurations, as they were given", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/deployment_configuration", configuration_put,
     "keep a deployment configuration: firn has no pods, it is kept and not used", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/deployment_configuration/{name}", configuration_show, "one of them",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/deployment_configuration/{name}", configuration_delete, "forget it",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/hostSelector", selectors_list, "none", 0},
    {HTTP_GET, "/api/v2/monitoring/metricspec", metrics_list, "metrics of all versions",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/monitoring/metricspec", metric_create,
     "keep that a version watches another: {name, modelVersionId, config {modelVersionId, "
     "threshold, thresholdCmpOperator {kind}}}",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/monitoring/metricspec/{id}", metric_show, "a metric", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/monitoring/metricspec/{id}", metric_delete, "forget it", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/monitoring/metricspec/modelversion/{id}", metrics_of_version,
     "metrics of a version", ROUTE_CONTROL},
    {HTTP_POST, "/monitoring/profiles/batch/{id}", training_put,
     "keep training data (CSV) with a version", ROUTE_STREAM},
    {HTTP_POST, "/api/v1/profiler/batch/{id}/csv", training_put, "the same (first generation)",
     ROUTE_STREAM},
    {HTTP_POST, "/monitoring/profiles/batch/{id}/s3", no_bucket, "refused: nothing is fetched", 0},
    {HTTP_GET, "/monitoring/profiles/batch/{id}/status", training_status,
     "are there training data? {kind: Success or NotRegistered}", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_settings = {
    .name = "hydrosphere_settings",
    .summary = "Hydrosphere's manager and monitoring: what is kept for clients",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
};
