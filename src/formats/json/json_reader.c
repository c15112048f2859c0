// SPDX-License-Identifier: Apache-2.0
/* The pull reader of JSON, RFC 8259. */
#include <math.h>

#include "base/base64.h"
#include "base/number.h"
#include "formats/json/json_scan.h"

void json_reader_init(struct json_reader *reader, struct bytes text, unsigned flags)
{
    static const char EMPTY[1];
    const char *start = text.data ? (const char *)text.data : EMPTY;

    reader->start = reader->at = start;
    reader->end = start + text.size;
    reader->depth = 0;
    reader->flags = flags;
    reader->first = 0;
}

size_t json_offset(const struct json_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

enum status json_expected(const struct json_reader *reader, const char *wanted, struct error *err)
{
    char quoted[16];
    struct bytes next = {(const uint8_t *)reader->at, 1};

    if (reader->at == reader->end)
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "JSON: %s is expected, but the text ends", wanted);
    while (next.size < 4 && next.size < (size_t)(reader->end - reader->at) &&
           !text_utf8_size(next.data, next.size))
        next.size++;
    if (!text_utf8_size(next.data, next.size))
        next.size = 1;
    return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                    "JSON: %s is expected, not \"%s\"", wanted,
                    text_quote(next, quoted, sizeof quoted));
}

/* --- strings --- */

enum { CONTROL_END = 0x20 };

/* Is none of the eight a quote, a backslash, a control character or above ASCII? */
static bool is_plain(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t eight, quotes, slashes;

    memcpy(&eight, at, 8);
    quotes = eight ^ ones * '"';
    slashes = eight ^ ones * '\\';
    return ((eight | (eight - ones * CONTROL_END) | (quotes - ones) | (slashes - ones)) & tops) ==
           0;
}

/* Four hexadecimal digits at `at`, or -1. */
static int32_t hex4(const uint8_t *at, const uint8_t *end)
{
    int32_t value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = at[i], digit = c >= '0' && c <= '9'                 ? c - '0'
                               : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                    : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The code point of \uXXXX or of a pair \uD8XX\uDCXX, `*at` behind the 'u'; -1 when malformed. */
static int32_t unescape_code(const uint8_t **at, const uint8_t *end)
{
    int32_t high = hex4(*at, end), low;

    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return -1;
    *at += 4;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    low = hex4(*at + 2, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *at += 6;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* What `c` behind a backslash stands for, 0 when nothing. */
static char simple_escape(uint8_t c)
{
    static const char FROM[] = "\"\\/bfnrt", INTO[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(FROM, c) : NULL;

    return found ? INTO[found - FROM] : 0;
}

/* Bytes of the escape behind the backslash, 0 when there is none. */
static size_t escape_size(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;

    if (at == end)
        return 0;
    if (simple_escape(*at))
        return 1;
    if (*at++ != 'u' || unescape_code(&at, end) < 0)
        return 0;
    return (size_t)(at - start);
}

enum status json_scan_string(struct json_reader *reader, struct bytes *raw, bool *escaped,
                             struct error *err)
{
    const char *start, *at;
    bool ascii = true;

    if (!json_at(reader, '"'))
        return json_expected(reader, "a string", err);
    start = at = reader->at + 1;
    *escaped = false;
    for (;; at++) {
        while (reader->end - at >= 8 && is_plain(at))
            at += 8;
        if (at >= reader->end)
            return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                            "JSON: a string is not closed");
        if (*at == '"')
            break;
        if ((unsigned char)*at < CONTROL_END)
            return error_at(err, (size_t)(at - reader->start), STATUS_INVALID_INPUT,
                            "JSON: a string holds the control character \\x%02x",
                            (unsigned)(unsigned char)*at);
        ascii = ascii && (unsigned char)*at < 0x80;
        if (*at == '\\') {
            size_t size = escape_size((const uint8_t *)at + 1, (const uint8_t *)reader->end);
            if (size == 0)
                return error_at(err, (size_t)(at - reader->start), STATUS_INVALID_INPUT,
                                "JSON: a string has a wrong escape");
            *escaped = true;
            at += size;
        }
    }
    *raw = (struct bytes){(const uint8_t *)start, (size_t)(at - start)};
    if (!ascii && !text_is_utf8(*raw))
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "JSON: a string is not UTF-8");
    reader->at = at + 1;
    return STATUS_OK;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 63));
        to[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 63));
    to[2] = (char)(0x80 | (code >> 6 & 63));
    to[3] = (char)(0x80 | (code & 63));
    return 4;
}

