// SPDX-License-Identifier: Apache-2.0
#include "formats/compression/compression.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "test.h"

enum { MEGABYTE = 1 << 20 };

static const char WORDS[] = "the same words, again and again ";

static void check_words(struct bytes bytes)
{
    size_t size = sizeof WORDS - 1;

    CHECK_INT(bytes.size, size * 40);
    for (size_t i = 0; i < bytes.size; i++)
        CHECK_INT(bytes.data[i], WORDS[i % size]);
    for (size_t i = 0; i < 16; i++)
        CHECK_INT(bytes.data[bytes.size + i], 0);
}

static struct file_map map_words(const char *ending)
{
    struct file_map map;
    struct error err;
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/formats/archives/words.%s", getenv("FIRN_ROOT"), ending);
    CHECK_OK(file_map_open(&map, -1, path, true, &err), err);
    return map;
}

TEST(streams_of_other_writers)
{
    static const struct {
        const char *ending;
        enum compression compression;
    } ROWS[] = {
        {"zlib", COMPRESSION_ZLIB}, {"gz", COMPRESSION_GZIP},   {"bz2", COMPRESSION_BZIP2},
        {"xz", COMPRESSION_XZ},     {"lzma", COMPRESSION_LZMA}, {"zf", COMPRESSION_ZF},
    };
    struct arena keep;
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        struct file_map map = map_words(ROWS[i].ending);
        struct bytes unpacked = {NULL, 0};
        char head[10];
        size_t size;
        arena_init(&keep, MEGABYTE);
        CHECK_INT(compression_of(map.bytes), ROWS[i].compression);
        CHECK_OK(decompress(ROWS[i].compression, map.bytes, MEGABYTE, 1100, &unpacked, &keep, &err),
                 err);
        check_words(unpacked);
        CHECK_OK(decompress_head(ROWS[i].compression, map.bytes, head, sizeof head, &size, &err),
                 err);
        CHECK_INT(size, sizeof head);
        CHECK_INT(memcmp(head, WORDS, sizeof head), 0);
        CHECK_FAILS(decompress(ROWS[i].compression, map.bytes, 1000, 1100, &unpacked, &keep, &err),
                    err, STATUS_TOO_LARGE, "limit \"unpacked\"");
        CHECK_FAILS(
            decompress_exactly(ROWS[i].compression, map.bytes, 5000, &unpacked, &keep, &err), err,
            STATUS_INVALID_INPUT, "1280 bytes, not the announced 5000");
        /* However it is cut, it is refused. */
        for (size_t cut = 0; cut < map.bytes.size; cut++) {
            enum status status =
                decompress(ROWS[i].compression, (struct bytes){map.bytes.data, cut}, MEGABYTE, 1100,
                           &unpacked, &keep, &err);
            CHECK(status == STATUS_INVALID_INPUT || unpacked.size < 40 * (sizeof WORDS - 1));
        }
        arena_release(&keep);
        file_map_close(&map);
    }
}

TEST(zstd_and_lz4)
{
    uint8_t words[40 * (sizeof WORDS - 1)], packed[2 * sizeof words];
    struct bytes unpacked;
    struct arena keep;
    struct error err;
    size_t size;

    for (size_t i = 0; i < sizeof words; i++)
        words[i] = (uint8_t)WORDS[i % (sizeof WORDS - 1)];
    arena_init(&keep, MEGABYTE);
    size = ZSTD_compress(packed, sizeof packed, words, 640, 3);
    size += ZSTD_compress(packed + size, sizeof packed - size, words + 640, sizeof words - 640, 3);
    CHECK_INT(compression_of((struct bytes){packed, size}), COMPRESSION_ZSTD);
    CHECK_OK(decompress(COMPRESSION_ZSTD, (struct bytes){packed, size}, MEGABYTE, 1100, &unpacked,
                        &keep, &err),
             err);
    check_words(unpacked);
    CHECK_FAILS(decompress(COMPRESSION_ZSTD, (struct bytes){packed, size - 1}, MEGABYTE, 1100,
                           &unpacked, &keep, &err),
                err, STATUS_INVALID_INPUT, "zstd stream ends early");

    size = LZ4F_compressFrame(packed, sizeof packed, words, sizeof words, NULL);
    CHECK_INT(compression_of((struct bytes){packed, size}), COMPRESSION_LZ4);
    CHECK_OK(decompress(COMPRESSION_LZ4, (struct bytes){packed, size}, MEGABYTE, 1100, &unpacked,
                        &keep, &err),
             err);
    check_words(unpacked);
    CHECK_FAILS(decompress(COMPRESSION_LZ4, (struct bytes){packed, size - 1}, MEGABYTE, 1100,
                           &unpacked, &keep, &err),
                err, STATUS_INVALID_INPUT, "lz4 stream ends early");
    arena_release(&keep);
}

