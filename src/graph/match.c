// SPDX-License-Identifier: Apache-2.0
#include "graph/match.h"

#include <math.h>

bool match_number(const struct graph *graph, const struct node *node, size_t input, double *number)
{
    const struct tensor *constant = node_constant(graph, node, input);

    if (!constant || !dtype_is_float(constant->dtype) || tensor_count(constant) != 1)
        return false;
    *number = tensor_f64(constant, 0);
    return true;
}

bool match_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b);
}

bool match_with_number(const struct graph *graph, const struct node *node, const char *op,
                       bool commutes, value_id *x, double *number)
{
    if (!node || !node_is(node, op) || node->input_count != 2)
        return false;
    for (size_t side = 0; side < (commutes ? 2 : 1); side++)
        if (match_number(graph, node, 1 - side, number)) {
            *x = node->inputs[side];
            /* a constant of more dimensions would make the output larger */
            return graph->values[*x].shape.rank >= 0 &&
                   graph->values[*x].shape.rank == graph->values[node->outputs[0]].shape.rank;
        }
    return false;
}

bool match_scaled(const struct graph *graph, const struct node *node, value_id *x, double *number)
{
    if (match_with_number(graph, node, "Mul", true, x, number))
        return true;
    if (!match_with_number(graph, node, "Div", false, x, number))
        return false;
    *number = 1 / *number;
    return true;
}

const struct node *match_maker(const struct graph *graph, const struct node *node, size_t input)
{
    return input < node->input_count ? value_producer(graph, node->inputs[input]) : NULL;
}

const struct node *match_op(const struct graph *graph, value_id value, const char *op)
{
    const struct node *node = value_producer(graph, value);

    return node && node_is(node, op) ? node : NULL;
}

bool match_order(const struct node *node, const int64_t *order, size_t rank)
{
    size_t count;
    const int64_t *stored = attribute_ints(&node->attributes, "perm", &count);

    return stored && count == rank && !memcmp(stored, order, rank * sizeof *order);
}

static bool element_of(const struct tensor *tensor, size_t index, int64_t *dim)
{
    if (!tensor || tensor->dtype != DTYPE_I64 || tensor->shape.rank > 1 ||
        index >= tensor_count(tensor))
        return false;
    *dim = ((const int64_t *)tensor->data)[index];
    return true;
}

bool match_target(const struct graph *graph, const struct node *reshape, size_t index, int64_t *dim)
{
    const struct node *parts;

    if (reshape->input_count < 2 || reshape->inputs[1] == VALUE_NONE)
        return false;
    if (node_constant(graph, reshape, 1))
        return element_of(node_constant(graph, reshape, 1), index, dim);
    parts = match_op(graph, reshape->inputs[1], "Concat");
    for (size_t i = 0; parts && i < parts->input_count; i++) {
        const struct shape *shape = &graph->values[parts->inputs[i]].shape;

        if (shape->rank != 1 || shape->dims[0] < 0)
            return false;
        if (index < (size_t)shape->dims[0])
            return element_of(node_constant(graph, parts, i), index, dim);
        index -= (size_t)shape->dims[0];
    }
    return false;
}

bool match_axes(const struct graph *graph, const struct node *node, int64_t *axes, size_t max,
                size_t *count)
{
    const int64_t *stored = attribute_ints(&node->attributes, "axes", count);
    const struct tensor *given = node_constant(graph, node, 1);

    if (!stored) {
        if (!given || given->dtype != DTYPE_I64 || given->shape.rank > 1)
            return false;
        stored = given->data;
        *count = tensor_count(given);
    }
    if (*count > max)
        return false;
    memcpy(axes, stored, *count * sizeof *axes);
    return true;
}
