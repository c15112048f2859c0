// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/elementwise/unary.h"

#include <math.h>

#include "base/cpu.h"
#include "ops/fast/elementwise/unary_kernels.h"
#include "ops/fast/spread.h"
#include "ops/fast/vector.h"

enum { BLOCK = 1024 }; /* floats of a block: 4 KiB, in L1 with what is read and written */
static const double NS = 0.25;

static const char *const NAMES[UNARY_FUNCTIONS] = {
#define UNARY(name, text, expression, exact) text,
#include "ops/fast/elementwise/unary.def"
#undef UNARY
};

static const struct unary_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &unary_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &unary_avx2;
#endif
    return &unary_portable;
}

enum unary_function unary_find(const char *name)
{
    for (int i = 0; i < UNARY_FUNCTIONS; i++)
        if (!strcmp(NAMES[i], name))
            return (enum unary_function)i;
    return UNARY_NONE;
}

static double unit(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}
#define UNIT(x) unit(x)

double unary_exact(const struct unary *unary, double x)
{
    const double p = unary->p, q = unary->q;

    switch (unary->function) {
#define UNARY(name, text, expression, exact)                                                       \
    case UNARY_##name:                                                                             \
        return exact;
#include "ops/fast/elementwise/unary.def"
#undef UNARY
    default:
        return x;
    }
}

bool unary_takes(enum unary_function function, enum dtype dtype)
{
    if (function == UNARY_NONE)
        return false;
    if (dtype == DTYPE_F64)
        return kernels_of_machine()->doubles[function] != NULL;
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

void unary_floats(const struct unary *unary, const float *x, float *y, size_t n)
{
    kernels_of_machine()->floats[unary->function](x, y, n, unary->p, unary->q);
}

struct work {
    const struct unary *unary;
    unary_kernel kernel;
    enum dtype dtype;
    const void *x;
    void *y;
};

static void run_floats(void *context, size_t from, size_t to)
{
    const struct work *work = context;

    work->kernel((const float *)work->x + from, (float *)work->y + from, to - from, work->unary->p,
                 work->unary->q);
}

static void run_doubles(void *context, size_t from, size_t to)
{
    const struct work *work = context;

    kernels_of_machine()->doubles[work->unary->function]((const double *)work->x + from,
                                                         (double *)work->y + from, to - from);
}

static void run_halves(void *context, size_t from, size_t to)
{
    const struct work *work = context;
    float block[BLOCK];

    for (size_t i = from; i < to; i += BLOCK) {
        size_t n = to - i < BLOCK ? to - i : BLOCK;

        vector_widen(work->dtype, (const uint16_t *)work->x + i, block, n);
        work->kernel(block, block, n, work->unary->p, work->unary->q);
        vector_narrow(work->dtype, block, (uint16_t *)work->y + i, n);
    }
}

void unary_tensor(const struct unary *unary, const struct tensor *x, struct tensor *y,
                  struct team *team)
{
    struct work work = {unary, kernels_of_machine()->floats[unary->function], x->dtype, x->data,
                        y->data};

    spread_run(team, tensor_count(x), NS, BLOCK,
               x->dtype == DTYPE_F32   ? run_floats
               : x->dtype == DTYPE_F64 ? run_doubles
                                       : run_halves,
               &work);
}
