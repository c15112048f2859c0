// SPDX-License-Identifier: Apache-2.0
/* The session of a connection that speaks HTTP/2: settings, limits, life of streams, timeouts. */
#include "server/http/http2.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum {
    CONNECTION_WINDOW = 16 << 20,
    FREE_STREAMS_MAX = 256,
    STREAM_BYTES_KEPT = 64 << 10,
    RESETS_BURST = 1000, /* streams that a client may reset at once, */
    RESETS_RATE = 100,   /* and a second */
    CONTINUATIONS_MAX = 8,
    SETTINGS_MAX = 32,      /* values in one frame */
    ACKS_MAX = 1000,        /* answers to pings and settings that wait to be sent */
    NOISE_MAX = 10000,      /* frames a second that ask for nothing */
    CLIENT_STOPS_MS = 2000, /* after our answer ended */
    GOODBYE_MS = 250,       /* between the notice that we will go and the last GOAWAY */
};

/* --- streams --- */

static void link_stream(struct http2 *http2, struct stream *stream)
{
    stream->next = http2->streams;
    stream->link = &http2->streams;
    if (stream->next)
        stream->next->link = &stream->next;
    http2->streams = stream;
    http2->stream_count++;
}

/* Recycled streams keep buffers of a usual size; while they are in use the server's budget counts
 * them. */
struct stream *stream_new(struct http2 *http2, int32_t id)
{
    struct io *io = http2->connection->io;
    struct stream *stream = io->free_streams;
    struct text in, body;

    if (stream) {
        io->free_streams = stream->next;
        io->free_stream_count--;
    } else {
        stream = calloc(1, sizeof *stream);
        if (!stream)
            return NULL;
    }
    in = stream->exchange.in;
    body = stream->body;
    if (in.capacity && !server_buffer(io->server, in.capacity))
        text_release(&in);
    *stream = (struct stream){
        .exchange = {.connection = http2->connection, .stream = id, .in = in},
        .http2 = http2,
        .body = body,
        .began_ms = io->loop.now_ms,
    };
    link_stream(http2, stream);
    return stream;
}

static void stream_free(struct io *io, struct stream *stream)
{
    if (io->free_stream_count >= FREE_STREAMS_MAX) {
        text_release(&stream->exchange.in);
        text_release(&stream->body);
        free(stream);
        return;
    }
    text_clear(&stream->exchange.in);
    text_clear(&stream->body);
    stream->next = io->free_streams;
    io->free_streams = stream;
    io->free_stream_count++;
}

void io_free_streams(struct io *io)
{
    while (io->free_streams) {
        struct stream *stream = io->free_streams;

        io->free_streams = stream->next;
        text_release(&stream->exchange.in);
        text_release(&stream->body);
        free(stream);
    }
}

static void drop_name(nghttp2_rcbuf **name)
{
    if (*name)
        nghttp2_rcbuf_decref(*name);
    *name = NULL;
}

void stream_close(struct stream *stream)
{
    struct http2 *http2 = stream->http2;
    struct connection *connection = http2->connection;
    struct io *io = connection->io;
    struct exchange *exchange = &stream->exchange;

    pipe_close(stream);
    if (exchange->job) /* it will come back and find nobody */
        atomic_store_explicit(&exchange->job->cancelled, true, memory_order_relaxed);
    feeding_stop(io, &exchange->feeding);
    drop_name(&stream->method);
    drop_name(&stream->path);
    drop_name(&stream->authority);
    server_unbuffer(io->server, stream->counted);
    connection_unbuffer(connection, &stream->later);
    if (exchange->in.capacity > STREAM_BYTES_KEPT)
        connection_unbuffer(connection, &exchange->in);
    else
        server_unbuffer(io->server, exchange->in.capacity);
    if (stream->body.capacity > STREAM_BYTES_KEPT)
        io_keep_buffer(io, &stream->body);
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    if (--http2->stream_count == 0)
        http2->idle_since_ms = io->loop.now_ms;
    stream_free(io, stream);
}

struct exchange *http2_exchange(struct connection *connection, int32_t id)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(connection->http2->session, id);

    return stream ? &stream->exchange : NULL;
}

/* --- what nghttp2 tells --- */

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    struct stream *stream;

    http2->block_began_ms = http2->connection->io->loop.now_ms;
    if (!is_request(frame))
        return 0;
    stream = stream_new(http2, frame->hd.stream_id);
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    return 0;
}

static int header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                  nghttp2_rcbuf *value, uint8_t flags, void *context)
{
    struct stream *stream;

    (void)flags;
    (void)context;
    if (!is_request(frame))
        return 0; /* trailers, which nobody asks for */
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    return stream ? stream_header(stream, name, value) : 0;
}

