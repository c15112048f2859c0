// SPDX-License-Identifier: Apache-2.0
/* What the files of the server share: I/O threads, connections, jobs. */
#pragma once

#include <pthread.h>

#include "server/feed.h"
#include "server/loop/loop.h"
#include "server/loop/pool.h"
#include "server/loop/tls.h"
#include "server/request.h"
#include "server/server.h"

struct builds;
struct kept;
struct zeromind_pool;

/* --- feeds --- */

struct feeding {       /* embedded in what sends a feed; on io->feeds while it has one */
    struct feed *feed; /* owned; NULL: none */
    struct feeding *next, **link;
    void (*wake)(struct feeding *feeding); /* ask the feed, when the output has room */
};

/* --- an I/O thread and its connections --- */

enum {
    READ_BYTES = 64 << 10,
    OUT_BYTES_MAX = 64 << 10, /* answers gathered before they are sent */
    RATE_CHECK_MS = 1000,
    IO_PIECE_CLASSES = 11,
};

struct io {
    struct loop loop;
    struct server *server;
    struct executor executor;
    pthread_t thread;
    bool running;

    struct connection **slots; /* (slot_capacity,) */
    uint32_t slot_count, slot_capacity, free_slot;
    _Atomic uint32_t connections; /* read by the listener, for the least loaded */
    bool draining;

    uint8_t *buffer;        /* (READ_BYTES,): connections without leftovers read here */
    struct text out;        /* answers of the connection at hand, before they are sent */
    struct text spare;      /* a large buffer for the next large request: fresh pages are dear */
    struct http1_head head; /* of the request at hand */
    struct response response;
    struct job *free_jobs;
    size_t free_job_count;
    struct piece *pieces[IO_PIECE_CLASSES]; /* free memory of HTTP/2's sessions */
    size_t piece_bytes;
    struct stream *free_streams;
    size_t free_stream_count;

    struct feeding *feeds;
    _Atomic unsigned feed_count;
    _Atomic bool feeds_woken; /* feed_task is posted */
    struct timer feed_timer;
    struct task feed_task;
    struct text piece; /* of the feed at hand */

    char date[40]; /* "Date: ...\r\n" of date_second */
    uint64_t date_second;

    int spare_fd; /* closed when we run out of descriptors, to accept and refuse */
    struct task drain;
    struct timer drain_timer;
};

enum { LISTENERS = 2 };

struct listener {       /* [0]: plain, [1]: TLS; of the first I/O thread */
    struct watch watch; /* fd < 0: it is not open */
    struct io *io;
    bool secure;
    bool loopback; /* at 127.0.0.0/8 or ::1 */
    int port;
};

struct server {
    struct settings settings;
    struct registry *registry;
    const struct worker_policy *workers;  /* what uploads may install; NULL: nothing */
    const struct image_hosts *hosts;      /* registries that it may talk to; NULL: none */
    const struct zeromind_pool *zeromind; /* NULL: there is none */
    char *temporary;
    struct router *router;
    struct metrics *metrics;
    struct models *models;
    struct jobs *jobs;     /* durable ones, see jobs/; NULL: none */
    struct builds *builds; /* uploads of Hydrosphere on their way to a version */
    struct kept *kept;     /* what clients of Hydrosphere left here */
    struct pool *compute, *control, *upload, *waiting;
    struct team *team; /* of the compute threads; NULL: none helps */
    struct io *ios;
    unsigned io_count, executors;
    struct listener listeners[LISTENERS];
    struct tls_server *tls; /* certificate and key; NULL: no TLS */
    _Atomic bool draining;
    _Atomic uint64_t buffered; /* bytes held by connections and jobs */

    pthread_mutex_t parked_lock;
    struct job *parked; /* wait until a model was loaded */
    size_t parked_count;
    _Atomic unsigned changes; /* how often jobs_unpark ran */

    /* (routes, HTTP_METHOD_COUNT, STATUS_SLOTS): made when first needed */
    _Atomic(struct series *) *requests;
    _Atomic(struct series *) *route_seconds; /* (routes,), likewise */
    struct series *connections, *connections_total, *received, *sent, *dropped;
    struct series *feeds, *feeds_total, *http2_total;
};

/* What a connection is doing. */
enum phase {
    PHASE_HEAD,      /* waits for a request head, or has a part of one */
    PHASE_BODY,      /* has the head and a part of the body */
    PHASE_JOB,       /* its request runs on another thread */
    PHASE_FEED,      /* its answer goes on: a feed is being sent */
    PHASE_HTTP2,     /* many requests at once */
    PHASE_LINGER,    /* said all; reads and drops until the peer closes */
    PHASE_HANDSHAKE, /* of TLS */
};

/* One request, and who waits for its answer: HTTP/1.1 has one at a time a connection, HTTP/2 many,
 * each a stream. */
struct exchange {
    struct connection *connection;
    int32_t stream; /* of HTTP/2; 0: HTTP/1.1 */
    bool grpc;
    struct text in; /* from the first byte of the request that is being received */
    uint32_t head_size;
    uint64_t body_size;   /* expected, or decoded so far when chunked */
    uint64_t deadline_ns; /* the client's; 0: none */
    struct job *job;
    struct feeding feeding;
};

