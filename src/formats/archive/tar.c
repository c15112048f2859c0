// SPDX-License-Identifier: Apache-2.0
/* Tar, from POSIX.1-2017 (pax: ustar and extended headers) and the GNU manual (long names):
 *
 *   header block of 512 bytes, data padded to whole blocks      for each member
 *   two blocks of zeros                                         at the end
 *
 * An extended header ('x', 'L') is a member whose data describes the next one. */
#include "formats/archive/tar.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "base/text.h"

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
    EXTENDED_BYTES_MAX = 1 << 20, /* of one extended header */
};

/* What extended headers said about the next member. */
struct extension {
    bool has_path, has_size;
    struct bytes path;
    uint64_t size;
};

struct tar_reader {
    struct cursor cursor;
    size_t at; /* byte where the present header begins */
    struct extension next, global;
    struct entries *entries;
    char name[NAME_BYTES + 1 + PREFIX_BYTES + 1]; /* prefix '/' name */
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
static bool checksum_is_right(const uint8_t *header)
{
    uint64_t want, sum = 0;

    if (!number_read(header + CHECKSUM_AT, CHECKSUM_BYTES, &want))
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES ? ' ' : header[i];
    return sum == want;
}

bool tar_is(struct bytes bytes)
{
    return bytes.size >= TAR_BLOCK && bytes.data[NAME_AT] && checksum_is_right(bytes.data);
}

static enum status invalid(struct error *err, const struct tar_reader *reader, const char *what)
{
    return error_at(err, reader->at, STATUS_INVALID_INPUT, "broken tar: %s", what);
}

static struct bytes field(const uint8_t *header, size_t at, size_t size)
{
    return (struct bytes){header + at, strnlen((const char *)header + at, size)};
}

/* The member's path: extended header, else ustar's prefix and name. */
static struct bytes path_of(struct tar_reader *reader, const uint8_t *header)
{
    struct bytes name = field(header, NAME_AT, NAME_BYTES);
    struct bytes prefix = field(header, PREFIX_AT, PREFIX_BYTES);

    if (reader->next.has_path)
        return reader->next.path;
    if (memcmp(header + MAGIC_AT, "ustar\0", 6) != 0 || prefix.size == 0)
        return name;
    memcpy(reader->name, prefix.data, prefix.size);
    reader->name[prefix.size] = '/';
    memcpy(reader->name + prefix.size + 1, name.data, name.size);
    return (struct bytes){(const uint8_t *)reader->name, prefix.size + 1 + name.size};
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
static enum status record_read(struct tar_reader *reader, struct cursor *cursor,
                               struct extension *extension, struct error *err)
{
    struct bytes rest = {cursor->input.data + cursor->offset, cursor_left(cursor)};
    const uint8_t *blank = memchr(rest.data, ' ', rest.size < 20 ? rest.size : 20), *equals;
    struct bytes record, key, value;
    uint64_t length;
    size_t head;

    if (!blank || !decimal_read((struct bytes){rest.data, (size_t)(blank - rest.data)}, &length))
        return invalid(err, reader, "pax record has no length");
    head = (size_t)(blank - rest.data) + 1;
    record = cursor_take(cursor, length);
    if (cursor->failed || length < head + 2 || record.data[length - 1] != '\n')
        return invalid(err, reader, "pax record has a wrong length");
    record = (struct bytes){record.data + head, record.size - head - 1};
    equals = memchr(record.data, '=', record.size);
    if (!equals)
        return invalid(err, reader, "pax record has no value");
    key = (struct bytes){record.data, (size_t)(equals - record.data)};
    value = (struct bytes){equals + 1, record.size - key.size - 1};
    if (bytes_is(key, "path")) {
        extension->has_path = true;
        extension->path = value;
    } else if (bytes_is(key, "size")) {
        extension->has_size = true;
        if (!decimal_read(value, &extension->size))
            return invalid(err, reader, "pax size is not a number");
    } else if (bytes_starts(key, bytes_of("GNU.sparse."))) {
        return error_set(err, STATUS_UNSUPPORTED, "refused: tar holds a sparse file");
    }
    return STATUS_OK;
}

static enum status pax_read(struct tar_reader *reader, struct bytes data,
                            struct extension *extension, struct error *err)
{
    struct cursor cursor = cursor_over(data);

