// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loading/worker.h"

static bool holds_code(const char *folder)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/firn_worker/main.py", folder);

    return size > 0 && (size_t)size < sizeof path && access(path, R_OK) == 0;
}

enum status worker_code(const char **folder, struct arena *keep, struct error *err)
{
    static const char *const PLACES[] = {"../share/firn/python", "../python", "../../python"};
    const char *given = getenv("FIRN_PYTHON");
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (given && *given) {
        *folder = arena_printf(keep, "%s", given);
        if (!*folder)
            return error_no_memory(err, "a path");
        return holds_code(*folder) ? STATUS_OK
                                   : error_set(err, STATUS_NOT_FOUND,
                                               "FIRN_PYTHON is \"%.200s\", which holds no "
                                               "firn_worker",
                                               given);
    }
    program[size > 0 ? size : 0] = 0;
    slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < ARRAY_COUNT(PLACES); i++) {
        *folder = arena_printf(keep, "%.*s/%s", (int)(slash - program), program, PLACES[i]);
        if (!*folder)
            return error_no_memory(err, "a path");
        if (holds_code(*folder))
            return STATUS_OK;
    }
    if (error_set(err, STATUS_NOT_FOUND, "firn_worker is not beside \"%.200s\"", program))
        error_fix(err, "set FIRN_PYTHON to the folder that holds firn_worker");
    return err->status;
}
