// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/trees.h"

#include <math.h>

#include "base/checked.h"
#include "ops/kernels/ml/trees_internal.h"

/* --- checking --- */

static enum status node_error(struct error *err, size_t tree, int32_t node, const char *what)
{
    return error_set(err, STATUS_INVALID_INPUT, "tree %zu, node %d: %s", tree, (int)node, what);
}

static enum status node_check(const struct trees *trees, size_t tree, int32_t index,
                              struct error *err)
{
    const struct tree_node *node = &trees->nodes[index];

    if (node->feature < 0) {
        if (node->left < 0 || (size_t)node->left >= trees->leaf_count)
            return node_error(err, tree, index, "its leaf values are missing");
        return STATUS_OK;
    }
    if ((size_t)node->feature >= trees->features)
        return node_error(err, tree, index, "it asks for a feature that the model does not have");
    if (node->left < 0 || (size_t)node->left >= trees->node_count || node->right < 0 ||
        (size_t)node->right >= trees->node_count)
        return node_error(err, tree, index, "a child does not exist");
    if (node->mode > TREE_LISTED)
        return node_error(err, tree, index, "its mode is unknown");
    if (node->mode >= TREE_MEMBER &&
        (node->set < 0 || node->set_words < 0 ||
         !checked_range((uint64_t)node->set, (uint64_t)node->set_words,
                        node->mode == TREE_MEMBER ? trees->set_count : trees->member_count)))
        return node_error(err, tree, index, "its set is out of range");
    if (node->mode < TREE_MEMBER && isnan(node->threshold))
        return node_error(err, tree, index, "its threshold is NaN");
    return STATUS_OK;
}

struct walk { /* the check's own stack, because depth is the file's to choose */
    int32_t node;
    uint32_t depth;
};

/* Every node is reached at most once, from one root: no cycle, no shared subtree. */
static enum status trees_check(const struct trees *trees, uint32_t *depths, struct arena *scratch,
                               struct error *err)
{
    uint8_t *seen = arena_new(scratch, uint8_t, trees->node_count);
    struct walk *stack = arena_new(scratch, struct walk, trees->node_count + 1);

    if (!seen || !stack)
        return error_no_memory(err, "checking trees");
    for (size_t t = 0; t < trees->tree_count; t++) {
        size_t height = 0;
        if (trees->roots[t] < 0 || (size_t)trees->roots[t] >= trees->node_count)
            return error_set(err, STATUS_INVALID_INPUT, "tree %zu has no root", t);
        stack[height++] = (struct walk){trees->roots[t], 0};
        while (height) {
            struct walk at = stack[--height];
            const struct tree_node *node = &trees->nodes[at.node];
            if (seen[at.node]++)
                return node_error(err, t, at.node, "it is reached twice");
            TRY(node_check(trees, t, at.node, err));
            if (at.depth > depths[t])
                depths[t] = at.depth;
            if (node->feature < 0)
                continue;
            if (height + 2 > trees->node_count + 1)
                return node_error(err, t, at.node, "the tree runs in a circle");
            stack[height++] = (struct walk){node->right, at.depth + 1};
            stack[height++] = (struct walk){node->left, at.depth + 1};
        }
    }
    return STATUS_OK;
}

/* --- normal form --- */

/* The largest value below t that a comparison can meet. */
static double below(double t, bool f32)
{
    if (!f32)
        return nextafter(t, -INFINITY);
    return (double)t > (double)(float)t ? (double)(float)t
                                        : (double)nextafterf((float)t, -INFINITY);
}

/* Every order test as "x <= threshold", exactly, by stepping the threshold or swapping children. */
static void node_normalise(struct tree_node *node, bool f32)
{
    int32_t left = node->left;

    if (node->feature < 0 || node->mode >= TREE_EQ)
        return;
    if (node->mode == TREE_GTE || node->mode == TREE_GT) {
        node->left = node->right;
        node->right = left;
        node->missing_left = !node->missing_left;
        node->mode = node->mode == TREE_GTE ? TREE_LT : TREE_LEQ;
    }
    if (node->mode == TREE_LT) {
        /* nothing is below -infinity: NaN as threshold makes the test fail always */
        node->threshold = node->threshold == -INFINITY ? NAN : below(node->threshold, f32);
        node->mode = TREE_LEQ;
    }
}

static uint64_t threshold_key(const struct trees *trees, double threshold)
{
    float rounded;

    if (!trees->compare_f32)
        return key_of_f64(threshold);
    rounded = (float)threshold;
    if ((double)rounded > threshold)
        rounded = nextafterf(rounded, -INFINITY);
    return key_of_f32(rounded);
}

