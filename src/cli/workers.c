// SPDX-License-Identifier: Apache-2.0
#include "cli/workers.h"

#include <stdlib.h>

#include "base/file.h"
#include "server/models/policy.h"

/* $XDG_CACHE_HOME/firn or ~/.cache/firn */
static const char *cache_folder(struct arena *keep)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && cache[0] == '/')
        return arena_printf(keep, "%s/firn", cache);
    return arena_printf(keep, "%s/.cache/firn", home && home[0] == '/' ? home : "/tmp");
}

enum status workers_here(const char *store, struct worker_policy *policy, struct arena *keep,
                         struct error *err)
{
    const char *folder = store ? store : cache_folder(keep);
    struct settings settings;

    if (!folder)
        return error_no_memory(err, "a path");
    settings_init(&settings);
    TRY(settings_from_environment(&settings, err));
    TRY(file_make_folders(folder, err));
    return worker_policy_of(&settings, folder, policy, keep, err);
}
