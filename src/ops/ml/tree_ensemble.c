// SPDX-License-Identifier: Apache-2.0
/* The trees of ai.onnx.ml: TreeEnsembleRegressor and -Classifier (versions 1 and 3), which name
 * nodes by tree and number, and TreeEnsemble (version 5), which gives indices. */
#include <math.h>
#include <string.h>
#include <stdio.h>

#include "base/text.h"
#include "ops/kernels/ml/pairs.h"
#include "ops/kernels/ml/post_transform.h"
#include "ops/kernels/ml/trees.h"
#include "ops/op.h"

struct state {
    struct compiled_trees *trees;
    enum post_transform post;
    struct tensor labels; /* classifiers: I64 or STRING, (classes,) */
    bool binary;          /* one score decides between two classes */
    bool positive;        /* all weights are >= 0: that score is a probability */
};

struct reading {
    const struct op_call *call;
    struct arena *scratch;
    struct trees trees;
    struct tree_node *nodes;
    int32_t *roots;
};

/* --- attributes --- */

static enum status ints(struct reading *r, const char *name, size_t want, const int64_t **list,
                        struct error *err)
{
    size_t count;

    *list = attribute_ints(r->call->attributes, name, &count);
    if (count != want)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu entries, not %zu", name,
                        count, want);
    return STATUS_OK;
}

/* A list of floats, or as a tensor under NAME_as_tensor (doubles). NULL when absent. */
static enum status numbers(struct reading *r, const char *name, const double **list, size_t *count,
                           struct error *err)
{
    char as_tensor[64];
    const struct tensor *tensor;
    double *wide;

    *list = attribute_floats(r->call->attributes, name, count);
    if (*list)
        return STATUS_OK;
    snprintf(as_tensor, sizeof as_tensor, "%s_as_tensor", name);
    tensor = attribute_tensor(r->call->attributes, as_tensor);
    if (!tensor)
        tensor = attribute_tensor(r->call->attributes, name);
    if (!tensor)
        return STATUS_OK;
    if (!dtype_is_float(tensor->dtype))
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s is %s", name,
                        dtype_name(tensor->dtype));
    *count = tensor_count(tensor);
    wide = arena_new(r->scratch, double, *count);
    if (!wide)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < *count; i++)
        wide[i] = tensor_f64(tensor, i);
    *list = wide;
    return STATUS_OK;
}

static int32_t narrow(int64_t value)
{
    return value < 0 || value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* Features that the trees ask: x may have more. */
static void count_features(struct reading *r)
{
    for (size_t i = 0; i < r->trees.node_count; i++)
        if (r->nodes[i].feature >= 0 && (size_t)r->nodes[i].feature >= r->trees.features)
            r->trees.features = (size_t)r->nodes[i].feature + 1;
}

/* --- versions 1 and 3 --- */

static enum status mode_of(struct reading *r, struct bytes mode, struct tree_node *node,
                           struct error *err)
{
    static const char *const MODES[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(MODES); i++)
        if (bytes_is(mode, MODES[i])) {
            node->mode = (uint8_t)i;
            return STATUS_OK;
        }
    if (bytes_is(mode, "LEAF")) {
        node->feature = -1;
        return STATUS_OK;
    }
    return op_error(r->call, err, STATUS_UNSUPPORTED, "node mode '%s' is unknown",
                    text_quote(mode, quoted, sizeof quoted));
}

static enum status named_nodes(struct reading *r, struct pairs *index, struct error *err)
{
    const struct attributes *attributes = r->call->attributes;
    size_t count, values, missing_count;
    const int64_t *tree = attribute_ints(attributes, "nodes_treeids", &count), *node, *feature,
                  *yes, *no;
    const int64_t *missing =
        attribute_ints(attributes, "nodes_missing_value_tracks_true", &missing_count);
    size_t modes;
    const struct bytes *mode = attribute_strings(attributes, "nodes_modes", &modes);
    int32_t twice;
    const double *value;

    TRY(ints(r, "nodes_nodeids", count, &node, err));
    TRY(ints(r, "nodes_featureids", count, &feature, err));
    TRY(ints(r, "nodes_truenodeids", count, &yes, err));
    TRY(ints(r, "nodes_falsenodeids", count, &no, err));
    TRY(numbers(r, "nodes_values", &value, &values, err));
    if (modes != count || values != count || (missing && missing_count && missing_count != count))
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "%zu nodes have %zu modes and %zu values", count, modes, values);
    r->nodes = arena_new(r->scratch, struct tree_node, count);
    if (!r->nodes || !pairs_index(index, tree, node, count, &twice, r->scratch))
        return error_no_memory(err, "trees");
    if (twice != PAIR_NONE)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "tree %lld has node %lld twice",
                        (long long)tree[twice], (long long)node[twice]);
    for (size_t i = 0; i < count; i++) {
        r->nodes[i] = (struct tree_node){.threshold = value[i],
                                         .feature = narrow(feature[i]),
                                         .missing_left = missing && missing_count && missing[i]};
        TRY(mode_of(r, mode[i], &r->nodes[i], err));
    }
    r->trees.node_count = count;
    return STATUS_OK;
}

