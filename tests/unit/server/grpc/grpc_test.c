// SPDX-License-Identifier: Apache-2.0
/* gRPC: its framing as such, and calls of every kind over a server. */
#include <zlib.h>

#include "unit/server/h2_client.h"
#include "server/feed.h"
#include "server/grpc/grpc.h"
#include "server/internal.h"

#include "test.h"

static struct fixture FIXTURE;
static _Atomic int alive, ran, cancelled;

/* --- framing --- */

TEST(grpc_content_types)
{
    static const struct {
        const char *value;
        bool is;
    } cases[] = {{"application/grpc", true},     {"application/grpc+proto", true},
                 {"Application/GRPC;x=y", true}, {"application/grpc-web", false},
                 {"application/grpcx", false},   {"application/json", false},
                 {"application/grp", false},     {"", false}};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        CHECK_INT(grpc_is_content_type(bytes_of(cases[i].value)), cases[i].is);
}

TEST(grpc_timeouts)
{
    static const struct {
        const char *value;
        bool is;
        uint64_t nanoseconds;
    } cases[] = {{"1S", true, 1000000000},
                 {"99999999n", true, 99999999},
                 {"5m", true, 5000000},
                 {"7u", true, 7000},
                 {"2M", true, 120000000000},
                 {"1H", true, 3600000000000},
                 {"0S", true, 0},
                 {"99999999H", true, 1ull << 62},
                 {"", false, 0},
                 {"S", false, 0},
                 {"1", false, 0},
                 {"-1S", false, 0},
                 {"1 S", false, 0},
                 {"1s", false, 0},
                 {"123456789S", false, 0}};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t nanoseconds = 0;

        CHECK_INT(grpc_timeout(bytes_of(cases[i].value), &nanoseconds), cases[i].is);
        CHECK(nanoseconds == cases[i].nanoseconds);
    }
}

TEST(grpc_messages)
{
    static const uint8_t two[] = {0, 0, 0, 0, 2, 'a', 'b', 1, 0, 0, 0, 0, 0, 0};
    struct grpc_message message;
    struct error err = {0};
    struct bytes data;
    bool whole;

    for (size_t size = 0; size < 7; size++) {
        data = (struct bytes){two, size};
        CHECK_OK(grpc_next(&data, 100, &message, &whole, &err), err);
        CHECK(!whole && data.size == size);
    }
    data = (struct bytes){two, sizeof two};
    CHECK_OK(grpc_next(&data, 100, &message, &whole, &err), err);
    CHECK(whole && !message.packed && bytes_is(message.bytes, "ab"));
    CHECK_OK(grpc_next(&data, 100, &message, &whole, &err), err);
    CHECK(whole && message.packed && message.bytes.size == 0 && data.size == 2);
    CHECK_OK(grpc_next(&data, 100, &message, &whole, &err), err);
    CHECK(!whole);
    data = (struct bytes){(const uint8_t *)"\0\0\0\0\145", 5};
    CHECK_INT(grpc_next(&data, 100, &message, &whole, &err), STATUS_TOO_LARGE);
    data = (struct bytes){(const uint8_t *)"\0\377\377\377\377", 5};
    CHECK_INT(grpc_next(&data, 1 << 20, &message, &whole, &err), STATUS_TOO_LARGE);
    data = (struct bytes){(const uint8_t *)"\2\0\0\0\0", 5};
    CHECK_INT(grpc_next(&data, 100, &message, &whole, &err), STATUS_INVALID_INPUT);
}

TEST(grpc_status_messages)
{
    char encoded[GRPC_MESSAGE_MAX + 1];
    char longest[1000];
    size_t size = grpc_encode_message(bytes_of("100% of \303\251\n~"), encoded);

    encoded[size] = 0;
    CHECK_TEXT(encoded, "100%25 of %C3%A9%0A~");
    memset(longest, '\n', sizeof longest);
    size = grpc_encode_message((struct bytes){(uint8_t *)longest, sizeof longest}, encoded);
    CHECK(size <= GRPC_MESSAGE_MAX && size % 3 == 0);
}

/* --- routes of the test --- */

/* Back, with metadata. "fail...": an error of that text. */
static enum status echo(struct request *request, struct response *response, struct error *err)
{
    struct bytes value, body = request->body;