static bool has_fast_form(const struct trees *trees, bool *missing_right)
{
    *missing_right = true;
    if (trees->aggregate > TREES_AVERAGE)
        return false;
    for (size_t i = 0; i < trees->node_count; i++) {
        const struct tree_node *node = &trees->nodes[i];
        if (node->feature < 0)
            continue;
        if (node->mode != TREE_LEQ || isnan(node->threshold))
            return false;
        if (node->missing_left)
            *missing_right = false;
    }
    return true;
}

/* Features that are asked, and for each feature its column of the keys. */
static enum status used_features(struct compiled_trees *compiled, uint32_t **columns,
                                 struct arena *keep, struct arena *scratch, struct error *err)
{
    const struct trees *trees = &compiled->trees;
    uint32_t *column = arena_new(scratch, uint32_t, trees->features);
    uint32_t *used = arena_new(keep, uint32_t, trees->features);

    if (!column || !used)
        return error_no_memory(err, "features of trees");
    for (size_t i = 0; i < trees->node_count; i++)
        if (trees->nodes[i].feature >= 0)
            column[trees->nodes[i].feature] = 1;
    for (size_t f = 0; f < trees->features; f++)
        if (column[f]) {
            column[f] = (uint32_t)compiled->used_count;
            used[compiled->used_count++] = (uint32_t)f;
        }
    compiled->used = used;
    *columns = column;
    return STATUS_OK;
}

/* --- layouts --- */

static void perfect_set(void *nodes, bool f32, size_t at, uint64_t key, uint32_t feature)
{
    if (f32)
        ((struct node_u32 *)nodes)[at] = (struct node_u32){(uint32_t)key, feature};
    else
        ((struct node_u64 *)nodes)[at] = (struct node_u64){key, feature};
}

/* Lay the subtree at `index` out below place `place` (1-based, `level` deep). Recursion is at most
 * TREES_PERFECT_DEPTH deep. Shallow leaves go down to the left: nothing is above the largest key.
 */
static void perfect_fill(struct compiled_trees *compiled, const struct tree_layout *layout,
                         const uint32_t *columns, int32_t index, size_t place, uint32_t level)
{
    const struct trees *trees = &compiled->trees;
    const struct tree_node *node = &trees->nodes[index];

    if (level == layout->depth) {
        compiled->leaf_rows[layout->leaves + place - ((size_t)1 << layout->depth)] =
            (uint32_t)node->left;
        return;
    }
    if (node->feature < 0) {
        perfect_set(compiled->nodes, trees->compare_f32, layout->start + place, UINT64_MAX, 0);
        perfect_fill(compiled, layout, columns, index, 2 * place, level + 1);
        perfect_fill(compiled, layout, columns, index, 2 * place + 1, level + 1);
        return;
    }
    perfect_set(compiled->nodes, trees->compare_f32, layout->start + place,
                threshold_key(trees, node->threshold), columns[node->feature]);
    perfect_fill(compiled, layout, columns, node->left, 2 * place, level + 1);
    perfect_fill(compiled, layout, columns, node->right, 2 * place + 1, level + 1);
}

static enum status layout_perfect(struct compiled_trees *compiled, const uint32_t *depths,
                                  const uint32_t *columns, struct arena *keep, struct error *err)
{
    const struct trees *trees = &compiled->trees;
    size_t node_size = trees->compare_f32 ? sizeof(struct node_u32) : sizeof(struct node_u64);
    size_t total = 0;

    for (size_t t = 0; t < trees->tree_count; t++) {
        size_t group = t / TREES_INTERLEAVE * TREES_INTERLEAVE;
        uint32_t depth = 0;
        for (size_t i = group; i < group + TREES_INTERLEAVE && i < trees->tree_count; i++)
            depth = depths[i] > depth ? depths[i] : depth;
        compiled->layouts[t] = (struct tree_layout){(uint32_t)total, depth, (uint32_t)total};
        total += (size_t)1 << depth;
    }
    compiled->nodes = arena_alloc(keep, total, node_size);
    compiled->leaf_rows = arena_new(keep, uint32_t, total);
    if (!compiled->nodes || !compiled->leaf_rows)
        return error_no_memory(err, "trees");
    for (size_t t = 0; t < trees->tree_count; t++)
        perfect_fill(compiled, &compiled->layouts[t], columns, trees->roots[t], 1, 0);
    compiled->perfect = true;
    return STATUS_OK;
}

