// SPDX-License-Identifier: Apache-2.0
/* Cursor: the only way to read untrusted bytes.
 *
 * A read past the end fails the cursor and yields zero; it stays failed, so a
 * parser may read a whole header and check once, with cursor_check(). */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct cursor {
    struct bytes input; /* borrowed */
    size_t offset;      /* next byte to read */
    bool failed;
    size_t failed_at; /* where the first failing read began */
};

struct cursor cursor_over(struct bytes input);
size_t cursor_left(const struct cursor *cursor); /* 0 when failed */
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16le(struct cursor *cursor);
uint32_t cursor_u32le(struct cursor *cursor);
uint64_t cursor_u64le(struct cursor *cursor);
uint64_t cursor_u64be(struct cursor *cursor);
uint64_t cursor_uint_le(struct cursor *cursor, unsigned size); /* of `size` bytes, at most 8 */
/* In groups of seven bits, the lowest first (LEB128): fails on more than 64 bits. */
uint64_t cursor_varint(struct cursor *cursor);
double cursor_f64be(struct cursor *cursor);

/* The next `size` bytes, borrowed from the input; {NULL, 0} when there are fewer. */
struct bytes cursor_take(struct cursor *cursor, uint64_t size);

/* Up to the next '\n', which is consumed and not part of the result; fails without one. */
struct bytes cursor_line(struct cursor *cursor);
void cursor_skip(struct cursor *cursor, uint64_t size);
void cursor_fail(struct cursor *cursor);

/* INVALID_INPUT "file ends early, at byte N" when a read failed. */
enum status cursor_check(const struct cursor *cursor, struct error *err) must_check;
