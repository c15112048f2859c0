// SPDX-License-Identifier: Apache-2.0
/* Mean and variance of runs of floats, and y = (x - mean) * factor + bias: what the normalisations
 * share. All in double, each result rounded once. */
#pragma once

#include "tensor/tensor.h"

/* Of n contiguous elements; population variance, in two passes. */
void moments_of(enum dtype dtype, const void *x, size_t n, double *mean, double *variance);
double moments_square(enum dtype dtype, const void *x, size_t n); /* mean of squares */

/* y may be x. */
void moments_apply(enum dtype dtype, const void *x, void *y, size_t n, double mean, double factor,
                   double bias);

/* y[i] = (x[i] - mean) * factor * scale[i * scale_step] + bias[i * bias_step]; bias may be NULL. */
struct moments_scale {
    const void *scale, *bias;
    int scale_step, bias_step;
};
void moments_scale(enum dtype dtype, const void *x, void *y, size_t n, double mean, double factor,
                   const struct moments_scale *by);
