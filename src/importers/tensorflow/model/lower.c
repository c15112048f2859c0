// SPDX-License-Identifier: Apache-2.0
/* From the nodes that are wanted backwards to what they need, without recursion. */
#include "base/text.h"
#include "gen/tf_ops.h"
#include "importers/tensorflow/internal.h"

static const struct tf_op *op_row(const char *name)
{
    for (size_t s = 0; TF_OPS[s]; s++)
        for (size_t i = 0; i < TF_OPS[s]->count; i++)
            if (!strcmp(TF_OPS[s]->ops[i].name, name))
                return &TF_OPS[s]->ops[i];
    return NULL;
}

static enum status node_error(const struct tf_node *node, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], op[TEXT_QUOTE_SIZE];

    return error_within(err, "node '%s' (%s)", text_quote(bytes_of(node->name), name, sizeof name),
                        text_quote(bytes_of(node->op), op, sizeof op));
}

/* --- for the operators --- */

enum status tf_give(struct tf_call *c, value_id value)
{
    c->out[0] = value;
    c->out_count = 1;
    return STATUS_OK;
}

enum status tf_add(struct tf_call *c, value_id value, struct error *err)
{
    if (c->out_count == TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", TF_OUTPUTS_MAX);
    c->out[c->out_count++] = value;
    return STATUS_OK;
}

const struct tensor *tf_constant(const struct tf_call *c, size_t input)
{
    return input < c->in_count ? c->e->graph->values[c->in[input]].constant : NULL;
}

enum status tf_known_ints(const struct tf_call *c, size_t input, int64_t *values, size_t max,
                          size_t *count, struct error *err)
{
    const struct tensor *tensor = tf_constant(c, input);

    if (!tensor)
        return error_set(err, STATUS_UNSUPPORTED, "input %zu is not a constant", input);
    *count = tensor_count(tensor);
    if (*count > max || !dtype_is_integer(tensor->dtype))
        return error_set(err, STATUS_INVALID_INPUT, "input %zu is %zu of %s", input, *count,
                         dtype_name(tensor->dtype));
    for (size_t i = 0; i < *count; i++)
        values[i] = tensor_i64(tensor, i);
    return STATUS_OK;
}

enum status tf_known_int(const struct tf_call *c, size_t input, int64_t *value, struct error *err)
{
    size_t count;

    TRY(tf_known_ints(c, input, value, 1, &count, err));
    return count == 1 ? STATUS_OK
                      : error_set(err, STATUS_INVALID_INPUT, "input %zu is empty", input);
}

enum status tf_rank(const struct tf_call *c, size_t input, int *rank, struct error *err)
{
    *rank = emit_shape(c->e, c->in[input])->rank;
    return *rank >= 0
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "the rank of input %zu is not known", input);
}

enum status tf_index(const struct tf_call *c, size_t input, value_id *value, struct error *err)
{
    return emit_cast(c->e, c->in[input], DTYPE_I64, value, err);
}

enum status tf_index_list(const struct tf_call *c, size_t input, value_id *value, struct error *err)
{
    static const int64_t LIST[] = {-1};

    TRY(tf_index(c, input, value, err));
    if (emit_shape(c->e, *value)->rank == 1)
        return STATUS_OK;
    return emit_reshape(c->e, *value, LIST, 1, value, err);
}

/* --- scopes --- */

void tf_lowering_init(struct tf_lowering *l, const struct tf_graph *graph, struct arena *keep,
                      struct arena *scratch)
{
    *l = (struct tf_lowering){.keep = keep, .scratch = scratch, .graph = graph};
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
    scope->states = arena_new(l->keep, struct tf_state, scope->stored->count);
    return scope->states ? STATUS_OK : error_no_memory(err, "the graph");
}

struct tf_state *tf_state_of(const struct tf_scope *scope, const struct tf_node *node)
{
    return &scope->states[node - scope->stored->nodes];
}

enum status tf_feed(struct tf_scope *scope, const struct tf_node *node, value_id value,
                    struct error *err)
{
    struct tf_state *state = tf_state_of(scope, node);

    state->outputs = arena_new(scope->l->keep, value_id, 1);
    if (!state->outputs)
        return error_no_memory(err, "an input");
    state->outputs[0] = value;
    state->output_count = 1;
    state->state = TF_DONE;
    return STATUS_OK;
}

/* --- edges --- */

/* How many outputs an item of a row's `outputs` stands for: "values" one, "parts*N" what attribute
 * N says. */
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

/* Which output of the node an edge means. */
static enum status edge_output(const struct tf_scope *scope, const struct tf_node *node,
                               const struct tf_edge *edge, size_t *output, struct error *err)
{
    const struct tf_op *row = op_row(node->op);
    const char *at = row && row->outputs ? row->outputs : "";
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;
    size_t base = 0, width;

    *output = edge->output;
    if (!edge->port.size || !*at)
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

static enum status value_of_edge(const struct tf_scope *scope, const struct tf_edge *edge,
                                 value_id *value, struct error *err)
{
    const struct tf_node *from = map_find(&scope->stored->by_name, edge->node);
    const struct tf_state *state = tf_state_of(scope, from);
    size_t output;

    TRY(edge_output(scope, from, edge, &output, err));
    if (output >= state->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "'%.64s' has no output %zu", from->name,
                         output);
    *value = state->outputs[output];
    return STATUS_OK;
}

enum status tf_edge_value(struct tf_scope *scope, const struct tf_edge *edge, value_id *value,
                          struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, edge->node);
    char quoted[TEXT_QUOTE_SIZE];

    if (!node)
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is no node",
                         text_quote(edge->node, quoted, sizeof quoted));
    TRY(tf_lower(scope, &node, 1, err));
    return value_of_edge(scope, edge, value, err);
}

