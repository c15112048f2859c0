// SPDX-License-Identifier: Apache-2.0
/* The geometry of convolutions and pools over the spatial dimensions of (N, C, ...). */
#pragma once

#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

enum { WINDOW_RANK_MAX = RANK_MAX - 2 };

struct window {
    int rank;                                          /* spatial dimensions */
    int64_t in[WINDOW_RANK_MAX], out[WINDOW_RANK_MAX]; /* may be unknown in infer */
    int64_t kernel[WINDOW_RANK_MAX], stride[WINDOW_RANK_MAX], dilation[WINDOW_RANK_MAX];
    int64_t begin[WINDOW_RANK_MAX], end[WINDOW_RANK_MAX]; /* pads */
};

/* From the attributes kernel_shape (or `kernel`, the spatial dimensions of weights, when not NULL),
 * strides, dilations, pads, auto_pad and ceil_mode, for an input of this shape, which has a rank of
 * at least 3. A kernel larger than the padded input is refused. */
enum status window_of(const struct op_call *call, const struct shape *in, const int64_t *kernel,
                      struct window *window, struct error *err) must_check;

/* The same without outputs and pads: those are for the caller (ConvTranspose, MaxUnpool). */
enum status window_read(const struct op_call *call, const struct shape *in, const int64_t *kernel,
                        struct window *window, struct error *err) must_check;

/* The taps of a window that lie inside the input, and how many lie inside it and its pads. A window
 * may be far larger than what it is laid over, so that they are counted, not tried. */
struct window_taps {
    int64_t first[WINDOW_RANK_MAX]; /* index of the first one in the input */
    int64_t count[WINDOW_RANK_MAX];
    double inside, padded;
};
struct window_taps window_taps_at(const struct window *w, const int64_t *at);

/* A bound on all of them, so that their products fit. */
#define WINDOW_MAX (INT64_C(1) << 30)
