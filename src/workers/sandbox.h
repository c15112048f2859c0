// SPDX-License-Identifier: Apache-2.0
/* Sandbox: what keeps a worker from everything but its model. What this machine can do is found out
 * once; a process then gets all of it or is not started: no layer is dropped silently.
 *
 * A child is made by clone(CLONE_VM | CLONE_VFORK), so that a server with much memory copies none
 * of its page tables: until execve the child runs in the server's memory, makes system calls from a
 * list that was prepared, and allocates nothing. */
#pragma once

#include <sys/types.h>

#include "base/text.h"
#include "workers/cgroup.h"

enum sandbox_layer {
#define LAYER(name, label, meaning) LAYER_##name,
#include "workers/layers.def"
#undef LAYER
    LAYER_COUNT
};

struct sandbox_ability {
    bool has[LAYER_COUNT];
    char detail[LAYER_COUNT][160]; /* "ABI 7"; or why not: "Operation not permitted" */
    bool user_namespace;           /* the way to the others where firn is not root */
    bool proc;                     /* /proc can be mounted in it */
    int landlock_abi;              /* 0: none */
    unsigned uid;                  /* to become; 0: stays who it is */
    struct cgroup_place groups;
};

/* What this machine can do; the first call tries it out. From any thread. */
const struct sandbox_ability *sandbox_ability(void);

/* UNAVAILABLE when what is left is too little to run a stranger's code: system calls and
 * privileges, and a user or namespaces of its own. */
enum status sandbox_check(const struct sandbox_ability *ability, struct error *err) must_check;

/* What installs requirements: it has the network and writes, and nothing else of the machine. Every
 * path is where it lies, in a view of its own, too. */
struct sandbox_install {
    const char *folder;           /* to run in */
    const char *const *variables; /* "NAME=value", NULL-terminated: all that there are */
    const char *const *writable;  /* folders, NULL-terminated */
    const char *const
        *readable; /* files and folders, NULL-terminated; what is missing is left out */
};

struct sandbox_request {
    const struct sandbox_install *install; /* NULL: a worker */
    const char *python;               /* program; of an install: the interpreter that it may see */
    const char *environment;          /* folder of a virtual environment, or NULL */
    const char *code, *files;         /* folders; see struct worker_options */
    const char *temporary;            /* writable folder where there is no view of its own */
    const char *const *arguments;     /* NULL-terminated; of a worker after the program's name */
    int input, output, socket, arena; /* descriptors: 0, 1 and 2, 3, 4 of the worker; -1: none */
    size_t memory_bytes;              /* 0: no limit */
    unsigned cpu_percent;             /* of one core, in a control group; 0: no limit */
    size_t temporary_bytes;           /* of /tmp, and of each file */
    unsigned threads;                 /* that numeric libraries shall use */
    unsigned number;                  /* of the servable: another uid for each */
    bool java;                        /* see struct worker_options */
    bool sandbox;                     /* false: limits only */
};

struct sandbox_child {
    pid_t pid;
    int pidfd;
    struct cgroup group; /* that it is in; cgroup_remove once it was reaped */
};

/* Bytes of files that it may have in memory: they count for its group, and not for its heap. */
size_t sandbox_files_bytes(const struct sandbox_request *request);

/* The user that it becomes; 0: stays who it is. */
unsigned sandbox_uid(const struct sandbox_request *request);

/* Where the worker finds the model's files. */
const char *sandbox_files(const struct sandbox_request *request);

/* Start it; returns after execve. UNAVAILABLE names the step that failed. */
enum status sandbox_start(const struct sandbox_request *request, struct sandbox_child *child,
                          struct error *err) must_check;
