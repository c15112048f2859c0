// SPDX-License-Identifier: Apache-2.0
/* From the nodes that are wanted backwards to what they need, without recursion. */
#include "base/text.h"
#include "gen/tf_ops.h"
#include "importers/tensorflow/control/control.h"

/* Steps: room for a node in a scope, and its lowering. A function may be called often, and those in
 * it, so what a file asks for is bound to its own size. */
enum { STEPS_MAX = 1 << 21, STEPS_FREE = 1 << 17, STEPS_PER_NODE = 256, STEPS_PER_BYTE = 4 };

static enum status rows_index(struct tf_lowering *l, struct error *err)
{
    map_init(&l->rows, l->keep);
    for (size_t s = 0; TF_OPS[s]; s++)
        for (size_t i = 0; i < TF_OPS[s]->count; i++) {
            const struct tf_op *row = &TF_OPS[s]->ops[i];

            if (!map_set(&l->rows, bytes_of(row->name), (void *)(uintptr_t)row))
                return error_no_memory(err, "the operators");
        }
    return STATUS_OK;
}

static const struct tf_op *op_row(const struct tf_scope *scope, const char *name)
{
    return map_find(&scope->l->rows, bytes_of(name));
}

static enum status node_error(const struct tf_node *node, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], op[TEXT_QUOTE_SIZE];

    return error_within(err, "node '%s' (%s)", text_quote(bytes_of(node->name), name, sizeof name),
                        text_quote(bytes_of(node->op), op, sizeof op));
}

/* --- scopes --- */

void tf_lowering_init(struct tf_lowering *l, const struct tf_graph *graph, struct arena *keep,
                      struct arena *scratch)
{
    size_t own = graph->count < STEPS_MAX ? graph->count * STEPS_PER_NODE : STEPS_MAX;
    size_t library = graph->library.input.size;

    library = library < STEPS_MAX ? library * STEPS_PER_BYTE : STEPS_MAX;
    *l = (struct tf_lowering){.keep = keep, .scratch = scratch, .graph = graph};
    l->steps_max = STEPS_FREE + own + library;
    if (l->steps_max > STEPS_MAX)
        l->steps_max = STEPS_MAX;
}

static enum status steps_take(struct tf_lowering *l, size_t count, struct error *err)
{
    if (count > l->steps_max - l->steps)
        return error_set(
            err, STATUS_TOO_LARGE,
            "too many nodes for the size of the file: more than %zu with all functions",
            l->steps_max / 2);
    l->steps += count;
    return STATUS_OK;
}

enum status tf_scope_open(struct tf_scope *scope, struct tf_lowering *l,
                          const struct tf_function *function, const struct tf_scope *caller,
                          struct emitter *e, struct error *err)
{
    *scope = (struct tf_scope){.l = l,
                               .stored = function ? &function->body : l->graph,
                               .function = function,
                               .caller = caller,
                               .e = e,
                               .depth = caller ? caller->depth + 1 : 0};
    if (scope->depth > TF_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "functions in functions, more than %d deep",
                         TF_DEPTH_MAX);
    if (!l->rows.arena)
        TRY(rows_index(l, err));
    TRY(steps_take(l, scope->stored->count, err));
    scope->states = arena_new(l->keep, struct tf_state, scope->stored->count);
    if (!scope->states)
        return error_no_memory(err, "the graph");
    return tf_flow_find(scope, err);
}

enum status tf_part_open(struct tf_scope *scope, struct tf_part *part, struct tf_scope *outer,
                         struct emitter *e, struct error *err)
{
    *scope = *outer;
    scope->states = NULL;
    scope->e = e;
    scope->part = part;
    scope->places = (struct map){0};
    scope->depth = outer->depth + 1;
    part->outer = outer;
    map_init(&part->states, scope->l->keep);
    if (scope->depth > TF_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "loops and branches, more than %d deep",
                         TF_DEPTH_MAX);
    return STATUS_OK;
}

/* The states of a part are few, found by the address of the node's name. */
static struct bytes state_key(const struct tf_node *node)
{
    return (struct bytes){(const uint8_t *)&node->name, sizeof node->name};
}

const struct tf_state *tf_state_of(const struct tf_scope *scope, const struct tf_node *node)
{
    static const struct tf_state NEW;
    const struct tf_state *state;

    if (!scope->part)
        return &scope->states[node - scope->stored->nodes];
    state = map_find(&scope->part->states, state_key(node));
    return state ? state : &NEW;
}

enum status tf_state_get(struct tf_scope *scope, const struct tf_node *node,
                         struct tf_state **state, struct error *err)
{
    if (!scope->part) {
        *state = &scope->states[node - scope->stored->nodes];
        return STATUS_OK;
    }
    *state = map_find(&scope->part->states, state_key(node));
    if (*state)
        return STATUS_OK;
    *state = arena_new(scope->l->keep, struct tf_state, 1);
    if (!*state || !map_set(&scope->part->states, state_key(node), *state))
        return error_no_memory(err, "the graph");
    return STATUS_OK;
}