static int data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                      size_t size, void *context)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)context;
    if (stream)
        stream_data(stream, (struct bytes){data, size});
    else
        nghttp2_session_consume(session, id, size);
    return 0;
}

/* Frames that cost us work and do nothing for anybody: a client has a use for a few of them. */
static int count_noise(nghttp2_session *session, const nghttp2_frame_hd *frame, void *context)
{
    struct http2 *http2 = context;
    uint64_t now = http2->connection->io->loop.now_ms;

    switch (frame->type) {
    case NGHTTP2_DATA:
        if (frame->length || frame->flags & NGHTTP2_FLAG_END_STREAM)
            return 0;
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_WINDOW_UPDATE:
        return 0;
    default:
        break;
    }
    if (now - http2->noise_began_ms > 1000) {
        http2->noise_began_ms = now;
        http2->noise = 0;
    }
    if (++http2->noise == NOISE_MAX)
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
}

static int frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    struct stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS)
        http2->block_began_ms = 0;
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!stream)
        return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        stream->ended = true;
    if (is_request(frame))
        stream_head(stream);
    if (stream->ended)
        stream_end(stream);
    return 0;
}

/* After the end of our answer nobody reads what the client still sends. It may go on for a while,
 * as some fail when they are stopped; but not for long. */
static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct stream *stream;

    (void)context;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream && !stream->ended) {
        stream->said = true;
        stream->began_ms = stream->exchange.connection->io->loop.now_ms;
    }
    return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)code;
    (void)context;
    if (!stream)
        return 0;
    nghttp2_session_set_stream_user_data(session, id, NULL);
    stream_close(stream);
    return 0;
}

/* --- the session --- */

static nghttp2_session *session_new(struct http2 *http2)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option = NULL;
    nghttp2_mem memory = http2_memory(http2->connection->io);
    nghttp2_session *session = NULL;

    if (nghttp2_session_callbacks_new(&callbacks))
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, count_noise);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, http2_send_data);
    if (!nghttp2_option_new(&option)) {
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_server_fallback_rfc7540_priorities(option, 0);
        nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_RATE);
        nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
        nghttp2_option_set_max_settings(option, SETTINGS_MAX);
        nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
        if (nghttp2_session_server_new3(&session, callbacks, http2, option, &memory))
            session = NULL;
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

static bool say_settings(struct http2 *http2)
{
    const struct settings *settings = &http2->connection->io->server->settings;
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)settings->http2_streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)settings->http2_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)settings->head_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };

    return nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, entries,
                                   ARRAY_COUNT(entries)) == 0 &&
           nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
                                                 CONNECTION_WINDOW) == 0;
}

/* --- out --- */

/* Streams are looked at each second, a connection without any when it was idle for long. */
static void set_timer(struct http2 *http2)
{
    struct connection *connection = http2->connection;
    struct io *io = connection->io;
    bool soon = http2->stream_count || http2->block_began_ms;

    if (http2->draining && !http2->leaving)
        loop_timer_set(&io->loop, &connection->timer, http2->leave_ms);
    else if (!soon)
        loop_timer_set(&io->loop, &connection->timer,
                       http2->idle_since_ms + (uint64_t)io->server->settings.idle_timeout_ms);
    else if (!connection->timer.link || connection->timer.due_ms > io->loop.now_ms + RATE_CHECK_MS)
        loop_timer_set(&io->loop, &connection->timer, io->loop.now_ms + RATE_CHECK_MS);
}

/* Send all that may be sent; ends the connection when both sides have said all. */
static void flush(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    struct io *io = connection->io;
    bool more = true;

    while (more && !connection_has_output(connection)) {
        const uint8_t *data;
        ssize_t size;

        http2->full = false;
        size = nghttp2_session_mem_send(http2->session, &data);
        if (size > 0)
            text_append_bytes(&io->out, (struct bytes){data, (size_t)size});
        if (size < 0 || io->out.failed) {
            text_clear(&io->out);
            connection_close(connection);
            return;
        }
        more = size > 0 || http2->full;
        if ((!more || io->out.size >= OUT_BYTES_MAX) &&
            !connection_flush(connection, (struct bytes){0}))
            return;
    }
    if (connection_has_output(connection))
        return;
    if (!nghttp2_session_want_read(http2->session) && !nghttp2_session_want_write(http2->session))
        connection_finish(connection, true);
    else
        set_timer(http2);
}

static void run_flush(struct task *task)
{
    struct http2 *http2 = (struct http2 *)((char *)task - offsetof(struct http2, flush));

    http2->flush_posted = false;
    if (!http2->connection)
        free(http2);
    else if (http2->connection->phase == PHASE_HTTP2)
        flush(http2->connection);
}

void http2_flush_later(struct http2 *http2)
{
    if (http2->flush_posted || http2->reading)
        return;
    http2->flush_posted = true;
    loop_defer(&http2->connection->io->loop, &http2->flush);
}