/* Children by number, and as roots the nodes that are nobody's child. */
static enum status named_children(struct reading *r, const struct pairs *index, struct error *err)
{
    size_t count;
    const int64_t *tree = attribute_ints(r->call->attributes, "nodes_treeids", &count);
    const int64_t *yes = attribute_ints(r->call->attributes, "nodes_truenodeids", &count);
    const int64_t *no = attribute_ints(r->call->attributes, "nodes_falsenodeids", &count);
    bool *child = arena_new(r->scratch, bool, count);

    r->roots = arena_new(r->scratch, int32_t, count);
    if (!child || !r->roots)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < count; i++) {
        struct tree_node *node = &r->nodes[i];
        if (node->feature < 0) {
            node->left = INT32_MAX; /* until its weights come */
            continue;
        }
        node->left = pairs_find(index, tree[i], yes[i]);
        node->right = pairs_find(index, tree[i], no[i]);
        if (node->left != INT32_MAX)
            child[node->left] = true;
        if (node->right != INT32_MAX)
            child[node->right] = true;
    }
    for (size_t i = 0; i < count; i++)
        if (!child[i])
            r->roots[r->trees.tree_count++] = (int32_t)i;
    if (!r->trees.tree_count && count)
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "no node is a root: the trees run in a circle");
    return STATUS_OK;
}

/* Several weights of one leaf and output; MIN and MAX: NaN before the first. */
static double weights_join(const struct trees *trees, double before, double weight)
{
    if (trees->aggregate == TREES_MIN)
        return fmin(before, weight);
    if (trees->aggregate == TREES_MAX)
        return fmax(before, weight);
    return before + weight;
}

/* Weights of leaves, given as lists of (tree, node, output, weight); dense rows here. */
static enum status named_weights(struct reading *r, const struct pairs *index, const char *prefix,
                                 const char *outputs_name, struct error *err)
{
    char name[32];
    size_t count, weights, leaves = 0, outputs = r->trees.outputs;
    const int64_t *tree, *node, *output;
    const double *weight;
    double *values;

    snprintf(name, sizeof name, "%s_treeids", prefix);
    tree = attribute_ints(r->call->attributes, name, &count);
    snprintf(name, sizeof name, "%s_nodeids", prefix);
    TRY(ints(r, name, count, &node, err));
    TRY(ints(r, outputs_name, count, &output, err));
    snprintf(name, sizeof name, "%s_weights", prefix);
    TRY(numbers(r, name, &weight, &weights, err));
    if (weights != count)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu entries, not %zu", name,
                        weights, count);
    for (size_t i = 0; i < r->trees.node_count; i++)
        if (r->nodes[i].feature < 0)
            r->nodes[i].left = (int32_t)leaves++;
    values = outputs && leaves > (SIZE_MAX >> 8) / outputs
                 ? NULL
                 : arena_new(r->scratch, double, leaves *outputs);
    if (!values)
        return error_no_memory(err, "trees");
    for (size_t i = 0; r->trees.aggregate > TREES_AVERAGE && i < leaves * outputs; i++)
        values[i] = NAN;
    for (size_t i = 0; i < count; i++) {
        int32_t at = pairs_find(index, tree[i], node[i]);
        double *value;
        if (at == INT32_MAX || r->nodes[at].feature >= 0)
            return op_error(r->call, err, STATUS_INVALID_INPUT, "%s: tree %lld has no leaf %lld",
                            name, (long long)tree[i], (long long)node[i]);
        if (output[i] < 0 || (uint64_t)output[i] >= outputs)
            return op_error(r->call, err, STATUS_INVALID_INPUT, "%s is %lld of %zu", outputs_name,
                            (long long)output[i], outputs);
        value = &values[(size_t)r->nodes[at].left * outputs + (size_t)output[i]];
        *value = weights_join(&r->trees, *value, weight[i]);
    }
    r->trees.values = values;
    r->trees.leaf_count = leaves;
    return STATUS_OK;
}

