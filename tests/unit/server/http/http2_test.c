// SPDX-License-Identifier: Apache-2.0
/* HTTP/2: what every route answers over it, its limits, and clients that mean no good. */
#include "unit/server/h2_client.h"
#include "server/feed.h"
#include "server/internal.h"

#include "test.h"

static struct fixture FIXTURE;
static _Atomic int alive, asked, begun, cancelled, read_to_end, broken;

/* --- routes of the test --- */

static enum status echo(struct request *request, struct response *response, struct error *err)
{
    struct bytes value;

    (void)err;
    if (request_query_flag(request, "later") && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    if (request_header(request, "x-say", &value)) {
        text_printf(&response->headers, "X-Said: %.*s\r\n", (int)value.size, value.data);
        text_append_bytes(&response->body, value);
    }
    text_append_bytes(&response->body, request->body);
    response->content_type = "text/plain";
    return STATUS_OK;
}

/* Until the client goes. */
static enum status wait_long(struct request *request, struct response *response, struct error *err)
{
    if (request->executor->io)
        return request_later(request, LATER_COMPUTE);
    atomic_fetch_add(&begun, 1);
    for (int i = 0; i < 500 && !atomic_load(request->cancelled); i++)
        poll(NULL, 0, 10);
    atomic_fetch_add(&cancelled, atomic_load(request->cancelled));
    text_append(&response->body, "waited");
    (void)err;
    return STATUS_OK;
}

static enum status upload(struct request *request, struct response *response, struct error *err)
{
    static uint8_t data[70000];
    size_t got = 1, sum = 0;
    enum status status = STATUS_OK;

    while (got && status == STATUS_OK) {
        status = body_stream_read(request->stream, data, sizeof data, &got, err);
        sum += got;
        if (request_query_flag(request, "slow"))
            poll(NULL, 0, 1);
        if (request_query_flag(request, "leave") && sum > 100000)
            return error_set(err, STATUS_CONFLICT, "enough");
    }
    atomic_fetch_add(status == STATUS_OK ? &read_to_end : &broken, 1);
    text_printf(&response->body, "%zu", sum);
    return status;
}

struct dots {
    struct feed base;
    int left;
    size_t size;
};

static enum feed_state dots_next(struct feed *base, struct executor *executor, struct text *out)
{
    struct dots *dots = (struct dots *)base;

    (void)executor;
    atomic_fetch_add(&asked, 1);
    if (dots->left < 0)
        return FEED_WAIT;
    if (dots->left-- == 0)
        return FEED_END;
    memset(text_reserve(out, dots->size), '.', dots->size);
    out->size += dots->size;
    return FEED_MORE;
}

static void dots_free(struct feed *feed)
{
    atomic_fetch_sub(&alive, 1);
    free(feed);
}

static const struct feed_class DOTS = {.next = dots_next, .free = dots_free};

static enum status feed(struct request *request, struct response *response, struct error *err)
{
    const char *count, *size;
    struct dots *dots;

