// SPDX-License-Identifier: Apache-2.0
/* PNG, by libpng. Its errors jump, as those of JPEG: steps run inside `guarded`. */
#include <setjmp.h>
#include <stdio.h>

#include <png.h>

#include "formats/image/image.h"

enum { CHUNK_MAX = 8 << 20, CHUNKS_MAX = 1000 };

struct reader {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    struct bytes left;
    const struct image_options *options;
    struct image *image;
    uint8_t *pixels;
    char message[128];
};

/* --- what the library calls --- */

static void fail(png_structp png, png_const_charp message)
{
    struct reader *r = png_get_error_ptr(png);

    snprintf(r->message, sizeof r->message, "%s", message);
    longjmp(r->jump, 1);
}

static void be_quiet(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void source_read(png_structp png, png_bytep data, size_t size)
{
    struct reader *r = png_get_io_ptr(png);

    if (r->left.size < size)
        png_error(png, "it ends too early");
    memcpy(data, r->left.data, size);
    r->left.data += size;
    r->left.size -= size;
}

static bool guarded(struct reader *r, void (*step)(struct reader *r))
{
    if (setjmp(r->jump))
        return false;
    step(r);
    return true;
}

static enum status reader_run(struct bytes file, const struct image_options *options,
                              struct image *image, void *pixels, void (*step)(struct reader *r),
                              struct error *err)
{
    struct reader r = {.left = file, .options = options, .image = image, .pixels = pixels};
    bool done;

    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, fail, be_quiet);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (!r.info) {
        png_destroy_read_struct(&r.png, NULL, NULL);
        return error_no_memory(err, "a PNG reader");
    }
    done = guarded(&r, step);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return done ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "%s", r.message);
}

/* --- steps --- */

/* Alpha as it is wanted: channels are even in number with it. */
static void set_alpha(struct reader *r, int type, int depth)
{
    bool has_alpha = type & PNG_COLOR_MASK_ALPHA;
    bool has_transparent = png_get_valid(r->png, r->info, PNG_INFO_tRNS);

    if (r->image->channels % 2) {
        if (has_alpha || has_transparent)
            png_set_strip_alpha(r->png);
    } else if (!has_alpha) {
        if (has_transparent)
            png_set_tRNS_to_alpha(r->png);
        else
            png_set_add_alpha(r->png, (1U << depth) - 1, PNG_FILLER_AFTER);
    }
}

static void set_colour(struct reader *r, int type, int depth)
{
    bool grey = !(type & PNG_COLOR_MASK_COLOR), want_grey = r->image->channels < 3;

    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (grey && depth < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (want_grey && !grey)
        png_set_rgb_to_gray(r->png, 1, 0.299, 0.587);
    if (!want_grey && grey)
        png_set_gray_to_rgb(r->png);
}

static void read_header(struct reader *r)
{
    png_uint_32 width, height;
    int depth, type, channels = r->options->channels;

    png_set_read_fn(r->png, r, source_read);
    png_set_user_limits(r->png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(r->png, CHUNK_MAX);
    png_set_chunk_cache_max(r->png, CHUNKS_MAX);
    png_read_info(r->png, r->info);
    png_get_IHDR(r->png, r->info, &width, &height, &depth, &type, NULL, NULL, NULL);
    if (!channels && type == PNG_COLOR_TYPE_PALETTE)
        channels = png_get_valid(r->png, r->info, PNG_INFO_tRNS) ? 4 : 3;
    if (!channels)
        channels = png_get_channels(r->png, r->info);
    r->image->height = height;
    r->image->width = width;
    r->image->channels = (size_t)channels;
    r->image->bits = r->options->bits == 16 ? 16 : 8;
    r->image->file_channels = png_get_channels(r->png, r->info);
}

/* 8 bits to 16, in place, from the end. */
static void widen(uint8_t *line, size_t count)
{
    while (count--) {
        uint16_t value = (uint16_t)(line[count] * 257);

        memcpy(line + 2 * count, &value, sizeof value);
    }
}

static void read_pixels(struct reader *r)
{
    struct image wanted = *r->image, found = wanted;
    size_t line = wanted.width * wanted.channels * (size_t)wanted.bits / 8;
    bool synthesise;
    int depth, type, passes;

    r->image = &found;
    read_header(r);
    if (found.height != wanted.height || found.width != wanted.width ||
        found.channels != wanted.channels)
        png_error(r->png, "its size is another one");
    depth = png_get_bit_depth(r->png, r->info);
    type = png_get_color_type(r->png, r->info);
    synthesise = depth <= 8 && wanted.bits == 16;
    set_alpha(r, type, depth);
    if (depth > 8 && wanted.bits == 8)
        png_set_strip_16(r->png);
    png_set_packing(r->png);
    passes = png_set_interlace_handling(r->png);
    if (wanted.bits == 16)
        png_set_swap(r->png);
    set_colour(r, type, depth);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) > line)
        png_error(r->png, "its lines are longer than they should be");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < wanted.height; y++)
            png_read_row(r->png, r->pixels + y * line, NULL);
    png_read_end(r->png, NULL);
    for (size_t y = 0; synthesise && y < wanted.height; y++)
        widen(r->pixels + y * line, wanted.width * wanted.channels);
}

/* --- the codec --- */

static bool is_png(struct bytes file)
{
    return file.size > 8 && !memcmp(file.data, "\x89PNG\r\n\x1a\n", 8);
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    return reader_run(file, options, image, NULL, read_header, err);
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    struct image copy = *image;

    return reader_run(file, options, &copy, pixels, read_pixels, err);
}

const struct image_codec image_codec_png = {"PNG", is_png, measure, decode};
