// SPDX-License-Identifier: Apache-2.0
#include "workers/install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "workers/process.h"
#include "workers/sandbox.h"

enum {
    VARIABLES_MAX = 256,
    READABLE_MAX = 64,
    DEPTH_MAX = 200,     /* of folders; file_remove_tree has 256 */
    FILES_MAX = 1000000, /* in environment and scratch folder */
    LOOK_MS = 500,       /* between looks at the disk, and ten times what one takes */
    CONFIG_BYTES_MAX = 64 << 10,
    REMOVE_MS = 600000,
};

static const uint64_t RESERVE_BYTES = 1 << 30; /* of the disk: stays free, or a 64th of it */

static struct sandbox_request request_of(const struct install *install)
{
    return (struct sandbox_request){.number = install->number, .sandbox = install->limits.sandbox};
}

/* --- what it sees --- */

static void readable_add(struct install *install, const char *path)
{
    size_t count = 0;

    while (install->readable[count])
        count++;
    if (count < READABLE_MAX && path && path[0] == '/' && path[1] && !access(path, F_OK))
        install->readable[count] = path;
}

/* Paths in a text of pip's configuration: words that begin with "/" or "file:///". The pages of a
 * folder "simple" point to files beside it. */
static void readable_of(struct install *install, const char *text)
{
    static const char SEPARATORS[] = " \t\r\n=,'\"";

    for (const char *at = text + strspn(text, SEPARATORS); *at; at += strspn(at, SEPARATORS)) {
        size_t size = strcspn(at, SEPARATORS);
        bool url = !strncmp(at, "file:///", 8);
        char *path = arena_text(install->keep, (struct bytes){(const uint8_t *)at + (url ? 7 : 0),
                                                              size - (url ? 7 : 0)});
        size_t length = path ? strlen(path) : 0;

        while (length > 1 && path[length - 1] == '/')
            path[--length] = 0;
        if (length > 7 && url && !strcmp(path + length - 7, "/simple"))
            path[length - 7] = 0;
        readable_add(install, path);
        at += size;
    }
}

static bool is_passed(const char *variable)
{
    static const char *const whole[] = {"http_proxy=",
                                        "https_proxy=",
                                        "no_proxy=",
                                        "all_proxy=",
                                        "HTTP_PROXY=",
                                        "HTTPS_PROXY=",
                                        "NO_PROXY=",
                                        "ALL_PROXY=",
                                        "SSL_CERT_FILE=",
                                        "SSL_CERT_DIR=",
                                        "CURL_CA_BUNDLE=",
                                        "GIT_SSL_CAINFO=",
                                        "REQUESTS_CA_BUNDLE=",
                                        "SOURCE_DATE_EPOCH=",
                                        "TZ=",
                                        "LANG=",
                                        "PIP_",
                                        "LC_"};

    if (!strncmp(variable, "PIP_NO_CACHE_DIR=", 17) || !strncmp(variable, "PIP_CACHE_DIR=", 14) ||
        !strncmp(variable, "PIP_TARGET=", 11) || !strncmp(variable, "PIP_PREFIX=", 11) ||
        !strncmp(variable, "PIP_USER=", 9) || !strncmp(variable, "PIP_LOG=", 8))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(whole); i++)
        if (!strncmp(variable, whole[i], strlen(whole[i])))
            return true;
    return false;
}

static enum status variables_make(struct install *install, struct error *err)
{
    const char **list = arena_new(install->keep, const char *, VARIABLES_MAX + 16);
    size_t count = 0, own;