    TRY(request_query(request, "count", &count, err));
    TRY(request_query(request, "size", &size, err));
    dots = calloc(1, sizeof *dots);
    *dots = (struct dots){{&DOTS}, count ? atoi(count) : -1, size ? (size_t)atol(size) : 1};
    atomic_fetch_add(&alive, 1);
    response->feed = &dots->base;
    text_append(&response->body, "begin");
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/echo", echo, "echo", 0},
    {HTTP_POST, "/wait", wait_long, "wait", 0},
    {HTTP_POST, "/upload", upload, "upload", ROUTE_STREAM},
    {HTTP_GET, "/feed", feed, "feed", 0},
};
static const struct route_set SET = {.name = "test", .routes = ROWS, .count = ARRAY_COUNT(ROWS)};

static const struct route_set *const *routes(void)
{
    static const struct route_set *sets[64] = {&SET};

    for (size_t i = 0; routes_all()[i] && i < 62; i++)
        sets[i + 1] = routes_all()[i];
    return sets;
}

static void prepare(void)
{
    fixture_init(&FIXTURE);
    FIXTURE.routes = routes();
    FIXTURE.settings.feed_poll_ms = 10;
}

static void start(void)
{
    prepare();
    fixture_start(&FIXTURE);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
    CHECK_INT(atomic_load(&alive), 0);
}

/* Does the server hold nothing but the request that asks for it? */
static bool holds_nothing(void)
{
    const char *line;

    usleep(50000);
    line = strstr(ask(&FIXTURE, GET("/metrics"))->body, "\nfirn_buffered_bytes ");
    return line && atol(line + 21) <= 256;
}

/* --- requests --- */

TEST(http2_answers)
{
    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    struct h2_stream *s = h2_get(h2, "/v2/health/live");

    CHECK_INT(s->status, 200);
    CHECK_TEXT(s->body, "{\"live\":true}");
    CHECK(strstr(s->headers, "content-type: application/json\n"));
    CHECK(strstr(s->headers, "content-length: 13\n"));
    CHECK(strstr(s->headers, "date: "));
    CHECK_INT(h2_get(h2, "/nowhere")->status, 404);
    CHECK_INT(h2_get(h2, "/v2/models/a%zz")->status, 400);
    s = h2_wait(h2, h2_ask(h2, "DELETE", "/v2/health/live", "", NULL, 0, 0));
    CHECK_INT(s->status, 405);
    CHECK(strstr(s->headers, "allow: GET, HEAD, OPTIONS\n"));
    s = h2_wait(h2, h2_ask(h2, "HEAD", "/v2/health/live", "", NULL, 0, 0));
    CHECK_INT(s->status, 200);
    CHECK_INT(s->size, 0);
    CHECK(strstr(s->headers, "content-length: 13\n"));
    s = h2_wait(h2, h2_ask(h2, "BREW", "/v2", "", NULL, 0, 0));
    CHECK_INT(s->status, 501);
    s = h2_wait(h2, h2_ask(h2, "POST", "/echo", "x-say: hello\n", "world", 5, 0));
    CHECK_TEXT(s->body, "helloworld");
    CHECK(strstr(s->headers, "x-said: hello\n"));
    s = h2_wait(h2, h2_ask(h2, "POST", "/echo?later", "", "world", 5, 0));
    CHECK_TEXT(s->body, "world");
    s = h2_wait(
        h2, h2_ask(h2, "POST", "/echo", "expect: 100-continue\ncontent-length: 2\n", "ab", 2, 0));
    CHECK(strstr(s->headers, ":status: 100\n"));
    CHECK_TEXT(s->body, "ab");
    s = h2_wait(h2, h2_ask(h2, "POST", "/echo", "", "", 0, 0)); /* an empty body */
    CHECK_INT(s->status, 200);
    h2_close(h2);
    CHECK(strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_http2_connections_total 1\n"));
    stop();
}

/* The same checks as over HTTP/1.1, and no request that is malformed in HTTP/2 reaches a route. */
TEST(http2_checks_heads)
{
    static char many[128 * 16], large[20000], target[6000];
    struct h2_stream *s;

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (int i = 0; i < 70; i++)
        sprintf(many + strlen(many), "x-%d: y\n", i);
    CHECK_INT(h2_wait(h2, h2_ask(h2, "GET", "/v2", many, NULL, 0, 0))->status, 431);
    memset(large, 'x', sizeof large - 2);
    memcpy(large, "x: ", 3);
    large[sizeof large - 2] = '\n';
    CHECK_INT(h2_wait(h2, h2_ask(h2, "GET", "/v2", large, NULL, 0, 0))->status, 431);
    memset(target, 'x', sizeof target - 1);
    target[0] = '/';
    CHECK_INT(h2_get(h2, target)->status, 414);
    CHECK_INT(h2_get(h2, "/v2#part")->status, 400);
    s = h2_wait(h2, h2_ask(h2, "GET", "/v2", "host: b\n", NULL, 0, 0));
    CHECK_INT(s->status, 400);
    s = h2_wait(h2, h2_ask(h2, "GET", "/v2", "host: a\n", NULL, 0, 0));
    CHECK_INT(s->status, 200);
    s = h2_wait(h2, h2_ask(h2, "GET", "/v2", "connection: close\n", NULL, 0, 0));
    CHECK_INT(s->status, 0);
    s = h2_wait(h2, h2_ask(h2, "GET", "/v2", "transfer-encoding: chunked\n", NULL, 0, 0));
    CHECK_INT(s->status, 0);
    s = h2_wait(h2, h2_ask(h2, "POST", "/echo", "content-length: 3\n", "abcd", 4, 0));
    CHECK_INT(s->status, 0);
    s = h2_wait(h2,
                h2_ask(h2, "POST", "/v2/repository/index", "content-encoding: br\n", "a", 1, 0));
    CHECK_INT(s->status, 415);
    CHECK_INT(h2_get(h2, "/v2")->status, 200);
    h2_close(h2);
    stop();
}

/* Byte by byte, the preface too. */
TEST(http2_takes_trickles)
{
    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    int32_t id = h2_ask(h2, "POST", "/echo", "", "trickle", 7, 0);

    for (;;) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(h2->session, &data);

        if (size <= 0)
            break;
        for (ssize_t i = 0; i < size; i++) {
            client_say_bytes(h2->fd, data + i, 1);
            usleep(100);
        }
    }
    CHECK_TEXT(h2_wait(h2, id)->body, "trickle");
    h2_close(h2);
    /* what begins like the preface and is none */
    CHECK_INT(ask(&FIXTURE, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")->status, 505);
    CHECK_INT(ask(&FIXTURE, "PRI * HTTP/1.1\r\n" HOST "\r\n")->status, 501);
    stop();
}

TEST(http2_preface_times_out)
{
    prepare();
    FIXTURE.settings.head_timeout_ms = 300;
    fixture_start(&FIXTURE);
    int fd = client_open(&FIXTURE);
    client_say(fd, "PRI * HTTP/2.0\r\n");
    CHECK_INT(client_hear(fd)->status, 408);
    close(fd);
    stop();
}

/* Many at once, in any order; each gets its own. */
TEST(http2_many_streams)
{
    enum { STREAMS = 100 };
    int32_t ids[STREAMS];
    char path[64], body[64];

    prepare();
    FIXTURE.settings.compute_threads = 3;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < STREAMS; i++) {
            snprintf(path, sizeof path, "%s", i % 3 ? "/echo?later" : "/echo");
            snprintf(body, sizeof body, "body %d", i);
            ids[i] = h2_ask(h2, "POST", path, "", body, strlen(body), 0);
        }
        for (int i = 0; i < STREAMS; i++) {
            snprintf(body, sizeof body, "body %d", i);
            CHECK_TEXT(h2_wait(h2, ids[i])->body, body);
        }
    }
    h2_close(h2);
    stop();
}

TEST(http2_large_bodies)
{
    enum { SIZE = 6 << 20 };
    char *body = malloc(SIZE);

    for (size_t i = 0; i < SIZE; i++)
        body[i] = (char)(i * 7 + (i >> 12));
    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (int later = 0; later < 2; later++) {
        struct h2_stream *s =
            h2_wait(h2, h2_ask(h2, "POST", later ? "/echo?later" : "/echo", "", body, SIZE, 0));

        CHECK_INT(s->status, 200);
        CHECK_INT(s->size, SIZE);
        CHECK(memcmp(s->body, body, SIZE) == 0);
    }
    h2_close(h2);
    CHECK(holds_nothing());
    free(body);
    stop();
}

TEST(http2_limits_bodies)
{
    enum { SIZE = 3 << 20 };
    char *body = calloc(SIZE, 1);

    prepare();
    FIXTURE.settings.body_bytes_max = 1 << 20;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    struct h2_stream *s = h2_wait(h2, h2_ask(h2, "POST", "/echo", "", body, SIZE, 0));
    CHECK_INT(s->status, 413);
    s = h2_wait(h2, h2_ask(h2, "POST", "/echo", "content-length: 3145728\n", body, SIZE, 0));
    CHECK_INT(s->status, 413);
    s = h2_wait(h2, h2_ask(h2, "POST", "/nowhere", "", body, SIZE, 0));
    CHECK_INT(s->status, 404);
    CHECK_INT(h2_get(h2, "/v2")->status, 200);
    h2_close(h2);
    free(body);
    stop();
}

/* Streams share the budget of requests that are being received. */
TEST(http2_memory_budget)
{
    enum { STREAMS = 8, SIZE = 400000 };
    char *body = calloc(SIZE, 1);
    int refused = 0;
    int32_t ids[STREAMS];

    prepare();
    FIXTURE.settings.buffered_bytes_max = 1 << 20;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    for (int i = 0; i < STREAMS; i++)
        ids[i] = h2_ask(h2, "POST", "/echo", "", body, SIZE, SIZE - 1);
    for (int i = 0; i < 20; i++)
        h2_hear(h2, 50);
    for (int i = 0; i < STREAMS; i++)
        refused += h2_stream(h2, ids[i])->status == 503;
    CHECK(refused >= 4 && refused < STREAMS);
    h2_close(h2);
    usleep(100000);
    CHECK(holds_nothing());
    free(body);
    stop();
}

/* --- uploads --- */

TEST(http2_uploads)
{
    enum { SIZE = 5 << 20 };
    static const char *const paths[] = {"/upload", "/upload?slow"};
    char *body = calloc(SIZE, 1);

    start();
    atomic_store(&read_to_end, 0);
    atomic_store(&broken, 0);
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < 2; i++)
        CHECK_TEXT(h2_wait(h2, h2_ask(h2, "POST", paths[i], "", body, SIZE, 0))->body, "5242880");
    CHECK_TEXT(h2_wait(h2, h2_ask(h2, "POST", "/upload", "", "", 0, 0))->body, "0");
    CHECK_TEXT(h2_wait(h2, h2_ask(h2, "POST", "/upload", "", NULL, 0, 0))->body, "0");
    CHECK_INT(atomic_load(&read_to_end), 4);
    /* the handler has enough */
    CHECK_INT(h2_wait(h2, h2_ask(h2, "POST", "/upload?leave", "", body, SIZE, 0))->status, 409);
    /* the client leaves */
    int32_t id = h2_ask(h2, "POST", "/upload", "", body, SIZE, SIZE / 2);
    for (int i = 0; i < 10; i++)
        h2_hear(h2, 20);
    nghttp2_submit_rst_stream(h2->session, 0, id, NGHTTP2_CANCEL);
    h2_say(h2);
    for (int i = 0; i < 200 && !atomic_load(&broken); i++)
        h2_hear(h2, 20);
    CHECK_INT(atomic_load(&broken), 1);
    h2_ask(h2, "POST", "/upload", "", body, SIZE, SIZE / 2);
    for (int i = 0; i < 10; i++)
        h2_hear(h2, 20);
    h2_close(h2);
    for (int i = 0; i < 200 && atomic_load(&broken) < 2; i++)
        usleep(20000);
    CHECK_INT(atomic_load(&broken), 2);
    free(body);
    stop();
}

