// SPDX-License-Identifier: Apache-2.0
/* TIFF without compression: the first image, of 8 bits, grey or red, green, blue (and what comes
 * behind, which is left out), in strips. Source: TIFF 6.0, Adobe 1992. */
#include "formats/image/image.h"

enum { ENTRY_SIZE = 12, STRIPS_MAX = 1 << 20 };

enum tag {
    TAG_WIDTH = 256,
    TAG_HEIGHT = 257,
    TAG_BITS = 258,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_OFFSETS = 273,
    TAG_ORIENTATION = 274,
    TAG_SAMPLES = 277,
    TAG_ROWS = 278,
    TAG_PLANAR = 284,
    TAG_TILES = 322,
};

struct field { /* of the directory: `count` numbers of `size` bytes at `at` of the file */
    size_t at, count, size;
};

struct tiff {
    struct bytes file;
    bool big;                            /* the highest byte first */
    size_t width, height, samples, rows; /* rows: of a strip */
    struct field offsets;
};

static uint32_t number_at(const struct tiff *t, size_t at, size_t size)
{
    uint32_t value = 0;

    if (at > t->file.size || size > t->file.size - at)
        return 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | t->file.data[at + (t->big ? i : size - 1 - i)];
    return value;
}

static uint32_t field_at(const struct tiff *t, const struct field *field, size_t i)
{
    return number_at(t, field->at + i * field->size, field->size);
}

/* The field of a tag among the entries from `at` on; its count is 0 when there is none. */
static enum status field_find(const struct tiff *t, size_t at, size_t entries, enum tag tag,
                              struct field *field, struct error *err)
{
    *field = (struct field){0};
    for (size_t i = 0; i < entries; i++, at += ENTRY_SIZE) {
        uint32_t type = number_at(t, at + 2, 2);
        size_t bytes;

        if (number_at(t, at, 2) != (uint32_t)tag)
            continue;
        field->size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
        field->count = number_at(t, at + 4, 4);
        if (!field->size || !field->count)
            return error_set(err, STATUS_INVALID_INPUT, "field %d is of type %u", (int)tag,
                             (unsigned)type);
        if (__builtin_mul_overflow(field->count, field->size, &bytes))
            return error_set(err, STATUS_INVALID_INPUT, "field %d is too long", (int)tag);
        field->at = bytes > 4 ? number_at(t, at + 8, 4) : at + 8;
        if (field->at > t->file.size || bytes > t->file.size - field->at)
            return error_set(err, STATUS_INVALID_INPUT, "field %d lies outside", (int)tag);
        return STATUS_OK;
    }
    return STATUS_OK;
}

static enum status number_find(const struct tiff *t, size_t at, size_t entries, enum tag tag,
                               uint32_t otherwise, uint32_t *value, struct error *err)
{
    struct field field;

    TRY(field_find(t, at, entries, tag, &field, err));
    *value = field.count ? field_at(t, &field, 0) : otherwise;
    return STATUS_OK;
}

/* What is understood of the fields that say how pixels lie. */
static enum status layout_check(const struct tiff *t, size_t at, size_t entries, struct error *err)
{
    static const struct {
        enum tag tag;
        uint32_t otherwise, low, high;
        const char *name;
    } RULES[] = {
        {TAG_BITS, 1, 8, 8, "bits of a sample"},  {TAG_COMPRESSION, 1, 1, 1, "compression"},
        {TAG_PHOTOMETRIC, 0, 1, 2, "colours"},    {TAG_ORIENTATION, 1, 1, 1, "orientation"},
        {TAG_PLANAR, 1, 1, 1, "order of planes"}, {TAG_TILES, 0, 0, 0, "tiles"},
    };

    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        uint32_t value;

        TRY(number_find(t, at, entries, RULES[i].tag, RULES[i].otherwise, &value, err));
        if (value < RULES[i].low || value > RULES[i].high)
            return error_set(err, STATUS_UNSUPPORTED, "%s: %u", RULES[i].name, (unsigned)value);
    }
    return STATUS_OK;
}

static enum status tiff_read(struct bytes file, struct tiff *t, struct error *err)
{
    uint32_t at, width, height, samples, rows, photometric;
    size_t entries, strips;

    *t = (struct tiff){.file = file, .big = file.data[0] == 'M'};
    at = number_at(t, 4, 4);
    entries = number_at(t, at, 2);
    if (at > file.size || (file.size - at) / ENTRY_SIZE < entries || !entries)
        return error_set(err, STATUS_INVALID_INPUT, "its directory lies outside");
    TRY(layout_check(t, at + 2, entries, err));
    TRY(number_find(t, at + 2, entries, TAG_WIDTH, 0, &width, err));
    TRY(number_find(t, at + 2, entries, TAG_HEIGHT, 0, &height, err));
    TRY(number_find(t, at + 2, entries, TAG_SAMPLES, 1, &samples, err));
    TRY(number_find(t, at + 2, entries, TAG_ROWS, UINT32_MAX, &rows, err));
    TRY(number_find(t, at + 2, entries, TAG_PHOTOMETRIC, 0, &photometric, err));
    TRY(field_find(t, at + 2, entries, TAG_OFFSETS, &t->offsets, err));
    if (samples != (photometric == 2 ? 3 : 1))
        return error_set(err, STATUS_UNSUPPORTED, "%u samples a pixel", (unsigned)samples);
    t->width = width;
    t->height = height;
    t->samples = samples;
    t->rows = rows < height ? rows : height;
    if (!width || !height || !t->rows)
        return error_set(err, STATUS_INVALID_INPUT, "an image without pixels");
    strips = (t->height + t->rows - 1) / t->rows;
    return strips == t->offsets.count && strips <= STRIPS_MAX
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "%zu strips for %zu lines", t->offsets.count,
                           t->height);
}

static bool is_tiff(struct bytes file)
{
    return file.size > 8 && (!memcmp(file.data, "II*\0", 4) || !memcmp(file.data, "MM\0*", 4));
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    struct tiff t;

    TRY(tiff_read(file, &t, err));
    image->height = t.height;
    image->width = t.width;
    image->channels = options->channels ? (size_t)options->channels : t.samples;
    image->file_channels = (int)t.samples;
    if (image->channels != 3 && image->channels != t.samples)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    return STATUS_OK;
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    uint8_t *to = pixels;
    size_t line;
    struct tiff t;

    (void)options;
    TRY(tiff_read(file, &t, err));
    if (t.height != image->height || t.width != image->width)
        return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
    line = t.width * t.samples;
    for (size_t y = 0; y < t.height; y++) {
        size_t from = field_at(&t, &t.offsets, y / t.rows) + y % t.rows * line;

        if (from > file.size || line > file.size - from)
            return error_set(err, STATUS_INVALID_INPUT, "line %zu lies outside", y);
        for (size_t x = 0; x < t.width; x++, from += t.samples)
            for (size_t c = 0; c < image->channels; c++)
                *to++ = file.data[from + (t.samples == 1 ? 0 : c)];
    }
    return STATUS_OK;
}

const struct image_codec image_codec_tiff = {"TIFF", is_tiff, measure, decode};