    install->variables = list;
    if (!list)
        return error_no_memory(err, "variables");
    list[count++] = "LANG=C.UTF-8";
    for (char **at = environ; *at && count < VARIABLES_MAX; at++) {
        if (!is_passed(*at))
            continue;
        if (strchr(*at, '=') &&
            (!strncmp(*at, "PIP_", 4) || strstr(*at, "CERT") || strstr(*at, "CA")))
            readable_of(install, strchr(*at, '=') + 1);
        if (!strncmp(*at, "LANG=", 5))
            list[0] = *at;
        else
            list[count++] = *at;
    }
    own = count;
    list[count++] = arena_printf(install->keep,
                                 "PATH=%s/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                 "/sbin:/bin",
                                 install->building);
    list[count++] = arena_printf(install->keep, "VIRTUAL_ENV=%s", install->building);
    list[count++] = arena_printf(install->keep, "HOME=%s/home", install->scratch);
    list[count++] = arena_printf(install->keep, "TMPDIR=%s/tmp", install->scratch);
    list[count++] = "PIP_NO_CACHE_DIR=1";
    list[count++] = "PYTHONUNBUFFERED=1";
    list[count++] = "USER=install";
    list[count++] = "LOGNAME=install";
    while (own < count)
        if (!list[own++])
            return error_no_memory(err, "variables");
    return STATUS_OK;
}

/* --- its folders --- */

static enum status folder_make(const struct install *install, const char *folder, bool own,
                               struct error *err)
{
    struct sandbox_request request = request_of(install);
    static const struct sandbox_install any;
    unsigned uid;

    request.install = &any;
    uid = sandbox_uid(&request);
    if (!folder)
        return error_no_memory(err, "a path");
    if ((mkdir(folder, 0755) && errno != EEXIST) || chmod(folder, 0755) ||
        (own && uid && chown(folder, uid, uid)))
        return error_set(err, STATUS_INTERNAL, "cannot make \"%.300s\": %s", folder,
                         strerror(errno));
    return STATUS_OK;
}

static const char *text_of(const char *path, struct arena *keep)
{
    struct file_map map = {{NULL, 0}};
    const char *text = NULL;
    struct error err;

    if (!path || file_map_open(&map, AT_FDCWD, path, true, &err))
        return NULL;
    if (map.bytes.size <= CONFIG_BYTES_MAX)
        text = arena_text(keep, map.bytes);
    file_map_close(&map);
    return text;
}

/* The user's pip.conf, in its HOME: the server's own is not seen. */
static enum status config_copy(struct install *install, struct error *err)
{
    const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
    const char *candidates[] = {
        xdg ? arena_printf(install->keep, "%s/pip/pip.conf", xdg) : NULL,
        home ? arena_printf(install->keep, "%s/.config/pip/pip.conf", home) : NULL,
        home ? arena_printf(install->keep, "%s/.pip/pip.conf", home) : NULL};
    const char *folder = arena_printf(install->keep, "%s/home/.config", install->scratch);
    const char *below = arena_printf(install->keep, "%s/home/.config/pip", install->scratch);
    const char *target =
        arena_printf(install->keep, "%s/home/.config/pip/pip.conf", install->scratch);
    const char *text = text_of("/etc/pip.conf", install->keep);

    if (text)
        readable_of(install, text);
    for (size_t i = 0; i < ARRAY_COUNT(candidates); i++) {
        text = text_of(candidates[i], install->keep);
        if (!text)
            continue;
        readable_of(install, text);
        TRY(folder_make(install, folder, false, err));
        TRY(folder_make(install, below, false, err));
        TRY(file_replace(target, bytes_of(text), err));
        if (chmod(target, 0644))
            return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", target, strerror(errno));
        break;
    }
    return STATUS_OK;
}

/* What a stranger made may be deeper than file_remove_tree goes, or closed. */
static enum status remove_all(const struct install *install, const char *folder, struct error *err)
{
    const char *const arguments[] = {"/bin/sh", "-c", "chmod -R u+rwX \"$0\"; rm -rf \"$0\"",
                                     folder, NULL};
    struct text output = {.limit = 4096};
    struct run run = {.arguments = arguments,
                      .hold = -1,
                      .deadline_ns = worker_now_ns() + (uint64_t)REMOVE_MS * 1000000,
                      .output = &output};
    enum status status = file_remove_tree(folder, err);
    int code = 0;

    (void)install;
    if (!status)
        return STATUS_OK;
    *err = (struct error){0};
    status = run_program(&run, &code, err);
    if (!status && code)
        status = error_set(err, STATUS_INTERNAL, "cannot remove \"%.200s\": %.100s", folder,
                           output.size ? output.data : "");
    text_release(&output);
    return status;
}

enum status install_open(struct install *install, struct error *err)
{
    static _Atomic unsigned installs;

