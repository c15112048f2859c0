// SPDX-License-Identifier: Apache-2.0
/* Calls of TensorFlow that stand among the layers of a tf.keras model: TFOpLambda (a function by
 * its name), SlicingOpLambda (x[...]), TensorFlowOpLayer (a node of a graph, of TensorFlow 2.0
 * to 2.3). They become operations of keras.ops of the same meaning. */
#include <stdio.h>

#include "base/text.h"
#include "importers/keras/internal.h"

static const struct function {
    const char *name, *operation;
} FUNCTIONS[] = {
    {"__operators__.add", "Add"},
    {"__operators__.getitem", "GetItem"},
    {"abs", "Absolute"},
    {"cast", "Cast"},
    {"clip_by_value", "Clip"},
    {"concat", "Concatenate"},
    {"convert_to_tensor", "ConvertToTensor"},
    {"cos", "Cos"},
    {"einsum", "Einsum"},
    {"exp", "Exp"},
    {"expand_dims", "ExpandDims"},
    {"gather", "Take"},
    {"identity", "Copy"},
    {"image.resize", "Resize"},
    {"linalg.matmul", "TensorFlowMatmul"},
    {"math.abs", "Absolute"},
    {"math.acos", "Arccos"},
    {"math.add", "Add"},
    {"math.argmax", "Argmax"},
    {"math.argmin", "Argmin"},
    {"math.asin", "Arcsin"},
    {"math.atan", "Arctan"},
    {"math.ceil", "Ceil"},
    {"math.cos", "Cos"},
    {"math.cosh", "Cosh"},
    {"math.cumsum", "Cumsum"},
    {"math.divide", "Divide"},
    {"math.divide_no_nan", "DivideNoNan"},
    {"math.equal", "Equal"},
    {"math.erf", "Erf"},
    {"math.exp", "Exp"},
    {"math.expm1", "Expm1"},
    {"math.floor", "Floor"},
    {"math.floordiv", "FloorDivide"},
    {"math.floormod", "Mod"},
    {"math.greater", "Greater"},
    {"math.greater_equal", "GreaterEqual"},
    {"math.is_finite", "Isfinite"},
    {"math.is_inf", "Isinf"},
    {"math.is_nan", "Isnan"},
    {"math.l2_normalize", "Normalize"},
    {"math.less", "Less"},
    {"math.less_equal", "LessEqual"},
    {"math.log", "Log"},
    {"math.log1p", "Log1p"},
    {"math.log_sigmoid", "LogSigmoid"},
    {"math.logical_and", "LogicalAnd"},
    {"math.logical_not", "LogicalNot"},
    {"math.logical_or", "LogicalOr"},
    {"math.maximum", "Maximum"},
    {"math.minimum", "Minimum"},
    {"math.multiply", "Multiply"},
    {"math.negative", "Negative"},
    {"math.not_equal", "NotEqual"},
    {"math.pow", "Power"},
    {"math.reciprocal", "Reciprocal"},
    {"math.reduce_all", "All"},
    {"math.reduce_any", "Any"},
    {"math.reduce_logsumexp", "Logsumexp"},
    {"math.reduce_max", "Max"},
    {"math.reduce_mean", "Mean"},
    {"math.reduce_min", "Min"},
    {"math.reduce_prod", "Prod"},
    {"math.reduce_std", "Std"},
    {"math.reduce_sum", "Sum"},
    {"math.reduce_variance", "Var"},
    {"math.round", "Round"},
    {"math.rsqrt", "Rsqrt"},
    {"math.scalar_mul", "Multiply"},
    {"math.sigmoid", "Sigmoid"},
    {"math.sign", "Sign"},
    {"math.sin", "Sin"},
    {"math.sinh", "Sinh"},
    {"math.softplus", "Softplus"},
    {"math.sqrt", "Sqrt"},
    {"math.square", "Square"},
    {"math.squared_difference", "SquaredDifference"},
    {"math.subtract", "Subtract"},
    {"math.tan", "Tan"},
    {"math.tanh", "Tanh"},
    {"math.top_k", "TopK"},
    {"math.truediv", "Divide"},
    {"nn.elu", "Elu"},
    {"nn.gelu", "Gelu"},
    {"nn.l2_normalize", "Normalize"},
    {"nn.leaky_relu", "LeakyRelu"},
    {"nn.log_softmax", "LogSoftmax"},
    {"nn.moments", "Moments"},
    {"nn.relu", "Relu"},
    {"nn.relu6", "Relu6"},
    {"nn.selu", "Selu"},
    {"nn.sigmoid", "Sigmoid"},
    {"nn.silu", "Silu"},
    {"nn.softmax", "Softmax"},
    {"nn.softplus", "Softplus"},
    {"nn.softsign", "Softsign"},
    {"nn.swish", "Silu"},
    {"nn.tanh", "Tanh"},
    {"nn.depth_to_space", "DepthToSpace"},
    {"nn.space_to_depth", "SpaceToDepth"},
    {"one_hot", "OneHot"},
    {"ones_like", "OnesLike"},
    {"pad", "Pad"},
    {"repeat", "Repeat"},
    {"reshape", "Reshape"},
    {"reverse", "Flip"},
    {"roll", "Roll"},
    {"slice", "Slice"},
    {"sort", "Sort"},
    {"split", "Split"},
    {"squeeze", "Squeeze"},
    {"stack", "Stack"},
    {"stop_gradient", "StopGradient"},
    {"tile", "Tile"},
    {"transpose", "Transpose"},
    {"unstack", "Unstack"},
    {"where", "Where"},
    {"zeros_like", "ZerosLike"},
    /* the same under their old names */
    {"compat.v1.pad", "Pad"},
    {"compat.v1.transpose", "Transpose"},
    {"compat.v1.gather", "Take"},
    {"compat.v1.nn.depth_to_space", "DepthToSpace"},
    {"compat.v1.nn.space_to_depth", "SpaceToDepth"},
    {"compat.v1.squeeze", "Squeeze"},
    {"compat.v1.depth_to_space", "DepthToSpace"},
    {"compat.v1.space_to_depth", "SpaceToDepth"},
};

