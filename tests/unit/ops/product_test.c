// SPDX-License-Identifier: Apache-2.0
/* Product, MatMul and Gemm: fast beside the reference, on random shapes. */
#include "base/team.h"
#include "op_run.h"
#include "test.h"

static const char *const ACTIVATIONS[] = {"",     "Relu",  "LeakyRelu", "Clip", "Sigmoid",  "Tanh",
                                          "Gelu", "Swish", "GeluTanh",  "Elu",  "HardSwish"};

static struct op_run product(enum dtype dtype, int64_t m, int64_t k, int64_t n)
{
    struct op_run run = {.domain = "firn", .name = "Product", .in_count = 4};
    bool transposed = random_from(0, 1);

    run.in[0] = tensor_random(dtype, SHAPE(m, k));
    run.in[1] = tensor_random(dtype, transposed ? SHAPE(n, k) : SHAPE(k, n));
    if (random_from(0, 1))
        run.in[2] = tensor_random(dtype, SHAPE(n));
    if (random_from(0, 1))
        run.in[3] = tensor_random(dtype, SHAPE(m, n));
    op_run_int(&run, "transposed", transposed);
    if (dtype == DTYPE_F32)
        op_run_string(&run, "activation",
                      ACTIVATIONS[random_from(0, ARRAY_COUNT(ACTIVATIONS) - 1)]);
    run.variable = random_from(0, 1) ? 3 : 1;
    return run;
}

TEST(product_agrees_with_its_reference)
{
    for (int i = 0; i < 150; i++) {
        enum dtype dtype = i % 3 ? DTYPE_F32 : DTYPE_F64;
        int64_t m = random_from(0, i % 5 ? 9 : 70), k = random_from(0, i % 7 ? 40 : 900),
                n = random_from(0, i % 4 ? 33 : 300);
        struct op_run run = product(dtype, m, k, n);

        CHECK_FAST(&run, dtype == DTYPE_F32 ? 1e-6 * (double)(k + 10) : 1e-14 * (double)(k + 10));
        op_run_free(&run);
    }
}

TEST(matmul_agrees_with_its_reference)
{
    const struct {
        struct shape a, b;
    } SHAPES[] = {
        {SHAPE(5), SHAPE(5)},
        {SHAPE(5), SHAPE(5, 17)},
        {SHAPE(3, 5), SHAPE(5)},
        {SHAPE(2, 3, 4, 70), SHAPE(2, 3, 70, 65)},
        {SHAPE(2, 1, 20, 33), SHAPE(1, 3, 33, 64)},
        {SHAPE(2, 3, 7, 8), SHAPE(1, 1, 8, 16)},
        {SHAPE(7, 8), SHAPE(4, 8, 48)},
        {SHAPE(2, 3, 0, 8), SHAPE(2, 3, 8, 5)},
        {SHAPE(2, 3, 4, 0), SHAPE(2, 3, 0, 5)},
        {SHAPE(9), SHAPE(4, 9, 31)},
        {SHAPE(4, 31, 9), SHAPE(9)},
    };

    for (size_t i = 0; i < ARRAY_COUNT(SHAPES); i++)
        for (int variant = 0; variant < 4; variant++) {
            enum dtype dtype = variant & 1 ? DTYPE_F64 : DTYPE_F32;
            struct op_run run = {.name = "MatMul", .domain = "", .in_count = 2};

            run.in[0] = tensor_random(dtype, SHAPES[i].a);
            run.in[1] = tensor_random(dtype, SHAPES[i].b);
            run.variable = variant & 2 ? 3 : 1;
            CHECK_FAST(&run, dtype == DTYPE_F32 ? 1e-4 : 1e-13);
            op_run_free(&run);
        }
}

TEST(gemm_agrees_with_its_reference)
{
    for (int i = 0; i < 64; i++) {
        enum dtype dtype = i & 1 ? DTYPE_F64 : DTYPE_F32;
        int64_t m = random_from(0, 20), k = random_from(0, 50), n = random_from(0, 70);
        bool a = i & 2, b = i & 4;
        struct op_run run = {.name = "Gemm", .domain = "", .in_count = 3};

        run.in[0] = tensor_random(dtype, a ? SHAPE(k, m) : SHAPE(m, k));
        run.in[1] = tensor_random(dtype, b ? SHAPE(n, k) : SHAPE(k, n));
        if (i & 8)
            run.in[2] = tensor_random(dtype, i & 16 ? SHAPE(n) : SHAPE(m, 1));
        op_run_int(&run, "transA", a);
        op_run_int(&run, "transB", b);
        op_run_float(&run, "alpha", i & 32 ? 0.5 : 1);
        op_run_float(&run, "beta", i & 16 ? -2 : 1);
        run.variable = random_from(0, 1) ? 3 : 1;
        CHECK_FAST(&run, dtype == DTYPE_F32 ? 1e-4 : 1e-13);
        op_run_free(&run);
    }
}

