// SPDX-License-Identifier: Apache-2.0
#include "importers/sklearn/trees.h"

#include <math.h>

#include "tensor/convert.h"

void tree_list_init(struct tree_list *list, struct lowering *l, size_t features, size_t outputs)
{
    *list = (struct tree_list){.l = l, .features = (int64_t)features, .outputs = (int64_t)outputs};
}

/* Let *items hold `needed`; old memory stays in the arena. */
static bool grow(struct lowering *l, void **items, size_t count, size_t needed, size_t capacity,
                 size_t size)
{
    void *grown;

    if (needed <= capacity)
        return true;
    grown = arena_alloc(l->keep, needed, size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *items, count * size);
    *items = grown;
    return true;
}

static size_t capacity_for(size_t capacity, size_t needed)
{
    return needed <= capacity ? capacity : needed + needed / 2 + 64;
}

enum status tree_list_reserve(struct tree_list *list, size_t nodes, struct error *err)
{
    size_t needed = list->node_count + nodes;
    size_t capacity = capacity_for(list->node_capacity, needed);
    int64_t **lists[] = {&list->feature,      &list->left,         &list->right, &list->mode,
                         &list->missing_left, &list->outside_left, &list->set,   &list->set_words};

    if (needed <= list->node_capacity)
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        if (!grow(list->l, (void **)lists[i], list->node_count, capacity, list->node_capacity,
                  sizeof(int64_t)))
            return error_no_memory(err, "trees");
    if (!grow(list->l, (void **)&list->threshold, list->node_count, capacity, list->node_capacity,
              sizeof(double)))
        return error_no_memory(err, "trees");
    list->node_capacity = capacity;
    return STATUS_OK;
}

#define APPEND(items, counter, room, type, value)                                                  \
    do {                                                                                           \
        size_t capacity = capacity_for(list->room, list->counter + 1);                             \
        if (!grow(list->l, (void **)&list->items, list->counter, capacity, list->room,             \
                  sizeof(type)))                                                                   \
            return error_no_memory(err, "trees");                                                  \
        list->room = capacity;                                                                     \
        list->items[list->counter++] = (value);                                                    \
        return STATUS_OK;                                                                          \
    } while (0)

enum status tree_list_root(struct tree_list *list, size_t node, struct error *err)
{
    APPEND(roots, tree_count, tree_capacity, int64_t, (int64_t)node);
}

enum status tree_list_value(struct tree_list *list, double value, struct error *err)
{
    APPEND(values, value_count, value_capacity, double, value);
}

enum status tree_list_target(struct tree_list *list, int64_t output, struct error *err)
{
    list->targeted = true;
    APPEND(targets, target_count, target_capacity, int64_t, output);
}

static enum status set_append(struct tree_list *list, int64_t word, struct error *err)
{
    APPEND(sets, set_count, set_capacity, int64_t, word);
}

enum status tree_list_set(struct tree_list *list, const uint64_t words[4], int64_t *set,
                          struct error *err)
{
    *set = (int64_t)list->set_count;
    for (int i = 0; i < 4; i++)
        TRY(set_append(list, (int64_t)words[i], err));
    return STATUS_OK;
}

/* --- scikit-learn's Tree --- */

enum status node_field(struct lowering *l, const struct numpy_array *nodes, const char *name,
                       enum dtype dtype, struct tensor *field, struct error *err)
{
    struct tensor stored;

    if (numpy_field_tensor(nodes, name, &stored, l->keep, err))
        return error_within(err, "attribute 'nodes', field '%s'", name);
    TRY(tensor_new(field, dtype, &stored.shape, l->keep, err));
    if (tensor_convert(&stored, field, err))
        return error_within(err, "attribute 'nodes', field '%s'", name);
    return STATUS_OK;
}

bool node_has_field(const struct numpy_array *nodes, const char *name)
{
    for (size_t i = 0; i < nodes->dtype.field_count; i++)
        if (!strcmp(nodes->dtype.fields[i].name, name))
            return true;
    return false;
}

enum status tree_nodes_of(struct lowering *l, const struct pickle_object *tree,
                          struct tree_nodes *nodes, struct error *err)
{
    const struct pickle_object *stored;

    *nodes = (struct tree_nodes){0};
    TRY(state_object(tree, "nodes", &stored, err));
    if (stored->kind != PICKLE_ARRAY || stored->array->shape.rank != 1)
        return state_error(err, "nodes", "is no array of nodes");
    nodes->array = stored->array;
    nodes->count = (size_t)stored->array->shape.dims[0];
    TRY(node_field(l, nodes->array, "left_child", DTYPE_I64, &nodes->left, err));
    TRY(node_field(l, nodes->array, "right_child", DTYPE_I64, &nodes->right, err));
    return node_field(l, nodes->array, "threshold", DTYPE_F64, &nodes->threshold, err);
}

