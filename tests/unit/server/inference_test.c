// SPDX-License-Identifier: Apache-2.0
/* Open Inference over real sockets, on models that need no files. */
#include "fixture.h"

#include "test.h"

static struct fixture FIXTURE;

static void start(void)
{
    fixture_init(&FIXTURE);
    fixture_start(&FIXTURE);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
}

#define INPUT(data)                                                                                \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],\"datatype\":\"FP64\",\"data\":" data "}]}"
#define ANSWER(model, data)                                                                        \
    "{\"model_name\":\"" model "\",\"model_version\":\"1\",\"outputs\":[{\"name\":\"y\","          \
    "\"datatype\":\"FP64\",\"shape\":[2],\"data\":" data "}]}"

static void check_answer(const struct reply *reply, const char *want)
{
    CHECK_INT(reply->status, 200);
    CHECK_TEXT(reply->body, want);
}

TEST(infer_first_elsewhere_then_here)
{
    start();
    int fd = client_open(&FIXTURE);

    for (int i = 0; i < 50; i++) {
        client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1.5,-2]")));
        check_answer(client_hear(fd), ANSWER("twice", "[3.0,-4.0]"));
    }
    client_say(fd, post("/v2/models/twice/versions/1/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    close(fd);
    stop();
}

/* Requests that go to another thread and requests that do not, answered in order. */
TEST(infer_pipelined_with_slow_ones)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd, post("/v2/models/slow/infer", "", INPUT("[1,2]")));
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[3,4]")));
    client_say(fd, GET("/v2/health/live"));
    client_say(fd, post("/v2/models/slow/infer", "", INPUT("[5,6]")));
    shutdown(fd, SHUT_WR);
    check_answer(client_hear(fd), ANSWER("slow", "[2.0,4.0]"));
    check_answer(client_hear(fd), ANSWER("twice", "[6.0,8.0]"));
    CHECK_TEXT(client_hear(fd)->body, "{\"live\":true}");
    check_answer(client_hear(fd), ANSWER("slow", "[10.0,12.0]"));
    CHECK(client_closed(fd, 3000));
    close(fd);
    stop();
}

TEST(infer_large_bodies)
{
    enum { COUNT = 200000 };
    static char body[COUNT * 8 + 200], head[200], answer[COUNT * 8];
    size_t size = (size_t)sprintf(body,
                                  "{\"inputs\":[{\"name\":\"x\",\"shape\":[%d],"
                                  "\"datatype\":\"FP64\",\"data\":[",
                                  COUNT);
    size_t got = 0;

    start();
    for (int i = 0; i < COUNT; i++)
        size += (size_t)sprintf(body + size, "%s%d", i ? "," : "", i % 1000);
    size += (size_t)sprintf(body + size, "]}]}");
    sprintf(head, "POST /v2/models/twice/infer HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
            size);
    int fd = client_open(&FIXTURE);
    for (int round = 0; round < 3; round++) {
        client_say(fd, head);
        client_say_bytes(fd, body, size);
        struct reply *reply = client_hear_for(fd, 5000, true);
        CHECK_INT(reply->status, 200);
        size_t length = (size_t)atol(strstr(reply->head, "Content-Length: ") + 16);
        CHECK(length < sizeof answer && length > COUNT * 3);
        usleep(50000); /* so that the socket fills */
        for (got = 0; got < length;) {
            ssize_t n = recv(fd, answer + got, length - got, 0);
            CHECK(n > 0);
            got += (size_t)n;
        }
        answer[got] = 0;
        CHECK(strstr(answer, "\"data\":[0.0,2.0,4.0,6.0,"));
        CHECK_TEXT(answer + got - 20, "1994.0,1996.0,1998.0]}]}" + 4);
    }
    close(fd);
    stop();
}

