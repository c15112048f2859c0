// SPDX-License-Identifier: Apache-2.0
/* Answers on streams: fields, data as the client's windows let it go, gRPC's trailers. */
#include <stdio.h>

#include "server/http/http2.h"

enum { FIELDS_MAX = 32, NAMES_SIZE = 1024, BODY_BYTES_FREE = 64 << 10 };

/* --- data --- */

static size_t left(const struct stream *stream)
{
    return stream->frame_size + stream->body.size - stream->sent;
}

bool stream_sending(const struct stream *stream)
{
    return stream->answered && left(stream) > 0;
}

/* Large bodies that wait for a client's window count in the server's budget. */
static bool count_body(struct stream *stream)
{
    struct server *server = stream->exchange.connection->io->server;
    size_t bytes = stream->body.capacity > BODY_BYTES_FREE ? stream->body.capacity : 0;

    if (bytes == stream->counted)
        return true;
    server_unbuffer(server, stream->counted);
    stream->counted = 0;
    if (!server_buffer(server, bytes))
        return false;
    stream->counted = bytes;
    return true;
}

/* A feed that ends before its end. */
static void stop_feed(struct stream *stream, int status)
{
    feeding_stop(stream->exchange.connection->io, &stream->exchange.feeding);
    stream->status = status;
    text_clear(&stream->body);
    stream->frame_size = stream->sent = 0;
}

/* The next piece of the feed; false: nothing now. */
static bool next_piece(struct stream *stream)
{
    struct exchange *exchange = &stream->exchange;
    struct io *io = exchange->connection->io;
    enum feed_state state;

    stream->sent = stream->frame_size = 0;
    stream->began_ms = io->loop.now_ms;
    if (exchange->deadline_ns && clock_ns() > exchange->deadline_ns) {
        stop_feed(stream, status_grpc(STATUS_DEADLINE));
        return true;
    }
    state = feeding_next(io, &exchange->feeding, &stream->body);
    if (stream->body.failed || !count_body(stream)) {
        stop_feed(stream, status_grpc(STATUS_NO_MEMORY));
        return true;
    }
    if (exchange->grpc && (state == FEED_MORE || stream->body.size)) {
        grpc_frame(stream->frame, stream->body.size, false);
        stream->frame_size = GRPC_FRAME;
    }
    if (state >= FEED_END) {
        feeding_stop(io, &exchange->feeding);
        stream->status = io->draining        ? status_grpc(STATUS_UNAVAILABLE)
                         : state == FEED_CUT ? status_grpc(STATUS_INTERNAL)
                                             : 0;
        stream->cut = state == FEED_CUT && !exchange->grpc;
        return true;
    }
    return left(stream) > 0;
}

static void say_trailers(struct stream *stream)
{
    char number[8];
    int size = snprintf(number, sizeof number, "%d", stream->status);
    nghttp2_nv field = {(uint8_t *)"grpc-status", (uint8_t *)number, 11, (size_t)size,
                        NGHTTP2_NV_FLAG_NO_COPY_NAME};

    nghttp2_submit_trailer(stream->http2->session, stream->exchange.stream, &field, 1);
}

static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct stream *stream = source->ptr;
    size_t size;

    (void)session;
    (void)id;
    (void)buffer;
    (void)context;
    if (left(stream) == 0 && stream->exchange.feeding.feed && !next_piece(stream)) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (stream->cut && left(stream) == 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM instead of an end */
    size = left(stream) < length ? left(stream) : length;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left(stream) && !stream->exchange.feeding.feed && !stream->cut) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->exchange.grpc) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            say_trailers(stream);
        }
    }
    return (ssize_t)size;
}

int http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                    size_t size, nghttp2_data_source *source, void *context)
{
    struct http2 *http2 = context;
    struct stream *stream = source->ptr;
    struct text *out = &http2->connection->io->out;
    size_t at;

    (void)session;
    (void)frame; /* we pad nothing */
    if (out->size >= OUT_BYTES_MAX) {
        http2->full = true;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    text_append_bytes(out, (struct bytes){head, 9});
    if (stream->sent < stream->frame_size) {
        size_t rest = stream->frame_size - stream->sent;

        rest = rest < size ? rest : size;
        text_append_bytes(out, (struct bytes){stream->frame + stream->sent, rest});
        stream->sent += rest;
        size -= rest;
    }
    at = stream->sent - stream->frame_size;
    if (size)
        text_append_bytes(out, (struct bytes){(const uint8_t *)stream->body.data + at, size});
    stream->sent += size;
    return 0;
}

void http2_resume(struct stream *stream)
{
    if (stream->deferred)
        nghttp2_session_resume_data(stream->http2->session, stream->exchange.stream);
    stream->deferred = false;
    http2_flush_later(stream->http2);
}

static void wake(struct feeding *feeding)
{
    struct stream *stream = (struct stream *)((char *)feeding - offsetof(struct exchange, feeding));

    if (stream->deferred)
        http2_resume(stream);
}

/* --- fields --- */

struct fields {
    nghttp2_nv list[FIELDS_MAX];
    size_t count;
    char names[NAMES_SIZE]; /* of the response's own headers, in lower case */
    size_t used;
};

static void add(struct fields *fields, const char *name, size_t name_size, struct bytes value)
{
    if (fields->count < FIELDS_MAX)
        fields->list[fields->count++] = (nghttp2_nv){(uint8_t *)name, (uint8_t *)value.data,
                                                     name_size, value.size, NGHTTP2_NV_FLAG_NONE};
}

static void add_text(struct fields *fields, const char *name, const char *value)
{
    add(fields, name, strlen(name), bytes_of(value));
}

/* Lines of HTTP/1.1, "Name: value" CR LF. */
static void add_lines(struct fields *fields, struct bytes lines)
{
    while (lines.size) {
        const uint8_t *end = memchr(lines.data, '\r', lines.size);
        const uint8_t *colon = memchr(lines.data, ':', lines.size), *value;
        char *name = fields->names + fields->used;
        size_t size;

        if (!end || !colon || colon > end)
            return;
        size = (size_t)(colon - lines.data);
        if (size > NAMES_SIZE - fields->used)
            return;
        for (size_t i = 0; i < size; i++) {
            uint8_t c = lines.data[i];

            name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
        fields->used += size;
        value = colon + 1 + (colon[1] == ' ');
        add(fields, name, size, (struct bytes){value, (size_t)(end - value)});
        lines.size -= (size_t)(end + 2 - lines.data);
        lines.data = end + 2;
    }
}

/* --- answers --- */

static void submit(struct stream *stream, const struct fields *fields, bool data)
{
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_data};
    struct http2 *http2 = stream->http2;

    if (nghttp2_submit_response(http2->session, stream->exchange.stream, fields->list,
                                fields->count, data ? &provider : NULL))
        nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->exchange.stream,
                                  NGHTTP2_INTERNAL_ERROR);
}

