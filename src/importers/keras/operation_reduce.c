// SPDX-License-Identifier: Apache-2.0
/* keras.ops along axes: reductions, extremes, sorting, products, norms. */
#include <float.h>
#include <math.h>

#include "importers/keras/internal.h"

/* The axes of a reduction; none given: all. `axes` has room for RANK_MAX. */
static enum status axes_of(struct call *c, value_id x, int64_t *axes, size_t *count, bool *keep,
                           struct error *err)
{
    int rank = emit_shape(c->e, x)->rank;

    if (rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of its input is not known");
    *keep = option_bool(c, 2, "keepdims keep_dims", false);
    TRY(option_ints(c, 1, "axis axes reduction_indices", axes, RANK_MAX, count, err));
    for (size_t i = 0; i < *count; i++) {
        axes[i] += axes[i] < 0 ? rank : 0;
        if (axes[i] < 0 || axes[i] >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "its axis is %lld of %d",
                             (long long)axes[i], rank);
    }
    for (int d = 0; !*count && d < rank; d++)
        axes[d] = d;
    *count = *count ? *count : (size_t)rank;
    return STATUS_OK;
}

static const struct reduction {
    const char *name, *op;
} REDUCTIONS[] = {
    {"Sum", "ReduceSum"}, {"Mean", "ReduceMean"},           {"Max", "ReduceMax"},
    {"Min", "ReduceMin"}, {"Prod", "ReduceProd"},           {"Any", "ReduceMax"},
    {"All", "ReduceMin"}, {"Logsumexp", "ReduceLogSumExp"}, {"CountNonzero", "ReduceSum"},
};

/* One more number among those of which the largest or smallest is taken. */
static enum status initial(struct call *c, value_id *y, struct error *err)
{
    const struct json *given = operand_option(c, 3, "initial");
    value_id number;
    double value;

    if (!json_f64(given, &value))
        return STATUS_OK;
    TRY(emit_number(c->e, emit_dtype(c->e, *y), value, &number, err));
    return emit_2(c->e, call_is(c, "Max") ? "Max" : "Min", *y, number, y, err);
}

static enum status reduce(struct call *c, struct error *err)
{
    const struct reduction *r = REDUCTIONS;
    bool keep, logic = call_is(c, "Any") || call_is(c, "All");
    bool floats = call_is(c, "Mean") || call_is(c, "Logsumexp");
    int64_t axes[RANK_MAX];
    size_t count;
    value_id x, y;

    while (strcmp(r->name, c->class_name))
        r++;
    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(axes_of(c, x, axes, &count, &keep, err));
    if (logic || call_is(c, "CountNonzero")) {
        TRY(emit_cast(c->e, x, DTYPE_BOOL, &x, err));
        TRY(emit_cast(c->e, x, DTYPE_I32, &x, err));
    } else if (floats) {
        TRY(value_floats(c, &x, err));
    } else if (emit_dtype(c->e, x) == DTYPE_BOOL) {
        TRY(emit_cast(c->e, x, DTYPE_I32, &x, err));
    }
    TRY(emit_reduce(c->e, r->op, x, axes, count, keep, &y, err));
    if (call_is(c, "Max") || call_is(c, "Min"))
        TRY(initial(c, &y, err));
    if (logic)
        TRY(emit_cast(c->e, y, DTYPE_BOOL, &y, err));
    return call_give(c, y);
}

/* The mean and the variance, with the mean kept wide. */
static enum status moments(struct call *c, value_id x, const int64_t *axes, size_t count, bool keep,
                           value_id *mean, value_id *variance, struct error *err)
{
    value_id wide, difference;

    TRY(emit_reduce(c->e, "ReduceMean", x, axes, count, true, &wide, err));
    TRY(emit_2(c->e, "Sub", x, wide, &difference, err));
    TRY(emit_2(c->e, "Mul", difference, difference, &difference, err));
    TRY(emit_reduce(c->e, "ReduceMean", difference, axes, count, keep, variance, err));
    return emit_reduce(c->e, "ReduceMean", x, axes, count, keep, mean, err);
}

static enum status variance(struct call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    value_id x, mean, y;
    size_t count;
    bool keep;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(axes_of(c, x, axes, &count, &keep, err));
    TRY(value_floats(c, &x, err));
    TRY(moments(c, x, axes, count, keep, &mean, &y, err));
    if (call_is(c, "Std"))
        TRY(emit_1(c->e, "Sqrt", y, &y, err));
    if (!call_is(c, "Moments"))
        return call_give(c, y);
    TRY(call_add(c, mean, VALUE_NONE, err));
    return call_add(c, y, VALUE_NONE, err);
}

/* Of Keras 3: -0 is less than 0, as if it were the smallest number below it. */
static enum status zeros_order(struct call *c, value_id *x, struct error *err)
{
    value_id least, inverse, negative;

