// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/random.h"

#include <math.h>

#include "test.h"

/* What numpy.random.RandomState(seed) draws. */
TEST(draws_are_those_of_numpy)
{
    static const double UNIFORM[] = {0.3745401188473625, 0.9507143064099162, 0.7319939418114051};
    static const double NORMAL[] = {0.4967141530112327, -0.13826430117118466, 0.6476885381006925};
    static const double P[] = {0.1, 0.9, 0.5, 0.3, 0.7, 0.99, 0.01, 0.6, 0.4, 0.5, 0.2, 0.8};
    static const bool BINOMIAL[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0};
    struct random random;
    double last = 0;

    random_seed(&random, 42);
    for (size_t i = 0; i < ARRAY_COUNT(UNIFORM); i++)
        CHECK(random_uniform(&random) == UNIFORM[i]);
    random_seed(&random, 42);
    for (size_t i = 0; i < ARRAY_COUNT(NORMAL); i++)
        CHECK_NEAR(random_normal(&random), NORMAL[i], 1e-15);
    random_seed(&random, 7);
    for (size_t i = 0; i < ARRAY_COUNT(P); i++)
        CHECK(random_bernoulli(&random, P[i]) == BINOMIAL[i]);
    random_seed(&random, UINT32_MAX);
    for (int i = 0; i < 1000; i++) /* beyond one refill */
        last = random_uniform(&random);
    CHECK(last == 0.556626859384112);
}

TEST(certain_draws_are_certain)
{
    struct random random;

    random_seed(&random, 1);
    for (int i = 0; i < 1000; i++) {
        CHECK(!random_bernoulli(&random, 0));
        CHECK(random_bernoulli(&random, 1));
    }
}

enum { SAMPLES = 20000, CLASSES = 3 };

static void draw(struct attribute *attributes, size_t count, int32_t *classes)
{
    const struct op *op = op_find(bytes_of(""), bytes_of("Multinomial"));
    struct attributes list = {attributes, count};
    float logs[CLASSES] = {logf(0.7f), logf(0.3f), -INFINITY};
    struct tensor in = {.dtype = DTYPE_F32, .shape = SHAPE(1, CLASSES), .data = logs};
    struct tensor out = {.data = classes};
    double room[CLASSES];
    struct op_call call = {.op = op, .opset = 22, .attributes = &list, .in = &in, .in_count = 1};
    struct error err = {0};

    call.out = &out;
    call.out_count = 1;
    call.scratch = room;
    CHECK_OK(op->infer(&call, &err), err);
    CHECK_INT(out.dtype, DTYPE_I32);
    CHECK_INT(out.shape.dims[1], SAMPLES);
    CHECK_INT(op->scratch_size(&call), sizeof room);
    CHECK_OK(op->run(&call, &err), err);
}

TEST(classes_are_drawn_by_their_probabilities)
{
    struct attribute attributes[] = {
        {.name = "sample_size", .kind = ATTRIBUTE_INT, .i = SAMPLES},
        {.name = "seed", .kind = ATTRIBUTE_FLOAT, .f = 5},
    };
    static int32_t first[SAMPLES], second[SAMPLES];
    size_t ones = 0, same = 0;

    draw(attributes, 2, first);
    draw(attributes, 2, second);
    CHECK(!memcmp(first, second, sizeof first)); /* the seed decides */
    for (size_t i = 0; i < SAMPLES; i++) {
        CHECK(first[i] == 0 || first[i] == 1);
        ones += first[i] == 1;
    }
    CHECK_NEAR((double)ones / SAMPLES, 0.3, 0.02);
    draw(attributes, 1, second); /* without a seed another one */
    for (size_t i = 0; i < SAMPLES; i++)
        same += first[i] == second[i];
    CHECK(same < SAMPLES * 9 / 10);
}
