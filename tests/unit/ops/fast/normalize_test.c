// SPDX-License-Identifier: Apache-2.0
/* Softmax, LogSoftmax, LayerNormalization and RMSNormalization beside their references. */
#include "ops/fast/normalize.h"

#include "op_run.h"
#include "test.h"

TEST(softmax_agrees_with_its_reference)
{
    static const char *const NAMES[] = {"Softmax", "LogSoftmax"};

    for (int i = 0; i < 80; i++) {
        struct op_run run = {.domain = "", .name = NAMES[i & 1], .in_count = 1};

        run.in[0] = tensor_random(DTYPE_F32, SHAPE(random_from(0, 5), random_from(1, 7),
                                                   random_from(1, i & 2 ? 80 : 700)));
        op_run_int(&run, "axis", random_from(-3, 2));
        run.opset = i & 4 ? 11 : 13;
        if (tensor_count(&run.in[0]) > 5 && i % 8 > 5)
            ((float *)run.in[0].data)[3] = i % 8 > 6 ? NAN : INFINITY;
        CHECK_FAST(&run, 2e-6);
        op_run_free(&run);
    }
}

TEST(normalizations_agree_with_their_references)
{
    for (int i = 0; i < 80; i++) {
        bool layer = i & 1;
        struct op_run run = {.domain = "",
                             .name = layer ? "LayerNormalization" : "RMSNormalization",
                             .in_count = layer && i & 2 ? 3 : 2,
                             .out_count = layer && i & 4 ? 3 : 1};
        int64_t inner = random_from(1, i & 8 ? 70 : 800), middle = random_from(1, 3);
        bool deep = i & 16;

        run.in[0] = tensor_random(DTYPE_F32, SHAPE(random_from(0, 4), middle, inner));
        run.in[1] = tensor_random(DTYPE_F32, deep ? SHAPE(middle, inner) : SHAPE(inner));
        if (run.in_count > 2)
            run.in[2] = tensor_random(DTYPE_F32, deep ? SHAPE(middle, inner) : SHAPE(1));
        op_run_int(&run, "axis", deep ? 1 : -1);
        op_run_float(&run, "epsilon", 1e-3);
        CHECK_FAST(&run, 5e-6);
        op_run_free(&run);
    }
}

TEST(row_max_finds_it_anywhere)
{
    static float x[100];

    for (size_t n = 0; n <= 100; n++)
        for (size_t at = 0; at < n; at++) {
            for (size_t i = 0; i < n; i++)
                x[i] = -(float)(i + 2);
            x[at] = -1;
            CHECK(row_max(x, n) == -1);
        }
    CHECK(row_max(x, 0) == -INFINITY);
}