    if (c->k->generation < 3 || !dtype_is_float(emit_dtype(c->e, *x)))
        return STATUS_OK;
    if (dtype_size(emit_dtype(c->e, *x)) < 4)
        TRY(emit_cast(c->e, *x, DTYPE_F32, x, err));
    TRY(emit_1(c->e, "Reciprocal", *x, &inverse, err));
    TRY(emit_node(c->e, "", "IsInf", EMIT(inverse),
                  EMIT_ATTRIBUTES(attribute_of_int("detect_positive", 0)), &negative, err));
    TRY(emit_number(c->e, emit_dtype(c->e, *x), -FLT_MIN, &least, err));
    return emit_where(c->e, negative, least, *x, x, err);
}

static enum status arg(struct call *c, struct error *err)
{
    const struct json *given = operand_option(c, 1, "axis dimension");
    bool keep = option_bool(c, 2, "keepdims", false);
    int64_t axis = 0;
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    if (given && given->kind != JSON_NULL)
        TRY(option_int(c, 1, "axis dimension", 0, &axis, err));
    else if (c->k->generation >= 3) /* of all elements */
        TRY(emit_reshape(c->e, x, (const int64_t[]){-1}, 1, &x, err));
    TRY(zeros_order(c, &x, err));
    TRY(emit_node(
        c->e, "", call_is(c, "Argmax") ? "ArgMax" : "ArgMin", EMIT(x),
        EMIT_ATTRIBUTES(attribute_of_int("axis", axis), attribute_of_int("keepdims", keep)), &y,
        err));
    TRY(emit_cast(c->e, y, c->k->generation >= 3 ? DTYPE_I32 : DTYPE_I64, &y, err));
    return call_give(c, y);
}

static enum status cumulate(struct call *c, struct error *err)
{
    value_id x, list, y;
    int64_t axis;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    if (!operand_option(c, 1, "axis") || operand_option(c, 1, "axis")->kind == JSON_NULL)
        return error_set(err, STATUS_UNSUPPORTED, "has no axis");
    TRY(option_int(c, 1, "axis", 0, &axis, err));
    if (option_bool(c, 2, "exclusive", false) || option_bool(c, 3, "reverse", false))
        return error_set(err, STATUS_UNSUPPORTED, "its 'exclusive' or 'reverse'");
    TRY(emit_number(c->e, DTYPE_I64, (double)axis, &list, err));
    TRY(emit_2(c->e, "CumSum", x, list, &y, err));
    return call_give(c, y);
}

/* The k largest along an axis, or the smallest, and where they are; k below 0: all. */
static enum status top(struct call *c, int64_t k, bool largest, int64_t axis, value_id x,
                       value_id out[2], struct error *err)
{
    struct attribute attributes[] = {attribute_of_int("axis", axis),
                                     attribute_of_int("largest", largest)};
    value_id in[2] = {x, VALUE_NONE};

    if (k < 0) {
        TRY(emit_1(c->e, "Shape", x, &in[1], err));
        TRY(emit_slice(c->e, in[1], 0, axis, axis + 1, 1, &in[1], err));
    } else {
        TRY(EMIT_INTS(c->e, &in[1], err, k));
    }
    return emit(c->e, "", "TopK", in, 2, attributes, ARRAY_COUNT(attributes), out, 2, err);
}

static enum status top_k(struct call *c, struct error *err)
{
    value_id x, out[2];
    int64_t k;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(option_int(c, 1, "k", 1, &k, err));
    if (k < 0)
        return error_set(err, STATUS_INVALID_INPUT, "its 'k' is %lld", (long long)k);
    TRY(top(c, k, true, -1, x, out, err));
    TRY(emit_cast(c->e, out[1], DTYPE_I32, &out[1], err));
    TRY(call_add(c, out[0], VALUE_NONE, err));
    return call_add(c, out[1], VALUE_NONE, err);
}

static enum status sort(struct call *c, struct error *err)
{
    bool index = call_is(c, "Argsort");
    int64_t axis;
    value_id x, out[2];

