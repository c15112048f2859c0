// SPDX-License-Identifier: Apache-2.0
/* Arithmetic and functions of real and complex numbers, division. */
#include "importers/tensorflow/internal.h"

/* ONNX's operator of real numbers; NULL: composed below. Complex numbers: firn's function. */
static const struct {
    const char *op, *onnx, *complex;
} NUMBERS[] = {
    {"Add", "Add", "add"},
    {"AddV2", "Add", "add"},
    {"Sub", "Sub", "sub"},
    {"Mul", "Mul", "mul"},
    {"RealDiv", "Div", "div"},
    {"Div", "Div", "div"},
    {"Pow", "Pow", "pow"},
    {"Neg", "Neg", "neg"},
    {"Abs", "Abs", "abs"},
    {"ComplexAbs", "Abs", "abs"},
    {"Exp", "Exp", "exp"},
    {"Log", "Log", "log"},
    {"Sqrt", "Sqrt", "sqrt"},
    {"Reciprocal", "Reciprocal", "reciprocal"},
    {"Inv", "Reciprocal", "reciprocal"},
    {"Sign", "Sign", "sign"},
    {"Sin", "Sin", "sin"},
    {"Cos", "Cos", "cos"},
    {"Tan", "Tan", "tan"},
    {"Asin", "Asin", "asin"},
    {"Acos", "Acos", "acos"},
    {"Atan", "Atan", "atan"},
    {"Sinh", "Sinh", "sinh"},
    {"Cosh", "Cosh", "cosh"},
    {"Tanh", "Tanh", "tanh"},
    {"Asinh", "Asinh", "asinh"},
    {"Acosh", "Acosh", "acosh"},
    {"Atanh", "Atanh", "atanh"},
    {"Sigmoid", "Sigmoid", "sigmoid"},
    {"Square", NULL, "square"},
    {"Rsqrt", NULL, "rsqrt"},
    {"SquaredDifference", NULL, "squared_difference"},
    {"Conj", "Identity", "conj"},
    {"Real", "Identity", "real"},
    {"Imag", NULL, "imag"},
    {"Angle", NULL, "angle"},
};

static enum status composed(struct tf_call *c, value_id *y, struct error *err)
{
    const char *op = c->node->op;
    value_id x = c->in[0];

    if (!strcmp(op, "Square"))
        return emit_2(c->e, "Mul", x, x, y, err);
    if (!strcmp(op, "Rsqrt")) {
        TRY(emit_1(c->e, "Sqrt", x, y, err));
        return emit_1(c->e, "Reciprocal", *y, y, err);
    }
    if (!strcmp(op, "SquaredDifference")) {
        TRY(emit_2(c->e, "Sub", x, c->in[1], y, err));
        return emit_2(c->e, "Mul", *y, *y, y, err);
    }
    return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, x)));
}

static enum status number(struct tf_call *c, struct error *err)
{
    size_t i = 0;
    value_id y;

    while (strcmp(NUMBERS[i].op, c->node->op))
        i++;
    if (tf_is_complex(c->e, c->in[0]))
        TRY(tf_complex(c->e, NUMBERS[i].complex, (struct emit_inputs){c->in, c->in_count}, &y,
                       err));
    else if (i == 0 && emit_dtype(c->e, c->in[0]) == DTYPE_STRING) /* Add alone */
        TRY(emit_2(c->e, "StringConcat", c->in[0], c->in[1], &y, err));
    else if (NUMBERS[i].onnx)
        TRY(emit(c->e, "", NUMBERS[i].onnx, c->in, c->in_count, NULL, 0, &y, 1, err));
    else
        TRY(composed(c, &y, err));
    return tf_give(c, y);
}

static enum status make_complex(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(tf_complex(c->e, "make", EMIT(c->in[0], c->in[1]), &y, err));
    return tf_give(c, y);
}

/* ONNX's Sum is of floats. */
static enum status add_all(struct tf_call *c, struct error *err)
{
    value_id y;

    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no inputs");
    if (dtype_is_float(emit_dtype(c->e, c->in[0]))) {
        TRY(emit(c->e, "", "Sum", c->in, c->in_count, NULL, 0, &y, 1, err));
        return tf_give(c, y);
    }
    y = c->in[0];
    for (size_t i = 1; i < c->in_count; i++) {
        if (tf_is_complex(c->e, y))
            TRY(tf_complex(c->e, "add", EMIT(y, c->in[i]), &y, err));
        else
            TRY(emit_2(c->e, "Add", y, c->in[i], &y, err));
    }
    return tf_give(c, y);
}

/* Of integers TensorFlow's answer has been other things than the number itself. */
static enum status round_half(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_1(c->e, "Round", c->in[0], &y, err));
    return tf_give(c, y);
}

/* --- division --- */

static enum status divide(struct tf_call *c, const char *op, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", op, EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status floor_div(struct tf_call *c, struct error *err)
{
    return divide(c, "FloorDiv", err);
}

static enum status floor_mod(struct tf_call *c, struct error *err)
{
    return divide(c, "FloorMod", err);
}

static enum status truncate_div(struct tf_call *c, struct error *err)
{
    return divide(c, "TruncateDiv", err);
}

static enum status truncate_mod(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "", "Mod", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)), &y, err));
    return tf_give(c, y);
}

#define ROW(op, n)                                                                                 \
    {                                                                                              \
        .name = op, .lower = number, .inputs = n                                                   \
    }
const struct tf_op_set tf_ops_arithmetic = TF_OP_SET(
    ROW("Add", 2), ROW("AddV2", 2), ROW("Sub", 2), ROW("Mul", 2), ROW("RealDiv", 2), ROW("Div", 2),
    ROW("Pow", 2), ROW("Neg", 1), ROW("Abs", 1), ROW("ComplexAbs", 1), ROW("Exp", 1), ROW("Log", 1),
    ROW("Sqrt", 1), ROW("Reciprocal", 1), ROW("Inv", 1), ROW("Sign", 1), ROW("Sin", 1),
    ROW("Cos", 1), ROW("Tan", 1), ROW("Asin", 1), ROW("Acos", 1), ROW("Atan", 1), ROW("Sinh", 1),
    ROW("Cosh", 1), ROW("Tanh", 1), ROW("Asinh", 1), ROW("Acosh", 1), ROW("Atanh", 1),
    ROW("Sigmoid", 1), ROW("Square", 1), ROW("Rsqrt", 1), ROW("SquaredDifference", 2),
    ROW("Conj", 1), ROW("Real", 1), ROW("Imag", 1), ROW("Angle", 1),
    {.name = "Complex", .lower = make_complex, .inputs = 2}, {.name = "AddN", .lower = add_all},
    {.name = "AccumulateNV2", .lower = add_all},
    {.name = "Round", .lower = round_half, .inputs = 1},
    {.name = "Rint", .lower = round_half, .inputs = 1},
    {.name = "FloorDiv", .lower = floor_div, .inputs = 2},
    {.name = "FloorMod", .lower = floor_mod, .inputs = 2},
    {.name = "TruncateDiv", .lower = truncate_div, .inputs = 2},
    {.name = "TruncateMod", .lower = truncate_mod, .inputs = 2},
    {.name = "Mod", .lower = truncate_mod, .inputs = 2}, );
