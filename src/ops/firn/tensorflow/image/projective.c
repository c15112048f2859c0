// SPDX-License-Identifier: Apache-2.0
/* ProjectiveTransform: images (N, H, W, C), transforms (N or 1, 8) float, size (2,) int32, outside
 * () float -> (N, size, C). Output pixel (x, y) is what lies at
 *
 *     ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k),  k = c0 x + c1 y + 1
 *
 * Attributes: linear (0: the nearest pixel), fill (what lies beyond the image: "CONSTANT",
 * "REFLECT", "WRAP", "NEAREST"). Source: tensorflow/core/kernels/image/image_ops.h. */
#include <math.h>

#include "ops/kernels/call.h"

enum { IMAGES, TRANSFORMS, SIZE, OUTSIDE, SIDE_MAX = 1 << 24 };
enum fill { FILL_CONSTANT, FILL_REFLECT, FILL_WRAP, FILL_NEAREST };

static enum status fill_of(const struct op_call *call, enum fill *fill, struct error *err)
{
    static const char *const FILLS[] = {"CONSTANT", "REFLECT", "WRAP", "NEAREST"};
    struct bytes name = attribute_string(call->attributes, "fill", "CONSTANT");

    for (size_t i = 0; i < 4; i++)
        if (bytes_is(name, FILLS[i])) {
            *fill = (enum fill)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "this fill mode");
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *transforms = &call->in[TRANSFORMS].shape;
    struct shape out = call->in[IMAGES].shape;
    int64_t size[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    enum fill fill;
    size_t count;

    TRY(fill_of(call, &fill, err));
    TRY(op_wants(call, IMAGES, DTYPES_NUMBER, err));
    TRY(op_wants(call, TRANSFORMS, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants(call, SIZE, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, OUTSIDE, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, IMAGES, 4, 4, err));
    TRY(op_wants_rank(call, TRANSFORMS, 2, 2, err));
    TRY(op_wants_rank(call, SIZE, 1, 1, err));
    TRY(op_wants_rank(call, OUTSIDE, 0, 0, err));
    if (shape_is_known(transforms) &&
        (transforms->dims[1] != 8 ||
         (out.rank == 4 && dim_is_known(out.dims[0]) && transforms->dims[0] != 1 &&
          transforms->dims[0] != out.dims[0])))
        return op_error(call, err, STATUS_INVALID_INPUT, "transforms of %lld by %lld",
                        (long long)transforms->dims[0], (long long)transforms->dims[1]);
    if (op_is_known(call, SIZE)) {
        TRY(op_input_ints(call, SIZE, size, 2, &count, err));
        if (count != 2 || size[0] < 1 || size[0] > SIDE_MAX || size[1] < 1 || size[1] > SIDE_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "a size of %lld by %lld",
                            (long long)size[0], (long long)size[1]);
    }
    for (int i = 0; out.rank == 4 && i < 2; i++) {
        if (out.dims[i + 1] > SIDE_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "an image of %lld pixels a side",
                            (long long)out.dims[i + 1]);
        out.dims[i + 1] = size[i];
    }
    op_give(call, 0, call->in[IMAGES].dtype, &out);
    return STATUS_OK;
}

static float clamped(float at, int64_t size)
{
    float last = (float)(size - 1);

    return at < 0 ? 0 : at > last ? last : at;
}

/* How often a period fits, bounded: what is so far away has no precision left anyway. */
static float times(float count)
{
    return fabsf(count) < 1e15f ? (float)(int64_t)count : 0;
}

/* [abcd] to [dcba|abcd|dcba] */
static float reflected(float at, int64_t size)
{
    float period = (float)(2 * size), n = (float)size;

    if (size <= 1)
        return at < 0 || at > n - 1 ? 0 : clamped(at, size);
    if (at < 0) {
        if (at < period)
            at = period * times(-at / period) + at;
        at = at < -n ? at + period : -at - 1;
    } else if (at > n - 1) {
        at -= period * times(at / period);
        if (at >= n)
            at = period - at - 1;
    }
    return clamped(at, size);
}

/* [abcd] to [abcd|abcd|abcd] */
static float wrapped(float at, int64_t size)
{
    float n = (float)size, span = (float)(size - 1);

    if (at < 0)
        at = size <= 1 ? 0 : at + n * (times(-at / span) + 1);
    else if (at > span)
        at = size <= 1 ? 0 : at - n * times(at / span);
    return clamped(at, size);
}

static float placed(enum fill fill, float at, int64_t size)
{
    switch (fill) {
    case FILL_REFLECT:
        return reflected(at, size);
    case FILL_WRAP:
        return wrapped(at, size);
    case FILL_NEAREST:
        return clamped(at, size);
    default:
        return at;
    }
}

struct image {
    const struct tensor *x;
    size_t base; /* of the image */
    int64_t height, width;
    size_t channels;
    double outside;
};

static double pixel(const struct image *image, float y, float x, size_t c)
{
    if (!(y >= 0 && y < (float)image->height && x >= 0 && x < (float)image->width))
        return image->outside;
    return tensor_f64(image->x,
                      image->base +
                          (size_t)((int64_t)y * image->width + (int64_t)x) * image->channels + c);
}

static double mixed(const struct image *image, float y, float x, size_t c)
{
    float top = floorf(y), left = floorf(x), bottom = top + 1, right = left + 1;
    float upper = (right - x) * (float)pixel(image, top, left, c) +
                  (x - left) * (float)pixel(image, top, right, c);
    float lower = (right - x) * (float)pixel(image, bottom, left, c) +
                  (x - left) * (float)pixel(image, bottom, right, c);

    return (double)((bottom - y) * upper + (y - top) * lower);
}

static void put(struct tensor *y, size_t at, double value)
{
    tensor_set_f64(y, at, dtype_is_integer(y->dtype) ? trunc(value) : value);
}

static void transform(const struct op_call *call, const struct image *image, const float *t,
                      enum fill fill, size_t item)
{
    bool linear = attribute_int(call->attributes, "linear", 0);
    struct tensor *out = &call->out[0];
    size_t at = item * shape_span(&out->shape, 1, 4);

    for (int64_t i = 0; i < out->shape.dims[1]; i++)
        for (int64_t j = 0; j < out->shape.dims[2]; j++) {
            float k = t[6] * (float)j + t[7] * (float)i + 1;
            float x = placed(fill, (t[0] * (float)j + t[1] * (float)i + t[2]) / k, image->width);
            float y = placed(fill, (t[3] * (float)j + t[4] * (float)i + t[5]) / k, image->height);

            for (size_t c = 0; c < image->channels; c++, at++)
                put(out, at,
                    k == 0   ? image->outside
                    : linear ? mixed(image, y, x, c)
                             : pixel(image, roundf(y), roundf(x), c));
        }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[IMAGES], *transforms = &call->in[TRANSFORMS];
    size_t step = transforms->shape.dims[0] == 1 ? 0 : 8, item = shape_span(&x->shape, 1, 4);
    double outside = tensor_f64(&call->in[OUTSIDE], 0);
    struct tensor one;
    uint64_t room = 0;
    enum fill fill;

    TRY(fill_of(call, &fill, err));
    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    one = (struct tensor){x->dtype, shape_scalar(), &room, NULL};
    put(&one, 0, outside); /* as the type of the images holds it */
    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++) {
        struct image image = {x,
                              n * item,
                              x->shape.dims[1],
                              x->shape.dims[2],
                              (size_t)x->shape.dims[3],
                              tensor_f64(&one, 0)};

        transform(call, &image, (const float *)transforms->data + n * step, fill, n);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_projective = OP_SET({.name = "ProjectiveTransform",
                                                  .summary = "images seen through a projective map",
                                                  .in_min = 4,
                                                  .in_max = 4,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .run = run});
