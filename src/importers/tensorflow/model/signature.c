// SPDX-License-Identifier: Apache-2.0
/* The signatures of a stored model as signatures of a graph. */
#include <stdio.h>

#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { INPUT_SYMBOLS_MAX = 256, NAME_MAX_BYTES = 256 };

/* --- what goes in and out --- */

/* Free dimensions get names, by which passes know them again: those of equal inputs of several
 * signatures the same. */
enum status tf_graph_input(struct emitter *e, const char *name, enum dtype dtype,
                           const struct shape *shape, value_id *value, struct error *err)
{
    struct shape named = *shape;
    char symbol[NAME_MAX_BYTES];

    for (int i = 0; i < named.rank && e->graph->symbol_count < INPUT_SYMBOLS_MAX; i++) {
        int size =
            named.dims[i] == DIM_UNKNOWN ? snprintf(symbol, sizeof symbol, "%s.%d", name, i) : -1;

        if (size > 0 && size < (int)sizeof symbol)
            TRY(graph_symbol(e->graph, symbol, &named.dims[i], err));
    }
    return graph_input(e->graph, name, dtype, &named, value, err);
}

/* The node that a field feeds, as an input of the graph: a placeholder, or any other, whose own
 * value is then not asked for. */
static enum status input_add(struct tf_scope *scope, const struct tf_field *field, value_id *value,
                             struct error *err)
{
    const struct tf_node *node = map_find(&scope->stored->by_name, field->tensor.node);
    char quoted[TEXT_QUOTE_SIZE];

    if (!node || field->tensor.output)
        return error_set(err, STATUS_INVALID_INPUT,
                         "input '%.64s' is tensor '%s', which is not there", field->name,
                         text_quote(field->tensor.node, quoted, sizeof quoted));
    if (tf_state_of(scope, node)->state == TF_DONE) {
        *value = tf_state_of(scope, node)->outputs[0];
        return STATUS_OK;
    }
    TRY(tf_graph_input(scope->e, field->name, field->fed ? field->fed : field->dtype, &field->shape,
                       value, err));
    return tf_feed(scope, node, *value, err);
}

static enum status output_find(struct tf_scope *scope, const struct tf_field *field,
                               value_id *value, struct error *err)
{
    if (tf_edge_value(scope, &field->tensor, value, err))
        return error_within(err, "output '%.64s'", field->name);
    return STATUS_OK;
}

/* --- variables that it reads and writes --- */

static enum status state_of(const struct tf_lowering *l, struct emitter *e,
                            struct tf_resource *variable, struct error *err)
{
    struct tensor stored;
    struct shape shape;

    if (variable->slot_graph == e->graph)
        return STATUS_OK;
    TRY(tf_variable_stored(l, variable, &stored, err));
    TRY(tf_shape(variable->node, "shape", &shape, l->keep, err));
    variable->slot_graph = e->graph;
    return graph_state_add(e->graph, variable->name, &stored, &shape, &variable->slot, err);
}

struct ends { /* of a signature: its fields, and room for all variables behind them */
    value_id *inputs, *outputs;
    size_t input_count, output_count; /* with the variables */
    uint32_t *in, *out;
    size_t in_count, out_count;
};

static enum status states_add(struct tf_lowering *l, struct emitter *e, struct ends *ends,
                              struct error *err)
{
    for (size_t i = 0; i < l->touched_count; i++) {
        struct tf_resource *variable = l->touched[i];

        if (variable->temporary)
            continue;
        TRY(state_of(l, e, variable, err));
        if (variable->taken != VALUE_NONE) {
            ends->inputs[ends->input_count++] = variable->taken;
            ends->in[ends->in_count++] = variable->slot;
        }
        if (variable->assigned) {
            ends->outputs[ends->output_count++] = variable->value;
            ends->out[ends->out_count++] = variable->slot;
        }
    }
    return STATUS_OK;
}

