// SPDX-License-Identifier: Apache-2.0
/* Sparse matrices in rows, and batches of them: variants whose parts are indices (n, rank) in the
 * order of the rows, values (n) and the shape (rank). A batch is multiplied as one matrix with its
 * matrices along the diagonal. Source: tensorflow/core/kernels/sparse. */
#include "importers/tensorflow/internal.h"

struct matrix {
    value_id indices, values, shape;
    int rank;
};

static enum status give(struct tf_call *c, const struct matrix *m, struct error *err)
{
    value_id parts[] = {m->indices, m->values, m->shape};

    return tf_compound_give(
        c,
        &(struct tf_compound){
            .kind = TF_SPARSE_MATRIX, .parts = parts, .count = 3, .rank = m->rank},
        err);
}

static enum status matrix_of(struct tf_call *c, size_t input, struct matrix *m, struct error *err)
{
    struct tf_compound compound;
    enum dtype dtype;

    TRY(tf_compound_of(c, input, TF_SPARSE_MATRIX, &compound, err));
    *m = (struct matrix){compound.parts[0], compound.parts[1], compound.parts[2], compound.rank};
    TRY(tf_type(c->node, "type", &dtype, err));
    if (dtype != DTYPE_NONE && dtype != emit_dtype(c->e, m->values))
        return error_set(err, STATUS_INVALID_INPUT, "a matrix of %s, not %s",
                         dtype_name(emit_dtype(c->e, m->values)), dtype_name(dtype));
    return STATUS_OK;
}

/* --- making --- */

static enum status make(struct tf_call *c, value_id indices, value_id values, value_id shape,
                        struct error *err)
{
    const struct shape *list = emit_shape(c->e, shape), *places = emit_shape(c->e, indices);
    int64_t rank = list->rank == 1 && list->dims[0] >= 0       ? list->dims[0]
                   : places->rank == 2 && places->dims[1] >= 0 ? places->dims[1]
                                                               : -1;
    struct matrix m = {.values = values, .shape = shape, .rank = (int)rank};

    if (rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of the matrix is not known");
    if (rank != 2 && rank != 3)
        return error_set(err, STATUS_INVALID_INPUT, "a matrix of %lld dimensions", (long long)rank);
    TRY(emit_node(c->e, "firn", "SparseMatrixIndices", EMIT(indices, values, shape), EMIT_PLAIN,
                  &m.indices, err));
    return give(c, &m, err);
}

static enum status from_sparse(struct tf_call *c, struct error *err)
{
    return make(c, c->in[0], c->in[1], c->in[2], err);
}

static enum status from_dense(struct tf_call *c, struct error *err)
{
    value_id values, shape;

    TRY(emit_2(c->e, "GatherND", c->in[0], c->in[1], &values, err));
    TRY(emit_1(c->e, "Shape", c->in[0], &shape, err));
    return make(c, c->in[1], values, shape, err);
}

/* --- reading --- */

static enum status to_sparse(struct tf_call *c, struct error *err)
{
    struct matrix m;

    TRY(matrix_of(c, 0, &m, err));
    TRY(tf_add(c, m.indices, err));
    TRY(tf_add(c, m.values, err));
    return tf_add(c, m.shape, err);
}

static enum status to_dense(struct tf_call *c, struct error *err)
{
    struct attribute validate = attribute_of_int("validate", 0);
    struct matrix m;
    enum dtype dtype;
    value_id zero, y;

    TRY(matrix_of(c, 0, &m, err));
    dtype = emit_dtype(c->e, m.values);
    TRY(emit_number(c->e, tf_complex_part(dtype), 0, &zero, err));
    if (tf_is_complex(c->e, m.values))
        TRY(tf_complex(c->e, "make", EMIT(zero, zero), &zero, err));
    TRY(emit(c->e, "firn", "SparseToDense", (value_id[]){m.indices, m.shape, m.values, zero}, 4,
             &validate, 1, &y, 1, err));
    return tf_give(c, y);
}

/* One dimension, (1,); counted from the end when negative. */
static enum status dim(struct tf_call *c, const struct matrix *m, int64_t i, value_id *y,
                       struct error *err)
{
    int64_t at = i < 0 ? m->rank + i : i;

    return emit_slice(c->e, m->shape, 0, at, at + 1, 1, y, err);
}

/* Of all indices those of one dimension, (n, 1). */
static enum status column(struct tf_call *c, const struct matrix *m, int64_t i, value_id *y,
                          struct error *err)
{
    int64_t at = i < 0 ? m->rank + i : i;

    return emit_slice(c->e, m->indices, 1, at, at + 1, 1, y, err);
}

/* How many indices are 0, 1 ... up to below `length` (1,): int32. `at` (n, 1). */
static enum status count(struct tf_call *c, value_id at, value_id length, value_id *y,
                         struct error *err)
{
    value_id zero, one, size;

