// SPDX-License-Identifier: Apache-2.0
/* Operators that are no nodes of ours: ZipMap, Gradient, FlexAttention. */
#include "importers/onnx/build.h"

/* ZipMap gives each row as a map from label to probability: here, the matrix with its labels. */
static enum status zip_map(struct building *b, struct scope *scope, const struct onnx_node *node,
                           struct error *err)
{
    struct tensor *labels = arena_new(b->keep, struct tensor, 1);
    value_id value;

    if (!labels)
        return error_no_memory(err, "labels");
    if (node->input_count != 1 || node->output_count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "ZipMap has one input and one output");
    for (size_t i = 0; i < node->attribute_count; i++) {
        const struct attribute *attribute = &node->attributes[i].value;
        struct shape shape = SHAPE((int64_t)attribute->count);
        if (!strcmp(attribute->name, "classlabels_int64s") && attribute->kind == ATTRIBUTE_INTS &&
            attribute->count)
            *labels = (struct tensor){DTYPE_I64, shape, (void *)(uintptr_t)attribute->ints};
        if (!strcmp(attribute->name, "classlabels_strings") &&
            attribute->kind == ATTRIBUTE_STRINGS && attribute->count)
            *labels = (struct tensor){DTYPE_STRING, shape, (void *)(uintptr_t)attribute->strings};
    }
    TRY(onnx_name_get(b, scope, node->inputs[0], &value, err));
    if (value == VALUE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "ZipMap has no input");
    if (!map_set(&b->labels, node->outputs[0], labels))
        return error_no_memory(err, "labels");
    return onnx_name_set(scope, node->outputs[0], value, err);
}

/* The inputs of Gradient must be the values that xs and zs name: at others it is refused. */
static enum status gradient_build(struct building *b, struct scope *scope,
                                  const struct onnx_node *node, struct error *err)
{
    struct attribute *plain = arena_new(b->keep, struct attribute, node->attribute_count);
    struct attributes attributes = {plain, node->attribute_count};
    value_id *xs = arena_new(b->keep, value_id, node->input_count), y, given;
    value_id *outputs = arena_new(b->keep, value_id, node->input_count);
    const struct bytes *names, *fixed;
    size_t count, fixed_count;

    if (!plain || !xs || !outputs)
        return error_no_memory(err, "a gradient");
    for (size_t i = 0; i < node->attribute_count; i++)
        plain[i] = node->attributes[i].value;
    names = attribute_strings(&attributes, "xs", &count);
    fixed = attribute_strings(&attributes, "zs", &fixed_count);
    if (count + fixed_count != node->input_count || node->output_count > count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs and %zu outputs for %zu xs",
                         node->input_count, node->output_count, count);
    for (size_t i = 0; i < node->input_count; i++) {
        TRY(onnx_name_get(b, scope, i < count ? names[i] : fixed[i - count], &y, err));
        TRY(onnx_name_get(b, scope, node->inputs[i], &given, err));
        if (y == VALUE_NONE || y != given)
            return error_set(err, STATUS_UNSUPPORTED,
                             "a gradient at other values than those of the graph");
        xs[i] = y;
    }
    TRY(onnx_name_get(b, scope, attribute_string(&attributes, "y", ""), &y, err));
    if (y == VALUE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "attribute y is missing");
    TRY(onnx_gradient(scope->graph, xs, count, y, outputs, b->keep, err));
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i].size)
            TRY(onnx_name_set(scope, node->outputs[i], outputs[i], err));
    return STATUS_OK;
}

/* --- FlexAttention --- */

struct flex {
    struct building *b;
    struct scope *scope;
    const struct onnx_graph *score_mod, *prob_mod; /* or NULL */
    struct attribute scale, precision;             /* kind NONE: absent */
};

static enum status flex_attributes(struct flex *flex, const struct onnx_node *node,
                                   struct error *err)
{
    struct onnx_attribute *attributes;
    size_t count;

