// SPDX-License-Identifier: Apache-2.0
/* The management API on a real store, with a real model, and its predictions. */
#include "fixture.h"

#include "server/models/source.h"

#include "test.h"

static struct fixture FIXTURE;
static struct registry *REGISTRY;
static struct registry_source SOURCE;
static char MODEL[65536]; /* examples/iris.joblib */
static size_t MODEL_SIZE;

static void start(void)
{
    struct server_options options = {.http = "127.0.0.1:0", .settings = &FIXTURE.settings};
    struct error err = {0};
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/examples/iris.joblib", getenv("FIRN_ROOT"));
    file = fopen(path, "rb");
    if (!file)
        fail_msg("no %s", path);
    MODEL_SIZE = fread(MODEL, 1, sizeof MODEL, file);
    fclose(file);
    fixture_init(&FIXTURE);
    CHECK_OK(registry_open("store", &REGISTRY, &err), err);
    options.registry = REGISTRY;
    SOURCE = (struct registry_source){.registry = REGISTRY};
    options.source = source_of_registry(&SOURCE);
    options.temporary = "store";
    CHECK_OK(server_new(&options, &FIXTURE.server, &err), err);
    models_refresh(server_models(FIXTURE.server), true);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
    registry_close(REGISTRY);
    if (system("rm -rf store") != 0)
        abort();
}

/* Send an upload in pieces, so that it is streamed. */
static struct reply *upload(int fd, const char *target, const char *headers, const void *data,
                            size_t size, bool chunked)
{
    char head[2048];
    size_t piece = size / 3 + 1;

    if (chunked)
        snprintf(head, sizeof head,
                 "PUT %s HTTP/1.1\r\n" HOST "%sTransfer-Encoding: chunked\r\n\r\n", target,
                 headers);
    else
        snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n",
                 target, headers, size);
    client_say(fd, head);
    for (size_t at = 0; at < size; at += piece) {
        size_t part = piece < size - at ? piece : size - at;

        usleep(5000);
        if (chunked) {
            snprintf(head, sizeof head, "%zx\r\n", part);
            client_say(fd, head);
        }
        client_say_bytes(fd, (const char *)data + at, part);
        if (chunked)
            client_say(fd, "\r\n");
    }
    if (chunked)
        client_say(fd, "0\r\n\r\n");
    return client_hear(fd);
}

static struct reply *call(int fd, const char *method, const char *target)
{
    char text[1024];

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n" HOST "\r\n", method, target);
    client_say(fd, text);
    return client_hear(fd);
}

static void expect(const struct reply *reply, int status, const char *part)
{
    if (reply->status != status || !strstr(reply->body, part))
        fail_msg("%d, not %d \"%s\": %s", reply->status, status, part, reply->body);
}

/* A version loads beside the one that serves: within ten seconds the answer holds `part`. */
static void expect_soon(int fd, const char *target, const char *body, const char *part)
{
    struct reply *reply = NULL;

    for (int i = 0; i < 500; i++) {
        client_say(fd, post(target, "", body));
        reply = client_hear(fd);
        if (reply->status == 200 && strstr(reply->body, part))
            return;
        usleep(20000);
    }
    expect(reply, 200, part);
}

#define ROW "[[5.1,3.5,1.4,0.2]]"
static const char BODY[] = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\","
                           "\"data\":" ROW "}]}";

TEST(management_life_of_a_model)
{
    start();
    int fd = client_open(&FIXTURE);

    expect(call(fd, "GET", "/api/models"), 200, "[]");
    expect(upload(fd, "/api/models/iris?file=iris.joblib&alias=prod", "", MODEL, MODEL_SIZE, false),
           201, "\"version\":1,");
    expect(upload(fd, "/api/models/iris?file=iris.joblib", "", MODEL, MODEL_SIZE, true), 200,
           "\"unchanged\":true");
    /* a manifest makes another version; requests may follow an upload at once */
    expect(upload(fd, "/api/models/iris?file=iris.joblib",
                  "Firn-Manifest: kind%3A%20Model%0Aname%3A%20iris%0A\r\n", MODEL, MODEL_SIZE,
                  false),
           201, "\"version\":2,");
    expect(call(fd, "GET", "/api/models"), 200, "\"version\":2");
    expect(call(fd, "GET", "/api/models/iris"), 200, "\"version\":1");
    expect(call(fd, "GET", "/api/models/iris/versions/2"), 200, "\"signatures\":[{");
    expect(call(fd, "GET", "/api/models/iris/versions/@prod"), 200, "\"version\":1,");
    expect(call(fd, "GET", "/api/models/iris/versions/newest"), 200, "\"version\":2,");
    expect(call(fd, "GET", "/api/models/iris/versions/9"), 404, "\"status\":\"NOT_FOUND\"");
    expect(call(fd, "GET", "/api/models/tulip"), 404, "\"fix\":");
    expect_soon(fd, "/v2/models/iris/infer", BODY, "\"model_version\":\"2\"");
    client_say(fd, post("/v2/models/iris@prod/infer", "", BODY));
    expect(client_hear(fd), 200, "\"data\":[\"setosa\"]");
    client_say(fd, post("/v2/models/iris:1/infer", "", BODY));
    expect(client_hear(fd), 200, "\"model_version\":\"1\"");
    expect(call(fd, "PUT", "/api/models/iris/aliases/prod?version=2&expect=9"), 409, "error");
    expect(call(fd, "PUT", "/api/models/iris/aliases/prod?version=2&expect=1"), 200,
           "{\"name\":\"iris\",\"alias\":\"prod\",\"version\":2}");
    expect_soon(fd, "/v2/models/iris@prod/infer", BODY, "\"model_version\":\"2\"");
    expect(call(fd, "GET", "/api/diff?old=iris:1&new=iris:2"), 200, "\"verdict\":\"");
    expect(call(fd, "DELETE", "/api/models/iris/versions/2"), 409, "prod");
    expect(call(fd, "DELETE", "/api/models/iris/aliases/prod"), 200, "\"version\":0");
    expect(call(fd, "DELETE", "/api/models/iris/versions/2"), 200, "{\"deleted\":true}");
    expect_soon(fd, "/v2/models/iris/infer", BODY, "\"model_version\":\"1\"");
    expect(call(fd, "DELETE", "/api/models/iris"), 200, "{\"deleted\":true}");
    client_say(fd, post("/v2/models/iris/infer", "", BODY));
    expect(client_hear(fd), 404, "Request for unknown model");
    expect(call(fd, "POST", "/api/gc"), 200, "\"files\":");
    expect(call(fd, "POST", "/api/verify"), 200, "{\"faults\":0,\"report\":\"");
    close(fd);
    stop();
}

