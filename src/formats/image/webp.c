// SPDX-License-Identifier: Apache-2.0
/* WebP, with losses or without, of one frame: what libwebp makes of it, alpha left out where it is
 * not wanted. */
#include <webp/decode.h>

#include "formats/image/image.h"

static bool is_webp(struct bytes file)
{
    return file.size >= 12 && !memcmp(file.data, "RIFF", 4) && !memcmp(file.data + 8, "WEBP", 4);
}

static enum status measure(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err)
{
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(file.data, file.size, &features);

    if (code == VP8_STATUS_NOT_ENOUGH_DATA)
        return error_set(err, STATUS_INVALID_INPUT, "it ends too early");
    if (code != VP8_STATUS_OK)
        return error_set(err, STATUS_INVALID_INPUT, "its header is damaged");
    if (features.has_animation)
        return error_set(err, STATUS_UNSUPPORTED, "an animation");
    if (options->channels && options->channels != 3 && options->channels != 4)
        return error_set(err, STATUS_UNSUPPORTED, "%d channels", options->channels);
    image->file_channels = features.has_alpha ? 4 : 3;
    image->height = (size_t)features.height;
    image->width = (size_t)features.width;
    image->channels = (size_t)(options->channels ? options->channels : image->file_channels);
    return STATUS_OK;
}

static enum status decode(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err)
{
    size_t line = image->width * image->channels, size = line * image->height;
    struct image now = {.frames = 1, .bits = 8};
    const uint8_t *made;

    TRY(measure(file, options, &now, err));
    if (now.height != image->height || now.width != image->width ||
        now.channels != image->channels || line > INT32_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "its size is another one");
    made = image->channels == 4 ? WebPDecodeRGBAInto(file.data, file.size, pixels, size, (int)line)
                                : WebPDecodeRGBInto(file.data, file.size, pixels, size, (int)line);
    return made ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "its data are damaged");
}

const struct image_codec image_codec_webp = {"WebP", is_webp, measure, decode};
