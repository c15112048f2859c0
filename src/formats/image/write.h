// SPDX-License-Identifier: Apache-2.0
/* Pixels as image files: PNG by libpng, JPEG by libjpeg-turbo, as TensorFlow has them written. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "formats/image/image.h"

struct image_writing {
    int compression; /* of PNG: 0 to 9, -1 as the library has it */

    /* of JPEG */
    int quality;                    /* 0 to 100 */
    bool progressive, optimised;    /* optimised: codes for this image */
    bool full_chroma;               /* colours are not stored at half the size */
    int unit, density_x, density_y; /* dots in an inch (1) or centimetre (2) */
};

enum { IMAGE_JPEG_SIDE_MAX = 65500 };

/* One frame (height, width, channels): of PNG 1 to 4 channels of 8 or 16 bits, of JPEG 1 or 3 of 8.
 * What is written is appended; text_check says whether there was memory for it. */
enum status image_write_png(const struct image *image, const void *pixels,
                            const struct image_writing *how, struct text *file, struct error *err)
    must_check;
enum status image_write_jpeg(const struct image *image, const void *pixels,
                             const struct image_writing *how, struct text *file, struct error *err)
    must_check;
