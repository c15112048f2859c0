// SPDX-License-Identifier: Apache-2.0
#include "filters/image.h"

#include "base/text.h"

static const char *const ASPECTS[] = {"stretch", "crop", "pad", NULL};
static const char *const ORDERS[] = {"field", "RGB", "BGR", "RGBA", "gray", NULL};
const char *const IMAGE_LAYOUTS[] = {"field", "NHWC", "NCHW", "HWC", "CHW",
                                     "NHW",   "HW",   "flat", NULL};
const char *const IMAGE_INTERPOLATIONS[] = {"nearest", "bilinear", "bicubic",
                                            "area",    "lanczos",  NULL};

const struct filter_option IMAGE_OPTIONS[] = {
    {"size", FILTER_NUMBERS, offsetof(struct image_filter, size),
     "height and width, or one number for both (what the field says)", 1, IMAGE_SIDE_MAX, NULL},
    {"aspect", FILTER_CHOICE, offsetof(struct image_filter, aspect),
     "stretch; crop: the shorter side fits, the middle is cut out; pad: the longer side fits", 0, 0,
     ASPECTS},
    {"resize", FILTER_INTEGER, offsetof(struct image_filter, resize),
     "with crop: the shorter side before the middle of `size` is cut out", 1, IMAGE_SIDE_MAX, NULL},
    {"crop", FILTER_NUMBERS, offsetof(struct image_filter, box),
     "top, left, height, width of the file's pixels: these alone", 0, 1 << 24, NULL},
    {"fill", FILTER_NUMBERS, offsetof(struct image_filter, fill),
     "with pad: 0 to 255, one number or one a channel (0)", 0, 255, NULL},
    {"interpolation", FILTER_CHOICE, offsetof(struct image_filter, interpolation),
     "nearest, bilinear, bicubic, area, lanczos, as Pillow (bilinear)", 0, 0, IMAGE_INTERPOLATIONS},
    {"channels", FILTER_CHOICE, offsetof(struct image_filter, channels),
     "RGB, BGR, RGBA or gray (RGB, or gray where the field has one channel)", 0, 0, ORDERS},
    {"layout", FILTER_CHOICE, offsetof(struct image_filter, layout),
     "NHWC, NCHW, HWC, CHW, NHW, HW, flat (what the field says)", 0, 0, IMAGE_LAYOUTS},
    {"scale", FILTER_NUMBER, offsetof(struct image_filter, scale),
     "what values of 0 to 255 are multiplied by first (1)", 0, 0, NULL},
    {"mean", FILTER_NUMBERS, offsetof(struct image_filter, mean),
     "what is then subtracted, one number or one a channel, in the order of `channels` (0)", 0, 0,
     NULL},
    {"std", FILTER_NUMBERS, offsetof(struct image_filter, std),
     "what is then divided by, one number or one a channel (1)", 0, 0, NULL},
    {"upright", FILTER_BOOL, offsetof(struct image_filter, upright),
     "turn it as its EXIF orientation says (false)", 0, 0, NULL},
    {"pixels-max", FILTER_INTEGER, offsetof(struct image_filter, pixels_max),
     "more pixels in a file are refused (67108864)", 1, (double)((int64_t)1 << 28), NULL},
    {0},
};

void image_defaults(void *options)
{
    *(struct image_filter *)options = (struct image_filter){
        .interpolation = IMAGE_BILINEAR, .scale = 1, .pixels_max = (int64_t)1 << 26};
}

/* --- what the field says --- */

/* Where in the field's shape height, width and channels stand; -1: nowhere. */
struct places {
    int height, width, channels, rank;
};

static const struct places PLACES[] = {
    [IMAGE_NHWC] = {1, 2, 3, 4},    [IMAGE_NCHW] = {2, 3, 1, 4}, [IMAGE_HWC] = {0, 1, 2, 3},
    [IMAGE_CHW] = {1, 2, 0, 3},     [IMAGE_NHW] = {1, 2, -1, 3}, [IMAGE_HW] = {0, 1, -1, 2},
    [IMAGE_FLAT] = {-1, -1, -1, 2},
};

static bool may_be_channels(int64_t dim)
{
    return dim == 1 || dim == 3 || dim == 4;
}

