// SPDX-License-Identifier: Apache-2.0
/* gemm: the packed matrix product against the peak of this core: multiply-adds in registers alone,
 * timed in turn with it. Prints GFLOP/s and percent of the peak per shape, of the fastest of
 * interleaved runs, and for one row also the bytes of B read in a second. */
#include "ops/fast/gemm/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"

enum { RUNS = 25, PEAK_ROUNDS = 20000, CHAINS = 12 };

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
#define CHAIN(instruction, register, n)                                                            \
    instruction " %%" register "0, %%" register "1, %%" register #n "\n"
#define CHAINS_OF(instruction, register)                                                           \
    CHAIN(instruction, register, 2)                                                                \
    CHAIN(instruction, register, 3)                                                                \
    CHAIN(instruction, register, 4)                                                                \
    CHAIN(instruction, register, 5)                                                                \
    CHAIN(instruction, register, 6)                                                                \
    CHAIN(instruction, register, 7)                                                                \
    CHAIN(instruction, register, 8)                                                                \
    CHAIN(instruction, register, 9)                                                                \
    CHAIN(instruction, register, 10)                                                               \
    CHAIN(instruction, register, 11)                                                               \
    CHAIN(instruction, register, 12) CHAIN(instruction, register, 13)
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define CLOBBERS                                                                                   \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13"
static void clear(void)
{
    __asm__ volatile(CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7)
                         CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13)::
                             : CLOBBERS);
}

static void chains(enum dtype dtype)
{
    bool wide = cpu_isa() == ISA_AVX512;

    clear();
    for (int i = 0; i < PEAK_ROUNDS; i++)
        if (wide && dtype == DTYPE_F32)
            __asm__ volatile(CHAINS_OF("vfmadd231ps", "zmm")::: CLOBBERS);
        else if (wide)
            __asm__ volatile(CHAINS_OF("vfmadd231pd", "zmm")::: CLOBBERS);
        else if (dtype == DTYPE_F32)
            __asm__ volatile(CHAINS_OF("vfmadd231ps", "ymm")::: CLOBBERS);
        else
            __asm__ volatile(CHAINS_OF("vfmadd231pd", "ymm")::: CLOBBERS);
}
#endif

/* GFLOP/s of multiply-adds that touch no memory; 0 where there is no probe. */
static double peak_of(enum dtype dtype)
{
#if defined(__x86_64__)
    if (cpu_isa() != ISA_PORTABLE) {
        size_t lanes = (cpu_isa() == ISA_AVX512 ? 64 : 32) / dtype_size(dtype);
        double start = seconds();

        chains(dtype);
        return 2e-9 * PEAK_ROUNDS * CHAINS * (double)lanes / (seconds() - start);
    }
#endif
    (void)dtype;
    return 0;
}

struct shape_run {
    struct packed_matrix packed;
    void *a, *b, *c, *data;
    size_t m, k, n;
    double best, peak; /* seconds, GFLOP/s */
};

static void *zeroed(size_t size)
{
    void *data = aligned_alloc(64, (size + 63) / 64 * 64);

    memset(data, 0, size);
    return data;
}

static void run(struct shape_run *r, enum dtype dtype)
{
    size_t size = dtype_size(dtype), repeat = (size_t)(2e7 / (double)(r->m * r->k * r->n)) + 1;

    r->a = zeroed(r->m * r->k * size), r->c = zeroed(r->m * r->n * size);
    r->b = zeroed(r->k * r->n * size), r->data = zeroed(gemm_packed_size(dtype, r->k, r->n));
    gemm_pack(&r->packed, dtype, r->b, r->k, r->n, false, r->data);
    gemm_run(&r->packed, r->a, r->m, r->k, NULL, r->c, r->n);
    for (int i = 0; i < RUNS; i++) {
        double peak = peak_of(dtype), start = seconds(), took;

        for (size_t j = 0; j < repeat; j++)
            gemm_run(&r->packed, r->a, r->m, r->k, NULL, r->c, r->n);
        took = (seconds() - start) / (double)repeat;
        r->peak = peak > r->peak ? peak : r->peak;
        r->best = i == 0 || took < r->best ? took : r->best;
    }
    free(r->a), free(r->b), free(r->c), free(r->data);
}

int main(void)
{
    static const size_t SHAPES[][3] = {
        {1, 20, 1},       {1, 64, 10},     {1, 64, 64},      {1, 784, 128},    {1, 1024, 1024},
        {2, 1024, 1024},  {4, 1024, 1024}, {8, 1024, 1024},  {16, 384, 1536},  {16, 1536, 384},
        {64, 1024, 1024}, {128, 768, 768}, {128, 768, 3072}, {128, 3072, 768}, {128, 64, 128},
        {128, 128, 64},   {512, 512, 512}, {197, 768, 2304}, {1000, 100, 48},  {1024, 1024, 1024}};

    printf("isa %s\n", isa_name(cpu_isa()));
    for (int t = 0; t < 2; t++) {
        enum dtype dtype = t ? DTYPE_F64 : DTYPE_F32;

        printf("%s: peak %.0f GFLOP/s\n", dtype_name(dtype), peak_of(dtype));
        for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
            struct shape_run r = {.m = SHAPES[i][0], .k = SHAPES[i][1], .n = SHAPES[i][2]};
            double gflops;

            run(&r, dtype);
            gflops = 2e-9 * (double)(r.m * r.k * r.n) / r.best;
            printf("  %4zu x %4zu x %4zu  %9.2f us  %6.1f GFLOP/s  %3.0f %%", r.m, r.k, r.n,
                   r.best * 1e6, gflops, r.peak > 0 ? 100 * gflops / r.peak : 0);
            if (r.m == 1)
                printf("  %5.1f GB/s", 1e-9 * (double)(r.k * r.n * dtype_size(dtype)) / r.best);
            printf("\n");
        }
    }
    return 0;
}
