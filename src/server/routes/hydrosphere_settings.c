// SPDX-License-Identifier: Apache-2.0
/* What clients of Hydrosphere leave with its manager: deployment configurations, metrics. firn
 * keeps them; pods there are none, so a deployment configuration is kept as it was given and no
 * more. */
#include <math.h>

#include "base/number.h"
#include "base/version.h"
#include "formats/json/json.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/kept.h"
#include "server/hydrosphere/metrics.h"
#include "server/internal.h"
#include "server/stored.h"

enum { NAME_BYTES_MAX = 256 };

#define CONFIGURATION KEPT_RECORDS[KEPT_CONFIGURATION]
#define METRIC KEPT_RECORDS[KEPT_METRIC]

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

static enum status health(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)err;
    response->content_type = "text/plain; charset=utf-8";
    text_append(&response->body, "OK");
    return STATUS_OK;
}

/* --- deployment configurations --- */

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
    TRY(hydrosphere_body(request, JSON_OBJECT, &body, err));
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

static enum status selector_refuse(struct request *request, struct response *response,
                                   struct error *err)
{
    (void)request, (void)response;
    return error_set(err, STATUS_UNSUPPORTED,
                     "a host selector says where containers run, and there are none");
}

static enum status selector_none(struct request *request, struct response *response,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    (void)response;
    return error_set(err, STATUS_NOT_FOUND, "there is no host selector '%s'",
                     text_quote(request->parameters[0], quoted, sizeof quoted));
}

/* --- metrics: another version watches a version --- */

static enum status metric_read(const struct json *body, struct hydrosphere_metric *metric,
                               struct arena *arena, struct error *err)
{
    const struct json *config = json_get(body, "config");
    struct bytes text;

    *metric = (struct hydrosphere_metric){.id = 0};
    if (!json_string(json_get(body, "name"), &text) || !text.size ||
        memchr(text.data, 0, text.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"name\" is no string");
    if (!json_i64(json_get(body, "modelVersionId"), &metric->version))
        return error_set(err, STATUS_INVALID_INPUT, "\"modelVersionId\" is no id");
    if (!json_i64(json_get(config, "modelVersionId"), &metric->by))
        return error_set(err, STATUS_INVALID_INPUT, "\"modelVersionId\" of \"config\" is no id");
    if (!json_f64(json_get(config, "threshold"), &metric->threshold) ||
        !isfinite(metric->threshold))
        return error_set(err, STATUS_INVALID_INPUT, "\"threshold\" of \"config\" is no number");
    metric->name = arena_text(arena, text);
    if (!metric->name)
        return error_no_memory(err, "a metric");
    if (!json_string(json_get(json_get(config, "thresholdCmpOperator"), "kind"), &text) ||
        !metric_comparison(text, &metric->comparison))
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"kind\" of \"thresholdCmpOperator\" is none of Eq NotEq Greater "
                         "GreaterEq Less LessEq");
    return STATUS_OK;
}

static enum status metric_print(struct request *request, struct response *response,
                                const struct hydrosphere_metric *metric, struct error *err)
{
    const struct view view = view_of(request, response);
    enum status status = metric_view(&view, metric, err);

    model_release(request);
    return status;
}

static enum status metric_create(struct request *request, struct response *response,
                                 struct error *err)
{
    struct record record = {.kind = METRIC, .name = ""};
    struct hydrosphere_metric metric;
    struct registry *registry;
    struct version version;
    struct text text = {0};
    struct json body;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    TRY(hydrosphere_body(request, JSON_OBJECT, &body, err));
    TRY(metric_read(&body, &metric, request_arena(request), err));
    TRY(builds_await(request, metric.version, err));
    if (request->later == LATER_NO)
        TRY(builds_await(request, metric.by, err));
    if (request->later != LATER_NO)
        return STATUS_OK;
    TRY(registry_resolve_id(registry, metric.version, &version, request_arena(request), err));
    TRY(registry_resolve_id(registry, metric.by, &version, request_arena(request), err));
    metric_record(&metric, &text);
    record.version = metric.version;
    record.body = text.data;
    status = text_check(&text, err);
    if (!status)
        status = registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, err);
    text_release(&text);
    TRY(status);
    kept_refresh(request->server->kept);
    metric.id = record.id;
    return metric_print(request, response, &metric, err);
}

/* Metrics of all versions, or of one: those that clients left, then those of manifests. */
static enum status specs_print(const struct view *view, int64_t version,
                               const struct record *records, size_t count, struct error *err)
{
    struct hydrosphere_metric metric, *declared;
    size_t printed = 0, declared_count;

    text_append(view->text, "[");
    for (size_t i = 0; i < count; i++) {
        TRY(metric_of_record(records[i].id, records[i].body, &metric, view->arena, err));
        text_append(view->text, printed++ ? "," : "");
        TRY(metric_view(view, &metric, err));
    }
    for (size_t m = 0; m < model_table_count(view->table); m++) {
        const struct table_model *model = model_table_at(view->table, m);

        for (size_t v = 0; v < model->count; v++) {
            const struct version *row = loaded_row(model->versions[v]);

            if (version && row->id != version)
                continue;
            TRY(metrics_declared(view->table, row, &declared, &declared_count, view->arena, err));
            for (size_t i = 0; i < declared_count; i++) {
                text_append(view->text, printed++ ? "," : "");
                TRY(metric_view(view, &declared[i], err));
            }
        }
    }
    text_append(view->text, "]");
    return STATUS_OK;
}

