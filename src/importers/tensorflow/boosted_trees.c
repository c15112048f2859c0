// SPDX-License-Identifier: Apache-2.0
/* Boosted trees, as Estimators export them: an ensemble and the quantiles of its features are
 * resources that are restored; predicting is ONNX's TreeEnsembleRegressor.
 * Source: tensorflow/core/kernels/boosted_trees: boosted_trees.proto, resources, prediction_ops,
 * quantile_ops. */
#include "importers/tensorflow/internal.h"

enum { NODES_MAX = 1 << 24, COLUMNS_MAX = 1 << 16, EXACT = 1 << 24 };

/* Fields: TreeEnsemble, Tree, Node, Leaf, Vector, splits. */
enum { ENSEMBLE_TREES = 1, ENSEMBLE_WEIGHTS = 2 };
enum { TREE_NODES = 1 };
enum { NODE_LEAF = 1, NODE_BUCKETIZED = 2, NODE_CATEGORICAL = 3, NODE_DENSE = 4 };
enum { LEAF_VECTOR = 1, LEAF_SPARSE = 2, LEAF_SCALAR = 3 };
enum { VECTOR_VALUE = 1 };
enum { SPLIT_FEATURE = 1, SPLIT_VALUE = 2, SPLIT_LEFT = 3, SPLIT_RIGHT = 4, SPLIT_DIMENSION = 5 };

/* --- resources --- */

struct trees {
    bool given;
    struct bytes serialized; /* TreeEnsemble; of the checkpoint or a constant */
};

struct quantiles {
    const struct tensor **boundaries; /* (count,) */
    size_t count;
};

static enum status resource_make(struct tf_call *c, enum tf_resource_kind kind, size_t size,
                                 struct error *err)
{
    struct tf_resource *resource;
    struct bytes shared;
    const char *name;

    TRY(tf_string(c->node, "shared_name", "", &shared, err));
    name = shared.size ? arena_text(c->l->keep, shared) : c->node->name;
    if (!name)
        return error_no_memory(err, "a resource");
    TRY(tf_resource_get(c->l, kind, name, c->node, &resource, err));
    if (!resource->state)
        resource->state = arena_alloc(c->l->keep, 1, size);
    if (!resource->state)
        return error_no_memory(err, "a resource");
    return tf_resource_give(c, resource, err);
}

static enum status trees_handle(struct tf_call *c, struct error *err)
{
    return resource_make(c, TF_TREES, sizeof(struct trees), err);
}

static enum status quantiles_handle(struct tf_call *c, struct error *err)
{
    return resource_make(c, TF_QUANTILES, sizeof(struct quantiles), err);
}

static enum status filling_check(const struct tf_call *c, struct error *err)
{
    return c->l->phase == TF_SERVING
               ? error_set(err, STATUS_UNSUPPORTED, "it changes trees while it serves")
               : STATUS_OK;
}

/* handle, stamp, serialized */
static enum status trees_fill(struct tf_call *c, bool again, struct error *err)
{
    struct tf_resource *resource;
    const struct tensor *tensor;
    struct trees *trees;

    TRY(filling_check(c, err));
    TRY(tf_resource_of(c, 0, TF_TREES, &resource, err));
    trees = resource->state;
    c->out_count = 0;
    if (trees->given && !again)
        return STATUS_OK;
    tensor = tf_restored_tensor(c, 2, err);
    if (!tensor)
        return err->status;
    if (tensor->dtype != DTYPE_STRING || tensor_count(tensor) != 1)
        return error_set(err, STATUS_INVALID_INPUT, "its ensemble is no text");
    *trees = (struct trees){true, ((const struct bytes *)tensor->data)[0]};
    return STATUS_OK;
}

/* One that is there stays. */
static enum status trees_create(struct tf_call *c, struct error *err)
{
    return trees_fill(c, false, err);
}

static enum status trees_restore(struct tf_call *c, struct error *err)
{
    return trees_fill(c, true, err);
}

static enum status trees_are_there(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;
    value_id y;

    TRY(tf_resource_of(c, 0, TF_TREES, &resource, err));
    TRY(emit_number(c->e, DTYPE_BOOL, ((const struct trees *)resource->state)->given, &y, err));
    return tf_give(c, y);
}

static enum status quantiles_create(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;

    TRY(filling_check(c, err));
    c->out_count = 0;
    return tf_resource_of(c, 0, TF_QUANTILES, &resource, err);
}

