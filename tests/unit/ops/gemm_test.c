// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm/gemm.h"

#include <math.h>

#include "base/cpu.h"
#include "test.h"

static double value_at(size_t i)
{
    return (double)((i * 2654435761u + 12345) % 2001) / 1000 - 1;
}

static void fill(enum dtype dtype, void *data, size_t count, size_t start)
{
    for (size_t i = 0; i < count; i++)
        if (dtype == DTYPE_F32)
            ((float *)data)[i] = (float)value_at(i + start);
        else
            ((double *)data)[i] = value_at(i + start);
}

static double element(enum dtype dtype, const void *data, size_t i)
{
    return dtype == DTYPE_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* Buffers are exactly as large as they must be: the sanitizer sees a write too far. */
static void check_product(enum dtype dtype, size_t m, size_t k, size_t n, bool transposed,
                          bool with_bias)
{
    size_t size = dtype_size(dtype), packed_size = gemm_packed_size(dtype, k, n);
    void *a = malloc(m * k * size + 1), *b = malloc(k * n * size + 1), *bias = malloc(n * size + 1);
    void *c = malloc(m * n * size + 1), *data = aligned_alloc(64, (packed_size + 64) / 64 * 64);
    double tolerance = dtype == DTYPE_F32 ? 2e-6 * (double)(k + 1) : 1e-14 * (double)(k + 1);
    struct packed_matrix packed;

    fill(dtype, a, m * k, 1);
    fill(dtype, b, k * n, 7);
    fill(dtype, bias, n, 3);
    gemm_pack(&packed, dtype, b, k, n, transposed, data);
    gemm_run(&packed, a, m, k, with_bias ? bias : NULL, c, n);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double want = with_bias ? element(dtype, bias, j) : 0;
            for (size_t x = 0; x < k; x++)
                want += element(dtype, a, i * k + x) *
                        element(dtype, b, transposed ? j * k + x : x * n + j);
            if (fabs(element(dtype, c, i * n + j) - want) > tolerance)
                fail_msg("%zux%zux%zu at %zu,%zu: %g is not %g", m, k, n, i, j,
                         element(dtype, c, i * n + j), want);
        }
    free(a), free(b), free(bias), free(c), free(data);
}

static void check_isa(const char *isa)
{
    static const size_t M[] = {0, 1, 2, 5, 6, 7, 13, 200}, K[] = {0, 1, 3, 20, 385},
                        N[] = {0, 1, 3, 8, 17, 31, 64, 65, 130};
    struct error err;

    if (cpu_isa_force(isa, &err)) {
        printf("SKIPPED gemm %s: %s\n", isa, err.text);
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(M); i++)
        for (size_t j = 0; j < ARRAY_COUNT(K); j++)
            for (size_t l = 0; l < ARRAY_COUNT(N); l++)
                for (int variant = 0; variant < 2; variant++) {
                    if (M[i] * K[j] * N[l] > 2000000)
                        continue;
                    check_product(DTYPE_F32, M[i], K[j], N[l], variant, !variant);
                    check_product(DTYPE_F64, M[i], K[j], N[l], !variant, !variant);
                }
    check_product(DTYPE_F32, 199, 800, 70, false, true);
}

TEST(gemm_agrees_with_the_sum_it_is)
{
    check_isa("portable");
    check_isa("avx2");
    check_isa("avx512");
}

TEST(gemm_row_does_not_depend_on_its_batch)
{
    enum { M = 13, K = 500, N = 70 };
    static double a[M * K], b[K * N], c[M * N], row[N];
    struct packed_matrix packed;
    void *data;

    data = aligned_alloc(64, (gemm_packed_size(DTYPE_F64, K, N) + 63) / 64 * 64);
    fill(DTYPE_F64, a, M * K, 1);
    fill(DTYPE_F64, b, K * N, 2);
    gemm_pack(&packed, DTYPE_F64, b, K, N, false, data);
    gemm_run(&packed, a, M, K, NULL, c, N);
    for (size_t i = 0; i < M; i++) {
        gemm_run(&packed, a + i * K, 1, K, NULL, row, N);
        CHECK_INT(memcmp(row, c + i * N, sizeof row), 0);
    }
    free(data);
}