    TRY(emit_number(c->e, DTYPE_I32, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I32, 1, &one, err));
    TRY(emit_2(c->e, "Expand", zero, length, &zero, err));
    TRY(emit_node(c->e, "", "Shape", EMIT(at), EMIT_ATTRIBUTES(attribute_of_int("end", 1)), &size,
                  err));
    TRY(emit_2(c->e, "Expand", one, size, &one, err));
    return tf_scatter_nd(c, zero, at, one, "add", false, y, err);
}

static enum status nnz(struct tf_call *c, struct error *err)
{
    value_id batch, batches, y;
    struct matrix m;

    TRY(matrix_of(c, 0, &m, err));
    if (m.rank == 3) {
        TRY(column(c, &m, 0, &batch, err));
        TRY(dim(c, &m, 0, &batches, err));
        TRY(count(c, batch, batches, &y, err));
    } else {
        TRY(emit_1(c->e, "Size", m.values, &y, err));
        TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    }
    return tf_give(c, y);
}

/* The matrix of a batch that input 1 says. */
static enum status chosen(struct tf_call *c, struct matrix *m, struct error *err)
{
    value_id index, length, low, high, zero, one, rest, y[3];
    struct matrix whole = *m;

    TRY(tf_index_list(c, 1, &index, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(EMIT_INTS(c->e, &one, err, 1));
    length = one;
    if (m->rank == 3)
        TRY(dim(c, m, 0, &length, err));
    TRY(emit_2(c->e, "GreaterOrEqual", index, zero, &low, err));
    TRY(emit_2(c->e, "Less", index, length, &high, err));
    TRY(emit_2(c->e, "And", low, high, &low, err));
    TRY(emit_require(c->e, low, "index is not that of a matrix",
                     m->rank == 3 ? &index : &m->indices, err));
    if (m->rank == 2)
        return STATUS_OK;
    TRY(EMIT_INTS(c->e, &rest, err, 0, 0));
    TRY(emit_concat(c->e, EMIT(index, rest), 0, &low, err));
    TRY(emit_slice(c->e, m->shape, 0, 1, 3, 1, &rest, err));
    TRY(emit_concat(c->e, EMIT(one, rest), 0, &high, err));
    TRY(emit(c->e, "firn", "SparseSlice",
             (value_id[]){whole.indices, whole.values, whole.shape, low, high}, 5, NULL, 0, y, 3,
             err));
    *m = (struct matrix){VALUE_NONE, y[1], rest, 2};
    return emit_slice(c->e, y[0], 1, 1, 3, 1, &m->indices, err);
}

/* Where the rows begin, the columns, the values. */
static enum status components(struct tf_call *c, struct error *err)
{
    value_id rows, length, one, axis, starts, columns;
    struct matrix m;

    TRY(matrix_of(c, 0, &m, err));
    TRY(chosen(c, &m, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &axis, err));
    TRY(column(c, &m, 0, &rows, err));
    TRY(emit_2(c->e, "Add", rows, one, &rows, err));
    TRY(dim(c, &m, 0, &length, err));
    TRY(emit_2(c->e, "Add", length, one, &length, err));
    TRY(count(c, rows, length, &starts, err));
    TRY(emit_2(c->e, "CumSum", starts, axis, &starts, err));
    TRY(column(c, &m, 1, &columns, err));
    TRY(emit_squeeze(c->e, columns, 1, &columns, err));
    TRY(emit_cast(c->e, columns, DTYPE_I32, &columns, err));
    TRY(tf_add(c, starts, err));
    TRY(tf_add(c, columns, err));
    return tf_add(c, m.values, err);
}

/* --- turning --- */

static enum status turn(struct tf_call *c, struct matrix *m, struct error *err)
{
    static const int64_t ORDER[] = {0, 2, 1};
    value_id order, both[2];

    if (m->rank == 2)
        TRY(EMIT_INTS(c->e, &order, err, 1, 0));
    else
        TRY(emit_ints(c->e, ORDER, 3, &order, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(m->indices, order),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 1)), &m->indices, err));
    TRY(emit_2(c->e, "Gather", m->shape, order, &m->shape, err));
    TRY(emit(c->e, "firn", "SparseReorder", (value_id[]){m->indices, m->values}, 2, NULL, 0, both,
             2, err));
    m->indices = both[0];
    m->values = both[1];
    return STATUS_OK;
}

static enum status transpose(struct tf_call *c, struct error *err)
{
    struct matrix m;
    bool conjugated;

