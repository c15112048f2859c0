// SPDX-License-Identifier: Apache-2.0
#include "formats/image/image.h"

#include "test.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* Two by two pixels, the lower line first, as blue, green, red; lines end on four bytes. */
#define BMP                                                                                        \
    "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\x18\0\0\0\0\0\x10\0\0\0\0\0\0\0" \
    "\0\0\0\0\0\0\0\0\0\0\0\0"
#define BMP_PIXELS "\xff\0\0\0\xff\0\0\0\0\0\xff\xff\xff\xff\0\0"
/* One pixel: a header, two colours, a frame of the second one. */
#define GIF "GIF89a\1\0\1\0\x80\0\0\1\2\3\4\5\6,\0\0\0\0\1\0\1\0\0\2\2L\1\0;"

/* Two pixels without losses, the second one half transparent. */
#define WEBP                                                                                       \
    "RIFF\x2a\0\0\0WEBPVP8L\x1d\0\0\0\x2f\1\0\0\x10\x0f\xb0\xfd\4\2\x14\x85\xff\x97)"              \
    "\4\x10\0\5\xcd"                                                                               \
    "\3\xff\xc3\x7b\x43\5\x22\xfa\x1f\0"

/* Two grey pixels behind a directory of five fields. */
#define TIFF_FIELD(tag, value) tag "\1\3\0\1\0\0\0" value "\0\0\0"
#define TIFF                                                                                       \
    "II*\0\x8\0\0\0\5\0" TIFF_FIELD("\0", "\2") TIFF_FIELD("\1", "\1") TIFF_FIELD("\2", "\x8")     \
        TIFF_FIELD("\6", "\1") TIFF_FIELD("\x11", "\x4a") "\0\0\0\0xy"

/* Two pixels of red, green and blue, and two by two grey ones, by OpenJPEG without losses. */
#define JPEG2000                                                                                   \
    "\xff\x4f\xff\x51\x00\x2f\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00"         \
    "\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03"         \
    "\x07\x01\x01\x07\x01\x01\x07\x01\x01\xff\x52\x00\x0c\x00\x00\x00\x01\x01\x00\x04\x04"         \
    "\x00\x01\xff\x5c\x00\x04\x40\x40\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x1f\x00\x01\xff"         \
    "\x93\xc7\xd4\x04\x07\x47\xcf\xb4\x0c\x02\x4b\x9f\xcf\xb4\x0c\x09\x03\xbf\xff\xd9"
#define JPEG2000_GREY                                                                              \
    "\xff\x4f\xff\x51\x00\x29\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00"         \
    "\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"         \
    "\x07\x01\x01\xff\x52\x00\x0c\x00\x00\x00\x01\x00\x00\x04\x04\x00\x01\xff\x5c\x00\x04"         \
    "\x40\x40\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x17\x00\x01\xff\x93\xdf\x80\x30\x07\xaa"         \
    "\xfc\x2f\xfd\x7f\xff\xd9"