struct link { /* a node of the source and its place in the layout */
    int32_t node;
    uint32_t place;
};

static void link_set(void *nodes, bool f32, uint32_t at, uint64_t key, uint32_t feature,
                     uint32_t left, uint32_t leaf)
{
    if (f32)
        ((struct link_u32 *)nodes)[at] = (struct link_u32){(uint32_t)key, feature, left, leaf};
    else
        ((struct link_u64 *)nodes)[at] = (struct link_u64){key, feature, left, leaf, 0};
}

static enum status layout_linked(struct compiled_trees *compiled, const uint32_t *columns,
                                 struct arena *keep, struct arena *scratch, struct error *err)
{
    const struct trees *trees = &compiled->trees;
    bool f32 = trees->compare_f32;
    struct link *queue = arena_new(scratch, struct link, trees->node_count + 1);
    uint32_t total = 0;

    compiled->nodes = arena_alloc(keep, trees->node_count + 1,
                                  f32 ? sizeof(struct link_u32) : sizeof(struct link_u64));
    if (!queue || !compiled->nodes)
        return error_no_memory(err, "trees");
    for (size_t t = 0; t < trees->tree_count; t++) {
        size_t head = 0, tail = 0; /* breadth first: the top of a tree shares cache lines */
        compiled->layouts[t].start = total;
        queue[tail++] = (struct link){trees->roots[t], total++};
        while (head < tail) {
            struct link at = queue[head++];
            const struct tree_node *node = &trees->nodes[at.node];
            if (node->feature < 0) {
                link_set(compiled->nodes, f32, at.place, UINT64_MAX, 0, at.place,
                         (uint32_t)node->left);
                continue;
            }
            link_set(compiled->nodes, f32, at.place, threshold_key(trees, node->threshold),
                     columns[node->feature], total, 0);
            queue[tail++] = (struct link){node->left, total++};
            queue[tail++] = (struct link){node->right, total++};
        }
    }
    return STATUS_OK;
}

/* --- compile --- */

static void *copy_of(const void *data, size_t count, size_t size, struct arena *keep)
{
    void *copy = arena_alloc(keep, count, size);

    if (copy && count)
        memcpy(copy, data, count * size);
    return copy;
}

static enum status trees_copy(const struct trees *from, struct trees *to, struct arena *keep,
                              struct error *err)
{
    size_t values = from->leaf_count;
    struct tree_node *nodes = copy_of(from->nodes, from->node_count, sizeof *nodes, keep);

    if (!from->targets && !checked_multiply(values, from->outputs, &values))
        return error_set(err, STATUS_TOO_LARGE, "too many leaf values");
    *to = *from;
    to->roots = copy_of(from->roots, from->tree_count, sizeof *from->roots, keep);
    to->values = copy_of(from->values, values, sizeof *from->values, keep);
    to->nodes = nodes;
    if (from->targets)
        to->targets = copy_of(from->targets, from->leaf_count, sizeof *from->targets, keep);
    if (from->base)
        to->base = copy_of(from->base, from->outputs, sizeof *from->base, keep);
    if (from->sets)
        to->sets = copy_of(from->sets, from->set_count, sizeof *from->sets, keep);
    if (from->members)
        to->members = copy_of(from->members, from->member_count, sizeof *from->members, keep);
    if (!nodes || (from->members && !to->members) || !to->roots || !to->values ||
        (from->targets && !to->targets) || (from->base && !to->base) || (from->sets && !to->sets))
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < from->node_count; i++)
        node_normalise(&nodes[i], from->compare_f32);
    return STATUS_OK;
}

enum { NODES_MAX = 1 << 30, OUTPUTS_MAX = 1 << 20, FEATURES_MAX = 1 << 26 };

static enum status compile(const struct trees *trees, struct compiled_trees *compiled,
                           struct arena *keep, struct arena *scratch, struct error *err)
{
    uint32_t *depths = arena_new(scratch, uint32_t, trees->tree_count), *columns = NULL;
    uint32_t deepest = 0;

