// SPDX-License-Identifier: Apache-2.0
/* Convolutions and their gradients by the input. Kernels are (kernel..., in, out), of depthwise
 * ones (kernel..., in, multiplier). */
#include "importers/tensorflow/image/window.h"

/* (kernel..., in, out) -> (out, in, kernel...), which is (in, out, kernel...) of the gradient. */
static enum status kernel_turn(struct tf_call *c, int spatial, value_id *kernel, struct error *err)
{
    int64_t perm[TF_SPATIAL_MAX + 2] = {spatial + 1, spatial};

    for (int i = 0; i < spatial; i++)
        perm[i + 2] = i;
    return emit_transpose(c->e, *kernel, perm, (size_t)spatial + 2, kernel, err);
}

/* (rows, columns, in, multiplier) -> (in * multiplier, 1, rows, columns) */
static enum status kernel_depthwise(struct tf_call *c, value_id *kernel, int64_t *groups,
                                    struct error *err)
{
    static const int64_t PERM[] = {2, 3, 0, 1};
    const struct shape *shape = emit_shape(c->e, *kernel);
    int64_t dims[4];

    if (shape->rank != 4 || !shape_is_known(shape))
        return error_set(err, STATUS_UNSUPPORTED, "the shape of its filter is not known");
    *groups = shape->dims[2];
    memcpy(dims, (int64_t[]){-1, 1, shape->dims[0], shape->dims[1]}, sizeof dims);
    if (shape_count(shape) == 0)
        return error_set(err, STATUS_INVALID_INPUT, "its filter is empty");
    TRY(emit_transpose(c->e, *kernel, PERM, 4, kernel, err));
    return emit_reshape(c->e, *kernel, dims, 4, kernel, err);
}

/* TensorFlow convolves int32 too: exactly, as doubles hold such sums of products. */
static enum status integers_widen(struct tf_call *c, value_id *x, value_id *kernel,
                                  struct error *err)
{
    if (emit_dtype(c->e, *x) != DTYPE_I32)
        return STATUS_OK;
    TRY(emit_cast(c->e, *x, DTYPE_F64, x, err));
    return emit_cast(c->e, *kernel, DTYPE_F64, kernel, err);
}

static enum status integers_narrow(struct tf_call *c, size_t input, value_id *y, struct error *err)
{
    if (emit_dtype(c->e, c->in[input]) != DTYPE_I32)
        return STATUS_OK;
    TRY(emit_cast(c->e, *y, DTYPE_I64, y, err));
    return emit_cast(c->e, *y, DTYPE_I32, y, err);
}

/* How many groups: channels of the image to those of the kernel. */
static enum status groups_of(const struct tf_call *c, int64_t channels, int64_t of_kernel,
                             int64_t *groups, struct error *err)
{
    (void)c;
    *groups = 1;
    if (channels < 1 || of_kernel < 1)
        return STATUS_OK;
    if (channels % of_kernel)
        return error_set(err, STATUS_INVALID_INPUT, "%lld channels for a filter of %lld",
                         (long long)channels, (long long)of_kernel);
    *groups = channels / of_kernel;
    return STATUS_OK;
}

enum status tf_convolution(struct tf_call *c, int spatial, bool depthwise, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0]);
    value_id image = c->in[0], kernel = c->in[1], y;
    struct attribute attributes[4];
    struct tf_window w;
    int64_t groups;
    size_t count;

    TRY(tf_window_read(c, spatial, &w, err));
    TRY(integers_widen(c, &image, &kernel, err));
    if (depthwise) {
        TRY(kernel_depthwise(c, &kernel, &groups, err));
    } else {
        const struct shape *k = emit_shape(c->e, kernel);
        int64_t channels = x->rank == spatial + 2 ? x->dims[tf_window_channel(&w)] : -1;

        TRY(groups_of(c, channels, k->rank == spatial + 2 ? k->dims[spatial] : -1, &groups, err));
        TRY(kernel_turn(c, spatial, &kernel, err));
    }
    count = tf_window_attributes(&w, attributes);
    if (groups != 1)
        attributes[count++] = attribute_of_int("group", groups);
    TRY(tf_window_emit(c, &w, "Conv", EMIT(image, kernel),
                       (struct emit_attributes){attributes, count}, &y, err));
    TRY(integers_narrow(c, 0, &y, err));
    return tf_give(c, y);
}

static enum status conv_2d(struct tf_call *c, struct error *err)
{
    return tf_convolution(c, 2, false, err);
}

static enum status conv_3d(struct tf_call *c, struct error *err)
{
    return tf_convolution(c, 3, false, err);
}

static enum status depthwise(struct tf_call *c, struct error *err)
{
    return tf_convolution(c, 2, true, err);
}

/* Conv: rank and groups are those of its inputs. */
static enum status conv(struct tf_call *c, struct error *err)
{
    int64_t batch_dims;
    int rank;

