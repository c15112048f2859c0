// SPDX-License-Identifier: Apache-2.0
/* Versions that a worker serves: its files are laid out in a folder, its environment is there, and
 * a servable of workers/worker.h answers. contract/adapters.def says which formats. */
#pragma once

#include "loading/load.h"
#include "workers/environment.h"
#include "workers/worker.h"

struct worker_policy {       /* what the operator allows */
    const char *folder;      /* of environments and files: a store's, or one of the user's */
    const char *environment; /* for all of them, nothing is installed; NULL: each has its own */
    const char *code;        /* folder that holds firn_worker; see worker_code */
    unsigned install_ms;     /* for installing requirements */
    uint64_t install_bytes;  /* of disk, for the same */
    bool sandbox;
    const _Atomic bool *cancelled; /* what is being installed shall end; NULL: never */
    struct worker_limits limits;
    /* What is installed, and what models print, a line at a time; from any thread; may be NULL. */
    void (*log)(void *context, const char *line);
    void *context;
};

/* The folder that holds firn_worker: FIRN_PYTHON, or beside the program. NOT_FOUND says where it
 * was looked for. */
enum status worker_code(const char **folder, struct arena *keep, struct error *err) must_check;

/* Make a servable of what was opened, or of a version; the artifact and the memory of `loading`
 * move into it. */
enum status worker_load(struct loading *loading, const struct worker_policy *policy,
                        struct servable **servable, struct error *err) must_check;
enum status worker_load_version(struct registry *registry, const struct version *version,
                                const struct worker_policy *policy, struct servable **servable,
                                struct error *err) must_check;

/* A worker of what was opened, beside it. `existing`: only in an environment that is there, else
 * UNAVAILABLE. *beside is closed also when this fails; the loading stays as it is and outlives it.
 */
struct worker_beside;
enum status worker_beside_open(const struct loading *loading, const struct worker_policy *policy,
                               bool existing, struct worker_beside **beside, struct error *err)
    must_check;
struct servable *worker_beside_servable(const struct worker_beside *beside);
const char *
worker_beside_path(const struct worker_beside *beside); /* a copy of the model's files */
/* The version of the framework that it runs with; "" when that is not known. */
const char *worker_beside_framework(const struct worker_beside *beside);
void worker_beside_close(struct worker_beside *beside); /* NULL is fine */

/* The adapter that would open it; NULL: none. */
const char *worker_adapter(const struct loading *loading);

/* The version of its framework that a worker of a stored version would run with now, as far as
 * something is installed; else "". */
enum status worker_framework(struct registry *registry, const struct version *version,
                             const struct worker_policy *policy, const char **framework,
                             struct arena *keep, struct error *err) must_check;

/* Install what a worker of it needs, as worker_load would; *log is what was printed, "" for
 * nothing. STATUS_OK when nothing fits. */
enum status worker_prepare(struct loading *loading, const struct worker_policy *policy,
                           const char **log, struct arena *keep, struct error *err) must_check;

/* Would worker_prepare install something that is not there yet? */
enum status worker_installs(struct loading *loading, const struct worker_policy *policy,
                            bool *installs, struct arena *scratch, struct error *err) must_check;

/* What would be installed for it, as in requirements.txt; empty: nothing, or no worker serves it.
 */
enum status worker_requirements(struct registry *registry, const struct version *version,
                                struct bytes *requirements, struct arena *keep, struct error *err)
    must_check;

/* Remove environments below `folder` that no version of the registry needs any more: see
 * environment_collect. Adds to *files and *bytes. */
enum status worker_collect(struct registry *registry, const char *folder, uint64_t *files,
                           uint64_t *bytes, struct error *err) must_check;

/* What a job of a version needs: its files in `folder`, which is made, readable by everybody, and
 * its environment, installed. */
struct worker_place {
    const char *adapter;     /* or NULL: none is for its format */
    const char *environment; /* folder; NULL: the system's python3 */
    bool java;               /* see contract/adapters.h */
    bool single;             /* the files are one, which is the model */
};
enum status worker_lay_out(struct registry *registry, const struct version *version,
                           const struct worker_policy *policy, const char *folder,
                           struct worker_place *place, struct arena *keep, struct error *err)
    must_check;
/* The same of files that are no model; `python`: the version that they are tied to, or NULL;
 * `more`: lines behind those of their requirements.txt, or NULL. */
enum status worker_lay_out_files(struct artifact *artifact, const char *python, const char *more,
                                 const struct worker_policy *policy, const char *folder,
                                 struct worker_place *place, struct arena *keep, struct error *err)
    must_check;
