// SPDX-License-Identifier: Apache-2.0
/* A server in this process with models that need no files, and a client that says exact bytes. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "server/server.h"

/* --- models: y = 2 x, of FP64 [-1] --- */

struct fake_servable {
    struct servable base;
    int delay_ms;
};

struct fake_session {
    struct session base;
    double *values;
    int64_t capacity;
};

static inline struct session *fake_session_new(struct servable *servable)
{
    struct fake_session *session = calloc(1, sizeof *session);

    if (session)
        session->base.servable = servable;
    return &session->base;
}

static inline void fake_session_free(struct session *base)
{
    free(((struct fake_session *)base)->values);
    free(base);
}

static _Atomic int fake_cancelled; /* how many runs were */

static inline uint64_t fake_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline enum status fake_run(struct session *base, size_t signature,
                                   const struct tensor *inputs, struct tensor *outputs,
                                   struct error *err)
{
    struct fake_session *session = (struct fake_session *)base;
    struct fake_servable *servable = (struct fake_servable *)base->servable;
    int64_t count = inputs[0].shape.dims[0];

    (void)signature;
    for (int i = 0; i < servable->delay_ms; i++) { /* a step takes 1 ms */
        if (base->cancelled && atomic_load(base->cancelled))
            atomic_fetch_add(&fake_cancelled, 1);
        if (base->cancelled && atomic_load(base->cancelled))
            return error_set(err, STATUS_UNAVAILABLE, "cancelled");
        if (base->deadline_ns && fake_now_ns() >= base->deadline_ns)
            return error_set(err, STATUS_DEADLINE, "too late");
        poll(NULL, 0, 1);
    }
    if (count > session->capacity) {
        free(session->values);
        session->values = malloc((size_t)count * sizeof(double));
        session->capacity = session->values ? count : 0;
        if (!session->values)
            return error_no_memory(err, "a test");
    }
    for (int64_t i = 0; i < count; i++)
        session->values[i] = 2 * ((const double *)inputs[0].data)[i];
    outputs[0] =
        (struct tensor){.dtype = DTYPE_F64, .shape = inputs[0].shape, .data = session->values};
    return STATUS_OK;
}

static inline double fake_estimate(struct session *session, size_t signature,
                                   const struct tensor *inputs)
{
    (void)session;
    (void)signature;
    (void)inputs;
    return 1;
}

static inline struct servable_account fake_account(const struct servable *servable)
{
    (void)servable;
    return (struct servable_account){.weights = 8};
}

static inline void fake_free(struct servable *servable)
{
    free(servable);
}

static const struct servable_class FAKE_CLASS = {
    "fake", fake_free, fake_session_new, fake_session_free, fake_run, fake_estimate, fake_account};

static struct field FAKE_INPUT = {
    .name = "x", .dtype = DTYPE_F64, .shape = {.rank = 1, .dims = {-1}}};
static struct field FAKE_OUTPUT = {
    .name = "y", .dtype = DTYPE_F64, .shape = {.rank = 1, .dims = {-1}}};
static struct signature FAKE_SIGNATURE = {.name = "predict",
                                          .inputs = &FAKE_INPUT,
                                          .outputs = &FAKE_OUTPUT,
                                          .input_count = 1,
                                          .output_count = 1};
static struct contract FAKE_CONTRACT = {&FAKE_SIGNATURE, 1};

/* A list of versions that tests may change while the server runs. */
struct fake_source {
    pthread_mutex_t lock;
    struct version rows[16];
    size_t count;
    int64_t generation;
    int loads;
    int load_delay_ms;
};

static inline enum status fake_generation(void *context, int64_t *generation, struct error *err)
{
    struct fake_source *source = context;

    (void)err;
    pthread_mutex_lock(&source->lock);
    *generation = source->generation;
    pthread_mutex_unlock(&source->lock);
    return STATUS_OK;
}

static inline enum status fake_list(void *context, const struct version_known *known,
                                    struct version **versions, size_t *count, struct arena *keep,
                                    struct error *err)
{
    struct fake_source *source = context;

    (void)known;

    pthread_mutex_lock(&source->lock);
    *count = source->count;
    *versions = arena_new(keep, struct version, source->count);
    if (*versions)
        memcpy(*versions, source->rows, source->count * sizeof source->rows[0]);
    for (size_t i = 0; *versions && i < *count; i++) {
        struct version *row = &(*versions)[i];
        row->id = (int64_t)(bytes_hash(bytes_of(row->model)) >> 16) * 1000 + row->number;
    }
    pthread_mutex_unlock(&source->lock);
    return *versions ? STATUS_OK : error_no_memory(err, "a test");
}

/* Format "slow-20" takes 20 ms a run, "broken" does not load. */
static inline enum status fake_load(void *context, const struct version *version,
                                    struct sharing *sharing, struct servable **servable,
                                    struct error *err)
{
    struct fake_source *source = context;
    struct fake_servable *fake;
    int delay;

