// SPDX-License-Identifier: Apache-2.0
#include "server/models/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

/* FIRN_WORKER_ENVIRONMENT: one virtual environment for all workers. */
static enum status environment_given(struct worker_policy *policy, struct arena *keep,
                                     struct error *err)
{
    const char *given = getenv("FIRN_WORKER_ENVIRONMENT");
    const char *python;

    if (!given || !*given)
        return STATUS_OK;
    policy->environment = arena_printf(keep, "%s", given);
    python = arena_printf(keep, "%s/bin/python3", given);
    if (!policy->environment || !python)
        return error_no_memory(err, "a path");
    if (!access(python, X_OK))
        return STATUS_OK;
    if (error_set(err, STATUS_NOT_FOUND,
                  "FIRN_WORKER_ENVIRONMENT is \"%.200s\", which has no bin/python3", given))
        error_fix(err, "make it with `python3 -m venv` and install the frameworks into it");
    return err->status;
}

enum status worker_policy_of(const struct settings *settings, const char *folder,
                             struct worker_policy *policy, struct arena *keep, struct error *err)
{
    char *real = realpath(folder, NULL);

    *policy =
        (struct worker_policy){.folder = arena_printf(keep, "%s", real ? real : folder),
                               .install_ms = (unsigned)settings->worker_install_ms,
                               .install_bytes = (uint64_t)settings->worker_install_disk_max,
                               .sandbox = settings->worker_sandbox != 0,
                               .limits = {.processes = (size_t)settings->worker_processes,
                                          .memory_bytes = (size_t)settings->worker_memory_max,
                                          .cpu_percent = (unsigned)settings->worker_cpu_percent,
                                          .start_ms = (unsigned)settings->worker_start_ms,
                                          .request_ms = (unsigned)settings->worker_request_ms,
                                          .arena_bytes_max = (size_t)settings->worker_arena_max,
                                          .log_bytes_max = (size_t)settings->worker_log_bytes_max},
                               .log = print_line};
    free(real);
    if (!policy->folder)
        return error_no_memory(err, "a path");
    TRY(environment_given(policy, keep, err));
    return worker_code(&policy->code, keep, err);
}
