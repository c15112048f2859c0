// SPDX-License-Identifier: Apache-2.0
/* How much memory a worker and what it started take, from /proc. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/process.h"

enum { FAMILY_MAX = 256 };

/* Anonymous and shared memory of one process, in bytes; 0 when it has gone. */
static void one(pid_t pid, size_t *anonymous, size_t *shared)
{
    char path[64], line[256];
    unsigned long kilobytes;
    FILE *file;

    *anonymous = *shared = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "RssAnon: %lu", &kilobytes) == 1)
            *anonymous = (size_t)kilobytes << 10;
        else if (sscanf(line, "RssShmem: %lu", &kilobytes) == 1)
            *shared = (size_t)kilobytes << 10;
    }
    if (file)
        fclose(file);
}

/* What one of its threads has made, behind `count` in `family`. */
static size_t children_of(const char *path, pid_t *family, size_t count)
{
    FILE *file = fopen(path, "re");
    int child;

    while (file && count < FAMILY_MAX && fscanf(file, "%d", &child) == 1)
        family[count++] = child;
    if (file)
        fclose(file);
    return count;
}

static size_t children(pid_t pid, pid_t *family, size_t count)
{
    char path[64 + sizeof((struct dirent *)0)->d_name];
    struct dirent *thread;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    folder = opendir(path);
    while (folder && (thread = readdir(folder))) {
        if (thread->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
        count = children_of(path, family, count);
    }
    if (folder)
        closedir(folder);
    return count;
}

size_t process_memory(const struct process *process)
{
    return family_memory(process->pid, atomic_load(&process->memory_size));
}

size_t family_memory(pid_t pid, size_t arena)
{
    size_t total = 0, shared_max = 0, count = 1;
    pid_t family[FAMILY_MAX] = {pid};

    for (size_t i = 0; i < count; i++) {
        size_t anonymous, shared;

        one(family[i], &anonymous, &shared);
        total += anonymous;
        shared_max = shared > shared_max ? shared : shared_max;
        count = children(family[i], family, count);
    }
    return total + (shared_max > arena ? shared_max - arena : 0);
}