static enum status quantiles_restore(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;
    struct quantiles *quantiles;

    TRY(filling_check(c, err));
    TRY(tf_resource_of(c, 0, TF_QUANTILES, &resource, err));
    quantiles = resource->state;
    quantiles->count = c->in_count - 1;
    quantiles->boundaries = arena_new(c->l->keep, const struct tensor *, quantiles->count);
    if (!quantiles->boundaries)
        return error_no_memory(err, "the quantiles");
    for (size_t i = 0; i < quantiles->count; i++) {
        quantiles->boundaries[i] = tf_restored_tensor(c, 1 + i, err);
        if (!quantiles->boundaries[i])
            return err->status;
        if (quantiles->boundaries[i]->dtype != DTYPE_F32 ||
            quantiles->boundaries[i]->shape.rank != 1)
            return error_set(err, STATUS_INVALID_INPUT, "quantiles that are no list of floats");
    }
    c->out_count = 0;
    return STATUS_OK;
}

static enum status quantiles_give(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;
    const struct quantiles *quantiles;
    size_t wanted;

    TRY(tf_resource_of(c, 0, TF_QUANTILES, &resource, err));
    quantiles = resource->state;
    TRY(tf_length(c->node, "num_features", &wanted, c->l->scratch, err));
    if (!quantiles->boundaries || quantiles->count != wanted)
        return error_set(err, STATUS_UNSUPPORTED, "the file does not hold its quantiles");
    for (size_t i = 0; i < quantiles->count; i++) {
        value_id y;

        TRY(emit_constant(c->e, quantiles->boundaries[i], &y, err));
        TRY(tf_add(c, y, err));
    }
    return STATUS_OK;
}

/* How many boundaries are below each value; the last bucket has no upper one. */
static enum status bucketize_one(struct tf_call *c, value_id values, value_id boundaries,
                                 value_id *y, struct error *err)
{
    static const int64_t COLUMN[] = {-1, 1}, LAST = 1;
    value_id below, zero, one, last;

    TRY(emit_reshape(c->e, values, COLUMN, 2, &values, err));
    TRY(emit_2(c->e, "Less", boundaries, values, &below, err));
    TRY(emit_cast(c->e, below, DTYPE_I32, &below, err));
    TRY(emit_reduce(c->e, "ReduceSum", below, &LAST, 1, false, y, err));
    TRY(emit_1(c->e, "Size", boundaries, &last, err));
    TRY(emit_cast(c->e, last, DTYPE_I32, &last, err));
    TRY(emit_number(c->e, DTYPE_I32, 1, &one, err));
    TRY(emit_number(c->e, DTYPE_I32, 0, &zero, err));
    TRY(emit_2(c->e, "Sub", last, one, &last, err));
    TRY(emit_2(c->e, "Max", last, zero, &last, err));
    return emit_2(c->e, "Min", *y, last, y, err);
}

static enum status bucketize(struct tf_call *c, struct error *err)
{
    size_t count = c->in_count / 2;
    value_id y;

    if (c->in_count % 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    for (size_t i = 0; i < count; i++) {
        TRY(bucketize_one(c, c->in[i], c->in[count + i], &y, err));
        TRY(tf_add(c, y, err));
    }
    return STATUS_OK;
}

/* --- the ensemble --- */

struct column { /* of the matrix that the trees see */
    int64_t feature, dimension;
};

struct lists {
    struct tf_call *c;
    struct map columns; /* struct column -> its number + 1 */
    struct column *by_number;
    size_t column_count, column_capacity;
    size_t count, capacity; /* nodes */
    int64_t *tree, *id, *feature, *on_true, *on_false;
    double *value;
    struct bytes *mode;
    size_t leaf_count, leaf_capacity;
    int64_t *leaf_tree, *leaf_id, *leaf_target;
    double *weight;
    int64_t outputs;
};

static enum status room_for_node(struct lists *lists, struct error *err)
{
    struct arena *keep = lists->c->l->keep;
    size_t capacity[7];

