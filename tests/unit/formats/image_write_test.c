// SPDX-License-Identifier: Apache-2.0
#include "formats/image/write.h"

#include "test.h"

/* Pixels, written and read again. */
static void written(const struct image *image, const void *pixels, bool jpeg, void *found)
{
    struct image_writing how = {.compression = -1, .quality = 100, .full_chroma = true, .unit = 1};
    struct image_options options = {.channels = (int)image->channels, .bits = image->bits};
    struct text file = {0};
    struct image back;
    struct error err;

    CHECK_OK(jpeg ? image_write_jpeg(image, pixels, &how, &file, &err)
                  : image_write_png(image, pixels, &how, &file, &err),
             err);
    CHECK_OK(text_check(&file, &err), err);
    CHECK_OK(image_measure(text_bytes(&file), &options, &back, &err), err);
    CHECK_INT(back.height, image->height);
    CHECK_INT(back.width, image->width);
    CHECK_INT(back.channels, image->channels);
    CHECK_OK(image_decode(text_bytes(&file), &options, &back, found, &err), err);
    text_release(&file);
}

TEST(png_loses_nothing)
{
    struct image image = {.frames = 1, .height = 5, .width = 7, .bits = 8};
    uint8_t pixels[5 * 7 * 4 * 2], found[sizeof pixels];

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37);
    for (image.bits = 8; image.bits <= 16; image.bits += 8)
        for (image.channels = 1; image.channels <= 4; image.channels++) {
            size_t size = 5 * 7 * image.channels * (size_t)image.bits / 8;

            memset(found, 0, sizeof found);
            written(&image, pixels, false, found);
            CHECK(!memcmp(found, pixels, size));
        }
}

TEST(jpeg_of_one_colour)
{
    struct image image = {.frames = 1, .height = 9, .width = 11, .bits = 8};
    uint8_t pixels[9 * 11 * 3], found[sizeof pixels];

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i % 3 * 100);
    image.channels = 3;
    written(&image, pixels, true, found);
    for (size_t i = 0; i < sizeof pixels; i++)
        CHECK(abs(found[i] - pixels[i]) <= 3);
    memset(pixels, 90, sizeof pixels);
    image.channels = 1;
    written(&image, pixels, true, found);
    for (size_t i = 0; i < 9 * 11; i++)
        CHECK(abs(found[i] - 90) <= 1);
}

TEST(images_that_no_file_holds)
{
    struct image_writing how = {.compression = -1, .quality = 95};
    struct image image = {.frames = 1, .height = 1, .width = 70000, .channels = 3, .bits = 8};
    static uint8_t pixels[70000 * 3];
    struct text file = {0};
    struct error err;

    CHECK_FAILS(image_write_jpeg(&image, pixels, &how, &file, &err), err, STATUS_INVALID_INPUT,
                "65500");
    image.channels = 5;
    CHECK_FAILS(image_write_png(&image, pixels, &how, &file, &err), err, STATUS_INVALID_INPUT,
                "5 channels");
    image.channels = 2;
    CHECK_FAILS(image_write_jpeg(&image, pixels, &how, &file, &err), err, STATUS_INVALID_INPUT,
                "2 channels");
    image.channels = 1;
    image.height = 0;
    CHECK_FAILS(image_write_png(&image, pixels, &how, &file, &err), err, STATUS_INVALID_INPUT, "");
    CHECK_FAILS(image_write_jpeg(&image, pixels, &how, &file, &err), err, STATUS_INVALID_INPUT, "");
    text_release(&file);
}