    if (!depths)
        return error_no_memory(err, "trees");
    TRY(trees_check(trees, depths, scratch, err));
    for (size_t i = 0; trees->targets && i < trees->leaf_count; i++)
        if (trees->targets[i] < 0 || (size_t)trees->targets[i] >= trees->outputs)
            return error_set(err, STATUS_INVALID_INPUT, "leaf %zu: output %d does not exist", i,
                             (int)trees->targets[i]);
    TRY(trees_copy(trees, &compiled->trees, keep, err));
    TRY(used_features(compiled, &columns, keep, scratch, err));
    compiled->layouts = arena_new(keep, struct tree_layout, trees->tree_count);
    if (!compiled->layouts)
        return error_no_memory(err, "trees");
    compiled->keyed = has_fast_form(&compiled->trees, &compiled->missing_right);
    for (size_t t = 0; t < trees->tree_count; t++)
        deepest = depths[t] > deepest ? depths[t] : deepest;
    if (!compiled->keyed)
        return STATUS_OK;
    if (deepest <= TREES_PERFECT_DEPTH && trees->tree_count <= (UINT32_MAX >> TREES_PERFECT_DEPTH))
        return layout_perfect(compiled, depths, columns, keep, err);
    return layout_linked(compiled, columns, keep, scratch, err);
}

enum status trees_compile(const struct trees *trees, struct compiled_trees **out,
                          struct arena *keep, struct error *err)
{
    struct compiled_trees *compiled = arena_new(keep, struct compiled_trees, 1);
    struct arena scratch;
    enum status status;

    if (!compiled)
        return error_no_memory(err, "trees");
    if (trees->node_count > NODES_MAX || trees->tree_count > NODES_MAX ||
        trees->leaf_count > NODES_MAX || trees->outputs > OUTPUTS_MAX ||
        trees->features > FEATURES_MAX)
        return error_set(err, STATUS_TOO_LARGE,
                         "%zu trees with %zu nodes, %zu outputs, %zu features are too many",
                         trees->tree_count, trees->node_count, trees->outputs, trees->features);
    if (!trees->outputs)
        return error_set(err, STATUS_INVALID_INPUT, "the trees have no output");
    arena_init(&scratch, SIZE_MAX);
    status = compile(trees, compiled, keep, &scratch, err);
    arena_release(&scratch);
    *out = compiled;
    return status;
}

/* --- general walker --- */

static bool is_member(const struct trees *trees, const struct tree_node *node, double x)
{
    uint64_t member;

    if (!(x >= 0) || x >= 64.0 * node->set_words || x != floor(x))
        return node->outside_left;
    member = (uint64_t)x;
    return trees->sets[(size_t)node->set + member / 64] >> (member % 64) & 1;
}

static bool is_listed(const struct trees *trees, const struct tree_node *node, double x)
{
    for (int32_t i = 0; i < node->set_words; i++)
        if (trees->members[node->set + i] == x)
            return true;
    return false;
}

static bool goes_left(const struct trees *trees, const struct tree_node *node, double x)
{
    if (isnan(x))
        return node->missing_left;
    if (node->mode == TREE_LEQ)
        return x <= node->threshold;
    if (node->mode == TREE_EQ)
        return x == node->threshold;
    if (node->mode == TREE_NEQ)
        return x != node->threshold;
    if (node->mode == TREE_LISTED)
        return is_listed(trees, node, x);
    return is_member(trees, node, x);
}

/* y: the extreme so far, NaN before the first. */
static void leaf_extreme(const struct trees *trees, uint32_t row, double *y)
{
    for (size_t k = 0; k < trees->outputs; k++) {
        double value;
        if (trees->targets && (size_t)trees->targets[row] != k)
            continue;
        value = trees->values[trees->targets ? row : row * trees->outputs + k];
        if (isnan(y[k]) || (trees->aggregate == TREES_MIN ? value < y[k] : value > y[k]))
            y[k] = value;
    }
}

static void general_row(const struct trees *trees, const double *x, double *y)
{
    for (size_t t = 0; t < trees->tree_count; t++) {
        const struct tree_node *node = &trees->nodes[trees->roots[t]];
        while (node->feature >= 0) {
            double value = x[node->feature];
            if (trees->compare_f32)
                value = (double)(float)value;
            node = &trees->nodes[goes_left(trees, node, value) ? node->left : node->right];
        }
        if (trees->aggregate <= TREES_AVERAGE)
            leaf_add(trees, (uint32_t)node->left, y);
        else
            leaf_extreme(trees, (uint32_t)node->left, y);
    }
}

/* --- run --- */

static void rows_start(const struct trees *trees, size_t rows, double *y)
{
    bool base = trees->base && trees->aggregate == TREES_SUM;
    double none = trees->aggregate > TREES_AVERAGE ? NAN : 0;

    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < trees->outputs; k++)
            y[row * trees->outputs + k] = base ? trees->base[k] : none;
}

