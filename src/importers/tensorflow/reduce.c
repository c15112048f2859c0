// SPDX-License-Identifier: Apache-2.0
/* Reductions, extremes, what an axis adds up to. */
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

/* Sums of complex numbers: part by part. */
static enum status reduce_linear(struct tf_call *c, const char *op, struct error *err)
{
    static const char *const PARTS[] = {"real", "imag"};
    struct tf_call as = *c;
    value_id in[2] = {c->in[0], c->in[1]}, parts[2], y;

    if (!tf_is_complex(c->e, c->in[0]))
        return reduce(c, op, err);
    as.in = in;
    for (int i = 0; i < 2; i++) {
        TRY(tf_complex(c->e, PARTS[i], EMIT(c->in[0]), &in[0], err));
        TRY(reduce(&as, op, err));
        parts[i] = as.out[0];
    }
    TRY(tf_complex(c->e, "make", EMIT(parts[0], parts[1]), &y, err));
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

static enum status sum(struct tf_call *c, struct error *err)
{
    return reduce_linear(c, "ReduceSum", err);
}

static enum status mean(struct tf_call *c, struct error *err)
{
    return reduce_linear(c, "ReduceMean", err);
}

#define REDUCTION(verb, op)                                                                        \
    static enum status verb(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return reduce(c, op, err);                                                                 \
    }
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
    if (of == DTYPE_BOOL)
        TRY(emit_cast(c->e, x, DTYPE_U8, &x, err));
    if (dtype_is_float(of)) {
        TRY(emit_number(c->e, of, worst, &none, err));
        TRY(emit_1(c->e, "IsNaN", x, &nan, err));
        TRY(emit_where(c->e, nan, none, x, &x, err));
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

static enum status cumulative(struct tf_call *c, const char *function, struct error *err)
{
    bool exclusive, reverse;
    value_id y;

    TRY(tf_bool(c->node, "exclusive", false, &exclusive, err));
    TRY(tf_bool(c->node, "reverse", false, &reverse, err));
    TRY(emit(c->e, "firn", "Cumulative", c->in, 2,
             (struct attribute[]){attribute_of_text("function", function),
                                  attribute_of_int("exclusive", exclusive),
                                  attribute_of_int("reverse", reverse)},
             3, &y, 1, err));
    return tf_give(c, y);
}

static enum status cumsum(struct tf_call *c, struct error *err)
{
    bool exclusive, reverse;
    value_id y;

    if (tf_is_complex(c->e, c->in[0]))
        return cumulative(c, "sum", err);
    TRY(tf_bool(c->node, "exclusive", false, &exclusive, err));
    TRY(tf_bool(c->node, "reverse", false, &reverse, err));
    TRY(emit_node(c->e, "", "CumSum", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("exclusive", exclusive),
                                  attribute_of_int("reverse", reverse)),
                  &y, err));
    return tf_give(c, y);
}

static enum status cumprod(struct tf_call *c, struct error *err)
{
    return cumulative(c, "prod", err);
}

static enum status cumulative_log_sum_exp(struct tf_call *c, struct error *err)
{
    return cumulative(c, "log_sum_exp", err);
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

static enum status top(struct tf_call *c, value_id k, struct error *err)
{
    enum dtype dtype;
    value_id y[2];
    bool sorted;

    TRY(tf_type(c->node, "index_type", &dtype, err));
    TRY(tf_bool(c->node, "sorted", true, &sorted, err));
    if (sorted)
        TRY(emit(c->e, "", "TopK", (value_id[]){c->in[0], k}, 2, NULL, 0, y, 2, err));
    else
        TRY(emit(c->e, "firn", "TopUnsorted", (value_id[]){c->in[0], k}, 2, NULL, 0, y, 2, err));
    TRY(emit_cast(c->e, y[1], dtype == DTYPE_NONE ? DTYPE_I32 : dtype, &y[1], err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

static enum status top_k_v2(struct tf_call *c, struct error *err)
{
    value_id k;

    TRY(tf_index_list(c, 1, &k, err));
    return top(c, k, err);
}

static enum status top_k(struct tf_call *c, struct error *err)
{
    int64_t number;
    value_id k;

    TRY(tf_int(c->node, "k", 0, &number, err));
    TRY(EMIT_INTS(c->e, &k, err, number));
    return top(c, k, err);
}

static enum status euclidean_norm(struct tf_call *c, struct error *err)
{
    struct tf_call as = *c;
    value_id in[2] = {c->in[0], c->in[1]}, y;

    if (!dtype_is_float(emit_dtype(c->e, in[0])))
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, in[0])));
    TRY(emit_2(c->e, "Mul", in[0], in[0], &in[0], err));
    as.in = in;
    TRY(reduce(&as, "ReduceSum", err));
    TRY(emit_1(c->e, "Sqrt", as.out[0], &y, err));
    return tf_give(c, y);
}

/* On the CPU TensorFlow finds them all. */
static enum status approximate_top_k(struct tf_call *c, struct error *err)
{
    int64_t number, axis;
    bool largest;
    value_id k, y[2];

    TRY(tf_int(c->node, "k", 0, &number, err));
    TRY(tf_int(c->node, "reduction_dimension", -1, &axis, err));
    TRY(tf_bool(c->node, "is_max_k", true, &largest, err));
    TRY(EMIT_INTS(c->e, &k, err, number));
    TRY(emit(
        c->e, "", "TopK", (value_id[]){c->in[0], k}, 2,
        (struct attribute[]){attribute_of_int("axis", axis), attribute_of_int("largest", largest)},
        2, y, 2, err));
    TRY(emit_cast(c->e, y[1], DTYPE_I32, &y[1], err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

static enum status isotonic(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y[2];

    TRY(tf_type(c->node, "output_dtype", &dtype, err));
    TRY(emit(c->e, "firn", "IsotonicRegression", c->in, 1, NULL, 0, y, 2, err));
    if (emit_dtype(c->e, y[0]) != (dtype == DTYPE_NONE ? DTYPE_F32 : dtype))
        return error_set(err, STATUS_UNSUPPORTED, "%s to %s",
                         dtype_name(emit_dtype(c->e, c->in[0])), dtype_name(dtype));
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
    {.name = "Cumprod", .lower = cumprod, .inputs = 2},
    {.name = "CumulativeLogsumexp", .lower = cumulative_log_sum_exp, .inputs = 2},
    {.name = "Softmax", .lower = softmax, .inputs = 1},
    {.name = "LogSoftmax", .lower = log_softmax, .inputs = 1},
    {.name = "EuclideanNorm", .lower = euclidean_norm, .inputs = 2},
    {.name = "TopK", .lower = top_k, .inputs = 1},
    {.name = "ApproxTopK", .lower = approximate_top_k, .inputs = 1},
    {.name = "IsotonicRegression", .lower = isotonic, .inputs = 1},
    {.name = "TopKV2", .lower = top_k_v2, .inputs = 2}, );