static enum status named_trees(struct reading *r, const char *prefix, const char *outputs_name,
                               struct error *err)
{
    struct pairs index;

    TRY(named_nodes(r, &index, err));
    TRY(named_children(r, &index, err));
    return named_weights(r, &index, prefix, outputs_name, err);
}

/* `outputs`: how many values are expected. */
static enum status base_of(struct reading *r, size_t outputs, struct error *err)
{
    const double *values;
    double *base;
    size_t count;

    TRY(numbers(r, "base_values", &values, &count, err));
    if (!count)
        return STATUS_OK;
    if (count != outputs)
        return op_error(r->call, err, STATUS_UNSUPPORTED, "%zu base values for %zu outputs", count,
                        outputs);
    base = arena_new(r->scratch, double, r->trees.outputs);
    if (!base)
        return error_no_memory(err, "trees");
    memcpy(base, values, count * sizeof *base);
    r->trees.base = base;
    return STATUS_OK;
}

/* --- version 5 --- */

/* The members of each set node follow each other, each list closed by a NaN. */
static enum status indexed_sets(struct reading *r, size_t count, struct error *err)
{
    const double *members;
    size_t total, at = 0;

    TRY(numbers(r, "membership_values", &members, &total, err));
    if (total > INT32_MAX)
        return op_error(r->call, err, STATUS_TOO_LARGE, "it has %zu set members", total);
    for (size_t i = 0; i < count; i++) {
        struct tree_node *node = &r->nodes[i];
        if (node->mode != TREE_MEMBER)
            continue;
        node->mode = TREE_LISTED;
        node->set = (int32_t)at;
        while (at < total && !isnan(members[at]))
            at++;
        node->set_words = (int32_t)at - node->set;
        at += at < total;
    }
    r->trees.members = members;
    r->trees.member_count = total;
    return STATUS_OK;
}

/* A branch of an inner node: another, or a leaf, for which a node of its own is added. */
static int32_t indexed_child(struct reading *r, int64_t index, bool leaf)
{
    if (!leaf)
        return narrow(index);
    r->nodes[r->trees.node_count] = (struct tree_node){.feature = -1, .left = narrow(index)};
    return (int32_t)r->trees.node_count++;
}

static enum status indexed_nodes(struct reading *r, struct error *err)
{
    size_t count, splits, missing_count;
    const int64_t *feature = attribute_ints(r->call->attributes, "nodes_featureids", &count), *yes,
                  *no, *yes_leaf, *no_leaf;
    const int64_t *missing =
        attribute_ints(r->call->attributes, "nodes_missing_value_tracks_true", &missing_count);
    const struct tensor *modes = attribute_tensor(r->call->attributes, "nodes_modes");
    const double *split;

    TRY(ints(r, "nodes_truenodeids", count, &yes, err));
    TRY(ints(r, "nodes_falsenodeids", count, &no, err));
    TRY(ints(r, "nodes_trueleafs", count, &yes_leaf, err));
    TRY(ints(r, "nodes_falseleafs", count, &no_leaf, err));
    TRY(numbers(r, "nodes_splits", &split, &splits, err));
    if (splits != count || !modes || modes->dtype != DTYPE_U8 || tensor_count(modes) != count ||
        (missing_count && missing_count != count) || count > INT32_MAX / 4)
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "its lists of %zu nodes differ in length", count);
    r->nodes = arena_new(r->scratch, struct tree_node, count * 3);
    if (!r->nodes)
        return error_no_memory(err, "trees");
    r->trees.node_count = count;
    for (size_t i = 0; i < count; i++) {
        r->nodes[i] = (struct tree_node){.threshold = split[i],
                                         .feature = narrow(feature[i]),
                                         .mode = ((const uint8_t *)modes->data)[i],
                                         .missing_left = missing_count && missing[i]};
        if (r->nodes[i].mode > TREE_MEMBER)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "node mode %d is unknown",
                            r->nodes[i].mode);
        r->nodes[i].left = indexed_child(r, yes[i], yes_leaf[i]);
        r->nodes[i].right = indexed_child(r, no[i], no_leaf[i]);
    }
    return indexed_sets(r, count, err);
}

