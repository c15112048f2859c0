// SPDX-License-Identifier: Apache-2.0
/* Real sockets against a server in this process: what connections do. */
#include <sys/resource.h>

#include "unit/server/fixture.h"

#include "test.h"

static struct fixture FIXTURE;

static void start(void)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.io_threads = 2;
    fixture_start(&FIXTURE);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
}

static int count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

TEST(connection_keeps_alive)
{
    start();
    int fd = client_open(&FIXTURE);

    for (int i = 0; i < 3; i++) {
        client_say(fd, GET("/v2/health/live"));
        struct reply *reply = client_hear(fd);
        CHECK_INT(reply->status, 200);
        CHECK_TEXT(reply->body, "{\"live\":true}");
        CHECK(strstr(reply->head, "Content-Type: application/json\r\n"));
        CHECK(strstr(reply->head, "\r\nDate: "));
        CHECK(!strstr(reply->head, "Connection:"));
    }
    close(fd);
    stop();
}

TEST(connection_pipelines)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd,
               GET("/v2/health/live") GET("/v2") GET("/nowhere") "\r\n" GET("/v2/health/ready"));
    CHECK_TEXT(client_hear(fd)->body, "{\"live\":true}");
    CHECK(strstr(client_hear(fd)->body, "\"extensions\""));
    CHECK_INT(client_hear(fd)->status, 404);
    CHECK_TEXT(client_hear(fd)->body, "{\"ready\":true}");
    close(fd);
    stop();
}

/* Byte by byte, whatever the request. */
TEST(connection_takes_trickles)
{
    const char *text =
        "POST /v2/repository/index HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"rea\r\nB\r\ndy\" : true}\r\n0\r\n"
        "X: y\r\n\r\n" GET("/v2/health/live");

    start();
    int fd = client_open(&FIXTURE);
    for (const char *p = text; *p; p++) {
        client_say_bytes(fd, p, 1);
        if (p - text < 140)
            usleep(300);
    }
    struct reply *reply = client_hear(fd);
    CHECK_INT(reply->status, 200);
    CHECK_INT(count(reply->body, "\"READY\""), 2);
    CHECK_INT(client_hear(fd)->status, 200);
    close(fd);
    stop();
}

TEST(connection_chunked_in_one_piece)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd,
               "POST /v2/repository/index HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
               "2\r\n{}\r\n0\r\n\r\n" GET("/v2/health/live"));
    CHECK_INT(client_hear(fd)->status, 200);
    CHECK_TEXT(client_hear(fd)->body, "{\"live\":true}");
    close(fd);
    stop();
}

