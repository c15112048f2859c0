// SPDX-License-Identifier: Apache-2.0
/* ZeroPadding, Cropping, UpSampling: what changes the sides of an image. */
#include "importers/keras/internal.h"

enum { SPATIAL_MAX = 3 };

/* 3, [1, 2], [[1, 2], [3, 4]]: what is meant for both ends of each dimension. */
static enum status ends_of(const struct call *c, const char *key, int spatial,
                           int64_t ends[SPATIAL_MAX][2], struct error *err)
{
    const struct json *value = config_get(c, key, NULL);
    int64_t one;

    for (int d = 0; d < spatial; d++) {
        const struct json *item = value;
        bool flat = spatial == 1 && value && value->kind == JSON_ARRAY && value->count == 2;

        if (value && value->kind == JSON_ARRAY && !flat)
            item = (size_t)d < value->count ? &value->items[d] : NULL;
        if (item && item->kind == JSON_ARRAY && item->count == 2 &&
            json_i64(&item->items[0], &ends[d][0]) && json_i64(&item->items[1], &ends[d][1])) {
        } else if (json_i64(item, &one)) {
            ends[d][0] = ends[d][1] = one;
        } else if (!value) {
            ends[d][0] = ends[d][1] = 1;
        } else {
            return error_set(err, STATUS_INVALID_INPUT, "its '%s' is not understood", key);
        }
        if (ends[d][0] < 0 || ends[d][1] < 0 || ends[d][0] > 1 << 24 || ends[d][1] > 1 << 24)
            return error_set(err, STATUS_INVALID_INPUT, "its '%s' is out of range", key);
    }
    return STATUS_OK;
}

static enum status zero_padding(struct call *c, int spatial, struct error *err)
{
    int64_t ends[SPATIAL_MAX][2], pads[2 * (SPATIAL_MAX + 2)] = {0};
    int at = config_channels_first(c, spatial) ? 2 : 1, rank = spatial + 2;
    value_id list, y;

    TRY(call_wants(c, 1, err));
    TRY(ends_of(c, "padding", spatial, ends, err));
    for (int d = 0; d < spatial; d++) {
        pads[at + d] = ends[d][0];
        pads[rank + at + d] = ends[d][1];
    }
    TRY(emit_ints(c->e, pads, 2 * (size_t)rank, &list, err));
    TRY(emit_2(c->e, "Pad", c->in[0].value, list, &y, err));
    return call_give(c, y);
}

static enum status cropping(struct call *c, int spatial, struct error *err)
{
    int64_t ends[SPATIAL_MAX][2];
    int at = config_channels_first(c, spatial) ? 2 : 1;
    value_id y = c->in[0].value;

    TRY(call_wants(c, 1, err));
    TRY(ends_of(c, "cropping", spatial, ends, err));
    for (int d = 0; d < spatial; d++)
        TRY(emit_slice(c->e, y, at + d, ends[d][0], ends[d][1] ? -ends[d][1] : INT64_MAX, 1, &y,
                       err));
    return call_give(c, y);
}

/* Each row `times` times, or rows between rows. `mode`: of Resize. */
static enum status enlarge(struct call *c, int spatial, const int64_t *times, const char *mode,
                           value_id *y, struct error *err)
{
    bool nearest = !strcmp(mode, "nearest");
    /* Keras 2 on TensorFlow 1 has rows that begin at 0, not in the middle of pixels. */
    bool corners = c->k->generation == 2 && c->k->minor < 4 && !c->k->tensorflow;
    int at = config_channels_first(c, spatial) ? 2 : 1;
    float factors[SPATIAL_MAX + 2];
    struct shape shape = SHAPE(spatial + 2);
    struct tensor scales = {DTYPE_F32, shape, factors};
    value_id list, inputs[3] = {c->in[0].value, VALUE_NONE, VALUE_NONE};
    struct tensor kept;

    for (int d = 0; d < spatial + 2; d++)
        factors[d] = d >= at && d < at + spatial ? (float)times[d - at] : 1;
    TRY(tensor_new(&kept, DTYPE_F32, &shape, c->k->keep, err));
    memcpy(kept.data, scales.data, sizeof *factors * ((size_t)spatial + 2));
    TRY(emit_constant(c->e, &kept, &list, err));
    inputs[2] = list;
    return emit_node(
        c->e, "", "Resize", EMIT(inputs[0], inputs[1], inputs[2]),
        EMIT_ATTRIBUTES(attribute_of_text("mode", mode),
                        attribute_of_text("coordinate_transformation_mode",
                                          nearest || corners ? "asymmetric" : "half_pixel"),
                        attribute_of_text("nearest_mode", "floor"),
                        attribute_of_float("cubic_coeff_a", -0.5),
                        attribute_of_int("exclude_outside", !strcmp(mode, "cubic"))),
        y, err);
}