    TRY(onnx_attributes(flex->b, flex->scope, node, &attributes, &count, err));
    for (size_t i = 0; i < count; i++) {
        const struct attribute *value = &attributes[i].value;

        if (!strcmp(value->name, "score_mod"))
            flex->score_mod = attributes[i].graph;
        if (!strcmp(value->name, "prob_mod"))
            flex->prob_mod = attributes[i].graph;
        if (!strcmp(value->name, "scale"))
            flex->scale = *value;
        if (!strcmp(value->name, "softmax_precision"))
            flex->precision = *value;
    }
    return STATUS_OK;
}

/* A modifier must leave shape and type as they are; what is not known when the graph is built is
 * checked by the operators that read it. */
static enum status modify(struct flex *flex, const struct onnx_graph *modifier, const char *name,
                          value_id *value, struct error *err)
{
    const struct value *values;
    value_id out;

    if (!modifier)
        return STATUS_OK;
    if (onnx_inline(flex->b, flex->scope, modifier, *value, &out, err))
        return error_within(err, "attribute %s", name);
    values = flex->scope->graph->values;
    if (values[out].dtype != values[*value].dtype)
        return error_set(err, STATUS_INVALID_INPUT, "attribute %s gives %s, not %s", name,
                         dtype_name(values[out].dtype), dtype_name(values[*value].dtype));
    *value = out;
    return STATUS_OK;
}

/* scores, score_mod, Softmax, prob_mod, and the sum of the values by it. */
static enum status flex_parts(struct flex *flex, const value_id in[3], value_id *out,
                              struct error *err)
{
    struct graph *graph = flex->scope->graph;
    struct attribute attributes[2], axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = -1};
    size_t count = 0;
    value_id value;

    if (flex->scale.kind)
        attributes[count++] = flex->scale;
    if (flex->precision.kind)
        attributes[count++] = flex->precision;
    TRY(graph_op(graph, "firn", "AttentionScores", in[0], in[1], VALUE_NONE, attributes, count,
                 &value, err));
    TRY(modify(flex, flex->score_mod, "score_mod", &value, err));
    TRY(graph_op(graph, "", "Softmax", value, VALUE_NONE, VALUE_NONE, &axis, 1, &value, err));
    TRY(modify(flex, flex->prob_mod, "prob_mod", &value, err));
    return graph_op(graph, "firn", "AttentionMix", value, in[2], VALUE_NONE, NULL, 0, out, err);
}

static enum status flex_attention(struct building *b, struct scope *scope,
                                  const struct onnx_node *node, struct error *err)
{
    struct flex flex = {.b = b, .scope = scope};
    value_id in[3], out;

    if (node->input_count != 3 || node->output_count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs and %zu outputs", node->input_count,
                         node->output_count);
    for (size_t i = 0; i < 3; i++) {
        TRY(onnx_name_get(b, scope, node->inputs[i], &in[i], err));
        if (in[i] == VALUE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is missing", i);
    }
    TRY(flex_attributes(&flex, node, err));
    TRY(flex_parts(&flex, in, &out, err));
    return onnx_name_set(scope, node->outputs[0], out, err);
}

static const struct lowered {
    const char *domain, *op;
    enum status (*build)(struct building *b, struct scope *scope, const struct onnx_node *node,
                         struct error *err);
} LOWERED[] = {
    {"ai.onnx.ml", "ZipMap", zip_map},
    {"ai.onnx.preview.training", "Gradient", gradient_build},
    {"ai.onnx.preview", "FlexAttention", flex_attention},
};

static const struct lowered *lowered_find(const struct onnx_node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(LOWERED); i++)
        if (!strcmp(node->op, LOWERED[i].op) && !strcmp(node->domain, LOWERED[i].domain))
            return &LOWERED[i];
    return NULL;
}

bool onnx_is_lowered(const struct onnx_node *node)
{
    return lowered_find(node) != NULL;
}

enum status onnx_lower(struct building *b, struct scope *scope, const struct onnx_node *node,
                       struct error *err)
{
    return lowered_find(node)->build(b, scope, node, err);
}
