// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/math/moments.h"

#include "ops/kernels/types.h"

#define TEMPLATE "ops/kernels/math/moments.inc"
#define EACH_FLOAT
#include "ops/kernels/each.h"

void moments_of(enum dtype dtype, const void *x, size_t n, double *mean, double *variance)
{
    static void (*const OF[DTYPE_COUNT])(const void *, size_t, double *,
                                         double *) = {FOR_FLOAT(KERNEL, of)};

    OF[dtype](x, n, mean, variance);
}

double moments_square(enum dtype dtype, const void *x, size_t n)
{
    static double (*const SQUARE[DTYPE_COUNT])(const void *, size_t) = {FOR_FLOAT(KERNEL, square)};

    return SQUARE[dtype](x, n);
}

void moments_apply(enum dtype dtype, const void *x, void *y, size_t n, double mean, double factor,
                   double bias)
{
    static void (*const APPLY[DTYPE_COUNT])(const void *, void *, size_t, double, double,
                                            double) = {FOR_FLOAT(KERNEL, apply)};

    APPLY[dtype](x, y, n, mean, factor, bias);
}

void moments_scale(enum dtype dtype, const void *x, void *y, size_t n, double mean, double factor,
                   const struct moments_scale *by)
{
    static void (*const SCALE[DTYPE_COUNT])(const void *, void *, size_t, double, double,
                                            const struct moments_scale *) = {
        FOR_FLOAT(KERNEL, scale)};

    SCALE[dtype](x, y, n, mean, factor, by);
}
