// SPDX-License-Identifier: Apache-2.0
/* Answers that go on. */
#include "unit/server/fixture.h"
#include "server/feed.h"
#include "server/internal.h"

#include "test.h"

static struct fixture FIXTURE;
static _Atomic int alive, asked;
static _Atomic bool stuck; /* feeds wait while it is set */

struct count_feed {
    struct feed base;
    int at, end;
    size_t bytes; /* of a piece */
};

static enum feed_state next(struct feed *base, struct executor *executor, struct text *out)
{
    struct count_feed *feed = (struct count_feed *)base;

    if (!executor->io || !arena_alloc(&executor->arena, 10, 1))
        abort();
    atomic_fetch_add(&asked, 1);
    if (feed->at == feed->end)
        return FEED_END;
    if (atomic_load(&stuck))
        return FEED_WAIT;
    text_printf(out, "%d,", feed->at++);
    if (out->size < feed->bytes) {
        char *room = text_reserve(out, feed->bytes);

        memset(room, '.', feed->bytes);
        out->size += feed->bytes;
    }
    return FEED_MORE;
}

static void feed_free(struct feed *feed)
{
    free(feed);
    atomic_fetch_sub(&alive, 1);
}

static const struct feed_class COUNT_FEED = {.next = next, .free = feed_free};

/* A feed of "end" pieces of "bytes" behind the body. */
static enum status count(struct request *request, struct response *response, struct error *err)
{
    const char *end, *bytes;
    struct count_feed *feed;

    if (request_query_flag(request, "later") && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    TRY(request_query(request, "end", &end, err));
    TRY(request_query(request, "bytes", &bytes, err));
    feed = calloc(1, sizeof *feed);
    if (!feed)
        return error_no_memory(err, "a test");
    *feed =
        (struct count_feed){{&COUNT_FEED}, 0, end ? atoi(end) : 3, bytes ? (size_t)atol(bytes) : 0};
    atomic_fetch_add(&alive, 1);
    response->feed = &feed->base;
    response->content_type = "text/event-stream";
    text_append(&response->body, "begin,");
    if (request_query_flag(request, "fail"))
        return error_set(err, STATUS_CONFLICT, "no feed");
    return STATUS_OK;
}

static const struct route ROWS[] = {{HTTP_GET, "/count", count, "count", 0}};
static const struct route_set SET = {.name = "count", .routes = ROWS, .count = 1};

static const struct route_set *const *routes(void)
{
    static const struct route_set *sets[64] = {&SET};

    for (size_t i = 0; routes_all()[i] && i < 62; i++)
        sets[i + 1] = routes_all()[i];
    return sets;
}

static void start(void)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.feed_poll_ms = 10;
    FIXTURE.routes = routes();
    atomic_store(&stuck, false);
    fixture_start(&FIXTURE);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
    CHECK_INT(atomic_load(&alive), 0);
}

static size_t hear_until(int fd, char *text, size_t size, const char *end)
{
    size_t have = 0, length = strlen(end);

    while (have + 1 < size && client_byte(fd, text + have, 5000)) {
        have++;
        if (have >= length && memcmp(text + have - length, end, length) == 0)
            break;
    }
    text[have] = 0;
    return have;
}

