// SPDX-License-Identifier: Apache-2.0
/* Boxes of images, (y, x, y, x) in parts of the image: CropResize and DrawBoxes.
 *
 * CropResize: image (N, H, W, C) float, boxes (B, 4) float, index (B,) int32 of the image of each
 * box, size (2,) int32 -> (B, height, width, C) float. Attributes: nearest, outside (the value of
 * what lies beyond the image).
 * DrawBoxes: images (N, H, W, 1, 3 or 4) of floats, boxes (N, B, 4) float, colours (k, at least C)
 * float -> images with the outlines.
 * Sources: tensorflow/core/kernels/image/{crop_and_resize_op.cc,draw_bounding_box_op.cc}. */
#include <math.h>

#include "ops/kernels/call.h"

enum { IMAGE, BOXES, INDEX, SIZE, SIDE_MAX = 1 << 24 };

static enum status check_four(const struct op_call *call, struct error *err)
{
    const struct shape *boxes = &call->in[BOXES].shape;

    TRY(op_wants(call, BOXES, DTYPE_BIT(DTYPE_F32), err));
    if (boxes->rank > 0 && dim_is_known(boxes->dims[boxes->rank - 1]) &&
        boxes->dims[boxes->rank - 1] != 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "boxes of %lld numbers, not 4",
                        (long long)boxes->dims[boxes->rank - 1]);
    return STATUS_OK;
}

static enum status same_dim(const struct op_call *call, size_t a, size_t b, struct error *err)
{
    const struct shape *one = &call->in[a].shape, *other = &call->in[b].shape;

    if (one->rank > 0 && other->rank > 0 && dim_is_known(one->dims[0]) &&
        dim_is_known(other->dims[0]) && one->dims[0] != other->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "inputs %zu and %zu have %lld and %lld", a,
                        b, (long long)one->dims[0], (long long)other->dims[0]);
    return STATUS_OK;
}

/* --- CropResize --- */