/* `megabytes` of zeros, as zlib packs them: about 1,030 times smaller. */
static struct bytes bomb(size_t megabytes, struct arena *keep)
{
    size_t capacity = megabytes * 1100 + 1000;
    uint8_t *packed = arena_new(keep, uint8_t, capacity);
    uint8_t *zeros = arena_new(keep, uint8_t, MEGABYTE);
    z_stream stream = {0};

    CHECK_INT(deflateInit(&stream, 9), Z_OK);
    stream.next_out = packed;
    stream.avail_out = (uInt)capacity;
    for (size_t i = 0; i < megabytes; i++) {
        stream.next_in = zeros;
        stream.avail_in = MEGABYTE;
        CHECK_INT(deflate(&stream, i + 1 == megabytes ? Z_FINISH : Z_NO_FLUSH),
                  i + 1 == megabytes ? Z_STREAM_END : Z_OK);
    }
    deflateEnd(&stream);
    return (struct bytes){packed, stream.total_out};
}

TEST(bombs_cost_no_memory)
{
    struct arena keep, scratch;
    struct bytes packed, unpacked;
    struct error err;

    arena_init(&scratch, 4 * MEGABYTE);
    packed = bomb(100, &scratch);
    arena_init(&keep, 200 * (size_t)MEGABYTE);
    CHECK_FAILS(
        decompress(COMPRESSION_ZLIB, packed, 90 * (size_t)MEGABYTE, 1100, &unpacked, &keep, &err),
        err, STATUS_TOO_LARGE, "limit \"unpacked\"");
    CHECK_FAILS(decompress(COMPRESSION_ZLIB, packed, SIZE_MAX, 100, &unpacked, &keep, &err), err,
                STATUS_TOO_LARGE, "limit \"ratio\"");
    CHECK_FAILS(decompress_exactly(COMPRESSION_ZLIB, packed, 120 * (size_t)MEGABYTE, &unpacked,
                                   &keep, &err),
                err, STATUS_INVALID_INPUT, "not the announced");
    CHECK_INT(keep.used, 0);
    /* Within the limits it is an honest stream. */
    CHECK_OK(
        decompress(COMPRESSION_ZLIB, packed, 100 * (size_t)MEGABYTE, 1100, &unpacked, &keep, &err),
        err);
    CHECK_INT(unpacked.size, 100 * MEGABYTE);
    arena_release(&keep);
    arena_release(&scratch);
}

TEST(bytes_behind_the_end)
{
    struct file_map map = map_words("zlib");
    struct bytes unpacked;
    struct arena keep;
    uint8_t copy[200] = {0};
    struct error err;

    arena_init(&keep, MEGABYTE);
    memcpy(copy, map.bytes.data, map.bytes.size);
    CHECK_OK(decompress(COMPRESSION_ZLIB, (struct bytes){copy, sizeof copy}, MEGABYTE, 0, &unpacked,
                        &keep, &err),
             err);
    check_words(unpacked);
    copy[199] = 1;
    CHECK_FAILS(decompress(COMPRESSION_ZLIB, (struct bytes){copy, sizeof copy}, MEGABYTE, 0,
                           &unpacked, &keep, &err),
                err, STATUS_INVALID_INPUT, "bytes follow the end of the zlib stream, at byte 46");
    arena_release(&keep);
    file_map_close(&map);
}

TEST(first_bytes_that_only_look_like_a_stream)
{
    static const char *const TEXTS[] = {
        "",         "x", "xylophone", "BZh", "BZh9 is a name", "ZF0x", "ZF of joblib",
        "\x1F\x8B", "]", "PK"};

    for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++)
        CHECK_INT(compression_of(bytes_of(TEXTS[i])), COMPRESSION_NONE);
}
