// SPDX-License-Identifier: Apache-2.0
/* What comes in on a stream: a head, gathered as HTTP/1.1 would have it so that one parser judges
 * both, and a body; of gRPC, messages. */
#include <stdio.h>

#include "server/http/http2.h"

enum { DROPPED_BYTES_MAX = 1 << 20 }; /* then a client that was answered is stopped */

static bool keep(struct stream *stream, struct text *text, struct bytes bytes)
{
    return connection_append(stream->exchange.connection, text, bytes);
}

void stream_refuse(struct stream *stream, int status, enum status kind, const char *why)
{
    struct io *io = stream->exchange.connection->io;
    struct error err = {.status = kind};
    char label[16];
    const char *labels[] = {label};

    snprintf(err.text, sizeof err.text, "%s", why);
    snprintf(label, sizeof label, "%d", status);
    series_add(metrics_series(io->server->metrics, METRIC_refused_total, labels), 1);
    response_clear(&io->response);
    io->response.status = status;
    response_error(&io->response, stream->exchange.grpc ? &answer_grpc_errors : NULL, &err);
    io->head.method = HTTP_GET;
    http2_answer(&stream->exchange, &io->head, &io->response);
}

static void refuse(struct stream *stream, const struct error *err)
{
    stream_refuse(stream, status_http(err->status), err->status, err->text);
}

/* --- the head --- */

static struct bytes bytes_of_name(nghttp2_rcbuf *buffer)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);

    return (struct bytes){vec.base, vec.len};
}

static void add(struct stream *stream, struct bytes bytes)
{
    const struct settings *settings = &stream->exchange.connection->io->server->settings;
    struct text *in = &stream->exchange.in;

    if (stream->refused)
        return;
    if (in->size + bytes.size > (size_t)settings->head_bytes_max) {
        stream->refused = 431;
        stream->why = "request head is too large";
    } else if (!keep(stream, in, bytes)) {
        stream->refused = 503;
        stream->why = "too many requests are being received";
    }
}

static void add_field(struct stream *stream, struct bytes name, struct bytes value)
{
    /* nghttp2 refuses these too; a line that is made of them must be one line */
    if (memchr(value.data, '\n', value.size) || memchr(value.data, '\r', value.size)) {
        stream->refused = 400;
        stream->why = "a header value has a control character";
    }
    add(stream, name);
    add(stream, bytes_of(": "));
    add(stream, value);
    add(stream, bytes_of("\r\n"));
}

/* The request line, and the host. nghttp2 has seen that method and path are there. */
static void begin(struct stream *stream)
{
    if (stream->begun)
        return;
    stream->begun = true;
    if (!stream->method || !stream->path)
        return;
    add(stream, bytes_of_name(stream->method));
    add(stream, bytes_of(" "));
    add(stream, bytes_of_name(stream->path));
    add(stream, bytes_of(" HTTP/1.1\r\n"));
    if (stream->authority)
        add_field(stream, bytes_of("host"), bytes_of_name(stream->authority));
}

int stream_header(struct stream *stream, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    struct bytes key = bytes_of_name(name);
    nghttp2_rcbuf **slot = bytes_is(key, ":method")      ? &stream->method
                           : bytes_is(key, ":path")      ? &stream->path
                           : bytes_is(key, ":authority") ? &stream->authority
                                                         : NULL;

    if (slot && !*slot) {
        nghttp2_rcbuf_incref(value);
        *slot = value;
    }
    if (stream->refused || key.size == 0 || key.data[0] == ':')
        return 0;
    begin(stream);
    /* the host may be said twice, when it is the same */
    if (stream->authority && bytes_is(key, "host") &&
        bytes_equal(bytes_of_name(value), bytes_of_name(stream->authority)))
        return 0;
    add_field(stream, key, bytes_of_name(value));
    return 0;
}

/* Parse the head again, or for the first time, into io->head. */
static int parse_head(struct stream *stream, const char **why)
{
    struct io *io = stream->exchange.connection->io;
    const struct settings *settings = &io->server->settings;
    struct http1_limits limits = {(size_t)settings->head_bytes_max,
                                  (size_t)settings->target_bytes_max};
    size_t scanned = 0;

    return http1_parse_head(text_bytes(&stream->exchange.in), &scanned, &limits, &io->head, why);
}

