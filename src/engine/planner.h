// SPDX-License-Identifier: Apache-2.0
/* What the files share that make a plan. */
#pragma once

#include "engine/internal.h"

struct planner {
    const struct native *native;
    const struct recipe *recipe;
    struct plan *plan;
    struct slot *slots; /* (slot_count,) */
    struct tensor *in;  /* of the node at hand */
    struct tensor *out; /* (OP_OUTPUTS_MAX,) */
    size_t buffer_capacity;
    size_t dynamic_count; /* of dynamic tensors */
    size_t memory_max;
    struct arena *scratch;
    struct team *team;
    uint32_t *deferred; /* (node_count,): nodes of the recipe that the region behind runs */
    size_t deferred_count;
    bool by_value;
    bool regions; /* defer what depends on dynamic steps */
};

/* Dimensions before the attribute `axis` are all 1, so that what lies one after another along it
 * lies so in memory. */
bool is_outermost(const struct op_call *call, const struct shape *shape);

/* How long each buffer is in use, and which ones share memory: outputs written over inputs, inputs
 * of a Concat written into its output. Some steps have nothing to do then. */
void plan_merge(struct planner *planner);