static value_id *values_copy(const value_id *values, size_t count, size_t room, struct arena *keep)
{
    value_id *copy = arena_new(keep, value_id, count + room);

    if (copy && count)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

/* --- one signature --- */

void tf_signature_begin(struct tf_lowering *l, struct graph *graph)
{
    l->signature++;
    l->serving = graph;
    l->touched_count = l->guard_count = 0;
}

/* References are read when all else is done. */
static enum status outputs_read(struct tf_scope *scope, value_id *outputs, size_t count,
                                struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        TRY(tf_variable_dereference(scope, "", &outputs[i], err));
        if (tf_resource_at(scope->l, scope->e->graph, outputs[i]))
            return error_set(err, STATUS_UNSUPPORTED, "output %zu is a resource", i);
    }
    return tf_guards_settle(scope->l, scope->e, outputs, count, err);
}

enum status tf_signature_finish(struct tf_scope *scope, const char *name, const value_id *inputs,
                                size_t input_count, const value_id *outputs, size_t output_count,
                                struct error *err)
{
    struct tf_lowering *l = scope->l;
    struct graph *graph = scope->e->graph;
    struct ends ends = {.input_count = input_count, .output_count = output_count};
    size_t room;

    ends.outputs = values_copy(outputs, output_count, 0, l->keep);
    if (!ends.outputs)
        return error_no_memory(err, "a signature");
    TRY(outputs_read(scope, ends.outputs, output_count, err));
    room = l->touched_count; /* all that it touches is known now */
    ends.inputs = values_copy(inputs, input_count, room, l->keep);
    ends.outputs = values_copy(ends.outputs, output_count, room, l->keep);
    ends.in = arena_new(l->keep, uint32_t, room);
    ends.out = arena_new(l->keep, uint32_t, room);
    if (!ends.inputs || !ends.outputs || !ends.in || !ends.out)
        return error_no_memory(err, "a signature");
    TRY(states_add(l, scope->e, &ends, err));
    TRY(graph_signature_add(graph, name, ends.inputs, ends.input_count, ends.outputs,
                            ends.output_count, err));
    return graph_signature_states(graph, ends.in, ends.in_count, ends.out, ends.out_count, err);
}

static enum status outputs_find(struct tf_scope *scope, const struct tf_signature *stored,
                                value_id *outputs, struct error *err)
{
    for (size_t i = 0; i < stored->output_count; i++)
        TRY(tf_edge_want(scope, &stored->outputs[i].tensor, err));
    for (size_t i = 0; i < stored->output_count; i++)
        TRY(output_find(scope, &stored->outputs[i], &outputs[i], err));
    for (size_t i = 0; i < stored->output_count; i++) {
        enum dtype dtype;

        TRY(tf_variable_dereference(scope, "", &outputs[i], err));
        dtype = emit_dtype(scope->e, outputs[i]);
        if (dtype != stored->outputs[i].dtype)
            return error_set(err, STATUS_UNSUPPORTED, "output '%.64s' comes out as %s, not %s",
                             stored->outputs[i].name, dtype_name(dtype),
                             dtype_name(stored->outputs[i].dtype));
    }
    return STATUS_OK;
}

/* --- a function as a signature --- */

static enum status captured_value(struct tf_scope *scope, const struct tf_captured *captured,
                                  value_id *value, struct error *err)
{
    static const struct tf_node NODE = {.name = "", .op = "VarHandleOp"};
    struct tf_lowering *l = scope->l;
    struct tf_resource *variable;
    struct tf_edge edge = {.node = captured->constant, .port = {captured->constant.data, 0}};
    char *name;

    if (!captured->key.size)
        return tf_edge_value(scope, &edge, value, err);
    name = arena_text(l->keep, captured->key);
    if (!name)
        return error_no_memory(err, "a variable");
    TRY(tf_resource_get(l, TF_VARIABLE, name, &NODE, &variable, err));
    variable->key = captured->key;
    return tf_resource_value(scope->e, variable, value, err);
}

static enum status function_call(struct tf_scope *scope, const struct tf_signature *stored,
                                 const value_id *inputs, value_id *outputs, struct error *err)
{
    size_t count = stored->input_count + stored->captured_count;
    value_id *arguments = arena_new(scope->l->keep, value_id, count);
    const struct tf_function *function;

    if (!arguments)
        return error_no_memory(err, "a signature");
    TRY(tf_function_get(scope->l, stored->function, &function, err));
    if (function->result_count != stored->output_count)
        return error_set(err, STATUS_UNSUPPORTED, "function '%.64s' gives %zu tensors, not %zu",
                         function->name, function->result_count, stored->output_count);
    for (size_t i = 0; i < stored->input_count; i++)
        arguments[i] = inputs[i];
    for (size_t i = 0; i < stored->captured_count; i++)
        TRY(captured_value(scope, &stored->captured[i], &arguments[stored->input_count + i], err));
    return tf_function_lower(scope, function, scope->e, arguments, count, outputs, err);
}