static enum status infer_crop(struct op_call *call, struct error *err)
{
    const struct shape *image = &call->in[IMAGE].shape, *boxes = &call->in[BOXES].shape;
    int64_t size[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    struct shape out;
    size_t count;

    TRY(op_wants(call, IMAGE, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants(call, INDEX, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, SIZE, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, IMAGE, 4, 4, err));
    TRY(op_wants_rank(call, BOXES, 2, 2, err));
    TRY(op_wants_rank(call, INDEX, 1, 1, err));
    TRY(op_wants_rank(call, SIZE, 1, 1, err));
    TRY(check_four(call, err));
    TRY(same_dim(call, BOXES, INDEX, err));
    if (op_is_known(call, SIZE)) {
        TRY(op_input_ints(call, SIZE, size, 2, &count, err));
        if (count != 2 || size[0] < 1 || size[0] > SIDE_MAX || size[1] < 1 || size[1] > SIDE_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "crops of %lld by %lld",
                            (long long)size[0], (long long)size[1]);
    }
    for (int i = 1; image->rank == 4 && i < 3; i++)
        if (image->dims[i] == 0 || image->dims[i] > SIDE_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "an image of %lld pixels a side",
                            (long long)image->dims[i]);
    out = SHAPE(boxes->rank == 2 ? boxes->dims[0] : DIM_UNKNOWN, size[0], size[1],
                image->rank == 4 ? image->dims[3] : DIM_UNKNOWN);
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

/* Where output `i` of `count` lies between `from` and `to` of a side of `size` pixels. */
static float place_of(float from, float to, int64_t size, int64_t count, int64_t i)
{
    float scale;

    if (count == 1)
        return (float)(0.5 * (double)(from + to) * (double)(size - 1));
    scale = (to - from) * (float)(size - 1) / (float)(count - 1);
    return from * (float)(size - 1) + (float)i * scale;
}

struct crop {
    const float *image; /* of this box */
    int64_t height, width;
    size_t channels;
    bool nearest;
    float outside;
};

static bool is_outside(float at, int64_t size)
{
    return !(at >= 0 && at <= (float)(size - 1));
}

static void crop_pixel(const struct crop *crop, float y, float x, float *out)
{
    size_t c_count = crop->channels;
    int64_t top = (int64_t)floorf(y), bottom = (int64_t)ceilf(y);
    int64_t left = (int64_t)floorf(x), right = (int64_t)ceilf(x);
    float down = y - (float)top, across = x - (float)left;

    if (crop->nearest) {
        size_t at = (size_t)((int64_t)roundf(y) * crop->width + (int64_t)roundf(x));

        memcpy(out, crop->image + at * c_count, c_count * sizeof *out);
        return;
    }
    for (size_t c = 0; c < c_count; c++) {
        const float *image = crop->image + c;
        float a = image[(size_t)(top * crop->width + left) * c_count];
        float b = image[(size_t)(top * crop->width + right) * c_count];
        float d = image[(size_t)(bottom * crop->width + left) * c_count];
        float e = image[(size_t)(bottom * crop->width + right) * c_count];
        float upper = a + (b - a) * across, lower = d + (e - d) * across;

        out[c] = upper + (lower - upper) * down;
    }
}

static void crop_box(const struct crop *crop, const float *box, int64_t rows, int64_t columns,
                     float *out)
{
    for (int64_t i = 0; i < rows; i++) {
        float y = place_of(box[0], box[2], crop->height, rows, i);

        for (int64_t j = 0; j < columns; j++, out += crop->channels) {
            float x = place_of(box[1], box[3], crop->width, columns, j);

            if (is_outside(y, crop->height) || is_outside(x, crop->width))
                for (size_t c = 0; c < crop->channels; c++)
                    out[c] = crop->outside;
            else
                crop_pixel(crop, y, x, out);
        }
    }
}

static enum status run_crop(const struct op_call *call, struct error *err)
{
    const struct shape *image = &call->in[IMAGE].shape, *out = &call->out[0].shape;
    const float *boxes = call->in[BOXES].data;
    const int32_t *index = call->in[INDEX].data;
    size_t item = shape_span(image, 1, 4), made = shape_span(out, 1, 4);
    struct crop crop = {
        .height = image->dims[1],
        .width = image->dims[2],
        .channels = (size_t)image->dims[3],
        .nearest = attribute_int(call->attributes, "nearest", 0),
        .outside = (float)attribute_float(call->attributes, "outside", 0),
    };

    for (size_t b = 0; b < (size_t)out->dims[0]; b++) {
        for (size_t i = 0; i < 4; i++)
            if (!isfinite(boxes[4 * b + i]))
                return op_error(call, err, STATUS_INVALID_INPUT, "box %zu is not finite", b);
        if (index[b] < 0 || index[b] >= image->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "box %zu is of image %d of %lld", b,
                            (int)index[b], (long long)image->dims[0]);
        crop.image = (const float *)call->in[IMAGE].data + (size_t)index[b] * item;
        crop_box(&crop, boxes + 4 * b, out->dims[1], out->dims[2],
                 (float *)call->out[0].data + b * made);
    }
    return STATUS_OK;
}

/* --- DrawBoxes --- */

static enum status infer_draw(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[IMAGE].shape, *colours = &call->in[2].shape;

    TRY(op_wants(call, IMAGE, DTYPES_FLOAT, err));
    TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, IMAGE, 4, 4, err));
    TRY(op_wants_rank(call, BOXES, 3, 3, err));
    TRY(op_wants_rank(call, 2, 2, 2, err));
    TRY(check_four(call, err));
    TRY(same_dim(call, IMAGE, BOXES, err));
    if (x->rank == 4 && dim_is_known(x->dims[3]) && x->dims[3] != 1 && x->dims[3] != 3 &&
        x->dims[3] != 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels, not 1, 3 or 4",
                        (long long)x->dims[3]);
    if (x->rank == 4 && colours->rank == 2 && dim_is_known(x->dims[3]) &&
        dim_is_known(colours->dims[1]) && colours->dims[1] < x->dims[3])
        return op_error(call, err, STATUS_INVALID_INPUT, "colours of %lld channels for %lld",
                        (long long)colours->dims[1], (long long)x->dims[3]);
    op_give(call, 0, call->in[IMAGE].dtype, x);
    return STATUS_OK;
}

/* Towards zero, bounded: a corner far outside is as good as any. */
static int64_t pixel_of(float part, int64_t size)
{
    double at = (double)(part * (float)(size - 1));

    if (isnan(at))
        return INT64_MIN / 2;
    return at > 1e15 ? (int64_t)1e15 : at < -1e15 ? -(int64_t)1e15 : (int64_t)at;
}

struct canvas {
    struct tensor *image;
    size_t base; /* the image's first element */
    int64_t height, width, channels;
    const float *colour;
};

static void draw(const struct canvas *canvas, int64_t y, int64_t x, int64_t dy, int64_t dx,
                 int64_t count)
{
    for (int64_t i = 0; i < count; i++, y += dy, x += dx)
        for (int64_t c = 0; c < canvas->channels; c++)
            tensor_set_f64(canvas->image,
                           canvas->base + (size_t)((y * canvas->width + x) * canvas->channels + c),
                           (double)canvas->colour[c]);
}

static void draw_box(const struct canvas *canvas, const float *box)
{
    int64_t h = canvas->height, w = canvas->width;
    int64_t top = pixel_of(box[0], h), left = pixel_of(box[1], w);
    int64_t bottom = pixel_of(box[2], h), right = pixel_of(box[3], w);
    int64_t from_y = top < 0 ? 0 : top, to_y = bottom < h ? bottom : h - 1;
    int64_t from_x = left < 0 ? 0 : left, to_x = right < w ? right : w - 1;

    if (top > bottom || left > right || top >= h || left >= w || bottom < 0 || right < 0)
        return;
    if (top >= 0)
        draw(canvas, top, from_x, 0, 1, to_x - from_x + 1);
    if (bottom < h)
        draw(canvas, bottom, from_x, 0, 1, to_x - from_x + 1);
    if (left >= 0)
        draw(canvas, from_y, left, 1, 0, to_y - from_y + 1);
    if (right < w)
        draw(canvas, from_y, right, 1, 0, to_y - from_y + 1);
}

/* The colours of TensorFlow when it is given none. */
static const float COLOURS[10][4] = {
    {1, 1, 0, 1},       {0, 0, 1, 1},    {1, 0, 0, 1},    {0, 1, 0, 1}, {0.5f, 0, 0.5f, 1},
    {0.5f, 0.5f, 0, 1}, {0.5f, 0, 0, 1}, {0, 0, 0.5f, 1}, {0, 1, 1, 1}, {1, 0, 1, 1},
};

static enum status run_draw(const struct op_call *call, struct error *err)
{
    static const float WHITE[4] = {1, 1, 1, 1};
    const struct tensor *x = &call->in[IMAGE], *colours = &call->in[2];
    const float *boxes = call->in[BOXES].data;
    size_t item = shape_span(&x->shape, 1, 4), count = (size_t)call->in[BOXES].shape.dims[1];
    size_t of_colours = tensor_count(colours) ? (size_t)colours->shape.dims[0] : 0;
    struct canvas canvas = {&call->out[0],    0,   x->shape.dims[1], x->shape.dims[2],
                            x->shape.dims[3], NULL};

    (void)err;
    if (tensor_count(x) == 0)
        return STATUS_OK;
    if (call->out[0].data != x->data)
        memcpy(call->out[0].data, x->data, tensor_bytes(x));
    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++)
        for (size_t b = 0; b < count; b++) {
            if (of_colours)
                canvas.colour =
                    (const float *)colours->data + b % of_colours * (size_t)colours->shape.dims[1];
            else
                canvas.colour = canvas.channels == 1 ? WHITE : COLOURS[b % 10];
            canvas.base = n * item;
            draw_box(&canvas, boxes + (n * count + b) * 4);
        }
    return STATUS_OK;
}

const struct op_set ops_firn_boxes = OP_SET({.name = "CropResize",
                                             .summary = "boxes of images, resized",
                                             .in_min = 4,
                                             .in_max = 4,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer_crop,
                                             .run = run_crop},
                                            {.name = "DrawBoxes",
                                             .summary = "images with the outlines of boxes",
                                             .flags = OP_INPLACE,
                                             .in_min = 3,
                                             .in_max = 3,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer_draw,
                                             .run = run_draw});
