// SPDX-License-Identifier: Apache-2.0
/* What was found out about control flow (flow.c), asked: what is wanted, in which scope a node is
 * lowered and whether it has a value there, and what is inside of a loop or branch. */
#include "importers/tensorflow/control/flow.h"

enum { WALK_STEPS_MAX = 1 << 27 };

/* Is what an edge comes from needed? Of controls only some are. */
static enum status edge_matters(const struct tf_scope *scope, uint32_t n, size_t i, bool *matters,
                                struct error *err)
{
    const struct tf_flow *flow = scope->flow;
    uint32_t from = flow->from[flow->first[n] + i];

    *matters = from != TF_NOWHERE;
    if (!*matters || i < flow->graph->nodes[n].input_count)
        return STATUS_OK;
    return tf_control_matters(scope, &flow->graph->nodes[from], matters, err);
}

enum status tf_flow_want(struct tf_scope *scope, const struct tf_node *const *nodes, size_t count,
                         struct error *err)
{
    struct tf_flow *flow = scope->flow;
    uint32_t *stack;
    size_t depth = 0;
    bool matters;

    if (!flow || scope->part)
        return STATUS_OK;
    if (!flow->stack)
        flow->stack = arena_new(scope->l->keep, uint32_t, scope->stored->count);
    stack = flow->stack;
    if (!stack)
        return error_no_memory(err, "the graph");
    for (size_t i = 0; i < count; i++) {
        uint32_t n = tf_flow_index(flow, nodes[i]);

        if (!flow->nodes[n].wanted)
            stack[depth++] = n;
        flow->nodes[n].wanted = true;
    }
    while (depth) {
        uint32_t n = stack[--depth];

        for (size_t i = 0; i < flow->first[n + 1] - flow->first[n]; i++) {
            uint32_t from = flow->from[flow->first[n] + i];

            TRY(edge_matters(scope, n, i, &matters, err));
            if (!matters || flow->nodes[from].wanted)
                continue;
            flow->nodes[from].wanted = true;
            stack[depth++] = from;
        }
    }
    return STATUS_OK;
}

/* --- where nodes belong --- */

int tf_flow_side(const struct tf_flow *flow, const struct tf_node *node, uint64_t predicate)
{
    return tf_conditions_side(flow->nodes[tf_flow_index(flow, node)].conditions, predicate);
}

static bool belongs(const struct tf_scope *scope, const struct tf_node *node)
{
    const struct tf_flow_node *found = &scope->flow->nodes[tf_flow_index(scope->flow, node)];

    if (scope->part->frame)
        return tf_flow_within(scope->flow, found->frame, scope->part->frame);
    return tf_conditions_have(found->conditions, scope->part->predicate);
}

struct tf_scope *tf_home(struct tf_scope *scope, const struct tf_node *node)
{
    while (scope->part && !belongs(scope, node))
        scope = scope->part->outer;
    return scope;
}

/* Does the scope run only where the condition holds? */
static bool is_assumed(struct tf_scope *scope, uint64_t condition)
{
    size_t output, branch;
    const struct tf_node *node =
        tf_flow_predicate(scope->flow, condition & ~(uint64_t)TF_SIDE_MASK, &output);
    const struct tf_scope *home = tf_home(scope, node);
    const struct tf_state *state = tf_state_of(home, node);

    for (const struct tf_scope *s = scope; s->part; s = s->part->outer)
        if (!s->part->frame && s->part->predicate == condition)
            return true;
    if (state->state != TF_DONE || output >= state->output_count ||
        !tf_branch_known(home->e, state->outputs[output], TF_SIDES_MAX, &branch))
        return false;
    if (emit_dtype(home->e, state->outputs[output]) == DTYPE_BOOL)
        branch = !branch; /* output 1 of a Switch is where it is true */
    return branch == (condition & TF_SIDE_MASK);
}

enum status tf_flow_check(struct tf_scope *scope, const struct tf_node *node, struct error *err)
{
    const struct tf_flow *flow = scope->flow;
    const struct tf_flow_node *found;
    const struct tf_scope *s = scope;