/* What gRPC's headers say. */
static bool take_metadata(struct stream *stream, struct error *err)
{
    struct exchange *exchange = &stream->exchange;
    const struct http1_head *head = &exchange->connection->io->head;
    enum grpc_encoding encoding = GRPC_IDENTITY;
    struct bytes value;
    uint64_t timeout;
    char quoted[TEXT_QUOTE_SIZE];

    if (http1_find(head, exchange->in.data, "grpc-encoding", &value))
        encoding = grpc_encoding_of(value);
    if (encoding == GRPC_UNKNOWN)
        return error_set(err, STATUS_UNSUPPORTED, "grpc-encoding is %s, known are identity, gzip",
                         text_quote(value, quoted, sizeof quoted)) == STATUS_OK;
    stream->gzip_in = encoding == GRPC_GZIP;
    /* who packs what it sends wants what it gets packed; the others merely could read it */
    stream->gzip_out = stream->gzip_in &&
                       http1_find(head, exchange->in.data, "grpc-accept-encoding", &value) &&
                       grpc_accepts_gzip(value);
    if (!http1_find(head, exchange->in.data, "grpc-timeout", &value))
        return true;
    if (!grpc_timeout(value, &timeout))
        return error_set(err, STATUS_INVALID_INPUT, "grpc-timeout is malformed: %s",
                         text_quote(value, quoted, sizeof quoted)) == STATUS_OK;
    exchange->deadline_ns = clock_ns() + timeout;
    return true;
}

void stream_head(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    struct io *io = exchange->connection->io;
    struct bytes type;
    struct error err;
    int result = 0;

    stream->state = STREAM_BODY;
    begin(stream);
    add(stream, bytes_of("\r\n"));
    if (!stream->refused)
        result = parse_head(stream, &stream->why);
    if (result != HTTP1_DONE) {
        answer_refuse(exchange,
                      stream->refused ? stream->refused
                      : result        ? result
                                      : 400,
                      stream->why ? stream->why : "request head is malformed");
        return;
    }
    exchange->head_size = io->head.size;
    exchange->grpc = io->head.method == HTTP_POST &&
                     http1_find(&io->head, exchange->in.data, "content-type", &type) &&
                     grpc_is_content_type(type);
    if (exchange->grpc && !take_metadata(stream, &err)) {
        refuse(stream, &err);
        return;
    }
    if (exchange->grpc)
        io->head.encoding = HTTP1_IDENTITY;
    if (!stream->ended)
        (void)exchange_head(exchange, (const uint8_t *)exchange->in.data, exchange->in.size);
}

/* --- bodies --- */

static bool is_too_large(const struct stream *stream)
{
    const struct exchange *exchange = &stream->exchange;

    return exchange->in.size - exchange->head_size >
           (uint64_t)exchange->connection->io->server->settings.body_bytes_max;
}

/* The first message is there: the call may run. */
static void run_call(struct stream *stream, const struct grpc_message *message)
{
    struct exchange *exchange = &stream->exchange;
    struct io *io = exchange->connection->io;
    const char *why;

    (void)parse_head(stream, &why); /* the same bytes: it cannot fail */
    io->head.encoding = message->packed ? HTTP1_GZIP : HTTP1_IDENTITY;
    io->head.accept_gzip = stream->gzip_out;
    exchange->head_size = (uint32_t)(message->bytes.data - (const uint8_t *)exchange->in.data);
    exchange->body_size = message->bytes.size;
    stream->state = STREAM_MORE;
    exchange_request(exchange, (const uint8_t *)exchange->in.data, exchange->in.size);
}

static void take_first(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    size_t limit = (size_t)exchange->connection->io->server->settings.body_bytes_max;
    struct bytes data = {(const uint8_t *)exchange->in.data + exchange->head_size,
                         exchange->in.size - exchange->head_size};
    struct grpc_message message;
    struct error err;
    bool whole;

    if (grpc_next(&data, limit, &message, &whole, &err)) {
        refuse(stream, &err);
        return;
    }
    if (!whole)
        return;
    if (message.packed && !stream->gzip_in) {
        stream_refuse(stream, 400, STATUS_INVALID_INPUT,
                      "a message is packed, and no grpc-encoding says how");
    } else if (data.size && !keep(stream, &stream->later, data)) {
        stream_refuse(stream, 503, STATUS_UNAVAILABLE, "too many requests are being received");
    } else {
        exchange->in.size -= data.size;
        run_call(stream, &message);
    }
}

