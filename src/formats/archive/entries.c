// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/entries.h"

#include <stdlib.h>

#include "base/text.h"

enum {
    PATH_BYTES_MAX = 4096, /* as PATH_MAX: a longer one cannot be written anywhere */
    RATIO_FREE_BYTES = 1 << 20,
};

static enum status refuse(struct error *err, struct bytes path, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_UNSUPPORTED, "refused: member \"%s\" %s",
                     text_quote(path, quoted, sizeof quoted), why);
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One part between slashes. */
static enum status part_check(struct bytes path, struct bytes part, struct error *err)
{
    if (part.size == 0)
        return refuse(err, path, "has an empty part in its path");
    if (bytes_is(part, ".."))
        return refuse(err, path, "leaves the root");
    if (bytes_is(part, "."))
        return refuse(err, path, "has a \".\" in its path");
    return STATUS_OK;
}

enum status entry_path_check(struct bytes *path, const struct artifact_limits *limits,
                             struct error *err)
{
    struct bytes whole = *path, rest = *path;
    size_t depth = 0, start = 0;

    if (whole.size > PATH_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a member's path is longer than %d bytes",
                         PATH_BYTES_MAX);
    if (whole.size && whole.data[0] == '/')
        return refuse(err, whole, "leaves the root");
    if (whole.size && memchr(whole.data, '\\', whole.size))
        return refuse(err, whole, "has a backslash in its path: it may leave the root");
    if (whole.size && memchr(whole.data, 0, whole.size))
        return refuse(err, whole, "has a zero byte in its path");
    if (whole.size >= 2 && is_letter(whole.data[0]) && whole.data[1] == ':')
        return refuse(err, whole, "leaves the root: it names a drive");
    if (!text_is_utf8(whole))
        return refuse(err, whole, "has a path that is not UTF-8");
    while (rest.size >= 2 && rest.data[0] == '.' && rest.data[1] == '/')
        rest = (struct bytes){rest.data + 2, rest.size - 2};
    if (rest.size && rest.data[rest.size - 1] == '/')
        rest.size--;
    if (bytes_is(rest, "."))
        rest.size = 0;
    for (size_t i = 0; rest.size && i <= rest.size; i++) {
        if (i < rest.size && rest.data[i] != '/')
            continue;
        TRY(part_check(whole, (struct bytes){rest.data + start, i - start}, err));
        start = i + 1;
        depth++;
    }
    if (depth > limits->depth + 1)
        return error_set(err, STATUS_TOO_LARGE,
                         "folders are nested deeper than %zu (limit \"depth\")", limits->depth);
    *path = rest;
    return STATUS_OK;
}

static enum status count_one(struct entries *entries, struct error *err)
{
    if (++entries->seen > entries->limits->members)
        return error_set(err, STATUS_TOO_LARGE,
                         "there are more than %zu members (limit \"members\")",
                         entries->limits->members);
    return STATUS_OK;
}

enum status entries_add_folder(struct entries *entries, struct bytes path, struct error *err)
{
    TRY(count_one(entries, err));
    return entry_path_check(&path, entries->limits, err);
}

static enum status limits_check(struct entries *entries, const struct entry *entry,
                                struct bytes path, struct error *err)
{
    const struct artifact_limits *limits = entries->limits;
    char quoted[TEXT_QUOTE_SIZE];

    text_quote(path, quoted, sizeof quoted);
    if (entry->size > limits->bytes - entries->bytes)
        return error_set(err, STATUS_TOO_LARGE,
                         "members are larger than %llu bytes together (limit \"bytes\"), at \"%s\"",
                         (unsigned long long)limits->bytes, quoted);
    entries->bytes += entry->size;
    if (entry->compression == COMPRESSION_NONE)
        return STATUS_OK;
    if (entry->size > limits->unpacked - entries->unpacked)
        return error_set(err, STATUS_TOO_LARGE,
                         "members unpack to more than %llu bytes (limit \"unpacked\"), at \"%s\"",
                         (unsigned long long)limits->unpacked, quoted);
    entries->unpacked += entry->size;
    if (entry->size > RATIO_FREE_BYTES && entry->size / limits->ratio > entry->packed.size)
        return error_set(err, STATUS_TOO_LARGE,
                         "member \"%s\" unpacks to more than %u times its size (limit \"ratio\")",
                         quoted, limits->ratio);
    return STATUS_OK;
}

enum status entries_add(struct entries *entries, struct bytes path, const struct entry *entry,
                        struct error *err)
{
    struct bytes clean = path;
    struct entry *slot;

    TRY(count_one(entries, err));
    TRY(entry_path_check(&clean, entries->limits, err));
    if (clean.size == 0 || path.data[path.size - 1] == '/')
        return refuse(err, path, "is a file without a name");
    TRY(limits_check(entries, entry, clean, err));
    if (entries->count == entries->capacity) {
        size_t capacity = entries->capacity ? entries->capacity * 2 : 16;
        struct entry *items = arena_new(entries->arena, struct entry, capacity);
        if (!items)
            return error_no_memory(err, "members");
        if (entries->count)
            memcpy(items, entries->items, entries->count * sizeof *items);
        entries->items = items;
        entries->capacity = capacity;
    }
    slot = &entries->items[entries->count];
    *slot = *entry;
    slot->path = arena_text(entries->arena, clean);
    if (!slot->path)
        return error_no_memory(err, "a member's path");
    entries->count++;
    return STATUS_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* Is one of the entries, before `end`, the file `path[0..size)`? */
static bool has_file(const struct entries *entries, size_t end, const char *path, size_t size)
{
    size_t low = 0;

    while (low < end) {
        size_t middle = low + (end - low) / 2;
        const char *other = entries->items[middle].path;
        int order = strncmp(other, path, size);
        if (order == 0 && other[size] == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return false;
}

enum status entries_finish(struct entries *entries, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (entries->count)
        qsort(entries->items, entries->count, sizeof *entries->items, by_path);
    for (size_t i = 0; i < entries->count; i++) {
        const char *path = entries->items[i].path;
        if (i && strcmp(path, entries->items[i - 1].path) == 0)
            return error_set(err, STATUS_INVALID_INPUT, "member \"%s\" is there twice",
                             text_quote(bytes_of(path), quoted, sizeof quoted));
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
            if (has_file(entries, i, path, (size_t)(slash - path)))
                return error_set(err, STATUS_INVALID_INPUT,
                                 "member \"%s\" lies below a member that is a file",
                                 text_quote(bytes_of(path), quoted, sizeof quoted));
    }
    return STATUS_OK;
}
