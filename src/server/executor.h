// SPDX-License-Identifier: Apache-2.0
/* Executor: what a thread that runs requests owns: its number (for sessions and pins of models) and
 * the memory of the request at hand. */
#pragma once

#include "base/arena.h"

struct executor {
    unsigned index;     /* 0 ..., one a thread */
    bool io;            /* an I/O thread: nothing that it runs may wait */
    bool control;       /* a control thread: may wait for the disk and for models */
    struct arena arena; /* emptied after each request */
};
