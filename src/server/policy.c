// SPDX-License-Identifier: Apache-2.0
#include "server/policy.h"

#include <stdio.h>
#include <stdlib.h>

static void print_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

enum status worker_policy_of(const struct settings *settings, const char *folder,
                             struct worker_policy *policy, struct arena *keep, struct error *err)
{
    char *real = realpath(folder, NULL);

    *policy =
        (struct worker_policy){.folder = arena_printf(keep, "%s", real ? real : folder),
                               .install_ms = (unsigned)settings->worker_install_ms,
                               .sandbox = settings->worker_sandbox != 0,
                               .limits = {.processes = (size_t)settings->worker_processes,
                                          .memory_bytes = (size_t)settings->worker_memory_max,
                                          .start_ms = (unsigned)settings->worker_start_ms,
                                          .request_ms = (unsigned)settings->worker_request_ms,
                                          .arena_bytes_max = (size_t)settings->worker_arena_max,
                                          .log_bytes_max = (size_t)settings->worker_log_bytes_max},
                               .log = print_line};
    free(real);
    if (!policy->folder)
        return error_no_memory(err, "a path");
    return worker_code(&policy->code, keep, err);
}
