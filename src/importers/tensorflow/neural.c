// SPDX-License-Identifier: Apache-2.0
/* Convolutions, pools, biases, normalisation. Images have the channels last unless data_format says
 * otherwise; kernels are (kernel..., in, out). */
#include "importers/tensorflow/internal.h"

enum { SPATIAL_MAX = 3 };

struct geometry {
    int spatial;
    bool first, same, explicit_pads;
    int64_t strides[SPATIAL_MAX], dilations[SPATIAL_MAX], kernel[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX];
};

/* A list of one number a dimension, batch and channels among them. */
static enum status spatial_of(const struct tf_call *c, const char *name, const struct geometry *g,
                              int64_t *values, struct error *err)
{
    int64_t all[SPATIAL_MAX + 2];
    size_t count;
    int at = g->first ? 2 : 1;

    TRY(tf_ints(c->node, name, all, SPATIAL_MAX + 2, &count, c->l->keep, err));
    for (int i = 0; i < g->spatial; i++)
        values[i] = 1;
    if (!count)
        return STATUS_OK;
    if (count != (size_t)g->spatial + 2 || all[0] != 1 || all[g->first ? 1 : g->spatial + 1] != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its %s are not of the image alone", name);
    for (int i = 0; i < g->spatial; i++) {
        values[i] = all[at + i];
        if (values[i] < 1 || values[i] > 1 << 20)
            return error_set(err, STATUS_INVALID_INPUT, "its %s hold %lld", name,
                             (long long)values[i]);
    }
    return STATUS_OK;
}

static enum status explicit_pads(const struct tf_call *c, struct geometry *g, struct error *err)
{
    int64_t all[2 * (SPATIAL_MAX + 2)];
    size_t count;
    int at = g->first ? 4 : 2;

    TRY(tf_ints(c->node, "explicit_paddings", all, 2 * (SPATIAL_MAX + 2), &count, c->l->keep, err));
    if (count != 2 * ((size_t)g->spatial + 2))
        return error_set(err, STATUS_INVALID_INPUT, "has %zu explicit_paddings", count);
    for (int i = 0; i < g->spatial; i++) {
        g->pads[i] = all[at + 2 * i];
        g->pads[g->spatial + i] = all[at + 2 * i + 1];
    }
    g->explicit_pads = true;
    return STATUS_OK;
}

static enum status geometry_of(const struct tf_call *c, int spatial, struct geometry *g,
                               struct error *err)
{
    struct bytes format, padding;

    *g = (struct geometry){.spatial = spatial};
    TRY(tf_string(c->node, "data_format", "", &format, err));
    g->first = format.size > 1 && format.data[1] == 'C';
    TRY(tf_string(c->node, "padding", "VALID", &padding, err));
    g->same = bytes_is(padding, "SAME");
    TRY(spatial_of(c, "strides", g, g->strides, err));
    TRY(spatial_of(c, "dilations", g, g->dilations, err));
    if (bytes_is(padding, "EXPLICIT"))
        return explicit_pads(c, g, err);
    if (!g->same && !bytes_is(padding, "VALID"))
        return error_set(err, STATUS_UNSUPPORTED, "its padding is not known");
    return STATUS_OK;
}

static size_t attributes_of(const struct geometry *g, struct attribute *attributes)
{
    size_t n = (size_t)g->spatial, count = 0;

    attributes[count++] = attribute_of_ints("strides", g->strides, n);
    attributes[count++] = attribute_of_ints("dilations", g->dilations, n);
    attributes[count++] = g->same ? attribute_of_text("auto_pad", "SAME_UPPER")
                                  : attribute_of_ints("pads", g->pads, 2 * n);
    return count;
}

static enum status emit_image(struct tf_call *c, const struct geometry *g, const char *op,
                              const value_id *in, size_t in_count,
                              const struct attribute *attributes, size_t count, value_id *y,
                              struct error *err)
{
    char name[40];
    size_t size = strlen(op);

    memcpy(name, op, size);
    memcpy(name + size, g->first ? "" : "Nhwc", g->first ? 1 : 5);
    return emit(c->e, g->first ? "" : "firn", name, in, in_count, attributes, count, y, 1, err);
}

/* (kernel..., in, out) -> (out, in, kernel...) */
static enum status kernel_turn(struct tf_call *c, int spatial, size_t input, value_id *kernel,
                               struct error *err)
{
    int64_t perm[SPATIAL_MAX + 2] = {spatial + 1, spatial};

    for (int i = 0; i < spatial; i++)
        perm[i + 2] = i;
    return emit_transpose(c->e, c->in[input], perm, (size_t)spatial + 2, kernel, err);
}

static enum status convolution(struct tf_call *c, int spatial, struct error *err)
{
    const struct shape *kernel = emit_shape(c->e, c->in[1]), *x = emit_shape(c->e, c->in[0]);
    struct attribute attributes[4];
    value_id in[2] = {c->in[0], VALUE_NONE}, y;
    int64_t channels, group;
    struct geometry g;
    size_t count;

    TRY(geometry_of(c, spatial, &g, err));
    TRY(kernel_turn(c, spatial, 1, &in[1], err));
    count = attributes_of(&g, attributes);
    channels = x->rank == spatial + 2 ? x->dims[g.first ? 1 : spatial + 1] : -1;
    if (channels > 0 && kernel->rank == spatial + 2 && kernel->dims[spatial] > 0 &&
        channels != kernel->dims[spatial]) {
        group = channels / kernel->dims[spatial];
        attributes[count++] = attribute_of_int("group", group);
    }
    TRY(emit_image(c, &g, "Conv", in, 2, attributes, count, &y, err));
    return tf_give(c, y);
}

static enum status conv_2d(struct tf_call *c, struct error *err)
{
    return convolution(c, 2, err);
}

static enum status conv_3d(struct tf_call *c, struct error *err)
{
    return convolution(c, 3, err);
}

/* (rows, columns, in, multiplier) -> (in * multiplier, 1, rows, columns) */
static enum status depthwise(struct tf_call *c, struct error *err)
{
    static const int64_t PERM[] = {2, 3, 0, 1};
    const struct shape *kernel = emit_shape(c->e, c->in[1]);
    struct attribute attributes[4];
    value_id in[2] = {c->in[0], VALUE_NONE}, y;
    struct geometry g;
    size_t count;

    TRY(geometry_of(c, 2, &g, err));
    if (kernel->rank != 4 || !shape_is_known(kernel))
        return error_set(err, STATUS_UNSUPPORTED, "the shape of its filter is not known");
    TRY(emit_transpose(c->e, c->in[1], PERM, 4, &in[1], err));
    kernel = emit_shape(c->e, c->in[1]);
    TRY(emit_reshape(
        c->e, in[1],
        (const int64_t[]){kernel->dims[2] * kernel->dims[3], 1, kernel->dims[0], kernel->dims[1]},
        4, &in[1], err));
    count = attributes_of(&g, attributes);
    attributes[count++] = attribute_of_int("group", emit_shape(c->e, c->in[1])->dims[2]);
    TRY(emit_image(c, &g, "Conv", in, 2, attributes, count, &y, err));
    return tf_give(c, y);
}

/* The gradient of a convolution by its input, whose size is given: pads are what the convolution of
 * that size would have had. Its kernel is (kernel..., out, in) of this one. */
static enum status convolution_back(struct tf_call *c, int spatial, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[2]), *kernel = emit_shape(c->e, c->in[1]);
    int64_t sizes[SPATIAL_MAX + 2], output_padding[SPATIAL_MAX] = {0};
    struct attribute attributes[4];
    value_id in[2] = {c->in[2], VALUE_NONE}, y;
    struct geometry g;
    size_t count;
    int at;

    TRY(geometry_of(c, spatial, &g, err));
    TRY(tf_known_ints(c, 0, sizes, SPATIAL_MAX + 2, &count, err));
    at = g.first ? 2 : 1;
    if (g.explicit_pads || kernel->rank != spatial + 2 || !shape_is_known(kernel) ||
        x->rank != spatial + 2 || count != (size_t)spatial + 2)
        return error_set(err, STATUS_UNSUPPORTED, "its shapes are not known");
    for (int i = 0; i < spatial; i++) {
        int64_t reach = (kernel->dims[i] - 1) * g.dilations[i] + 1, whole, excess;

        if (x->dims[at + i] < 1)
            return error_set(err, STATUS_UNSUPPORTED, "the size of its input is not known");
        whole = (x->dims[at + i] - 1) * g.strides[i] + reach;
        excess = whole - sizes[at + i];
        output_padding[i] = excess < 0 ? -excess : 0;
        g.pads[i] = g.same && excess > 0 ? excess / 2 : 0;
        g.pads[spatial + i] = excess > 0 ? excess - g.pads[i] : 0;
    }
    g.same = false;
    TRY(kernel_turn(c, spatial, 1, &in[1], err));
    count = attributes_of(&g, attributes);
    attributes[count++] = attribute_of_ints("output_padding", output_padding, (size_t)spatial);
    TRY(emit_image(c, &g, "ConvTranspose", in, 2, attributes, count, &y, err));
    return tf_give(c, y);
}

