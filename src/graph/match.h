// SPDX-License-Identifier: Apache-2.0
/* What patterns of several nodes are made of, for the passes that look for them. */
#pragma once

#include "graph/internal.h"

/* The one value of a constant input of floats; false when it is none. */
bool match_number(const struct graph *graph, const struct node *node, size_t input, double *number);

/* Within 1e-6: as exporters round. */
bool match_near(double a, double b);

/* node = x op number, or where it commutes number op x: x and the number. `node` may be NULL. */
bool match_with_number(const struct graph *graph, const struct node *node, const char *op,
                       bool commutes, value_id *x, double *number);

/* node = x times number, as Mul or Div. */
bool match_scaled(const struct graph *graph, const struct node *node, value_id *x, double *number);

/* The node that makes input `input`, or NULL. */
const struct node *match_maker(const struct graph *graph, const struct node *node, size_t input);

/* The node that makes the value when it is this operator of domain "", else NULL. */
const struct node *match_op(const struct graph *graph, value_id value, const char *op);

/* Does the Transpose have these dimensions in this order? */
bool match_order(const struct node *node, const int64_t *order, size_t rank);

/* Element `index` of the shape that a Reshape asks for, when it is known; also where the target is
 * put together from parts of which others are not. */
bool match_target(const struct graph *graph, const struct node *reshape, size_t index,
                  int64_t *dim);

/* Axes of a Reduce..., Squeeze, Unsqueeze: from the attribute or a constant input 1. */
bool match_axes(const struct graph *graph, const struct node *node, int64_t *axes, size_t max,
                size_t *count);
