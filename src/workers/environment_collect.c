// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "workers/environment.h"

enum { NAME_SIZE = 64, REST_SECONDS = 3600, DEPTH_MAX = 256 };

struct collected {
    const char *folder; /* without links */
    uint64_t *files, *bytes;
};

/* "HEX" or "HEX.building" or "HEX.scratch": what is behind HEX; NULL: something else */
static const char *rest_of(const char *entry)
{
    return strspn(entry, "0123456789abcdef") == NAME_SIZE ? entry + NAME_SIZE : NULL;
}

/* A worker's first argument is the Python of its environment. */
static bool is_run(const char *path)
{
    DIR *stream = opendir("/proc");
    size_t size = strlen(path);
    struct dirent *entry;
    bool found = !stream; /* then nobody knows */

    while (!found && stream && (entry = readdir(stream))) {
        char line[PATH_MAX + 64], name[300];
        FILE *file;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        snprintf(name, sizeof name, "/proc/%s/cmdline", entry->d_name);
        file = fopen(name, "re");
        if (!file)
            continue;
        line[fread(line, 1, sizeof line - 1, file)] = 0;
        found = !strncmp(line, path, size) && line[size] == '/';
        fclose(file);
    }
    if (stream)
        closedir(stream);
    return found;
}

/* Takes `fd`. */
static void count(struct collected *collected, int fd, int depth)
{
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat about;

    if (!stream && fd >= 0)
        close(fd);
    while (stream && depth < DEPTH_MAX && (entry = readdir(stream))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISDIR(about.st_mode)) {
            count(collected,
                  openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                  depth + 1);
        } else {
            ++*collected->files;
            *collected->bytes += (uint64_t)about.st_size;
        }
    }
    if (stream)
        closedir(stream);
}

static enum status remove_counted(struct collected *collected, const char *path, struct error *err)
{
    count(collected, open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0);
    return file_remove_tree(path, err);
}

/* Under its lock: nobody builds it. What is removed has no longer its name, so that a kill on the
 * way leaves no half environment. */
static enum status remove_locked(struct collected *collected, const char *entry, struct error *err)
{
    char path[PATH_MAX], building[PATH_MAX];
    struct stat about;

    snprintf(path, sizeof path, "%s/%.100s", collected->folder, entry);
    if (*rest_of(entry))
        return remove_counted(collected, path, err);
    snprintf(building, sizeof building, "%s/%.100s.building", collected->folder, entry);
    if (stat(path, &about) || time(NULL) - about.st_mtime < REST_SECONDS || is_run(path))
        return STATUS_OK;
    TRY(file_remove_tree(building, err));
    if (rename(path, building))
        return error_set(err, STATUS_INTERNAL, "cannot rename \"%s\": %s", path, strerror(errno));
    return remove_counted(collected, building, err);
}

static enum status visit(struct collected *collected, const char *entry, struct error *err)
{
    char path[PATH_MAX];
    enum status status = STATUS_OK;
    int lock;

    snprintf(path, sizeof path, "%s/%.64s.lock", collected->folder, entry);
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_set(err, STATUS_INTERNAL, "cannot open \"%s\": %s", path, strerror(errno));
    if (!flock(lock, LOCK_EX | LOCK_NB))
        status = remove_locked(collected, entry, err);
    close(lock);
    return status;
}

enum status environment_collect(const char *folder,
                                bool (*is_wanted)(const void *context, const char *name),
                                const void *context, uint64_t *files, uint64_t *bytes,
                                struct error *err)
{
    char *real = realpath(folder, NULL);
    DIR *stream = real && strlen(real) + 200 < PATH_MAX ? opendir(real) : NULL;
    struct collected collected = {real, files, bytes};
    enum status status = STATUS_OK;
    struct dirent *entry;

    while (!status && stream && (entry = readdir(stream))) {
        const char *rest = rest_of(entry->d_name);

        if (rest && (!strcmp(rest, ".building") || !strcmp(rest, ".scratch") ||
                     (!*rest && !is_wanted(context, entry->d_name))))
            status = visit(&collected, entry->d_name, err);
    }
    if (stream)
        closedir(stream);
    free(real);
    return status;
}