    for (size_t i = 0; i < ARRAY_COUNT(capacity); i++)
        capacity[i] = lists->capacity;
    if (lists->count == NODES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "trees of more than %d nodes", NODES_MAX);
    if (!ARENA_GROW(keep, lists->tree, lists->count, capacity[0]) ||
        !ARENA_GROW(keep, lists->id, lists->count, capacity[1]) ||
        !ARENA_GROW(keep, lists->feature, lists->count, capacity[2]) ||
        !ARENA_GROW(keep, lists->on_true, lists->count, capacity[3]) ||
        !ARENA_GROW(keep, lists->on_false, lists->count, capacity[4]) ||
        !ARENA_GROW(keep, lists->value, lists->count, capacity[5]) ||
        !ARENA_GROW(keep, lists->mode, lists->count, capacity[6]))
        return error_no_memory(err, "the trees");
    lists->capacity = capacity[0];
    return STATUS_OK;
}

static enum status leaf_weight(struct lists *lists, int64_t tree, int64_t id, int64_t target,
                               double weight, struct error *err)
{
    struct arena *keep = lists->c->l->keep;
    size_t at = lists->leaf_count, capacity[4];

    for (size_t i = 0; i < ARRAY_COUNT(capacity); i++)
        capacity[i] = lists->leaf_capacity;
    if (!ARENA_GROW(keep, lists->leaf_tree, at, capacity[0]) ||
        !ARENA_GROW(keep, lists->leaf_id, at, capacity[1]) ||
        !ARENA_GROW(keep, lists->leaf_target, at, capacity[2]) ||
        !ARENA_GROW(keep, lists->weight, at, capacity[3]))
        return error_no_memory(err, "the trees");
    lists->leaf_capacity = capacity[0];
    lists->leaf_tree[at] = tree;
    lists->leaf_id[at] = id;
    lists->leaf_target[at] = target;
    lists->weight[at] = weight;
    lists->leaf_count++;
    return STATUS_OK;
}

static enum status column_of(struct lists *lists, int64_t feature, int64_t dimension,
                             int64_t *number, struct error *err)
{
    struct tf_call *c = lists->c;
    struct column wanted = {feature, dimension}, *column;
    void *known;

    if (feature < 0 || (uint64_t)feature + 1 >= c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "a split of feature %lld, of %zu",
                         (long long)feature, c->in_count - 1);
    if (dimension < 0 || dimension > INT32_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a split of dimension %lld of feature %lld",
                         (long long)dimension, (long long)feature);
    known = map_find(&lists->columns, (struct bytes){(const uint8_t *)&wanted, sizeof wanted});
    if (known) {
        *number = (int64_t)(uintptr_t)known - 1;
        return STATUS_OK;
    }
    if (lists->column_count == COLUMNS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "trees of more than %d features", COLUMNS_MAX);
    if (!ARENA_GROW(c->l->keep, lists->by_number, lists->column_count, lists->column_capacity))
        return error_no_memory(err, "the trees");
    column = arena_new(c->l->keep, struct column, 1);
    if (!column)
        return error_no_memory(err, "the trees");
    *column = wanted;
    *number = (int64_t)lists->column_count;
    lists->by_number[lists->column_count++] = *column;
    if (!map_set(&lists->columns, (struct bytes){(const uint8_t *)column, sizeof *column},
                 (void *)(uintptr_t)lists->column_count))
        return error_no_memory(err, "the trees");
    return STATUS_OK;
}

static enum status leaf_read(struct lists *lists, struct protobuf leaf, int64_t tree, int64_t id,
                             float weight, struct error *err)
{
    struct protobuf_field field;
    float scalar = 0, *values = NULL;
    struct protobuf vector;
    size_t count = 0;

    for (;;) {
        TRY(protobuf_next(&leaf, &field, err));
        if (!field.number)
            break;
        if (field.number == LEAF_SPARSE)
            return error_set(err, STATUS_UNSUPPORTED, "leaves with sparse vectors");
        if (field.number == LEAF_SCALAR)
            TRY(protobuf_f32(&field, &scalar, err));
        if (field.number != LEAF_VECTOR)
            continue;
        TRY(protobuf_message(&field, &vector, err));
        TRY(protobuf_all_f32(&vector, VECTOR_VALUE, &values, &count, lists->c->l->scratch, err));
    }
    if (!values)
        return lists->outputs == 1
                   ? leaf_weight(lists, tree, id, 0, (double)(weight * scalar), err)
                   : error_set(err, STATUS_INVALID_INPUT, "a leaf of one number, of %lld",
                               (long long)lists->outputs);
    if (count != (size_t)lists->outputs)
        return error_set(err, STATUS_INVALID_INPUT, "a leaf of %zu numbers, of %lld", count,
                         (long long)lists->outputs);
    for (size_t i = 0; i < count; i++)
        TRY(leaf_weight(lists, tree, id, (int64_t)i, (double)(weight * values[i]), err));
    return STATUS_OK;
}

static enum status split_read(struct lists *lists, struct protobuf split, bool equal, size_t at,
                              struct error *err)
{
    int64_t numbers[SPLIT_DIMENSION + 1] = {0};
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&split, &field, err));
        if (!field.number)
            break;
        if (field.number <= SPLIT_DIMENSION)
            TRY(protobuf_i64(&field, &numbers[field.number], err));
    }
    if (numbers[SPLIT_VALUE] > EXACT || numbers[SPLIT_VALUE] < -EXACT)
        return error_set(err, STATUS_UNSUPPORTED, "a split at %lld",
                         (long long)numbers[SPLIT_VALUE]);
    TRY(column_of(lists, numbers[SPLIT_FEATURE], numbers[SPLIT_DIMENSION], &lists->feature[at],
                  err));
    lists->value[at] = (double)numbers[SPLIT_VALUE];
    lists->on_true[at] = numbers[SPLIT_LEFT];
    lists->on_false[at] = numbers[SPLIT_RIGHT];
    lists->mode[at] = bytes_of(equal ? "BRANCH_EQ" : "BRANCH_LEQ");
    return STATUS_OK;
}

