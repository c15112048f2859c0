// SPDX-License-Identifier: Apache-2.0
#include "base/cursor.h"

struct cursor cursor_over(struct bytes input)
{
    return (struct cursor){.input = input};
}

size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed ? 0 : cursor->input.size - cursor->offset;
}

void cursor_fail(struct cursor *cursor)
{
    if (cursor->failed)
        return;
    cursor->failed = true;
    cursor->failed_at = cursor->offset;
}

struct bytes cursor_take(struct cursor *cursor, uint64_t size)
{
    struct bytes taken;

    if (size > cursor_left(cursor)) {
        cursor_fail(cursor);
        return (struct bytes){NULL, 0};
    }
    if (cursor->failed)
        return (struct bytes){NULL, 0};
    taken = (struct bytes){cursor->input.data + cursor->offset, (size_t)size};
    cursor->offset += (size_t)size;
    return taken;
}

void cursor_skip(struct cursor *cursor, uint64_t size)
{
    (void)cursor_take(cursor, size);
}

static uint64_t little_endian(struct bytes bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes.size; i++)
        value |= (uint64_t)bytes.data[i] << (8 * i);
    return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    return (uint8_t)little_endian(cursor_take(cursor, 1));
}

uint16_t cursor_u16le(struct cursor *cursor)
{
    return (uint16_t)little_endian(cursor_take(cursor, 2));
}

uint32_t cursor_u32le(struct cursor *cursor)
{
    return (uint32_t)little_endian(cursor_take(cursor, 4));
}

uint64_t cursor_u64le(struct cursor *cursor)
{
    return little_endian(cursor_take(cursor, 8));
}

uint64_t cursor_u64be(struct cursor *cursor)
{
    return __builtin_bswap64(cursor_u64le(cursor));
}

double cursor_f64be(struct cursor *cursor)
{
    uint64_t bits = cursor_u64be(cursor);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

struct bytes cursor_line(struct cursor *cursor)
{
    size_t left = cursor_left(cursor);
    const uint8_t *start, *end;

    if (left == 0) {
        cursor_fail(cursor);
        return (struct bytes){NULL, 0};
    }
    start = cursor->input.data + cursor->offset;
    end = memchr(start, '\n', left);
    if (!end) {
        cursor_fail(cursor);
        return (struct bytes){NULL, 0};
    }
    cursor->offset += (size_t)(end - start) + 1;
    return (struct bytes){start, (size_t)(end - start)};
}

enum status cursor_check(const struct cursor *cursor, struct error *err)
{
    if (cursor->failed)
        return error_at(err, cursor->failed_at, STATUS_INVALID_INPUT, "file ends early");
    return STATUS_OK;
}

uint64_t cursor_uint_le(struct cursor *cursor, unsigned size)
{
    struct bytes bytes = cursor_take(cursor, size);
    uint64_t value = 0;

    for (size_t i = 0; i < bytes.size; i++)
        value |= (uint64_t)bytes.data[i] << (8 * i);
    return value;
}

uint64_t cursor_varint(struct cursor *cursor)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(cursor);

        value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return value;
    }
    cursor_fail(cursor);
    return 0;
}
