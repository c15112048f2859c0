// SPDX-License-Identifier: Apache-2.0
/* EncodeImage: pixels as image files, as TensorFlow's EncodePng, EncodeJpeg and
 * EncodeJpegVariableQuality.
 *
 * pixels (..., height, width, channels) uint8, of PNG also uint16; quality () int32 or omitted ->
 * (...) string; of JPEG () alone. Attributes: to ("png" or "jpeg"), channels (that JPEG must have;
 * 0: any), and those of struct image_writing.
 * Source: tensorflow/core/kernels/image/encode_{png,jpeg}_op.cc. */
#include "formats/image/write.h"
#include "ops/kernels/call.h"

enum { PIXELS, QUALITY };

static bool is_png(const struct op_call *call)
{
    return attribute_is(call->attributes, "to", "png");
}

static enum status channels_check(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[PIXELS].shape;
    int64_t wanted = attribute_int(call->attributes, "channels", 0), channels;

    if (x->rank < 0 || !dim_is_known(x->dims[x->rank - 1]))
        return STATUS_OK;
    channels = x->dims[x->rank - 1];
    if (is_png(call) ? channels < 1 || channels > 4
                     : (channels != 1 && channels != 3) || (wanted && channels != wanted))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels", (long long)channels);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[PIXELS].shape;
    struct shape out = *x;

    TRY(op_wants(call, PIXELS, DTYPE_BIT(DTYPE_U8) | (is_png(call) ? DTYPE_BIT(DTYPE_U16) : 0),
                 err));
    TRY(op_wants_rank(call, PIXELS, 3, is_png(call) ? RANK_MAX : 3, err));
    TRY(channels_check(call, err));
    if (op_has(call, QUALITY)) {
        TRY(op_wants(call, QUALITY, DTYPE_BIT(DTYPE_I32), err));
        TRY(op_wants_rank(call, QUALITY, 0, 0, err));
    }
    if (!is_png(call))
        out = shape_scalar();
    else if (x->rank >= 3)
        out.rank = x->rank - 3;
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static enum status writing_of(const struct op_call *call, struct image_writing *how,
                              struct error *err)
{
    int64_t quality = attribute_int(call->attributes, "quality", 95);

    if (op_has(call, QUALITY))
        TRY(op_input_i64(call, QUALITY, &quality, err));
    if (quality < 0 || quality > 100)
        return op_error(call, err, STATUS_INVALID_INPUT, "a quality of %lld", (long long)quality);
    *how = (struct image_writing){
        .compression = (int)attribute_int(call->attributes, "compression", -1),
        .quality = (int)quality,
        .progressive = attribute_int(call->attributes, "progressive", 0),
        .optimised = attribute_int(call->attributes, "optimised", 0),
        .full_chroma = attribute_int(call->attributes, "full_chroma", 0),
        .unit = (int)attribute_int(call->attributes, "unit", 1),
        .density_x = (int)attribute_int(call->attributes, "density_x", 300),
        .density_y = (int)attribute_int(call->attributes, "density_y", 300),
    };
    return STATUS_OK;
}

static enum status one(const struct op_call *call, const struct image *image, const void *pixels,
                       const struct image_writing *how, struct bytes *file, struct error *err)
{
    struct text text = {0};
    enum status status = is_png(call) ? image_write_png(image, pixels, how, &text, err)
                                      : image_write_jpeg(image, pixels, how, &text, err);

    if (!status)
        status = op_text_take(call, &text, file, err);
    text_release(&text);
    return status ? error_within(err, "%s", call->op->name) : STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[PIXELS];
    const int64_t *dims = x->shape.dims + x->shape.rank - 3;
    struct image image = {.frames = 1,
                          .height = (size_t)dims[0],
                          .width = (size_t)dims[1],
                          .channels = (size_t)dims[2],
                          .bits = 8 * (int)dtype_size(x->dtype),
                          .file_channels = (int)dims[2]};
    size_t count = tensor_count(&call->out[0]), each;
    struct image_writing how;

    TRY(writing_of(call, &how, err));
    TRY(channels_check(call, err));
    if (count && image_check(&image, err))
        return error_within(err, "%s", call->op->name);
    each = image.height * image.width * image.channels * dtype_size(x->dtype);
    for (size_t i = 0; i < count; i++)
        TRY(one(call, &image, (const char *)x->data + i * each, &how,
                (struct bytes *)call->out[0].data + i, err));
    return STATUS_OK;
}

const struct op_set ops_firn_encode_image = OP_SET({.name = "EncodeImage",
                                                    .summary = "pixels as PNG or JPEG files",
                                                    .in_min = 1,
                                                    .in_max = 2,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer,
                                                    .run = run});
