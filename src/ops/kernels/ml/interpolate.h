// SPDX-License-Identifier: Apache-2.0
/* A function given by points, linear between them. */
#pragma once

#include <math.h>
#include <stddef.h>

/* As numpy.interp: exact at the points; NaN outside of them. x ascends, count > 0. */
static inline double interpolate_at(const double *x, const double *y, size_t count, double at)
{
    size_t low = 0, high = count - 1;

    if (isnan(at) || at < x[0] || at > x[count - 1])
        return NAN;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (x[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    if (at == x[high])
        return y[high];
    if (at == x[low] || high == low)
        return y[low];
    return (y[high] - y[low]) / (x[high] - x[low]) * (at - x[low]) + y[low];
}
