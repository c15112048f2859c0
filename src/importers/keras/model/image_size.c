// SPDX-License-Identifier: Apache-2.0
/* Images (batch, rows, columns, channels), or with the channels first, of another size. */
#include "base/text.h"
#include "importers/keras/internal.h"

static enum status side_of(const struct call *c, value_id x, int axis, int64_t *size,
                           struct error *err)
{
    *size = emit_shape(c->e, x)->dims[axis];
    return *size > 0 && *size < 1 << 24
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "dimension %d of its input is not known", axis);
}

enum status resizes_as_tensorflow(const struct keras *k, struct bytes interpolation, bool *as,
                                  struct error *err)
{
    bool stated = k->generation < 3 || k->backend.size, cubic = bytes_is(interpolation, "bicubic");

    *as = k->generation < 3 || !stated || bytes_is(k->backend, "tensorflow");
    if (*as && !stated && cubic)
        return description_warn(k->description, k->keep, err,
                                "'%.64s' is bicubic: as on Keras' TensorFlow, for .keras does not "
                                "state its backend",
                                k->e.where);
    if (*as || !cubic || bytes_is(k->backend, "jax") || bytes_is(k->backend, "numpy"))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "bicubic as backend '%.*s' has it",
                     (int)(k->backend.size < 32 ? k->backend.size : 32),
                     (const char *)k->backend.data);
}

enum status image_resize_as_tensorflow(struct call *c, bool first, value_id x, value_id size,
                                       const char *method, value_id *y, struct error *err)
{
    static const int64_t TO_LAST[] = {0, 2, 3, 1}, TO_FIRST[] = {0, 3, 1, 2};
    enum dtype own = emit_dtype(c->e, x);

    TRY(emit_cast(c->e, x, DTYPE_F32, &x, err));
    if (first)
        TRY(emit_transpose(c->e, x, TO_LAST, 4, &x, err));
    TRY(emit_node(c->e, "firn", "ResizeImage", EMIT(x, size),
                  EMIT_ATTRIBUTES(attribute_of_text("method", method),
                                  attribute_of_int("corners", 0), attribute_of_int("half", 1)),
                  y, err));
    TRY(emit_cast(c->e, *y, own, y, err));
    return first ? emit_transpose(c->e, *y, TO_FIRST, 4, y, err) : STATUS_OK;
}

/* By TensorFlow's kernels, which want the channels last. */
static enum status resize_lanczos(struct call *c, const struct image *image, value_id x,
                                  struct bytes interpolation, bool antialias, value_id *y,
                                  struct error *err)
{
    static const int64_t TO_LAST[] = {0, 2, 3, 1}, TO_FIRST[] = {0, 3, 1, 2};
    const char *kernel = bytes_is(interpolation, "lanczos3") ? "lanczos3" : "lanczos5";
    value_id size, scale, translation;
    struct tensor factors, zeros;
    struct shape two = SHAPE(2);
    int64_t height, width;

    TRY(side_of(c, x, image->rows, &height, err));
    TRY(side_of(c, x, image->columns, &width, err));
    TRY(tensor_new(&factors, DTYPE_F32, &two, c->k->keep, err));
    TRY(tensor_new(&zeros, DTYPE_F32, &two, c->k->keep, err));
    ((float *)factors.data)[0] = (float)image->height / (float)height;
    ((float *)factors.data)[1] = (float)image->width / (float)width;
    TRY(emit_constant(c->e, &factors, &scale, err));
    TRY(emit_constant(c->e, &zeros, &translation, err));
    TRY(EMIT_INTS(c->e, &size, err, image->height, image->width));
    TRY(emit_cast(c->e, size, DTYPE_I32, &size, err));
    TRY(emit_cast(c->e, x, DTYPE_F32, &x, err));
    if (image->rows == 2)
        TRY(emit_transpose(c->e, x, TO_LAST, 4, &x, err));
    TRY(emit_node(c->e, "firn", "ScaleTranslate", EMIT(x, size, scale, translation),
                  EMIT_ATTRIBUTES(attribute_of_text("kernel", kernel),
                                  attribute_of_int("antialias", antialias)),
                  y, err));
    return image->rows == 2 ? emit_transpose(c->e, *y, TO_FIRST, 4, y, err) : STATUS_OK;
}

