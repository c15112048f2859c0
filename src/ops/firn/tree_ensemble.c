// SPDX-License-Identifier: Apache-2.0
/* TreeEnsemble: the sum (or average ...) of decision trees, for every framework's trees.
 *
 * Input   x (rows, features) float or double. Output y (rows, outputs) double, raw values.
 * Attributes, in the words of ops/kernels/ml/trees.h:
 *   features, outputs     INT
 *   roots                 INTS     node of each tree's root
 *   feature, left, right  INTS     one each node; feature -1: a leaf, whose left is its row of
 * values threshold             FLOATS   one each node mode                  INTS     one each node,
 * enum tree_mode; absent: all LEQ missing_left, outside_left, set, set_words   INTS   one each
 * node; absent: 0 sets                  INTS     words of 64 members values                FLOATS
 * (leaves, outputs), or (leaves,) with targets               INTS     the output of each leaf base
 * FLOATS   (outputs,) compare_f32           INT      x is rounded to float before it is compared
 *   aggregate             STRING   SUM (default), AVERAGE, MIN, MAX */
#include "ops/kernels/ml/trees.h"
#include "ops/op.h"

/* An optional list with one entry for each node. */
static enum status node_ints(const struct op_call *call, const char *name, size_t nodes,
                             const int64_t **ints, struct error *err)
{
    size_t count;

    *ints = attribute_ints(call->attributes, name, &count);
    if (*ints && count != nodes)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s has %zu entries for %zu nodes", name,
                        count, nodes);
    return STATUS_OK;
}

enum { NO_INDEX = INT32_MAX }; /* what does not fit: the check will name the node */

static int32_t narrow(const int64_t *ints, size_t i)
{
    if (!ints)
        return 0;
    return ints[i] < -1 || ints[i] > INT32_MAX ? NO_INDEX : (int32_t)ints[i];
}

static enum status nodes_read(const struct op_call *call, struct trees *trees,
                              struct arena *scratch, struct error *err)
{
    size_t nodes, thresholds;
    const int64_t *feature = attribute_ints(call->attributes, "feature", &nodes);
    const double *threshold = attribute_floats(call->attributes, "threshold", &thresholds);
    const int64_t *left, *right, *mode, *missing, *outside, *set, *set_words;
    struct tree_node *out = arena_new(scratch, struct tree_node, nodes);

    TRY(node_ints(call, "left", nodes, &left, err));
    TRY(node_ints(call, "right", nodes, &right, err));
    TRY(node_ints(call, "mode", nodes, &mode, err));
    TRY(node_ints(call, "missing_left", nodes, &missing, err));
    TRY(node_ints(call, "outside_left", nodes, &outside, err));
    TRY(node_ints(call, "set", nodes, &set, err));
    TRY(node_ints(call, "set_words", nodes, &set_words, err));
    if (thresholds != nodes || (nodes && (!left || !right)))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu thresholds for %zu nodes", thresholds,
                        nodes);
    if (!out)
        return error_no_memory(err, "tree nodes");
    for (size_t i = 0; i < nodes; i++)
        out[i] = (struct tree_node){
            .threshold = threshold[i],
            .feature = narrow(feature, i),
            .left = narrow(left, i),
            .right = narrow(right, i),
            .mode = (uint8_t)(!mode                          ? TREE_LEQ
                              : mode[i] < 0 || mode[i] > 255 ? 255
                                                             : mode[i]),
            .missing_left = missing && missing[i],
            .outside_left = outside && outside[i],
            .set = narrow(set, i),
            .set_words = narrow(set_words, i),
        };
    trees->nodes = out;
    trees->node_count = nodes;
    return STATUS_OK;
}

static int32_t *narrow_list(const int64_t *ints, size_t count, struct arena *scratch)
{
    int32_t *out = arena_new(scratch, int32_t, count);

    for (size_t i = 0; out && i < count; i++)
        out[i] = narrow(ints, i);
    return out;
}

static enum status leaves_read(const struct op_call *call, struct trees *trees,
                               struct arena *scratch, struct error *err)
{
    size_t values, targets, base, words, roots;
    const int64_t *target = attribute_ints(call->attributes, "targets", &targets);
    const int64_t *root = attribute_ints(call->attributes, "roots", &roots);