    (void)sharing;
    pthread_mutex_lock(&source->lock);
    source->loads++;
    delay = source->load_delay_ms;
    pthread_mutex_unlock(&source->lock);
    if (delay)
        poll(NULL, 0, delay);
    if (strcmp(version->format, "broken") == 0)
        return error_set(err, STATUS_INVALID_INPUT, "the weights are missing");
    fake = calloc(1, sizeof *fake);
    if (!fake)
        return error_no_memory(err, "a test");
    fake->base = (struct servable){&FAKE_CLASS, &FAKE_CONTRACT};
    if (strncmp(version->format, "slow-", 5) == 0)
        fake->delay_ms = atoi(version->format + 5);
    *servable = &fake->base;
    return STATUS_OK;
}

/* Newest first within a model. */
static inline void fake_add(struct fake_source *source, const char *model, int64_t number,
                            const char *format)
{
    static const char *const digests[] = {"sha256:0", "sha256:1", "sha256:2", "sha256:3"};
    size_t at = 0;

    pthread_mutex_lock(&source->lock);
    while (at < source->count && strcmp(source->rows[at].model, model) != 0)
        at++;
    memmove(source->rows + at + 1, source->rows + at,
            (source->count - at) * sizeof source->rows[0]);
    source->rows[at] = (struct version){.model = model,
                                        .number = number,
                                        .digest = digests[number % 4],
                                        .format = format,
                                        .contract = "[]",
                                        .manifest = "",
                                        .created = ""};
    source->count++;
    source->generation++;
    pthread_mutex_unlock(&source->lock);
}

/* --- server --- */

struct fixture {
    struct fake_source source;
    struct settings settings;
    struct server *server;
    const struct route_set *const *routes; /* NULL: those of the program */
};

static inline void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    pthread_mutex_init(&fixture->source.lock, NULL);
    settings_init(&fixture->settings);
    fixture->settings.poll_ms = 20;
    fake_add(&fixture->source, "twice", 1, "fake");
    fake_add(&fixture->source, "slow", 1, "slow-30");
}

static inline void fixture_start(struct fixture *fixture)
{
    struct server_options options = {
        .http = "127.0.0.1:0",
        .settings = &fixture->settings,
        .source = {&fixture->source, fake_generation, fake_list, NULL, fake_load},
        .routes = fixture->routes,
    };
    struct error err = {0};

    if (server_new(&options, &fixture->server, &err) != STATUS_OK) {
        fprintf(stderr, "no server: %s\n", err.text);
        abort();
    }
    models_refresh(server_models(fixture->server), true);
}

static inline void fixture_stop(struct fixture *fixture)
{
    server_free(fixture->server);
    pthread_mutex_destroy(&fixture->source.lock);
}

/* --- client --- */

static inline int client_open(const struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

static inline void client_say_bytes(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size) {
        ssize_t sent = send(fd, p, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        p += sent;
        size -= (size_t)sent;
    }
}

static inline void client_say(int fd, const char *text)
{
    client_say_bytes(fd, text, strlen(text));
}

struct reply {
    int status; /* 0: closed, -1: nothing within the time */
    char head[4096];
    char body[65536];
    size_t size;
};

/* One byte at a time is slow and simple: pipelined answers stay apart. */
static inline bool client_byte(int fd, char *byte, int wait_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, wait_ms) == 1 && recv(fd, byte, 1, 0) == 1;
}

static inline bool client_closed(int fd, int wait_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&wait, 1, wait_ms) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static inline struct reply *client_hear_for(int fd, int wait_ms, bool head_only)
{
    static struct reply reply;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t size = 0, length = 0;
    const char *at;

    memset(&reply, 0, sizeof reply);
    if (poll(&wait, 1, wait_ms) != 1) {
        reply.status = -1;
        return &reply;
    }
    while (size + 1 < sizeof reply.head && client_byte(fd, &reply.head[size], wait_ms)) {
        size++;
        if (size >= 4 && memcmp(reply.head + size - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (size < 12)
        return &reply;
    reply.status = atoi(reply.head + 9);
    at = strstr(reply.head, "Content-Length: ");
    if (at)
        length = (size_t)atol(at + 16);
    while (!head_only && reply.size < length && reply.size + 1 < sizeof reply.body) {
        ssize_t got = recv(fd, reply.body + reply.size, length - reply.size, 0);

        if (got <= 0)
            break;
        reply.size += (size_t)got;
    }
    return &reply;
}

static inline struct reply *client_hear(int fd)
{
    return client_hear_for(fd, 5000, false);
}

/* One exchange on a connection of its own. */
static inline struct reply *ask(const struct fixture *fixture, const char *text)
{
    int fd = client_open(fixture);
    struct reply *reply;

    client_say(fd, text);
    reply = client_hear(fd);
    close(fd);
    return reply;
}

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* A whole request with a body. */
static inline const char *post(const char *path, const char *headers, const char *body)
{
    static char text[65536];

    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n%s", path,
             headers, strlen(body), body);
    return text;
}