/* x with its rows and columns made `height` and `width`, which may both be unlike before. */
enum status image_resize(struct call *c, const struct image *image, value_id x,
                         struct bytes interpolation, bool antialias, value_id *y, struct error *err)
{
    bool nearest = bytes_is(interpolation, "nearest"), cubic = bytes_is(interpolation, "bicubic");
    struct attribute attributes[6];
    value_id in[4] = {x, VALUE_NONE, VALUE_NONE, VALUE_NONE}, shape, size, rest;
    bool as_tensorflow = false;
    size_t count = 0;

    if (bytes_is(interpolation, "lanczos3") || bytes_is(interpolation, "lanczos5"))
        return resize_lanczos(c, image, x, interpolation, antialias, y, err);
    if (!nearest && !cubic && !bytes_is(interpolation, "bilinear"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'interpolation' is not supported");
    if (!antialias)
        TRY(resizes_as_tensorflow(c->k, interpolation, &as_tensorflow, err));
    if (as_tensorflow) {
        TRY(EMIT_INTS(c->e, &size, err, image->height, image->width));
        return image_resize_as_tensorflow(c, image->rows == 2, x, size,
                                          nearest ? "nearest"
                                          : cubic ? "bicubic"
                                                  : "bilinear",
                                          y, err);
    }
    attributes[count++] = attribute_of_text("mode", nearest ? "nearest"
                                                    : cubic ? "cubic"
                                                            : "linear");
    attributes[count++] = attribute_of_text("coordinate_transformation_mode", "half_pixel");
    attributes[count++] = attribute_of_text("nearest_mode", "round_prefer_ceil");
    attributes[count++] = attribute_of_int("antialias", antialias && !nearest);
    if (cubic)
        attributes[count++] = attribute_of_float("cubic_coeff_a", -0.5);
    if (cubic || antialias)
        attributes[count++] = attribute_of_int("exclude_outside", 1);
    TRY(emit_1(c->e, "Shape", x, &shape, err));
    TRY(EMIT_INTS(c->e, &size, err, image->height, image->width));
    TRY(emit_slice(c->e, shape, 0, 0, image->rows, 1, &in[3], err));
    TRY(emit_slice(c->e, shape, 0, image->columns + 1, INT64_MAX, 1, &rest, err));
    TRY(emit_concat(c->e, EMIT(in[3], size, rest), 0, &in[3], err));
    return emit(c->e, "", "Resize", in, 4, attributes, count, y, 1, err);
}

/* The largest part in the middle that has the sides' ratio of the target. */
enum status image_crop(struct call *c, const struct image *image, value_id *x, struct error *err)
{
    int64_t height, width, rows, columns, top, left;

    TRY(side_of(c, *x, image->rows, &height, err));
    TRY(side_of(c, *x, image->columns, &width, err));
    rows = (int64_t)((double)(width * image->height) / (double)image->width);
    columns = (int64_t)((double)(height * image->width) / (double)image->height);
    rows = rows < height ? rows : height;
    columns = columns < width ? columns : width;
    rows = rows > 1 ? rows : 1;
    columns = columns > 1 ? columns : 1;
    top = (height - rows) / 2;
    left = (width - columns) / 2;
    TRY(emit_slice(c->e, *x, image->rows, top, top + rows, 1, x, err));
    return emit_slice(c->e, *x, image->columns, left, left + columns, 1, x, err);
}

/* A border on two sides, so that the image has the sides' ratio of the target. */
enum status image_pad(struct call *c, const struct image *image, double fill_value, value_id *x,
                      struct error *err)
{
    int64_t height, width, rows, columns, pads[8] = {0};
    value_id list, fill;

    TRY(side_of(c, *x, image->rows, &height, err));
    TRY(side_of(c, *x, image->columns, &width, err));
    rows = (int64_t)((double)(width * image->height) / (double)image->width);
    columns = (int64_t)((double)(height * image->width) / (double)image->height);
    rows = rows > height ? (rows - height) / 2 : 0;
    columns = columns > width ? (columns - width) / 2 : 0;
    if (rows)
        columns = 0;
    pads[image->rows] = pads[4 + image->rows] = rows;
    pads[image->columns] = pads[4 + image->columns] = columns;
    TRY(emit_ints(c->e, pads, 8, &list, err));
    TRY(emit_number(c->e, emit_dtype(c->e, *x), fill_value, &fill, err));
    return emit_node(c->e, "", "Pad", EMIT(*x, list, fill), EMIT_PLAIN, x, err);
}