/* --- feeds --- */

TEST(http2_feeds)
{
    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    struct h2_stream *s = h2_get(h2, "/feed?count=3&size=2");

    CHECK_TEXT(s->body, "begin......");
    CHECK(!strstr(s->headers, "content-length"));
    s = h2_get(h2, "/feed?count=100&size=100000");
    CHECK_INT(s->size, 10000005);
    /* two that never end, one is cancelled, one goes with the connection */
    int32_t id = h2_ask(h2, "GET", "/feed", "", NULL, 0, 0);
    h2_ask(h2, "GET", "/feed", "", NULL, 0, 0);
    for (int i = 0; i < 10; i++)
        h2_hear(h2, 20);
    CHECK_TEXT(h2_stream(h2, id)->body, "begin");
    CHECK_INT(atomic_load(&alive), 2);
    nghttp2_submit_rst_stream(h2->session, 0, id, NGHTTP2_CANCEL);
    for (int i = 0; i < 100 && atomic_load(&alive) > 1; i++)
        h2_hear(h2, 20);
    CHECK_INT(atomic_load(&alive), 1);
    h2_close(h2);
    for (int i = 0; i < 100 && atomic_load(&alive); i++)
        usleep(20000);
    CHECK_INT(atomic_load(&alive), 0);
    stop();
}