static enum status conv_2d_back(struct tf_call *c, struct error *err)
{
    return convolution_back(c, 2, err);
}

static enum status conv_3d_back(struct tf_call *c, struct error *err)
{
    return convolution_back(c, 3, err);
}

static enum status pool(struct tf_call *c, const char *op, int spatial, struct error *err)
{
    struct attribute attributes[4];
    struct geometry g;
    size_t count;
    value_id y;

    TRY(geometry_of(c, spatial, &g, err));
    TRY(spatial_of(c, "ksize", &g, g.kernel, err));
    count = attributes_of(&g, attributes);
    attributes[count++] = attribute_of_ints("kernel_shape", g.kernel, (size_t)spatial);
    TRY(emit_image(c, &g, op, c->in, 1, attributes, count, &y, err));
    return tf_give(c, y);
}

#define POOL(verb, op, n)                                                                          \
    static enum status verb(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return pool(c, op, n, err);                                                                \
    }
POOL(max_pool, "MaxPool", 2)
POOL(max_pool_3d, "MaxPool", 3)
POOL(average_pool, "AveragePool", 2)
POOL(average_pool_3d, "AveragePool", 3)

static enum status bias_add(struct tf_call *c, struct error *err)
{
    struct bytes format;
    value_id bias = c->in[1], y;
    int rank;

