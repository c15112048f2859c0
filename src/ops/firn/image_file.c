// SPDX-License-Identifier: Apache-2.0
/* ImageFile: image files as bytes of one size, as Pillow converts and then resizes them.
 *
 * files (...) string: what a JPEG, PNG, WebP, GIF, BMP, TIFF or PNM file holds, or that in base64,
 * or as a data: URL -> (..., height, width, channels) uint8. Attributes:
 *   size           height, width
 *   channels       RGB, BGR, RGBA or GRAY (ITU-R 601, as Pillow's "L")
 *   interpolation  NEAREST, BILINEAR, BICUBIC, AREA (Pillow's box), LANCZOS
 *   aspect         STRETCH; CROP: the shorter side fits, and the middle is cut out; PAD: the longer
 *                  side fits, and the rest is `fill` (as Pillow's ImageOps.pad)
 *   shorter        of CROP: what the shorter side becomes before the cut; 0: so that it fits
 *   box            top, left, height, width of the file's pixels that are used alone; or absent
 *   upright        1: turned as its EXIF orientation says
 *   pixels_max     more in one file is refused before they are decoded
 * Alpha is left out where it is not asked for, and of more than 8 bits the highest are taken. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/base64.h"
#include "formats/image/image.h"
#include "ops/kernels/call.h"
#include "ops/kernels/spatial/resample.h"

enum { RGB, BGR, RGBA, GRAY };
enum { STRETCH, CROP, PAD };
enum { SIDE_MAX = 1 << 14, FILL_MAX = 4 };
#define PIXELS_MAX (INT64_C(1) << 26)

struct plan {
    struct pixels out; /* without data */
    int order, aspect;
    enum resample how;
    int64_t shorter, box[4], pixels_max;
    bool has_box, upright;
    uint8_t fill[FILL_MAX];
};

/* --- attributes --- */

static enum status choice(const struct op_call *call, const char *name, const char *const *known,
                          int *index, struct error *err)
{
    for (int i = 0; known[i]; i++)
        if (attribute_is(call->attributes, name, known[i])) {
            *index = i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_INVALID_INPUT, "its %s is not known", name);
}

static enum status box_read(const struct op_call *call, struct plan *plan, struct error *err)
{
    size_t count;
    const int64_t *box = attribute_ints(call->attributes, "box", &count);

    plan->has_box = box != NULL;
    if (!box)
        return STATUS_OK;
    if (count != 4 || box[0] < 0 || box[1] < 0 || box[2] < 1 || box[3] < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "its box is no top, left, height, width");
    memcpy(plan->box, box, sizeof plan->box);
    return STATUS_OK;
}

static enum status plan_read(const struct op_call *call, struct plan *plan, struct error *err)
{
    static const char *const ORDERS[] = {"RGB", "BGR", "RGBA", "GRAY", NULL};
    static const char *const ASPECTS[] = {"STRETCH", "CROP", "PAD", NULL};
    static const char *const HOWS[] = {"NEAREST", "BILINEAR", "BICUBIC", "AREA", "LANCZOS", NULL};
    static const size_t CHANNELS[] = {3, 3, 4, 1};
    size_t sides, fills;
    const int64_t *size = attribute_ints(call->attributes, "size", &sides);
    const int64_t *fill = attribute_ints(call->attributes, "fill", &fills);
    int how;

