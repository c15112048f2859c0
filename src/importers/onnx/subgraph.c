// SPDX-License-Identifier: Apache-2.0
/* Graphs in attributes, and what they capture of the graphs around them. */
#include "base/text.h"
#include "importers/onnx/build.h"

/* --- captures --- */

enum status onnx_capture(struct building *b, struct scope *scope, struct bytes name,
                         value_id *value, struct error *err)
{
    char *text = arena_text(b->keep, name);
    struct value outer;
    struct tensor type;
    value_id from;

    if (!text)
        return error_no_memory(err, "captured values");
    TRY(onnx_name_get(b, scope->parent, name, &from, err));
    if (scope->graph == scope->parent->graph) { /* put inline: seen as it is */
        *value = from;
        return STATUS_OK;
    }
    *value = VALUE_NONE;
    if (from == VALUE_NONE) /* an argument that the caller of the function left out */
        return STATUS_OK;
    outer = scope->parent->graph->values[from];
    if (outer.constant) {
        TRY(graph_constant(scope->graph, text, outer.constant, value, err));
        return onnx_name_set(scope, name, *value, err);
    }
    type = (struct tensor){outer.dtype, outer.shape, NULL, outer.element};
    shape_forget_symbols(&type.shape); /* symbols belong to one graph */
    if (!ARENA_GROW(b->keep, scope->captures, scope->capture_count, scope->capture_capacity) ||
        !ARENA_GROW(b->keep, scope->captured, scope->capture_count, scope->captured_capacity))
        return error_no_memory(err, "captured values");
    TRY(graph_input_typed(scope->graph, text, &type, value, err));
    scope->graph->values[*value].declared = outer.declared;
    scope->captures[scope->capture_count] = from;
    scope->captured[scope->capture_count++] = *value;
    return onnx_name_set(scope, name, *value, err);
}

/* --- graphs --- */

bool onnx_is_control(const struct onnx_node *node)
{
    static const char *const NAMES[] = {"If", "Loop", "Scan", "SequenceMap"};

    for (size_t i = 0; onnx_is_standard(node->domain) && i < ARRAY_COUNT(NAMES); i++)
        if (!strcmp(node->op, NAMES[i]))
            return true;
    return false;
}

static const struct onnx_attribute *attribute_named(const struct onnx_attribute *attributes,
                                                    size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(attributes[i].value.name, name))
            return &attributes[i];
    return NULL;
}

/* A value of which only the kind is certain: what a loop carries may change its shape. */
static struct tensor carried(const struct tensor *type, struct tensor *element)
{
    struct tensor made = {.dtype = type->dtype, .shape = shape_unknown()};

    if (type->dtype != DTYPE_SEQUENCE && type->dtype != DTYPE_OPTIONAL)
        return made;
    made.shape = shape_scalar();
    if (!type->element)
        return made;
    *element = *type->element;
    if (element->dtype != DTYPE_SEQUENCE)
        element->shape = shape_unknown();
    made.element = element;
    return made;
}

/* What the body sees of an input of the node: one item of what is mapped. */
static struct tensor formal(const struct onnx_node *node, const struct tensor *given,
                            struct tensor *element)
{
    if (!strcmp(node->op, "SequenceMap"))
        return given->dtype == DTYPE_SEQUENCE && given->element ? *given->element : *given;
    return carried(given, element);
}

