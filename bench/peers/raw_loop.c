// SPDX-License-Identifier: Apache-2.0
/* The least a server can do: an epoll loop that reads a request and writes a constant answer.
 * raw_loop PORT FILE: FILE is the whole answer, headers included. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, REQUEST_MAX = 16384 };

static struct {
    size_t used;
    char request[REQUEST_MAX];
} connections[CONNECTIONS];
static char answer[REQUEST_MAX];
static ssize_t answer_size;

/* Bytes of the first request, 0 while it is not complete. */
static size_t request_size(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4), *length;
    size_t total;

    if (!end)
        return 0;
    length = strcasestr(data, "\r\ncontent-length:");
    total =
        (size_t)(end + 4 - data) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
    return total <= size ? total : 0;
}

static void serve(int fd)
{
    char *request = connections[fd].request;
    size_t *used = &connections[fd].used, size;
    ssize_t got = read(fd, request + *used, REQUEST_MAX - 1 - *used);

    if (got <= 0) {
        close(fd);
        return;
    }
    *used += (size_t)got;
    request[*used] = '\0';
    while ((size = request_size(request, *used)) > 0) {
        if (write(fd, answer, (size_t)answer_size) != answer_size)
            exit(1);
        *used -= size;
        memmove(request, request + size, *used + 1);
    }
}

int main(int argc, char **argv)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), one = 1, file;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[512], event = {.events = EPOLLIN, .data.fd = listener};

    if (argc != 3 || (file = open(argv[2], O_RDONLY)) < 0)
        return 2;
    answer_size = read(file, answer, sizeof answer);
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (answer_size <= 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, 1024))
        return 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (event.data.fd < 0 || event.data.fd >= CONNECTIONS)
                return 1;
            connections[event.data.fd].used = 0;
            setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