    TRY(matrix_of(c, 0, &m, err));
    TRY(tf_bool(c->node, "conjugate", false, &conjugated, err));
    if (conjugated)
        TRY(tf_conjugate(c->e, &m.values, err));
    TRY(turn(c, &m, err));
    return give(c, &m, err);
}

/* --- products --- */

/* What an operand is asked to be: "transpose_a", "adjoint_a". */
static enum status asked(struct tf_call *c, const char *transposed, const char *adjoint,
                         bool *turned, bool *conjugated, struct error *err)
{
    TRY(tf_bool(c->node, transposed, false, turned, err));
    TRY(tf_bool(c->node, adjoint, false, conjugated, err));
    if (*turned && *conjugated)
        return error_set(err, STATUS_INVALID_INPUT, "both %s and %s", transposed, adjoint);
    *turned = *turned || *conjugated;
    return STATUS_OK;
}

static enum status operand(struct tf_call *c, size_t input, const char *transposed,
                           const char *adjoint, struct matrix *m, struct error *err)
{
    bool turned, conjugated;

    TRY(matrix_of(c, input, m, err));
    TRY(asked(c, transposed, adjoint, &turned, &conjugated, err));
    if (conjugated)
        TRY(tf_conjugate(c->e, &m->values, err));
    return turned ? turn(c, m, err) : STATUS_OK;
}

/* A batch as one matrix. */
static enum status diagonal(struct tf_call *c, struct matrix *m, struct error *err)
{
    value_id batch, batches, part[2], size[2], first;

    if (m->rank == 2)
        return STATUS_OK;
    TRY(column(c, m, 0, &batch, err));
    TRY(dim(c, m, 0, &batches, err));
    for (int i = 0; i < 2; i++) {
        TRY(dim(c, m, i + 1, &size[i], err));
        TRY(column(c, m, i + 1, &part[i], err));
        TRY(emit_2(c->e, "Mul", batch, size[i], &first, err));
        TRY(emit_2(c->e, "Add", part[i], first, &part[i], err));
        TRY(emit_2(c->e, "Mul", batches, size[i], &size[i], err));
    }
    m->rank = 2;
    TRY(emit_concat(c->e, EMIT(part[0], part[1]), 1, &m->indices, err));
    return emit_concat(c->e, EMIT(size[0], size[1]), 0, &m->shape, err);
}

/* The other way round: `shape` of the batch. */
static enum status batch_of(struct tf_call *c, struct matrix *m, value_id shape, struct error *err)
{
    struct matrix whole = {.shape = shape, .rank = 3};
    value_id batch = VALUE_NONE, part[2], size, first;

    for (int i = 0; i < 2; i++) {
        TRY(column(c, m, i, &part[i], err));
        TRY(dim(c, &whole, i + 1, &size, err));
        if (i == 0)
            TRY(emit_2(c->e, "Div", part[0], size, &batch, err));
        TRY(emit_2(c->e, "Mul", batch, size, &first, err));
        TRY(emit_2(c->e, "Sub", part[i], first, &part[i], err));
    }
    m->rank = 3;
    m->shape = shape;
    return emit_concat(c->e, EMIT(batch, part[0], part[1]), 1, &m->indices, err);
}

static enum status same_rank(const struct matrix *a, int rank, struct error *err)
{
    return a->rank == rank ? STATUS_OK
                           : error_set(err, STATUS_INVALID_INPUT,
                                       "matrices of %d and %d dimensions", a->rank, rank);
}

static enum status mat_mul_sparse(struct tf_call *c, struct error *err)
{
    value_id ends[2], batches[2], same, shape, y[2];
    struct matrix a, b, product = {.rank = 2};
    int rank;

    TRY(operand(c, 0, "transpose_a", "adjoint_a", &a, err));
    TRY(operand(c, 1, "transpose_b", "adjoint_b", &b, err));
    TRY(same_rank(&a, b.rank, err));
    rank = a.rank;
    TRY(emit_slice(c->e, a.shape, 0, 0, rank - 1, 1, &ends[0], err));
    TRY(dim(c, &b, -1, &ends[1], err));
    if (rank == 3) {
        TRY(dim(c, &a, 0, &batches[0], err));
        TRY(dim(c, &b, 0, &batches[1], err));
        TRY(emit_2(c->e, "Equal", batches[0], batches[1], &same, err));
        TRY(emit_require(c->e, same, "batches of matrices differ", &a.indices, err));
    }
    TRY(emit_concat(c->e, EMIT(ends[0], ends[1]), 0, &shape, err));
    TRY(diagonal(c, &a, err));
    TRY(diagonal(c, &b, err));
    TRY(emit(c->e, "firn", "SparseMatrixProduct",
             (value_id[]){a.indices, a.values, a.shape, b.indices, b.values, b.shape}, 6, NULL, 0,
             y, 2, err));
    product.indices = y[0];
    product.values = y[1];
    product.shape = shape;
    if (rank == 3)
        TRY(batch_of(c, &product, shape, err));
    return give(c, &product, err);
}

static enum status turn_dense(struct tf_call *c, value_id *x, struct error *err)
{
    static const int64_t ORDERS[2][3] = {{1, 0}, {0, 2, 1}};
    int rank = emit_shape(c->e, *x)->rank;