    *plan = (struct plan){.shorter = attribute_int(call->attributes, "shorter", 0),
                          .upright = attribute_int(call->attributes, "upright", 0),
                          .pixels_max = attribute_int(call->attributes, "pixels_max", PIXELS_MAX)};
    TRY(choice(call, "channels", ORDERS, &plan->order, err));
    TRY(choice(call, "aspect", ASPECTS, &plan->aspect, err));
    TRY(choice(call, "interpolation", HOWS, &how, err));
    plan->how = (enum resample)how;
    if (sides != 2 || size[0] < 1 || size[1] < 1 || size[0] > SIDE_MAX || size[1] > SIDE_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "its size is no height and width");
    if (plan->shorter < 0 || plan->shorter > SIDE_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "its shorter side is out of range");
    plan->out = (struct pixels){NULL, (size_t)size[0], (size_t)size[1], CHANNELS[plan->order]};
    for (size_t i = 0; i < FILL_MAX; i++) {
        int64_t value = fills ? fill[i < fills ? i : fills - 1] : 0;

        plan->fill[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    return box_read(call, plan, err);
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct plan plan;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(plan_read(call, &plan, err));
    if (out.rank > RANK_MAX - 3)
        return op_error(call, err, STATUS_INVALID_INPUT, "files in %d dimensions", out.rank);
    if (out.rank >= 0) {
        out.dims[out.rank++] = (int64_t)plan.out.height;
        out.dims[out.rank++] = (int64_t)plan.out.width;
        out.dims[out.rank++] = (int64_t)plan.out.channels;
    }
    op_give(call, 0, DTYPE_U8, &out);
    return STATUS_OK;
}

/* --- pixels; `data` of those that are made is from malloc --- */

static enum status pixels_new(struct pixels *pixels, size_t height, size_t width, size_t channels,
                              struct error *err)
{
    *pixels = (struct pixels){NULL, height, width, channels};
    if (height && width && channels < SIZE_MAX / height / width)
        pixels->data = malloc(height * width * channels);
    return pixels->data ? STATUS_OK : error_no_memory(err, "an image");
}

static void pixels_become(struct pixels *pixels, struct pixels other)
{
    free(pixels->data);
    *pixels = other;
}

/* Channels to decode: those of the file where that says the same, so that grey is one and what has
 * no alpha three. */
static enum status channels_of(const struct plan *plan, struct bytes file,
                               struct image_options *options, struct error *err)
{
    bool jpeg = image_codec_of(file) == &image_codec_jpeg;
    bool even = plan->aspect != PAD; /* what is filled may be no grey */
    struct image_options own = *options;
    struct image image;

    own.channels = 0;
    options->channels = 3;
    if (plan->order != RGBA && !jpeg)
        return STATUS_OK;
    TRY(image_measure(file, &own, &image, err));
    if (jpeg && image.file_channels == 1 && plan->order != RGBA && even)
        options->channels = 1;
    if (plan->order == RGBA && image.channels % 2 == 0)
        options->channels = 4;
    return STATUS_OK;
}

static enum status decode(const struct plan *plan, struct bytes file, struct pixels *pixels,
                          struct error *err)
{
    struct image_options options = {.bits = 8, .rounded = true};
    struct image image;

    TRY(channels_of(plan, file, &options, err));
    TRY(image_measure(file, &options, &image, err));
    if (image.height > (size_t)plan->pixels_max / image.width)
        return error_set(err, STATUS_TOO_LARGE,
                         "an image of %zu by %zu pixels, more than %lld in all", image.height,
                         image.width, (long long)plan->pixels_max);
    TRY(pixels_new(pixels, image.height, image.width, image.channels, err));
    return image_decode(file, &options, &image, pixels->data, err);
}

/* The channels that are wanted, in their order: grey may stay grey, to be spread later. */
static enum status convert(const struct plan *plan, struct pixels *pixels, struct error *err)
{
    size_t count = pixels->height * pixels->width;
    struct pixels other;

    if (plan->order == GRAY && pixels->channels == 3)
        for (size_t i = 0; i < count; i++) { /* in place: what is written has been read */
            const uint8_t *p = pixels->data + 3 * i;

            pixels->data[i] = (uint8_t)((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
        }
    if (plan->order == GRAY)
        pixels->channels = 1;
    if (plan->order != RGBA || pixels->channels == 4)
        return STATUS_OK;
    TRY(pixels_new(&other, pixels->height, pixels->width, 4, err));
    for (size_t i = 0; i < count; i++) {
        memcpy(other.data + 4 * i, pixels->data + 3 * i, 3);
        other.data[4 * i + 3] = 255;
    }
    pixels_become(pixels, other);
    return STATUS_OK;
}

/* EXIF: where the 0th row and column of the file are to be seen. */
static enum status turn(int orientation, struct pixels *pixels, struct error *err)
{
    bool swap = orientation >= 5;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    size_t height = pixels->height, width = pixels->width, channels = pixels->channels;
    struct pixels other;

    if (orientation == 1)
        return STATUS_OK;
    TRY(pixels_new(&other, swap ? width : height, swap ? height : width, channels, err));
    for (size_t y = 0; y < other.height; y++)
        for (size_t x = 0; x < other.width; x++) {
            size_t row = swap ? x : y, column = swap ? y : x;

            row = flip_y ? height - 1 - row : row;
            column = flip_x ? width - 1 - column : column;
            memcpy(other.data + (y * other.width + x) * channels,
                   pixels->data + (row * width + column) * channels, channels);
        }
    pixels_become(pixels, other);
    return STATUS_OK;
}

static void copy_part(const struct pixels *from, size_t top, size_t left, const struct pixels *to,
                      size_t to_top, size_t to_left, size_t height, size_t width)
{
    for (size_t y = 0; y < height; y++)
        memcpy(to->data + ((to_top + y) * to->width + to_left) * to->channels,
               from->data + ((top + y) * from->width + left) * from->channels,
               width * from->channels);
}

static enum status cut(const struct plan *plan, struct pixels *pixels, struct error *err)
{
    const int64_t *box = plan->box;
    struct pixels other;

    if (!plan->has_box)
        return STATUS_OK;
    if (box[2] > (int64_t)pixels->height || box[0] > (int64_t)pixels->height - box[2] ||
        box[3] > (int64_t)pixels->width || box[1] > (int64_t)pixels->width - box[3])
        return error_set(err, STATUS_INVALID_INPUT,
                         "an image of %zu by %zu pixels, which does not hold what is to be cut out",
                         pixels->height, pixels->width);
    TRY(pixels_new(&other, (size_t)box[2], (size_t)box[3], pixels->channels, err));
    copy_part(pixels, (size_t)box[0], (size_t)box[1], &other, 0, 0, other.height, other.width);
    pixels_become(pixels, other);
    return STATUS_OK;
}

/* --- sizes --- */

static size_t half_even(size_t difference)
{
    return (size_t)nearbyint((double)difference / 2);
}

/* The size before the middle is cut out. */
static void size_to_crop(const struct plan *plan, const struct pixels *in, size_t *height,
                         size_t *width)
{
    size_t h = plan->shorter ? (size_t)plan->shorter : plan->out.height;
    size_t w = plan->shorter ? (size_t)plan->shorter : plan->out.width;

    if (h * in->width >= w * in->height) { /* h / in->height is the larger factor */
        *height = h;
        *width = in->width * h / in->height;
    } else {
        *height = in->height * w / in->width;
        *width = w;
    }
}

static void size_to_pad(const struct plan *plan, const struct pixels *in, size_t *height,
                        size_t *width)
{
    const struct pixels *out = &plan->out;
    double is = (double)in->width / (double)in->height;
    double wanted = (double)out->width / (double)out->height;

    *height = out->height;
    *width = out->width;
    if (is > wanted)
        *height = (size_t)nearbyint((double)in->height / (double)in->width * (double)out->width);
    else if (is < wanted)
        *width = (size_t)nearbyint(is * (double)out->height);
    *height = *height < 1 ? 1 : *height > out->height ? out->height : *height;
    *width = *width < 1 ? 1 : *width > out->width ? out->width : *width;
}

/* `to` has the wanted size and the channels of `pixels`. */
static enum status fit(const struct plan *plan, const struct pixels *pixels,
                       const struct pixels *to, struct error *err)
{
    size_t height = to->height, width = to->width, top, left;
    struct pixels scaled;

    if (plan->aspect == CROP)
        size_to_crop(plan, pixels, &height, &width);
    else if (plan->aspect == PAD)
        size_to_pad(plan, pixels, &height, &width);
    if (height == to->height && width == to->width)
        return resample(plan->how, pixels, to) ? STATUS_OK : error_no_memory(err, "an image");
    if (plan->aspect == CROP &&
        (height < to->height || width < to->width || height * width > PIXELS_MAX))
        return error_set(err, STATUS_INVALID_INPUT,
                         "an image of %zu by %zu pixels, of which %zu by %zu cannot be cut",
                         pixels->height, pixels->width, to->height, to->width);
    TRY(pixels_new(&scaled, height, width, to->channels, err));
    if (!resample(plan->how, pixels, &scaled)) {
        free(scaled.data);
        return error_no_memory(err, "an image");
    }
    top = half_even(height > to->height ? height - to->height : to->height - height);
    left = half_even(width > to->width ? width - to->width : to->width - width);
    if (plan->aspect == CROP) {
        copy_part(&scaled, top, left, to, 0, 0, to->height, to->width);
    } else {
        for (size_t i = 0; i < to->height * to->width * to->channels; i++)
            to->data[i] = plan->fill[i % to->channels];
        copy_part(&scaled, 0, 0, to, top, left, height, width);
    }
    free(scaled.data);
    return STATUS_OK;
}

/* One channel to three, or red and blue in each other's place; in place. */
static void arrange(const struct plan *plan, size_t channels, uint8_t *data)
{
    size_t count = plan->out.height * plan->out.width;

    if (channels < plan->out.channels)
        for (size_t i = count; i-- > 0;)
            data[3 * i] = data[3 * i + 1] = data[3 * i + 2] = data[i];
    else if (plan->order == BGR)
        for (size_t i = 0; i < count; i++) {
            uint8_t red = data[3 * i];

            data[3 * i] = data[3 * i + 2];
            data[3 * i + 2] = red;
        }
}

static enum status image_make(const struct plan *plan, struct bytes file, uint8_t *data,
                              struct pixels *pixels, struct error *err)
{
    struct pixels to = plan->out;

    TRY(decode(plan, file, pixels, err));
    TRY(convert(plan, pixels, err));
    TRY(turn(plan->upright ? image_orientation(file) : 1, pixels, err));
    TRY(cut(plan, pixels, err));
    to.data = data;
    to.channels = pixels->channels;
    TRY(fit(plan, pixels, &to, err));
    arrange(plan, to.channels, data);
    return STATUS_OK;
}

/* --- files --- */

/* The text behind `data:image/png;base64,`, or all of it. */
static struct bytes url_data(struct bytes text)
{
    static const char SCHEME[] = "data:", CODE[] = ";base64,";
    const uint8_t *comma;

    if (!bytes_starts(text, bytes_of(SCHEME)))
        return text;
    comma = memchr(text.data, ',', text.size < 256 ? text.size : 256);
    if (!comma || (size_t)(comma - text.data) + 1 < sizeof CODE - 1 ||
        memcmp(comma + 2 - sizeof CODE, CODE, sizeof CODE - 1) != 0)
        return text;
    return (struct bytes){comma + 1, text.size - (size_t)(comma + 1 - text.data)};
}

static enum status file_make(const struct plan *plan, struct bytes file, uint8_t *data,
                             struct error *err)
{
    struct pixels pixels = {0};
    uint8_t *decoded = NULL;
    enum status status;

    if (!file.data || !file.size)
        return error_set(err, STATUS_INVALID_INPUT, "no bytes");
    if (!image_codec_of(file)) {
        struct bytes text = url_data(file);

        if (base64_is(text)) {
            decoded = malloc(text.size / 4 * 3);
            if (!decoded)
                return error_no_memory(err, "an image");
            file = (struct bytes){decoded, base64_decode(text, decoded)};
        }
    }
    status = image_make(plan, file, data, &pixels, err);
    free(pixels.data);
    free(decoded);
    return status;
}

struct work {
    const struct op_call *call;
    struct plan plan;
    size_t size;         /* bytes of an image that is made */
    atomic_size_t first; /* that failed; SIZE_MAX: none */
};

static void one(void *context, size_t index, size_t lane)
{
    struct work *work = context;
    struct error ignored;
    size_t first = atomic_load(&work->first);

    (void)lane;
    if (index < first &&
        file_make(&work->plan, ((const struct bytes *)work->call->in[0].data)[index],
                  (uint8_t *)work->call->out[0].data + index * work->size, &ignored))
        while (index < first && !atomic_compare_exchange_weak(&work->first, &first, index))
            continue;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct work work = {.call = call};
    size_t count = tensor_count(&call->in[0]), first;

    TRY(plan_read(call, &work.plan, err));
    work.size = work.plan.out.height * work.plan.out.width * work.plan.out.channels;
    atomic_init(&work.first, SIZE_MAX);
    team_run(call->team, count, one, &work);
    first = atomic_load(&work.first);
    if (first == SIZE_MAX)
        return STATUS_OK;
    /* again, for its words */
    if (file_make(&work.plan, ((const struct bytes *)call->in[0].data)[first],
                  (uint8_t *)call->out[0].data + first * work.size, err))
        return error_within(err, "image %zu", first);
    return error_no_memory(err, "an image");
}

const struct op_set ops_firn_image_file = OP_SET({.name = "ImageFile",
                                                  .summary = "image files as pixels of one size",
                                                  .in_min = 1,
                                                  .in_max = 1,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .flags = OP_ROWS,
                                                  .infer = infer,
                                                  .run = run});
