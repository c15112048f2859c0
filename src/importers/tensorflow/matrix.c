// SPDX-License-Identifier: Apache-2.0
/* Linear algebra: determinants, inverses, equations, decompositions. */
#include "importers/tensorflow/internal.h"

static enum status flag(const struct tf_call *c, const char *name, bool otherwise, const char *as,
                        struct attribute *attribute, struct error *err)
{
    bool value;

    TRY(tf_bool(c->node, name, otherwise, &value, err));
    *attribute = attribute_of_int(as, value);
    return STATUS_OK;
}

/* `outputs` of the private operator, all of the node; of half precision in float. */
static enum status call_op(struct tf_call *c, const char *op, const struct attribute *attributes,
                           size_t count, size_t outputs, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    bool narrow = dtype == DTYPE_F16 || dtype == DTYPE_BF16;
    value_id in[3] = {0}, y[3];

    for (size_t i = 0; i < c->in_count && i < 3; i++) {
        in[i] = c->in[i];
        if (narrow && emit_dtype(c->e, in[i]) == dtype)
            TRY(emit_cast(c->e, in[i], DTYPE_F32, &in[i], err));
    }
    TRY(emit(c->e, "firn", op, in, c->in_count, attributes, count, y, outputs, err));
    for (size_t i = 0; i < outputs; i++) {
        if (narrow && emit_dtype(c->e, y[i]) == DTYPE_F32)
            TRY(emit_cast(c->e, y[i], dtype, &y[i], err));
        TRY(tf_add(c, y[i], err));
    }
    return STATUS_OK;
}

static enum status determinant(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixDeterminant", NULL, 0, 1, err);
}

static enum status log_determinant(struct tf_call *c, struct error *err)
{
    return call_op(c, "LogMatrixDeterminant", NULL, 0, 2, err);
}

static enum status inverse(struct tf_call *c, struct error *err)
{
    struct attribute adjoint;

    TRY(flag(c, "adjoint", false, "adjoint", &adjoint, err));
    return call_op(c, "MatrixInverse", &adjoint, 1, 1, err);
}

static enum status exponential(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixExponential", NULL, 0, 1, err);
}

static enum status square_root(struct tf_call *c, struct error *err)
{
    return call_op(c, "MatrixSquareRoot", NULL, 0, 1, err);
}

/* Of complex matrices, in double: the square roots on the way lose digits. */
static enum status logarithm(struct tf_call *c, struct error *err)
{
    value_id y = c->in[0];
    bool narrow = emit_dtype(c->e, y) == DTYPE_C64;

    if (narrow)
        TRY(tf_complex_cast(c, DTYPE_F64, &y, err));
    TRY(emit_node(c->e, "firn", "MatrixLogarithm", EMIT(y), EMIT_PLAIN, &y, err));
    if (narrow)
        TRY(tf_complex_cast(c, DTYPE_F32, &y, err));
    return tf_give(c, y);
}

static enum status solve(struct tf_call *c, struct error *err)
{
    struct attribute adjoint;

    TRY(flag(c, "adjoint", false, "adjoint", &adjoint, err));
    return call_op(c, "MatrixSolve", &adjoint, 1, 1, err);
}

static enum status solve_least_squares(struct tf_call *c, struct error *err)
{
    struct attribute fast;

    TRY(flag(c, "fast", true, "fast", &fast, err));
    return call_op(c, "MatrixSolveLs", &fast, 1, 1, err);
}

static enum status solve_triangular(struct tf_call *c, struct error *err)
{
    struct attribute attributes[2];

    TRY(flag(c, "lower", true, "lower", &attributes[0], err));
    TRY(flag(c, "adjoint", false, "adjoint", &attributes[1], err));
    return call_op(c, "MatrixTriangularSolve", attributes, 2, 1, err);
}

static enum status cholesky(struct tf_call *c, struct error *err)
{
    return call_op(c, "Cholesky", NULL, 0, 1, err);
}

static enum status lu(struct tf_call *c, struct error *err)
{
    struct attribute wide;
    enum dtype dtype;

