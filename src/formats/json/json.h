// SPDX-License-Identifier: Apache-2.0
/* JSON (RFC 8259), strict: UTF-8, no duplicate keys, no NaN unless asked, bounded depth.
 *
 * A pull reader for what is large (tensors), a small tree for what is small (settings, headers of
 * formats), and writing into a `struct text`. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { JSON_DEPTH_MAX = 64, JSON_TREE_DEPTH_MAX = 256 };

/* --- tree --- */

enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_UINT,
    JSON_FLOAT,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_kind kind; /* INT: fits int64; UINT: above that; FLOAT: everything else */
    size_t offset;
    struct bytes key; /* inside an object */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        struct bytes string; /* unescaped */
        struct {             /* ARRAY, OBJECT */
            struct json *items;
            size_t count;
        };
    };
};

enum {
    JSON_ALLOW_NAN = 1, /* the words NaN, Infinity, -Infinity, as Python's json writes them */
    JSON_BASE64 = 2,    /* tensors of strings: {"b64": "..."} for bytes, as TensorFlow Serving */
    JSON_BASE64_BROKEN = 4, /* when written: for those that are not UTF-8 */
};

/* The whole text as one value. Strings are borrowed from `text` where they have no escapes. */
enum status json_parse(struct bytes text, unsigned flags, struct json *value, struct arena *keep,
                       struct error *err) must_check;

/* NULL-safe reading. */
const struct json *json_get(const struct json *object, const char *key);
bool json_string(const struct json *value, struct bytes *string);
bool json_i64(const struct json *value, int64_t *integer);
bool json_f64(const struct json *value, double *number); /* INT and UINT too */
bool json_bool(const struct json *value, bool *boolean);
const char *json_kind_name(enum json_kind kind); /* "a string" */

/* --- pull reader ---
 *
 * The caller asks for what it expects, value by value:
 *
 *     TRY(json_enter(&reader, JSON_OBJECT, err));
 *     for (;;) {
 *         TRY(json_next(&reader, &more, &key, err));
 *         if (!more)
 *             break;                                  // behind the '}'
 *         if (bytes_is(key, "id"))
 *             TRY(json_read_string(&reader, &id, keep, err));
 *         else
 *             TRY(json_skip(&reader, err));           // exactly one value after each key
 *     }
 *     TRY(json_end(&reader, err));
 *
 * The reader forgets keys: whoever knows a key refuses its second occurrence (json_repeated). */

enum { JSON_KEY_MAX = 256 }; /* bytes of a key that has escapes; others have no limit */

struct json_reader {
    const char *start, *at, *end;
    int depth;
    unsigned flags;
    uint64_t first; /* bit d - 1: no element of the container at depth d was read yet */
    char key[JSON_KEY_MAX];
};
void json_reader_init(struct json_reader *reader, struct bytes text, unsigned flags);
enum json_kind
json_peek(struct json_reader *reader); /* kind of the next value (numbers: JSON_FLOAT); JSON_NULL at
                                          an error, which the next call reports */
/* Enter a container; then json_next until it says no more (and has left the container). */
enum status json_enter(struct json_reader *reader, enum json_kind kind, struct error *err)
    must_check;
/* `key`: NULL in arrays; valid until the next call. */
enum status json_next(struct json_reader *reader, bool *more, struct bytes *key, struct error *err)
    must_check;
enum status json_read_string(struct json_reader *reader, struct bytes *string, struct arena *keep,
                             struct error *err) must_check;
/* JSON_BASE64: is the value {"b64": "..."}? It is not consumed. And its bytes. */
bool json_is_base64(const struct json_reader *reader);
enum status json_read_base64(struct json_reader *reader, struct bytes *bytes, struct arena *keep,
                             struct error *err) must_check;
enum status json_read_f64(struct json_reader *reader, double *value, struct error *err) must_check;
/* An integer as it is written: 1.0 and 1e3 are refused. */
enum status json_read_i64(struct json_reader *reader, int64_t *value, struct error *err) must_check;
enum status json_read_bool(struct json_reader *reader, bool *value, struct error *err) must_check;
enum status json_skip(struct json_reader *reader, struct error *err) must_check;
enum status json_end(struct json_reader *reader, struct error *err)
    must_check; /* only blanks are left */
size_t json_offset(const struct json_reader *reader);
/* INVALID_INPUT "key \"id\" occurs twice". */
enum status json_repeated(const struct json_reader *reader, struct bytes key, struct error *err)
    must_check;

/* --- writing --- Strings that are not UTF-8 are written with U+FFFD for what is broken. */
void json_write_string(struct text *text, struct bytes string);
void json_write_text(struct text *text, const char *string);
void json_write_key(struct text *text, const char *key);            /* "key": */
void json_write_value(struct text *text, const struct json *value); /* with all that is in it */
void json_write_f64(struct text *text,
                    double value); /* NaN, Infinity as strings "NaN", "Infinity" */
