// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/compiler.h"
#include "base/unicode.h"

#define COMBINING(first, last)
#define PLAIN(code, text) {code, text},
static const struct plain { /* in order */
    uint32_t code;
    const char *text;
} PLAINS[] = {
#include "base/unicode_plain.def"
};
#undef COMBINING
#undef PLAIN

#define COMBINING(first, last) {first, last},
#define PLAIN(code, text)
static const struct accents { /* in order */
    uint32_t first, last;
} ACCENTS[] = {
#include "base/unicode_plain.def"
};

static bool is_accent(uint32_t code)
{
    size_t low = 0, high = ARRAY_COUNT(ACCENTS);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ACCENTS[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ARRAY_COUNT(ACCENTS) && ACCENTS[low].first <= code;
}

size_t unicode_plain(uint32_t code, uint8_t out[UNICODE_PLAIN_MAX])
{
    size_t low = 0, high = ARRAY_COUNT(PLAINS), size = 0;
    uint32_t parts[3];

    if (code < 0x80)
        return unicode_write(code, out);
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (PLAINS[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < ARRAY_COUNT(PLAINS) && PLAINS[low].code == code) {
        size = strlen(PLAINS[low].text);
        memcpy(out, PLAINS[low].text, size);
        return size;
    }
    if (is_accent(code))
        return 0;
    if (code < 0xAC00 || code > 0xD7A3)
        return unicode_write(code, out);
    for (size_t i = 0, count = unicode_base(code, parts); i < count; i++) /* Hangul */
        size += unicode_write(parts[i], out + size);
    return size;
}
