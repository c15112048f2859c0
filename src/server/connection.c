// SPDX-License-Identifier: Apache-2.0
/* A connection: bytes in, requests cut out of them, answers out. Belongs to one I/O thread.
 *
 * A connection without leftovers reads into the thread's buffer and its requests are answered from
 * there, so an idle connection holds no memory but its struct. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/internal.h"

enum {
    OUT_BYTES_MAX = 64 << 10,   /* answers gathered before they are sent */
    AHEAD_BYTES_MAX = 64 << 10, /* read of further requests while one is being answered */
    READS_A_ROUND = 16,         /* of one connection, before others get their turn */
    PIECES_A_ROUND = 64,        /* of a feed, likewise */
    SPARE_BYTES_MAX = 4 << 20,
    LINGER_MS = 2000,
    RATE_CHECK_MS = 1000,
    SLOTS_START = 64,
};

static const uint32_t NO_SLOT = UINT32_MAX;

static struct connection *of_watch(struct watch *watch)
{
    return (struct connection *)((char *)watch - offsetof(struct connection, watch));
}

/* --- life --- */

static bool slots_grow(struct io *io)
{
    uint32_t capacity = io->slot_capacity ? io->slot_capacity * 2 : SLOTS_START;
    struct connection **slots = realloc(io->slots, capacity * sizeof(struct connection *));

    if (!slots)
        return false;
    io->slots = slots;
    io->slot_capacity = capacity;
    return true;
}

/* Connections are recycled, never given back while the thread runs, so that a slot keeps its
 * generation. */
static struct connection *connection_take(struct io *io)
{
    struct connection *connection;

    if (io->free_slot != NO_SLOT) {
        connection = io->slots[io->free_slot];
        io->free_slot = connection->next_free;
        return connection;
    }
    if (io->slot_count == io->slot_capacity && !slots_grow(io))
        return NULL;
    connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->slot = io->slot_count;
    io->slots[io->slot_count++] = connection;
    return connection;
}

static void release(struct task *task)
{
    struct connection *connection =
        (struct connection *)((char *)task - offsetof(struct connection, release));
    struct io *io = connection->io;

    connection->next_free = io->free_slot;
    io->free_slot = connection->slot;
    if (atomic_fetch_sub(&io->connections, 1) == 1 && io->draining)
        loop_stop(&io->loop);
}

struct connection *io_connection(struct io *io, uint32_t slot, uint32_t generation)
{
    struct connection *connection = slot < io->slot_count ? io->slots[slot] : NULL;

    return connection && connection->generation == generation && connection->watch.fd >= 0
               ? connection
               : NULL;
}

void io_keep_buffer(struct io *io, struct text *text)
{
    struct text smaller = *text;

    if (text->capacity > io->spare.capacity && text->capacity <= SPARE_BYTES_MAX) {
        smaller = io->spare;
        io->spare = *text;
        text_clear(&io->spare);
    }
    text_release(&smaller);
    *text = (struct text){0};
}

static void unbuffer(struct connection *connection, struct text *text)
{
    server_unbuffer(connection->io->server, text->capacity);
    io_keep_buffer(connection->io, text);
}

void connection_close(struct connection *connection)
{
    struct io *io = connection->io;

    if (connection->watch.fd < 0)
        return;
    if (connection->detached && connection->job) { /* a job reads it: it will come back soon */
        shutdown(connection->watch.fd, SHUT_RDWR);
        return;
    }
    if (!connection->detached)
        loop_remove(&io->loop, &connection->watch);
    close(connection->watch.fd);
    connection->watch.fd = -1;
    connection->generation++;
    loop_timer_cancel(&io->loop, &connection->timer);
    if (connection->job) /* it will come back and find nobody */
        atomic_store_explicit(&connection->job->cancelled, true, memory_order_relaxed);
    connection->job = NULL;
    feeding_stop(io, &connection->feeding);
    unbuffer(connection, &connection->in);
    unbuffer(connection, &connection->out);
    series_change(io->server->connections, -1);
    loop_defer(&io->loop, &connection->release);
}

