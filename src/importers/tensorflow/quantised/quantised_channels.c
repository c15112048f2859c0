// SPDX-License-Identifier: Apache-2.0
/* Integers of ranges: a range for each channel, and images of them.
 * Source: tensorflow/core/kernels/{mkl/mkl_requanti*_per_channel_op,quantized_*}.cc. */
#include <float.h>
#include <math.h>

#include "importers/tensorflow/internal.h"

/* qint32, channels last, and lists of their least and most: the integers, and the larger end. */
static enum status channels(struct tf_call *c, int most, value_id *x, value_id *end,
                            struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[0]);
    value_id ends[2];

    if (emit_dtype(c->e, c->in[0]) != DTYPE_QI32)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, c->in[0])));
    if (shape->rank < 4 || shape->rank > most)
        return error_set(err, STATUS_UNSUPPORTED, "an image of %d dimensions", shape->rank);
    for (int i = 0; i < 2; i++) {
        const struct shape *list = emit_shape(c->e, c->in[1 + i]);

        if (list->rank != 1 || !dim_is_known(list->dims[0]) ||
            list->dims[0] != shape->dims[shape->rank - 1])
            return error_set(err, STATUS_UNSUPPORTED, "no range for each of its channels");
        TRY(emit_1(c->e, "Abs", c->in[1 + i], &ends[i], err));
    }
    TRY(emit_2(c->e, "Max", ends[0], ends[1], end, err));
    return tf_bitcast(c->e, c->in[0], DTYPE_I32, x, err);
}

/* x, mins, maxs, min and max of the result */
static enum status requantize(struct tf_call *c, struct error *err)
{
    enum dtype to;
    value_id x, y, scale, ends[2], number;
    bool is_signed;

    TRY(tf_type(c->node, "out_type", &to, err));
    is_signed = to == DTYPE_QI8;
    if (to != DTYPE_NONE && to != DTYPE_QU8 && !is_signed)
        return error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(to));
    TRY(channels(c, 5, &x, &scale, err));
    for (int i = 0; i < 2; i++)
        TRY(emit_1(c->e, "Abs", c->in[3 + i], &ends[i], err));
    TRY(emit_2(c->e, "Max", ends[0], ends[1], &ends[0], err));
    TRY(emit_2(c->e, "Div", scale, ends[0], &scale, err));
    TRY(emit_number(c->e, DTYPE_F32, 0x1p-31, &number, err));
    TRY(emit_2(c->e, "Mul", scale, number, &scale, err));
    TRY(emit_number(c->e, DTYPE_F32, is_signed ? 127 : 255, &number, err));
    TRY(emit_2(c->e, "Mul", scale, number, &scale, err));
    TRY(emit_cast(c->e, x, DTYPE_F32, &y, err));
    TRY(emit_2(c->e, "Mul", y, scale, &y, err));
    TRY(emit_1(c->e, "Round", y, &y, err));
    TRY(emit_clip(c->e, y, is_signed ? -128 : 0, is_signed ? 127 : 255, &y, err));
    TRY(emit_cast(c->e, y, is_signed ? DTYPE_I8 : DTYPE_U8, &y, err));
    TRY(tf_bitcast(c->e, y, is_signed ? DTYPE_QI8 : DTYPE_QU8, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, c->in[3], err));
    return tf_add(c, c->in[4], err);
}

/* x, mins, maxs: what of the ranges the integers make use of, below clip_value_max */
static enum status range_of(struct tf_call *c, struct error *err)
{
    static const int64_t ROWS[] = {0, 1, 2}, CHANNEL[] = {0};
    value_id x, end, ends[2], least, number, low, high;
    double most;