TEST(connection_statuses)
{
    static const struct {
        const char *why, *text;
        int want;
        bool closes;
    } cases[] = {
        {"no such path", GET("/nowhere"), 404, false},
        {"no such path below one", GET("/v2/health/live/x"), 404, false},
        {"a slash too many", GET("/v2/"), 404, false},
        {"dots are names", GET("/v2/../v2"), 404, false},
        {"other method", "DELETE /v2/health/live HTTP/1.1\r\n" HOST "\r\n", 405, false},
        {"unknown method", "BREW /v2 HTTP/1.1\r\n" HOST "\r\n", 501, true},
        {"HEAD", "HEAD /v2/health/live HTTP/1.1\r\n" HOST "\r\n", 200, false},
        {"OPTIONS", "OPTIONS /v2/health/live HTTP/1.1\r\n" HOST "\r\n", 204, false},
        {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, false},
        {"OPTIONS nowhere", "OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, false},
        {"malformed", "GET / HTTP/1.1\r\n\r\n", 400, true},
        {"wants close", "GET /v2 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200, true},
        {"HTTP/1.0", "GET /v2 HTTP/1.0\r\n\r\n", 200, true},
        {"broken escape", GET("/v2/models/a%zz"), 400, false},
        {"NUL in the path", GET("/v2/models/a%00"), 400, false},
        {"br",
         "POST /v2/repository/index HTTP/1.1\r\n" HOST
         "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
         415, false},
        {"not gzip",
         "POST /v2/repository/index HTTP/1.1\r\n" HOST
         "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
         400, false},
        {"body for nobody, whole", "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
         404, false},
        {"body for nobody, to come", "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx",
         404, true},
        {"body too large",
         "POST /v2/repository/index HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\n", 413,
         true},
        {"Expect for too much",
         "POST /v2/repository/index HTTP/1.1\r\n" HOST
         "Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n",
         413, true},
    };

    start();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int fd = client_open(&FIXTURE);

        client_say(fd, cases[i].text);
        struct reply *reply = client_hear_for(fd, 5000, strcmp(cases[i].why, "HEAD") == 0);
        if (reply->status != cases[i].want)
            fail_msg("%s: %d, not %d: %s", cases[i].why, reply->status, cases[i].want, reply->body);
        if (cases[i].want >= 400)
            CHECK(strncmp(reply->body, "{\"error\":\"", 10) == 0);
        if (cases[i].want == 405 || cases[i].want == 204)
            CHECK(strstr(reply->head, "Allow: GET, HEAD, OPTIONS\r\n") ||
                  strstr(cases[i].why, "*"));
        CHECK_INT(strstr(reply->head, "Connection: close") != NULL, cases[i].closes);
        if (cases[i].closes) {
            CHECK(client_closed(fd, 3000));
        } else {
            client_say(fd, GET("/v2/health/live"));
            CHECK_INT(client_hear(fd)->status, 200);
        }
        close(fd);
    }
    stop();
}

TEST(connection_says_continue)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd, "POST /v2/repository/index HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_INT(client_hear(fd)->status, 100);
    client_say(fd, "{}");
    CHECK_INT(client_hear(fd)->status, 200);
    /* who does not wait is not told */
    client_say(fd, "POST /v2/repository/index HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
    CHECK_INT(client_hear(fd)->status, 200);
    close(fd);
    stop();
}

TEST(connection_gzip)
{
    /* printf '{"ready":true}' | gzip -n */
    static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x03, 0xab, 0x56, 0x2a, 0x4a, 0x4d, 0x4c, 0xa9, 0x54,
                                           0xb2, 0x2a, 0x29, 0x2a, 0x4d, 0xad, 0x05, 0x00, 0x23,
                                           0x05, 0x2a, 0x96, 0x0e, 0x00, 0x00, 0x00};
    char text[256];

    fixture_init(&FIXTURE);
    FIXTURE.settings.gzip_bytes_min = 1;
    fixture_start(&FIXTURE);
    int fd = client_open(&FIXTURE);
    int size = snprintf(text, sizeof text,
                        "POST /v2/repository/index HTTP/1.1\r\n" HOST
                        "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                        sizeof packed);
    client_say_bytes(fd, text, (size_t)size);
    client_say_bytes(fd, packed, sizeof packed);
    struct reply *reply = client_hear(fd);
    if (reply->status != 200)
        fail_msg("%s", reply->body);
    CHECK_INT(count(reply->body, "READY"), 2);
    client_say(fd, "POST /v2/repository/index HTTP/1.1\r\n" HOST
                   "Accept-Encoding: gzip\r\nContent-Length: 0\r\n\r\n");
    reply = client_hear(fd);
    CHECK_INT(reply->status, 200);
    CHECK(strstr(reply->head, "Content-Encoding: gzip\r\n"));
    CHECK(reply->size > 20 && (unsigned char)reply->body[0] == 0x1f);
    close(fd);
    stop();
}

TEST(connection_slow_clients)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.head_timeout_ms = 300;
    FIXTURE.settings.idle_timeout_ms = 300;
    FIXTURE.settings.body_grace_ms = 300;
    FIXTURE.settings.body_rate_min = 1000000;
    fixture_start(&FIXTURE);
    int head = client_open(&FIXTURE), idle = client_open(&FIXTURE), body = client_open(&FIXTURE);

    client_say(head, "GET / HTTP/1.1\r\nHo");
    client_say(body, "POST /v2/repository/index HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n{");
    CHECK_INT(client_hear(head)->status, 408);
    CHECK(client_closed(head, 3000));
    CHECK(client_closed(idle, 3000)); /* without a word */
    CHECK_INT(client_hear(body)->status, 408);
    CHECK(client_closed(body, 3000));
    close(head);
    close(idle);
    close(body);
    stop();
}