/* Body and feed go over to the stream; the response gets the stream's empty buffer. */
static bool take_body(struct stream *stream, struct response *response)
{
    struct exchange *exchange = &stream->exchange;
    struct text empty = stream->body;

    stream->body = response->body;
    response->body = empty;
    stream->sent = 0;
    stream->began_ms = exchange->connection->io->loop.now_ms;
    if (response->feed)
        feeding_start(exchange->connection->io, &exchange->feeding, response->feed, wake);
    response->feed = NULL;
    return count_body(stream);
}

static void answer_plain(struct stream *stream, const struct http1_head *head,
                         struct response *response)
{
    struct io *io = stream->exchange.connection->io;
    struct fields fields = {.count = 0};
    char status[16], length[24];
    bool data = head->method != HTTP_HEAD && response->status != 204 &&
                (response->body.size || response->feed);

    snprintf(status, sizeof status, "%d", response->status);
    add_text(&fields, ":status", status);
    answer_refresh_date(io);
    add_lines(&fields, bytes_of(io->date));
    if (response->status != 204) {
        add_text(&fields, "content-type", response->content_type);
        snprintf(length, sizeof length, "%zu", response->body.size);
        if (!response->feed)
            add_text(&fields, "content-length", length);
    }
    if (response->compressed) {
        add_text(&fields, "content-encoding", "gzip");
        add_text(&fields, "vary", "Accept-Encoding");
    }
    add_lines(&fields, text_bytes(&response->headers));
    submit(stream, &fields, data);
    if (data && !take_body(stream, response))
        nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE,
                                  stream->exchange.stream, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* An error before any message: one block of fields, which is the trailers too. */
static void answer_status(struct stream *stream, struct fields *fields,
                          const struct response *response)
{
    char number[8], message[GRPC_MESSAGE_MAX];
    int status = status_grpc(response->error);
    size_t size = grpc_encode_message(text_bytes(&response->body), message);

    snprintf(number, sizeof number, "%d", status);
    if (response->error == STATUS_UNSUPPORTED)
        add_text(fields, "grpc-accept-encoding", "identity,gzip");
    add_text(fields, "grpc-status", number);
    add(fields, "grpc-message", 12, (struct bytes){(uint8_t *)message, size});
    submit(stream, fields, false);
}

static void answer_grpc(struct stream *stream, struct response *response)
{
    struct fields fields = {.count = 0};
    bool message = !response->feed || response->body.size;

    add_text(&fields, ":status", "200");
    add_text(&fields, "content-type", "application/grpc");
    if (response->error) {
        answer_status(stream, &fields, response);
        return;
    }
    if (response->compressed)
        add_text(&fields, "grpc-encoding", "gzip");
    add_lines(&fields, text_bytes(&response->headers));
    submit(stream, &fields, true);
    if (message) {
        grpc_frame(stream->frame, response->body.size, response->compressed);
        stream->frame_size = GRPC_FRAME;
    }
    if (!take_body(stream, response))
        nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE,
                                  stream->exchange.stream, NGHTTP2_ENHANCE_YOUR_CALM);
}

void http2_answer(struct exchange *exchange, const struct http1_head *head,
                  struct response *response)
{
    struct stream *stream = stream_of(exchange);

    if (stream->answered)
        return;
    stream->answered = true;
    pipe_close(stream);
    if (exchange->grpc)
        answer_grpc(stream, response);
    else
        answer_plain(stream, head, response);
    if (stream->state == STREAM_MORE)
        stream_deliver(stream);
    else
        stream->state = STREAM_DROP;
    http2_flush_later(stream->http2);
}

void http2_continue(struct exchange *exchange)
{
    nghttp2_nv field = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE};

    nghttp2_submit_headers(stream_of(exchange)->http2->session, NGHTTP2_FLAG_NONE, exchange->stream,
                           NULL, &field, 1, NULL);
}
