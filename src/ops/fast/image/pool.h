// SPDX-License-Identifier: Apache-2.0
/* Pools of (N, ..., C): largest elements of floats and bytes, means of floats. */
#pragma once

#include "ops/kernels/spatial/window.h"

struct image_pool {
    struct window window;
    size_t n, channels;
    enum dtype dtype; /* F32, or U8 and I8 for the largest */
    bool mean;        /* else the largest */
    bool count_pads;  /* the mean is over the pads too */
    const void *x;
    void *y;
};

/* Is there a fast kernel for it? (Every window must hold at least one element of the input; windows
 * of many elements are taken by image_mean_all and image_max_all.) */
bool image_pool_fits(const struct image_pool *pool);
void image_pool_run(const struct image_pool *pool, struct team *team);

/* y (n, channels) = mean or largest over `count` rows of each item of x (n, count, channels). */
void image_mean_all(const float *x, float *y, size_t n, size_t count, size_t channels,
                    struct team *team);
void image_max_all(const float *x, float *y, size_t n, size_t count, size_t channels,
                   struct team *team);