TEST(infer_binary)
{
    static const double values[] = {1.25, -7};
    double got[2];
    char text[1024];
    const char *json = "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],\"datatype\":\"FP64\","
                       "\"parameters\":{\"binary_data_size\":16}}],"
                       "\"outputs\":[{\"name\":\"y\",\"parameters\":{\"binary_data\":true}}]}";
    int size = snprintf(text, sizeof text,
                        "POST /v2/models/twice/infer HTTP/1.1\r\n" HOST
                        "Inference-Header-Content-Length: %zu\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(json), strlen(json) + sizeof values, json);

    start();
    int fd = client_open(&FIXTURE);
    client_say_bytes(fd, text, (size_t)size);
    client_say_bytes(fd, values, sizeof values);
    struct reply *reply = client_hear(fd);
    if (reply->status != 200)
        fail_msg("%s", reply->body);
    CHECK(strstr(reply->head, "Content-Type: application/octet-stream\r\n"));
    size_t part = (size_t)atol(strstr(reply->head, "Inference-Header-Content-Length: ") + 33);
    CHECK_INT(reply->size, part + 16);
    memcpy(got, reply->body + part, sizeof got);
    CHECK(got[0] == 2.5 && got[1] == -14);
    /* raw: the body is the input */
    client_say(fd, "POST /v2/models/twice/infer HTTP/1.1\r\n" HOST
                   "Inference-Header-Content-Length: 0\r\nContent-Length: 16\r\n\r\n");
    client_say_bytes(fd, values, sizeof values);
    reply = client_hear(fd);
    CHECK_INT(reply->status, 200);
    part = (size_t)atol(strstr(reply->head, "Inference-Header-Content-Length: ") + 33);
    memcpy(got, reply->body + part, sizeof got);
    CHECK(got[0] == 2.5 && got[1] == -14);
    close(fd);
    stop();
}

TEST(infer_bad_requests)
{
    static const struct {
        const char *path, *headers, *body;
        int want;
        const char *part;
    } cases[] = {
        {"/v2/models/none/infer", "", INPUT("[1,2]"), 404, "Request for unknown model: 'none'"},
        {"/v2/models/twice/versions/7/infer", "", INPUT("[1,2]"), 404, "has no version '7'"},
        {"/v2/models/twice@prod/infer", "", INPUT("[1,2]"), 404, "Request for unknown model"},
        {"/v2/models/broken/infer", "", INPUT("[1,2]"), 400, "the weights are missing"},
        {"/v2/models/twice/infer", "", "", 400, "{\"error\":\""},
        {"/v2/models/twice/infer", "", "{", 400, "{\"error\":\""},
        {"/v2/models/twice/infer", "", INPUT("[1,2,3]"), 400, "x"},
        {"/v2/models/twice/infer", "", INPUT("[1,\"a\"]"), 400, "x"},
        {"/v2/models/twice/infer", "", INPUT("[1,NaN]"), 400, "{\"error\":\""},
        {"/v2/models/twice/infer", "",
         "{\"inputs\":[{\"name\":\"z\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}", 400,
         "z"},
        {"/v2/models/twice/infer", "",
         "{\"parameters\":{\"signature\":\"other\"},\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
         "\"datatype\":\"FP64\",\"data\":[1]}]}",
         404, "other"},
        {"/v2/models/twice/infer", "",
         "{\"outputs\":[{\"name\":\"w\"}],\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
         "\"datatype\":\"FP64\",\"data\":[1]}]}",
         400, "has no output 'w'"},
        {"/v2/models/twice/infer", "",
         "{\"outputs\":[{\"name\":\"y\"},{\"name\":\"y\"}],\"inputs\":[{\"name\":\"x\",\"shape\":["
         "1],"
         "\"datatype\":\"FP64\",\"data\":[1]}]}",
         400, "y"},
        {"/v2/models/twice/infer", "Inference-Header-Content-Length: 99999\r\n", INPUT("[1,2]"),
         400, "Inference-Header-Content-Length"},
        {"/v2/models/twice/infer", "Inference-Header-Content-Length: -1\r\n", INPUT("[1,2]"), 400,
         "Inference-Header-Content-Length"},
        {"/v2/models/twice/infer", "Inference-Header-Content-Length: 0\r\n", "abc", 400, "raw"},
    };

    fixture_init(&FIXTURE);
    fake_add(&FIXTURE.source, "broken", 1, "broken");
    fixture_start(&FIXTURE);
    int fd = client_open(&FIXTURE);
    for (int round = 0; round < 2; round++) { /* first on another thread, then here */
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            client_say(fd, post(cases[i].path, cases[i].headers, cases[i].body));
            struct reply *reply = client_hear(fd);
            if (reply->status != cases[i].want || !strstr(reply->body, cases[i].part))
                fail_msg("%s: %d, not %d: %s", cases[i].body, reply->status, cases[i].want,
                         reply->body);
            CHECK(strncmp(reply->body, "{\"error\":\"", 10) == 0);
        }
        client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
        check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    }
    close(fd);
    stop();
}

