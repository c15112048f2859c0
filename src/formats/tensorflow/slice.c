// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/slice.h"

#include "base/number.h"
#include "tensor/block.h"

/* --- as a message --- */

static enum status extent_read(struct protobuf extent, int64_t *start, int64_t *length,
                               struct error *err)
{
    struct protobuf_field field;

    *start = 0;
    *length = -1;
    for (;;) {
        TRY(protobuf_next(&extent, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_i64(&field, start, err));
        if (field.number == 2)
            TRY(protobuf_i64(&field, length, err));
    }
}

enum status slice_read(struct protobuf message, struct slice *slice, struct error *err)
{
    struct protobuf extent;
    struct protobuf_field field;

    *slice = (struct slice){0};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        if (slice->rank == RANK_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "a slice of more than %d dimensions",
                             RANK_MAX);
        TRY(protobuf_message(&field, &extent, err));
        TRY(extent_read(extent, &slice->start[slice->rank], &slice->length[slice->rank], err));
        slice->rank++;
    }
}

/* --- the key of a slice: its name and extents, in OrderedCode --- */

/* OrderedCode of a number >= 0: a byte of its length, then its bytes, the highest first. */
static void ordered_number(struct text *key, uint64_t value)
{
    char digits[8];
    int size = 0;

    for (; value; value >>= 8)
        digits[7 - size++] = (char)value;
    text_append_char(key, (char)size);
    text_append_bytes(key, (struct bytes){(const uint8_t *)digits + 8 - size, (size_t)size});
}

/* OrderedCode of a signed number of less than 55 bits: `size` bytes, the highest first, whose first
 * `size` bits say the size: set for positive numbers, clear for negative ones. */
static void ordered_signed(struct text *key, int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    int size = 1;

    while (size < 8 && magnitude >> (size * 7 - 1))
        size++;
    for (int i = size - 1; i >= 0; i--) {
        uint8_t byte = (uint8_t)((uint64_t)value >> (8 * i));

        text_append_char(key, (char)(i == size - 1 ? byte ^ (0xFF << (8 - size) & 0xFF) : byte));
    }
}

/* OrderedCode of a string: 0 becomes "\0\xFF", 255 "\xFF\0", the end is "\0\1". */
static void ordered_string(struct text *key, struct bytes string)
{
    for (size_t i = 0; i < string.size; i++) {
        text_append_char(key, (char)string.data[i]);
        if (string.data[i] == 0)
            text_append_char(key, (char)0xFF);
        if (string.data[i] == 0xFF)
            text_append_char(key, 0);
    }
    text_append_bytes(key, (struct bytes){(const uint8_t *)"\0\1", 2});
}

void slice_key(struct text *key, struct bytes name, const struct slice *slice)
{
    text_clear(key);
    ordered_number(key, 0);
    ordered_string(key, name);
    ordered_number(key, (uint64_t)slice->rank);
    for (int d = 0; d < slice->rank; d++) {
        ordered_signed(key, slice->start[d]);
        ordered_signed(key, slice->length[d]);
    }
}

/* --- places --- */

enum status slice_check(const struct tensor *whole, struct slice *slice, struct error *err)
{
    if (slice->rank != whole->shape.rank)
        return error_set(err, STATUS_INVALID_INPUT, "a slice has %d dimensions", slice->rank);
    for (int d = 0; d < slice->rank; d++) {
        int64_t dim = whole->shape.dims[d];
        int64_t length = slice->length[d] < 0 ? dim : slice->length[d];

        if (slice->start[d] < 0 || slice->start[d] > dim || length > dim - slice->start[d])
            return error_set(err, STATUS_INVALID_INPUT, "a slice leaves its tensor");
    }
    return STATUS_OK;
}

void slice_copy(const struct tensor *whole, const struct slice *slice, const struct tensor *piece,
                bool out)
{
    struct block block = {.rank = whole->shape.rank};
    size_t item = dtype_size(whole->dtype), dims[RANK_MAX], in_whole[RANK_MAX], in_piece[RANK_MAX];
    char *part = piece->data, *at = whole->data;

    if (!tensor_count(piece))
        return;
    for (int d = 0; d < block.rank; d++) {
        dims[d] = (size_t)whole->shape.dims[d];
        block.dims[d] = (size_t)piece->shape.dims[d];
    }
    block_steps(block.rank, dims, item, in_whole);
    block_steps(block.rank, block.dims, item, in_piece);
    for (int d = 0; d < block.rank; d++) {
        at += (size_t)slice->start[d] * in_whole[d];
        block.from[d] = out ? in_whole[d] : in_piece[d];
        block.to[d] = out ? in_piece[d] : in_whole[d];
    }
    block_copy(&block, out ? at : part, out ? part : at, item);
}

/* --- as text --- */

/* The text up to this character, cut off the front with it; all of it where there is none. */
static struct bytes cut(struct bytes *text, char at)
{
    struct bytes front = *text;
    const uint8_t *end = text->size ? memchr(text->data, at, text->size) : NULL;

    if (end)
        front.size = (size_t)(end - text->data);
    text->data += front.size + (end != NULL);
    text->size -= front.size + (end != NULL);
    return front;
}

enum status slice_parse(struct bytes spec, const struct tensor *whole, struct slice *slice,
                        struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes left = spec;
    bool good = true;

    *slice = (struct slice){.rank = whole->shape.rank};
    for (int d = 0; d < slice->rank && good; d++) {
        int64_t dim;

        good = number_i64_from_text(cut(&left, ' '), &dim) && dim == whole->shape.dims[d];
    }
    for (int d = 0; d < slice->rank && good; d++) {
        struct bytes extent = cut(&left, ':');

        slice->length[d] = -1;
        if (bytes_is(extent, "-"))
            continue;
        good = number_i64_from_text(cut(&extent, ','), &slice->start[d]) &&
               number_i64_from_text(extent, &slice->length[d]) && slice->length[d] >= 0;
    }
    if (!good || left.size)
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is no slice of it",
                         text_quote(spec, quoted, sizeof quoted));
    return slice_check(whole, slice, err);
}
