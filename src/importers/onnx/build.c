// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/build.h"

#include "base/text.h"

enum {
    FUNCTION_DEPTH_MAX = 32,
    /* after functions are expanded: so many, and one for each byte of the file up to NODES_MAX */
    NODES_FREE = 1 << 16,
    NODES_MAX = 1 << 20,
};

/* Functions that call functions multiply, a few bytes each. */
static enum status nodes_take(struct building *b, size_t count, struct error *err)
{
    size_t most = b->model->size < NODES_MAX - NODES_FREE ? NODES_FREE + b->model->size : NODES_MAX;

    if (count > most - b->nodes)
        return error_set(
            err, STATUS_TOO_LARGE,
            "too many nodes for the size of the file: more than %zu with all functions", most);
    b->nodes += count;
    return STATUS_OK;
}

enum status onnx_name_set(struct scope *scope, struct bytes name, value_id value, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (map_find(&scope->values, name))
        return error_set(err, STATUS_INVALID_INPUT, "the name '%s' is given twice",
                         text_quote(name, quoted, sizeof quoted));
    if (!map_set(&scope->values, name, (void *)((intptr_t)value + 1)))
        return error_no_memory(err, "names");
    return STATUS_OK;
}

enum status onnx_name_get(struct building *b, struct scope *scope, struct bytes name,
                          value_id *value, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    void *found;

    if (!name.size) {
        *value = VALUE_NONE;
        return STATUS_OK;
    }
    found = map_find(&scope->values, name);
    if (!found && scope->parent)
        return onnx_capture(b, scope, name, value, err);
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "input '%s' is made by no earlier node",
                         text_quote(name, quoted, sizeof quoted));
    *value = (value_id)((intptr_t)found - 1);
    return STATUS_OK;
}

/* --- opsets --- */

bool onnx_is_standard(const char *domain)
{
    return !domain[0] || !strcmp(domain, "ai.onnx");
}

/* Files of IR 1 and 2 import nothing: opset 1. */
int onnx_opset_of(const struct onnx_opsets *opsets, const char *domain)
{
    for (size_t i = 0; i < opsets->count; i++)
        if (!strcmp(opsets->items[i].domain, domain) ||
            (onnx_is_standard(domain) && onnx_is_standard(opsets->items[i].domain)))
            return opsets->items[i].version > INT32_MAX || opsets->items[i].version < 1
                       ? INT32_MAX
                       : (int)opsets->items[i].version;
    return 1;
}

/* --- shapes --- */

static enum status shape_of_info(struct building *b, const struct onnx_value_info *info,
                                 struct shape *shape, struct error *err)
{
    *shape = shape_unknown();
    if (info->rank < 0)
        return STATUS_OK;
    shape->rank = info->rank;
    for (int i = 0; i < info->rank; i++) {
        shape->dims[i] = info->dims[i].value;
        if (shape->dims[i] == DIM_UNKNOWN && info->dims[i].name && info->dims[i].name[0])
            TRY(graph_symbol(b->graph, info->dims[i].name, &shape->dims[i], err));
    }
    return STATUS_OK;
}

/* What value_info and the outputs state is a check on inference, and helps it. */
static enum status declare(struct building *b, struct bytes name, value_id value, struct error *err)
{
    const struct onnx_value_info *info = map_find(&b->declared, name);
    struct shape shape;

    if (!info)
        return STATUS_OK;
    TRY(shape_of_info(b, info, &shape, err));
    /* An exporter's symbol may be a number by now; only what is certain is declared. */
    return graph_declare(b->graph, value, info->dtype, &shape, err);
}

/* --- nodes --- */

static bool is_main(const struct scope *scope)
{
    return !scope->function && !scope->parent;
}

static const struct onnx_function *function_of(const struct building *b,
                                               const struct onnx_node *node)
{
    for (size_t i = 0; i < b->model->function_count; i++) {
        const struct onnx_function *f = &b->model->functions[i];
        if (!strcmp(f->name, node->op) && !strcmp(f->overload, node->overload) &&
            (!strcmp(f->domain, node->domain) ||
             (onnx_is_standard(f->domain) && onnx_is_standard(node->domain))))
            return f;
    }
    return NULL;
}

