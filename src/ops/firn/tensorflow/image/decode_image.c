// SPDX-License-Identifier: Apache-2.0
/* DecodeImage: the pixels of an image file, as TensorFlow's DecodeJpeg, DecodePng, DecodeImage and
 * their siblings; ImageShape: height, width and channels of a JPEG.
 *
 * contents () string, crop (4,) int32 of DecodeAndCropJpeg or omitted -> (height, width, channels)
 * of the type code `to` (TensorFlow's uint8, uint16, float), or (frames, ...). Attributes: op (its
 * name there), channels, ratio, fancy, accurate, recover, animated.
 * Source: tensorflow/core/kernels/image/decode_image_op.cc. */
#include "formats/image/image.h"
#include "ops/kernels/call.h"

enum { CONTENTS, CROP };

struct decoding {
    struct image_options options;
    struct bytes file;
    const struct image_codec *codec;
    enum dtype to;
    struct image image;
    bool frames; /* is the number of frames a dimension? */
};

static enum status options_read(const struct op_call *call, struct decoding *d, struct error *err)
{
    int64_t ratio = attribute_int(call->attributes, "ratio", 1);
    int64_t channels = attribute_int(call->attributes, "channels", 0);

    *d = (struct decoding){.to = dtype_from_tf(attribute_int(call->attributes, "to", 4))};
    if (d->to != DTYPE_U8 && d->to != DTYPE_U16 && d->to != DTYPE_F32)
        return op_error(call, err, STATUS_UNSUPPORTED, "to %s", dtype_name(d->to));
    if (channels != 0 && channels != 1 && channels != 3 && channels != 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels", (long long)channels);
    if (ratio != 1 && ratio != 2 && ratio != 4 && ratio != 8)
        return op_error(call, err, STATUS_INVALID_INPUT, "a ratio of %lld", (long long)ratio);
    d->options = (struct image_options){
        .channels = (int)channels,
        .bits = 8,
        .ratio = (int)ratio,
        .fast = !attribute_int(call->attributes, "accurate", 0),
        .coarse = !attribute_int(call->attributes, "fancy", 1),
        .recover = attribute_int(call->attributes, "recover", 0),
    };
    return STATUS_OK;
}

static bool is_op(const struct op_call *call, const char *name)
{
    return attribute_is(call->attributes, "op", name);
}

/* Which operators read which kinds. */
static enum status kind_check(const struct op_call *call, struct decoding *d, struct error *err)
{
    bool bmp = d->codec == &image_codec_bmp, gif = d->codec == &image_codec_gif;
    bool webp = d->codec == &image_codec_webp, any = is_op(call, "DecodeImage");

    if (webp && d->to != DTYPE_U8)
        return op_error(call, err, STATUS_INVALID_INPUT, "WebP gives uint8 alone");
    if (d->codec == &image_codec_pnm || d->codec == &image_codec_tiff ||
        d->codec == &image_codec_jpeg2000 || (is_op(call, "DecodeBmp") && !bmp) ||
        (webp ? !any && !is_op(call, "DecodeWebP") : is_op(call, "DecodeWebP")) ||
        (bmp && !any && !is_op(call, "DecodeBmp")) ||
        (is_op(call, "DecodeAndCropJpeg") && d->codec != &image_codec_jpeg))
        return op_error(call, err, STATUS_INVALID_INPUT, "the file is %s", d->codec->name);
    d->frames = is_op(call, "DecodeGif") || is_op(call, "DecodeWebP") ||
                (any && (gif || webp) && attribute_int(call->attributes, "animated", 1));
    if (d->codec == &image_codec_png && d->to != DTYPE_U8)
        d->options.bits = 16;
    if (gif && (!any || d->frames))
        d->options.animated = true;
    if (is_op(call, "DecodeGif"))
        d->options.channels = 3;
    return STATUS_OK;
}

static enum status crop_read(const struct op_call *call, struct decoding *d, struct error *err)
{
    int64_t window[4];
    size_t count;

    if (!op_has(call, CROP))
        return STATUS_OK;
    TRY(op_input_ints(call, CROP, window, 4, &count, err));
    if (count != 4)
        return op_error(call, err, STATUS_INVALID_INPUT, "a window of %zu numbers", count);
    d->options.crop = true;
    d->options.top = window[0];
    d->options.left = window[1];
    d->options.height = window[2];
    d->options.width = window[3];
    return STATUS_OK;
}

/* Of a known file: what it will be. */
static enum status file_read(const struct op_call *call, struct decoding *d, struct error *err)
{
    const char *foreign;

