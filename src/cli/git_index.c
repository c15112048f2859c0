// SPDX-License-Identifier: Apache-2.0
/* Source: https://git-scm.com/docs/index-format,
 * https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. */
#include "cli/git_index.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { HEADER_BYTES = 12, FIXED_BYTES = 62, HASH_BYTES = 20, DEPTH_MAX = 64 };
enum { ASSUME_VALID = 0x8000, EXTENDED = 0x4000, STAGES = 0x3000 };
enum { SKIP_WORKTREE = 0x4000, INTENT_TO_ADD = 0x2000 };
enum { FILE_MODE = 0100644, PROGRAM_MODE = 0100755, LINK_MODE = 0120000 };

struct entry {
    uint32_t seconds, nanoseconds, mode, size; /* size of the file, not of the object */
    const uint8_t *hash;
    uint16_t flags, more;
    struct bytes path;
};

struct index {
    const char *top;
    struct entry *entries; /* sorted by path */
    size_t count;
    bool has_filters;
    struct arena *keep;
};

static uint32_t number_at(const uint8_t *place)
{
    uint32_t number;

    memcpy(&number, place, sizeof number);
    return be32toh(number);
}

static bool has_suffix(struct bytes path, const char *suffix)
{
    size_t size = strlen(suffix);

    return path.size >= size && !memcmp(path.data + path.size - size, suffix, size);
}

/* Of a file that stays below the top. */
static bool is_inside(struct bytes path)
{
    return path.size && path.size < PATH_MAX && path.data[0] != '/' &&
           path.data[path.size - 1] != '/' && !memmem(path.data, path.size, "../", 3) &&
           !has_suffix(path, "..");
}

/* At *at, which moves behind it. */
static bool read_entry(struct bytes file, size_t *at, struct entry *entry)
{
    const uint8_t *start = file.data + *at, *name, *end;
    size_t fixed = FIXED_BYTES;

    if (file.size - *at < FIXED_BYTES + 2)
        return false;
    entry->seconds = number_at(start + 8);
    entry->nanoseconds = number_at(start + 12);
    entry->mode = number_at(start + 24);
    entry->size = number_at(start + 36);
    entry->hash = start + 40;
    entry->flags = (uint16_t)(number_at(start + 60) >> 16);
    if (entry->flags & EXTENDED) {
        entry->more = (uint16_t)(number_at(start + 60) & 0xffff);
        fixed += 2;
    }
    name = start + fixed;
    end = memchr(name, 0, file.size - *at - fixed);
    if (!end)
        return false;
    entry->path = (struct bytes){name, (size_t)(end - name)};
    *at += (fixed + entry->path.size + 8) / 8 * 8;
    return *at <= file.size && is_inside(entry->path) &&
           (entry->mode == FILE_MODE || entry->mode == PROGRAM_MODE || entry->mode == LINK_MODE);
}

static bool read_index(struct bytes file, struct index *index)
{
    size_t at = HEADER_BYTES;
    uint32_t version;

    if (file.size < HEADER_BYTES + HASH_BYTES || memcmp(file.data, "DIRC", 4))
        return false;
    version = number_at(file.data + 4);
    index->count = number_at(file.data + 8);
    if ((version != 2 && version != 3) || index->count > file.size / FIXED_BYTES)
        return false;
    index->entries = arena_new(index->keep, struct entry, index->count + 1);
    if (!index->entries)
        return false;
    for (size_t i = 0; i < index->count; i++) {
        if (!read_entry(file, &at, &index->entries[i]))
            return false;
        index->has_filters |= has_suffix(index->entries[i].path, ".gitattributes");
    }
    /* An extension in small letters must be understood: the entries are not all there. */
    while (file.size - at >= HASH_BYTES + 8) {
        size_t size = number_at(file.data + at + 4);

        if (file.data[at] >= 'a' || size > file.size - at - 8 - HASH_BYTES)
            return false;
        at += 8 + size;
    }
    return true;
}

