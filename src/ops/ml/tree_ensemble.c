// SPDX-License-Identifier: Apache-2.0
/* The trees of ai.onnx.ml: TreeEnsembleRegressor and -Classifier (versions 1 and 3), which name
 * nodes by tree and number, and TreeEnsemble (version 5), which gives indices. */
#include <string.h>

#include "ops/kernels/ml/post_transform.h"
#include "ops/ml/trees/reading.h"

struct state {
    struct compiled_trees *trees;
    enum post_transform post;
    struct tensor labels; /* classifiers: I64 or STRING, (classes,) */
    bool binary;          /* one score decides between two classes */
    bool positive;        /* all weights are >= 0: that score is a probability */
};

/* --- what the three have in common --- */

/* `outputs`: how many values are expected. */
static enum status base_of(struct reading *r, size_t outputs, struct error *err)
{
    const double *values;
    double *base;
    size_t count;

    TRY(reading_numbers(r, "base_values", &values, &count, err));
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

/* Features that the trees ask: x may have more. */
static void count_features(struct reading *r)
{
    for (size_t i = 0; i < r->trees.node_count; i++)
        if (r->nodes[i].feature >= 0 && (size_t)r->nodes[i].feature >= r->trees.features)
            r->trees.features = (size_t)r->nodes[i].feature + 1;
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
        return trees_read_indexed(r, err);
    TRY(trees_read_named(r, "target", "target_ids", err));
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
    TRY(trees_read_named(r, "class", "class_ids", err));
    TRY(reading_numbers(r, "class_weights", &weight, &weights, err));
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
