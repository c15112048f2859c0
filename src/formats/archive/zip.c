// SPDX-License-Identifier: Apache-2.0
/* Zip, from APPNOTE.TXT 6.3.10:
 *
 *   local header, name, extra, data [, data descriptor]   for each member
 *   central directory header, name, extra, comment        for each member
 *   [zip64 end of central directory, its locator]
 *   end of central directory, comment                     at the end of the file
 *
 * Only what is unambiguous is read: the end record ends the file, local headers say what the
 * central directory says, and no two members share bytes. */
#include "formats/archive/zip.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/text.h"

enum {
    LOCAL_SIGNATURE = 0x04034B50,
    CENTRAL_SIGNATURE = 0x02014B50,
    END_SIGNATURE = 0x06054B50,
    END64_SIGNATURE = 0x06064B50,
    LOCATOR64_SIGNATURE = 0x07064B50,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    COMMENT_BYTES_MAX = 65535,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1 << 0,
    FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC follow the data; the local header may hold zeros */
    FLAG_PATCH = 1 << 5,
    FLAG_STRONG = 1 << 6,
    FLAG_MASKED = 1 << 13,
    HOST_UNIX = 3,
    HOST_DARWIN = 19,
};
#define SIZE_IN_ZIP64 0xFFFFFFFFu
#define COUNT_IN_ZIP64 0xFFFFu

struct end_record {
    uint64_t count, offset, size; /* of the central directory */
};

struct header {
    uint16_t made_by, flags, method;
    uint32_t crc, attributes;
    uint64_t packed, size, offset;
    struct bytes name, extra;
    size_t at; /* byte of the archive where the header begins */
};

/* The bytes a member takes, from its local header to the end of its data. */
struct range {
    uint64_t start, end;
};

static const struct {
    uint16_t method;
    enum compression compression;
} METHODS[] = {
    {0, COMPRESSION_NONE},  {8, COMPRESSION_DEFLATE}, {12, COMPRESSION_BZIP2},
    {93, COMPRESSION_ZSTD}, {95, COMPRESSION_XZ},
};

bool zip_is(struct bytes bytes)
{
    return bytes.size >= 4 &&
           (memcmp(bytes.data, "PK\3\4", 4) == 0 || memcmp(bytes.data, "PK\5\6", 4) == 0);
}

static struct bytes slice(struct bytes bytes, uint64_t offset, uint64_t size)
{
    if (!checked_range(offset, size, bytes.size))
        return (struct bytes){NULL, 0};
    return (struct bytes){bytes.data + offset, (size_t)size};
}

static enum status invalid(struct error *err, size_t at, const char *what)
{
    return error_at(err, at, STATUS_INVALID_INPUT, "broken zip: %s", what);
}

/* Where the end record begins: its comment must end with the file. */
static bool end_find(struct bytes zip, size_t *at)
{
    if (zip.size < END_BYTES)
        return false;
    for (size_t comment = 0; comment <= COMMENT_BYTES_MAX && comment + END_BYTES <= zip.size;
         comment++) {
        size_t start = zip.size - END_BYTES - comment;
        const uint8_t *record = zip.data + start;
        if (memcmp(record, "PK\5\6", 4) == 0 && (size_t)(record[20] | record[21] << 8) == comment) {
            *at = start;
            return true;
        }
    }
    return false;
}

/* The zip64 end record, when a locator stands before the end record at `at`. */
static enum status end64_read(struct bytes zip, size_t at, struct end_record *end, bool *found,
                              struct error *err)
{
    struct cursor cursor;
    uint64_t offset;

    *found = false;
    if (at < LOCATOR64_BYTES)
        return STATUS_OK;
    cursor = cursor_over(slice(zip, at - LOCATOR64_BYTES, LOCATOR64_BYTES));
    if (cursor_u32le(&cursor) != LOCATOR64_SIGNATURE)
        return STATUS_OK;
    cursor_skip(&cursor, 4);
    offset = cursor_u64le(&cursor);
    if (cursor_u32le(&cursor) > 1)
        return error_set(err, STATUS_UNSUPPORTED, "zip is split over several files");
    cursor = cursor_over(slice(zip, offset, END64_BYTES));
    if (cursor_u32le(&cursor) != END64_SIGNATURE)
        return invalid(err, at - LOCATOR64_BYTES, "no zip64 end record where its locator points");
    cursor_skip(&cursor, 8 + 2 + 2 + 4 + 4 + 8);
    end->count = cursor_u64le(&cursor);
    end->size = cursor_u64le(&cursor);
    end->offset = cursor_u64le(&cursor);
    TRY(cursor_check(&cursor, err));
    if (!checked_range(end->offset, end->size, offset))
        return invalid(err, (size_t)offset, "central directory lies outside the file");
    *found = true;
    return STATUS_OK;
}

static enum status end_read(struct bytes zip, struct end_record *end, struct error *err)
{
    struct cursor cursor;
    uint16_t disk, start_disk, disk_count;
    struct end_record plain;
    bool zip64;
    size_t at;

