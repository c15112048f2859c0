// SPDX-License-Identifier: Apache-2.0
/* Orders of dimensions. */
#include "graph/permute.h"

struct order order_channels_last(int rank)
{
    struct order order = {.rank = rank};

    for (int i = 1; i < rank; i++)
        order.perm[i] = i + 1 < rank ? i + 1 : 1;
    return order;
}

struct order order_channels_first(int rank)
{
    struct order last = order_channels_last(rank);

    return order_back(&last);
}

bool order_is_identity(const struct order *order)
{
    for (int i = 0; i < order->rank; i++)
        if (order->perm[i] != i)
            return false;
    return true;
}

struct order order_then(const struct order *first, const struct order *second)
{
    struct order both = {.rank = first->rank};

    for (int i = 0; i < both.rank; i++)
        both.perm[i] = first->perm[second->perm[i]];
    return both;
}

struct order order_back(const struct order *order)
{
    struct order back = {.rank = order->rank};

    for (int i = 0; i < order->rank; i++)
        back.perm[order->perm[i]] = i;
    return back;
}

int order_axis(const struct order *order, int64_t axis)
{
    for (int i = 0; i < order->rank; i++)
        if (order->perm[i] == axis)
            return i;
    return 0;
}

bool order_is_view(const struct order *order, const struct shape *shape)
{
    int64_t last = -1;

    if (shape->rank != order->rank)
        return false;
    for (int i = 0; i < order->rank; i++) {
        if (shape->dims[order->perm[i]] == 1)
            continue;
        if (order->perm[i] < last)
            return false;
        last = order->perm[i];
    }
    return true;
}

bool order_of(const struct graph *graph, const struct node *node, struct order *order)
{
    size_t count;
    const int64_t *perm;

    if (!node || !node_is(node, "Transpose"))
        return false;
    perm = attribute_ints(&node->attributes, "perm", &count);
    order->rank = graph->values[node->inputs[0]].shape.rank;
    if (order->rank < 0 || (perm && count != (size_t)order->rank))
        return false;
    for (int i = 0; i < order->rank; i++) {
        order->perm[i] = perm ? perm[i] : order->rank - 1 - i;
        order->perm[i] += order->perm[i] < 0 ? order->rank : 0;
        if (order->perm[i] < 0 || order->perm[i] >= order->rank)
            return false;
    }
    return true;
}

static enum status transpose(struct graph *graph, const struct order *order, value_id value,
                             value_id *ordered, struct error *err)
{
    struct attribute perm = {
        .name = "perm", .kind = ATTRIBUTE_INTS, .count = (size_t)order->rank, .ints = order->perm};

    return graph_op(graph, "", "Transpose", value, VALUE_NONE, VALUE_NONE, &perm, 1, ordered, err);
}

static bool is_one_element(const struct shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] != 1)
            return false;
    return shape->rank >= 0;
}

enum status order_apply(struct graph *graph, const struct order *order, value_id value,
                        value_id *ordered, struct error *err)
{
    struct shape shape = graph->values[value].shape;
    int64_t axes[RANK_MAX], missing = order->rank - shape.rank;
    struct shape count = SHAPE(missing);
    value_id list, whole;

    *ordered = value;
    if (order_is_identity(order) || is_one_element(&shape))
        return STATUS_OK;
    if (missing == 0)
        return transpose(graph, order, value, ordered, err);
    for (int i = 0; i < missing; i++)
        axes[i] = i;
    TRY(graph_constant_i64(graph, axes, &count, &list, err));
    TRY(graph_op(graph, "", "Unsqueeze", value, list, VALUE_NONE, NULL, 0, &whole, err));
    return transpose(graph, order, whole, ordered, err);
}