/* Rows and columns times so many, as TensorFlow has it. */
static enum status enlarge_by_table(struct call *c, const int64_t *times, value_id *y,
                                    struct error *err)
{
    bool first = config_channels_first(c, 2);
    int64_t at = first ? 2 : 1;
    value_id x = c->in[0].value, size, factors;

    TRY(emit_1(c->e, "Shape", x, &size, err));
    TRY(emit_slice(c->e, size, 0, at, at + 2, 1, &size, err));
    TRY(emit_ints(c->e, times, 2, &factors, err));
    TRY(emit_2(c->e, "Mul", size, factors, &size, err));
    return image_resize_as_tensorflow(c, first, x, size, "bicubic", y, err);
}

static enum status up_sampling(struct call *c, int spatial, struct error *err)
{
    static const char *const MODES[][2] = {
        {"nearest", "nearest"}, {"bilinear", "linear"}, {"bicubic", "cubic"}};
    const char *key = config_get(c, "size", NULL) ? "size" : "length";
    struct bytes how = config_text_or(c, "interpolation", NULL, "nearest");
    int64_t times[SPATIAL_MAX];
    bool table = false;
    struct image image;
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(config_ints(c, key, (size_t)spatial, 2, times, err));
    for (int d = 0; d < spatial; d++)
        if (times[d] < 1 || times[d] > 1 << 16)
            return error_set(err, STATUS_INVALID_INPUT, "its size is %lld", (long long)times[d]);
    if (bytes_is(how, "bicubic") && spatial == 2)
        TRY(resizes_as_tensorflow(c->k, how, &table, err));
    if (table) {
        TRY(enlarge_by_table(c, times, &y, err));
        return call_give(c, y);
    }
    for (size_t i = 0; i < ARRAY_COUNT(MODES); i++)
        if (bytes_is(how, MODES[i][0])) {
            TRY(enlarge(c, spatial, times, MODES[i][1], &y, err));
            return call_give(c, y);
        }
    if (spatial != 2)
        return error_set(err, STATUS_UNSUPPORTED, "such an interpolation");
    image.rows = config_channels_first(c, 2) ? 2 : 1;
    image.columns = image.rows + 1;
    TRY(call_dim(c, 0, image.rows, &image.height, err));
    TRY(call_dim(c, 0, image.columns, &image.width, err));
    image.height *= times[0];
    image.width *= times[1];
    TRY(image_resize(c, &image, c->in[0].value, how, false, &y, err));
    return call_give(c, y);
}

#define SIDES(n)                                                                                   \
    static enum status zero_padding_##n(struct call *c, struct error *err)                         \
    {                                                                                              \
        return zero_padding(c, n, err);                                                            \
    }                                                                                              \
    static enum status cropping_##n(struct call *c, struct error *err)                             \
    {                                                                                              \
        return cropping(c, n, err);                                                                \
    }                                                                                              \
    static enum status up_sampling_##n(struct call *c, struct error *err)                          \
    {                                                                                              \
        return up_sampling(c, n, err);                                                             \
    }
SIDES(1)
SIDES(2)
SIDES(3)

const struct layer_set layers_resize = LAYER_SET(
    {.name = "ZeroPadding1D", .lower = zero_padding_1},
    {.name = "ZeroPadding2D", .lower = zero_padding_2},
    {.name = "ZeroPadding3D", .lower = zero_padding_3}, {.name = "Cropping1D", .lower = cropping_1},
    {.name = "Cropping2D", .lower = cropping_2}, {.name = "Cropping3D", .lower = cropping_3},
    {.name = "UpSampling1D", .lower = up_sampling_1},
    {.name = "UpSampling2D", .lower = up_sampling_2},
    {.name = "UpSampling3D", .lower = up_sampling_3}, );
