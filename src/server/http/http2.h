// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 on a connection, above nghttp2: what its files share. One stream is one exchange.
 *
 * Everything here belongs to the connection's I/O thread. nghttp2 calls back while it reads
 * (http2.c) and while it writes (http2_answer.c); callbacks may submit frames but neither read,
 * write nor close: what they ask for happens when it has returned. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "server/grpc/grpc.h"
#include "server/internal.h"

struct http2 {
    nghttp2_session *session;
    struct connection *connection; /* NULL: it is closed, free this when the flush has run */
    struct task flush;
    bool flush_posted;
    bool reading;  /* in nghttp2_session_mem_recv: it is flushed afterwards */
    bool full;     /* io->out is: data waits until it was sent */
    bool draining; /* said that we will go away */
    bool leaving;  /* said that we go */
    struct stream *streams;
    unsigned stream_count;
    uint64_t leave_ms; /* when draining: the last GOAWAY */
    uint64_t idle_since_ms;
    uint64_t block_began_ms; /* of a header block that is not complete; 0: none */
    uint64_t noise_began_ms;
    unsigned noise; /* frames without a use since then */
};

enum stream_state {
    STREAM_HEAD,
    STREAM_BODY, /* the request, of gRPC the first message, is being received */
    STREAM_PIPE, /* the body goes to a thread */
    STREAM_MORE, /* gRPC: the call runs; further messages are kept for its feed */
    STREAM_DROP, /* what comes now is for nobody */
};

struct body_pipe;

struct stream {
    struct exchange exchange; /* first */
    struct stream *next, **link;
    struct http2 *http2;
    enum stream_state state;
    uint64_t began_ms; /* of the request's head or body, or of the answer's piece at hand */
    bool ended;        /* the client has said all */

    /* the head, gathered as HTTP/1.1 would have it in exchange.in */
    nghttp2_rcbuf *method, *path, *authority;
    bool begun;  /* the request line is there */
    int refused; /* HTTP status, */
    const char *why;

    bool gzip_in, gzip_out; /* gRPC: how messages may be encoded */
    struct text later;      /* frames behind the first message */
    size_t held;            /* bytes of `later` for which the window stays closed */

    struct body_pipe *pipe;

    /* the answer: (frame, body), or piece after piece from exchange.feeding */
    bool answered, deferred;
    bool cut;       /* after what is left, RST_STREAM */
    bool said;      /* all of it was sent, and the client goes on */
    size_t dropped; /* bytes of the client since it was answered */
    uint8_t frame[GRPC_FRAME];
    size_t frame_size; /* 0: no frame */
    struct text body;
    size_t sent, counted;
    int status; /* gRPC, for the trailers */
};

static inline struct stream *stream_of(struct exchange *exchange)
{
    return (struct stream *)exchange;
}

/* http2.c */
void http2_flush_later(struct http2 *http2);
nghttp2_mem http2_memory(struct io *io); /* http2_memory.c */
struct stream *stream_new(struct http2 *http2, int32_t id);
void stream_close(struct stream *stream); /* nghttp2 has forgotten it */

/* http2_request.c: what comes in on a stream */
int stream_header(struct stream *stream, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
void stream_head(struct stream *stream); /* all headers are there */
void stream_data(struct stream *stream, struct bytes data);
void stream_stop_client(struct stream *stream);
void stream_end(struct stream *stream);
void stream_refuse(struct stream *stream, int status, enum status kind, const char *why);
/* The call has its answer: give its feed what came meanwhile. */
void stream_deliver(struct stream *stream);

/* http2_pipe.c: the body of an upload, on its way to the thread that reads it */
void pipe_data(struct stream *stream, struct bytes data);
void pipe_end(struct stream *stream);
void pipe_close(struct stream *stream);

/* http2_answer.c */
int http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                    size_t size, nghttp2_data_source *source, void *context);
void http2_resume(struct stream *stream);         /* its feed may have something */
bool stream_sending(const struct stream *stream); /* a piece waits for the client's window */
