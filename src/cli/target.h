// SPDX-License-Identifier: Apache-2.0
/* What predict and bench work on: a path, or a version of a store. */
#pragma once

#include "cli/options.h"
#include "loading/worker.h"

struct target_options {
    const char *manifest, *isa, *store, *passes_off, *weights;
    bool reference, workers;
    int64_t threads; /* of one run; 0: one a core */
    bool profile;    /* not an option of all: see bench */
};
#define TARGET_OPTIONS(type, member)                                                               \
    {"store", OPTION_TEXT, offsetof(type, member.store), "DIR",                                    \
     "TARGET is a version of the store in this folder"},                                           \
        {"manifest", OPTION_TEXT, offsetof(type, member.manifest), "FILE",                         \
         "a manifest to put over what the file says"},                                             \
        {"threads", OPTION_NUMBER, offsetof(type, member.threads), "N",                            \
         "threads that work on one run (predict: one a core, bench: 1)"},                          \
        {"isa", OPTION_TEXT, offsetof(type, member.isa), "NAME",                                   \
         "force the kernels: avx512, avx2 or portable"},                                           \
        {"weights", OPTION_TEXT, offsetof(type, member.weights), "TYPE",                           \
         "keep the weights of products as bf16 or f16: faster, less exact"},                       \
        {"workers", OPTION_SWITCH, offsetof(type, member.workers), "on|off",                       \
         "let a process with the framework run what firn does not, in a sandbox"},                 \
        {"reference", OPTION_FLAG, offsetof(type, member.reference), NULL,                         \
         "use the plain reference kernels only"},                                                  \
    {                                                                                              \
        "passes-off", OPTION_TEXT, offsetof(type, member.passes_off), "NAMES",                     \
            "graph passes not to run, or all"                                                      \
    }

struct target {
    const char *name, *version; /* of the answer: the file's name and "", or the model's */
    struct servable *servable;
    struct registry *registry;
    struct team *team; /* for sessions; NULL: one thread */
    struct loading loading;
    struct worker_policy workers;
    struct arena memory;
};

/* Load it. Ends with target_close in any case. */
enum status target_open(const char *name, const struct target_options *options,
                        struct target *target, struct error *err) must_check;
void target_close(struct target *target);
