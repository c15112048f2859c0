// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/tar_write.h"

#include <stdio.h>

enum { NAME_BYTES = 100, PREFIX_BYTES = 155, MODE_FILE = 0644, MODE_FOLDER = 0755 };
#define USTAR_SIZE_MAX 077777777777

static void octal(char *field, size_t digits, uint64_t value)
{
    field[digits] = 0;
    while (digits) {
        field[--digits] = (char)('0' + (value & 7));
        value >>= 3;
    }
}

/* Where `path` splits into ustar's prefix and name; 0: all of it is the name; -1: it does not. */
static long split_at(struct bytes path)
{
    if (path.size <= NAME_BYTES)
        return 0;
    for (size_t i = 1; i < path.size - 1 && i <= PREFIX_BYTES; i++)
        if (path.data[i] == '/' && path.size - i - 1 <= NAME_BYTES)
            return (long)i;
    return -1;
}

static void block_write(struct text *text, struct bytes path, uint64_t size, char type)
{
    char block[TAR_BLOCK] = {0};
    long split = split_at(path);
    struct bytes name = path;
    unsigned sum = 0;

    if (split > 0) {
        memcpy(block + 345, path.data, (size_t)split);
        name = (struct bytes){path.data + split + 1, path.size - (size_t)split - 1};
    }
    /* A name that does not fit is cut; the extended header before it has all of it. */
    memcpy(block, name.data, name.size < NAME_BYTES ? name.size : NAME_BYTES);
    octal(block + 100, 7, type == TAR_FILE || type == 'x' ? MODE_FILE : MODE_FOLDER);
    octal(block + 108, 7, 0);
    octal(block + 116, 7, 0);
    octal(block + 124, 11, size <= USTAR_SIZE_MAX ? size : 0);
    octal(block + 136, 11, 0);
    memset(block + 148, ' ', 8);
    block[156] = type == TAR_PROGRAM ? TAR_FILE : type;
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    octal(block + 329, 7, 0);
    octal(block + 337, 7, 0);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += (uint8_t)block[i];
    octal(block + 148, 6, sum);
    text_append_bytes(text, (struct bytes){(uint8_t *)block, TAR_BLOCK});
}

/* "LENGTH key=value\n", where LENGTH counts its own digits. */
static void record_add(struct text *text, const char *key, struct bytes value)
{
    size_t rest = 1 + strlen(key) + 1 + value.size + 1, length = rest, digits;

    do {
        digits = (size_t)snprintf(NULL, 0, "%zu", length);
        if (length == rest + digits)
            break;
        length = rest + digits;
    } while (true);
    text_printf(text, "%zu %s=", length, key);
    text_append_bytes(text, value);
    text_append_char(text, '\n');
}

/* A pax header for what ustar cannot say: long paths, files from 8 GiB on. */
static void extended_write(struct text *text, struct bytes path, uint64_t size)
{
    static const uint8_t ZEROS[TAR_BLOCK];
    struct text records = {0};
    char number[24];

    if (split_at(path) < 0)
        record_add(&records, "path", path);
    snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    if (size > USTAR_SIZE_MAX)
        record_add(&records, "size", bytes_of(number));
    if (records.size) {
        block_write(text, bytes_of("pax"), records.size, 'x');
        text_append_bytes(text, text_bytes(&records));
        text_append_bytes(text, (struct bytes){ZEROS, tar_padding(records.size)});
    }
    text->failed = text->failed || records.failed;
    text_release(&records);
}

void tar_write_head(struct text *text, struct bytes path, uint64_t size, char type)
{
    extended_write(text, path, size);
    block_write(text, path, size, type);
}

size_t tar_padding(uint64_t size)
{
    return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}