    if (request_header(request, "x-later", &value) && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    atomic_fetch_add(&ran, 1);
    if (body.size >= 4 && memcmp(body.data, "fail", 4) == 0)
        return error_set(err, STATUS_CONFLICT, "%.*s", (int)body.size, body.data);
    text_append_bytes(&response->body, body);
    response_header(response, "X-Size", "some");
    return STATUS_OK;
}

/* Until the client goes, or its deadline passes. */
static enum status wait_long(struct request *request, struct response *response, struct error *err)
{
    (void)response;
    if (request->executor->io)
        return request_later(request, LATER_COMPUTE);
    for (int i = 0; i < 500 && !atomic_load(request->cancelled); i++) {
        if (request->deadline_ns && clock_ns() > request->deadline_ns)
            return error_set(err, STATUS_DEADLINE, "too late");
        poll(NULL, 0, 10);
    }
    atomic_fetch_add(&cancelled, atomic_load(request->cancelled));
    return STATUS_OK;
}

struct talk {
    struct feed base;
    int left;         /* messages of the server's own; < 0: it waits for the client's */
    struct text said; /* a letter a message of the client */
    bool over;
};

static enum feed_state talk_next(struct feed *base, struct executor *executor, struct text *out)
{
    struct talk *talk = (struct talk *)base;

    (void)executor;
    if (talk->left > 0) {
        text_printf(out, "message %d", talk->left--);
        return FEED_MORE;
    }
    if (talk->left == 0)
        return FEED_END;
    if (talk->said.size) {
        text_append(out, "heard ");
        text_append_bytes(out, text_bytes(&talk->said));
        text_clear(&talk->said);
        return FEED_MORE;
    }
    return talk->over ? FEED_END : FEED_WAIT;
}

static void talk_received(struct feed *base, struct bytes message)
{
    struct talk *talk = (struct talk *)base;

    if (!message.data)
        talk->over = true;
    else
        text_append_bytes(&talk->said, message);
}

static void talk_free(struct feed *base)
{
    text_release(&((struct talk *)base)->said);
    free(base);
    atomic_fetch_sub(&alive, 1);
}

static const struct feed_class TALK = {talk_next, talk_received, talk_free};
static const struct feed_class TELL = {.next = talk_next, .free = talk_free};

static enum status tell(struct request *request, struct response *response, struct error *err)
{
    struct talk *talk = calloc(1, sizeof *talk);

    (void)err;
    *talk = (struct talk){.base.class = &TELL, .left = (int)request->body.size};
    atomic_fetch_add(&alive, 1);
    response->feed = &talk->base;
    return STATUS_OK;
}

static enum status chat(struct request *request, struct response *response, struct error *err)
{
    struct bytes value;
    struct talk *talk;

