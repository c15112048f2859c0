// SPDX-License-Identifier: Apache-2.0
/* Environments: virtual environments of Python, one for each set of requirements, install command
 * and interpreter, made once and kept under the hash of these.
 *
 * FOLDER/HEX/ is complete when it is there: it is built as HEX.building and renamed, under the lock
 * of HEX.lock, so that of two who want the same one builds and the other waits. HEX/build.log is
 * what was printed; HEX.failed.log of the last attempt that failed.
 *
 * Packages of the system are not seen (no --system-site-packages): what a version answers must not
 * change with the machine. numpy, which Hydrosphere's runtimes had, is added when the requirements
 * do not bring it. pip is used as the machine has it configured. Installing runs code of strangers
 * with the network, in a sandbox (workers/install.h): only where the operator allows workers. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "workers/install.h"

struct environment_request {
    const char *folder; /* where environments are kept; made when it is not there */
    const char *files;  /* the model's files: where installing happens (a copy for `install`) */
    const char *python; /* version that is wanted, "3.6"; NULL: any */
    struct bytes requirements; /* as in requirements.txt; empty: none */
    const char *install;       /* a shell's line; or NULL */
    const char *digest;        /* of the files: counts where what is installed depends on them */
    unsigned timeout_ms;       /* for all of it */
    struct install_limits limits;
    const _Atomic bool *cancelled;                /* give up: CONFLICT; NULL: never */
    bool existing;                                /* none is made: UNAVAILABLE when there is none */
    void (*log)(void *context, const char *line); /* each line as it is printed; may be NULL */
    void *context;
};

struct environment {
    const char *path;   /* folder; NULL: nothing to install, and the system's python3 will do */
    const char *log;    /* all that was printed when it was made; "" when there is nothing */
    const char *remark; /* what is not as it was wanted: another version of Python; or NULL */
};

/* The name of the folder that environment_get would give, "" for none. Needs no `folder`. */
enum status environment_name(const struct environment_request *request, char name[65],
                             struct arena *keep, struct error *err) must_check;

/* Remove the environments of `folder` for which `is_wanted` is false, which were not asked for
 * within the last hour, are not being built and which no process runs; and what builds left that
 * were killed. */
enum status environment_collect(const char *folder,
                                bool (*is_wanted)(const void *context, const char *name),
                                const void *context, uint64_t *files, uint64_t *bytes,
                                struct error *err) must_check;

/* FAILED with the last lines when installing fails; TOO_LARGE past the limits; DEADLINE;
 * UNAVAILABLE without a python3 or a sandbox. All in `keep`. */
enum status environment_get(const struct environment_request *request,
                            struct environment *environment, struct arena *keep, struct error *err)
    must_check;

/* The version of a package in a virtual environment (NULL: none); false, and "", when it is not
 * there. */
enum { PACKAGE_VERSION_SIZE = 64 };
bool environment_package(const char *path, struct bytes package,
                         char version[PACKAGE_VERSION_SIZE]);