    TRY(tf_float(c->node, "clip_value_max", INFINITY, &most, err));
    TRY(channels(c, 4, &x, &end, err));
    TRY(emit_reduce(c->e, "ReduceMin", x, ROWS, 3, false, &ends[0], err));
    TRY(emit_reduce(c->e, "ReduceMax", x, ROWS, 3, false, &ends[1], err));
    TRY(emit_reduce(c->e, "ReduceMin", ends[0], CHANNEL, 1, false, &least, err));
    for (int i = 0; i < 2; i++)
        TRY(emit_1(c->e, "Abs", ends[i], &ends[i], err));
    TRY(emit_2(c->e, "Max", ends[0], ends[1], &high, err));
    TRY(emit_cast(c->e, high, DTYPE_F32, &high, err));
    TRY(emit_2(c->e, "Mul", end, high, &high, err));
    TRY(emit_number(c->e, DTYPE_F32, 0x1p-31, &number, err));
    TRY(emit_2(c->e, "Mul", high, number, &high, err));
    TRY(emit_reduce(c->e, "ReduceMax", high, CHANNEL, 1, false, &high, err));
    TRY(emit_number(c->e, DTYPE_F32, (double)FLT_MIN, &number, err));
    TRY(emit_2(c->e, "Max", high, number, &high, err));
    TRY(emit_number(c->e, DTYPE_F32, most, &number, err));
    TRY(emit_2(c->e, "Min", high, number, &high, err));
    TRY(emit_1(c->e, "Neg", high, &low, err));
    TRY(emit_number(c->e, DTYPE_I32, 0, &number, err));
    TRY(emit_2(c->e, "Less", least, number, &least, err));
    TRY(emit_number(c->e, DTYPE_F32, 0, &number, err));
    TRY(emit_where(c->e, least, low, number, &low, err));
    TRY(tf_add(c, low, err));
    return tf_add(c, high, err);
}

/* image, size, min, max */
static enum status resize(struct tf_call *c, struct error *err)
{
    bool corners, half;
    value_id y;

    TRY(tf_bool(c->node, "align_corners", false, &corners, err));
    TRY(tf_bool(c->node, "half_pixel_centers", false, &half, err));
    if (corners && half)
        return error_set(err, STATUS_UNSUPPORTED, "align_corners and half_pixel_centers");
    TRY(emit_node(
        c->e, "firn", "QuantisedResize", EMIT(c->in[0], c->in[1]),
        EMIT_ATTRIBUTES(attribute_of_int("corners", corners), attribute_of_int("half", half)), &y,
        err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, c->in[2], err));
    return tf_add(c, c->in[3], err);
}

/* x, mean, variance, offset, scale, each with its min and max */
static enum status batch_norm(struct tf_call *c, struct error *err)
{
    struct attribute attributes[2];
    double epsilon;
    value_id y, low, high;
    enum dtype to;
    bool scales;

    TRY(tf_type(c->node, "out_type", &to, err));
    if (to != DTYPE_QI32)
        return error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(to));
    TRY(tf_float(c->node, "variance_epsilon", 0, &epsilon, err));
    TRY(tf_bool(c->node, "scale_after_normalization", false, &scales, err));
    attributes[0] = attribute_of_float("epsilon", epsilon);
    attributes[1] = attribute_of_int("scales", scales);
    TRY(emit(c->e, "firn", "QuantisedBatchNorm", c->in, 15, attributes, 2, &y, 1, err));
    TRY(emit_number(c->e, DTYPE_F32, -0x1p20, &low, err));
    TRY(emit_number(c->e, DTYPE_F32, 0x1p20, &high, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, low, err));
    return tf_add(c, high, err);
}

const struct tf_op_set tf_ops_quantised_channels = TF_OP_SET(
    {.name = "RequantizePerChannel", .lower = requantize, .inputs = 5},
    {.name = "RequantizationRangePerChannel", .lower = range_of, .inputs = 3},
    {.name = "QuantizedResizeBilinear", .lower = resize, .inputs = 4},
    {.name = "QuantizedBatchNormWithGlobalNormalization", .lower = batch_norm, .inputs = 15}, );
