// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>

#include <png.h>

#include "formats/image/write.h"

enum { ZLIB_MEMORY = 9 };

struct writer {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    const struct image *image;
    const struct image_writing *how;
    const uint8_t *pixels;
    struct text *file;
    char message[128];
};

/* --- what the library calls --- */

static void fail(png_structp png, png_const_charp message)
{
    struct writer *w = png_get_error_ptr(png);

    snprintf(w->message, sizeof w->message, "%s", message);
    longjmp(w->jump, 1);
}

static void be_quiet(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void put(png_structp png, png_bytep data, size_t size)
{
    struct writer *w = png_get_io_ptr(png);

    text_append_bytes(w->file, (struct bytes){data, size});
}

static void flush(png_structp png)
{
    (void)png;
}

static void write_all(struct writer *w)
{
    static const int TYPES[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    const struct image *image = w->image;
    size_t line = image->width * image->channels * (size_t)image->bits / 8;

    png_set_write_fn(w->png, w, put, flush);
    png_set_user_limits(w->png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    png_set_compression_level(w->png, w->how->compression);
    png_set_compression_mem_level(w->png, ZLIB_MEMORY);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height,
                 image->bits, TYPES[image->channels - 1], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    if (image->bits > 8)
        png_set_swap(w->png);
    for (size_t y = 0; y < image->height; y++)
        png_write_row(w->png, w->pixels + y * line);
    png_write_end(w->png, NULL);
}

static bool guarded(struct writer *w)
{
    if (setjmp(w->jump))
        return false;
    write_all(w);
    return true;
}

enum status image_write_png(const struct image *image, const void *pixels,
                            const struct image_writing *how, struct text *file, struct error *err)
{
    struct writer w = {.image = image, .how = how, .pixels = pixels, .file = file};
    bool done;

    if (image->channels < 1 || image->channels > 4 || (image->bits != 8 && image->bits != 16))
        return error_set(err, STATUS_INVALID_INPUT, "%zu channels of %d bits", image->channels,
                         image->bits);
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, fail, be_quiet);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info) {
        png_destroy_write_struct(&w.png, NULL);
        return error_no_memory(err, "a PNG writer");
    }
    done = guarded(&w);
    png_destroy_write_struct(&w.png, &w.info);
    return done ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "%s", w.message);
}
