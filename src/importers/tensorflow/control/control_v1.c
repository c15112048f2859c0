// SPDX-License-Identifier: Apache-2.0
/* Control flow of TensorFlow 1 and of graphs that were lowered to it: the frames of loops become
 * Loop, Merges of the sides of a condition If. */
#include "importers/tensorflow/control/control.h"

enum { TOGETHER_MAX = 32 }; /* Merges of one condition, Exits of one loop */

/* What a node needs before it, found out once. */
struct needs {
    const struct tf_node **nodes;
    size_t count, next;
};

static enum status needs_next(struct tf_scope *scope, struct needs *needs,
                              const struct tf_node **from, struct error *err)
{
    for (; needs->next < needs->count; needs->next++) {
        *from = needs->nodes[needs->next];
        TRY(tf_missing(scope, from, err));
        if (*from)
            return STATUS_OK;
    }
    *from = NULL;
    return STATUS_OK;
}

static enum status needs_keep(struct tf_scope *scope, const struct tf_node *node,
                              const struct tf_walk *walk, struct needs **needs, struct error *err)
{
    struct needs *made = arena_new(scope->l->keep, struct needs, 1);
    struct tf_state *state;

    if (!made)
        return error_no_memory(err, "a node");
    made->nodes = arena_new(scope->l->keep, const struct tf_node *, walk->outside_count);
    if (!made->nodes)
        return error_no_memory(err, "a node");
    for (size_t i = 0; i < walk->outside_count; i++) {
        const struct tf_node *from = walk->outside[i];

        TRY(tf_missing(scope, &from, err));
        if (from)
            made->nodes[made->count++] = from;
    }
    TRY(tf_state_get(scope, node, &state, err));
    state->needs = made;
    *needs = made;
    return STATUS_OK;
}

static const struct tf_node *node_of(const struct tf_scope *scope, const struct tf_edge *edge)
{
    return map_find(&scope->stored->by_name, edge->node);
}

static const struct tf_flow_node *flow_of(const struct tf_scope *scope, const struct tf_node *node)
{
    return &scope->flow->nodes[node - scope->stored->nodes];
}

/* --- Merge --- */

static enum status predicate_value(struct tf_scope *scope, uint64_t predicate, value_id *value,
                                   struct error *err)
{
    struct tf_edge edge = {0};
    const struct tf_node *node = tf_flow_predicate(scope->flow, predicate, &edge.output);

    edge.node = bytes_of(node->name);
    return tf_edge_value(scope, &edge, value, err);
}

/* The side of its condition that an input is on. */
static enum status side_of(struct tf_scope *scope, const struct tf_node *merge, size_t input,
                           size_t *side, struct error *err)
{
    const struct tf_edge *edge = &merge->inputs[input];
    const struct tf_node *from = node_of(scope, edge);
    uint64_t predicate = flow_of(scope, merge)->predicate;
    int found;

    if (flow_of(scope, from)->is_switch && flow_of(scope, from)->predicate == predicate)
        return tf_edge_output(scope, from, edge, side, err);
    found = tf_flow_side(scope->flow, from, predicate);
    if (found < 0)
        return error_set(err, STATUS_UNSUPPORTED, "'%.64s' is on no side of its condition",
                         from->name);
    *side = (size_t)found;
    return STATUS_OK;
}

/* The input that is taken when the condition says `branch` (tf_branches). */
static enum status input_of(struct tf_scope *scope, const struct tf_node *merge, size_t branch,
                            bool flag, size_t *input, struct error *err)
{
    size_t side;

    for (*input = 0; *input < merge->input_count; ++*input) {
        TRY(side_of(scope, merge, *input, &side, err));
        if (side == (flag ? (size_t)!branch : branch))
            return STATUS_OK;
    }
    return error_set(err, STATUS_UNSUPPORTED, "it has no input for one side of its condition");
}

