// SPDX-License-Identifier: Apache-2.0
/* A client of HTTP/2 that says exact frames, on nghttp2. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "fixture.h"

enum { H2_STREAMS = 512 };

struct h2_stream {
    int status; /* 0: no answer */
    char headers[2048];
    char trailers[2048];
    char *body;
    size_t size;
    bool closed;
    uint32_t code; /* why it was closed */
    /* what is sent */
    char *data;
    size_t data_size, sent, hold; /* hold: keep the stream open when so much was sent; 0: no */
    bool silent;                  /* send no body now */
};

struct h2 {
    int fd;
    nghttp2_session *session;
    struct h2_stream streams[H2_STREAMS]; /* by id / 2 */
    bool gone, goaway;
    bool deaf; /* opens no windows */
};

static inline struct h2_stream *h2_stream(struct h2 *h2, int32_t id)
{
    return &h2->streams[(id / 2) % H2_STREAMS];
}

static inline int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                               const uint8_t *name, size_t name_size, const uint8_t *value,
                               size_t size, uint8_t flags, void *context)
{
    struct h2_stream *stream = h2_stream(context, frame->hd.stream_id);
    char *text = stream->status && frame->headers.cat == NGHTTP2_HCAT_HEADERS ? stream->trailers
                                                                              : stream->headers;
    size_t have = strlen(text);

    (void)session;
    (void)flags;
    if (name_size == 7 && memcmp(name, ":status", 7) == 0)
        stream->status = atoi((const char *)value);
    snprintf(text + have, sizeof stream->headers - have, "%.*s: %.*s\n", (int)name_size, name,
             (int)size, value);
    return 0;
}

static inline int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                             const uint8_t *data, size_t size, void *context)
{
    struct h2 *h2 = context;
    struct h2_stream *stream = h2_stream(h2, id);

    (void)flags;
    stream->body = realloc(stream->body, stream->size + size + 1);
    memcpy(stream->body + stream->size, data, size);
    stream->size += size;
    stream->body[stream->size] = 0;
    if (!h2->deaf)
        nghttp2_session_consume(session, id, size);
    return 0;
}

static inline int h2_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    struct h2_stream *stream = h2_stream(context, id);

    (void)session;
    stream->closed = true;
    stream->code = code;
    return 0;
}

static inline int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        ((struct h2 *)context)->goaway = true;
    return 0;
}

static inline struct h2 *h2_open(const struct fixture *fixture)
{
    struct h2 *h2 = calloc(1, sizeof *h2);
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    h2->fd = client_open(fixture);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    nghttp2_session_client_new2(&h2->session, callbacks, h2, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, NULL, 0);
    return h2;
}

static inline void h2_close(struct h2 *h2)
{
    close(h2->fd);
    nghttp2_session_del(h2->session);
    for (size_t i = 0; i < H2_STREAMS; i++) {
        free(h2->streams[i].body);
        free(h2->streams[i].data);
    }
    free(h2);
}

static inline ssize_t h2_read(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                              uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct h2_stream *stream = h2_stream(context, id);
    size_t left = stream->data_size - stream->sent;

    (void)session;
    (void)source;
    if (stream->silent || (stream->hold && stream->sent == stream->hold))
        return NGHTTP2_ERR_DEFERRED;
    if (stream->hold && left > stream->hold - stream->sent)
        left = stream->hold - stream->sent;
    left = left < length ? left : length;
    memcpy(buffer, stream->data + stream->sent, left);
    stream->sent += left;
    if (stream->sent == stream->data_size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)left;
}

/* Headers: "name: value\n" lines. A body is copied; `hold`: stop after so many bytes of it. */
static inline int32_t h2_ask(struct h2 *h2, const char *method, const char *path,
                             const char *headers, const void *body, size_t size, size_t hold)
{
    nghttp2_nv fields[128] = {
        {(uint8_t *)":method", (uint8_t *)method, 7, strlen(method), 0},
        {(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0},
        {(uint8_t *)":path", (uint8_t *)path, 5, strlen(path), 0},
        {(uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0},
    };
    nghttp2_data_provider provider = {.read_callback = h2_read};
    size_t count = 4;
    struct h2_stream *stream;
    int32_t id;

    for (const char *line = headers; line && *line && count < 128;) {
        const char *colon = strchr(line, ':'), *end = strchr(line, '\n');

        fields[count++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)colon + 2,
                                       (size_t)(colon - line), (size_t)(end - colon - 2), 0};
        line = end + 1;
    }
    id = nghttp2_submit_request(h2->session, NULL, fields, count, body ? &provider : NULL, NULL);
    if (id < 0)
        abort();
    stream = h2_stream(h2, id);
    free(stream->body);
    free(stream->data);
    *stream = (struct h2_stream){.data_size = size, .hold = hold};
    if (body) {
        stream->data = malloc(size + 1);
        memcpy(stream->data, body, size);
    }
    return id;
}

static inline bool h2_say(struct h2 *h2)
{
    for (;;) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(h2->session, &data);

        if (size <= 0)
            return size == 0;
        client_say_bytes(h2->fd, data, (size_t)size);
    }
}

/* Read once, for at most wait_ms; false when nothing came. */
static inline bool h2_hear(struct h2 *h2, int wait_ms)
{
    struct pollfd wait = {.fd = h2->fd, .events = POLLIN};
    uint8_t buffer[65536];
    ssize_t got;

    h2_say(h2);
    if (h2->gone || poll(&wait, 1, wait_ms) != 1)
        return false;
    got = recv(h2->fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        h2->gone = true;
    else if (nghttp2_session_mem_recv(h2->session, buffer, (size_t)got) < 0)
        h2->gone = true;
    h2_say(h2);
    return got > 0;
}

/* Until that stream is closed. */
static inline struct h2_stream *h2_wait(struct h2 *h2, int32_t id)
{
    while (!h2_stream(h2, id)->closed && h2_hear(h2, 5000))
        ;
    return h2_stream(h2, id);
}

/* Until the connection is closed; false: it was not within the time. */
static inline bool h2_wait_gone(struct h2 *h2, int wait_ms)
{
    uint64_t end = fake_now_ns() + (uint64_t)wait_ms * 1000000;

    while (!h2->gone && fake_now_ns() < end)
        h2_hear(h2, 100);
    return h2->gone;
}

static inline struct h2_stream *h2_get(struct h2 *h2, const char *path)
{
    return h2_wait(h2, h2_ask(h2, "GET", path, "", NULL, 0, 0));
}

/* --- gRPC --- */

#define GRPC_HEADERS "content-type: application/grpc\nte: trailers\n"

static inline size_t h2_frame(char *out, int flag, const char *message, size_t size)
{
    out[0] = (char)flag;
    out[1] = (char)(size >> 24);
    out[2] = (char)(size >> 16);
    out[3] = (char)(size >> 8);
    out[4] = (char)size;
    memcpy(out + 5, message, size);
    return size + 5;
}

static inline struct h2_stream *h2_call(struct h2 *h2, const char *path, const char *headers,
                                        const char *message)
{
    char body[4096];
    size_t size = h2_frame(body, 0, message, strlen(message));

    return h2_wait(h2, h2_ask(h2, "POST", path, headers, body, size, 0));
}
