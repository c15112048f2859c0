// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/epilogue.h"

#include "op_run.h"
#include "test.h"

static void check(const struct epilogue *epilogue, size_t rows, size_t columns, size_t gap,
                  bool with_residual)
{
    size_t step = columns + gap, count = rows ? (rows - 1) * step + columns : 0;
    struct tensor c = tensor_random(DTYPE_F32, SHAPE((int64_t)count)), was = {0}, r = {0};

    was = (struct tensor){DTYPE_F32, c.shape, malloc(tensor_bytes(&c) + 1)};
    if (count)
        memcpy(was.data, c.data, tensor_bytes(&c));
    if (with_residual)
        r = tensor_random(DTYPE_F32, SHAPE((int64_t)(rows * columns)));
    epilogue_run(epilogue, c.data, step, r.data, columns, rows, columns);
    for (size_t i = 0; i < count; i++) {
        double x = tensor_f64(&was, i), want = x;

        if (i % step < columns) {
            if (with_residual)
                x = (float)(x + tensor_f64(&r, i / step * columns + i % step));
            want = epilogue_exact(epilogue, x);
        }
        if (fabs(tensor_f64(&c, i) - want) > 1e-6 * fmax(1, fabs(want)))
            fail_msg("activation %d of %g: %g is not %g", epilogue->activation, x,
                     tensor_f64(&c, i), want);
    }
    free(c.data), free(was.data), free(r.data);
}

TEST(epilogues_agree_with_their_definition)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    struct error err;

    for (size_t isa = 0; isa < ARRAY_COUNT(ISAS); isa++) {
        if (cpu_isa_force(ISAS[isa], &err))
            continue;
        for (int a = EPILOGUE_NONE; a <= EPILOGUE_ELU; a++)
            for (int i = 0; i < 12; i++) {
                struct epilogue epilogue = {(enum epilogue_activation)a, -0.25f, 0.75f};

                check(&epilogue, (size_t)random_from(0, 4), (size_t)random_from(1, 70),
                      (size_t)random_from(0, 1) * 3, i & 1);
            }
    }
}

TEST(epilogues_keep_what_is_no_number)
{
    for (int a = EPILOGUE_NONE; a <= EPILOGUE_ELU; a++) {
        struct epilogue epilogue = {(enum epilogue_activation)a, -0.25f, 0.75f};
        float c[] = {NAN, 1, NAN};

        epilogue_run(&epilogue, c, 3, NULL, 0, 1, 3);
        CHECK(isnan(c[0]) && !isnan(c[1]) && isnan(c[2]));
    }
}