static void watch_events(struct connection *connection, uint32_t events)
{
    if (connection->events == events || connection->detached)
        return;
    connection->events = events;
    loop_change(&connection->io->loop, &connection->watch, events);
}

/* --- buffers --- */

/* Room for `size` more bytes at the end of `text`, within the server's budget; or NULL. */
static char *reserve(struct connection *connection, struct text *text, size_t size)
{
    size_t before = text->capacity;
    char *room;

    if (before == 0 && connection->io->spare.capacity > size) {
        *text = connection->io->spare;
        connection->io->spare = (struct text){0};
    }
    room = text_reserve(text, size);

    if (text->capacity > before &&
        !server_buffer(connection->io->server, text->capacity - before)) {
        server_unbuffer(connection->io->server, before);
        text_release(text);
        return NULL;
    }
    return room;
}

static bool append(struct connection *connection, struct text *text, struct bytes bytes)
{
    char *room = bytes.size ? reserve(connection, text, bytes.size) : text->data;

    if (bytes.size == 0)
        return true;
    if (!room)
        return false;
    memcpy(room, bytes.data, bytes.size);
    text->size += bytes.size;
    return true;
}

/* --- output --- */

/* A request is being answered: further ones wait. */
static bool is_busy(const struct connection *connection)
{
    return connection->phase == PHASE_JOB || connection->phase == PHASE_FEED;
}

static bool has_output(const struct connection *connection)
{
    return connection->out.size > connection->out_sent;
}

/* All is said. After a refusal the peer may still be sending: closing now would reset the
 * connection and take our answer with it. */
static void finish(struct connection *connection, bool linger)
{
    if (!linger || connection->half_closed || shutdown(connection->watch.fd, SHUT_WR) < 0) {
        connection_close(connection);
        return;
    }
    connection->phase = PHASE_LINGER;
    unbuffer(connection, &connection->in);
    watch_events(connection, EPOLLIN);
    loop_timer_set(&connection->io->loop, &connection->timer,
                   connection->io->loop.now_ms + LINGER_MS);
}

