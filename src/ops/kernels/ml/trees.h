// SPDX-License-Identifier: Apache-2.0
/* Tree ensembles: one neutral form for every framework's trees, checked and compiled once per
 * model, walked per request.
 *
 * Three walkers: *perfect* (shallow trees as breadth-first arrays: child = 2i + (x > threshold),
 * no branch), *linked* (deep or lopsided trees: 16-byte nodes, leaves that point to themselves),
 * and *general* (every mode, missing directions, sets). The first two compare order-preserving
 * integer keys and interleave eight walks; they take the rows without a missing value. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum tree_mode {
    TREE_LEQ,
    TREE_LT,
    TREE_GTE,
    TREE_GT,
    TREE_EQ,
    TREE_NEQ,
    TREE_MEMBER,
    TREE_LISTED
};

struct tree_node {
    double threshold;
    int32_t feature;     /* column of x; -1: a leaf */
    int32_t left, right; /* nodes where the test holds and where it fails; a leaf: left is the
                            leaf's row of `values` */
    uint8_t mode;        /* enum tree_mode */
    bool missing_left;   /* NaN goes left; else right */
    bool outside_left;   /* TREE_MEMBER: what is no whole number inside the set's words goes left */
    int32_t set;         /* TREE_MEMBER: first word in `sets` */
    int32_t set_words;   /* 64 members a word, bit i of word w stands for 64 * w + i */
};

struct trees {
    size_t features, outputs, tree_count, node_count, leaf_count;
    const int32_t *roots;          /* (tree_count,): node */
    const struct tree_node *nodes; /* (node_count,) */
    const double *values;          /* (leaf_count, outputs), or (leaf_count,) with targets;
                              MIN, MAX: NaN where a leaf says nothing of an output */
    const int32_t *targets; /* (leaf_count,): the output that the leaf adds to; NULL: all of them */
    const double *base;     /* (outputs,) or NULL */
    const double *members;  /* TREE_LISTED: x is one of members[set .. set + set_words) */
    size_t member_count;
    const uint64_t *sets;
    size_t set_count; /* words */
    bool compare_f32; /* x is rounded to float before it is compared */
    enum { TREES_SUM, TREES_AVERAGE, TREES_MIN, TREES_MAX } aggregate;
};

struct compiled_trees;

/* Check everything (indices, cycles, shared nodes, modes) and compile. Borrows nothing: what it
 * needs is copied into `keep`. INVALID_INPUT names tree and node. */
enum status trees_compile(const struct trees *trees, struct compiled_trees **compiled,
                          struct arena *keep, struct error *err) must_check;

size_t trees_scratch_size(const struct compiled_trees *trees); /* bytes */
size_t trees_outputs(const struct compiled_trees *trees);
size_t trees_features(const struct compiled_trees *trees);

/* x: rows of `features` floats or doubles, `stride` elements from row to row; y: (rows, outputs).
 * Sums in the order of the trees, in double, starting from base, so that answers are those of
 * scikit-learn to the last bit. */
void trees_run_f64(const struct compiled_trees *trees, const double *x, size_t rows, size_t stride,
                   void *scratch, double *y);
void trees_run_f32(const struct compiled_trees *trees, const float *x, size_t rows, size_t stride,
                   void *scratch, double *y);

/* The same by the general walker alone: the oracle of the two others. */
void trees_run_general_f64(const struct compiled_trees *trees, const double *x, size_t rows,
                           double *y);
