// SPDX-License-Identifier: Apache-2.0
/* GraphDef and NodeDef as structs that borrow from the file. */
#include <stdlib.h>

#include "base/number.h"
#include "base/text.h"
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { NODES_MAX = 1 << 22 };
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, GRAPH_VERSIONS = 4 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTRIBUTE = 5 };
enum {
    LIST = 1,
    STRING = 2,
    INT = 3,
    FLOAT = 4,
    BOOL = 5,
    TYPE = 6,
    SHAPE_ATTRIBUTE = 7,
    TENSOR = 8,
    FUNCTION = 10
};
enum { LIST_FUNCTION = 9 };

/* --- nodes --- */

/* The number behind the last colon of a text, which is cut off. */
static bool number_cut(struct bytes *text, size_t *number)
{
    size_t colon = text->size;
    int64_t value;

    while (colon && text->data[colon - 1] != ':')
        colon--;
    if (!number_i64_from_text((struct bytes){text->data + colon, text->size - colon}, &value) ||
        value < 0 || value >= TF_OUTPUTS_MAX)
        return false;
    *number = (size_t)value;
    text->size = colon - 1;
    return true;
}

/* "^node" is a control edge: it orders, and carries nothing. */
enum status tf_edge_read(struct bytes text, struct tf_edge *edge, bool *control, struct error *err)
{
    size_t colons = 0;

    *control = text.size && text.data[0] == '^';
    if (*control)
        text = (struct bytes){text.data + 1, text.size - 1};
    for (size_t i = 0; i < text.size; i++)
        colons += text.data[i] == ':';
    *edge = (struct tf_edge){.node = text, .port = {text.data, 0}};
    if (!colons)
        return STATUS_OK;
    if (colons > 2 || !number_cut(&edge->node, &edge->output))
        return error_set(err, STATUS_INVALID_INPUT, "an input has no valid output number");
    if (colons == 1)
        return STATUS_OK;
    while (edge->node.data[edge->node.size - 1] != ':')
        edge->node.size--;
    edge->port = (struct bytes){text.data + edge->node.size, 0};
    while (edge->port.data[edge->port.size] != ':')
        edge->port.size++;
    edge->node.size--;
    return STATUS_OK;
}

static enum status attribute_read(struct protobuf entry, struct tf_attribute *attribute,
                                  struct error *err)
{
    struct protobuf_field name, value;

    *attribute = (struct tf_attribute){0};
    TRY(protobuf_entry(entry, &name, &value, err));
    TRY(protobuf_bytes(&name, &attribute->name, err));
    return protobuf_message(&value, &attribute->value, err);
}

static enum status node_room(const struct protobuf *message, struct tf_node *node,
                             struct arena *keep, struct error *err)
{
    size_t inputs, attributes;

    TRY(protobuf_count(message, NODE_INPUT, &inputs, err));
    TRY(protobuf_count(message, NODE_ATTRIBUTE, &attributes, err));
    if (inputs > TF_INPUTS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a node of %zu inputs", inputs);
    node->inputs = arena_new(keep, struct tf_edge, inputs);
    node->attributes = arena_new(keep, struct tf_attribute, attributes);
    return node->inputs && node->attributes ? STATUS_OK : error_no_memory(err, "a node");
}

/* Control edges come last: they begin where the inputs end. */
static enum status input_read(struct bytes text, struct tf_node *node, struct error *err)
{
    struct tf_edge *edge = &node->inputs[node->input_count + node->control_count];
    bool control;

    TRY(tf_edge_read(text, edge, &control, err));
    if (!control && node->control_count)
        return error_set(err, STATUS_INVALID_INPUT, "has an input behind a control input");
    if (!control)
        node->input_count++;
    else
        node->control_count++;
    node->controls = node->inputs + node->input_count;
    return STATUS_OK;
}

static enum status node_read(struct protobuf message, struct tf_node *node, struct arena *keep,
                             struct error *err)
{
    struct protobuf_field field;
    struct protobuf entry;
    struct bytes text;

