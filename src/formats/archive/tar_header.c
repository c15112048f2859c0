// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/tar_header.h"

#include "base/cursor.h"

enum {
    NAME_AT = 0,
    NAME_BYTES = 100,
    SIZE_AT = 124,
    SIZE_BYTES = 12,
    CHECKSUM_AT = 148,
    CHECKSUM_BYTES = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_BYTES = 155,
};

/* Octal digits, blank or zero terminated; GNU: the first bit set, then a big-endian number. */
static bool number_read(const uint8_t *field, size_t size, uint64_t *value)
{
    size_t i = 0;

    *value = 0;
    if (field[0] & 0x80) {
        if (field[0] != 0x80)
            return false;
        for (i = 1; i < size; i++) {
            if (*value >> 55)
                return false;
            *value = *value << 8 | field[i];
        }
        return true;
    }
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    for (; i < size; i++)
        if (field[i] != ' ' && field[i] != 0)
            return false;
    return true;
}

/* The sum of the header's bytes, its own field taken as blanks. */
bool tar_checksum_is_right(const uint8_t *header)
{
    uint64_t want, sum = 0;

    if (!number_read(header + CHECKSUM_AT, CHECKSUM_BYTES, &want))
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES ? ' ' : header[i];
    return sum == want;
}

bool tar_is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

static enum status invalid(struct error *err, size_t at, const char *what)
{
    return error_at(err, at, STATUS_INVALID_INPUT, "broken tar: %s", what);
}

static struct bytes field(const uint8_t *header, size_t at, size_t size)
{
    return (struct bytes){header + at, strnlen((const char *)header + at, size)};
}

struct bytes tar_path(const uint8_t *header, const struct tar_extension *extension,
                      char name_room[TAR_NAME_SIZE])
{
    struct bytes name = field(header, NAME_AT, NAME_BYTES);
    struct bytes prefix = field(header, PREFIX_AT, PREFIX_BYTES);

    if (extension->has_path)
        return extension->path;
    if (memcmp(header + MAGIC_AT, "ustar\0", 6) != 0 || prefix.size == 0)
        return name;
    memcpy(name_room, prefix.data, prefix.size);
    name_room[prefix.size] = '/';
    memcpy(name_room + prefix.size + 1, name.data, name.size);
    return (struct bytes){(const uint8_t *)name_room, prefix.size + 1 + name.size};
}

static bool decimal_read(struct bytes text, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *value > UINT64_MAX / 10 - 1)
            return false;
        *value = *value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.size > 0;
}

/* One record of a pax header, "LENGTH key=value\n", LENGTH counting all of it. */
static enum status record_read(size_t at, struct cursor *cursor, struct tar_extension *extension,
                               struct error *err)
{
    struct bytes rest = {cursor->input.data + cursor->offset, cursor_left(cursor)};
    const uint8_t *blank = memchr(rest.data, ' ', rest.size < 20 ? rest.size : 20), *equals;
    struct bytes record, key, value;
    uint64_t length;
    size_t head;

    if (!blank || !decimal_read((struct bytes){rest.data, (size_t)(blank - rest.data)}, &length))
        return invalid(err, at, "pax record has no length");
    head = (size_t)(blank - rest.data) + 1;
    record = cursor_take(cursor, length);
    if (cursor->failed || length < head + 2 || record.data[length - 1] != '\n')
        return invalid(err, at, "pax record has a wrong length");
    record = (struct bytes){record.data + head, record.size - head - 1};
    equals = memchr(record.data, '=', record.size);
    if (!equals)
        return invalid(err, at, "pax record has no value");
    key = (struct bytes){record.data, (size_t)(equals - record.data)};
    value = (struct bytes){equals + 1, record.size - key.size - 1};
    if (bytes_is(key, "path")) {
        extension->has_path = true;
        extension->path = value;
    } else if (bytes_is(key, "size")) {
        extension->has_size = true;
        if (!decimal_read(value, &extension->size))
            return invalid(err, at, "pax size is not a number");
    } else if (bytes_starts(key, bytes_of("GNU.sparse."))) {
        return error_set(err, STATUS_UNSUPPORTED, "refused: tar holds a sparse file");
    }
    return STATUS_OK;
}

static enum status pax_read(size_t at, struct bytes data, struct tar_extension *extension,
                            struct error *err)
{
    struct cursor cursor = cursor_over(data);

    while (cursor_left(&cursor))
        TRY(record_read(at, &cursor, extension, err));
    return STATUS_OK;
}

char tar_type(const uint8_t *header)
{
    return (char)header[TYPE_AT];
}

bool tar_type_is_extension(char type)
{
    return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

bool tar_type_has_data(char type)
{
    return type != '5' && (type < '1' || type > '6');
}

bool tar_size(const uint8_t *header, uint64_t *size)
{
    return number_read(header + SIZE_AT, SIZE_BYTES, size);
}

enum status tar_extend(char type, struct bytes data, size_t at, struct tar_extension *next,
                       struct error *err)
{
    struct tar_extension global = {0};

    if (data.size > TAR_EXTENDED_MAX)
        return error_set(err, STATUS_TOO_LARGE, "tar has an extended header above %d bytes",
                         TAR_EXTENDED_MAX);
    if (type == 'x')
        return pax_read(at, data, next, err);
    if (type == 'g') {
        TRY(pax_read(at, data, &global, err));
        if (global.has_path || global.has_size)
            return error_set(err, STATUS_UNSUPPORTED, "refused: tar names all its members alike");
    }
    if (type == 'L') {
        next->has_path = true;
        next->path = field(data.data, 0, data.size);
    }
    return STATUS_OK;
}
