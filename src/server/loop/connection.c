// SPDX-License-Identifier: Apache-2.0
/* A connection: bytes in, bytes out; what they mean is its kind's business. Belongs to one I/O
 * thread. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/internal.h"

enum {
    READS_A_ROUND = 16, /* of one connection, before others get their turn */
    SPARE_BYTES_MAX = 4 << 20,
    LINGER_MS = 2000,
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

void connection_unbuffer(struct connection *connection, struct text *text)
{
    server_unbuffer(connection->io->server, text->capacity);
    io_keep_buffer(connection->io, text);
}

void connection_close(struct connection *connection)
{
    struct io *io = connection->io;

    if (connection->watch.fd < 0)
        return;
    if (connection->detached &&
        connection->exchange.job) { /* a job reads it: it will come back soon */
        shutdown(connection->watch.fd, SHUT_RDWR);
        return;
    }
    if (!connection->detached)
        loop_remove(&io->loop, &connection->watch);
    if (connection->tls && connection->phase != PHASE_LINGER)
        tls_goodbye(connection->tls);
    tls_free(connection->tls);
    connection->tls = NULL;
    close(connection->watch.fd);
    connection->watch.fd = -1;
    connection->generation++;
    loop_timer_cancel(&io->loop, &connection->timer);
    connection->kind->release(connection);
    connection_unbuffer(connection, &connection->out);
    series_change(io->server->connections, -1);
    loop_defer(&io->loop, &connection->release);
}

void connection_watch(struct connection *connection, uint32_t events)
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

bool connection_append(struct connection *connection, struct text *text, struct bytes bytes)
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

/* All is said. After a refusal the peer may still be sending: closing now would reset the
 * connection and take our answer with it. */
void connection_finish(struct connection *connection, bool linger)
{
    if (linger && connection->tls)
        tls_goodbye(connection->tls);
    if (!linger || connection->half_closed || shutdown(connection->watch.fd, SHUT_WR) < 0) {
        connection_close(connection);
        return;
    }
    connection->phase = PHASE_LINGER;
    connection_unbuffer(connection, &connection->exchange.in);
    connection_watch(connection, EPOLLIN);
    loop_timer_set(&connection->io->loop, &connection->timer,
                   connection->io->loop.now_ms + LINGER_MS);
}

/* With TLS: what the socket takes of `first`, then of `second`; false when it is broken. */
static bool send_records(struct connection *connection, struct bytes first, struct bytes second,
                         size_t *sent)
{
    struct bytes parts[2] = {first, second};

    for (int i = 0; i < 2; i++)
        while (parts[i].size) {
            ssize_t got = tls_send(connection->tls, -1, parts[i].data, parts[i].size);

            if (got <= 0)
                return got < 0 && errno == EAGAIN;
            *sent += (size_t)got;
            parts[i].data += got;
            parts[i].size -= (size_t)got;
        }
    return true;
}

/* What the socket takes of `first` and `second`; false when it is broken. */
static bool send_two(struct connection *connection, struct bytes first, struct bytes second,
                     size_t *sent)
{
    struct iovec parts[2] = {{(void *)first.data, first.size}, {(void *)second.data, second.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = second.size ? 2 : 1};
    ssize_t got;

    *sent = 0;
    if (connection->tls) {
        bool open = send_records(connection, first, second, sent);

        series_add(connection->io->server->sent, *sent);
        return open;
    }
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
    if (!connection_append(connection, &connection->out, first) ||
        !connection_append(connection, &connection->out, second)) {
        server_shed(connection->io->server, "memory");
        connection_close(connection);
        return false;
    }
    connection->output_began_ms = connection->io->loop.now_ms;
    connection_watch(connection, EPOLLOUT);
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
    if (!connection_has_output(connection) && !send_two(connection, head, tail, &sent)) {
        connection_close(connection);
        open = false;
    } else if (sent < head.size + tail.size) {
        open = keep_output(connection, head, tail, sent);
    }
    text_clear(&io->out);
    return open;
}

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
    connection_unbuffer(connection, &connection->out);
    connection->out_sent = 0;
    connection->kind->resume(connection);
}

/* --- input --- */

/* Read once; false when there is no more for now. */
static bool receive_once(struct connection *connection)
{
    struct io *io = connection->io;
    uint8_t *room = io->buffer;
    size_t size = READ_BYTES;
    ssize_t got;

    if (connection->exchange.in.size) {
        room = (uint8_t *)reserve(connection, &connection->exchange.in, READ_BYTES);
        if (!room && exchange_busy(&connection->exchange)) {
            connection_close(connection);
            return false;
        }
        if (!room) {
            server_shed(io->server, "memory");
            answer_refuse(&connection->exchange, 503, "too many requests are being received");
            connection->kind->received(connection, io->buffer, 0);
            return false;
        }
        size = connection->exchange.in.capacity - connection->exchange.in.size - 1;
    }
    /* what comes after our goodbye is not even decrypted */
    got = tls_receive(connection->phase == PHASE_LINGER ? NULL : connection->tls,
                      connection->watch.fd, room, size);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (got < 0) {
        connection_close(connection);
        return false;
    }
    if (got == 0) {
        connection->half_closed = true;
        connection->kind->end(connection);
        return false;
    }
    series_add(io->server->received, (uint64_t)got);
    if (connection->phase == PHASE_LINGER)
        return (size_t)got == size;
    size = connection->tls ? TLS_RECORD_BYTES : size; /* a full record: probably not the last */
    connection->kind->received(connection, room, (size_t)got);
    return (size_t)got == size;
}