/* A closed window is not written for, and not waited for without end. */
TEST(http2_slow_readers)
{
    prepare();
    FIXTURE.settings.body_grace_ms = 500;
    FIXTURE.settings.body_rate_min = 1 << 20;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    h2->deaf = true;
    int32_t id = h2_ask(h2, "GET", "/feed?count=100000&size=10000", "", NULL, 0, 0);
    for (int i = 0; i < 10; i++)
        h2_hear(h2, 20);
    int before = atomic_load(&asked);
    for (int i = 0; i < 10; i++)
        h2_hear(h2, 20);
    CHECK_INT(atomic_load(&asked), before);
    CHECK_INT(h2_wait(h2, id)->code, NGHTTP2_CANCEL);
    CHECK_INT(h2_get(h2, "/v2/health/live")->status, 200);
    h2_close(h2);
    stop();
}

/* --- time --- */

TEST(http2_slow_clients)
{
    static const uint8_t half_a_block[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82}; /* no END_HEADERS */

    prepare();
    FIXTURE.settings.head_timeout_ms = 300;
    FIXTURE.settings.idle_timeout_ms = 300;
    FIXTURE.settings.body_grace_ms = 300;
    FIXTURE.settings.body_rate_min = 1000000;
    fixture_start(&FIXTURE);
    struct h2 *idle = h2_open(&FIXTURE), *head = h2_open(&FIXTURE), *body = h2_open(&FIXTURE);
    int32_t id = h2_ask(body, "POST", "/echo", "", "ab", 2, 1);
    h2_say(idle);
    h2_say(head);
    client_say_bytes(head->fd, half_a_block, sizeof half_a_block);
    CHECK_INT(h2_wait(body, id)->status, 408);
    CHECK(h2_wait_gone(idle, 5000));
    CHECK(idle->goaway);
    CHECK(h2_wait_gone(head, 5000));
    h2_close(idle);
    h2_close(head);
    h2_close(body);
    const char *metrics = ask(&FIXTURE, GET("/metrics"))->body;
    CHECK(strstr(metrics, "firn_timeouts_total{what=\"idle\"}"));
    CHECK(strstr(metrics, "firn_timeouts_total{what=\"head\"} 1\n"));
    CHECK(strstr(metrics, "firn_timeouts_total{what=\"body\"} 1\n"));
    stop();
}