static enum status operation_run(struct call *c, const char *operation, struct error *err)
{
    const char *layer = c->class_name;

    c->class_name = operation;
    c->operation = true;
    TRY(call_run(c, err)); /* which sees to the arguments */
    c->class_name = layer;
    c->operation = false;
    for (size_t i = 0; c->arguments && i < c->arguments->part_count; i++)
        seen_part(c, &c->arguments->parts[i]);
    return STATUS_OK;
}

static enum status function(struct call *c, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name = {NULL, 0};

    json_string(config_get(c, "function", NULL), &name);
    for (size_t i = 0; i < ARRAY_COUNT(FUNCTIONS); i++)
        if (bytes_is(name, FUNCTIONS[i].name))
            return operation_run(c, FUNCTIONS[i].operation, err);
    return error_set(err, STATUS_UNSUPPORTED, "function '%s' of TensorFlow is not supported",
                     text_quote(name, quoted, sizeof quoted));
}

static enum status slicing(struct call *c, struct error *err)
{
    return operation_run(c, "GetItem", err);
}

/* --- nodes --- */

static const struct function NODES[] = {
    {"Abs", "Absolute"},
    {"Add", "Add"},
    {"AddV2", "Add"},
    {"Ceil", "Ceil"},
    {"Cos", "Cos"},
    {"Equal", "Equal"},
    {"Erf", "Erf"},
    {"Exp", "Exp"},
    {"ExpandDims", "ExpandDims"},
    {"Floor", "Floor"},
    {"FloorDiv", "FloorDivide"},
    {"FloorMod", "Mod"},
    {"Greater", "Greater"},
    {"GreaterEqual", "GreaterEqual"},
    {"Identity", "Copy"},
    {"Less", "Less"},
    {"LessEqual", "LessEqual"},
    {"Log", "Log"},
    {"Max", "Max"},
    {"Maximum", "Maximum"},
    {"Mean", "Mean"},
    {"Min", "Min"},
    {"Minimum", "Minimum"},
    {"Mul", "Multiply"},
    {"Neg", "Negative"},
    {"Pow", "Power"},
    {"Prod", "Prod"},
    {"RealDiv", "Divide"},
    {"Relu", "Relu"},
    {"Relu6", "Relu6"},
    {"Reshape", "Reshape"},
    {"Round", "Round"},
    {"Rsqrt", "Rsqrt"},
    {"Sigmoid", "Sigmoid"},
    {"Sign", "Sign"},
    {"Sin", "Sin"},
    {"Softmax", "Softmax"},
    {"Softplus", "Softplus"},
    {"Sqrt", "Sqrt"},
    {"Square", "Square"},
    {"SquaredDifference", "SquaredDifference"},
    {"Sub", "Subtract"},
    {"Sum", "Sum"},
    {"Tanh", "Tanh"},
    {"Tile", "Tile"},
    {"Transpose", "Transpose"},
};