TEST(connection_half_closed)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd, GET("/v2/health/live") GET("/v2"));
    shutdown(fd, SHUT_WR);
    CHECK_INT(client_hear(fd)->status, 200);
    CHECK_INT(client_hear(fd)->status, 200);
    CHECK(client_closed(fd, 3000));
    close(fd);
    stop();
}

TEST(connection_limit)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.connections_max = 2;
    fixture_start(&FIXTURE);
    int a = client_open(&FIXTURE), b = client_open(&FIXTURE);

    client_say(a, GET("/v2/health/live"));
    client_say(b, GET("/v2/health/live"));
    CHECK_INT(client_hear(a)->status, 200);
    CHECK_INT(client_hear(b)->status, 200);
    int c = client_open(&FIXTURE);
    CHECK_INT(client_hear(c)->status, 503);
    close(c);
    close(a);
    usleep(100000);
    c = client_open(&FIXTURE);
    client_say(c, GET("/v2/health/live"));
    CHECK_INT(client_hear(c)->status, 200);
    close(b);
    close(c);
    stop();
}

TEST(connection_drains)
{
    start();
    int idle = client_open(&FIXTURE), busy = client_open(&FIXTURE);

    client_say(idle, GET("/v2/health/live"));
    CHECK_INT(client_hear(idle)->status, 200);
    client_say(busy, "POST /v2/repository/index HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{");
    usleep(50000);
    server_drain(FIXTURE.server);
    CHECK(client_closed(idle, 3000));
    client_say(busy, "}");
    struct reply *reply = client_hear(busy);
    CHECK_INT(reply->status, 200);
    CHECK(strstr(reply->head, "Connection: close\r\n"));
    CHECK(client_closed(busy, 3000));
    server_wait(FIXTURE.server);
    close(idle);
    close(busy);
    stop();
}

TEST(connection_drain_is_forced)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.drain_timeout_ms = 200;
    fixture_start(&FIXTURE);
    int fd = client_open(&FIXTURE);

    client_say(fd, "GET / HTT");
    usleep(50000);
    server_drain(FIXTURE.server);
    server_wait(FIXTURE.server);
    close(fd);
    stop();
}

TEST(metrics_are_shown)
{
    start();
    CHECK_INT(ask(&FIXTURE, GET("/v2/health/live"))->status, 200);
    CHECK_INT(ask(&FIXTURE, "nonsense\r\n\r\n")->status, 400);
    struct reply *reply = ask(&FIXTURE, GET("/metrics"));
    CHECK_INT(reply->status, 200);
    CHECK(strstr(reply->head, "Content-Type: text/plain; version=0.0.4"));
    CHECK(strstr(reply->body, "firn_requests_total{route=\"/v2/health/live\",method=\"GET\","
                              "status=\"200\"} 1\n"));
    CHECK(strstr(reply->body, "firn_refused_total{status=\"400\"} 1\n"));
    CHECK(strstr(reply->body, "firn_models_loaded 2\n"));
    CHECK(strstr(reply->body, "firn_process_resident_memory_bytes "));
    stop();
}