static enum status node_read(struct lists *lists, struct protobuf node, int64_t tree, int64_t id,
                             float weight, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;
    size_t at = lists->count;
    bool found = false;

    TRY(room_for_node(lists, err));
    lists->count++;
    lists->tree[at] = tree;
    lists->id[at] = id;
    lists->feature[at] = lists->on_true[at] = lists->on_false[at] = 0;
    lists->value[at] = 0;
    lists->mode[at] = bytes_of("LEAF");
    for (;;) {
        TRY(protobuf_next(&node, &field, err));
        if (!field.number)
            break;
        if (field.number > NODE_DENSE)
            continue;
        if (found || field.number == NODE_DENSE)
            return error_set(err, STATUS_UNSUPPORTED, "a node of tree %lld is of an unknown kind",
                             (long long)tree);
        found = true;
        TRY(protobuf_message(&field, &inner, err));
        if (field.number == NODE_LEAF)
            TRY(leaf_read(lists, inner, tree, id, weight, err));
        else
            TRY(split_read(lists, inner, field.number == NODE_CATEGORICAL, at, err));
    }
    return found ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "node %lld of tree %lld is empty",
                             (long long)id, (long long)tree);
}

static enum status ensemble_read(struct lists *lists, struct bytes serialized, struct error *err)
{
    struct protobuf message = protobuf_over(serialized), tree, node;
    struct protobuf_field field, inner;
    size_t weight_count;
    float *weights;
    int64_t trees = 0;

    TRY(protobuf_all_f32(&message, ENSEMBLE_WEIGHTS, &weights, &weight_count, lists->c->l->scratch,
                         err));
    for (;;) {
        int64_t id = 0;

        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != ENSEMBLE_TREES)
            continue;
        if ((size_t)trees >= weight_count)
            return error_set(err, STATUS_INVALID_INPUT, "%zu weights of more trees", weight_count);
        TRY(protobuf_message(&field, &tree, err));
        for (;;) {
            TRY(protobuf_next(&tree, &inner, err));
            if (!inner.number)
                break;
            if (inner.number != TREE_NODES)
                continue;
            TRY(protobuf_message(&inner, &node, err));
            TRY(node_read(lists, node, trees, id++, weights[trees], err));
        }
        if (!id)
            return error_set(err, STATUS_INVALID_INPUT, "tree %lld has no nodes", (long long)trees);
        trees++;
    }
}

/* --- predicting --- */

/* (batch, 1) of one dimension of a feature, as float32: buckets are small. */
static enum status column_emit(struct tf_call *c, const struct column *column, value_id *y,
                               struct error *err)
{
    static const int64_t COLUMN[] = {-1, 1};
    value_id x = c->in[1 + column->feature];
    int rank;

    TRY(tf_rank(c, 1 + (size_t)column->feature, &rank, err));
    if (rank == 1 && !column->dimension)
        TRY(emit_reshape(c->e, x, COLUMN, 2, &x, err));
    else if (rank == 2)
        TRY(emit_slice(c->e, x, 1, column->dimension, column->dimension + 1, 1, &x, err));
    else
        return error_set(err, STATUS_UNSUPPORTED, "a feature of rank %d", rank);
    return emit_cast(c->e, x, DTYPE_F32, y, err);
}

static enum status matrix_emit(struct lists *lists, value_id *x, struct error *err)
{
    struct tf_call *c = lists->c;
    value_id *columns;
    int64_t ignored;

