// SPDX-License-Identifier: Apache-2.0
/* One servable, one session per thread: meant for the thread sanitizer too (V=tsan). */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "model.h"
#include "test.h"

enum { THREADS = 4, RUNS = 200, ROWS_MAX = 16 };

struct worker {
    struct servable *servable;
    pthread_t thread;
    unsigned seed;
    int failures;
};

/* x [N,8] -> x * W + bias, then what is not zero of it. */
static void load(struct model *m)
{
    static float w[64], bias[8];
    value_id x, y, outs[2];

    for (int i = 0; i < 64; i++)
        w[i] = (float)(i % 9 == 0);
    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 8));
    y = model_op(m, "MatMul", x, model_constant(m, DTYPE_F32, SHAPE(8, 8), w), VALUE_NONE);
    outs[0] = model_op(m, "Add", y, model_constant(m, DTYPE_F32, SHAPE(8), bias), VALUE_NONE);
    outs[1] = model_op(m, "NonZero", outs[0], VALUE_NONE, VALUE_NONE);
    model_signature(m, "main", &x, 1, outs, 2);
    model_load(m, NULL);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct session *session = servable_session(worker->servable);
    float data[ROWS_MAX * 8];
    struct tensor in = {DTYPE_F32, SHAPE(1, 8), data}, out[2];
    struct error err;

    for (int r = 0; session && r < RUNS; r++) {
        int64_t rows = 1 + (int64_t)((worker->seed += 7) % ROWS_MAX);

        for (int64_t i = 0; i < rows * 8; i++)
            data[i] = (float)((unsigned)i + worker->seed);
        in.shape = SHAPE(rows, 8);
        if (session_run(session, 0, &in, out, &err) ||
            memcmp(out[0].data, data, (size_t)rows * 8 * sizeof *data) ||
            out[1].shape.dims[1] < rows * 8 - 1)
            worker->failures++;
    }
    worker->failures += !session;
    session_free(session);
    return NULL;
}

TEST(sessions_of_many_threads_share_a_servable)
{
    struct worker workers[THREADS] = {0};
    struct model m;

    load(&m);
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t].servable = m.servable;
        workers[t].seed = t;
        CHECK_INT(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        pthread_join(workers[t].thread, NULL);
        CHECK_INT(workers[t].failures, 0);
    }
    CHECK(servable_account(m.servable).arena > 0);
    model_release(&m);
}

/* --- giving up: between steps, and the session goes on afterwards --- */

enum { CHAIN = 1000, CHAIN_ELEMENTS = 100000 };

