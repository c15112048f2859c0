// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

struct walk {
    struct entries *entries;
    char path[PATH_MAX]; /* of the present folder, with a '/' at the end unless it is the root */
    size_t size;
    size_t depth;
};

static enum status refuse(struct error *err, const struct walk *walk, const char *name,
                          const char *why)
{
    char folder[TEXT_QUOTE_SIZE], quoted[TEXT_QUOTE_SIZE];
    struct bytes path = {(const uint8_t *)walk->path, walk->size};

    return error_set(err, STATUS_UNSUPPORTED, "refused: member \"%s%s\" %s",
                     text_quote(path, folder, sizeof folder),
                     text_quote(bytes_of(name), quoted, sizeof quoted), why);
}

static enum status unreadable(struct error *err, const struct walk *walk, const char *name)
{
    int code = errno;

    (void)refuse(err, walk, name, strerror(code));
    err->status = code == ENOMEM || code == EMFILE || code == ENFILE ? STATUS_UNAVAILABLE
                                                                     : STATUS_INVALID_INPUT;
    return err->status;
}

static enum status walk_folder(struct walk *walk, int folder, struct error *err);

static enum status walk_into(struct walk *walk, int folder, const char *name, struct error *err)
{
    size_t before = walk->size;
    enum status status;
    int fd;

    if (walk->depth >= walk->entries->limits->depth)
        return error_set(err, STATUS_TOO_LARGE,
                         "folders are nested deeper than %zu (limit \"depth\")",
                         walk->entries->limits->depth);
    fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return unreadable(err, walk, name);
    walk->size += (size_t)snprintf(walk->path + before, sizeof walk->path - before, "%s/", name);
    walk->depth++;
    status = entries_add_folder(walk->entries,
                                (struct bytes){(const uint8_t *)walk->path, walk->size}, err);
    if (!status)
        status = walk_folder(walk, fd, err);
    close(fd);
    walk->depth--;
    walk->size = before;
    return status;
}

static enum status walk_entry(struct walk *walk, int folder, const char *name, struct error *err)
{
    char path[PATH_MAX];
    struct entry entry = {0};
    struct stat info;
    size_t size;

    if (walk->size + strlen(name) + 2 > sizeof path)
        return refuse(err, walk, name, "has a path that is too long");
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW))
        return unreadable(err, walk, name);
    if (S_ISDIR(info.st_mode))
        return walk_into(walk, folder, name, err);
    if (S_ISLNK(info.st_mode))
        return refuse(err, walk, name, "is a symbolic link");
    if (!S_ISREG(info.st_mode))
        return refuse(err, walk, name, "is not a regular file");
    memcpy(path, walk->path, walk->size);
    size = walk->size + strlen(name);
    memcpy(path + walk->size, name, strlen(name));
    entry.size = (uint64_t)info.st_size;
    entry.device = info.st_dev;
    entry.inode = info.st_ino;
    return entries_add(walk->entries, (struct bytes){(const uint8_t *)path, size}, &entry, err);
}

static enum status walk_folder(struct walk *walk, int folder, struct error *err)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    enum status status = STATUS_OK;
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return unreadable(err, walk, ".");
    }
    while (!status) {
        errno = 0;
        entry = readdir(stream);
        if (!entry) {
            if (errno)
                status = unreadable(err, walk, ".");
            break;
        }
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = walk_entry(walk, folder, entry->d_name, err);
    }
    closedir(stream);
    return status;
}

enum status folder_list(int root, struct entries *entries, struct error *err)
{
    struct walk walk = {.entries = entries};

    return walk_folder(&walk, root, err);
}

/* The folder that holds `path`, opened part by part so that no link is followed; -1 with errno. */
static int parent_open(int root, const char *path, const char **name)
{
    int folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char part[NAME_MAX + 1];
    const char *slash;

    while (folder >= 0 && (slash = strchr(path, '/'))) {
        int next = -1;
        if ((size_t)(slash - path) < sizeof part) {
            memcpy(part, path, (size_t)(slash - path));
            part[slash - path] = 0;
            next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        close(folder);
        folder = next;
        path = slash + 1;
    }
    *name = path;
    return folder;
}

enum status folder_map(int root, const struct entry *entry, struct file_map *map, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    const char *name;
    int folder = parent_open(root, entry->path, &name);
    enum status status;
    struct stat info;

    text_quote(bytes_of(entry->path), quoted, sizeof quoted);
    if (folder < 0)
        return error_set(err, STATUS_INVALID_INPUT, "member \"%s\" is gone", quoted);
    status = file_map_open(map, folder, name, false, err);
    if (status) {
        status = error_within(err, "member \"%s\"", quoted);
    } else if (map->bytes.size != entry->size ||
               fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) || info.st_ino != entry->inode ||
               info.st_dev != entry->device) {
        file_map_close(map);
        status =
            error_set(err, STATUS_INVALID_INPUT, "member \"%s\" changed while it was read", quoted);
    }
    close(folder);
    return status;
}
