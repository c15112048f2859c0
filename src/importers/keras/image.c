// SPDX-License-Identifier: Apache-2.0
/* Preprocessing of images, as it is in inference: Resizing, CenterCrop, AutoContrast; what is
 * random does nothing. */
#include <math.h>

#include "importers/keras/internal.h"

static enum status image_of(const struct call *c, struct image *image, struct error *err)
{
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank != 4)
        return error_set(err, STATUS_UNSUPPORTED, "images of %d dimensions", rank);
    image->rows = config_channels_first(c, 2) ? 2 : 1;
    image->columns = image->rows + 1;
    TRY(config_int(c, "height", NULL, &image->height, err));
    TRY(config_int(c, "width", NULL, &image->width, err));
    if (image->height < 1 || image->width < 1 || image->height > 1 << 16 || image->width > 1 << 16)
        return error_set(err, STATUS_INVALID_INPUT, "a size of %lld x %lld",
                         (long long)image->height, (long long)image->width);
    return STATUS_OK;
}

/* Integers are resized as floats; Keras 3 rounds them back. */
static enum status resizing(struct call *c, struct error *err)
{
    struct bytes interpolation = config_text_or(c, "interpolation", NULL, "bilinear");
    bool crop = config_bool_or(c, "crop_to_aspect_ratio", NULL, false);
    bool pad = config_bool_or(c, "pad_to_aspect_ratio", NULL, false);
    enum dtype own = emit_dtype(c->e, c->in[0].value);
    struct image image;
    value_id x;

