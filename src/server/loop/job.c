// SPDX-License-Identifier: Apache-2.0
/* Requests that run on another thread. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/internal.h"

enum {
    FREE_JOBS_MAX = 64,
    JOB_BYTES_KEPT = 64 << 10,
    PARKED_MAX = 4096,
};

static struct job *of_work(struct work *work)
{
    return (struct job *)((char *)work - offsetof(struct job, work));
}

static struct job *of_answered(struct task *task)
{
    return (struct job *)((char *)task - offsetof(struct job, answered));
}

void job_free(struct job *job)
{
    body_stream_free(job->stream);
    text_release(&job->data);
    response_release(&job->response);
    free(job);
}

static void job_recycle(struct io *io, struct job *job)
{
    server_unbuffer(io->server, job->buffered);
    job->buffered = 0;
    body_stream_free(job->stream);
    job->stream = NULL;
    if (job->data.capacity > JOB_BYTES_KEPT)
        io_keep_buffer(io, &job->data);
    if (io->free_job_count >= FREE_JOBS_MAX) {
        job_free(job);
        return;
    }
    text_clear(&job->data);
    response_clear(&job->response);
    job->next = io->free_jobs;
    io->free_jobs = job;
    io->free_job_count++;
}

static struct job *job_take(struct io *io)
{
    struct job *job = io->free_jobs;

    if (!job)
        return calloc(1, sizeof *job);
    io->free_jobs = job->next;
    io->free_job_count--;
    return job;
}

/* Answer the connection's request of HTTP/1.1. */
static void answer_connection(struct connection *connection, struct job *job)
{
    struct io *io = job->io;
    struct bytes tail;

    answer_write(connection, &job->head, &job->response,
                 answer_keeps_alive(io, &job->head) &&
                     (!job->stream || body_stream_ended(job->stream)),
                 &tail);
    if (job->stream) {
        struct bytes rest = body_stream_rest(job->stream);

        connection->linger |= connection->closing;
        /* bytes that came after the body go before what the connection has (nothing: it was
         * detached, or the request was whole) */
        if (rest.size && !connection->exchange.in.size)
            text_append_bytes(&connection->exchange.in, rest);
        if (rest.size)
            server_buffer(io->server, connection->exchange.in.capacity);
    }
    connection_answered(connection, tail);
}

static void job_answered(struct task *task)
{
    struct job *job = of_answered(task);
    struct io *io = job->io;
    struct connection *connection = io_connection(io, job->slot, job->generation);
    struct exchange *exchange = !connection      ? NULL
                                : job->stream_id ? http2_exchange(connection, job->stream_id)
                                                 : &connection->exchange;

    if (exchange)
        server_count(io->server, &job->match, job->head.method, job->response.status,
                     clock_ns() - job->received_ns);
    else
        series_add(io->server->dropped, 1);
    if (exchange && exchange->stream) {
        exchange->job = NULL;
        http2_answer(exchange, &job->head, &job->response);
    } else if (exchange) {
        answer_connection(connection, job);
    }
    job_recycle(io, job);
}

static void job_run(struct work *work, struct executor *executor);

/* Put a job where it asked to go on. False: there is no place. */
static bool job_submit(struct job *job, enum later later)
{
    struct server *server = job->io->server;
    bool taken, changed;

    job->work.run = job_run;
    if (job->stream)
        return pool_submit(server->upload, &job->work);
    if (later != LATER_LOADED)
        return pool_submit(later == LATER_CONTROL   ? server->control
                           : later == LATER_WAITING ? server->waiting
                                                    : server->compute,
                           &job->work);
    pthread_mutex_lock(&server->parked_lock);
    changed = job->changes != server->changes;
    taken = !changed && server->parked_count < PARKED_MAX;
    if (taken) {
        job->next = server->parked;
        server->parked = job;
        server->parked_count++;
    }
    pthread_mutex_unlock(&server->parked_lock);
    /* what it waits for may have happened since it looked */
    return changed ? pool_submit(server->compute, &job->work) : taken;
}

static void job_fail(struct job *job, int status, enum status kind, const char *why)
{
    struct error err = {.status = kind};

    snprintf(err.text, sizeof err.text, "%s", why);
    response_clear(&job->response);
    job->response.status = status;
    response_error(&job->response,
                   job->match.route->flags & ROUTE_GRPC ? &answer_grpc_errors : job->match.set,
                   &err);
}

static void job_run(struct work *work, struct executor *executor)
{
    struct job *job = of_work(work);
    struct server *server = job->io->server;
    struct request request = {
        .server = server,
        .executor = executor,
        .head = &job->head,
        .data = job->data.data,
        .match = job->match,
        .body = job->body,
        .stream = job->stream,
        .received_ns = job->received_ns,
        .deadline_ns = job->deadline_ns,
        .cancelled = &job->cancelled,
    };
    bool late =
        clock_ns() - job->received_ns > (uint64_t)server->settings.request_timeout_ms * 1000000;

    job->changes = atomic_load(&server->changes);
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
        response_clear(&job->response);
    } else if (late && !job->stream) {
        job_fail(job, 504, STATUS_DEADLINE, "the request waited longer than request_timeout_ms");
    } else {
        exchange_run(&request, &job->response);
        if (request.later != LATER_NO) {
            if (job_submit(job, request.later))
                return;
            server_shed(server, "queue");
            job_fail(job, 503, STATUS_UNAVAILABLE, "too many requests wait");
        }
    }
    loop_post(&job->io->loop, &job->answered);
}

