// SPDX-License-Identifier: Apache-2.0
/* Activations by their names (keras/src/activations/activations.py). */
#include <math.h>

#include "base/text.h"
#include "importers/keras/internal.h"

/* One ONNX operator, with up to two attributes. */
static const struct simple {
    const char *name, *op, *first, *second;
    double first_value, second_value;
    int generation; /* 0: all; 2: up to 2; 3: from 3 on */
} SIMPLE[] = {
    {.name = "relu", .op = "Relu"},
    {.name = "sigmoid", .op = "Sigmoid"},
    {.name = "tanh", .op = "Tanh"},
    {.name = "softplus", .op = "Softplus"},
    {.name = "softsign", .op = "Softsign"},
    {.name = "exponential", .op = "Exp"},
    {.name = "elu", .op = "Elu", "alpha", NULL, 1, 0, 0},
    {.name = "selu", "Selu", "alpha", "gamma", 1.6732632423543772, 1.0507009873554805, 0},
    {.name = "celu", .op = "Celu", "alpha", NULL, 1, 0, 0},
    {.name = "mish", .op = "Mish"},
    {.name = "hard_sigmoid", "HardSigmoid", "alpha", "beta", 0.2, 0.5, 2},
    {.name = "hard_sigmoid", "HardSigmoid", "alpha", "beta", 1.0 / 6, 0.5, 3},
    {.name = "hard_silu", .op = "HardSwish"},
    {.name = "hard_swish", .op = "HardSwish"},
    {.name = "leaky_relu", "LeakyRelu", "alpha", NULL, 0.2f, 0, 0},
    {.name = "hard_shrink", "Shrink", "lambd", NULL, 0.5, 0, 0},
    {.name = "soft_shrink", "Shrink", "lambd", "bias", 0.5, 0.5, 0},
    {.name = "softmax", .op = "Softmax"}, /* axis -1 is the default */
    {.name = "log_softmax", .op = "LogSoftmax"},
};

static enum status simple_emit(struct call *c, const struct simple *row, value_id x, value_id *y,
                               struct error *err)
{
    struct attribute attributes[2];
    size_t count = 0;

    if (row->first)
        attributes[count++] = attribute_of_float(row->first, row->first_value);
    if (row->second)
        attributes[count++] = attribute_of_float(row->second, row->second_value);
    return emit(c->e, "", row->op, &x, 1, attributes, count, y, 1, err);
}

/* --- of several operators --- */

/* tanh(0.7978845608028654 (x + 0.044715 x^3)) */
static enum status gelu_tanh(struct call *c, value_id x, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    value_id number, cube;

    TRY(emit_2(c->e, "Mul", x, x, &cube, err));
    TRY(emit_2(c->e, "Mul", cube, x, &cube, err));
    TRY(emit_number(c->e, dtype, number_single(0.044715), &number, err));
    TRY(emit_2(c->e, "Mul", cube, number, &cube, err));
    TRY(emit_2(c->e, "Add", x, cube, &cube, err));
    TRY(emit_number(c->e, dtype, 0.7978845608028654, &number, err));
    TRY(emit_2(c->e, "Mul", cube, number, &cube, err));
    return emit_1(c->e, "Tanh", cube, y, err);
}

/* x erfc(-x r) / 2, or x (1 + tanh ...) / 2; r, the root of 1/2, and 0.044715 are of float32 also
 * where x is of float64. */
enum status gelu_emit(struct call *c, value_id x, bool approximate, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    value_id number, part;

    if (dtype != DTYPE_F64)
        return emit_node(
            c->e, "", "Gelu", EMIT(x),
            EMIT_ATTRIBUTES(attribute_of_text("approximate", approximate ? "tanh" : "none")), y,
            err);
    if (approximate) {
        TRY(gelu_tanh(c, x, &part, err));
        TRY(emit_number(c->e, dtype, 1, &number, err));
        TRY(emit_2(c->e, "Add", part, number, &part, err));
    } else {
        TRY(emit_number(c->e, dtype, -number_single(M_SQRT1_2), &number, err));
        TRY(emit_2(c->e, "Mul", x, number, &part, err));
        TRY(emit_node(c->e, "firn", "Special", EMIT(part),
                      EMIT_ATTRIBUTES(attribute_of_text("function", "erfc")), &part, err));
    }
    TRY(emit_number(c->e, dtype, 0.5, &number, err));
    TRY(emit_2(c->e, "Mul", x, number, &x, err));
    return emit_2(c->e, "Mul", x, part, y, err);
}

static enum status gelu(struct call *c, value_id x, value_id *y, struct error *err)
{
    return gelu_emit(c, x, false, y, err);
}

/* -softplus(-x), which is finite where sigmoid(x) is zero. */
static enum status log_sigmoid(struct call *c, value_id x, value_id *y, struct error *err)
{
    TRY(emit_1(c->e, "Neg", x, y, err));
    TRY(emit_1(c->e, "Softplus", *y, y, err));
    return emit_1(c->e, "Neg", *y, y, err);
}

