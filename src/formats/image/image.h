// SPDX-License-Identifier: Apache-2.0
/* Images as files: their kind by the first bytes, their size, their pixels. One file a kind, each
 * with its row in image.c; libjpeg-turbo, libpng, libwebp and OpenJPEG do the work of
 * theirs. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct image_options {
    int channels;  /* wanted: 1, 3, 4, or 0 for those of the file (2: grey and alpha, of PNG alone)
                    */
    int bits;      /* of a channel: 8, or 16 in the order of this machine; 8 of all but PNG */
    bool animated; /* all frames, not only the first */

    /* of JPEG */
    int ratio;    /* 1, 2, 4, 8: how much smaller; 0 is 1 */
    bool fast;    /* the fast integer transform, not the accurate one */
    bool coarse;  /* chroma is repeated, not interpolated */
    bool recover; /* what is missing at the end is grey, not an error */
    bool crop;    /* this part alone */
    bool rounded; /* colours of CMYK, as Pillow; else cut off, as TensorFlow */
    int64_t top, left, height, width;
};

/* Of the pixels that these options make: (frames, height, width, channels). */
struct image {
    size_t frames, height, width, channels;
    int bits;
    int file_channels; /* that the file has */
};

enum { IMAGE_SIDE_MAX = (1 << 27) - 1, IMAGE_SIZE_MAX = 1 << 29 };

struct image_codec {
    const char *name; /* "JPEG" */
    bool (*is)(struct bytes file);
    enum status (*measure)(struct bytes file, const struct image_options *options,
                           struct image *image, struct error *err);
    /* `pixels` has room for what measure said. */
    enum status (*decode)(struct bytes file, const struct image_options *options,
                          const struct image *image, void *pixels, struct error *err);
};

/* By the first bytes; NULL: none of ours. */
const struct image_codec *image_codec_of(struct bytes file);
/* What it is when it is none of ours, but known by name ("JPEG XL"); or NULL. */
const char *image_foreign_name(struct bytes file);

/* Size and pixels; INVALID_INPUT for files that are damaged, UNSUPPORTED for kinds that are not
 * read, TOO_LARGE past the bounds above. */
enum status image_measure(struct bytes file, const struct image_options *options,
                          struct image *image, struct error *err) must_check;
enum status image_decode(struct bytes file, const struct image_options *options,
                         const struct image *image, void *pixels, struct error *err) must_check;

/* How the pixels lie, 1 to 8 as EXIF has it (JPEG, PNG, WebP); 1 where nothing is said: upright. */
int image_orientation(struct bytes file);

/* For the codecs: TOO_LARGE past the bounds, INVALID_INPUT without pixels. */
enum status image_check(const struct image *image, struct error *err) must_check;

extern const struct image_codec image_codec_jpeg, image_codec_png, image_codec_gif,
    image_codec_tiff, image_codec_bmp, image_codec_pnm, image_codec_webp, image_codec_jpeg2000;
