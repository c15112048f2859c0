// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "jobs/jobs.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/kept.h"
#include "server/internal.h"

enum {
    ONE_LOOP_CORES = 4, /* up to so many cores one I/O thread is enough; then a quarter */
    IO_THREADS_DEFAULT_MAX = 8,
    STATUS_SLOTS = 512, /* status codes 100 to 611 */
};

uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- accounts --- */

bool server_buffer(struct server *server, size_t bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&server->buffered, bytes, memory_order_relaxed);

    if (before + bytes <= (uint64_t)server->settings.buffered_bytes_max)
        return true;
    server_unbuffer(server, bytes);
    return false;
}

void server_unbuffer(struct server *server, size_t bytes)
{
    atomic_fetch_sub_explicit(&server->buffered, bytes, memory_order_relaxed);
}

void server_shed(struct server *server, const char *reason)
{
    series_add(metrics_series(server->metrics, METRIC_shed_total, &reason), 1);
}

static struct series *requests_series(struct server *server, const struct route_match *match,
                                      enum http_method method, int status)
{
    char text[16];
    const char *labels[] = {match->route ? match->route->path : "", http_method_name(method), text};

    snprintf(text, sizeof text, "%d", status);
    return metrics_series(server->metrics, METRIC_requests_total, labels);
}

static void observe(struct server *server, const struct route_match *match, uint64_t nanoseconds)
{
    _Atomic(struct series *) *cell = &server->route_seconds[match->index];
    struct series *series = atomic_load_explicit(cell, memory_order_relaxed);

    if (!series) {
        series = metrics_series(server->metrics, METRIC_request_seconds, &match->route->path);
        atomic_store_explicit(cell, series, memory_order_relaxed);
    }
    series_observe(series, nanoseconds);
}

void server_count(struct server *server, const struct route_match *match, enum http_method method,
                  int status, uint64_t nanoseconds)
{
    size_t slot = (size_t)(status - 100) % STATUS_SLOTS;
    _Atomic(struct series *) *cell;
    struct series *series;

    if (!match->route) {
        series_add(requests_series(server, match, method, status), 1);
        return;
    }
    cell = &server->requests[(match->index * HTTP_METHOD_COUNT + method) * STATUS_SLOTS + slot];
    series = atomic_load_explicit(cell, memory_order_relaxed);
    if (!series) {
        series = requests_series(server, match, method, status);
        atomic_store_explicit(cell, series, memory_order_relaxed);
    }
    series_add(series, 1);
    if (nanoseconds)
        observe(server, match, nanoseconds);
}

/* --- draining --- */

static void drain_forced(struct timer *timer)
{
    struct io *io = (struct io *)((char *)timer - offsetof(struct io, drain_timer));

    loop_stop(&io->loop);
}

static void drain_io(struct task *task)
{
    struct io *io = (struct io *)((char *)task - offsetof(struct io, drain));

    if (io->draining)
        return;
    io->draining = true;
    if (io == &io->server->ios[0])
        listeners_close(io->server);
    for (uint32_t i = 0; i < io->slot_count; i++)
        connection_drain(io->slots[i]);
    io->drain_timer.fire = drain_forced;
    loop_timer_set(&io->loop, &io->drain_timer,
                   io->loop.now_ms + (uint64_t)io->server->settings.drain_timeout_ms);
    if (atomic_load(&io->connections) == 0)
        loop_stop(&io->loop);
}

void server_drain(struct server *server)
{
    if (atomic_exchange(&server->draining, true))
        return;
    for (unsigned i = 0; i < server->io_count; i++)
        loop_post(&server->ios[i].loop, &server->ios[i].drain);
}

bool server_draining(const struct server *server)
{
    return atomic_load_explicit(&server->draining, memory_order_relaxed);
}

void server_wait(struct server *server)
{
    for (unsigned i = 0; i < server->io_count; i++) {
        if (!server->ios[i].running)
            continue;
        pthread_join(server->ios[i].thread, NULL);
        server->ios[i].running = false;
    }
}

/* --- life --- */

static void *io_main(void *argument)
{
    loop_run(&((struct io *)argument)->loop);
    return NULL;
}

static enum status io_init(struct io *io, struct server *server, unsigned index, struct error *err)
{
    *io = (struct io){.server = server,
                      .free_slot = UINT32_MAX,
                      .spare_fd = -1,
                      .loop = {.epoll = -1, .event = -1}};
    io->executor = (struct executor){.index = index, .io = true};
    arena_init(&io->executor.arena, (size_t)server->settings.request_memory_max);
    io->drain.run = drain_io;
    feeds_init(io);
    io->buffer = malloc(READ_BYTES);
    if (!io->buffer)
        return error_no_memory(err, "an I/O thread");
    return loop_init(&io->loop, err);
}