/* Who does not read the answers is not served further, and is let go in the end. */
TEST(connection_slow_readers)
{
    enum { REQUESTS = 20000 };
    static char requests[REQUESTS * sizeof GET("/v2")];
    size_t size = 0;
    ssize_t sent = 0;
    int small = 4096;

    fixture_init(&FIXTURE);
    FIXTURE.settings.body_grace_ms = 500;
    FIXTURE.settings.body_rate_min = 1 << 20;
    fixture_start(&FIXTURE);
    for (int i = 0; i < REQUESTS; i++)
        size += (size_t)sprintf(requests + size, "%s", GET("/v2"));
    int fd = client_open(&FIXTURE);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (sent >= 0 && (size_t)sent < size) { /* as much as the server takes */
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        ssize_t n;

        if (poll(&wait, 1, 300) != 1)
            break;
        n = send(fd, requests + sent, size - (size_t)sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            break;
        sent += n;
    }
    int other = client_open(&FIXTURE);
    client_say(other, GET("/v2/health/live"));
    CHECK_INT(client_hear(other)->status, 200);
    usleep(3500000);
    client_say(other, GET("/metrics"));
    CHECK(strstr(client_hear(other)->body, "firn_timeouts_total{what=\"write\"} 1\n"));
    close(fd);
    close(other);
    stop();
}

/* All answers of one who reads late arrive, in order. */
TEST(connection_late_readers)
{
    enum { REQUESTS = 4000 };
    static char requests[REQUESTS * sizeof GET("/v2/health/live")];
    size_t size = 0, sent = 0;
    int answers = 0;

    start();
    for (int i = 0; i < REQUESTS; i++)
        size += (size_t)sprintf(requests + size, "%s",
                                i % 2 ? GET("/v2/health/live") : GET("/v2/health/ready"));
    int fd = client_open(&FIXTURE);
    while (sent < size) {
        ssize_t n = send(fd, requests + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            sent += (size_t)n;
        } else { /* full: read one */
            CHECK_TEXT(client_hear(fd)->body,
                       answers++ % 2 ? "{\"live\":true}" : "{\"ready\":true}");
        }
    }
    while (answers < REQUESTS)
        CHECK_TEXT(client_hear(fd)->body, answers++ % 2 ? "{\"live\":true}" : "{\"ready\":true}");
    close(fd);
    stop();
}

/* Requests that are being received share a budget. */
TEST(connection_memory_budget)
{
    static char part[300000];
    enum { CLIENTS = 8 };
    int fds[CLIENTS], refused = 0;

    fixture_init(&FIXTURE);
    FIXTURE.settings.buffered_bytes_max = 1 << 20;
    fixture_start(&FIXTURE);
    memset(part, ' ', sizeof part);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(&FIXTURE);
        client_say(fds[i],
                   "POST /v2/repository/index HTTP/1.1\r\n" HOST "Content-Length: 400000\r\n\r\n");
        client_say_bytes(fds[i], part, sizeof part);
    }
    for (int i = 0; i < CLIENTS; i++)
        refused += client_hear_for(fds[i], 200, false)->status == 503;
    CHECK(refused >= 4 && refused < CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    usleep(100000);
    CHECK_INT(ask(&FIXTURE, post("/v2/repository/index", "", "{}"))->status, 200);
    CHECK(strstr(ask(&FIXTURE, GET("/metrics"))->body, "firn_buffered_bytes "));
    stop();
}

TEST(connection_without_descriptors)
{
    struct rlimit before, few;
    int fds[64], count = 0, refused = 0;

    start();
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    int first = client_open(&FIXTURE); /* one that is served all the time */
    client_say(first, GET("/v2/health/live"));
    CHECK_INT(client_hear(first)->status, 200);
    int lowest = dup(0);
    close(lowest);
    few.rlim_cur = (rlim_t)lowest + 41; /* 20 pairs and one that the server cannot take */
    setrlimit(RLIMIT_NOFILE, &few);
    for (; count < 64; count++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)server_port(FIXTURE.server)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        fds[count] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fds[count] < 0)
            break;
        CHECK_INT(connect(fds[count], (struct sockaddr *)&address, sizeof address), 0);
        usleep(2000);
    }
    CHECK(count > 10 && count < 64);
    client_say(first, GET("/v2/health/live"));
    CHECK_INT(client_hear(first)->status, 200);
    for (int i = 0; i < count; i++) {
        refused += client_hear_for(fds[i], 20, false)->status == 503;
        close(fds[i]);
    }
    CHECK(refused >= 1);
    setrlimit(RLIMIT_NOFILE, &before);
    usleep(100000);
    CHECK_INT(ask(&FIXTURE, GET("/v2/health/live"))->status, 200);
    close(first);
    stop();
}