    TRY(operand_tensor(c, 0, OPERAND_1 " values", &x, err));
    TRY(option_axis(c, 1, -1, emit_shape(c->e, x)->rank, &axis, err));
    TRY(top(c, -1, false, axis, x, out, err));
    if (index)
        TRY(emit_cast(c->e, out[1], DTYPE_I32, &out[1], err));
    return call_give(c, out[index]);
}

/* --- products --- */

static enum status einsum(struct call *c, struct error *err)
{
    struct bytes equation;
    value_id in[LAYER_INPUTS_MAX], y;
    struct attribute attribute;
    enum dtype dtype = DTYPE_NONE;
    struct operand o;
    const char *text;
    size_t count = 0;

    if (!json_string(operand_option(c, SIZE_MAX, "subscripts equation"), &equation))
        return error_set(err, STATUS_INVALID_INPUT, "has no equation");
    text = arena_text(c->k->keep, equation);
    if (!text)
        return error_no_memory(err, "an equation");
    if (c->k->generation < 3)
        seen_positional(c);
    for (; count < LAYER_INPUTS_MAX; count++) { /* tensors and arrays */
        if (c->k->generation < 3 && count == c->in_count)
            break;
        if (c->k->generation >= 3)
            TRY(operand_read(c, count, "", &o, err));
        else
            o = (struct operand){.value = c->in[count].value, .given = true};
        if (!o.given)
            break;
        TRY(operand_value(c, &o, DTYPE_NONE, &in[count], err));
        dtype =
            count ? dtype_promote(dtype, emit_dtype(c->e, in[count])) : emit_dtype(c->e, in[count]);
    }
    for (size_t i = 0; i < count; i++)
        TRY(emit_cast(c->e, in[i], dtype, &in[i], err));
    attribute = attribute_of_text("equation", text);
    TRY(emit(c->e, "", "Einsum", in, count, &attribute, 1, &y, 1, err));
    return call_give(c, y);
}

/* Of matrices and vectors behind the batch: the last axis with the second last. */
static enum status dot(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    if (emit_shape(c->e, in[1])->rank > 2)
        return error_set(err, STATUS_UNSUPPORTED, "a second operand of %d dimensions",
                         emit_shape(c->e, in[1])->rank);
    TRY(emit_2(c->e, "MatMul", in[0], in[1], &y, err));
    return call_give(c, y);
}

/* TensorFlow's matmul, which may turn its operands. */
static enum status matmul(struct call *c, struct error *err)
{
    static const char *const TURNS[] = {"transpose_a adjoint_a", "transpose_b adjoint_b"};
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    for (int i = 0; i < 2; i++) {
        int rank = emit_shape(c->e, in[i])->rank;
        int64_t perm[RANK_MAX];

        if (!option_bool(c, SIZE_MAX, TURNS[i], false))
            continue;
        if (rank < 2)
            return error_set(err, STATUS_UNSUPPORTED, "the rank of an operand is %d", rank);
        for (int d = 0; d < rank; d++)
            perm[d] = d < rank - 2 ? d : 2 * rank - 3 - d;
        TRY(emit_transpose(c->e, in[i], perm, (size_t)rank, &in[i], err));
    }
    TRY(emit_2(c->e, "MatMul", in[0], in[1], &y, err));
    return call_give(c, y);
}

/* Of vectors: the sum of |x|^order, to 1 / order. */
static enum status norm_of_order(struct call *c, double order, value_id x, const int64_t *axes,
                                 size_t count, bool keep, value_id *y, struct error *err)
{
    value_id number;

    TRY(emit_1(c->e, "Abs", x, &x, err));
    if (isinf(order))
        return emit_reduce(c->e, order > 0 ? "ReduceMax" : "ReduceMin", x, axes, count, keep, y,
                           err);
    if (order == 1)
        return emit_reduce(c->e, "ReduceSum", x, axes, count, keep, y, err);
    TRY(emit_number(c->e, emit_dtype(c->e, x), order, &number, err));
    TRY(emit_2(c->e, "Pow", x, number, &x, err));
    TRY(emit_reduce(c->e, "ReduceSum", x, axes, count, keep, y, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), 1 / order, &number, err));
    return emit_2(c->e, "Pow", *y, number, y, err);
}

enum status unit_emit(struct call *c, value_id x, const int64_t *axes, size_t count, double epsilon,
                      value_id *y, struct error *err)
{
    TRY(emit_reduce(c->e, "ReduceSumSquare", x, axes, count, true, y, err));
    if (c->k->generation < 3)
        TRY(emit_clip(c->e, *y, epsilon, HUGE_VAL, y, err));
    TRY(emit_1(c->e, "Sqrt", *y, y, err));
    TRY(emit_1(c->e, "Reciprocal", *y, y, err));
    if (c->k->generation >= 3)
        TRY(emit_clip(c->e, *y, -HUGE_VAL, 1 / epsilon, y, err));
    return emit_2(c->e, "Mul", x, *y, y, err);
}

