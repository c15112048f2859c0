// SPDX-License-Identifier: Apache-2.0
/* Image files as tensors: what the filter `image` and its presets share. */
#pragma once

#include "filters/filter.h"

enum image_aspect { IMAGE_STRETCH, IMAGE_CROP, IMAGE_PAD };
enum image_order { IMAGE_ORDER_OF_FIELD, IMAGE_RGB, IMAGE_BGR, IMAGE_RGBA, IMAGE_GRAY };
enum image_layout {
    IMAGE_LAYOUT_OF_FIELD,
    IMAGE_NHWC,
    IMAGE_NCHW,
    IMAGE_HWC,
    IMAGE_CHW,
    IMAGE_NHW,
    IMAGE_HW,
    IMAGE_FLAT, /* (batch, height * width * channels) */
};

struct image_filter {
    struct filter_numbers size, box, fill, mean, std;
    int64_t resize; /* the shorter side before the middle is cut out; 0: so that it fits */
    int aspect, channels, layout, interpolation;
    double scale;
    bool upright;
    int64_t pixels_max;
    bool reshape; /* legacy: bytes of HWC are called CHW without being moved */
    /* found by image_given */
    int64_t height, width, depth;
};

extern const struct filter_option IMAGE_OPTIONS[]; /* of a struct image_filter */
void image_defaults(void *options);

/* What the field, where `options` are silent, says about layout, size and channels; then the type
 * of its files. */
enum status image_given(struct filter_step *step, struct image_filter *options,
                        struct filter_type *given, struct error *err) must_check;
enum status image_build(struct filter_step *step, const struct image_filter *options, value_id in,
                        value_id *out, struct error *err) must_check;
