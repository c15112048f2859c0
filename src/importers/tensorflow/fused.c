// SPDX-License-Identifier: Apache-2.0
/* What TensorFlow's own optimiser fuses: a product and the operators behind it. */
#include "importers/tensorflow/image/window.h"

enum { FUSED_MAX = 8, LIST_STRINGS = 2 };

/* --- fused_ops: names of operators, which take further inputs in order --- */

struct fused {
    struct bytes *ops;
    size_t count;
    size_t next; /* input */
    bool first;  /* channels first */
};

static enum status fused_read(const struct tf_call *c, struct fused *f, struct error *err)
{
    struct protobuf value, list;
    struct protobuf_field field;

    *f = (struct fused){.next = 2};
    TRY(tf_channels_first(c, &f->first, err));
    for (size_t i = 0; i < c->node->attribute_count; i++) {
        if (!bytes_is(c->node->attributes[i].name, "fused_ops"))
            continue;
        value = c->node->attributes[i].value;
        TRY(protobuf_next(&value, &field, err));
        if (!field.number)
            return STATUS_OK;
        TRY(protobuf_message(&field, &list, err));
        TRY(protobuf_all_bytes(&list, LIST_STRINGS, &f->ops, &f->count, c->l->keep, err));
    }
    if (f->count > FUSED_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu fused_ops", f->count);
    return STATUS_OK;
}

static enum status next_inputs(const struct tf_call *c, struct fused *f, value_id *values,
                               size_t count, struct error *err)
{
    if (c->in_count - f->next < count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, too few", c->in_count);
    for (size_t i = 0; i < count; i++)
        values[i] = c->in[f->next++];
    return STATUS_OK;
}

static enum status activation(struct tf_call *c, struct bytes name, value_id *y, struct error *err)
{
    static const char *const SAME[] = {"Relu", "Elu", "Tanh", "Sigmoid"};
    double alpha;

    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++)
        if (bytes_is(name, SAME[i]))
            return emit_1(c->e, SAME[i], *y, y, err);
    if (bytes_is(name, "Relu6"))
        return emit_clip(c->e, *y, 0, 6, y, err);
    if (bytes_is(name, "LeakyRelu")) {
        TRY(tf_float(c->node, "leakyrelu_alpha", 0.2, &alpha, err));
        return emit_node(c->e, "", "LeakyRelu", EMIT(*y),
                         EMIT_ATTRIBUTES(attribute_of_float("alpha", alpha)), y, err);
    }
    if (bytes_is(name, "GeluExact") || bytes_is(name, "GeluApproximate"))
        return emit_node(c->e, "", "Gelu", EMIT(*y),
                         EMIT_ATTRIBUTES(attribute_of_text(
                             "approximate", bytes_is(name, "GeluExact") ? "none" : "tanh")),
                         y, err);
    return error_set(err, STATUS_UNSUPPORTED, "its fused_ops hold '%.*s'",
                     (int)(name.size < 40 ? name.size : 40), (const char *)name.data);
}

static enum status norm(struct tf_call *c, struct fused *f, value_id *y, struct error *err)
{
    struct tf_batch_norm n = {.x = *y, .first = f->first};
    value_id in[4];

    TRY(next_inputs(c, f, in, 4, err));
    TRY(tf_float(c->node, "epsilon", 1e-4, &n.epsilon, err));
    n.rank = emit_shape(c->e, *y)->rank;
    n.scale = in[0];
    n.offset = in[1];
    n.mean = in[2];
    n.variance = in[3];
    return tf_batch_norm_emit(c, &n, y, err);
}

/* Everything that is fused behind y. */
static enum status follow(struct tf_call *c, struct fused *f, value_id y, struct error *err)
{
    value_id other;

