// SPDX-License-Identifier: Apache-2.0
/* Control groups: the kernel bounds memory, processes and processor of a worker, an install or a
 * job together with all that it started. One process that the sandbox makes is one group, as the
 * limits are of one; of a pool they add up. Version 2 of the kernel's interface where the group
 * that firn runs in may be divided, else version 1 (Documentation/admin-guide/cgroup-v2.rst,
 * cgroup-v1/memory.rst).
 *
 * A group is the folder firn-NAMESPACE-PID-START-NUMBER: the PID namespace, number and start time
 * of the server that made it. What a killed server left is found by that, and removed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CONTROLLERS };
enum { CGROUP_PATH_MAX = 512 };

/* --- cgroup_place.c --- */

struct cgroup_place {                                  /* where groups are made */
    unsigned version;                                  /* 1, 2; 0: nowhere */
    char folders[CGROUP_CONTROLLERS][CGROUP_PATH_MAX]; /* of each controller; "": not of this one */
    char detail[160]; /* "v2: memory, pids, cpu"; or why there is none */
};

/* Find it. `root` is put in front of /proc and of what is mounted ("" but in tests); `wanted` is
 * the group to use instead of the one that this process is in (NULL: that one; "none": none).
 *
 * In version 2 a group with processes cannot give its controllers to groups below it: then all that
 * are in ours move into "firn-server" below it. That is done only where the group is ours: it is
 * marked as delegated (by systemd), the root of a namespace (a container's), given by `wanted`, or
 * another user's than root with nobody else in it. */
void cgroup_place_find(const char *root, const char *wanted, struct cgroup_place *place);

/* --- cgroup.c --- */

struct cgroup_limits {
    uint64_t memory_bytes; /* with files that lie in memory; 0: no limit */
    unsigned processes;    /* and threads; 0: no limit */
    unsigned cpu_percent;  /* of one core; 0: no limit */
};

struct cgroup {
    unsigned version; /* 0: there is none */
    char folders[CGROUP_CONTROLLERS][CGROUP_PATH_MAX];
    int procs[CGROUP_CONTROLLERS]; /* to enter by writing "0", for as long as a child needs; -1 */
};

/* An empty one with these limits. UNAVAILABLE names the file. */
enum status cgroup_new(const struct cgroup_place *place, const struct cgroup_limits *limits,
                       struct cgroup *group, struct error *err) must_check;
/* The child is in it. */
void cgroup_entered(struct cgroup *group);

enum cgroup_end {
    CGROUP_FINE,
    CGROUP_EXCEEDED,      /* the kernel killed a process of it, for the group's own limit */
    CGROUP_OUT_OF_MEMORY, /* the same for a limit above it, or the machine's */
};
enum cgroup_end cgroup_look(const struct cgroup *group);

/* Kill what is in it and remove it. Safe on one that is not there. */
void cgroup_remove(struct cgroup *group);

/* Remove the groups of servers that are gone, and what still runs in them. */
void cgroup_sweep(const struct cgroup_place *place);
