// SPDX-License-Identifier: Apache-2.0
#include "workers/user_namespace.h"

#include "base/file.h"
#include "test.h"

#define MOUNTS "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:4 / /proc rw - proc proc rw\n"
#define CHROOTED "30 22 0:4 / /proc rw - proc proc rw\n40 22 0:5 / /srv rw - tmpfs tmpfs rw\n"

static void put(const char *path, const char *text)
{
    char full[256], *slash;
    struct error err;
    FILE *file;

    snprintf(full, sizeof full, "tree/proc/%s", path);
    slash = strrchr(full, '/');
    *slash = 0;
    CHECK_OK(file_make_folders(full, &err), err);
    *slash = '/';
    file = fopen(full, "w");
    CHECK(file && fputs(text, file) >= 0 && !fclose(file));
}

TEST(why_there_is_none)
{
    static const struct {
        const char *mounts, *path, *value, *why; /* NULL: not there */
    } CASES[] = {
        {MOUNTS, "sys/kernel/unprivileged_userns_clone", "0\n",
         "kernel.unprivileged_userns_clone is 0"},
        {MOUNTS, "sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces is 0"},
        {MOUNTS, "sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
         "kernel.apparmor_restrict_unprivileged_userns is 1"},
        {MOUNTS, "sys/user/max_user_namespaces", "96365\n", "a container's profile"},
        {MOUNTS, "sys/user/max_user_namespaces", "", "a container's profile"},
        {CHROOTED, "sys/user/max_user_namespaces", "96365\n", "under chroot the kernel makes none"},
        {"", NULL, NULL, "under chroot the kernel makes none"},
        {"x\n\n", NULL, NULL, "under chroot the kernel makes none"},
        {CHROOTED, "sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces is 0"},
        {NULL, NULL, NULL, "there is no /proc"},
    };
    struct error err;
    char why[80];

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (CASES[i].mounts)
            put("self/mountinfo", CASES[i].mounts);
        if (CASES[i].path)
            put(CASES[i].path, CASES[i].value);
        user_namespace_why("tree", why, sizeof why);
        if (!strstr(why, CASES[i].why))
            fail_msg("case %zu: %s", i, why);
        CHECK_OK(file_remove_tree("tree", &err), err);
    }
}
