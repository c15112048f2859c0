// SPDX-License-Identifier: Apache-2.0
/* Versions come, go, load and unload while clients predict: every answer is right, and of a version
 * that exists. Most of all a test for the thread and address sanitizers. */
#include "fixture.h"

#include "test.h"

enum { CLIENTS = 4, ROUNDS = 40 };

static struct fixture FIXTURE;
static _Atomic bool DONE;
static _Atomic long ANSWERED, UNKNOWN;

static const char BODY[] = "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],\"datatype\":\"FP64\","
                           "\"data\":[1.5,-2]}]}";

/* fixture.h's client_hear has one static reply: these threads need their own. */
static int hear(int fd, char *body, size_t size)
{
    char head[1024];
    size_t got = 0, length = 0;

    while (got + 1 < sizeof head && client_byte(fd, &head[got], 10000)) {
        head[++got] = 0;
        if (got >= 4 && memcmp(head + got - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (got < 12)
        return 0;
    length = (size_t)atol(strstr(head, "Content-Length: ") + 16);
    if (length >= size)
        return 0;
    for (got = 0; got < length;) {
        ssize_t n = recv(fd, body + got, length - got, 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    body[got] = 0;
    return atoi(head + 9);
}

static void *client(void *argument)
{
    static const char *const paths[] = {"/v2/models/twice/infer",
                                        "/v2/models/twice/versions/1/infer",
                                        "/v2/models/other/infer", "/v2/models/slow/infer"};
    char request[512], body[4096];
    size_t path = (size_t)(intptr_t)argument % ARRAY_COUNT(paths);
    int fd = client_open(&FIXTURE);

    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s",
             paths[path], strlen(BODY), BODY);
    while (!atomic_load(&DONE)) {
        int status;

        client_say(fd, request);
        client_say(fd, request);
        for (int i = 0; i < 2; i++) {
            status = hear(fd, body, sizeof body);
            if (status == 200 && strstr(body, "\"data\":[3.0,-4.0]"))
                atomic_fetch_add(&ANSWERED, 1);
            else if (status == 404)
                atomic_fetch_add(&UNKNOWN, 1);
            else {
                fprintf(stderr, "%d: %s\n", status, body);
                abort();
            }
        }
    }
    close(fd);
    return NULL;
}

static void remove_rows(const char *model, size_t keep)
{
    struct fake_source *source = &FIXTURE.source;
    size_t out = 0, seen = 0;

    pthread_mutex_lock(&source->lock);
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->rows[i].model, model) != 0 || seen++ < keep ||
            source->rows[i].number == 1)
            source->rows[out++] = source->rows[i];
    source->count = out;
    source->generation++;
    pthread_mutex_unlock(&source->lock);
}

TEST(models_change_under_load)
{
    pthread_t threads[CLIENTS];
    struct error err = {0};

    fixture_init(&FIXTURE);
    FIXTURE.settings.poll_ms = 10;
    FIXTURE.settings.unload_idle_ms = 1;
    FIXTURE.settings.io_threads = 2;
    fake_add(&FIXTURE.source, "other", 1, "fake");
    fixture_start(&FIXTURE);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, client, (void *)(intptr_t)i), 0);
    for (int round = 0; round < ROUNDS; round++) {
        fake_add(&FIXTURE.source, "twice", 2 + round, round % 5 == 4 ? "broken" : "fake");
        usleep(15000);
        if (round % 3 == 2)
            CHECK_OK(models_unload(server_models(FIXTURE.server), "other", &err), err);
        if (round % 3 == 0)
            CHECK_OK(models_load(server_models(FIXTURE.server), "other", &err), err);
        remove_rows("twice", 2);
    }
    atomic_store(&DONE, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&ANSWERED) > 100);
    fixture_stop(&FIXTURE);
}
