// SPDX-License-Identifier: Apache-2.0
/* Process: one worker. Whoever holds it (the pool's thread, or a session between pool_take and
 * pool_give) talks to it; the pool's thread alone starts, kills and reaps. */
#pragma once

#include <stdatomic.h>

#include "workers/frame.h"
#include "workers/memory.h"
#include "workers/printed.h"
#include "workers/sandbox.h"
#include "workers/worker.h"

enum process_state {
    PROCESS_NONE,
    PROCESS_STARTING,  /* until READY */
    PROCESS_WARMING,   /* until its first RESULT or ERROR, which nobody sees */
    PROCESS_FREE,      /* waits for a request */
    PROCESS_BUSY,      /* a session has it */
    PROCESS_ABANDONED, /* works on what nobody waits for any more */
    PROCESS_PINGED,    /* until PONG */
    PROCESS_LEAVING,   /* was told to, or killed: until it is reaped */
};

struct process {
    enum process_state state; /* under the pool's lock, as `ended` and `end` */
    bool ended;
    char end[640]; /* "was killed by signal 11 (Segmentation fault), it printed last: ..." */

    pid_t pid;
    int pidfd, socket, output; /* -1: none */
    struct cgroup group;
    size_t memory_bytes, files_bytes; /* it may take; of files in memory beside; 0: no limit */
    struct shared_memory memory;
    uint64_t id;       /* of the frame sent last */
    uint64_t until_ns; /* what it does must be done by then; else it is killed */
    uint64_t since_ns; /* it is FREE or ABANDONED */
    uint64_t deaf_ns;  /* its output is not read before this */
    bool output_ended;
    bool killed;   /* by us, under the pool's lock */
    char why[192]; /* we killed it */
    bool exceeded; /* its memory_bytes, and the kernel killed it for that; with `end` */
    struct printed printed;
    char *temporary;            /* folder that goes with it; or NULL */
    bool passes;                /* it may pass files */
    int passed;                 /* the one that came with the frame received last; -1: none */
    _Atomic size_t memory_size; /* of the arena, for everybody; not cleared with what is above */
    uint8_t packet[FRAME_BYTES_MAX];
};

struct process_settings { /* of all processes of a servable; owned by the pool */
    struct worker_options options;
    struct text hello;
    unsigned number; /* of the servable */
    char python[4096];
};

/* The interpreter, and what HELLO says: `settings` with its options. UNAVAILABLE without a python3.
 */
enum status process_prepare(struct process_settings *settings, const struct contract *contract,
                            struct error *err) must_check;

/* Start one and say HELLO. */
enum status process_start(struct process *process, const struct process_settings *settings,
                          struct error *err) must_check;
/* Kill it with all that it started; `why` is said when it has ended. Under the pool's lock, as
 * process_reap. */
void process_kill(struct process *process, const char *why);
/* After its pidfd became readable: reap it and say in `end` what happened. */
void process_reap(struct process *process, uint64_t now_ns);
void process_release(struct process *process); /* after process_reap */

/* A frame with the process's next id (or, `again`, the last). Never waits. UNAVAILABLE: it has
 * gone, or does not read. */
enum status process_send(struct process *process, struct frame *frame,
                         const struct frame_tensor *tensors, int fd, bool again, struct error *err)
    must_check;

enum received { RECEIVED_FRAME, RECEIVED_NOTHING, RECEIVED_END, RECEIVED_BAD };
enum { PROCESS_WAIT_MS = 20 }; /* the longest that process_receive waits */
/* The next frame, which lies in process->packet; LOG frames go to what is printed. BAD: not a
 * frame, `err` says why. A descriptor that comes with it is process->passed until the next call, or
 * until it is taken (set to -1). */
enum received process_receive(struct process *process, bool wait, struct frame *frame,
                              struct error *err);

/* The text of a frame, wherever it lies, quoted, into `buffer`. */
void process_text(const struct process *process, const struct frame *frame, char *buffer,
                  size_t size);

/* Another arena, of `size` bytes or more. */
enum status process_grow(struct process *process, size_t size, size_t limit, struct error *err)
    must_check;

/* Has it, with all that it started, taken more than memory_bytes? `why` says so. */
bool process_exceeds(const struct process *process, char *why, size_t size);
/* Bytes of memory of a process and all its descendants, without what is mapped from files. */
size_t process_memory(const struct process *process);
/* The same of any; `arena`: bytes of memory that it shares with us, which do not count. */
size_t family_memory(pid_t pid, size_t arena);

uint64_t worker_now_ns(void);