    TRY(image_of(c, &image, err));
    if (!bytes_is(config_text_or(c, "fill_mode", NULL, "constant"), "constant"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'fill_mode' is not constant");
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    if (crop)
        TRY(image_crop(c, &image, &x, err));
    else if (pad)
        TRY(image_pad(c, &image, config_number_or(c, "fill_value", 0), &x, err));
    TRY(image_resize(c, &image, x, interpolation, config_bool_or(c, "antialias", NULL, false), &x,
                     err));
    if (!dtype_is_float(own) && c->k->generation > 2) {
        TRY(emit_1(c->e, "Round", x, &x, err));
        if (own == DTYPE_U8)
            TRY(emit_clip(c->e, x, 0, 255, &x, err));
        TRY(emit_cast(c->e, x, own, &x, err));
    }
    return call_give(c, x);
}

/* The middle; images that are too small are cut to the ratio and resized. */
static enum status center_crop(struct call *c, struct error *err)
{
    int64_t height, width, top, left;
    struct image image;
    value_id x;

    TRY(image_of(c, &image, err));
    TRY(call_dim(c, 0, image.rows, &height, err));
    TRY(call_dim(c, 0, image.columns, &width, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    if (height < image.height || width < image.width) {
        TRY(image_crop(c, &image, &x, err));
        TRY(image_resize(c, &image, x, bytes_of("bilinear"), false, &x, err));
        return call_give(c, x);
    }
    top = (height - image.height) / 2;
    left = (width - image.width) / 2;
    TRY(emit_slice(c->e, x, image.rows, top, top + image.height, 1, &x, err));
    TRY(emit_slice(c->e, x, image.columns, left, left + image.width, 1, &x, err));
    return call_give(c, x);
}

/* In inference tf.keras resizes to the size; Keras 3.7 and later leave the image as it is. */
static enum status random_crop(struct call *c, struct error *err)
{
    int64_t height, width;
    struct image image;
    value_id x = c->in[0].value;

    seen_keys(c, "height width");
    if (c->k->generation > 2 && c->k->minor >= 7)
        return call_give(c, x);
    TRY(image_of(c, &image, err));
    TRY(call_dim(c, 0, image.rows, &height, err));
    TRY(call_dim(c, 0, image.columns, &width, err));
    if (height == image.height && width == image.width)
        return call_give(c, x);
    if (c->k->generation > 2)
        return error_set(err, STATUS_UNSUPPORTED, "a RandomCrop of this version of Keras");
    TRY(emit_cast(c->e, x, c->dtype, &x, err));
    TRY(image_crop(c, &image, &x, err));
    TRY(image_resize(c, &image, x, bytes_of("bilinear"), false, &x, err));
    return call_give(c, x);
}

/* --- contrast --- */

/* From the darkest to the lightest of each channel; channels of one value stay. */
static enum status auto_contrast(struct call *c, struct error *err)
{
    static const double BYTES[2] = {0, 255};
    static const int64_t AXES[] = {1, 2};
    value_id original = c->in[0].value, x, low, high, scale, offset, none;
    double range[2];
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(value_range_of(c, range, err));
    if (rank != 4 || emit_dtype(c->e, original) != c->dtype)
        return error_set(err, STATUS_UNSUPPORTED, "images of %d dimensions, of %s", rank,
                         dtype_name(emit_dtype(c->e, original)));
    x = original;
    TRY(value_range_change(c, range, BYTES, &x, err));
    TRY(emit_reduce(c->e, "ReduceMin", x, AXES, 2, true, &low, err));
    TRY(emit_reduce(c->e, "ReduceMax", x, AXES, 2, true, &high, err));
    TRY(emit_number(c->e, c->dtype, 255, &scale, err));
    TRY(emit_2(c->e, "Sub", high, low, &high, err));
    TRY(emit_2(c->e, "Div", scale, high, &scale, err));
    TRY(emit_2(c->e, "Mul", low, scale, &offset, err));
    TRY(emit_2(c->e, "Mul", x, scale, &x, err));
    TRY(emit_2(c->e, "Sub", x, offset, &x, err));
    TRY(emit_clip(c->e, x, 0, 255, &x, err));
    TRY(value_range_change(c, BYTES, range, &x, err));
    TRY(emit_1(c->e, "IsNaN", x, &none, err));
    TRY(emit_where(c->e, none, original, x, &x, err));
    return call_give(c, x);
}

static enum status same(struct call *c, struct error *err)
{
    TRY(call_wants(c, 1, err));
    return call_give(c, c->in[0].value);
}

/* Layers one behind another. */
static enum status pipeline(struct call *c, struct error *err)
{
    const struct json *layers = config_get(c, "layers", NULL);
    struct keras_tensor x = c->in[0], out[LAYER_OUTPUTS_MAX];
    struct weights list, *own = c->weights;
    struct bytes name;
    const char *part;
    struct map seen;
    size_t count;

    TRY(call_wants(c, 1, err));
    if (!layers || layers->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "has no layers");
    map_init(&seen, c->k->keep);
    TRY(weights_part(c->k, own, "layers", &list, err));
    c->weights = &list;
    for (size_t i = 0; i < layers->count; i++) {
        part = json_string(json_get(&layers->items[i], "class_name"), &name)
                   ? arena_text(c->k->keep, name)
                   : "layer";
        part = part ? archive_name(c->k, &seen, part) : NULL;
        if (!part)
            return error_no_memory(err, "a layer");
        TRY(call_inner(c, &layers->items[i], part, &x, 1, out, &count, err));
        x = out[0];
    }
    c->weights = own;
    weights_part_end(own, &list);
    return call_add(c, x.value, x.mask, err);
}

#define NOTHING(name_)                                                                             \
    {                                                                                              \
        .name = name_, .lower = same, .any_dtype = true, .idle = true                              \
    }

const struct layer_set layers_image = LAYER_SET(
    {.name = "Resizing", .lower = resizing}, {.name = "CenterCrop", .lower = center_crop},
    {.name = "RandomCrop", .lower = random_crop}, {.name = "AutoContrast", .lower = auto_contrast},
    {.name = "Pipeline", .lower = pipeline, .any_dtype = true}, NOTHING("AugMix"),
    NOTHING("CutMix"), NOTHING("Equalization"), NOTHING("MaxNumBoundingBoxes"), NOTHING("MixUp"),
    NOTHING("RandAugment"), NOTHING("RandomBrightness"), NOTHING("RandomColorDegeneration"),
    NOTHING("RandomColorJitter"), NOTHING("RandomContrast"), NOTHING("RandomElasticTransform"),
    NOTHING("RandomErasing"), NOTHING("RandomFlip"), NOTHING("RandomGaussianBlur"),
    NOTHING("RandomGrayscale"), NOTHING("RandomHue"), NOTHING("RandomInvert"),
    NOTHING("RandomPerspective"), NOTHING("RandomPosterization"), NOTHING("RandomRotation"),
    NOTHING("RandomSaturation"), NOTHING("RandomSharpness"), NOTHING("RandomShear"),
    NOTHING("RandomTranslation"), NOTHING("RandomZoom"), NOTHING("Solarization"), );