    if (!flow)
        return STATUS_OK;
    found = &flow->nodes[tf_flow_index(flow, node)];
    if (!found->settled)
        return error_set(err, STATUS_UNSUPPORTED,
                         "it is part of a cycle or of branches and loops that do not fit together");
    while (s->part && !s->part->frame)
        s = s->part->outer;
    if (found->frame != (s->part ? s->part->frame : 0))
        return error_set(err, STATUS_UNSUPPORTED, "it is inside of a loop, and used outside");
    for (size_t i = 0; i < found->conditions->count; i++)
        if (!is_assumed(scope, found->conditions->items[i]))
            return error_set(err, STATUS_UNSUPPORTED,
                             "it has a value on one side of a condition only");
    return STATUS_OK;
}

bool tf_is_unconditional(const struct tf_scope *scope, const struct tf_node *node)
{
    const struct tf_flow_node *found;

    if (!scope->flow)
        return true;
    found = &scope->flow->nodes[tf_flow_index(scope->flow, node)];
    return !found->settled || (!found->frame && !found->conditions->count && !found->is_switch);
}

/* --- walks --- */

enum status tf_flow_spend(struct tf_flow *flow, size_t steps, struct error *err)
{
    flow->steps += steps;
    return flow->steps <= WALK_STEPS_MAX
               ? STATUS_OK
               : error_set(err, STATUS_TOO_LARGE, "too many branches and loops in one another");
}

static bool is_inside(const struct tf_walk *walk, uint32_t n)
{
    const struct tf_flow *flow = walk->scope->flow;

    if (walk->frame)
        return tf_flow_within(flow, flow->nodes[n].frame, walk->frame);
    return tf_conditions_side(flow->nodes[n].conditions, walk->predicate) >= 0;
}

static void visit(struct tf_walk *walk, uint32_t n)
{
    struct tf_flow *flow = walk->scope->flow;

    if (n == TF_NOWHERE || flow->nodes[n].mark == flow->clock)
        return;
    flow->nodes[n].mark = flow->clock;
    if (is_inside(walk, n))
        walk->inside[walk->inside_count++] = &flow->graph->nodes[n];
    else
        walk->outside[walk->outside_count++] = &flow->graph->nodes[n];
}

enum status tf_flow_walk(struct tf_walk *walk, const struct tf_node *const *from, size_t count,
                         struct error *err)
{
    struct tf_flow *flow = walk->scope->flow;
    struct arena *keep = walk->scope->l->keep;
    size_t all = flow->graph->count;
    bool matters;

    if (!flow->inside)
        flow->inside = arena_new(keep, const struct tf_node *, all);
    walk->inside = flow->inside;
    if (!flow->outside)
        flow->outside = arena_new(keep, const struct tf_node *, all);
    walk->outside = flow->outside;
    if (!walk->inside || !walk->outside)
        return error_no_memory(err, "the graph");
    flow->clock++;
    walk->inside_count = walk->outside_count = 0;
    for (size_t i = 0; i < count; i++)
        visit(walk, tf_flow_index(flow, from[i]));
    for (size_t i = 0; i < walk->inside_count; i++) {
        uint32_t n = tf_flow_index(flow, walk->inside[i]);
        size_t inputs = flow->first[n + 1] - flow->first[n];

        TRY(tf_flow_spend(flow, inputs + 1, err));
        for (size_t k = 0; k < inputs; k++) {
            TRY(edge_matters(walk->scope, n, k, &matters, err));
            if (matters)
                visit(walk, flow->from[flow->first[n] + k]);
        }
    }
    return STATUS_OK;
}

bool tf_flow_needs(struct tf_flow *flow, const struct tf_node *from, const struct tf_node *to)
{
    uint32_t target = tf_flow_index(flow, to);
    size_t depth = 0;

    if (!flow->stack)
        return true;
    flow->clock++;
    flow->stack[depth++] = tf_flow_index(flow, from);
    while (depth) {
        uint32_t n = flow->stack[--depth];

        if (n == target)
            return true;
        flow->steps += flow->first[n + 1] - flow->first[n];
        if (flow->steps > WALK_STEPS_MAX / 2)
            return true;
        for (uint32_t i = flow->first[n]; i < flow->first[n + 1]; i++) {
            uint32_t next = flow->from[i];

            if (next == TF_NOWHERE || flow->nodes[next].mark == flow->clock)
                continue;
            flow->nodes[next].mark = flow->clock;
            flow->stack[depth++] = next;
        }
    }
    return false;
}