static const struct {
    struct bytes file;
    int channels;
    const char *want; /* height, width, channels: pixels; or the error */
    enum status fails;
} CASES[] = {
    {BYTES(BMP BMP_PIXELS), 0, "2 2 3: 255 0 0 255 255 255 0 0 255 0 255 0", STATUS_OK},
    {BYTES(BMP BMP_PIXELS), 4, "2 2 4: 255 0 0 255 255 255 255 255 0 0 255 255 0 255 0 255",
     STATUS_OK},
    {BYTES("P5 # a comment\n2 1\n255\n\x10\x20"), 3, "1 2 3: 16 16 16 32 32 32", STATUS_OK},
    {BYTES("P6\n1 1 255 abc"), 0, "1 1 3: 97 98 99", STATUS_OK},
    {BYTES(GIF), 0, "1 1 3: 4 5 6", STATUS_OK},
    {BYTES(WEBP), 0, "1 2 4: 255 1 2 255 3 254 5 128", STATUS_OK},
    {BYTES(WEBP), 3, "1 2 3: 255 1 2 3 254 5", STATUS_OK},
    {BYTES(TIFF), 3, "1 2 3: 120 120 120 121 121 121", STATUS_OK},

    {BYTES(JPEG2000), 0, "1 2 3: 0 91 182 37 128 219", STATUS_OK},
    {BYTES(JPEG2000), 4, "1 2 4: 0 91 182 255 37 128 219 255", STATUS_OK},
    {BYTES(JPEG2000_GREY), 1, "2 2 1: 0 37 79 116", STATUS_OK},
    {BYTES(JPEG2000_GREY), 3, "2 2 3: 0 0 0 37 37 37 79 79 79 116 116 116", STATUS_OK},

    {BYTES(JPEG2000), 1, "JPEG 2000 image: 1 channels", STATUS_UNSUPPORTED},
    {{(const uint8_t *)JPEG2000, 40},
     0,
     "JPEG 2000 image: it ends too early",
     STATUS_INVALID_INPUT},
    {{(const uint8_t *)JPEG2000, sizeof JPEG2000 - 12},
     0,
     "JPEG 2000 image: its data are damaged",
     STATUS_INVALID_INPUT},
    {BYTES("\0\0\0\x0cjP  \r\n\x87\n"), 0, "JPEG 2000 image: it ends too early",
     STATUS_INVALID_INPUT},
    {BYTES("\xff\x4f\xff\x51\0\x29\0\0\x7f\xff\xff\xff\x7f\xff\xff\xff\0\0\0\0\0\0\0\0\x7f\xff\xff"
           "\xff\x7f\xff\xff\xff\0\0\0\0\0\0\0\0\0\1\7\1\1"),
     0, "2147483647 by 2147483647", STATUS_TOO_LARGE},
    {BYTES("\xff\x4f\xff\x51\0\x29\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0"
           "\0\0\0\1\7\1\1"),
     0, "more than 4096 tiles", STATUS_TOO_LARGE},
    {BYTES("\xff\x4f\xff\x51\0\x29\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0"
           "\0\0\0\1\x0b\1\1"),
     0, "unsigned values of 12 bits", STATUS_UNSUPPORTED},
    {BYTES(BMP "\xff"), 0, "BMP image: it ends too early", STATUS_INVALID_INPUT},
    {BYTES(BMP BMP_PIXELS), 1, "BMP image: 1 channels", STATUS_UNSUPPORTED},
    {BYTES("BM but nothing else that belongs"), 0, "bits a pixel", STATUS_UNSUPPORTED},
    {BYTES("P5 2 2 255 abc"), 0, "PNM image: it ends too early", STATUS_INVALID_INPUT},
    {BYTES("P5 99999999 99999999 255 "), 0, "99999999 by", STATUS_TOO_LARGE},
    {BYTES("P5 2 2 65535 abcdefgh"), 0, "PNM image: values up to 65535", STATUS_UNSUPPORTED},
    {BYTES("P5 x"), 0, "PNM image: byte 3", STATUS_INVALID_INPUT},
    {BYTES("GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2L\1\0;"), 0,
     "GIF image: a frame without colours", STATUS_INVALID_INPUT},
    {BYTES("GIF89a\1\0\1\0\0\0\0;"), 0, "without pixels", STATUS_INVALID_INPUT},
    {BYTES("\xff\xd8\xff\xe0"), 0, "JPEG image: it ends too early", STATUS_INVALID_INPUT},
    {BYTES("\x89PNG\r\n\x1a\n\0"), 0, "PNG image: it ends too early", STATUS_INVALID_INPUT},
    {BYTES("RIFF\0\0\0\0WEBP"), 0, "WebP image: its header is damaged", STATUS_INVALID_INPUT},
    {BYTES(WEBP), 1, "WebP image: 1 channels", STATUS_UNSUPPORTED},
    {BYTES("\0\0\0\x0cJXL \r\n\x87\n"), 0, "JPEG XL", STATUS_UNSUPPORTED},
    {BYTES("II*\0\xff\xff\0\0x"), 0, "TIFF image: its directory lies outside",
     STATUS_INVALID_INPUT},
    {BYTES("hello"), 0, "no image", STATUS_INVALID_INPUT},
    {BYTES(""), 0, "no image", STATUS_INVALID_INPUT},
};

