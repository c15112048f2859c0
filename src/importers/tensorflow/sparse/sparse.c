// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors: indices, values and a shape, as three tensors each. */
#include "importers/tensorflow/internal.h"

static enum status to_dense(struct tf_call *c, struct error *err)
{
    bool validate;
    value_id y;

    TRY(tf_bool(c->node, "validate_indices", true, &validate, err));
    TRY(emit(c->e, "firn", "SparseToDense", c->in, 4,
             (struct attribute[]){attribute_of_int("validate", validate)}, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status mat_mul(struct tf_call *c, struct error *err)
{
    bool adjoint_a, adjoint_b;
    value_id y;

    TRY(tf_bool(c->node, "adjoint_a", false, &adjoint_a, err));
    TRY(tf_bool(c->node, "adjoint_b", false, &adjoint_b, err));
    TRY(emit(c->e, "firn", "SparseMatMul", c->in, 4,
             (struct attribute[]){attribute_of_int("adjoint_a", adjoint_a),
                                  attribute_of_int("adjoint_b", adjoint_b)},
             2, &y, 1, err));
    return tf_give(c, y);
}

static enum status reduce(struct tf_call *c, const char *reduction, struct error *err)
{
    bool keep;
    value_id y;

    TRY(tf_bool(c->node, "keep_dims", false, &keep, err));
    TRY(emit(c->e, "firn", "SparseReduce", c->in, 4,
             (struct attribute[]){attribute_of_text("reduction", reduction),
                                  attribute_of_int("keep_dims", keep)},
             2, &y, 1, err));
    return tf_give(c, y);
}

static enum status reduce_sum(struct tf_call *c, struct error *err)
{
    return reduce(c, "sum", err);
}

static enum status reduce_max(struct tf_call *c, struct error *err)
{
    return reduce(c, "max", err);
}

/* indices, values, shape, dense: values of both where the sparse one has one. The dense one is
 * broadcast to the sparse one. */
static enum status with_dense(struct tf_call *c, const char *op, struct error *err)
{
    value_id picked, y;

    TRY(emit_2(c->e, "Expand", c->in[3], c->in[2], &picked, err));
    TRY(emit_2(c->e, "GatherND", picked, c->in[0], &picked, err));
    TRY(emit_2(c->e, op, c->in[1], picked, &y, err));
    return tf_give(c, y);
}

static enum status dense_add(struct tf_call *c, struct error *err)
{
    return with_dense(c, "Add", err);
}

static enum status dense_mul(struct tf_call *c, struct error *err)
{
    return with_dense(c, "Mul", err);
}

static enum status dense_div(struct tf_call *c, struct error *err)
{
    return with_dense(c, "Div", err);
}

/* indices, values, shape, and a dense tensor of that shape which they are added to */
static enum status add_to_dense(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(tf_scatter_nd(c, c->in[3], c->in[0], c->in[1], "add", false, &y, err));
    return tf_give(c, y);
}

/* --- sparse ones from sparse ones --- */

static enum status pass(struct tf_call *c, const char *op, size_t inputs, size_t outputs,
                        struct error *err)
{
    value_id y[4];

    if (c->in_count < inputs)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(emit(c->e, "firn", op, c->in, inputs, NULL, 0, y, outputs, err));
    for (size_t i = 0; i < outputs; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

static enum status reorder(struct tf_call *c, struct error *err)
{
    return pass(c, "SparseReorder", 3, 2, err);
}

static enum status reshape(struct tf_call *c, struct error *err)
{
    return pass(c, "SparseReshape", 3, 2, err);
}

static enum status slice(struct tf_call *c, struct error *err)
{
    return pass(c, "SparseSlice", 5, 3, err);
}

static enum status fill_empty_rows(struct tf_call *c, struct error *err)
{
    return pass(c, "SparseFillEmptyRows", 4, 4, err);
}

static enum status merge(struct tf_call *c, const char *function, value_id threshold,
                         struct error *err)
{
    struct attribute attribute = attribute_of_text("function", function);
    value_id in[5] = {c->in[0], c->in[1], c->in[3], c->in[4], threshold}, y[2];

    TRY(emit(c->e, "firn", "SparseMerge", in, threshold == VALUE_NONE ? 4 : 5, &attribute, 1, y, 2,
             err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

/* a, b as three tensors each, threshold */
static enum status add(struct tf_call *c, struct error *err)
{
    TRY(merge(c, "add", c->in[6], err));
    return tf_add(c, c->in[2], err);
}

static enum status maximum(struct tf_call *c, struct error *err)
{
    return merge(c, "max", VALUE_NONE, err);
}

static enum status minimum(struct tf_call *c, struct error *err)
{
    return merge(c, "min", VALUE_NONE, err);
}

/* A list of `rank` zeros with a one at `axis`. */
static enum status unit(struct tf_call *c, int64_t axis, int64_t rank, value_id *value,
                        struct error *err)
{
    int64_t numbers[RANK_MAX] = {0};

    if (rank < 1)
        return error_set(err, STATUS_UNSUPPORTED, "the number of dimensions is not known");
    if (axis < 0)
        axis += rank;
    if (rank > RANK_MAX || axis < 0 || axis >= rank)
        return error_set(err, STATUS_UNSUPPORTED, "dimension %lld of %lld", (long long)axis,
                         (long long)rank);
    numbers[axis] = 1;
    return emit_ints(c->e, numbers, (size_t)rank, value, err);
}

static int64_t length_of(const struct tf_call *c, value_id list)
{
    return emit_shape(c->e, list)->rank == 1 ? emit_shape(c->e, list)->dims[0] : -1;
}

/* n lists of indices, of values, of shapes */
static enum status concat(struct tf_call *c, struct error *err)
{
    size_t n = c->in_count / 3;
    value_id *lists = arena_new(c->l->keep, value_id, 2 * n + 1), before, along, others, y[3];
    int64_t axis, rank;

    if (!lists)
        return error_no_memory(err, "a node");
    if (!n || c->in_count % 3)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_int(c->node, "concat_dim", 0, &axis, err));
    rank = length_of(c, c->in[2 * n]);
    TRY(unit(c, axis, rank, &along, err));
    TRY(emit_2(c->e, "Mul", c->in[2 * n], along, &others, err));
    TRY(emit_2(c->e, "Sub", c->in[2 * n], others, &others, err));
    for (size_t i = 0; i < n; i++) {
        value_id own;

        lists[i] = c->in[i];
        lists[n + i] = c->in[n + i];
        if (i)
            TRY(emit_2(c->e, "Add", c->in[i], before, &lists[i], err));
        TRY(emit_2(c->e, "Mul", c->in[2 * n + i], along, &own, err));
        before = i ? before : own;
        if (i)
            TRY(emit_2(c->e, "Add", before, own, &before, err));
    }
    TRY(emit_concat(c->e, (struct emit_inputs){lists, n}, 0, &y[0], err));
    TRY(emit_concat(c->e, (struct emit_inputs){lists + n, n}, 0, &y[1], err));
    TRY(emit_2(c->e, "Add", others, before, &y[2], err));
    TRY(emit(c->e, "firn", "SparseReorder", (value_id[]){y[0], y[1], y[2]}, 3, NULL, 0, y, 2, err));
    for (int i = 0; i < 3; i++)
        TRY(tf_add(c, y[i], err));
    return STATUS_OK;
}

/* Parts of an axis: those before the remainder have one more. */
static enum status split(struct tf_call *c, struct error *err)
{
    value_id parts[3][64], along, count, dim, size, rest, other;
    int64_t axis, number, rank = length_of(c, c->in[3]);

    TRY(tf_known_int(c, 0, &axis, err));
    TRY(tf_int(c->node, "num_split", 0, &number, err));
    if (number < 1 || number > 64)
        return error_set(err, STATUS_UNSUPPORTED, "%lld parts", (long long)number);
    TRY(unit(c, axis, rank, &along, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)number, &count, err));
    TRY(emit_2(c->e, "Mul", c->in[3], along, &dim, err));
    TRY(emit_2(c->e, "Sub", c->in[3], dim, &other, err));
    TRY(emit_2(c->e, "Div", dim, count, &size, err));
    TRY(emit_2(c->e, "Mod", dim, count, &rest, err));
    for (int64_t i = 0; i < number; i++) {
        value_id ends[2], index, y[3];

        for (int64_t e = 0; e < 2; e++) { /* (i + e) * size + min(i + e, rest) */
            TRY(emit_number(c->e, DTYPE_I64, (double)(i + e), &index, err));
            TRY(emit_2(c->e, "Mul", size, index, &ends[e], err));
            TRY(emit_2(c->e, "Min", rest, index, &index, err));
            TRY(emit_2(c->e, "Add", ends[e], index, &ends[e], err));
        }
        TRY(emit_2(c->e, "Sub", ends[1], ends[0], &ends[1], err));
        TRY(emit_2(c->e, "Add", ends[1], other, &ends[1], err));
        TRY(emit(c->e, "firn", "SparseSlice",
                 (value_id[]){c->in[1], c->in[2], c->in[3], ends[0], ends[1]}, 5, NULL, 0, y, 3,
                 err));
        for (int k = 0; k < 3; k++)
            parts[k][i] = y[k];
    }
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < number; i++)
            TRY(tf_add(c, parts[k][i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_sparse =
    TF_OP_SET({.name = "SparseToDense", .lower = to_dense, .inputs = 4},
              {.name = "SparseTensorDenseMatMul", .lower = mat_mul, .inputs = 4},
              {.name = "SparseTensorDenseAdd", .lower = add_to_dense, .inputs = 4},
              {.name = "SparseReduceSum", .lower = reduce_sum, .inputs = 4},
              {.name = "SparseReduceMax", .lower = reduce_max, .inputs = 4},
              {.name = "SparseDenseCwiseAdd", .lower = dense_add, .inputs = 4},
              {.name = "SparseDenseCwiseMul", .lower = dense_mul, .inputs = 4},
              {.name = "SparseDenseCwiseDiv", .lower = dense_div, .inputs = 4},
              {.name = "SparseReorder", .lower = reorder, .inputs = 3},
              {.name = "SparseReshape", .lower = reshape, .inputs = 3},
              {.name = "SparseSlice", .lower = slice, .inputs = 5},
              {.name = "SparseFillEmptyRows", .lower = fill_empty_rows, .inputs = 4},
              {.name = "SparseAdd", .lower = add, .inputs = 7},
              {.name = "SparseSparseMaximum", .lower = maximum, .inputs = 6},
              {.name = "SparseSparseMinimum", .lower = minimum, .inputs = 6},
              {.name = "SparseConcat", .lower = concat},
              {.name = "SparseSplit", .lower = split, .inputs = 4}, );
