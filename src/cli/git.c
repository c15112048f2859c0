// SPDX-License-Identifier: Apache-2.0
/* Source: https://git-scm.com/docs/gitrepository-layout,
 * https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. */
#include "cli/git.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/git_index.h"
#include "formats/compression/compression.h"
#include "formats/json/json.h"

enum { LINE_MAX_BYTES = 4096, REFS_BYTES_MAX = 64 << 20, COMMIT_BYTES_MAX = 1 << 20 };
enum { INDEX_BYTES_MAX = 64 << 20 };
enum { SHA1_DIGITS = 40, SHA256_DIGITS = 64 };

struct checkout {
    const char *top;             /* folder of the work tree */
    const char *folder, *common; /* of this checkout; what all of one repository share */
    struct arena *keep;
};

/* A small file; empty when there is none. */
static struct bytes read_file(const char *path, size_t limit, struct arena *keep)
{
    struct bytes bytes = {(const uint8_t *)"", 0};
    struct error ignored;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;

    if (fd < 0)
        return bytes;
    if (file_read_all(fd, limit, &bytes, keep, &ignored))
        bytes = (struct bytes){(const uint8_t *)"", 0};
    close(fd);
    return bytes;
}

/* Its first line. */
static const char *read_line(const char *path, struct arena *keep)
{
    struct bytes bytes = read_file(path, LINE_MAX_BYTES, keep);
    const uint8_t *end = memchr(bytes.data, '\n', bytes.size);

    if (end)
        bytes.size = (size_t)(end - bytes.data);
    return memchr(bytes.data, 0, bytes.size) ? NULL : arena_text(keep, bytes);
}

static const char *beside(const char *folder, const char *path, struct arena *keep)
{
    return path[0] == '/' ? path : arena_printf(keep, "%s/%s", folder, path);
}

/* In a linked checkout .git is a file that names the folder. */
static bool open_checkout(const char *folder, const char *git, bool is_folder,
                          struct checkout *checkout)
{
    const char *line = is_folder ? NULL : read_line(git, checkout->keep);

    checkout->top = arena_text(checkout->keep, bytes_of(folder));
    checkout->folder = git;
    if (line && !strncmp(line, "gitdir: ", 8))
        checkout->folder = beside(folder, line + 8, checkout->keep);
    if (!checkout->folder || !checkout->top)
        return false;
    line =
        read_line(arena_printf(checkout->keep, "%s/commondir", checkout->folder), checkout->keep);
    checkout->common =
        line && *line ? beside(checkout->folder, line, checkout->keep) : checkout->folder;
    return checkout->common != NULL;
}

/* The .git of the path or of a folder above it. */
static bool find(const char *path, struct checkout *checkout)
{
    char folder[PATH_MAX];
    struct stat facts;

    if (!realpath(path, folder))
        return false;
    for (char *end = folder + strlen(folder); end; end = strrchr(folder, '/')) {
        const char *git;

        *end = 0;
        git = arena_printf(checkout->keep, "%s/.git", folder);
        if (git && !stat(git, &facts))
            return open_checkout(folder, git, S_ISDIR(facts.st_mode), checkout);
    }
    return false;
}

static bool is_hash(const char *text)
{
    size_t size = text ? strlen(text) : 0;

    return (size == SHA1_DIGITS || size == SHA256_DIGITS) &&
           strspn(text, "0123456789abcdef") == size;
}

/* In packed-refs: "HASH NAME" a line. */
static const char *packed(const struct checkout *checkout, const char *name)
{
    struct bytes all = read_file(arena_printf(checkout->keep, "%s/packed-refs", checkout->common),
                                 REFS_BYTES_MAX, checkout->keep);
    size_t size = strlen(name);

    for (size_t at = 0; at < all.size;) {
        const char *line = (const char *)all.data + at;
        const char *end = memchr(line, '\n', all.size - at);
        size_t length = end ? (size_t)(end - line) : all.size - at;

        if (length > size + 1 && line[length - size - 1] == ' ' &&
            !memcmp(line + length - size, name, size))
            return arena_text(checkout->keep,
                              (struct bytes){(const uint8_t *)line, length - size - 1});
        at += length + 1;
    }
    return NULL;
}

static const char *resolve(const struct checkout *checkout, const char *name)
{
    const char *hash;

    if (strncmp(name, "refs/", 5) || strstr(name, ".."))
        return NULL;
    hash = read_line(arena_printf(checkout->keep, "%s/%s", checkout->folder, name), checkout->keep);
    if (!is_hash(hash))
        hash = read_line(arena_printf(checkout->keep, "%s/%s", checkout->common, name),
                         checkout->keep);
    return is_hash(hash) ? hash : packed(checkout, name);
}

