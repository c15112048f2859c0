// SPDX-License-Identifier: Apache-2.0
/* Nodes: checked, inferred, evaluated. */
#include <stdio.h>

#include "base/text.h"
#include "graph/graph.h"
#include "graph/internal.h"
#include "tensor/sequence.h"

enum { NODES_MAX = 1 << 24, ATTRIBUTES_MAX = 1 << 12 };

enum status graph_node_error(const struct node *node, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], own[TEXT_QUOTE_SIZE];
    size_t own_size;

    /* Operators say "Relu: ..." when they are called alone; here it would be said twice. */
    snprintf(own, sizeof own, "%s: ", node->op->name);
    own_size = strlen(own);
    if (!strncmp(err->text, own, own_size))
        memmove(err->text, err->text + own_size, strlen(err->text) - own_size + 1);
    return error_within(err, "node '%s' (%s)", text_quote(bytes_of(node->name), name, sizeof name),
                        node->op->name);
}

bool node_is(const struct node *node, const char *op)
{
    return !*node->domain && !strcmp(node->op->name, op);
}

const struct tensor *node_constant(const struct graph *graph, const struct node *node, size_t input)
{
    if (input >= node->input_count || node->inputs[input] == VALUE_NONE)
        return NULL;
    return value_constant(graph, node->inputs[input]);
}

const struct tensor *node_weights(const struct graph *graph, const struct node *node, size_t input)
{
    if (input >= node->input_count || node->inputs[input] == VALUE_NONE)
        return NULL;
    return graph->values[node->inputs[input]].constant;
}

/* As the operator takes it. */
static const struct tensor *constant_for(const struct graph *graph, const struct node *node,
                                         size_t input)
{
    return input < 64 && node->op->unaligned >> input & 1 ? node_weights(graph, node, input)
                                                          : node_constant(graph, node, input);
}

enum status graph_call(struct graph *graph, const struct node *node, struct op_call *call,
                       struct error *err)
{
    if (node->input_count > graph->call_in_capacity) {
        size_t capacity = node->input_count * 2 + 16;
        graph->call_in = arena_new(graph->keep, struct tensor, capacity);
        graph->call_in_capacity = graph->call_in ? capacity : 0;
        if (!graph->call_in)
            return error_no_memory(err, "the inputs of a node");
    }
    memset(graph->call_out, 0, OP_OUTPUTS_MAX * sizeof *graph->call_out);
    for (size_t i = 0; i < node->input_count; i++) {
        const struct tensor *constant;
        const struct value *value;

        graph->call_in[i] = (struct tensor){0};
        if (node->inputs[i] == VALUE_NONE)
            continue;
        value = &graph->values[node->inputs[i]];
        constant = constant_for(graph, node, i);
        if (value->constant && !constant)
            return error_no_memory(err, "a constant");
        graph->call_in[i] = (struct tensor){value->dtype, value->shape,
                                            constant ? constant->data : NULL, value->element};
    }
    *call = (struct op_call){
        .op = node->op,
        .opset = node->opset,
        .attributes = &node->attributes,
        .in_count = node->input_count,
        .out_count = node->output_count,
        .in = graph->call_in,
        .out = graph->call_out,
        .memory = graph->keep,
    };
    return STATUS_OK;
}

/* What an operator's infer must hold to; a breach is our mistake, so INTERNAL. */
static enum status inferred_check(const struct graph *graph, const struct op_call *call,
                                  struct error *err)
{
    for (size_t i = 0; i < call->out_count; i++) {
        const struct tensor *out = &call->out[i];
        bool good = out->dtype > DTYPE_NONE && out->dtype < DTYPE_COUNT &&
                    out->shape.rank >= RANK_UNKNOWN && out->shape.rank <= RANK_MAX;

        for (int d = 0; good && d < out->shape.rank; d++)
            good = graph_dim_is_valid(graph, out->shape.dims[d]);
        if (!good)
            return op_error(call, err, STATUS_INTERNAL, "output %zu was not inferred", i);
    }
    return STATUS_OK;
}

enum status graph_infer(struct graph *graph, const struct node *node, struct op_call *call,
                        struct error *err)
{
    TRY(graph_call(graph, node, call, err));
    if (graph_call_infer(call, err) || inferred_check(graph, call, err))
        return graph_node_error(node, err);
    return STATUS_OK;
}

bool graph_is_declared(const struct graph *graph, const struct node *node)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != VALUE_NONE && graph->values[node->inputs[i]].declared)
            return true;
    return false;
}

static enum status evaluate(struct op_call *call, struct arena *keep, struct arena *scratch,
                            struct error *err)
{
    const struct op *op = call->op;
    size_t bytes;

