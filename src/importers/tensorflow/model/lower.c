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

/* --- one node --- */

static enum status call_run(struct tf_lowering *l, struct tf_node *node, const value_id *in,
                            struct tf_call *c, struct error *err)
{
    const struct tf_op *row = op_row(node->op);

    *c =
        (struct tf_call){.l = l, .e = &l->e, .node = node, .in = in, .in_count = node->input_count};
    if (!row)
        return error_set(err, STATUS_UNSUPPORTED, "the operator is not supported");
    if (row->inputs && row->inputs != node->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not %zu", node->input_count,
                         row->inputs);
    if (!row->onnx)
        return row->lower(c, err);
    return emit(&l->e, "", row->onnx, in, node->input_count, NULL, 0, c->out, c->out_count = 1,
                err);
}

static enum status inputs_take(struct tf_lowering *l, const struct tf_node *node, value_id *in,
                               struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < node->input_count; i++) {
        const struct tf_edge *edge = &node->inputs[i];
        const struct tf_node *from = map_find(&l->graph->by_name, edge->node);

        if (edge->output >= from->output_count)
            return error_set(err, STATUS_INVALID_INPUT, "'%s' has no output %zu",
                             text_quote(edge->node, quoted, sizeof quoted), edge->output);
        in[i] = from->outputs[edge->output];
    }
    return STATUS_OK;
}

static enum status node_lower(struct tf_lowering *l, struct tf_node *node, struct error *err)
{
    value_id *in = arena_new(l->keep, value_id, node->input_count);
    size_t first = l->e.graph->node_count;
    struct tf_call c;

    if (!in)
        return error_no_memory(err, "a node");
    l->e.where = node->name;
    TRY(inputs_take(l, node, in, err));
    TRY(call_run(l, node, in, &c, err));
    TRY(graph_compute(l->e.graph, first, l->scratch, err));
    arena_reset(l->scratch);
    node->outputs = arena_new(l->keep, value_id, c.out_count);
    if (!node->outputs)
        return error_no_memory(err, "a node");
    memcpy(node->outputs, c.out, c.out_count * sizeof *c.out);
    node->output_count = c.out_count;
    node->state = TF_DONE;
    return STATUS_OK;
}

/* --- all that is needed --- */

/* The first input that is not lowered yet; NULL: none. */
static enum status missing(const struct tf_lowering *l, const struct tf_node *node,
                           struct tf_node **from, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < node->input_count; i++) {
        *from = map_find(&l->graph->by_name, node->inputs[i].node);
        if (!*from)
            return error_set(err, STATUS_INVALID_INPUT, "its input '%s' is no node",
                             text_quote(node->inputs[i].node, quoted, sizeof quoted));
        if ((*from)->state != TF_DONE)
            return STATUS_OK;
    }
    *from = NULL;
    return STATUS_OK;
}

static enum status wanted_lower(struct tf_lowering *l, struct tf_node *wanted,
                                struct tf_node **stack, struct error *err)
{
    size_t depth = 0;

    if (wanted->state == TF_DONE)
        return STATUS_OK;
    stack[depth++] = wanted;
    while (depth) {
        struct tf_node *node = stack[depth - 1], *from;

        node->state = TF_WAITING;
        if (missing(l, node, &from, err))
            return node_error(node, err);
        if (from && from->state == TF_WAITING)
            return error_set(err, STATUS_UNSUPPORTED, "node '%.64s' is part of a loop", from->name);
        if (from) {
            stack[depth++] = from;
            continue;
        }
        if (node_lower(l, node, err))
            return node_error(node, err);
        depth--;
    }
    return STATUS_OK;
}

enum status tf_lower(struct tf_lowering *l, struct tf_node *const *wanted, size_t count,
                     struct error *err)
{
    struct tf_node **stack = arena_new(l->keep, struct tf_node *, l->graph->count + 1);

    if (!stack)
        return error_no_memory(err, "the graph");
    for (size_t i = 0; i < count; i++) {
        if (!wanted_lower(l, wanted[i], stack, err))
            continue;
        for (size_t n = 0; n < l->graph->count; n++) /* for whoever asks next */
            if (l->graph->nodes[n].state == TF_WAITING)
                l->graph->nodes[n].state = TF_NEW;
        return err->status;
    }
    return STATUS_OK;
}
