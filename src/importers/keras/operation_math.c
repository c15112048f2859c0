// SPDX-License-Identifier: Apache-2.0
/* keras.ops, element by element: functions, arithmetic, comparison, logic, choice. */
#include <math.h>

#include "importers/keras/internal.h"

/* --- one operand --- */

static const struct function {
    const char *name, *op;
    const char *math;                  /* the function of operator Math, of doubles; else NULL */
    enum { FLOATS, ANY, BOOLS } takes; /* integers become floats; stay; all become bool */
} FUNCTIONS[] = {
    {"Absolute", "Abs", NULL, ANY},
    {"Arccos", "Acos", NULL, FLOATS},
    {"Arccosh", "Acosh", NULL, FLOATS},
    {"Arcsin", "Asin", NULL, FLOATS},
    {"Arcsinh", "Asinh", NULL, FLOATS},
    {"Arctan", "Atan", NULL, FLOATS},
    {"Arctanh", "Atanh", NULL, FLOATS},
    {"Ceil", "Ceil", NULL, FLOATS},
    {"Cos", "Cos", NULL, FLOATS},
    {"Cosh", "Cosh", NULL, FLOATS},
    {"Erf", "Erf", NULL, FLOATS},
    {"Exp", "Exp", NULL, FLOATS},
    {"Floor", "Floor", NULL, FLOATS},
    {"Isnan", "IsNaN", NULL, FLOATS},
    {"Isinf", "IsInf", NULL, FLOATS},
    {"Log", "Log", NULL, FLOATS},
    {"LogicalNot", "Not", NULL, BOOLS},
    {"Negative", "Neg", NULL, ANY},
    {"Reciprocal", "Reciprocal", NULL, FLOATS},
    {"Sign", "Sign", NULL, ANY},
    {"Sin", "Sin", NULL, FLOATS},
    {"Sinh", "Sinh", NULL, FLOATS},
    {"Sqrt", "Sqrt", NULL, FLOATS},
    {"Tan", "Tan", NULL, FLOATS},
    {"Tanh", "Tanh", NULL, FLOATS},
    {"Sigmoid", "Sigmoid", NULL, FLOATS},
    {"Relu", "Relu", NULL, ANY},
    {"Cbrt", NULL, "cbrt", FLOATS},
    {"Exp2", NULL, "exp2", FLOATS},
    {"Expm1", NULL, "expm1", FLOATS},
    {"Log10", NULL, "log10", FLOATS},
    {"Log1p", NULL, "log1p", FLOATS},
    {"Log2", NULL, "log2", FLOATS},
    {"Trunc", NULL, "trunc", FLOATS},
};

static enum status function(struct call *c, struct error *err)
{
    const struct function *f = FUNCTIONS;
    value_id x;

    while (strcmp(f->name, c->class_name))
        f++;
    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    if (f->takes == FLOATS)
        TRY(value_floats(c, &x, err));
    if (f->takes == BOOLS)
        TRY(emit_cast(c->e, x, DTYPE_BOOL, &x, err));
    TRY(f->op ? emit_1(c->e, f->op, x, &x, err) : emit_math(c->e, f->math, x, &x, err));
    return call_give(c, x);
}

static enum status square(struct call *c, struct error *err)
{
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(emit_2(c->e, "Mul", x, x, &y, err));
    return call_give(c, y);
}

static enum status rsqrt(struct call *c, struct error *err)
{
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(value_floats(c, &x, err));
    TRY(emit_1(c->e, "Sqrt", x, &y, err));
    TRY(emit_1(c->e, "Reciprocal", y, &y, err));
    return call_give(c, y);
}

/* To a number of decimals: x 10^n, rounded, / 10^n. */
static enum status round_(struct call *c, struct error *err)
{
    int64_t decimals;
    value_id x, factor, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(option_int(c, 1, "decimals", 0, &decimals, err));
    if (decimals < -30 || decimals > 30 || (decimals < 0 && !dtype_is_float(emit_dtype(c->e, x))))
        return error_set(err, STATUS_UNSUPPORTED, "its 'decimals' is %lld", (long long)decimals);
    if (!dtype_is_float(emit_dtype(c->e, x)))
        return call_give(c, x);
    TRY(emit_number(c->e, emit_dtype(c->e, x), pow(10, (double)decimals), &factor, err));
    if (decimals)
        TRY(emit_2(c->e, "Mul", x, factor, &x, err));
    TRY(emit_1(c->e, "Round", x, &y, err));
    if (decimals)
        TRY(emit_2(c->e, "Div", y, factor, &y, err));
    return call_give(c, y);
}

