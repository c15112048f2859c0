// SPDX-License-Identifier: Apache-2.0
/* Activations by their names (keras/src/activations/activations.py). */
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
    {.name = "selu", .op = "Selu"},
    {.name = "celu", .op = "Celu", "alpha", NULL, 1, 0, 0},
    {.name = "mish", .op = "Mish"},
    {.name = "gelu", .op = "Gelu"},
    {.name = "hard_sigmoid", "HardSigmoid", "alpha", "beta", 0.2, 0.5, 2},
    {.name = "hard_sigmoid", "HardSigmoid", "alpha", "beta", 1.0 / 6, 0.5, 3},
    {.name = "hard_silu", .op = "HardSwish"},
    {.name = "hard_swish", .op = "HardSwish"},
    {.name = "leaky_relu", "LeakyRelu", "alpha", NULL, 0.2, 0, 0},
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
    if (bytes_is(name, "log_sigmoid")) {
        TRY(emit_1(c->e, "Sigmoid", x, &t, err));
        return emit_1(c->e, "Log", t, y, err);
    }
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
    return activation_emit(c, json_get(c->config, "activation"), x, y, err);
}

enum status activation_recurrent(const struct call *c, const struct json *activation,
                                 const char *otherwise, struct recurrent_activation *result,
                                 struct error *err)
{
    static const struct {
        const char *name;
        struct recurrent_activation as;
    } NAMES[] = {
        {"tanh", {"Tanh", 0, 0}},         {"sigmoid", {"Sigmoid", 0, 0}},
        {"relu", {"Relu", 0, 0}},         {"softsign", {"Softsign", 0, 0}},
        {"softplus", {"Softplus", 0, 0}}, {"elu", {"Elu", 1, 0}},
        {"linear", {"Affine", 1, 0}},
    };
    struct bytes name = bytes_of(otherwise);
    char quoted[TEXT_QUOTE_SIZE];

    if (activation && activation->kind == JSON_OBJECT)
        activation = json_get(activation, "config");
    json_string(activation, &name);
    if (bytes_is(name, "hard_sigmoid")) {
        *result =
            (struct recurrent_activation){"HardSigmoid", c->k->generation < 3 ? 0.2 : 1.0 / 6, 0.5};
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
