// SPDX-License-Identifier: Apache-2.0
/* Reductions of floats in the instruction set in use. Sums are taken in double, as the reference
 * does; a NaN makes the largest and the smallest NaN. */
#pragma once

#include "base/team.h"
#include "ops/kernels/reduction.h"

enum reduce_function {
    REDUCE_NONE = -1,
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_SUM_SQUARES,
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_FUNCTIONS
};

/* y: `kept` floats. */
void reduce_floats(enum reduce_function function, const struct reduction *reduction, const float *x,
                   float *y, struct team *team);

/* Of n floats, one after the other. */
float reduce_max(const float *x, size_t n);
double reduce_sum(const float *x, size_t n);

/* Where the largest (or smallest) of n > 0 floats is: the first or the last of equals; a NaN wins.
 */
size_t reduce_where(const float *x, size_t n, bool smallest, bool last);
