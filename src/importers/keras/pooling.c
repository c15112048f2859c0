// SPDX-License-Identifier: Apache-2.0
/* Pooling, local and global. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { SPATIAL_MAX = 3 };

static enum status sizes_of(const struct call *c, int spatial, int64_t *size, int64_t *strides,
                            struct error *err)
{
    const char *key = config_get(c, "pool_size", NULL) ? "pool_size" : "pool_length";
    const struct json *given = config_get(c, "strides", NULL);

    TRY(config_ints(c, key, (size_t)spatial, 2, size, err));
    memcpy(strides, size, sizeof *size * (size_t)spatial);
    if (!given || given->kind == JSON_NULL)
        given = config_get(c, "stride", NULL);
    if (given && given->kind != JSON_NULL)
        TRY(config_ints(c, config_get(c, "strides", NULL) ? "strides" : "stride", (size_t)spatial,
                        1, strides, err));
    return STATUS_OK;
}

/* Theano's "same": the windows of odd sizes begin one element later than half of them. */
static enum status theano_same(const struct call *c, int spatial, const int64_t *size,
                               const int64_t *strides, int64_t *pads, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[0].value);
    int at = config_channels_first(c, spatial) ? 2 : 1;

    for (int i = 0; i < spatial; i++) {
        int64_t begin = size[i] % 2 ? size[i] - 2 : size[i] - 1, width, end;

        width = at + i < shape->rank ? shape->dims[at + i] : -1;
        begin = begin > 0 ? begin : 0;
        end = ((width + strides[i] - 1) / strides[i] - 1) * strides[i] + size[i] - width - begin;
        if (width < 0 || end < 0)
            return error_set(err, STATUS_UNSUPPORTED, "padding 'same' of Theano of %lld by %lld",
                             (long long)size[i], (long long)strides[i]);
        pads[i] = begin;
        pads[spatial + i] = end;
    }
    return STATUS_OK;
}

static enum status pool(struct call *c, const char *kind, int spatial, struct error *err)
{
    struct bytes padding = config_text_or(c, "padding", "border_mode", "valid");
    int64_t size[SPATIAL_MAX], strides[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX];
    bool first = config_channels_first(c, spatial);
    struct attribute attributes[3];
    char quoted[TEXT_QUOTE_SIZE];
    size_t count = 2;
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(sizes_of(c, spatial, size, strides, err));
    attributes[0] = attribute_of_ints("kernel_shape", size, (size_t)spatial);
    attributes[1] = attribute_of_ints("strides", strides, (size_t)spatial);
    if (bytes_is(padding, "same") && c->k->generation == 1 && !c->k->backend_stated)
        return error_set(err, STATUS_UNSUPPORTED,
                         "padding 'same' differs between backends, and the file does not tell its");
    if (bytes_is(padding, "same") && c->k->theano) {
        TRY(theano_same(c, spatial, size, strides, pads, err));
        attributes[count++] = attribute_of_ints("pads", pads, 2 * (size_t)spatial);
    } else if (bytes_is(padding, "same"))
        attributes[count++] = attribute_of_text("auto_pad", "SAME_UPPER");
    else if (!bytes_is(padding, "valid"))
        return error_set(err, STATUS_UNSUPPORTED, "padding '%s'",
                         text_quote(padding, quoted, sizeof quoted));
    TRY(emit_image(c->e, kind, first, &c->in[0].value, 1, attributes, count, &y, err));
    return call_give(c, y);
}

/* The mean of the steps that count; they are along `axis`. */
static enum status masked_mean(struct call *c, int64_t axis, bool keep, struct error *err)
{
    value_id x = c->in[0].value, mask, sum, count, y;

    TRY(emit_cast(c->e, c->in[0].mask, emit_dtype(c->e, x), &mask, err));
    TRY(emit_unsqueeze(c->e, mask, axis == 1 ? 2 : 1, &mask, err));
    TRY(emit_2(c->e, "Mul", x, mask, &sum, err));
    TRY(emit_reduce(c->e, "ReduceSum", sum, &axis, 1, keep, &sum, err));
    TRY(emit_reduce(c->e, "ReduceSum", mask, &axis, 1, keep, &count, err));
    TRY(emit_2(c->e, "Div", sum, count, &y, err));
    return call_give(c, y);
}

static enum status global(struct call *c, const char *op, int spatial, struct error *err)
{
    bool keep = config_bool_or(c, "keepdims", NULL, false);
    bool first = config_channels_first(c, spatial);
    int64_t axes[SPATIAL_MAX];
    value_id y;

    TRY(call_wants(c, 1, err));
    for (int i = 0; i < spatial; i++)
        axes[i] = i + (first ? 2 : 1);
    if (c->in[0].mask != VALUE_NONE && !strcmp(op, "ReduceMean") && spatial == 1)
        return masked_mean(c, axes[0], keep, err);
    TRY(emit_reduce(c->e, op, c->in[0].value, axes, (size_t)spatial, keep, &y, err));
    return call_give(c, y);
}

#define POOLS(n)                                                                                   \
    static enum status max_##n(struct call *c, struct error *err)                                  \
    {                                                                                              \
        return pool(c, "MaxPool", n, err);                                                         \
    }                                                                                              \
    static enum status average_##n(struct call *c, struct error *err)                              \
    {                                                                                              \
        return pool(c, "AveragePool", n, err);                                                     \
    }                                                                                              \
    static enum status global_max_##n(struct call *c, struct error *err)                           \
    {                                                                                              \
        return global(c, "ReduceMax", n, err);                                                     \
    }                                                                                              \
    static enum status global_average_##n(struct call *c, struct error *err)                       \
    {                                                                                              \
        return global(c, "ReduceMean", n, err);                                                    \
    }
POOLS(1)
POOLS(2)
POOLS(3)

const struct layer_set layers_pooling = LAYER_SET(
    {.name = "MaxPooling1D", .alias = "MaxPool1D", .lower = max_1},
    {.name = "MaxPooling2D", .alias = "MaxPool2D", .lower = max_2},
    {.name = "MaxPooling3D", .alias = "MaxPool3D", .lower = max_3},
    {.name = "AveragePooling1D", .alias = "AvgPool1D", .lower = average_1},
    {.name = "AveragePooling2D", .alias = "AvgPool2D", .lower = average_2},
    {.name = "AveragePooling3D", .alias = "AvgPool3D", .lower = average_3},
    {.name = "GlobalMaxPooling1D", .alias = "GlobalMaxPool1D", .lower = global_max_1},
    {.name = "GlobalMaxPooling2D", .alias = "GlobalMaxPool2D", .lower = global_max_2},
    {.name = "GlobalMaxPooling3D", .alias = "GlobalMaxPool3D", .lower = global_max_3},
    {.name = "GlobalAveragePooling1D", .alias = "GlobalAvgPool1D", .lower = global_average_1},
    {.name = "GlobalAveragePooling2D", .alias = "GlobalAvgPool2D", .lower = global_average_2},
    {.name = "GlobalAveragePooling3D", .alias = "GlobalAvgPool3D", .lower = global_average_3}, );
