// SPDX-License-Identifier: Apache-2.0
/* Depthwise convolution: every channel by itself, vectors of channels. */
#pragma once

#include "ops/fast/conv/conv.h"

/* One weight of a window: where its float of x and its weights of all channels lie. */
struct depthwise_tap {
    ptrdiff_t x; /* bytes from the window's first */
    size_t w;    /* bytes from the first tap's weights */
};

/* Neighbouring pixels of a line whose windows have the same taps. */
struct depthwise_tile {
    const float *x; /* window of the first pixel */
    size_t x_step;  /* floats from pixel to pixel */
    const struct depthwise_tap *taps;
    size_t tap_count, channels;
    const float *w, *bias; /* (taps, channels in whole vectors), (channels in whole vectors,) */
    float *y;
    size_t y_step;         /* also of the residual */
    const float *residual; /* at y's place, or NULL */
    float low, high;
};

/* A line whose windows have three taps along the width and one pad on each side, of stride 1. */
struct depthwise_slide {
    const float *x[3]; /* lines of x, one for each row of taps: the first pixel */
    size_t x_step, count;
    const float *w[3], *bias; /* of each row; the taps w_step apart */
    size_t w_step, channels;
    float *y;
    size_t y_step;
    const float *residual;
    float low, high;
};

typedef void depthwise_kernel(const struct depthwise_tile *tile);

struct depthwise_kernels {
    size_t lanes, pixels_max;
    depthwise_kernel *const *pixels;                       /* for 1 to pixels_max */
    void (*slide[3])(const struct depthwise_slide *slide); /* for 1 to 3 rows of taps */
};

extern const struct depthwise_kernels depthwise_portable, depthwise_avx2, depthwise_avx512;

struct depthwise_weights {
    const struct depthwise_kernels *kernels;
    size_t channels, padded;
    size_t multiplier; /* outputs of each channel of x */
    size_t kernel[3], dilation[3];
    float *data, *bias; /* as a tile's */
    bool finite;        /* see conv_weights */
};

/* From a source with one channel in each group. */
enum status depthwise_pack(const struct conv_source *source, const size_t *dilation,
                           struct depthwise_weights *weights, struct arena *keep, struct error *err)
    must_check;
size_t depthwise_scratch(const struct depthwise_weights *weights,
                         const struct conv_geometry *geometry, struct team *team);
void depthwise_run(const struct depthwise_weights *weights, const struct conv_geometry *geometry,
                   const struct epilogue *epilogue, const struct conv_operands *operands);