static enum status indexed_trees(struct reading *r, struct error *err)
{
    size_t roots, leaves, weights;
    const int64_t *root = attribute_ints(r->call->attributes, "tree_roots", &roots);
    const int64_t *target = attribute_ints(r->call->attributes, "leaf_targetids", &leaves);
    int32_t *targets = arena_new(r->scratch, int32_t, leaves);

    TRY(indexed_nodes(r, err));
    TRY(numbers(r, "leaf_weights", &r->trees.values, &weights, err));
    if (weights != leaves)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%zu leaf weights for %zu targets",
                        weights, leaves);
    r->roots = arena_new(r->scratch, int32_t, roots);
    if (!targets || !r->roots)
        return error_no_memory(err, "trees");
    for (size_t i = 0; i < roots; i++)
        r->roots[i] = narrow(root[i]);
    for (size_t i = 0; i < leaves; i++)
        targets[i] = narrow(target[i]);
    r->trees.tree_count = roots;
    r->trees.targets = targets;
    r->trees.leaf_count = leaves;
    return STATUS_OK;
}

/* --- what the three have in common --- */

static enum status aggregate_of(struct reading *r, struct error *err)
{
    static const char *const NAMES[] = {"SUM", "AVERAGE", "MIN", "MAX"};
    static const int BY_NUMBER[] = {TREES_AVERAGE, TREES_SUM, TREES_MIN, TREES_MAX};
    const struct attribute *attribute = attribute_find(r->call->attributes, "aggregate_function");

    r->trees.aggregate = TREES_SUM;
    if (attribute && attribute->kind == ATTRIBUTE_INT) {
        if (attribute->i < 0 || attribute->i > 3)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "aggregate_function is %lld",
                            (long long)attribute->i);
        r->trees.aggregate = (unsigned)BY_NUMBER[attribute->i];
    }
    if (attribute && attribute->kind == ATTRIBUTE_STRING) {
        size_t i = 0;
        while (i < 4 && !bytes_is(attribute->s, NAMES[i]))
            i++;
        if (i == 4)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "the aggregate_function is unknown");
        r->trees.aggregate = (unsigned)i;
    }
    return STATUS_OK;
}

static enum status post_of(const struct op_call *call, enum post_transform *post, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, "post_transform");

    if (!attribute || attribute->kind != ATTRIBUTE_INT)
        return post_transform_read(call, post, err);
    if (attribute->i < 0 || attribute->i > POST_PROBIT)
        return op_error(call, err, STATUS_UNSUPPORTED, "post_transform is %lld",
                        (long long)attribute->i);
    *post = (enum post_transform)attribute->i;
    return STATUS_OK;
}

static enum status compile(struct reading *r, struct state *state, struct arena *keep,
                           struct error *err)
{
    r->trees.nodes = r->nodes;
    r->trees.roots = r->roots;
    r->trees.compare_f32 = r->call->in[0].dtype == DTYPE_F32;
    count_features(r);
    if (trees_compile(&r->trees, &state->trees, keep, err))
        return error_within(err, "%s", r->call->op->name);
    return STATUS_OK;
}

static int64_t target_count(const struct op_call *call)
{
    return attribute_int(call->attributes, "n_targets", 1);
}

static enum status read_regressor(struct reading *r, struct state *state, struct error *err)
{
    int64_t targets = target_count(r->call);

    (void)state;
    if (targets < 1 || targets > 1 << 20)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "n_targets is %lld",
                        (long long)targets);
    r->trees.outputs = (size_t)targets;
    TRY(aggregate_of(r, err));
    if (!strcmp(r->call->op->name, "TreeEnsemble"))
        return indexed_trees(r, err);
    TRY(named_trees(r, "target", "target_ids", err));
    return base_of(r, r->trees.outputs, err);
}

