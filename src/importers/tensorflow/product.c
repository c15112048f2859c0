// SPDX-License-Identifier: Apache-2.0
/* Products of matrices, and Einstein's sums; complex ones from products of their parts. */
#include "importers/tensorflow/internal.h"

/* The last two axes the other way round. */
static enum status transpose_last(struct tf_call *c, value_id x, value_id *y, struct error *err)
{
    int64_t perm[RANK_MAX];
    int rank = emit_shape(c->e, x)->rank;

    if (rank < 0)
        return emit_node(c->e, "firn", "TransposeLast", EMIT(x), EMIT_PLAIN, y, err);
    if (rank < 2)
        return error_set(err, STATUS_INVALID_INPUT, "a matrix of %d dimensions", rank);
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return emit_transpose(c->e, x, perm, (size_t)rank, y, err);
}

/* What is linear in each of one or two operands: `product` of real ones. */
typedef enum status (*product_of)(struct tf_call *c, const value_id *in, size_t count, value_id *y,
                                  struct error *err);

static enum status complex_product(struct tf_call *c, product_of product, const value_id *in,
                                   size_t count, value_id *y, struct error *err)
{
    value_id re[2], im[2], terms[4], parts[2];

    for (size_t i = 0; i < count; i++) {
        TRY(tf_complex(c->e, "real", EMIT(in[i]), &re[i], err));
        TRY(tf_complex(c->e, "imag", EMIT(in[i]), &im[i], err));
    }
    if (count == 1) {
        TRY(product(c, re, 1, &parts[0], err));
        TRY(product(c, im, 1, &parts[1], err));
    } else {
        TRY(product(c, (value_id[]){re[0], re[1]}, 2, &terms[0], err));
        TRY(product(c, (value_id[]){im[0], im[1]}, 2, &terms[1], err));
        TRY(product(c, (value_id[]){re[0], im[1]}, 2, &terms[2], err));
        TRY(product(c, (value_id[]){im[0], re[1]}, 2, &terms[3], err));
        TRY(emit_2(c->e, "Sub", terms[0], terms[1], &parts[0], err));
        TRY(emit_2(c->e, "Add", terms[2], terms[3], &parts[1], err));
    }
    return tf_complex(c->e, "make", EMIT(parts[0], parts[1]), y, err);
}

static enum status linear(struct tf_call *c, product_of product, const value_id *in, size_t count,
                          struct error *err)
{
    value_id y;

    if (count && tf_is_complex(c->e, in[0])) {
        if (count > 2)
            return error_set(err, STATUS_UNSUPPORTED, "of %zu complex operands", count);
        TRY(complex_product(c, product, in, count, &y, err));
    } else {
        TRY(product(c, in, count, &y, err));
    }
    return tf_give(c, y);
}

/* --- matrices --- */

static enum status multiply(struct tf_call *c, const value_id *in, size_t count, value_id *y,
                            struct error *err)
{
    return emit(c->e, "", "MatMul", in, count, NULL, 0, y, 1, err);
}

/* `conjugated`: turning is the adjoint. */
static enum status turned(struct tf_call *c, const char *attribute, bool conjugated, value_id *x,
                          struct error *err)
{
    bool turn;

    TRY(tf_bool(c->node, attribute, false, &turn, err));
    if (!turn)
        return STATUS_OK;
    if (conjugated)
        TRY(tf_conjugate(c->e, x, err));
    return transpose_last(c, *x, x, err);
}

static enum status mat_mul(struct tf_call *c, struct error *err)
{
    value_id in[2] = {c->in[0], c->in[1]};

    TRY(turned(c, "transpose_a", false, &in[0], err));
    TRY(turned(c, "transpose_b", false, &in[1], err));
    return linear(c, multiply, in, 2, err);
}

/* Operands of bfloat16 too, the result is float. */
static enum status sparse_mat_mul(struct tf_call *c, struct error *err)
{
    value_id in[2] = {c->in[0], c->in[1]};

    for (int i = 0; i < 2; i++)
        TRY(emit_cast(c->e, in[i], DTYPE_F32, &in[i], err));
    TRY(turned(c, "transpose_a", false, &in[0], err));
    TRY(turned(c, "transpose_b", false, &in[1], err));
    return linear(c, multiply, in, 2, err);
}

/* The third version names the type of the result. */
static enum status batch_mat_mul(struct tf_call *c, struct error *err)
{
    value_id in[2] = {c->in[0], c->in[1]};
    enum dtype dtype;

    TRY(tf_type(c->node, "Tout", &dtype, err));
    for (int i = 0; i < 2 && dtype != DTYPE_NONE; i++)
        TRY(emit_cast(c->e, in[i], dtype, &in[i], err));
    TRY(turned(c, "adj_x", true, &in[0], err));
    TRY(turned(c, "adj_y", true, &in[1], err));
    return linear(c, multiply, in, 2, err);
}

/* Of vectors of three, the last dimension: a[i + 1] b[i + 2] - a[i + 2] b[i + 1] */
static enum status cross(struct tf_call *c, struct error *err)
{
    static const int64_t TURNS[2][3] = {{1, 2, 0}, {2, 0, 1}};
    value_id order[2], turned[2][2], terms[2], y;
    const struct shape *shape = emit_shape(c->e, c->in[0]);

