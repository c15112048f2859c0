// SPDX-License-Identifier: Apache-2.0
/* JPEG, by libjpeg-turbo. Its errors jump: every step that may fail runs inside `guarded`, whose
 * callers keep nothing but the reader. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "formats/image/image.h"

enum { SCANS_MAX = 500, MEMORY_MAX = 1 << 30 };

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_source_mgr source;
    jmp_buf jump;
    struct bytes file;
    const struct image_options *options;
    struct image *image;
    uint8_t *pixels;
    uint8_t *line; /* owned: room for one that is not copied as it is; or NULL */
    const char *fault;
    char message[JMSG_LENGTH_MAX];
};

/* --- what the library calls --- */

static void fail(j_common_ptr common)
{
    struct reader *r = common->client_data;

    if (!r->fault) {
        common->err->format_message(common, r->message);
        r->fault = r->message;
    }
    longjmp(r->jump, 1);
}

static void fail_with(struct reader *r, const char *fault)
{
    r->fault = fault;
    fail((j_common_ptr)&r->jpeg);
}

static void be_quiet(j_common_ptr common)
{
    (void)common;
}

/* Files of very many scans are an attack. */
static void watch(j_common_ptr common)
{
    struct reader *r = common->client_data;

    if (r->jpeg.input_scan_number > SCANS_MAX)
        fail_with(r, "too many scans");
}

static void source_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean source_more(j_decompress_ptr jpeg)
{
    static const JOCTET END[] = {0xFF, JPEG_EOI};
    struct reader *r = jpeg->client_data;

    if (!r->options->recover)
        fail_with(r, "it ends too early");
    jpeg->src->next_input_byte = END;
    jpeg->src->bytes_in_buffer = sizeof END;
    return TRUE;
}

static void source_skip(j_decompress_ptr jpeg, long count)
{
    struct jpeg_source_mgr *source = jpeg->src;
    size_t n = count > 0 ? (size_t)count : 0;

    n = n < source->bytes_in_buffer ? n : source->bytes_in_buffer;
    source->next_input_byte += n;
    source->bytes_in_buffer -= n;
}

/* --- a reader --- */

static void reader_open(struct reader *r, struct bytes file, const struct image_options *options,
                        struct image *image)
{
    memset(r, 0, sizeof *r);
    r->file = file;
    r->options = options;
    r->image = image;
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = fail;
    r->errors.output_message = be_quiet;
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = file.data,
        .bytes_in_buffer = file.size,
        .init_source = source_nothing,
        .fill_input_buffer = source_more,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    r->progress.progress_monitor = watch;
}

/* False: it failed, r->fault says why. */
static bool guarded(struct reader *r, void (*step)(struct reader *r))
{
    if (setjmp(r->jump))
        return false;
    step(r);
    return true;
}

static enum status reader_run(struct reader *r, void (*step)(struct reader *r), struct error *err)
{
    bool done = guarded(r, step);

    jpeg_destroy_decompress(&r->jpeg);
    free(r->line);
    return done ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "%s", r->fault);
}

/* --- steps --- */

static bool is_inside(int64_t from, int64_t size, size_t whole)
{
    return from >= 0 && size > 0 && from <= (int64_t)whole && size <= (int64_t)whole - from;
}

static void read_header(struct reader *r)
{
    const struct image_options *o = r->options;
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    int channels;

    jpeg_create_decompress(jpeg);
    jpeg->src = &r->source;
    jpeg->progress = &r->progress;
    jpeg->mem->max_memory_to_use = MEMORY_MAX;
    jpeg_read_header(jpeg, TRUE);
    channels = o->channels ? o->channels : jpeg->num_components < 3 ? jpeg->num_components : 3;
    if (channels == 1)
        jpeg->out_color_space = JCS_GRAYSCALE;
    else if (channels == 3)
        jpeg->out_color_space =
            jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK ? JCS_CMYK
                                                                                     : JCS_RGB;
    else
        fail_with(r, "it cannot have so many channels");
    jpeg->do_fancy_upsampling = o->coarse ? FALSE : TRUE;
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)(o->ratio ? o->ratio : 1);
    jpeg->dct_method = o->fast ? JDCT_IFAST : JDCT_ISLOW;
    jpeg_calc_output_dimensions(jpeg);
    if (o->crop && (!is_inside(o->top, o->height, jpeg->output_height) ||
                    !is_inside(o->left, o->width, jpeg->output_width)))
        fail_with(r, "the part that is asked for lies outside of it");
    r->image->height = o->crop ? (size_t)o->height : jpeg->output_height;
    r->image->width = o->crop ? (size_t)o->width : jpeg->output_width;
    r->image->channels = (size_t)channels;
    r->image->file_channels = jpeg->num_components;
}

