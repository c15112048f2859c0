// SPDX-License-Identifier: Apache-2.0
#include "formats/compression/snappy.h"

#include "base/cursor.h"

/* A copy of three bytes makes at most 64, so that no honest block is denser. */
enum { RATIO_MAX = 64 };

struct block {
    struct cursor in;
    uint8_t *out;
    size_t size, made;
};

static enum status broken(const struct block *block, const char *what, struct error *err)
{
    return error_at(err, block->in.offset, STATUS_INVALID_INPUT, "a Snappy block %s", what);
}

static enum status literal(struct block *block, uint8_t tag, struct error *err)
{
    enum { INLINE = 60 };
    uint64_t size = tag >> 2;
    struct bytes bytes;

    if (size >= INLINE)
        size = cursor_uint_le(&block->in, (unsigned)size - INLINE + 1);
    bytes = cursor_take(&block->in, size + 1);
    TRY(cursor_check(&block->in, err));
    if (bytes.size > block->size - block->made)
        return broken(block, "holds more than it says", err);
    memcpy(block->out + block->made, bytes.data, bytes.size);
    block->made += bytes.size;
    return STATUS_OK;
}

/* What is copied may overlap what is made: byte by byte. */
static enum status copy(struct block *block, uint8_t tag, struct error *err)
{
    bool is_short = (tag & 3) == 1;
    size_t size = is_short ? 4u + (tag >> 2 & 7) : (tag >> 2) + 1u;
    uint32_t offset = (uint32_t)cursor_uint_le(&block->in, is_short ? 1 : (tag & 3) == 2 ? 2 : 4);

    offset |= is_short ? (uint32_t)(tag >> 5) << 8 : 0;
    TRY(cursor_check(&block->in, err));
    if (!offset || offset > block->made)
        return broken(block, "copies from before its beginning", err);
    if (size > block->size - block->made)
        return broken(block, "holds more than it says", err);
    for (size_t i = 0; i < size; i++, block->made++)
        block->out[block->made] = block->out[block->made - offset];
    return STATUS_OK;
}

enum status snappy_unpack(struct bytes packed, size_t limit, struct bytes *unpacked,
                          struct arena *keep, struct error *err)
{
    struct block block = {.in = cursor_over(packed)};
    uint64_t size = cursor_varint(&block.in);

    TRY(cursor_check(&block.in, err));
    if (size > limit || size / RATIO_MAX > packed.size)
        return error_set(err, STATUS_TOO_LARGE, "a Snappy block of %zu bytes says it holds %llu",
                         packed.size, (unsigned long long)size);
    block.size = (size_t)size;
    block.out = arena_alloc(keep, block.size, 1);
    if (!block.out)
        return error_no_memory(err, "a Snappy block");
    while (cursor_left(&block.in)) {
        uint8_t tag = cursor_u8(&block.in);

        TRY(tag & 3 ? copy(&block, tag, err) : literal(&block, tag, err));
    }
    if (block.made != block.size)
        return broken(&block, "holds less than it says", err);
    *unpacked = (struct bytes){block.out, block.size};
    return STATUS_OK;
}
