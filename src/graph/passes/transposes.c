// SPDX-License-Identifier: Apache-2.0
/* Fewer Transposes. Operators that do not care for the order of dimensions form regions, joined by
 * the values that pass between them. A region is turned as a whole - channels last, or first -
 * where less has to be transposed at its borders then: Transposes there cancel, others come. What
 * is transposed in all shrinks with every turn, so that it ends. */
#include "graph/permute.h"

enum { RANK_LOW = 3, RANK_HIGH = 5 };
static const double UNKNOWN_DIM = 32;    /* taken for a dimension that is free */
static const double STEP_COST = 1. / 64; /* of a Transpose that moves nothing, in elements */

struct turning {
    struct graph *graph;
    struct uses uses;
    struct order order;
    size_t node_count;
    struct permutable *nodes; /* (node_count,) */
    int32_t *region;          /* (node_count,): forest of the union; itself: the root */
    int32_t *next;            /* (node_count,): of the same region, in order; -1: the last */
    int32_t *last;            /* (node_count,): of a root */
    bool *touched;            /* (value_count,): an earlier region of this round changed it */
    uint32_t *seen;           /* (value_count,): counted for region number - 1 */
    value_id *turned;         /* (value_count,): the value in the new order, or VALUE_NONE */
};

/* --- Transposes of Transposes --- */

static enum status merge(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        struct order order, before;
        const struct node *producer;

        edit_visit(&edit, n);
        if (!order_of(graph, &graph->nodes[n], &order))
            continue;
        producer = value_producer(graph, graph->nodes[n].inputs[0]);
        if (!order_of(graph, producer, &before) || before.rank != order.rank)
            continue;
        order = order_then(&before, &order);
        if (order_is_identity(&order)) {
            edit_replace(&edit, graph->nodes[n].outputs[0], producer->inputs[0]);
            edit_remove(&edit, n);
            continue;
        }
        TRY(graph_node_rewrite(graph, n,
                               &(struct node_description){
                                   .op = "Transpose",
                                   .inputs = producer->inputs,
                                   .input_count = 1,
                                   .attributes = &(struct attribute){.name = "perm",
                                                                     .kind = ATTRIBUTE_INTS,
                                                                     .count = (size_t)order.rank,
                                                                     .ints = order.perm},
                                   .attribute_count = 1,
                               },
                               err));
    }
    return edit_end(&edit, scratch, err);
}

/* --- regions --- */

static int32_t root_of(struct turning *t, int32_t node)
{
    while (t->region[node] != node)
        node = t->region[node] = t->region[t->region[node]];
    return node;
}

/* The smaller number is the root, so that regions are found in the order of the nodes. */
static void join(struct turning *t, int32_t a, int32_t b)
{
    a = root_of(t, a);
    b = root_of(t, b);
    if (a < b)
        t->region[b] = a;
    else
        t->region[a] = b;
}

static bool is_turnable(const struct turning *t, int32_t node)
{
    return node >= 0 && t->nodes[node].rule;
}

static bool reads(const struct turning *t, int32_t node, value_id value)
{
    const struct node *n = &t->graph->nodes[node];

    for (size_t i = 0; i < n->input_count; i++)
        if (n->inputs[i] == value && permutable_input(t->graph, n, &t->nodes[node], i))
            return true;
    return false;
}

/* Nodes that share a value are one region. */
static void join_around(struct turning *t, value_id value)
{
    int32_t producer = t->graph->values[value].producer;
    int32_t one = is_turnable(t, producer) && t->nodes[producer].outputs ? producer : -1;

    for (size_t i = t->uses.first[value]; i < t->uses.first[value + 1]; i++) {
        int32_t reader = t->uses.nodes[i];

        if (!is_turnable(t, reader) || !reads(t, reader, value))
            continue;
        if (one >= 0)
            join(t, one, reader);
        one = reader;
    }
}

static enum status find_regions(struct turning *t, struct arena *scratch, struct error *err)
{
    struct graph *graph = t->graph;

    t->node_count = graph->node_count;
    t->nodes = arena_new(scratch, struct permutable, graph->node_count);
    t->region = arena_new(scratch, int32_t, graph->node_count);
    t->next = arena_new(scratch, int32_t, graph->node_count);
    t->last = arena_new(scratch, int32_t, graph->node_count);
    t->touched = arena_new(scratch, bool, graph->value_count);
    t->seen = arena_new(scratch, uint32_t, graph->value_count);
    t->turned = arena_new(scratch, value_id, graph->value_count);
    if (!t->nodes || !t->region || !t->next || !t->last || !t->touched || !t->seen || !t->turned)
        return error_no_memory(err, "a pass");
    for (size_t n = 0; n < graph->node_count; n++) {
        if (t->uses.is_live[n])
            t->nodes[n] = permutable_of(graph, &graph->nodes[n], &t->order);
        t->region[n] = (int32_t)n;
    }
    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].shape.rank == t->order.rank && !graph->values[v].constant)
            join_around(t, (value_id)v);
    for (size_t n = 0; n < graph->node_count; n++) {
        int32_t root = root_of(t, (int32_t)n);

        if (root != (int32_t)n)
            t->next[t->last[root]] = (int32_t)n;
        t->last[root] = (int32_t)n;
        t->next[n] = -1;
    }
    return STATUS_OK;
}

