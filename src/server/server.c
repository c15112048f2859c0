// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "server/internal.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_A_ROUND = 64,
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

/* --- accepting --- */

static struct io *least_loaded(struct server *server, uint64_t *total)
{
    struct io *best = &server->ios[0];

    *total = 0;
    for (unsigned i = 0; i < server->io_count; i++) {
        struct io *io = &server->ios[i];
        uint32_t count = atomic_load_explicit(&io->connections, memory_order_relaxed);

        *total += count;
        if (count < atomic_load_explicit(&best->connections, memory_order_relaxed))
            best = io;
    }
    return best;
}

struct arrival { /* an accepted socket on its way to its I/O thread */
    struct task task;
    struct io *io;
    int fd;
};

static void arrive(struct task *task)
{
    struct arrival *arrival = (struct arrival *)task;

    /* counted by the listener already, so that it sees where it sent the ones before */
    atomic_fetch_sub(&arrival->io->connections, 1);
    if (arrival->io->draining)
        close(arrival->fd);
    else
        connection_open(arrival->io, arrival->fd);
    free(arrival);
}

static void refuse_connection(struct server *server, int fd, const char *reason)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                 "Connection: close\r\nContent-Type: application/json\r\n"
                                 "Content-Length: 32\r\n\r\n{\"error\":\"too many connections\"}";

    series_add(metrics_series(server->metrics, METRIC_connections_refused_total, &reason), 1);
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        errno = 0;
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void place(struct io *listening, int fd)
{
    struct server *server = listening->server;
    uint64_t total;
    struct io *io = least_loaded(server, &total);
    struct arrival *arrival;

    if (total >= (uint64_t)server->settings.connections_max) {
        refuse_connection(server, fd, "connections_max");
        return;
    }
    if (io == listening) {
        connection_open(io, fd);
        return;
    }
    arrival = malloc(sizeof *arrival);
    if (!arrival) {
        close(fd);
        return;
    }
    *arrival = (struct arrival){.task.run = arrive, .io = io, .fd = fd};
    atomic_fetch_add(&io->connections, 1);
    loop_post(&io->loop, &arrival->task);
}

/* Out of descriptors: use the one we kept back to take the connection and refuse it; left in the
 * backlog it would wake us for ever. */
static void refuse_one(struct io *io)
{
    int fd;

    close(io->spare_fd);
    fd = accept4(io->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse_connection(io->server, fd, "descriptors");
    io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_ready(struct watch *watch, uint32_t events)
{
    struct io *io = (struct io *)((char *)watch - offsetof(struct io, listener));

    (void)events;
    for (int i = 0; i < ACCEPTS_A_ROUND && io->listener.fd >= 0; i++) {
        int fd = accept4(io->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            place(io, fd);
        else if (errno == EMFILE || errno == ENFILE)
            refuse_one(io);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* --- listening --- */

static enum status parse_address(const char *text, char *host, size_t host_size, const char **port,
                                 struct error *err)
{
    const char *colon = strrchr(text, ':'), *start = text, *stop = colon;

    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return error_set(err, STATUS_INVALID_INPUT, "address '%s' is not HOST:PORT", text);
    if (*start == '[' && stop[-1] == ']') {
        start++;
        stop--;
    }
    if ((size_t)(stop - start) >= host_size)
        return error_set(err, STATUS_INVALID_INPUT, "address '%s' is too long", text);
    memcpy(host, start, (size_t)(stop - start));
    host[stop - start] = 0;
    *port = colon + 1;
    return STATUS_OK;
}

static enum status listen_at(const struct addrinfo *address, const char *text, int *result,
                             struct error *err)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen at %s: %s", text, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG)) {
        int why = errno;

        close(fd);
        return error_set(err, why == EADDRINUSE ? STATUS_CONFLICT : STATUS_UNAVAILABLE,
                         "cannot listen at %s: %s", text, strerror(why));
    }
    *result = fd;
    return STATUS_OK;
}

static void note_address(struct server *server, const struct sockaddr_storage *bound)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)bound;
    const struct sockaddr_in *four = (const struct sockaddr_in *)bound;

    if (bound->ss_family == AF_INET6) {
        server->port = ntohs(six->sin6_port);
        server->loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    } else {
        server->port = ntohs(four->sin_port);
        server->loopback = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
}

static enum status server_listen(struct server *server, const char *text, struct error *err)
{
    struct io *io = &server->ios[0];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    struct addrinfo *addresses;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[256];
    const char *port = NULL;
    enum status status;
    int failure, fd = -1;

    TRY(parse_address(text, host, sizeof host, &port, err));
    failure = getaddrinfo(*host ? host : NULL, port, &hints, &addresses);
#ifndef FIRN_STANDALONE /* which has no way to look up names: their libraries are the host's */
    if (failure == EAI_NONAME) { /* a name; looking it up loads much, so numbers come first */
        hints.ai_flags = AI_PASSIVE;
        failure = getaddrinfo(host, port, &hints, &addresses);
    }
#endif
    if (failure)
        return error_set(err, STATUS_INVALID_INPUT, "address '%s': %s", text,
                         gai_strerror(failure));
    status = listen_at(addresses, text, &fd, err);
    freeaddrinfo(addresses);
    if (status != STATUS_OK)
        return status;
    io->listener = (struct watch){.fd = fd, .ready = accept_ready};
    io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!loop_add(&io->loop, &io->listener, EPOLLIN))
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen at %s", text);
    getsockname(fd, (struct sockaddr *)&bound, &size);
    note_address(server, &bound);
    return STATUS_OK;
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
    if (io->listener.fd >= 0) {
        loop_remove(&io->loop, &io->listener);
        close(io->listener.fd);
        io->listener.fd = -1;
    }
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
                      .listener.fd = -1,
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
    if (io->listener.fd >= 0)
        close(io->listener.fd);
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
    TRY(server_listen(server, options->http, err));
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
    server->settings = *options->settings;
    server->registry = options->registry;
    server->hosts = options->hosts;
    server->workers = options->workers;
    server->temporary = options->temporary ? strdup(options->temporary) : NULL;
    status = start(server, options, err);
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
    models_stop(server->models); /* its thread calls jobs_unpark */
    jobs_unpark(server);
    pool_stop(server->compute); /* jobs go from one pool to the other */
    pool_stop(server->control);
    pool_stop(server->upload);
    pool_stop(server->waiting);
    for (unsigned i = 0; i < server->io_count; i++)
        io_release(&server->ios[i]);
    free(server->ios);
    pool_free(server->compute);
    pool_free(server->control);
    pool_free(server->upload);
    pool_free(server->waiting);
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
    return server->port;
}

struct metrics *server_metrics(struct server *server)
{
    return server->metrics;
}

struct models *server_models(struct server *server)
{
    return server->models;
}
