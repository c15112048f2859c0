// SPDX-License-Identifier: Apache-2.0
#include "graph/constants.h"

#include <stdlib.h>

static bool is_large(const struct tensor *constant)
{
    return constant && constant->data && constant->dtype != DTYPE_STRING &&
           tensor_bytes(constant) >= CONSTANT_BYTES_MIN;
}

static int by_address(const void *a, const void *b)
{
    const struct constant_span *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* Overlapping spans become one. */
static void join(struct constants *constants)
{
    struct constant_span *spans = constants->spans;
    size_t kept = 0;

    qsort(spans, constants->count, sizeof *spans, by_address);
    for (size_t i = 0; i < constants->count; i++) {
        if (kept && spans[i].start < spans[kept - 1].end) {
            if (spans[i].end > spans[kept - 1].end)
                spans[kept - 1].end = spans[i].end;
        } else {
            spans[kept++] = spans[i];
        }
    }
    constants->count = kept;
}

/* The first span that ends behind `start`, or the end. */
static struct constant_span *span_behind(const struct constants *constants, const char *start)
{
    size_t low = 0, high = constants->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (constants->spans[middle].end <= start)
            low = middle + 1;
        else
            high = middle;
    }
    return constants->spans + low;
}

static void read_bytes(struct constants *constants, const void *data, size_t size)
{
    const char *start = data;
    struct constant_span *span;

    for (span = span_behind(constants, start);
         data && span < constants->spans + constants->count && span->start < start + size; span++)
        span->readers++;
}

static void read_tensor(struct constants *constants, const struct tensor *tensor)
{
    if (tensor && tensor->data && shape_is_known(&tensor->shape))
        read_bytes(constants, tensor->data, tensor_bytes(tensor));
}

static void read_graph(struct constants *constants, const struct graph *graph);

static void read_attribute(struct constants *constants, const struct attribute *attribute)
{
    switch (attribute->kind) {
    case ATTRIBUTE_TENSOR:
        read_tensor(constants, attribute->t);
        break;
    case ATTRIBUTE_INTS:
        read_bytes(constants, attribute->ints, attribute->count * sizeof *attribute->ints);
        break;
    case ATTRIBUTE_FLOATS:
        read_bytes(constants, attribute->floats, attribute->count * sizeof *attribute->floats);
        break;
    case ATTRIBUTE_GRAPH:
        read_graph(constants, attribute->g);
        break;
    default:
        break;
    }
}

/* Graphs in attributes nest no deeper than the importer allows. */
static void read_graph(struct constants *constants, const struct graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];

        for (size_t i = 0; i < node->input_count; i++)
            if (node->inputs[i] != VALUE_NONE)
                read_tensor(constants, graph->values[node->inputs[i]].constant);
        for (size_t i = 0; i < node->attributes.count; i++)
            read_attribute(constants, &node->attributes.items[i]);
    }
    for (size_t s = 0; s < graph->signature_count; s++)
        for (size_t i = 0; i < graph->signatures[s].output_count; i++)
            read_tensor(constants, graph->values[graph->signatures[s].outputs[i]].constant);
}

enum status constants_count(const struct graph *graph, struct constants *constants,
                            struct arena *scratch, struct error *err)
{
    *constants =
        (struct constants){.spans = arena_new(scratch, struct constant_span, graph->value_count)};
    if (!constants->spans)
        return error_no_memory(err, "the constants");
    for (size_t v = 0; v < graph->value_count; v++) {
        const struct tensor *constant = graph->values[v].constant;

        if (is_large(constant))
            constants->spans[constants->count++] = (struct constant_span){
                .start = constant->data, .end = (char *)constant->data + tensor_bytes(constant)};
    }
    join(constants);
    read_graph(constants, graph);
    return STATUS_OK;
}

/* Nobody reads it: its memory goes, and no value points to it any more. */
static bool give_back(struct graph *graph, const struct constant_span *span, struct arena *spare_to)
{
    if (!arena_give_back(graph->keep, (void *)(uintptr_t)span->start,
                         (size_t)(span->end - span->start), spare_to))
        return false;
    for (size_t v = 0; v < graph->value_count; v++) {
        struct tensor *constant = (struct tensor *)(uintptr_t)graph->values[v].constant;

        if (constant && (const char *)constant->data >= span->start &&
            (const char *)constant->data < span->end)
            constant->data = NULL;
    }
    return true;
}

void constants_release(struct graph *graph, struct constants *constants,
                       const struct tensor *constant, struct arena *spare_to,
                       void (*forget)(void *context, struct bytes bytes), void *context)
{
    struct constant_span *span;

    if (!is_large(constant))
        return;
    span = span_behind(constants, constant->data);
    if (span == constants->spans + constants->count || span->start > (char *)constant->data ||
        !span->readers || --span->readers)
        return;
    if (!give_back(graph, span, spare_to) && forget)
        forget(context,
               (struct bytes){(const uint8_t *)span->start, (size_t)(span->end - span->start)});
}

static bool overlaps(const struct tensor *a, const struct tensor *b)
{
    const char *x = a->data, *y = b->data;

    return x && y && x < y + tensor_bytes(b) && y < x + tensor_bytes(a);
}

/* Does nobody else read the bytes of this constant: no other value, and no graph inside of a node,
 * which may share it? */
static bool is_alone(const struct graph *graph, value_id value)
{
    const struct tensor *constant = graph->values[value].constant;

    if (!is_large(constant))
        return false;
    for (size_t v = 0; v < graph->value_count; v++)
        if (v != (size_t)value && graph->values[v].constant &&
            overlaps(graph->values[v].constant, constant))
            return false;
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op->flags & OP_SUBGRAPHS)
            return false;
    return true;
}

void constants_drop(struct graph *graph, value_id value)
{
    struct tensor *constant = (struct tensor *)(uintptr_t)graph->values[value].constant;

    if (!is_alone(graph, value))
        return;
    if (arena_give_back(graph->keep, constant->data, tensor_bytes(constant), graph->keep))
        constant->data = NULL;
    else if (graph->forget)
        graph->forget(graph->forget_context,
                      (struct bytes){constant->data, tensor_bytes(constant)});
}

bool constants_take(struct graph *graph, value_id value, struct tensor *taken)
{
    struct tensor *constant = (struct tensor *)(uintptr_t)graph->values[value].constant;

    if (!is_alone(graph, value) || !arena_holds(graph->keep, constant->data))
        return false;
    *taken = *constant;
    constant->data = NULL;
    return true;
}

enum status constants_sweep(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct constants constants;

    TRY(constants_count(graph, &constants, scratch, err));
    for (size_t i = 0; i < constants.count; i++) {
        const struct constant_span *span = &constants.spans[i];

        if (!span->readers && !give_back(graph, span, graph->keep) && graph->forget)
            graph->forget(graph->forget_context, (struct bytes){(const uint8_t *)span->start,
                                                                (size_t)(span->end - span->start)});
    }
    return STATUS_OK;
}
