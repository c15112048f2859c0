// SPDX-License-Identifier: Apache-2.0
#include "formats/image/image.h"

static const struct image_codec *const CODECS[] = {
    &image_codec_jpeg, &image_codec_png,  &image_codec_gif,  &image_codec_bmp,
    &image_codec_pnm,  &image_codec_tiff, &image_codec_webp, &image_codec_jpeg2000,
};

static const struct {
    const char *name, *magic;
    size_t size;
} FOREIGN[] = {
    {"JPEG XL", "\xff\x0a", 2},
    {"JPEG XL", "\0\0\0\fJXL ", 8},
};

const struct image_codec *image_codec_of(struct bytes file)
{
    for (size_t i = 0; i < sizeof CODECS / sizeof *CODECS; i++)
        if (CODECS[i]->is(file))
            return CODECS[i];
    return NULL;
}

const char *image_foreign_name(struct bytes file)
{
    for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++)
        if (file.size >= FOREIGN[i].size && !memcmp(file.data, FOREIGN[i].magic, FOREIGN[i].size))
            return FOREIGN[i].name;
    return NULL;
}

enum status image_check(const struct image *image, struct error *err)
{
    size_t total;

    if (!image->height || !image->width || !image->frames)
        return error_set(err, STATUS_INVALID_INPUT, "an image without pixels");
    if (image->height > IMAGE_SIDE_MAX || image->width > IMAGE_SIDE_MAX ||
        __builtin_mul_overflow(image->height, image->width, &total) ||
        __builtin_mul_overflow(total, image->channels, &total) ||
        __builtin_mul_overflow(total, image->frames, &total) || total >= IMAGE_SIZE_MAX)
        return error_set(err, STATUS_TOO_LARGE, "an image of %zu by %zu pixels, %zu times",
                         image->height, image->width, image->frames);
    return STATUS_OK;
}

static enum status codec_get(struct bytes file, const struct image_codec **codec, struct error *err)
{
    const char *name = image_foreign_name(file);

    *codec = image_codec_of(file);
    if (*codec)
        return STATUS_OK;
    return name ? error_set(err, STATUS_UNSUPPORTED, "images of kind %s are not read", name)
                : error_set(err, STATUS_INVALID_INPUT, "%zu bytes that are no image", file.size);
}

enum status image_measure(struct bytes file, const struct image_options *options,
                          struct image *image, struct error *err)
{
    const struct image_codec *codec;

    TRY(codec_get(file, &codec, err));
    *image = (struct image){.frames = 1, .bits = 8};
    if (codec->measure(file, options, image, err))
        return error_within(err, "%s image", codec->name);
    return image_check(image, err);
}

enum status image_decode(struct bytes file, const struct image_options *options,
                         const struct image *image, void *pixels, struct error *err)
{
    const struct image_codec *codec;

    TRY(codec_get(file, &codec, err));
    if (codec->decode(file, options, image, pixels, err))
        return error_within(err, "%s image", codec->name);
    return STATUS_OK;
}
