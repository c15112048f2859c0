// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/tar_stream.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/text.h"
#include "formats/archive/tar_write.h"
#include "test.h"

static void member(struct text *text, const char *path, const char *data, char type)
{
    static const uint8_t ZEROS[TAR_BLOCK];

    tar_write_head(text, bytes_of(path), strlen(data), type);
    text_append(text, data);
    text_append_bytes(text, (struct bytes){ZEROS, tar_padding(strlen(data))});
}

static struct text archive(void)
{
    static const uint8_t ZEROS[TAR_END_SIZE];
    struct text text = {0};
    char path[300];

    memset(path, 'p', 250);
    path[250] = 0;
    member(&text, "a/", "", TAR_FOLDER);
    member(&text, "a/one", "1", TAR_FILE);
    member(&text, path, "long", TAR_FILE);
    member(&text, "run", "program", TAR_PROGRAM);
    text_append_bytes(&text, (struct bytes){ZEROS, TAR_END_SIZE});
    return text;
}

/* "a/:5: a/one:0:1 ..." of what the stream says. */
static enum status read_all(struct bytes bytes, uint64_t limit, struct text *told,
                            struct error *err)
{
    struct tar_stream *stream;
    struct tar_entry entry;
    uint8_t data[16];
    bool more = true;
    enum status status = tar_stream_open(bytes, false, limit, 1100, &stream, err);
    size_t size;

    while (!status && more) {
        status = tar_stream_next(stream, &entry, &more, err);
        if (status || !more)
            break;
        text_printf(told, "%.*s:%c:", (int)entry.path.size, (const char *)entry.path.data,
                    entry.type);
        if (entry.path.size > 200) /* not read: it is passed over */
            continue;
        do {
            status = tar_stream_read(stream, data, 3, &size, err);
            text_append_bytes(told, (struct bytes){data, status ? 0 : size});
        } while (!status && size);
        text_append_char(told, ' ');
    }
    tar_stream_close(stream);
    return status;
}

static struct text gzipped(struct bytes bytes)
{
    struct text packed = {0};
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)text_reserve(&packed, bytes.size + 1000);
    stream.avail_out = (uInt)bytes.size + 1000;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.size = stream.total_out;
    deflateEnd(&stream);
    return packed;
}

TEST(members_come_in_their_order_packed_or_not)
{
    struct text tar = archive(), packed = gzipped(text_bytes(&tar));
    const struct bytes inputs[] = {text_bytes(&tar), text_bytes(&packed)};
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(inputs); i++) {
        struct text told = {0};
        CHECK_OK(read_all(inputs[i], 1 << 20, &told, &err), err);
        assert_memory_equal(told.data, "a/:5: a/one:0:1 ppp", 19);
        assert_string_equal(told.data + told.size - 21, "pppp:0:run:0:program ");
        text_release(&told);
    }
    text_release(&tar);
    text_release(&packed);
}

TEST(limits_and_broken_archives_are_told)
{
    struct text tar = archive(), told = {0}, packed;
    struct bytes bytes = text_bytes(&tar);
    struct error err;
    char *zeros;

    for (size_t size = 1; size < bytes.size - TAR_END_SIZE; size += 100) {
        enum status status = read_all((struct bytes){bytes.data, size}, 1 << 20, &told, &err);
        CHECK(status == STATUS_OK ? size % TAR_BLOCK == 0 : status == STATUS_INVALID_INPUT);
    }
    packed = gzipped(bytes);
    CHECK_FAILS(read_all(text_bytes(&packed), 1000, &told, &err), err, STATUS_TOO_LARGE,
                "more than 1000 bytes");
    CHECK_FAILS(
        read_all((struct bytes){(uint8_t *)packed.data, packed.size - 20}, 1 << 20, &told, &err),
        err, STATUS_INVALID_INPUT, "ends early");
    text_release(&packed);
    tar.data[600] = 'x';
    CHECK_FAILS(read_all(bytes, 1 << 20, &told, &err), err, STATUS_INVALID_INPUT, "checksum");
    zeros = calloc(1, 4 << 20);
    packed = gzipped((struct bytes){(uint8_t *)zeros, 4 << 20});
    CHECK_OK(read_all(text_bytes(&packed), 8 << 20, &told, &err), err); /* within the ratio */
    free(zeros);
    text_release(&packed);
    text_release(&told);
    text_release(&tar);
}
