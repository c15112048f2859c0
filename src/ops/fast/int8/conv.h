// SPDX-License-Identifier: Apache-2.0
/* Convolution of bytes, channels last: a product whose rows are read from a padded image. */
#pragma once

#include "ops/fast/int8/int8.h"
#include "ops/kernels/spatial/convolution.h"

enum { INT8_CONV_RANK_MAX = 3 }; /* spatial dimensions */

struct int8_conv_request {
    const struct tensor *w; /* (M, C / groups, kernel...), uint8 or int8, with data */
    size_t groups;
    int64_t dilation;      /* of the last spatial dimension */
    const int32_t *w_zero; /* (M,) or NULL: all 0. Kept: the caller's arrays outlive the result */
    const int32_t *bias;   /* (M,) or NULL */
    const float *scale;    /* (M,); NULL for sums as they are */
};

/* Weights of a convolution, packed; read-only. */
struct int8_conv {
    const struct int8_kernels *kernels;
    size_t groups, maps, per_group; /* per_group: channels */
    size_t row; /* kernel elements of the last dimension that lie in one run: all, or 1 */
    struct int8_weights *weights; /* (groups,); NULL when depthwise */
    int16_t *depthwise;           /* (taps, M): less their zero points; NULL when not */
    int8_t *quads;                /* the same for `quads` of the kernels, or NULL */
    int32_t *sums;                /* (M,): of `depthwise` */
    struct int8_conv_request request;
};

/* *conv is NULL for what is not served here: more dimensions. */
enum status int8_conv_prepare(const struct int8_conv_request *request, struct int8_conv **conv,
                              struct team *team, struct arena *keep, struct error *err) must_check;

/* How the input lies: as it should, (n, in..., C), or with the channels first. */
size_t int8_conv_scratch(const struct int8_conv *conv, const struct convolution *geometry,
                         bool channels_first);

/* What of `output` is not in the request: y, stride (of NHWC), target, x_zero, zero, low, high,
 * residual. x is uint8 or int8, as geometry says. */
void int8_conv_run(const struct int8_conv *conv, const struct convolution *geometry,
                   bool channels_first, const struct int8_output *output, void *scratch,
                   struct team *team);
