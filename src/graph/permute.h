// SPDX-License-Identifier: Apache-2.0
/* How a node looks when its tensors have their dimensions in another order: which operators do not
 * care, and how their axes, pads, scales are written then. What the layout passes share. */
#pragma once

#include "graph/internal.h"

/* The order `perm`: dimension i of the new tensor is dimension perm[i] of the old one. */
struct order {
    int rank;
    int64_t perm[RANK_MAX];
};

struct order order_channels_last(int rank);  /* 0, 2, 3 ..., 1 */
struct order order_channels_first(int rank); /* 0, rank - 1, 1, 2 ... */
bool order_is_identity(const struct order *order);
struct order order_then(const struct order *first, const struct order *second);
struct order order_back(const struct order *order);
/* Where the old axis is in the new tensor. */
int order_axis(const struct order *order, int64_t axis);
/* Are the same elements in the same place, because what moves has one element? */
bool order_is_view(const struct order *order, const struct shape *shape);

/* The order of a Transpose; false when the node is none, or its rank is not known. */
bool order_of(const struct graph *graph, const struct node *node, struct order *order);

/* transposed = Transpose(value), or value itself; a constant or a value of fewer dimensions is
 * filled up with leading 1s first. One element stays as it is. */
enum status order_apply(struct graph *graph, const struct order *order, value_id value,
                        value_id *ordered, struct error *err) must_check;

/* A node that gives the same in another order of its tensors' dimensions. */
struct permutable {
    const struct permute_rule *rule; /* NULL: it is not */
    int rank;                        /* of the tensors */
    size_t tensors;                  /* the first inputs are these; the others stay */
    bool outputs;                    /* do the outputs change too, or only the inputs? */
};

struct permutable permutable_of(const struct graph *graph, const struct node *node,
                                const struct order *order);
/* Is input `i` a whole tensor (not a small one that is broadcast, not a constant)? */
bool permutable_input(const struct graph *graph, const struct node *node,
                      const struct permutable *permutable, size_t i);

/* The node over `inputs`, (node->input_count,), the first of which are in the new order already. */
enum status permutable_make(struct graph *graph, const struct node *node, const struct order *order,
                            const value_id *inputs, value_id *outputs, struct error *err)
    must_check;
