// SPDX-License-Identifier: Apache-2.0
/* Normalisation of groups of channels of (N, ..., C) floats: mean 0, variance 1, then scaled and
 * shifted per channel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct image_norm {
    size_t n, count, channels, groups; /* x (n, count, channels) */
    const float *x, *scale, *bias;     /* (scales,): one for channels / scales each */
    size_t scales;
    float *y; /* may be x */
    double epsilon;
};

/* Floats of scratch memory. */
size_t image_norm_scratch(size_t channels);
void image_norm_run(const struct image_norm *norm, float *scratch);