static enum status own_needs(struct tf_scope *scope, const struct tf_node *node,
                             const struct tf_node **from, struct error *err)
{
    const struct tf_flow_node *merge = flow_of(scope, node);
    const struct tf_state *state = tf_state_of(scope, node);
    struct needs *needs = state->needs;
    const struct tf_node **inputs;
    struct tf_walk walk = {.scope = scope, .predicate = merge->predicate};
    value_id which;
    size_t output, branch;

    if (needs)
        return needs_next(scope, needs, from, err);
    if (merge->is_head || !merge->predicate)
        return error_set(err, STATUS_UNSUPPORTED, "it joins what no condition parts");
    *from = tf_flow_predicate(scope->flow, merge->predicate, &output);
    TRY(tf_missing(scope, from, err));
    if (*from)
        return STATUS_OK;
    TRY(predicate_value(scope, merge->predicate, &which, err));
    if (tf_branch_known(scope->e, which, node->input_count, &branch)) {
        TRY(input_of(scope, node, branch, emit_dtype(scope->e, which) == DTYPE_BOOL, &output, err));
        *from = node_of(scope, &node->inputs[output]);
        return tf_missing(scope, from, err);
    }
    inputs = arena_new(scope->l->keep, const struct tf_node *, node->input_count);
    if (!inputs)
        return error_no_memory(err, "a node");
    for (size_t i = 0; i < node->input_count; i++)
        inputs[i] = node_of(scope, &node->inputs[i]);
    TRY(tf_flow_walk(&walk, inputs, node->input_count, err));
    TRY(needs_keep(scope, node, &walk, &needs, err));
    return needs_next(scope, needs, from, err);
}

struct merging {
    struct tf_scope *scope;
    const struct tf_node *merges[TOGETHER_MAX];
    size_t count;
    bool flag; /* the condition is a bool */
};

/* Is it a Merge of the same condition as that of `leader`, wanted and not lowered yet? */
static bool is_mate(struct tf_scope *scope, const struct tf_node *leader,
                    const struct tf_node *node)
{
    const struct tf_flow_node *first = flow_of(scope, leader), *found = flow_of(scope, node);
    struct error ignored;

    return node != leader && found->predicate == first->predicate && !found->is_switch &&
           found->wanted && found->settled && found->frame == first->frame &&
           node->input_count == leader->input_count && tf_home(scope, node) == scope &&
           tf_state_of(scope, node)->state != TF_DONE && !tf_flow_check(scope, node, &ignored);
}

/* What a Merge of the same condition needs, which needs this one not: where its branches write, all
 * that is done in them is to be done at once. */
static enum status mates_need(struct tf_scope *scope, const struct tf_node *leader,
                              const struct tf_node **from, struct error *err)
{
    size_t count = 0;

    TRY(tf_flow_spend(scope->flow, scope->stored->count, err));
    for (size_t n = 0; n < scope->stored->count && count < TOGETHER_MAX; n++) {
        const struct tf_node *node = &scope->stored->nodes[n];

        if (!is_mate(scope, leader, node) || tf_state_of(scope, node)->state == TF_WAITING ||
            (!tf_state_of(scope, node)->needs && tf_flow_needs(scope->flow, node, leader)))
            continue;
        count++;
        TRY(tf_controls_missing(scope, node, from, err));
        if (!*from)
            TRY(own_needs(scope, node, from, err));
        if (*from)
            return STATUS_OK;
    }
    *from = NULL;
    return STATUS_OK;
}

static enum status merge_needs(struct tf_scope *scope, const struct tf_node *node,
                               const struct tf_node **from, struct error *err)
{
    TRY(own_needs(scope, node, from, err));
    if (*from || !scope->l->writes || !tf_state_of(scope, node)->needs)
        return STATUS_OK;
    return mates_need(scope, node, from, err);
}

/* Those that need nothing that is not there. */
static enum status mates_find(struct merging *m, struct error *err)
{
    struct tf_scope *scope = m->scope;
    const struct tf_node *from;

    TRY(tf_flow_spend(scope->flow, scope->stored->count, err));
    for (size_t n = 0; n < scope->stored->count && m->count < TOGETHER_MAX; n++) {
        const struct tf_node *node = &scope->stored->nodes[n];

        if (!is_mate(scope, m->merges[0], node))
            continue;
        TRY(tf_controls_missing(scope, node, &from, err));
        if (!from)
            TRY(own_needs(scope, node, &from, err));
        if (!from)
            m->merges[m->count++] = node;
    }
    return STATUS_OK;
}

static enum status branch_lower(void *context, size_t branch, struct emitter *e,
                                struct tf_body *body, value_id *outputs, struct error *err)
{
    struct merging *m = context;
    struct tf_part part = {.body = body, .owner = m->merges[0], .role = TF_ROLE_BRANCH};
    struct tf_scope scope;
    size_t input;