static enum status is_finite(struct call *c, struct error *err)
{
    value_id x, nan, inf, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(value_floats(c, &x, err));
    TRY(emit_1(c->e, "IsNaN", x, &nan, err));
    TRY(emit_1(c->e, "IsInf", x, &inf, err));
    TRY(emit_2(c->e, "Or", nan, inf, &y, err));
    TRY(emit_1(c->e, "Not", y, &y, err));
    return call_give(c, y);
}

/* --- activations --- */

static const struct activation {
    const char *name, *activation;
    const char *key;  /* an option that it has */
    double otherwise; /* the value that the activation of this name stands for */
} ACTIVATIONS[] = {
    {"Relu6", "relu6", NULL, 0},
    {"Softplus", "softplus", NULL, 0},
    {"Softsign", "softsign", NULL, 0},
    {"Silu", "silu", NULL, 0},
    {"LogSigmoid", "log_sigmoid", NULL, 0},
    {"HardSigmoid", "hard_sigmoid", NULL, 0},
    {"HardSilu", "hard_silu", NULL, 0},
    {"Selu", "selu", NULL, 0},
    {"TanhShrink", "tanh_shrink", NULL, 0},
    {"HardTanh", "hard_tanh", NULL, 0},
    {"LeakyRelu", "LeakyRelu", "negative_slope alpha", 0.2},
    {"Elu", "Elu", "alpha", 1},
    {"Celu", "Celu", "alpha", 1},
};

static enum status activation(struct call *c, struct error *err)
{
    const struct activation *a = ACTIVATIONS;
    struct json word = {.kind = JSON_STRING};
    value_id x, y;

    while (strcmp(a->name, c->class_name))
        a++;
    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(value_floats(c, &x, err));
    if (a->key) {
        double alpha = option_number(c, 1, a->key, a->otherwise);

        alpha = call_is(c, "LeakyRelu") ? number_single(alpha) : alpha;
        TRY(emit_node(c->e, "", a->activation, EMIT(x),
                      EMIT_ATTRIBUTES(attribute_of_float("alpha", alpha)), &y, err));
    } else {
        word.string = bytes_of(a->activation);
        TRY(activation_emit(c, &word, x, &y, err));
    }
    return call_give(c, y);
}

static enum status gelu(struct call *c, struct error *err)
{
    bool approximate = option_bool(c, 1, "approximate", c->k->generation >= 3);
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(gelu_emit(c, x, approximate, &y, err));
    return call_give(c, y);
}

/* Over several axes together, or all: those of the batch too. */
static enum status softmax_over(struct call *c, bool all, bool log, value_id x, struct error *err)
{
    int rank = emit_shape(c->e, x)->rank;
    int64_t axes[RANK_MAX];
    value_id part, sum;
    size_t count;

    TRY(option_ints(c, 1, "axis", axes, RANK_MAX, &count, err));
    for (int d = 0; all && d < rank; d++)
        axes[count++] = d;
    for (size_t i = 0; i < count; i++)
        TRY(axis_within(&axes[i], rank, err));
    TRY(emit_reduce(c->e, "ReduceMax", x, axes, count, true, &part, err));
    TRY(emit_2(c->e, "Sub", x, part, &x, err));
    TRY(emit_1(c->e, "Exp", x, &part, err));
    TRY(emit_reduce(c->e, "ReduceSum", part, axes, count, true, &sum, err));
    if (log)
        TRY(emit_1(c->e, "Log", sum, &sum, err));
    TRY(emit_2(c->e, log ? "Sub" : "Div", log ? x : part, sum, &x, err));
    return call_give(c, x);
}

static enum status softmax(struct call *c, struct error *err)
{
    const struct json *given = operand_option(c, 1, "axis");
    bool log = call_is(c, "LogSoftmax");
    bool all = given && given->kind == JSON_NULL && c->k->generation >= 3;
    int64_t axis;
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(value_floats(c, &x, err));
    if (all || (given && given->kind == JSON_ARRAY))
        return softmax_over(c, all, log, x, err);
    TRY(option_int(c, 1, "axis", -1, &axis, err));
    TRY(emit_node(c->e, "", log ? "LogSoftmax" : "Softmax", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), &y, err));
    return call_give(c, y);
}