/* --- the kind --- */

static void received(struct connection *connection, uint8_t *data, size_t size)
{
    struct http2 *http2 = connection->http2;
    ssize_t used;

    http2->reading = true;
    used = nghttp2_session_mem_recv(http2->session, data, size);
    http2->reading = false;
    executor_reset(&connection->io->executor);
    if (used < 0) { /* a flood, or no memory */
        server_shed(connection->io->server, "http2");
        connection_close(connection);
        return;
    }
    flush(connection);
}

static void end(struct connection *connection)
{
    connection_close(connection);
}

static void resume(struct connection *connection)
{
    connection_watch(connection, EPOLLIN);
    flush(connection);
}

/* A call of gRPC may be begun long before its first message. */
static bool stream_waits(const struct stream *stream)
{
    return stream->exchange.grpc && stream->exchange.in.size == stream->exchange.head_size;
}

static void check_stream(struct stream *stream)
{
    struct connection *connection = stream->exchange.connection;

    if (stream->state == STREAM_BODY && !stream_waits(stream) &&
        connection_too_slow(connection, stream->began_ms, stream->exchange.in.size)) {
        connection_count_timeout(connection, "body");
        stream_refuse(stream, 408, STATUS_DEADLINE, "the request body came too slowly");
    } else if (stream->said && connection->io->loop.now_ms - stream->began_ms > CLIENT_STOPS_MS) {
        stream_stop_client(stream);
    } else if (stream_sending(stream) &&
               connection_too_slow(connection, stream->began_ms, stream->sent)) {
        connection_count_timeout(connection, "write");
        nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE,
                                  stream->exchange.stream, NGHTTP2_CANCEL);
    }
}

static void leave(struct http2 *http2)
{
    http2->leaving = true;
    nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(http2->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

static void timeout(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    const struct settings *settings = &connection->io->server->settings;
    uint64_t now = connection->io->loop.now_ms;

    if (http2->block_began_ms &&
        now - http2->block_began_ms > (uint64_t)settings->head_timeout_ms) {
        connection_count_timeout(connection, "head");
        nghttp2_session_terminate_session(http2->session, NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (http2->draining && !http2->leaving && now >= http2->leave_ms) {
        leave(http2);
    } else if (!http2->stream_count && !http2->leaving &&
               now - http2->idle_since_ms >= (uint64_t)settings->idle_timeout_ms) {
        connection_count_timeout(connection, "idle");
        leave(http2);
    }
    for (struct stream *stream = http2->streams, *next; stream; stream = next) {
        next = stream->next; /* submitting closes none */
        check_stream(stream);
    }
    flush(connection);
}

static void drain(struct connection *connection)
{
    struct http2 *http2 = connection->http2;

    http2->draining = true;
    http2->leave_ms = connection->io->loop.now_ms + GOODBYE_MS;
    nghttp2_submit_shutdown_notice(http2->session);
    for (struct stream *stream = http2->streams; stream; stream = stream->next)
        if (stream->exchange.feeding.feed)
            stream->exchange.feeding.wake(&stream->exchange.feeding);
    flush(connection);
}

static void release(struct connection *connection)
{
    struct http2 *http2 = connection->http2;

    while (http2->streams)
        stream_close(http2->streams);
    nghttp2_session_del(http2->session);
    connection->http2 = NULL;
    http2->connection = NULL;
    if (!http2->flush_posted)
        free(http2);
}

static void opened(struct connection *connection)
{
    set_timer(connection->http2);
}

const struct connection_kind connection_http2 = {
    .opened = opened,
    .received = received,
    .end = end,
    .resume = resume,
    .timeout = timeout,
    .drain = drain,
    .release = release,
};

void connection_http2_begin(struct connection *connection, uint8_t *data, size_t size)
{
    struct http2 *http2 = calloc(1, sizeof *http2);
    struct text in = connection->exchange.in;

    if (http2) {
        http2->connection = connection;
        http2->flush.run = run_flush;
        http2->idle_since_ms = connection->io->loop.now_ms;
        http2->session = session_new(http2);
    }
    if (!http2 || !http2->session || !say_settings(http2)) {
        if (http2 && http2->session)
            nghttp2_session_del(http2->session);
        free(http2);
        connection_close(connection);
        return;
    }
    connection->exchange.in = (struct text){0};
    connection->http2 = http2;
    connection->kind = &connection_http2;
    connection->phase = PHASE_HTTP2;
    series_add(connection->io->server->http2_total, 1);
    received(connection, data, size);
    if (connection->io->draining && connection->phase == PHASE_HTTP2 && connection->http2)
        drain(connection);
    server_unbuffer(connection->io->server, in.capacity);
    text_release(&in);
}
