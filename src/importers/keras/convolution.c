// SPDX-License-Identifier: Apache-2.0
/* Convolutions. Keras keeps kernels as (kernel..., in, out) and images with the channels last or
 * first; with the channels last they go to the operators that want them so. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { SPATIAL_MAX = 3 };

struct geometry {
    int spatial; /* dimensions of the kernel */
    bool first;  /* channels first */
    int64_t kernel[SPATIAL_MAX], strides[SPATIAL_MAX], dilations[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX];
    struct bytes padding; /* valid, same, causal */
};

/* Keras 1 has a key for each number. */
static enum status kernel_of(const struct call *c, struct geometry *g, struct error *err)
{
    static const char *const OLD[SPATIAL_MAX + 1][SPATIAL_MAX] = {
        [1] = {"filter_length"},
        [2] = {"nb_row", "nb_col"},
        [3] = {"kernel_dim1", "kernel_dim2", "kernel_dim3"}};
    static const char *const STRIDES[] = {"strides", "subsample", "subsample_length"};

    if (config_get(c, "kernel_size", NULL))
        TRY(config_ints(c, "kernel_size", (size_t)g->spatial, 1, g->kernel, err));
    else
        for (int i = 0; i < g->spatial; i++)
            TRY(config_int(c, OLD[g->spatial][i], NULL, &g->kernel[i], err));
    for (int i = 0; i < g->spatial; i++)
        g->strides[i] = g->dilations[i] = 1;
    for (size_t i = 0; i < ARRAY_COUNT(STRIDES); i++)
        if (config_get(c, STRIDES[i], NULL))
            TRY(config_ints(c, STRIDES[i], (size_t)g->spatial, 1, g->strides, err));
    if (config_get(c, "dilation_rate", NULL))
        TRY(config_ints(c, "dilation_rate", (size_t)g->spatial, 1, g->dilations, err));
    if (config_get(c, "atrous_rate", NULL))
        TRY(config_ints(c, "atrous_rate", (size_t)g->spatial, 1, g->dilations, err));
    for (int i = 0; i < g->spatial; i++)
        if (g->kernel[i] < 1 || g->strides[i] < 1 || g->dilations[i] < 1 ||
            g->kernel[i] > 1 << 20 || g->dilations[i] > 1 << 20)
            return error_set(err, STATUS_INVALID_INPUT, "has a kernel, stride or dilation of %lld",
                             (long long)g->kernel[i]);
    return STATUS_OK;
}

static enum status geometry_of(const struct call *c, int spatial, struct geometry *g,
                               struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    *g = (struct geometry){.spatial = spatial, .first = config_channels_first(c, spatial)};
    TRY(kernel_of(c, g, err));
    g->padding = config_text_or(c, "padding", "border_mode", "valid");
    if (bytes_is(g->padding, "causal"))
        g->pads[0] = g->dilations[0] * (g->kernel[0] - 1);
    else if (!bytes_is(g->padding, "valid") && !bytes_is(g->padding, "same"))
        return error_set(err, STATUS_UNSUPPORTED, "padding '%s'",
                         text_quote(g->padding, quoted, sizeof quoted));
    return STATUS_OK;
}

static size_t attributes_of(const struct geometry *g, int64_t group, struct attribute *attributes)
{
    size_t n = (size_t)g->spatial, count = 0;

    attributes[count++] = attribute_of_ints("kernel_shape", g->kernel, n);
    attributes[count++] = attribute_of_ints("strides", g->strides, n);
    attributes[count++] = attribute_of_ints("dilations", g->dilations, n);
    attributes[count++] = attribute_of_int("group", group);
    attributes[count++] = bytes_is(g->padding, "same") ? attribute_of_text("auto_pad", "SAME_UPPER")
                                                       : attribute_of_ints("pads", g->pads, 2 * n);
    return count;
}

/* Theano's "same" has half the window on both sides, and as many outputs as strides fit in. */
static enum status theano_same(struct call *c, struct geometry *g, value_id x, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, x);
    int at = g->first ? 2 : 1;

    for (int i = 0; i < g->spatial; i++) {
        int64_t size = at + i < shape->rank ? shape->dims[at + i] : -1, stride = g->strides[i];
        int64_t reach = (g->kernel[i] - 1) * g->dilations[i] + 1, begin = reach / 2;
        int64_t end = reach - 1 - begin;

        if (stride > 1) {
            if (size < 0)
                return error_set(err, STATUS_UNSUPPORTED, "the size of its input is not known");
            end = ((size + stride - 1) / stride - 1) * stride + reach - size - begin;
        }
        if (end < 0)
            return error_set(err, STATUS_UNSUPPORTED, "padding 'same' of Theano of %lld by %lld",
                             (long long)reach, (long long)stride);
        g->pads[i] = begin;
        g->pads[g->spatial + i] = end;
    }
    g->padding = bytes_of("valid");
    return STATUS_OK;
}

