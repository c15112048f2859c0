// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/trees.h"

#include <math.h>

#include "test.h"

enum { FEATURES = 7, NODES_MAX = 4096, LEAVES_MAX = 4096 };

static uint64_t seed;
static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}

struct forest { /* random trees in the neutral form */
    struct trees trees;
    struct tree_node nodes[NODES_MAX];
    int32_t roots[64], targets[LEAVES_MAX];
    double values[LEAVES_MAX * 3];
};

/* Thresholds and inputs come from few values, so that ties happen. */
static double coarse(bool exact)
{
    double value = floor(uniform() * 16) / 4 - 2;

    return exact ? value : value + (uniform() < 0.5 ? 1e-12 : 0);
}

static int32_t grow(struct forest *f, int depth, int depth_max, enum tree_mode mode, bool missing)
{
    int32_t index = (int32_t)f->trees.node_count++;
    struct tree_node *node = &f->nodes[index];

    if (depth == depth_max || uniform() < 0.2 || f->trees.node_count > NODES_MAX - 2 * 64) {
        *node = (struct tree_node){.feature = -1, .left = (int32_t)f->trees.leaf_count};
        f->trees.leaf_count++;
        return index;
    }
    *node = (struct tree_node){.feature = (int32_t)(uniform() * FEATURES),
                               .threshold = coarse(false),
                               .mode = (uint8_t)mode,
                               .missing_left = missing && uniform() < 0.5};
    int32_t left = grow(f, depth + 1, depth_max, mode, missing);
    int32_t right = uniform() < 0.3 ? grow(f, depth_max, depth_max, mode, missing)
                                    : grow(f, depth + 1, depth_max, mode, missing);
    node = &f->nodes[index];
    node->left = left;
    node->right = right;
    return index;
}

static void forest_make(struct forest *f, size_t trees, int depth, size_t outputs,
                        enum tree_mode mode, bool missing, bool f32)
{
    memset(f, 0, sizeof *f);
    for (size_t t = 0; t < trees; t++)
        f->roots[t] = grow(f, 0, depth, mode, missing);
    for (size_t i = 0; i < LEAVES_MAX * 3; i++)
        f->values[i] = uniform() - 0.5;
    f->trees.features = FEATURES;
    f->trees.outputs = outputs;
    f->trees.tree_count = trees;
    f->trees.roots = f->roots;
    f->trees.nodes = f->nodes;
    f->trees.values = f->values;
    f->trees.compare_f32 = f32;
}

/* The definition, on the form as given: independent of what compile makes of it. */
static void evaluate(const struct forest *f, const double *x, double *y)
{
    const struct trees *trees = &f->trees;

    memset(y, 0, trees->outputs * sizeof *y);
    for (size_t t = 0; t < trees->tree_count; t++) {
        const struct tree_node *node = &f->nodes[f->roots[t]];
        while (node->feature >= 0) {
            double v = trees->compare_f32 ? (double)(float)x[node->feature] : x[node->feature];
            bool left = isnan(v)                 ? node->missing_left
                        : node->mode == TREE_LEQ ? v <= node->threshold
                        : node->mode == TREE_LT  ? v < node->threshold
                        : node->mode == TREE_GTE ? v >= node->threshold
                                                 : v > node->threshold;
            node = &f->nodes[left ? node->left : node->right];
        }
        for (size_t k = 0; k < trees->outputs; k++)
            y[k] += f->values[(size_t)node->left * trees->outputs + k];
    }
}

static void check_forest(const struct forest *f, bool missing)
{
    enum { ROWS = 203 };
    static double x[ROWS * FEATURES], y[ROWS * 3], one[3];
    struct compiled_trees *compiled;
    struct arena arena;
    struct error err;
    void *scratch;

    arena_init(&arena, 64 << 20);
    CHECK_OK(trees_compile(&f->trees, &compiled, &arena, &err), err);
    scratch = arena_alloc(&arena, 1, trees_scratch_size(compiled));
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        x[i] = missing && uniform() < 0.1 ? NAN
               : uniform() < 0.05         ? (uniform() < 0.5 ? INFINITY : -0.0)
                                          : coarse(uniform() < 0.5);
    for (size_t rows = 1; rows <= ROWS; rows += 101) {
        trees_run_f64(compiled, x, rows, FEATURES, scratch, y);
        for (size_t row = 0; row < rows; row++) {
            evaluate(f, x + row * FEATURES, one);
            for (size_t k = 0; k < f->trees.outputs; k++)
                if (one[k] != y[row * f->trees.outputs + k])
                    fail_msg("row %zu output %zu: %.17g is not %.17g", row, k,
                             y[row * f->trees.outputs + k], one[k]);
        }
    }
    arena_release(&arena);
}

TEST(trees_agree_with_their_definition)
{
    static struct forest f;

    for (int round = 0; round < 240; round++) {
        seed = (uint64_t)round;
        forest_make(&f, (size_t)(1 + round % 21), round % 16, (size_t)(1 + round % 3),
                    (enum tree_mode)(round / 3 % 4), round % 2, round / 2 % 2);
        check_forest(&f, round % 4 < 3);
    }
}

