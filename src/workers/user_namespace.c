// SPDX-License-Identifier: Apache-2.0
#include "workers/user_namespace.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

static const struct {
    const char *name; /* as sysctl has it, and in /proc/sys with '/' */
    long forbids;
} SWITCHES[] = {
    {"kernel.unprivileged_userns_clone", 0}, /* Debian's */
    {"user.max_user_namespaces", 0},
    {"kernel.apparmor_restrict_unprivileged_userns",
     1}, /* Ubuntu's: none of use without a profile */
};

static bool forbids(const char *root, const char *name, long value)
{
    char path[512], line[64] = "", *end;
    FILE *file;
    long got;

    snprintf(path, sizeof path, "%s/proc/sys/%s", root, name);
    *strchr(path + strlen(root) + strlen("/proc/sys/"), '.') = '/';
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(line, sizeof line, file))
        line[0] = 0;
    fclose(file);
    got = strtol(line, &end, 10);
    return end != line && got == value;
}

/* Whoever is under chroot sees only what is mounted below, and no "/" (proc(5), mountinfo: the
 * fifth field), unless something is mounted just there. -1: there is no /proc. */
static int is_chrooted(const char *root)
{
    char path[512], line[4096], point[4096];
    bool at_root = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    file = fopen(path, "re");
    if (!file)
        return -1;
    while (!at_root && fgets(line, sizeof line, file))
        at_root = sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && !strcmp(point, "/");
    fclose(file);
    return !at_root;
}

void user_namespace_why(const char *root, char *text, size_t size)
{
    int chrooted = is_chrooted(root);

    for (size_t i = 0; i < ARRAY_COUNT(SWITCHES); i++)
        if (forbids(root, SWITCHES[i].name, SWITCHES[i].forbids)) {
            snprintf(text, size, "%s is %ld", SWITCHES[i].name, SWITCHES[i].forbids);
            return;
        }
    if (chrooted < 0)
        snprintf(text, size, "there is no /proc, or this is under chroot");
    else if (chrooted)
        snprintf(text, size, "under chroot the kernel makes none");
    else
        snprintf(text, size, "a container's profile or chroot forbids it");
}
