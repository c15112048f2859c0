// SPDX-License-Identifier: Apache-2.0
/* Shapes, and moving elements about. */
#include "importers/caffe2/internal.h"

/* 0 keeps a dimension, -1 takes what is left. The second output is the shape before. */
static enum status reshape(struct caffe2_call *c, struct error *err)
{
    int64_t *dims;
    size_t rank;

    TRY(caffe2_wants(c, 1, 2, err));
    TRY(caffe2_ints(c, "shape", &dims, &rank, err));
    if (c->op->output_count > 1)
        TRY(emit_1(c->e, "Shape", c->in[0], &c->out[1], err));
    if (c->op->input_count == 1)
        return emit_reshape(c->e, c->in[0], dims, rank, &c->out[0], err);
    TRY(emit_cast(c->e, c->in[1], DTYPE_I64, &c->in[1], err));
    return emit_2(c->e, "Reshape", c->in[0], c->in[1], &c->out[0], err);
}

static enum status flatten(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_node(c->e, "", "Flatten", EMIT(c->in[0]),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", caffe2_int(c, "axis", 1))),
                     &c->out[0], err);
}

static enum status flatten_all(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_reshape(c->e, c->in[0], (const int64_t[]){-1}, 1, &c->out[0], err);
}

static int64_t channel_axis(struct caffe2_call *c)
{
    bool last = caffe2_channels_last(c);

    return caffe2_int(c, "axis", last ? 3 : 1);
}

/* The second output, the sizes of the parts, is for training. */
static enum status concat(struct caffe2_call *c, struct error *err)
{
    int64_t axis = channel_axis(c);

    TRY(caffe2_wants(c, 1, CAFFE2_INPUTS_MAX, err));
    if (caffe2_int(c, "add_axis", 0))
        for (size_t i = 0; i < c->op->input_count; i++)
            TRY(emit_unsqueeze(c->e, c->in[i], axis, &c->in[i], err));
    return emit_concat(c->e, (struct emit_inputs){c->in, c->op->input_count}, axis, &c->out[0],
                       err);
}

static enum status split(struct caffe2_call *c, struct error *err)
{
    struct attribute attributes[2] = {attribute_of_int("axis", channel_axis(c))};
    int64_t *sizes;
    size_t count;
    value_id parts;

    TRY(caffe2_wants(c, 1, 1, err));
    TRY(caffe2_ints(c, "split", &sizes, &count, err));
    if (count) {
        if (count != c->op->output_count)
            return error_set(err, STATUS_INVALID_INPUT, "%zu sizes for %zu outputs", count,
                             c->op->output_count);
        TRY(emit_ints(c->e, sizes, count, &parts, err));
        return emit(c->e, "", "Split", (const value_id[]){c->in[0], parts}, 2, attributes, 1,
                    c->out, c->op->output_count, err);
    }
    attributes[1] = attribute_of_int("num_outputs", (int64_t)c->op->output_count);
    return emit(c->e, "", "Split", c->in, 1, attributes, 2, c->out, c->op->output_count, err);
}

static enum status transpose(struct caffe2_call *c, struct error *err)
{
    int64_t *axes;
    size_t count;

    TRY(caffe2_wants(c, 1, 1, err));
    TRY(caffe2_ints(c, "axes", &axes, &count, err));
    if (!count)
        return emit_1(c->e, "Transpose", c->in[0], &c->out[0], err);
    return emit_transpose(c->e, c->in[0], axes, count, &c->out[0], err);
}

static enum status to_first(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return caffe2_to_first(c, c->in[0], &c->out[0], err);
}

static enum status to_last(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return caffe2_to_last(c, c->in[0], &c->out[0], err);
}

static enum status dims_change(struct caffe2_call *c, const char *op, struct error *err)
{
    int64_t *dims;
    size_t count;
    value_id axes;

    TRY(caffe2_wants(c, 1, 1, err));
    TRY(caffe2_ints(c, "dims", &dims, &count, err));
    TRY(emit_ints(c->e, dims, count, &axes, err));
    return emit_2(c->e, op, c->in[0], axes, &c->out[0], err);
}

static enum status squeeze(struct caffe2_call *c, struct error *err)
{
    return dims_change(c, "Squeeze", err);
}

static enum status expand(struct caffe2_call *c, struct error *err)
{
    return dims_change(c, "Unsqueeze", err);
}

static enum status pad(struct caffe2_call *c, struct error *err)
{
    const struct caffe2_argument *mode = caffe2_argument(c, "mode");
    const char *name = mode && mode->has_s ? arena_text(c->keep, mode->s) : "constant";
    int64_t all = caffe2_int(c, "pad", 0), pads[8] = {0};
    value_id sides, value;

    TRY(caffe2_wants(c, 1, 1, err));
    if (!name)
        return error_no_memory(err, "a net");
    if (caffe2_channels_last(c) ||
        (strcmp(name, "constant") && strcmp(name, "reflect") && strcmp(name, "edge")))
        return error_set(err, STATUS_UNSUPPORTED, "padding of mode %.32s, or with channels last",
                         name);
    pads[2] = caffe2_int(c, "pad_t", all);
    pads[3] = caffe2_int(c, "pad_l", all);
    pads[6] = caffe2_int(c, "pad_b", all);
    pads[7] = caffe2_int(c, "pad_r", all);
    TRY(emit_ints(c->e, pads, ARRAY_COUNT(pads), &sides, err));
    TRY(emit_number(c->e, emit_dtype(c->e, c->in[0]), caffe2_float(c, "value", 0), &value, err));
    return emit_node(c->e, "", "Pad", EMIT(c->in[0], sides, value),
                     EMIT_ATTRIBUTES(attribute_of_text("mode", name)), &c->out[0], err);
}

static enum status resize(struct caffe2_call *c, struct error *err)
{
    float scales[4] = {1, 1, (float)caffe2_float(c, "height_scale", 1),
                       (float)caffe2_float(c, "width_scale", 1)};
    struct tensor tensor = {.dtype = DTYPE_F32, .shape = SHAPE(4)}, *copy;
    value_id factor;

    TRY(caffe2_wants(c, 1, 1, err));
    if (caffe2_channels_last(c) || !(scales[2] > 0) || !(scales[3] > 0))
        return error_set(err, STATUS_UNSUPPORTED, "channels last, or a factor that is not above 0");
    copy = arena_new(c->keep, struct tensor, 1);
    if (!copy)
        return error_no_memory(err, "a net");
    TRY(tensor_new(&tensor, DTYPE_F32, &tensor.shape, c->keep, err));
    memcpy(tensor.data, scales, sizeof scales);
    *copy = tensor;
    TRY(emit_constant(c->e, copy, &factor, err));
    return emit_node(
        c->e, "", "Resize", EMIT(c->in[0], VALUE_NONE, factor),
        EMIT_ATTRIBUTES(attribute_of_text("mode", "nearest"),
                        attribute_of_text("coordinate_transformation_mode", "asymmetric"),
                        attribute_of_text("nearest_mode", "floor")),
        &c->out[0], err);
}

const struct caffe2_op_set caffe2_ops_shape = CAFFE2_OP_SET(
    {"Reshape", reshape, NULL}, {"Flatten", flatten, NULL}, {"FlattenToVec", flatten_all, NULL},
    {"Concat", concat, NULL}, {"Split", split, NULL}, {"Transpose", transpose, NULL},
    {"NHWC2NCHW", to_first, NULL}, {"NCHW2NHWC", to_last, NULL}, {"Squeeze", squeeze, NULL},
    {"ExpandDims", expand, NULL}, {"PadImage", pad, NULL}, {"ResizeNearest", resize, NULL});
