// SPDX-License-Identifier: Apache-2.0
/* What trees.c compiles and the walkers read. */
#pragma once

#include "ops/kernels/ml/trees.h"

enum {
    TREES_INTERLEAVE = 8,     /* walks that hide each other's load latency */
    TREES_ROW_BLOCK = 64,     /* rows whose keys are made at once */
    TREES_PERFECT_DEPTH = 10, /* deeper trees are linked */
};

/* Thresholds and values as unsigned integers of the same order: 32 bits where the model compares
 * floats, 64 where it compares doubles. */
struct node_u32 {
    uint32_t key, feature;
};
struct node_u64 {
    uint64_t key, feature;
};
struct link_u32 {
    uint32_t key, feature, left,
        leaf; /* right is left + 1; a leaf: left is itself, key the largest */
};
struct link_u64 {
    uint64_t key;
    uint32_t feature, left, leaf, unused;
};

struct tree_layout {
    uint32_t start;  /* of its nodes in the walker's array */
    uint32_t depth;  /* steps to any leaf */
    uint32_t leaves; /* perfect: start of its 2^depth rows in leaf_rows */
};

struct compiled_trees {
    struct trees trees; /* owned copies; modes normalised to LEQ, EQ, NEQ, MEMBER */
    uint32_t *used;     /* (used_count,): features that any node asks */
    size_t used_count;
    bool keyed;         /* perfect or linked can serve rows without missing values */
    bool missing_right; /* no node sends NaN left: NaN's key, the largest, does it right */
    bool perfect;
    struct tree_layout *layouts; /* (tree_count,) */
    void *nodes;                 /* struct node_uNN or link_uNN */
    uint32_t *leaf_rows;         /* perfect: rows of `values` */
};

void trees_walk_u32(const struct compiled_trees *trees, const uint32_t *keys, size_t rows,
                    double *y);
void trees_walk_u64(const struct compiled_trees *trees, const uint64_t *keys, size_t rows,
                    double *y);

/* Add the leaf's row to one row of outputs. */
static inline void leaf_add(const struct trees *trees, uint32_t row, double *y)
{
    if (trees->outputs == 1)
        y[0] += trees->values[row];
    else if (trees->targets)
        y[trees->targets[row]] += trees->values[row];
    else
        for (size_t k = 0; k < trees->outputs; k++)
            y[k] += trees->values[row * trees->outputs + k];
}

/* Adding zero makes -0 to +0, so that both have one key. NaN becomes the largest. */
static inline uint32_t key_of_f32(float value)
{
    uint32_t bits;

    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return UINT32_MAX;
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000u);
}

static inline uint64_t key_of_f64(double value)
{
    uint64_t bits;

    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return UINT64_MAX;
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | 0x8000000000000000u);
}
