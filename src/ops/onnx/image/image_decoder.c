// SPDX-License-Identifier: Apache-2.0
/* ImageDecoder: an image file, as bytes, to (height, width, channels) bytes. The reference of ONNX
 * is Pillow, whose JPEG is libjpeg-turbo's default: the accurate transform, interpolated chroma. */
#include "formats/image/image.h"
#include "ops/kernels/call.h"

enum format { FORMAT_RGB, FORMAT_BGR, FORMAT_GREY };

static enum status format_of(const struct op_call *call, enum format *format, struct error *err)
{
    static const char *const FORMATS[] = {"RGB", "BGR", "Grayscale"};
    struct bytes name = attribute_string(call->attributes, "pixel_format", "RGB");

    for (size_t i = 0; i < 3; i++)
        if (bytes_is(name, FORMATS[i])) {
            *format = (enum format)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "this pixel_format");
}

static enum status measure(const struct op_call *call, struct bytes *file, struct image *image,
                           struct error *err)
{
    const struct image_options options = {.channels = 3, .bits = 8, .rounded = true};

    *file = (struct bytes){call->in[0].data, tensor_count(&call->in[0])};
    if (image_measure(*file, &options, image, err))
        return error_within(err, "%s", call->op->name);
    if (image_codec_of(*file) == &image_codec_bmp && image->file_channels == 1)
        return op_error(call, err, STATUS_UNSUPPORTED, "a BMP with a palette");
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out;
    enum format format;
    struct image image;
    struct bytes file;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_U8), err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(format_of(call, &format, err));
    out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, format == FORMAT_GREY ? 1 : 3);
    if (op_is_known(call, 0)) {
        TRY(measure(call, &file, &image, err));
        out.dims[0] = (int64_t)image.height;
        out.dims[1] = (int64_t)image.width;
    }
    op_give(call, 0, DTYPE_U8, &out);
    return STATUS_OK;
}

/* Three channels, of which grey is made. */
static size_t scratch_size(const struct op_call *call)
{
    const struct shape *out = &call->out[0].shape;

    return shape_is_known(out) && out->dims[2] == 1 ? 3 * tensor_count(&call->out[0]) : 0;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct image_options options = {.channels = 3, .bits = 8, .rounded = true};
    uint8_t *y = call->out[0].data, *pixels;
    enum format format;
    struct image image;
    struct bytes file;
    size_t count;

    TRY(format_of(call, &format, err));
    TRY(measure(call, &file, &image, err));
    count = image.height * image.width;
    if (tensor_count(&call->out[0]) != count * (format == FORMAT_GREY ? 1 : 3))
        return op_error(call, err, STATUS_INVALID_INPUT, "its size is another one");
    pixels = format == FORMAT_GREY ? call->scratch : y;
    if (image_decode(file, &options, &image, pixels, err))
        return error_within(err, "%s", call->op->name);
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = pixels + 3 * i, red = p[0];

        if (format == FORMAT_BGR) {
            p[0] = p[2];
            p[2] = red;
        } else if (format == FORMAT_GREY) { /* ITU-R 601, in 16 bits, as Pillow */
            y[i] = (uint8_t)((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
        }
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_image_decoder = OP_SET({.name = "ImageDecoder",
                                                     .summary = "the pixels of an image file",
                                                     .since = 20,
                                                     .in_min = 1,
                                                     .in_max = 1,
                                                     .out_min = 1,
                                                     .out_max = 1,
                                                     .infer = infer,
                                                     .scratch_size = scratch_size,
                                                     .run = run});
