// SPDX-License-Identifier: Apache-2.0
/* The graph as text:
 *
 *     input %x: float[N,4]
 *     constant %w: float[4,3] = {0.5, -1, 2, ...}
 *     %y: float[N,3] = MatMul(%x, %w)  # dense
 *     signature predict(%x) -> (%y)
 *
 * The graphs inside of a node follow it, further to the right:
 *
 *     %2: float[N] = Loop(_, %more, %x, %w) {body=graph}
 *       body:
 *         input %3: int64[]
 *
 * Constants and inputs that nothing uses are left out. A value without a name, or whose name an
 * earlier one has, is shown by its number. */
#include "base/map.h"
#include "base/number.h"
#include "base/text.h"
#include "graph/graph.h"

enum { ELEMENTS_SHOWN = 6, PRINT_BYTES_MAX = 256 << 20 };

struct printer {
    const struct graph *graph;
    struct text *text;
    bool *used;    /* (value_count,) */
    bool *by_name; /* (value_count,): shown by its name */
};

static void print_value(const struct printer *p, value_id value)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (value == VALUE_NONE)
        text_append(p->text, "_");
    else if (p->by_name[value])
        text_printf(p->text, "%%%s",
                    text_quote(bytes_of(p->graph->values[value].name), quoted, sizeof quoted));
    else
        text_printf(p->text, "%%%d", value);
}

static void print_values(const struct printer *p, const value_id *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_append(p->text, i ? ", " : "");
        print_value(p, values[i]);
    }
}

static void print_type(const struct printer *p, enum dtype dtype, const struct shape *shape)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_append(p->text, dtype_name(dtype));
    if (shape->rank < 0) {
        text_append(p->text, "[...]");
        return;
    }
    text_append(p->text, "[");
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dims[i];

        text_append(p->text, i ? "," : "");
        if (dim >= 0)
            text_printf(p->text, "%lld", (long long)dim);
        else if (dim == DIM_UNKNOWN)
            text_append(p->text, "?");
        else
            text_append(p->text,
                        text_quote(bytes_of(p->graph->symbols[-(dim + 2)]), quoted, sizeof quoted));
    }
    text_append(p->text, "]");
}

static void print_string(struct text *text, struct bytes string)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_printf(text, "\"%s\"", text_quote(string, quoted, sizeof quoted));
}

static void print_f64(struct text *text, double value)
{
    char buffer[NUMBER_SIZE];

    text_append_bytes(text,
                      (struct bytes){(const uint8_t *)buffer, number_print_f64(value, buffer)});
}

static void print_element(struct text *text, const struct tensor *tensor, size_t index)
{
    char buffer[NUMBER_SIZE];
    size_t size;

    switch (dtype_kind(tensor->dtype)) {
    case KIND_STRING:
        print_string(text, ((const struct bytes *)tensor->data)[index]);
        break;
    case KIND_BOOL:
        text_append(text, ((const bool *)tensor->data)[index] ? "true" : "false");
        break;
    case KIND_INT:
    case KIND_UINT:
        if (tensor->dtype == DTYPE_U64)
            size = number_print_u64(((const uint64_t *)tensor->data)[index], buffer);
        else
            size = number_print_i64(tensor_i64(tensor, index), buffer);
        text_append_bytes(text, (struct bytes){(const uint8_t *)buffer, size});
        break;
    case KIND_FLOAT:
        if (tensor->dtype == DTYPE_F32) {
            size = number_print_f32(((const float *)tensor->data)[index], buffer);
            text_append_bytes(text, (struct bytes){(const uint8_t *)buffer, size});
        } else {
            print_f64(text, tensor_f64(tensor, index));
        }
        break;
    default:
        text_append(text, "?");
    }
}

static void print_tensor(struct text *text, const struct tensor *tensor)
{
    size_t count = tensor_count(tensor);

    text_append(text, "{");
    for (size_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
        text_append(text, i ? ", " : "");
        print_element(text, tensor, i);
    }
    text_append(text, count > ELEMENTS_SHOWN ? ", ...}" : "}");
}

static void print_item(const struct printer *p, const struct attribute *attribute, size_t i)
{
    if (attribute->kind == ATTRIBUTE_INTS)
        text_printf(p->text, "%lld", (long long)attribute->ints[i]);
    else if (attribute->kind == ATTRIBUTE_FLOATS)
        print_f64(p->text, attribute->floats[i]);
    else
        print_string(p->text, attribute->strings[i]);
}

static void print_attribute(const struct printer *p, const struct attribute *attribute)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_printf(p->text, "%s=", text_quote(bytes_of(attribute->name), quoted, sizeof quoted));
    switch (attribute->kind) {
    case ATTRIBUTE_NONE:
        text_append(p->text, "none");
        break;
    case ATTRIBUTE_INT:
        text_printf(p->text, "%lld", (long long)attribute->i);
        break;
    case ATTRIBUTE_FLOAT:
        print_f64(p->text, attribute->f);
        break;
    case ATTRIBUTE_STRING:
        print_string(p->text, attribute->s);
        break;
    case ATTRIBUTE_TENSOR:
        print_type(p, attribute->t->dtype, &attribute->t->shape);
        print_tensor(p->text, attribute->t);
        break;
    case ATTRIBUTE_GRAPH:
        text_append(p->text, "graph");
        break;
    default:
        text_append(p->text, "[");
        for (size_t i = 0; i < attribute->count && i < 4 * ELEMENTS_SHOWN; i++) {
            text_append(p->text, i ? ", " : "");
            print_item(p, attribute, i);
        }
        text_append(p->text, attribute->count > 4 * ELEMENTS_SHOWN ? ", ...]" : "]");
    }
}

