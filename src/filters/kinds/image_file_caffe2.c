// SPDX-License-Identifier: Apache-2.0
/* 0Mind's filter for Caffe2: the shorter side fits, the middle is cut out, less 128, channels
 * first, blue first as Caffe's models are trained. Legacy: red first, and height and width of the
 * field in each other's place, as it was. */
#include "filters/image.h"

struct options {
    struct image_filter image;
    bool legacy;
};

static const struct filter_option OPTIONS[] = {
    {"channels", FILTER_CHOICE, offsetof(struct options, image.channels), "BGR or RGB (BGR)", 0, 0,
     (const char *const[]){"field", "RGB", "BGR", NULL}},
    {"mean", FILTER_NUMBERS, offsetof(struct options, image.mean),
     "what is subtracted: one number or one a channel (128)", 0, 0, NULL},
    {"interpolation", FILTER_CHOICE, offsetof(struct options, image.interpolation),
     "nearest, bilinear, bicubic, area, lanczos, as Pillow (bilinear)", 0, 0, IMAGE_INTERPOLATIONS},
    {"legacy", FILTER_BOOL, offsetof(struct options, legacy),
     "red first, sides of the field swapped (false)", 0, 0, NULL},
    {0},
};

static void defaults(void *options)
{
    struct options *o = options;
    static double mean[] = {128};

    image_defaults(&o->image);
    o->image.aspect = IMAGE_CROP;
    o->image.mean = (struct filter_numbers){mean, 1};
}

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct options *o = step->options;
    const struct shape *field = &step->wanted.shape;

    o->image.layout = field->rank == 3 ? IMAGE_CHW : IMAGE_NCHW;
    if (o->image.channels == IMAGE_ORDER_OF_FIELD)
        o->image.channels = o->legacy ? IMAGE_RGB : IMAGE_BGR;
    if (o->legacy && field->rank >= 2 &&
        field->dims[field->rank - 2] != field->dims[field->rank - 1])
        return filter_error(step, err,
                            "legacy swaps the sides of a field that is not square, and its model "
                            "then refuses the image; leave legacy out");
    return image_given(step, given, err);
}

const struct filter filter_image_file_caffe2 = {
    .name = "ImageFileCaffe2Filter",
    .alias = "i_img_file_to_caffe2.ImageFileCaffe2Filter",
    .summary = "0Mind: an image for a model of Caffe, cut out of the middle, less 128",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .defaults = defaults,
    .given = given,
    .build = image_build,
};
