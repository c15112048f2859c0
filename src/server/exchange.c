// SPDX-License-Identifier: Apache-2.0
/* One request and its answer: find the route, run it here or on another thread, write the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "server/internal.h"

enum {
    INLINE_GZIP_BYTES_MAX = 2048, /* larger packed bodies are unpacked on a compute thread */
    COPY_BYTES_MAX = 16 << 10,    /* larger answers are sent from where they lie */
    FREE_JOBS_MAX = 64,
    JOB_BYTES_KEPT = 64 << 10,
    PARKED_MAX = 4096,
};

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

/* --- writing answers --- */

static void refresh_date(struct io *io)
{
    uint64_t second = io->loop.now_ms / 1000;
    time_t now;
    struct tm parts;

    if (io->date[0] && io->date_second == second)
        return;
    now = time(NULL);
    io->date_second = second;
    strftime(io->date, sizeof io->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
             gmtime_r(&now, &parts));
}

/* The head into io->out. `body_bytes` is said even when the body is not sent (HEAD). */
static void write_head(struct io *io, const struct response *response, bool keep_alive, int minor,
                       size_t body_bytes)
{
    struct text *out = &io->out;

    refresh_date(io);
    if (response->status == 200)
        text_append(out, "HTTP/1.1 200 OK\r\n");
    else
        text_printf(out, "HTTP/1.1 %d %s\r\n", response->status, reason_phrase(response->status));
    text_append(out, io->date);
    if (response->status != 204) {
        char number[24];
        char *p = number + sizeof number;

        *--p = 0;
        do {
            *--p = (char)('0' + body_bytes % 10);
            body_bytes /= 10;
        } while (body_bytes);
        text_append(out, "Content-Type: ");
        text_append(out, response->content_type);
        text_append(out, "\r\nContent-Length: ");
        text_append(out, p);
        text_append(out, "\r\n");
    }
    if (response->compressed)
        text_append(out, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
    if (response->headers.size)
        text_append_bytes(out, text_bytes(&response->headers));
    if (!keep_alive)
        text_append(out, "Connection: close\r\n");
    else if (minor == 0)
        text_append(out, "Connection: keep-alive\r\n");
    text_append(out, "\r\n");
}

static bool keeps_alive(const struct io *io, const struct http1_head *head)
{
    return head->keep_alive && !io->draining;
}

/* Head and body into io->out; a large body is left to the caller, who gets it in *tail. */
static void write_answer(struct connection *connection, const struct http1_head *head,
                         const struct response *response, bool keep_alive, struct bytes *tail)
{
    struct io *io = connection->io;
    struct bytes body = text_bytes(&response->body);

    *tail = (struct bytes){0};
    if (!keep_alive)
        connection->closing = true;
    write_head(io, response, keep_alive, head->minor, body.size);
    if (head->method == HTTP_HEAD || response->status == 204 || body.size == 0)
        return;
    if (body.size <= COPY_BYTES_MAX)
        text_append_bytes(&io->out, body);
    else
        *tail = body;
}

/* As write_answer, for answers that are made here and now. */
static void answer(struct connection *connection, const struct http1_head *head,
                   const struct response *response, bool keep_alive)
{
    struct bytes tail;

    write_answer(connection, head, response, keep_alive, &tail);
    text_append_bytes(&connection->io->out, tail);
    if (connection->io->out.failed) { /* no memory: nothing of it may go out */
        text_clear(&connection->io->out);
        connection->closing = true;
    }
}

void exchange_refuse(struct connection *connection, int status, const char *why)
{
    struct io *io = connection->io;
    struct http1_head head = {.method = HTTP_GET, .minor = 1};
    struct error err = {.status = status == 413 ? STATUS_TOO_LARGE : STATUS_INVALID_INPUT};
    char label[16];
    const char *labels[] = {label};

    snprintf(err.text, sizeof err.text, "%s", why);
    snprintf(label, sizeof label, "%d", status);
    series_add(metrics_series(io->server->metrics, METRIC_refused_total, labels), 1);
    response_clear(&io->response);
    if (status >= 500)
        err.status = status == 503 ? STATUS_UNAVAILABLE : STATUS_UNSUPPORTED;
    io->response.status = status;
    response_error(&io->response, NULL, &err);
    answer(connection, &head, &io->response, false);
    connection->linger = true;
}

/* An error as the answer to a request whose route is known or not. */
static void answer_error(struct connection *connection, const struct route_match *match, int status,
                         const struct error *err, bool keep_alive)
{
    struct io *io = connection->io;

    response_clear(&io->response);
    io->response.status = status;
    response_error(&io->response, match->set, err);
    answer(connection, &io->head, &io->response, keep_alive);
    connection->linger |= !keep_alive;
    server_count(io->server, match, io->head.method, io->response.status, 0);
}

static void shed(struct connection *connection, const struct route_match *match, const char *reason,
                 const char *why)
{
    struct error err = {.status = STATUS_UNAVAILABLE};

    snprintf(err.text, sizeof err.text, "%s", why);
    server_shed(connection->io->server, reason);
    answer_error(connection, match, 503, &err, keeps_alive(connection->io, &connection->io->head));
}

/* 404, 405 or the answer to OPTIONS. */
static void answer_unmatched(struct connection *connection, const struct route_match *match,
                             struct bytes path, bool keep_alive)
{
    struct io *io = connection->io;
    struct error err = {.status = STATUS_NOT_FOUND};
    char allowed[128] = "", quoted[TEXT_QUOTE_SIZE];
    size_t size = 0;
    bool options = io->head.method == HTTP_OPTIONS && (match->allowed || bytes_is(path, "*"));

    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if (match->allowed >> m & 1)
            size += (size_t)snprintf(allowed + size, sizeof allowed - size, "%s%s",
                                     size ? ", " : "", http_method_name((enum http_method)m));
    response_clear(&io->response);
    if (options) {
        io->response.status = 204;
    } else if (match->allowed) {
        err.status = STATUS_INVALID_INPUT;
        snprintf(err.text, sizeof err.text, "method %s is not for this path",
                 http_method_name(io->head.method));
        io->response.status = 405;
        response_error(&io->response, NULL, &err);
    } else {
        snprintf(err.text, sizeof err.text, "there is no path %s",
                 text_quote(path, quoted, sizeof quoted));
        response_error(&io->response, NULL, &err);
    }
    if (size)
        response_header(&io->response, "Allow", allowed);
    answer(connection, &io->head, &io->response, keep_alive);
    connection->linger |= !keep_alive;
    server_count(io->server, match, io->head.method, io->response.status, 0);
}

/* --- running a route --- */

static enum status prepare(struct request *request, struct error *err)
{
    struct server *server = request->server;

    for (size_t i = 0; i < request->match.parameter_count; i++)
        TRY(percent_decode(request->match.parameters[i], &request->parameters[i],
                           request_arena(request), err));
    if (request->head->encoding != HTTP1_GZIP || !request->body.size)
        return STATUS_OK;
    return encoding_unpack(request->body, (size_t)server->settings.body_bytes_max, &request->body,
                           request_arena(request), err);
}

static void run_route(struct request *request, struct response *response)
{
    const struct route *route = request->match.route;
    struct error err = {0};
    enum status status;

    response_clear(response);
    response->body.limit = (size_t)request->server->settings.answer_bytes_max;
    status = prepare(request, &err);
    if (status == STATUS_OK)
        status = route->handle(request, response, &err);
    if (request->later != LATER_NO)
        return;
    if (status == STATUS_OK)
        status = text_check(&response->body, &err);
    if (status == STATUS_OK)
        status = text_check(&response->headers, &err);
    if (status != STATUS_OK)
        response_error(response, request->match.set, &err);
    if (request->head->accept_gzip && encoding_worth(response, &request->server->settings))
        encoding_pack(response);
}

/* --- jobs --- */

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

static void job_answered(struct task *task)
{
    struct job *job = of_answered(task);
    struct io *io = job->io;
    struct connection *connection = io_connection(io, job->slot, job->generation);
    uint64_t elapsed = clock_ns() - job->received_ns;
    struct bytes tail;

    if (!connection) {
        series_add(io->server->dropped, 1);
        job_recycle(io, job);
        return;
    }
    server_count(io->server, &job->match, job->head.method, job->response.status, elapsed);
    write_answer(connection, &job->head, &job->response,
                 keeps_alive(io, &job->head) && (!job->stream || body_stream_ended(job->stream)),
                 &tail);
    if (job->stream) {
        struct bytes rest = body_stream_rest(job->stream);

        connection->linger |= connection->closing;
        /* bytes that came after the body go before what the connection has (nothing: it was
         * detached, or the request was whole) */
        if (rest.size && !connection->in.size)
            text_append_bytes(&connection->in, rest);
        if (rest.size)
            server_buffer(io->server, connection->in.capacity);
    }
    connection_answered(connection, tail);
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
        return pool_submit(later == LATER_CONTROL ? server->control : server->compute, &job->work);
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
    response_error(&job->response, job->match.set, &err);
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
    };
    bool late =
        clock_ns() - job->received_ns > (uint64_t)server->settings.request_timeout_ms * 1000000;

    job->changes = atomic_load(&server->changes);
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
        response_clear(&job->response);
    } else if (late && !job->stream) {
        job_fail(job, 504, STATUS_UNAVAILABLE, "the request waited longer than request_timeout_ms");
    } else {
        run_route(&request, &job->response);
        if (request.later != LATER_NO) {
            if (job_submit(job, request.later))
                return;
            server_shed(server, "queue");
            job_fail(job, 503, STATUS_UNAVAILABLE, "too many requests wait");
        }
    }
    loop_post(&job->io->loop, &job->answered);
}