    TRY(tf_string(c->node, "data_format", "NHWC", &format, err));
    TRY(tf_rank(c, 0, &rank, err));
    for (int d = 2; bytes_is(format, "NCHW") && d < rank; d++)
        TRY(emit_unsqueeze(c->e, bias, -1, &bias, err));
    TRY(emit_2(c->e, "Add", c->in[0], bias, &y, err));
    return tf_give(c, y);
}

/* (x - mean) / sqrt(variance + epsilon) * scale + offset, with what was learnt. */
static enum status batch_norm(struct tf_call *c, struct error *err)
{
    struct bytes format;
    double epsilon;
    bool training;
    value_id factor, offset, number, y;

    TRY(tf_bool(c->node, "is_training", true, &training, err));
    TRY(tf_float(c->node, "epsilon", 1e-4, &epsilon, err));
    TRY(tf_string(c->node, "data_format", "NHWC", &format, err));
    if (training)
        return error_set(err, STATUS_UNSUPPORTED, "is_training is true");
    TRY(emit_number(c->e, emit_dtype(c->e, c->in[4]), epsilon, &number, err));
    TRY(emit_2(c->e, "Add", c->in[4], number, &factor, err));
    TRY(emit_1(c->e, "Sqrt", factor, &factor, err));
    TRY(emit_2(c->e, "Div", c->in[1], factor, &factor, err));
    TRY(emit_2(c->e, "Mul", c->in[3], factor, &offset, err));
    TRY(emit_2(c->e, "Sub", c->in[2], offset, &offset, err));
    for (int d = 0; bytes_is(format, "NCHW") && d < 2; d++) {
        TRY(emit_unsqueeze(c->e, factor, -1, &factor, err));
        TRY(emit_unsqueeze(c->e, offset, -1, &offset, err));
    }
    TRY(emit_2(c->e, "Mul", c->in[0], factor, &y, err));
    TRY(emit_2(c->e, "Add", y, offset, &y, err));
    return tf_give(c, y);
}

static const int64_t FIRST[] = {0, 3, 1, 2}, LAST[] = {0, 2, 3, 1};

/* Sums of squares over `depth_radius` channels on both sides. */
static enum status lrn(struct tf_call *c, struct error *err)
{
    double alpha, beta, bias;
    int64_t radius;
    value_id y;

    TRY(tf_int(c->node, "depth_radius", 5, &radius, err));
    TRY(tf_float(c->node, "bias", 1, &bias, err));
    TRY(tf_float(c->node, "alpha", 1, &alpha, err));
    TRY(tf_float(c->node, "beta", 0.5, &beta, err));
    if (radius < 0 || radius > 1 << 16)
        return error_set(err, STATUS_INVALID_INPUT, "its depth_radius is %lld", (long long)radius);
    TRY(emit_transpose(c->e, c->in[0], FIRST, 4, &y, err));
    TRY(emit_node(c->e, "", "LRN", EMIT(y),
                  EMIT_ATTRIBUTES(attribute_of_int("size", 2 * radius + 1),
                                  attribute_of_float("alpha", alpha * (double)(2 * radius + 1)),
                                  attribute_of_float("beta", beta),
                                  attribute_of_float("bias", bias)),
                  &y, err));
    TRY(emit_transpose(c->e, y, LAST, 4, &y, err));
    return tf_give(c, y);
}

