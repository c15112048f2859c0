// SPDX-License-Identifier: Apache-2.0
/* What the files of loading/worker.h share: what is to be served, wherever it comes from. */
#pragma once

#include "contract/adapters.h"
#include "loading/worker.h"

enum { MEMORY_SHIFT = 30 };

/* What is to be served, wherever it comes from. */
struct subject {
    struct artifact *artifact;
    struct adapter adapter;          /* name NULL: none */
    const struct manifest *manifest; /* all zeros when there is none */
    const char *framework_version;   /* or NULL */
    const char *python;              /* version that it is tied to, "3.11"; or NULL */
    bool existing;                   /* no environment is made for it */
    const char *name;                /* for messages */
    const struct contract *contract;
    const char *more; /* requirements behind its own; or NULL */
};

/* --- worker_subject.c --- */

/* Borrows from the loading. */
struct subject subject_of_loading(const struct loading *loading);
/* Of a stored version whose artifact is in it already; the rest is kept in `memory`. */
enum status subject_of_version(const struct version *version, struct subject *subject,
                               struct arena *memory, struct error *err) must_check;

/* Without a contract there is nothing to call. `reason`: why firn itself cannot run it. */
enum status subject_check_contract(const struct contract *contract, const char *reason,
                                   struct error *err) must_check;
/* Does it say the type of everything? A worker must be told. */
bool contract_is_complete(const struct contract *contract);
/* The contract that only the framework can tell, from what a worker said when it was ready; left
 * alone when it told none. */
enum status subject_learn(const struct subject *subject, const char *ready, const char *reason,
                          struct contract *contract, struct arena *keep, struct error *err)
    must_check;

/* --- worker_files.c --- */

struct unpacked { /* FOLDER/tmp/worker-XXXXXX, locked while it is used */
    char path[4096];
    int lock; /* -1: none */
};
enum status unpacked_open(const struct worker_policy *policy, struct unpacked *unpacked,
                          struct error *err) must_check;
void unpacked_remove(struct unpacked *unpacked);

/* Is the model the file itself? Then this is its name below the folder. */
bool subject_is_file(const struct subject *subject);
const char *subject_file_name(const struct artifact *artifact);
/* The members, or the file itself where that is the model: a single file, a skops archive. */
enum status subject_write_files(const struct subject *subject, const char *root, struct error *err)
    must_check;

/* --- worker_environment.c --- */

/* Installed when it is not there yet. `files`: the folder with the model's. */
enum status subject_environment(const struct subject *subject, const struct worker_policy *policy,
                                const char *files, struct environment *environment,
                                struct arena *keep, struct error *err) must_check;
/* Which version of the adapter's framework an environment has; "" when that is not known. */
void subject_framework(const struct subject *subject, const char *environment,
                       char version[PACKAGE_VERSION_SIZE]);