void exchange_unpark(struct server *server)
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
static struct job *job_new(struct connection *connection, const uint8_t *data, size_t size,
                           const struct route_match *match)
{
    struct io *io = connection->io;
    struct job *job = job_take(io);

    if (!job)
        return NULL;
    if (connection->in.data && (const uint8_t *)connection->in.data == data) {
        text_release(&job->data);
        job->data = connection->in;
        job->buffered = job->data.capacity; /* counted already */
        connection->in = (struct text){0};
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
    atomic_store(&job->cancelled, false);
    job->head = io->head;
    job->match = *match;
    for (size_t i = 0; i < match->parameter_count; i++) /* these lie in the request's bytes */
        job->match.parameters[i].data =
            (const uint8_t *)job->data.data + (match->parameters[i].data - data);
    job->received_ns = clock_ns();
    return job;
}

static void hand_on(struct connection *connection, const uint8_t *data, size_t size,
                    const struct route_match *match, enum later later, unsigned changes)
{
    struct job *job = job_new(connection, data, size, match);

    if (!job) {
        shed(connection, match, "memory", "too many requests are being received");
        return;
    }
    job->body = (struct bytes){(const uint8_t *)job->data.data + connection->head_size,
                               (size_t)connection->body_size};
    job->changes = changes;
    connection->job = job;
    connection->phase = PHASE_JOB;
    if (job_submit(job, later))
        return;
    connection->job = NULL;
    connection->phase = PHASE_BODY;
    if ((const uint8_t *)job->data.data == data) { /* more requests may lie behind: give it back */
        connection->in = job->data;
        job->data = (struct text){0};
        job->buffered = 0;
    }
    job_recycle(connection->io, job);
    shed(connection, match, "queue", "too many requests wait");
}

/* The handler reads the body itself, on a control thread. `rest`: bytes behind the head; the socket
 * goes with it unless the body is there already. */
static void hand_on_stream(struct connection *connection, const uint8_t *data, struct bytes rest,
                           const struct route_match *match, bool whole)
{
    struct io *io = connection->io;
    struct job *job = job_new(connection, data, io->head.size, match);

    if (job)
        job->stream = body_stream_new(connection->watch.fd, &io->head, rest, &io->server->settings);
    if (!job || !job->stream) {
        if (job)
            job_recycle(io, job);
        shed(connection, match, "memory", "too many requests are being received");
        connection->closing = connection->linger = true;
        return;
    }
    connection->job = job;
    connection->phase = PHASE_JOB;
    if (job_submit(job, LATER_CONTROL)) {
        if (!whole) {
            loop_remove(&io->loop, &connection->watch);
            connection->detached = true;
        }
        return;
    }
    connection->job = NULL;
    connection->phase = PHASE_BODY;
    job_recycle(io, job);
    shed(connection, match, "queue", "too many requests wait");
    connection->closing = connection->linger = true;
}

/* --- requests --- */

/* Is the host an address or localhost, with a port or without? No other name leads to the loopback
 * address, unless its owner makes it do so to borrow a visitor's browser (DNS rebinding). */
static bool is_local_name(struct bytes host)
{
    size_t size = 0;

    if (host.size && host.data[0] == '[')
        return true;
    while (size < host.size && host.data[size] != ':')
        size++;
    if (size == 9 && !strncasecmp((const char *)host.data, "localhost", 9))
        return true;
    for (size_t i = 0; i < size; i++)
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    return size > 0;
}

/* A browser names the page that sends a changing request; only our own pages may. */
static bool is_foreign(const struct io *io, const uint8_t *data, const struct route *route)
{
    struct bytes origin, host = http1_bytes(data, io->head.host);

    if (route->method == HTTP_GET || !http1_find(&io->head, data, "origin", &origin))
        return false;
    if (io->server->loopback && !io->server->settings.any_host && !is_local_name(host))
        return true;
    if (origin.size > 7 && !strncasecmp((const char *)origin.data, "http://", 7))
        origin = (struct bytes){origin.data + 7, origin.size - 7};
    else if (origin.size > 8 && !strncasecmp((const char *)origin.data, "https://", 8))
        origin = (struct bytes){origin.data + 8, origin.size - 8};
    return !bytes_equal(origin, host);
}

/* What forbids this request, whatever its body: the status, or 0. */
static int objection(const struct io *io, const uint8_t *data, const struct route_match *match,
                     struct error *err)
{
    const struct settings *settings = &io->server->settings;
    bool stream = match->route->flags & ROUTE_STREAM;
    int64_t limit = stream ? settings->upload_bytes_max : settings->body_bytes_max;
    bool changes = match->route->flags & (ROUTE_STREAM | ROUTE_CONTROL);

    if (io->head.content_length > limit) {
        (void)!error_set(err, STATUS_TOO_LARGE, "request body has %lld bytes, more than %s = %lld",
                         (long long)io->head.content_length,
                         stream ? "upload_bytes_max" : "body_bytes_max", (long long)limit);
        return 413;
    }
    if (io->head.encoding == HTTP1_ENCODING_OTHER || (io->head.encoding == HTTP1_GZIP && stream)) {
        (void)!error_set(err, STATUS_INVALID_INPUT, "Content-Encoding is %s",
                         stream ? "not known with uploads" : "known with gzip only");
        return 415;
    }
    if (changes && is_foreign(io, data, match->route)) {
        (void)!error_set(err, STATUS_INVALID_INPUT, "this request came from a foreign page");
        return 403;
    }
    return 0;
}

bool exchange_head(struct connection *connection, const uint8_t *data, size_t size)
{
    struct io *io = connection->io;
    struct bytes path = http1_bytes(data, io->head.path);
    struct route_match match;
    struct error err;
    int status;

    router_find(io->server->router, io->head.method, path, &match);
    if (!match.route) {
        answer_unmatched(connection, &match, path, false);
        return false;
    }
    status = objection(io, data, &match, &err);
    if (status) {
        answer_error(connection, &match, status, &err, false);
        return false;
    }
    if (match.route->flags & ROUTE_STREAM) {
        hand_on_stream(connection, data, (struct bytes){data + io->head.size, size - io->head.size},
                       &match, false);
        return false;
    }
    if (io->head.expect_continue && size == io->head.size)
        text_append(&io->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return true;
}

void exchange_request(struct connection *connection, const uint8_t *data, size_t used)
{
    struct io *io = connection->io;
    struct bytes path = http1_bytes(data, io->head.path);
    struct request request = {
        .server = io->server,
        .executor = &io->executor,
        .head = &io->head,
        .data = data,
        .body = {data + connection->head_size, (size_t)connection->body_size},
    };
    bool keep_alive = keeps_alive(io, &io->head);
    unsigned changes = atomic_load(&io->server->changes);
    enum later later = LATER_NO;
    struct error err;
    int status;

    router_find(io->server->router, io->head.method, path, &request.match);
    if (!request.match.route) {
        answer_unmatched(connection, &request.match, path, keep_alive);
        return;
    }
    status = objection(io, data, &request.match, &err);
    if (status) {
        answer_error(connection, &request.match, status, &err, keep_alive);
        return;
    }
    if (request.match.route->flags & ROUTE_STREAM) {
        hand_on_stream(connection, data, request.body, &request.match, true);
        return;
    }
    request.received_ns = clock_ns();
    if (request.match.route->flags & ROUTE_CONTROL)
        later = LATER_CONTROL;
    else if (io->head.encoding == HTTP1_GZIP && request.body.size > INLINE_GZIP_BYTES_MAX)
        later = LATER_COMPUTE;
    else {
        run_route(&request, &io->response);
        later = request.later;
    }
    if (later == LATER_NO) {
        answer(connection, &io->head, &io->response, keep_alive);
        server_count(io->server, &request.match, io->head.method, io->response.status,
                     clock_ns() - request.received_ns);
    } else {
        hand_on(connection, data, used, &request.match, later, changes);
    }
    executor_reset(&io->executor);
}