    for (size_t i = 0; i < call->out_count; i++) {
        struct tensor *out = &call->out[i];

        TRY(shape_check(&out->shape, out->dtype, keep->limit, &bytes, err));
        out->data = arena_alloc(keep, bytes, 1);
        if (!out->data)
            return error_no_memory(err, "a constant");
    }
    if (op->prepare)
        TRY(op->prepare(call, scratch, err));
    if (op->scratch_size) {
        bytes = op->scratch_size(call);
        /* 4 KiB at least, so that the arena aligns it to 64 */
        call->scratch = arena_alloc(scratch, bytes < 4096 ? 4096 : bytes, 1);
        if (!call->scratch)
            return error_no_memory(err, "scratch memory");
    }
    call->memory = keep;
    return op->run(call, err);
}

enum status graph_evaluate(const struct graph *graph, const struct node *node, struct op_call *call,
                           struct arena *scratch, struct error *err)
{
    struct arena *keep = graph->keep;

    for (size_t i = 0; i < node->input_count; i++) {
        const struct tensor *constant = node_constant(graph, node, i);

        if (constant)
            call->in[i].data = constant->data;
    }
    if (evaluate(call, keep, scratch, err))
        return graph_node_error(node, err);
    return STATUS_OK;
}

static enum status count_check(const char *what, size_t count, size_t min, size_t max,
                               struct error *err)
{
    char range[64];

    if (count >= min && count <= max)
        return STATUS_OK;
    if (max == OP_INPUTS_ANY)
        snprintf(range, sizeof range, "%zu or more", min);
    else if (min == max)
        snprintf(range, sizeof range, "%zu", min);
    else
        snprintf(range, sizeof range, "%zu to %zu", min, max);
    return error_set(err, STATUS_INVALID_INPUT, "has %zu %s, not %s", count, what, range);
}

static enum status node_check(const struct graph *graph, const struct node *node, struct error *err)
{
    const struct op *op = node->op;

    TRY(count_check("inputs", node->input_count, op->in_min, op->in_max, err));
    TRY(count_check("outputs", node->output_count, op->out_min, op->out_max, err));
    if (node->opset < op->since)
        return error_set(err, STATUS_UNSUPPORTED, "is of opset %d, below %d", node->opset,
                         op->since);
    for (size_t i = 0; i < node->input_count; i++) {
        value_id input = node->inputs[i];

        if (input == VALUE_NONE && !(op->flags & OP_OPTIONAL_GAPS))
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is missing", i);
        if (input != VALUE_NONE && (input < 0 || (size_t)input >= graph->value_count))
            return error_set(err, STATUS_INTERNAL, "input %zu is value %d of %zu", i, input,
                             graph->value_count);
    }
    return STATUS_OK;
}

static enum status string_copy(struct graph *graph, struct bytes *bytes, struct error *err)
{
    char *copy = arena_text(graph->keep, *bytes);

    if (!copy)
        return error_no_memory(err, "an attribute");
    *bytes = (struct bytes){(const uint8_t *)copy, bytes->size};
    return STATUS_OK;
}

static void *list_copy(struct graph *graph, const void *list, size_t count, size_t item_size)
{
    void *copy = arena_alloc(graph->keep, count, item_size);

    if (copy && count)
        memcpy(copy, list, count * item_size);
    return copy;
}

/* Turn the borrowed pointers of an attribute into kept ones. */
static enum status attribute_keep(struct graph *graph, struct attribute *attribute,
                                  struct error *err)
{
    struct bytes *strings;
    const void *copy = "";

    attribute->name = copy = arena_text(graph->keep, bytes_of(attribute->name));
    if (copy && attribute->kind == ATTRIBUTE_INTS)
        attribute->ints = copy =
            list_copy(graph, attribute->ints, attribute->count, sizeof(int64_t));
    else if (copy && attribute->kind == ATTRIBUTE_FLOATS)
        attribute->floats = copy =
            list_copy(graph, attribute->floats, attribute->count, sizeof(double));
    else if (copy && attribute->kind == ATTRIBUTE_TENSOR)
        TRY(graph_tensor_keep(graph, attribute->t, true, &attribute->t, err));
    else if (copy && attribute->kind == ATTRIBUTE_TYPE)
        attribute->t = copy = element_new(attribute->t->dtype, &attribute->t->shape,
                                          attribute->t->element, graph->keep);
    else if (copy && attribute->kind == ATTRIBUTE_STRING)
        TRY(string_copy(graph, &attribute->s, err));
    else if (copy && attribute->kind == ATTRIBUTE_STRINGS) {
        copy = strings =
            list_copy(graph, attribute->strings, attribute->count, sizeof(struct bytes));
        for (size_t i = 0; strings && i < attribute->count; i++)
            TRY(string_copy(graph, &strings[i], err));
        attribute->strings = strings;
    }
    return copy ? STATUS_OK : error_no_memory(err, "an attribute");
}

static enum status attributes_copy(struct graph *graph, const struct attribute *items, size_t count,
                                   struct attributes *attributes, struct error *err)
{
    struct attribute *copy;
    char quoted[TEXT_QUOTE_SIZE];