static enum status function_build(struct tf_scope *scope, const struct tf_signature *stored,
                                  value_id *inputs, value_id *outputs, struct error *err)
{
    for (size_t i = 0; i < stored->input_count; i++)
        TRY(tf_graph_input(scope->e, stored->inputs[i].name, stored->inputs[i].dtype,
                           &stored->inputs[i].shape, &inputs[i], err));
    TRY(function_call(scope, stored, inputs, outputs, err));
    for (size_t i = 0; i < stored->output_count; i++)
        if (emit_dtype(scope->e, outputs[i]) != stored->outputs[i].dtype)
            return error_set(err, STATUS_UNSUPPORTED, "output '%.64s' comes out as %s, not %s",
                             stored->outputs[i].name, dtype_name(emit_dtype(scope->e, outputs[i])),
                             dtype_name(stored->outputs[i].dtype));
    return STATUS_OK;
}

static enum status signature_build(struct tf_lowering *l, struct emitter *e,
                                   const struct tf_signature *stored, struct error *err)
{
    value_id *inputs = arena_new(l->keep, value_id, stored->input_count);
    value_id *outputs = arena_new(l->keep, value_id, stored->output_count);
    struct tf_scope scope;

    if (!inputs || !outputs)
        return error_no_memory(err, "a signature");
    tf_signature_begin(l, e->graph);
    if (stored->reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", stored->reason);
    TRY(tf_scope_open(&scope, l, NULL, NULL, e, err));
    if (stored->function.size) {
        TRY(function_build(&scope, stored, inputs, outputs, err));
    } else {
        for (size_t i = 0; i < stored->input_count; i++)
            TRY(input_add(&scope, &stored->inputs[i], &inputs[i], err));
        TRY(outputs_find(&scope, stored, outputs, err));
    }
    return tf_signature_finish(&scope, stored->name, inputs, stored->input_count, outputs,
                               stored->output_count, err);
}

/* --- all of them --- */

/* What a refused signature would have written does not change. */
static void writes_forget(struct tf_lowering *l)
{
    for (size_t i = 0; i < l->touched_count; i++)
        if (l->touched[i]->writer == l->signature)
            l->touched[i]->written = false;
}

bool tf_signatures_again(struct tf_lowering *l)
{
    bool before = l->writes;

    for (size_t i = 0; i < l->resource_count; i++)
        l->writes = l->writes || l->resources[i]->written;
    return l->writes && !before;
}

/* Each signature for itself: one that cannot be served leaves the others alone. */
static enum status signatures_build(struct tf_lowering *l, struct emitter *e,
                                    const struct tf_signature *stored, struct signature *signatures,
                                    size_t count, size_t *built, struct error *err)
{
    *built = 0;
    TRY(graph_new(&e->graph, l->keep, err));
    for (size_t i = 0; i < count; i++) {
        enum status status = signature_build(l, e, &stored[i], err);

        signatures[i].reason = NULL;
        if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE) {
            writes_forget(l);
            signatures[i].reason = arena_printf(l->keep, "%s", err->text);
            if (!signatures[i].reason)
                return error_no_memory(err, "the contract");
            continue;
        }
        TRY(status);
        ++*built;
    }
    return STATUS_OK;
}

enum status tf_signatures_build(struct tf_lowering *l, const struct tf_signature *stored,
                                struct signature *signatures, size_t count, struct graph **graph,
                                struct error *err)
{
    struct emitter e = {.where = ""};
    size_t built;

    *graph = NULL;
    TRY(signatures_build(l, &e, stored, signatures, count, &built, err));
    if (tf_signatures_again(l))
        TRY(signatures_build(l, &e, stored, signatures, count, &built, err));
    if (!built)
        return STATUS_OK;
    *graph = e.graph;
    return graph_finish(e.graph, err);
}