    TRY(options_read(call, d, err));
    d->file = *(const struct bytes *)call->in[CONTENTS].data;
    d->codec = image_codec_of(d->file);
    foreign = image_foreign_name(d->file);
    if (!d->codec)
        return op_error(call, err, foreign ? STATUS_UNSUPPORTED : STATUS_INVALID_INPUT,
                        "the file is %s", foreign ? foreign : "no image");
    TRY(kind_check(call, d, err));
    TRY(crop_read(call, d, err));
    if (image_measure(d->file, &d->options, &d->image, err))
        return error_within(err, "%s", call->op->name);
    if (d->codec == &image_codec_webp && d->image.file_channels != (int)d->image.channels)
        return op_error(call, err, STATUS_INVALID_INPUT, "the file has %d channels",
                        d->image.file_channels);
    if (!d->frames && d->image.frames > 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "the file has %zu frames",
                        d->image.frames);
    return STATUS_OK;
}

static enum status check(const struct op_call *call, struct error *err)
{
    TRY(op_wants(call, CONTENTS, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, CONTENTS, 0, 0, err));
    if (op_has(call, CROP)) {
        TRY(op_wants(call, CROP, DTYPE_BIT(DTYPE_I32), err));
        TRY(op_wants_rank(call, CROP, 1, 1, err));
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 3, .dims = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN}};
    struct decoding d;

    TRY(check(call, err));
    TRY(options_read(call, &d, err));
    if (call->in[CONTENTS].data && (!op_has(call, CROP) || call->in[CROP].data)) {
        TRY(file_read(call, &d, err));
        out = SHAPE((int64_t)d.image.frames, (int64_t)d.image.height, (int64_t)d.image.width,
                    (int64_t)d.image.channels);
        if (!d.frames) {
            out.rank = 3;
            memmove(out.dims, out.dims + 1, 3 * sizeof *out.dims);
        }
    } else if (is_op(call, "DecodeGif")) {
        out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, 3);
    } else if (is_op(call, "DecodeWebP")) {
        out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN,
                    d.options.channels ? d.options.channels : DIM_UNKNOWN);
    } else if (is_op(call, "DecodeImage") && attribute_int(call->attributes, "animated", 1)) {
        out = shape_unknown();
    } else if (d.options.channels) {
        out.dims[2] = d.options.channels;
    }
    op_give(call, 0, d.to, &out);
    return STATUS_OK;
}

/* Pixels as the file has them: what is not written as it is goes through here. */
static size_t scratch_size(const struct op_call *call)
{
    if (call->out[0].dtype == DTYPE_U8 || !shape_is_known(&call->out[0].shape))
        return 0;
    return 2 * tensor_count(&call->out[0]);
}

static void convert(const struct decoding *d, const void *pixels, struct tensor *y)
{
    size_t count = tensor_count(y);
    float scale = (float)(1.0 / (d->image.bits == 16 ? UINT16_MAX : UINT8_MAX));

    for (size_t i = 0; i < count; i++) {
        uint16_t value =
            d->image.bits == 16 ? ((const uint16_t *)pixels)[i] : ((const uint8_t *)pixels)[i];

        if (y->dtype == DTYPE_F32)
            ((float *)y->data)[i] = (float)value * scale;
        else
            ((uint16_t *)y->data)[i] = (uint16_t)(d->image.bits == 16 ? value : value * 256);
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    struct decoding d;
    bool direct;

    TRY(file_read(call, &d, err));
    direct = y->dtype == DTYPE_U8;
    if (tensor_count(y) != d.image.frames * d.image.height * d.image.width * d.image.channels)
        return op_error(call, err, STATUS_INVALID_INPUT, "its size is another one");
    if (image_decode(d.file, &d.options, &d.image, direct ? y->data : call->scratch, err))
        return error_within(err, "%s", call->op->name);
    if (!direct)
        convert(&d, call->scratch, y);
    return STATUS_OK;
}

/* --- ImageShape --- */

static enum status infer_shape(struct op_call *call, struct error *err)
{
    struct shape out = SHAPE(3);

    TRY(check(call, err));
    op_give(call, 0, DTYPE_I32, &out);
    return STATUS_OK;
}

static enum status run_shape(const struct op_call *call, struct error *err)
{
    struct bytes file = *(const struct bytes *)call->in[CONTENTS].data;
    struct image_options options = {0};
    struct image image;
    int32_t *y = call->out[0].data;

    if (image_codec_of(file) != &image_codec_jpeg)
        return op_error(call, err, STATUS_INVALID_INPUT, "the file is no JPEG");
    if (image_measure(file, &options, &image, err))
        return error_within(err, "%s", call->op->name);
    y[0] = (int32_t)image.height;
    y[1] = (int32_t)image.width;
    y[2] = image.file_channels;
    return STATUS_OK;
}

const struct op_set ops_firn_decode_image = OP_SET({.name = "DecodeImage",
                                                    .summary = "the pixels of an image file",
                                                    .in_min = 1,
                                                    .in_max = 2,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer,
                                                    .scratch_size = scratch_size,
                                                    .run = run},
                                                   {.name = "ImageShape",
                                                    .summary = "height, width, channels of a JPEG",
                                                    .in_min = 1,
                                                    .in_max = 1,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer_shape,
                                                    .run = run_shape});
