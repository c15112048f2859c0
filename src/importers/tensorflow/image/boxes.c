// SPDX-License-Identifier: Apache-2.0
/* Boxes: those that do not overlap, crops of images, outlines. */
#include <float.h>

#include "importers/tensorflow/internal.h"

/* --- NonMaxSuppression --- */

struct suppression {
    value_id overlap, score, sigma; /* scalars; VALUE_NONE: as if there were none */
    bool are_overlaps, pad;
};

/* The lowest number of a type: every score is above it but -infinity. */
static double lowest(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F16:
        return -65504;
    case DTYPE_BF16:
        return -0x1.fep127;
    case DTYPE_F64:
        return -DBL_MAX;
    default:
        return (double)-FLT_MAX;
    }
}

/* indices, scores, how many */
static enum status suppress(struct tf_call *c, struct suppression *s, value_id y[3],
                            struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[1]);
    value_id in[6] = {c->in[0], c->in[1], c->in[2]};

    if (s->score == VALUE_NONE)
        TRY(emit_number(c->e, dtype, lowest(dtype), &s->score, err));
    if (s->sigma == VALUE_NONE)
        TRY(emit_number(c->e, dtype, 0, &s->sigma, err));
    TRY(emit_cast(c->e, s->overlap, dtype, &in[3], err));
    TRY(emit_cast(c->e, s->score, dtype, &in[4], err));
    TRY(emit_cast(c->e, s->sigma, dtype, &in[5], err));
    return emit(c->e, "firn", "BoxSuppression", in, 6,
                (struct attribute[]){attribute_of_int("overlaps", s->are_overlaps),
                                     attribute_of_int("pad", s->pad)},
                2, y, 3, err);
}

static enum status suppression_1(struct tf_call *c, struct error *err)
{
    struct suppression s = {.score = VALUE_NONE, .sigma = VALUE_NONE};
    double threshold;
    value_id y[3];

    TRY(tf_float(c->node, "iou_threshold", 0.5, &threshold, err));
    TRY(emit_number(c->e, emit_dtype(c->e, c->in[1]), threshold, &s.overlap, err));
    TRY(suppress(c, &s, y, err));
    return tf_give(c, y[0]);
}

static enum status suppression_2(struct tf_call *c, struct error *err)
{
    struct suppression s = {.overlap = c->in[3], .score = VALUE_NONE, .sigma = VALUE_NONE};
    value_id y[3];

    TRY(suppress(c, &s, y, err));
    return tf_give(c, y[0]);
}

static enum status suppression_3(struct tf_call *c, struct error *err)
{
    struct suppression s = {.overlap = c->in[3], .score = c->in[4], .sigma = VALUE_NONE};
    value_id y[3];

    TRY(suppress(c, &s, y, err));
    return tf_give(c, y[0]);
}

static enum status suppression_4(struct tf_call *c, struct error *err)
{
    struct suppression s = {.overlap = c->in[3], .score = c->in[4], .sigma = VALUE_NONE};
    value_id y[3];

    TRY(tf_bool(c->node, "pad_to_max_output_size", false, &s.pad, err));
    TRY(suppress(c, &s, y, err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[2], err);
}

static enum status suppression_5(struct tf_call *c, struct error *err)
{
    struct suppression s = {.overlap = c->in[3], .score = c->in[4], .sigma = c->in[5]};
    value_id y[3];

