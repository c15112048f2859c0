// SPDX-License-Identifier: Apache-2.0
/* Applications on a server: they change and go back while clients predict, share what is loaded
 * with the models' own names, and their models stay. */
#include "fixture.h"

#include "applications/application.h"
#include "loading/load.h"
#include "server/models/source.h"

#include "test.h"

enum { CLIENTS = 3, ROUNDS = 25 };

static struct fixture FIXTURE;
static struct registry *REGISTRY;
static struct registry_source SOURCE;
static _Atomic bool DONE;
static _Atomic long ANSWERED, FAILED;

#define TABLE(row)                                                                                 \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":" row "}]}"
static const char BODY[] = TABLE("[5.1,3.5,1.4,0.2]");

/* The example, under a name; `run` makes another version of it. */
static void model_add(const char *name, int run)
{
    struct loading loading;
    struct version version;
    struct arena keep;
    struct artifact *artifact;
    struct error err = {0};
    char path[4096], manifest[128];
    bool unchanged;

    snprintf(path, sizeof path, "%s/examples/iris.joblib", getenv("FIRN_ROOT"));
    snprintf(manifest, sizeof manifest, "kind: Model\nmetadata: {run: %d}\n", run);
    arena_init(&keep, 1 << 24);
    CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
    CHECK_OK(load_artifact(artifact, bytes_of(manifest), "m.yaml", &loading, &err), err);
    CHECK_OK(load_add(&loading, REGISTRY, &(struct loading_add){.name = name}, &version, &unchanged,
                      &keep, &err),
             err);
    load_close(&loading);
    arena_release(&keep);
}

static void apply(const char *manifest)
{
    const struct manifest_application *application;
    struct version version;
    struct arena keep;
    struct error err = {0};
    bool unchanged;

    arena_init(&keep, 1 << 24);
    CHECK_OK(application_manifest(bytes_of(manifest), "m.yaml", &application, &keep, &err), err);
    CHECK_OK(application_add(REGISTRY, application, &version, &unchanged, &keep, &err), err);
    arena_release(&keep);
}

static void start(void)
{
    struct server_options options = {.http = "127.0.0.1:0", .settings = &FIXTURE.settings};
    struct error err = {0};

    fixture_init(&FIXTURE);
    FIXTURE.settings.poll_ms = 10;
    CHECK_OK(registry_open("store", &REGISTRY, &err), err);
    model_add("iris", 1);
    model_add("iris", 2);
    apply("kind: Application\nname: shop\nsingular: {model: iris:2}\n");
    SOURCE = (struct registry_source){.registry = REGISTRY};
    options.registry = REGISTRY;
    options.source = source_of_registry(&SOURCE);
    options.temporary = "store";
    CHECK_OK(server_new(&options, &FIXTURE.server, &err), err);
    models_refresh(server_models(FIXTURE.server), true);
}

static void stop(void)
{
    fixture_stop(&FIXTURE);
    registry_close(REGISTRY);
    CHECK_INT(system("rm -rf store"), 0);
}

static void expect(int fd, const char *request, int status, const char *part)
{
    struct reply *reply;

    client_say(fd, request);
    reply = client_hear(fd);
    if (reply->status != status || !strstr(reply->body, part))
        fail_msg("%d, not %d \"%s\": %s", reply->status, status, part, reply->body);
}

static void *client(void *argument)
{
    char reply[4096];
    int fd = client_open(&FIXTURE);
    const char *request = argument;

    while (!atomic_load(&DONE)) {
        size_t got = 0;
        ssize_t n = 1;

        client_say(fd, request);
        while (n > 0 && got + 1 < sizeof reply) {
            n = recv(fd, reply + got, sizeof reply - 1 - got, 0);
            got += n > 0 ? (size_t)n : 0;
            reply[got] = 0;
            if (strstr(reply, "]}]}") || strstr(reply, "\"error\""))
                break;
        }
        if (got && !strncmp(reply, "HTTP/1.1 200", 12) && strstr(reply, "\"setosa\""))
            atomic_fetch_add(&ANSWERED, 1);
        else if (atomic_fetch_add(&FAILED, 1) == 0)
            fprintf(stderr, "%.300s\n", reply);
    }
    close(fd);
    return NULL;
}