/* By where there are 1, 3 or 4; field: not clear. */
static enum image_layout layout_of(const struct shape *shape)
{
    const int64_t *d = shape->dims;

    if (shape->rank == 4 && may_be_channels(d[3]) != may_be_channels(d[1]))
        return may_be_channels(d[3]) ? IMAGE_NHWC : IMAGE_NCHW;
    if (shape->rank == 3 && may_be_channels(d[2]) && d[0] > 4)
        return IMAGE_HWC;
    if (shape->rank == 3 && (d[0] == 3 || d[0] == 4) && !may_be_channels(d[2]))
        return IMAGE_CHW;
    if (shape->rank == 3 && d[0] <= 1 && d[1] > 4 && d[2] > 4)
        return IMAGE_NHW;
    if (shape->rank == 2)
        return IMAGE_FLAT;
    return IMAGE_LAYOUT_OF_FIELD;
}

static enum status find_layout(struct filter_step *step, struct image_filter *o, struct error *err)
{
    const struct shape *shape = &step->wanted.shape;
    char printed[SHAPE_PRINT_SIZE];

    shape_print(shape, printed, sizeof printed);
    if (shape->rank < 0)
        return filter_error(step, err,
                            "the shape of the field is not known; declare it in the contract");
    if (o->layout == IMAGE_LAYOUT_OF_FIELD)
        o->layout = (int)layout_of(shape);
    if (o->layout == IMAGE_LAYOUT_OF_FIELD)
        return filter_error(step, err,
                            "which layout %s is does not show; say layout: NHWC, NCHW, HWC, CHW, "
                            "NHW, HW or flat",
                            printed);
    if (PLACES[o->layout].rank != shape->rank)
        return filter_error(step, err, "layout %s has %d dimensions, but the field is %s",
                            IMAGE_LAYOUTS[o->layout], PLACES[o->layout].rank, printed);
    return STATUS_OK;
}

static int64_t dim_at(const struct filter_step *step, int place)
{
    return place < 0 ? DIM_UNKNOWN : step->wanted.shape.dims[place];
}

static enum status find_depth(struct filter_step *step, struct image_filter *o, struct error *err)
{
    static const int64_t DEPTHS[] = {0, 3, 3, 4, 1};
    const struct places *p = &PLACES[o->layout];
    int64_t dim = dim_at(step, p->channels);
    bool none = p->channels < 0 && o->layout != IMAGE_FLAT;

    if (none)
        dim = 1;
    if (o->channels == IMAGE_ORDER_OF_FIELD)
        o->channels = dim == 1 ? IMAGE_GRAY : dim == 4 ? IMAGE_RGBA : IMAGE_RGB;
    o->depth = DEPTHS[o->channels];
    if (dim >= 0 && dim != o->depth)
        return filter_error(step, err, "channels %s are %lld, but the field has %lld",
                            ORDERS[o->channels], (long long)o->depth, (long long)dim);
    return STATUS_OK;
}

static enum status find_size(struct filter_step *step, struct image_filter *o, struct error *err)
{
    const struct places *p = &PLACES[o->layout];
    int64_t height = dim_at(step, p->height), width = dim_at(step, p->width);

    if (o->size.count > 2)
        return filter_error(step, err, "size is height and width, not %zu numbers", o->size.count);
    for (size_t i = 0; i < o->size.count; i++)
        if (o->size.values[i] != (double)(int64_t)o->size.values[i])
            return filter_error(step, err, "size %g is no whole number", o->size.values[i]);
    o->height = o->size.count ? (int64_t)o->size.values[0] : height;
    o->width = o->size.count ? (int64_t)o->size.values[o->size.count - 1] : width;
    if (o->height < 1 || o->width < 1)
        return filter_error(step, err,
                            "the field does not say height and width; say size: [height, width]");
    if ((height >= 0 && height != o->height) || (width >= 0 && width != o->width))
        return filter_error(step, err, "size is %lld by %lld, but the field's is %lld by %lld",
                            (long long)o->height, (long long)o->width, (long long)height,
                            (long long)width);
    if (o->height > IMAGE_SIDE_MAX || o->width > IMAGE_SIDE_MAX)
        return filter_error(step, err, "a side of more than %d", IMAGE_SIDE_MAX);
    if (o->layout == IMAGE_FLAT && step->wanted.shape.dims[1] >= 0 &&
        step->wanted.shape.dims[1] != o->height * o->width * o->depth)
        return filter_error(step, err, "%lld by %lld by %lld values, but the field has %lld",
                            (long long)o->height, (long long)o->width, (long long)o->depth,
                            (long long)step->wanted.shape.dims[1]);
    return STATUS_OK;
}