static const struct onnx_attribute *argument_of(const struct scope *scope, const char *name)
{
    for (size_t i = 0; i < scope->argument_count; i++)
        if (!strcmp(scope->arguments[i].value.name, name))
            return &scope->arguments[i];
    for (size_t i = 0; scope->function && i < scope->function->default_count; i++)
        if (!strcmp(scope->function->defaults[i].value.name, name))
            return &scope->function->defaults[i];
    return NULL;
}

/* The node's attributes, references to the function's own replaced. An argument that the caller
 * leaves out, without a default, is left out here too. */
enum status onnx_attributes(struct building *b, const struct scope *scope,
                            const struct onnx_node *node, struct onnx_attribute **attributes,
                            size_t *count, struct error *err)
{
    struct onnx_attribute *out = arena_new(b->keep, struct onnx_attribute, node->attribute_count);

    if (!out)
        return error_no_memory(err, "attributes");
    *count = 0;
    for (size_t i = 0; i < node->attribute_count; i++) {
        const struct onnx_attribute *attribute = &node->attributes[i];
        const struct onnx_attribute *argument;
        if (!attribute->reference) {
            out[(*count)++] = *attribute;
            continue;
        }
        argument = argument_of(scope, attribute->reference);
        if (!argument)
            continue;
        out[*count] = *argument;
        out[(*count)++].value.name = attribute->value.name;
    }
    *attributes = out;
    return STATUS_OK;
}

static enum status call_function(struct building *b, struct scope *caller,
                                 const struct onnx_node *node, const struct onnx_function *function,
                                 struct error *err)
{
    struct scope scope = {.opsets = function->opsets.count ? &function->opsets : caller->opsets,
                          .graph = caller->graph,
                          .function = function,
                          .depth = caller->depth + 1,
                          .nesting = caller->nesting};
    struct onnx_attribute *arguments;
    value_id value;

    if (scope.depth > FUNCTION_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "functions call each other more than %d deep",
                         FUNCTION_DEPTH_MAX);
    if (node->input_count > function->input_count || node->output_count > function->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "function '%s' has %zu inputs and %zu outputs",
                         function->name, function->input_count, function->output_count);
    TRY(nodes_take(b, function->input_count, err));
    map_init(&scope.values, b->keep);
    TRY(onnx_attributes(b, caller, node, &arguments, &scope.argument_count, err));
    scope.arguments = arguments;
    for (size_t i = 0; i < node->input_count; i++) {
        TRY(onnx_name_get(b, caller, node->inputs[i], &value, err));
        TRY(onnx_name_set(&scope, function->inputs[i], value, err));
    }
    for (size_t i = node->input_count; i < function->input_count; i++)
        TRY(onnx_name_set(&scope, function->inputs[i], VALUE_NONE, err));
    TRY(onnx_nodes_build(b, &scope, function->nodes, function->node_count, err));
    for (size_t i = 0; i < node->output_count; i++) {
        if (!node->outputs[i].size)
            continue;
        TRY(onnx_name_get(b, &scope, function->outputs[i], &value, err));
        TRY(onnx_name_set(caller, node->outputs[i], value, err));
        if (is_main(caller))
            TRY(declare(b, node->outputs[i], value, err));
    }
    return STATUS_OK;
}

/* --- subgraphs --- */

enum status onnx_inline(struct building *b, struct scope *scope, const struct onnx_graph *from,
                        value_id input, value_id *output, struct error *err)
{
    struct scope inner = *scope;

    inner.parent = scope;
    inner.nesting++;
    map_init(&inner.values, b->keep);
    if (inner.nesting > SUBGRAPH_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "graphs in graphs, more than %d deep",
                         SUBGRAPH_DEPTH_MAX);
    if (from->input_count != 1 || from->output_count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu inputs and %zu outputs",
                         from->input_count, from->output_count);
    TRY(onnx_name_set(&inner, bytes_of(from->inputs[0].name), input, err));
    TRY(onnx_initializers_build(&inner, from, err));
    TRY(onnx_nodes_build(b, &inner, from->nodes, from->node_count, err));
    TRY(onnx_name_get(b, &inner, bytes_of(from->outputs[0].name), output, err));
    if (*output == VALUE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "its output has no name");
    return STATUS_OK;
}

