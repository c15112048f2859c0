// SPDX-License-Identifier: Apache-2.0
/* Load for bench/grpc.py: unary calls over HTTP/2, so many connections with so many calls under way
 * on each, and the next one as soon as one is answered.
 *
 *     grpc_load PORT PATH MESSAGE-FILE CONNECTIONS STREAMS MILLISECONDS
 *
 * Prints "RESULT answered failed p50_us p99_us". */
#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, CALLS_MAX = 1 << 24 };

struct call {
    size_t sent;
    double began;
    int ok; /* grpc-status 0 was seen */
};

struct client {
    int fd;
    nghttp2_session *session;
};

static unsigned char message[1 << 20];
static size_t message_size;
static const char *path;
static double end_at;
static unsigned long answered, failed;
static float *times;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t room,
                    uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct call *call = source->ptr;
    size_t left = message_size - call->sent;

    (void)session, (void)id, (void)context;
    left = left < room ? left : room;
    memcpy(buffer, message + call->sent, left);
    call->sent += left;
    if (call->sent == message_size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)left;
}

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, strlen(value),                    \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                           \
    }

static void begin(struct client *client, struct call *call)
{
    nghttp2_nv fields[] = {FIELD(":method", "POST"),   FIELD(":scheme", "http"),
                           FIELD(":path", path),       FIELD(":authority", "localhost"),
                           FIELD("te", "trailers"),    FIELD("content-type", "application/grpc"),
                           FIELD("user-agent", "load")};
    nghttp2_data_provider data = {.source.ptr = call, .read_callback = give};

    *call = (struct call){.began = now()};
    nghttp2_submit_request(client->session, NULL, fields, sizeof fields / sizeof fields[0], &data,
                           call);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags,
                     void *context)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)context;
    if (call && name_size == 11 && memcmp(name, "grpc-status", 11) == 0)
        call->ok = size == 1 && *value == '0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, id);

    if (!call->ok || code)
        failed++;
    else if (answered < CALLS_MAX)
        times[answered++] = (float)((now() - call->began) * 1e6);
    if (now() < end_at)
        begin(context, call);
    return 0;
}

static void open_client(struct client *client, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    nghttp2_session_callbacks *callbacks;
    int on = 1;

    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address))
        exit(1);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&client->session, callbacks, client);
    nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void flush(struct client *client)
{
    static unsigned char out[1 << 20];
    size_t size = 0;

    for (;;) {
        const uint8_t *data;
        ssize_t got = nghttp2_session_mem_send(client->session, &data);

        if (got > 0 && size + (size_t)got <= sizeof out) {
            memcpy(out + size, data, (size_t)got);
            size += (size_t)got;
            continue;
        }
        for (size_t at = 0; at < size;) {
            ssize_t sent = send(client->fd, out + at, size - at, MSG_NOSIGNAL);

            if (sent < 0)
                exit(1);
            at += (size_t)sent;
        }
        if (got <= 0)
            return;
        memcpy(out, data, (size_t)got);
        size = (size_t)got;
    }
}

static int compare(const void *a, const void *b)
{
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

int main(int argc, char **argv)
{
    static struct client clients[CONNECTIONS_MAX];
    static unsigned char in[1 << 16];
    struct pollfd waits[CONNECTIONS_MAX];
    int count = argc > 6 ? atoi(argv[4]) : 0, streams = argc > 6 ? atoi(argv[5]) : 0;
    FILE *file = argc > 6 ? fopen(argv[3], "rb") : NULL;

    if (!file || count < 1 || count > CONNECTIONS_MAX || streams < 1)
        return 2;
    message_size = fread(message + 5, 1, sizeof message - 5, file);
    fclose(file);
    for (int i = 0; i < 4; i++)
        message[1 + i] = (unsigned char)(message_size >> (24 - 8 * i));
    message_size += 5;
    path = argv[2];
    times = malloc(CALLS_MAX * sizeof *times);
    end_at = now() + atoi(argv[6]) / 1000.0;
    for (int i = 0; i < count; i++) {
        struct call *calls = calloc((size_t)streams, sizeof *calls);

        open_client(&clients[i], atoi(argv[1]));
        waits[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        for (int s = 0; s < streams; s++)
            begin(&clients[i], &calls[s]);
        flush(&clients[i]);
    }
    while (now() < end_at) {
        poll(waits, (nfds_t)count, 100);
        for (int i = 0; i < count; i++) {
            ssize_t got;

            if (!waits[i].revents)
                continue;
            got = recv(clients[i].fd, in, sizeof in, 0);
            if (got <= 0 || nghttp2_session_mem_recv(clients[i].session, in, (size_t)got) < 0)
                return 1;
            flush(&clients[i]);
        }
    }
    qsort(times, answered, sizeof *times, compare);
    printf("RESULT %lu %lu %.0f %.0f\n", answered, failed, times[answered / 2],
           times[answered * 99 / 100]);
    return 0;
}