enum status tree_node_children(const struct tree_nodes *nodes, size_t i, int64_t *left,
                               int64_t *right, struct error *err)
{
    *left = tensor_i64(&nodes->left, i);
    *right = tensor_i64(&nodes->right, i);
    if (*left == -1 || (*left >= 0 && *right >= 0 && *left < (int64_t)nodes->count &&
                        *right < (int64_t)nodes->count))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "attribute 'nodes': node %zu has no valid children",
                     i);
}

/* Class counts (to 1.2) and fractions (from 1.3) alike; what sums to one stays as it is. */
static void make_fractions(double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    if (fabs(sum - 1) < 1e-9 || sum == 0)
        return;
    for (size_t i = 0; i < count; i++)
        values[i] /= sum;
}

static enum status leaf_append(struct tree_list *list, const double *values, enum value_rule rule,
                               int64_t target, double scale, struct error *err)
{
    size_t outputs = (size_t)list->outputs, start = list->value_count;

    if (target >= 0) {
        TRY(tree_list_value(list, values[0] * scale, err));
        return tree_list_target(list, target, err);
    }
    for (size_t k = 0; k < outputs; k++)
        TRY(tree_list_value(list, values[k], err));
    if (rule == VALUES_FRACTIONS)
        make_fractions(list->values + start, outputs);
    return STATUS_OK;
}

static enum status values_of(struct tree_list *list, const struct pickle_object *tree, size_t nodes,
                             size_t width, struct tensor *values, struct error *err)
{
    const struct pickle_object *stored;
    char shape[SHAPE_PRINT_SIZE];

    TRY(state_object(tree, "values", &stored, err));
    if (pickle_to_tensor_f64(stored, values, list->l->keep, err))
        return error_within(err, "attribute 'values'");
    if (values->shape.rank != 3 || (size_t)values->shape.dims[0] != nodes ||
        tensor_count(values) != nodes * width)
        return state_error(err, "values", "has shape %s for %zu nodes with %zu values",
                           shape_print(&values->shape, shape, sizeof shape), nodes, width);
    return STATUS_OK;
}

double mean_path(double count)
{
    const double euler_gamma = 0.577215664901532860606512090082402431;

    if (count <= 1)
        return 0;
    return count == 2 ? 1 : 2 * (log(count - 1) + euler_gamma) - 2 * (count - 1) / count;
}

/* VALUES_PATHS: the values (node, 1, 1) that such a tree does not store. Children come after their
 * parents. */
static enum status path_values(struct tree_list *list, const struct tree_nodes *nodes,
                               struct tensor *values, struct error *err)
{
    struct shape shape = SHAPE((int64_t)nodes->count, 1, 1);
    struct tensor samples;
    double *depth;

    TRY(node_field(list->l, nodes->array, "n_node_samples", DTYPE_F64, &samples, err));
    TRY(tensor_new(values, DTYPE_F64, &shape, list->l->keep, err));
    depth = values->data;
    for (size_t i = 0; i < nodes->count; i++) {
        int64_t left, right;

        TRY(tree_node_children(nodes, i, &left, &right, err));
        if (left == -1) {
            depth[i] += mean_path(tensor_f64(&samples, i));
            continue;
        }
        if (left <= (int64_t)i || right <= (int64_t)i)
            return state_error(err, "nodes", "node %zu comes after its children", i);
        depth[left] = depth[right] = depth[i] + 1;
    }
    return STATUS_OK;
}

static enum status leaf_values(struct tree_list *list, size_t nodes, struct tensor *values,
                               struct error *err)
{
    struct shape shape = SHAPE((int64_t)nodes, 1, 1);

    TRY(tensor_new(values, DTYPE_F64, &shape, list->l->keep, err));
    for (size_t i = 0; i < nodes; i++)
        ((double *)values->data)[i] = (double)i;
    return STATUS_OK;
}

/* The column that a node compares; UNSUPPORTED when there is none. */
static enum status column_of(const struct tree_list *list, int64_t feature, size_t node,
                             int64_t *column, struct error *err)
{
    int64_t count = list->columns ? (int64_t)list->column_count : list->features;

    if (feature < 0 || feature >= count)
        return error_set(err, STATUS_INVALID_INPUT,
                         "attribute 'nodes': node %zu asks for feature %lld of %lld", node,
                         (long long)feature, (long long)count);
    *column = list->columns ? (int64_t)list->columns[feature] : feature;
    return STATUS_OK;
}

enum status tree_list_append(struct tree_list *list, const struct pickle_object *tree,
                             enum value_rule rule, int64_t target, double scale, bool missing,
                             struct error *err)
{
    size_t width = target >= 0 ? 1 : (size_t)list->outputs, start = list->node_count;
    struct tensor values, feature, missing_left = {0};
    struct tree_nodes nodes;

