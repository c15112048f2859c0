// SPDX-License-Identifier: Apache-2.0
/* What Switch, Merge, Enter, NextIteration and Exit describe: of each node the loop that it is in
 * and the sides of conditions that it is on. One walk over the graph in the order of its edges,
 * those from NextIteration left out.
 * Source: tensorflow/core/common_runtime/executor.cc, python/ops/control_flow_ops.py. */
#include "base/text.h"
#include "importers/tensorflow/control/flow.h"

enum { FRAME_DEPTH_MAX = 32, NAMES_MAX = 256 };
enum { OUTPUT_SHIFT = 16, NODE_SHIFT = 32 };

static bool op_is(const struct tf_node *node, const char *name)
{
    return !strcmp(node->op, name) || (!strncmp(node->op, "Ref", 3) && !strcmp(node->op + 3, name));
}

static bool has_flow(const struct tf_graph *graph)
{
    for (size_t n = 0; n < graph->count; n++)
        if (op_is(&graph->nodes[n], "Switch") || op_is(&graph->nodes[n], "Merge") ||
            op_is(&graph->nodes[n], "Enter") || !strcmp(graph->nodes[n].op, "_SwitchN"))
            return true;
    return false;
}

/* --- edges --- */

static enum status edges_find(struct tf_flow *flow, struct arena *keep, struct error *err)
{
    const struct tf_graph *graph = flow->graph;
    size_t count = 0, at = 0;

    for (size_t n = 0; n < graph->count; n++)
        count += graph->nodes[n].input_count + graph->nodes[n].control_count;
    if (count >= TF_NOWHERE)
        return error_set(err, STATUS_TOO_LARGE, "%zu edges", count);
    flow->first = arena_new(keep, uint32_t, graph->count + 1);
    flow->from = arena_new(keep, uint32_t, count);
    if (!flow->first || !flow->from)
        return error_no_memory(err, "the graph");
    for (size_t n = 0; n < graph->count; n++) {
        const struct tf_node *node = &graph->nodes[n];

        flow->first[n] = (uint32_t)at;
        for (size_t i = 0; i < node->input_count + node->control_count; i++) {
            const struct tf_edge *edge =
                i < node->input_count ? &node->inputs[i] : &node->controls[i - node->input_count];
            const struct tf_node *from = map_find(&graph->by_name, edge->node);

            flow->from[at++] = from ? tf_flow_index(flow, from) : TF_NOWHERE;
        }
    }
    flow->first[graph->count] = (uint32_t)at;
    return STATUS_OK;
}

static const struct tf_node *input_node(const struct tf_flow *flow, const struct tf_node *node,
                                        size_t input)
{
    uint32_t from = input < node->input_count
                        ? flow->from[flow->first[tf_flow_index(flow, node)] + input]
                        : TF_NOWHERE;

    return from == TF_NOWHERE ? NULL : &flow->graph->nodes[from];
}

/* --- frames --- */

static enum status frame_of(struct tf_flow *flow, const struct tf_node *enter,
                            struct tf_frame **frame, struct error *err)
{
    struct bytes name;

    TRY(tf_string(enter, "frame_name", "", &name, err));
    *frame = map_find(&flow->frame_names, name);
    if (*frame)
        return STATUS_OK;
    *frame = &flow->frames[flow->frame_count++];
    **frame = (struct tf_frame){.name = name,
                                .parent = -1,
                                .conditions = &TF_NO_CONDITIONS,
                                .enters = TF_NOWHERE,
                                .exits = TF_NOWHERE};
    return map_set(&flow->frame_names, name, *frame) ? STATUS_OK
                                                     : error_no_memory(err, "the graph");
}

static enum status frames_find(struct tf_flow *flow, struct arena *keep, struct error *err)
{
    struct tf_frame *frame;
    size_t enters = 0;

    for (size_t n = 0; n < flow->graph->count; n++)
        enters += op_is(&flow->graph->nodes[n], "Enter");
    flow->frames = arena_new(keep, struct tf_frame, enters + 1);
    if (!flow->frames)
        return error_no_memory(err, "the graph");
    flow->frames[0] = (struct tf_frame){.parent = -1, .conditions = &TF_NO_CONDITIONS};
    flow->frame_count = 1;
    map_init(&flow->frame_names, keep);
    for (size_t n = 0; n < flow->graph->count; n++) {
        if (!op_is(&flow->graph->nodes[n], "Enter"))
            continue;
        TRY(frame_of(flow, &flow->graph->nodes[n], &frame, err));
        frame->pending++;
        flow->nodes[n].next = frame->enters;
        frame->enters = (uint32_t)n;
    }
    return STATUS_OK;
}

