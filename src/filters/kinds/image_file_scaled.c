// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter for Keras: stretched with Lanczos, channels as many as the field has, divided by
 * 255. Legacy: channels first are not moved, bytes are only called otherwise, as it was. */
#include "filters/image.h"

struct options {
    struct image_filter image;
    bool legacy;
};

static const struct filter_option OPTIONS[] = {
    {"layout", FILTER_CHOICE, offsetof(struct options, image.layout),
     "NHWC, NCHW, HWC, CHW, NHW, HW, flat (what the field says)", 0, 0, IMAGE_LAYOUTS},
    {"size", FILTER_NUMBERS, offsetof(struct options, image.size),
     "height and width (what the field says)", 1, IMAGE_SIDE_MAX, NULL},
    {"interpolation", FILTER_CHOICE, offsetof(struct options, image.interpolation),
     "nearest, bilinear, bicubic, area, lanczos, as Pillow (lanczos)", 0, 0, IMAGE_INTERPOLATIONS},
    {"legacy", FILTER_BOOL, offsetof(struct options, legacy),
     "channels first are reshaped, not transposed (false)", 0, 0, NULL},
    {0},
};

static void defaults(void *options)
{
    struct options *o = options;

    image_defaults(&o->image);
    o->image.interpolation = IMAGE_LANCZOS;
    o->image.scale = 1.0 / 255;
}

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct options *o = step->options;
    const struct shape *field = &step->wanted.shape;

    o->image.reshape = o->legacy;
    if (o->legacy && field->rank == 4 && field->dims[1] >= 0 && field->dims[2] >= 0 &&
        field->dims[3] >= 0 &&
        (field->dims[1] <= 4 ? field->dims[2] != field->dims[3] : field->dims[1] != field->dims[2]))
        return filter_error(step, err,
                            "legacy swaps the sides of a field that is not square, which nothing "
                            "can be made of; leave legacy out");
    return image_given(step, given, err);
}

const struct filter filter_image_file_scaled = {
    .name = "ImageFileToNormAndScaledNPArrayFilter",
    .alias = "i_img_file_to_ns_arr.ImageFileToNormAndScaledNPArrayFilter",
    .summary = "0Mind: an image of the field's size, from 0 to 1",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .defaults = defaults,
    .given = given,
    .build = image_build,
};
