// SPDX-License-Identifier: Apache-2.0
/* Colours of images. */
#include "importers/tensorflow/internal.h"

static enum status private_op(struct tf_call *c, const char *op, size_t inputs, struct error *err)
{
    value_id y;

    TRY(emit(c->e, "firn", op, c->in, inputs, NULL, 0, &y, 1, err));
    return tf_give(c, y);
}

static enum status to_hsv(struct tf_call *c, struct error *err)
{
    return private_op(c, "RgbToHsv", 1, err);
}

static enum status to_rgb(struct tf_call *c, struct error *err)
{
    return private_op(c, "HsvToRgb", 1, err);
}

static enum status adjust_hue(struct tf_call *c, struct error *err)
{
    return private_op(c, "AdjustHue", 2, err);
}

static enum status adjust_saturation(struct tf_call *c, struct error *err)
{
    return private_op(c, "AdjustSaturation", 2, err);
}

/* (x - mean) * factor + mean, where the mean is of a channel of an image. */
static enum status contrast_of(struct tf_call *c, value_id x, value_id *y, struct error *err)
{
    value_id mean;

    TRY(emit_reduce(c->e, "ReduceMean", x, (const int64_t[]){-3, -2}, 2, true, &mean, err));
    TRY(emit_2(c->e, "Sub", x, mean, y, err));
    TRY(emit_2(c->e, "Mul", *y, c->in[1], y, err));
    return emit_2(c->e, "Add", *y, mean, y, err);
}

static enum status adjust_contrast(struct tf_call *c, struct error *err)
{
    value_id x, y;

    TRY(emit_cast(c->e, c->in[0], DTYPE_F32, &x, err));
    TRY(contrast_of(c, x, &y, err));
    TRY(emit_cast(c->e, y, emit_dtype(c->e, c->in[0]), &y, err));
    return tf_give(c, y);
}

/* The old form: bounds, and floats of anything. */
static enum status adjust_contrast_old(struct tf_call *c, struct error *err)
{
    value_id x, y;

    TRY(emit_cast(c->e, c->in[0], DTYPE_F32, &x, err));
    TRY(contrast_of(c, x, &y, err));
    TRY(emit_2(c->e, "Min", y, c->in[3], &y, err));
    TRY(emit_2(c->e, "Max", y, c->in[2], &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_colour =
    TF_OP_SET({.name = "RGBToHSV", .lower = to_hsv, .inputs = 1},
              {.name = "HSVToRGB", .lower = to_rgb, .inputs = 1},
              {.name = "AdjustHue", .lower = adjust_hue, .inputs = 2},
              {.name = "AdjustSaturation", .lower = adjust_saturation, .inputs = 2},
              {.name = "AdjustContrastv2", .lower = adjust_contrast, .inputs = 2},
              {.name = "AdjustContrast", .lower = adjust_contrast_old, .inputs = 4}, );
