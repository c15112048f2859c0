// SPDX-License-Identifier: Apache-2.0
/* Operators of one tensor, element by element: the table is unary.def. */
#include <math.h>

#include "base/text.h"
#include "ops/fast/elementwise/unary.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

typedef void (*unary_kernel)(const void *x, void *y, size_t count, double a, double b);

#define TEMPLATE "ops/onnx/math/unary.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

/* Names and defaults of the attributes, from the rows of a float type (which has them all). */
struct unary_attributes {
    const char *a, *b;
    double a_default, b_default;
};
#define IS_FLOAT 1
#define IS_SIGNED 1
#define UNARY(op, a_name, a_value, b_name, b_value, expression)                                    \
    static const struct unary_attributes ATTRIBUTES_##op = {a_name, b_name, a_value, b_value};
#include "ops/onnx/math/unary.def"
#undef UNARY
#undef IS_FLOAT
#undef IS_SIGNED

static enum status unary_infer(struct op_call *call, const unary_kernel kernels[DTYPE_COUNT],
                               struct error *err)
{
    uint64_t dtypes = 0;

    for (int i = 0; i < DTYPE_COUNT; i++)
        if (kernels[i])
            dtypes |= DTYPE_BIT(i);
    TRY(op_wants(call, 0, dtypes, err));
    return op_infer_same(call, err);
}

static void unary_run(const struct op_call *call, const unary_kernel kernels[DTYPE_COUNT],
                      const struct unary_attributes *names, enum unary_function function)
{
    double a = attribute_float(call->attributes, names->a, names->a_default);
    double b = attribute_float(call->attributes, names->b, names->b_default);
    struct unary unary = {function, (float)a, (float)b};

    if (unary_takes(function, call->in[0].dtype) && !op_is_reference_only())
        unary_tensor(&unary, &call->in[0], &call->out[0], call->team);
    else
        kernels[call->in[0].dtype](call->in[0].data, call->out[0].data, tensor_count(&call->in[0]),
                                   a, b);
}

/* The fast function of an operator, found when the model is loaded. */
static enum status unary_prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    enum unary_function *function = arena_new(keep, enum unary_function, 1);

    if (!function)
        return error_no_memory(err, "a function");
    *function = unary_find(call->op->name);
    call->state = function;
    return STATUS_OK;
}

static enum unary_function unary_state(const struct op_call *call)
{
    return call->state ? *(const enum unary_function *)call->state : unary_find(call->op->name);
}