TEST(management_bad_requests)
{
    static const char *const pages[] = {"Origin: http://evil.example\r\n", "Origin: null\r\n"};

    start();
    int fd = client_open(&FIXTURE);

    expect(upload(fd, "/api/models/iris", "", "hello", 5, false), 422, "error");
    expect(upload(fd, "/api/models/iris", "", "", 0, false), 400, "empty");
    expect(upload(fd, "/api/models/a%20b?file=iris.joblib", "", MODEL, MODEL_SIZE, false), 400,
           "name");
    expect(call(fd, "PUT", "/api/models/iris/aliases/prod"), 400, "version");
    expect(call(fd, "PUT", "/api/models/iris/aliases/prod?version=x"), 400, "not a number");
    expect(call(fd, "PUT", "/api/models/iris/aliases/prod?version=1&version=2"), 400, "twice");
    expect(call(fd, "DELETE", "/api/models/iris/versions/newest"), 400, "number");
    expect(call(fd, "GET", "/api/diff?old=iris"), 400, "new");
    expect(call(fd, "GET", "/api/diff?old=iris:1&new=iris:2"), 404, "error");
    for (size_t i = 0; i < 2; i++) { /* pages of others may look but not touch */
        expect(upload(fd, "/api/models/iris", pages[i], MODEL, MODEL_SIZE, false), 403, "foreign");
        CHECK(client_closed(fd, 3000));
        close(fd);
        fd = client_open(&FIXTURE);
    }
    /* nor may a page whose name was made to lead here */
    client_say(fd, "POST /api/gc HTTP/1.1\r\nHost: evil.example:80\r\n"
                   "Origin: http://evil.example:80\r\n\r\n");
    expect(client_hear(fd), 403, "foreign");
    client_say(fd, "POST /api/gc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"
                   "Origin: http://127.0.0.1:80\r\n\r\n");
    expect(client_hear(fd), 200, "files");
    client_say(fd, "POST /api/gc HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n");
    expect(client_hear(fd), 200, "files");
    expect(upload(fd, "/api/models/iris?file=iris.joblib", "", MODEL, MODEL_SIZE, false), 201,
           "\"version\":1,");
    /* gone in the middle: nothing is stored */
    client_say(fd, "PUT /api/models/half HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc");
    usleep(20000);
    close(fd);
    fd = client_open(&FIXTURE);
    client_say(fd, "PUT /api/models/half HTTP/1.1\r\n" HOST
                   "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n");
    expect(client_hear(fd), 400, "error");
    CHECK(client_closed(fd, 3000));
    close(fd);
    fd = client_open(&FIXTURE);
    expect(call(fd, "GET", "/api/models/half"), 404, "error");
    close(fd);
    stop();
}

TEST(management_upload_limits)
{
    start();
    int fd = client_open(&FIXTURE);

    /* continue is said before the body is read */
    client_say(fd, "PUT /api/models/iris?file=iris.joblib HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK_INT(client_hear(fd)->status, 100);
    client_say(fd, "hello");
    CHECK_INT(client_hear(fd)->status, 422);
    client_say(fd,
               "PUT /api/models/iris HTTP/1.1\r\n" HOST "Content-Length: 99999999999999\r\n\r\n");
    CHECK_INT(client_hear(fd)->status, 413);
    CHECK(client_closed(fd, 3000));
    close(fd);
    stop();
}