    TRY(tf_int(c->node, "batch_dims", 1, &batch_dims, err));
    TRY(tf_rank(c, 0, &rank, err));
    if (batch_dims != 1 || rank < 4 || rank > 5)
        return error_set(err, STATUS_UNSUPPORTED, "%lld batch_dims of a tensor of rank %d",
                         (long long)batch_dims, rank);
    return tf_convolution(c, rank - 2, false, err);
}

/* --- the gradient by the input, whose size is given --- */

struct back {
    struct tf_window w;
    value_id x, kernel;
    int64_t groups;
    int64_t sizes[TF_SPATIAL_MAX]; /* wanted; -1: not known now */
    int64_t reach[TF_SPATIAL_MAX]; /* of the dilated kernel */
    size_t size_count;             /* of input 0: with batch and channels, or without */
};

/* Numbers of a list that is put together from constants and others: -1 is what is not known. */
static void known_parts(const struct tf_call *c, value_id list, int64_t *values, size_t count)
{
    const struct graph *graph = c->e->graph;
    const struct value *value = &graph->values[list];
    const struct node *node;

    for (size_t i = 0; i < count; i++)
        values[i] = -1;
    for (int step = 0; step < 8 && !value->constant && value->producer >= 0; step++) {
        node = &graph->nodes[value->producer];
        if (!strcmp(node->op->name, "Concat") && node->input_count == count) {
            for (size_t i = 0; i < count; i++) {
                const struct tensor *part = graph->values[node->inputs[i]].constant;

                if (part && tensor_count(part) == 1)
                    values[i] = tensor_i64(part, 0);
            }
            return;
        }
        if (strcmp(node->op->name, "Cast") && strcmp(node->op->name, "Identity"))
            return;
        value = &graph->values[node->inputs[0]];
    }
    if (value->constant && tensor_count(value->constant) == count)
        for (size_t i = 0; i < count; i++)
            values[i] = tensor_i64(value->constant, i);
}

static enum status back_read(struct tf_call *c, int spatial, bool is_depthwise, struct back *b,
                             struct error *err)
{
    const struct shape *kernel = emit_shape(c->e, c->in[1]), *sizes = emit_shape(c->e, c->in[0]);
    int64_t all[TF_SPATIAL_MAX + 2];
    bool whole;

    *b = (struct back){.x = c->in[2], .kernel = c->in[1]};
    TRY(tf_window_read(c, spatial, &b->w, err));
    if (sizes->rank != 1 || (sizes->dims[0] != spatial && sizes->dims[0] != spatial + 2))
        return error_set(err, STATUS_UNSUPPORTED, "the number of its input_sizes is not known");
    if (kernel->rank != spatial + 2 || !shape_is_known(kernel))
        return error_set(err, STATUS_UNSUPPORTED, "the shape of its filter is not known");
    b->size_count = (size_t)sizes->dims[0];
    whole = b->size_count == (size_t)spatial + 2;
    known_parts(c, c->in[0], all, b->size_count);
    for (int i = 0; i < spatial; i++) {
        b->sizes[i] = all[whole ? (b->w.first ? 2 : 1) + i : i];
        b->reach[i] = (kernel->dims[i] - 1) * b->w.dilations[i] + 1;
    }
    TRY(integers_widen(c, &b->x, &b->kernel, err));
    if (is_depthwise)
        return kernel_depthwise(c, &b->kernel, &b->groups, err);
    TRY(groups_of(c, whole ? all[tf_window_channel(&b->w)] : -1, kernel->dims[spatial], &b->groups,
                  err));
    return kernel_turn(c, spatial, &b->kernel, err);
}

static enum status back_emit(struct tf_call *c, struct back *b, const int64_t *output_padding,
                             value_id *y, struct error *err)
{
    struct attribute attributes[5];
    size_t count;

    b->w.same = false;
    count = tf_window_attributes(&b->w, attributes);
    if (b->groups != 1)
        attributes[count++] = attribute_of_int("group", b->groups);
    if (output_padding)
        attributes[count++] =
            attribute_of_ints("output_padding", output_padding, (size_t)b->w.spatial);
    return tf_window_emit(c, &b->w, "ConvTranspose", EMIT(b->x, b->kernel),
                          (struct emit_attributes){attributes, count}, y, err);
}

/* Sizes are known: pads are what the convolution of that size would have had. */
static enum status back_known(struct tf_call *c, struct back *b, value_id *y, struct error *err)
{
    const struct shape *x = emit_shape(c->e, b->x);
    int64_t output_padding[TF_SPATIAL_MAX] = {0};
    struct tf_window *w = &b->w;

    for (int i = 0; i < w->spatial; i++) {
        int64_t n = x->dims[(w->first ? 2 : 1) + i];
        int64_t excess = (n - 1) * w->strides[i] + b->reach[i] - b->sizes[i];

        if (!w->is_explicit)
            w->pads[i] = w->same && excess > 0 ? excess / 2 : 0;
        w->pads[w->spatial + i] = excess - w->pads[i];
        if (w->pads[w->spatial + i] < 0) {
            output_padding[i] = -w->pads[w->spatial + i];
            w->pads[w->spatial + i] = 0;
        }
        if (output_padding[i] >= w->strides[i])
            return error_set(err, STATUS_INVALID_INPUT,
                             "input_sizes %lld of dimension %d does not fit %lld outputs",
                             (long long)b->sizes[i], i, (long long)n);
    }
    return back_emit(c, b, output_padding, y, err);
}

