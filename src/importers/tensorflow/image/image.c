// SPDX-License-Identifier: Apache-2.0
/* Images: sizes, places, boxes. (N, H, W, C) throughout. */
#include "importers/tensorflow/internal.h"

/* --- sizes --- */

static enum status resize(struct tf_call *c, const char *method, struct error *err)
{
    bool nearest = !strcmp(method, "nearest"), corners, half;
    value_id x = c->in[0], y;

    TRY(tf_bool(c->node, "align_corners", false, &corners, err));
    TRY(tf_bool(c->node, "half_pixel_centers", false, &half, err));
    if (!nearest)
        TRY(emit_cast(c->e, x, DTYPE_F32, &x, err));
    TRY(emit_node(c->e, "firn", "ResizeImage", EMIT(x, c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_text("method", method),
                                  attribute_of_int("corners", corners),
                                  attribute_of_int("half", half)),
                  &y, err));
    return tf_give(c, y);
}

static enum status resize_bilinear(struct tf_call *c, struct error *err)
{
    return resize(c, "bilinear", err);
}

static enum status resize_nearest(struct tf_call *c, struct error *err)
{
    return resize(c, "nearest", err);
}

static enum status resize_bicubic(struct tf_call *c, struct error *err)
{
    return resize(c, "bicubic", err);
}

static enum status resize_area(struct tf_call *c, struct error *err)
{
    return resize(c, "area", err);
}

static enum status scale_translate(struct tf_call *c, struct error *err)
{
    struct attribute attributes[2];
    struct bytes kernel;
    bool antialias;
    value_id x, y;

    TRY(tf_bool(c->node, "antialias", true, &antialias, err));
    TRY(tf_string(c->node, "kernel_type", "lanczos3", &kernel, err));
    TRY(emit_cast(c->e, c->in[0], DTYPE_F32, &x, err));
    attributes[0] = attribute_of_int("antialias", antialias);
    attributes[1] = (struct attribute){.name = "kernel", .kind = ATTRIBUTE_STRING, .count = 1};
    attributes[1].s = kernel;
    TRY(emit(c->e, "firn", "ScaleTranslate", (value_id[]){x, c->in[1], c->in[2], c->in[3]}, 4,
             attributes, 2, &y, 1, err));
    return tf_give(c, y);
}

static enum status glimpse(struct tf_call *c, int64_t version, struct error *err)
{
    bool centred, normalised, uniform;
    struct bytes noise;
    value_id y;

    TRY(tf_bool(c->node, "centered", true, &centred, err));
    TRY(tf_bool(c->node, "normalized", true, &normalised, err));
    TRY(tf_bool(c->node, "uniform_noise", true, &uniform, err));
    TRY(tf_string(c->node, "noise", "uniform", &noise, err));
    if (uniform && !bytes_is(noise, "uniform"))
        return error_set(err, STATUS_INVALID_INPUT, "has two kinds of noise");
    TRY(emit_node(c->e, "firn", "ExtractGlimpse", EMIT(c->in[0], c->in[1], c->in[2]),
                  EMIT_ATTRIBUTES(attribute_of_int("version", version),
                                  attribute_of_int("centred", centred),
                                  attribute_of_int("normalised", normalised),
                                  attribute_of_int("noise", !bytes_is(noise, "zero"))),
                  &y, err));
    return tf_give(c, y);
}

static enum status glimpse_1(struct tf_call *c, struct error *err)
{
    return glimpse(c, 1, err);
}

static enum status glimpse_2(struct tf_call *c, struct error *err)
{
    return glimpse(c, 2, err);
}

const struct tf_op_set tf_ops_image =
    TF_OP_SET({.name = "ResizeBilinear", .lower = resize_bilinear, .inputs = 2},
              {.name = "ResizeNearestNeighbor", .lower = resize_nearest, .inputs = 2},
              {.name = "ResizeBicubic", .lower = resize_bicubic, .inputs = 2},
              {.name = "ResizeArea", .lower = resize_area, .inputs = 2},
              {.name = "ScaleAndTranslate", .lower = scale_translate, .inputs = 4},
              {.name = "ExtractGlimpse", .lower = glimpse_1, .inputs = 3},
              {.name = "ExtractGlimpseV2", .lower = glimpse_2, .inputs = 3}, );
