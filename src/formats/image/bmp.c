// SPDX-License-Identifier: Apache-2.0
/* BMP without compression: 8 bits are grey (a palette is not looked at, as TensorFlow does not), 24
 * and 32 blue, green, red and alpha. */
#include <stdlib.h>

#include "formats/image/image.h"

enum { HEADER_SIZE = 32 };

struct header {
    size_t offset, width, height, channels, line; /* line: bytes of one in the file */
    bool top_down;
};

static int32_t i32_at(struct bytes file, size_t at)
{
    const uint8_t *p = file.data + at;

    return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                     (uint32_t)p[3] << 24);
}

static enum status header_read(struct bytes file, struct header *h, struct error *err)
{
    int32_t offset, width, height, bits;

    if (file.size < HEADER_SIZE)
        return error_set(err, STATUS_INVALID_INPUT, "%zu bytes are no header", file.size);
    offset = i32_at(file, 10);
    width = i32_at(file, 18);
    height = i32_at(file, 22);
    bits = file.data[28] | file.data[29] << 8;
    if (offset < 0 || width < 1 || height == 0 || height == INT32_MIN)
        return error_set(err, STATUS_INVALID_INPUT, "%d by %d pixels from byte %d on", (int)width,
                         (int)height, (int)offset);
    if (bits != 8 && bits != 24 && bits != 32)
        return error_set(err, STATUS_UNSUPPORTED, "%d bits a pixel", (int)bits);
    *h = (struct header){
        .offset = (size_t)offset,
        .width = (size_t)width,
        .height = (size_t)abs(height),
        .channels = (size_t)bits / 8,
        .top_down = height < 0,
    };
    h->line = (h->channels * h->width + 3) / 4 * 4;
    if (file.size < h->offset || (file.size - h->offset) / h->line < h->height)
        return error_set(err, STATUS_INVALID_INPUT, "it ends too early");
    return STATUS_OK;
}

static bool is_bmp(struct bytes file)
{
    return file.size > 2 && !memcmp(file.data, "BM", 2);
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    struct header h;

    TRY(header_read(file, &h, err));
    if (options->channels && options->channels != 3 && options->channels != 4)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    image->height = h.height;
    image->width = h.width;
    image->channels = options->channels ? (size_t)options->channels : h.channels;
    image->file_channels = (int)h.channels;
    return STATUS_OK;
}

static void turn_line(const uint8_t *from, size_t of_file, uint8_t *to, size_t channels,
                      size_t count)
{
    for (size_t i = 0; i < count; i++, from += of_file, to += channels)
        for (size_t c = 0; c < channels; c++) {
            if (c == 3)
                to[c] = of_file == 4 ? from[3] : 255;
            else
                to[c] = of_file == 1 ? from[0] : from[2 - c];
        }
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    struct header h;

    (void)options;
    TRY(header_read(file, &h, err));
    if (h.height != image->height || h.width != image->width)
        return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
    for (size_t y = 0; y < h.height; y++)
        turn_line(file.data + h.offset + (h.top_down ? y : h.height - 1 - y) * h.line, h.channels,
                  (uint8_t *)pixels + y * h.width * image->channels, image->channels, h.width);
    return STATUS_OK;
}

const struct image_codec image_codec_bmp = {"BMP", is_bmp, measure, decode};