    if (count > ATTRIBUTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "has %zu attributes, more than %d", count,
                         ATTRIBUTES_MAX);
    copy = arena_new(graph->keep, struct attribute, count);
    if (!copy)
        return error_no_memory(err, "attributes");
    *attributes = (struct attributes){copy, 0};
    for (size_t i = 0; i < count; i++) {
        if (attribute_find(attributes, items[i].name))
            return error_set(err, STATUS_INVALID_INPUT, "has attribute '%s' twice",
                             text_quote(bytes_of(items[i].name), quoted, sizeof quoted));
        copy[i] = items[i];
        if (attribute_keep(graph, &copy[i], err))
            return error_within(err, "attribute '%s'",
                                text_quote(bytes_of(items[i].name), quoted, sizeof quoted));
        attributes->count = i + 1;
    }
    return STATUS_OK;
}

/* The name of a node in messages: its own, or that of its first named output. */
static const char *name_of(const struct node_description *description)
{
    if (description->name && *description->name)
        return description->name;
    for (size_t i = 0; description->output_names && i < description->output_count; i++)
        if (description->output_names[i] && *description->output_names[i])
            return description->output_names[i];
    return "";
}

/* Everything of a node but its outputs. */
static enum status node_fill(struct graph *graph, const struct node_description *description,
                             struct node *node, struct error *err)
{
    const char *domain = description->domain ? description->domain : "";
    char op[TEXT_QUOTE_SIZE], quoted[TEXT_QUOTE_SIZE], name[TEXT_QUOTE_SIZE];
    size_t count = description->input_count;

    domain = strcmp(domain, "ai.onnx") ? domain : "";
    *node = (struct node){
        .op = op_find(bytes_of(domain), bytes_of(description->op)),
        .opset = description->opset ? description->opset : OPSET_NEWEST,
        .output_count = description->output_count,
    };
    if (!node->op)
        return error_set(err, STATUS_UNSUPPORTED, "node '%s': operator %s%s%s is not supported",
                         text_quote(bytes_of(name_of(description)), name, sizeof name),
                         text_quote(bytes_of(domain), quoted, sizeof quoted), *domain ? "." : "",
                         text_quote(bytes_of(description->op), op, sizeof op));
    while (count && description->inputs[count - 1] == VALUE_NONE)
        count--;
    node->input_count = count;
    node->inputs = list_copy(graph, description->inputs, count, sizeof(value_id));
    node->domain = arena_text(graph->keep, bytes_of(domain));
    node->name = arena_text(graph->keep, bytes_of(name_of(description)));
    if (!node->inputs || !node->domain || !node->name)
        return error_no_memory(err, "a node");
    if (node_check(graph, node, err) ||
        attributes_copy(graph, description->attributes, description->attribute_count,
                        &node->attributes, err))
        return graph_node_error(node, err);
    return STATUS_OK;
}

enum status graph_node(struct graph *graph, const struct node_description *description,
                       value_id *outputs, struct error *err)
{
    struct node node;
    struct op_call call;
    value_id *made;

    if (graph->node_count >= NODES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a graph of more than %d nodes", NODES_MAX);
    TRY(node_fill(graph, description, &node, err));
    TRY(graph_infer(graph, &node, &call, err));
    made = arena_new(graph->keep, value_id, node.output_count);
    if (!made || !ARENA_GROW(graph->keep, graph->nodes, graph->node_count, graph->node_capacity))
        return error_no_memory(err, "a node");
    for (size_t i = 0; i < node.output_count; i++) {
        const char *name = description->output_names ? description->output_names[i] : NULL;

        if (graph_value(graph, name, call.out[i].dtype, &call.out[i].shape,
                        (int32_t)graph->node_count, &made[i], err))
            return graph_node_error(&node, err);
        graph->values[made[i]].declared = graph_is_declared(graph, &node);
        graph->values[made[i]].element = call.out[i].element;
        outputs[i] = made[i];
    }
    node.outputs = made;
    graph->nodes[graph->node_count++] = node;
    return STATUS_OK;
}

enum status graph_node_rewrite(struct graph *graph, size_t index,
                               const struct node_description *description, struct error *err)
{
    struct node_description copy = *description;
    struct node *old = &graph->nodes[index], node;
    struct op_call call;

    copy.name = copy.name ? copy.name : old->name;
    copy.output_count = old->output_count;
    TRY(node_fill(graph, &copy, &node, err));
    TRY(graph_infer(graph, &node, &call, err));
    for (size_t i = 0; i < node.output_count; i++)
        if (graph_learn(graph, &graph->values[old->outputs[i]], call.out[i].dtype,
                        &call.out[i].shape, err))
            return graph_node_error(&node, err);
    node.outputs = old->outputs;
    *old = node;
    graph->edits++;
    return STATUS_OK;
}

enum status graph_op(struct graph *graph, const char *domain, const char *op, value_id a,
                     value_id b, value_id c, const struct attribute *attributes,
                     size_t attribute_count, value_id *output, struct error *err)
{
    value_id inputs[] = {a, b, c};
    struct node_description description = {
        .domain = domain,
        .op = op,
        .inputs = inputs,
        .input_count = ARRAY_COUNT(inputs),
        .output_count = 1,
        .attributes = attributes,
        .attribute_count = attribute_count,
    };

    return graph_node(graph, &description, output, err);
}