bool tf_flow_within(const struct tf_flow *flow, int32_t frame, int32_t outer)
{
    while (frame > 0 && frame != outer)
        frame = flow->frames[frame].parent;
    return frame == outer;
}

/* --- predicates --- */

/* What a condition comes down to: its copies, inside of branches too, are the same. */
static uint64_t predicate_of(const struct tf_scope *scope, const struct tf_node *node, size_t input)
{
    const struct tf_flow *flow = scope->flow;
    const struct tf_node *from = input_node(flow, node, input);
    struct error ignored;
    size_t output = 0;

    for (size_t i = 0; from && i < NAMES_MAX; i++) {
        if (tf_edge_output(scope, from, &node->inputs[input], &output, &ignored))
            return 0;
        if (!from->input_count || (strcmp(from->op, "Identity") && !op_is(from, "Switch")) ||
            (op_is(from, "Switch") && !flow->nodes[tf_flow_index(flow, from)].is_switch))
            break;
        node = from;
        input = 0;
        from = input_node(flow, node, 0);
    }
    if (!from || output > 0xFF)
        return 0;
    return ((uint64_t)tf_flow_index(flow, from) + 1) << NODE_SHIFT | (uint64_t)output
                                                                         << OUTPUT_SHIFT;
}

const struct tf_node *tf_flow_predicate(const struct tf_flow *flow, uint64_t predicate,
                                        size_t *output)
{
    *output = predicate >> OUTPUT_SHIFT & 0xFFFF;
    return &flow->graph->nodes[(predicate >> NODE_SHIFT) - 1];
}

/* A node whose first inputs are settled: is it a Switch of a condition? */
static void switch_learn(const struct tf_scope *scope, uint32_t n)
{
    struct tf_flow *flow = scope->flow;
    const struct tf_node *node = &flow->graph->nodes[n], *from;
    uint64_t predicate;
    size_t output;

    if ((!op_is(node, "Switch") && strcmp(node->op, "_SwitchN")) || node->input_count != 2)
        return;
    predicate = predicate_of(scope, node, 1);
    if (!predicate)
        return;
    from = tf_flow_predicate(flow, predicate, &output);
    if (!strcmp(from->op, "LoopCond"))
        return;
    flow->nodes[n].is_switch = true;
    flow->nodes[n].predicate = predicate;
}

/* --- one node --- */

/* On which conditions the value of an edge rests. */
static const struct tf_conditions *conditions_of(const struct tf_scope *scope, uint32_t n, size_t i)
{
    const struct tf_flow *flow = scope->flow;
    const struct tf_node *node = &flow->graph->nodes[n];
    uint32_t from = flow->from[flow->first[n] + i];
    const struct tf_flow_node *source;
    struct error ignored;
    size_t output;

    if (from == TF_NOWHERE)
        return &TF_NO_CONDITIONS;
    source = &flow->nodes[from];
    if (!source->is_switch || i >= node->input_count)
        return source->conditions;
    if (tf_edge_output(scope, &flow->graph->nodes[from], &node->inputs[i], &output, &ignored) ||
        output >= TF_SIDES_MAX)
        return NULL;
    return tf_conditions_with(source->conditions, source->predicate | output, scope->l->keep);
}

/* The deeper of two loops, one of which is around the other; -1: neither is. */
static int32_t deeper(const struct tf_flow *flow, int32_t a, int32_t b)
{
    return a < 0 || b < 0               ? -1
           : tf_flow_within(flow, a, b) ? a
           : tf_flow_within(flow, b, a) ? b
                                        : -1;
}

static bool settle_plain(const struct tf_scope *scope, uint32_t n)
{
    struct tf_flow *flow = scope->flow;
    struct tf_flow_node *node = &flow->nodes[n];
    size_t count = flow->first[n + 1] - flow->first[n];

    node->conditions = &TF_NO_CONDITIONS;
    for (size_t i = 0; i < count; i++) {
        uint32_t from = flow->from[flow->first[n] + i];

        if (from == TF_NOWHERE)
            continue;
        if (!flow->nodes[from].settled)
            return false;
        node->frame = deeper(flow, node->frame, flow->nodes[from].frame);
        node->conditions =
            tf_conditions_join(node->conditions, conditions_of(scope, n, i), scope->l->keep);
    }
    return node->frame >= 0 && node->conditions;
}

