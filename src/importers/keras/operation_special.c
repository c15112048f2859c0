// SPDX-License-Identifier: Apache-2.0
/* keras.ops, element by element, that are no single operator: special functions, bits, numbers that
 * are close, not numbers, softer thresholds. */
#include <float.h>
#include <math.h>

#include "importers/keras/internal.h"

/* The first operand as floats. */
static enum status operand_floats(struct call *c, value_id *x, struct error *err)
{
    TRY(operand_tensor(c, 0, OPERAND_1, x, err));
    return value_floats(c, x, err);
}

/* The first two, as floats of one dtype. */
static enum status operands_floats(struct call *c, value_id in[2], struct error *err)
{
    TRY(operands_2(c, in, err));
    for (int i = 0; i < 2; i++)
        TRY(value_floats(c, &in[i], err));
    return STATUS_OK;
}

static enum status number_like(struct call *c, value_id x, double number, value_id *value,
                               struct error *err)
{
    return emit_number(c->e, emit_dtype(c->e, x), number, value, err);
}

/* condition ? number : no */
static enum status choose_number(struct call *c, value_id condition, double number, value_id no,
                                 value_id *y, struct error *err)
{
    value_id yes;

    TRY(number_like(c, no, number, &yes, err));
    return emit_where(c->e, condition, yes, no, y, err);
}

static enum status compare(struct call *c, const char *op, value_id x, double number, value_id *y,
                           struct error *err)
{
    value_id limit;

    TRY(number_like(c, x, number, &limit, err));
    return emit_2(c->e, op, x, limit, y, err);
}

static enum status times(struct call *c, value_id x, double number, value_id *y, struct error *err)
{
    value_id factor;

    TRY(number_like(c, x, number, &factor, err));
    return emit_2(c->e, "Mul", x, factor, y, err);
}

/* --- one operator with a name --- */

static const struct special {
    const char *name, *domain, *op, *key, *word;
    int operands;
} SPECIAL[] = {
    {"Erfc", "firn", "Special", "function", "erfc", 1},
    {"Erfinv", "firn", "Special", "function", "erfinv", 1},
    {"I0", "firn", "Special", "function", "bessel_i0", 1},
    {"Arctan2", "firn", "Special", "function", "atan2", 2},
    {"Nextafter", "firn", "Special", "function", "next_after", 2},
};

static enum status special(struct call *c, struct error *err)
{
    const struct special *s = SPECIAL;
    value_id in[2], y;

    while (strcmp(s->name, c->class_name))
        s++;
    if (s->operands == 1)
        TRY(operand_floats(c, &in[0], err));
    else
        TRY(operands_floats(c, in, err));
    TRY(emit_node(c->e, s->domain, s->op, (struct emit_inputs){in, (size_t)s->operands},
                  EMIT_ATTRIBUTES(attribute_of_text(s->key, s->word)), &y, err));
    return call_give(c, y);
}

static enum status angle_unit(struct call *c, struct error *err)
{
    value_id x;

    TRY(operand_floats(c, &x, err));
    TRY(times(c, x, call_is(c, "Deg2rad") ? M_PI / 180 : 180 / M_PI, &x, err));
    return call_give(c, x);
}

static enum status shift(struct call *c, struct error *err)
{
    bool left = strstr(c->class_name, "Left") != NULL;
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(emit_node(c->e, "firn", "Shift", EMIT(in[0], in[1]),
                  EMIT_ATTRIBUTES(attribute_of_text("direction", left ? "left" : "right")), &y,
                  err));
    return call_give(c, y);
}

static enum status bits_not(struct call *c, struct error *err)
{
    value_id x;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    TRY(emit_1(c->e, emit_dtype(c->e, x) == DTYPE_BOOL ? "Not" : "BitwiseNot", x, &x, err));
    return call_give(c, x);
}

/* --- parts of numbers; all are real --- */

static enum status part_of_number(struct call *c, struct error *err)
{
    value_id x, y, shape;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    if (call_is(c, "Fabs")) {
        TRY(operand_floats(c, &x, err));
        TRY(emit_1(c->e, "Abs", x, &x, err));
    }
    if (call_is(c, "Angle")) {
        TRY(operand_floats(c, &x, err));
        TRY(compare(c, "Less", x, 0, &y, err));
        TRY(number_like(c, x, 0, &shape, err));
        TRY(choose_number(c, y, M_PI, shape, &shape, err));
        TRY(emit_1(c->e, "IsNaN", x, &y, err));
        TRY(emit_where(c->e, y, x, shape, &x, err));
    }
    if (call_is(c, "Imag") || call_is(c, "Isreal")) {
        bool real = call_is(c, "Isreal");

        TRY(emit_1(c->e, "Shape", x, &shape, err));
        TRY(emit_number(c->e, real ? DTYPE_BOOL : emit_dtype(c->e, x), real, &y, err));
        TRY(emit_2(c->e, "Expand", y, shape, &x, err));
    }
    return call_give(c, x);
}