    TRY(tf_type(c->node, "output_idx_type", &dtype, err));
    wide = attribute_of_int("wide", dtype == DTYPE_I64);
    return call_op(c, "Lu", &wide, 1, 2, err);
}

static enum status qr(struct tf_call *c, struct error *err)
{
    struct attribute full;

    TRY(flag(c, "full_matrices", false, "full", &full, err));
    return call_op(c, "Qr", &full, 1, 2, err);
}

/* A number in the place of vectors that are not asked for. */
static enum status add_nothing(struct tf_call *c, enum dtype dtype, struct error *err)
{
    struct tensor nothing;
    value_id y;

    TRY(tensor_new(&nothing, dtype, &(struct shape){.rank = 0}, c->l->keep, err));
    TRY(emit_constant(c->e, &nothing, &y, err));
    return tf_add(c, y, err);
}

static enum status svd(struct tf_call *c, struct error *err)
{
    struct attribute attributes[2];
    enum dtype dtype = emit_dtype(c->e, c->in[0]);

    TRY(flag(c, "compute_uv", true, "vectors", &attributes[0], err));
    TRY(flag(c, "full_matrices", false, "full", &attributes[1], err));
    if (attributes[0].i)
        return call_op(c, "Svd", attributes, 2, 3, err);
    TRY(call_op(c, "Svd", attributes, 2, 1, err));
    TRY(add_nothing(c, dtype, err));
    return add_nothing(c, dtype, err);
}

static enum status self_adjoint_eig_v2(struct tf_call *c, struct error *err)
{
    struct attribute vectors;

    TRY(flag(c, "compute_v", true, "vectors", &vectors, err));
    if (vectors.i)
        return call_op(c, "SelfAdjointEig", &vectors, 1, 2, err);
    TRY(call_op(c, "SelfAdjointEig", &vectors, 1, 1, err));
    return add_nothing(c, emit_dtype(c->e, c->in[0]), err);
}

/* The first version: the values as a row above the vectors. */
static enum status self_adjoint_eig(struct tf_call *c, struct error *err)
{
    value_id y[2], all;

    TRY(emit(c->e, "firn", "SelfAdjointEig", c->in, 1, NULL, 0, y, 2, err));
    TRY(emit_unsqueeze(c->e, y[0], -2, &y[0], err));
    TRY(emit_concat(c->e, EMIT(y[0], y[1]), -2, &all, err));
    return tf_give(c, all);
}

#define ROW(op, function, n)                                                                       \
    {                                                                                              \
        .name = op, .lower = function, .inputs = n                                                 \
    }
const struct tf_op_set tf_ops_matrix = TF_OP_SET(
    ROW("MatrixDeterminant", determinant, 1), ROW("BatchMatrixDeterminant", determinant, 1),
    {.name = "LogMatrixDeterminant", .lower = log_determinant, .inputs = 1},
    ROW("MatrixInverse", inverse, 1), ROW("BatchMatrixInverse", inverse, 1),
    ROW("MatrixExponential", exponential, 1), ROW("MatrixSquareRoot", square_root, 1),
    ROW("MatrixLogarithm", logarithm, 1), ROW("MatrixSolve", solve, 2),
    ROW("BatchMatrixSolve", solve, 2), ROW("MatrixSolveLs", solve_least_squares, 3),
    ROW("BatchMatrixSolveLs", solve_least_squares, 3),
    ROW("MatrixTriangularSolve", solve_triangular, 2),
    ROW("BatchMatrixTriangularSolve", solve_triangular, 2), ROW("Cholesky", cholesky, 1),
    ROW("BatchCholesky", cholesky, 1), {.name = "Lu", .lower = lu, .inputs = 1},
    {.name = "Qr", .lower = qr, .inputs = 1}, {.name = "Svd", .lower = svd, .inputs = 1},
    {.name = "BatchSvd", .lower = svd, .inputs = 1},
    {.name = "SelfAdjointEigV2", .lower = self_adjoint_eig_v2, .inputs = 1},
    {.name = "BatchSelfAdjointEigV2", .lower = self_adjoint_eig_v2, .inputs = 1},
    ROW("SelfAdjointEig", self_adjoint_eig, 1), ROW("BatchSelfAdjointEig", self_adjoint_eig, 1), );