static enum status specs_answer(struct request *request, struct response *response, int64_t version,
                                struct error *err)
{
    const struct record_filter filter = {.kind = METRIC, .version = version};
    struct record *records;
    enum status status;
    struct view view;
    size_t count;

    TRY(records_of(request, &filter, &records, &count, err));
    models_refresh(request->server->models, false);
    view = view_of(request, response);
    status = specs_print(&view, version, records, count, err);
    model_release(request);
    return status;
}

static enum status metrics_list(struct request *request, struct response *response,
                                struct error *err)
{
    return specs_answer(request, response, 0, err);
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
    return specs_answer(request, response, version.id, err);
}

static enum status no_metric(int64_t id, struct error *err)
{
    return error_set(err, STATUS_NOT_FOUND, "there is no metric with id %lld", (long long)id);
}

/* That of a manifest, by its negative id. */
static enum status declared_find(struct request *request, int64_t id, int64_t version,
                                 struct hydrosphere_metric *metric, struct error *err)
{
    const struct model_table *table = models_pin(request->server->models, request->executor->index);
    const struct loaded *loaded = model_table_version(table, version);
    struct hydrosphere_metric *declared = NULL;
    enum status status = STATUS_OK;
    size_t count = 0;

    if (loaded)
        status = metrics_declared(table, loaded_row(loaded), &declared, &count,
                                  request_arena(request), err);
    metric->id = 0;
    for (size_t i = 0; i < count; i++)
        if (declared[i].id == id)
            *metric = declared[i];
    model_release(request);
    TRY(status);
    return metric->id ? STATUS_OK : no_metric(id, err);
}

/* Of path parameter 0, an id. */
static enum status metric_find(struct request *request, struct hydrosphere_metric *metric,
                               struct error *err)
{
    struct record_filter filter = {.kind = METRIC};
    struct registry *registry;
    struct record record;
    int64_t version;
    bool found = false;

    TRY(stored_registry(request, &registry, err));
    if (!number_i64_from_text(request->parameters[0], &filter.id))
        TRY(view_id(request, 0, &filter.id, err)); /* says what is wrong */
    if (metric_is_declared(filter.id, &version))
        return declared_find(request, filter.id, version, metric, err);
    if (filter.id)
        TRY(registry_record_find(registry, &filter, &found, &record, request_arena(request), err));
    return found ? metric_of_record(record.id, record.body, metric, request_arena(request), err)
                 : no_metric(filter.id, err);
}

static enum status metric_show(struct request *request, struct response *response,
                               struct error *err)
{
    struct hydrosphere_metric metric;

    TRY(metric_find(request, &metric, err));
    return metric_print(request, response, &metric, err);
}

static enum status metric_delete(struct request *request, struct response *response,
                                 struct error *err)
{
    struct hydrosphere_metric metric;
    int64_t version;

    TRY(metric_find(request, &metric, err));
    if (metric_is_declared(metric.id, &version))
        return error_set(
            err, STATUS_CONFLICT,
            "metric \"%.64s\" is declared by the manifest of the version with id %lld, "
            "and goes with it",
            metric.name, (long long)version);
    TRY(metric_print(request, response, &metric, err));
    return record_remove(request, metric.id, err);
}

static const struct route ROWS[] = {
    {HTTP_GET, "/health", health, "OK", 0},
    {HTTP_GET, "/gateway/health", health, "OK", 0},
    {HTTP_GET, "/api/buildinfo", buildinfo, "name and version", 0},
    {HTTP_GET, "/gateway/buildinfo", buildinfo, "the same", 0},
    {HTTP_GET, "/monitoring/buildinfo", buildinfo, "the same", 0},
    {HTTP_GET, "/api/v2/deployment_configuration", configurations_list,
     "deployment configurations, as they were given", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/deployment_configuration", configuration_put,
     "keep a deployment configuration: firn has no pods, it is kept and not used", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/deployment_configuration/{name}", configuration_show, "one of them",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/deployment_configuration/{name}", configuration_delete, "forget it",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/hostSelector", selectors_list, "none", 0},
    {HTTP_POST, "/api/v2/hostSelector", selector_refuse, "refused: there are no containers", 0},
    {HTTP_GET, "/api/v2/hostSelector/{name}", selector_none, "404: there are none", 0},
    {HTTP_DELETE, "/api/v2/hostSelector/{name}", selector_none, "404: there are none", 0},
    {HTTP_GET, "/api/v2/monitoring/metricspec", metrics_list,
     "metrics of all versions, also those of manifests", ROUTE_CONTROL},
    {HTTP_POST, "/api/v2/monitoring/metricspec", metric_create,
     "keep that a version watches another: {name, modelVersionId, config {modelVersionId, "
     "threshold, thresholdCmpOperator {kind}}}",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/monitoring/metricspec/{id}", metric_show, "a metric", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v2/monitoring/metricspec/{id}", metric_delete, "forget it", ROUTE_CONTROL},
    {HTTP_GET, "/api/v2/monitoring/metricspec/modelversion/{id}", metrics_of_version,
     "metrics of a version", ROUTE_CONTROL},
};

const struct route_set routes_hydrosphere_settings = {
    .name = "hydrosphere_settings",
    .summary = "Hydrosphere's manager: what is kept for clients",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error,
};
