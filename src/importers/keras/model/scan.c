// SPDX-License-Identifier: Apache-2.0
/* A graph that runs once for each step: ONNX's Scan along axis 1. It captures nothing; constants
 * are made inside. */
#include "importers/keras/internal.h"

/* What is known of a value, less its steps where it has some. */
static enum status formal_add(struct call *c, struct scan *scan, value_id outside, bool steps,
                              value_id *inside, struct error *err)
{
    const struct value *from = &scan->outer->values[outside];
    struct shape shape = from->shape;

    if (scan->count == ARRAY_COUNT(scan->own))
        return error_set(err, STATUS_INTERNAL, "a loop over %zu tensors", scan->count);
    shape_forget_symbols(&shape);
    if (steps) {
        if (shape.rank < 2)
            return error_set(err, STATUS_INVALID_INPUT, "a tensor of %d dimensions has no steps",
                             shape.rank);
        shape = shape_without_axis(&shape, 1);
    }
    TRY(graph_input(c->k->e.graph, "", from->dtype, &shape, inside, err));
    scan->formals[scan->count] = *inside;
    scan->own[scan->count++] = outside;
    return STATUS_OK;
}

enum status scan_open(struct call *c, struct scan *scan, struct error *err)
{
    *scan = (struct scan){.outer = c->k->e.graph};
    return graph_new(&c->k->e.graph, c->k->keep, err);
}

enum status scan_state(struct call *c, struct scan *scan, value_id initial, value_id *inside,
                       struct error *err)
{
    scan->states++;
    return formal_add(c, scan, initial, false, inside, err);
}

enum status scan_steps(struct call *c, struct scan *scan, value_id x, value_id *inside,
                       struct error *err)
{
    return formal_add(c, scan, x, true, inside, err);
}

enum status scan_close(struct call *c, struct scan *scan, bool backwards, const value_id *made,
                       size_t made_count, value_id *results, struct error *err)
{
    static const int64_t ONES[SCAN_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};
    size_t steps = scan->count - scan->states, stacked = made_count - scan->states;
    struct graph *body = c->k->e.graph;
    struct attribute attributes[] = {
        {.name = "body", .kind = ATTRIBUTE_GRAPH, .g = body},
        attribute_of_int("num_scan_inputs", (int64_t)steps),
        attribute_of_ints("scan_input_axes", ONES, steps),
        attribute_of_ints("scan_output_axes", ONES, stacked),
        attribute_of_ints("scan_input_directions", ONES, steps),
    };

    TRY(graph_signature_add(body, "body", scan->formals, scan->count, made, made_count, err));
    TRY(graph_captures(body, 0, err));
    TRY(graph_finish(body, err));
    c->k->e.graph = scan->outer;
    return emit(c->e, "", "Scan", scan->own, scan->count, attributes,
                ARRAY_COUNT(attributes) - !backwards, results, made_count, err);
}