/* Of an object: SHA-1 of "KIND SIZE\0" and its bytes. */
static bool hash_object(const char *kind, struct bytes bytes, uint8_t hash[HASH_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct text header = {0};
    bool done;

    text_printf(&header, "%s %zu", kind, bytes.size);
    text_append_char(&header, 0);
    done = context && !header.failed && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
           EVP_DigestUpdate(context, header.data, header.size) == 1 &&
           EVP_DigestUpdate(context, bytes.data, bytes.size) == 1 &&
           EVP_DigestFinal_ex(context, hash, NULL) == 1;
    text_release(&header);
    EVP_MD_CTX_free(context);
    return done;
}

/* --- work tree against index --- */

static enum git_state content_state(const struct index *index, const struct entry *entry,
                                    const char *path, const struct stat *facts)
{
    struct file_map map = {0};
    struct error ignored;
    uint8_t hash[HASH_BYTES];
    bool hashed;

    if (S_ISLNK(facts->st_mode)) {
        char target[PATH_MAX];
        ssize_t size = readlink(path, target, sizeof target);

        hashed =
            size >= 0 && hash_object("blob", (struct bytes){(uint8_t *)target, (size_t)size}, hash);
    } else {
        if (file_map_open(&map, AT_FDCWD, path, true, &ignored))
            return GIT_UNKNOWN;
        hashed = hash_object("blob", map.bytes, hash);
        file_map_close(&map);
    }
    if (!hashed)
        return GIT_UNKNOWN;
    if (!memcmp(hash, entry->hash, HASH_BYTES))
        return GIT_CLEAN;
    return index->has_filters ? GIT_UNKNOWN : GIT_DIRTY;
}

/* `written`: when the index was; a file of that time or later may have changed since. */
static enum git_state entry_state(const struct index *index, const struct entry *entry,
                                  const struct timespec *written)
{
    struct stat facts;
    const char *path;
    uint32_t mode;

    if (entry->flags & STAGES || entry->more & INTENT_TO_ADD)
        return GIT_DIRTY;
    if (entry->flags & ASSUME_VALID || entry->more & SKIP_WORKTREE)
        return GIT_CLEAN;
    path = arena_printf(index->keep, "%s/%.*s", index->top, (int)entry->path.size,
                        (const char *)entry->path.data);
    if (!path)
        return GIT_UNKNOWN;
    if (lstat(path, &facts))
        return GIT_DIRTY;
    mode = facts.st_mode & 0100 ? PROGRAM_MODE : FILE_MODE;
    if (S_ISLNK(facts.st_mode))
        mode = LINK_MODE;
    else if (!S_ISREG(facts.st_mode))
        return GIT_DIRTY;
    if (mode != entry->mode)
        return GIT_DIRTY;
    if ((uint32_t)facts.st_size == entry->size && entry->seconds < (uint64_t)written->tv_sec &&
        (uint32_t)facts.st_mtim.tv_sec == entry->seconds &&
        (uint32_t)facts.st_mtim.tv_nsec == entry->nanoseconds)
        return GIT_CLEAN;
    return content_state(index, entry, path, &facts);
}

/* --- index against commit --- */

/* The tree of the entries from *at on that lie in the folder, whose name ends at `prefix`. */
static bool hash_tree(const struct index *index, size_t *at, size_t prefix, int depth,
                      uint8_t hash[HASH_BYTES])
{
    struct bytes folder = index->entries[*at].path;
    struct text tree = {0};
    bool done = depth < DEPTH_MAX;

    while (done && *at < index->count) {
        const struct entry *entry = &index->entries[*at];
        const uint8_t *name = entry->path.data + prefix, *slash;
        uint8_t below[HASH_BYTES];

        if (entry->path.size <= prefix || memcmp(entry->path.data, folder.data, prefix))
            break;
        slash = memchr(name, '/', entry->path.size - prefix);
        text_printf(&tree, "%o ", slash ? 040000u : entry->mode);
        text_append_bytes(&tree, (struct bytes){name, slash ? (size_t)(slash - name)
                                                            : entry->path.size - prefix});
        text_append_char(&tree, 0);
        if (slash)
            done = hash_tree(index, at, (size_t)(slash - entry->path.data) + 1, depth + 1, below);
        else
            *at += 1;
        text_append_bytes(&tree, (struct bytes){slash ? below : entry->hash, HASH_BYTES});
    }
    done = done && !tree.failed && hash_object("tree", text_bytes(&tree), hash);
    text_release(&tree);
    return done;
}

static enum git_state commit_state(const struct index *index, const char *tree)
{
    uint8_t hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    size_t at = 0;

    if (!tree || !index->count || !hash_tree(index, &at, 0, 0, hash) || at != index->count)
        return GIT_UNKNOWN;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    return memcmp(hex, tree, sizeof hex - 1) ? GIT_DIRTY : GIT_CLEAN;
}

enum git_state git_state(const char *top, struct bytes file, const struct timespec *written,
                         const char *tree, struct arena *keep)
{
    struct index index = {.top = top, .keep = keep};
    bool unknown = false;

    if (!read_index(file, &index))
        return GIT_UNKNOWN;
    for (size_t i = 0; i < index.count; i++) {
        enum git_state state = entry_state(&index, &index.entries[i], written);

        if (state == GIT_DIRTY)
            return GIT_DIRTY;
        unknown |= state == GIT_UNKNOWN;
    }
    switch (commit_state(&index, tree)) {
    case GIT_DIRTY:
        return GIT_DIRTY;
    case GIT_CLEAN:
        return unknown ? GIT_UNKNOWN : GIT_CLEAN;
    default:
        return GIT_UNKNOWN;
    }
}