    if (width == 0)
        return state_error(err, "values", "are none: there are no classes");
    TRY(tree_nodes_of(list->l, tree, &nodes, err));
    TRY(node_field(list->l, nodes.array, "feature", DTYPE_I64, &feature, err));
    if (missing && node_has_field(nodes.array, "missing_go_to_left"))
        TRY(node_field(list->l, nodes.array, "missing_go_to_left", DTYPE_I64, &missing_left, err));
    if (rule == VALUES_PATHS)
        TRY(path_values(list, &nodes, &values, err));
    else if (rule == VALUES_LEAVES)
        TRY(leaf_values(list, nodes.count, &values, err));
    else
        TRY(values_of(list, tree, nodes.count, width, &values, err));
    TRY(tree_list_reserve(list, nodes.count, err));
    TRY(tree_list_root(list, start, err));
    for (size_t i = 0; i < nodes.count; i++) {
        size_t at = list->node_count;
        int64_t left, right, column = -1;
        bool leaf;

        TRY(tree_node_children(&nodes, i, &left, &right, err));
        leaf = left == -1;
        if (!leaf)
            TRY(column_of(list, tensor_i64(&feature, i), i, &column, err));
        list->feature[at] = column;
        list->left[at] = leaf ? (int64_t)(list->value_count / width) : left + (int64_t)start;
        list->right[at] = leaf ? -1 : right + (int64_t)start;
        list->threshold[at] = leaf ? 0 : tensor_f64(&nodes.threshold, i);
        list->missing_left[at] = !leaf && missing_left.data && tensor_i64(&missing_left, i);
        list->node_count++;
        if (leaf)
            TRY(leaf_append(list, (const double *)values.data + i * width, rule, target, scale,
                            err));
    }
    list->compare_f32 = true;
    return STATUS_OK;
}

static void list_add(struct attribute *attributes, size_t *count, const char *name,
                     const int64_t *ints, size_t length)
{
    if (length)
        attributes[(*count)++] = attribute_of_ints(name, ints, length);
}

enum status tree_list_emit(const struct tree_list *list, value_id x, value_id *y, struct error *err)
{
    struct attribute attributes[20];
    size_t n = 0;

    attributes[n++] = attribute_of_int("features", list->features);
    attributes[n++] = attribute_of_int("outputs", list->outputs);
    attributes[n++] = attribute_of_int("compare_f32", list->compare_f32);
    if (list->aggregate)
        attributes[n++] = attribute_of_text("aggregate", list->aggregate);
    list_add(attributes, &n, "roots", list->roots, list->tree_count);
    list_add(attributes, &n, "feature", list->feature, list->node_count);
    list_add(attributes, &n, "left", list->left, list->node_count);
    list_add(attributes, &n, "right", list->right, list->node_count);
    list_add(attributes, &n, "missing_left", list->missing_left, list->node_count);
    if (list->set_count) {
        list_add(attributes, &n, "mode", list->mode, list->node_count);
        list_add(attributes, &n, "outside_left", list->outside_left, list->node_count);
        list_add(attributes, &n, "set", list->set, list->node_count);
        list_add(attributes, &n, "set_words", list->set_words, list->node_count);
        list_add(attributes, &n, "sets", list->sets, list->set_count);
    }
    attributes[n++] = (struct attribute){.name = "threshold",
                                         .kind = ATTRIBUTE_FLOATS,
                                         .count = list->node_count,
                                         .floats = list->threshold};
    attributes[n++] = (struct attribute){.name = "values",
                                         .kind = ATTRIBUTE_FLOATS,
                                         .count = list->value_count,
                                         .floats = list->values};
    if (list->targeted)
        list_add(attributes, &n, "targets", list->targets, list->target_count);
    if (list->base)
        attributes[n++] = (struct attribute){.name = "base",
                                             .kind = ATTRIBUTE_FLOATS,
                                             .count = (size_t)list->outputs,
                                             .floats = list->base};
    return emit(&list->l->e, "firn", "TreeEnsemble", &x, 1, attributes, n, y, 1, err);
}

/* DecisionTree: from 1.3; forests: from 1.4; randomised splitters: from 1.6 (CHANGELOG of each);
 * until 1.8 not with criterion "absolute_error", and never with monotonic constraints before 1.6.
 */
bool tree_allows_nan(const struct lowering *l, const struct pickle_object *self, bool in_forest)
{
    int version = estimator_version(l, self);
    bool random = pickle_text_is(pickle_get(self, "splitter"), "random") ||
                  !strncmp(pickle_name(self), "ExtraTree", 9);

    if (version < (random ? 10600 : in_forest ? 10400 : 10300))
        return false;
    if (pickle_text_is(pickle_get(self, "criterion"), "absolute_error") && version < 10900)
        return false;
    return pickle_is_none(pickle_get(self, "monotonic_cst"));
}
