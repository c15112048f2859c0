// SPDX-License-Identifier: Apache-2.0
/* Launch: what a child does between clone and execve, prepared as a list. Private to the sandbox.
 */
#pragma once

#include <linux/filter.h>
#include <signal.h>

#include "base/arena.h"
#include "workers/sandbox.h"

enum step_kind {
    STEP_FOLDER,         /* mkdir; there already is fine */
    STEP_FILE,           /* an empty file to bind to; or with `data` in it */
    STEP_LINK,           /* symlink(source, target) */
    STEP_BIND,           /* with all below, read-only */
    STEP_WRITABLE,       /* the same, to write to */
    STEP_DEVICE,         /* bind of a device */
    STEP_MOUNT,          /* of type `source`, with `data` */
    STEP_MOUNT_PROGRAMS, /* the same; what lies there may be run */
};

struct launch_step {
    enum step_kind kind;
    const char *source, *target, *data;
};

struct landlock_rule {
    const char *path;
    uint64_t access;
};

enum {
    LAUNCH_PROCESSES_MAX = 1024,    /* threads count, one a core in each numeric library */
    LAUNCH_SHARED_BYTES = 64 << 20, /* of /dev/shm */
};
enum { LAUNCH_STEPS_MAX = 512, LAUNCH_RULES_MAX = 128, LAUNCH_BYTES_MAX = 4 << 20 };

struct launch {
    struct arena arena;
    const struct sandbox_request *request;
    const struct sandbox_ability *ability;
    struct launch_step steps[LAUNCH_STEPS_MAX];
    size_t step_count;
    struct landlock_rule rules[LAUNCH_RULES_MAX];
    size_t rule_count;
    struct sock_fprog filter; /* of system calls */
    const char *program, **arguments, **environment, *folder;
    char id_map[64], group_map[64]; /* of a user namespace */
    unsigned uid;
    const int *groups; /* (CGROUP_CONTROLLERS,): descriptors to enter them by; -1: none */
    size_t memory_bytes;
    bool failed_memory;
    /* Written by the child: the step that failed, and errno. NULL: none. */
    const char *volatile failed;
    volatile int error;
};

/* view.c: the folders that it may see; the first without Python and the model. */
enum status launch_view_system(struct launch *launch, struct error *err) must_check;
enum status launch_view(struct launch *launch, struct error *err) must_check;
/* filter.c: the system calls that it may make, for the kernel. */
enum status launch_filter(struct launch *launch, struct error *err) must_check;
/* enter.c: make the child, which goes through the list and ends in execve, or in _exit(0) when
 * there is no program (a trial). False with launch->failed and errno in launch->error. */
bool launch_run(struct launch *launch, struct sandbox_child *child);
