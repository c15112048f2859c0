// SPDX-License-Identifier: Apache-2.0
/* Where the server listens, and how connections get to the I/O threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/internal.h"

enum { BACKLOG = 1024, ACCEPTS_A_ROUND = 64 };

/* --- accepting --- */

static struct io *least_loaded(struct server *server, uint64_t *total)
{
    struct io *best = &server->ios[0];

    *total = 0;
    for (unsigned i = 0; i < server->io_count; i++) {
        struct io *io = &server->ios[i];
        uint32_t count = atomic_load_explicit(&io->connections, memory_order_relaxed);

        *total += count;
        if (count < atomic_load_explicit(&best->connections, memory_order_relaxed))
            best = io;
    }
    return best;
}

struct arrival { /* an accepted socket on its way to its I/O thread */
    struct task task;
    struct io *io;
    int fd;
    bool secure;
};

static void arrive(struct task *task)
{
    struct arrival *arrival = (struct arrival *)task;

    /* counted by the listener already, so that it sees where it sent the ones before */
    atomic_fetch_sub(&arrival->io->connections, 1);
    if (arrival->io->draining)
        close(arrival->fd);
    else
        connection_open(arrival->io, arrival->fd, arrival->secure);
    free(arrival);
}

static void refuse_connection(struct server *server, int fd, bool secure, const char *reason)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                 "Connection: close\r\nContent-Type: application/json\r\n"
                                 "Content-Length: 32\r\n\r\n{\"error\":\"too many connections\"}";

    series_add(metrics_series(server->metrics, METRIC_connections_refused_total, &reason), 1);
    if (!secure && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        errno = 0;
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void place(const struct listener *listener, int fd)
{
    struct io *listening = listener->io;
    struct server *server = listening->server;
    uint64_t total;
    struct io *io = least_loaded(server, &total);
    struct arrival *arrival;

    if (total >= (uint64_t)server->settings.connections_max) {
        refuse_connection(server, fd, listener->secure, "connections_max");
        return;
    }
    if (io == listening) {
        connection_open(io, fd, listener->secure);
        return;
    }
    arrival = malloc(sizeof *arrival);
    if (!arrival) {
        close(fd);
        return;
    }
    *arrival = (struct arrival){.task.run = arrive, .io = io, .fd = fd, .secure = listener->secure};
    atomic_fetch_add(&io->connections, 1);
    loop_post(&io->loop, &arrival->task);
}

/* Out of descriptors: use the one we kept back to take the connection and refuse it; left in the
 * backlog it would wake us for ever. */
static void refuse_one(const struct listener *listener)
{
    struct io *io = listener->io;
    int fd;

    close(io->spare_fd);
    fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse_connection(io->server, fd, listener->secure, "descriptors");
    io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_ready(struct watch *watch, uint32_t events)
{
    struct listener *listener = (struct listener *)watch;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_ROUND && listener->watch.fd >= 0; i++) {
        int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            place(listener, fd);
        else if (errno == EMFILE || errno == ENFILE)
            refuse_one(listener);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* --- listening --- */

static enum status parse_address(const char *text, char *host, size_t host_size, const char **port,
                                 struct error *err)
{
    const char *colon = strrchr(text, ':'), *start = text, *stop = colon;

    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || atoi(colon + 1) > UINT16_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "address '%s' is not HOST:PORT", text);
    if (*start == '[' && stop[-1] == ']') {
        start++;
        stop--;
    }
    if ((size_t)(stop - start) >= host_size)
        return error_set(err, STATUS_INVALID_INPUT, "address '%s' is too long", text);
    memcpy(host, start, (size_t)(stop - start));
    host[stop - start] = 0;
    *port = colon + 1;
    return STATUS_OK;
}

static enum status listen_at(const struct addrinfo *address, const char *text, int *result,
                             struct error *err)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen at %s: %s", text, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG)) {
        int why = errno;

        close(fd);
        return error_set(err, why == EADDRINUSE ? STATUS_CONFLICT : STATUS_UNAVAILABLE,
                         "cannot listen at %s: %s", text, strerror(why));
    }
    *result = fd;
    return STATUS_OK;
}

static void note_address(struct listener *listener, const struct sockaddr_storage *bound)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)bound;
    const struct sockaddr_in *four = (const struct sockaddr_in *)bound;

    if (bound->ss_family == AF_INET6) {
        listener->port = ntohs(six->sin6_port);
        listener->loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    } else {
        listener->port = ntohs(four->sin_port);
        listener->loopback = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
}

enum status listener_open(struct server *server, const char *text, bool secure, struct error *err)
{
    struct io *io = &server->ios[0];
    struct listener *listener = &server->listeners[secure];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    struct addrinfo *addresses;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[256];
    const char *port = NULL;
    enum status status;
    int failure, fd = -1;

    TRY(parse_address(text, host, sizeof host, &port, err));
    failure = getaddrinfo(*host ? host : NULL, port, &hints, &addresses);
#ifndef FIRN_STANDALONE /* which has no way to look up names: their libraries are the host's */
    if (failure == EAI_NONAME) { /* a name; looking it up loads much, so numbers come first */
        hints.ai_flags = AI_PASSIVE;
        failure = getaddrinfo(host, port, &hints, &addresses);
    }
#endif
    if (failure)
        return error_set(err, STATUS_INVALID_INPUT, "address '%s': %s", text,
                         gai_strerror(failure));
    status = listen_at(addresses, text, &fd, err);
    freeaddrinfo(addresses);
    if (status != STATUS_OK)
        return status;
    *listener =
        (struct listener){.watch = {.fd = fd, .ready = accept_ready}, .io = io, .secure = secure};
    if (io->spare_fd < 0)
        io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!loop_add(&io->loop, &listener->watch, EPOLLIN))
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen at %s", text);
    getsockname(fd, (struct sockaddr *)&bound, &size);
    note_address(listener, &bound);
    return STATUS_OK;
}

void listeners_close(struct server *server)
{
    for (int i = 0; i < LISTENERS; i++) {
        struct listener *listener = &server->listeners[i];

        if (listener->watch.fd < 0)
            continue;
        loop_remove(&listener->io->loop, &listener->watch);
        close(listener->watch.fd);
        listener->watch.fd = -1;
    }
}
