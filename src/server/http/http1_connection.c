// SPDX-License-Identifier: Apache-2.0
/* HTTP/1.1 on a connection: requests cut out of the bytes one after another, and their answers.
 *
 * A connection without leftovers reads into the thread's buffer and its requests are answered from
 * there, so an idle connection holds no memory but its struct. */
#include <sys/epoll.h>

#include "server/internal.h"

enum {
    AHEAD_BYTES_MAX = 64 << 10, /* read of further requests while one is being answered */
    PIECES_A_ROUND = 64,        /* of a feed, before others get their turn */
};

/* --- input --- */

struct input { /* bytes at hand, the request being received at the front */
    uint8_t *data;
    size_t at, end;
};

static void begin_body(struct connection *connection, const struct http1_head *head)
{
    connection->phase = PHASE_BODY;
    connection->exchange.head_size = head->size;
    connection->chunked = head->chunked;
    connection->chunks = (struct http1_chunks){0};
    connection->exchange.body_size = head->content_length > 0 ? (uint64_t)head->content_length : 0;
    connection->began_ms = connection->io->loop.now_ms;
}

static void begin_head(struct connection *connection)
{
    connection->phase = PHASE_HEAD;
    connection->scanned = 0;
    connection->began_ms = 0;
}

/* Is the body there? HTTP1_DONE: *used are the bytes of the whole request. Chunks are decoded in
 * place; while more are to come the buffer ends behind what was decoded. */
static int take_body(struct connection *connection, struct input *input, size_t *used,
                     const char **why)
{
    uint8_t *start = input->data + input->at, *body = start + connection->exchange.head_size;
    size_t have = input->end - input->at - connection->exchange.head_size, eaten = 0, made = 0;
    int result;

    if (!connection->chunked) {
        *used = connection->exchange.head_size + (size_t)connection->exchange.body_size;
        return have >= connection->exchange.body_size ? HTTP1_DONE : HTTP1_MORE;
    }
    body += connection->exchange.body_size;
    have -= (size_t)connection->exchange.body_size;
    result = http1_decode_chunks(&connection->chunks, (struct bytes){body, have}, &eaten, body,
                                 &made, why);
    *used = connection->exchange.head_size + (size_t)connection->exchange.body_size + eaten;
    connection->exchange.body_size += made;
    if (result == HTTP1_MORE)
        input->end =
            input->at + connection->exchange.head_size + (size_t)connection->exchange.body_size;
    if (connection->exchange.body_size >
        (uint64_t)connection->io->server->settings.body_bytes_max) {
        *why = "request body is larger than body_bytes_max";
        return 413;
    }
    return result;
}

/* Parse the head at the front into io->head. */
static int take_head(struct connection *connection, const struct input *input, const char **why)
{
    const struct settings *settings = &connection->io->server->settings;
    struct http1_limits limits = {(size_t)settings->head_bytes_max,
                                  (size_t)settings->target_bytes_max};
    struct bytes data = {input->data + input->at, input->end - input->at};

    return http1_parse_head(data, &connection->scanned, &limits, &connection->io->head, why);
}

/* One request off the front of the input. False: no further one can be taken now. */
static bool take_request(struct connection *connection, struct input *input)
{
    bool fresh = connection->phase == PHASE_HEAD;
    const char *why = "";
    size_t used;
    int result;

    if (fresh) {
        result = take_head(connection, input, &why);
        if (result == HTTP1_MORE && connection->began_ms == 0)
            connection->began_ms = connection->io->loop.now_ms;
        if (result == HTTP1_MORE)
            return false;
        if (result != HTTP1_DONE)
            goto refuse;
        begin_body(connection, &connection->io->head);
        /* A head alone is looked at before its body comes, or is changed by decoding it. */
        if ((connection->chunked || input->end - input->at < connection->exchange.head_size +
                                                                 connection->exchange.body_size) &&
            !exchange_head(&connection->exchange, input->data + input->at,
                           input->end - input->at)) {
            input->at = input->end;
            return false;
        }
    }
    result = take_body(connection, input, &used, &why);
    if (result == HTTP1_MORE)
        return false;
    if (result == HTTP1_DONE && !fresh) { /* the same bytes: it cannot fail */
        connection->scanned = 0;
        result = take_head(connection, input, &why);
    }
    if (result != HTTP1_DONE)
        goto refuse;
    exchange_request(&connection->exchange, input->data + input->at, used);
    input->at += used;
    if (connection->phase == PHASE_BODY)
        begin_head(connection);
    return true;
refuse:
    answer_refuse(&connection->exchange, result, why);
    input->at = input->end;
    return false;
}