/* -0 has a sign: 1 / it is below zero. */
static enum status sign_bit(struct call *c, struct error *err)
{
    value_id x, zero, inverse, y;

    TRY(operand_floats(c, &x, err));
    TRY(compare(c, "Equal", x, 0, &zero, err));
    TRY(emit_1(c->e, "Reciprocal", x, &inverse, err));
    TRY(emit_where(c->e, zero, inverse, x, &x, err));
    TRY(compare(c, "Less", x, 0, &y, err));
    return call_give(c, y);
}

static enum status is_infinite(struct call *c, struct error *err)
{
    bool positive = call_is(c, "Isposinf");
    value_id x, y;

    TRY(operand_floats(c, &x, err));
    TRY(emit_node(c->e, "", "IsInf", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_int("detect_positive", positive),
                                  attribute_of_int("detect_negative", !positive)),
                  &y, err));
    return call_give(c, y);
}

/* The ends of a type where no other number is given. */
static enum status nan_to_num(struct call *c, struct error *err)
{
    double ends[2] = {FLT_MAX, -FLT_MAX};
    static const char *const NAMES[] = {"posinf", "neginf"};
    value_id x, is;

    TRY(operand_tensor(c, 0, OPERAND_1, &x, err));
    if (!dtype_is_float(emit_dtype(c->e, x))) {
        seen_all(c);
        return call_give(c, x);
    }
    if (emit_dtype(c->e, x) == DTYPE_F64)
        ends[0] = DBL_MAX, ends[1] = -DBL_MAX;
    else if (emit_dtype(c->e, x) != DTYPE_F32)
        return error_set(err, STATUS_UNSUPPORTED, "half floats");
    TRY(emit_1(c->e, "IsNaN", x, &is, err));
    TRY(choose_number(c, is, option_number(c, 1, "nan", 0), x, &x, err));
    for (int i = 0; i < 2; i++) {
        TRY(emit_node(c->e, "", "IsInf", EMIT(x),
                      EMIT_ATTRIBUTES(attribute_of_int("detect_positive", i == 0),
                                      attribute_of_int("detect_negative", i == 1)),
                      &is, err));
        TRY(choose_number(c, is, option_number(c, 2 + (size_t)i, NAMES[i], ends[i]), x, &x, err));
    }
    return call_give(c, x);
}

/* --- functions of one number --- */

static enum status sinc(struct call *c, struct error *err)
{
    value_id x, zero, y;

    TRY(operand_floats(c, &x, err));
    TRY(times(c, x, M_PI, &x, err));
    TRY(compare(c, "Equal", x, 0, &zero, err));
    TRY(emit_1(c->e, "Sin", x, &y, err));
    TRY(emit_2(c->e, "Div", y, x, &y, err));
    TRY(choose_number(c, zero, 1, y, &y, err));
    return call_give(c, y);
}

static enum status shrink(struct call *c, struct error *err)
{
    double limit = option_number(c, 1, "threshold", 0.5);
    value_id x, y;

    TRY(operand_floats(c, &x, err));
    TRY(emit_node(c->e, "", "Shrink", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_float("lambd", limit),
                                  attribute_of_float("bias", call_is(c, "SoftShrink") ? limit : 0)),
                  &y, err));
    return call_give(c, y);
}

static enum status threshold(struct call *c, struct error *err)
{
    value_id x, above, otherwise, y;

    TRY(operand_floats(c, &x, err));
    TRY(compare(c, "Greater", x, option_number(c, 1, "threshold", 0), &above, err));
    TRY(number_like(c, x, option_number(c, 2, "default_value", 0), &otherwise, err));
    TRY(emit_where(c->e, above, x, otherwise, &y, err));
    return call_give(c, y);
}

/* (x + sqrt(x^2 + b)) / 2 */
static enum status squareplus(struct call *c, struct error *err)
{
    value_id x, b, y;

    TRY(operand_floats(c, &x, err));
    TRY(number_like(c, x, option_number(c, 1, "b", 4), &b, err));
    TRY(emit_2(c->e, "Mul", x, x, &y, err));
    TRY(emit_2(c->e, "Add", y, b, &y, err));
    TRY(emit_1(c->e, "Sqrt", y, &y, err));
    TRY(emit_2(c->e, "Add", x, y, &y, err));
    TRY(times(c, y, 0.5, &y, err));
    return call_give(c, y);
}

static const struct named {
    const char *name, *activation;
} NAMED[] = {{"SparsePlus", "sparse_plus"},
             {"SparseSigmoid", "sparse_sigmoid"},
             {"Sparsemax", "sparsemax"},
             {"Glu", "glu"}};