/* After its thread has ended. */
static void io_release(struct io *io)
{
    for (uint32_t i = 0; i < io->slot_count; i++) {
        struct connection *connection = io->slots[i];

        connection->detached = false;
        connection_close(connection);
    }
    loop_run_rest(&io->loop); /* jobs that came back late */
    for (uint32_t i = 0; i < io->slot_count; i++)
        free(io->slots[i]);
    free(io->slots);
    while (io->free_jobs) {
        struct job *next = io->free_jobs->next;
        job_free(io->free_jobs);
        io->free_jobs = next;
    }
    io_free_streams(io);
    io_free_pieces(io);
    if (io->spare_fd >= 0)
        close(io->spare_fd);
    loop_release(&io->loop);
    response_release(&io->response);
    text_release(&io->out);
    text_release(&io->spare);
    text_release(&io->piece);
    arena_release(&io->executor.arena);
    free(io->buffer);
}

static void models_changed(void *context)
{
    kept_refresh(((struct server *)context)->kept);
    feeds_wake(context);
    jobs_unpark(context);
}

static unsigned or_default(int64_t value, long fallback)
{
    return (unsigned)(value ? value : fallback > 1 ? fallback : 1);
}

static struct series *plain_series(struct server *server, enum metric_id id)
{
    return metrics_series(server->metrics, id, NULL);
}

static enum status make_metrics(struct server *server, struct error *err)
{
    size_t routes = router_count(server->router);

    server->metrics = metrics_new();
    server->requests =
        calloc(routes * HTTP_METHOD_COUNT * STATUS_SLOTS + 1, sizeof *server->requests);
    server->route_seconds = calloc(routes + 1, sizeof *server->route_seconds);
    if (!server->metrics || !server->requests || !server->route_seconds)
        return error_no_memory(err, "metrics");
    server->connections = plain_series(server, METRIC_connections);
    server->connections_total = plain_series(server, METRIC_connections_total);
    server->received = plain_series(server, METRIC_received_bytes_total);
    server->sent = plain_series(server, METRIC_sent_bytes_total);
    server->dropped = plain_series(server, METRIC_dropped_total);
    server->feeds = plain_series(server, METRIC_feeds);
    server->http2_total = plain_series(server, METRIC_http2_connections_total);
    server->feeds_total = plain_series(server, METRIC_feeds_total);
    series_set(plain_series(server, METRIC_process_start_time_seconds), (int64_t)time(NULL));
    return STATUS_OK;
}

static enum status make_ios(struct server *server, struct error *err)
{
    long cores = (long)cpu_count();
    long count = cores <= ONE_LOOP_CORES                           ? 1
                 : cores / ONE_LOOP_CORES > IO_THREADS_DEFAULT_MAX ? IO_THREADS_DEFAULT_MAX
                                                                   : cores / ONE_LOOP_CORES;

    unsigned wanted = or_default(server->settings.io_threads, count);

    server->ios = calloc(wanted, sizeof *server->ios);
    if (!server->ios)
        return error_no_memory(err, "I/O threads");
    for (unsigned i = 0; i < wanted; i++) {
        server->io_count = i + 1;
        TRY(io_init(&server->ios[i], server, i, err));
    }
    return STATUS_OK;
}

/* What a compute thread does when no request waits: help another with its long steps. */
static enum status make_team(struct server *server, unsigned compute, struct error *err)
{
    unsigned threads = or_default(server->settings.run_threads, compute);

    if (threads < 2)
        return STATUS_OK;
    server->team = team_new(threads);
    return server->team ? STATUS_OK : error_no_memory(err, "threads");
}

static enum status make_pools(struct server *server, struct error *err)
{
    const struct settings *settings = &server->settings;
    unsigned compute = or_default(settings->compute_threads, cpu_count());
    unsigned control = (unsigned)settings->control_threads;
    unsigned upload = (unsigned)settings->upload_threads;
    unsigned first = server->io_count;
    unsigned waiting = (unsigned)settings->waiting_threads;
    const char *names[] = {"compute", "control", "upload", "waiting"};
    struct series *lengths[ARRAY_COUNT(names)];
    size_t queue = (size_t)settings->queue_max, memory = (size_t)settings->request_memory_max;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        lengths[i] = metrics_series(server->metrics, METRIC_queue_length, &names[i]);
    TRY(make_team(server, compute, err));
    TRY(pool_new("firn-compute", (struct executor){0}, compute, queue, first, memory, lengths[0],
                 server->team, &server->compute, err));
    first += compute;
    TRY(pool_new("firn-control", (struct executor){.control = true}, control, queue, first, memory,
                 lengths[1], NULL, &server->control, err));
    first += control;
    TRY(pool_new("firn-upload", (struct executor){.control = true}, upload, queue, first, memory,
                 lengths[2], NULL, &server->upload, err));
    first += upload;
    TRY(pool_new("firn-waiting", (struct executor){.waits = true}, waiting, queue, first, memory,
                 lengths[3], NULL, &server->waiting, err));
    server->executors = first + waiting;
    return STATUS_OK;
}