void jobs_unpark(struct server *server)
{
    struct job *job;

    pthread_mutex_lock(&server->parked_lock);
    job = server->parked;
    server->parked = NULL;
    server->parked_count = 0;
    server->changes++;
    pthread_mutex_unlock(&server->parked_lock);
    while (job) {
        struct job *next = job->next;

        if (!job_submit(job, LATER_COMPUTE)) {
            server_shed(server, "queue");
            job_fail(job, 503, STATUS_UNAVAILABLE, "too many requests wait");
            loop_post(&job->io->loop, &job->answered);
        }
        job = next;
    }
}

/* A job with the request's bytes: taken over when the connection holds them alone, else copied.
 * NULL: no memory. */
static struct job *job_new(struct exchange *exchange, const uint8_t *data, size_t size,
                           const struct route_match *match)
{
    struct connection *connection = exchange->connection;
    struct io *io = connection->io;
    struct job *job = job_take(io);

    if (!job)
        return NULL;
    if (exchange->in.data && (const uint8_t *)exchange->in.data == data) {
        struct text empty = job->data;

        job->data = exchange->in;
        job->buffered = job->data.capacity; /* counted already */
        exchange->in = empty;
        if (!exchange->stream || !server_buffer(io->server, empty.capacity))
            text_release(&exchange->in);
    } else {
        text_append_bytes(&job->data, (struct bytes){data, size});
        job->buffered = job->data.capacity;
        if (job->data.failed || !server_buffer(io->server, job->buffered)) {
            job->buffered = 0;
            job_recycle(io, job);
            return NULL;
        }
    }
    job->answered.run = job_answered;
    job->io = io;
    job->slot = connection->slot;
    job->generation = connection->generation;
    job->stream_id = exchange->stream;
    job->deadline_ns = exchange->deadline_ns;
    atomic_store(&job->cancelled, false);
    job->head = io->head;
    job->match = *match;
    for (size_t i = 0; i < match->parameter_count; i++) /* these lie in the request's bytes */
        job->match.parameters[i].data =
            (const uint8_t *)job->data.data + (match->parameters[i].data - data);
    job->received_ns = clock_ns();
    return job;
}

void job_hand_on(struct exchange *exchange, const uint8_t *data, size_t size,
                 const struct route_match *match, enum later later, unsigned changes)
{
    struct connection *connection = exchange->connection;
    struct job *job = job_new(exchange, data, size, match);

    if (!job) {
        answer_shed(exchange, match, "memory", "too many requests are being received");
        return;
    }
    job->body = (struct bytes){(const uint8_t *)job->data.data + exchange->head_size,
                               (size_t)exchange->body_size};
    job->changes = changes;
    exchange->job = job;
    if (!exchange->stream)
        connection->phase = PHASE_JOB;
    if (job_submit(job, later))
        return;
    exchange->job = NULL;
    if (!exchange->stream)
        connection->phase = PHASE_BODY;
    if ((const uint8_t *)job->data.data == data) { /* more requests may lie behind: give it back */
        struct text empty = exchange->in;

        exchange->in = job->data;
        job->data = empty;
        job->buffered = empty.capacity;
    }
    job_recycle(connection->io, job);
    answer_shed(exchange, match, "queue", "too many requests wait");
}

/* The handler reads the body itself, on a control thread. `rest`: bytes behind the head; the socket
 * goes with it unless the body is there already. */
void job_hand_on_stream(struct exchange *exchange, const uint8_t *data, struct bytes rest,
                        const struct route_match *match, bool whole)
{
    struct connection *connection = exchange->connection;
    struct io *io = connection->io;
    bool http1 = exchange->stream == 0;
    struct job *job = job_new(exchange, data, io->head.size, match);
    int pipe = -1;

    if (job && http1)
        job->stream = body_stream_new(connection->watch.fd, connection->tls, &io->head, rest,
                                      &io->server->settings);
    else if (job && (pipe = http2_pipe_body(exchange)) >= 0)
        job->stream = body_stream_of_pipe(pipe, rest, &io->server->settings);
    if (!job || !job->stream) {
        if (pipe >= 0)
            close(pipe);
        if (job)
            job_recycle(io, job);
        answer_shed(exchange, match, "memory", "too many requests are being received");
        connection->closing |= http1;
        connection->linger |= http1;
        return;
    }
    if (!http1 && whole)
        body_stream_complete(job->stream);
    exchange->job = job;
    if (http1)
        connection->phase = PHASE_JOB;
    if (job_submit(job, LATER_CONTROL)) {
        if (http1 && (!whole || connection->tls)) { /* TLS is used by one thread at a time */
            loop_remove(&io->loop, &connection->watch);
            connection->detached = true;
        }
        return;
    }
    exchange->job = NULL;
    if (http1)
        connection->phase = PHASE_BODY;
    job_recycle(io, job);
    answer_shed(exchange, match, "queue", "too many requests wait");
    connection->closing |= http1;
    connection->linger |= http1;
}