/* Keep what was not used for the next time. */
static bool keep_input(struct connection *connection, const struct input *input)
{
    size_t left = input->end - input->at;

    if (connection->exchange.in.data && (uint8_t *)connection->exchange.in.data == input->data) {
        if (left == 0) {
            connection_unbuffer(connection, &connection->exchange.in);
            return true;
        }
        if (input->at)
            memmove(input->data, input->data + input->at, left);
        connection->exchange.in.size = left;
        return true;
    }
    /* the bytes lie in the thread's buffer, or a job has taken the connection's */
    return connection_append(connection, &connection->exchange.in,
                             (struct bytes){input->data + input->at, left});
}

static void resume(struct connection *connection);
static void feed_on(struct connection *connection);

static void set_timer(struct connection *connection)
{
    const struct settings *settings = &connection->io->server->settings;
    uint64_t now = connection->io->loop.now_ms;

    if (connection_has_output(connection) || connection->phase == PHASE_BODY)
        now += RATE_CHECK_MS;
    else if (connection->phase == PHASE_HEAD && connection->began_ms == 0)
        now += (uint64_t)settings->idle_timeout_ms;
    else if (connection->phase == PHASE_HEAD)
        now = connection->began_ms + (uint64_t)settings->head_timeout_ms;
    else {
        loop_timer_cancel(&connection->io->loop, &connection->timer);
        return;
    }
    loop_timer_set(&connection->io->loop, &connection->timer, now);
}

/* Answer all requests that are whole in these bytes, keep the rest, send. */
static void process(struct connection *connection, uint8_t *data, size_t size)
{
    struct io *io = connection->io;
    struct input input = {.data = data, .end = size};

    while (input.at < input.end && connection->phase <= PHASE_BODY && !connection->closing &&
           !connection_has_output(connection) && take_request(connection, &input))
        if (io->out.size > OUT_BYTES_MAX && !connection_flush(connection, (struct bytes){0}))
            return;
    if (connection->watch.fd < 0)
        return;
    if (connection->closing) {
        connection->linger |= input.at < input.end;
        input.at = input.end;
    }
    if (!keep_input(connection, &input)) {
        server_shed(io->server, "memory");
        answer_refuse(&connection->exchange, 503, "too many requests are being received");
    }
    if (!connection_flush(connection, (struct bytes){0}))
        return;
    if (connection->phase == PHASE_FEED) {
        if (!connection_has_output(connection))
            feed_on(connection);
        return;
    }
    if (connection->closing && !connection_has_output(connection)) {
        connection_finish(connection, connection->linger);
        return;
    }
    if (connection->phase == PHASE_HEAD && connection->exchange.in.size == 0 &&
        !connection_has_output(connection)) {
        if (connection->half_closed || io->draining) {
            connection_finish(connection, false);
            return;
        }
    }
    set_timer(connection);
}

/* Go on with what was kept while a job ran or the socket was full. */
static void resume(struct connection *connection)
{
    if (connection->phase == PHASE_FEED) {
        feed_on(connection);
        return;
    }
    if (connection->phase == PHASE_JOB) {
        connection_watch(connection, EPOLLIN);
        return;
    }
    if (connection->closing) {
        connection_finish(connection, connection->linger);
        return;
    }
    connection_watch(connection, connection->half_closed ? 0 : EPOLLIN);
    process(connection, (uint8_t *)connection->exchange.in.data, connection->exchange.in.size);
    if (connection->watch.fd >= 0 && connection->half_closed && connection->phase <= PHASE_BODY &&
        !connection_has_output(connection))
        connection_close(connection); /* what is left will never be a whole request */
}

void connection_answered(struct connection *connection, struct bytes tail)
{
    connection->exchange.job = NULL;
    if (connection->detached) {
        connection->detached = false;
        connection->events = EPOLLIN;
        if (!loop_add(&connection->io->loop, &connection->watch, EPOLLIN)) {
            connection->detached = true;
            connection_close(connection);
            return;
        }
    }
    if (connection->phase != PHASE_FEED)
        begin_head(connection);
    if (connection_flush(connection, tail) && !connection_has_output(connection))
        resume(connection); /* else send_pending will */
}

/* --- answers that go on --- */

static void wake_feed(struct feeding *feeding)
{
    struct connection *connection =
        ((struct exchange *)((char *)feeding - offsetof(struct exchange, feeding)))->connection;

    if (!connection_has_output(connection))
        feed_on(connection);
}

void connection_feed(struct connection *connection, struct feed *feed, bool chunked)
{
    connection->phase = PHASE_FEED;
    connection->feed_chunked = chunked;
    feeding_start(connection->io, &connection->exchange.feeding, feed, wake_feed);
}

/* Send what the feed has. When the socket took all and there is more, or a further request waits,
 * it calls again. */
