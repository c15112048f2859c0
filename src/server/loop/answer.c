// SPDX-License-Identifier: Apache-2.0
/* Answers: heads, bodies, and those that no route makes. */
#include <stdio.h>
#include <time.h>

#include "server/internal.h"

enum { COPY_BYTES_MAX = 16 << 10 }; /* larger bodies are sent from where they lie */

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
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

void answer_refresh_date(struct io *io)
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

static void write_length(struct text *out, size_t bytes)
{
    char number[24];
    char *p = number + sizeof number;

    *--p = 0;
    do {
        *--p = (char)('0' + bytes % 10);
        bytes /= 10;
    } while (bytes);
    text_append(out, "\r\nContent-Length: ");
    text_append(out, p);
}

/* The head into io->out. The length of the body is said even when it is not sent (HEAD). */
static void write_head(struct io *io, const struct response *response, bool keep_alive, int minor)
{
    struct text *out = &io->out;

    answer_refresh_date(io);
    if (response->status == 200)
        text_append(out, "HTTP/1.1 200 OK\r\n");
    else
        text_printf(out, "HTTP/1.1 %d %s\r\n", response->status, reason_phrase(response->status));
    text_append(out, io->date);
    if (response->status != 204) {
        text_append(out, "Content-Type: ");
        text_append(out, response->content_type);
        if (!response->feed)
            write_length(out, response->body.size);
        else if (minor)
            text_append(out, "\r\nTransfer-Encoding: chunked");
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

bool answer_keeps_alive(const struct io *io, const struct http1_head *head)
{
    return head->keep_alive && !io->draining;
}

/* Head and body into io->out; a large body is left to the caller, who gets it in *tail. */
void answer_write(struct connection *connection, const struct http1_head *head,
                  struct response *response, bool keep_alive, struct bytes *tail)
{
    struct io *io = connection->io;
    struct bytes body = text_bytes(&response->body);

    *tail = (struct bytes){0};
    if (!keep_alive || (response->feed && head->minor == 0))
        connection->closing = true;
    write_head(io, response, !connection->closing, head->minor);
    if (head->method == HTTP_HEAD || response->status == 204)
        return;
    if (response->feed) {
        answer_chunk(io, body, head->minor);
        connection_feed(connection, response->feed, head->minor);
        response->feed = NULL;
        return;
    }
    if (body.size <= COPY_BYTES_MAX)
        text_append_bytes(&io->out, body);
    else
        *tail = body;
}

void answer_chunk(struct io *io, struct bytes piece, bool chunked)
{
    if (piece.size == 0)
        return;
    if (chunked)
        text_printf(&io->out, "%zx\r\n", piece.size);
    text_append_bytes(&io->out, piece);
    if (chunked)
        text_append(&io->out, "\r\n");
}

void answer_now(struct exchange *exchange, const struct http1_head *head, struct response *response,
                bool keep_alive)
{
    struct connection *connection = exchange->connection;
    struct bytes tail;

    if (exchange->stream) {
        http2_answer(exchange, head, response);
        return;
    }
    answer_write(connection, head, response, keep_alive, &tail);
    text_append_bytes(&connection->io->out, tail);
    if (connection->io->out.failed) { /* no memory: nothing of it may go out */
        text_clear(&connection->io->out);
        connection->closing = true;
    }
}

static void plain_error(const struct error *err, struct text *text)
{
    text_append(text, err->text);
}

const struct route_set answer_grpc_errors = {.write_error = plain_error};

static const struct route_set *error_set_of(const struct exchange *exchange,
                                            const struct route_set *set)
{
    return exchange->grpc ? &answer_grpc_errors : set;
}

/* The connection closes after this answer, which must arrive although more may come in. */
static void last_answer(struct exchange *exchange)
{
    if (!exchange->stream)
        exchange->connection->linger = true;
}

void answer_refuse(struct exchange *exchange, int status, const char *why)
{
    struct io *io = exchange->connection->io;
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
    response_error(&io->response, error_set_of(exchange, NULL), &err);
    answer_now(exchange, &head, &io->response, false);
    last_answer(exchange);
}

/* An error as the answer to a request whose route is known or not. */
void answer_error(struct exchange *exchange, const struct route_match *match, int status,
                  const struct error *err, bool keep_alive)
{
    struct io *io = exchange->connection->io;

    response_clear(&io->response);
    io->response.status = status;
    response_error(&io->response, error_set_of(exchange, match->set), err);
    answer_now(exchange, &io->head, &io->response, keep_alive);
    if (!keep_alive)
        last_answer(exchange);
    server_count(io->server, match, io->head.method, io->response.status, 0);
}

void answer_shed(struct exchange *exchange, const struct route_match *match, const char *reason,
                 const char *why)
{
    struct error err = {.status = STATUS_UNAVAILABLE};

    snprintf(err.text, sizeof err.text, "%s", why);
    server_shed(exchange->connection->io->server, reason);
    answer_error(exchange, match, 503, &err,
                 answer_keeps_alive(exchange->connection->io, &exchange->connection->io->head));
}

/* 404, 405 or the answer to OPTIONS. */
void answer_unmatched(struct exchange *exchange, const struct route_match *match, struct bytes path,
                      bool keep_alive)
{
    struct io *io = exchange->connection->io;
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
        response_error(&io->response, match->set, &err);
    } else {
        snprintf(err.text, sizeof err.text, "there is no path %s",
                 text_quote(path, quoted, sizeof quoted));
        response_error(&io->response, match->set, &err);
    }
    if (size)
        response_header(&io->response, "Allow", allowed);
    answer_now(exchange, &io->head, &io->response, keep_alive);
    if (!keep_alive)
        last_answer(exchange);
    server_count(io->server, match, io->head.method, io->response.status, 0);
}