static void chain_load(struct model *m, const struct native_options *options)
{
    value_id x, y;

    model_init(m);
    x = y = model_input(m, "x", DTYPE_F32, SHAPE(CHAIN_ELEMENTS));
    for (int i = 0; i < CHAIN; i++)
        y = model_op(m, i % 2 ? "Sin" : "Cos", y, VALUE_NONE, VALUE_NONE);
    model_signature(m, "main", &x, 1, &y, 1);
    model_load(m, options);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *cancel_soon(void *argument)
{
    struct timespec pause = {.tv_nsec = 2000000};

    nanosleep(&pause, NULL);
    atomic_store((_Atomic bool *)argument, true);
    return NULL;
}

static void check_given_up(const struct native_options *options)
{
    static float data[CHAIN_ELEMENTS];
    struct tensor in = {DTYPE_F32, SHAPE(CHAIN_ELEMENTS), data}, out;
    _Atomic bool cancelled = true;
    enum status status;
    pthread_t thread;
    struct model m;

    chain_load(&m, options);
    CHECK_OK(session_run(m.session, 0, &in, &out, &m.err), m.err);
    m.session->deadline_ns = 1;
    CHECK_FAILS(session_run(m.session, 0, &in, &out, &m.err), m.err, STATUS_DEADLINE, "its time");
    m.session->deadline_ns = now_ns() + 1000000;
    CHECK_FAILS(session_run(m.session, 0, &in, &out, &m.err), m.err, STATUS_DEADLINE, "its time");
    m.session->deadline_ns = 0;
    m.session->cancelled = &cancelled;
    CHECK_FAILS(session_run(m.session, 0, &in, &out, &m.err), m.err, STATUS_UNAVAILABLE, "cancel");
    atomic_store(&cancelled, false);
    CHECK_INT(pthread_create(&thread, NULL, cancel_soon, &cancelled), 0);
    do /* the thread may come late */
        status = session_run(m.session, 0, &in, &out, &m.err);
    while (!status);
    CHECK_FAILS(status, m.err, STATUS_UNAVAILABLE, "cancel");
    pthread_join(thread, NULL);
    m.session->cancelled = NULL;
    CHECK_OK(session_run(m.session, 0, &in, &out, &m.err), m.err);
    model_release(&m);
}

TEST(runs_are_given_up)
{
    check_given_up(NULL);
    check_given_up(&(struct native_options){.poison = true});
}

/* --- one team for sessions of several threads: the answer is the same to the bit --- */

enum { TEAM_ROWS = 96, TEAM_WIDTH = 384, TEAM_RUNS = 6, TEAM_SESSIONS = 3 };

struct sharer {
    struct servable *servable;
    struct team *team;
    const float *x, *want; /* (TEAM_ROWS, TEAM_WIDTH) */
    pthread_t thread;
    int failures;
};

/* Products, softmax, normalisation and elementwise steps that are long enough to share. */
static void team_load(struct model *m)
{
    static float w[TEAM_WIDTH * TEAM_WIDTH], scale[TEAM_WIDTH];
    value_id x, y, weights;

    for (int i = 0; i < TEAM_WIDTH * TEAM_WIDTH; i++)
        w[i] = (float)(i % 23 - 11) * 0.01f;
    for (int i = 0; i < TEAM_WIDTH; i++)
        scale[i] = 1 + (float)i * 0.001f;
    model_init(m);
    x = y = model_input(m, "x", DTYPE_F32, SHAPE(TEAM_ROWS, TEAM_WIDTH));
    weights = model_constant(m, DTYPE_F32, SHAPE(TEAM_WIDTH, TEAM_WIDTH), w);
    for (int i = 0; i < 3; i++) {
        y = model_op(m, "MatMul", y, weights, VALUE_NONE);
        y = model_op(m, "LayerNormalization", y,
                     model_constant(m, DTYPE_F32, SHAPE(TEAM_WIDTH), scale), VALUE_NONE);
        y = model_op(m, "Tanh", model_op(m, "Add", y, x, VALUE_NONE), VALUE_NONE, VALUE_NONE);
        y = model_op_int(m, "Softmax", y, VALUE_NONE, VALUE_NONE, "axis", -1);
    }
    model_signature(m, "main", &x, 1, &y, 1);
    model_load(m, NULL);
}

static void *share(void *argument)
{
    struct sharer *sharer = argument;
    struct session *session = servable_session(sharer->servable);
    struct tensor in = {DTYPE_F32, SHAPE(TEAM_ROWS, TEAM_WIDTH), (void *)(uintptr_t)sharer->x}, out;
    struct error err;

    if (session)
        session->team = sharer->team;
    for (int r = 0; session && r < TEAM_RUNS; r++)
        if (session_run(session, 0, &in, &out, &err) ||
            memcmp(out.data, sharer->want, sizeof(float) * TEAM_ROWS * TEAM_WIDTH))
            sharer->failures++;
    sharer->failures += !session;
    session_free(session);
    return NULL;
}

TEST(sessions_share_a_team)
{
    static float x[TEAM_ROWS * TEAM_WIDTH], want[TEAM_ROWS * TEAM_WIDTH];
    struct tensor in = {DTYPE_F32, SHAPE(TEAM_ROWS, TEAM_WIDTH), x}, out;
    struct sharer sharers[TEAM_SESSIONS] = {0};
    struct team *team = team_pool_new(3);
    struct model m;

    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = (float)(i * 7919 % 1000) * 0.002f - 1;
    team_load(&m);
    CHECK_OK(session_run(m.session, 0, &in, &out, &m.err), m.err);
    memcpy(want, out.data, sizeof want);
    for (size_t i = 0; i < TEAM_SESSIONS; i++) {
        sharers[i] = (struct sharer){.servable = m.servable, .team = team, .x = x, .want = want};
        CHECK_INT(pthread_create(&sharers[i].thread, NULL, share, &sharers[i]), 0);
    }
    for (size_t i = 0; i < TEAM_SESSIONS; i++) {
        pthread_join(sharers[i].thread, NULL);
        CHECK_INT(sharers[i].failures, 0);
    }
    model_release(&m);
    team_free(team);
}