/* The inputs of a node in order: tensors, and constants by their place; then its attributes. */
static enum status node_arguments(struct call *c, const struct json *node, struct arguments *made,
                                  struct error *err)
{
    const struct json *constants = config_get(c, "constants", NULL);
    const struct json *attributes = json_get(node, "attr");
    const struct json *inputs = json_get(node, "input");
    size_t count = inputs && inputs->kind == JSON_ARRAY ? inputs->count : 0, used = 0;

    for (size_t i = 0; i < count && made->part_count < ARGUMENTS_MAX; i++) {
        struct argument *part = &made->parts[made->part_count++];
        char key[32];

        snprintf(key, sizeof key, "%zu", i);
        *part = (struct argument){.value = json_get(constants, key)};
        if (part->value)
            continue;
        if (used == c->in_count)
            return error_set(err, STATUS_INVALID_INPUT, "its node has more inputs than the layer");
        part->value = &inputs->items[i];
        part->first = used++;
        part->count = 1;
    }
    for (size_t i = 0; attributes && attributes->kind == JSON_OBJECT && i < attributes->count;
         i++) {
        const struct json *value = &attributes->items[i];

        if (made->part_count == ARGUMENTS_MAX || value->kind != JSON_OBJECT || value->count != 1)
            continue;
        made->parts[made->part_count++] =
            (struct argument){.name = value->key, .value = &value->items[0]};
    }
    return STATUS_OK;
}

static enum status node(struct call *c, struct error *err)
{
    const struct json *stored = config_get(c, "node_def", NULL);
    struct argument parts[ARGUMENTS_MAX];
    struct arguments made = {.parts = parts};
    struct bytes text, op = {NULL, 0};
    char quoted[TEXT_QUOTE_SIZE];
    struct json parsed;

    if (json_string(stored, &text)) {
        if (json_parse(text, JSON_ALLOW_NAN, &parsed, c->k->keep, err))
            return error_set(err, STATUS_UNSUPPORTED, "its node is not written as JSON");
        stored = &parsed;
    }
    json_string(json_get(stored, "op"), &op);
    TRY(node_arguments(c, stored, &made, err));
    c->arguments = &made;
    for (size_t i = 0; i < ARRAY_COUNT(NODES); i++)
        if (bytes_is(op, NODES[i].name)) {
            TRY(operation_run(c, NODES[i].operation, err));
            c->arguments = NULL; /* those of the node are gone */
            return STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED, "operator '%s' of TensorFlow is not supported",
                     text_quote(op, quoted, sizeof quoted));
}

const struct layer_set layers_tensorflow =
    LAYER_SET({.name = "TFOpLambda", .lower = function, .keywords = true, .any_dtype = true},
              {.name = "SlicingOpLambda", .lower = slicing, .keywords = true, .any_dtype = true},
              {.name = "TensorFlowOpLayer", .lower = node, .keywords = true, .any_dtype = true}, );