    if (request_header(request, "x-later", &value) && request->executor->io)
        return request_later(request, LATER_COMPUTE);
    if (request_header(request, "x-later", &value))
        poll(NULL, 0, 100); /* messages come meanwhile */
    talk = calloc(1, sizeof *talk);
    (void)err;
    *talk = (struct talk){.base.class = &TALK, .left = -1};
    atomic_fetch_add(&alive, 1);
    talk_received(&talk->base, request->body);
    response->feed = &talk->base;
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/test.Test/Echo", echo, "echo", ROUTE_GRPC},
    {HTTP_POST, "/test.Test/Wait", wait_long, "wait", ROUTE_GRPC},
    {HTTP_POST, "/test.Test/Tell", tell, "tell", ROUTE_GRPC},
    {HTTP_POST, "/test.Test/Chat", chat, "chat", ROUTE_GRPC},
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
    atomic_store(&ran, 0);
    atomic_store(&cancelled, 0);
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

static bool body_is(const struct h2_stream *stream, const char *message)
{
    char want[4096];
    size_t size = h2_frame(want, 0, message, strlen(message));

    return stream->size == size && memcmp(stream->body, want, size) == 0;
}

/* --- calls --- */

TEST(grpc_unary)
{
    static const char *const headers[] = {GRPC_HEADERS, GRPC_HEADERS "x-later: 1\n",
                                          "content-type: application/grpc+proto\n"};

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
        struct h2_stream *s = h2_call(h2, "/test.Test/Echo", headers[i], "hello");

        CHECK_INT(s->status, 200);
        CHECK(strstr(s->headers, "content-type: application/grpc\n"));
        CHECK(strstr(s->headers, "x-size: some\n"));
        CHECK(body_is(s, "hello"));
        CHECK_TEXT(s->trailers, "grpc-status: 0\n");
        CHECK_INT(s->code, 0);
        CHECK(body_is(h2_call(h2, "/test.Test/Echo", headers[i], ""), ""));
    }
    h2_close(h2);
    stop();
}

TEST(grpc_errors)
{
    static const struct {
        const char *path, *headers, *message, *want;
    } cases[] = {
        {"/test.Test/Echo", GRPC_HEADERS, "fail: \303\251%",
         "grpc-status: 6\ngrpc-message: fail: %C3%A9%25\n"},
        {"/test.Test/Echo", GRPC_HEADERS "x-later: 1\n", "fail",
         "grpc-status: 6\ngrpc-message: fail\n"},
        {"/test.Test/Nothing", GRPC_HEADERS, "", "grpc-status: 12\n"},
        {"/v2/health/live", GRPC_HEADERS, "", "grpc-status: 12\n"},
        {"/v2/repository/index", GRPC_HEADERS, "{}", "grpc-status: 12\n"},
        {"/test.Test/Echo", GRPC_HEADERS "grpc-encoding: deflate\n", "",
         "grpc-accept-encoding: identity,gzip\ngrpc-status: 12\n"},
        {"/test.Test/Echo", GRPC_HEADERS "grpc-timeout: 1x\n", "", "grpc-status: 3\n"},
        {"/test.Test/Echo", GRPC_HEADERS "grpc-timeout: 0n\n", "", "grpc-status: 4\n"},
        {"/test.Test/Wait", GRPC_HEADERS "grpc-timeout: 50m\n", "", "grpc-status: 4\n"},
    };
    struct h2_stream *s;

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        s = h2_call(h2, cases[i].path, cases[i].headers, cases[i].message);
        if (s->status != 200 || s->size || *s->trailers || !strstr(s->headers, cases[i].want))
            fail_msg("%zu: %d %s", i, s->status, s->headers);
    }
    /* what is no gRPC does not get there */
    s = h2_call(h2, "/test.Test/Echo", "content-type: application/json\n", "x");
    CHECK_INT(s->status, 415);
    s = h2_call(h2, "/test.Test/Echo", "", "x");
    CHECK_INT(s->status, 415);
    CHECK_INT(h2_get(h2, "/test.Test/Echo")->status, 405);
    CHECK_INT(
        ask(&FIXTURE, post("/test.Test/Echo", "Content-Type: application/grpc\r\n", "x"))->status,
        415);
    h2_close(h2);
    stop();
}

TEST(grpc_broken_messages)
{
    static const struct {
        const char *body;
        size_t size;
        const char *want;
    } cases[] = {
        {"", 0, "grpc-status: 3\n"},
        {"\0\0\0\0", 4, "grpc-status: 3\n"},
        {"\0\0\0\0\5abc", 8, "grpc-status: 3\n"},
        {"\1\0\0\0\1a", 6, "grpc-status: 3\n"}, /* packed, how? */
        {"\7\0\0\0\1a", 6, "grpc-status: 3\n"},
        {"\0\0\1\0\1", 5, "grpc-status: 8\n"}, /* one more than allowed */
        {"\0\377\377\377\377", 5, "grpc-status: 8\n"},
    };

    prepare();
    FIXTURE.settings.body_bytes_max = 65536;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct h2_stream *s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS,
                                                 cases[i].body, cases[i].size, 0));

        if (s->status != 200 || !strstr(s->headers, cases[i].want))
            fail_msg("%zu: %d %s", i, s->status, s->headers);
    }
    CHECK_INT(atomic_load(&ran), 0);
    CHECK(body_is(h2_call(h2, "/test.Test/Echo", GRPC_HEADERS, "still"), "still"));
    h2_close(h2);
    stop();
}

static size_t pack(const char *text, size_t size, char *out, size_t room)
{
    z_stream stream = {0};

    deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = (Bytef *)text;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return stream.total_out;
}

