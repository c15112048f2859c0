// SPDX-License-Identifier: Apache-2.0
/* What packing and running agree on: a panel holds, for every tap and step of a run, a group of
 * each of its columns. */
#pragma once

#include "ops/fast/int8/int8.h"

static inline size_t int8_rounded_up(size_t count, size_t to)
{
    return (count + to - 1) / to * to;
}

/* Groups of a run. */
static inline size_t int8_steps(const struct int8_weights *weights)
{
    return (weights->run + weights->kernels->group - 1) / weights->kernels->group;
}

/* Bytes of a panel of `columns`. */
static inline size_t int8_panel_bytes(const struct int8_weights *weights, size_t columns)
{
    const struct int8_kernels *kernels = weights->kernels;

    return weights->tap_count * int8_steps(weights) * kernels->group * kernels->element *
           int8_rounded_up(columns, kernels->vector);
}