/* What a connection speaks. */
struct connection_kind {
    void (*opened)(struct connection *connection);
    /* Bytes came: in the thread's buffer, or behind those that are kept. */
    void (*received)(struct connection *connection, uint8_t *data, size_t size);
    void (*end)(struct connection *connection);    /* none will come any more */
    void (*resume)(struct connection *connection); /* all output was sent */
    void (*timeout)(struct connection *connection);
    void (*drain)(struct connection *connection);
    void (*release)(struct connection *connection); /* it closes: forget its requests */
};
extern const struct connection_kind connection_http1, connection_http2;

struct connection {
    const struct connection_kind *kind;
    struct watch watch;
    struct tls *tls; /* NULL: plain */
    struct timer timer;
    struct task release;
    struct io *io;
    uint32_t slot, generation; /* together the name of this connection for other threads */
    uint32_t next_free;
    uint32_t events; /* what epoll watches */
    enum phase phase;
    bool half_closed; /* the peer will send no more */
    bool closing;     /* close when all output is sent */
    bool linger;      /* and then wait for the peer to close */
    bool detached;    /* a job reads the socket itself */
    bool known;       /* what it speaks was seen */

    struct text out; /* what the socket did not take yet */
    size_t out_sent;
    uint64_t output_began_ms;

    /* HTTP/1.1 */
    struct exchange exchange;
    size_t scanned;
    bool chunked;
    struct http1_chunks chunks;
    uint64_t began_ms; /* of the head or the body */
    bool feed_chunked; /* false: HTTP/1.0, the end of the connection is the end of the answer */

    struct http2 *http2;
};

static inline bool connection_has_output(const struct connection *connection)
{
    return connection->out.size > connection->out_sent;
}

/* HTTP/1.1: it is being answered, further requests wait. */
static inline bool exchange_busy(const struct exchange *exchange)
{
    return exchange->connection->phase == PHASE_JOB || exchange->connection->phase == PHASE_FEED;
}

/* loop/connection.c */
void connection_open(struct io *io, int fd, bool secure);
void connection_close(struct connection *connection);
struct connection *io_connection(struct io *io, uint32_t slot, uint32_t generation);
/* Release a buffer that is not counted any more, or keep it for the next large request. */
void io_keep_buffer(struct io *io, struct text *text);

/* Send io->out and then `tail`; what the socket does not take is kept. False when the connection
 * was closed. */
bool connection_flush(struct connection *connection, struct bytes tail);
void connection_drain(struct connection *connection);
/* All is said: close, but after a refusal let the peer read it first. */
void connection_finish(struct connection *connection, bool linger);
void connection_watch(struct connection *connection, uint32_t events);
/* Keep bytes in `text`, within the server's budget. False: over it; `text` is empty then. */
bool connection_append(struct connection *connection, struct text *text, struct bytes bytes);
void connection_unbuffer(struct connection *connection, struct text *text);
/* Has a transfer of `bytes` that began then been slower than body_rate_min? */
bool connection_too_slow(const struct connection *connection, uint64_t began_ms, uint64_t bytes);
void connection_count_timeout(struct connection *connection, const char *what);

/* http/http1_connection.c */

/* Its job is answered: send io->out and `tail`, and go on with further requests. */
void connection_answered(struct connection *connection, struct bytes tail);
/* The head of an answer that goes on is in io->out: send the rest of it from `feed`, which the
 * connection owns from now on. */
void connection_feed(struct connection *connection, struct feed *feed, bool chunked);

/* loop/feeds.c */
void feeds_init(struct io *io);
void feeds_wake(struct server *server); /* a model changed; from any thread */
void feeding_start(struct io *io, struct feeding *feeding, struct feed *feed,
                   void (*wake)(struct feeding *feeding));
void feeding_stop(struct io *io, struct feeding *feeding); /* also fine when there is none */
/* The next piece, into the emptied `piece`. FEED_END when the server is to stop. */
enum feed_state feeding_next(struct io *io, struct feeding *feeding, struct text *piece);

/* loop/exchange.c: one request */

/* The request at `data`, complete with its body: answer it into io->out or hand it on (the
 * connection is in PHASE_JOB then). io->head is its head. `used`: bytes of the request as sent. */
void exchange_request(struct exchange *exchange, const uint8_t *data, size_t used);

/* Decide on a head whose body is not there yet: false when it was refused (answer in io->out) or
 * handed on with the socket. */
bool exchange_head(struct exchange *exchange, const uint8_t *data, size_t size);

/* Call the route's handler; request->later says whether `response` is the answer. */
void exchange_run(struct request *request, struct response *response);

/* loop/answer.c: answers into io->out */

/* The set whose errors are gRPC's: plain text. */
extern const struct route_set answer_grpc_errors;

bool answer_keeps_alive(const struct io *io, const struct http1_head *head);

/* HTTP/1.1: head and body; a large body is left to the caller, who gets it in *tail. A feed goes
 * over to the connection. */
void answer_write(struct connection *connection, const struct http1_head *head,
                  struct response *response, bool keep_alive, struct bytes *tail);