static void take_body(struct stream *stream, struct bytes data)
{
    struct exchange *exchange = &stream->exchange;

    nghttp2_session_consume(stream->http2->session, exchange->stream, data.size);
    if (!keep(stream, &exchange->in, data))
        stream_refuse(stream, 503, STATUS_UNAVAILABLE, "too many requests are being received");
    else if (exchange->grpc)
        take_first(stream);
    else if (is_too_large(stream))
        stream_refuse(stream, 413, STATUS_TOO_LARGE, "request body is larger than body_bytes_max");
}

/* A further message; until the call has its feed, the window stays closed for it. */
static void take_more(struct stream *stream, struct bytes data)
{
    nghttp2_session *session = stream->http2->session;
    int32_t id = stream->exchange.stream;

    if (stream->answered)
        nghttp2_session_consume(session, id, data.size);
    else
        nghttp2_session_consume_connection(session, data.size);
    if (!keep(stream, &stream->later, data)) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
        return;
    }
    if (stream->answered)
        stream_deliver(stream);
    else
        stream->held += data.size;
}

void stream_stop_client(struct stream *stream)
{
    stream->said = false;
    nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->exchange.stream,
                              NGHTTP2_NO_ERROR);
}

void stream_data(struct stream *stream, struct bytes data)
{
    switch (stream->state) {
    case STREAM_BODY:
        take_body(stream, data);
        break;
    case STREAM_PIPE:
        pipe_data(stream, data);
        break;
    case STREAM_MORE:
        take_more(stream, data);
        break;
    default:
        nghttp2_session_consume(stream->http2->session, stream->exchange.stream, data.size);
        stream->dropped += data.size;
        if (stream->said && stream->dropped > DROPPED_BYTES_MAX)
            stream_stop_client(stream);
    }
}

static void run_request(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    const char *why;

    (void)parse_head(stream, &why); /* the same bytes: it cannot fail */
    exchange->body_size = exchange->in.size - exchange->head_size;
    stream->state = STREAM_DROP;
    exchange_request(exchange, (const uint8_t *)exchange->in.data, exchange->in.size);
    if (stream->state == STREAM_PIPE)
        pipe_end(stream);
}

void stream_end(struct stream *stream)
{
    switch (stream->state) {
    case STREAM_BODY:
        if (!stream->exchange.grpc)
            run_request(stream);
        else
            stream_refuse(stream, 400, STATUS_INVALID_INPUT, "the call ended within a message");
        break;
    case STREAM_PIPE:
        pipe_end(stream);
        break;
    case STREAM_MORE:
        stream_deliver(stream);
        break;
    default:
        break;
    }
}

/* --- further messages --- */

static enum status deliver_all(struct stream *stream, struct feed *feed, struct error *err)
{
    struct exchange *exchange = &stream->exchange;
    struct io *io = exchange->connection->io;
    size_t limit = (size_t)io->server->settings.body_bytes_max;
    struct bytes data = text_bytes(&stream->later);
    bool whole = true;

    while (whole) {
        struct grpc_message message;

        TRY(grpc_next(&data, limit, &message, &whole, err));
        if (!whole)
            break;
        if (message.packed && !stream->gzip_in)
            return error_set(err, STATUS_INVALID_INPUT,
                             "a message is packed, and no grpc-encoding says how");
        if (message.packed)
            TRY(encoding_unpack(message.bytes, limit, &message.bytes, &io->executor.arena, err));
        feed->class->received(feed, message.bytes);
        executor_reset(&io->executor);
    }
    if (data.size)
        memmove(stream->later.data, data.data, data.size);
    stream->later.size = data.size;
    if (!stream->ended)
        return STATUS_OK;
    if (data.size)
        return error_set(err, STATUS_INVALID_INPUT, "the call ended within a message");
    feed->class->received(feed, (struct bytes){NULL, 0});
    return STATUS_OK;
}

void stream_deliver(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    struct feed *feed = exchange->feeding.feed;
    struct error err;

    if (!stream->answered)
        return; /* the call runs: when it has its answer */
    if (stream->held)
        nghttp2_session_consume_stream(stream->http2->session, exchange->stream, stream->held);
    stream->held = 0;
    if (!feed || !feed->class->received) {
        connection_unbuffer(exchange->connection, &stream->later);
        stream->state = STREAM_DROP;
        return;
    }
    if (stream->later.size || stream->ended)
        if (deliver_all(stream, feed, &err)) {
            stream->status = status_grpc(err.status);
            feeding_stop(exchange->connection->io, &exchange->feeding);
            stream->state = STREAM_DROP;
        }
    http2_resume(stream);
}
