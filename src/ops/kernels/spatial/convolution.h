// SPDX-License-Identifier: Apache-2.0
/* Reference convolution and transposed convolution, floats and 8-bit integers: direct, any number
 * of spatial dimensions. */
#pragma once

#include "ops/kernels/spatial/window.h"

/* x (n, channels, in...), w (maps, channels / groups, kernel...), or transposed: w (channels,
 * maps / groups, kernel...); y (n, maps, out...). */
struct convolution {
    struct window window;
    size_t n, channels, maps, groups;
    bool transposed;
    enum dtype dtype, w_dtype;
    const void *x, *w;
    int32_t x_zero;              /* of integers */
    const struct tensor *w_zero; /* of integers: one, or one per map; or NULL */
    size_t w_zero_step;          /* 0 or 1 */
};

/* Check the shapes and fill everything but the pointers; dims that are not known yet are skipped.
 * Inputs `x` and `w` of the call. *out is the shape of y. */
enum status convolution_of(const struct op_call *call, size_t x, size_t w, bool transposed,
                           struct convolution *convolution, struct shape *out, struct error *err)
    must_check;

/* Sums over the window for `count` (at most CONVOLUTION_RUN) neighbouring outputs of the last
 * dimension: item n, map m, outer indices `at`, from `first` on. Floats into double sums, integers
 * into int32. */
enum { CONVOLUTION_RUN = 64 };
union convolution_sums {
    double f[CONVOLUTION_RUN];
    int32_t i[CONVOLUTION_RUN];
    uint32_t u[CONVOLUTION_RUN];
};
void convolution_run(const struct convolution *c, size_t n, size_t m, const int64_t *at,
                     int64_t first, int64_t count, union convolution_sums *sums);

/* Call `put` with the sums of every run of the output, y's elements in order. */
typedef void convolution_put(void *context, size_t map, size_t y_offset, size_t count,
                             const union convolution_sums *sums);
void convolution_each(const struct convolution *c, convolution_put *put, void *context);
