// SPDX-License-Identifier: Apache-2.0
#include "base/cursor.h"
#include "test.h"

static struct cursor over(const char *bytes, size_t size)
{
    return cursor_over((struct bytes){(const uint8_t *)bytes, size});
}

TEST(numbers_of_any_size)
{
    struct cursor cursor = over("\x01\x02\x03\xff\xff\xff\xff\xff\xff\xff\xff\x07", 12);

    CHECK_INT(cursor_uint_le(&cursor, 3), 0x030201);
    CHECK(cursor_uint_le(&cursor, 8) == UINT64_MAX);
    CHECK_INT(cursor_uint_le(&cursor, 0), 0);
    CHECK_INT(cursor_uint_le(&cursor, 2), 0); /* one byte is left */
    CHECK(cursor.failed);
}

TEST(varints)
{
    struct cursor cursor = over("\x00\x96\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
    struct cursor cut = over("\x80\x80", 2);
    struct cursor endless = over("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12);

    CHECK_INT(cursor_varint(&cursor), 0);
    CHECK_INT(cursor_varint(&cursor), 150);
    CHECK(cursor_varint(&cursor) == UINT64_MAX);
    CHECK(!cursor.failed);
    cursor_varint(&cut);
    CHECK(cut.failed);
    cursor_varint(&endless);
    CHECK(endless.failed);
}
