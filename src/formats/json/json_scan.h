// SPDX-License-Identifier: Apache-2.0
/* What the tree, the pull reader and the tensor reader of JSON share. */
#pragma once

#include "formats/json/json.h"

static inline void json_blanks(struct json_reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

/* After blanks: is the next character this one? It is not consumed. */
static inline bool json_at(struct json_reader *reader, char c)
{
    json_blanks(reader);
    return reader->at < reader->end && *reader->at == c;
}

/* INVALID_INPUT "`wanted` is expected, not "x"", with the place. */
enum status json_expected(const struct json_reader *reader, const char *wanted, struct error *err)
    must_check;

/* A string at the reader's place: what is between its quotes, well-formed UTF-8 without control
 * characters, its escapes right, and whether it has any. */
enum status json_scan_string(struct json_reader *reader, struct bytes *raw, bool *escaped,
                             struct error *err) must_check;

/* Escapes of `raw`, which came from json_scan_string, resolved into `to`, which has room for
 * raw.size bytes. Returns the size. */
size_t json_unescape(struct bytes raw, char *to);

/* A number, or with JSON_ALLOW_NAN one of its words, at the reader's place; finite otherwise. */
enum status json_scan_f64(struct json_reader *reader, double *value, struct error *err) must_check;

/* "true", "false", "null" ...: consumed when it stands there. */
bool json_word(struct json_reader *reader, const char *word);
