// SPDX-License-Identifier: Apache-2.0
/* GIF: frames of three channels. The canvas is as large as the largest frame; a frame is laid over
 * the one before, without its transparent pixels, which are black in the first one.
 * Sources: the GIF89a specification; tensorflow/core/lib/gif/gif_io.cc for the canvas. */
#include <stdlib.h>

#include "base/cursor.h"
#include "formats/image/image.h"

enum { CODES_MAX = 4096, FRAMES_MAX = 1 << 16, NONE = -1 };

struct frame {
    size_t left, top, width, height;
    const uint8_t *colours; /* (colour_count, 3) */
    size_t colour_count;
    int transparent; /* its colour; NONE */
    bool interlaced;
    int least_bits;      /* of a code, less one */
    struct cursor codes; /* at the first block of them */
};

struct gif {
    struct cursor cursor;
    const uint8_t *colours; /* of all frames that have none of their own; or NULL */
    size_t colour_count;
    int transparent; /* of the next frame */
};

/* --- blocks --- */

static void blocks_skip(struct cursor *cursor)
{
    for (size_t size; (size = cursor_u8(cursor)) > 0 && !cursor->failed;)
        cursor_take(cursor, size);
}

static enum status gif_open(struct gif *gif, struct bytes file, struct error *err)
{
    uint8_t flags;

    *gif = (struct gif){.cursor = cursor_over(file), .transparent = NONE};
    cursor_take(&gif->cursor, 6 + 4);
    flags = cursor_u8(&gif->cursor);
    cursor_take(&gif->cursor, 2);
    if (flags & 0x80) {
        gif->colour_count = (size_t)2 << (flags & 7);
        gif->colours = cursor_take(&gif->cursor, 3 * gif->colour_count).data;
    }
    return cursor_check(&gif->cursor, err);
}

static void extension_read(struct gif *gif)
{
    struct bytes block;

    if (cursor_u8(&gif->cursor) != 0xF9) {
        blocks_skip(&gif->cursor);
        return;
    }
    block = cursor_take(&gif->cursor, cursor_u8(&gif->cursor));
    if (block.size >= 4)
        gif->transparent = block.data[0] & 1 ? block.data[3] : NONE;
    blocks_skip(&gif->cursor);
}

/* The next frame; *more is false behind the last one. */
static enum status frame_next(struct gif *gif, struct frame *frame, bool *more, struct error *err)
{
    struct cursor *c = &gif->cursor;
    uint8_t flags, kind;

    while ((kind = cursor_u8(c)) == 0x21)
        extension_read(gif);
    TRY(cursor_check(c, err));
    *more = kind == 0x2C;
    if (!*more)
        return kind == 0x3B ? STATUS_OK
                            : error_set(err, STATUS_INVALID_INPUT, "a block of kind %d", kind);
    *frame = (struct frame){.transparent = gif->transparent};
    gif->transparent = NONE;
    frame->left = cursor_u16le(c);
    frame->top = cursor_u16le(c);
    frame->width = cursor_u16le(c);
    frame->height = cursor_u16le(c);
    flags = cursor_u8(c);
    frame->interlaced = flags & 0x40;
    frame->colour_count = flags & 0x80 ? (size_t)2 << (flags & 7) : gif->colour_count;
    frame->colours = flags & 0x80 ? cursor_take(c, 3 * frame->colour_count).data : gif->colours;
    frame->least_bits = cursor_u8(c);
    frame->codes = *c;
    blocks_skip(c);
    TRY(cursor_check(c, err));
    if (!frame->colours)
        return error_set(err, STATUS_INVALID_INPUT, "a frame without colours");
    if (frame->least_bits < 1 || frame->least_bits > 8)
        return error_set(err, STATUS_INVALID_INPUT, "codes of %d bits", frame->least_bits);
    if (!frame->width || !frame->height)
        return error_set(err, STATUS_INVALID_INPUT, "a frame without pixels");
    return STATUS_OK;
}

/* --- codes: LZW, the lowest bits first --- */

struct decoder {
    struct cursor blocks;
    struct bytes block;
    uint32_t bits;
    int bit_count;
    int code_bits, next, previous; /* next: the code that the next string gets; previous: or NONE */
    uint16_t prefix[CODES_MAX];
    uint8_t suffix[CODES_MAX], first[CODES_MAX];
    uint8_t string[CODES_MAX]; /* of a code, reversed */
};

/* The next code; NONE at the end of the data. */
static int code_next(struct decoder *d)
{
    int code;

    while (d->bit_count < d->code_bits) {
        if (!d->block.size) {
            d->block = cursor_take(&d->blocks, cursor_u8(&d->blocks));
            if (!d->block.size || d->blocks.failed)
                return NONE;
        }
        d->bits |= (uint32_t)d->block.data[0] << d->bit_count;
        d->bit_count += 8;
        d->block.data++;
        d->block.size--;
    }
    code = (int)(d->bits & ((1U << d->code_bits) - 1));
    d->bits >>= d->code_bits;
    d->bit_count -= d->code_bits;
    return code;
}

static void decoder_clear(struct decoder *d, int least_bits)
{
    d->code_bits = least_bits + 1;
    d->next = (1 << least_bits) + 2;
    d->previous = NONE;
}