    if (!lists->column_count)
        TRY(column_of(lists, 0, 0, &ignored, err));
    columns = arena_new(c->l->keep, value_id, lists->column_count);
    if (!columns)
        return error_no_memory(err, "the trees");
    for (size_t i = 0; i < lists->column_count; i++)
        TRY(column_emit(c, &lists->by_number[i], &columns[i], err));
    return emit_concat(c->e, (struct emit_inputs){columns, lists->column_count}, 1, x, err);
}

static struct attribute ints(const char *name, const int64_t *values, size_t count)
{
    struct attribute attribute = {.name = name, .kind = ATTRIBUTE_INTS, .count = count};

    attribute.ints = values;
    return attribute;
}

static struct attribute floats(const char *name, const double *values, size_t count)
{
    struct attribute attribute = {.name = name, .kind = ATTRIBUTE_FLOATS, .count = count};

    attribute.floats = values;
    return attribute;
}

static enum status trees_emit(const struct lists *l, value_id x, value_id *y, struct error *err)
{
    struct attribute modes = {
        .name = "nodes_modes", .kind = ATTRIBUTE_STRINGS, .count = l->count, .strings = l->mode};

    return emit_node(l->c->e, "ai.onnx.ml", "TreeEnsembleRegressor", EMIT(x),
                     EMIT_ATTRIBUTES(modes, attribute_of_int("n_targets", l->outputs),
                                     ints("nodes_treeids", l->tree, l->count),
                                     ints("nodes_nodeids", l->id, l->count),
                                     ints("nodes_featureids", l->feature, l->count),
                                     floats("nodes_values", l->value, l->count),
                                     ints("nodes_truenodeids", l->on_true, l->count),
                                     ints("nodes_falsenodeids", l->on_false, l->count),
                                     ints("target_treeids", l->leaf_tree, l->leaf_count),
                                     ints("target_nodeids", l->leaf_id, l->leaf_count),
                                     ints("target_ids", l->leaf_target, l->leaf_count),
                                     floats("target_weights", l->weight, l->leaf_count)),
                     y, err);
}

/* An ensemble without trees says 0. */
static enum status nothing_emit(struct lists *lists, value_id x, value_id *y, struct error *err)
{
    value_id zero, shape;

    TRY(emit_number(lists->c->e, DTYPE_F32, 0, &zero, err));
    TRY(emit_2(lists->c->e, "Mul", x, zero, &x, err));
    TRY(EMIT_INTS(lists->c->e, &shape, err, 1, lists->outputs));
    TRY(emit_slice(lists->c->e, x, 1, 0, 1, 1, &x, err));
    return emit_2(lists->c->e, "Expand", x, shape, y, err);
}

static enum status predict(struct tf_call *c, struct error *err)
{
    struct lists lists = {.c = c};
    struct tf_resource *resource;
    const struct trees *trees;
    value_id x, y;

    TRY(tf_resource_of(c, 0, TF_TREES, &resource, err));
    trees = resource->state;
    if (!trees->given)
        return error_set(err, STATUS_UNSUPPORTED, "the file does not hold its trees");
    if (c->in_count < 2)
        return error_set(err, STATUS_INVALID_INPUT, "has no features");
    TRY(tf_int(c->node, "logits_dimension", 1, &lists.outputs, err));
    if (lists.outputs < 1 || lists.outputs > COLUMNS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "its logits_dimension is %lld",
                         (long long)lists.outputs);
    map_init(&lists.columns, c->l->keep);
    TRY(ensemble_read(&lists, trees->serialized, err));
    TRY(matrix_emit(&lists, &x, err));
    TRY(lists.count ? trees_emit(&lists, x, &y, err) : nothing_emit(&lists, x, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_boosted_trees = TF_OP_SET(
    {.name = "BoostedTreesEnsembleResourceHandleOp", .lower = trees_handle},
    {.name = "BoostedTreesCreateEnsemble", .lower = trees_create, .inputs = 3},
    {.name = "BoostedTreesDeserializeEnsemble", .lower = trees_restore, .inputs = 3},
    {.name = "IsBoostedTreesEnsembleInitialized", .lower = trees_are_there, .inputs = 1},
    {.name = "BoostedTreesPredict", .lower = predict},
    {.name = "BoostedTreesQuantileStreamResourceHandleOp", .lower = quantiles_handle},
    {.name = "BoostedTreesCreateQuantileStreamResource", .lower = quantiles_create},
    {.name = "BoostedTreesQuantileStreamResourceDeserialize", .lower = quantiles_restore},
    {.name = "BoostedTreesQuantileStreamResourceGetBucketBoundaries", .lower = quantiles_give},
    {.name = "BoostedTreesBucketize", .lower = bucketize}, );