/* Models of halves: by way of floats, rounded once. */
TEST(products_of_halves_agree_with_their_reference)
{
    for (int i = 0; i < 40; i++) {
        enum dtype dtype = i & 1 ? DTYPE_BF16 : DTYPE_F16;
        int64_t m = random_from(0, 14), k = random_from(0, 90), n = random_from(0, 90);
        struct op_run run = {.domain = "", .name = i & 2 ? "Gemm" : "MatMul", .in_count = 2};

        run.in[0] = tensor_random(dtype, SHAPE(m, k));
        run.in[1] = tensor_random(dtype, SHAPE(k, n));
        if (i & 2) {
            run.in[2] = tensor_random(dtype, SHAPE(n));
            run.in_count = 3;
        }
        run.variable = 1;
        CHECK_FAST(&run, i & 1 ? 0x1p-7 : 0x1p-10);
        op_run_free(&run);
    }
}

/* Weights in half precision: each as far from its float as its bits allow. */
TEST(product_with_narrow_weights_is_near)
{
    static const char *const NAMES[] = {"bf16", "f16"};

    for (int i = 0; i < 40; i++) {
        int64_t m = random_from(1, 14), k = random_from(1, 500), n = random_from(1, 150);
        struct op_run run = {.domain = "firn", .name = "Product", .in_count = 2};

        run.in[0] = tensor_random(DTYPE_F32, SHAPE(m, k));
        run.in[1] = tensor_random(DTYPE_F32, i & 2 ? SHAPE(n, k) : SHAPE(k, n));
        op_run_int(&run, "transposed", i & 2);
        op_run_string(&run, "weights", NAMES[i & 1]);
        run.variable = 1;
        CHECK_FAST(&run, (i & 1 ? 0x1p-11 : 0x1p-8) * 4 * sqrt((double)k) + 1e-4);
        op_run_free(&run);
    }
}

/* Of numbers that bf16 and f16 hold exactly nothing is lost. */
TEST(product_with_exact_narrow_weights_is_exact)
{
    struct op_run run = {.domain = "firn", .name = "Product", .in_count = 2};

    run.in[0] = tensor_random(DTYPE_F32, SHAPE(7, 70));
    run.in[1] = tensor_random(DTYPE_F32, SHAPE(70, 90));
    for (size_t i = 0; i < tensor_count(&run.in[1]); i++)
        ((float *)run.in[1].data)[i] = (float)random_from(-64, 64) / 16;
    run.variable = 1;
    op_run_string(&run, "weights", "bf16");
    CHECK_FAST(&run, 1e-5);
    run.attribute_count = 0;
    op_run_string(&run, "weights", "f16");
    CHECK_FAST(&run, 1e-5);
    op_run_free(&run);
}

/* Work that is shared gives the same bits. */
TEST(product_does_not_depend_on_threads)
{
    struct team *team = team_pool_new(3);
    struct op_run alone = product(DTYPE_F32, 150, 700, 333), shared = alone;
    struct error err;

    CHECK(team != NULL);
    shared.team = team;
    CHECK_OK(op_run_call(&alone, &err), err);
    CHECK_OK(op_run_call(&shared, &err), err);
    CHECK_INT(memcmp(alone.out[0].data, shared.out[0].data, tensor_bytes(&alone.out[0])), 0);
    free(shared.out[0].data);
    op_run_free(&alone);
    team_free(team);
}

TEST(product_refuses)
{
    struct op_run run = {.domain = "firn", .name = "Product", .in_count = 3};
    struct error err;

    run.in[0] = tensor_random(DTYPE_F32, SHAPE(2, 3));
    run.in[1] = tensor_random(DTYPE_F32, SHAPE(4, 5));
    run.in[2] = tensor_random(DTYPE_F32, SHAPE(5));
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_INVALID_INPUT, "3 columns by 4 rows");
    run.in[0].shape = SHAPE(1, 4);
    run.in[2].shape = SHAPE(4);
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_INVALID_INPUT, "a bias of 4 for 5 columns");
    run.in[2].shape = SHAPE(5);
    op_run_string(&run, "activation", "Mish");
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_UNSUPPORTED, "Mish");
    op_run_free(&run);
}
