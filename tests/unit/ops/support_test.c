// SPDX-License-Identifier: Apache-2.0
/* KernelProduct: the packed form beside the sum it is, for all instruction sets. */
#include <math.h>

#include "base/cpu.h"
#include "ops/fast/support.h"
#include "ops/op.h"
#include "test.h"

static uint32_t seed = 5;

static double value(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / (1 << 23) - 1;
}

static double *values(size_t count)
{
    double *data = malloc(count * sizeof *data + !count);

    for (size_t i = 0; i < count; i++)
        data[i] = value();
    return data;
}

static void call_run(const struct attributes *given, struct tensor *in, struct tensor *out)
{
    struct op_call call = {.op = op_find(bytes_of("firn"), bytes_of("KernelProduct")),
                           .opset = OPSET_NEWEST,
                           .attributes = given,
                           .in_count = 4,
                           .out_count = 1,
                           .in = in,
                           .out = out};
    struct arena keep;
    struct error err;
    size_t size;

    arena_init(&keep, 1 << 26);
    CHECK_OK(call.op->infer(&call, &err), err);
    CHECK_OK(call.op->prepare(&call, &keep, &err), err);
    size = call.op->scratch_size(&call);
    call.scratch = aligned_alloc(64, (size + 64) / 64 * 64);
    out->data = malloc(tensor_count(out) * sizeof(double) + 1);
    CHECK_OK(call.op->run(&call, &err), err);
    free(call.scratch);
    arena_release(&keep);
}

static void check_kernel(const char *kernel, double degree, int64_t rows, int64_t vectors,
                         int64_t features, int64_t sums)
{
    struct attribute items[] = {attribute_of_text("kernel", kernel),
                                attribute_of_float("gamma", 0.3), attribute_of_float("coef0", 40),
                                attribute_of_float("degree", degree)};
    struct attributes given = {items, 4};
    struct tensor in[] = {
        {DTYPE_F64, SHAPE(rows, features), values((size_t)(rows * features))},
        {DTYPE_F64, SHAPE(vectors, features), values((size_t)(vectors * features))},
        {DTYPE_F64, SHAPE(sums, vectors), values((size_t)(sums * vectors))},
        {DTYPE_F64, SHAPE(sums), values((size_t)sums)},
    };
    struct tensor want = {0}, got = {0};
    bool before = op_reference_only(true);

    call_run(&given, in, &want);
    op_reference_only(before);
    call_run(&given, in, &got);
    CHECK_INT(tensor_count(&got), rows * sums);
    for (size_t i = 0; i < tensor_count(&got); i++)
        CHECK_NEAR(((double *)got.data)[i], ((double *)want.data)[i], 1e-8 * (double)vectors);
    for (size_t i = 0; i < 4; i++)
        free(in[i].data);
    free(want.data), free(got.data);
}

static void check_isa(const char *isa)
{
    static const char *const KERNELS[] = {"linear", "rbf", "poly", "sigmoid"};
    static const int64_t COUNTS[] = {1, 2, 7, 33, 70};
    struct error err;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED support %s: %s\n", isa, err.text);
        return;
    }
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 5; j++)
                check_kernel(KERNELS[k], i % 2 ? 3 : 2.5, COUNTS[i] - 1, COUNTS[j],
                             COUNTS[(i + j) % 5], COUNTS[(i + 2 * j) % 3]);
}

TEST(kernel_products_are_the_sums_they_should_be)
{
    check_isa("portable");
    check_isa("avx2");
    check_isa("avx512");
}

/* Within 2 ulp, from 0 to where nothing is left. */
TEST(radial_values_are_exact_enough)
{
    support_radial *const ALL[] = {
        support_radial_portable,
#if defined(__x86_64__)
        support_radial_avx2,
        support_radial_avx512
#endif
    };
    struct error err;

    for (size_t a = 0; a < sizeof ALL / sizeof *ALL; a++) {
        if (a && cpu_isa_force(a == 1 ? "avx2" : "avx512", &err))
            continue;
        for (int i = 0; i < 7000; i++) {
            double k[3] = {0, 0.25, 0}, norms[3] = {i * 0.2, 0.5, NAN};
            double want = exp(-0.5 * (i * 0.2));

            ALL[a](k, norms, 0, 0.5, 3);
            CHECK_NEAR(k[0], want, 4.5e-16 * want);
            CHECK(k[1] == 1);
            CHECK(isnan(k[2]));
        }
    }
}
