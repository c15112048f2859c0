// SPDX-License-Identifier: Apache-2.0
/* Image files: measured and decoded with options that the first byte says, within small bounds. */
#include <stdlib.h>

#include "formats/image/image.h"

enum { PIXELS_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_options options = {0};
    struct bytes file = {data + 1, size - 1};
    struct image image, again;
    struct error err;
    size_t total;
    void *pixels;

    if (!size)
        return 0;
    options.channels = (const int[]){0, 1, 3, 4}[data[0] & 3];
    options.bits = data[0] & 4 ? 16 : 8;
    options.animated = data[0] & 8;
    options.ratio = 1 << (data[0] >> 4 & 3);
    options.recover = data[0] & 64;
    if (data[0] & 128) {
        options.crop = true;
        options.top = options.left = 1;
        options.height = options.width = 3;
    }
    if (image_measure(file, &options, &image, &err))
        return 0;
    total = image.frames * image.height * image.width * image.channels * (size_t)image.bits / 8;
    if (total > PIXELS_MAX)
        return 0;
    pixels = malloc(total);
    if (pixels && image_decode(file, &options, &image, pixels, &err) == STATUS_OK &&
        (image_measure(file, &options, &again, &err) || again.height != image.height))
        __builtin_trap(); /* what was decoded is measured the same again */
    free(pixels);
    return 0;
}