static enum status operator_build(struct building *b, struct scope *scope,
                                  const struct onnx_node *node, struct error *err)
{
    struct onnx_attribute *attributes;
    struct attribute *plain;
    bool control = onnx_is_control(node);
    value_id *inputs = arena_new(b->keep, value_id, node->input_count);
    value_id *outputs = arena_new(b->keep, value_id, node->output_count);
    const char **names = arena_new(b->keep, const char *, node->output_count);
    size_t count, given = node->input_count, made = node->output_count;
    struct node_description description;

    TRY(onnx_attributes(b, scope, node, &attributes, &count, err));
    plain = arena_new(b->keep, struct attribute, count);
    if (!inputs || !outputs || !names || !plain)
        return error_no_memory(err, "a node");
    for (size_t i = 0; i < node->input_count; i++)
        TRY(onnx_name_get(b, scope, node->inputs[i], &inputs[i], err));
    for (size_t i = 0; i < count; i++) {
        plain[i] = attributes[i].value;
        if (plain[i].kind == ATTRIBUTE_GRAPH && !control)
            plain[i].kind = ATTRIBUTE_NONE;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        names[i] = arena_text(b->keep, node->outputs[i]);
        if (!names[i])
            return error_no_memory(err, "a node");
    }
    while (given && inputs[given - 1] == VALUE_NONE)
        given--;
    if (control)
        TRY(onnx_subgraphs_build(b, scope, node, attributes, plain, count, &inputs, &given, err));
    while (made && !node->outputs[made - 1].size)
        made--;
    description =
        (struct node_description){.domain = onnx_is_standard(node->domain) ? "" : node->domain,
                                  .op = node->op,
                                  .name = node->name,
                                  .opset = onnx_opset_of(scope->opsets, node->domain),
                                  .inputs = inputs,
                                  .input_count = given,
                                  .output_names = names,
                                  .output_count = made,
                                  .attributes = plain,
                                  .attribute_count = count};
    TRY(graph_node(scope->graph, &description, outputs, err));
    for (size_t i = 0; i < made; i++) {
        if (!node->outputs[i].size)
            continue;
        TRY(onnx_name_set(scope, node->outputs[i], outputs[i], err));
        if (is_main(scope))
            TRY(declare(b, node->outputs[i], outputs[i], err));
    }
    return STATUS_OK;
}

static enum status node_build(struct building *b, struct scope *scope, const struct onnx_node *node,
                              struct error *err)
{
    const struct onnx_function *function = function_of(b, node);

    TRY(nodes_take(b, 1, err));
    if (function)
        return call_function(b, scope, node, function, err);
    if (onnx_is_lowered(node))
        return onnx_lower(b, scope, node, err);
    return operator_build(b, scope, node, err);
}

enum status onnx_nodes_build(struct building *b, struct scope *scope, const struct onnx_node *nodes,
                             size_t count, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct onnx_node *node = &nodes[i];
        if (!node_build(b, scope, node, err))
            continue;
        if (!strncmp(err->text, "node ", 5) && !onnx_is_control(node))
            return err->status; /* graph_node has said which */
        if (scope->nesting > ONNX_NESTING_NAMED_MAX)
            return err->status;
        return error_within(err, "node %zu '%s' (%s)", i,
                            text_quote(bytes_of(node->name), quoted, sizeof quoted), node->op);
    }
    return STATUS_OK;
}

/* --- the main graph --- */

static enum status declared_names(struct building *b, const struct onnx_graph *graph,
                                  struct error *err)
{
    for (size_t i = 0; i < graph->value_count; i++)
        if (!map_set(&b->declared, bytes_of(graph->values[i].name), &graph->values[i]))
            return error_no_memory(err, "names");
    for (size_t i = 0; i < graph->output_count; i++)
        if (!map_set(&b->declared, bytes_of(graph->outputs[i].name), &graph->outputs[i]))
            return error_no_memory(err, "names");
    return STATUS_OK;
}

static enum status inputs_build(struct building *b, struct scope *scope, struct onnx_built *built,
                                struct error *err)
{
    const struct onnx_graph *graph = &b->model->graph;
    struct shape shape;

