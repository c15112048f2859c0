// SPDX-License-Identifier: Apache-2.0
#include "filters/image.h"

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    return image_given(step, step->options, given, err);
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    return image_build(step, step->options, in, out, err);
}

const struct filter filter_image = {
    .name = "image",
    .summary = "an image file (JPEG, PNG, WebP ...) as the tensor that the field takes",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct image_filter),
    .options = IMAGE_OPTIONS,
    .lone = "size",
    .defaults = image_defaults,
    .given = given,
    .build = build,
};