size_t json_unescape(struct bytes raw, char *to)
{
    const uint8_t *at = raw.data, *end = raw.data + raw.size;
    char *out = to;

    while (at < end) {
        const uint8_t *escape = memchr(at, '\\', (size_t)(end - at)), *stop = escape ? escape : end;
        memcpy(out, at, (size_t)(stop - at));
        out += stop - at;
        if (!escape)
            break;
        at = escape + 1;
        *out = simple_escape(*at++);
        if (*out)
            out++;
        else
            out += put_utf8(out, (uint32_t)unescape_code(&at, end));
    }
    return (size_t)(out - to);
}

enum status json_read_string(struct json_reader *reader, struct bytes *string, struct arena *keep,
                             struct error *err)
{
    struct bytes raw;
    bool escaped;
    char *to;

    TRY(json_scan_string(reader, &raw, &escaped, err));
    *string = raw;
    if (!escaped)
        return STATUS_OK;
    to = arena_new(keep, char, raw.size);
    if (!to)
        return error_no_memory(err, "a JSON string");
    *string = (struct bytes){(const uint8_t *)to, json_unescape(raw, to)};
    return STATUS_OK;
}

/* --- other scalars --- */

bool json_word(struct json_reader *reader, const char *word)
{
    size_t size = strlen(word);

    json_blanks(reader);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
        return false;
    reader->at += size;
    return true;
}

enum status json_scan_f64(struct json_reader *reader, double *value, struct error *err)
{
    const char *end;
    char quoted[32];

    json_blanks(reader);
    end = number_parse_f64(reader->at, reader->end, value);
    if (end && !isinf(*value)) {
        reader->at = end;
        return STATUS_OK;
    }
    if (end)
        return error_at(
            err, json_offset(reader), STATUS_INVALID_INPUT,
            "JSON: the number %s does not fit a double",
            text_quote((struct bytes){(const uint8_t *)reader->at, (size_t)(end - reader->at)},
                       quoted, sizeof quoted));
    if (reader->flags & JSON_ALLOW_NAN) {
        if (json_word(reader, "NaN")) {
            *value = NAN;
            return STATUS_OK;
        }
        if (json_word(reader, "Infinity")) {
            *value = INFINITY;
            return STATUS_OK;
        }
        if (json_word(reader, "-Infinity")) {
            *value = -INFINITY;
            return STATUS_OK;
        }
    }
    return json_expected(reader, "a number", err);
}

enum status json_read_f64(struct json_reader *reader, double *value, struct error *err)
{
    return json_scan_f64(reader, value, err);
}

enum status json_read_i64(struct json_reader *reader, int64_t *value, struct error *err)
{
    const char *end;

    json_blanks(reader);
    end = number_parse_i64(reader->at, reader->end, value);
    if (end && !(end < reader->end && (*end == '.' || *end == 'e' || *end == 'E'))) {
        reader->at = end;
        return STATUS_OK;
    }
    if (json_peek(reader) == JSON_FLOAT)
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "JSON: the number is not an integer of 64 bits");
    return json_expected(reader, "an integer", err);
}

enum status json_read_bool(struct json_reader *reader, bool *value, struct error *err)
{
    *value = json_word(reader, "true");
    if (*value || json_word(reader, "false"))
        return STATUS_OK;
    return json_expected(reader, "true or false", err);
}

/* --- containers --- */

enum json_kind json_peek(struct json_reader *reader)
{
    json_blanks(reader);
    if (reader->at == reader->end)
        return JSON_NULL;
    switch (*reader->at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'N':
    case 'I':
        return reader->flags & JSON_ALLOW_NAN ? JSON_FLOAT : JSON_NULL;
    case '-':
        return JSON_FLOAT;
    default:
        return *reader->at >= '0' && *reader->at <= '9' ? JSON_FLOAT : JSON_NULL;
    }
}

enum status json_enter(struct json_reader *reader, enum json_kind kind, struct error *err)
{
    if (!json_at(reader, kind == JSON_ARRAY ? '[' : '{'))
        return json_expected(reader, json_kind_name(kind), err);
    if (reader->depth == JSON_DEPTH_MAX)
        return error_at(err, json_offset(reader), STATUS_TOO_LARGE,
                        "JSON: nested more than %d deep", JSON_DEPTH_MAX);
    reader->at++;
    reader->first |= (uint64_t)1 << reader->depth++;
    return STATUS_OK;
}

