// SPDX-License-Identifier: Apache-2.0
/* /metrics for Prometheus. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "server/internal.h"

/* What is asked of the system only when somebody looks. */
static void refresh(struct server *server)
{
    DIR *folder = opendir("/proc/self/fd");
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0, fds = -3; /* ".", ".." and the folder itself */

    if (file && fscanf(file, "%*s %ld", &pages) == 1)
        series_set(metrics_series(server->metrics, METRIC_process_resident_memory_bytes, NULL),
                   pages * sysconf(_SC_PAGESIZE));
    if (file)
        fclose(file);
    while (folder && readdir(folder))
        fds++;
    if (folder) {
        closedir(folder);
        series_set(metrics_series(server->metrics, METRIC_process_open_fds, NULL), fds);
    }
    series_set(metrics_series(server->metrics, METRIC_buffered_bytes, NULL),
               (int64_t)atomic_load_explicit(&server->buffered, memory_order_relaxed));
}

/* How the requests of an application were shared out. */
static void applications_refresh(struct server *server, unsigned executor)
{
    const struct model_table *table = models_pin(server->models, executor);

    for (size_t m = 0; m < model_table_count(table); m++) {
        const struct table_model *model = model_table_at(table, m);
        struct servable_count count;

        for (size_t i = 0; model->serving && loaded_state(model->serving) == MODEL_READY &&
                           loaded_count(model->serving, i, &count);
             i++) {
            const char *labels[] = {model->name, count.part, count.result};

            if (count.count)
                series_set(
                    metrics_series(server->metrics, METRIC_application_requests_total, labels),
                    (int64_t)count.count);
        }
    }
    models_unpin(server->models, executor);
}

static enum status metrics(struct request *request, struct response *response, struct error *err)
{
    (void)err;
    if (request->executor->io) /* long with many models */
        return request_later(request, LATER_COMPUTE);
    refresh(request->server);
    applications_refresh(request->server, request->executor->index);
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(request->server->metrics, &response->body);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/metrics", metrics, "counters and histograms as Prometheus text", 0},
    {HTTP_GET, "/api/v1/prometheus/proxyMetrics", metrics, "the same, where Hydrosphere had it", 0},
};

const struct route_set routes_metrics = {
    .name = "metrics",
    .summary = "figures for Prometheus",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