TEST(updates_fail_no_request)
{
    static const char *const GRAPHS[] = {
        "kind: Application\nname: shop\nsingular: {model: iris:1}\n",
        "kind: Application\nname: shop\npipeline: [[{model: iris:1, weight: 50}, {model: iris:2, "
        "weight: 50}, {model: iris:1, shadow: true}]]\n",
        "kind: Application\nname: shop\nsingular: {model: iris:2}\n",
    };
    pthread_t threads[CLIENTS];
    struct error err = {0};
    char *request;

    start();
    request = strdup(post("/v2/models/shop/infer", "", BODY));
    for (int i = 0; i < CLIENTS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, client, request), 0);
    for (int round = 0; round < ROUNDS; round++) {
        apply(GRAPHS[round % 3]);
        usleep(8000);
        /* a model under its own name goes and comes; the application keeps what it has */
        if (round % 4 == 1)
            CHECK_OK(models_unload(server_models(FIXTURE.server), "iris", &err), err);
        if (round % 4 == 3)
            CHECK_OK(models_load(server_models(FIXTURE.server), "iris", &err), err);
    }
    atomic_store(&DONE, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&FAILED), 0);
    CHECK(atomic_load(&ANSWERED) > 50);
    free(request);
    stop();
}

/* Once under the model's name, however many use it. */
TEST(memory_is_said_once)
{
    struct reply *reply;
    size_t lines = 0;
    int fd;

    start();
    apply("kind: Application\nname: other\nsingular: {model: iris:2}\n");
    models_refresh(server_models(FIXTURE.server), true);
    fd = client_open(&FIXTURE);
    expect(fd, post("/v2/models/other/infer", "", BODY), 200, "setosa");
    expect(fd, post("/v2/models/shop/infer", "", BODY), 200, "setosa");
    expect(fd, post("/v2/models/iris/infer", "", BODY), 200, "setosa");
    client_say(fd, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
    reply = client_hear(fd);
    for (const char *at = reply->body; (at = strstr(at, "\nfirn_model_memory_bytes{")); at++)
        lines++;
    CHECK_INT(lines, 3); /* weights, mapped, arena */
    CHECK(strstr(reply->body,
                 "firn_model_memory_bytes{model=\"iris\",version=\"2\",kind=\"weights\"}"));
    close(fd);
    stop();
}

TEST(models_in_use_stay)
{
    int fd;

    start();
    apply("kind: Application\nname: other\nsingular: {model: iris:2}\n");
    models_refresh(server_models(FIXTURE.server), true);
    fd = client_open(&FIXTURE);
    expect(fd, "DELETE /api/models/iris/versions/2 HTTP/1.1\r\n" HOST "\r\n", 409,
           "applications need it");
    expect(fd, "DELETE /api/models/iris/versions/2 HTTP/1.1\r\n" HOST "\r\n", 409, "shop:1");
    expect(fd, "DELETE /api/models/iris/versions/2 HTTP/1.1\r\n" HOST "\r\n", 409, "other:1");
    expect(fd, "DELETE /api/models/iris HTTP/1.1\r\n" HOST "\r\n", 409, "shop:1");
    expect(fd, "DELETE /api/models/other HTTP/1.1\r\n" HOST "\r\n", 200, "true");
    expect(fd, "DELETE /api/models/shop HTTP/1.1\r\n" HOST "\r\n", 200, "true");
    expect(fd, "DELETE /api/models/iris HTTP/1.1\r\n" HOST "\r\n", 200, "true");
    close(fd);
    stop();
}

/* On Open Inference an application is as good as a model. */
TEST(applications_on_open_inference)
{
    int fd;

    start();
    fd = client_open(&FIXTURE);
    expect(fd, "GET /v2/models/shop HTTP/1.1\r\n" HOST "\r\n", 200,
           "{\"name\":\"shop\",\"versions\":[\"1\"],\"platform\":\"firn-application\"");
    expect(fd, "GET /v2/models/shop/versions/1 HTTP/1.1\r\n" HOST "\r\n", 200,
           "\"outputs\":[{\"name\":\"predict\"");
    expect(fd, "GET /v2/models/shop/ready HTTP/1.1\r\n" HOST "\r\n", 200, "");
    expect(fd, post("/v2/repository/index", "", "{}"), 200, "{\"name\":\"shop\",\"version\":\"1\"");
    expect(fd, post("/v2/models/shop/versions/1/infer", "", BODY), 200,
           "{\"model_name\":\"shop\",\"model_version\":\"1\"");
    expect(fd, post("/v2/models/shop/infer", "", TABLE("[1]")), 400, "error");
    close(fd);
    stop();
}
