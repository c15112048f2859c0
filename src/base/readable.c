// SPDX-License-Identifier: Apache-2.0
#include "base/readable.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

static struct folder {
    int fd;
    char path[PATH_MAX]; /* without links */
} folders[READABLE_FOLDERS_MAX];
static size_t folder_count;

enum status readable_allow(const char *folder, struct error *err)
{
    struct folder *at = &folders[folder_count];
    char quoted[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(folder), quoted, sizeof quoted);
    if (folder_count == READABLE_FOLDERS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d folders", READABLE_FOLDERS_MAX);
    if (!realpath(folder, at->path))
        return error_set(err, STATUS_NOT_FOUND, "there is no folder \"%s\"", quoted);
    at->fd = open(at->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at->fd < 0)
        return error_set(err, STATUS_NOT_FOUND, "\"%s\" is no folder", quoted);
    folder_count++;
    return STATUS_OK;
}

void readable_forget(void)
{
    while (folder_count)
        close(folders[--folder_count].fd);
}

/* What of a whole path lies below the folder; a path without a root as it is; else NULL. */
static const char *below(const struct folder *folder, const char *path)
{
    size_t size = strlen(folder->path);

    if (path[0] != '/')
        return path;
    if (strncmp(path, folder->path, size) != 0 || (size > 1 && path[size] != '/'))
        return NULL;
    while (path[size] == '/')
        size++;
    return path + size;
}

static int open_below(const struct folder *folder, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    struct stat facts;
    int fd = (int)syscall(SYS_openat2, folder->fd, path, &how, sizeof how);

    if (fd >= 0 && (fstat(fd, &facts) || !S_ISREG(facts.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

enum status readable_file(struct bytes path, size_t limit, struct bytes *content,
                          struct arena *keep, struct error *err)
{
    char name[PATH_MAX], quoted[TEXT_QUOTE_SIZE];
    enum status status;
    int fd = -1;

    if (!folder_count) {
        if (error_set(err, STATUS_UNSUPPORTED, "this server reads no files for its clients"))
            error_fix(err, "send what the file holds; or serve with --readable DIR");
        return err->status;
    }
    text_quote(path, quoted, sizeof quoted);
    if (path.size && path.size < sizeof name && !memchr(path.data, 0, path.size)) {
        memcpy(name, path.data, path.size);
        name[path.size] = 0;
        for (size_t i = 0; i < folder_count && fd < 0; i++) {
            const char *rest = below(&folders[i], name);

            if (rest && *rest)
                fd = open_below(&folders[i], rest);
        }
    }
    if (fd < 0) {
        if (error_set(err, STATUS_INVALID_INPUT,
                      "there is no file \"%s\" below the folders that this server reads", quoted))
            error_fix(err, "name a file in one of them; links are not followed");
        return err->status;
    }
    status = file_read_all(fd, limit, content, keep, err);
    close(fd);
    return status;
}