TEST(trees_that_are_broken_are_refused)
{
    static struct forest f;
    struct compiled_trees *compiled;
    struct arena arena;
    struct error err;

    seed = 7;
    arena_init(&arena, 64 << 20);
    forest_make(&f, 2, 5, 1, TREE_LEQ, false, true);
    f.nodes[f.roots[1]] = (struct tree_node){.feature = 0, .left = f.roots[1], .right = f.roots[1]};
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT,
                "reached twice");
    f.nodes[f.roots[1]] = (struct tree_node){.feature = FEATURES, .left = 1, .right = 2};
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT,
                "feature");
    f.nodes[f.roots[1]] = (struct tree_node){.feature = 1, .left = 1 << 30, .right = 2};
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT,
                "child");
    f.nodes[f.roots[1]] = (struct tree_node){.feature = -1, .left = 1 << 30};
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT,
                "leaf values");
    f.nodes[f.roots[1]] = (struct tree_node){.feature = 1, .left = 1, .right = 2, .threshold = NAN};
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT, "NaN");
    f.roots[1] = -1;
    CHECK_FAILS(trees_compile(&f.trees, &compiled, &arena, &err), err, STATUS_INVALID_INPUT,
                "no root");
    arena_release(&arena);
}

TEST(trees_with_sets_and_extremes)
{
    static struct forest f;
    uint64_t sets[] = {1u << 3 | 1u << 5, 1};
    double x[FEATURES * 5] = {0}, y[5];
    struct compiled_trees *compiled;
    struct arena arena;
    struct error err;
    void *scratch;

    memset(&f, 0, sizeof f);
    f.nodes[0] = (struct tree_node){.feature = 2,
                                    .mode = TREE_MEMBER,
                                    .set = 0,
                                    .set_words = 2,
                                    .left = 1,
                                    .right = 2,
                                    .outside_left = true};
    f.nodes[1] = (struct tree_node){.feature = -1, .left = 0};
    f.nodes[2] = (struct tree_node){.feature = -1, .left = 1};
    f.values[0] = 10;
    f.values[1] = 20;
    f.trees = (struct trees){.features = FEATURES,
                             .outputs = 1,
                             .tree_count = 1,
                             .node_count = 3,
                             .leaf_count = 2,
                             .roots = f.roots,
                             .nodes = f.nodes,
                             .values = f.values,
                             .sets = sets,
                             .set_count = 2,
                             .aggregate = TREES_MAX};
    x[2] = 3, x[FEATURES + 2] = 4, x[2 * FEATURES + 2] = 64, x[3 * FEATURES + 2] = 1e300,
    x[4 * FEATURES + 2] = NAN;
    arena_init(&arena, 1 << 20);
    CHECK_OK(trees_compile(&f.trees, &compiled, &arena, &err), err);
    scratch = arena_alloc(&arena, 1, trees_scratch_size(compiled));
    trees_run_f64(compiled, x, 5, FEATURES, scratch, y);
    CHECK_INT(y[0], 10);
    CHECK_INT(y[1], 20);
    CHECK_INT(y[2], 10);
    CHECK_INT(y[3], 10);
    CHECK_INT(y[4], 20);
    arena_release(&arena);
}

/* Two trees of one leaf each: MIN is of the trees that say something of an output, 0 of none. */
TEST(trees_of_other_outputs_have_no_part_in_a_minimum)
{
    static const struct tree_node NODES[] = {{.feature = -1, .left = 0},
                                             {.feature = -1, .left = 1}};
    static const int32_t ROOTS[] = {0, 1}, TARGETS[] = {0, 1};
    static const double TARGET_VALUES[] = {3, 5}, DENSE[] = {3, NAN, NAN, 4, 5, NAN};
    struct trees trees = {.features = 1,
                          .outputs = 3,
                          .tree_count = 2,
                          .node_count = 2,
                          .leaf_count = 2,
                          .roots = ROOTS,
                          .nodes = NODES,
                          .values = TARGET_VALUES,
                          .targets = TARGETS,
                          .aggregate = TREES_MIN};
    struct compiled_trees *compiled;
    struct arena arena;
    struct error err;
    double x = 1, y[3];

    arena_init(&arena, 1 << 20);
    CHECK_OK(trees_compile(&trees, &compiled, &arena, &err), err);
    trees_run_general_f64(compiled, &x, 1, y);
    CHECK_INT(y[0], 3);
    CHECK_INT(y[1], 5);
    CHECK_INT(y[2], 0);
    trees.targets = NULL;
    trees.values = DENSE;
    CHECK_OK(trees_compile(&trees, &compiled, &arena, &err), err);
    trees_run_general_f64(compiled, &x, 1, y);
    CHECK_INT(y[0], 3);
    CHECK_INT(y[1], 5);
    CHECK_INT(y[2], 0);
    arena_release(&arena);
}
