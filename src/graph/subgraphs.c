// SPDX-License-Identifier: Apache-2.0
/* Passes for the graphs inside of nodes: what they capture and is a constant becomes theirs, they
 * are optimised as any graph, and what they do not read any more is captured no longer. */
#include "graph/internal.h"

/* Where the captures of a node's graph stand among its inputs. */
struct captures {
    struct graph *graph;
    struct node *node;
    struct graph *inner;
    size_t at; /* of the first, in node->inputs */
};

static struct graph_signature *body_of(const struct captures *c)
{
    return &c->inner->signatures[0];
}

static void mark_read(const struct graph *graph, bool *read)
{
    const struct graph_signature *signature = &graph->signatures[0];

    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] != VALUE_NONE)
                read[graph->nodes[n].inputs[i]] = true;
    for (size_t i = 0; i < signature->output_count; i++)
        read[signature->outputs[i]] = true;
}

/* Keep the captures that `keep` says, in the body and in the node. */
static enum status captures_keep(const struct captures *c, const bool *keep, struct error *err)
{
    struct graph_signature *body = body_of(c);
    size_t formal = body->input_count - body->capture_count, kept = 0, count = 0;
    value_id *inner = arena_new(c->graph->keep, value_id, body->input_count);
    value_id *outer = arena_new(c->graph->keep, value_id, c->node->input_count);

    if (!inner || !outer)
        return error_no_memory(err, "a pass");
    for (size_t i = 0; i < body->input_count; i++)
        if (i < formal || keep[i - formal])
            inner[kept++] = body->inputs[i];
    for (size_t i = 0; i < c->node->input_count; i++)
        if (i < c->at || i >= c->at + body->capture_count || keep[i - c->at])
            outer[count++] = c->node->inputs[i];
    if (kept == body->input_count)
        return STATUS_OK;
    body->capture_count -= body->input_count - kept;
    body->inputs = inner;
    body->input_count = kept;
    c->node->inputs = outer;
    c->node->input_count = count;
    c->graph->edits++;
    return STATUS_OK;
}

static enum status take_constants(const struct captures *c, struct arena *scratch,
                                  struct error *err)
{
    const struct graph_signature *body = body_of(c);
    size_t formal = body->input_count - body->capture_count;
    bool *keep = arena_new(scratch, bool, body->capture_count);

    if (!keep)
        return error_no_memory(err, "a pass");
    for (size_t i = 0; i < body->capture_count; i++) {
        value_id from = c->node->inputs[c->at + i];
        const struct value *outer = from == VALUE_NONE ? NULL : &c->graph->values[from];
        struct value *inner = &c->inner->values[body->inputs[formal + i]];

        keep[i] = !outer || !outer->constant || !outer->constant->data;
        if (keep[i])
            continue;
        inner->constant = outer->constant;
        inner->shape = outer->constant->shape;
        inner->element = outer->element;
        inner->is_input = false;
        inner->declared = false;
    }
    return captures_keep(c, keep, err);
}

static enum status drop_unread(const struct captures *c, struct arena *scratch, struct error *err)
{
    const struct graph_signature *body = body_of(c);
    size_t formal = body->input_count - body->capture_count;
    bool *read = arena_new(scratch, bool, c->inner->value_count);
    bool *keep = arena_new(scratch, bool, body->capture_count);

    if (!read || !keep)
        return error_no_memory(err, "a pass");
    mark_read(c->inner, read);
    for (size_t i = 0; i < body->capture_count; i++)
        keep[i] = read[body->inputs[formal + i]];
    return captures_keep(c, keep, err);
}

static enum status node_optimise(struct graph *graph, struct node *node, const char *skip, int last,
                                 int depth, struct arena *scratch, struct error *err)
{
    struct captures c = {.graph = graph, .node = node};
    struct op_call call = {.op = node->op,
                           .opset = node->opset,
                           .attributes = &node->attributes,
                           .in_count = node->input_count,
                           .out_count = node->output_count};
    struct control control;

    TRY(control_read(&call, &control, err));
    c.at = control.explicit_count;
    for (size_t k = 0; k < control.graph_count; k++) {
        c.inner = (struct graph *)(uintptr_t)control.graphs[k]; /* ours: an attribute */
        TRY(take_constants(&c, scratch, err));
        TRY(graph_optimise_inner(c.inner, skip, last, depth + 1, scratch, err));
        TRY(drop_unread(&c, scratch, err));
        c.at += body_of(&c)->capture_count;
    }
    return STATUS_OK;
}

enum status subgraphs_optimise(struct graph *graph, const char *skip, int last, int depth,
                               struct arena *scratch, struct error *err)
{
    if (depth >= SUBGRAPH_DEPTH_MAX)
        return STATUS_OK;
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op->flags & OP_SUBGRAPHS &&
            node_optimise(graph, &graph->nodes[n], skip, last, depth, scratch, err))
            return graph_node_error(&graph->nodes[n], err);
    return STATUS_OK;
}