    *node = (struct tf_node){.name = "", .op = ""};
    TRY(node_room(&message, node, keep, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case NODE_NAME:
            TRY(protobuf_text(&field, &node->name, keep, err));
            break;
        case NODE_OP:
            TRY(protobuf_text(&field, &node->op, keep, err));
            break;
        case NODE_INPUT:
            TRY(protobuf_bytes(&field, &text, err));
            TRY(input_read(text, node, err));
            break;
        case NODE_ATTRIBUTE:
            TRY(protobuf_message(&field, &entry, err));
            TRY(attribute_read(entry, &node->attributes[node->attribute_count++], err));
            break;
        }
    }
}

/* Nodes that somebody reads; a control edge does not count. */
static void readers_mark(struct tf_graph *graph)
{
    for (size_t n = 0; n < graph->count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++) {
            struct tf_node *from = map_find(&graph->by_name, graph->nodes[n].inputs[i].node);

            if (from)
                from->is_read = true;
        }
}

static enum status producer_read(struct protobuf versions, int64_t *producer, struct error *err)
{
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&versions, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_i64(&field, producer, err));
    }
}

enum status tf_nodes_read(const struct protobuf *message, uint32_t number, size_t more,
                          struct tf_graph *graph, struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count;

    map_init(&graph->by_name, keep);
    TRY(protobuf_count(message, number, &count, err));
    if (count > NODES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the graph has %zu nodes", count);
    graph->nodes = arena_new(keep, struct tf_node, count + more);
    graph->effects = arena_new(keep, struct tf_effects, 1);
    if (!graph->nodes || !graph->effects)
        return error_no_memory(err, "the graph");
    graph->count = more;
    while (graph->count < count + more) {
        struct tf_node *node = &graph->nodes[graph->count];

        TRY(protobuf_next(&reader, &field, err));
        if (field.number != number)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(node_read(inner, node, keep, err));
        if (map_find(&graph->by_name, bytes_of(node->name)))
            return error_set(err, STATUS_INVALID_INPUT, "two nodes are called '%s'",
                             text_quote(bytes_of(node->name), quoted, sizeof quoted));
        if (!map_set(&graph->by_name, bytes_of(node->name), node))
            return error_no_memory(err, "the graph");
        graph->count++;
    }
    return STATUS_OK;
}

enum status tf_graph_read(const struct protobuf *message, struct tf_graph *graph,
                          struct arena *keep, struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field;

    *graph = (struct tf_graph){.library = protobuf_over((struct bytes){(const uint8_t *)"", 0})};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == GRAPH_LIBRARY)
            TRY(protobuf_message(&field, &graph->library, err));
        if (field.number == GRAPH_VERSIONS) {
            TRY(protobuf_message(&field, &inner, err));
            TRY(producer_read(inner, &graph->producer, err));
        }
    }
    TRY(tf_nodes_read(message, GRAPH_NODE, 0, graph, keep, err));
    readers_mark(graph);
    return STATUS_OK;
}

/* --- attributes --- */

/* What TensorFlow takes where a model says nothing: old ones, and those saved without defaults. */
static const struct tf_default {
    const char *op, *name;
    size_t size;
    const char *value;
} DEFAULTS[] = {
#define DEFAULT(op, name, size, value) {op, name, size, value},
#include "importers/tensorflow/model/op_defaults.def"
#undef DEFAULT
};

static int by_op_and_name(const void *a, const void *b)
{
    const struct tf_default *x = a, *y = b;
    int order = strcmp(x->op, y->op);

    return order ? order : strcmp(x->name, y->name);
}

static bool default_find(const struct tf_node *node, const char *name, struct protobuf *value)
{
    struct tf_default wanted = {.op = node->op, .name = name};
    const struct tf_default *found =
        bsearch(&wanted, DEFAULTS, ARRAY_COUNT(DEFAULTS), sizeof *DEFAULTS, by_op_and_name);

    if (found)
        *value = protobuf_over((struct bytes){(const uint8_t *)found->value, found->size});
    return found != NULL;
}

static const struct tf_attribute *stored_find(const struct tf_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++)
        if (bytes_is(node->attributes[i].name, name))
            return &node->attributes[i];
    return NULL;
}

static bool find(const struct tf_node *node, const char *name, struct protobuf *value)
{
    const struct tf_attribute *stored = stored_find(node, name);

    if (stored)
        *value = stored->value;
    return stored || default_find(node, name, value);
}