/* x * kernel + bias; the kernel is (out, in, kernel...) already. */
static enum status convolve(struct call *c, const struct geometry *g, value_id x,
                            const struct tensor *kernel, const struct tensor *bias, int64_t group,
                            value_id *y, struct error *err)
{
    struct attribute attributes[5];
    struct geometry padded = *g;
    size_t count;
    value_id inputs[3] = {x, VALUE_NONE, VALUE_NONE};

    if (c->k->theano && bytes_is(g->padding, "same"))
        TRY(theano_same(c, &padded, x, err));
    count = attributes_of(&padded, group, attributes);

    TRY(emit_constant(c->e, kernel, &inputs[1], err));
    if (bias)
        TRY(emit_constant(c->e, bias, &inputs[2], err));
    return emit_image(c->e, "Conv", g->first, inputs, bias ? 3 : 2, attributes, count, y, err);
}

/* (kernel..., in, out) -> (out, in, kernel...). */
static enum status kernel_turn(struct call *c, int spatial, const struct tensor *stored,
                               struct tensor *kernel, struct error *err)
{
    int perm[SPATIAL_MAX + 2] = {spatial + 1, spatial};

    for (int i = 0; i < spatial; i++)
        perm[i + 2] = i;
    return tensor_permute(stored, perm, kernel, c->k->keep, err);
}

/* (n, c, 1..., 1) or so, turned by 180 degrees: Theano convolves where others correlate. */
static enum status kernel_flip(struct call *c, const struct tensor *kernel, struct tensor *flipped,
                               struct error *err)
{
    size_t item = dtype_size(kernel->dtype), planes, size = 1;

    TRY(tensor_new(flipped, kernel->dtype, &kernel->shape, c->k->keep, err));
    for (int d = 2; d < kernel->shape.rank; d++)
        size *= (size_t)kernel->shape.dims[d];
    planes = size ? tensor_count(kernel) / size : 0;
    for (size_t p = 0; p < planes; p++)
        for (size_t i = 0; i < size; i++)
            memcpy((char *)flipped->data + (p * size + i) * item,
                   (const char *)kernel->data + (p * size + size - 1 - i) * item, item);
    return STATUS_OK;
}

/* Keras 1 kept kernels as its dimension order says: (out, in, rows, columns) for "th"; and, by the
 * Theano backend, for true convolution. */
static enum status kernel_take(struct call *c, const struct geometry *g, struct tensor *kernel,
                               struct error *err)
{
    struct tensor stored;

    TRY(weight_take(c, "kernel", c->k->generation == 1 && g->spatial == 1 ? -1 : g->spatial + 2,
                    &stored, err));
    if (c->k->generation > 1)
        return kernel_turn(c, g->spatial, &stored, kernel, err);
    if (g->spatial == 1 && stored.shape.rank == 4) { /* (length, 1, in, out) */
        struct tensor plain = stored;

        if (stored.shape.dims[1] != 1)
            return error_set(err, STATUS_UNSUPPORTED, "its kernel is of an unknown layout");
        plain.shape = SHAPE(stored.shape.dims[0], stored.shape.dims[2], stored.shape.dims[3]);
        TRY(kernel_turn(c, 1, &plain, kernel, err));
    } else if (g->first) {
        *kernel = stored;
    } else {
        TRY(kernel_turn(c, g->spatial, &stored, kernel, err));
    }
    if (!c->k->theano)
        return STATUS_OK;
    stored = *kernel;
    return kernel_flip(c, &stored, kernel, err);
}

static enum status kernel_check(const struct geometry *g, const struct tensor *kernel,
                                struct error *err)
{
    for (int i = 0; i < g->spatial; i++)
        if (kernel->shape.dims[i + 2] != g->kernel[i])
            return error_set(err, STATUS_INVALID_INPUT,
                             "its kernel has size %lld, the configuration says %lld",
                             (long long)kernel->shape.dims[i + 2], (long long)g->kernel[i]);
    return STATUS_OK;
}

static enum status bias_take(struct call *c, struct tensor *bias, bool *has, struct error *err)
{
    *has = config_bool_or(c, "use_bias", "bias", true);
    return *has ? weight_take(c, "bias", 1, bias, err) : STATUS_OK;
}

