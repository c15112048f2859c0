// SPDX-License-Identifier: Apache-2.0
/* The body of an upload over HTTP/2: the I/O thread writes it into a socket whose other end a
 * thread reads, as it reads the connection itself with HTTP/1.1. The client's window opens as far
 * as the thread has read. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/http2.h"

struct body_pipe { /* outlives its stream until the round ends */
    struct watch watch;
    struct task release;
    struct stream *stream;
    bool watched;
};

static void release(struct task *task)
{
    free((char *)task - offsetof(struct body_pipe, release));
}

void pipe_close(struct stream *stream)
{
    struct body_pipe *pipe = stream->pipe;
    struct io *io = stream->exchange.connection->io;

    if (!pipe)
        return;
    if (pipe->watched)
        loop_remove(&io->loop, &pipe->watch);
    close(pipe->watch.fd);
    pipe->watch.fd = -1;
    stream->pipe = NULL;
    loop_defer(&io->loop, &pipe->release);
}

/* Nobody reads any more. */
static void pipe_broken(struct stream *stream)
{
    nghttp2_session *session = stream->http2->session;

    pipe_close(stream);
    nghttp2_session_consume(session, stream->exchange.stream, stream->exchange.in.size);
    connection_unbuffer(stream->exchange.connection, &stream->exchange.in);
    stream->state = STREAM_DROP;
}

static bool watch_pipe(struct stream *stream, bool on)
{
    struct body_pipe *pipe = stream->pipe;
    struct loop *loop = &stream->exchange.connection->io->loop;

    if (on == pipe->watched)
        return true;
    pipe->watched = on;
    if (on)
        return loop_add(loop, &pipe->watch, EPOLLOUT);
    loop_remove(loop, &pipe->watch);
    return true;
}

/* What the pipe takes; false when nobody reads it. */
static bool write_some(struct stream *stream, struct bytes data, size_t *written)
{
    *written = 0;
    while (*written < data.size) {
        ssize_t sent = send(stream->pipe->watch.fd, data.data + *written, data.size - *written,
                            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        *written += (size_t)sent;
    }
    return true;
}

static void finish(struct stream *stream)
{
    if (stream->exchange.job)
        body_stream_complete(stream->exchange.job->stream);
    pipe_close(stream);
    stream->state = STREAM_DROP;
}

static void pipe_ready(struct watch *watch, uint32_t events)
{
    struct body_pipe *pipe = (struct body_pipe *)watch;
    struct stream *stream = pipe->stream;
    struct text *in;
    size_t written;

    (void)events;
    if (watch->fd < 0)
        return; /* closed in this round */
    in = &stream->exchange.in;
    if (!write_some(stream, text_bytes(in), &written)) {
        pipe_broken(stream);
        http2_flush_later(stream->http2);
        return;
    }
    nghttp2_session_consume(stream->http2->session, stream->exchange.stream, written);
    http2_flush_later(stream->http2);
    memmove(in->data, in->data + written, in->size - written);
    in->size -= written;
    if (in->size)
        return;
    watch_pipe(stream, false);
    if (stream->ended)
        finish(stream);
}

int http2_pipe_body(struct exchange *exchange)
{
    struct stream *stream = stream_of(exchange);
    struct body_pipe *pipe = calloc(1, sizeof *pipe);
    int ends[2];

    if (!pipe || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends)) {
        free(pipe);
        return -1;
    }
    *pipe = (struct body_pipe){
        .watch = {.fd = ends[0], .ready = pipe_ready}, .release.run = release, .stream = stream};
    stream->pipe = pipe;
    stream->state = STREAM_PIPE;
    return ends[1];
}

void pipe_data(struct stream *stream, struct bytes data)
{
    struct exchange *exchange = &stream->exchange;
    size_t written = 0;

    if (!exchange->in.size && !write_some(stream, data, &written)) {
        nghttp2_session_consume(stream->http2->session, exchange->stream, data.size);
        pipe_broken(stream);
        return;
    }
    nghttp2_session_consume(stream->http2->session, exchange->stream, written);
    data.data += written;
    data.size -= written;
    if (data.size && (!connection_append(exchange->connection, &exchange->in, data) ||
                      !watch_pipe(stream, true)))
        pipe_broken(stream);
}

void pipe_end(struct stream *stream)
{
    if (stream->exchange.in.size == 0)
        finish(stream);
}
