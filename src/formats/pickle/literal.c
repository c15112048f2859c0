// SPDX-License-Identifier: Apache-2.0
/* Text forms of numbers and strings, protocols 0 and 1. */
#include "base/text.h"
#include "formats/pickle/machine.h"

/* As Python's own limit (sys.set_int_max_str_digits): the conversion is quadratic. */
enum { DIGITS_MAX = 4300, LIMBS_MAX = DIGITS_MAX / 9 + 2 };

bool literal_is_ascii(struct bytes bytes)
{
    uint8_t any = 0;

    for (size_t i = 0; i < bytes.size; i++)
        any |= bytes.data[i];
    return any < 0x80;
}

bool literal_is_wtf8(struct bytes bytes)
{
    static const uint32_t SMALLEST[] = {0, 0x80, 0x800, 0x10000};
    size_t i = 0;

    if (literal_is_ascii(bytes))
        return true;
    while (i < bytes.size) {
        uint8_t first = bytes.data[i++];
        unsigned more = first < 0x80   ? 0
                        : first < 0xc0 ? 4
                        : first < 0xe0 ? 1
                        : first < 0xf0 ? 2
                                       : 3;
        uint32_t code = first & (more ? 0x3fu >> more : 0x7fu);

        if (more == 4 || first > 0xf4 || bytes.size - i < more)
            return false;
        for (unsigned k = 0; k < more; k++) {
            uint8_t next = bytes.data[i++];
            if ((next & 0xc0) != 0x80)
                return false;
            code = code << 6 | (next & 0x3fu);
        }
        if (code < SMALLEST[more] || code > 0x10ffff)
            return false;
    }
    return true;
}

bool literal_latin1(struct bytes from, uint8_t *to, size_t *size)
{
    size_t count = 0;

    for (size_t i = 0; i < from.size; i++) {
        uint8_t first = from.data[i];
        if (first < 0x80) {
            to[count++] = first;
        } else {
            if ((first & 0xfc) != 0xc0 || i + 1 >= from.size)
                return false;
            to[count++] = (uint8_t)((first & 3) << 6 | (from.data[++i] & 0x3f));
        }
    }
    *size = count;
    return true;
}