    if (!end_find(zip, &at))
        return invalid(err, zip.size, "no end of central directory, the file may be cut off");
    cursor = cursor_over(slice(zip, at + 4, END_BYTES - 4));
    disk = cursor_u16le(&cursor);
    start_disk = cursor_u16le(&cursor);
    disk_count = cursor_u16le(&cursor);
    plain.count = cursor_u16le(&cursor);
    plain.size = cursor_u32le(&cursor);
    plain.offset = cursor_u32le(&cursor);
    TRY(end64_read(zip, at, end, &zip64, err));
    if (zip64) {
        if ((plain.count != COUNT_IN_ZIP64 && plain.count != end->count) ||
            (plain.size != SIZE_IN_ZIP64 && plain.size != end->size) ||
            (plain.offset != SIZE_IN_ZIP64 && plain.offset != end->offset))
            return invalid(err, at, "the two end records differ");
        return STATUS_OK;
    }
    *end = plain;
    if (disk || start_disk || disk_count != plain.count)
        return error_set(err, STATUS_UNSUPPORTED, "zip is split over several files");
    if (!checked_range(end->offset, end->size, at))
        return invalid(err, at, "central directory lies outside the file");
    return STATUS_OK;
}

/* Replace the values that are all ones by those of the zip64 extra field, in its order. */
static enum status zip64_apply(struct header *header, bool local, struct error *err)
{
    struct cursor cursor = cursor_over(header->extra);
    bool needed = header->size == SIZE_IN_ZIP64 || header->packed == SIZE_IN_ZIP64 ||
                  (!local && header->offset == SIZE_IN_ZIP64);

    while (needed && cursor_left(&cursor) >= 4) {
        uint16_t id = cursor_u16le(&cursor);
        struct bytes field = cursor_take(&cursor, cursor_u16le(&cursor));
        struct cursor inner = cursor_over(field);
        if (id != EXTRA_ZIP64)
            continue;
        if (header->size == SIZE_IN_ZIP64)
            header->size = cursor_u64le(&inner);
        if (header->packed == SIZE_IN_ZIP64)
            header->packed = cursor_u64le(&inner);
        if (!local && header->offset == SIZE_IN_ZIP64)
            header->offset = cursor_u64le(&inner);
        if (inner.failed || cursor.failed)
            return invalid(err, header->at, "zip64 field is too short");
        return STATUS_OK;
    }
    return STATUS_OK;
}

/* The next header of the central directory. */
static enum status central_read(struct cursor *cursor, struct header *header, struct error *err)
{
    uint16_t name, extra, comment, disk;

    if (cursor_u32le(cursor) != CENTRAL_SIGNATURE)
        return invalid(err, header->at, "no central directory header");
    header->made_by = cursor_u16le(cursor);
    cursor_skip(cursor, 2);
    header->flags = cursor_u16le(cursor);
    header->method = cursor_u16le(cursor);
    cursor_skip(cursor, 4);
    header->crc = cursor_u32le(cursor);
    header->packed = cursor_u32le(cursor);
    header->size = cursor_u32le(cursor);
    name = cursor_u16le(cursor);
    extra = cursor_u16le(cursor);
    comment = cursor_u16le(cursor);
    disk = cursor_u16le(cursor);
    cursor_skip(cursor, 2);
    header->attributes = cursor_u32le(cursor);
    header->offset = cursor_u32le(cursor);
    header->name = cursor_take(cursor, name);
    header->extra = cursor_take(cursor, extra);
    cursor_skip(cursor, comment);
    if (cursor->failed)
        return invalid(err, header->at, "central directory ends early");
    if (disk != 0 && disk != COUNT_IN_ZIP64)
        return error_set(err, STATUS_UNSUPPORTED, "zip is split over several files");
    return zip64_apply(header, false, err);
}

/* Check the local header against the central one; gives where the data begins. */
static enum status local_check(struct bytes zip, const struct header *central, uint64_t *data,
                               struct error *err)
{
    struct header local = {.at = (size_t)central->offset};
    struct cursor cursor = cursor_over(slice(zip, central->offset, zip.size - central->offset));
    uint16_t name, extra;
    bool deferred;

    if (cursor_u32le(&cursor) != LOCAL_SIGNATURE)
        return invalid(err, local.at, "no local header");
    cursor_skip(&cursor, 2);
    local.flags = cursor_u16le(&cursor);
    local.method = cursor_u16le(&cursor);
    cursor_skip(&cursor, 4);
    local.crc = cursor_u32le(&cursor);
    local.packed = cursor_u32le(&cursor);
    local.size = cursor_u32le(&cursor);
    name = cursor_u16le(&cursor);
    extra = cursor_u16le(&cursor);
    local.name = cursor_take(&cursor, name);
    local.extra = cursor_take(&cursor, extra);
    if (cursor.failed)
        return invalid(err, local.at, "local header ends early");
    *data = central->offset + cursor.offset;
    TRY(zip64_apply(&local, true, err));
    if (!bytes_equal(local.name, central->name))
        return invalid(err, local.at, "local header has another name than the central directory");
    deferred = local.flags & FLAG_DESCRIPTOR;
    if (local.method != central->method ||
        (local.crc != central->crc && !(deferred && local.crc == 0)) ||
        (local.packed != central->packed && !(deferred && local.packed == 0)) ||
        (local.size != central->size && !(deferred && local.size == 0)))
        return invalid(err, local.at, "local header and central directory differ");
    return STATUS_OK;
}