/* --- two operands --- */

static const struct pair {
    const char *name, *op;
} PAIRS[] = {
    {"Add", "Add"},
    {"Subtract", "Sub"},
    {"Multiply", "Mul"},
    {"Maximum", "Max"},
    {"Minimum", "Min"},
    {"Equal", "Equal"},
    {"Greater", "Greater"},
    {"GreaterEqual", "GreaterOrEqual"},
    {"Less", "Less"},
    {"LessEqual", "LessOrEqual"},
    {"LogicalAnd", "And"},
    {"LogicalOr", "Or"},
    {"LogicalXor", "Xor"},
    {"Matmul", "MatMul"},
    {"BitwiseAnd", "BitwiseAnd"},
    {"BitwiseOr", "BitwiseOr"},
    {"BitwiseXor", "BitwiseXor"},
};

static enum status pair(struct call *c, struct error *err)
{
    const struct pair *p = PAIRS;
    bool logic = !strncmp(c->class_name, "Logical", 7);
    value_id in[2], y;

    while (strcmp(p->name, c->class_name))
        p++;
    TRY(operands_2(c, in, err));
    for (int i = 0; logic && i < 2; i++)
        TRY(emit_cast(c->e, in[i], DTYPE_BOOL, &in[i], err));
    TRY(emit_2(c->e, p->op, in[0], in[1], &y, err));
    return call_give(c, y);
}

static enum status not_equal(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(emit_2(c->e, "Equal", in[0], in[1], &y, err));
    TRY(emit_1(c->e, "Not", y, &y, err));
    return call_give(c, y);
}

/* Integers divide to floats. */
static enum status divide(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(value_floats(c, &in[0], err));
    TRY(value_floats(c, &in[1], err));
    TRY(emit_2(c->e, "Div", in[0], in[1], &y, err));
    return call_give(c, y);
}

static enum status divide_no_nan(struct call *c, struct error *err)
{
    value_id in[2], zero, none, y;

    TRY(operands_2(c, in, err));
    TRY(value_floats(c, &in[0], err));
    TRY(value_floats(c, &in[1], err));
    TRY(emit_number(c->e, emit_dtype(c->e, in[1]), 0, &zero, err));
    TRY(emit_2(c->e, "Equal", in[1], zero, &none, err));
    TRY(emit_2(c->e, "Div", in[0], in[1], &y, err));
    TRY(emit_where(c->e, none, zero, y, &y, err));
    return call_give(c, y);
}

/* x - y floor(x / y) has the sign of y; so has ONNX's Mod of integers. */
static enum status floor_mod(struct call *c, value_id a, value_id b, value_id *y, struct error *err)
{
    value_id r, zero, wrong, other;

    if (!dtype_is_float(emit_dtype(c->e, a)))
        return emit_2(c->e, "Mod", a, b, y, err);
    TRY(emit_number(c->e, emit_dtype(c->e, a), 0, &zero, err));
    TRY(emit_node(c->e, "", "Mod", EMIT(a, b), EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)), &r,
                  err));
    TRY(emit_2(c->e, "Mul", r, b, &wrong, err));
    TRY(emit_2(c->e, "Less", wrong, zero, &wrong, err));
    TRY(emit_2(c->e, "Add", r, b, &other, err));
    return emit_where(c->e, wrong, other, r, y, err);
}

static enum status mod(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(floor_mod(c, in[0], in[1], &y, err));
    return call_give(c, y);
}

static enum status floor_divide(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    if (dtype_is_float(emit_dtype(c->e, in[0]))) {
        TRY(emit_2(c->e, "Div", in[0], in[1], &y, err));
        TRY(emit_1(c->e, "Floor", y, &y, err));
        return call_give(c, y);
    }
    TRY(floor_mod(c, in[0], in[1], &y, err));
    TRY(emit_2(c->e, "Sub", in[0], y, &y, err));
    TRY(emit_2(c->e, "Div", y, in[1], &y, err));
    return call_give(c, y);
}

/* By 2 and 0.5 as products and roots, which are exact. */
static enum status power(struct call *c, struct error *err)
{
    struct operand exponent;
    value_id in[2], y;

