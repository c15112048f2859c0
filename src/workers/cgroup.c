// SPDX-License-Identifier: Apache-2.0
#include "workers/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "workers/cgroup_internal.h"

enum {
    PIDS_BYTES_MAX = 64 << 10, /* of cgroup.procs */
    REMOVE_TRIES = 100,
    REMOVE_PAUSE_MS = 2,
    CPU_PERIOD_US = 100000,
    FILE_PATH_MAX = CGROUP_PATH_MAX + 64,
};

static void path_of(const char *folder, const char *name, char path[FILE_PATH_MAX])
{
    snprintf(path, FILE_PATH_MAX, "%s/%s", folder, name);
}

bool cgroup_read(const char *folder, const char *name, char *text, size_t size)
{
    char path[FILE_PATH_MAX];
    size_t used = 0;
    ssize_t got = 1;
    int fd, why;

    text[0] = 0;
    path_of(folder, name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (got && used + 1 < size) {
        got = read(fd, text + used, size - 1 - used);
        if (got < 0 && errno != EINTR)
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = 0;
    why = errno;
    close(fd);
    errno = why;
    return got >= 0;
}

bool cgroup_write(const char *folder, const char *name, const char *text)
{
    char path[FILE_PATH_MAX];
    bool good;
    int fd, why;

    path_of(folder, name, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    good = write(fd, text, strlen(text)) >= 0;
    why = errno;
    close(fd);
    errno = why;
    return good;
}

/* The number behind `key` in lines "KEY NUMBER"; 0 when there is none. */
static uint64_t number_in(const char *text, const char *key)
{
    size_t size = strlen(key);

    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!strncmp(line, key, size) && line[size] == ' ')
            return strtoull(line + size, NULL, 10);
    return 0;
}

/* --- names --- */

/* When a process began, in ticks since the machine did; 0: there is none. proc(5), stat. */
static unsigned long long start_of(long pid)
{
    char path[64], text[1024];
    unsigned long long start = 0;
    const char *rest;

    snprintf(path, sizeof path, "/proc/%ld", pid);
    if (!cgroup_read(path, "stat", text, sizeof text))
        return 0;
    rest = strrchr(text, ')'); /* the name may hold anything */
    if (!rest || sscanf(rest,
                        ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                        "%*d %*d %llu",
                        &start) != 1)
        return 0;
    return start;
}

/* Process numbers are those of a namespace. */
static unsigned long long namespace_of(void)
{
    struct stat about;

    return stat("/proc/self/ns/pid", &about) ? 0 : (unsigned long long)about.st_ino;
}

static void name_make(char *name, size_t size)
{
    static _Atomic unsigned numbers;

    snprintf(name, size, "firn-%llu-%ld-%llu-%u", namespace_of(), (long)getpid(),
             start_of(getpid()), atomic_fetch_add(&numbers, 1));
}

/* Of a server of this namespace that has ended. */
static bool is_left(const char *name)
{
    unsigned long long space, start;
    unsigned number;
    long pid;
    int end = 0;

    return sscanf(name, "firn-%llu-%ld-%llu-%u%n", &space, &pid, &start, &number, &end) == 4 &&
           !name[end] && space == namespace_of() && pid > 0 && start_of(pid) != start;
}

/* --- making --- */

static bool fail(const char *folder, const char *name, struct error *err)
{
    (void)!error_set(err, STATUS_UNAVAILABLE, "a control group: \"%.160s/%s\": %s", folder, name,
                     strerror(errno));
    return false;
}

static bool set(const char *folder, const char *name, struct error *err, const char *format, ...)
    printf_like(4, 5);
static bool set(const char *folder, const char *name, struct error *err, const char *format, ...)
{
    char text[64];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return cgroup_write(folder, name, text) || fail(folder, name, err);
}

static bool has_file(const char *folder, const char *name)
{
    char path[FILE_PATH_MAX];

    path_of(folder, name, path);
    return !access(path, W_OK);
}

/* Nothing is swapped: memory that is slow is a worker that hangs. */
static bool set_memory(const struct cgroup *group, uint64_t bytes, struct error *err)
{
    const char *folder = group->folders[CGROUP_MEMORY];
    unsigned long long most = bytes;

    if (!bytes)
        return true;
    if (group->version == 1)
        return set(folder, "memory.limit_in_bytes", err, "%llu", most) &&
               set(folder, "memory.swappiness", err, "0");
    return set(folder, "memory.max", err, "%llu", most) &&
           (!has_file(folder, "memory.swap.max") || set(folder, "memory.swap.max", err, "0")) &&
           (!has_file(folder, "memory.oom.group") || set(folder, "memory.oom.group", err, "1"));
}

static bool set_cpu(const struct cgroup *group, unsigned percent, struct error *err)
{
    const char *folder = group->folders[CGROUP_CPU];
    unsigned long long quota = (unsigned long long)percent * CPU_PERIOD_US / 100;

    if (!percent)
        return true;
    if (group->version == 2)
        return set(folder, "cpu.max", err, "%llu %d", quota, CPU_PERIOD_US);
    return set(folder, "cpu.cfs_period_us", err, "%d", CPU_PERIOD_US) &&
           set(folder, "cpu.cfs_quota_us", err, "%llu", quota);
}

static bool set_limits(const struct cgroup *group, const struct cgroup_limits *limits,
                       struct error *err)
{
    return (!group->folders[CGROUP_MEMORY][0] || set_memory(group, limits->memory_bytes, err)) &&
           (!group->folders[CGROUP_PIDS][0] || !limits->processes ||
            set(group->folders[CGROUP_PIDS], "pids.max", err, "%u", limits->processes)) &&
           (!group->folders[CGROUP_CPU][0] || set_cpu(group, limits->cpu_percent, err));
}

/* Version 2 has one folder for all controllers. */
static bool is_same(const struct cgroup *group, size_t controller)
{
    for (size_t i = 0; i < controller; i++)
        if (!strcmp(group->folders[i], group->folders[controller]))
            return true;
    return false;
}

static bool make(struct cgroup *group, struct error *err)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const char *folder = group->folders[i];
        char path[FILE_PATH_MAX];

        if (!folder[0] || is_same(group, i))
            continue;
        if (mkdir(folder, 0755))
            return fail(folder, "", err);
        path_of(folder, "cgroup.procs", path);
        group->procs[i] = open(path, O_WRONLY | O_CLOEXEC);
        if (group->procs[i] < 0)
            return fail(folder, "cgroup.procs", err);
    }
    return true;
}