/* What the socket takes of `first` and `second`; false when it is broken. */
static bool send_two(struct connection *connection, struct bytes first, struct bytes second,
                     size_t *sent)
{
    struct iovec parts[2] = {{(void *)first.data, first.size}, {(void *)second.data, second.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = second.size ? 2 : 1};
    ssize_t got;

    *sent = 0;
    do {
        if (second.size == 0)
            got = send(connection->watch.fd, first.data, first.size, MSG_NOSIGNAL);
        else
            got = sendmsg(connection->watch.fd, &message, MSG_NOSIGNAL);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK;
    *sent = (size_t)got;
    series_add(connection->io->server->sent, *sent);
    return true;
}

/* Keep what the socket did not take and wait until it can. */
static bool keep_output(struct connection *connection, struct bytes first, struct bytes second,
                        size_t sent)
{
    if (sent < first.size) {
        first.data += sent;
        first.size -= sent;
    } else {
        second.data += sent - first.size;
        second.size -= sent - first.size;
        first.size = 0;
    }
    if (!append(connection, &connection->out, first) ||
        !append(connection, &connection->out, second)) {
        server_shed(connection->io->server, "memory");
        connection_close(connection);
        return false;
    }
    connection->began_ms = connection->io->loop.now_ms;
    watch_events(connection, EPOLLOUT);
    loop_timer_set(&connection->io->loop, &connection->timer,
                   connection->io->loop.now_ms + RATE_CHECK_MS);
    return true;
}

bool connection_flush(struct connection *connection, struct bytes tail)
{
    struct io *io = connection->io;
    struct bytes head = text_bytes(&io->out);
    size_t sent = 0;
    bool open = true;

    if (head.size + tail.size == 0)
        return true;
    if (!has_output(connection) && !send_two(connection, head, tail, &sent)) {
        connection_close(connection);
        open = false;
    } else if (sent < head.size + tail.size) {
        open = keep_output(connection, head, tail, sent);
    }
    text_clear(&io->out);
    return open;
}

static void resume(struct connection *connection);
static void feed_on(struct connection *connection);

static void send_pending(struct connection *connection)
{
    struct bytes rest = {(const uint8_t *)connection->out.data + connection->out_sent,
                         connection->out.size - connection->out_sent};
    size_t sent;

    if (!send_two(connection, rest, (struct bytes){0}, &sent)) {
        connection_close(connection);
        return;
    }
    connection->out_sent += sent;
    if (sent < rest.size)
        return;
    unbuffer(connection, &connection->out);
    connection->out_sent = 0;
    if (connection->phase == PHASE_JOB)
        watch_events(connection, EPOLLIN);
    else
        resume(connection);
}

/* --- input --- */

struct input { /* bytes at hand, the request being received at the front */
    uint8_t *data;
    size_t at, end;
};

static void begin_body(struct connection *connection, const struct http1_head *head)
{
    connection->phase = PHASE_BODY;
    connection->head_size = head->size;
    connection->chunked = head->chunked;
    connection->chunks = (struct http1_chunks){0};
    connection->body_size = head->content_length > 0 ? (uint64_t)head->content_length : 0;
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
    uint8_t *start = input->data + input->at, *body = start + connection->head_size;
    size_t have = input->end - input->at - connection->head_size, eaten = 0, made = 0;
    int result;

    if (!connection->chunked) {
        *used = connection->head_size + (size_t)connection->body_size;
        return have >= connection->body_size ? HTTP1_DONE : HTTP1_MORE;
    }
    body += connection->body_size;
    have -= (size_t)connection->body_size;
    result = http1_decode_chunks(&connection->chunks, (struct bytes){body, have}, &eaten, body,
                                 &made, why);
    *used = connection->head_size + (size_t)connection->body_size + eaten;
    connection->body_size += made;
    if (result == HTTP1_MORE)
        input->end = input->at + connection->head_size + (size_t)connection->body_size;
    if (connection->body_size > (uint64_t)connection->io->server->settings.body_bytes_max) {
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
        if ((connection->chunked ||
             input->end - input->at < connection->head_size + connection->body_size) &&
            !exchange_head(connection, input->data + input->at, input->end - input->at)) {
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
    exchange_request(connection, input->data + input->at, used);
    input->at += used;
    if (connection->phase == PHASE_BODY)
        begin_head(connection);
    return true;
refuse:
    answer_refuse(connection, result, why);
    input->at = input->end;
    return false;
}

/* Keep what was not used for the next time. */
static bool keep_input(struct connection *connection, const struct input *input)
{
    size_t left = input->end - input->at;

    if (connection->in.data && (uint8_t *)connection->in.data == input->data) {
        if (left == 0) {
            unbuffer(connection, &connection->in);
            return true;
        }
        if (input->at)
            memmove(input->data, input->data + input->at, left);
        connection->in.size = left;
        return true;
    }
    /* the bytes lie in the thread's buffer, or a job has taken the connection's */
    return append(connection, &connection->in, (struct bytes){input->data + input->at, left});
}

static void set_timer(struct connection *connection)
{
    const struct settings *settings = &connection->io->server->settings;
    uint64_t now = connection->io->loop.now_ms;

    if (has_output(connection) || connection->phase == PHASE_BODY)
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
           !has_output(connection) && take_request(connection, &input))
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
        answer_refuse(connection, 503, "too many requests are being received");
    }
    if (!connection_flush(connection, (struct bytes){0}))
        return;
    if (connection->phase == PHASE_FEED) {
        feed_on(connection);
        return;
    }
    if (connection->closing && !has_output(connection)) {
        finish(connection, connection->linger);
        return;
    }
    if (connection->phase == PHASE_HEAD && connection->in.size == 0 && !has_output(connection)) {
        if (connection->half_closed || io->draining) {
            finish(connection, false);
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
    if (connection->closing) {
        finish(connection, connection->linger);
        return;
    }
    watch_events(connection, connection->half_closed ? 0 : EPOLLIN);
    process(connection, (uint8_t *)connection->in.data, connection->in.size);
    if (connection->watch.fd >= 0 && connection->half_closed && connection->phase <= PHASE_BODY &&
        !has_output(connection))
        connection_close(connection); /* what is left will never be a whole request */
}

void connection_answered(struct connection *connection, struct bytes tail)
{
    connection->job = NULL;
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
    if (connection_flush(connection, tail) && !has_output(connection))
        resume(connection); /* else send_pending will */
}

/* --- answers that go on --- */

static void wake_feed(struct feeding *feeding)
{
    struct connection *connection =
        (struct connection *)((char *)feeding - offsetof(struct connection, feeding));

    if (!has_output(connection))
        feed_on(connection);
}

void connection_feed(struct connection *connection, struct feed *feed, bool chunked)
{
    connection->phase = PHASE_FEED;
    connection->feed_chunked = chunked;
    feeding_start(connection->io, &connection->feeding, feed, wake_feed);
}

/* Send what the feed has. When the socket took all and there is more, or a further request waits,
 * it calls again. */
static void feed_on(struct connection *connection)
{
    struct io *io = connection->io;
    enum feed_state state = FEED_MORE;

    for (int i = 0; state == FEED_MORE && i < PIECES_A_ROUND && io->out.size < OUT_BYTES_MAX; i++) {
        state = feeding_next(io, &connection->feeding, &io->piece);
        answer_chunk(io, text_bytes(&io->piece), connection->feed_chunked);
        if (io->piece.failed || io->out.failed) {
            connection_close(connection);
            return;
        }
    }
    if (state == FEED_END) {
        feeding_stop(io, &connection->feeding);
        if (connection->feed_chunked)
            text_append(&io->out, "0\r\n\r\n");
        connection->closing |= io->draining;
        begin_head(connection);
    }
    if (!connection_flush(connection, (struct bytes){0}) || has_output(connection))
        return;
    if (state == FEED_END && (connection->closing || connection->in.size == 0))
        resume(connection);
    else
        watch_events(connection, (connection->in.size < AHEAD_BYTES_MAX ? EPOLLIN : 0u) |
                                     (state != FEED_WAIT ? EPOLLOUT : 0u));
}

static void end_of_input(struct connection *connection)
{
    connection->half_closed = true;
    if (connection->phase == PHASE_FEED) /* nobody follows it any more */
        connection_close(connection);
    else if (connection->phase == PHASE_JOB || has_output(connection))
        watch_events(connection, has_output(connection) ? EPOLLOUT : 0);
    else
        connection_close(connection);
}

/* Read once; false when there is no more for now. */
static bool receive_once(struct connection *connection)
{
    struct io *io = connection->io;
    uint8_t *room = io->buffer;
    size_t size = READ_BYTES;
    ssize_t got;

    if (connection->in.size) {
        room = (uint8_t *)reserve(connection, &connection->in, READ_BYTES);
        if (!room) {
            server_shed(io->server, "memory");
            answer_refuse(connection, 503, "too many requests are being received");
            process(connection, io->buffer, 0);
            return false;
        }
        size = connection->in.capacity - connection->in.size - 1;
    }
    do {
        got = recv(connection->watch.fd, room, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (got < 0) {
        connection_close(connection);
        return false;
    }
    if (got == 0) {
        end_of_input(connection);
        return false;
    }
    series_add(io->server->received, (uint64_t)got);
    if (connection->phase == PHASE_LINGER)
        return (size_t)got == size;
    if (room != io->buffer) {
        connection->in.size += (size_t)got;
        if (!is_busy(connection))
            process(connection, (uint8_t *)connection->in.data, connection->in.size);
    } else if (is_busy(connection)) {
        if (!append(connection, &connection->in, (struct bytes){room, (size_t)got}))
            connection_close(connection);
    } else {
        process(connection, room, (size_t)got);
    }
    return (size_t)got == size;
}

static void receive(struct connection *connection)
{
    for (int i = 0; i < READS_A_ROUND; i++) {
        if (connection->watch.fd < 0 || connection->detached || has_output(connection))
            return;
        if (is_busy(connection) && connection->in.size >= AHEAD_BYTES_MAX) {
            watch_events(connection, 0); /* until the request is answered */
            return;
        }
        if (!receive_once(connection))
            return;
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = of_watch(watch);

    if (watch->fd < 0)
        return; /* closed earlier in this round */
    if (events & (EPOLLERR | EPOLLHUP) && (is_busy(connection) || has_output(connection))) {
        connection_close(connection);
        return;
    }
    if (events & EPOLLOUT && has_output(connection))
        send_pending(connection);
    else if (events & EPOLLOUT && connection->phase != PHASE_JOB)
        resume(connection);
    if (watch->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(connection);
}

/* --- timeouts --- */

/* Has a transfer that began at began_ms moved `bytes` fast enough? */
static bool too_slow(const struct connection *connection, uint64_t bytes)
{
    const struct settings *settings = &connection->io->server->settings;
    uint64_t elapsed = connection->io->loop.now_ms - connection->began_ms;
    uint64_t grace = (uint64_t)settings->body_grace_ms;

    return elapsed > grace && bytes / (uint64_t)settings->body_rate_min < (elapsed - grace) / 1000;
}

static void count_timeout(struct connection *connection, const char *what)
{
    series_add(metrics_series(connection->io->server->metrics, METRIC_timeouts_total, &what), 1);
}

static void refuse_slow(struct connection *connection, const char *what, const char *why)
{
    count_timeout(connection, what);
    answer_refuse(connection, 408, why);
    process(connection, connection->io->buffer, 0);
}

static void timeout(struct timer *timer)
{
    struct connection *connection =
        (struct connection *)((char *)timer - offsetof(struct connection, timer));

    if (connection->phase == PHASE_LINGER) {
        connection_close(connection);
    } else if (has_output(connection)) {
        if (too_slow(connection, connection->out_sent)) {
            count_timeout(connection, "write");
            connection_close(connection);
        } else
            set_timer(connection);
    } else if (connection->phase == PHASE_BODY) {
        if (too_slow(connection, connection->in.size))
            refuse_slow(connection, "body", "the request body came too slowly");
        else
            set_timer(connection);
    } else if (connection->phase == PHASE_HEAD && connection->began_ms) {
        refuse_slow(connection, "head", "the request head did not come in time");
    } else if (connection->phase == PHASE_HEAD) {
        count_timeout(connection, "idle");
        connection_close(connection);
    }
}

void connection_drain(struct connection *connection)
{
    if (connection->watch.fd >= 0 && connection->phase == PHASE_HEAD && connection->in.size == 0 &&
        !has_output(connection))
        finish(connection, false);
    else if (connection->phase == PHASE_FEED && !has_output(connection))
        feed_on(connection);
}

void connection_open(struct io *io, int fd)
{
    struct connection *connection = connection_take(io);
    struct connection fresh = {0};
    int on = 1;

    if (!connection) {
        close(fd);
        return;
    }
    fresh.slot = connection->slot;
    fresh.generation = connection->generation;
    fresh.io = io;
    fresh.watch = (struct watch){.fd = fd, .ready = ready};
    fresh.timer.fire = timeout;
    fresh.release.run = release;
    fresh.events = EPOLLIN;
    *connection = fresh;
    atomic_fetch_add(&io->connections, 1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    series_change(io->server->connections, 1);
    series_add(io->server->connections_total, 1);
    if (!loop_add(&io->loop, &connection->watch, EPOLLIN)) {
        connection->detached = true; /* not in the loop */
        connection_close(connection);
        return;
    }
    set_timer(connection);
}
