// SPDX-License-Identifier: Apache-2.0
/* Chains of elementwise operators over one shape, of floats: each block of a few KiB goes through
 * all of them while it is in the L1 cache. */
#pragma once

#include "ops/fast/elementwise/binary.h"
#include "ops/fast/elementwise/unary.h"

enum { CHAIN_INPUTS_MAX = 8, CHAIN_STEPS_MAX = 12 };

/* One operator. Operands are inputs, by number, and results of earlier steps, numbered after the
 * inputs. */
struct chain_step {
    struct unary unary; /* function UNARY_NONE: two operands */
    enum binary_function binary;
    size_t a, b;
    size_t slot; /* of the memory for results: chain_plan */
};

struct chain {
    size_t input_count, step_count; /* the last step's result is the chain's */
    struct chain_step steps[CHAIN_STEPS_MAX];
};

/* Repeats after `period` elements: 1 for a scalar, the whole count for an input of full shape. */
struct chain_input {
    const float *data;
    size_t period;
};

/* Give each step's result a slot that nobody needs any more. */
void chain_plan(struct chain *chain);

/* y: `count` floats; may be an input of full shape. */
void chain_run(const struct chain *chain, const struct chain_input *inputs, float *y, size_t count,
               struct team *team);
/* The same with the reference functions, each result rounded to float. */
void chain_exact(const struct chain *chain, const struct chain_input *inputs, float *y,
                 size_t count);

/* "Add" and so on, or BINARY_NONE: what a chain takes of two operands. */
enum binary_function chain_binary(const char *name);