TEST(http2_cancels)
{
    start();
    atomic_store(&begun, 0);
    atomic_store(&cancelled, 0);
    struct h2 *h2 = h2_open(&FIXTURE);
    int32_t id = h2_ask(h2, "POST", "/wait", "", "x", 1, 0);
    for (int i = 0; i < 250 && !atomic_load(&begun); i++)
        h2_hear(h2, 20);
    nghttp2_submit_rst_stream(h2->session, 0, id, NGHTTP2_CANCEL);
    h2_say(h2);
    for (int i = 0; i < 100 && !atomic_load(&cancelled); i++)
        usleep(20000);
    CHECK_INT(atomic_load(&cancelled), 1);
    h2_ask(h2, "POST", "/wait", "", "x", 1, 0);
    h2_say(h2);
    for (int i = 0; i < 250 && atomic_load(&begun) < 2; i++)
        usleep(20000);
    h2_close(h2);
    for (int i = 0; i < 100 && atomic_load(&cancelled) < 2; i++)
        usleep(20000);
    CHECK_INT(atomic_load(&cancelled), 2);
    for (int i = 0;
         i < 100 && !strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_dropped_total 2\n"); i++)
        usleep(20000);
    CHECK(strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_dropped_total 2\n"));
    stop();
}

TEST(http2_drains)
{
    start();
    struct h2 *busy = h2_open(&FIXTURE), *idle = h2_open(&FIXTURE);
    CHECK_INT(h2_get(idle, "/v2")->status, 200);
    int32_t id = h2_ask(busy, "POST", "/echo", "", "abc", 3, 2);
    int32_t feed = h2_ask(busy, "GET", "/feed", "", NULL, 0, 0);
    for (int i = 0; i < 5; i++)
        h2_hear(busy, 20);
    server_drain(FIXTURE.server);
    CHECK(h2_wait_gone(idle, 5000));
    CHECK(idle->goaway);
    CHECK_TEXT(h2_wait(busy, feed)->body, "begin");
    CHECK(busy->goaway);
    h2_stream(busy, id)->hold = 0; /* what was begun is finished */
    nghttp2_session_resume_data(busy->session, id);
    CHECK_TEXT(h2_wait(busy, id)->body, "abc");
    CHECK(h2_wait_gone(busy, 5000));
    server_wait(FIXTURE.server);
    h2_close(busy);
    h2_close(idle);
    stop();
}

/* --- those who mean no good --- */

/* The same bytes again and again; true when the server ends the connection. */
static bool flood(const void *frame, size_t size, int times)
{
    static uint8_t frames[17 * 25000];
    struct h2 *h2 = h2_open(&FIXTURE);
    bool gone;

    h2_say(h2);
    for (int i = 0; i < times; i++)
        memcpy(frames + (size_t)i * size, frame, size);
    client_say_bytes(h2->fd, frames, size * (size_t)times);
    gone = h2_wait_gone(h2, 3000);
    h2_close(h2);
    return gone;
}

TEST(http2_floods)
{
    static const uint8_t ping[17] = {0, 0, 8, 6}, settings[9] = {0, 0, 0, 4},
                         priority[14] = {0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 3, 16},
                         too_long[9] = {0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1},
                         continuation[10] = {0, 0, 1, 9, 0, 0, 0, 0, 1, 0x82},
                         data_on_idle[9] = {0, 0, 0, 0, 0, 0, 0, 0, 1};

    start();
    CHECK(flood(ping, sizeof ping, 25000));
    CHECK(flood(settings, sizeof settings, 25000));
    CHECK(flood(priority, sizeof priority, 25000));
    CHECK(flood(too_long, sizeof too_long, 1));
    CHECK(flood(continuation, sizeof continuation, 10));
    CHECK(flood(data_on_idle, sizeof data_on_idle, 1));
    struct h2 *h2 = h2_open(&FIXTURE);
    CHECK_INT(h2_get(h2, "/v2")->status, 200);
    h2_close(h2);
    stop();
}

/* A header block in pieces without end. */
TEST(http2_continuations)
{
    static const uint8_t begin[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82},
                         more[] = {0, 0, 1, 9, 0, 0, 0, 0, 1, 0x84};

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    h2_say(h2);
    client_say_bytes(h2->fd, begin, sizeof begin);
    for (int i = 0; i < 2000; i++)
        client_say_bytes(h2->fd, more, sizeof more);
    CHECK(h2_wait_gone(h2, 3000));
    h2_close(h2);
    stop();
}

/* Requests that are taken back at once, CVE-2023-44487. */
TEST(http2_rapid_reset)
{
    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    int i;

    h2_hear(h2, 1000);
    for (i = 0; i < 20000 && !h2->gone; i++) {
        int32_t id = h2_ask(h2, "POST", "/wait", "", "x", 1, 0);

        h2_say(h2);
        nghttp2_submit_rst_stream(h2->session, 0, id, NGHTTP2_CANCEL);
        h2_say(h2);
        if (i % 100 == 0)
            h2_hear(h2, 0);
        if (h2->goaway)
            break;
    }
    CHECK(i < 20000);
    CHECK(h2_wait_gone(h2, 5000));
    h2_close(h2);
    h2 = h2_open(&FIXTURE);
    CHECK_INT(h2_get(h2, "/v2")->status, 200);
    h2_close(h2);
    stop();
}

/* More streams at once than we allow are refused, and may be tried again. */
TEST(http2_concurrent_streams)
{
    int32_t ids[20];
    int refused = 0, waiting = 0;

    prepare();
    FIXTURE.settings.http2_streams_max = 8;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    for (int i = 0; i < 20; i++) /* before our settings arrive there */
        ids[i] = h2_ask(h2, "POST", "/echo", "", "ab", 2, 1);
    for (int i = 0; i < 20; i++)
        h2_hear(h2, 20);
    for (int i = 0; i < 20; i++) {
        struct h2_stream *s = h2_stream(h2, ids[i]);

        refused += s->closed && s->code == NGHTTP2_REFUSED_STREAM;
        waiting += !s->closed;
    }
    CHECK_INT(waiting, 8);
    CHECK_INT(refused, 12);
    h2_close(h2);
    stop();
}