static enum status read_image(struct bytes file, int channels, char *text, size_t size,
                              struct error *err)
{
    struct image_options options = {.channels = channels, .bits = 8};
    uint8_t pixels[64];
    struct image image;
    int at;

    TRY(image_measure(file, &options, &image, err));
    if (image.frames * image.height * image.width * image.channels > sizeof pixels)
        return error_set(err, STATUS_TOO_LARGE, "too many");
    TRY(image_decode(file, &options, &image, pixels, err));
    at = snprintf(text, size, "%zu %zu %zu:", image.height, image.width, image.channels);
    for (size_t i = 0; i < image.height * image.width * image.channels; i++)
        at += snprintf(text + at, size - (size_t)at, " %d", pixels[i]);
    return STATUS_OK;
}

TEST(images_and_what_is_none)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[512];
        struct error err;

        if (CASES[i].fails) {
            CHECK_FAILS(read_image(CASES[i].file, CASES[i].channels, text, sizeof text, &err), err,
                        CASES[i].fails, CASES[i].want);
            continue;
        }
        CHECK_OK(read_image(CASES[i].file, CASES[i].channels, text, sizeof text, &err), err);
        CHECK_TEXT(text, CASES[i].want);
    }
}

/* --- how they lie --- */

/* One directory with one entry: tag, type, count, value. */
#define LITTLE(tag, type, value) "II*\0\x8\0\0\0\1\0" tag type "\1\0\0\0" value "\0\0"
#define BIG(value) "MM\0*\0\0\0\x8\0\1\1\x12\0\3\0\0\0\1\0" value "\0\0"
#define JPEG_EXIF(size, tiff) "\xff\xd8\xff\xe0\0\4xy\xff\xe1\0" size "Exif\0\0" tiff

TEST(orientation_is_read_where_files_say_it)
{
    static const struct {
        struct bytes file;
        int want;
    } FILES[] = {
        {BYTES(JPEG_EXIF("\x1e", LITTLE("\x12\1", "\3\0", "\6\0"))), 6},
        {BYTES(JPEG_EXIF("\x1e", BIG("\x8"))), 8},
        {BYTES(JPEG_EXIF("\x1e", LITTLE("\x12\1", "\3\0", "\x9\0"))), 1}, /* out of range */
        {BYTES(JPEG_EXIF("\x1e", LITTLE("\x12\1", "\4\0", "\6\0"))), 1},  /* of another type */
        {BYTES(JPEG_EXIF("\x1e", LITTLE("\x13\1", "\3\0", "\6\0"))), 1},  /* another tag */
        {BYTES(JPEG_EXIF("\xff", LITTLE("\x12\1", "\3\0", "\6\0"))), 1},  /* longer than the file */
        {BYTES(JPEG_EXIF("\x10", "II*\0\xff\xff\xff\xff")), 1},           /* outside of it */
        {BYTES("\xff\xd8\xff\xda\0\2\xff\xe1"), 1},
        {BYTES("\x89PNG\r\n\x1a\n\0\0\0\0IHDR1234\0\0\0\x16"
               "eXIf" LITTLE("\x12\1", "\3\0", "\3\0") "1234"),
         3},
        {BYTES("\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR1234"), 1},
        {BYTES("RIFF\0\0\0\0WEBPVP8X\1\0\0\0xyEXIF\x16\0\0\0" LITTLE("\x12\1", "\3\0", "\5\0")), 5},
        {BYTES("RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xffII*\0"), 1},
        {BYTES(WEBP), 1},
        {BYTES(GIF), 1},
    };

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (image_orientation(FILES[i].file) != FILES[i].want)
            fail_msg("file %zu: %d", i, image_orientation(FILES[i].file));
}
