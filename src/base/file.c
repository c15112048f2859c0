// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status system_error(struct error *err, const char *what, const char *path)
{
    char quoted[256];
    enum status status =
        errno == ENOENT || errno == ENOTDIR  ? STATUS_NOT_FOUND
        : errno == ENOSPC || errno == EDQUOT ? STATUS_UNAVAILABLE
        : errno == EACCES || errno == EPERM || errno == ELOOP || errno == ENAMETOOLONG
            ? STATUS_INVALID_INPUT
            : STATUS_INTERNAL;

    snprintf(quoted, sizeof quoted, "%s", path);
    return error_set(err, status, "cannot %s \"%s\": %s", what, quoted, strerror(errno));
}

enum status file_map_open(struct file_map *map, int directory, const char *path, bool follow,
                          struct error *err)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
    int fd = openat(directory, path, flags);
    enum status status = STATUS_OK;
    struct stat info;
    void *memory;

    *map = (struct file_map){{NULL, 0}};
    if (fd < 0)
        return system_error(err, "open", path);
    if (fstat(fd, &info)) {
        status = system_error(err, "read", path);
        goto done;
    }
    if (!S_ISREG(info.st_mode)) {
        status = error_set(err, STATUS_INVALID_INPUT, "\"%s\" is not a regular file", path);
        goto done;
    }
    if (info.st_size == 0) {
        map->bytes.data = (const uint8_t *)"";
        goto done;
    }
    memory = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
        status = system_error(err, "map", path);
        goto done;
    }
    map->bytes = (struct bytes){memory, (size_t)info.st_size};
done:
    close(fd);
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->bytes.size)
        munmap((void *)(uintptr_t)map->bytes.data, map->bytes.size);
    *map = (struct file_map){{NULL, 0}};
}

bool file_write_all(int fd, struct bytes bytes)
{
    while (bytes.size) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return true;
}

enum status file_sync_folder(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = STATUS_OK;

    if (fd < 0)
        return system_error(err, "open folder", path);
    if (fsync(fd))
        status = system_error(err, "sync folder", path);
    close(fd);
    return status;
}

enum status file_replace(const char *path, struct bytes bytes, struct error *err)
{
    char temporary[4096], folder[4096];
    const char *slash = strrchr(path, '/');
    int fd;

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >=
        sizeof temporary)
        return error_set(err, STATUS_INVALID_INPUT, "path is too long: %.64s...", path);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (!folder[0])
        snprintf(folder, sizeof folder, "/");
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return system_error(err, "create", temporary);
    if (!file_write_all(fd, bytes) || fsync(fd)) {
        enum status status = system_error(err, "write", temporary);
        close(fd);
        unlink(temporary);
        return status;
    }
    close(fd);
    if (rename(temporary, path)) {
        enum status status = system_error(err, "rename to", path);
        unlink(temporary);
        return status;
    }
    return file_sync_folder(folder, err);
}

enum status file_write_public(const char *path, const struct bytes *pieces, size_t count,
                              bool durable, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool done = fd >= 0;

    for (size_t i = 0; done && i < count; i++)
        done = file_write_all(fd, pieces[i]);
    done = done && !fchmod(fd, 0644) && (!durable || !fsync(fd));
    if (!done)
        (void)!error_set(err, STATUS_UNAVAILABLE, "cannot write \"%.300s\": %s", path,
                         strerror(errno));
    if (fd >= 0)
        close(fd);
    return done ? STATUS_OK : err->status;
}

enum status file_make_public_folders(char *path, size_t from, struct error *err)
{
    for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        bool made;

        *slash = 0;
        made = (!mkdir(path, 0755) || errno == EEXIST) && !chmod(path, 0755);
        *slash = '/';
        if (!made)
            return error_set(err, STATUS_UNAVAILABLE, "cannot make folders of \"%.300s\": %s", path,
                             strerror(errno));
    }
    return STATUS_OK;
}

enum status file_make_folders(const char *path, struct error *err)
{
    char partial[4096];
    size_t size = strlen(path);

    if (size >= sizeof partial)
        return error_set(err, STATUS_INVALID_INPUT, "path is too long: %.64s...", path);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(partial, path, i);
        partial[i] = 0;
        if (mkdir(partial, 0777) && errno != EEXIST)
            return system_error(err, "make folder", partial);
    }
    return STATUS_OK;
}

static enum status remove_at(int folder, const char *name, int depth, struct error *err)
{
    enum status status = STATUS_OK;
    struct dirent *entry;
    DIR *stream;
    int fd;

    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return STATUS_OK;
    if (errno != EISDIR && errno != EPERM)
        return system_error(err, "remove", name);
    if (depth > 256)
        return error_set(err, STATUS_TOO_LARGE, "folders are nested deeper than 256");
    fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return system_error(err, "open folder", name);
    stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return error_no_memory(err, "a folder's list");
    }
    while (!status && (entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = remove_at(fd, entry->d_name, depth + 1, err);
    closedir(stream);
    if (!status && unlinkat(folder, name, AT_REMOVEDIR) && errno != ENOENT)
        status = system_error(err, "remove folder", name);
    return status;
}

enum status file_remove_tree(const char *path, struct error *err)
{
    return remove_at(AT_FDCWD, path, 0, err);
}

enum status file_read_all(int fd, size_t limit, struct bytes *bytes, struct arena *keep,
                          struct error *err)
{
    size_t capacity = 64 << 10, size = 0;
    char *buffer = malloc(capacity);
    enum status status = STATUS_OK;
    char *copy;

    while (buffer) {
        ssize_t got;
        if (size == capacity) {
            char *grown = realloc(buffer, capacity *= 2);
            if (!grown)
                break;
            buffer = grown;
        }
        got = read(fd, buffer + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = system_error(err, "read", "standard input");
        if (got <= 0)
            goto done;
        size += (size_t)got;
        if (size > limit) {
            status = error_set(err, STATUS_TOO_LARGE, "input is larger than %zu bytes", limit);
            goto done;
        }
    }
    status = error_no_memory(err, "input");
done:
    if (!status) {
        copy = arena_text(keep, (struct bytes){(const uint8_t *)buffer, size});
        if (copy)
            *bytes = (struct bytes){(const uint8_t *)copy, size};
        else
            status = error_no_memory(err, "input");
    }
    free(buffer);
    return status;
}