TEST(grpc_gzip)
{
    static char text[30000], packed[40000], body[40010];
    size_t size;
    struct h2_stream *s;

    prepare();
    FIXTURE.settings.body_bytes_max = 65536;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    memset(text, 'z', sizeof text);
    size = pack(text, sizeof text, packed, sizeof packed);
    size = h2_frame(body, 1, packed, size);
    /* what is packed is answered packed, when that is read */
    s = h2_wait(h2,
                h2_ask(h2, "POST", "/test.Test/Echo",
                       GRPC_HEADERS "grpc-encoding: gzip\ngrpc-accept-encoding: identity, gzip\n",
                       body, size, 0));
    CHECK_TEXT(s->trailers, "grpc-status: 0\n");
    CHECK(strstr(s->headers, "grpc-encoding: gzip\n"));
    CHECK(s->size < 1000 && s->body[0] == 1);
    s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS "grpc-encoding: gzip\n",
                           body, size, 0));
    CHECK(!strstr(s->headers, "grpc-encoding"));
    CHECK_INT(s->size, sizeof text + 5);
    /* a message may be as it is */
    s = h2_call(h2, "/test.Test/Echo", GRPC_HEADERS "grpc-encoding: gzip\n", "plain");
    CHECK(body_is(s, "plain"));
    /* what unpacks to too much, what is none */
    static char zeros[1 << 20];
    size = pack(zeros, sizeof zeros, packed, sizeof packed);
    size = h2_frame(body, 1, packed, size);
    s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS "grpc-encoding: gzip\n",
                           body, size, 0));
    CHECK(strstr(s->headers, "grpc-status: 8\n"));
    size = h2_frame(body, 1, "no gzip", 7);
    s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS "grpc-encoding: gzip\n",
                           body, size, 0));
    CHECK(strstr(s->headers, "grpc-status: 3\n"));
    h2_close(h2);
    stop();
}

TEST(grpc_streams)
{
    struct h2_stream *s;
    char want[64];
    size_t size;

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    s = h2_call(h2, "/test.Test/Tell", GRPC_HEADERS, "ab");
    size = h2_frame(want, 0, "message 2", 9);
    size += h2_frame(want + size, 0, "message 1", 9);
    CHECK_INT(s->size, size);
    CHECK(memcmp(s->body, want, size) == 0);
    CHECK_TEXT(s->trailers, "grpc-status: 0\n");
    s = h2_call(h2, "/test.Test/Tell", GRPC_HEADERS, "");
    CHECK_INT(s->size, 0);
    CHECK_TEXT(s->trailers, "grpc-status: 0\n");
    h2_close(h2);
    stop();
}

/* Both sides talk; with and without a job in between. */
TEST(grpc_talks)
{
    static const char *const headers[] = {GRPC_HEADERS, GRPC_HEADERS "x-later: 1\n"};
    char body[64];
    size_t size, first;

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < 2; i++) {
        first = h2_frame(body, 0, "a", 1);
        size = first + h2_frame(body + first, 0, "b", 1);
        size += h2_frame(body + size, 0, "cd", 2);
        int32_t id = h2_ask(h2, "POST", "/test.Test/Chat", headers[i], body, size, first + 3);
        struct h2_stream *s = h2_stream(h2, id);

        for (int n = 0; n < 200 && s->size < 12; n++)
            h2_hear(h2, 20);
        CHECK(s->size == 12 && memcmp(s->body + 5, "heard a", 7) == 0);
        s->hold = size - 1;
        nghttp2_session_resume_data(h2->session, id);
        for (int n = 0; n < 200 && s->size < 24; n++)
            h2_hear(h2, 20);
        CHECK(s->size == 24 && memcmp(s->body + 17, "heard b", 7) == 0);
        s->hold = 0;
        nghttp2_session_resume_data(h2->session, id);
        h2_wait(h2, id);
        CHECK(s->size == 37 && memcmp(s->body + 29, "heard cd", 8) == 0);
        CHECK_TEXT(s->trailers, "grpc-status: 0\n");
        /* all at once */
        s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Chat", headers[i], body, size, 0));
        CHECK_TEXT(s->trailers, "grpc-status: 0\n");
        /* an end within a message */
        s = h2_wait(h2, h2_ask(h2, "POST", "/test.Test/Chat", headers[i], body, size - 1, 0));
        CHECK_TEXT(s->trailers, "grpc-status: 3\n");
    }
    h2_close(h2);
    stop();
}