    TRY(tf_part_open(&scope, &part, m->scope, e, err));
    part.predicate =
        flow_of(m->scope, m->merges[0])->predicate | (m->flag ? (size_t)!branch : branch);
    for (size_t i = 0; i < m->count; i++) {
        TRY(input_of(m->scope, m->merges[i], branch, m->flag, &input, err));
        TRY(tf_input_value(&scope, m->merges[i], input, &outputs[i], err));
        TRY(emit_number(e, DTYPE_I32, (double)input, &outputs[m->count + i], err));
    }
    return STATUS_OK;
}

static enum status merge(struct tf_call *c, struct error *err)
{
    struct merging m = {.scope = c->scope, .merges = {c->node}, .count = 1};
    struct tf_branches branches = {
        .count = c->node->input_count, .lower = branch_lower, .context = &m};
    value_id which, outputs[2 * TOGETHER_MAX];

    if (!c->scope->flow)
        return error_set(err, STATUS_UNSUPPORTED, "it joins what no condition parts");
    TRY(predicate_value(c->scope, flow_of(c->scope, c->node)->predicate, &which, err));
    m.flag = emit_dtype(c->e, which) == DTYPE_BOOL;
    TRY(mates_find(&m, err));
    branches.output_count = 2 * m.count;
    TRY(tf_branches_emit(c->l, c->e, &branches, which, outputs, err));
    for (size_t i = 0; i < m.count; i++) {
        value_id values[] = {outputs[i], outputs[m.count + i]};

        TRY(tf_done(c->scope, m.merges[i], values, 2, err));
    }
    TRY(tf_add(c, outputs[0], err));
    return tf_add(c, outputs[m.count], err);
}

/* --- loops --- */

struct looping {
    struct tf_scope *scope;
    int32_t frame;
    const struct tf_node *exit; /* that was asked for first */
    const struct tf_node **heads, **exits;
    size_t head_count, exit_count;
};

static bool op_is(const struct tf_node *node, const char *name)
{
    return !strcmp(node->op, name) || (!strncmp(node->op, "Ref", 3) && !strcmp(node->op + 3, name));
}

/* Of a head, the node that makes one of its inputs. */
static enum status head_input(const struct looping *l, const struct tf_node *head, const char *op,
                              const struct tf_node **node, struct error *err)
{
    for (size_t i = 0; i < head->input_count && head->input_count == 2; i++) {
        *node = node_of(l->scope, &head->inputs[i]);
        if (*node && op_is(*node, op) && (*node)->input_count == 1)
            return STATUS_OK;
    }
    return error_set(err, STATUS_UNSUPPORTED, "'%.64s' does not join an Enter and a NextIteration",
                     head->name);
}

/* The Exits of a loop that are wanted. */
static enum status exits_find(struct looping *l, struct error *err)
{
    const struct tf_flow *flow = l->scope->flow;
    size_t count = 0;

    for (uint32_t n = flow->frames[l->frame].exits; n != UINT32_MAX; n = flow->nodes[n].next)
        count++;
    l->exits = arena_new(l->scope->l->keep, const struct tf_node *, count);
    if (!l->exits)
        return error_no_memory(err, "a loop");
    for (uint32_t n = flow->frames[l->frame].exits; n != UINT32_MAX; n = flow->nodes[n].next) {
        const struct tf_node *node = &flow->graph->nodes[n];

        if (flow->nodes[n].wanted && node->input_count == 1 && node_of(l->scope, &node->inputs[0]))
            l->exits[l->exit_count++] = node;
    }
    return STATUS_OK;
}

static enum status loop_find(struct tf_scope *scope, const struct tf_node *exit, struct looping *l,
                             struct tf_walk *walk, struct error *err)
{
    const struct tf_node **from, *condition;
    const struct tf_node *inside = exit->input_count == 1 ? node_of(scope, &exit->inputs[0]) : NULL;

    if (!inside || !flow_of(scope, inside)->frame)
        return error_set(err, STATUS_UNSUPPORTED, "it leaves no loop");
    *l = (struct looping){.scope = scope, .frame = flow_of(scope, inside)->frame, .exit = exit};
    condition = scope->flow->frames[l->frame].condition;
    if (!condition || condition->input_count != 1 || scope->flow->frames[l->frame].bad)
        return error_set(err, STATUS_UNSUPPORTED, "the loop that it leaves is malformed");
    TRY(exits_find(l, err));
    from = arena_new(scope->l->keep, const struct tf_node *, l->exit_count + 1);
    if (!from)
        return error_no_memory(err, "a loop");
    from[0] = condition;
    for (size_t i = 0; i < l->exit_count; i++)
        from[i + 1] = node_of(scope, &l->exits[i]->inputs[0]);
    *walk = (struct tf_walk){.scope = scope, .frame = l->frame};
    TRY(tf_flow_walk(walk, from, l->exit_count + 1, err));
    l->heads = arena_new(scope->l->keep, const struct tf_node *, walk->inside_count);
    if (!l->heads)
        return error_no_memory(err, "a loop");
    for (size_t i = 0; i < walk->inside_count; i++)
        if (flow_of(scope, walk->inside[i])->is_head &&
            flow_of(scope, walk->inside[i])->frame == l->frame)
            l->heads[l->head_count++] = walk->inside[i];
    return STATUS_OK;
}

