// SPDX-License-Identifier: Apache-2.0
/* Executor: what a thread that runs requests owns: its number (for sessions and pins of models) and
 * the memory of the request at hand. */
#pragma once

#include "base/arena.h"

struct executor {
    unsigned index;     /* 0 ..., one a thread */
    bool io;            /* an I/O thread: nothing that it runs may wait */
    bool control;       /* a control thread: may wait for the disk and for models */
    bool waits;         /* a waiting thread: may wait for workers */
    struct arena arena; /* emptied after each request */
};

enum { EXECUTOR_BYTES_KEPT = 8 << 20 }; /* memory of larger requests is given back after them */

static inline void executor_reset(struct executor *executor)
{
    if (executor->arena.used > EXECUTOR_BYTES_KEPT)
        arena_release(&executor->arena);
    else
        arena_reset(&executor->arena);
}