static void rows_end(const struct trees *trees, size_t rows, double *y)
{
    if (trees->aggregate == TREES_SUM)
        return;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < trees->outputs; k++) {
            double *value = &y[row * trees->outputs + k];
            if (isnan(*value) && trees->aggregate > TREES_AVERAGE)
                *value = 0;
            if (trees->aggregate == TREES_AVERAGE && trees->tree_count)
                *value /= (double)trees->tree_count;
            if (trees->base)
                *value += trees->base[k];
        }
}

void trees_run_general_f64(const struct compiled_trees *compiled, const double *x, size_t rows,
                           double *y)
{
    const struct trees *trees = &compiled->trees;

    rows_start(trees, rows, y);
    for (size_t row = 0; row < rows; row++)
        general_row(trees, x + row * trees->features, y + row * trees->outputs);
    rows_end(trees, rows, y);
}

size_t trees_outputs(const struct compiled_trees *compiled)
{
    return compiled->trees.outputs;
}

size_t trees_features(const struct compiled_trees *compiled)
{
    return compiled->trees.features;
}

size_t trees_scratch_size(const struct compiled_trees *compiled)
{
    return TREES_ROW_BLOCK * compiled->used_count * sizeof(uint64_t) +
           compiled->trees.features * sizeof(double);
}

/* Keys of a row; true when it holds a NaN that matters. */
#define ROW_KEYS(x)                                                                                \
    bool missing = false;                                                                          \
    if (compiled->trees.compare_f32)                                                               \
        for (size_t i = 0; i < compiled->used_count; i++) {                                        \
            float value = (float)(x)[compiled->used[i]];                                           \
            missing |= value != value;                                                             \
            ((uint32_t *)keys)[row * compiled->used_count + i] = key_of_f32(value);                \
        }                                                                                          \
    else                                                                                           \
        for (size_t i = 0; i < compiled->used_count; i++) {                                        \
            double value = (double)(x)[compiled->used[i]];                                         \
            missing |= value != value;                                                             \
            ((uint64_t *)keys)[row * compiled->used_count + i] = key_of_f64(value);                \
        }                                                                                          \
    return missing && !compiled->missing_right

static bool row_keys_f64(const struct compiled_trees *compiled, const double *x, size_t row,
                         void *keys)
{
    ROW_KEYS(x);
}

static bool row_keys_f32(const struct compiled_trees *compiled, const float *x, size_t row,
                         void *keys)
{
    ROW_KEYS(x);
}

static void walk(const struct compiled_trees *compiled, const void *keys, size_t rows, double *y)
{
    if (compiled->trees.compare_f32)
        trees_walk_u32(compiled, keys, rows, y);
    else
        trees_walk_u64(compiled, keys, rows, y);
}

/* Rows in blocks: keys for as many as have no missing value, walked together; one that has, alone.
 */
#define RUN(row_keys, widen)                                                                       \
    const struct trees *trees = &compiled->trees;                                                  \
    size_t outputs = trees->outputs, features = trees->features, start = 0;                        \
    double *wide = (double *)scratch;                                                              \
    void *keys = wide + features;                                                                  \
    rows_start(trees, rows, y);                                                                    \
    while (start < rows) {                                                                         \
        size_t count = 0;                                                                          \
        bool general = !compiled->keyed;                                                           \
        while (!general && count < TREES_ROW_BLOCK && start + count < rows) {                      \
            general = row_keys(compiled, x + (start + count) * stride, count, keys);               \
            count += !general;                                                                     \
        }                                                                                          \
        if (count)                                                                                 \
            walk(compiled, keys, count, y + start * outputs);                                      \
        start += count;                                                                            \
        if (general) {                                                                             \
            general_row(trees, widen(x + start * stride, features, wide), y + start * outputs);    \
            start++;                                                                               \
        }                                                                                          \
    }                                                                                              \
    rows_end(trees, rows, y)

static const double *as_is(const double *x, size_t features, double *wide)
{
    (void)features;
    (void)wide;
    return x;
}

static const double *widened(const float *x, size_t features, double *wide)
{
    for (size_t i = 0; i < features; i++)
        wide[i] = (double)x[i];
    return wide;
}

void trees_run_f64(const struct compiled_trees *compiled, const double *x, size_t rows,
                   size_t stride, void *scratch, double *y)
{
    RUN(row_keys_f64, as_is);
}

void trees_run_f32(const struct compiled_trees *compiled, const float *x, size_t rows,
                   size_t stride, void *scratch, double *y)
{
    RUN(row_keys_f32, widened);
}
