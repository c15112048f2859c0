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

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool base64_read(struct bytes text, uint8_t *to, size_t *size)
{
    uint32_t group = 0;
    size_t digits = 0, pads = 0, used = 0;

    for (size_t i = 0; i < text.size; i++) {
        int d = digit(text.data[i]);

        if (is_blank(text.data[i]))
            continue;
        if (text.data[i] == '=') {
            pads++;
            continue;
        }
        if (d < 0 || pads)
            return false;
        group = group << 6 | (uint32_t)d;
        if (++digits % 4 == 0) {
            to[used++] = (uint8_t)(group >> 16);
            to[used++] = (uint8_t)(group >> 8);
            to[used++] = (uint8_t)group;
        }
    }
    if (digits % 4 == 1 || (pads && (digits + pads) % 4) || pads > 2)
        return false;
    if (digits % 4 >= 2)
        to[used++] = (uint8_t)(group >> (digits % 4 == 2 ? 4 : 10));
    if (digits % 4 == 3)
        to[used++] = (uint8_t)(group >> 2);
    *size = used;
    return true;
}

size_t base64_encode(struct bytes bytes, char *to)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 0;

    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;

        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        to[used++] = DIGITS[group >> 18];
        to[used++] = DIGITS[group >> 12 & 63];
        to[used++] = left > 1 ? DIGITS[group >> 6 & 63] : '=';
        to[used++] = left > 2 ? DIGITS[group & 63] : '=';
    }
    return used;
}
