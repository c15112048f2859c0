// SPDX-License-Identifier: Apache-2.0
/* Element by element: arithmetic, functions, comparison, logic. */
#include "importers/tensorflow/internal.h"

static enum status same(struct tf_call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(tf_add(c, c->in[i], err));
    return STATUS_OK;
}

static enum status number_like(struct tf_call *c, double number, value_id *value, struct error *err)
{
    return emit_number(c->e, emit_dtype(c->e, c->in[0]), number, value, err);
}

static enum status square(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_2(c->e, "Mul", c->in[0], c->in[0], &y, err));
    return tf_give(c, y);
}

static enum status squared_difference(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_2(c->e, "Sub", c->in[0], c->in[1], &y, err));
    TRY(emit_2(c->e, "Mul", y, y, &y, err));
    return tf_give(c, y);
}

static enum status rsqrt(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_1(c->e, "Sqrt", c->in[0], &y, err));
    TRY(emit_1(c->e, "Reciprocal", y, &y, err));
    return tf_give(c, y);
}

static bool is_float(const struct tf_call *c)
{
    return dtype_is_float(emit_dtype(c->e, c->in[0]));
}

/* x - y floor(x / y) has the sign of y; so has ONNX's Mod of integers. */
static enum status floor_mod(struct tf_call *c, struct error *err)
{
    value_id y, r, zero, wrong, other, none;

    if (!is_float(c)) {
        TRY(emit_2(c->e, "Mod", c->in[0], c->in[1], &y, err));
        return tf_give(c, y);
    }
    TRY(number_like(c, 0, &zero, err));
    TRY(emit_node(c->e, "", "Mod", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)), &r, err));
    TRY(emit_2(c->e, "Mul", r, c->in[1], &wrong, err));
    TRY(emit_2(c->e, "Less", wrong, zero, &none, err));
    TRY(emit_2(c->e, "Add", r, c->in[1], &other, err));
    TRY(emit_node(c->e, "", "Where", EMIT(none, other, r), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status truncate_mod(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "", "Mod", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)), &y, err));
    return tf_give(c, y);
}

/* Of integers: the quotient towards zero, less one where a remainder and y differ in sign. */
static enum status floor_div(struct tf_call *c, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    value_id y, rest, zero, negative[2], wrong;

    if (is_float(c)) {
        TRY(emit_2(c->e, "Div", c->in[0], c->in[1], &y, err));
        TRY(emit_1(c->e, "Floor", y, &y, err));
        return tf_give(c, y);
    }
    TRY(emit_2(c->e, "Div", c->in[0], c->in[1], &y, err));
    if (dtype == DTYPE_U8 || dtype == DTYPE_U16 || dtype == DTYPE_U32 || dtype == DTYPE_U64)
        return tf_give(c, y);
    TRY(number_like(c, 0, &zero, err));
    TRY(emit_node(c->e, "", "Mod", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)), &rest, err));
    TRY(emit_2(c->e, "Less", rest, zero, &negative[0], err));
    TRY(emit_2(c->e, "Less", c->in[1], zero, &negative[1], err));
    TRY(emit_2(c->e, "Xor", negative[0], negative[1], &wrong, err));
    TRY(emit_1(c->e, "Sign", rest, &rest, err));
    TRY(emit_cast(c->e, rest, DTYPE_BOOL, &rest, err));
    TRY(emit_2(c->e, "And", wrong, rest, &wrong, err));
    TRY(emit_cast(c->e, wrong, dtype, &wrong, err));
    TRY(emit_2(c->e, "Sub", y, wrong, &y, err));
    return tf_give(c, y);
}

static enum status cast(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "DstT", &dtype, err));
    if (dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "has no DstT");
    TRY(emit_cast(c->e, c->in[0], dtype, &y, err));
    return tf_give(c, y);
}

/* A condition of one dimension chooses whole rows. */
static enum status select_1(struct tf_call *c, struct error *err)
{
    value_id condition = c->in[0], y;
    int rank, chosen;