/* (x + sqrt(x^2 + 4)) / 2 */
static enum status squareplus(struct call *c, value_id x, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    value_id four, two, root;

    TRY(emit_number(c->e, dtype, 4, &four, err));
    TRY(emit_number(c->e, dtype, 2, &two, err));
    TRY(emit_2(c->e, "Mul", x, x, &root, err));
    TRY(emit_2(c->e, "Add", root, four, &root, err));
    TRY(emit_1(c->e, "Sqrt", root, &root, err));
    TRY(emit_2(c->e, "Add", x, root, &root, err));
    return emit_2(c->e, "Div", root, two, y, err);
}

/* 0 up to -1, then (x + 1) / 2 up to 1. */
static enum status sparse_sigmoid(struct call *c, value_id x, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    value_id one, half;

    TRY(emit_number(c->e, dtype, 1, &one, err));
    TRY(emit_number(c->e, dtype, 0.5, &half, err));
    TRY(emit_2(c->e, "Add", x, one, &x, err));
    TRY(emit_2(c->e, "Mul", x, half, &x, err));
    return emit_clip(c->e, x, 0, 1, y, err);
}

/* 0 up to -1, (x + 1)^2 / 4 up to 1, then x. */
static enum status sparse_plus(struct call *c, value_id x, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    value_id one, part, above;

    TRY(emit_number(c->e, dtype, 1, &one, err));
    TRY(sparse_sigmoid(c, x, &part, err));
    TRY(emit_2(c->e, "Mul", part, part, &part, err));
    TRY(emit_2(c->e, "Less", x, one, &above, err));
    return emit_where(c->e, above, part, x, y, err);
}

/* The first half of the last axis times the sigmoid of the second. */
static enum status glu(struct call *c, value_id x, value_id *y, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, x);
    int64_t last = shape->rank - 1, size = last < 0 ? -1 : shape->dims[last];
    value_id gate;

    if (size < 0 || size % 2)
        return error_set(err, STATUS_UNSUPPORTED, "activation 'glu' of a last dimension of %lld",
                         (long long)size);
    TRY(emit_slice(c->e, x, last, size / 2, size, 1, &gate, err));
    TRY(emit_1(c->e, "Sigmoid", gate, &gate, err));
    TRY(emit_slice(c->e, x, last, 0, size / 2, 1, &x, err));
    return emit_2(c->e, "Mul", x, gate, y, err);
}

/* x - t above zero, along the last axis. Keras takes t from the sums of all supports, not from the
 * largest as Martins and Astudillo (2016) do; so must we. */
static enum status sparsemax(struct call *c, value_id x, value_id *y, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, x);
    int64_t last = shape->rank - 1, size = last < 0 ? -1 : shape->dims[last];
    struct attribute axis = attribute_of_int("axis", -1);
    value_id in[2] = {x, VALUE_NONE}, sorted[2], sum, place, one, support, count, t;
    struct shape places = SHAPE(size);
    struct tensor numbers;

    if (size < 1)
        return error_set(err, STATUS_UNSUPPORTED, "activation 'sparsemax' of %lld",
                         (long long)size);
    TRY(EMIT_INTS(c->e, &in[1], err, size));
    TRY(emit(c->e, "", "TopK", in, 2, &axis, 1, sorted, 2, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)last, &t, err));
    TRY(emit_2(c->e, "CumSum", sorted[0], t, &sum, err));
    TRY(tensor_new(&numbers, emit_dtype(c->e, x), &places, c->k->keep, err));
    for (int64_t i = 0; i < size; i++)
        tensor_set_f64(&numbers, (size_t)i, (double)(i + 1));
    TRY(emit_constant(c->e, &numbers, &place, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), 1, &one, err));
    TRY(emit_2(c->e, "Sub", sum, one, &t, err));
    TRY(emit_2(c->e, "Div", t, place, &t, err));
    TRY(emit_2(c->e, "Greater", sorted[0], t, &support, err));
    TRY(emit_cast(c->e, support, emit_dtype(c->e, x), &support, err));
    TRY(emit_reduce(c->e, "ReduceSum", support, &last, 1, true, &count, err));
    TRY(emit_2(c->e, "Mul", sum, support, &sum, err));
    TRY(emit_reduce(c->e, "ReduceSum", sum, &last, 1, true, &sum, err));
    TRY(emit_2(c->e, "Sub", sum, one, &t, err));
    TRY(emit_2(c->e, "Div", t, count, &t, err));
    TRY(emit_2(c->e, "Sub", x, t, &x, err));
    return emit_1(c->e, "Relu", x, y, err);
}

static const struct {
    const char *name;
    enum status (*emit)(struct call *c, value_id x, value_id *y, struct error *err);
} COMPOSED[] = {
    {"squareplus", squareplus},   {"sparse_sigmoid", sparse_sigmoid},
    {"sparse_plus", sparse_plus}, {"glu", glu},
    {"sparsemax", sparsemax},     {"gelu", gelu},
    {"log_sigmoid", log_sigmoid},
};