static enum status normalize(struct call *c, struct error *err)
{
    double epsilon = option_number(c, 3, "epsilon", c->k->generation >= 3 ? 1e-7 : 1e-12);
    int64_t axes[RANK_MAX], order;
    size_t count;
    value_id x, y;
    bool keep;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(option_int(c, 2, "order", 2, &order, err));
    TRY(axes_of(c, x, axes, &count, &keep, err));
    if (order < 1)
        return error_set(err, STATUS_UNSUPPORTED, "its 'order' is %lld", (long long)order);
    if (order == 2) {
        TRY(unit_emit(c, x, axes, count, epsilon, &y, err));
        return call_give(c, y);
    }
    TRY(norm_of_order(c, (double)order, x, axes, count, true, &y, err)); /* x / max(it, epsilon) */
    TRY(emit_clip(c->e, y, epsilon, HUGE_VAL, &y, err));
    TRY(emit_2(c->e, "Div", x, y, &y, err));
    return call_give(c, y);
}

/* The square root of the sum of squares. */
static enum status norm(struct call *c, struct error *err)
{
    const struct json *order = operand_option(c, 1, "ord");
    bool keep = option_bool(c, 3, "keepdims", false);
    int64_t axes[RANK_MAX];
    double number = 2;
    struct bytes word;
    value_id x, y;
    size_t count;
    bool euclidean;

    TRY(operand_tensor(c, 0, OPERAND_1 " tensor", &x, err));
    TRY(option_ints(c, 2, "axis", axes, RANK_MAX, &count, err));
    TRY(value_floats(c, &x, err));
    euclidean = !order || order->kind == JSON_NULL ||
                (json_string(order, &word) && bytes_is(word, "fro") && count == 2) ||
                (json_f64(order, &number) && number == 2 && count == 1);
    if (!count && euclidean && order && order->kind != JSON_NULL)
        return error_set(err, STATUS_UNSUPPORTED, "a norm of no stated axes");
    if (!count && euclidean)
        for (; (int)count < emit_shape(c->e, x)->rank; count++)
            axes[count] = (int64_t)count;
    if (euclidean)
        TRY(emit_reduce(c->e, "ReduceL2", x, axes, count, keep, &y, err));
    else if (count != 1 || !json_f64(order, &number) || number == 0)
        return error_set(err, STATUS_UNSUPPORTED, "a norm of such an order");
    else
        TRY(norm_of_order(c, number, x, axes, count, keep, &y, err));
    return call_give(c, y);
}

static enum status one_hot(struct call *c, struct error *err)
{
    value_id x, y;
    int64_t classes, axis;
    enum dtype dtype;

    TRY(operand_tensor(c, 0, OPERAND_1 " indices", &x, err));
    TRY(option_int(c, 1, "num_classes depth", 0, &classes, err));
    TRY(option_int(c, 2, "axis", -1, &axis, err));
    TRY(option_dtype(c, 3, "dtype", &dtype, err));
    if (option_bool(c, 4, "sparse", false) || classes < 1)
        return error_set(err, STATUS_UNSUPPORTED, "is sparse or without classes");
    TRY(emit_cast(c->e, x, DTYPE_I64, &x, err));
    TRY(one_hot_emit(c, x, classes, axis, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, &y, err));
    return call_give(c, y);
}

#define REDUCTION(name_)                                                                           \
    {                                                                                              \
        .name = name_, .lower = reduce                                                             \
    }

const struct layer_set layers_operation_reduce = OPERATION_SET(
    REDUCTION("Sum"), REDUCTION("Mean"), {.name = "Max", .alias = "Amax", .lower = reduce},
    {.name = "Min", .alias = "Amin", .lower = reduce}, REDUCTION("Prod"), REDUCTION("Any"),
    REDUCTION("All"), REDUCTION("Logsumexp"), REDUCTION("CountNonzero"),
    {.name = "Var", .lower = variance}, {.name = "Std", .lower = variance},
    {.name = "Moments", .lower = variance}, {.name = "Argmax", .lower = arg},
    {.name = "Argmin", .lower = arg}, {.name = "Cumsum", .lower = cumulate},
    {.name = "TopK", .lower = top_k}, {.name = "Sort", .lower = sort},
    {.name = "Argsort", .lower = sort}, {.name = "Einsum", .lower = einsum},
    {.name = "Dot", .lower = dot}, {.name = "TensorFlowMatmul", .lower = matmul},
    {.name = "Normalize", .lower = normalize}, {.name = "Norm", .lower = norm},
    {.name = "OneHot", .lower = one_hot}, );