struct exit_needs {
    struct needs needs; /* first: what needs_next goes through */
    struct looping looping;
};

static enum status exit_needs(struct tf_scope *scope, const struct tf_node *node,
                              const struct tf_node **from, struct error *err)
{
    struct needs *needs = tf_state_of(scope, node)->needs;
    struct exit_needs *made;
    struct tf_state *state;
    struct tf_walk walk;

    if (needs)
        return needs_next(scope, needs, from, err);
    made = arena_new(scope->l->keep, struct exit_needs, 1);
    if (!made)
        return error_no_memory(err, "a node");
    TRY(loop_find(scope, node, &made->looping, &walk, err));
    TRY(needs_keep(scope, node, &walk, &needs, err));
    made->needs = *needs;
    TRY(tf_state_get(scope, node, &state, err));
    state->needs = made;
    return needs_next(scope, &made->needs, from, err);
}

/* What a node waits for that is only there to tie things together. */
static enum status controls_lower(struct tf_scope *scope, const struct tf_node *node,
                                  struct error *err)
{
    const struct tf_node *from;

    TRY(tf_controls_missing(scope, node, &from, err));
    while (from) {
        TRY(tf_lower(scope, &from, 1, err));
        TRY(tf_controls_missing(scope, node, &from, err));
    }
    return STATUS_OK;
}

/* What comes to a head or an Exit by control edges would run in each round. */
static enum status controls_free(const struct looping *l, const struct tf_node *node,
                                 struct error *err)
{
    for (size_t i = 0; i < node->control_count; i++) {
        const struct tf_node *from = node_of(l->scope, &node->controls[i]);
        bool matters = from != NULL;

        if (from)
            TRY(tf_control_matters(l->scope, from, &matters, err));
        if (matters)
            return error_set(err, STATUS_UNSUPPORTED, "'%.64s' waits for '%.64s'", node->name,
                             from->name);
    }
    return STATUS_OK;
}

/* A head that takes no reference reads it, and may share its memory. */
static enum status head_read(const struct tf_scope *scope, const struct tf_node *head,
                             value_id *value, struct error *err)
{
    return tf_takes_reference(head->op) ? STATUS_OK
                                        : tf_variable_dereference(scope, head->op, value, err);
}

/* A round of the loop with these states. */
static enum status round_open(const struct looping *l, enum tf_role role, struct emitter *e,
                              struct tf_body *body, const value_id *states, struct tf_part *part,
                              struct tf_scope *scope, struct error *err)
{
    *part = (struct tf_part){.body = body, .frame = l->frame, .owner = l->exit, .role = role};
    TRY(tf_part_open(scope, part, l->scope, e, err));
    for (size_t i = 0; i < l->head_count; i++)
        TRY(tf_feed(scope, l->heads[i], states[i], err));
    return STATUS_OK;
}

static enum status loop_condition(void *context, struct emitter *e, struct tf_body *body,
                                  const value_id *states, value_id *condition, struct error *err)
{
    const struct looping *l = context;
    const struct tf_node *end = l->scope->flow->frames[l->frame].condition;
    struct tf_part part;
    struct tf_scope scope;

    TRY(round_open(l, TF_ROLE_CONDITION, e, body, states, &part, &scope, err));
    TRY(controls_lower(&scope, end, err));
    return tf_input_value(&scope, end, 0, condition, err);
}

static enum status loop_next(void *context, struct emitter *e, struct tf_body *body,
                             const value_id *states, value_id *next, struct error *err)
{
    const struct looping *l = context;
    const struct tf_node *iteration;
    struct tf_part part;
    struct tf_scope scope;

    TRY(round_open(l, TF_ROLE_ROUND, e, body, states, &part, &scope, err));
    for (size_t i = 0; i < l->head_count; i++) {
        TRY(head_input(l, l->heads[i], "NextIteration", &iteration, err));
        TRY(controls_lower(&scope, iteration, err));
        TRY(tf_input_value(&scope, iteration, 0, &next[i], err));
        TRY(head_read(&scope, l->heads[i], &next[i], err));
    }
    return STATUS_OK;
}

