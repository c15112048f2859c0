// SPDX-License-Identifier: Apache-2.0
/* Workers: framework processes behind the servable interface. A servable of this kind holds a pool
 * of `python3` processes, each in a sandbox, started when they are needed and again, with growing
 * pauses, when they died. */
#pragma once

#include <sys/types.h>

#include "contract/contract.h"
#include "engine/servable.h"

struct worker_limits {
    size_t processes;     /* at most, of one servable */
    size_t memory_bytes;  /* of one process; 0: none */
    unsigned cpu_percent; /* of one core, for one process, where there are control groups; 0: all */
    unsigned start_ms;    /* until READY */
    unsigned request_ms;  /* of one request without a deadline of its own; then it is killed */
    size_t arena_bytes_max;
    size_t temporary_bytes; /* of its /tmp, and of each file; 0: 256 MiB */
    size_t log_bytes_max;   /* of what a process may print, a minute; more is dropped and counted */
};

struct worker_options {
    const char *adapter;     /* "function", "scikit-learn": a file of python/firn_worker/adapters */
    const char *name;        /* of the model, for messages: "iris:3" */
    const char *files;       /* folder that the worker sees, read-only, as /model/files; readable by
                              * everybody (folders 0755, files 0644), as the worker has a uid of its
                              * own where firn runs as root */
    const char *environment; /* folder of a virtual environment; NULL: the system's python3 */
    const char *code;        /* folder that holds firn_worker */
    const char *settings;    /* JSON for the adapter; NULL: {} */
    bool warm_up;            /* run zeros through the first signature before requests come */
    struct worker_limits limits;
    bool java; /* what a Java machine needs beside: TCP and UDP, which reach nothing but itself, and
                * libraries that it unpacks to /tmp */
    bool sandbox; /* false only when the operator said so */
    /* What the model prints and what happens to its processes; from any thread; may be NULL. */
    void (*log)(void *context, const char *line);
    void *context;
};

/* Starts one process and waits until it is ready: a model that cannot be loaded fails here, with
 * what it printed last. `contract`: borrowed; lives as long as the servable. Strings of `options`
 * are copied. */
enum status worker_servable(const struct worker_options *options, const struct contract *contract,
                            struct servable **servable, struct error *err) must_check;

/* What the adapter said of the model when it was ready: JSON {"signatures": [...]} or {}. Borrowed
 * from the servable. */
const char *worker_ready_text(const struct servable *servable);

/* The processes that there are now, at most `count`. From any thread. */
size_t worker_pids(const struct servable *servable, pid_t *pids, size_t count);

/* What of the sandbox this machine can do: one line for each layer, as "network  yes" or
 * "landlock  no: not in this kernel". */
struct text;
void worker_sandbox_describe(struct text *text);

/* What is missing of it, as "landlock (not in this kernel), ipc"; nothing when nothing is. */
void worker_sandbox_missing(struct text *text);

/* Are other files than those of the model kept from a worker, whoever may read them? */
bool worker_sandbox_hides_files(void);

/* Is worker_limits.cpu_percent kept? */
bool worker_sandbox_bounds_cpu(void);

/* UNAVAILABLE when that is too little to run a stranger's code. */
enum status worker_sandbox_check(struct error *err) must_check;
