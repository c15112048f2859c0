// SPDX-License-Identifier: Apache-2.0
/* The memory of large constants: counted by who reads it, and given back when nobody does. */
#pragma once

#include "graph/graph.h"

struct constant_span { /* data that overlaps is one span */
    const char *start, *end;
    size_t readers;
};

struct constants {
    struct constant_span *spans; /* by address */
    size_t count;
};

enum { CONSTANT_BYTES_MIN = 64 << 10 }; /* smaller ones are left alone */

/* Find the large constants and count their readers: inputs of nodes, outputs of signatures,
 * attributes. Strings are none. */
enum status constants_count(const struct graph *graph, struct constants *constants,
                            struct arena *scratch, struct error *err) must_check;

/* One reader less. What nobody reads any more goes to `spare_to` (may be NULL; see
 * arena_give_back); `forget` (may be NULL) is called when it is not in the graph's arena. */
void constants_release(struct graph *graph, struct constants *constants,
                       const struct tensor *constant, struct arena *spare_to,
                       void (*forget)(void *context, struct bytes bytes), void *context);

/* A pass has made another constant in its place, and its one reader reads that: give it back now.
 */
void constants_drop(struct graph *graph, value_id value);

/* The data of a large constant that nobody else reads, to be changed where it lies; false when it
 * is not in the graph's memory. The value is a constant no more. */
bool constants_take(struct graph *graph, value_id value, struct tensor *taken) must_check;

/* Give back what passes have left without a reader, for later constants. */
enum status constants_sweep(struct graph *graph, struct arena *scratch, struct error *err)
    must_check;
