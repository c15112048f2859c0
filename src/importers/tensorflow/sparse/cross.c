// SPDX-License-Identifier: Apache-2.0
/* Crosses of features. Inputs are lists: indices, values, shapes of sparse columns, dense columns.
 */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

/* `extra` inputs stand behind the columns. */
static enum status cross(struct tf_call *c, const char *sparse_list, size_t extra,
                         struct attribute *attributes, size_t count, struct error *err)
{
    value_id *inputs = arena_new(c->l->keep, value_id, c->in_count);
    size_t sparse, columns;

    TRY(tf_length(c->node, sparse_list, &sparse, c->l->keep, err));
    if (!inputs)
        return error_no_memory(err, "a node");
    if (c->in_count < extra || sparse > (c->in_count - extra) / 3)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs for %zu sparse columns",
                         c->in_count, sparse);
    columns = c->in_count - extra - 3 * sparse;
    for (size_t k = 0; k < sparse; k++)
        for (size_t part = 0; part < 3; part++)
            inputs[3 * k + part] = c->in[part * sparse + k];
    for (size_t k = 0; k < columns; k++)
        inputs[3 * sparse + k] = c->in[3 * sparse + k];
    attributes[count++] = attribute_of_int("sparse", (int64_t)sparse);
    TRY(emit(c->e, "firn", "SparseCross", inputs, 3 * sparse + columns, attributes, count, c->out,
             3, err));
    c->out_count = 3;
    return STATUS_OK;
}

