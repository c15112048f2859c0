// SPDX-License-Identifier: Apache-2.0
/* Windows over images: how Caffe2's convolutions and pools say kernel, stride, padding. */
#pragma once

#include "importers/caffe2/internal.h"

enum caffe2_padding { /* argument legacy_pad */
                      CAFFE2_NOTSET,
                      CAFFE2_VALID,
                      CAFFE2_SAME,
                      CAFFE2_CAFFE, /* sizes are rounded up, as in Caffe's pooling */
};

struct caffe2_window {
    int64_t kernel[CAFFE2_SPATIAL], strides[CAFFE2_SPATIAL], dilations[CAFFE2_SPATIAL];
    int64_t pads[2 * CAFFE2_SPATIAL]; /* top, left, bottom, right */
    enum caffe2_padding padding;
    bool global; /* over all of the image */
};

/* Of two dimensions; UNSUPPORTED for others. */
enum status caffe2_window_read(struct caffe2_call *c, struct caffe2_window *window,
                               struct error *err) must_check;

/* kernel_shape, strides, dilations, pads or auto_pad for ONNX. */
enum { CAFFE2_WINDOW_ATTRIBUTES = 4 };
size_t caffe2_window_attributes(const struct caffe2_window *window, struct attribute *attributes);