/* --- what a turn costs: elements transposed after it, minus those before --- */

/* Elements that are moved when the value is put in another order. */
static double volume_of(const struct turning *t, value_id value, const struct order *order)
{
    const struct shape *shape = &t->graph->values[value].shape;
    double volume = 1;

    if (order_is_identity(order))
        return 0;
    if (order_is_view(order, shape))
        return STEP_COST;
    for (int i = 0; i < shape->rank; i++)
        volume *= dim_is_known(shape->dims[i]) ? (double)shape->dims[i] : UNKNOWN_DIM;
    return volume;
}

/* One that is made outside. */
static double cost_of_input(struct turning *t, value_id value, int32_t root)
{
    struct order before, both;
    const struct node *producer = value_producer(t->graph, value);
    double cost;
    bool stays = t->uses.is_output[value];

    if (t->graph->values[value].constant)
        return 0;
    for (size_t i = t->uses.first[value]; i < t->uses.first[value + 1]; i++) {
        int32_t reader = t->uses.nodes[i];
        const struct node *node = &t->graph->nodes[reader];
        bool inside = is_turnable(t, reader) && root_of(t, reader) == root;

        if (!inside && order_of(t->graph, node, &both) && both.rank == t->order.rank &&
            !memcmp(both.perm, t->order.perm, (size_t)both.rank * sizeof *both.perm))
            return 0; /* somebody has it in this order already */
        stays = stays || !inside;
    }
    if (t->graph->values[value].shape.rank != t->order.rank) { /* to be filled up first */
        struct shape whole = t->graph->values[value].shape;
        double volume = 1;

        for (int i = 0; i < whole.rank; i++)
            volume *= dim_is_known(whole.dims[i]) ? (double)whole.dims[i] : UNKNOWN_DIM;
        return volume == 1 ? 0 : volume + STEP_COST;
    }
    if (!order_of(t->graph, producer, &before) || before.rank != t->order.rank)
        return volume_of(t, value, &t->order);
    both = order_then(&before, &t->order);
    cost = volume_of(t, producer->inputs[0], &both);
    return stays ? cost : cost - volume_of(t, producer->inputs[0], &before);
}

/* One that is made inside, for those who read it outside. */
static double cost_of_output(struct turning *t, value_id value, int32_t root)
{
    struct order back = order_back(&t->order);
    bool whole = t->uses.is_output[value];
    double cost = 0;

    for (size_t i = t->uses.first[value]; i < t->uses.first[value + 1]; i++) {
        int32_t reader = t->uses.nodes[i];
        struct order order, both;

        if (is_turnable(t, reader) && root_of(t, reader) == root && reads(t, reader, value))
            continue;
        if (!order_of(t->graph, &t->graph->nodes[reader], &order)) {
            whole = true;
            continue;
        }
        both = order_then(&back, &order);
        cost -= volume_of(t, value, &order);
        cost += order_is_identity(&both) ? 0 : volume_of(t, value, &order);
    }
    return cost + (whole ? volume_of(t, value, &t->order) : 0);
}

static bool first_sight(struct turning *t, value_id value, int32_t root)
{
    if (t->seen[value] == (uint32_t)root + 1)
        return false;
    t->seen[value] = (uint32_t)root + 1;
    return true;
}

static bool is_inside(struct turning *t, value_id value, int32_t root)
{
    int32_t producer = t->graph->values[value].producer;

    return is_turnable(t, producer) && t->nodes[producer].outputs && root_of(t, producer) == root;
}

/* The inputs of a node that are turned with it. */
static bool is_turned_input(const struct turning *t, int32_t node, size_t i)
{
    const struct node *n = &t->graph->nodes[node];

    return i < t->nodes[node].tensors && n->inputs[i] != VALUE_NONE;
}

static bool is_worth_it(struct turning *t, int32_t root)
{
    double cost = 0;

    for (int32_t n = root; n >= 0; n = t->next[n]) {
        const struct node *node = &t->graph->nodes[n];

        for (size_t i = 0; i < node->input_count; i++)
            if (is_turned_input(t, n, i) && !is_inside(t, node->inputs[i], root) &&
                first_sight(t, node->inputs[i], root))
                cost += cost_of_input(t, node->inputs[i], root);
        for (size_t i = 0; t->nodes[n].outputs && i < node->output_count; i++)
            cost += cost_of_output(t, node->outputs[i], root);
    }
    return cost < 0;
}