    if (shape->rank < 1 || shape->dims[shape->rank - 1] != 3)
        return error_set(err, STATUS_UNSUPPORTED, "the last dimension is not known to be 3");
    for (int t = 0; t < 2; t++) {
        TRY(emit_ints(c->e, TURNS[t], 3, &order[t], err));
        for (int i = 0; i < 2; i++)
            TRY(emit_node(c->e, "", "Gather", EMIT(c->in[i], order[t]),
                          EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), &turned[i][t], err));
    }
    TRY(emit_2(c->e, "Mul", turned[0][0], turned[1][1], &terms[0], err));
    TRY(emit_2(c->e, "Mul", turned[0][1], turned[1][0], &terms[1], err));
    TRY(emit_2(c->e, "Sub", terms[0], terms[1], &y, err));
    return tf_give(c, y);
}

/* --- matrices that are stored as their diagonals --- */

/* `band` (..., diagonals, n), the highest first, as whole matrices. Element (i, j) stands at i. */
static enum status unbanded(struct tf_call *c, value_id band, int64_t low, int64_t high,
                            value_id *y, struct error *err)
{
    value_id k;

    TRY(EMIT_INTS(c->e, &k, err, low, high));
    return emit_node(
        c->e, "firn", "MatrixDiag", EMIT(band, k),
        EMIT_ATTRIBUTES(attribute_of_int("high_right", 0), attribute_of_int("low_right", 1)), y,
        err);
}

static enum status tridiagonal_mat_mul(struct tf_call *c, struct error *err)
{
    value_id band, in[2];

    TRY(emit_concat(c->e, EMIT(c->in[0], c->in[1], c->in[2]), -2, &band, err));
    TRY(unbanded(c, band, -1, 1, &in[0], err));
    in[1] = c->in[3];
    return linear(c, multiply, in, 2, err);
}

static enum status tridiagonal_solve(struct tf_call *c, struct error *err)
{
    bool perturbed;
    value_id a, y;

    TRY(tf_bool(c->node, "perturb_singular", false, &perturbed, err));
    if (perturbed)
        return error_set(err, STATUS_UNSUPPORTED, "its perturb_singular is true");
    TRY(unbanded(c, c->in[0], -1, 1, &a, err));
    TRY(emit_node(c->e, "firn", "MatrixSolve", EMIT(a, c->in[1]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status banded_solve(struct tf_call *c, struct error *err)
{
    const struct shape *band = emit_shape(c->e, c->in[0]);
    bool lower, adjoint;
    int64_t others;
    value_id a, y;

    TRY(tf_bool(c->node, "lower", true, &lower, err));
    TRY(tf_bool(c->node, "adjoint", false, &adjoint, err));
    if (band->rank < 2 || !dim_is_known(band->dims[band->rank - 2]) ||
        band->dims[band->rank - 2] < 1)
        return error_set(err, STATUS_UNSUPPORTED, "the number of its diagonals is not known");
    others = band->dims[band->rank - 2] - 1;
    if (others) {
        TRY(unbanded(c, c->in[0], lower ? -others : 0, lower ? 0 : others, &a, err));
    } else {
        TRY(emit_squeeze(c->e, c->in[0], -2, &a, err));
        TRY(unbanded(c, a, 0, 0, &a, err));
    }
    TRY(emit_node(
        c->e, "firn", "MatrixTriangularSolve", EMIT(a, c->in[1]),
        EMIT_ATTRIBUTES(attribute_of_int("lower", lower), attribute_of_int("adjoint", adjoint)), &y,
        err));
    return tf_give(c, y);
}

/* --- Einstein's sums --- */

static enum status sum_over(struct tf_call *c, const value_id *in, size_t count, value_id *y,
                            struct error *err)
{
    struct attribute attribute = {.name = "equation", .kind = ATTRIBUTE_STRING, .count = 1};

    TRY(tf_string(c->node, "equation", "", &attribute.s, err));
    return emit(c->e, "", "Einsum", in, count, &attribute, 1, y, 1, err);
}

static enum status einsum(struct tf_call *c, struct error *err)
{
    return linear(c, sum_over, c->in, c->in_count, err);
}

const struct tf_op_set tf_ops_product =
    TF_OP_SET({.name = "MatMul", .lower = mat_mul, .inputs = 2},
              {.name = "SparseMatMul", .lower = sparse_mat_mul, .inputs = 2},
              {.name = "BatchMatMul", .lower = batch_mat_mul, .inputs = 2},
              {.name = "BatchMatMulV2", .lower = batch_mat_mul, .inputs = 2},
              {.name = "BatchMatMulV3", .lower = batch_mat_mul, .inputs = 2},
              {.name = "Cross", .lower = cross, .inputs = 2},
              {.name = "TridiagonalMatMul", .lower = tridiagonal_mat_mul, .inputs = 4},
              {.name = "TridiagonalSolve", .lower = tridiagonal_solve, .inputs = 2},
              {.name = "BandedTriangularSolve", .lower = banded_solve, .inputs = 2},
              {.name = "Einsum", .lower = einsum}, );