static enum status formals_of(struct building *b, struct scope *scope, const struct onnx_node *node,
                              const value_id *inputs, size_t count, struct tensor **types,
                              size_t *type_count, struct error *err)
{
    bool loop = !strcmp(node->op, "Loop");
    size_t first = loop                                                                ? 2
                   : !strcmp(node->op, "Scan") && onnx_opset_of(scope->opsets, "") < 9 ? 1
                                                                                       : 0;
    struct tensor *made = arena_new(b->keep, struct tensor, count + 2);
    struct tensor *elements = arena_new(b->keep, struct tensor, count + 2);
    size_t n = 0;

    if (!made || !elements)
        return error_no_memory(err, "a subgraph");
    if (loop) {
        made[n++] = (struct tensor){.dtype = DTYPE_I64, .shape = shape_scalar()};
        made[n++] = (struct tensor){.dtype = DTYPE_BOOL, .shape = shape_scalar()};
    }
    for (size_t i = first; i < count && strcmp(node->op, "If"); i++) {
        const struct value *value;
        struct tensor given;

        if (inputs[i] == VALUE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is missing", i);
        value = &scope->graph->values[inputs[i]];
        given = (struct tensor){value->dtype, value->shape, NULL, value->element};
        shape_forget_symbols(&given.shape);
        made[n] = formal(node, &given, &elements[n]);
        n++;
    }
    *types = made;
    *type_count = n;
    return STATUS_OK;
}

static enum status formal_inputs(struct scope *scope, const struct onnx_graph *from,
                                 const struct tensor *types, value_id *inputs, struct error *err)
{
    for (size_t i = 0; i < from->input_count; i++) {
        const struct onnx_value_info *info = &from->inputs[i];

        if (info->dtype != DTYPE_NONE && info->dtype != types[i].dtype)
            return error_set(err, STATUS_INVALID_INPUT, "its input '%s' is %s, but gets %s",
                             info->name, dtype_name(info->dtype), dtype_name(types[i].dtype));
        TRY(graph_input_typed(scope->graph, info->name, &types[i], &inputs[i], err));
        TRY(onnx_name_set(scope, bytes_of(info->name), inputs[i], err));
    }
    return STATUS_OK;
}

/* `types`: of its formal inputs. The values that it captures are added to those of `scope`. */
static enum status subgraph_fill(struct building *b, struct scope *inner,
                                 const struct onnx_graph *from, const struct tensor *types,
                                 struct error *err)
{
    value_id *inputs, *outputs = arena_new(b->keep, value_id, from->output_count);
    value_id *formals = arena_new(b->keep, value_id, from->input_count);
    char quoted[TEXT_QUOTE_SIZE];

    if (!outputs || !formals)
        return error_no_memory(err, "a subgraph");
    TRY(onnx_initializers_build(inner, from, err));
    TRY(formal_inputs(inner, from, types, formals, err));
    TRY(onnx_nodes_build(b, inner, from->nodes, from->node_count, err));
    for (size_t i = 0; i < from->output_count; i++) {
        const char *name = from->outputs[i].name;

        if (!name[0] || onnx_name_get(b, inner, bytes_of(name), &outputs[i], err) ||
            outputs[i] == VALUE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "its output '%s' is made by no node",
                             text_quote(bytes_of(name), quoted, sizeof quoted));
    }
    inputs = arena_new(b->keep, value_id, from->input_count + inner->capture_count);
    if (!inputs)
        return error_no_memory(err, "a subgraph");
    if (from->input_count)
        memcpy(inputs, formals, from->input_count * sizeof *inputs);
    if (inner->capture_count)
        memcpy(inputs + from->input_count, inner->captured, inner->capture_count * sizeof *inputs);
    TRY(graph_signature_add(inner->graph, "body", inputs, from->input_count + inner->capture_count,
                            outputs, from->output_count, err));
    TRY(graph_captures(inner->graph, inner->capture_count, err));
    return graph_finish(inner->graph, err);
}

static enum status subgraph_build(struct building *b, struct scope *scope,
                                  const struct onnx_graph *from, const struct tensor *types,
                                  size_t type_count, struct scope *inner, struct error *err)
{
    *inner = *scope;
    inner->parent = scope;
    inner->nesting++;
    inner->captures = inner->captured = NULL;
    inner->capture_count = inner->capture_capacity = inner->captured_capacity = 0;
    map_init(&inner->values, b->keep);
    if (inner->nesting > SUBGRAPH_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "graphs in graphs, more than %d deep",
                         SUBGRAPH_DEPTH_MAX);
    if (from->input_count != type_count)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu inputs, not %zu", from->input_count,
                         type_count);
    TRY(graph_new(&inner->graph, b->keep, err));
    return subgraph_fill(b, inner, from, types, err);
}

enum status onnx_subgraphs_build(struct building *b, struct scope *scope,
                                 const struct onnx_node *node,
                                 const struct onnx_attribute *attributes, struct attribute *plain,
                                 size_t count, value_id **inputs, size_t *input_count,
                                 struct error *err)
{
    static const char *const NAMES[] = {"then_branch", "else_branch", "body"};
    struct tensor *types = NULL;
    size_t type_count = 0;
    value_id *all;

    if (!strcmp(node->op, "Loop") && *input_count < 2) {
        all = arena_new(b->keep, value_id, 2);
        if (!all)
            return error_no_memory(err, "a subgraph");
        all[0] = *input_count ? (*inputs)[0] : VALUE_NONE;
        all[1] = VALUE_NONE;
        *inputs = all;
        *input_count = 2;
    }
    TRY(formals_of(b, scope, node, *inputs, *input_count, &types, &type_count, err));
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        const struct onnx_attribute *attribute = attribute_named(attributes, count, NAMES[i]);
        struct scope inner;

        if (!attribute || attribute->value.kind != ATTRIBUTE_GRAPH)
            continue;
        if (subgraph_build(b, scope, attribute->graph, types, type_count, &inner, err))
            return scope->nesting > ONNX_NESTING_NAMED_MAX
                       ? err->status
                       : error_within(err, "attribute %s", NAMES[i]);
        plain[attribute - attributes].g = inner.graph;
        all = arena_new(b->keep, value_id, *input_count + inner.capture_count);
        if (!all)
            return error_no_memory(err, "a subgraph");
        if (*input_count)
            memcpy(all, *inputs, *input_count * sizeof *all);
        if (inner.capture_count)
            memcpy(all + *input_count, inner.captures, inner.capture_count * sizeof *all);
        *inputs = all;
        *input_count += inner.capture_count;
    }
    for (size_t i = 0; i < count; i++) /* a graph that is none of these */
        if (plain[i].kind == ATTRIBUTE_GRAPH && !plain[i].g)
            plain[i].kind = ATTRIBUTE_NONE;
    return STATUS_OK;
}