enum status tf_done(struct tf_scope *scope, const struct tf_node *node, const value_id *values,
                    size_t count, struct error *err)
{
    struct tf_state *state;

    TRY(tf_state_get(scope, node, &state, err));
    state->outputs = arena_new(scope->l->keep, value_id, count);
    if (!state->outputs)
        return error_no_memory(err, "a node");
    if (count)
        memcpy(state->outputs, values, count * sizeof *values);
    state->output_count = count;
    state->state = TF_DONE;
    return STATUS_OK;
}

enum status tf_feed(struct tf_scope *scope, const struct tf_node *node, value_id value,
                    struct error *err)
{
    return tf_done(scope, node, &value, 1, err);
}

/* --- edges --- */

/* The output arguments of an operator that has several, by which functions name them. */
static const char *outputs_of(const char *op)
{
    static const char *const OUTPUTS[][2] = {
#define OUTPUTS(op, names) {op, names},
#include "importers/tensorflow/model/op_outputs.def"
#undef OUTPUTS
    };
    size_t from = 0, to = ARRAY_COUNT(OUTPUTS);

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(op, OUTPUTS[middle][0]);

        if (!order)
            return OUTPUTS[middle][1];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* How many outputs an item of that list stands for: "values" one, "parts*N" what attribute N says,
 * a number or the length of a list. */
static enum status port_width(const struct tf_scope *scope, const struct tf_node *node,
                              struct bytes item, struct bytes *name, size_t *width,
                              struct error *err)
{
    const char *attribute;

    *name = item;
    *width = 1;
    for (size_t i = 0; i < item.size; i++) {
        if (item.data[i] != '*')
            continue;
        name->size = i;
        attribute = arena_printf(scope->l->keep, "%.*s", (int)(item.size - i - 1),
                                 (const char *)item.data + i + 1);
        if (!attribute)
            return error_no_memory(err, "a node");
        return tf_length(node, attribute, width, scope->l->keep, err);
    }
    return STATUS_OK;
}

enum status tf_edge_output(const struct tf_scope *scope, const struct tf_node *node,
                           const struct tf_edge *edge, size_t *output, struct error *err)
{
    const char *at = outputs_of(node->op);
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;
    size_t base = 0, width;

    *output = edge->output;
    if (!edge->port.size || !at)
        return STATUS_OK;
    while (*at) {
        struct bytes item = {(const uint8_t *)at, strcspn(at, ",")};

        TRY(port_width(scope, node, item, &name, &width, err));
        if (bytes_equal(name, edge->port)) {
            *output = base + edge->output;
            return STATUS_OK;
        }
        base += width;
        at += item.size + (at[item.size] == ',');
    }
    return error_set(err, STATUS_INVALID_INPUT, "'%.64s' has no output argument '%s'", node->name,
                     text_quote(edge->port, quoted, sizeof quoted));
}

/* A value of a scope around this one, here. */
static enum status value_bring(struct tf_scope *scope, const struct tf_scope *home, value_id *value,
                               struct error *err)
{
    const struct tf_part *part = scope->part;

    if (scope == home)
        return STATUS_OK;
    TRY(value_bring(part->outer, home, value, err));
    if (!part->body)
        return STATUS_OK;
    return tf_body_capture(part->body, part->outer->e->graph, *value, value, err);
}

static enum status value_of_edge(struct tf_scope *scope, const struct tf_edge *edge,
                                 value_id *value, struct error *err)
{
    const struct tf_node *from = map_find(&scope->stored->by_name, edge->node);
    const struct tf_scope *home = tf_home(scope, from);
    const struct tf_state *state = tf_state_of(home, from);
    size_t output;

    TRY(tf_edge_output(scope, from, edge, &output, err));
    if (output >= state->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "'%.64s' has no output %zu", from->name,
                         output);
    *value = state->outputs[output];
    return value_bring(scope, home, value, err);
}

enum status tf_edge_want(struct tf_scope *scope, const struct tf_edge *edge, struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, edge->node);

    return node ? tf_flow_want(scope, &node, 1, err) : STATUS_OK;
}

enum status tf_edge_value(struct tf_scope *scope, const struct tf_edge *edge, value_id *value,
                          struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, edge->node);
    char quoted[TEXT_QUOTE_SIZE];

    if (!node)
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is no node",
                         text_quote(edge->node, quoted, sizeof quoted));
    TRY(tf_missing(scope, &node, err));
    if (node)
        TRY(tf_lower(scope, &node, 1, err));
    return value_of_edge(scope, edge, value, err);
}

