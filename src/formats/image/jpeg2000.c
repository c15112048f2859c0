// SPDX-License-Identifier: Apache-2.0
/* JPEG 2000 (ITU-T T.800), as a codestream or in boxes: what OpenJPEG makes of images of one, three
 * or four channels of 8 bits. The sizes are read here first, because OpenJPEG takes memory for all
 * that a header says. */
#include <openjpeg.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "formats/image/image.h"

enum { BOX_CODESTREAM = 0x6A703263 /* "jp2c" */ };
enum { TILES_MAX = 4096, PIXELS_MAX = 1 << 27, BOXES_MAX = 1024 };

static bool is_codestream(struct bytes file)
{
    return file.size >= 4 && !memcmp(file.data, "\xff\x4f\xff\x51", 4);
}

static bool is_jpeg2000(struct bytes file)
{
    return is_codestream(file) ||
           (file.size >= 12 && !memcmp(file.data, "\0\0\0\fjP  \r\n\x87\n", 12));
}

static uint64_t read_be(struct cursor *cursor, int size)
{
    uint64_t value = 0;

    for (int i = 0; i < size; i++)
        value = value << 8 | cursor_u8(cursor);
    return value;
}

/* The codestream inside of the boxes. */
static enum status codestream_of(struct bytes file, struct bytes *stream, struct error *err)
{
    struct cursor cursor = cursor_over(file);

    *stream = file;
    for (int i = 0; !is_codestream(*stream); i++) {
        uint64_t size = read_be(&cursor, 4), header = 8;
        uint32_t type = (uint32_t)read_be(&cursor, 4);

        if (size == 1) {
            size = read_be(&cursor, 8);
            header = 16;
        }
        if (size == 0) /* up to the end */
            size = header + cursor_left(&cursor);
        if (i == BOXES_MAX || size < header)
            return error_set(err, STATUS_INVALID_INPUT, "its boxes are damaged");
        *stream = cursor_take(&cursor, size - header);
        if (cursor_check(&cursor, err))
            return error_set(err, STATUS_INVALID_INPUT, "it ends too early");
        if (type == BOX_CODESTREAM && !is_codestream(*stream))
            return error_set(err, STATUS_INVALID_INPUT, "its header is damaged");
        if (type != BOX_CODESTREAM)
            *stream = (struct bytes){0};
    }
    return STATUS_OK;
}

/* Components from the SIZ segment on: all of 8 bits, none smaller than the image. */
static enum status components_check(struct cursor *cursor, size_t count, struct error *err)
{
    if (count != 1 && count != 3 && count != 4)
        return error_set(err, STATUS_UNSUPPORTED, "%zu channels", count);
    for (size_t i = 0; i < count; i++) {
        int depth = cursor_u8(cursor), across = cursor_u8(cursor), down = cursor_u8(cursor);

        if (cursor_check(cursor, err))
            return error_set(err, STATUS_INVALID_INPUT, "it ends too early");
        if (depth != 7)
            return error_set(err, STATUS_UNSUPPORTED, "%s values of %d bits",
                             depth & 128 ? "signed" : "unsigned", (depth & 127) + 1);
        if (across != 1 || down != 1)
            return error_set(err, STATUS_UNSUPPORTED, "channels of different sizes");
    }
    return STATUS_OK;
}

/* The image area goes from (left, top) to (right, bottom) of a grid that tiles cover from
 * `tile_left`, `tile_top` on. */
static enum status size_read(struct bytes file, size_t *height, size_t *width, size_t *count,
                             struct error *err)
{
    struct bytes stream;
    struct cursor cursor;
    uint32_t right, bottom, left, top, tile_width, tile_height, tile_left, tile_top;

