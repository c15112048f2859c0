// SPDX-License-Identifier: Apache-2.0
#include "filters/image.h"

const struct filter filter_image = {
    .name = "image",
    .summary = "an image file (JPEG, PNG, WebP ...) as the tensor that the field takes",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct image_filter),
    .options = IMAGE_OPTIONS,
    .lone = "size",
    .defaults = image_defaults,
    .given = image_given,
    .build = image_build,
};