static enum status read_key(struct json_reader *reader, struct bytes *key, struct error *err)
{
    bool escaped;

    if (!json_at(reader, '"'))
        return json_expected(reader, "a key in quotes", err);
    TRY(json_scan_string(reader, key, &escaped, err));
    if (escaped) {
        if (key->size > JSON_KEY_MAX)
            return error_at(err, json_offset(reader), STATUS_TOO_LARGE,
                            "JSON: a key with escapes is longer than %d bytes", JSON_KEY_MAX);
        *key = (struct bytes){(const uint8_t *)reader->key, json_unescape(*key, reader->key)};
    }
    if (!json_at(reader, ':'))
        return json_expected(reader, "\":\"", err);
    reader->at++;
    return STATUS_OK;
}

enum status json_next(struct json_reader *reader, bool *more, struct bytes *key, struct error *err)
{
    uint64_t bit = (uint64_t)1 << (reader->depth - 1);
    char close = key ? '}' : ']';

    *more = false;
    if (json_at(reader, close)) {
        reader->at++;
        reader->depth--;
        reader->first &= ~bit;
        return STATUS_OK;
    }
    if (!(reader->first & bit)) {
        if (!json_at(reader, ','))
            return json_expected(reader, key ? "\",\" or \"}\"" : "\",\" or \"]\"", err);
        reader->at++;
    }
    reader->first &= ~bit;
    *more = true;
    return key ? read_key(reader, key, err) : STATUS_OK;
}

static enum status skip_container(struct json_reader *reader, enum json_kind kind,
                                  struct error *err)
{
    struct bytes key;
    bool more = true;

    TRY(json_enter(reader, kind, err));
    while (more) {
        TRY(json_next(reader, &more, kind == JSON_OBJECT ? &key : NULL, err));
        if (more)
            TRY(json_skip(reader, err)); /* as deep as JSON_DEPTH_MAX */
    }
    return STATUS_OK;
}

enum status json_skip(struct json_reader *reader, struct error *err)
{
    enum json_kind kind = json_peek(reader);
    struct bytes string;
    double number;
    bool flag;

    switch (kind) {
    case JSON_ARRAY:
    case JSON_OBJECT:
        return skip_container(reader, kind, err);
    case JSON_STRING:
        return json_scan_string(reader, &string, &flag, err);
    case JSON_BOOL:
        return json_read_bool(reader, &flag, err);
    case JSON_NULL:
        return json_word(reader, "null") ? STATUS_OK : json_expected(reader, "a value", err);
    default:
        return json_scan_f64(reader, &number, err);
    }
}

enum status json_end(struct json_reader *reader, struct error *err)
{
    json_blanks(reader);
    return reader->at == reader->end ? STATUS_OK : json_expected(reader, "the end", err);
}

enum status json_repeated(const struct json_reader *reader, struct bytes key, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_at(err, json_offset(reader), STATUS_INVALID_INPUT, "JSON: key \"%s\" occurs twice",
                    text_quote(key, quoted, sizeof quoted));
}

/* --- bytes --- */

enum status json_read_base64(struct json_reader *reader, struct bytes *bytes, struct arena *keep,
                             struct error *err)
{
    struct bytes key, text = {NULL, 0};
    uint8_t *to;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    TRY(json_next(reader, &more, &key, err));
    if (!more || !bytes_is(key, "b64"))
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "an object is no {\"b64\": text}");
    TRY(json_read_string(reader, &text, keep, err));
    TRY(json_next(reader, &more, &key, err));
    if (more)
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "an object has more than \"b64\"");
    to = arena_alloc(keep, text.size / 4 * 3 + 3, 1);
    if (!to)
        return error_no_memory(err, "a JSON string");
    *bytes = (struct bytes){to, 0};
    if (!base64_read(text, to, &bytes->size))
        return error_at(err, json_offset(reader), STATUS_INVALID_INPUT,
                        "\"b64\" is not base64: unable to base64 decode");
    return STATUS_OK;
}

bool json_is_base64(const struct json_reader *reader)
{
    struct json_reader ahead = *reader;
    struct error ignored;
    struct bytes key;
    bool more;

    if (json_peek(&ahead) != JSON_OBJECT || json_enter(&ahead, JSON_OBJECT, &ignored) ||
        json_next(&ahead, &more, &key, &ignored) || !more || !bytes_is(key, "b64") ||
        json_peek(&ahead) != JSON_STRING || json_skip(&ahead, &ignored))
        return false;
    return !json_next(&ahead, &more, &key, &ignored) && !more;
}
