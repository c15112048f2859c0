// SPDX-License-Identifier: Apache-2.0
/* Depthwise convolution of bytes: what conv.c does with a group for each channel. */
#pragma once

#include "ops/fast/int8/conv.h"

/* Fill `depthwise`, `sums` and, where the kernels have them and the weights are bytes, `quads`. */
enum status int8_depthwise_pack(struct int8_conv *conv, struct arena *keep, struct error *err)
    must_check;

/* One image. */
struct int8_depthwise_job {
    const struct int8_conv *conv;
    const struct convolution *geometry;
    const struct int8_output *output;
    const char *base;       /* of the padded image */
    const ptrdiff_t *steps; /* bytes from an element to the next, in each dimension */
    const ptrdiff_t *taps;
    size_t tap_count;
};
void int8_depthwise_run(const struct int8_depthwise_job *job, struct team *team);