static enum status dereference(struct tf_scope *scope, const struct tf_node *reader,
                               value_id *value, struct error *err)
{
    return tf_takes_reference(reader->op) ? STATUS_OK
                                          : tf_variable_dereference(scope, reader->op, value, err);
}

enum status tf_input_value(struct tf_scope *scope, const struct tf_node *node, size_t input,
                           value_id *value, struct error *err)
{
    if (input >= node->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "'%.64s' has %zu inputs", node->name,
                         node->input_count);
    TRY(tf_edge_value(scope, &node->inputs[input], value, err));
    return dereference(scope, node, value, err);
}

/* --- one node --- */

/* A node whose operator is the name of a function. */
static enum status call_named(struct tf_call *c, struct error *err)
{
    const struct tf_function *function;
    const char *why = tf_reason(c->node->op);

    if (tf_function_get(c->l, bytes_of(c->node->op), &function, err))
        return err->status == STATUS_UNSUPPORTED
                   ? error_set(err, STATUS_UNSUPPORTED, "the operator is not supported%s%s",
                               why ? ": " : "", why ? why : "")
                   : err->status;
    return tf_call_function(c, function, err);
}

enum status tf_call_function(struct tf_call *c, const struct tf_function *function,
                             struct error *err)
{
    if (function->result_count > TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", TF_OUTPUTS_MAX);
    c->out_count = function->result_count;
    return tf_function_lower(c->scope, function, c->e, c->in, c->in_count, c->out, err);
}

static enum status row_run(struct tf_call *c, const struct tf_op *row, struct error *err)
{
    if (row->inputs && row->inputs != c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not %zu", c->in_count,
                         row->inputs);
    if (!row->onnx)
        return row->lower(c, err);
    return emit(c->e, "", row->onnx, c->in, c->in_count, NULL, 0, c->out, c->out_count = 1, err);
}

enum status tf_lower_as(struct tf_call *c, const char *op, const value_id *in, size_t in_count,
                        struct error *err)
{
    const struct tf_op *row = op_row(c->scope, op);

    if (!row)
        return error_set(err, STATUS_UNSUPPORTED, "is %s, which is not supported", op);
    c->in = in;
    c->in_count = in_count;
    return row_run(c, row, err);
}

static enum status call_run(struct tf_scope *scope, const struct tf_node *node, const value_id *in,
                            value_id *out, struct tf_call *c, struct error *err)
{
    const struct tf_op *row = op_row(scope, node->op);

    *c = (struct tf_call){.l = scope->l,
                          .scope = scope,
                          .e = scope->e,
                          .node = node,
                          .in = in,
                          .in_count = node->input_count,
                          .out = out};
    return row ? row_run(c, row, err) : call_named(c, err);
}

/* Does the row ask for its inputs itself? */
static bool is_lazy(const struct tf_scope *scope, const struct tf_node *node)
{
    const struct tf_op *row = op_row(scope, node->op);

    return scope->flow && row && row->needs;
}

/* Room for the outputs of a node, used again and again: nodes within nodes have their own. */
struct tf_outputs {
    struct tf_outputs *next;
    value_id values[TF_OUTPUTS_MAX];
};

static struct tf_outputs *outputs_take(struct tf_lowering *l)
{
    struct tf_outputs *spare = l->outputs;

    if (!spare)
        return arena_new(l->keep, struct tf_outputs, 1);
    l->outputs = spare->next;
    return spare;
}

static enum status node_lower(struct tf_scope *scope, const struct tf_node *node, struct error *err)
{
    struct tf_lowering *l = scope->l;
    value_id *in = arena_new(l->keep, value_id, node->input_count);
    size_t first = scope->e->graph->node_count;
    struct tf_outputs *outputs = outputs_take(l);
    const struct tf_node *before = scope->at;
    struct tf_call c;