static enum status labels_of(const struct op_call *call, struct tensor *labels, struct error *err)
{
    size_t ints, strings;
    const int64_t *numbers = attribute_ints(call->attributes, "classlabels_int64s", &ints);
    const struct bytes *texts =
        attribute_strings(call->attributes, "classlabels_strings", &strings);

    if ((ints > 0) == (strings > 0))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "it has %zu number labels and %zu string labels", ints, strings);
    *labels =
        ints ? (struct tensor){DTYPE_I64, SHAPE((int64_t)ints), (void *)(uintptr_t)numbers}
             : (struct tensor){DTYPE_STRING, SHAPE((int64_t)strings), (void *)(uintptr_t)texts};
    return STATUS_OK;
}

/* Two labels and weights for one class alone: one score, of the second class. */
static enum status read_classifier(struct reading *r, struct state *state, struct error *err)
{
    size_t count, weights, first = 0;
    const int64_t *ids = attribute_ints(r->call->attributes, "class_ids", &count);
    const double *weight;

    TRY(labels_of(r->call, &state->labels, err));
    r->trees.outputs = tensor_count(&state->labels);
    TRY(named_trees(r, "class", "class_ids", err));
    TRY(numbers(r, "class_weights", &weight, &weights, err));
    if (r->trees.outputs < 2)
        return op_error(r->call, err, STATUS_UNSUPPORTED, "one label alone is not supported");
    while (first < count && ids[first] == ids[0])
        first++;
    state->binary = r->trees.outputs == 2 && count && first == count;
    state->positive = true;
    for (size_t i = 0; i < weights; i++)
        state->positive = state->positive && weight[i] >= 0;
    if (state->binary && ids[0] != 0)
        return op_error(r->call, err, STATUS_UNSUPPORTED,
                        "weights of class %lld alone are not supported", (long long)ids[0]);
    return base_of(r, state->binary ? 1 : r->trees.outputs, err);
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct state *state = arena_new(keep, struct state, 1);
    struct arena scratch;
    struct reading r = {.call = call, .scratch = &scratch};
    enum status status;

    if (!state)
        return error_no_memory(err, "trees");
    TRY(post_of(call, &state->post, err));
    arena_init_mapped(&scratch, SIZE_MAX);
    status =
        call->op->out_max == 2 ? read_classifier(&r, state, err) : read_regressor(&r, state, err);
    if (!status)
        status = compile(&r, state, keep, err);
    arena_release(&scratch);
    call->state = state;
    return status;
}

/* Double scores of all rows, the walker's scratch, and for integers the row as floats. */
static size_t rows_of(const struct op_call *call)
{
    return call->in[0].shape.rank == 2 ? (size_t)call->in[0].shape.dims[0] : 1;
}

static size_t scratch_size(const struct op_call *call)
{
    const struct state *state = call->state;

    return rows_of(call) * trees_outputs(state->trees) * sizeof(double) +
           trees_scratch_size(state->trees);
}

static enum status scores_of(const struct op_call *call, double **scores, struct error *err)
{
    const struct state *state = call->state;
    const struct tensor *x = &call->in[0];
    size_t rows = rows_of(call), stride = (size_t)x->shape.dims[x->shape.rank - 1];
    void *scratch;

    *scores = call->scratch;
    scratch = *scores + rows * trees_outputs(state->trees);
    if (stride < trees_features(state->trees))
        return op_error(call, err, STATUS_INVALID_INPUT, "x has %zu columns, the trees ask for %zu",
                        stride, trees_features(state->trees));
    if (x->dtype == DTYPE_F32)
        trees_run_f32(state->trees, x->data, rows, stride, scratch, *scores);
    else
        trees_run_f64(state->trees, x->data, rows, stride, scratch, *scores);
    return STATUS_OK;
}

static enum status run_regressor(const struct op_call *call, struct error *err)
{
    const struct state *state = call->state;
    size_t outputs = trees_outputs(state->trees), rows = rows_of(call);
    struct tensor y = call->out[0];
    double *scores;