    /* another user than installs of other servers have: processes are counted for each user */
    install->number = atomic_fetch_add(&installs, 1) + (unsigned)getpid() * 16;
    install->readable = arena_new(install->keep, const char *, READABLE_MAX + 2);
    if (!install->readable)
        return error_no_memory(err, "paths");
    readable_add(install, install->files);
    TRY(remove_all(install, install->building, err));
    TRY(remove_all(install, install->scratch, err));
    TRY(folder_make(install, install->building, true, err));
    TRY(folder_make(install, install->scratch, true, err));
    TRY(folder_make(install, arena_printf(install->keep, "%s/home", install->scratch), true, err));
    TRY(folder_make(install, arena_printf(install->keep, "%s/tmp", install->scratch), true, err));
    TRY(config_copy(install, err));
    return variables_make(install, err);
}

void install_close(struct install *install, bool all)
{
    struct error ignored;

    (void)!remove_all(install, install->scratch, &ignored);
    if (all)
        (void)!remove_all(install, install->building, &ignored);
}

/* --- folders of a stranger --- */

struct walk {
    enum status (*visit)(struct walk *walk, int folder, const char *name, const struct stat *about,
                         struct error *err);
    uint64_t bytes, files;
    unsigned uid; /* whose they are; 0: ours */
};

/* Takes `fd`. What disappears on the way does not count. */
static enum status walk_folder(struct walk *walk, int fd, int depth, struct error *err)
{
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    enum status status = STATUS_OK;
    struct dirent *entry;

    if (!stream) {
        if (fd >= 0)
            close(fd);
        return STATUS_OK;
    }
    if (depth > DEPTH_MAX)
        status =
            error_set(err, STATUS_TOO_LARGE, "its folders are nested deeper than %d", DEPTH_MAX);
    while (!status && (entry = readdir(stream))) {
        struct stat about;

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW))
            continue;
        walk->files++;
        walk->bytes += (uint64_t)about.st_blocks * 512;
        if (walk->visit)
            status = walk->visit(walk, fd, entry->d_name, &about, err);
        if (!status && S_ISDIR(about.st_mode))
            status = walk_folder(
                walk, openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                depth + 1, err);
    }
    closedir(stream);
    return status;
}

static enum status walk_path(struct walk *walk, const char *path, struct error *err)
{
    return walk_folder(walk, open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, err);
}

static enum status check_space(const struct install *install, struct error *err)
{
    struct statvfs disk;
    uint64_t reserve, left;

    if (statvfs(install->building, &disk))
        return STATUS_OK;
    reserve = (uint64_t)disk.f_blocks * disk.f_frsize / 64;
    reserve = reserve < RESERVE_BYTES ? reserve : RESERVE_BYTES;
    left = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (left >= reserve)
        return STATUS_OK;
    return error_set(err, STATUS_TOO_LARGE, "was ended because the disk has only %llu MiB left",
                     (unsigned long long)(left >> 20));
}

static enum status check_disk(struct install *install, struct error *err)
{
    struct walk walk = {0};
    uint64_t began = worker_now_ns(), took;

    if (began < install->look_ns)
        return STATUS_OK;
    TRY(check_space(install, err));
    TRY(walk_path(&walk, install->building, err));
    TRY(walk_path(&walk, install->scratch, err));
    took = worker_now_ns() - began;
    install->look_ns = began + took * 10 + (uint64_t)LOOK_MS * 1000000;
    if (walk.files > FILES_MAX)
        return error_set(err, STATUS_TOO_LARGE,
                         "was ended because it made more than %d files and folders", FILES_MAX);
    if (!install->limits.disk_bytes || walk.bytes <= install->limits.disk_bytes)
        return STATUS_OK;
    return error_set(
        err, STATUS_TOO_LARGE,
        "was ended because it wrote %llu MiB, more than %llu (worker_install_disk_max)",
        (unsigned long long)(walk.bytes >> 20),
        (unsigned long long)(install->limits.disk_bytes >> 20));
}

static enum status watch(void *context, pid_t pid, struct error *err)
{
    struct install *install = context;
    uint64_t limit = install->limits.memory_bytes, taken = limit ? family_memory(pid, 0) : 0;