/* Those along an axis have it last. */
static enum status named(struct call *c, struct error *err)
{
    const struct named *n = NAMED;
    struct json word = {.kind = JSON_STRING};
    int64_t perm[RANK_MAX], axis;
    value_id x, y;
    int rank;

    while (strcmp(n->name, c->class_name))
        n++;
    TRY(operand_floats(c, &x, err));
    rank = emit_shape(c->e, x)->rank;
    TRY(option_axis(c, 1, -1, rank, &axis, err));
    for (int d = 0; d < rank; d++)
        perm[d] = d;
    perm[axis] = rank - 1;
    perm[rank - 1] = axis;
    word.string = bytes_of(n->activation);
    if (axis != rank - 1)
        TRY(emit_transpose(c->e, x, perm, (size_t)rank, &x, err));
    TRY(activation_emit(c, &word, x, &y, err));
    if (axis != rank - 1)
        TRY(emit_transpose(c->e, y, perm, (size_t)rank, &y, err));
    return call_give(c, y);
}

/* --- functions of two --- */

/* 0 below zero, 1 above, the second at it. */
static enum status heaviside(struct call *c, struct error *err)
{
    value_id in[2], is, y;

    TRY(operands_floats(c, in, err));
    TRY(compare(c, "Less", in[0], 0, &is, err));
    TRY(choose_number(c, is, 0, in[1], &y, err));
    TRY(compare(c, "Greater", in[0], 0, &is, err));
    TRY(choose_number(c, is, 1, y, &y, err));
    TRY(emit_1(c->e, "IsNaN", in[0], &is, err));
    TRY(emit_where(c->e, is, in[0], y, &y, err));
    return call_give(c, y);
}

/* The larger times sqrt(1 + (smaller / larger)^2). */
static enum status hypot_(struct call *c, struct error *err)
{
    value_id in[2], large, small, is, y;

    TRY(operands_floats(c, in, err));
    TRY(emit_1(c->e, "Abs", in[0], &in[0], err));
    TRY(emit_1(c->e, "Abs", in[1], &in[1], err));
    TRY(emit_2(c->e, "Max", in[0], in[1], &large, err));
    TRY(emit_2(c->e, "Min", in[0], in[1], &small, err));
    TRY(emit_2(c->e, "Div", small, large, &y, err));
    TRY(emit_2(c->e, "Mul", y, y, &y, err));
    TRY(number_like(c, y, 1, &small, err));
    TRY(emit_2(c->e, "Add", y, small, &y, err));
    TRY(emit_1(c->e, "Sqrt", y, &y, err));
    TRY(emit_2(c->e, "Mul", y, large, &y, err));
    TRY(emit_1(c->e, "IsInf", large, &is, err));
    TRY(emit_where(c->e, is, large, y, &y, err));
    TRY(compare(c, "Equal", large, 0, &is, err));
    TRY(emit_where(c->e, is, large, y, &y, err));
    return call_give(c, y);
}

/* The larger + log(1 + exp(-difference)); in base 2 with 2^ and log2. */
static enum status log_add(struct call *c, struct error *err)
{
    bool two = call_is(c, "Logaddexp2");
    value_id in[2], large, y, is;

    TRY(operands_floats(c, in, err));
    TRY(emit_2(c->e, "Max", in[0], in[1], &large, err));
    TRY(emit_2(c->e, "Sub", in[0], in[1], &y, err));
    TRY(emit_1(c->e, "Abs", y, &y, err));
    TRY(times(c, y, two ? -M_LN2 : -1, &y, err));
    TRY(emit_1(c->e, "Exp", y, &y, err));
    TRY(emit_math(c->e, "log1p", y, &y, err));
    if (two)
        TRY(times(c, y, M_LOG2E, &y, err));
    TRY(emit_2(c->e, "Add", large, y, &y, err));
    TRY(emit_2(c->e, "Equal", in[0], in[1], &is, err)); /* infinite ones too */
    TRY(number_like(c, large, two ? 1 : M_LN2, &in[1], err));
    TRY(emit_2(c->e, "Add", large, in[1], &large, err));
    TRY(emit_where(c->e, is, large, y, &y, err));
    return call_give(c, y);
}

/* What is no number counts for nothing. */
static enum status extreme(struct call *c, struct error *err)
{
    value_id in[2], is, y;

    TRY(operands_2(c, in, err));
    TRY(emit_2(c->e, call_is(c, "Fmax") ? "Max" : "Min", in[0], in[1], &y, err));
    for (int i = 0; i < 2 && dtype_is_float(emit_dtype(c->e, y)); i++) {
        TRY(emit_1(c->e, "IsNaN", in[i], &is, err));
        TRY(emit_where(c->e, is, in[1 - i], y, &y, err));
    }
    return call_give(c, y);
}

