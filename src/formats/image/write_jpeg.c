// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "formats/image/write.h"

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    const struct image *image;
    const struct image_writing *how;
    const uint8_t *pixels;
    unsigned char *file; /* the library's, of malloc */
    unsigned long size;
    char message[JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr common)
{
    struct writer *w = common->client_data;

    common->err->format_message(common, w->message);
    longjmp(w->jump, 1);
}

static void be_quiet(j_common_ptr common)
{
    (void)common;
}

static void write_all(struct writer *w)
{
    size_t line = w->image->width * w->image->channels;

    jpeg_create_compress(&w->jpeg);
    jpeg_mem_dest(&w->jpeg, &w->file, &w->size);
    w->jpeg.image_width = (JDIMENSION)w->image->width;
    w->jpeg.image_height = (JDIMENSION)w->image->height;
    w->jpeg.input_components = (int)w->image->channels;
    w->jpeg.in_color_space = w->image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&w->jpeg);
    w->jpeg.optimize_coding = w->how->optimised;
    w->jpeg.density_unit = (UINT8)w->how->unit;
    w->jpeg.X_density = (UINT16)w->how->density_x;
    w->jpeg.Y_density = (UINT16)w->how->density_y;
    jpeg_set_quality(&w->jpeg, w->how->quality, TRUE);
    if (w->how->progressive)
        jpeg_simple_progression(&w->jpeg);
    for (int i = 0; w->how->full_chroma && i < w->jpeg.num_components; i++)
        w->jpeg.comp_info[i].h_samp_factor = w->jpeg.comp_info[i].v_samp_factor = 1;
    jpeg_start_compress(&w->jpeg, TRUE);
    while (w->jpeg.next_scanline < w->jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(w->pixels + w->jpeg.next_scanline * line);

        jpeg_write_scanlines(&w->jpeg, &row, 1);
    }
    jpeg_finish_compress(&w->jpeg);
}

static bool guarded(struct writer *w)
{
    if (setjmp(w->jump))
        return false;
    write_all(w);
    return true;
}

enum status image_write_jpeg(const struct image *image, const void *pixels,
                             const struct image_writing *how, struct text *file, struct error *err)
{
    struct writer w = {.image = image, .how = how, .pixels = pixels};
    bool done;

    if ((image->channels != 1 && image->channels != 3) || image->bits != 8)
        return error_set(err, STATUS_INVALID_INPUT, "%zu channels of %d bits", image->channels,
                         image->bits);
    if (image->width > IMAGE_JPEG_SIDE_MAX || image->height > IMAGE_JPEG_SIDE_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "more than %d pixels on a side",
                         IMAGE_JPEG_SIDE_MAX);
    w.jpeg.err = jpeg_std_error(&w.errors);
    w.jpeg.client_data = &w;
    w.errors.error_exit = fail;
    w.errors.output_message = be_quiet;
    done = guarded(&w);
    if (done)
        text_append_bytes(file, (struct bytes){w.file, w.size});
    jpeg_destroy_compress(&w.jpeg);
    free(w.file);
    return done ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "%s", w.message);
}