    if (!in || !outputs)
        return error_no_memory(err, "a node");
    TRY(steps_take(l, 1, err));
    scope->e->where = node->name;
    scope->at = node;
    for (size_t i = 0; i < node->input_count && !is_lazy(scope, node); i++) {
        TRY(value_of_edge(scope, &node->inputs[i], &in[i], err));
        TRY(dereference(scope, node, &in[i], err));
    }
    l->settled = false;
    TRY(call_run(scope, node, in, outputs->values, &c, err));
    if (l->settled && c.out_count)
        TRY(tf_guard_add(l, scope->e->graph, c.out[0], err));
    TRY(graph_compute(scope->e->graph, first, l->scratch, err));
    arena_reset(l->scratch);
    TRY(tf_done(scope, node, c.out, c.out_count, err));
    outputs->next = l->outputs;
    l->outputs = outputs;
    scope->at = before;
    return STATUS_OK;
}

/* --- all that is needed --- */

/* Of the edges, the first node that is not lowered yet; NULL: none. */
static enum status missing_of(struct tf_scope *scope, const struct tf_edge *edges, size_t count,
                              bool controls, const struct tf_node **from, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    bool matters = true;

    for (size_t i = 0; i < count; i++) {
        *from = map_find(&scope->stored->by_name, edges[i].node);
        if (!*from)
            return error_set(err, STATUS_INVALID_INPUT, "its input '%s' is no node",
                             text_quote(edges[i].node, quoted, sizeof quoted));
        if (controls)
            TRY(tf_control_matters(scope, *from, &matters, err));
        if (!matters)
            continue;
        TRY(tf_missing(scope, from, err));
        if (*from)
            return STATUS_OK;
    }
    *from = NULL;
    return STATUS_OK;
}

enum status tf_missing(struct tf_scope *scope, const struct tf_node **node, struct error *err)
{
    struct tf_scope *home = tf_home(scope, *node);
    const struct tf_node *from = *node;

    if (tf_state_of(home, from)->state == TF_DONE) {
        *node = NULL;
        return STATUS_OK;
    }
    if (home == scope)
        return STATUS_OK;
    /* What a branch or loop needs of the graph around it was lowered before it, but for constants
     * that lost what tied them to it. */
    if (from->input_count)
        return error_set(err, STATUS_UNSUPPORTED, "'%.64s' is used where it is not computed",
                         from->name);
    *node = NULL;
    return tf_lower(home, &from, 1, err);
}

enum status tf_controls_missing(struct tf_scope *scope, const struct tf_node *node,
                                const struct tf_node **from, struct error *err)
{
    return missing_of(scope, node->controls, node->control_count, true, from, err);
}

static enum status missing(struct tf_scope *scope, const struct tf_node *node,
                           const struct tf_node **from, struct error *err)
{
    TRY(tf_controls_missing(scope, node, from, err));
    if (*from)
        return STATUS_OK;
    if (is_lazy(scope, node))
        return op_row(scope, node->op)->needs(scope, node, from, err);
    return missing_of(scope, node->inputs, node->input_count, false, from, err);
}

static enum status wanted_lower(struct tf_scope *scope, const struct tf_node *wanted,
                                const struct tf_node **stack, struct error *err)
{
    struct tf_state *state;
    size_t depth = 0;

    if (tf_state_of(scope, wanted)->state == TF_DONE)
        return STATUS_OK;
    stack[depth++] = wanted;
    while (depth) {
        const struct tf_node *node = stack[depth - 1], *from;

        TRY(tf_state_get(scope, node, &state, err));
        if (state->state == TF_DONE) { /* with another one */
            depth--;
            continue;
        }
        if (state->state == TF_NEW && tf_flow_check(scope, node, err))
            return node_error(node, err);
        state->state = TF_WAITING;
        if (missing(scope, node, &from, err))
            return node_error(node, err);
        if (from && tf_state_of(scope, from)->state == TF_WAITING)
            return error_set(err, STATUS_UNSUPPORTED, "node '%.64s' needs itself", from->name);
        if (from) {
            stack[depth++] = from;
            continue;
        }
        if (node_lower(scope, node, err))
            return node_error(node, err);
        depth--;
    }
    return STATUS_OK;
}

/* Room for the nodes that wait, which is one longer than the graph has nodes. */
struct tf_stack {
    struct tf_stack *next;
    size_t room;
    const struct tf_node **nodes;
};

static struct tf_stack *stack_take(struct tf_lowering *l, size_t room)
{
    struct tf_stack *stack;

    for (struct tf_stack **at = &l->stacks; *at; at = &(*at)->next)
        if ((*at)->room >= room) {
            stack = *at;
            *at = stack->next;
            return stack;
        }
    stack = arena_new(l->keep, struct tf_stack, 1);
    if (!stack)
        return NULL;
    stack->room = room;
    stack->nodes = arena_new(l->keep, const struct tf_node *, room);
    return stack->nodes ? stack : NULL;
}

enum status tf_lower(struct tf_scope *scope, const struct tf_node *const *wanted, size_t count,
                     struct error *err)
{
    struct tf_stack *stack;
    size_t i = 0;

    while (i < count && tf_state_of(scope, wanted[i])->state == TF_DONE)
        i++;
    if (i == count)
        return STATUS_OK;
    TRY(tf_flow_want(scope, wanted, count, err));
    stack = stack_take(scope->l, scope->stored->count + 1);
    if (!stack)
        return error_no_memory(err, "the graph");
    for (; i < count; i++)
        TRY(wanted_lower(scope, wanted[i], stack->nodes, err));
    stack->next = scope->l->stacks;
    scope->l->stacks = stack;
    return STATUS_OK;
}
