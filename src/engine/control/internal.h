// SPDX-License-Identifier: Apache-2.0
/* Control flow at run time, inside. */
#pragma once

#include "engine/internal.h"

struct running {
    const struct op_call *call;
    const struct control_step *step;
    struct native_session *session;
    struct arena *memory;   /* until the session's next run */
    struct tensor *results; /* (out_count,) */
    bool placed;            /* call->out has shapes and memory */
};

/* TOO_LARGE: the memory of the run is used up. */
enum status running_no_room(const struct running *r, struct error *err) must_check;

/* The plan of a body for these inputs, and the session that runs it. Counts the round. */
enum status body_plan(struct running *r, size_t body, const struct tensor *inputs,
                      struct native_session **child, struct plan **plan, struct error *err)
    must_check;
enum status body_run(struct running *r, size_t body, const struct tensor *inputs,
                     struct tensor *outputs, struct error *err) must_check;

/* --- what is carried from round to round --- */

/* Memory that grows; what is left behind stays in the arena. */
struct block {
    char *data;
    size_t size;
};

enum status block_reserve(struct running *r, struct block *block, size_t used, size_t size,
                          struct error *err) must_check;

/* A value that goes from round to round, in one of two blocks: bodies may exchange two of them. */
struct carried {
    struct tensor value;
    struct block blocks[2];
    int at;     /* the block that `value` is in, or was last */
    bool owned; /* it is in a block */
};

/* The body is going to write over it: give it memory of its own. */
enum status carried_own(struct running *r, struct carried *carried, struct error *err) must_check;
/* `next`: what the body gave, in the order of the states. */
enum status carry_all(struct running *r, struct carried *states, const struct tensor *next,
                      size_t count, struct error *err) must_check;

/* --- what the body gave --- */

/* INVALID_INPUT where an output of a later round is not of the first one's type and shape. */
enum status running_same_step(const struct running *r, size_t output, const struct tensor *first,
                              const struct tensor *next, int64_t round, struct error *err)
    must_check;
/* What an output is when no round ran: as far as known, the rest 0. */
struct tensor output_of_no_round(const struct tensor *described);
enum status running_wants_one(const struct running *r, const struct tensor *tensor,
                              const char *what, struct error *err) must_check;

static inline bool flag_of(const struct tensor *tensor)
{
    return *(const bool *)tensor->data;
}

/* --- loop.c, scan.c --- */

enum status run_loop(struct running *r, struct error *err) must_check;
enum status run_scan(struct running *r, struct error *err) must_check;