static void feed_on(struct connection *connection)
{
    struct io *io = connection->io;
    enum feed_state state = FEED_MORE;

    for (int i = 0; state == FEED_MORE && i < PIECES_A_ROUND && io->out.size < OUT_BYTES_MAX; i++) {
        state = feeding_next(io, &connection->exchange.feeding, &io->piece);
        answer_chunk(io, text_bytes(&io->piece), connection->feed_chunked);
        if (io->piece.failed || io->out.failed) {
            connection_close(connection);
            return;
        }
    }
    if (state >= FEED_END) {
        feeding_stop(io, &connection->exchange.feeding);
        if (connection->feed_chunked && state == FEED_END)
            text_append(&io->out, "0\r\n\r\n");
        connection->closing |= io->draining || state == FEED_CUT;
        begin_head(connection);
    }
    if (!connection_flush(connection, (struct bytes){0}) || connection_has_output(connection))
        return;
    if (state >= FEED_END && (connection->closing || connection->exchange.in.size == 0))
        resume(connection);
    else
        connection_watch(connection,
                         (connection->exchange.in.size < AHEAD_BYTES_MAX ? EPOLLIN : 0u) |
                             (state != FEED_WAIT ? EPOLLOUT : 0u));
}

/* --- the kind --- */

/* Does this beginning of a connection announce HTTP/2? HTTP1_MORE: it may. */
static int sniff(struct connection *connection, uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t common = size < sizeof preface - 1 ? size : sizeof preface - 1;

    if (connection->known)
        return HTTP1_DONE;
    connection->known = true;
    if (memcmp(data, preface, common) != 0)
        return HTTP1_DONE;
    if (size >= sizeof preface - 1) {
        connection_http2_begin(connection, data, size);
        return 200;
    }
    connection->known = false;
    if (connection->began_ms == 0)
        connection->began_ms = connection->io->loop.now_ms;
    if (!connection->exchange.in.size &&
        !connection_append(connection, &connection->exchange.in, (struct bytes){data, size}))
        connection_close(connection);
    else
        set_timer(connection);
    return HTTP1_MORE;
}

static void received(struct connection *connection, uint8_t *data, size_t size)
{
    struct text *in = &connection->exchange.in;

    if (in->size) { /* it was read behind what is there */
        in->size += size;
        data = (uint8_t *)in->data;
        size = in->size;
    }
    if (!exchange_busy(&connection->exchange)) {
        if (sniff(connection, data, size) == HTTP1_DONE)
            process(connection, data, size);
        return;
    }
    if (!in->size && !connection_append(connection, in, (struct bytes){data, size}))
        connection_close(connection);
    else if (in->size >= AHEAD_BYTES_MAX) /* until the request is answered */
        connection_watch(connection, connection->events & ~(uint32_t)EPOLLIN);
}

static void end(struct connection *connection)
{
    if (connection->phase == PHASE_FEED) /* nobody follows it any more */
        connection_close(connection);
    else if (connection->phase == PHASE_JOB || connection_has_output(connection))
        connection_watch(connection, connection_has_output(connection) ? EPOLLOUT : 0);
    else
        connection_close(connection);
}

static void refuse_slow(struct connection *connection, const char *what, const char *why)
{
    connection_count_timeout(connection, what);
    answer_refuse(&connection->exchange, 408, why);
    process(connection, connection->io->buffer, 0);
}

static void timeout(struct connection *connection)
{
    if (connection->phase == PHASE_BODY) {
        if (connection_too_slow(connection, connection->began_ms, connection->exchange.in.size))
            refuse_slow(connection, "body", "the request body came too slowly");
        else
            set_timer(connection);
    } else if (connection->phase == PHASE_HEAD && connection->began_ms) {
        refuse_slow(connection, "head", "the request head did not come in time");
    } else if (connection->phase == PHASE_HEAD) {
        connection_count_timeout(connection, "idle");
        connection_close(connection);
    }
}

static void drain(struct connection *connection)
{
    if (connection_has_output(connection))
        return;
    if (connection->phase == PHASE_HEAD && connection->exchange.in.size == 0)
        connection_finish(connection, false);
    else if (connection->phase == PHASE_FEED)
        feed_on(connection);
}

static void release(struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;

    if (exchange->job) /* it will come back and find nobody */
        atomic_store_explicit(&exchange->job->cancelled, true, memory_order_relaxed);
    exchange->job = NULL;
    feeding_stop(connection->io, &exchange->feeding);
    connection_unbuffer(connection, &exchange->in);
}

const struct connection_kind connection_http1 = {
    .opened = set_timer,
    .received = received,
    .end = end,
    .resume = resume,
    .timeout = timeout,
    .drain = drain,
    .release = release,
};