static enum status finish(struct call *c, value_id y, struct error *err)
{
    TRY(activation_of(c, y, &y, err));
    return call_give(c, y);
}

static enum status ordinary(struct call *c, int spatial, struct error *err)
{
    int64_t groups = config_int_or(c, "groups", 1);
    struct tensor kernel, bias;
    struct geometry g;
    bool biased;
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(lora_merge(c, "kernel", err));
    TRY(geometry_of(c, spatial, &g, err));
    TRY(kernel_take(c, &g, &kernel, err));
    TRY(kernel_check(&g, &kernel, err));
    TRY(config_expect(c, "filters", "nb_filter", kernel.shape.dims[0], err));
    TRY(bias_take(c, &bias, &biased, err));
    TRY(convolve(c, &g, c->in[0].value, &kernel, biased ? &bias : NULL, groups, &y, err));
    return finish(c, y, err);
}

/* --- depthwise: (kernel..., in, multiplier) -> (in * multiplier, 1, kernel...) --- */

static enum status depthwise_kernel(struct call *c, int spatial, const struct tensor *stored,
                                    struct tensor *kernel, int64_t *channels, struct error *err)
{
    int perm[SPATIAL_MAX + 2] = {spatial, spatial + 1};
    struct tensor turned;

    for (int i = 0; i < spatial; i++)
        perm[i + 2] = i;
    TRY(tensor_permute(stored, perm, &turned, c->k->keep, err));
    *channels = turned.shape.dims[0];
    *kernel = turned;
    kernel->shape.dims[0] = turned.shape.dims[0] * turned.shape.dims[1];
    kernel->shape.dims[1] = 1;
    return STATUS_OK;
}

static enum status depthwise_step(struct call *c, const struct geometry *g,
                                  const struct tensor *bias, value_id *y, struct error *err)
{
    struct tensor stored, kernel;
    int64_t channels;

    TRY(weight_take(c, "depthwise kernel", g->spatial + 2, &stored, err));
    if (c->k->generation == 1 && g->first && g->spatial == 2) { /* (multiplier, in, kernel...) */
        TRY(tensor_permute(&stored, (const int[]){2, 3, 1, 0}, &kernel, c->k->keep, err));
        stored = kernel;
    }
    TRY(depthwise_kernel(c, g->spatial, &stored, &kernel, &channels, err));
    TRY(kernel_check(g, &kernel, err));
    return convolve(c, g, c->in[0].value, &kernel, bias, channels, y, err);
}

static enum status depthwise(struct call *c, int spatial, struct error *err)
{
    struct tensor bias;
    struct geometry g;
    bool biased;
    value_id y, b;

    TRY(call_wants(c, 1, err));
    TRY(geometry_of(c, spatial, &g, err));
    TRY(depthwise_step(c, &g, NULL, &y, err));
    TRY(bias_take(c, &bias, &biased, err));
    if (biased) {
        if (g.first) /* (n,) -> (n, 1, ...) */
            bias.shape.rank = spatial + 1;
        for (int i = 1; g.first && i <= spatial; i++)
            bias.shape.dims[i] = 1;
        TRY(emit_constant(c->e, &bias, &b, err));
        TRY(emit_2(c->e, "Add", y, b, &y, err));
    }
    return finish(c, y, err);
}

static enum status separable(struct call *c, int spatial, struct error *err)
{
    struct tensor stored, kernel, bias;
    struct geometry g, point;
    bool biased;
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(geometry_of(c, spatial, &g, err));
    TRY(depthwise_step(c, &g, NULL, &y, err));
    TRY(weight_take(c, "pointwise kernel", spatial + 2, &stored, err));
    kernel = stored;
    if (c->k->generation > 1 || !g.first)
        TRY(kernel_turn(c, spatial, &stored, &kernel, err));
    point = (struct geometry){.spatial = spatial, .first = g.first, .padding = bytes_of("valid")};
    for (int i = 0; i < spatial; i++)
        point.kernel[i] = point.strides[i] = point.dilations[i] = 1;
    TRY(kernel_check(&point, &kernel, err));
    TRY(bias_take(c, &bias, &biased, err));
    TRY(convolve(c, &point, y, &kernel, biased ? &bias : NULL, 1, &y, err));
    return finish(c, y, err);
}

/* --- transposed: kernels are (kernel..., out, in) --- */

/* TensorFlow's gradient of a convolution whose input would have this size. `given`: the option
 * output_padding, or NULL. */