static void print_node(const struct printer *p, const struct node *node)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < node->output_count; i++) {
        const struct value *value = &p->graph->values[node->outputs[i]];

        text_append(p->text, i ? ", " : "");
        print_value(p, node->outputs[i]);
        text_append(p->text, ": ");
        print_type(p, value->dtype, &value->shape);
    }
    text_printf(p->text, " = %s%s%s(", node->domain, *node->domain ? "." : "", node->op->name);
    print_values(p, node->inputs, node->input_count);
    text_append(p->text, ")");
    for (size_t i = 0; i < node->attributes.count; i++) {
        text_append(p->text, i ? ", " : " {");
        print_attribute(p, &node->attributes.items[i]);
    }
    text_append(p->text, node->attributes.count ? "}" : "");
    if (*node->name)
        text_printf(p->text, "  # %s", text_quote(bytes_of(node->name), quoted, sizeof quoted));
    text_append(p->text, "\n");
}

static void print_source(const struct printer *p, value_id id, const char *what)
{
    const struct value *value = &p->graph->values[id];

    text_printf(p->text, "%s ", what);
    print_value(p, id);
    text_append(p->text, ": ");
    print_type(p, value->dtype, &value->shape);
    if (value->constant) {
        text_append(p->text, " = ");
        print_tensor(p->text, value_constant(p->graph, id));
    }
    text_append(p->text, "\n");
}

static void mark_used(struct printer *p)
{
    const struct graph *graph = p->graph;

    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                p->used[graph->nodes[n].inputs[i]] = true;
    for (size_t s = 0; s < graph->signature_count; s++) {
        for (size_t i = 0; i < graph->signatures[s].input_count; i++)
            p->used[graph->signatures[s].inputs[i]] = true;
        for (size_t i = 0; i < graph->signatures[s].output_count; i++)
            p->used[graph->signatures[s].outputs[i]] = true;
    }
}

/* A name that is a number would be taken for a value's number. */
static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == 0;
}

static bool printer_init(struct printer *p, struct arena *scratch)
{
    const struct graph *graph = p->graph;
    struct map names;

    map_init(&names, scratch);
    p->used = arena_new(scratch, bool, graph->value_count);
    p->by_name = arena_new(scratch, bool, graph->value_count);
    if (!p->used || !p->by_name)
        return false;
    mark_used(p);
    for (size_t v = 0; v < graph->value_count; v++) {
        struct bytes name = bytes_of(graph->values[v].name);

        if (is_number(graph->values[v].name) || map_find(&names, name))
            continue;
        p->by_name[v] = map_set(&names, name, &graph->values[v]);
    }
    return true;
}

static void print_graph(const struct graph *graph, struct text *text, int depth);

static void print_indented(struct text *text, struct bytes lines)
{
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end ? (size_t)(end - lines.data) + 1 : lines.size;

        text_append(text, "    ");
        text_append_bytes(text, (struct bytes){lines.data, size});
        lines = (struct bytes){lines.data + size, lines.size - size};
    }
}

static void print_subgraphs(const struct printer *p, const struct node *node, int depth)
{
    for (size_t i = 0; i < node->attributes.count; i++) {
        const struct attribute *attribute = &node->attributes.items[i];
        char quoted[TEXT_QUOTE_SIZE];
        struct text inner = {0};

        if (attribute->kind != ATTRIBUTE_GRAPH || depth >= SUBGRAPH_DEPTH_MAX)
            continue;
        text_printf(p->text, "  %s:\n",
                    text_quote(bytes_of(attribute->name), quoted, sizeof quoted));
        print_graph(attribute->g, &inner, depth + 1);
        print_indented(p->text, text_bytes(&inner));
        p->text->failed |= inner.failed;
        text_release(&inner);
    }
}

void graph_print(const struct graph *graph, struct text *text)
{
    print_graph(graph, text, 0);
}

static void print_graph(const struct graph *graph, struct text *text, int depth)
{
    struct printer p = {.graph = graph, .text = text};
    struct arena scratch;

    arena_init(&scratch, PRINT_BYTES_MAX);
    if (!printer_init(&p, &scratch)) {
        text->failed = true;
        arena_release(&scratch);
        return;
    }
    for (size_t v = 0; v < graph->value_count; v++)
        if (p.used[v] && graph->values[v].is_input)
            print_source(&p, (value_id)v, "input");
    for (size_t v = 0; v < graph->value_count; v++)
        if (p.used[v] && graph->values[v].constant)
            print_source(&p, (value_id)v, "constant");
    for (size_t n = 0; n < graph->node_count; n++) {
        print_node(&p, &graph->nodes[n]);
        print_subgraphs(&p, &graph->nodes[n], depth);
    }
    for (size_t s = 0; s < graph->signature_count; s++) {
        const struct graph_signature *signature = &graph->signatures[s];
        char quoted[TEXT_QUOTE_SIZE];

        text_printf(text, "signature %s(",
                    text_quote(bytes_of(signature->name), quoted, sizeof quoted));
        print_values(&p, signature->inputs, signature->input_count);
        text_append(text, ") -> (");
        print_values(&p, signature->outputs, signature->output_count);
        text_append(text, ")\n");
    }
    arena_release(&scratch);
}
