// SPDX-License-Identifier: Apache-2.0
/* How an image lies, as cameras write it: tag 0x112 of the first directory of a TIFF structure
 * (EXIF 2.3, 4.6.4), which JPEG has in APP1, PNG in eXIf and WebP in EXIF. */
#include "formats/image/image.h"

enum { ORIENTATION = 0x112, TYPE_SHORT = 3, ENTRIES_MAX = 1000, ENTRY_SIZE = 12 };

/* Numbers of a TIFF structure; 0 behind its end. */
static uint32_t number(struct bytes tiff, size_t at, size_t size, bool little)
{
    uint32_t value = 0;

    if (at > tiff.size || size > tiff.size - at)
        return 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | tiff.data[at + (little ? size - 1 - i : i)];
    return value;
}

static int orientation_of(struct bytes tiff)
{
    bool little = tiff.size >= 8 && !memcmp(tiff.data, "II*\0", 4);
    size_t at, count;

    if (tiff.size < 8 || (!little && memcmp(tiff.data, "MM\0*", 4) != 0))
        return 1;
    at = number(tiff, 4, 4, little);
    count = number(tiff, at, 2, little);
    for (size_t i = 0; i < count && i < ENTRIES_MAX; i++) {
        size_t entry = at + 2 + i * ENTRY_SIZE;
        uint32_t value = number(tiff, entry + 8, 2, little);

        if (number(tiff, entry, 2, little) == ORIENTATION &&
            number(tiff, entry + 2, 2, little) == TYPE_SHORT)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static struct bytes jpeg_exif(struct bytes file)
{
    for (size_t at = 2; at + 4 <= file.size && file.data[at] == 0xff;) {
        uint8_t marker = file.data[at + 1];
        size_t size = (size_t)file.data[at + 2] << 8 | file.data[at + 3];

        if (marker == 0xff) { /* a fill byte */
            at++;
            continue;
        }
        if (marker == 0xda || marker == 0xd9 || size < 2 || size > file.size - at - 2)
            break;
        if (marker == 0xe1 && size >= 8 && !memcmp(file.data + at + 4, "Exif\0\0", 6))
            return (struct bytes){file.data + at + 10, size - 8};
        at += 2 + size;
    }
    return (struct bytes){0};
}

static struct bytes png_exif(struct bytes file)
{
    for (size_t at = 8; at + 12 <= file.size;) {
        size_t size = number(file, at, 4, false);

        if (size > file.size - at - 12)
            break;
        if (!memcmp(file.data + at + 4, "eXIf", 4))
            return (struct bytes){file.data + at + 8, size};
        at += 12 + size;
    }
    return (struct bytes){0};
}

static struct bytes webp_exif(struct bytes file)
{
    for (size_t at = 12; at + 8 <= file.size;) {
        size_t size = number(file, at + 4, 4, true);
        struct bytes chunk = {file.data + at + 8, size};

        if (size > file.size - at - 8)
            break;
        if (!memcmp(file.data + at, "EXIF", 4)) {
            if (size >= 6 && !memcmp(chunk.data, "Exif\0\0", 6)) /* which some writers put first */
                chunk = (struct bytes){chunk.data + 6, size - 6};
            return chunk;
        }
        at += 8 + size + (size & 1);
    }
    return (struct bytes){0};
}

int image_orientation(struct bytes file)
{
    const struct image_codec *codec = image_codec_of(file);

    if (codec == &image_codec_jpeg)
        return orientation_of(jpeg_exif(file));
    if (codec == &image_codec_png)
        return orientation_of(png_exif(file));
    if (codec == &image_codec_webp)
        return orientation_of(webp_exif(file));
    return 1;
}