#define TYPES(op, group) static const unary_kernel KERNELS_##op[DTYPE_COUNT] = {group(KERNEL, op)};
#define FOR_SIGNED_NUMBER(X, f) FOR_FLOAT(X, f) FOR_SIGNED(X, f)
#define OPERATOR(op, group)                                                                        \
    TYPES(op, group)                                                                               \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return unary_infer(call, KERNELS_##op, err);                                               \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        (void)err;                                                                                 \
        unary_run(call, KERNELS_##op, &ATTRIBUTES_##op, unary_state(call));                        \
        return STATUS_OK;                                                                          \
    }

/* Operator, its types, summary: those that need no more than this. */
#define SIMPLE(X)                                                                                  \
    X(Abs, FOR_NUMBER, "magnitude")                                                                \
    X(Neg, FOR_SIGNED_NUMBER, "-x")                                                                \
    X(Sign, FOR_NUMBER, "-1, 0 or 1")                                                              \
    X(Relu, FOR_SIGNED_NUMBER, "max(x, 0)")                                                        \
    X(Exp, FOR_FLOAT, "e to the power x")                                                          \
    X(Log, FOR_FLOAT, "natural logarithm")                                                         \
    X(Sqrt, FOR_FLOAT, "square root")                                                              \
    X(Reciprocal, FOR_FLOAT, "1 / x")                                                              \
    X(Floor, FOR_FLOAT, "next integer below")                                                      \
    X(Ceil, FOR_FLOAT, "next integer above")                                                       \
    X(Round, FOR_FLOAT, "nearest integer, halves to even")                                         \
    X(Sin, FOR_FLOAT, "sine")                                                                      \
    X(Cos, FOR_FLOAT, "cosine")                                                                    \
    X(Tan, FOR_FLOAT, "tangent")                                                                   \
    X(Asin, FOR_FLOAT, "inverse sine")                                                             \
    X(Acos, FOR_FLOAT, "inverse cosine")                                                           \
    X(Atan, FOR_FLOAT, "inverse tangent")                                                          \
    X(Sinh, FOR_FLOAT, "hyperbolic sine")                                                          \
    X(Cosh, FOR_FLOAT, "hyperbolic cosine")                                                        \
    X(Tanh, FOR_FLOAT, "hyperbolic tangent")                                                       \
    X(Asinh, FOR_FLOAT, "inverse hyperbolic sine")                                                 \
    X(Acosh, FOR_FLOAT, "inverse hyperbolic cosine")                                               \
    X(Atanh, FOR_FLOAT, "inverse hyperbolic tangent")                                              \
    X(Erf, FOR_NUMBER, "error function")                                                           \
    X(Sigmoid, FOR_FLOAT, "1 / (1 + exp(-x))")                                                     \
    X(LeakyRelu, FOR_FLOAT, "x, or alpha x below 0")                                               \
    X(Elu, FOR_FLOAT, "x, or alpha (exp(x) - 1) below 0")                                          \
    X(Celu, FOR_FLOAT, "x, or alpha (exp(x / alpha) - 1) below 0")                                 \
    X(Softplus, FOR_FLOAT, "log(1 + exp(x))")                                                      \
    X(Softsign, FOR_FLOAT, "x / (1 + |x|)")                                                        \
    X(HardSigmoid, FOR_FLOAT, "alpha x + beta, between 0 and 1")                                   \
    X(HardSwish, FOR_FLOAT, "x HardSigmoid(x), alpha 1/6, beta 1/2")                               \
    X(Swish, FOR_FLOAT, "x Sigmoid(alpha x)")                                                      \
    X(Mish, FOR_FLOAT, "x tanh(softplus(x))")                                                      \
    X(ThresholdedRelu, FOR_FLOAT, "x above alpha, else 0")                                         \
    X(Shrink, FOR_NUMBER, "towards 0 by bias; 0 within lambd")

#define DEFINE(op, group, text) OPERATOR(op, group)
SIMPLE(DEFINE)

TYPES(Selu, FOR_FLOAT)
TYPES(GeluErf, FOR_FLOAT)
TYPES(GeluTanh, FOR_FLOAT)

static enum status infer_Selu(struct op_call *call, struct error *err)
{
    return unary_infer(call, KERNELS_Selu, err);
}

static enum status run_Selu(const struct op_call *call, struct error *err)
{
    static const struct unary_attributes OLD = {"alpha", "gamma", 1.6732f, 1.0507f};

    (void)err;
    unary_run(call, KERNELS_Selu, op_before(call, 6) ? &OLD : &ATTRIBUTES_Selu, UNARY_SELU);
    return STATUS_OK;
}

static enum status infer_Gelu(struct op_call *call, struct error *err)
{
    struct bytes approximate = attribute_string(call->attributes, "approximate", "none");
    char quoted[TEXT_QUOTE_SIZE];

    if (!bytes_is(approximate, "none") && !bytes_is(approximate, "tanh"))
        return op_error(call, err, STATUS_UNSUPPORTED, "approximate is \"%s\", not none or tanh",
                        text_quote(approximate, quoted, sizeof quoted));
    return unary_infer(call, KERNELS_GeluErf, err);
}

static enum status run_Gelu(const struct op_call *call, struct error *err)
{
    bool is_tanh = attribute_is(call->attributes, "approximate", "tanh");

    (void)err;
    unary_run(call, is_tanh ? KERNELS_GeluTanh : KERNELS_GeluErf, &ATTRIBUTES_GeluErf,
              is_tanh ? UNARY_GELU_TANH : UNARY_GELU);
    return STATUS_OK;
}

#define ROW(op, group, text)                                                                       \
    {.name = #op,                                                                                  \
     .summary = text,                                                                              \
     .flags = OP_INPLACE | OP_ROWS,                                                                \
     .in_min = 1,                                                                                  \
     .in_max = 1,                                                                                  \
     .out_min = 1,                                                                                 \
     .out_max = 1,                                                                                 \
     .infer = infer_##op,                                                                          \
     .prepare = unary_prepare,                                                                     \
     .run = run_##op},

const struct op_set ops_onnx_unary =
    OP_SET(SIMPLE(ROW) ROW(Selu, , "gamma x, or gamma alpha (exp(x) - 1) below 0")
               ROW(Gelu, , "x times the normal distribution at x"));