/* a * b / 255, rounded */
static unsigned times(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;

    return ((product >> 8) + product) >> 8;
}

static void cmyk_to_rgb(const struct reader *r, const uint8_t *from, uint8_t *to, size_t count)
{
    bool inverted = r->jpeg.saw_Adobe_marker;

    for (size_t i = 0; i < count && r->options->rounded; i++, from += 4, to += 3)
        for (size_t c = 0; c < 3; c++) /* Pillow takes all for inverted, as Adobe's are */
            to[c] = (uint8_t)(from[3] - times(255U - from[c], from[3]));
    if (r->options->rounded)
        return;
    for (size_t i = 0; i < count; i++, from += 4, to += 3)
        for (size_t c = 0; c < 3; c++)
            to[c] = (uint8_t)(inverted ? from[3] * from[c] / 255
                                       : (255 - from[3]) * (255 - from[c]) / 255);
}

/* One line: cut from what lies on the borders of blocks, and of CMYK turned. */
static void read_line(struct reader *r, size_t skipped, uint8_t *to)
{
    bool cmyk = r->jpeg.out_color_space == JCS_CMYK;
    size_t channels = cmyk ? 4 : r->image->channels;
    JSAMPROW row = r->line ? r->line : to;

    if (jpeg_read_scanlines(&r->jpeg, &row, 1) != 1)
        fail_with(r, "it ends too early");
    if (cmyk)
        cmyk_to_rgb(r, r->line + skipped * channels, to, r->image->width);
    else if (r->line)
        memcpy(to, r->line + skipped * channels, r->image->width * channels);
}

static void read_pixels(struct reader *r)
{
    const struct image_options *o = r->options;
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    struct image wanted = *r->image, found = wanted;
    size_t line = wanted.width * wanted.channels, skipped = 0;

    r->image = &found;
    read_header(r);
    if (found.height != wanted.height || found.width != wanted.width ||
        found.channels != wanted.channels)
        fail_with(r, "its size is another one");
    if (!jpeg_start_decompress(jpeg))
        fail_with(r, "it ends too early");
    if (o->crop) {
        JDIMENSION left = (JDIMENSION)o->left, width = (JDIMENSION)o->width;

        jpeg_crop_scanline(jpeg, &left, &width);
        skipped = (size_t)o->left - left;
        if (jpeg_skip_scanlines(jpeg, (JDIMENSION)o->top) != (JDIMENSION)o->top)
            fail_with(r, "it ends too early");
    }
    if (o->crop || jpeg->out_color_space == JCS_CMYK) {
        r->line = malloc((size_t)jpeg->output_width * 4 + 1);
        if (!r->line)
            fail_with(r, "no memory for a line");
    }
    for (size_t y = 0; y < wanted.height; y++)
        read_line(r, skipped, r->pixels + y * line);
}

/* --- the codec --- */

static bool is_jpeg(struct bytes file)
{
    return file.size > 3 && !memcmp(file.data, "\xff\xd8\xff", 3);
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    struct reader r;

    reader_open(&r, file, options, image);
    return reader_run(&r, read_header, err);
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    struct image copy = *image;
    struct reader r;

    reader_open(&r, file, options, &copy);
    r.pixels = pixels;
    return reader_run(&r, read_pixels, err);
}

const struct image_codec image_codec_jpeg = {"JPEG", is_jpeg, measure, decode};