TEST(feed_in_chunks)
{
    static const char *const paths[] = {GET("/count") GET("/v2/health/live"),
                                        GET("/count?later") GET("/v2/health/live")};
    char text[4096];

    start();
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        int fd = client_open(&FIXTURE);

        client_say(fd, paths[i]);
        hear_until(fd, text, sizeof text, "0\r\n\r\n");
        CHECK(strstr(text, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"));
        CHECK(!strstr(text, "Content-Length"));
        CHECK(strstr(text, "\r\n\r\n6\r\nbegin,\r\n2\r\n0,\r\n2\r\n1,\r\n2\r\n2,\r\n0\r\n\r\n"));
        CHECK_TEXT(client_hear(fd)->body, "{\"live\":true}"); /* the next request */
        close(fd);
    }
    CHECK(strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_feeds_total 2\n"));
    CHECK(strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_feeds 0\n"));
    stop();
}

TEST(feed_to_old_clients_and_heads)
{
    char text[4096];
    int fd;

    start();
    fd = client_open(&FIXTURE);
    client_say(fd, "GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear_until(fd, text, sizeof text, "2,");
    CHECK(strstr(text, "Connection: close\r\n\r\nbegin,0,1,2,"));
    CHECK(!strstr(text, "chunked"));
    CHECK(client_closed(fd, 3000));
    close(fd);
    fd = client_open(&FIXTURE);
    client_say(fd, "HEAD /count HTTP/1.1\r\n" HOST "\r\n" GET("/v2/health/live"));
    CHECK_INT(client_hear_for(fd, 5000, true)->status, 200);
    CHECK_TEXT(client_hear(fd)->body, "{\"live\":true}");
    close(fd);
    CHECK_INT(ask(&FIXTURE, GET("/count?fail"))->status, 409);
    stop();
}

/* Many requests in one packet, each an answer that ends at once. */
TEST(feeds_in_a_pipeline)
{
    enum { REQUESTS = 1500 };
    static char requests[REQUESTS * sizeof GET("/count?end=1")], text[4096];
    size_t size = 0;

    start();
    for (int i = 0; i < REQUESTS; i++)
        size += (size_t)sprintf(requests + size, "%s", GET("/count?end=1"));
    int fd = client_open(&FIXTURE);
    client_say_bytes(fd, requests, size);
    for (int i = 0; i < REQUESTS; i++) {
        hear_until(fd, text, sizeof text, "0,\r\n0\r\n\r\n");
        CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    }
    close(fd);
    stop();
}

TEST(feed_waits_and_is_woken)
{
    char text[4096];

    start();
    atomic_store(&stuck, true);
    int fd = client_open(&FIXTURE);
    client_say(fd, GET("/count"));
    hear_until(fd, text, sizeof text, "begin,\r\n");
    atomic_store(&asked, 0);
    usleep(400000);
    int polls = atomic_load(&asked);
    CHECK(polls >= 1 && polls <= 45);
    atomic_store(&stuck, false);
    hear_until(fd, text, sizeof text, "0\r\n\r\n");
    CHECK_TEXT(text, "2\r\n0,\r\n2\r\n1,\r\n2\r\n2,\r\n0\r\n\r\n");
    close(fd);
    stop();
}

/* The one who does not read is not written for; the one who goes is forgotten. */
TEST(feed_to_slow_and_gone_clients)
{
    start();
    int slow = client_open(&FIXTURE), gone = client_open(&FIXTURE);

    client_say(slow, GET("/count?end=100000&bytes=10000"));
    int before = -1;
    for (int i = 0; i < 20 && atomic_load(&asked) != before; i++) {
        before = atomic_load(&asked);
        usleep(300000);
    }
    CHECK_INT(atomic_load(&asked), before);
    CHECK(before < 20000);
    atomic_store(&stuck, true);
    client_say(gone, GET("/count"));
    usleep(100000);
    CHECK_INT(atomic_load(&alive), 2);
    close(gone);
    close(slow);
    for (int i = 0; i < 300 && atomic_load(&alive); i++)
        usleep(10000);
    CHECK_INT(atomic_load(&alive), 0);
    stop();
}

TEST(feed_is_drained)
{
    char text[4096];

    start();
    atomic_store(&stuck, true);
    int fd = client_open(&FIXTURE);
    client_say(fd, GET("/count"));
    hear_until(fd, text, sizeof text, "begin,\r\n");
    server_drain(FIXTURE.server);
    hear_until(fd, text, sizeof text, "0\r\n\r\n");
    CHECK_TEXT(text, "0\r\n\r\n");
    CHECK(client_closed(fd, 3000));
    server_wait(FIXTURE.server);
    close(fd);
    stop();
}

/* A job whose answer goes on while its client is gone. */
TEST(feed_for_nobody)
{
    start();
    for (int i = 0; i < 20; i++) {
        int fd = client_open(&FIXTURE);

        client_say(fd, GET("/count?later"));
        close(fd);
    }
    usleep(100000);
    stop();
}
