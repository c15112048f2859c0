// SPDX-License-Identifier: Apache-2.0
#include "base/unicode.h"

#include "base/compiler.h"
#include "base/text.h"

struct range { /* first in the rows of all tables, which are in its order */
    uint32_t first, last;
};
struct change { /* of every `step`th code point; delta 0: to several code points */
    struct range range;
    uint32_t step;
    int32_t delta;
};

#define WORD(first, last)
#define DECIMAL(first, last)
#define CATEGORY(first, last, letter)
#define LOWER(first, last, step, delta)
#define UPPER(first, last, step, delta)
#define MARK(first, last)
#define HIDDEN(first, last)
#define BASE(code, a, b, c)

#undef WORD
#define WORD(first, last) {first, last},
static const struct range WORDS[] = {
#include "base/unicode.def"
};
#undef WORD
#define WORD(first, last)

#undef DECIMAL
#define DECIMAL(first, last) {first, last},
static const struct range DECIMALS[] = {
#include "base/unicode.def"
};
#undef DECIMAL
#define DECIMAL(first, last)

#undef CATEGORY
#define CATEGORY(first, last, letter) {{first, last}, letter},
static const struct category {
    struct range range;
    char letter;
} CATEGORIES[] = {
#include "base/unicode.def"
};
#undef CATEGORY
#define CATEGORY(first, last, letter)

#undef LOWER
#define LOWER(first, last, step, delta) {{first, last}, step, delta},
static const struct change LOWERS[] = {
#include "base/unicode.def"
};
#undef LOWER
#define LOWER(first, last, step, delta)

#undef UPPER
#define UPPER(first, last, step, delta) {{first, last}, step, delta},
static const struct change UPPERS[] = {
#include "base/unicode.def"
};

#undef UPPER
#define UPPER(first, last, step, delta)

#undef MARK
#define MARK(first, last) {first, last},
static const struct range LOOSE_MARKS[] = {
#include "base/unicode.def"
};
#undef MARK
#define MARK(first, last)

#undef HIDDEN
#define HIDDEN(first, last) {first, last},
static const struct range HIDDENS[] = {
#include "base/unicode.def"
};
#undef HIDDEN
#define HIDDEN(first, last)

#undef BASE
#define BASE(code, a, b, c) {{code, code}, {a, b, c}},
static const struct base {
    struct range range;
    uint32_t parts[3];
} BASES[] = {
#include "base/unicode.def"
};

uint32_t unicode_first(struct bytes text, size_t *size)
{
    static const uint8_t MASKS[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code;

    *size = text_utf8_size(text.data, text.size);
    if (*size == 0 || *size > 4) {
        *size = 1;
        return 0x110000u + text.data[0];
    }
    code = text.data[0] & MASKS[*size];
    for (size_t i = 1; i < *size; i++)
        code = code << 6 | (text.data[i] & 0x3F);
    return code;
}

size_t unicode_write(uint32_t code, uint8_t out[4])
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t MARKS[] = {0, 0, 0xC0, 0xE0, 0xF0};

    if (code >= 0x110000) { /* see unicode_first */
        out[0] = (uint8_t)code;
        return 1;
    }
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3F));
    out[0] = (uint8_t)(MARKS[size] | code);
    return size;
}

/* The row of `code` among `count` rows of `size` bytes; or NULL. */
static const void *row_find(const void *rows, size_t count, size_t size, uint32_t code)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct range *range = (const void *)((const char *)rows + middle * size);

        if (range->last < code)
            low = middle + 1;
        else if (range->first > code)
            high = middle;
        else
            return range;
    }
    return NULL;
}
#define FIND(rows, code) row_find(rows, ARRAY_COUNT(rows), sizeof *(rows), code)

bool unicode_is_word(uint32_t code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
               (code >= 'a' && code <= 'z') || code == '_';
    return FIND(WORDS, code) != NULL;
}

bool unicode_is_decimal(uint32_t code)
{
    if (code < 0x80)
        return code >= '0' && code <= '9';
    return FIND(DECIMALS, code) != NULL;
}

bool unicode_is_space(uint32_t code)
{
    return (code >= '\t' && code <= '\r') || (code >= 0x1C && code <= ' ') || code == 0x85 ||
           code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static char ascii_category(uint32_t code)
{
    if ((code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z'))
        return 'L';
    if (code >= '0' && code <= '9')
        return 'N';
    if (code == ' ')
        return 'Z';
    if (code < ' ' || code == 0x7F)
        return 'C';
    return strchr("$+<=>^`|~", (int)code) ? 'S' : 'P';
}

char unicode_category(uint32_t code)
{
    const struct category *category;

    if (code < 0x80)
        return ascii_category(code);
    category = FIND(CATEGORIES, code);
    return category ? category->letter : 'C';
}

bool unicode_is_punctuation(uint32_t code)
{
    return unicode_category(code) == 'P';
}

static uint32_t changed(const struct change *change, uint32_t code)
{
    if (!change || (code - change->range.first) % change->step)
        return code;
    if (change->delta == 0)
        return UNICODE_SEVERAL;
    return (uint32_t)((int32_t)code + change->delta);
}

uint32_t unicode_lower(uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 32 : code;
    if (code == 0x3A3) /* capital sigma: another one at the end of a word */
        return UNICODE_SEVERAL;
    return changed(FIND(LOWERS, code), code);
}

uint32_t unicode_upper(uint32_t code)
{
    if (code < 0x80)
        return code >= 'a' && code <= 'z' ? code - 32 : code;
    return changed(FIND(UPPERS, code), code);
}

bool unicode_is_hidden(uint32_t code)
{
    return code < 0x80 ? code < ' ' || code == 0x7F : FIND(HIDDENS, code) != NULL;
}

enum { HANGUL_FIRST = 0xAC00, HANGUL_LAST = 0xD7A3, HANGUL_TAILS = 28, HANGUL_PAIRS = 21 * 28 };

/* Unicode 3.12: syllables are numbered by their letters. */
static size_t hangul(uint32_t code, uint32_t parts[3])
{
    uint32_t number = code - HANGUL_FIRST;

    parts[0] = 0x1100 + number / HANGUL_PAIRS;
    parts[1] = 0x1161 + number % HANGUL_PAIRS / HANGUL_TAILS;
    parts[2] = 0x11A7 + number % HANGUL_TAILS;
    return number % HANGUL_TAILS ? 3 : 2;
}

size_t unicode_base(uint32_t code, uint32_t parts[3])
{
    const struct base *base;
    size_t count = 1;

    if (code >= HANGUL_FIRST && code <= HANGUL_LAST)
        return hangul(code, parts);
    parts[0] = code;
    if (code < 0x80)
        return 1;
    if (FIND(LOOSE_MARKS, code))
        return 0;
    base = FIND(BASES, code);
    if (!base)
        return 1;
    parts[0] = base->parts[0];
    for (; count < 3 && base->parts[count]; count++)
        parts[count] = base->parts[count];
    return count;
}