/* ONNX's Resize of images with the channels first. */
static enum status resize(struct tf_call *c, bool linear, struct error *err)
{
    bool corners, half;
    const char *mode = "asymmetric";
    value_id x, sizes, head, y;

    TRY(tf_bool(c->node, "align_corners", false, &corners, err));
    TRY(tf_bool(c->node, "half_pixel_centers", false, &half, err));
    if (corners)
        mode = "align_corners";
    else if (half)
        mode = linear ? "half_pixel" : "tf_half_pixel_for_nn";
    TRY(emit_transpose(c->e, c->in[0], FIRST, 4, &x, err));
    if (linear)
        TRY(emit_cast(c->e, x, DTYPE_F32, &x, err));
    TRY(emit_1(c->e, "Shape", x, &head, err));
    TRY(emit_slice(c->e, head, 0, 0, 2, 1, &head, err));
    TRY(tf_index(c, 1, &sizes, err));
    TRY(emit_concat(c->e, EMIT(head, sizes), 0, &sizes, err));
    TRY(emit_node(
        c->e, "", "Resize", EMIT(x, VALUE_NONE, VALUE_NONE, sizes),
        EMIT_ATTRIBUTES(attribute_of_text("mode", linear ? "linear" : "nearest"),
                        attribute_of_text("coordinate_transformation_mode", mode),
                        attribute_of_text("nearest_mode", corners ? "round_prefer_ceil" : "floor")),
        &y, err));
    TRY(emit_transpose(c->e, y, LAST, 4, &y, err));
    return tf_give(c, y);
}

static enum status resize_bilinear(struct tf_call *c, struct error *err)
{
    return resize(c, true, err);
}

static enum status resize_nearest(struct tf_call *c, struct error *err)
{
    return resize(c, false, err);
}

static enum status space_depth(struct tf_call *c, const char *op, struct error *err)
{
    struct bytes format;
    int64_t block;
    value_id y = c->in[0];
    bool last;

    TRY(tf_int(c->node, "block_size", 0, &block, err));
    TRY(tf_string(c->node, "data_format", "NHWC", &format, err));
    last = bytes_is(format, "NHWC");
    if (!last && !bytes_is(format, "NCHW"))
        return error_set(err, STATUS_UNSUPPORTED, "its data_format is not NHWC or NCHW");
    if (last)
        TRY(emit_transpose(c->e, y, FIRST, 4, &y, err));
    TRY(emit_node(c->e, "", op, EMIT(y), EMIT_ATTRIBUTES(attribute_of_int("blocksize", block)), &y,
                  err));
    if (last)
        TRY(emit_transpose(c->e, y, LAST, 4, &y, err));
    return tf_give(c, y);
}

static enum status space_to_depth(struct tf_call *c, struct error *err)
{
    return space_depth(c, "SpaceToDepth", err);
}

static enum status depth_to_space(struct tf_call *c, struct error *err)
{
    return space_depth(c, "DepthToSpace", err);
}

const struct tf_op_set tf_ops_neural =
    TF_OP_SET({.name = "Conv2D", .lower = conv_2d, .inputs = 2},
              {.name = "Conv3D", .lower = conv_3d, .inputs = 2},
              {.name = "DepthwiseConv2dNative", .lower = depthwise, .inputs = 2},
              {.name = "Conv2DBackpropInput", .lower = conv_2d_back, .inputs = 3},
              {.name = "Conv3DBackpropInputV2", .lower = conv_3d_back, .inputs = 3},
              {.name = "MaxPool", .lower = max_pool, .inputs = 1},
              {.name = "MaxPool3D", .lower = max_pool_3d, .inputs = 1},
              {.name = "AvgPool", .lower = average_pool, .inputs = 1},
              {.name = "AvgPool3D", .lower = average_pool_3d, .inputs = 1},
              {.name = "BiasAdd", .lower = bias_add, .inputs = 2},
              {.name = "BiasAddV1", .lower = bias_add, .inputs = 2},
              {.name = "FusedBatchNorm", .lower = batch_norm, .inputs = 5},
              {.name = "FusedBatchNormV2", .lower = batch_norm, .inputs = 5},
              {.name = "FusedBatchNormV3", .lower = batch_norm, .inputs = 5},
              {.name = "LRN", .lower = lrn, .inputs = 1},
              {.name = "ResizeBilinear", .lower = resize_bilinear, .inputs = 2},
              {.name = "ResizeNearestNeighbor", .lower = resize_nearest, .inputs = 2},
              {.name = "SpaceToDepth", .lower = space_to_depth, .inputs = 1},
              {.name = "DepthToSpace", .lower = depth_to_space, .inputs = 1}, );