    if (taken > limit)
        return error_set(err, STATUS_TOO_LARGE,
                         "was ended: out of memory, as it took %llu MiB, more than %llu MiB "
                         "(worker_memory_max)",
                         (unsigned long long)(taken >> 20), (unsigned long long)(limit >> 20));
    return check_disk(install, err);
}

enum status install_run(struct install *install, const struct run *run, int *code,
                        struct error *err)
{
    const char *const writable[] = {install->building, install->scratch, NULL};
    struct sandbox_install rights = {.folder = run->folder ? run->folder : install->scratch,
                                     .variables = install->variables,
                                     .writable = writable,
                                     .readable = install->readable};
    struct sandbox_request request = request_of(install);
    struct run inside = *run;

    request.install = &rights;
    request.python = install->python;
    request.files = install->files;
    request.temporary = install->scratch;
    request.memory_bytes = install->limits.memory_bytes;
    request.cpu_percent = install->limits.cpu_percent;
    request.temporary_bytes = install->limits.disk_bytes;
    inside.sandbox = install->limits.sandbox ? &request : NULL;
    inside.watch = watch;
    inside.watch_context = install;
    install->look_ns = 0;
    TRY(run_program(&inside, code, err));
    install->look_ns = 0;
    return check_disk(install, err);
}

/* --- what must stay, and how it is left --- */

static enum status facts(const struct install *install, const char **config, char **interpreter,
                         struct error *err)
{
    const char *path = arena_printf(install->keep, "%s/pyvenv.cfg", install->building);
    const char *python = arena_printf(install->keep, "%s/bin/python3", install->building);
    char real[PATH_MAX];
    struct stat about;

    *config = NULL;
    if (!path || !python)
        return error_no_memory(err, "a path");
    if (!lstat(path, &about) && S_ISREG(about.st_mode))
        *config = text_of(path, install->keep);
    if (!*config || !realpath(python, real))
        return error_set(err, STATUS_FAILED, "the environment has lost its Python");
    *interpreter = arena_text(install->keep, bytes_of(real));
    return *interpreter ? STATUS_OK : error_no_memory(err, "a path");
}

enum status install_begun(struct install *install, struct error *err)
{
    const char *config;

    TRY(facts(install, &config, &install->interpreter, err));
    install->config = (char *)(uintptr_t)config;
    return STATUS_OK;
}

static enum status settle(struct walk *walk, int folder, const char *name, const struct stat *about,
                          struct error *err)
{
    mode_t mode = S_ISDIR(about->st_mode) || about->st_mode & 0111 ? 0755 : 0644;
    bool link = S_ISLNK(about->st_mode);

    if (walk->uid && about->st_uid != walk->uid)
        return error_set(err, STATUS_FAILED, "the environment holds \"%.100s\" of another user",
                         name);
    if (!link && !S_ISDIR(about->st_mode) && !S_ISREG(about->st_mode)) {
        if (unlinkat(folder, name, 0))
            return error_set(err, STATUS_INTERNAL, "cannot remove \"%.100s\": %s", name,
                             strerror(errno));
    } else if ((walk->uid && fchownat(folder, name, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW)) ||
               (!link && fchmodat(folder, name, mode, 0))) {
        return error_set(err, STATUS_INTERNAL, "cannot take over \"%.100s\": %s", name,
                         strerror(errno));
    }
    return STATUS_OK;
}

enum status install_settle(struct install *install, struct error *err)
{
    struct sandbox_request request = request_of(install);
    static const struct sandbox_install any;
    struct walk walk = {.visit = settle};
    const char *config;
    char *interpreter;

    request.install = &any;
    walk.uid = sandbox_uid(&request);
    TRY(facts(install, &config, &interpreter, err));
    if (strcmp(config, install->config) != 0 || strcmp(interpreter, install->interpreter) != 0)
        return error_set(err, STATUS_FAILED,
                         "what was installed changed which Python the environment is of");
    TRY(walk_path(&walk, install->building, err));
    if (chown(install->building, geteuid(), getegid()) || chmod(install->building, 0755))
        return error_set(err, STATUS_INTERNAL, "\"%.300s\": %s", install->building,
                         strerror(errno));
    return STATUS_OK;
}