/* --- turning --- */

/* Two neighbours that both count on the same Transpose to vanish would be wrong together: one of
 * them waits for the next round. Everything a Transpose at the border lies between is touched. */
static bool touch(struct turning *t, value_id value, bool mark)
{
    const struct node *producer = value_producer(t->graph, value);
    struct order ignored;
    bool was = t->touched[value];

    if (order_of(t->graph, producer, &ignored)) {
        was = was || t->touched[producer->inputs[0]];
        if (mark)
            t->touched[producer->inputs[0]] = true;
    }
    for (size_t i = t->uses.first[value]; i < t->uses.first[value + 1]; i++) {
        const struct node *reader = &t->graph->nodes[t->uses.nodes[i]];

        if (!order_of(t->graph, reader, &ignored))
            continue;
        was = was || t->touched[reader->outputs[0]];
        if (mark)
            t->touched[reader->outputs[0]] = true;
    }
    if (mark)
        t->touched[value] = true;
    return was;
}

static bool touch_region(struct turning *t, int32_t root, bool mark)
{
    bool was = false;

    for (int32_t n = root; n >= 0; n = t->next[n]) {
        const struct node *node = &t->graph->nodes[n];

        for (size_t i = 0; i < node->input_count; i++)
            if (is_turned_input(t, n, i) && !t->graph->values[node->inputs[i]].constant)
                was = touch(t, node->inputs[i], mark) || was;
        for (size_t i = 0; i < node->output_count; i++)
            was = touch(t, node->outputs[i], mark) || was;
    }
    return was;
}

static enum status turn_node(struct turning *t, struct edit *edit, int32_t index,
                             struct arena *scratch, struct error *err)
{
    struct graph *graph = t->graph;
    struct node node = graph->nodes[index];
    struct order back = order_back(&t->order);
    value_id *inputs = arena_new(scratch, value_id, node.input_count), made[OP_OUTPUTS_MAX];

    if (!inputs)
        return error_no_memory(err, "a pass");
    for (size_t i = 0; i < node.input_count; i++) {
        inputs[i] = node.inputs[i];
        if (!is_turned_input(t, index, i))
            continue;
        if (t->turned[inputs[i]] == VALUE_NONE)
            TRY(order_apply(graph, &t->order, inputs[i], &t->turned[inputs[i]], err));
        inputs[i] = t->turned[inputs[i]];
    }
    TRY(permutable_make(graph, &node, &t->order, inputs, made, err));
    for (size_t i = 0; i < node.output_count; i++) {
        value_id old = node.outputs[i], by = made[i];

        if (t->nodes[index].outputs) {
            t->turned[old] = made[i];
            TRY(order_apply(graph, &back, made[i], &by, err));
        }
        TRY(value_inherit(graph, old, by, err));
        edit_replace(edit, old, by);
    }
    edit_remove(edit, (size_t)index);
    return STATUS_OK;
}

static enum status turn(struct graph *graph, struct order order, struct arena *scratch,
                        struct error *err)
{
    struct turning t = {.graph = graph, .order = order};
    size_t values = graph->value_count;
    struct edit edit;

    TRY(uses_find(&t.uses, graph, scratch, err));
    TRY(find_regions(&t, scratch, err));
    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t v = 0; v < values; v++)
        t.turned[v] = VALUE_NONE;
    for (size_t n = 0; n < t.node_count; n++) {
        int32_t root = (int32_t)n;

        if (!is_turnable(&t, root) || root_of(&t, root) != root || !is_worth_it(&t, root) ||
            touch_region(&t, root, false))
            continue;
        touch_region(&t, root, true);
        for (int32_t i = root; i >= 0; i = t.next[i])
            TRY(turn_node(&t, &edit, i, scratch, err));
    }
    return edit_end(&edit, scratch, err);
}

static bool has_transposes(const struct graph *graph, int rank)
{
    struct order order;

    for (size_t n = 0; n < graph->node_count; n++)
        if (order_of(graph, &graph->nodes[n], &order) && order.rank == rank)
            return true;
    return false;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    TRY(merge(graph, scratch, err));
    for (int rank = RANK_LOW; rank <= RANK_HIGH; rank++) {
        if (!has_transposes(graph, rank))
            continue;
        TRY(turn(graph, order_channels_last(rank), scratch, err));
        TRY(merge(graph, scratch, err));
        if (rank > RANK_LOW) /* of rank 3 they are the same */
            TRY(turn(graph, order_channels_first(rank), scratch, err));
    }
    return merge(graph, scratch, err);
}

const struct pass pass_transposes = {
    .name = "transposes",
    .summary = "move Transposes to where they cancel",
    .order = 310,
    .run = run,
};