static enum status f_mod(struct call *c, struct error *err)
{
    value_id in[2], y;

    TRY(operands_2(c, in, err));
    TRY(emit_node(c->e, "", "Mod", EMIT(in[0], in[1]), EMIT_ATTRIBUTES(attribute_of_int("fmod", 1)),
                  &y, err));
    return call_give(c, y);
}

/* x 2^n */
static enum status ldexp_(struct call *c, struct error *err)
{
    value_id in[2], two, y;

    TRY(operand_floats(c, &in[0], err));
    TRY(operand_tensor(c, 1, OPERAND_2, &in[1], err));
    TRY(emit_cast(c->e, in[1], emit_dtype(c->e, in[0]), &in[1], err));
    TRY(number_like(c, in[0], 2, &two, err));
    TRY(emit_2(c->e, "Pow", two, in[1], &y, err));
    TRY(emit_2(c->e, "Mul", in[0], y, &y, err));
    return call_give(c, y);
}

/* |a - b| <= atol + rtol |b|; infinite ones are close to themselves. */
static enum status is_close(struct call *c, struct error *err)
{
    double relative = option_number(c, 2, "rtol", 1e-5),
           absolute = option_number(c, 3, "atol", 1e-8);
    bool nans = option_bool(c, 4, "equal_nan", false);
    value_id in[2], distance, limit, is[2], y, equal;

    TRY(operands_floats(c, in, err));
    TRY(emit_2(c->e, "Sub", in[0], in[1], &distance, err));
    TRY(emit_1(c->e, "Abs", distance, &distance, err));
    TRY(emit_1(c->e, "Abs", in[1], &limit, err));
    TRY(times(c, limit, relative, &limit, err));
    TRY(number_like(c, limit, absolute, &y, err));
    TRY(emit_2(c->e, "Add", limit, y, &limit, err));
    TRY(emit_2(c->e, "LessOrEqual", distance, limit, &y, err));
    TRY(emit_2(c->e, "Equal", in[0], in[1], &equal, err));
    for (int i = 0; i < 2; i++)
        TRY(emit_1(c->e, "IsInf", in[i], &is[i], err));
    TRY(emit_2(c->e, "Or", is[0], is[1], &is[0], err));
    TRY(emit_where(c->e, is[0], equal, y, &y, err));
    if (nans) {
        for (int i = 0; i < 2; i++)
            TRY(emit_1(c->e, "IsNaN", in[i], &is[i], err));
        TRY(emit_2(c->e, "And", is[0], is[1], &is[0], err));
        TRY(emit_2(c->e, "Or", y, is[0], &y, err));
    }
    return call_give(c, y);
}

const struct layer_set layers_operation_special = OPERATION_SET(
    {.name = "Erfc", .lower = special}, {.name = "Erfinv", .lower = special},
    {.name = "I0", .lower = special}, {.name = "Arctan2", .lower = special},
    {.name = "Nextafter", .lower = special}, {.name = "Deg2rad", .lower = angle_unit},
    {.name = "Rad2deg", .lower = angle_unit},
    {.name = "LeftShift", .alias = "BitwiseLeftShift", .lower = shift},
    {.name = "RightShift", .alias = "BitwiseRightShift", .lower = shift},
    {.name = "BitwiseNot", .alias = "BitwiseInvert", .lower = bits_not},
    {.name = "Fabs", .lower = part_of_number}, {.name = "Angle", .lower = part_of_number},
    {.name = "Imag", .lower = part_of_number}, {.name = "Isreal", .lower = part_of_number},
    {.name = "Real", .lower = part_of_number},
    {.name = "Conjugate", .alias = "Conj", .lower = part_of_number},
    {.name = "Signbit", .lower = sign_bit}, {.name = "Isposinf", .lower = is_infinite},
    {.name = "Isneginf", .lower = is_infinite}, {.name = "NanToNum", .lower = nan_to_num},
    {.name = "Sinc", .lower = sinc}, {.name = "HardShrink", .lower = shrink},
    {.name = "SoftShrink", .lower = shrink}, {.name = "Threshold", .lower = threshold},
    {.name = "Squareplus", .lower = squareplus}, {.name = "SparsePlus", .lower = named},
    {.name = "SparseSigmoid", .lower = named}, {.name = "Sparsemax", .lower = named},
    {.name = "Glu", .lower = named}, {.name = "Heaviside", .lower = heaviside},
    {.name = "Hypot", .lower = hypot_}, {.name = "Logaddexp", .lower = log_add},
    {.name = "Logaddexp2", .lower = log_add}, {.name = "Fmax", .lower = extreme},
    {.name = "Fmin", .lower = extreme}, {.name = "Fmod", .lower = f_mod},
    {.name = "Ldexp", .lower = ldexp_}, {.name = "Isclose", .lower = is_close}, );