static enum status by_name(struct call *c, struct bytes name, value_id x, value_id *y,
                           struct error *err)
{
    int generation = c->k->generation < 3 ? 2 : 3;
    char quoted[TEXT_QUOTE_SIZE];
    value_id t;

    if (bytes_is(name, "linear")) {
        *y = x;
        return STATUS_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(SIMPLE); i++)
        if (bytes_is(name, SIMPLE[i].name) &&
            (!SIMPLE[i].generation || SIMPLE[i].generation == generation))
            return simple_emit(c, &SIMPLE[i], x, y, err);
    if (bytes_is(name, "swish") || bytes_is(name, "silu")) {
        TRY(emit_1(c->e, "Sigmoid", x, &t, err));
        return emit_2(c->e, "Mul", x, t, y, err);
    }
    if (bytes_is(name, "relu6"))
        return emit_clip(c->e, x, 0, 6, y, err);
    if (bytes_is(name, "hard_tanh"))
        return emit_clip(c->e, x, -1, 1, y, err);
    if (bytes_is(name, "tanh_shrink")) {
        TRY(emit_1(c->e, "Tanh", x, &t, err));
        return emit_2(c->e, "Sub", x, t, y, err);
    }
    for (size_t i = 0; i < ARRAY_COUNT(COMPOSED); i++)
        if (bytes_is(name, COMPOSED[i].name))
            return COMPOSED[i].emit(c, x, y, err);
    return error_set(err, STATUS_UNSUPPORTED, "activation '%s' is not supported",
                     text_quote(name, quoted, sizeof quoted));
}

/* A function that was registered, or a layer: {class_name, config}; functions have their name in
 * config. */
enum status activation_emit(struct call *c, const struct json *activation, value_id x, value_id *y,
                            struct error *err)
{
    struct keras_tensor in = {x, VALUE_NONE}, out[LAYER_OUTPUTS_MAX];
    struct bytes name;
    size_t count;

    *y = x;
    if (!activation || activation->kind == JSON_NULL)
        return STATUS_OK;
    if (json_string(activation, &name))
        return by_name(c, name, x, y, err);
    if (json_string(json_get(activation, "class_name"), &name) && bytes_is(name, "function") &&
        json_string(json_get(activation, "config"), &name))
        return by_name(c, name, x, y, err);
    TRY(call_inner(c, activation, "activation", &in, 1, out, &count, err));
    *y = out[0].value;
    return STATUS_OK;
}

enum status activation_of(struct call *c, value_id x, value_id *y, struct error *err)
{
    return activation_emit(c, config_get(c, "activation", NULL), x, y, err);
}

enum status activation_recurrent(const struct call *c, const struct json *activation,
                                 const char *otherwise, struct recurrent_activation *result,
                                 struct error *err)
{
    static const struct {
        const char *name;
        struct recurrent_activation as;
    } NAMES[] = {
        {"tanh", {.name = "Tanh"}},
        {"sigmoid", {.name = "Sigmoid"}},
        {"relu", {.name = "Relu"}},
        {"softsign", {.name = "Softsign"}},
        {"softplus", {.name = "Softplus"}},
        {"elu", {"Elu", 1, 1, 0}},
        {"celu", {"Elu", 1, 1, 0}},
        {"linear", {"Affine", 2, 1, 0}},
        {"leaky_relu", {"LeakyRelu", 1, 0.2f, 0}},
        {"hard_tanh", {.name = "HardTanh"}},
        {"relu6", {.name = "Relu6"}},
        {"selu", {.name = "Selu"}},
        {"gelu", {.name = "Gelu"}},
        {"silu", {.name = "Swish"}},
        {"swish", {.name = "Swish"}},
        {"hard_silu", {.name = "HardSwish"}},
        {"hard_swish", {.name = "HardSwish"}},
        {"mish", {.name = "Mish"}},
        {"exponential", {.name = "Exp"}},
        {"log_sigmoid", {.name = "LogSigmoid"}},
        {"tanh_shrink", {.name = "TanhShrink"}},
        {"soft_shrink", {.name = "SoftShrink"}},
        {"hard_shrink", {.name = "HardShrink"}},
        {"squareplus", {.name = "Squareplus"}},
        {"sparse_plus", {.name = "SparsePlus"}},
        {"sparse_sigmoid", {.name = "SparseSigmoid"}},
    };
    struct bytes name = bytes_of(otherwise);
    char quoted[TEXT_QUOTE_SIZE];

    if (activation && activation->kind == JSON_OBJECT)
        activation = json_get(activation, "config");
    json_string(activation, &name);
    if (bytes_is(name, "hard_sigmoid")) {
        *result = (struct recurrent_activation){"HardSigmoid", 2,
                                                c->k->generation < 3 ? 0.2 : 1.0 / 6, 0.5};
        return STATUS_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        if (!bytes_is(name, NAMES[i].name))
            continue;
        *result = NAMES[i].as;
        return STATUS_OK;
    }
    return error_set(err, STATUS_UNSUPPORTED, "activation '%s' in a recurrent layer",
                     text_quote(name, quoted, sizeof quoted));
}