    TRY(tf_rank(c, 0, &chosen, err));
    TRY(tf_rank(c, 1, &rank, err));
    for (; chosen == 1 && rank > 1; rank--)
        TRY(emit_unsqueeze(c->e, condition, -1, &condition, err));
    TRY(emit_node(c->e, "", "Where", EMIT(condition, c->in[1], c->in[2]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static bool never_broadcast(const struct shape *a, const struct shape *b)
{
    if (a->rank < 0 || b->rank < 0)
        return false;
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t m = a->dims[a->rank - i], n = b->dims[b->rank - i];

        if (m >= 0 && n >= 0 && m != n && m != 1 && n != 1)
            return true;
    }
    return false;
}

/* Shapes that cannot be broadcast to each other are an error, or make one answer: not equal. */
static enum status equality(struct tf_call *c, bool inverse, struct error *err)
{
    bool is_error;
    value_id y;

    TRY(tf_bool(c->node, "incompatible_shape_error", true, &is_error, err));
    if (!is_error && never_broadcast(emit_shape(c->e, c->in[0]), emit_shape(c->e, c->in[1]))) {
        TRY(emit_number(c->e, DTYPE_BOOL, inverse, &y, err));
        return tf_give(c, y);
    }
    TRY(emit_2(c->e, "Equal", c->in[0], c->in[1], &y, err));
    if (inverse)
        TRY(emit_1(c->e, "Not", y, &y, err));
    return tf_give(c, y);
}

static enum status equal(struct tf_call *c, struct error *err)
{
    return equality(c, false, err);
}

static enum status not_equal(struct tf_call *c, struct error *err)
{
    return equality(c, true, err);
}

/* x - x is NaN for infinities and NaN. */
static enum status is_finite(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_2(c->e, "Sub", c->in[0], c->in[0], &y, err));
    TRY(emit_1(c->e, "IsNaN", y, &y, err));
    TRY(emit_1(c->e, "Not", y, &y, err));
    return tf_give(c, y);
}

#define SAME(tf, op, n)                                                                            \
    {                                                                                              \
        .name = tf, .onnx = op, .inputs = n                                                        \
    }
const struct tf_op_set tf_ops_math = TF_OP_SET(
    SAME("Add", "Add", 2), SAME("AddV2", "Add", 2), SAME("Sub", "Sub", 2), SAME("Mul", "Mul", 2),
    SAME("RealDiv", "Div", 2), SAME("Div", "Div", 2), SAME("Maximum", "Max", 2),
    SAME("Minimum", "Min", 2), SAME("Pow", "Pow", 2), SAME("AddN", "Sum", 0),
    SAME("AccumulateNV2", "Sum", 0), SAME("Neg", "Neg", 1), SAME("Abs", "Abs", 1),
    SAME("Exp", "Exp", 1), SAME("Log", "Log", 1), SAME("Sqrt", "Sqrt", 1),
    SAME("Reciprocal", "Reciprocal", 1), SAME("Inv", "Reciprocal", 1), SAME("Sign", "Sign", 1),
    SAME("Floor", "Floor", 1), SAME("Ceil", "Ceil", 1), SAME("Round", "Round", 1),
    SAME("Rint", "Round", 1), SAME("Sin", "Sin", 1), SAME("Cos", "Cos", 1), SAME("Tan", "Tan", 1),
    SAME("Asin", "Asin", 1), SAME("Acos", "Acos", 1), SAME("Atan", "Atan", 1),
    SAME("Sinh", "Sinh", 1), SAME("Cosh", "Cosh", 1), SAME("Asinh", "Asinh", 1),
    SAME("Acosh", "Acosh", 1), SAME("Atanh", "Atanh", 1), SAME("Erf", "Erf", 1),
    SAME("Sigmoid", "Sigmoid", 1), SAME("Tanh", "Tanh", 1), SAME("IsNan", "IsNaN", 1),
    SAME("IsInf", "IsInf", 1), SAME("Less", "Less", 2), SAME("LessEqual", "LessOrEqual", 2),
    SAME("Greater", "Greater", 2), SAME("GreaterEqual", "GreaterOrEqual", 2),
    SAME("LogicalAnd", "And", 2), SAME("LogicalOr", "Or", 2), SAME("LogicalNot", "Not", 1),
    SAME("SelectV2", "Where", 3), SAME("BitwiseAnd", "BitwiseAnd", 2),
    SAME("BitwiseOr", "BitwiseOr", 2), SAME("BitwiseXor", "BitwiseXor", 2),
    SAME("Invert", "BitwiseNot", 1), {.name = "Identity", .lower = same, .inputs = 1},
    {.name = "IdentityN", .lower = same}, {.name = "StopGradient", .lower = same, .inputs = 1},
    {.name = "PreventGradient", .lower = same, .inputs = 1},
    {.name = "CheckNumerics", .lower = same, .inputs = 1},
    {.name = "Snapshot", .lower = same, .inputs = 1},
    {.name = "PlaceholderWithDefault", .lower = same, .inputs = 1},
    {.name = "DeepCopy", .lower = same, .inputs = 1},
    {.name = "Square", .lower = square, .inputs = 1},
    {.name = "SquaredDifference", .lower = squared_difference, .inputs = 2},
    {.name = "Rsqrt", .lower = rsqrt, .inputs = 1},
    {.name = "FloorMod", .lower = floor_mod, .inputs = 2},
    {.name = "TruncateMod", .lower = truncate_mod, .inputs = 2},
    {.name = "FloorDiv", .lower = floor_div, .inputs = 2},
    {.name = "Cast", .lower = cast, .inputs = 1}, {.name = "Equal", .lower = equal, .inputs = 2},
    {.name = "NotEqual", .lower = not_equal, .inputs = 2},
    {.name = "IsFinite", .lower = is_finite, .inputs = 1},
    {.name = "Select", .lower = select_1, .inputs = 3}, );