TEST(grpc_ends_of_streams)
{
    char body[16];
    size_t size = h2_frame(body, 0, "a", 1);
    struct h2_stream *s;

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    /* the deadline */
    int32_t id = h2_ask(h2, "POST", "/test.Test/Chat", GRPC_HEADERS "grpc-timeout: 100m\n", body,
                        size, size - 1);
    h2_stream(h2, id)->hold = 0;
    body[size] = 0;
    h2_stream(h2, id)->data_size = size + 1; /* one byte is never said */
    h2_stream(h2, id)->hold = size;
    s = h2_wait(h2, id);
    CHECK_TEXT(s->trailers, "grpc-status: 4\n");
    /* the client */
    id = h2_ask(h2, "POST", "/test.Test/Wait", GRPC_HEADERS, body, size, 0);
    for (int i = 0; i < 5; i++)
        h2_hear(h2, 20);
    nghttp2_submit_rst_stream(h2->session, 0, id, NGHTTP2_CANCEL);
    h2_say(h2);
    for (int i = 0; i < 200 && !atomic_load(&cancelled); i++)
        usleep(10000);
    CHECK_INT(atomic_load(&cancelled), 1);
    /* the server */
    id = h2_ask(h2, "POST", "/grpc.health.v1.Health/Watch", GRPC_HEADERS, "\0\0\0\0\0", 5, 0);
    for (int i = 0; i < 5; i++)
        h2_hear(h2, 20);
    CHECK(h2_stream(h2, id)->size > 5);
    server_drain(FIXTURE.server);
    CHECK_TEXT(h2_wait(h2, id)->trailers, "grpc-status: 14\n");
    CHECK(h2_wait_gone(h2, 5000));
    h2_close(h2);
    stop();
}

/* A call may wait for its first message longer than a body may; not for the rest of it. */
TEST(grpc_waits_for_messages)
{
    char body[16];
    size_t size = h2_frame(body, 0, "a", 1);

    prepare();
    FIXTURE.settings.body_grace_ms = 300;
    FIXTURE.settings.body_rate_min = 1000000;
    fixture_start(&FIXTURE);
    struct h2 *h2 = h2_open(&FIXTURE);
    int32_t patient = h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS, body, size, 1);
    int32_t slow = h2_ask(h2, "POST", "/test.Test/Echo", GRPC_HEADERS, body, size, 3);
    h2_stream(h2, patient)->sent = h2_stream(h2, patient)->hold = 0;
    h2_stream(h2, patient)->silent = true;
    h2_wait(h2, slow);
    CHECK(strstr(h2_stream(h2, slow)->headers, "grpc-status: 4\n"));
    CHECK(!h2_stream(h2, patient)->closed);
    h2_stream(h2, patient)->silent = false;
    nghttp2_session_resume_data(h2->session, patient);
    CHECK(body_is(h2_wait(h2, patient), "a"));
    h2_close(h2);
    stop();
}

/* --- services of its own --- */

TEST(grpc_health)
{
    static const struct {
        const char *name;
        int want; /* status of gRPC * 100 + of health */
    } cases[] = {
        {"", 1}, {"twice", 1}, {"grpc.health.v1.Health", 1}, {"test.Test", 1}, {"no", 500}};
    char request[64];

    start();
    struct h2 *h2 = h2_open(&FIXTURE);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t size = strlen(cases[i].name);
        struct h2_stream *s;

        snprintf(request, sizeof request, "\n%c%s", (int)size, cases[i].name);
        s = h2_call(h2, "/grpc.health.v1.Health/Check", GRPC_HEADERS, size ? request : "");
        if (cases[i].want == 500)
            CHECK(strstr(s->headers, "grpc-status: 5\n"));
        else
            CHECK(s->size == 7 && s->body[5] == 8 && s->body[6] == cases[i].want);
    }
    /* a model that comes is told */
    int32_t id = h2_ask(h2, "POST", "/grpc.health.v1.Health/Watch", GRPC_HEADERS,
                        "\0\0\0\0\5\n\3new", 10, 0);
    struct h2_stream *s = h2_stream(h2, id);
    for (int i = 0; i < 100 && s->size < 7; i++)
        h2_hear(h2, 20);
    CHECK(s->size == 7 && s->body[6] == 3);
    fake_add(&FIXTURE.source, "new", 1, "fake");
    for (int i = 0; i < 200 && (s->size < 14 || s->body[s->size - 1] != 1); i++)
        h2_hear(h2, 20);
    CHECK_INT(s->body[s->size - 1], 1);
    h2_close(h2);
    stop();
}