    return emit_transpose(c->e, *x, ORDERS[rank - 2], (size_t)rank, x, err);
}

/* Matrices of a batch, one below the other; there are as many as of the sparse ones. */
static enum status stacked(struct tf_call *c, const struct matrix *a, bool turned, value_id *b,
                           struct error *err)
{
    value_id have, batches, inner, want, same;

    TRY(emit_node(c->e, "", "Shape", EMIT(*b), EMIT_ATTRIBUTES(attribute_of_int("end", 2)), &have,
                  err));
    TRY(dim(c, a, 0, &batches, err));
    TRY(dim(c, a, turned ? 1 : 2, &inner, err));
    TRY(emit_concat(c->e, EMIT(batches, inner), 0, &want, err));
    TRY(emit_2(c->e, "Equal", have, want, &same, err));
    TRY(emit_require(c->e, same, "the batches of matrices do not fit", b, err));
    return emit_node(c->e, "", "Flatten", EMIT(*b), EMIT_ATTRIBUTES(attribute_of_int("axis", 2)), b,
                     err);
}

static enum status mat_mul(struct tf_call *c, struct error *err)
{
    bool turn_a, turn_b, conjugate_a, conjugate_b, turn_y, conjugate_y;
    value_id b = c->in[1], rows, width, batches, shape, y;
    struct matrix a, flat;
    int rank;

    TRY(matrix_of(c, 0, &a, err));
    TRY(tf_rank(c, 1, &rank, err));
    TRY(same_rank(&a, rank, err));
    TRY(asked(c, "transpose_a", "adjoint_a", &turn_a, &conjugate_a, err));
    TRY(asked(c, "transpose_b", "adjoint_b", &turn_b, &conjugate_b, err));
    TRY(tf_bool(c->node, "transpose_output", false, &turn_y, err));
    TRY(tf_bool(c->node, "conjugate_output", false, &conjugate_y, err));
    if (conjugate_b)
        TRY(tf_conjugate(c->e, &b, err));
    if (turn_b)
        TRY(turn_dense(c, &b, err));
    if (turn_a && !conjugate_a) /* SparseMatMul knows adjoints */
        TRY(tf_conjugate(c->e, &a.values, err));
    TRY(emit_node(c->e, "", "Shape", EMIT(b), EMIT_ATTRIBUTES(attribute_of_int("start", -1)),
                  &width, err));
    flat = a;
    if (rank == 3) {
        TRY(stacked(c, &a, turn_a, &b, err));
        TRY(diagonal(c, &flat, err));
    }
    TRY(emit(c->e, "firn", "SparseMatMul", (value_id[]){flat.indices, flat.values, flat.shape, b},
             4,
             (struct attribute[]){attribute_of_int("adjoint_a", turn_a),
                                  attribute_of_int("adjoint_b", 0)},
             2, &y, 1, err));
    if (rank == 3) {
        TRY(dim(c, &a, 0, &batches, err));
        TRY(dim(c, &a, turn_a ? 2 : 1, &rows, err));
        TRY(emit_concat(c->e, EMIT(batches, rows, width), 0, &shape, err));
        TRY(emit_node(c->e, "", "Reshape", EMIT(y, shape),
                      EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), &y, err));
    }
    if (turn_y) {
        if (emit_shape(c->e, y)->rank != rank)
            return error_set(err, STATUS_UNSUPPORTED, "the rank of the product is not known");
        TRY(turn_dense(c, &y, err));
    }
    if (conjugate_y)
        TRY(tf_conjugate(c->e, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_matrix_rows =
    TF_OP_SET({.name = "DenseToCSRSparseMatrix", .lower = from_dense, .inputs = 2},
              {.name = "SparseTensorToCSRSparseMatrix", .lower = from_sparse, .inputs = 3},
              {.name = "CSRSparseMatrixToDense", .lower = to_dense, .inputs = 1},
              {.name = "CSRSparseMatrixToSparseTensor", .lower = to_sparse, .inputs = 1},
              {.name = "CSRSparseMatrixComponents", .lower = components, .inputs = 2},
              {.name = "SparseMatrixNNZ", .lower = nnz, .inputs = 1},
              {.name = "SparseMatrixTranspose", .lower = transpose, .inputs = 1},
              {.name = "SparseMatrixMatMul", .lower = mat_mul, .inputs = 2},
              {.name = "SparseMatrixSparseMatMul", .lower = mat_mul_sparse, .inputs = 2}, );
