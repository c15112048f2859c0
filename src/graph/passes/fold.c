// SPDX-License-Identifier: Apache-2.0
/* Constant folding: infer everything anew with what is known by now, and compute at load what
 * depends on nothing but constants and known shapes. */
#include "graph/permute.h"

enum { GROWTH_MAX = 64 << 20 }; /* bytes by which folding may enlarge a model */
enum { NUMBERS_MAX = 256 };     /* elements that graph_compute computes */
enum { FORGET_BYTES_MIN = 256 << 10 };

/* Bytes of the outputs minus those of the constants it reads, which may become unused. */
static int64_t growth_of(const struct op_call *call)
{
    int64_t growth = 0;

    for (size_t i = 0; i < call->out_count; i++)
        growth += (int64_t)tensor_bytes(&call->out[i]);
    for (size_t i = 0; i < call->in_count; i++)
        if (call->in[i].data)
            growth -= (int64_t)tensor_bytes(&call->in[i]);
    return growth < 0 ? 0 : growth;
}

/* Shapes that the model merely states are not relied on: what arrives may differ. */
static bool is_foldable(const struct graph *graph, const struct node *node,
                        const struct op_call *call)
{
    bool by_shape = call->op->flags & OP_SHAPE_ONLY && !graph_is_declared(graph, node);

    if (call->op->flags & OP_RANDOM)
        return false;
    for (size_t i = 0; i < call->in_count; i++) {
        const struct tensor *in = &call->in[i];

        if (in->dtype == DTYPE_NONE || in->data)
            continue;
        if (!by_shape || !shape_is_known(&in->shape))
            return false;
    }
    for (size_t i = 0; i < call->out_count; i++)
        if (!shape_is_known(&call->out[i].shape) ||
            shape_check(&call->out[i].shape, call->out[i].dtype, GROWTH_MAX, NULL,
                        &(struct error){0}))
            return false;
    for (size_t i = 0; i < call->attributes->count; i++)
        if (call->attributes->items[i].kind == ATTRIBUTE_GRAPH)
            return false;
    return true;
}

static enum status fold(struct graph *graph, const struct node *node, struct op_call *call,
                        struct arena *scratch, bool *folded, struct error *err)
{
    struct error failed;

    /* A node that fails is left for the run: perhaps nobody ever asks for it. */
    if (graph_evaluate(graph, node, call, scratch, &failed)) {
        if (failed.status != STATUS_NO_MEMORY)
            return STATUS_OK;
        *err = failed;
        return failed.status;
    }
    for (size_t i = 0; i < call->out_count; i++) {
        struct value *value = &graph->values[node->outputs[i]];
        struct tensor *constant = arena_new(graph->keep, struct tensor, 1);

        if (!constant)
            return error_no_memory(err, "a constant");
        *constant = call->out[i];
        value->constant = constant;
        value->shape = constant->shape;
        value->element = constant->element;
    }
    *folded = true;
    for (size_t i = 0; graph->forget && i < call->in_count; i++) /* read again, if at all, later */
        if (call->in[i].data && call->in[i].dtype != DTYPE_STRING &&
            tensor_bytes(&call->in[i]) >= FORGET_BYTES_MIN)
            graph->forget(graph->forget_context,
                          (struct bytes){call->in[i].data, tensor_bytes(&call->in[i])});
    return STATUS_OK;
}

/* Quantised weights stay as they are until integer kernels have had their chance. */
static bool is_deferred(const struct node *node, const struct op_call *call)
{
    return node_is(node, "DequantizeLinear") && tensor_count(&call->in[0]) > 1;
}

/* Do all who read it take it as it is stored? */
static bool is_taken_as_stored(const struct uses *uses, value_id value)
{
    const struct graph *graph = uses->graph;

    if ((size_t)value >= uses->value_count || uses->is_output[value])
        return false;
    for (size_t i = uses->first[value]; i < uses->first[value + 1]; i++) {
        const struct node *reader = &graph->nodes[uses->nodes[i]];

        for (size_t k = 0; k < reader->input_count; k++)
            if (reader->inputs[k] == value && !(k < 64 && reader->op->stored >> k & 1))
                return false;
    }
    return uses_count(uses, value) > 0;
}

/* Weights of convolutions are turned when they are packed. */
static enum status turn_later(struct graph *graph, const struct node *node, const struct uses *uses,
                              bool *folded, struct error *err)
{
    const struct tensor *from = node_is(node, "Transpose") ? node_weights(graph, node, 0) : NULL;
    struct value *to = &graph->values[node->outputs[0]];
    struct tensor *made;
    struct stored *stored;
    struct order order;

    if (!from || !from->data || from->stored || !tensor_may_be_stored(from) ||
        !order_of(graph, node, &order) || !is_taken_as_stored(uses, node->outputs[0]))
        return STATUS_OK;
    made = arena_new(graph->keep, struct tensor, 1);
    stored = arena_new(graph->keep, struct stored, 1);
    if (!made || !stored)
        return error_no_memory(err, "a constant");
    memcpy(stored->perm, order.perm, sizeof stored->perm);
    *made = (struct tensor){from->dtype, to->shape, from->data, NULL, stored};
    to->constant = made;
    *folded = true;
    return STATUS_OK;
}

/* Infer a node anew with what is known by now. */
static enum status learn(struct graph *graph, const struct node *node, struct op_call *call,
                         struct error *err)
{
    TRY(graph_infer(graph, node, call, err));
    for (size_t i = 0; i < node->output_count; i++) {
        struct value *out = &graph->values[node->outputs[i]];

        if (graph_learn(graph, out, call->out[i].dtype, &call->out[i].shape, err))
            return graph_node_error(node, err);
        out->declared = out->declared || graph_is_declared(graph, node);
        out->element = call->out[i].element;
    }
    return STATUS_OK;
}

static bool is_small(const struct op_call *call)
{
    for (size_t i = 0; i < call->out_count; i++)
        if (tensor_count(&call->out[i]) > NUMBERS_MAX)
            return false;
    return true;
}

enum status graph_compute(struct graph *graph, size_t from, struct arena *scratch,
                          struct error *err)
{
    for (size_t n = from; n < graph->node_count; n++) {
        struct node *node = &graph->nodes[n];
        struct op_call call;
        bool folded = false;

        TRY(learn(graph, node, &call, err));
        if (is_foldable(graph, node, &call) && is_small(&call))
            TRY(fold(graph, node, &call, scratch, &folded, err));
    }
    return STATUS_OK;
}

enum status graph_fold(struct graph *graph, bool dequantise, struct arena *scratch,
                       struct error *err)
{
    int64_t growth = 0;
    struct uses uses;
    struct edit edit;

    TRY(uses_find(&uses, graph, scratch, err));
    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->nodes[n];
        struct op_call call;
        bool folded = false;

        if (dequantise && (!node_is(node, "DequantizeLinear") || !uses.is_live[n]))
            continue;
        TRY(learn(graph, node, &call, err));
        if (!is_foldable(graph, node, &call) || is_deferred(node, &call) != dequantise ||
            growth + growth_of(&call) > GROWTH_MAX)
            continue;
        TRY(turn_later(graph, node, &uses, &folded, err));
        if (!folded)
            TRY(fold(graph, node, &call, scratch, &folded, err));
        if (!folded)
            continue;
        growth += growth_of(&call);
        edit_remove(&edit, n);
    }
    return edit_end(&edit, scratch, err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    return graph_fold(graph, false, scratch, err);
}

const struct pass pass_fold = {
    .name = "fold",
    .summary = "compute what depends on constants alone",
    .order = 20,
    .run = run,
};