    TRY(codestream_of(file, &stream, err));
    cursor = cursor_over(stream);
    cursor_skip(&cursor, 8); /* SOC, SIZ, the length of SIZ, capabilities */
    right = (uint32_t)read_be(&cursor, 4);
    bottom = (uint32_t)read_be(&cursor, 4);
    left = (uint32_t)read_be(&cursor, 4);
    top = (uint32_t)read_be(&cursor, 4);
    tile_width = (uint32_t)read_be(&cursor, 4);
    tile_height = (uint32_t)read_be(&cursor, 4);
    tile_left = (uint32_t)read_be(&cursor, 4);
    tile_top = (uint32_t)read_be(&cursor, 4);
    *count = (size_t)read_be(&cursor, 2);
    if (cursor_check(&cursor, err))
        return error_set(err, STATUS_INVALID_INPUT, "it ends too early");
    TRY(components_check(&cursor, *count, err));
    if (left >= right || top >= bottom || !tile_width || !tile_height || tile_left > left ||
        tile_top > top || left - tile_left >= tile_width || top - tile_top >= tile_height)
        return error_set(err, STATUS_INVALID_INPUT, "its header is damaged");
    *width = right - left;
    *height = bottom - top;
    if (*width > PIXELS_MAX / *height)
        return error_set(err, STATUS_TOO_LARGE, "an image of %zu by %zu pixels", *height, *width);
    if (((uint64_t)(right - tile_left) + tile_width - 1) / tile_width *
            (((uint64_t)(bottom - tile_top) + tile_height - 1) / tile_height) >
        TILES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d tiles", TILES_MAX);
    return STATUS_OK;
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    size_t count;

    TRY(size_read(file, &image->height, &image->width, &count, err));
    if ((options->channels == 1 && count != 1) || options->channels == 2)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    image->file_channels = (int)count;
    image->channels = options->channels ? (size_t)options->channels : count;
    return STATUS_OK;
}

/* --- the file as OpenJPEG reads it --- */

struct reading {
    struct bytes file;
    size_t at;
};

static OPJ_SIZE_T stream_read(void *to, OPJ_SIZE_T size, void *context)
{
    struct reading *reading = context;
    size_t left = reading->file.size - reading->at;

    if (!left)
        return (OPJ_SIZE_T)-1;
    size = size < left ? size : left;
    memcpy(to, reading->file.data + reading->at, size);
    reading->at += size;
    return size;
}

static OPJ_OFF_T stream_skip(OPJ_OFF_T size, void *context)
{
    struct reading *reading = context;

    if (size < 0 || (uint64_t)size > reading->file.size - reading->at)
        return -1;
    reading->at += (size_t)size;
    return size;
}

static OPJ_BOOL stream_seek(OPJ_OFF_T to, void *context)
{
    struct reading *reading = context;

    if (to < 0 || (uint64_t)to > reading->file.size)
        return OPJ_FALSE;
    reading->at = (size_t)to;
    return OPJ_TRUE;
}

static opj_stream_t *stream_open(struct reading *reading)
{
    opj_stream_t *stream = opj_stream_create(OPJ_J2K_STREAM_CHUNK_SIZE, OPJ_TRUE);

    if (!stream)
        return NULL;
    opj_stream_set_user_data(stream, reading, NULL);
    opj_stream_set_user_data_length(stream, reading->file.size);
    opj_stream_set_read_function(stream, stream_read);
    opj_stream_set_skip_function(stream, stream_skip);
    opj_stream_set_seek_function(stream, stream_seek);
    return stream;
}

/* Are the components what the header said, and red, green, blue or grey? */
static enum status made_check(const opj_image_t *made, const struct image *image, size_t count,
                              struct error *err)
{
    if (made->color_space == OPJ_CLRSPC_SYCC || made->color_space == OPJ_CLRSPC_EYCC ||
        made->color_space == OPJ_CLRSPC_CMYK)
        return error_set(err, STATUS_UNSUPPORTED, "another colour space than RGB or grey");
    if (made->numcomps != count)
        return error_set(err, STATUS_UNSUPPORTED, "a palette");
    for (size_t i = 0; i < count; i++) {
        const opj_image_comp_t *component = &made->comps[i];

        if (component->w != image->width || component->h != image->height || component->prec != 8 ||
            component->sgnd || !component->data)
            return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
        if ((component->alpha != 0) != (i == 3))
            return error_set(err, STATUS_UNSUPPORTED, "channels in this order");
    }
    return STATUS_OK;
}

static uint8_t byte_of(OPJ_INT32 value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void pixels_write(const opj_image_t *made, const struct image *image, uint8_t *pixels)
{
    size_t count = image->height * image->width, channels = image->channels;

    for (size_t c = 0; c < channels; c++) {
        size_t from = c < 3 && made->numcomps == 1 ? 0 : c;
        const OPJ_INT32 *data = from < made->numcomps ? made->comps[from].data : NULL;

        for (size_t i = 0; i < count; i++)
            pixels[i * channels + c] = data ? byte_of(data[i]) : 255;
    }
}

static enum status decode_with(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **made,
                               struct error *err)
{
    opj_dparameters_t parameters;

    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE))
        return error_no_memory(err, "an image");
    if (!opj_read_header(stream, codec, made))
        return error_set(err, STATUS_INVALID_INPUT, "its header is damaged");
    if (!opj_decode(codec, stream, *made) || !opj_end_decompress(codec, stream))
        return error_set(err, STATUS_INVALID_INPUT, "its data are damaged");
    return STATUS_OK;
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    struct image now = {.frames = 1, .bits = 8};
    struct reading reading = {.file = file};
    enum status status = STATUS_OK;
    opj_image_t *made = NULL;
    opj_stream_t *stream;
    opj_codec_t *codec;

    TRY(measure(file, options, &now, err));
    if (now.height != image->height || now.width != image->width || now.channels != image->channels)
        return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
    stream = stream_open(&reading);
    codec = opj_create_decompress(is_codestream(file) ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    status =
        stream && codec ? decode_with(codec, stream, &made, err) : error_no_memory(err, "an image");
    if (!status)
        status = made_check(made, image, (size_t)now.file_channels, err);
    if (!status)
        pixels_write(made, image, pixels);
    opj_image_destroy(made);
    opj_destroy_codec(codec);
    opj_stream_destroy(stream);
    return status;
}

const struct image_codec image_codec_jpeg2000 = {"JPEG 2000", is_jpeg2000, measure, decode};
