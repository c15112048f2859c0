// SPDX-License-Identifier: Apache-2.0
/* Trees of ai.onnx.ml, read from the attributes of a node. */
#pragma once

#include "ops/kernels/ml/trees.h"
#include "ops/op.h"

struct reading {
    const struct op_call *call;
    struct arena *scratch;
    struct trees trees;
    struct tree_node *nodes;
    int32_t *roots;
};

/* A list of `want` integers. */
enum status reading_ints(struct reading *r, const char *name, size_t want, const int64_t **list,
                         struct error *err) must_check;
/* A list of floats, or as a tensor under NAME_as_tensor (doubles). NULL when absent. */
enum status reading_numbers(struct reading *r, const char *name, const double **list, size_t *count,
                            struct error *err) must_check;
/* What no index is stays none. */
static inline int32_t reading_narrow(int64_t value)
{
    return value < 0 || value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* Into r->trees, r->nodes and r->roots; r->trees.outputs and the aggregate are set.
 * named: nodes by tree and number; the weights of leaves in lists "PREFIX_...", their outputs in
 * the list `outputs_name`. indexed: nodes, roots and leaves by their places. */
enum status trees_read_named(struct reading *r, const char *prefix, const char *outputs_name,
                             struct error *err) must_check;
enum status trees_read_indexed(struct reading *r, struct error *err) must_check;