static enum status old_cross(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    int64_t buckets, key;
    bool hashed;

    TRY(tf_bool(c->node, "hashed_output", false, &hashed, err));
    TRY(tf_int(c->node, "num_buckets", 0, &buckets, err));
    TRY(tf_int(c->node, "hash_key", 0, &key, err));
    if (buckets < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets", (long long)buckets);
    attributes[0] = attribute_of_text("way", hashed ? "hash" : "join");
    attributes[1] = attribute_of_text("separator", "_X_");
    attributes[2] = attribute_of_int("buckets", buckets);
    attributes[3] = attribute_of_int("key", key);
    attributes[4] = attribute_of_int("keyed", 1);
    return cross(c, "N", 0, attributes, 5, err);
}

/* ..., separator */
static enum status joined_cross(struct tf_call *c, struct error *err)
{
    const struct tensor *separator = c->in_count ? tf_constant(c, c->in_count - 1) : NULL;
    struct attribute attributes[3];

    if (!separator || separator->dtype != DTYPE_STRING || tensor_count(separator) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its separator is no constant");
    attributes[0] = attribute_of_text("way", "join");
    attributes[1] = (struct attribute){
        .name = "separator", .kind = ATTRIBUTE_STRING, .s = *(const struct bytes *)separator->data};
    return cross(c, "N", 1, attributes, 2, err);
}

/* ..., buckets, strong, salt */
static enum status hashed_cross(struct tf_call *c, struct error *err)
{
    const struct tensor *strong = c->in_count > 2 ? tf_constant(c, c->in_count - 2) : NULL;
    struct attribute attributes[4];
    int64_t buckets, salt[2];
    size_t count, used = 0;

    if (!strong || strong->dtype != DTYPE_BOOL || tensor_count(strong) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its kind of hash is no constant");
    TRY(tf_known_int(c, c->in_count - 3, &buckets, err));
    TRY(tf_known_ints(c, c->in_count - 1, salt, 2, &count, err));
    if (buckets < 0 || count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "%lld buckets, a salt of %zu numbers",
                         (long long)buckets, count);
    attributes[used++] = attribute_of_text("way", "hash");
    attributes[used++] = attribute_of_int("buckets", buckets);
    if (*(const uint8_t *)strong->data)
        attributes[used++] = attribute_of_ints("salt", salt, 2);
    return cross(c, "N", 3, attributes, used, err);
}

/* --- ragged --- */

/* A column as a sparse one: splits and values, or a dense one, whose rows are as long as another.
 */
static enum status column_sparse(struct tf_call *c, value_id splits, value_id values,
                                 value_id column[3], struct error *err)
{
    static const int64_t LIST[] = {-1};
    value_id shape, count, size, zero, one;

    if (splits != VALUE_NONE)
        return emit(c->e, "firn", "RaggedToSparse", (value_id[]){splits, values}, 2, NULL, 0,
                    column, 3, err);
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_1(c->e, "Shape", values, &shape, err));
    TRY(emit_slice(c->e, shape, 0, 0, 1, 1, &count, err));
    TRY(emit_squeeze(c->e, count, 0, &count, err));
    TRY(emit_2(c->e, "Add", count, one, &count, err));
    TRY(emit_node(c->e, "", "Range", EMIT(zero, count, one), EMIT_PLAIN, &splits, err));
    TRY(emit_slice(c->e, shape, 0, 1, 2, 1, &size, err));
    TRY(emit_2(c->e, "Mul", splits, size, &splits, err));
    TRY(emit_reshape(c->e, values, LIST, 1, &values, err));
    return emit(c->e, "firn", "RaggedToSparse", (value_id[]){splits, values}, 2, NULL, 0, column, 3,
                err);
}

/* Inputs: values and splits of ragged columns, indices, values and shapes of sparse ones, dense
 * ones. In the order that letters say, all as sparse ones. */
static enum status columns_of(struct tf_call *c, struct bytes order, value_id *columns,
                              struct error *err)
{
    size_t ragged, sparse, used[3] = {0};

    TRY(tf_length(c->node, "ragged_values_types", &ragged, c->l->keep, err));
    TRY(tf_length(c->node, "sparse_values_types", &sparse, c->l->keep, err));
    for (size_t k = 0; k < order.size; k++) {
        int kind = order.data[k] == 'R' ? 0 : order.data[k] == 'S' ? 1 : 2;
        size_t i = used[kind]++,
               first = kind == 0 ? i : 2 * ragged + (kind == 1 ? i : 3 * sparse + i);
        const value_id *in = c->in + first;

        if ((kind == 0 && i >= ragged) || (kind == 1 && i >= sparse) ||
            first + (kind == 0   ? ragged
                     : kind == 1 ? 2 * sparse
                                 : 0) >=
                c->in_count)
            return error_set(err, STATUS_INVALID_INPUT, "%zu inputs for columns '%.*s'",
                             c->in_count, (int)order.size, (const char *)order.data);
        if (kind == 1)
            memcpy(columns + 3 * k, (value_id[]){in[0], in[sparse], in[2 * sparse]},
                   3 * sizeof *columns);
        else
            TRY(column_sparse(c, kind ? VALUE_NONE : in[ragged], in[0], columns + 3 * k, err));
    }
    return STATUS_OK;
}

/* The rows of what comes out, one of them behind the last: how many are before each. */
static enum status splits_of(struct tf_call *c, value_id indices, value_id shape, value_id *splits,
                             struct error *err)
{
    value_id rows, count, zero, one;
    enum dtype dtype;

    TRY(tf_type(c->node, "out_row_splits_type", &dtype, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_slice(c->e, indices, 1, 0, 1, 1, &rows, err));
    TRY(emit_squeeze(c->e, rows, 1, &rows, err));
    TRY(emit_slice(c->e, shape, 0, 0, 1, 1, &count, err));
    TRY(emit_squeeze(c->e, count, 0, &count, err));
    TRY(emit_2(c->e, "Add", count, one, &count, err));
    TRY(emit_node(c->e, "", "Range", EMIT(zero, count, one), EMIT_PLAIN, splits, err));
    TRY(emit_node(c->e, "firn", "SearchSorted", EMIT(rows, *splits),
                  EMIT_ATTRIBUTES(attribute_of_int("upper", 0), attribute_of_int("wide", 1)),
                  splits, err));
    return emit_cast(c->e, *splits, dtype == DTYPE_NONE ? DTYPE_I64 : dtype, splits, err);
}

static enum status ragged_cross(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    int64_t buckets, key;
    struct bytes order;
    value_id *columns, y[3], splits;
    enum dtype dtype;

    TRY(tf_string(c->node, "input_order", "", &order, err));
    TRY(tf_type(c->node, "out_values_type", &dtype, err));
    TRY(tf_int(c->node, "num_buckets", 0, &buckets, err));
    TRY(tf_int(c->node, "hash_key", 0, &key, err));
    if (!order.size || buckets < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%zu columns, %lld buckets", order.size,
                         (long long)buckets);
    columns = arena_new(c->l->keep, value_id, 3 * order.size);
    if (!columns)
        return error_no_memory(err, "a node");
    TRY(columns_of(c, order, columns, err));
    attributes[0] = attribute_of_text("way", dtype == DTYPE_STRING ? "join" : "hash");
    attributes[1] = attribute_of_text("separator", "_X_");
    attributes[2] = attribute_of_int("buckets", buckets);
    attributes[3] = attribute_of_int("key", key);
    attributes[4] = attribute_of_int("keyed", 1);
    attributes[5] = attribute_of_int("sparse", (int64_t)order.size);
    TRY(emit(c->e, "firn", "SparseCross", columns, 3 * order.size, attributes, 6, y, 3, err));
    TRY(splits_of(c, y[0], y[2], &splits, err));
    TRY(tf_add(c, y[1], err));
    return tf_add(c, splits, err);
}

const struct tf_op_set tf_ops_cross = TF_OP_SET(
    {.name = "SparseCross", .lower = old_cross}, {.name = "SparseCrossV2", .lower = joined_cross},
    {.name = "SparseCrossHashed", .lower = hashed_cross},
    {.name = "RaggedCross", .lower = ragged_cross}, );
