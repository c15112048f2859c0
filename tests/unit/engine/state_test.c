// SPDX-License-Identifier: Apache-2.0
/* Variables that signatures write: one value per servable, no update lost, none by a run that
 * fails. Meant for the thread sanitizer too (V=tsan). */
#include <pthread.h>

#include "model.h"
#include "test.h"

enum { THREADS = 4, RUNS = 100, ADD = 0, GET = 1 };

/* add(delta): counter += delta, gives the new one and an element of it; get(): the counter. */
static void load(struct model *m)
{
    static float start[] = {1, 2};
    struct tensor initial = {DTYPE_F32, SHAPE(2), start};
    struct shape shape = SHAPE(2);
    value_id in[3], out[3], again;
    uint32_t number;

    model_init(m);
    in[0] = model_input(m, "delta", DTYPE_F32, shape_unknown());
    in[1] = model_input(m, "at", DTYPE_I64, shape_scalar());
    in[2] = model_input(m, "counter", DTYPE_F32, shape);
    again = model_input(m, "counter", DTYPE_F32, shape);
    out[0] = model_op(m, "Add", in[2], in[0], VALUE_NONE);
    out[1] = model_op(m, "Gather", out[0], in[1], VALUE_NONE);
    out[2] = out[0];
    MODEL_OK(m, graph_state_add(m->graph, "counter", &initial, &shape, &number, &m->err));
    model_signature(m, "add", in, 3, out, 3);
    MODEL_OK(m, graph_signature_states(m->graph, &number, 1, &number, 1, &m->err));
    model_signature(m, "get", &again, 1, &again, 1);
    MODEL_OK(m, graph_signature_states(m->graph, &number, 1, NULL, 0, &m->err));
    model_load(m, NULL);
}

static enum status add(struct session *session, float *delta, size_t count, int64_t at, float *now,
                       struct error *err)
{
    struct tensor in[] = {{DTYPE_F32, SHAPE((int64_t)count), delta}, {DTYPE_I64, SHAPE(0), &at}};
    struct tensor out[2];

    in[1].shape = shape_scalar();
    TRY(session_run(session, ADD, in, out, err));
    *now = *(float *)out[0].data;
    return STATUS_OK;
}

static float get(struct session *session, size_t element)
{
    struct tensor out;
    struct error err;

    CHECK_OK(session_run(session, GET, NULL, &out, &err), err);
    return ((float *)out.data)[element];
}

TEST(state_lives_from_run_to_run)
{
    float delta[] = {10, 100, 5}, now;
    struct model m, other;
    struct error err;

    load(&m);
    load(&other);
    CHECK(get(m.session, 1) == 2);
    CHECK_OK(add(m.session, delta, 2, 0, &now, &err), err);
    CHECK(now == 11 && get(m.session, 0) == 11 && get(m.session, 1) == 102);
    CHECK(get(other.session, 0) == 1);
    model_release(&other);
    model_release(&m);
}

TEST(state_is_not_changed_by_a_run_that_fails)
{
    float delta[] = {10, 100, 5}, now;
    struct tensor in[] = {{DTYPE_F32, SHAPE(1, 2), delta}, {DTYPE_I64, SHAPE(0), &(int64_t){0}}};
    struct tensor out[2];
    struct model m;
    struct error err;

    load(&m);
    CHECK_FAILS(add(m.session, delta, 2, 7, &now, &err), err, STATUS_INVALID_INPUT, "Gather");
    in[1].shape = shape_scalar();
    CHECK_FAILS(session_run(m.session, ADD, in, out, &err), err, STATUS_INVALID_INPUT,
                "variable 'counter' would become [1,2], but it is [2]");
    CHECK(get(m.session, 0) == 1 && get(m.session, 1) == 2);
    model_release(&m);
}

struct worker {
    struct servable *servable;
    pthread_t thread;
    int failures;
};

/* What one session is given never goes back, and what it was given stays while others write. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    struct session *session = servable_session(worker->servable);
    float delta[] = {1, 0}, now, last = 0;
    struct error err;

    for (int r = 0; session && r < RUNS; r++) {
        if (add(session, delta, 2, 0, &now, &err) || now <= last || get(session, 0) < now)
            worker->failures++;
        last = now;
    }
    worker->failures += !session;
    session_free(session);
    return NULL;
}

TEST(state_loses_no_update)
{
    struct worker workers[THREADS] = {0};
    struct model m;

    load(&m);
    for (int t = 0; t < THREADS; t++) {
        workers[t].servable = m.servable;
        CHECK_INT(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(workers[t].thread, NULL);
        CHECK_INT(workers[t].failures, 0);
    }
    CHECK(get(m.session, 0) == 1 + THREADS * RUNS);
    model_release(&m);
}
