// SPDX-License-Identifier: Apache-2.0
/* Convolutions of 3 by 3 taps with fewer multiplications (Winograd; Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2015): patches of n by n pixels and the weights
 * are taken to n by n frequencies, multiplied there as matrices, and taken back to m by m outputs,
 * n = m + 2. The points of m = 4 are 0, 3/4, -3/4, 3/2, -3/2 and infinity: exact in binary, and the
 * error stays below 5e-6 of the largest output for 256 channels; that of m = 2 is as small as the
 * direct sum's. */
#pragma once

#include "ops/fast/conv/conv.h"

enum { WINOGRAD_FREQUENCIES_MAX = 36 };

/* A patch of x to its frequencies. */
struct winograd_patch {
    const float *pixels[WINOGRAD_FREQUENCIES_MAX]; /* (n, n), channels each; zeros outside of x */
    size_t channels;
    float *v; /* (n, n) of channels each, v_step apart */
    size_t v_step;
    float *temporary; /* (n, n) vectors */
};

/* Frequencies of the outputs back to m by m outputs. */
struct winograd_outputs {
    const float *products; /* (n, n) of maps each, step apart */
    size_t step, maps;
    const float *bias;    /* in whole vectors */
    size_t rows, columns; /* of the m by m outputs those that there are */
    float *y;
    size_t y_line, y_step; /* floats from line to line, from pixel to pixel; of the residual too */
    const float *residual; /* at y's place, or NULL */
    float low, high;
    float *temporary;
};

struct winograd_kernels {
    /* taps (9, width) to frequencies of `width` floats each, `step` apart; width: whole vectors;
     * g: (n, 3), what they are multiplied with from the left and, transposed, from the right */
    void (*weights)(const float *taps, size_t width, const double (*g)[3], float *to, size_t step);
    void (*input)(const struct winograd_patch *patch);
    bool (*output)(const struct winograd_outputs *outputs); /* were all values finite? */
};

/* For m = 2 and m = 4. */
extern const struct winograd_kernels winograd_portable[2], winograd_avx2[2], winograd_avx512[2];

struct winograd {
    const struct winograd_kernels *kernels;
    const struct conv_tiles *tiles;
    size_t m, channels, maps, padded, panels;
    float *data;  /* (n n, panels, channels, width), 64-byte aligned */
    float *bias;  /* (padded,) */
    float *zeros; /* (padded,) or (channels,) and more */
    bool finite;
};

/* The m that pays for `out` outputs (height, width), or 0. */
size_t winograd_pays(const struct conv_source *source, const size_t *out);
enum status winograd_pack(const struct conv_source *source, size_t m, struct winograd *winograd,
                          struct team *team, struct arena *keep, struct error *err) must_check;
size_t winograd_scratch(const struct winograd *winograd, const struct conv_geometry *geometry,
                        struct team *team);
void winograd_run(const struct winograd *winograd, const struct conv_geometry *geometry,
                  const struct epilogue *epilogue, const struct conv_operands *operands);