/* The Merge of a loop: what it is entered with decides. */
static bool settle_head(const struct tf_scope *scope, uint32_t n)
{
    struct tf_flow *flow = scope->flow;
    const struct tf_node *node = &flow->graph->nodes[n];

    for (size_t i = 0; i < node->input_count; i++) {
        const struct tf_node *from = input_node(flow, node, i);

        if (!from || !op_is(from, "Enter"))
            continue;
        flow->nodes[n].frame = flow->nodes[tf_flow_index(flow, from)].frame;
        flow->nodes[n].conditions = flow->nodes[tf_flow_index(flow, from)].conditions;
        return flow->nodes[tf_flow_index(flow, from)].settled;
    }
    return false;
}

/* Do all inputs rest on different sides of `predicate`? What else they rest on in *rest. */
static bool decides(const struct tf_scope *scope, const struct tf_conditions *const *inputs,
                    size_t count, uint64_t predicate, const struct tf_conditions **rest, bool *same)
{
    uint8_t seen[TF_SIDES_MAX] = {0};
    const struct tf_conditions *others[2];

    *same = true;
    *rest = &TF_NO_CONDITIONS;
    for (size_t i = 0; i < count; i++) {
        int side = tf_conditions_side(inputs[i], predicate);

        if (side < 0 || seen[side]++)
            return false;
        others[i > 0] = tf_conditions_without(inputs[i], predicate, scope->l->keep);
        *rest = tf_conditions_join(*rest, others[i > 0], scope->l->keep);
        if (!*rest)
            return false;
        *same = *same && (i == 0 || (tf_conditions_include(others[0], others[1]) &&
                                     tf_conditions_include(others[1], others[0])));
    }
    return true;
}

static bool settle_merge(const struct tf_scope *scope, uint32_t n)
{
    struct tf_flow *flow = scope->flow;
    struct tf_flow_node *merge = &flow->nodes[n];
    const struct tf_node *node = &flow->graph->nodes[n];
    const struct tf_conditions **inputs, *rest;
    bool same, sure = false;

    if (node->input_count < 2 || node->input_count > TF_SIDES_MAX || !settle_plain(scope, n))
        return false;
    inputs = arena_new(scope->l->keep, const struct tf_conditions *, node->input_count);
    for (size_t i = 0; inputs && i < node->input_count; i++) {
        inputs[i] = conditions_of(scope, n, i);
        if (!inputs[i])
            return false;
    }
    if (!inputs)
        return false;
    for (size_t i = 0; i < inputs[0]->count && !sure; i++) {
        uint64_t predicate = inputs[0]->items[i] & ~(uint64_t)TF_SIDE_MASK;

        if (!decides(scope, inputs, node->input_count, predicate, &rest, &same) ||
            (merge->predicate && !same))
            continue;
        merge->predicate = predicate;
        merge->conditions = rest;
        sure = same;
    }
    return merge->predicate != 0;
}

static bool settle(struct tf_scope *scope, uint32_t n)
{
    struct tf_flow *flow = scope->flow;
    struct tf_flow_node *node = &flow->nodes[n];

    if (node->is_head)
        return settle_head(scope, n);
    if (op_is(&flow->graph->nodes[n], "Merge"))
        return settle_merge(scope, n);
    if (!settle_plain(scope, n))
        return false;
    switch_learn(scope, n);
    if (!strcmp(flow->graph->nodes[n].op, "LoopCond")) {
        struct tf_frame *frame = &flow->frames[node->frame];

        frame->bad = frame->bad || frame->condition;
        frame->condition = &flow->graph->nodes[n];
    }
    if (op_is(&flow->graph->nodes[n], "Exit")) {
        if (!node->frame)
            return false;
        node->conditions = flow->frames[node->frame].conditions;
        node->next = flow->frames[node->frame].exits;
        flow->frames[node->frame].exits = n;
        node->frame = flow->frames[node->frame].parent;
    }
    return true;
}

/* --- all --- */

struct order {
    uint32_t *ready, *pending;        /* (count,) */
    uint32_t *reader_first, *readers; /* of each node */
    size_t taken, count;
};

static bool is_back_edge(const struct tf_flow *flow, uint32_t n, size_t i)
{
    uint32_t from = flow->from[flow->first[n] + i];

    return from == TF_NOWHERE ||
           (op_is(&flow->graph->nodes[n], "Merge") && i < flow->graph->nodes[n].input_count &&
            op_is(&flow->graph->nodes[from], "NextIteration"));
}

static enum status order_begin(struct tf_flow *flow, struct order *order, struct arena *keep,
                               struct error *err)
{
    size_t count = flow->graph->count;

