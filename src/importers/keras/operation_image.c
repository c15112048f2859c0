// SPDX-License-Identifier: Apache-2.0
/* keras.ops.image, and what moves pixels between channels and places. Images have four dimensions.
 */
#include "base/text.h"
#include "importers/keras/internal.h"

static bool channels_first(const struct call *c)
{
    struct bytes format;

    return json_string(operand_option(c, SIZE_MAX, "data_format"), &format) &&
           (bytes_is(format, "channels_first") || bytes_is(format, "NCHW"));
}

static enum status images_of(struct call *c, value_id *x, struct error *err)
{
    TRY(operand_tensor(c, 0, OPERAND_1 " images image", x, err));
    if (emit_shape(c->e, *x)->rank != 4)
        return error_set(err, STATUS_UNSUPPORTED, "images of %d dimensions",
                         emit_shape(c->e, *x)->rank);
    return STATUS_OK;
}

/* --- size --- */

static enum status resize(struct call *c, struct error *err)
{
    struct bytes interpolation = bytes_of("bilinear"), mode = bytes_of("constant");
    int64_t size[2];
    struct image image;
    enum dtype own;
    size_t count;
    value_id x;

    TRY(images_of(c, &x, err));
    TRY(option_ints(c, 1, "size", size, 2, &count, err));
    json_string(operand_option(c, 2, "interpolation method"), &interpolation);
    json_string(operand_option(c, SIZE_MAX, "fill_mode"), &mode);
    if (count != 2 || size[0] < 1 || size[1] < 1 || size[0] > 1 << 16 || size[1] > 1 << 16)
        return error_set(err, STATUS_UNSUPPORTED, "a size of %zu numbers", count);
    if (!bytes_is(mode, "constant"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'fill_mode' is not constant");
    image.rows = channels_first(c) ? 2 : 1;
    image.columns = image.rows + 1;
    image.height = size[0];
    image.width = size[1];
    own = emit_dtype(c->e, x);
    TRY(emit_cast(c->e, x, dtype_is_float(own) ? own : DTYPE_F32, &x, err));
    if (option_bool(c, SIZE_MAX, "crop_to_aspect_ratio", false))
        TRY(image_crop(c, &image, &x, err));
    else if (option_bool(c, SIZE_MAX, "pad_to_aspect_ratio", false))
        TRY(image_pad(c, &image, option_number(c, SIZE_MAX, "fill_value", 0), &x, err));
    option_number(c, SIZE_MAX, "fill_value", 0);
    TRY(image_resize(c, &image, x, interpolation, option_bool(c, SIZE_MAX, "antialias", false), &x,
                     err));
    if (!dtype_is_float(own) && (c->k->generation > 2 || bytes_is(interpolation, "nearest")))
        return error_set(err, STATUS_UNSUPPORTED, "images of %s", dtype_name(own));
    return call_give(c, x);
}

/* Two of the three numbers of a side: before, after, in all. */
static enum status side_of(struct call *c, const char *before, const char *after, const char *all,
                           int64_t size, bool crop, int64_t ends[2], struct error *err)
{
    int64_t total;

    TRY(option_int(c, SIZE_MAX, before, -1, &ends[0], err));
    TRY(option_int(c, SIZE_MAX, after, -1, &ends[1], err));
    TRY(option_int(c, SIZE_MAX, all, -1, &total, err));
    if (size < 1)
        return error_set(err, STATUS_UNSUPPORTED, "the size of its images is not known");
    if (total >= 0) {
        int64_t rest = crop ? size - total : total - size;

        if (ends[0] >= 0 && ends[1] < 0)
            ends[1] = rest - ends[0];
        else if (ends[1] >= 0 && ends[0] < 0)
            ends[0] = rest - ends[1];
    }
    if (ends[0] < 0 || ends[1] < 0 || ends[0] > 1 << 24 || ends[1] > 1 << 24)
        return error_set(err, STATUS_UNSUPPORTED, "'%s', '%s' and '%s' do not tell a side", before,
                         after, all);
    return STATUS_OK;
}

static enum status pad_images(struct call *c, struct error *err)
{
    int64_t rows[2], columns[2], pads[8] = {0};
    int at = channels_first(c) ? 2 : 1;
    value_id x, list, y;

    TRY(images_of(c, &x, err));
    TRY(side_of(c, "top_padding", "bottom_padding", "target_height", emit_shape(c->e, x)->dims[at],
                false, rows, err));
    TRY(side_of(c, "left_padding", "right_padding", "target_width",
                emit_shape(c->e, x)->dims[at + 1], false, columns, err));
    for (int end = 0; end < 2; end++) {
        pads[4 * end + at] = rows[end];
        pads[4 * end + at + 1] = columns[end];
    }
    TRY(emit_ints(c->e, pads, 8, &list, err));
    TRY(emit_2(c->e, "Pad", x, list, &y, err));
    return call_give(c, y);
}

static enum status crop_images(struct call *c, struct error *err)
{
    int64_t rows[2], columns[2];
    int at = channels_first(c) ? 2 : 1;
    value_id x;

    TRY(images_of(c, &x, err));
    TRY(side_of(c, "top_cropping", "bottom_cropping", "target_height",
                emit_shape(c->e, x)->dims[at], true, rows, err));
    TRY(side_of(c, "left_cropping", "right_cropping", "target_width",
                emit_shape(c->e, x)->dims[at + 1], true, columns, err));
    TRY(emit_slice(c->e, x, at, rows[0], rows[1] ? -rows[1] : INT64_MAX, 1, &x, err));
    TRY(emit_slice(c->e, x, at + 1, columns[0], columns[1] ? -columns[1] : INT64_MAX, 1, &x, err));
    return call_give(c, x);
}

static enum status extract_patches(struct call *c, struct error *err)
{
    int64_t size[2], strides[2], dilations[2] = {1, 1};
    struct bytes padding = bytes_of("valid");
    size_t count, steps, holes;
    value_id x, y;

    TRY(images_of(c, &x, err));
    TRY(option_ints(c, SIZE_MAX, "size", size, 2, &count, err));
    TRY(option_ints(c, SIZE_MAX, "strides", strides, 2, &steps, err));
    TRY(option_ints(c, SIZE_MAX, "dilation_rate", dilations, 2, &holes, err));
    json_string(operand_option(c, SIZE_MAX, "padding"), &padding);
    if (!count || channels_first(c))
        return error_set(err, STATUS_UNSUPPORTED, "patches of channels first, or of no size");
    size[1] = count == 1 ? size[0] : size[1];
    if (!steps)
        memcpy(strides, size, sizeof size);
    strides[1] = steps == 1 ? strides[0] : strides[1];
    dilations[1] = holes == 1 ? dilations[0] : dilations[1];
    TRY(emit_node(
        c->e, "firn", "ExtractPatches", EMIT(x),
        EMIT_ATTRIBUTES(
            attribute_of_ints("kernel_shape", size, 2), attribute_of_ints("strides", strides, 2),
            attribute_of_ints("dilations", dilations, 2),
            attribute_of_text("auto_pad", bytes_is(padding, "same") ? "SAME_UPPER" : "VALID")),
        &y, err));
    return call_give(c, y);
}

/* --- colours --- */

static enum status to_grey(struct call *c, struct error *err)
{
    static const double WEIGHTS[] = {0.2989, 0.5870, 0.1140};
    int64_t axis = channels_first(c) ? 1 : 3;
    value_id x, part, factor, y = VALUE_NONE;

    TRY(images_of(c, &x, err));
    if (emit_shape(c->e, x)->dims[axis] != 3 || !dtype_is_float(emit_dtype(c->e, x)))
        return error_set(err, STATUS_UNSUPPORTED, "images of other than 3 channels of floats");
    for (int64_t i = 0; i < 3; i++) {
        TRY(emit_slice(c->e, x, axis, i, i + 1, 1, &part, err));
        TRY(emit_number(c->e, emit_dtype(c->e, x), WEIGHTS[i], &factor, err));
        TRY(emit_2(c->e, "Mul", part, factor, &part, err));
        if (i)
            TRY(emit_2(c->e, "Add", y, part, &part, err));
        y = part;
    }
    return call_give(c, y);
}

static enum status colours(struct call *c, struct error *err)
{
    value_id x, y;

    TRY(images_of(c, &x, err));
    if (channels_first(c))
        return error_set(err, STATUS_UNSUPPORTED, "channels first");
    TRY(emit_node(c->e, "firn", call_is(c, "RGBToHSV") ? "RgbToHsv" : "HsvToRgb", EMIT(x),
                  EMIT_PLAIN, &y, err));
    return call_give(c, y);
}

/* --- channels and places --- */

/* Channels as (block, block, channels), TensorFlow's order; to their places, or from there. */
static enum status depth_space(struct call *c, struct error *err)
{
    static const int64_t TO_LAST[] = {0, 2, 3, 1}, TO_FIRST[] = {0, 3, 1, 2};
    static const int64_t SPREAD[] = {0, 1, 3, 2, 4, 5};
    bool spread = call_is(c, "DepthToSpace"), first = channels_first(c);
    int64_t block, rows, columns, channels;
    const struct shape *shape;
    value_id x;

    TRY(images_of(c, &x, err));
    TRY(option_int(c, 1, "block_size", 0, &block, err));
    if (first)
        TRY(emit_transpose(c->e, x, TO_LAST, 4, &x, err));
    shape = emit_shape(c->e, x);
    rows = shape->dims[1];
    columns = shape->dims[2];
    channels = shape->dims[3];
    if (block < 1 || block > 1 << 12 || rows < 1 || columns < 1 || channels < 1 ||
        (spread ? channels % (block * block) : rows % block || columns % block))
        return error_set(err, STATUS_UNSUPPORTED, "blocks of %lld of such images",
                         (long long)block);
    if (spread) {
        channels /= block * block;
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1, rows, columns, block, block, channels}, 6,
                         &x, err));
    } else {
        rows /= block;
        columns /= block;
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1, rows, block, columns, block, channels}, 6,
                         &x, err));
    }
    TRY(emit_transpose(c->e, x, SPREAD, 6, &x, err));
    if (spread)
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1, rows * block, columns * block, channels}, 4,
                         &x, err));
    else
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1, rows, columns, block * block * channels}, 4,
                         &x, err));
    if (first)
        TRY(emit_transpose(c->e, x, TO_FIRST, 4, &x, err));
    return call_give(c, x);
}

const struct layer_set layers_operation_image = OPERATION_SET(
    {.name = "Resize", .lower = resize}, {.name = "PadImages", .lower = pad_images},
    {.name = "CropImages", .lower = crop_images},
    {.name = "ExtractPatches", .lower = extract_patches},
    {.name = "RGBToGrayscale", .lower = to_grey}, {.name = "RGBToHSV", .lower = colours},
    {.name = "HSVToRGB", .lower = colours}, {.name = "DepthToSpace", .lower = depth_space},
    {.name = "SpaceToDepth", .lower = depth_space}, );
