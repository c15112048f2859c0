// SPDX-License-Identifier: Apache-2.0
/* The geometry that convolutions, pools and patches have in common: strides, dilations, padding and
 * layout of images of one to three spatial dimensions. Images have the channels last unless
 * data_format says otherwise. */
#pragma once

#include "importers/tensorflow/internal.h"

enum { TF_SPATIAL_MAX = 3 };

struct tf_window {
    int spatial;
    bool first; /* channels first */
    bool same, is_explicit;
    int64_t strides[TF_SPATIAL_MAX], dilations[TF_SPATIAL_MAX], kernel[TF_SPATIAL_MAX];
    int64_t pads[2 * TF_SPATIAL_MAX]; /* when is_explicit: befores, then behinds */
};

/* data_format, padding, strides, dilations, explicit_paddings; no kernel. */
enum status tf_window_read(const struct tf_call *c, int spatial, struct tf_window *w,
                           struct error *err) must_check;

/* A list of one number a dimension, batch and channels among them: those of the image, which must
 * be all that is not 1. Absent: ones. */
enum status tf_window_list(const struct tf_call *c, const char *name, const struct tf_window *w,
                           int64_t *values, struct error *err) must_check;
enum status tf_window_numbers(const char *name, const struct tf_window *w, const int64_t *all,
                              size_t count, int64_t *values, struct error *err) must_check;

/* strides, dilations and pads as ONNX names them; the number of attributes, at most 3. */
size_t tf_window_attributes(const struct tf_window *w, struct attribute *attributes);

/* The ONNX operator `op`, or its twin that has the channels last; in[0] and *y are images. */
enum status tf_window_emit(const struct tf_call *c, const struct tf_window *w, const char *op,
                           struct emit_inputs in, struct emit_attributes attributes, value_id *y,
                           struct error *err) must_check;

/* The dimension of channels of a tensor of this layout. */
static inline int tf_window_channel(const struct tf_window *w)
{
    return w->first ? 1 : w->spatial + 1;
}

/* data_format: does it have the channels first? UNSUPPORTED for layouts that are neither. */
enum status tf_channels_first(const struct tf_call *c, bool *first, struct error *err) must_check;

/* Of conv.c: the convolution of inputs 0 and 1, as the call's output. */
enum status tf_convolution(struct tf_call *c, int spatial, bool depthwise, struct error *err)
    must_check;

/* Of normalisation.c: (x - mean) / sqrt(variance + epsilon) * scale + offset along the channels of
 * an image of `rank` dimensions. scale may be VALUE_NONE. */
struct tf_batch_norm {
    value_id x, scale, offset, mean, variance; /* x of the others' type */
    double epsilon;
    bool first;
    int rank;
};
enum status tf_batch_norm_emit(struct tf_call *c, const struct tf_batch_norm *n, value_id *y,
                               struct error *err) must_check;
enum status tf_bias_emit(struct tf_call *c, value_id x, value_id bias, bool first, value_id *y,
                         struct error *err) must_check;
