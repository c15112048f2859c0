// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding(struct bytes text)
{
    size_t count = 0;

    while (count < 2 && count < text.size && text.data[text.size - 1 - count] == '=')
        count++;
    return count;
}

bool base64_is(struct bytes text)
{
    size_t digits = text.size - padding(text);

    if (!text.size || text.size % 4)
        return false;
    for (size_t i = 0; i < digits; i++)
        if (digit(text.data[i]) < 0)
            return false;
    return true;
}

size_t base64_decode(struct bytes text, uint8_t *to)
{
    size_t pad = padding(text), used = 0;

    for (size_t i = 0; i + 4 <= text.size; i += 4) {
        uint32_t group = 0;

        for (size_t k = 0; k < 4; k++) {
            int d = digit(text.data[i + k]);

            group = group << 6 | (uint32_t)(d < 0 ? 0 : d);
        }
        to[used++] = (uint8_t)(group >> 16);
        to[used++] = (uint8_t)(group >> 8);
        to[used++] = (uint8_t)group;
    }
    return used - (used ? pad : 0);
}