/* The field `kind` of an AttrValue; *found is false when there is no such attribute. */
static enum status value_of(const struct tf_node *node, const char *name, uint32_t kind,
                            struct protobuf_field *field, bool *found, struct error *err)
{
    struct protobuf reader;
    struct protobuf_field next;

    *found = false;
    if (!find(node, name, &reader))
        return STATUS_OK;
    for (;;) {
        if (protobuf_next(&reader, &next, err))
            return error_within(err, "attribute '%.64s'", name);
        if (!next.number)
            return STATUS_OK;
        if (next.number != kind)
            return error_set(err, STATUS_UNSUPPORTED,
                             "attribute '%.64s' is of kind %u, where %u was expected", name,
                             (unsigned)next.number, (unsigned)kind);
        *field = next;
        *found = true;
    }
}

enum status tf_int(const struct tf_node *node, const char *name, int64_t otherwise, int64_t *value,
                   struct error *err)
{
    struct protobuf_field field;
    bool found;

    *value = otherwise;
    TRY(value_of(node, name, INT, &field, &found, err));
    return found ? protobuf_i64(&field, value, err) : STATUS_OK;
}

enum status tf_float(const struct tf_node *node, const char *name, double otherwise, double *value,
                     struct error *err)
{
    struct protobuf_field field;
    bool found;
    float single;

    *value = otherwise;
    TRY(value_of(node, name, FLOAT, &field, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_f32(&field, &single, err));
    *value = single;
    return STATUS_OK;
}

enum status tf_bool(const struct tf_node *node, const char *name, bool otherwise, bool *value,
                    struct error *err)
{
    struct protobuf_field field;
    bool found;

    *value = otherwise;
    TRY(value_of(node, name, BOOL, &field, &found, err));
    return found ? protobuf_bool(&field, value, err) : STATUS_OK;
}

enum status tf_string(const struct tf_node *node, const char *name, const char *otherwise,
                      struct bytes *value, struct error *err)
{
    struct protobuf_field field;
    bool found;

    *value = bytes_of(otherwise);
    TRY(value_of(node, name, STRING, &field, &found, err));
    return found ? protobuf_bytes(&field, value, err) : STATUS_OK;
}

enum status tf_type(const struct tf_node *node, const char *name, enum dtype *dtype,
                    struct error *err)
{
    struct protobuf_field field;
    int64_t code;
    bool found;

    *dtype = DTYPE_NONE;
    TRY(value_of(node, name, TYPE, &field, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_i64(&field, &code, err));
    *dtype = dtype_from_tf(code > 100 ? code - 100 : code); /* references */
    if (*dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "attribute '%.64s' is TensorFlow dtype %lld",
                         name, (long long)code);
    return STATUS_OK;
}

enum status tf_shape(const struct tf_node *node, const char *name, struct shape *shape,
                     struct arena *keep, struct error *err)
{
    struct protobuf_field field;
    struct protobuf message;
    bool found;

    *shape = shape_unknown();
    TRY(value_of(node, name, SHAPE_ATTRIBUTE, &field, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_message(&field, &message, err));
    return tf_shape_read(&message, shape, NULL, keep, err);
}

enum status tf_tensor(const struct tf_node *node, const char *name, struct tensor *tensor,
                      struct arena *keep, struct error *err)
{
    struct protobuf_field field;
    struct protobuf message;
    bool found;

