// SPDX-License-Identifier: Apache-2.0
/* One servable, one session per thread: meant for the thread sanitizer too (V=tsan). */
#include <pthread.h>

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
