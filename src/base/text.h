// SPDX-License-Identifier: Apache-2.0
/* Text: a growing buffer for output (JSON, YAML, tables, HTTP heads).
 *
 * Appending never fails at the call; a lack of memory or an exceeded limit is remembered, and
 * asked for once at the end, with text_check(). */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct text {
    char *data;  /* NUL-terminated once anything was appended; owned, free with text_release */
    size_t size; /* without the NUL */
    size_t capacity;
    size_t limit; /* 0: none */
    bool failed;
};

void text_release(struct text *text);
void text_clear(struct text *text); /* keeps the memory */
void text_append(struct text *text, const char *string);
void text_append_bytes(struct text *text, struct bytes bytes);
void text_append_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) printf_like(2, 3);

/* Room for `size` more bytes, to be written by the caller, who then adds to text->size; or NULL. */
char *text_reserve(struct text *text, size_t size);
struct bytes text_bytes(const struct text *text);
enum status text_check(const struct text *text, struct error *err) must_check;

/* Bytes for a message: at most `limit` of them, control characters and broken UTF-8 as \xNN, into
 * `buffer`, which is returned. Use for every name that comes from a file or the network. */
char *text_quote(struct bytes bytes, char *buffer, size_t size);
enum { TEXT_QUOTE_SIZE = 128 }; /* a good size for the buffer of text_quote */

/* Names for a message, quoted, in a buffer of the caller's: "age, sex and 12 more". */
struct text_names {
    char *buffer;
    size_t size, used, left; /* left: names that found no room */
};
struct text_names text_names(char *buffer, size_t size); /* none yet; of more than 32 bytes */
void text_names_add(struct text_names *names, const char *name);
char *text_names_end(struct text_names *names);

/* Is it well-formed UTF-8 (RFC 3629)? */
bool text_is_utf8(struct bytes bytes);

/* Bytes of the well-formed UTF-8 sequence at the front of `left` > 0 bytes, 0 when there is none.
 */
size_t text_utf8_size(const uint8_t *bytes, size_t left);

/* The nearest of `count` names to `name` by edit distance, when close enough to suggest; or NULL.
 */
const char *text_suggest(const char *name, const char *const *names, size_t count);
