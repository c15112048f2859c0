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

struct tar_reader {
    struct cursor cursor;
    size_t at; /* byte where the present header begins */
    struct tar_extension next;
    struct entries *entries;
    char name[TAR_NAME_SIZE];
};

bool tar_is(struct bytes bytes)
{
    return bytes.size >= TAR_BLOCK && bytes.data[0] && tar_checksum_is_right(bytes.data);
}

static enum status invalid(struct error *err, const struct tar_reader *reader, const char *what)
{
    return error_at(err, reader->at, STATUS_INVALID_INPUT, "broken tar: %s", what);
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
    struct bytes path = tar_path(header, &reader->next, reader->name);

    switch (tar_type(header)) {
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

static enum status header_read(struct tar_reader *reader, const uint8_t *header, struct error *err)
{
    char type = tar_type(header);
    bool has_data = tar_type_has_data(type);
    struct bytes data;
    uint64_t size;

    if (!tar_checksum_is_right(header))
        return invalid(err, reader, "wrong checksum of a header");
    if (!tar_size(header, &size))
        return invalid(err, reader, "size is not a number");
    if (reader->next.has_size && has_data)
        size = reader->next.size;
    data = cursor_take(&reader->cursor, has_data ? size : 0);
    cursor_skip(&reader->cursor, has_data ? (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK : 0);
    if (reader->cursor.failed)
        return invalid(err, reader, "a member ends outside the file");
    if (tar_type_is_extension(type))
        return tar_extend(type, data, reader->at, &reader->next, err);
    TRY(member_add(reader, header, data, err));
    reader->next = (struct tar_extension){0};
    return STATUS_OK;
}

/* Only zeros may follow the block that ends the archive. */
static enum status end_check(struct tar_reader *reader, struct error *err)
{
    while (cursor_left(&reader->cursor) >= TAR_BLOCK) {
        reader->at = reader->cursor.offset;
        if (!tar_is_zero(cursor_take(&reader->cursor, TAR_BLOCK).data))
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
        if (tar_is_zero(block.data))
            return end_check(&reader, err);
        TRY(header_read(&reader, block.data, err));
    }
    reader.at = tar.size;
    return invalid(err, &reader, "no end of the archive, the file may be cut off");
}