    TRY(operand_read(c, 1, OPERAND_2, &exponent, err));
    TRY(operands_2(c, in, err));
    if (exponent.weak && exponent.number == 2)
        TRY(emit_2(c->e, "Mul", in[0], in[0], &y, err));
    else if (exponent.weak && exponent.number == 0.5 && dtype_is_float(emit_dtype(c->e, in[0])))
        TRY(emit_1(c->e, "Sqrt", in[0], &y, err));
    else
        TRY(emit_2(c->e, "Pow", in[0], in[1], &y, err));
    return call_give(c, y);
}

static enum status squared_difference(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(emit_2(c->e, "Sub", in[0], in[1], &y, err));
    TRY(emit_2(c->e, "Mul", y, y, &y, err));
    return call_give(c, y);
}

/* --- choice, limits --- */

static enum status where(struct call *c, struct error *err)
{
    value_id condition, in[2], y;
    struct operand o[2];
    enum dtype dtype;

    TRY(operand_tensor(c, 0, "condition", &condition, err));
    TRY(operand_read(c, 1, "x1 x", &o[0], err));
    TRY(operand_read(c, 2, "x2 y", &o[1], err));
    if (!o[0].given || !o[1].given)
        return error_set(err, STATUS_UNSUPPORTED, "a 'Where' that gives indices");
    dtype = operands_dtype(c, o, 2);
    TRY(operand_value(c, &o[0], dtype, &in[0], err));
    TRY(operand_value(c, &o[1], dtype, &in[1], err));
    TRY(emit_cast(c->e, condition, DTYPE_BOOL, &condition, err));
    TRY(emit_where(c->e, condition, in[0], in[1], &y, err));
    return call_give(c, y);
}

static enum status clip(struct call *c, struct error *err)
{
    const struct json *limits[2] = {operand_option(c, 1, "x_min min clip_value_min min_value"),
                                    operand_option(c, 2, "x_max max clip_value_max max_value")};
    double low, high;
    value_id x, y;

    TRY(operand_tensor(c, 0, OPERAND_1 " t", &x, err));
    if (!json_f64(limits[0], &low) || !json_f64(limits[1], &high))
        return error_set(err, STATUS_UNSUPPORTED, "limits that are no numbers");
    if (!dtype_is_float(emit_dtype(c->e, x)) &&
        (limits[0]->kind == JSON_FLOAT || limits[1]->kind == JSON_FLOAT))
        TRY(value_floats(c, &x, err));
    TRY(emit_clip(c->e, x, low, high, &y, err));
    return call_give(c, y);
}

/* Between the limits of a type of integers of up to 32 bits. */
static enum status saturate(struct call *c, enum dtype dtype, value_id *x, struct error *err)
{
    int bits = 8 * (int)dtype_size(dtype);
    bool is_signed = dtype_kind(dtype) == KIND_INT;

    if (!dtype_is_integer(dtype) || bits > 16 || !dtype_is_float(emit_dtype(c->e, *x)))
        return error_set(err, STATUS_UNSUPPORTED, "a saturating cast from %s to %s",
                         dtype_name(emit_dtype(c->e, *x)), dtype_name(dtype));
    return emit_clip(c->e, *x, is_signed ? -ldexp(1, bits - 1) : 0,
                     ldexp(1, is_signed ? bits - 1 : bits) - 1, x, err);
}

/* A file does not say which of its frameworks runs the model, and they differ on floats that an
 * integer type does not hold: those are refused in the answer's place. */
static enum status cast_to(struct call *c, value_id *x, enum dtype dtype, struct error *err)
{
    if (!dtype_is_float(emit_dtype(c->e, *x)) || !dtype_is_integer(dtype))
        return emit_cast(c->e, *x, dtype, x, err);
    return emit_node(c->e, "firn", "FloatToInteger", EMIT(*x),
                     EMIT_ATTRIBUTES(attribute_of_int("to", dtype_to_onnx(dtype)),
                                     attribute_of_text("outside", "refuse")),
                     x, err);
}

static enum status cast(struct call *c, struct error *err)
{
    enum dtype dtype;
    value_id x;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(option_dtype(c, 1, "dtype", &dtype, err));
    if (dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "has no dtype");
    if (call_is(c, "SaturateCast"))
        TRY(saturate(c, dtype, &x, err));
    TRY(cast_to(c, &x, dtype, err));
    return call_give(c, x);
}

