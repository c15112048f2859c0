// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_release(struct text *text)
{
    free(text->data);
    *text = (struct text){.limit = text->limit};
}

void text_clear(struct text *text)
{
    text->size = 0;
    text->failed = false;
    if (text->data)
        text->data[0] = 0;
}

char *text_reserve(struct text *text, size_t size)
{
    size_t wanted, capacity;
    char *grown;

    if (text->failed)
        return NULL;
    if (size >= SIZE_MAX / 2 - text->size || (text->limit && text->size + size > text->limit)) {
        text->failed = true;
        return NULL;
    }
    wanted = text->size + size + 1;
    if (wanted <= text->capacity)
        return text->data + text->size;
    capacity = text->capacity ? text->capacity : 256;
    while (capacity < wanted)
        capacity += capacity / 2;
    grown = realloc(text->data, capacity);
    if (!grown) {
        text->failed = true;
        return NULL;
    }
    text->data = grown;
    text->capacity = capacity;
    return text->data + text->size;
}

void text_append_bytes(struct text *text, struct bytes bytes)
{
    char *room = text_reserve(text, bytes.size);

    if (!room)
        return;
    if (bytes.size)
        memcpy(room, bytes.data, bytes.size);
    text->size += bytes.size;
    text->data[text->size] = 0;
}

void text_append(struct text *text, const char *string)
{
    text_append_bytes(text, bytes_of(string));
}

void text_append_char(struct text *text, char c)
{
    text_append_bytes(text, (struct bytes){(const uint8_t *)&c, 1});
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    int size;
    char *room;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    room = size < 0 ? NULL : text_reserve(text, (size_t)size);
    if (!room)
        return;
    va_start(args, format);
    vsnprintf(room, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

struct bytes text_bytes(const struct text *text)
{
    return (struct bytes){(const uint8_t *)text->data, text->size};
}

enum status text_check(const struct text *text, struct error *err)
{
    if (!text->failed)
        return STATUS_OK;
    if (text->limit)
        return error_set(err, STATUS_TOO_LARGE, "output is larger than %zu bytes", text->limit);
    return error_no_memory(err, "output");
}

size_t text_utf8_size(const uint8_t *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        return left > 1 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
    if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        if (left < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
            return 0;
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
            return 0;
        return 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        if (left < 4 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80)
            return 0;
        if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

bool text_is_utf8(struct bytes bytes)
{
    size_t i = 0;

    while (i < bytes.size) {
        uint64_t eight;
        size_t size;
        if (bytes.size - i >= 8) {
            memcpy(&eight, bytes.data + i, 8);
            if (!(eight & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size = text_utf8_size(bytes.data + i, bytes.size - i);
        if (!size)
            return false;
        i += size;
    }
    return true;
}

char *text_quote(struct bytes bytes, char *buffer, size_t size)
{
    size_t used = 0, i = 0;

    while (i < bytes.size && used + 8 < size) {
        size_t step = text_utf8_size(bytes.data + i, bytes.size - i);
        if (step == 0 || bytes.data[i] < 0x20 || bytes.data[i] == 0x7F) {
            used += (size_t)snprintf(buffer + used, size - used, "\\x%02x", bytes.data[i]);
            i++;
            continue;
        }
        memcpy(buffer + used, bytes.data + i, step);
        used += step;
        i += step;
    }
    if (i < bytes.size && used + 4 <= size) {
        memcpy(buffer + used, "...", 3);
        used += 3;
    }
    buffer[used] = 0;
    return buffer;
}

enum { NAMES_END = 32 }; /* bytes for " and %zu more" */

struct text_names text_names(char *buffer, size_t size)
{
    buffer[0] = 0;
    return (struct text_names){buffer, size, 0, 0};
}

void text_names_add(struct text_names *names, const char *name)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(name), quoted, sizeof quoted);
    if (names->left || names->used + strlen(quoted) + 2 + NAMES_END > names->size)
        names->left++;
    else
        names->used += (size_t)snprintf(names->buffer + names->used, names->size - names->used,
                                        "%s%s", names->used ? ", " : "", quoted);
}

char *text_names_end(struct text_names *names)
{
    if (names->left)
        snprintf(names->buffer + names->used, names->size - names->used,
                 names->used ? " and %zu more" : "%zu", names->left);
    return names->buffer;
}

enum { SUGGEST_LENGTH_MAX = 63 };

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[SUGGEST_LENGTH_MAX + 1], rows = strlen(a), columns = strlen(b);

    if (rows > SUGGEST_LENGTH_MAX || columns > SUGGEST_LENGTH_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[columns];
}

const char *text_suggest(const char *name, const char *const *names, size_t count)
{
    size_t best = strlen(name) / 3 + 2;
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(name, names[i]);
        if (distance < best) {
            best = distance;
            found = names[i];
        }
    }
    return found;
}
