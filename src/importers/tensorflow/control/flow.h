// SPDX-License-Identifier: Apache-2.0
/* What the files about the flow of control share (model/flow.c, flow_use.c, conditions.c). */
#pragma once

#include "importers/tensorflow/control/control.h"

enum { TF_SIDE_MASK = 0xFFFF }; /* of a condition: its side; the rest is the predicate */
#define TF_NOWHERE UINT32_MAX

static inline uint32_t tf_flow_index(const struct tf_flow *flow, const struct tf_node *node)
{
    return (uint32_t)(node - flow->graph->nodes);
}

/* Sets: those that are made return NULL for too many, or no memory, also when they are given it. */
extern const struct tf_conditions TF_NO_CONDITIONS;
/* Has `a` all that `b` has? */
bool tf_conditions_include(const struct tf_conditions *a, const struct tf_conditions *b);
bool tf_conditions_have(const struct tf_conditions *set, uint64_t condition);
const struct tf_conditions *tf_conditions_join(const struct tf_conditions *a,
                                               const struct tf_conditions *b, struct arena *keep);
const struct tf_conditions *tf_conditions_with(const struct tf_conditions *set, uint64_t condition,
                                               struct arena *keep);
/* Without those about `predicate`. */
const struct tf_conditions *tf_conditions_without(const struct tf_conditions *set,
                                                  uint64_t predicate, struct arena *keep);
/* The side of `predicate`; -1: none. */
int tf_conditions_side(const struct tf_conditions *set, uint64_t predicate);