TEST(metadata_of_models)
{
    start();
    CHECK_TEXT(ask(&FIXTURE, GET("/v2/models"))->body, "{\"models\":[\"slow\",\"twice\"]}");
    CHECK_TEXT(
        ask(&FIXTURE, GET("/v2/models/tw%69ce"))->body,
        "{\"name\":\"twice\",\"versions\":[\"1\"],\"platform\":\"fake\",\"inputs\":[{\"name\":"
        "\"x\",\"datatype\":\"FP64\",\"shape\":[-1]}],\"outputs\":[{\"name\":\"y\","
        "\"datatype\":\"FP64\",\"shape\":[-1]}],\"parameters\":{\"signature\":\"predict\","
        "\"signatures\":\"predict\"}}");
    CHECK_INT(ask(&FIXTURE, GET("/v2/models/twice/ready"))->status, 200);
    CHECK_INT(ask(&FIXTURE, GET("/v2/models/twice/versions/1/ready"))->status, 200);
    CHECK_INT(ask(&FIXTURE, GET("/v2/models/twice/versions/2/ready"))->status, 404);
    CHECK_INT(ask(&FIXTURE, GET("/v2/models/none/ready"))->status, 404);
    stop();
}

/* A new version is loaded beside the running one; the plain name moves when it is ready. */
TEST(versions_appear_while_serving)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    FIXTURE.source.load_delay_ms = 300;
    fake_add(&FIXTURE.source, "twice", 2, "fake");
    usleep(100000);
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    /* the new one by its number waits until it is there */
    client_say(fd, post("/v2/models/twice/versions/2/infer", "", INPUT("[1,2]")));
    CHECK(strstr(client_hear(fd)->body, "\"model_version\":\"2\""));
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    CHECK(strstr(client_hear(fd)->body, "\"model_version\":\"2\""));
    /* one that does not load changes nothing, and the index says why */
    fake_add(&FIXTURE.source, "twice", 3, "broken");
    models_refresh(server_models(FIXTURE.server), true);
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    CHECK(strstr(client_hear(fd)->body, "\"model_version\":\"2\""));
    client_say(fd, post("/v2/repository/index", "", ""));
    CHECK(strstr(client_hear(fd)->body, "{\"name\":\"twice\",\"version\":\"3\",\"state\":"
                                        "\"UNAVAILABLE\",\"reason\":\"the weights are missing\"}"));
    /* a model nobody knew a moment ago */
    fake_add(&FIXTURE.source, "fresh", 1, "fake");
    client_say(fd, post("/v2/models/fresh/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("fresh", "[2.0,4.0]"));
    close(fd);
    stop();
}

TEST(repository_unload_and_load)
{
    start();
    int fd = client_open(&FIXTURE);

    client_say(fd, post("/v2/repository/models/twice/unload", "", ""));
    CHECK_INT(client_hear(fd)->status, 200);
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    CHECK_INT(client_hear(fd)->status, 404);
    client_say(fd, post("/v2/repository/index", "", "{\"ready\":true}"));
    CHECK(!strstr(client_hear(fd)->body, "twice"));
    client_say(fd, post("/v2/repository/index", "", "{}"));
    CHECK(strstr(client_hear(fd)->body,
                 "\"twice\",\"version\":\"1\",\"state\":\"UNAVAILABLE\",\"reason\":\"unloaded\""));
    client_say(fd, post("/v2/repository/models/twice/load", "", "{\"parameters\":{}}"));
    CHECK_INT(client_hear(fd)->status, 200);
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    client_say(fd, post("/v2/repository/models/twice/load", "", "{\"parameters\":{\"config\":1}}"));
    CHECK_INT(client_hear(fd)->status, 422);
    client_say(fd, post("/v2/repository/models/none/load", "", ""));
    CHECK_INT(client_hear(fd)->status, 404);
    client_say(fd, post("/v2/repository/index", "", "[]"));
    CHECK_INT(client_hear(fd)->status, 400);
    close(fd);
    stop();
}

/* Older versions are loaded when asked for, and let go when nobody asks any more. */
TEST(versions_on_demand)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.unload_idle_ms = 100;
    fake_add(&FIXTURE.source, "twice", 2, "fake");
    fixture_start(&FIXTURE);
    CHECK_INT(FIXTURE.source.loads, 2);
    int fd = client_open(&FIXTURE);
    client_say(fd, post("/v2/models/twice/versions/1/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    CHECK_INT(FIXTURE.source.loads, 3);
    usleep(400000);
    client_say(fd, post("/v2/repository/index", "", ""));
    CHECK(strstr(client_hear(fd)->body, "\"twice\",\"version\":\"1\",\"state\":\"UNAVAILABLE\""));
    client_say(fd, post("/v2/models/twice/versions/1/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    close(fd);
    stop();
}

TEST(overload_is_shed)
{
    enum { CLIENTS = 20 };
    int fds[CLIENTS], ok = 0, shed = 0;

    fixture_init(&FIXTURE);
    FIXTURE.settings.compute_threads = 1;
    FIXTURE.settings.queue_max = 2;
    fixture_start(&FIXTURE);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(&FIXTURE);
        client_say(fds[i], post("/v2/models/slow/infer", "", INPUT("[1,2]")));
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct reply *reply = client_hear(fds[i]);

        ok += reply->status == 200;
        shed += reply->status == 503;
        CHECK(reply->status == 200 || strstr(reply->head, "Retry-After: 1\r\n"));
        close(fds[i]);
    }
    CHECK_INT(ok + shed, CLIENTS);
    CHECK(ok >= 2 && shed >= 10);
    stop();
}

TEST(deadlines)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.compute_threads = 1;
    fixture_start(&FIXTURE);
    int first = client_open(&FIXTURE), second = client_open(&FIXTURE);

    client_say(first, post("/v2/models/slow/infer", "", INPUT("[1,2]")));
    usleep(5000);
    client_say(second,
               post("/v2/models/slow/infer", "",
                    "{\"parameters\":{\"timeout\":1000},\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":[1]}]}"));
    CHECK_INT(client_hear(first)->status, 200);
    CHECK_INT(client_hear(second)->status, 504);
    close(first);
    close(second);
    stop();
}

/* A run that has begun is given up too: at the server's limit, at the request's, or when nobody is
 * left to answer. */
TEST(runs_are_given_up)
{
    struct linger reset = {.l_onoff = 1};

    fixture_init(&FIXTURE);
    FIXTURE.settings.compute_threads = 1;
    FIXTURE.settings.request_timeout_ms = 300;
    fake_add(&FIXTURE.source, "endless", 1, "slow-60000");
    fixture_start(&FIXTURE);
    int first = client_open(&FIXTURE), second = client_open(&FIXTURE);

    client_say(first, post("/v2/models/endless/infer", "", INPUT("[1,2]")));
    CHECK_INT(client_hear(first)->status, 504);
    client_say(first,
               post("/v2/models/endless/infer", "",
                    "{\"parameters\":{\"timeout\":20000},\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":[1]}]}"));
    CHECK_INT(client_hear(first)->status, 504);
    atomic_store(&fake_cancelled, 0);
    client_say(second, post("/v2/models/endless/infer", "", INPUT("[1,2]")));
    usleep(20000);
    setsockopt(second, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(second);
    for (int i = 0; i < 200 && !atomic_load(&fake_cancelled); i++)
        usleep(1000);
    CHECK_INT(atomic_load(&fake_cancelled), 1);
    client_say(first, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(first), ANSWER("twice", "[2.0,4.0]"));
    close(first);
    stop();
}

/* Who is gone before the turn comes is not served; nobody else notices. */
TEST(requests_of_gone_clients)
{
    struct linger reset = {.l_onoff = 1};

    fixture_init(&FIXTURE);
    FIXTURE.settings.compute_threads = 1;
    fixture_start(&FIXTURE);
    for (int i = 0; i < 20; i++) {
        int fd = client_open(&FIXTURE);
        client_say(fd, post("/v2/models/slow/infer", "", INPUT("[1,2]")));
        if (i % 2) {
            usleep(1000);
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        close(fd);
    }
    int fd = client_open(&FIXTURE);
    client_say(fd, post("/v2/models/twice/infer", "", INPUT("[1,2]")));
    check_answer(client_hear(fd), ANSWER("twice", "[2.0,4.0]"));
    close(fd);
    stop();
}

/* Stopping while requests run and wait leaks nothing and hangs nowhere. */
TEST(stop_in_the_middle)
{
    fixture_init(&FIXTURE);
    FIXTURE.settings.compute_threads = 1;
    FIXTURE.settings.drain_timeout_ms = 50;
    fixture_start(&FIXTURE);
    int fds[10];
    for (int i = 0; i < 10; i++) {
        fds[i] = client_open(&FIXTURE);
        client_say(fds[i], post("/v2/models/slow/infer", "", INPUT("[1,2]")));
    }
    usleep(20000);
    stop();
    for (int i = 0; i < 10; i++)
        close(fds[i]);
}
