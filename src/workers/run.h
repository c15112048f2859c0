// SPDX-License-Identifier: Apache-2.0
/* Run: a program, its output line by line, and its end within a time, in a sandbox or not. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "workers/sandbox.h"

struct run {
    const char *const *arguments;  /* NULL-terminated; [0] is looked for in PATH */
    const char *folder;            /* to run in; NULL: here */
    const char *path;              /* put in front of PATH; or NULL */
    const char *environment;       /* VIRTUAL_ENV; or NULL */
    int hold;                      /* a descriptor that it and all its children keep open; or -1 */
    uint64_t deadline_ns;          /* of CLOCK_MONOTONIC: then it and its children are killed */
    const _Atomic bool *cancelled; /* then, too; NULL: never */
    struct text *output;           /* standard output and error are appended, within its limit */
    void (*log)(void *context, const char *line); /* or NULL */
    void *context;
    /* As it says, with its variables; then `path` and `environment` do not count, and [0] is an
     * absolute path. NULL: with our rights and variables. */
    const struct sandbox_request *sandbox;
    /* A few times a second: what it does not allow is its end, and the answer. Or NULL. */
    enum status (*watch)(void *context, pid_t pid, struct error *err);
    void *watch_context;
};

/* TOO_LARGE: the kernel killed what exceeded the memory of `sandbox`. CONFLICT: it was cancelled.
 * *code: what it ended with, 128 and the signal's number when it was killed. NOT_FOUND: there is no
 * such program. DEADLINE. */
enum status run_program(const struct run *run, int *code, struct error *err) must_check;
