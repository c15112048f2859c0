// SPDX-License-Identifier: Apache-2.0
/* The body of an upload, read in pieces by a thread that may wait. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/internal.h"

enum { STREAM_BYTES = 64 << 10, WAIT_MS = 1000, TELL_WAITS = 10 };

struct body_stream {
    int fd;
    struct tls *tls; /* borrowed from the connection; NULL: plain */
    const struct settings *settings;
    struct text buffer; /* bytes from the socket; [at, size) were not taken yet */
    size_t at;
    bool chunked, ended, continue_wanted;
    bool piped;            /* of an HTTP/2 stream */
    _Atomic bool complete; /* all of it is in the pipe */
    uint64_t left;         /* of a body with a length */
    struct http1_chunks chunks;
    uint64_t received, began_ns;
};

struct body_stream *body_stream_new(int fd, struct tls *tls, const struct http1_head *head,
                                    struct bytes rest, const struct settings *settings)
{
    struct body_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    stream->fd = fd;
    stream->tls = tls;
    stream->settings = settings;
    stream->chunked = head->chunked;
    stream->left = head->content_length > 0 ? (uint64_t)head->content_length : 0;
    stream->ended = !stream->chunked && stream->left == 0;
    stream->continue_wanted = head->expect_continue && rest.size == 0 && !stream->ended;
    stream->began_ns = clock_ns();
    if (!text_reserve(&stream->buffer, rest.size > STREAM_BYTES ? rest.size : STREAM_BYTES)) {
        free(stream);
        return NULL;
    }
    text_append_bytes(&stream->buffer, rest);
    return stream;
}

struct body_stream *body_stream_of_pipe(int fd, struct bytes rest, const struct settings *settings)
{
    struct http1_head head = {.content_length = -1};
    struct body_stream *stream = body_stream_new(fd, NULL, &head, rest, settings);

    if (!stream)
        return NULL;
    stream->piped = true;
    stream->left = UINT64_MAX;
    stream->ended = false;
    return stream;
}

void body_stream_complete(struct body_stream *stream)
{
    atomic_store(&stream->complete, true);
}

void body_stream_free(struct body_stream *stream)
{
    if (!stream)
        return;
    if (stream->piped)
        close(stream->fd);
    text_release(&stream->buffer);
    free(stream);
}

bool body_stream_ended(const struct body_stream *stream)
{
    return stream->ended;
}

struct bytes body_stream_rest(const struct body_stream *stream)
{
    return (struct bytes){(const uint8_t *)stream->buffer.data + stream->at,
                          stream->ended ? stream->buffer.size - stream->at : 0};
}

static enum status check_rate(const struct body_stream *stream, struct error *err)
{
    uint64_t elapsed_ms = (clock_ns() - stream->began_ns) / 1000000;
    uint64_t grace_ms = (uint64_t)stream->settings->body_grace_ms;

    if (elapsed_ms > grace_ms && stream->received / (uint64_t)stream->settings->body_rate_min <
                                     (elapsed_ms - grace_ms) / 1000)
        return error_set(err, STATUS_UNAVAILABLE, "the request body came too slowly");
    return STATUS_OK;
}

/* Fill the empty buffer from the socket. */
static enum status fill(struct body_stream *stream, struct error *err)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (stream->continue_wanted) {
        stream->continue_wanted = false;
        if (tls_send(stream->tls, stream->fd, go_on, sizeof go_on - 1) != sizeof go_on - 1)
            return error_set(err, STATUS_INVALID_INPUT, "the connection is gone");
    }
    stream->at = stream->buffer.size = 0;
    for (;;) {
        struct pollfd wait = {.fd = stream->fd, .events = POLLIN};
        ssize_t got = tls_receive(stream->tls, stream->fd, stream->buffer.data, STREAM_BYTES);

        if (got > 0) {
            stream->buffer.size = (size_t)got;
            stream->received += (uint64_t)got;
            return check_rate(stream, err);
        }
        if (got == 0 && stream->piped && atomic_load(&stream->complete)) {
            stream->ended = true;
            return STATUS_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            return error_set(err, STATUS_INVALID_INPUT,
                             "the connection was closed in the middle of the request body, after "
                             "%llu bytes",
                             (unsigned long long)stream->received);
        TRY(check_rate(stream, err));
        poll(&wait, 1, WAIT_MS);
    }
}

static enum status read_chunked(struct body_stream *stream, uint8_t *data, size_t size, size_t *got,
                                struct error *err)
{
    size_t have = stream->buffer.size - stream->at, used = 0;
    const char *why;
    int result;

    if (have > size) /* decoding never makes more than it reads */
        have = size;
    result = http1_decode_chunks(
        &stream->chunks, (struct bytes){(const uint8_t *)stream->buffer.data + stream->at, have},
        &used, data, got, &why);
    stream->at += used;
    stream->ended = result == HTTP1_DONE;
    if (result >= 400)
        return error_set(err, STATUS_INVALID_INPUT, "%s", why);
    return STATUS_OK;
}

enum status body_stream_read(struct body_stream *stream, uint8_t *data, size_t size, size_t *got,
                             struct error *err)
{
    *got = 0;
    while (!stream->ended && *got == 0) {
        size_t have;

        if (stream->at == stream->buffer.size)
            TRY(fill(stream, err));
        if (stream->ended)
            break;
        if (stream->chunked) {
            TRY(read_chunked(stream, data, size, got, err));
            continue;
        }
        have = stream->buffer.size - stream->at;
        *got = have < size ? have : size;
        *got = *got < stream->left ? *got : (size_t)stream->left;
        memcpy(data, stream->buffer.data + stream->at, *got);
        stream->at += *got;
        stream->left -= *got;
        stream->ended = stream->left == 0;
    }
    return STATUS_OK;
}

/* Nothing of it, or all: half an answer's head would spoil the answer. */
void body_stream_tell(struct body_stream *stream, struct bytes text)
{
    size_t sent = 0;

    if (stream->piped || !stream->ended)
        return;
    for (int waits = 0; sent < text.size && waits < TELL_WAITS;) {
        struct pollfd wait = {.fd = stream->fd, .events = POLLOUT};
        ssize_t got = tls_send(stream->tls, stream->fd, text.data + sent, text.size - sent);

        if (got > 0) {
            sent += (size_t)got;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (sent == 0 && !stream->tls) /* which may have begun a record */
                return;
            waits += poll(&wait, 1, WAIT_MS) == 0;
        } else {
            return;
        }
    }
    if (sent < text.size)
        shutdown(stream->fd, SHUT_RDWR);
}