static enum status refuse(struct error *err, const struct header *header, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED, "refused: member \"%s\" %s",
                     text_quote(header->name, quoted, sizeof quoted), why);
}

/* Links and devices, which only Unix writers can say. */
static enum status mode_check(const struct header *header, bool folder, struct error *err)
{
    unsigned host = header->made_by >> 8, type = header->attributes >> 16 & S_IFMT;

    if ((host != HOST_UNIX && host != HOST_DARWIN) || type == 0)
        return STATUS_OK;
    if (type == S_IFLNK)
        return refuse(err, header, "is a symbolic link");
    if (type != S_IFREG && type != S_IFDIR)
        return refuse(err, header, "is a device");
    if ((type == S_IFDIR) != folder)
        return refuse(err, header, "is a folder by its mode, but not by its name");
    return STATUS_OK;
}

static enum status compression_find(const struct header *header, enum compression *compression,
                                    struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (header->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        return refuse(err, header, "is encrypted");
    if (header->flags & FLAG_PATCH)
        return refuse(err, header, "is a patch");
    for (size_t i = 0; i < ARRAY_COUNT(METHODS); i++) {
        if (METHODS[i].method == header->method) {
            *compression = METHODS[i].compression;
            return STATUS_OK;
        }
    }
    return error_set(err, STATUS_UNSUPPORTED, "member \"%s\" is compressed by method %u",
                     text_quote(header->name, quoted, sizeof quoted), header->method);
}

static enum status member_add(struct bytes zip, const struct header *header,
                              struct entries *entries, struct range *range, struct error *err)
{
    bool folder = header->name.size && header->name.data[header->name.size - 1] == '/';
    struct entry entry = {.size = header->size, .has_crc = true, .crc = header->crc};
    uint64_t data = 0;

    TRY(mode_check(header, folder, err));
    TRY(compression_find(header, &entry.compression, err));
    if (header->offset > zip.size)
        return invalid(err, header->at, "a member begins outside the file");
    TRY(local_check(zip, header, &data, err));
    entry.packed = slice(zip, data, header->packed);
    if (!entry.packed.data)
        return invalid(err, header->at, "a member ends outside the file");
    *range = (struct range){header->offset, data + header->packed};
    if (folder && header->size)
        return invalid(err, header->at, "a folder has bytes");
    if (folder)
        return entries_add_folder(entries, header->name, err);
    if (entry.compression == COMPRESSION_NONE && entry.size != header->packed)
        return invalid(err, header->at, "a stored member has two sizes");
    return entries_add(entries, header->name, &entry, err);
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

/* Members that share bytes are how a small zip unpacks to more than any ratio. */
static enum status overlap_check(struct range *ranges, size_t count, uint64_t directory,
                                 struct error *err)
{
    if (count)
        qsort(ranges, count, sizeof *ranges, by_start);
    for (size_t i = 0; i < count; i++)
        if (ranges[i].end > (i + 1 < count ? ranges[i + 1].start : directory))
            return invalid(err, (size_t)ranges[i].start, "members overlap");
    return STATUS_OK;
}

enum status zip_list(struct bytes zip, struct entries *entries, struct arena *scratch,
                     struct error *err)
{
    struct end_record end = {0};
    struct cursor cursor;
    struct range *ranges;

    TRY(end_read(zip, &end, err));
    if (end.count > end.size / CENTRAL_BYTES)
        return invalid(err, (size_t)end.offset, "the central directory is too small for its count");
    if (end.count > entries->limits->members)
        return error_set(err, STATUS_TOO_LARGE,
                         "zip has %llu members, more than %zu (limit \"members\")",
                         (unsigned long long)end.count, entries->limits->members);
    ranges = arena_new(scratch, struct range, (size_t)end.count);
    if (!ranges)
        return error_no_memory(err, "members of a zip");
    cursor = cursor_over(slice(zip, end.offset, end.size));
    for (size_t i = 0; i < end.count; i++) {
        struct header header = {.at = (size_t)end.offset + cursor.offset};
        TRY(central_read(&cursor, &header, err));
        TRY(member_add(zip, &header, entries, &ranges[i], err));
    }
    if (cursor_left(&cursor))
        return invalid(err, (size_t)end.offset + cursor.offset,
                       "the central directory holds more than its count");
    return overlap_check(ranges, (size_t)end.count, end.offset, err);
}