    TRY(value_of(node, name, TENSOR, &field, &found, err));
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "has no attribute '%.64s'", name);
    TRY(protobuf_message(&field, &message, err));
    return tf_tensor_read(&message, tensor, keep, err);
}

enum status tf_ints(const struct tf_node *node, const char *name, int64_t *values, size_t max,
                    size_t *count, struct arena *keep, struct error *err)
{
    struct protobuf_field field;
    struct protobuf list;
    int64_t *all;
    bool found;

    *count = 0;
    TRY(value_of(node, name, LIST, &field, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_message(&field, &list, err));
    TRY(protobuf_all_i64(&list, INT, &all, count, keep, err));
    if (*count > max)
        return error_set(err, STATUS_INVALID_INPUT, "attribute '%.64s' has %zu items", name,
                         *count);
    if (*count)
        memcpy(values, all, *count * sizeof *values);
    return STATUS_OK;
}

enum status tf_floats(const struct tf_node *node, const char *name, const float **values,
                      size_t *count, struct arena *keep, struct error *err)
{
    struct protobuf_field field;
    struct protobuf list;
    float *all = NULL;
    bool found;

    *count = 0;
    *values = NULL;
    TRY(value_of(node, name, LIST, &field, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_message(&field, &list, err));
    TRY(protobuf_all_f32(&list, FLOAT, &all, count, keep, err));
    *values = all;
    return STATUS_OK;
}

/* The name (1) of a NameAttrList. */
static enum status name_read(const struct protobuf_field *field, struct bytes *name,
                             struct error *err)
{
    struct protobuf message;
    struct protobuf_field inner;

    *name = (struct bytes){(const uint8_t *)"", 0};
    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &inner, err));
        if (!inner.number)
            return STATUS_OK;
        if (inner.number == 1)
            TRY(protobuf_bytes(&inner, name, err));
    }
}

enum status tf_function_name(const struct tf_node *node, const char *name, struct bytes *function,
                             struct error *err)
{
    struct protobuf_field field;
    bool found;

    *function = (struct bytes){(const uint8_t *)"", 0};
    TRY(value_of(node, name, FUNCTION, &field, &found, err));
    return found ? name_read(&field, function, err) : STATUS_OK;
}

static enum status list_visit(struct protobuf list,
                              enum status (*visit)(struct bytes name, void *context,
                                                   struct error *err),
                              void *context, struct error *err)
{
    struct protobuf_field field;
    struct bytes function;

    for (;;) {
        TRY(protobuf_next(&list, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != LIST_FUNCTION)
            continue;
        TRY(name_read(&field, &function, err));
        TRY(visit(function, context, err));
    }
}

enum status tf_functions_visit(const struct tf_node *node,
                               enum status (*visit)(struct bytes name, void *context,
                                                    struct error *err),
                               void *context, struct error *err)
{
    for (size_t i = 0; i < node->attribute_count; i++) {
        struct protobuf reader = node->attributes[i].value, list;
        struct protobuf_field field;
        struct bytes function;

        TRY(protobuf_next(&reader, &field, err));
        if (field.number == FUNCTION) {
            TRY(name_read(&field, &function, err));
            TRY(visit(function, context, err));
        } else if (field.number == LIST) {
            TRY(protobuf_message(&field, &list, err));
            TRY(list_visit(list, visit, context, err));
        }
    }
    return STATUS_OK;
}

/* Of a list of whatever kind. */
static enum status list_length(const struct protobuf *list, size_t *length, struct arena *keep,
                               struct error *err)
{
    static const uint32_t PACKED[] = {INT, BOOL, TYPE};
    static const uint32_t PLAIN[] = {STRING, SHAPE_ATTRIBUTE, TENSOR};
    int64_t *all;

    for (size_t i = 0; i < ARRAY_COUNT(PACKED) && !*length; i++)
        TRY(protobuf_all_i64(list, PACKED[i], &all, length, keep, err));
    for (size_t i = 0; i < ARRAY_COUNT(PLAIN) && !*length; i++)
        TRY(protobuf_count(list, PLAIN[i], length, err));
    return STATUS_OK;
}

enum status tf_length(const struct tf_node *node, const char *name, size_t *length,
                      struct arena *keep, struct error *err)
{
    struct protobuf reader, list;
    struct protobuf_field field;
    int64_t number = 0;

    *length = 0;
    if (!find(node, name, &reader))
        return STATUS_OK;
    TRY(protobuf_next(&reader, &field, err));
    if (field.number == LIST) {
        TRY(protobuf_message(&field, &list, err));
        TRY(list_length(&list, length, keep, err));
    } else {
        TRY(tf_int(node, name, 0, &number, err));
        *length = number < 0 ? 0 : (size_t)number;
    }
    return *length <= TF_INPUTS_MAX
               ? STATUS_OK
               : error_set(err, STATUS_TOO_LARGE, "attribute '%.64s' is %zu", name, *length);
}