    trees->values = attribute_floats(call->attributes, "values", &values);
    trees->base = attribute_floats(call->attributes, "base", &base);
    trees->sets = (const uint64_t *)attribute_ints(call->attributes, "sets", &words);
    trees->set_count = words;
    trees->leaf_count = target ? values : values / trees->outputs;
    if (target && targets != values)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu targets for %zu leaf values", targets,
                        values);
    if (!target && values % trees->outputs)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu leaf values do not fill %zu outputs",
                        values, trees->outputs);
    if (trees->base && base != trees->outputs)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu base values for %zu outputs", base,
                        trees->outputs);
    trees->tree_count = roots;
    trees->roots = narrow_list(root, roots, scratch);
    trees->targets = target ? narrow_list(target, targets, scratch) : NULL;
    if (!trees->roots || (target && !trees->targets))
        return error_no_memory(err, "trees");
    return STATUS_OK;
}

static enum status trees_read(const struct op_call *call, struct trees *trees,
                              struct arena *scratch, struct error *err)
{
    static const char *const AGGREGATES[] = {"SUM", "AVERAGE", "MIN", "MAX"};
    int64_t outputs = attribute_int(call->attributes, "outputs", 1);
    int64_t features = attribute_int(call->attributes, "features", 0);
    struct bytes aggregate = attribute_string(call->attributes, "aggregate", "SUM");
    size_t kind = 0;

    if (outputs < 1 || outputs > INT32_MAX || features < 0 || features > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld features and %lld outputs",
                        (long long)features, (long long)outputs);
    while (kind < ARRAY_COUNT(AGGREGATES) && !bytes_is(aggregate, AGGREGATES[kind]))
        kind++;
    if (kind == ARRAY_COUNT(AGGREGATES))
        return op_error(call, err, STATUS_UNSUPPORTED, "the aggregate is unknown");
    trees->aggregate = kind;
    trees->outputs = (size_t)outputs;
    trees->features = (size_t)features;
    trees->compare_f32 = attribute_int(call->attributes, "compare_f32", 0) != 0;
    TRY(nodes_read(call, trees, scratch, err));
    return leaves_read(call, trees, scratch, err);
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    int64_t features = attribute_int(call->attributes, "features", 0);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = SHAPE(DIM_UNKNOWN, attribute_int(call->attributes, "outputs", 1));
    if (x->shape.rank == RANK_UNKNOWN)
        return STATUS_OK;
    if (x->shape.rank != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "x has rank %d, not 2", x->shape.rank);
    if (dim_is_known(x->shape.dims[1]) && x->shape.dims[1] != features)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "x has %lld columns, the trees ask for %lld", (long long)x->shape.dims[1],
                        (long long)features);
    call->out[0].shape.dims[0] = x->shape.dims[0];
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct trees trees = {0};
    struct compiled_trees *compiled = NULL;
    struct arena scratch;
    enum status status;

    arena_init(&scratch, SIZE_MAX);
    status = trees_read(call, &trees, &scratch, err);
    if (!status)
        status = trees_compile(&trees, &compiled, keep, err);
    arena_release(&scratch);
    call->state = compiled;
    return status;
}

static size_t scratch_size(const struct op_call *call)
{
    return trees_scratch_size(call->state);
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->in[0].shape.dims[0];

    (void)err;
    if (call->in[0].dtype == DTYPE_F32)
        trees_run_f32(call->state, call->in[0].data, rows, trees_features(call->state),
                      call->scratch, call->out[0].data);
    else
        trees_run_f64(call->state, call->in[0].data, rows, trees_features(call->state),
                      call->scratch, call->out[0].data);
    return STATUS_OK;
}

const struct op_set ops_firn_tree_ensemble = OP_SET({
    .name = "TreeEnsemble",
    .summary = "sum, average, minimum or maximum of decision trees",
    .flags = OP_ROWS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .prepare = prepare,
    .scratch_size = scratch_size,
    .run = run,
});