    TRY(tf_bool(c->node, "pad_to_max_output_size", false, &s.pad, err));
    TRY(suppress(c, &s, y, err));
    for (size_t i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status suppression_overlaps(struct tf_call *c, struct error *err)
{
    struct suppression s = {.overlap = c->in[3], .score = c->in[4], .sigma = VALUE_NONE};
    value_id y[3];

    s.are_overlaps = true;
    TRY(suppress(c, &s, y, err));
    return tf_give(c, y[0]);
}

static enum status suppression_combined(struct tf_call *c, struct error *err)
{
    bool pad, clip;
    value_id y[4];

    TRY(tf_bool(c->node, "pad_per_class", false, &pad, err));
    TRY(tf_bool(c->node, "clip_boxes", true, &clip, err));
    TRY(emit(c->e, "firn", "CombinedBoxSuppression", c->in, 6,
             (struct attribute[]){attribute_of_int("pad_per_class", pad),
                                  attribute_of_int("clip", clip)},
             2, y, 4, err));
    for (size_t i = 0; i < 4; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

/* --- images --- */

static enum status crop_and_resize(struct tf_call *c, struct error *err)
{
    struct bytes method;
    double outside;
    value_id x, boxes, y;
    bool nearest;

    TRY(tf_string(c->node, "method", "bilinear", &method, err));
    TRY(tf_float(c->node, "extrapolation_value", 0, &outside, err));
    nearest = bytes_is(method, "nearest");
    if (!nearest && !bytes_is(method, "bilinear"))
        return error_set(err, STATUS_UNSUPPORTED, "its method is neither bilinear nor nearest");
    TRY(emit_cast(c->e, c->in[0], DTYPE_F32, &x, err));
    TRY(emit_cast(c->e, c->in[1], DTYPE_F32, &boxes, err));
    TRY(emit_node(c->e, "firn", "CropResize", EMIT(x, boxes, c->in[2], c->in[3]),
                  EMIT_ATTRIBUTES(attribute_of_int("nearest", nearest),
                                  attribute_of_float("outside", outside)),
                  &y, err));
    return tf_give(c, y);
}

static enum status draw_with(struct tf_call *c, value_id colours, struct error *err)
{
    value_id boxes, y;

    TRY(emit_cast(c->e, c->in[1], DTYPE_F32, &boxes, err));
    TRY(emit_node(c->e, "firn", "DrawBoxes", EMIT(c->in[0], boxes, colours), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status draw_boxes_2(struct tf_call *c, struct error *err)
{
    return draw_with(c, c->in[2], err);
}

/* No colours: the operator's own. */
static enum status draw_boxes(struct tf_call *c, struct error *err)
{
    struct tensor none = {DTYPE_F32, SHAPE(0, 4), NULL, NULL};
    value_id colours;

    TRY(emit_constant(c->e, &none, &colours, err));
    return draw_with(c, colours, err);
}

static enum status projective(struct tf_call *c, value_id outside, struct error *err)
{
    struct bytes interpolation, fill;
    struct attribute attributes[2];
    bool linear;
    value_id y;

    TRY(tf_string(c->node, "interpolation", "", &interpolation, err));
    TRY(tf_string(c->node, "fill_mode", "CONSTANT", &fill, err));
    linear = bytes_is(interpolation, "BILINEAR");
    if (!linear && !bytes_is(interpolation, "NEAREST"))
        return error_set(err, STATUS_UNSUPPORTED, "its interpolation is not known");
    attributes[0] = attribute_of_int("linear", linear);
    attributes[1] = (struct attribute){.name = "fill", .kind = ATTRIBUTE_STRING, .count = 1};
    attributes[1].s = fill;
    TRY(emit(c->e, "firn", "ProjectiveTransform",
             (value_id[]){c->in[0], c->in[1], c->in[2], outside}, 4, attributes, 2, &y, 1, err));
    return tf_give(c, y);
}

static enum status projective_2(struct tf_call *c, struct error *err)
{
    value_id outside;

    TRY(emit_number(c->e, DTYPE_F32, 0, &outside, err));
    return projective(c, outside, err);
}

static enum status projective_3(struct tf_call *c, struct error *err)
{
    return projective(c, c->in[3], err);
}

const struct tf_op_set tf_ops_boxes =
    TF_OP_SET({.name = "NonMaxSuppression", .lower = suppression_1, .inputs = 3},
              {.name = "NonMaxSuppressionV2", .lower = suppression_2, .inputs = 4},
              {.name = "NonMaxSuppressionV3", .lower = suppression_3, .inputs = 5},
              {.name = "NonMaxSuppressionV4", .lower = suppression_4, .inputs = 5},
              {.name = "NonMaxSuppressionV5", .lower = suppression_5, .inputs = 6},
              {.name = "NonMaxSuppressionWithOverlaps", .lower = suppression_overlaps, .inputs = 5},
              {.name = "CombinedNonMaxSuppression", .lower = suppression_combined, .inputs = 6},
              {.name = "CropAndResize", .lower = crop_and_resize, .inputs = 4},
              {.name = "DrawBoundingBoxes", .lower = draw_boxes, .inputs = 2},
              {.name = "DrawBoundingBoxesV2", .lower = draw_boxes_2, .inputs = 3},
              {.name = "ImageProjectiveTransformV2", .lower = projective_2, .inputs = 3},
              {.name = "ImageProjectiveTransformV3", .lower = projective_3, .inputs = 4}, );