    *order = (struct order){
        .ready = arena_new(keep, uint32_t, count),
        .pending = arena_new(keep, uint32_t, count),
        .reader_first = arena_new(keep, uint32_t, count + 2),
        .readers = arena_new(keep, uint32_t, flow->first[count]),
    };
    if (!order->ready || !order->pending || !order->reader_first || !order->readers)
        return error_no_memory(err, "the graph");
    for (uint32_t n = 0; n < count; n++)
        for (size_t i = 0; i < flow->first[n + 1] - flow->first[n]; i++) {
            uint32_t from = flow->from[flow->first[n] + i];

            if (is_back_edge(flow, n, i)) {
                flow->nodes[n].is_head = flow->nodes[n].is_head || from != TF_NOWHERE;
                continue;
            }
            order->pending[n]++;
            order->reader_first[from + 2]++;
        }
    for (size_t n = 2; n < count + 2; n++)
        order->reader_first[n] += order->reader_first[n - 1];
    for (uint32_t n = 0; n < count; n++) {
        for (size_t i = 0; i < flow->first[n + 1] - flow->first[n]; i++)
            if (!is_back_edge(flow, n, i))
                order->readers[order->reader_first[flow->from[flow->first[n] + i] + 1]++] = n;
        if (!order->pending[n])
            order->ready[order->count++] = n;
    }
    return STATUS_OK;
}

static void release(struct order *order, uint32_t n)
{
    for (uint32_t i = order->reader_first[n]; i < order->reader_first[n + 1]; i++)
        if (!--order->pending[order->readers[i]])
            order->ready[order->count++] = order->readers[i];
}

/* What is in a loop waits until all that enters it is settled: the loop rests on all of that. */
static enum status enter_settle(struct tf_scope *scope, struct order *order, uint32_t n,
                                struct error *err)
{
    struct tf_flow *flow = scope->flow;
    struct tf_flow_node *node = &flow->nodes[n];
    struct tf_frame *frame;

    TRY(frame_of(flow, &flow->graph->nodes[n], &frame, err));
    frame->bad = frame->bad || (frame->parent >= 0 && frame->parent != node->frame) ||
                 flow->frames[node->frame].depth >= FRAME_DEPTH_MAX || !node->settled;
    frame->parent = node->frame < 0 ? 0 : node->frame;
    frame->depth = flow->frames[frame->parent].depth + 1;
    frame->conditions = tf_conditions_join(frame->conditions, node->conditions, scope->l->keep);
    if (!frame->conditions) {
        frame->bad = true;
        frame->conditions = &TF_NO_CONDITIONS;
    }
    if (--frame->pending)
        return STATUS_OK;
    for (uint32_t k = frame->enters; k != TF_NOWHERE; k = flow->nodes[k].next) {
        flow->nodes[k].frame = (int32_t)(frame - flow->frames);
        flow->nodes[k].conditions = frame->conditions;
        flow->nodes[k].settled = !frame->bad;
        release(order, k);
    }
    return STATUS_OK;
}

static enum status flow_fill(struct tf_scope *scope, struct error *err)
{
    struct tf_flow *flow = scope->flow;
    struct arena *keep = scope->l->keep;
    struct order order;

    TRY(edges_find(flow, keep, err));
    TRY(frames_find(flow, keep, err));
    TRY(order_begin(flow, &order, keep, err));
    for (size_t n = 0; n < flow->graph->count; n++)
        flow->nodes[n].conditions = &TF_NO_CONDITIONS;
    while (order.taken < order.count) {
        uint32_t n = order.ready[order.taken++];

        flow->nodes[n].settled = settle(scope, n);
        if (!flow->nodes[n].conditions)
            flow->nodes[n].conditions = &TF_NO_CONDITIONS;
        if (op_is(&flow->graph->nodes[n], "Enter"))
            TRY(enter_settle(scope, &order, n, err));
        else
            release(&order, n);
    }
    return STATUS_OK;
}

enum status tf_flow_find(struct tf_scope *scope, struct error *err)
{
    struct arena *keep = scope->l->keep;
    struct tf_flow *flow;

    if (!has_flow(scope->stored))
        return STATUS_OK;
    flow = arena_new(keep, struct tf_flow, 1);
    if (!flow)
        return error_no_memory(err, "the graph");
    flow->graph = scope->stored;
    flow->nodes = arena_new(keep, struct tf_flow_node, scope->stored->count);
    if (!flow->nodes)
        return error_no_memory(err, "the graph");
    scope->flow = flow;
    return flow_fill(scope, err);
}
