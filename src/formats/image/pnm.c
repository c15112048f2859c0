// SPDX-License-Identifier: Apache-2.0
/* PGM and PPM, binary, of 8 bits: "P5 width height 255" and "P6 ...", blanks and comments between,
 * one blank, pixels. */
#include "formats/image/image.h"

enum { NUMBER_MAX = 1 << 28 };

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* The next number of the header, behind blanks and comments. */
static bool number_read(struct bytes file, size_t *at, size_t *number)
{
    size_t from;

    while (*at < file.size && (is_blank(file.data[*at]) || file.data[*at] == '#')) {
        if (file.data[*at] == '#')
            while (*at < file.size && file.data[*at] != '\n')
                (*at)++;
        else
            (*at)++;
    }
    *number = 0;
    for (from = *at; *at < file.size && file.data[*at] >= '0' && file.data[*at] <= '9'; (*at)++) {
        *number = *number * 10 + (size_t)(file.data[*at] - '0');
        if (*number > NUMBER_MAX)
            return false;
    }
    return *at > from;
}

static bool is_pnm(struct bytes file)
{
    return file.size > 3 && file.data[0] == 'P' && (file.data[1] == '5' || file.data[1] == '6') &&
           is_blank(file.data[2]);
}

/* *pixels: where they begin. */
static enum status header_read(struct bytes file, struct image *image, size_t *pixels,
                               struct error *err)
{
    size_t most, size;

    *pixels = 2;
    if (!number_read(file, pixels, &image->width) || !number_read(file, pixels, &image->height) ||
        !number_read(file, pixels, &most) || *pixels == file.size || !is_blank(file.data[*pixels]))
        return error_set(err, STATUS_INVALID_INPUT, "byte %zu: no header", *pixels);
    (*pixels)++;
    if (most != 255)
        return error_set(err, STATUS_UNSUPPORTED, "values up to %zu", most);
    image->file_channels = file.data[1] == '5' ? 1 : 3;
    image->channels = (size_t)image->file_channels;
    TRY(image_check(image, err));
    size = image->height * image->width * image->channels;
    return file.size - *pixels >= size ? STATUS_OK
                                       : error_set(err, STATUS_INVALID_INPUT, "it ends too early");
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    size_t pixels;

    TRY(header_read(file, image, &pixels, err));
    if (options->channels)
        image->channels = (size_t)options->channels;
    if (image->channels != 3 && (int)image->channels != image->file_channels)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    return STATUS_OK;
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    struct image found = {.frames = 1};
    const uint8_t *from;
    uint8_t *to = pixels;
    size_t at, count;

    (void)options;
    TRY(header_read(file, &found, &at, err));
    from = file.data + at;
    count = found.height * found.width;
    if (found.height != image->height || found.width != image->width)
        return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
    for (size_t i = 0; i < count; i++, from += found.channels, to += image->channels)
        for (size_t c = 0; c < image->channels; c++)
            to[c] = from[found.channels == 1 ? 0 : c];
    return STATUS_OK;
}

const struct image_codec image_codec_pnm = {"PNM", is_pnm, measure, decode};