static enum status check_counts(struct filter_step *step, const struct image_filter *o,
                                struct error *err)
{
    const struct {
        const char *name;
        const struct filter_numbers *numbers;
    } LISTS[] = {{"mean", &o->mean}, {"std", &o->std}, {"fill", &o->fill}};

    for (size_t i = 0; i < ARRAY_COUNT(LISTS); i++)
        if (LISTS[i].numbers->count > 1 && (int64_t)LISTS[i].numbers->count != o->depth)
            return filter_error(step, err, "%s has %zu numbers, but there are %lld channels",
                                LISTS[i].name, LISTS[i].numbers->count, (long long)o->depth);
    for (size_t i = 0; i < o->std.count; i++)
        if (o->std.values[i] == 0)
            return filter_error(step, err, "std is 0");
    if (o->box.count && o->box.count != 4)
        return filter_error(step, err, "crop is top, left, height, width");
    if (o->resize && o->aspect != IMAGE_CROP)
        return filter_error(step, err, "resize goes with aspect: crop");
    if (o->resize && (o->resize < o->height || o->resize < o->width))
        return filter_error(step, err, "resize %lld is smaller than size", (long long)o->resize);
    if (o->fill.count && o->aspect != IMAGE_PAD)
        return filter_error(step, err, "fill goes with aspect: pad");
    return STATUS_OK;
}

static bool is_plain(const struct image_filter *o)
{
    return o->scale == 1 && !o->mean.count && !o->std.count;
}

enum status image_given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct image_filter *o = step->options;
    bool batch;

    TRY(find_layout(step, o, err));
    TRY(find_depth(step, o, err));
    TRY(find_size(step, o, err));
    TRY(check_counts(step, o, err));
    if (step->wanted.dtype == DTYPE_NONE)
        step->wanted.dtype = DTYPE_F32;
    if (!dtype_is_float(step->wanted.dtype) && !dtype_is_integer(step->wanted.dtype))
        return filter_error(step, err, "it gives numbers, but the field is %s",
                            dtype_name(step->wanted.dtype));
    if (step->wanted.dtype == DTYPE_I8)
        return filter_error(step, err, "bytes of 0 to 255 do not fit into int8");
    if (!dtype_is_float(step->wanted.dtype) && !is_plain(o))
        return filter_error(step, err, "scale, mean and std give fractions, but the field is %s",
                            dtype_name(step->wanted.dtype));
    batch = o->layout != IMAGE_HWC && o->layout != IMAGE_CHW && o->layout != IMAGE_HW;
    *given = (struct filter_type){DTYPE_STRING, shape_scalar(), PROFILE_IMAGE};
    if (batch)
        given->shape = SHAPE(step->wanted.shape.dims[0]);
    return STATUS_OK;
}

/* --- nodes --- */

/* One number, or (depth,) in the shape that is broadcast over the layout. */
static enum status numbers_emit(struct filter_step *step, const struct image_filter *o,
                                const struct filter_numbers *numbers, enum dtype dtype,
                                value_id *value, struct error *err)
{
    bool first = o->layout == IMAGE_NCHW || o->layout == IMAGE_CHW;
    struct shape shape = SHAPE(o->depth);
    struct tensor tensor;

    if (numbers->count == 1)
        return emit_number(&step->emit, dtype, numbers->values[0], value, err);
    if (first)
        shape = SHAPE(o->depth, 1, 1);
    TRY(tensor_new(&tensor, dtype, &shape, &step->chains->memory, err));
    for (size_t i = 0; i < numbers->count; i++)
        tensor_set_f64(&tensor, i, numbers->values[i]);
    return emit_constant(&step->emit, &tensor, value, err);
}

static enum status arithmetic(struct filter_step *step, const struct image_filter *o, value_id *x,
                              struct error *err)
{
    enum dtype dtype = step->wanted.dtype == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32;
    value_id other;

