// SPDX-License-Identifier: Apache-2.0
/* gemm: the packed matrix product against the peak of this core, measured in the same run.
 * Prints GFLOP/s and percent of peak per shape; median of interleaved runs. */
#include "ops/fast/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"

enum { RUNS = 15 };

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* A product that stays in L1: 6 rows, one panel, 384 deep. Its best time is taken as the peak. */
static double run(enum dtype dtype, size_t m, size_t k, size_t n, double *gflops)
{
    size_t size = dtype_size(dtype), repeat = (size_t)(4e7 / (double)(m * k * n)) + 1;
    void *a = aligned_alloc(64, (m * k * size + 63) / 64 * 64),
         *c = aligned_alloc(64, (m * n * size + 63) / 64 * 64);
    void *b = calloc(k * n, size),
         *data = aligned_alloc(64, (gemm_packed_size(dtype, k, n) + 63) / 64 * 64);
    struct packed_matrix packed;
    double times[RUNS];

    memset(a, 0, m * k * size);
    gemm_pack(&packed, dtype, b, k, n, false, data);
    gemm_run(&packed, a, m, k, NULL, c, n);
    for (int r = 0; r < RUNS; r++) {
        double start = seconds();
        for (size_t i = 0; i < repeat; i++)
            gemm_run(&packed, a, m, k, NULL, c, n);
        times[r] = (seconds() - start) / (double)repeat;
    }
    qsort(times, RUNS, sizeof *times, by_value);
    *gflops = 2e-9 * (double)(m * k * n) / times[RUNS / 2];
    free(a), free(b), free(c), free(data);
    return times[RUNS / 2];
}

int main(void)
{
    static const size_t SHAPES[][3] = {{1, 20, 1},       {1, 64, 64},     {1, 784, 128},
                                       {1, 1024, 1024},  {8, 1024, 1024}, {64, 1024, 1024},
                                       {128, 768, 3072}, {512, 512, 512}};

    printf("isa %s\n", isa_name(cpu_isa()));
    for (int t = 0; t < 2; t++) {
        enum dtype dtype = t ? DTYPE_F64 : DTYPE_F32;
        double peak = 0, gflops;
        for (int i = 0; i < 3; i++) {
            run(dtype, 192, 192, cpu_isa() == ISA_AVX512 ? 64 : 16, &gflops);
            peak = gflops > peak ? gflops : peak;
        }
        printf("%s: %.0f GFLOP/s inside L1\n", dtype_name(dtype), peak);
        for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
            double time = run(dtype, SHAPES[i][0], SHAPES[i][1], SHAPES[i][2], &gflops);
            printf("  %4zu x %4zu x %4zu  %9.2f us  %6.1f GFLOP/s  %3.0f %%\n", SHAPES[i][0],
                   SHAPES[i][1], SHAPES[i][2], time * 1e6, gflops, 100 * gflops / peak);
        }
    }
    return 0;
}
