// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 above nghttp2, and gRPC's framing: a connection of a server without listener gets the
 * input, in pieces, behind preface and settings; when it is closed nothing may be left. The first
 * byte says how large the pieces are, and whether the client reads.  */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/feed.h"
#include "server/grpc/grpc.h"
#include "server/internal.h"

static const char BEGIN[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static void require(int condition)
{
    if (!condition)
        abort();
}

/* --- routes --- */

static enum status echo(struct request *request, struct response *response, struct error *err)
{
    struct bytes value;

    if (request->body.size && request->body.data[0] == 'f')
        return error_set(err, STATUS_CONFLICT, "the body begins with f");
    if (request_header(request, "later", &value) && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    text_append_bytes(&response->body, request->body);
    return STATUS_OK;
}

static enum status upload(struct request *request, struct response *response, struct error *err)
{
    uint8_t data[512];
    size_t got = 1;

    (void)response;
    while (got)
        TRY(body_stream_read(request->stream, data, sizeof data, &got, err));
    return STATUS_OK;
}

struct talk {
    struct feed base;
    struct text said;
    bool over;
};

static enum feed_state next(struct feed *base, struct executor *executor, struct text *out)
{
    struct talk *talk = (struct talk *)base;

    (void)executor;
    if (!talk->said.size)
        return talk->over ? FEED_END : FEED_WAIT;
    text_append_bytes(out, text_bytes(&talk->said));
    text_clear(&talk->said);
    return FEED_MORE;
}

static void received(struct feed *base, struct bytes message)
{
    struct talk *talk = (struct talk *)base;

    require(!talk->over);
    talk->over = !message.data;
    text_append_bytes(&talk->said, message);
}

static void talk_free(struct feed *base)
{
    text_release(&((struct talk *)base)->said);
    free(base);
}

static const struct feed_class TALK = {next, received, talk_free};

static enum status chat(struct request *request, struct response *response, struct error *err)
{
    struct talk *talk = calloc(1, sizeof *talk);

    if (!talk)
        return error_no_memory(err, "a test");
    talk->base.class = &TALK;
    text_append_bytes(&talk->said, request->body);
    response->feed = &talk->base;
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/e", echo, "echo", 0},
    {HTTP_POST, "/u", upload, "upload", ROUTE_STREAM},
    {HTTP_GET, "/f", chat, "feed", 0},
    {HTTP_POST, "/t.T/E", echo, "echo", ROUTE_GRPC},
    {HTTP_POST, "/t.T/C", chat, "chat", ROUTE_GRPC},
};
static const struct route_set SET = {.name = "test", .routes = ROWS, .count = ARRAY_COUNT(ROWS)};

/* --- a server with one I/O thread, which is ours --- */

static struct server server;
static struct io io;

static void begin(void)
{
    static const struct route_set *const sets[] = {&SET, NULL};
    struct error err;

    settings_init(&server.settings);
    server.settings.body_bytes_max = 4096;
    server.settings.head_bytes_max = 2048;
    server.settings.target_bytes_max = 256;
    server.settings.gzip_bytes_min = 16;
    require(router_new(sets, &server.router, &err) == STATUS_OK);
    server.metrics = metrics_new();
    server.requests = calloc(ARRAY_COUNT(ROWS) * HTTP_METHOD_COUNT * 512, sizeof *server.requests);
    server.route_seconds = calloc(ARRAY_COUNT(ROWS), sizeof *server.route_seconds);
    require(pool_new("compute", (struct executor){0}, 1, 64, 1, 1 << 24, NULL, NULL,
                     &server.compute, &err) == STATUS_OK &&
            pool_new("upload", (struct executor){.control = true}, 1, 64, 2, 1 << 24, NULL, NULL,
                     &server.upload, &err) == STATUS_OK);
    io.server = &server;
    io.free_slot = UINT32_MAX;
    io.spare_fd = -1;
    io.executor.io = true;
    io.buffer = malloc(READ_BYTES);
    arena_init(&io.executor.arena, 1 << 24);
    require(io.buffer && loop_init(&io.loop, &err) == STATUS_OK);
    feeds_init(&io);
}

static void stop(struct task *task)
{
    (void)task;
    loop_stop(&io.loop);
}

/* Whatever is ready now. */
static void step(void)
{
    struct task task = {.run = stop};

    io.loop.stopping = false;
    loop_post(&io.loop, &task);
    loop_run(&io.loop);
}

static void listen_to(int fd)
{
    uint8_t data[4096];

    while (recv(fd, data, sizeof data, MSG_DONTWAIT) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece;
    bool reads;
    int ends[2];

    if (size < 2)
        return 0;
    if (!server.router)
        begin();
    piece = data[0] & 0x7F ? (size_t)(data[0] & 0x7F) * 8 : 1;
    reads = data[0] < 0x80;
    data++;
    size--;
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    connection_open(&io, ends[0], false);
    require(send(ends[1], BEGIN, sizeof BEGIN - 1, MSG_NOSIGNAL) == sizeof BEGIN - 1);
    for (size_t at = 0; at < size;) {
        size_t now = size - at < piece ? size - at : piece;

        if (send(ends[1], data + at, now, MSG_NOSIGNAL) < 0)
            break;
        at += now;
        step();
        if (reads)
            listen_to(ends[1]);
    }
    step();
    close(ends[1]);
    for (int i = 0; i < 2000 && (atomic_load(&io.connections) || atomic_load(&server.buffered));
         i++) { /* jobs may be under way */
        step();
        if (i > 2)
            poll(NULL, 0, 1);
    }
    require(atomic_load(&io.connections) == 0);
    require(atomic_load(&server.buffered) == 0);
    require(!io.feeds);
    return 0;
}