    if (is_plain(o))
        return STATUS_OK;
    TRY(emit_cast(&step->emit, *x, dtype, x, err));
    if (o->scale != 1) {
        double whole = 1 / o->scale;
        bool divide = whole > 1 && whole < 0x1p53 && whole == (double)(int64_t)whole;
        /* x / 255 as others write it */

        TRY(emit_number(&step->emit, dtype, divide ? whole : o->scale, &other, err));
        TRY(emit_2(&step->emit, divide ? "Div" : "Mul", *x, other, x, err));
    }
    if (o->mean.count) {
        TRY(numbers_emit(step, o, &o->mean, dtype, &other, err));
        TRY(emit_2(&step->emit, "Sub", *x, other, x, err));
    }
    if (o->std.count) {
        TRY(numbers_emit(step, o, &o->std, dtype, &other, err));
        TRY(emit_2(&step->emit, "Div", *x, other, x, err));
    }
    return STATUS_OK;
}

static enum status file_emit(struct filter_step *step, const struct image_filter *o, value_id in,
                             value_id *out, struct error *err)
{
    static const char *const UPPER_HOWS[] = {"NEAREST", "BILINEAR", "BICUBIC", "AREA", "LANCZOS"};
    static const char *const UPPER_ASPECTS[] = {"STRETCH", "CROP", "PAD"};
    static const char *const UPPER_ORDERS[] = {"", "RGB", "BGR", "RGBA", "GRAY"};
    int64_t size[2] = {o->height, o->width}, box[4], fill[4];
    struct attribute attributes[10] = {
        attribute_of_ints("size", size, 2),
        attribute_of_text("channels", UPPER_ORDERS[o->channels]),
        attribute_of_text("aspect", UPPER_ASPECTS[o->aspect]),
        attribute_of_text("interpolation", UPPER_HOWS[o->interpolation]),
        attribute_of_int("upright", o->upright),
        attribute_of_int("shorter", o->resize),
        attribute_of_int("pixels_max", o->pixels_max),
    };
    size_t count = 7;

    for (size_t i = 0; i < o->box.count; i++)
        box[i] = (int64_t)o->box.values[i];
    /* pixels are filled before red and blue change places */
    for (size_t i = 0; i < o->fill.count; i++)
        fill[o->channels == IMAGE_BGR ? o->fill.count - 1 - i : i] = (int64_t)o->fill.values[i];
    if (o->box.count)
        attributes[count++] = attribute_of_ints("box", box, 4);
    if (o->fill.count)
        attributes[count++] = attribute_of_ints("fill", fill, o->fill.count);
    return emit_node(&step->emit, "firn", "ImageFile", EMIT(in),
                     (struct emit_attributes){attributes, count}, out, err);
}

enum status image_build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    static const int64_t FIRST[] = {0, 3, 1, 2}, FIRST_ALONE[] = {2, 0, 1};
    const struct image_filter *o = step->options;
    const struct emitter *e = &step->emit;
    bool first = o->layout == IMAGE_NCHW || o->layout == IMAGE_CHW;
    bool batch = o->layout == IMAGE_NCHW, deep;
    value_id x;

    TRY(file_emit(step, o, in, &x, err));
    if (first && o->reshape && batch)
        TRY(emit_reshape(e, x, (const int64_t[]){0, o->depth, o->height, o->width}, 4, &x, err));
    else if (first && o->reshape)
        TRY(emit_reshape(e, x, (const int64_t[]){o->depth, o->height, o->width}, 3, &x, err));
    else if (first)
        TRY(emit_transpose(e, x, batch ? FIRST : FIRST_ALONE, batch ? 4 : 3, &x, err));
    TRY(arithmetic(step, o, &x, err));
    deep = o->layout == IMAGE_NHW || o->layout == IMAGE_HW;
    if (deep)
        TRY(emit_squeeze(e, x, -1, &x, err));
    if (o->layout == IMAGE_FLAT)
        TRY(emit_reshape(e, x, (const int64_t[]){0, o->height * o->width * o->depth}, 2, &x, err));
    return emit_cast(e, x, step->wanted.dtype, out, err);
}