    for (size_t i = 0; i < f->count; i++) {
        if (bytes_is(f->ops[i], "BiasAdd")) {
            TRY(next_inputs(c, f, &other, 1, err));
            TRY(tf_bias_emit(c, y, other, f->first, &y, err));
        } else if (bytes_is(f->ops[i], "Add")) {
            TRY(next_inputs(c, f, &other, 1, err));
            TRY(emit_2(c->e, "Add", y, other, &y, err));
        } else if (bytes_is(f->ops[i], "FusedBatchNorm")) {
            TRY(norm(c, f, &y, err));
        } else {
            TRY(activation(c, f->ops[i], &y, err));
        }
    }
    return tf_give(c, y);
}

/* --- the products --- */

static enum status convolution(struct tf_call *c, int spatial, bool depthwise, struct error *err)
{
    struct fused f;

    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(fused_read(c, &f, err));
    TRY(tf_convolution(c, spatial, depthwise, err));
    return follow(c, &f, c->out[0], err);
}

static enum status conv_2d(struct tf_call *c, struct error *err)
{
    return convolution(c, 2, false, err);
}

static enum status conv_3d(struct tf_call *c, struct error *err)
{
    return convolution(c, 3, false, err);
}

static enum status depthwise(struct tf_call *c, struct error *err)
{
    return convolution(c, 2, true, err);
}

static enum status mat_mul(struct tf_call *c, struct error *err)
{
    static const int64_t TURN[] = {1, 0};
    static const char *const NAMES[] = {"transpose_a", "transpose_b"};
    value_id in[2], y;
    struct fused f;
    bool turned;

    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(fused_read(c, &f, err));
    for (size_t i = 0; i < 2; i++) {
        in[i] = c->in[i];
        TRY(tf_bool(c->node, NAMES[i], false, &turned, err));
        if (turned)
            TRY(emit_transpose(c->e, in[i], TURN, 2, &in[i], err));
    }
    TRY(emit_2(c->e, "MatMul", in[0], in[1], &y, err));
    return follow(c, &f, y, err);
}

/* --- paddings in front: of several images TensorFlow's kernels convolve the first one again and
 * again, so that only one alone is served --- */

static enum status padded(struct tf_call *c, value_id x, size_t pads_at, struct error *err)
{
    static const int64_t TURN[] = {1, 0}, LIST[] = {-1};
    struct tf_call plain = *c;
    value_id pads, in[2];
    struct bytes mode;
    bool symmetric;

    if (emit_shape(c->e, x)->rank != 4 || emit_shape(c->e, x)->dims[0] != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its batch is not known to be one image");
    TRY(tf_string(c->node, "mode", "", &mode, err));
    symmetric = bytes_is(mode, "SYMMETRIC");
    if (!symmetric && !bytes_is(mode, "REFLECT"))
        return error_set(err, STATUS_UNSUPPORTED, "its mode is neither REFLECT nor SYMMETRIC");
    TRY(tf_index(c, pads_at, &pads, err));
    TRY(emit_transpose(c->e, pads, TURN, 2, &pads, err));
    TRY(emit_reshape(c->e, pads, LIST, 1, &pads, err));
    TRY(emit_node(c->e, "", "Pad", EMIT(x, pads),
                  EMIT_ATTRIBUTES(attribute_of_text("mode", symmetric ? "symmetric" : "reflect")),
                  &in[0], err));
    in[1] = c->in[pads_at + 1];
    plain.in = in;
    plain.in_count = 2;
    TRY(tf_convolution(&plain, 2, false, err));
    return tf_give(c, plain.out[0]);
}

static enum status pad_conv(struct tf_call *c, struct error *err)
{
    return padded(c, c->in[0], 1, err);
}

static enum status resize_pad_conv(struct tf_call *c, struct error *err)
{
    bool corners;
    value_id x;

    TRY(tf_bool(c->node, "resize_align_corners", false, &corners, err));
    TRY(emit_node(c->e, "firn", "ResizeImage", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_text("method", "bilinear"),
                                  attribute_of_int("corners", corners)),
                  &x, err));
    return padded(c, x, 2, err);
}

const struct tf_op_set tf_ops_fused = TF_OP_SET(
    {.name = "_FusedConv2D", .lower = conv_2d}, {.name = "_FusedConv3D", .lower = conv_3d},
    {.name = "_FusedDepthwiseConv2dNative", .lower = depthwise},
    {.name = "_FusedMatMul", .lower = mat_mul},
    {.name = "FusedPadConv2D", .lower = pad_conv, .inputs = 3},
    {.name = "FusedResizeAndPadConv2D", .lower = resize_pad_conv, .inputs = 4}, );
