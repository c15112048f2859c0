// SPDX-License-Identifier: Apache-2.0
/* One request: find its route, run it here or on another thread. */
#include <strings.h>

#include "server/internal.h"

enum { INLINE_GZIP_BYTES_MAX = 2048 }; /* larger packed bodies are unpacked on a compute thread */

static enum status prepare(struct request *request, struct error *err)
{
    struct server *server = request->server;

    if (request->deadline_ns && clock_ns() > request->deadline_ns)
        return error_set(err, STATUS_DEADLINE, "the deadline of the request has passed");
    for (size_t i = 0; i < request->match.parameter_count; i++)
        TRY(percent_decode(request->match.parameters[i], &request->parameters[i],
                           request_arena(request), err));
    if (request->head->encoding != HTTP1_GZIP || !request->body.size)
        return STATUS_OK;
    return encoding_unpack(request->body, (size_t)server->settings.body_bytes_max, &request->body,
                           request_arena(request), err);
}

void exchange_run(struct request *request, struct response *response)
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
        response_error(response,
                       route->flags & ROUTE_GRPC ? &answer_grpc_errors : request->match.set, &err);
    if (request->head->accept_gzip && encoding_worth(response, &request->server->settings))
        encoding_pack(response);
}

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
static bool is_foreign(const struct connection *connection, const uint8_t *data,
                       const struct route *route)
{
    const struct io *io = connection->io;
    struct bytes origin, host = http1_bytes(data, io->head.host);

    if (route->method == HTTP_GET || !http1_find(&io->head, data, "origin", &origin))
        return false;
    /* a name that is made to lead here has no certificate */
    if (!connection->tls && io->server->listeners[0].loopback && !io->server->settings.any_host &&
        !is_local_name(host))
        return true;
    if (origin.size > 7 && !strncasecmp((const char *)origin.data, "http://", 7))
        origin = (struct bytes){origin.data + 7, origin.size - 7};
    else if (origin.size > 8 && !strncasecmp((const char *)origin.data, "https://", 8))
        origin = (struct bytes){origin.data + 8, origin.size - 8};
    return !bytes_equal(origin, host);
}

/* What forbids this request, whatever its body: the status, or 0. */
static int objection(const struct exchange *exchange, const uint8_t *data,
                     const struct route_match *match, struct error *err)
{
    const struct io *io = exchange->connection->io;
    const struct settings *settings = &io->server->settings;
    bool stream = match->route->flags & ROUTE_STREAM;
    int64_t limit = stream ? settings->upload_bytes_max : settings->body_bytes_max;
    bool changes = match->route->flags & (ROUTE_STREAM | ROUTE_CONTROL | ROUTE_CHANGES);

    if (match->route->flags & ROUTE_GRPC && !exchange->grpc) {
        (void)!error_set(err, STATUS_INVALID_INPUT,
                         "a method of gRPC is called with application/grpc over HTTP/2");
        return 415;
    }
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
    if (changes && is_foreign(exchange->connection, data, match->route)) {
        (void)!error_set(err, STATUS_INVALID_INPUT, "this request came from a foreign page");
        return 403;
    }
    return 0;
}

/* Find the route of io->head. False: there is none for it, or something forbids it; answered. */
static bool find_route(struct exchange *exchange, const uint8_t *data, bool keep_alive,
                       struct route_match *match)
{
    struct io *io = exchange->connection->io;
    struct bytes path = http1_bytes(data, io->head.path);
    struct error err;
    int status;

    router_find(io->server->router, io->head.method, path, match);
    if (exchange->grpc && (!match->route || !(match->route->flags & ROUTE_GRPC))) {
        char quoted[TEXT_QUOTE_SIZE];

        *match = (struct route_match){0};
        (void)!error_set(&err, STATUS_UNSUPPORTED, "there is no method %s",
                         text_quote(path, quoted, sizeof quoted));
        answer_error(exchange, match, 404, &err, keep_alive);
        return false;
    }
    if (!match->route) {
        answer_unmatched(exchange, match, path, keep_alive);
        return false;
    }
    status = objection(exchange, data, match, &err);
    if (status)
        answer_error(exchange, match, status, &err, keep_alive);
    return status == 0;
}

bool exchange_head(struct exchange *exchange, const uint8_t *data, size_t size)
{
    struct io *io = exchange->connection->io;
    struct route_match match;

    if (!find_route(exchange, data, false, &match))
        return false;
    if (match.route->flags & ROUTE_STREAM) {
        job_hand_on_stream(exchange, data,
                           (struct bytes){data + io->head.size, size - io->head.size}, &match,
                           false);
        return false;
    }
    if (io->head.expect_continue && size == io->head.size && exchange->stream)
        http2_continue(exchange);
    else if (io->head.expect_continue && size == io->head.size)
        text_append(&io->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return true;
}

void exchange_request(struct exchange *exchange, const uint8_t *data, size_t used)
{
    struct io *io = exchange->connection->io;
    struct request request = {
        .server = io->server,
        .executor = &io->executor,
        .head = &io->head,
        .data = data,
        .body = {data + exchange->head_size, (size_t)exchange->body_size},
        .deadline_ns = exchange->deadline_ns,
    };
    bool keep_alive = answer_keeps_alive(io, &io->head);
    unsigned changes = atomic_load(&io->server->changes);
    enum later later = LATER_NO;

    if (!find_route(exchange, data, keep_alive, &request.match))
        return;
    if (request.match.route->flags & ROUTE_STREAM) {
        job_hand_on_stream(exchange, data, request.body, &request.match, true);
        return;
    }
    request.received_ns = clock_ns();
    if (request.match.route->flags & ROUTE_CONTROL)
        later = LATER_CONTROL;
    else if (io->head.encoding == HTTP1_GZIP && request.body.size > INLINE_GZIP_BYTES_MAX)
        later = LATER_COMPUTE;
    else {
        exchange_run(&request, &io->response);
        later = request.later;
    }
    if (later == LATER_NO) {
        answer_now(exchange, &io->head, &io->response, keep_alive);
        server_count(io->server, &request.match, io->head.method, io->response.status,
                     clock_ns() - request.received_ns);
    } else {
        job_hand_on(exchange, data, used, &request.match, later, changes);
    }
    executor_reset(&io->executor);
}
