// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/metrics.h"

#include "formats/json/json.h"
#include "server/internal.h"

enum { DECLARED_BITS = 10 }; /* a manifest has at most 1,000 */

static const char *const COMPARISONS[][2] = {{"Eq", "=="},  {"NotEq", "!="},     {"Greater", ">"},
                                             {"Less", "<"}, {"GreaterEq", ">="}, {"LessEq", "<="}};

bool metric_comparison(struct bytes text, int *comparison)
{
    for (size_t i = 0; i < ARRAY_COUNT(COMPARISONS); i++)
        if (bytes_is(text, COMPARISONS[i][0]) || bytes_is(text, COMPARISONS[i][1])) {
            *comparison = (int)i;
            return true;
        }
    return false;
}

/* --- of a manifest --- */

bool metric_is_declared(int64_t id, int64_t *version)
{
    if (id >= 0 || id == INT64_MIN)
        return false;
    *version = -id >> DECLARED_BITS;
    return true;
}

enum status metrics_declared(const struct model_table *table, const struct version *row,
                             struct hydrosphere_metric **metrics, size_t *count,
                             struct arena *arena, struct error *err)
{
    struct hydrosphere_version version;
    struct error ignored;

    *count = 0;
    if (hydrosphere_is_application(row) || !row->manifest || !strstr(row->manifest, "monitoring"))
        return STATUS_OK;
    TRY(hydrosphere_version(row, &version, arena, err));
    if (!version.manifest)
        return STATUS_OK;
    *metrics = arena_new(arena, struct hydrosphere_metric, version.manifest->monitor_count);
    if (!*metrics)
        return error_no_memory(err, "metrics");
    for (; *count < version.manifest->monitor_count; ++*count) {
        const struct manifest_monitor *monitor = &version.manifest->monitors[*count];
        struct hydrosphere_metric *metric = &(*metrics)[*count];
        struct loaded *by;

        *metric = (struct hydrosphere_metric){
            .id = -(row->id << DECLARED_BITS | (int64_t)*count),
            .name = monitor->name,
            .version = row->id,
            .threshold = monitor->threshold,
        };
        (void)metric_comparison(bytes_of(monitor->comparison), &metric->comparison);
        if (!models_find(table, bytes_of(monitor->model), (struct bytes){0}, &by, &ignored))
            metric->by = loaded_row(by)->id;
    }
    return STATUS_OK;
}

/* --- of a client --- */

enum status metric_of_record(int64_t id, const char *body, struct hydrosphere_metric *metric,
                             struct arena *arena, struct error *err)
{
    const char *whole = arena_printf(arena, "{%s}", body);
    struct bytes name = bytes_of(""), kind = bytes_of("");
    const struct json *config;
    struct json json;

    *metric = (struct hydrosphere_metric){.id = id};
    if (!whole)
        return error_no_memory(err, "a metric");
    TRY(json_parse(bytes_of(whole), 0, &json, arena, err));
    config = json_get(&json, "config");
    if (!json_string(json_get(&json, "name"), &name) ||
        !json_string(json_get(json_get(config, "thresholdCmpOperator"), "kind"), &kind) ||
        !metric_comparison(kind, &metric->comparison) ||
        !json_i64(json_get(&json, "modelVersionId"), &metric->version) ||
        !json_i64(json_get(config, "modelVersionId"), &metric->by) ||
        !json_f64(json_get(config, "threshold"), &metric->threshold))
        return error_set(err, STATUS_INTERNAL, "the record of metric %lld is none", (long long)id);
    metric->name = arena_text(arena, name);
    return metric->name ? STATUS_OK : error_no_memory(err, "a metric");
}

/* Without the brace that ends config. */
static void members_write(const struct hydrosphere_metric *metric, struct text *text)
{
    json_write_key(text, "name");
    json_write_text(text, metric->name);
    text_printf(text, ",\"modelVersionId\":%lld,\"config\":{\"modelVersionId\":",
                (long long)metric->version);
    if (metric->by)
        text_printf(text, "%lld", (long long)metric->by);
    else
        text_append(text, "null");
    text_append(text, ",\"threshold\":");
    json_write_f64(text, metric->threshold);
    text_printf(text, ",\"thresholdCmpOperator\":{\"kind\":\"%s\"}",
                COMPARISONS[metric->comparison][0]);
}

void metric_record(const struct hydrosphere_metric *metric, struct text *text)
{
    members_write(metric, text);
    text_append_char(text, '}');
}

/* --- as JSON --- */

static enum status servable_print(const struct view *view, int64_t by, struct error *err)
{
    const struct loaded *loaded = by ? model_table_version(view->table, by) : NULL;

    for (size_t i = 0; loaded && i < model_table_servables(view->table); i++) {
        const struct table_servable *servable = model_table_servable_at(view->table, i);

        if (servable->loaded == loaded && hydrosphere_is_running(servable))
            return view_servable(view, servable, err);
    }
    text_append(view->text, "null");
    return STATUS_OK;
}

enum status metric_view(const struct view *view, const struct hydrosphere_metric *metric,
                        struct error *err)
{
    text_printf(view->text, "{\"id\":%lld,", (long long)metric->id);
    members_write(metric, view->text);
    text_append(view->text, ",\"servable\":");
    TRY(servable_print(view, metric->by, err));
    text_append(view->text, "}}");
    return STATUS_OK;
}