size_t literal_utf8(uint32_t code, uint8_t *to)
{
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (uint8_t)(0xc0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (uint8_t)(0xe0 | code >> 12);
        to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | code >> 18);
    to[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* --- integers --- */

enum status literal_long(struct pickle_machine *m, struct bytes bytes,
                         struct pickle_object **object, struct error *err)
{
    uint8_t sign = bytes.size && bytes.data[bytes.size - 1] & 0x80 ? 0xff : 0;
    uint64_t value = sign ? UINT64_MAX : 0;

    while (bytes.size > 1 && bytes.data[bytes.size - 1] == sign &&
           (bytes.data[bytes.size - 2] & 0x80) == (sign & 0x80))
        bytes.size--;
    if (bytes.size > sizeof value) {
        TRY(machine_new(m, PICKLE_BIGINT, object, err));
        (*object)->bytes = bytes;
        return STATUS_OK;
    }
    for (size_t i = bytes.size; i-- > 0;)
        value = value << 8 | bytes.data[i];
    TRY(machine_new(m, PICKLE_INT, object, err));
    (*object)->integer = (int64_t)value;
    return STATUS_OK;
}

/* limbs = limbs * multiplier + digit, base 2^32, little-endian */
static void multiply_add(uint32_t *limbs, size_t *count, uint32_t multiplier, uint32_t digit)
{
    uint64_t carry = digit;

    for (size_t i = 0; i < *count; i++) {
        carry += (uint64_t)limbs[i] * multiplier;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        limbs[(*count)++] = (uint32_t)carry;
}

static void negate(uint8_t *bytes, size_t size)
{
    unsigned carry = 1;

    for (size_t i = 0; i < size; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static enum status integer_of_limbs(struct pickle_machine *m, const uint32_t *limbs, size_t count,
                                    bool negative, struct pickle_object **object, struct error *err)
{
    size_t size = count * 4 + 1; /* a byte for the sign */
    void *memory;
    uint8_t *bytes;

    TRY(machine_alloc(m, size, 1, &memory, err));
    bytes = memory;
    for (size_t i = 0; i < count * 4; i++)
        bytes[i] = (uint8_t)(limbs[i / 4] >> (8 * (i % 4)));
    if (negative)
        negate(bytes, size);
    return literal_long(m, (struct bytes){bytes, size}, object, err);
}

enum status literal_integer(struct pickle_machine *m, struct bytes digits,
                            struct pickle_object **object, struct error *err)
{
    uint32_t limbs[LIMBS_MAX];
    size_t count = 0, i = 0;
    char quoted[TEXT_QUOTE_SIZE];
    bool negative = digits.size && digits.data[0] == '-';

    if (digits.size > DIGITS_MAX)
        return error_at(err, m->at, STATUS_TOO_LARGE, "an integer of more than %d digits",
                        DIGITS_MAX);
    if (negative || (digits.size && digits.data[0] == '+'))
        i = 1;
    if (i == digits.size)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "an integer without digits");
    for (; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return error_at(err, m->at, STATUS_INVALID_INPUT, "\"%s\" is no integer",
                            text_quote(digits, quoted, sizeof quoted));
        multiply_add(limbs, &count, 10, digits.data[i] - (uint32_t)'0');
    }
    return integer_of_limbs(m, limbs, count, negative, object, err);
}

/* --- strings --- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `count` hexadecimal digits at `at`; false when there are fewer. */
static bool hex_digits(struct bytes line, size_t at, unsigned count, uint32_t *value)
{
    if (line.size < at || line.size - at < count)
        return false;
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        int digit = hex_value(line.data[at + i]);
        if (digit < 0)
            return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

/* One escape of a Python string; line.data[*at] is behind the backslash. False: not one. */
static bool unescape(struct bytes line, size_t *at, uint8_t *to, size_t *size)
{
    static const char LETTERS[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    uint8_t c = line.data[*at];
    uint32_t value = 0;

    for (size_t i = 0; i + 1 < sizeof LETTERS; i += 2) {
        if ((uint8_t)LETTERS[i] == c) {
            to[(*size)++] = (uint8_t)LETTERS[i + 1];
            ++*at;
            return true;
        }
    }
    if (c == 'x') {
        if (!hex_digits(line, *at + 1, 2, &value))
            return false;
        *at += 3;
    } else if (c >= '0' && c <= '7') {
        for (int i = 0; i < 3 && *at < line.size && (line.data[*at] & 0xf8) == '0'; i++)
            value = value << 3 | (line.data[(*at)++] & 7u);
    } else { /* unknown escapes stand for themselves */
        to[(*size)++] = '\\';
        return true;
    }
    to[(*size)++] = (uint8_t)value;
    return true;
}

enum status literal_quoted(struct pickle_machine *m, struct bytes line, struct bytes *value,
                           struct error *err)
{
    size_t size = 0, at = 0;
    void *memory;
    uint8_t *to;

    while (line.size && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\r'))
        line.size--;
    if (line.size < 2 || line.data[0] != line.data[line.size - 1] ||
        (line.data[0] != '\'' && line.data[0] != '"'))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a string without quotes");
    line = (struct bytes){line.data + 1, line.size - 2};
    TRY(machine_alloc(m, line.size + 1, 1, &memory, err));
    to = memory;
    while (at < line.size) {
        if (line.data[at] != '\\') {
            to[size++] = line.data[at++];
        } else if (++at == line.size || !unescape(line, &at, to, &size)) {
            return error_at(err, m->at, STATUS_INVALID_INPUT, "a string with a broken escape");
        }
    }
    *value = (struct bytes){to, size};
    return STATUS_OK;
}

/* \uXXXX or \UXXXXXXXX at `at` (which is behind the backslash); a pair of surrogates is one. */
static bool raw_escape(struct bytes line, size_t *at, uint32_t *code)
{
    bool wide = line.data[*at] == 'U';
    uint32_t low;

    if (!hex_digits(line, *at + 1, wide ? 8 : 4, code) || *code > 0x10ffff)
        return false;
    *at += wide ? 9 : 5;
    if (*code >= 0xd800 && *code < 0xdc00 && line.size - *at >= 6 && line.data[*at] == '\\' &&
        line.data[*at + 1] == 'u' && hex_digits(line, *at + 2, 4, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    return true;
}

enum status literal_raw_unicode(struct pickle_machine *m, struct bytes line, struct bytes *value,
                                struct error *err)
{
    size_t size = 0, at = 0;
    bool escaping = false; /* an odd number of backslashes was read */
    void *memory;
    uint8_t *to;

    TRY(machine_alloc(m, line.size + 1, 2, &memory, err)); /* latin-1 grows to two bytes */
    to = memory;
    while (at < line.size) {
        uint32_t code = line.data[at];
        if (escaping && (code == 'u' || code == 'U')) {
            if (!raw_escape(line, &at, &code))
                return error_at(err, m->at, STATUS_INVALID_INPUT, "a string with a broken escape");
            size--; /* the backslash */
            escaping = false;
        } else {
            escaping = code == '\\' && !escaping;
            at++;
        }
        size += literal_utf8(code, to + size);
    }
    *value = (struct bytes){to, size};
    return STATUS_OK;
}