/* --- one node --- */

/* A node whose operator is the name of a function. */
static enum status call_named(struct tf_call *c, struct error *err)
{
    const struct tf_function *function;

    if (tf_function_get(c->l, bytes_of(c->node->op), &function, err))
        return err->status == STATUS_UNSUPPORTED
                   ? error_set(err, STATUS_UNSUPPORTED, "the operator is not supported")
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
    const struct tf_op *row = op_row(op);

    if (!row)
        return error_set(err, STATUS_UNSUPPORTED, "is %s, which is not supported", op);
    c->in = in;
    c->in_count = in_count;
    return row_run(c, row, err);
}

static enum status call_run(struct tf_scope *scope, const struct tf_node *node, const value_id *in,
                            struct tf_call *c, struct error *err)
{
    const struct tf_op *row = op_row(node->op);

    *c = (struct tf_call){.l = scope->l,
                          .scope = scope,
                          .e = scope->e,
                          .node = node,
                          .in = in,
                          .in_count = node->input_count};
    return row ? row_run(c, row, err) : call_named(c, err);
}

static enum status node_lower(struct tf_scope *scope, const struct tf_node *node, struct error *err)
{
    struct tf_lowering *l = scope->l;
    value_id *in = arena_new(l->keep, value_id, node->input_count);
    size_t first = scope->e->graph->node_count;
    struct tf_state *state = tf_state_of(scope, node);
    struct tf_call c;

    if (!in)
        return error_no_memory(err, "a node");
    scope->e->where = node->name;
    for (size_t i = 0; i < node->input_count; i++) {
        TRY(value_of_edge(scope, &node->inputs[i], &in[i], err));
        if (!tf_takes_reference(node->op))
            TRY(tf_variable_dereference(scope, &in[i], err));
    }
    l->settled = false;
    TRY(call_run(scope, node, in, &c, err));
    if (l->settled && c.out_count)
        TRY(tf_guard_add(l, scope->e->graph, c.out[0], err));
    TRY(graph_compute(scope->e->graph, first, l->scratch, err));
    arena_reset(l->scratch);
    state->outputs = arena_new(l->keep, value_id, c.out_count);
    if (!state->outputs)
        return error_no_memory(err, "a node");
    memcpy(state->outputs, c.out, c.out_count * sizeof *c.out);
    state->output_count = c.out_count;
    state->state = TF_DONE;
    return STATUS_OK;
}

/* --- all that is needed --- */

/* Of the edges, the first node that is not lowered yet; NULL: none. */
static enum status missing_of(const struct tf_scope *scope, const struct tf_edge *edges,
                              size_t count, bool controls, const struct tf_node **from,
                              struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    bool matters = true;

    for (size_t i = 0; i < count; i++) {
        *from = map_find(&scope->stored->by_name, edges[i].node);
        if (!*from)
            return error_set(err, STATUS_INVALID_INPUT, "its input '%s' is no node",
                             text_quote(edges[i].node, quoted, sizeof quoted));
        if (tf_state_of(scope, *from)->state == TF_DONE)
            continue;
        if (controls)
            TRY(tf_control_matters(scope, *from, &matters, err));
        if (matters)
            return STATUS_OK;
    }
    *from = NULL;
    return STATUS_OK;
}

static enum status missing(const struct tf_scope *scope, const struct tf_node *node,
                           const struct tf_node **from, struct error *err)
{
    TRY(missing_of(scope, node->controls, node->control_count, true, from, err));
    if (*from)
        return STATUS_OK;
    return missing_of(scope, node->inputs, node->input_count, false, from, err);
}

static enum status wanted_lower(struct tf_scope *scope, const struct tf_node *wanted,
                                const struct tf_node **stack, struct error *err)
{
    size_t depth = 0;

    if (tf_state_of(scope, wanted)->state == TF_DONE)
        return STATUS_OK;
    stack[depth++] = wanted;
    while (depth) {
        const struct tf_node *node = stack[depth - 1], *from;

        tf_state_of(scope, node)->state = TF_WAITING;
        if (missing(scope, node, &from, err))
            return node_error(node, err);
        if (from && tf_state_of(scope, from)->state == TF_WAITING)
            return error_set(err, STATUS_UNSUPPORTED, "node '%.64s' is part of a loop", from->name);
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

enum status tf_lower(struct tf_scope *scope, const struct tf_node *const *wanted, size_t count,
                     struct error *err)
{
    const struct tf_node **stack;
    size_t i = 0;

    while (i < count && tf_state_of(scope, wanted[i])->state == TF_DONE)
        i++;
    if (i == count)
        return STATUS_OK;
    if (!scope->stack)
        scope->stack = arena_new(scope->l->keep, const struct tf_node *, scope->stored->count + 1);
    stack = scope->stack;
    if (!stack)
        return error_no_memory(err, "the graph");
    scope->stack = NULL; /* it is taken while this runs */
    for (; i < count; i++)
        TRY(wanted_lower(scope, wanted[i], stack, err));
    scope->stack = stack;
    return STATUS_OK;
}