/* The same with the whole body, or into the stream. */
void answer_now(struct exchange *exchange, const struct http1_head *head, struct response *response,
                bool keep_alive);
/* A piece of an answer that goes on, into io->out. */
void answer_chunk(struct io *io, struct bytes piece, bool chunked);

/* To malformed, slow or too large requests. Closes. */
void answer_refuse(struct exchange *exchange, int status, const char *why);

/* To the request of io->head: an error; 503; 404, 405 or what OPTIONS asks for. */
void answer_error(struct exchange *exchange, const struct route_match *match, int status,
                  const struct error *err, bool keep_alive);
void answer_shed(struct exchange *exchange, const struct route_match *match, const char *reason,
                 const char *why);
void answer_unmatched(struct exchange *exchange, const struct route_match *match, struct bytes path,
                      bool keep_alive);

void answer_refresh_date(struct io *io); /* io->date */

/* http/http2.c and its neighbours */

void io_free_streams(struct io *io);
void io_free_pieces(struct io *io);

/* The connection speaks HTTP/2: these are its first bytes. */
void connection_http2_begin(struct connection *connection, uint8_t *data, size_t size);
/* The exchange of a stream, when it is still open; or NULL. */
struct exchange *http2_exchange(struct connection *connection, int32_t stream);
/* Answer a stream; takes body and feed of the response. It goes out at the end of this round. */
void http2_answer(struct exchange *exchange, const struct http1_head *head,
                  struct response *response);
void http2_continue(struct exchange *exchange); /* 100 */
/* The body of this stream goes to a thread: its end of a socket, to be closed by the caller. < 0:
 * there is none. */
int http2_pipe_body(struct exchange *exchange);

/* loop/job.c: requests on other threads */

/* A request on another thread. Owned by its I/O thread, which alone frees it, after `answered`. */
struct job {
    struct work work;
    struct task answered;
    struct io *io;
    uint32_t slot, generation;
    int32_t stream_id; /* HTTP/2; 0: HTTP/1.1 */
    _Atomic bool cancelled;
    struct job *next; /* parked or free */
    struct text data; /* head and body */
    struct http1_head head;
    struct route_match match;
    struct bytes body; /* in `data` */
    uint64_t received_ns, deadline_ns;
    unsigned changes; /* server->changes when it was last looked at */
    size_t buffered;  /* counted in server->buffered */
    struct response response;
    struct body_stream *stream;
    bool keep_alive;
};

/* Hand on the request of `size` bytes at `data`. `changes`: server->changes before its route ran.
 */
void job_hand_on(struct exchange *exchange, const uint8_t *data, size_t size,
                 const struct route_match *match, enum later later, unsigned changes);

/* Hand on a request whose handler reads the body itself. `rest`: bytes behind the head; the socket
 * goes with it unless they are the `whole` body. */
void job_hand_on_stream(struct exchange *exchange, const uint8_t *data, struct bytes rest,
                        const struct route_match *match, bool whole);

void jobs_unpark(struct server *server); /* a model was loaded, or may have been */
void job_free(struct job *job);

/* loop/stream.c */
struct body_stream *body_stream_new(int fd, struct tls *tls, const struct http1_head *head,
                                    struct bytes rest, const struct settings *settings);
/* The body of an HTTP/2 stream: all that comes from `fd`, which is closed with it. */
struct body_stream *body_stream_of_pipe(int fd, struct bytes rest, const struct settings *settings);
/* From the I/O thread, before it shuts its end: the body is whole. */
void body_stream_complete(struct body_stream *stream);
void body_stream_free(struct body_stream *stream);
/* Up to `size` bytes of the body; *got is 0 at its end. INVALID_INPUT (framing, closed),
 * TOO_LARGE, UNAVAILABLE (too slow). */
enum status body_stream_read(struct body_stream *stream, uint8_t *data, size_t size, size_t *got,
                             struct error *err) must_check;
/* An interim answer (1xx, whole) to a client that asked for such, after the body; dropped where it
 * does not go at once. */
void body_stream_tell(struct body_stream *stream, struct bytes text);
bool body_stream_ended(const struct body_stream *stream);        /* the next request may follow */
struct bytes body_stream_rest(const struct body_stream *stream); /* bytes behind the body */

/* loop/encoding.c */
enum status encoding_unpack(struct bytes packed, size_t limit, struct bytes *plain,
                            struct arena *arena, struct error *err) must_check;
void encoding_pack(struct response *response); /* gzip, when that makes it smaller */
bool encoding_worth(const struct response *response, const struct settings *settings);

/* loop/listener.c */
enum status listener_open(struct server *server, const char *text, bool secure, struct error *err)
    must_check;
void listeners_close(struct server *server); /* from the first I/O thread, or when it has ended */

/* server.c */
uint64_t clock_ns(void);
bool server_buffer(struct server *server, size_t bytes); /* false: over the limit */
void server_unbuffer(struct server *server, size_t bytes);
void server_count(struct server *server, const struct route_match *match, enum http_method method,
                  int status, uint64_t nanoseconds);
void server_shed(struct server *server, const char *reason);