/* A job made versions: they serve when it is said to be done. */
static void jobs_frozen(void *context)
{
    models_refresh(((struct server *)context)->models, true);
}

static enum status make_jobs(struct server *server, const struct server_options *options,
                             struct error *err)
{
    const struct settings *settings = &server->settings;
    const struct jobs_options jobs = {
        .folder = options->store,
        .registry = options->registry,
        .workers = options->workers,
        .threads = (unsigned)settings->job_threads,
        .timeout_ms = settings->job_timeout_ms,
        .attempts = settings->job_attempts,
        .keep_ms = settings->job_keep_ms,
        .lease_ms = settings->job_lease_ms,
        .memory_bytes = (size_t)settings->job_memory_max,
        .log_bytes_max = (size_t)settings->job_log_bytes_max,
        .output_bytes_max = (uint64_t)settings->job_output_max,
        .frozen = jobs_frozen,
        .context = server,
    };

    return options->store && options->registry ? jobs_open(&jobs, &server->jobs, err) : STATUS_OK;
}

static enum status start(struct server *server, const struct server_options *options,
                         struct error *err)
{
    const struct route_set *const *sets = options->routes ? options->routes : routes_all();

    TRY(router_new(sets, &server->router, err));
    TRY(make_metrics(server, err));
    TRY(make_ios(server, err));
    TRY(make_pools(server, err));
    TRY(models_new(&options->source, &server->settings, server->metrics, server->executors,
                   models_changed, server, &server->models, err));
    TRY(make_jobs(server, options, err));
    if (options->https)
        TRY(tls_server_new(options->certificate, options->key, &server->tls, err));
    if (options->http)
        TRY(listener_open(server, options->http, false, err));
    if (options->https)
        TRY(listener_open(server, options->https, true, err));
    for (unsigned i = 0; i < server->io_count; i++) {
        int failure = pthread_create(&server->ios[i].thread, NULL, io_main, &server->ios[i]);

        if (failure)
            return error_set(err, STATUS_UNAVAILABLE, "cannot start a thread: %s",
                             strerror(failure));
        server->ios[i].running = true;
        pthread_setname_np(server->ios[i].thread, "firn-io");
    }
    return STATUS_OK;
}

enum status server_new(const struct server_options *options, struct server **result,
                       struct error *err)
{
    struct server *server = calloc(1, sizeof *server);
    enum status status;

    if (!server)
        return error_no_memory(err, "a server");
    pthread_mutex_init(&server->parked_lock, NULL);
    for (int i = 0; i < LISTENERS; i++)
        server->listeners[i].watch.fd = -1;
    server->settings = *options->settings;
    server->registry = options->registry;
    server->hosts = options->hosts;
    server->zeromind = options->zeromind;
    server->workers = options->workers;
    server->temporary = options->temporary ? strdup(options->temporary) : NULL;
    server->builds = builds_new(server);
    server->kept = kept_new(server);
    status = server->builds && server->kept ? start(server, options, err)
                                            : error_no_memory(err, "a server");
    if (status != STATUS_OK) {
        server_free(server);
        return status;
    }
    *result = server;
    return STATUS_OK;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    server_drain(server);
    server_wait(server);
    jobs_close(server->jobs);
    models_stop(server->models); /* its thread calls jobs_unpark */
    jobs_unpark(server);
    pool_stop(server->compute); /* jobs go from one pool to the other */
    pool_stop(server->control);
    pool_stop(server->upload);
    pool_stop(server->waiting);
    listeners_close(server);
    for (unsigned i = 0; i < server->io_count; i++)
        io_release(&server->ios[i]);
    free(server->ios);
    tls_server_free(server->tls);
    pool_free(server->compute);
    pool_free(server->control);
    pool_free(server->upload);
    pool_free(server->waiting);
    builds_free(server->builds);
    kept_free(server->kept);
    team_free(server->team);
    models_free(server->models);
    metrics_free(server->metrics);
    router_free(server->router);
    free(server->requests);
    free(server->route_seconds);
    free(server->temporary);
    pthread_mutex_destroy(&server->parked_lock);
    free(server);
}

int server_port(const struct server *server)
{
    return server->listeners[0].port;
}

int server_secure_port(const struct server *server)
{
    return server->listeners[1].port;
}

enum status server_reload_certificate(struct server *server, struct error *err)
{
    return server->tls ? tls_server_reload(server->tls, err) : STATUS_OK;
}

struct models *server_models(struct server *server)
{
    return server->models;
}