/* The string of a code, put into `to` as far as there is room; its length, or 0: no such code. */
static size_t string_put(struct decoder *d, int code, int clear, uint8_t *to, size_t room)
{
    size_t length = 0, count;
    int at = code;

    if (code > d->next || (code == d->next && d->previous == NONE))
        return 0;
    if (code == d->next) {
        d->string[length++] = d->first[d->previous];
        at = d->previous;
    }
    while (at >= clear + 2 && length < CODES_MAX - 1) {
        d->string[length++] = d->suffix[at];
        at = d->prefix[at];
    }
    d->string[length++] = (uint8_t)at;
    if (d->previous != NONE && d->next < CODES_MAX) {
        d->prefix[d->next] = (uint16_t)d->previous;
        d->suffix[d->next] = d->string[length - 1];
        d->first[d->next] = d->first[d->previous];
        d->next++;
        if (d->next == 1 << d->code_bits && d->code_bits < 12)
            d->code_bits++;
    }
    d->previous = code;
    count = length < room ? length : room;
    for (size_t i = 0; i < count; i++)
        to[i] = d->string[length - 1 - i];
    return length;
}

/* The colours of all pixels, (height, width), in the order of the file. */
static enum status frame_decode(const struct frame *frame, uint8_t *pixels, struct error *err)
{
    size_t room = frame->width * frame->height, done = 0;
    int clear = 1 << frame->least_bits, code;
    struct decoder *d = calloc(1, sizeof *d);

    if (!d)
        return error_no_memory(err, "a frame");
    d->blocks = frame->codes;
    for (int i = 0; i < clear; i++)
        d->first[i] = (uint8_t)i;
    decoder_clear(d, frame->least_bits);
    while (done < room && (code = code_next(d)) != NONE && code != clear + 1) {
        size_t length;

        if (code == clear) {
            decoder_clear(d, frame->least_bits);
            continue;
        }
        length = string_put(d, code, clear, pixels + done, room - done);
        if (!length)
            break;
        done += length < room - done ? length : room - done;
    }
    free(d);
    return done == room ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "it ends too early");
}

/* --- the canvas --- */

/* Line `y` of the file is which line of the frame? */
static size_t line_of(const struct frame *frame, size_t y)
{
    static const size_t START[] = {0, 4, 2, 1}, STEP[] = {8, 8, 4, 2};

    if (!frame->interlaced)
        return y;
    for (size_t pass = 0; pass < 4; pass++) {
        size_t count =
            frame->height > START[pass] ? (frame->height - START[pass] - 1) / STEP[pass] + 1 : 0;

        if (y < count)
            return START[pass] + y * STEP[pass];
        y -= count;
    }
    return 0;
}

static enum status frame_draw(const struct frame *frame, const struct image *image,
                              const uint8_t *colours, uint8_t *canvas, struct error *err)
{
    for (size_t y = 0; y < frame->height; y++) {
        size_t row = line_of(frame, y) + frame->top;

        for (size_t x = 0; x < frame->width; x++) {
            size_t column = x + frame->left;
            uint8_t colour = colours[y * frame->width + x];

            if (row >= image->height || column >= image->width || colour == frame->transparent)
                continue;
            if (colour >= frame->colour_count)
                return error_set(err, STATUS_INVALID_INPUT, "colour %d of %zu", colour,
                                 frame->colour_count);
            memcpy(canvas + (row * image->width + column) * 3, frame->colours + 3 * colour, 3);
        }
    }
    return STATUS_OK;
}

/* --- the codec --- */

static bool is_gif(struct bytes file)
{
    return file.size > 6 && (!memcmp(file.data, "GIF87a", 6) || !memcmp(file.data, "GIF89a", 6));
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    struct frame frame;
    struct gif gif;
    bool more;

    if (options->channels && options->channels != 3)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    image->frames = 0;
    image->channels = 3;
    image->file_channels = 3;
    TRY(gif_open(&gif, file, err));
    for (;;) {
        TRY(frame_next(&gif, &frame, &more, err));
        if (!more)
            break;
        if (++image->frames > FRAMES_MAX)
            return error_set(err, STATUS_TOO_LARGE, "more than %d frames", FRAMES_MAX);
        image->height = frame.height > image->height ? frame.height : image->height;
        image->width = frame.width > image->width ? frame.width : image->width;
        if (!options->animated)
            break;
    }
    return STATUS_OK;
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    size_t size = image->height * image->width * 3;
    uint8_t *colours = malloc(image->height * image->width + 1), *canvas = pixels;
    enum status status;
    struct frame frame;
    struct gif gif;
    bool more = true;

    (void)options;
    if (!colours)
        return error_no_memory(err, "a frame");
    status = gif_open(&gif, file, err);
    for (size_t k = 0; status == STATUS_OK && k < image->frames; k++, canvas += size) {
        status = frame_next(&gif, &frame, &more, err);
        if (status == STATUS_OK &&
            (!more || frame.width > image->width || frame.height > image->height))
            status = error_set(err, STATUS_INVALID_INPUT, "its size is another one");
        if (status != STATUS_OK)
            break;
        if (k)
            memcpy(canvas, canvas - size, size);
        else
            memset(canvas, 0, size);
        status = frame_decode(&frame, colours, err);
        if (status == STATUS_OK)
            status = frame_draw(&frame, image, colours, canvas, err);
    }
    free(colours);
    return status;
}

const struct image_codec image_codec_gif = {"GIF", is_gif, measure, decode};
