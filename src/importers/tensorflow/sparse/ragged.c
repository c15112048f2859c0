// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors: values and row splits. */
#include "importers/tensorflow/internal.h"

static enum status range(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y[2];

    TRY(tf_type(c->node, "Tsplits", &dtype, err));
    TRY(emit(c->e, "firn", "RaggedRange", c->in, 3,
             (struct attribute[]){attribute_of_int("wide", dtype != DTYPE_I32)}, 1, y, 2, err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

/* shape, values, default, partitions */
static enum status to_tensor(struct tf_call *c, struct error *err)
{
    struct bytes *types;
    char kinds[32];
    size_t count;
    value_id y;

    TRY(tf_strings(c->node, "row_partition_types", &types, &count, c->l->keep, err));
    if (count + 3 != c->in_count || count >= sizeof kinds)
        return error_set(err, STATUS_INVALID_INPUT, "%zu kinds of partitions for %zu inputs", count,
                         c->in_count);
    for (size_t i = 0; i < count; i++) {
        kinds[i] = bytes_is(types[i], "FIRST_DIM_SIZE") ? 'F'
                   : bytes_is(types[i], "ROW_SPLITS")   ? 'S'
                   : bytes_is(types[i], "VALUE_ROWIDS") ? 'I'
                                                        : '?';
        if (kinds[i] == '?')
            return error_set(err, STATUS_UNSUPPORTED, "partition %zu is of another kind", i);
    }
    kinds[count] = '\0';
    TRY(emit(c->e, "firn", "RaggedToDense", c->in, c->in_count,
             (struct attribute[]){attribute_of_text("kinds", kinds)}, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status to_sparse(struct tf_call *c, struct error *err)
{
    value_id y[3];

    TRY(emit(c->e, "firn", "RaggedToSparse", c->in, c->in_count, NULL, 0, y, 3, err));
    for (int i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

/* Indices of more dimensions have splits of their own before the rest: the number of indices in one
 * of each, for each. */
static enum status gather(struct tf_call *c, struct error *err)
{
    static const int64_t LIST[] = {-1};
    size_t levels = c->in_count - 2;
    value_id *in = arena_new(c->l->keep, value_id, c->in_count), y[16], dims, one, zero;
    int rank;

    if (!in)
        return error_no_memory(err, "a node");
    if (c->in_count < 3 || levels + 1 > sizeof y / sizeof *y)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_rank(c, c->in_count - 1, &rank, err));
    memcpy(in, c->in, c->in_count * sizeof *in);
    if (rank != 1)
        TRY(emit_reshape(c->e, in[levels + 1], LIST, 1, &in[levels + 1], err));
    TRY(emit(c->e, "firn", "RaggedGather", in, c->in_count, NULL, 0, y, levels + 1, err));
    if (rank == 0)
        return error_set(err, STATUS_UNSUPPORTED, "an index that is a scalar");
    TRY(emit_1(c->e, "Shape", c->in[levels + 1], &dims, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    for (int d = 0; d + 1 < rank; d++) { /* 0, n, 2 n ... for the product of the outer dimensions */
        value_id outer, width, end, splits;

        TRY(emit_slice(c->e, dims, 0, 0, d + 1, 1, &outer, err));
        TRY(emit_node(c->e, "", "ReduceProd", EMIT(outer),
                      EMIT_ATTRIBUTES(attribute_of_int("keepdims", 0)), &outer, err));
        TRY(emit_2(c->e, "Add", outer, one, &end, err));
        TRY(emit_node(c->e, "", "Range", EMIT(zero, end, one), EMIT_PLAIN, &splits, err));
        TRY(emit_slice(c->e, dims, 0, d + 1, d + 2, 1, &width, err));
        TRY(emit_2(c->e, "Mul", splits, width, &splits, err));
        TRY(emit_cast(c->e, splits, emit_dtype(c->e, c->in[0]), &splits, err));
        TRY(tf_add(c, splits, err));
    }
    for (size_t i = 0; i <= levels; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

/* splits, values, size, weights */
static enum status bincount(struct tf_call *c, struct error *err)
{
    value_id parts[3], counts, rows, repeated, zero, count, y;
    bool binary;

    /* the row of each value: how many splits but the first are not behind it */
    TRY(tf_bool(c->node, "binary_output", false, &binary, err));
    TRY(tf_index(c, 0, &parts[0], err));
    TRY(emit_slice(c->e, parts[0], 0, 1, INT64_MAX, 1, &parts[1], err));
    TRY(emit_1(c->e, "Shape", parts[1], &counts, err));
    TRY(emit_1(c->e, "Size", c->in[1], &count, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &repeated, err));
    TRY(emit_node(c->e, "", "Range", EMIT(zero, count, repeated), EMIT_PLAIN, &rows, err));
    TRY(emit_node(c->e, "firn", "SearchSorted", EMIT(parts[1], rows),
                  EMIT_ATTRIBUTES(attribute_of_int("upper", 1), attribute_of_int("wide", 1)), &rows,
                  err));
    TRY(emit_node(c->e, "firn", "Bincount", EMIT(c->in[1], c->in[2], c->in[3], rows, counts),
                  EMIT_ATTRIBUTES(attribute_of_int("binary", binary)), &y, err));
    return tf_give(c, y);
}

/* The row of each value, values, how many rows, a value: as a sparse matrix of one column. */
static enum status fill_empty_rows(struct tf_call *c, struct error *err)
{
    static const int64_t LIST[] = {1};
    value_id rows, zeros, indices, shape, one, y[4];

    TRY(emit_unsqueeze(c->e, c->in[0], 1, &rows, err));
    TRY(emit_2(c->e, "Sub", rows, rows, &zeros, err));
    TRY(emit_concat(c->e, EMIT(rows, zeros), 1, &indices, err));
    TRY(emit_ints(c->e, LIST, 1, &one, err));
    TRY(emit_reshape(c->e, c->in[2], LIST, 1, &shape, err));
    TRY(emit_concat(c->e, EMIT(shape, one), 0, &shape, err));
    TRY(emit(c->e, "firn", "SparseFillEmptyRows", (value_id[]){indices, c->in[1], shape, c->in[3]},
             4, NULL, 0, y, 4, err));
    TRY(emit_slice(c->e, y[0], 1, 0, 1, 1, &rows, err));
    TRY(emit_squeeze(c->e, rows, 1, &y[0], err));
    for (int i = 0; i < 4; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_ragged = TF_OP_SET(
    {.name = "RaggedRange", .lower = range, .inputs = 3},
    {.name = "RaggedTensorToTensor", .lower = to_tensor},
    {.name = "RaggedTensorToSparse", .lower = to_sparse}, {.name = "RaggedGather", .lower = gather},
    {.name = "RaggedFillEmptyRows", .lower = fill_empty_rows, .inputs = 4},
    {.name = "RaggedBincount", .lower = bincount, .inputs = 4}, );
