// SPDX-License-Identifier: Apache-2.0
/* Reductions, extremes, sums along an axis, products. */
#include "importers/tensorflow/internal.h"

#include <math.h>

static enum status reduce(struct tf_call *c, const char *op, struct error *err)
{
    value_id axes, y, x = c->in[0];
    bool keep;

    TRY(tf_bool(c->node, "keep_dims", false, &keep, err));
    TRY(tf_index_list(c, 1, &axes, err));
    TRY(emit_node(c->e, "", op, EMIT(x, axes),
                  EMIT_ATTRIBUTES(attribute_of_int("keepdims", keep),
                                  attribute_of_int("noop_with_empty_axes", 1)),
                  &y, err));
    return tf_give(c, y);
}

static enum status reduce_bool(struct tf_call *c, const char *op, struct error *err)
{
    struct tf_call as = *c;
    value_id x[2] = {c->in[0], c->in[1]}, y;

    TRY(emit_cast(c->e, x[0], DTYPE_U8, &x[0], err));
    as.in = x;
    TRY(reduce(&as, op, err));
    TRY(emit_cast(c->e, as.out[0], DTYPE_BOOL, &y, err));
    return tf_give(c, y);
}

#define REDUCTION(verb, op)                                                                        \
    static enum status verb(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return reduce(c, op, err);                                                                 \
    }
REDUCTION(sum, "ReduceSum")
REDUCTION(mean, "ReduceMean")
REDUCTION(prod, "ReduceProd")
REDUCTION(max, "ReduceMax")
REDUCTION(min, "ReduceMin")

static enum status all(struct tf_call *c, struct error *err)
{
    return reduce_bool(c, "ReduceMin", err);
}

static enum status any(struct tf_call *c, struct error *err)
{
    return reduce_bool(c, "ReduceMax", err);
}

/* A NaN is never the one; `worst` is what no number is behind. */
static enum status arg(struct tf_call *c, const char *op, double worst, struct error *err)
{
    enum dtype dtype, of = emit_dtype(c->e, c->in[0]);
    value_id x = c->in[0], nan, none, y;
    int64_t axis;

    TRY(tf_known_int(c, 1, &axis, err));
    TRY(tf_type(c->node, "output_type", &dtype, err));
    if (dtype_is_float(of)) {
        TRY(emit_number(c->e, of, worst, &none, err));
        TRY(emit_1(c->e, "IsNaN", x, &nan, err));
        TRY(emit_node(c->e, "", "Where", EMIT(nan, none, x), EMIT_PLAIN, &x, err));
    }
    TRY(emit_node(c->e, "", op, EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", axis), attribute_of_int("keepdims", 0)),
                  &y, err));
    TRY(emit_cast(c->e, y, dtype == DTYPE_NONE ? DTYPE_I64 : dtype, &y, err));
    return tf_give(c, y);
}

static enum status arg_max(struct tf_call *c, struct error *err)
{
    return arg(c, "ArgMax", -INFINITY, err);
}

static enum status arg_min(struct tf_call *c, struct error *err)
{
    return arg(c, "ArgMin", INFINITY, err);
}

static enum status cumsum(struct tf_call *c, struct error *err)
{
    bool exclusive, reverse;
    value_id y;

    TRY(tf_bool(c->node, "exclusive", false, &exclusive, err));
    TRY(tf_bool(c->node, "reverse", false, &reverse, err));
    TRY(emit_node(c->e, "", "CumSum", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("exclusive", exclusive),
                                  attribute_of_int("reverse", reverse)),
                  &y, err));
    return tf_give(c, y);
}

/* The last two axes the other way round. */
static enum status transpose_last(struct tf_call *c, value_id x, value_id *y, struct error *err)
{
    int64_t perm[RANK_MAX];
    int rank = emit_shape(c->e, x)->rank;

    if (rank < 2)
        return error_set(err, STATUS_UNSUPPORTED, "a matrix of unknown rank, or of less than 2");
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return emit_transpose(c->e, x, perm, (size_t)rank, y, err);
}

static enum status product(struct tf_call *c, const char *first, const char *second,
                           struct error *err)
{
    value_id a = c->in[0], b = c->in[1], y;
    bool turn_a, turn_b;

    TRY(tf_bool(c->node, first, false, &turn_a, err));
    TRY(tf_bool(c->node, second, false, &turn_b, err));
    if (turn_a)
        TRY(transpose_last(c, a, &a, err));
    if (turn_b)
        TRY(transpose_last(c, b, &b, err));
    TRY(emit_2(c->e, "MatMul", a, b, &y, err));
    return tf_give(c, y);
}

static enum status mat_mul(struct tf_call *c, struct error *err)
{
    return product(c, "transpose_a", "transpose_b", err);
}

static enum status batch_mat_mul(struct tf_call *c, struct error *err)
{
    return product(c, "adj_x", "adj_y", err);
}

static enum status einsum(struct tf_call *c, struct error *err)
{
    struct bytes equation;
    struct attribute attribute = {.name = "equation", .kind = ATTRIBUTE_STRING, .count = 1};
    value_id y;

    TRY(tf_string(c->node, "equation", "", &equation, err));
    attribute.s = equation;
    TRY(emit(c->e, "", "Einsum", c->in, c->in_count, &attribute, 1, &y, 1, err));
    return tf_give(c, y);
}

static enum status softmax_of(struct tf_call *c, const char *op, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "", op, EMIT(c->in[0]), EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), &y,
                  err));
    return tf_give(c, y);
}

static enum status softmax(struct tf_call *c, struct error *err)
{
    return softmax_of(c, "Softmax", err);
}

static enum status log_softmax(struct tf_call *c, struct error *err)
{
    return softmax_of(c, "LogSoftmax", err);
}

static enum status top_k(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id k, y[2];

    TRY(tf_type(c->node, "index_type", &dtype, err));
    TRY(tf_index_list(c, 1, &k, err));
    TRY(emit(c->e, "", "TopK", (value_id[]){c->in[0], k}, 2, NULL, 0, y, 2, err));
    TRY(emit_cast(c->e, y[1], dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y[1], err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

const struct tf_op_set tf_ops_reduce = TF_OP_SET(
    {.name = "Sum", .lower = sum, .inputs = 2}, {.name = "Mean", .lower = mean, .inputs = 2},
    {.name = "Prod", .lower = prod, .inputs = 2}, {.name = "Max", .lower = max, .inputs = 2},
    {.name = "Min", .lower = min, .inputs = 2}, {.name = "All", .lower = all, .inputs = 2},
    {.name = "Any", .lower = any, .inputs = 2}, {.name = "ArgMax", .lower = arg_max, .inputs = 2},
    {.name = "ArgMin", .lower = arg_min, .inputs = 2},
    {.name = "Cumsum", .lower = cumsum, .inputs = 2},
    {.name = "MatMul", .lower = mat_mul, .inputs = 2},
    {.name = "BatchMatMul", .lower = batch_mat_mul, .inputs = 2},
    {.name = "BatchMatMulV2", .lower = batch_mat_mul, .inputs = 2},
    {.name = "Einsum", .lower = einsum}, {.name = "Softmax", .lower = softmax, .inputs = 1},
    {.name = "LogSoftmax", .lower = log_softmax, .inputs = 1},
    {.name = "TopKV2", .lower = top_k, .inputs = 2, .outputs = "values,indices"}, );