    while (cursor_left(&cursor))
        TRY(record_read(reader, &cursor, extension, err));
    return STATUS_OK;
}

static enum status refuse(struct error *err, struct bytes path, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED, "refused: member \"%s\" %s",
                     text_quote(path, quoted, sizeof quoted), why);
}

/* A member that is a file or a folder, or is refused. */
static enum status member_add(struct tar_reader *reader, const uint8_t *header, struct bytes data,
                              struct error *err)
{
    struct entry entry = {.size = data.size, .packed = data};
    struct bytes path = path_of(reader, header);

    switch (header[TYPE_AT]) {
    case 0:
    case '0':
    case '7':
        if (path.size && path.data[path.size - 1] == '/' && data.size == 0)
            return entries_add_folder(reader->entries, path, err);
        return entries_add(reader->entries, path, &entry, err);
    case '5':
        return entries_add_folder(reader->entries, path, err);
    case '1':
        return refuse(err, path, "is a hard link");
    case '2':
        return refuse(err, path, "is a symbolic link");
    case '3':
    case '4':
    case '6':
        return refuse(err, path, "is a device");
    case 'S':
        return refuse(err, path, "is a sparse file");
    default:
        return refuse(err, path, "is of a type that is not known");
    }
}

/* An extended header, or false. */
static enum status extension_read(struct tar_reader *reader, uint8_t type, struct bytes data,
                                  bool *is_extension, struct error *err)
{
    *is_extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!*is_extension)
        return STATUS_OK;
    if (data.size > EXTENDED_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "tar has an extended header above %d bytes",
                         EXTENDED_BYTES_MAX);
    if (type == 'x')
        return pax_read(reader, data, &reader->next, err);
    if (type == 'g') {
        TRY(pax_read(reader, data, &reader->global, err));
        if (reader->global.has_path || reader->global.has_size)
            return error_set(err, STATUS_UNSUPPORTED, "refused: tar names all its members alike");
    }
    if (type == 'L') {
        reader->next.has_path = true;
        reader->next.path = field(data.data, 0, data.size);
    }
    return STATUS_OK;
}

static enum status header_read(struct tar_reader *reader, const uint8_t *header, struct error *err)
{
    uint8_t type = header[TYPE_AT];
    bool is_extension, has_data = type != '5' && (type < '1' || type > '6');
    struct bytes data;
    uint64_t size;

    if (!checksum_is_right(header))
        return invalid(err, reader, "wrong checksum of a header");
    if (!number_read(header + SIZE_AT, SIZE_BYTES, &size))
        return invalid(err, reader, "size is not a number");
    if (reader->next.has_size && has_data)
        size = reader->next.size;
    data = cursor_take(&reader->cursor, has_data ? size : 0);
    cursor_skip(&reader->cursor, has_data ? (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK : 0);
    if (reader->cursor.failed)
        return invalid(err, reader, "a member ends outside the file");
    TRY(extension_read(reader, type, data, &is_extension, err));
    if (is_extension)
        return STATUS_OK;
    TRY(member_add(reader, header, data, err));
    reader->next = (struct extension){0};
    return STATUS_OK;
}

static bool is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* Only zeros may follow the block that ends the archive. */
static enum status end_check(struct tar_reader *reader, struct error *err)
{
    while (cursor_left(&reader->cursor) >= TAR_BLOCK) {
        reader->at = reader->cursor.offset;
        if (!is_zero(cursor_take(&reader->cursor, TAR_BLOCK).data))
            return invalid(err, reader, "bytes follow the end");
    }
    if (reader->next.has_path || reader->next.has_size)
        return invalid(err, reader, "an extended header describes nothing");
    return STATUS_OK;
}

enum status tar_list(struct bytes tar, struct entries *entries, struct error *err)
{
    struct tar_reader reader = {.cursor = cursor_over(tar), .entries = entries};

    while (cursor_left(&reader.cursor)) {
        struct bytes block;
        reader.at = reader.cursor.offset;
        block = cursor_take(&reader.cursor, TAR_BLOCK);
        if (!block.data)
            return invalid(err, &reader, "the last header is cut off");
        if (is_zero(block.data))
            return end_check(&reader, err);
        TRY(header_read(&reader, block.data, err));
    }
    reader.at = tar.size;
    return invalid(err, &reader, "no end of the archive, the file may be cut off");
}