    built->inputs = arena_new(b->keep, const struct onnx_value_info *, graph->input_count);
    built->input_values = arena_new(b->keep, value_id, graph->input_count);
    if (!built->inputs || !built->input_values)
        return error_no_memory(err, "inputs");
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct onnx_value_info *info = &graph->inputs[i];
        if (map_find(&scope->values, bytes_of(info->name)))
            continue; /* an initializer: its default */
        if (info->dtype != DTYPE_SEQUENCE && info->dtype != DTYPE_OPTIONAL &&
            strcmp(info->type, "tensor"))
            return error_set(err, STATUS_UNSUPPORTED, "input '%s': %s is not supported", info->name,
                             info->type[0] ? info->type : "a value without a type");
        if (info->dtype == DTYPE_NONE)
            return error_set(err, STATUS_UNSUPPORTED,
                             "input '%s': tensor of element type %lld is not supported", info->name,
                             (long long)info->element);
        TRY(shape_of_info(b, info, &shape, err));
        TRY(graph_input_typed(b->graph, info->name,
                              &(struct tensor){info->dtype, shape, NULL, info->holds},
                              &built->input_values[built->input_count], err));
        TRY(onnx_name_set(scope, bytes_of(info->name), built->input_values[built->input_count],
                          err));
        built->inputs[built->input_count++] = info;
    }
    return STATUS_OK;
}

enum status onnx_initializers_build(struct scope *scope, const struct onnx_graph *graph,
                                    struct error *err)
{
    value_id value;

    for (size_t i = 0; i < graph->initializer_count; i++) {
        const struct onnx_initializer *initializer = &graph->initializers[i];
        TRY(graph_constant(scope->graph, initializer->name, &initializer->tensor, &value, err));
        TRY(onnx_name_set(scope, bytes_of(initializer->name), value, err));
    }
    return STATUS_OK;
}

static enum status outputs_build(struct building *b, struct scope *scope, struct onnx_built *built,
                                 struct error *err)
{
    const struct onnx_graph *graph = &b->model->graph;

    built->output_values = arena_new(b->keep, value_id, graph->output_count);
    built->output_classes = arena_new(b->keep, const struct tensor *, graph->output_count);
    if (!built->output_values || !built->output_classes)
        return error_no_memory(err, "outputs");
    for (size_t i = 0; i < graph->output_count; i++) {
        const struct onnx_value_info *info = &graph->outputs[i];
        const struct tensor *labels = map_find(&b->labels, bytes_of(info->name));
        if (!labels && info->type[0] && info->dtype != DTYPE_SEQUENCE &&
            info->dtype != DTYPE_OPTIONAL && strcmp(info->type, "tensor"))
            return error_set(err, STATUS_UNSUPPORTED, "output '%s' is a %s", info->name,
                             info->type);
        if (!info->name[0] ||
            onnx_name_get(b, scope, bytes_of(info->name), &built->output_values[i], err))
            return error_set(err, STATUS_INVALID_INPUT, "output '%s' is made by no node",
                             info->name);
        built->output_classes[i] = labels && labels->dtype != DTYPE_NONE ? labels : NULL;
    }
    return STATUS_OK;
}

enum status onnx_build(const struct onnx_model *model, struct onnx_built *built, struct arena *keep,
                       struct error *err)
{
    struct building b = {.model = model, .keep = keep};
    struct scope scope = {.opsets = &model->opsets};

    *built = (struct onnx_built){0};
    map_init(&scope.values, keep);
    map_init(&b.declared, keep);
    map_init(&b.labels, keep);
    TRY(graph_new(&b.graph, keep, err));
    scope.graph = b.graph;
    TRY(declared_names(&b, &model->graph, err));
    TRY(onnx_initializers_build(&scope, &model->graph, err));
    TRY(inputs_build(&b, &scope, built, err));
    TRY(onnx_nodes_build(&b, &scope, model->graph.nodes, model->graph.node_count, err));
    TRY(outputs_build(&b, &scope, built, err));
    TRY(graph_signature_add(b.graph, "predict", built->input_values, built->input_count,
                            built->output_values, model->graph.output_count, err));
    TRY(graph_finish(b.graph, err));
    built->graph = b.graph;
    return STATUS_OK;
}