/* Sizes are computed by the graph: the whole of what the kernel reaches, from which the wanted part
 * is cut. All lists below are of the spatial dimensions. */
static enum status back_computed(struct tf_call *c, struct back *b, value_id *y, struct error *err)
{
    struct tf_window *w = &b->w;
    bool same = w->same;
    int64_t at = w->first ? 2 : 1, axes[TF_SPATIAL_MAX], n = w->spatial, befores[TF_SPATIAL_MAX];
    value_id sizes, before, end, whole, zero, two, list, lack, pads, axis_list;
    struct tf_window plain = *w;

    for (int i = 0; i < n; i++)
        axes[i] = at + i;
    memcpy(befores, w->pads, sizeof befores);
    memset(w->pads, 0, sizeof w->pads);
    TRY(back_emit(c, b, NULL, y, err));
    TRY(tf_index(c, 0, &sizes, err));
    if (b->size_count != (size_t)n)
        TRY(emit_slice(c->e, sizes, 0, at, at + n, 1, &sizes, err));
    TRY(emit_1(c->e, "Shape", *y, &whole, err));
    TRY(emit_slice(c->e, whole, 0, at, at + n, 1, &whole, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 2, &two, err));
    if (same) {
        TRY(emit_2(c->e, "Sub", whole, sizes, &list, err));
        TRY(emit_2(c->e, "Max", list, zero, &list, err));
        TRY(emit_2(c->e, "Div", list, two, &before, err));
    } else {
        TRY(emit_ints(c->e, plain.is_explicit ? befores : w->pads, (size_t)n, &before, err));
    }
    TRY(emit_2(c->e, "Add", before, sizes, &end, err));
    TRY(emit_2(c->e, "Sub", end, whole, &lack, err));
    TRY(emit_2(c->e, "Max", lack, zero, &lack, err));
    TRY(emit_2(c->e, "Sub", lack, lack, &list, err)); /* zeros */
    TRY(emit_concat(c->e, EMIT(list, lack), 0, &pads, err));
    TRY(emit_ints(c->e, axes, (size_t)n, &axis_list, err));
    TRY(emit_node(c->e, "", "Pad", EMIT(*y, pads, VALUE_NONE, axis_list), EMIT_PLAIN, y, err));
    return emit_node(c->e, "", "Slice", EMIT(*y, before, end, axis_list), EMIT_PLAIN, y, err);
}

static enum status convolution_back(struct tf_call *c, int spatial, bool is_depthwise,
                                    struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[2]);
    bool known = x->rank == spatial + 2;
    struct back b;
    value_id y;

    TRY(back_read(c, spatial, is_depthwise, &b, err));
    for (int i = 0; i < spatial && known; i++)
        known = b.sizes[i] >= 0 && x->dims[(b.w.first ? 2 : 1) + i] > 0;
    if (known)
        TRY(back_known(c, &b, &y, err));
    else
        TRY(back_computed(c, &b, &y, err));
    TRY(integers_narrow(c, 2, &y, err));
    return tf_give(c, y);
}

static enum status conv_2d_back(struct tf_call *c, struct error *err)
{
    return convolution_back(c, 2, false, err);
}

static enum status conv_3d_back(struct tf_call *c, struct error *err)
{
    return convolution_back(c, 3, false, err);
}

/* The first input is an image of the wanted size. */
static enum status conv_3d_back_of(struct tf_call *c, struct error *err)
{
    struct tf_call sized = *c;
    value_id in[3];

    memcpy(in, c->in, sizeof in);
    TRY(emit_1(c->e, "Shape", c->in[0], &in[0], err));
    sized.in = in;
    TRY(convolution_back(&sized, 3, false, err));
    return tf_give(c, sized.out[0]);
}

static enum status depthwise_back(struct tf_call *c, struct error *err)
{
    return convolution_back(c, 2, true, err);
}

const struct tf_op_set tf_ops_conv = TF_OP_SET(
    {.name = "Conv", .lower = conv, .inputs = 2}, {.name = "Conv2D", .lower = conv_2d, .inputs = 2},
    {.name = "Conv3D", .lower = conv_3d, .inputs = 2},
    {.name = "DepthwiseConv2dNative", .lower = depthwise, .inputs = 2},
    {.name = "Conv2DBackpropInput", .lower = conv_2d_back, .inputs = 3},
    {.name = "Conv3DBackpropInput", .lower = conv_3d_back_of, .inputs = 3},
    {.name = "Conv3DBackpropInputV2", .lower = conv_3d_back, .inputs = 3},
    {.name = "DepthwiseConv2dNativeBackpropInput", .lower = depthwise_back, .inputs = 3}, );