static void transposed_pads(struct geometry *g, const int64_t *given, int64_t *output_padding)
{
    bool same = bytes_is(g->padding, "same");

    for (int i = 0; given && i < g->spatial; i++) {
        int64_t total = (same ? 2 * (g->kernel[i] / 2) : 0) - given[i];

        output_padding[i] = total < 0 ? -total : 0;
        g->pads[i] = total > 0 ? total / 2 : 0;
        g->pads[g->spatial + i] = total > 0 ? total - total / 2 : 0;
    }
    for (int i = 0; !given && i < g->spatial; i++) {
        int64_t reach = (g->kernel[i] - 1) * g->dilations[i] + 1;
        int64_t excess = reach - g->strides[i];

        output_padding[i] = excess < 0 ? -excess : 0;
        g->pads[i] = same && excess > 0 ? excess / 2 : 0;
        g->pads[g->spatial + i] = same && excess > 0 ? excess - excess / 2 : 0;
    }
}

static enum status transposed(struct call *c, int spatial, struct error *err)
{
    const struct json *extra = config_get(c, "output_padding", NULL);
    int64_t output_padding[SPATIAL_MAX], given[SPATIAL_MAX] = {0};
    int perm[SPATIAL_MAX + 2] = {spatial + 1, spatial};
    struct tensor stored, kernel, bias;
    struct attribute attributes[6];
    value_id inputs[3] = {c->in[0].value, VALUE_NONE, VALUE_NONE}, y;
    struct geometry g;
    size_t count;
    bool biased;

    TRY(call_wants(c, 1, err));
    TRY(geometry_of(c, spatial, &g, err));
    if (extra && extra->kind != JSON_NULL)
        TRY(config_ints(c, "output_padding", (size_t)spatial, 0, given, err));
    for (int i = 0; i < spatial; i++)
        if (given[i] < 0 || given[i] >= g.strides[i] || (extra && g.dilations[i] > 1 && given[i]))
            return error_set(err, STATUS_UNSUPPORTED, "its 'output_padding' is %lld",
                             (long long)given[i]);
    TRY(weight_take(c, "kernel", spatial + 2, &stored, err));
    for (int i = 0; i < spatial; i++)
        perm[i + 2] = i;
    TRY(tensor_permute(&stored, perm, &kernel, c->k->keep, err)); /* (in, out, kernel...) */
    TRY(kernel_check(&g, &kernel, err));
    TRY(bias_take(c, &bias, &biased, err));
    TRY(emit_constant(c->e, &kernel, &inputs[1], err));
    if (biased)
        TRY(emit_constant(c->e, &bias, &inputs[2], err));
    transposed_pads(&g, extra && extra->kind != JSON_NULL ? given : NULL, output_padding);
    g.padding = bytes_of("valid");
    count = attributes_of(&g, 1, attributes);
    attributes[count++] = attribute_of_ints("output_padding", output_padding, (size_t)spatial);
    TRY(emit_image(c->e, "ConvTranspose", g.first, inputs, biased ? 3 : 2, attributes, count, &y,
                   err));
    return finish(c, y, err);
}

#define SPATIAL(verb)                                                                              \
    static enum status verb##_1(struct call *c, struct error *err)                                 \
    {                                                                                              \
        return verb(c, 1, err);                                                                    \
    }                                                                                              \
    static enum status verb##_2(struct call *c, struct error *err)                                 \
    {                                                                                              \
        return verb(c, 2, err);                                                                    \
    }
SPATIAL(ordinary)
SPATIAL(depthwise)
SPATIAL(separable)
SPATIAL(transposed)

static enum status ordinary_3(struct call *c, struct error *err)
{
    return ordinary(c, 3, err);
}

static enum status transposed_3(struct call *c, struct error *err)
{
    return transposed(c, 3, err);
}

const struct layer_set layers_convolution =
    LAYER_SET({.name = "Conv1D", .alias = "Convolution1D", .lower = ordinary_1},
              {.name = "Conv2D", .alias = "Convolution2D", .lower = ordinary_2},
              {.name = "Conv3D", .alias = "Convolution3D", .lower = ordinary_3},
              {.name = "AtrousConvolution1D", .lower = ordinary_1},
              {.name = "AtrousConvolution2D", .lower = ordinary_2},
              {.name = "DepthwiseConv1D", .lower = depthwise_1},
              {.name = "DepthwiseConv2D", .lower = depthwise_2},
              {.name = "SeparableConv1D", .alias = "SeparableConvolution1D", .lower = separable_1},
              {.name = "SeparableConv2D", .alias = "SeparableConvolution2D", .lower = separable_2},
              {.name = "Conv1DTranspose", .lower = transposed_1},
              {.name = "Conv2DTranspose", .lower = transposed_2},
              {.name = "Conv3DTranspose", .lower = transposed_3}, );
