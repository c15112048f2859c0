// SPDX-License-Identifier: Apache-2.0
/* Image files as tensors: what the filter `image` and its presets share. */
#pragma once

#include "filters/filter.h"

enum { IMAGE_SIDE_MAX = 1 << 14 };
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

enum image_interpolation {
    IMAGE_NEAREST,
    IMAGE_BILINEAR,
    IMAGE_BICUBIC,
    IMAGE_AREA,
    IMAGE_LANCZOS
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
/* Choices of an image_layout and an image_interpolation. */
extern const char *const IMAGE_LAYOUTS[], *const IMAGE_INTERPOLATIONS[];
void image_defaults(void *options);

/* --- of filters whose options are a struct image_filter, or begin with one --- */

/* What the field, where the options are silent, says about layout, size and channels; then the
 * type of its files. */
enum status image_given(struct filter_step *step, struct filter_type *given, struct error *err)
    must_check;
enum status image_build(struct filter_step *step, value_id in, value_id *out, struct error *err)
    must_check;