    TRY(scores_of(call, &scores, err));
    for (size_t row = 0; row < rows; row++)
        post_transform_row(state->post, scores + row * outputs, outputs);
    for (size_t i = 0; i < rows * outputs; i++)
        tensor_set_f64(&y, i, scores[i]);
    return STATUS_OK;
}

/* As ONNX Runtime's tree_ensemble_aggregator.h: a lone score that is a probability gives 1 - s and
 * s whatever the transform; else -s and s, or their logistic. Returns the winning class. */
static size_t binary_row(const struct state *state, double *scores)
{
    double s = (double)(float)scores[0];

    scores[1] = s;
    if (state->positive) {
        scores[0] = 1 - s;
        return s > 0.5;
    }
    scores[0] = -s;
    if (state->post == POST_LOGISTIC)
        post_transform_row(POST_LOGISTIC, scores, 2);
    return s > 0;
}

static size_t class_row(const struct state *state, double *scores, size_t classes)
{
    size_t best = 0;

    for (size_t k = 1; k < classes; k++)
        if ((float)scores[k] > (float)scores[best])
            best = k;
    post_transform_row(state->post, scores, classes);
    return best;
}

static enum status run_classifier(const struct op_call *call, struct error *err)
{
    const struct state *state = call->state;
    size_t classes = trees_outputs(state->trees), rows = rows_of(call);
    double *scores;

    TRY(scores_of(call, &scores, err));
    for (size_t row = 0; row < rows; row++) {
        double *s = scores + row * classes;
        size_t best = state->binary ? binary_row(state, s) : class_row(state, s, classes);
        if (state->labels.dtype == DTYPE_I64)
            ((int64_t *)call->out[0].data)[row] = ((const int64_t *)state->labels.data)[best];
        else
            ((struct bytes *)call->out[0].data)[row] =
                ((const struct bytes *)state->labels.data)[best];
        for (size_t k = 0; call->out_count > 1 && k < classes; k++)
            ((float *)call->out[1].data)[row * classes + k] = (float)s[k];
    }
    return STATUS_OK;
}

static enum status infer_x(struct op_call *call, int64_t *rows, struct error *err)
{
    const struct shape *x = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    if (x->rank != RANK_UNKNOWN && x->rank != 2 && x->rank != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "x has rank %d, not 2", x->rank);
    *rows = x->rank == 2 ? x->dims[0] : x->rank == 1 ? 1 : DIM_UNKNOWN;
    return STATUS_OK;
}

static enum status infer_regressor(struct op_call *call, struct error *err)
{
    int64_t rows = DIM_UNKNOWN;

    TRY(infer_x(call, &rows, err));
    if (target_count(call) < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "n_targets is %lld",
                        (long long)target_count(call));
    call->out[0].dtype = !strcmp(call->op->name, "TreeEnsemble") ? call->in[0].dtype : DTYPE_F32;
    call->out[0].shape = SHAPE(rows, target_count(call));
    return STATUS_OK;
}

static enum status infer_classifier(struct op_call *call, struct error *err)
{
    struct tensor labels;
    int64_t rows = DIM_UNKNOWN;

    TRY(infer_x(call, &rows, err));
    TRY(labels_of(call, &labels, err));
    call->out[0].dtype = labels.dtype;
    call->out[0].shape = SHAPE(rows);
    if (call->out_count > 1) {
        call->out[1].dtype = DTYPE_F32;
        call->out[1].shape = SHAPE(rows, labels.shape.dims[0]);
    }
    return STATUS_OK;
}

const struct op_set ops_ml_tree_ensemble =
    OP_SET({.name = "TreeEnsembleRegressor",
            .summary = "decision trees with numbers at their leaves",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_regressor,
            .prepare = prepare,
            .scratch_size = scratch_size,
            .run = run_regressor},
           {.name = "TreeEnsemble",
            .summary = "decision trees, by index, with sets",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_regressor,
            .prepare = prepare,
            .scratch_size = scratch_size,
            .run = run_regressor},
           {.name = "TreeEnsembleClassifier",
            .summary = "decision trees with class scores at their leaves",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 2,
            .infer = infer_classifier,
            .prepare = prepare,
            .scratch_size = scratch_size,
            .run = run_classifier});