enum status cgroup_new(const struct cgroup_place *place, const struct cgroup_limits *limits,
                       struct cgroup *group, struct error *err)
{
    char name[128];

    *group = (struct cgroup){.version = place->version};
    name_make(name, sizeof name);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        group->procs[i] = -1;
        if (place->version && place->folders[i][0])
            snprintf(group->folders[i], CGROUP_PATH_MAX, "%.*s/%s", CGROUP_PATH_MAX - 130,
                     place->folders[i], name);
    }
    if (make(group, err) && set_limits(group, limits, err))
        return STATUS_OK;
    cgroup_remove(group);
    return err->status;
}

void cgroup_entered(struct cgroup *group)
{
    for (size_t i = 0; group->version && i < CGROUP_CONTROLLERS; i++) {
        if (group->procs[i] >= 0)
            close(group->procs[i]);
        group->procs[i] = -1;
    }
}

/* --- looking --- */

enum cgroup_end cgroup_look(const struct cgroup *group)
{
    const char *folder = group->folders[CGROUP_MEMORY];
    char text[1024];
    bool own;

    if (!group->version || !folder[0])
        return CGROUP_FINE;
    if (!cgroup_read(folder, group->version == 2 ? "memory.events" : "memory.oom_control", text,
                     sizeof text) ||
        !number_in(text, "oom_kill"))
        return CGROUP_FINE;
    own = group->version == 2 ? number_in(text, "oom") > 0
                              : cgroup_read(folder, "memory.failcnt", text, sizeof text) &&
                                    strtoull(text, NULL, 10);
    return own ? CGROUP_EXCEEDED : CGROUP_OUT_OF_MEMORY;
}

/* --- ending --- */

/* Those of other PID namespaces are "0", and not ours to kill. */
static void kill_all(const char *folder)
{
    char *text = malloc(PIDS_BYTES_MAX), *rest;

    (void)cgroup_write(folder, "pids.max", "0"); /* nobody makes more */
    if (text && cgroup_read(folder, "cgroup.procs", text, PIDS_BYTES_MAX))
        for (char *pid = strtok_r(text, "\n", &rest); pid; pid = strtok_r(NULL, "\n", &rest))
            if (strtol(pid, NULL, 10) > 0)
                kill((pid_t)strtol(pid, NULL, 10), SIGKILL);
    free(text);
}

/* A process leaves its group some time after it was killed. */
static void remove_folder(const char *folder)
{
    const struct timespec pause = {.tv_nsec = REMOVE_PAUSE_MS * 1000000};

    for (int i = 0; i < REMOVE_TRIES && rmdir(folder) && errno == EBUSY; i++) {
        kill_all(folder);
        nanosleep(&pause, NULL);
    }
}

void cgroup_remove(struct cgroup *group)
{
    cgroup_entered(group);
    for (size_t i = 0; group->version && i < CGROUP_CONTROLLERS; i++)
        if (group->folders[i][0] && !is_same(group, i))
            remove_folder(group->folders[i]);
    group->version = 0;
}

static void sweep(const char *folder)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    char path[FILE_PATH_MAX + 256];

    while (stream && (entry = readdir(stream))) {
        if (!is_left(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        remove_folder(path);
    }
    if (stream)
        closedir(stream);
}

void cgroup_sweep(const struct cgroup_place *place)
{
    for (size_t i = 0; place->version && i < CGROUP_CONTROLLERS; i++)
        if (place->folders[i][0] &&
            (i == 0 || strcmp(place->folders[i], place->folders[i - 1]) != 0))
            sweep(place->folders[i]);
}