static enum status leave(struct tf_call *c, struct error *err)
{
    const struct exit_needs *found = tf_state_of(c->scope, c->node)->needs;
    const struct looping *l = found ? &found->looping : NULL;
    const struct tf_node *enter;
    struct tf_loop loop = {
        .condition = loop_condition, .next = loop_next, .context = (void *)(uintptr_t)l};
    struct tf_part part;
    struct tf_scope scope;
    value_id *entry, *results, value;

    if (!l)
        return error_set(err, STATUS_UNSUPPORTED, "it leaves no loop");
    entry = arena_new(c->l->keep, value_id, l->head_count);
    results = arena_new(c->l->keep, value_id, l->head_count);
    if (!entry || !results)
        return error_no_memory(err, "a loop");
    for (size_t i = 0; i < l->head_count; i++) {
        TRY(head_input(l, l->heads[i], "Enter", &enter, err));
        TRY(controls_free(l, l->heads[i], err));
        TRY(controls_lower(c->scope, enter, err));
        TRY(tf_input_value(c->scope, enter, 0, &entry[i], err));
        TRY(head_read(c->scope, l->heads[i], &entry[i], err));
    }
    loop.count = l->head_count;
    loop.entry = entry;
    TRY(tf_loop_emit(c->l, c->e, &loop, results, err));
    TRY(round_open(l, TF_ROLE_EXIT, c->e, NULL, results, &part, &scope, err));
    for (size_t i = 0; i < l->exit_count; i++) {
        TRY(controls_free(l, l->exits[i], err));
        TRY(tf_input_value(&scope, l->exits[i], 0, &value, err));
        if (l->exits[i] == c->node)
            TRY(tf_add(c, value, err));
        else
            TRY(tf_done(c->scope, l->exits[i], &value, 1, err));
    }
    return STATUS_OK;
}

/* --- what only says where things belong --- */

static enum status data_needs(struct tf_scope *scope, const struct tf_node *node,
                              const struct tf_node **from, struct error *err)
{
    if (!node->input_count || !node_of(scope, &node->inputs[0]))
        return error_set(err, STATUS_INVALID_INPUT, "it has no input");
    *from = node_of(scope, &node->inputs[0]);
    return tf_missing(scope, from, err);
}

static enum status pass(struct tf_call *c, struct error *err)
{
    value_id value;

    TRY(tf_input_value(c->scope, c->node, 0, &value, err));
    return tf_give(c, value);
}

/* Whoever reads a side of it is lowered where that side was taken. */
static enum status part(struct tf_call *c, struct error *err)
{
    int64_t sides;

    TRY(pass(c, err));
    TRY(tf_int(c->node, "num_outs", 2, &sides, err));
    if (sides < 1 || sides > TF_SIDES_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld sides", (long long)sides);
    for (int64_t i = 1; i < sides; i++)
        TRY(tf_add(c, c->out[0], err));
    return STATUS_OK;
}

static enum status outside(struct tf_call *c, struct error *err)
{
    (void)c;
    return error_set(err, STATUS_UNSUPPORTED, "it is used outside of a loop");
}

#define PASS(op)                                                                                   \
    {                                                                                              \
        .name = op, .lower = pass, .needs = data_needs                                             \
    }
#define SWITCH(op)                                                                                 \
    {                                                                                              \
        .name = op, .lower = part, .needs = data_needs                                             \
    }
#define MERGE(op)                                                                                  \
    {                                                                                              \
        .name = op, .lower = merge, .needs = merge_needs                                           \
    }

const struct tf_op_set tf_ops_control_v1 = TF_OP_SET(
    SWITCH("Switch"), SWITCH("RefSwitch"), MERGE("Merge"), MERGE("RefMerge"), PASS("Enter"),
    PASS("RefEnter"), PASS("LoopCond"), {.name = "_SwitchN", .lower = part, .needs = data_needs},
    {.name = "Exit", .lower = leave, .needs = exit_needs},
    {.name = "RefExit", .lower = leave, .needs = exit_needs},
    {.name = "NextIteration", .lower = outside}, {.name = "RefNextIteration", .lower = outside}, );