static void receive(struct connection *connection)
{
    for (int i = 0; i < READS_A_ROUND; i++)
        if (connection->watch.fd < 0 || connection->detached || connection_has_output(connection) ||
            !(connection->events & EPOLLIN) || !receive_once(connection))
            return;
}

/* To a client that speaks HTTP where TLS is spoken: in its own language. */
static void refuse_plain(struct connection *connection)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                 "Content-Type: application/json\r\nContent-Length: 44\r\n\r\n"
                                 "{\"error\":\"this port speaks https, not http\"}";

    if (tls_send(NULL, connection->watch.fd, answer, sizeof answer - 1) < 0)
        errno = 0;
    connection_finish(connection, true);
}

static void count_handshake(const struct connection *connection, const char *result)
{
    series_add(
        metrics_series(connection->io->server->metrics, METRIC_tls_handshakes_total, &result), 1);
}

static void begin(struct connection *connection)
{
    const char *protocol = tls_protocol(connection->tls);

    count_handshake(connection, "ok");
    connection->phase = PHASE_HEAD;
    connection_watch(connection, EPOLLIN);
    if (!strcmp(protocol, "h2")) {
        connection_http2_begin(connection, connection->io->buffer, 0);
        return;
    }
    connection->known = *protocol != 0;
    connection->kind->opened(connection);
}

static void shake_hands(struct connection *connection)
{
    enum tls_step step = tls_handshake(connection->tls);

    switch (step) {
    case TLS_DONE:
        begin(connection);
        break;
    case TLS_WANTS_INPUT:
    case TLS_WANTS_OUTPUT:
        connection_watch(connection, step == TLS_WANTS_INPUT ? EPOLLIN : EPOLLOUT);
        break;
    case TLS_PLAIN_HTTP:
        count_handshake(connection, "plain");
        refuse_plain(connection);
        break;
    case TLS_FAILED:
        count_handshake(connection, "failed");
        connection_close(connection);
        break;
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = of_watch(watch);

    if (watch->fd < 0)
        return; /* closed earlier in this round */
    if (connection->phase == PHASE_HANDSHAKE) {
        shake_hands(connection);
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP) &&
        (exchange_busy(&connection->exchange) || connection_has_output(connection) ||
         !(connection->events & EPOLLIN))) {
        connection_close(connection);
        return;
    }
    if (events & EPOLLOUT && connection_has_output(connection))
        send_pending(connection);
    else if (events & EPOLLOUT && connection->events & EPOLLOUT)
        connection->kind->resume(connection);
    if (watch->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(connection);
}

/* --- timeouts --- */

bool connection_too_slow(const struct connection *connection, uint64_t began_ms, uint64_t bytes)
{
    const struct settings *settings = &connection->io->server->settings;
    uint64_t elapsed = connection->io->loop.now_ms - began_ms;
    uint64_t grace = (uint64_t)settings->body_grace_ms;

    return elapsed > grace && bytes / (uint64_t)settings->body_rate_min < (elapsed - grace) / 1000;
}

void connection_count_timeout(struct connection *connection, const char *what)
{
    series_add(metrics_series(connection->io->server->metrics, METRIC_timeouts_total, &what), 1);
}

static void timeout(struct timer *timer)
{
    struct connection *connection =
        (struct connection *)((char *)timer - offsetof(struct connection, timer));

    if (connection->phase == PHASE_LINGER) {
        connection_close(connection);
    } else if (connection->phase == PHASE_HANDSHAKE) {
        connection_count_timeout(connection, "handshake");
        connection_close(connection);
    } else if (!connection_has_output(connection)) {
        connection->kind->timeout(connection);
    } else if (connection_too_slow(connection, connection->output_began_ms, connection->out_sent)) {
        connection_count_timeout(connection, "write");
        connection_close(connection);
    } else {
        loop_timer_set(&connection->io->loop, timer, connection->io->loop.now_ms + RATE_CHECK_MS);
    }
}

void connection_drain(struct connection *connection)
{
    if (connection->watch.fd < 0 || connection->phase == PHASE_LINGER)
        return;
    if (connection->phase == PHASE_HANDSHAKE)
        connection_close(connection);
    else
        connection->kind->drain(connection);
}

void connection_open(struct io *io, int fd, bool secure)
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
    fresh.kind = &connection_http1;
    *connection = fresh;
    connection->exchange.connection = connection;
    atomic_fetch_add(&io->connections, 1);
    if (secure) {
        connection->phase = PHASE_HANDSHAKE;
        connection->tls = tls_new(io->server->tls, fd);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    series_change(io->server->connections, 1);
    series_add(io->server->connections_total, 1);
    if ((secure && !connection->tls) || !loop_add(&io->loop, &connection->watch, EPOLLIN)) {
        connection->detached = true; /* not in the loop */
        connection_close(connection);
        return;
    }
    if (secure)
        loop_timer_set(&io->loop, &connection->timer,
                       io->loop.now_ms + (uint64_t)io->server->settings.handshake_timeout_ms);
    else
        connection->kind->opened(connection);
}
