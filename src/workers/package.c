// SPDX-License-Identifier: Apache-2.0
/* What is installed in an environment, by the names of its metadata folders: nothing is run. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "workers/environment.h"

/* Names of packages: case does not count, and - _ . are one. */
static int folded(char c)
{
    return c == '_' || c == '.' ? '-' : tolower((unsigned char)c);
}

/* "scikit_learn-1.9.1.dist-info" of "scikit-learn": 1.9.1. */
static bool version_of(const char *entry, struct bytes package, char version[PACKAGE_VERSION_SIZE])
{
    static const char END[] = ".dist-info";
    size_t size = strlen(entry), end = sizeof END - 1;

    if (size <= package.size + 1 + end || strcmp(entry + size - end, END) ||
        entry[package.size] != '-')
        return false;
    for (size_t i = 0; i < package.size; i++)
        if (folded(entry[i]) != folded((char)package.data[i]))
            return false;
    size -= package.size + 1 + end;
    if (size >= PACKAGE_VERSION_SIZE)
        return false;
    memcpy(version, entry + package.size + 1, size);
    version[size] = 0;
    return true;
}

static bool find_in(const char *folder, struct bytes package, char version[PACKAGE_VERSION_SIZE])
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    bool found = false;

    while (entries && !found && (entry = readdir(entries)))
        found = version_of(entry->d_name, package, version);
    if (entries)
        closedir(entries);
    return found;
}

bool environment_package(const char *path, struct bytes package, char version[PACKAGE_VERSION_SIZE])
{
    char folder[4096];
    struct dirent *entry;
    DIR *entries;
    bool found = false;

    version[0] = 0;
    if (!path || snprintf(folder, sizeof folder, "%s/lib", path) >= (int)sizeof folder)
        return false;
    entries = opendir(folder);
    while (entries && !found && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, "python3", 7) ||
            snprintf(folder, sizeof folder, "%s/lib/%s/site-packages", path, entry->d_name) >=
                (int)sizeof folder)
            continue;
        found = find_in(folder, package, version);
    }
    if (entries)
        closedir(entries);
    return found;
}