static enum status same(struct call *c, struct error *err)
{
    enum dtype dtype;
    value_id x;

    TRY(operand_tensor(c, 0, OPERAND_1 " value", &x, err));
    TRY(option_dtype(c, 1, "dtype", &dtype, err));
    if (dtype != DTYPE_NONE)
        TRY(cast_to(c, &x, dtype, err));
    return call_give(c, x);
}

#define FUNCTION(name_)                                                                            \
    {                                                                                              \
        .name = name_, .lower = function                                                           \
    }
#define ACTIVATION(name_)                                                                          \
    {                                                                                              \
        .name = name_, .lower = activation                                                         \
    }
#define PAIR(name_)                                                                                \
    {                                                                                              \
        .name = name_, .lower = pair                                                               \
    }

const struct layer_set layers_operation_math = OPERATION_SET(
    {.name = "Absolute", .alias = "Abs", .lower = function}, FUNCTION("Arccos"),
    FUNCTION("Arccosh"), FUNCTION("Arcsin"), FUNCTION("Arcsinh"), FUNCTION("Arctan"),
    FUNCTION("Arctanh"), FUNCTION("Ceil"), FUNCTION("Cos"), FUNCTION("Cosh"), FUNCTION("Erf"),
    FUNCTION("Exp"), FUNCTION("Floor"), FUNCTION("Isnan"), FUNCTION("Isinf"), FUNCTION("Log"),
    FUNCTION("LogicalNot"), FUNCTION("Negative"), FUNCTION("Reciprocal"), FUNCTION("Sign"),
    FUNCTION("Sin"), FUNCTION("Sinh"), FUNCTION("Sqrt"), FUNCTION("Tan"), FUNCTION("Tanh"),
    FUNCTION("Sigmoid"), FUNCTION("Relu"), FUNCTION("Cbrt"), FUNCTION("Exp2"), FUNCTION("Expm1"),
    FUNCTION("Log10"), FUNCTION("Log1p"), FUNCTION("Log2"), FUNCTION("Trunc"),
    {.name = "Square", .lower = square}, {.name = "Rsqrt", .lower = rsqrt},
    {.name = "Round", .lower = round_}, {.name = "Isfinite", .lower = is_finite},
    ACTIVATION("Relu6"), ACTIVATION("Softplus"), ACTIVATION("Softsign"), ACTIVATION("Silu"),
    ACTIVATION("LogSigmoid"), ACTIVATION("HardSigmoid"), ACTIVATION("HardSilu"), ACTIVATION("Selu"),
    ACTIVATION("TanhShrink"), ACTIVATION("HardTanh"), ACTIVATION("LeakyRelu"), ACTIVATION("Elu"),
    ACTIVATION("Celu"), {.name = "Gelu", .lower = gelu}, {.name = "Softmax", .lower = softmax},
    {.name = "LogSoftmax", .lower = softmax}, PAIR("Add"), PAIR("Subtract"), PAIR("Multiply"),
    PAIR("Maximum"), PAIR("Minimum"), PAIR("Equal"), PAIR("Greater"), PAIR("GreaterEqual"),
    PAIR("Less"), PAIR("LessEqual"), PAIR("LogicalAnd"), PAIR("LogicalOr"), PAIR("LogicalXor"),
    PAIR("Matmul"), PAIR("BitwiseAnd"), PAIR("BitwiseOr"), PAIR("BitwiseXor"),
    {.name = "NotEqual", .lower = not_equal},
    {.name = "Divide", .alias = "TrueDivide", .lower = divide},
    {.name = "DivideNoNan", .lower = divide_no_nan}, {.name = "Mod", .lower = mod},
    {.name = "FloorDivide", .lower = floor_divide}, {.name = "Power", .lower = power},
    {.name = "SquaredDifference", .lower = squared_difference}, {.name = "Where", .lower = where},
    {.name = "Clip", .lower = clip}, {.name = "Cast", .lower = cast},
    {.name = "SaturateCast", .lower = cast}, {.name = "Copy", .lower = same},
    {.name = "StopGradient", .lower = same}, {.name = "ConvertToTensor", .lower = same}, );