/* --- the commit --- */

static void pair(struct text *json, const char *key, struct bytes value)
{
    text_append(json, json->size ? "," : "{");
    json_write_key(json, key);
    json_write_string(json, value);
}

/* "author NAME <EMAIL> SECONDS ZONE" */
static void author(struct bytes line, struct text *json)
{
    const uint8_t *open = memchr(line.data, '<', line.size);
    const uint8_t *close = open ? memchr(open, '>', line.size - (size_t)(open - line.data)) : NULL;
    const uint8_t *end = line.data + line.size;
    struct bytes seconds;
    int64_t number;
    struct tm parts;
    time_t when;
    char date[32];

    if (!close || open == line.data)
        return;
    pair(json, "git.branch.head.author.name",
         (struct bytes){line.data, (size_t)(open - line.data) - 1});
    pair(json, "git.branch.head.author.email",
         (struct bytes){open + 1, (size_t)(close - open) - 1});
    seconds.data = close + 2 < end ? close + 2 : end;
    seconds.size = 0;
    while (seconds.data + seconds.size < end && seconds.data[seconds.size] != ' ')
        seconds.size++;
    if (!number_i64_from_text(seconds, &number))
        return;
    when = (time_t)number;
    if (gmtime_r(&when, &parts) && strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts))
        pair(json, "git.branch.head.date", bytes_of(date));
}

/* One that lies in a file of its own. Its tree, or NULL. */
static const char *commit(const struct checkout *checkout, const char *hash, struct text *json)
{
    struct bytes file = read_file(
        arena_printf(checkout->keep, "%s/objects/%.2s/%s", checkout->common, hash, hash + 2),
        COMMIT_BYTES_MAX, checkout->keep);
    struct bytes content;
    struct error ignored;
    const uint8_t *header;
    const char *tree = NULL;

    if (!file.size || decompress(COMPRESSION_ZLIB, file, COMMIT_BYTES_MAX, 1000, &content,
                                 checkout->keep, &ignored))
        return NULL;
    header = memchr(content.data, 0, content.size); /* "commit SIZE" */
    for (size_t at = header ? (size_t)(header - content.data) + 1 : 0; at < content.size;) {
        const uint8_t *line = content.data + at;
        const uint8_t *end = memchr(line, '\n', content.size - at);
        size_t length = end ? (size_t)(end - line) : content.size - at;

        if (!length) /* the message */
            break;
        if (length == 5 + SHA1_DIGITS && !memcmp(line, "tree ", 5))
            tree = arena_text(checkout->keep, (struct bytes){line + 5, SHA1_DIGITS});
        if (length > 7 && !memcmp(line, "author ", 7)) {
            author((struct bytes){line + 7, length - 7}, json);
            break;
        }
        at += length + 1;
    }
    return tree;
}

/* `tree`: of the head, or NULL. */
static void changes(const struct checkout *checkout, const char *tree, struct text *json)
{
    const char *path = arena_printf(checkout->keep, "%s/index", checkout->folder);
    enum git_state state;
    struct stat facts;

    if (!path || stat(path, &facts) || !S_ISREG(facts.st_mode))
        return;
    state = git_state(checkout->top, read_file(path, INDEX_BYTES_MAX, checkout->keep),
                      &facts.st_mtim, tree, checkout->keep);
    if (state != GIT_UNKNOWN)
        pair(json, "git.is-dirty", bytes_of(state == GIT_DIRTY ? "true" : "false"));
}

struct bytes git_facts(const char *path, struct arena *keep)
{
    struct checkout checkout = {.keep = keep};
    struct bytes facts = {(const uint8_t *)"", 0};
    struct text json = {0};
    const char *head, *hash, *copy;

    if (!path || !find(path, &checkout))
        return facts;
    head = read_line(arena_printf(keep, "%s/HEAD", checkout.folder), keep);
    if (!head)
        return facts;
    hash = strncmp(head, "ref: ", 5) ? head : resolve(&checkout, head + 5);
    if (!strncmp(head, "ref: refs/heads/", 16))
        pair(&json, "git.branch", bytes_of(head + 16));
    if (is_hash(hash)) {
        pair(&json, "git.branch.head.sha", bytes_of(hash));
        if (strlen(hash) == SHA1_DIGITS)
            changes(&checkout, commit(&checkout, hash, &json), &json);
        else
            commit(&checkout, hash, &json);
    }
    if (json.size)
        text_append(&json, "}");
    copy = json.size && !json.failed ? arena_text(keep, text_bytes(&json)) : NULL;
    if (copy)
        facts = bytes_of(copy);
    text_release(&json);
    return facts;
}
