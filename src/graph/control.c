// SPDX-License-Identifier: Apache-2.0
/* Inference of If, Loop, Scan and SequenceMap: a walk through their graphs with what is known of
 * the inputs. Nothing in the subgraphs changes. What a walk cannot tell is unknown; complaints are
 * made about what the node itself states: how many values go in and out, and of which kind. */
#include "graph/control.h"

#include "graph/control/internal.h"
#include "tensor/sequence.h"

enum {
    STEPS_MAX = 1 << 18, /* inferred nodes of one outermost call: nesting multiplies */
    WALK_BYTES_SHIFT = 32,
};

/* The walk that is going on in this thread: nested nodes continue it. */
static _Thread_local struct walk *walking;

/* --- what a node states --- */

static enum status wants_graph(const struct op_call *call, const char *name,
                               const struct graph **graph, struct error *err)
{
    const struct attribute *attribute = attribute_find(call->attributes, name);

    if (!attribute || attribute->kind != ATTRIBUTE_GRAPH)
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute %s is missing, a graph", name);
    if (attribute->g->signature_count != 1)
        return op_error(call, err, STATUS_INTERNAL, "attribute %s has no signature", name);
    *graph = attribute->g;
    return STATUS_OK;
}

enum status control_wants_counts(const struct op_call *call, const char *name,
                                 const struct graph *graph, size_t inputs, size_t outputs,
                                 struct error *err)
{
    const struct graph_signature *signature = &graph->signatures[0];
    size_t formal = signature->input_count - signature->capture_count;

    if (formal != inputs)
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute %s has %zu inputs, not %zu",
                        name, formal, inputs);
    if (signature->output_count != outputs)
        return op_error(call, err, STATUS_INVALID_INPUT, "attribute %s has %zu outputs, not %zu",
                        name, signature->output_count, outputs);
    return STATUS_OK;
}

enum status control_wants_flag(const struct op_call *call, const char *what,
                               const struct tensor *flag, struct error *err)
{
    if (flag->dtype != DTYPE_BOOL)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s is %s, not bool", what,
                        dtype_name(flag->dtype));
    if (shape_is_known(&flag->shape) && tensor_count(flag) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s has %zu elements, not 1", what,
                        tensor_count(flag));
    return STATUS_OK;
}

enum status control_read(const struct op_call *call, struct control *control, struct error *err)
{
    const char *name = call->op->name;
    size_t captures;

    *control = (struct control){0};
    if (!strcmp(name, "If")) {
        control->kind = CONTROL_IF;
        TRY(wants_graph(call, "then_branch", &control->graphs[0], err));
        TRY(wants_graph(call, "else_branch", &control->graphs[1], err));
        control->graph_count = 2;
        control->explicit_count = 1;
    } else {
        control->kind = !strcmp(name, "Loop")   ? CONTROL_LOOP
                        : !strcmp(name, "Scan") ? CONTROL_SCAN
                                                : CONTROL_SEQUENCE_MAP;
        TRY(wants_graph(call, "body", &control->graphs[0], err));
        control->graph_count = 1;
    }
    captures = control->graphs[0]->signatures[0].capture_count +
               (control->graph_count > 1 ? control->graphs[1]->signatures[0].capture_count : 0);
    control->batched = control->kind == CONTROL_SCAN && call->opset < 9;
    if (call->in_count < captures + control->explicit_count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs for %zu captured values",
                        call->in_count, captures);
    control->explicit_count = call->in_count - captures;
    return STATUS_OK;
}

/* --- If --- */

static enum status if_infer(struct walk *walk, struct op_call *call, const struct control *control,
                            struct error *err)
{
    const struct tensor *captured = &call->in[1];
    struct tensor *sides[2];
    size_t count = call->out_count;
    int only = -1;

    if (control->explicit_count != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs, not 1",
                        control->explicit_count);
    TRY(control_wants_flag(call, "the condition", &call->in[0], err));
    if (call->in[0].data)
        only = *(const bool *)call->in[0].data ? 0 : 1;
    for (int k = 0; k < 2; k++) {
        const struct graph *graph = control->graphs[k];

        TRY(control_wants_counts(call, k ? "else_branch" : "then_branch", graph, 0, count, err));
        sides[k] = arena_new(walk->scratch, struct tensor, count);
        if (!sides[k])
            return error_no_memory(err, "inference");
        TRY(walk_graph(walk, graph, captured, sides[k], err));
        captured += graph->signatures[0].capture_count;
    }
    for (size_t i = 0; i < count; i++) {
        struct tensor *out = &call->out[i];

        if (sides[0][i].dtype != sides[1][i].dtype)
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "output %zu is %s in then_branch, %s in else_branch", i,
                            dtype_name(sides[0][i].dtype), dtype_name(sides[1][i].dtype));
        if (only >= 0)
            *out = sides[only][i];
        else if (!element_merge(&sides[0][i], &sides[1][i], out, walk->keep))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "output %zu holds different things in the two branches", i);
        out->data = NULL;
    }
    return STATUS_OK;
}

/* --- SequenceMap --- */

static enum status map_infer(struct walk *walk, struct op_call *call, const struct control *control,
                             struct error *err)
{
    struct shape scalar = shape_scalar();
    struct rounds rounds;

    if (!control->explicit_count || call->in[0].dtype != DTYPE_SEQUENCE)
        return op_error(call, err, STATUS_INVALID_INPUT, "input 0 is no sequence");
    TRY(control_wants_counts(call, "body", control->graphs[0], control->explicit_count,
                             call->out_count, err));
    TRY(rounds_new(walk, control->graphs[0], &rounds, err));
    for (size_t i = 0; i < control->explicit_count; i++) {
        const struct tensor *given = &call->in[i];

        if (given->dtype == DTYPE_SEQUENCE && !given->element)
            return op_error(call, err, STATUS_UNSUPPORTED, "it is not known what input %zu holds",
                            i);
        rounds.inputs[i] = type_of(given->dtype == DTYPE_SEQUENCE ? given->element : given);
    }
    captures_fill(call, control, rounds.inputs);
    TRY(walk_graph(walk, control->graphs[0], rounds.inputs, rounds.outputs, err));
    for (size_t i = 0; i < call->out_count; i++) {
        const struct tensor *given = &rounds.outputs[i];

        if (dtype_is_container(given->dtype))
            return op_error(call, err, STATUS_UNSUPPORTED, "output %zu would be a sequence of %ss",
                            i, dtype_name(given->dtype));
        call->out[i] = (struct tensor){.dtype = DTYPE_SEQUENCE, .shape = scalar};
        call->out[i].element = element_new(given->dtype, &given->shape, NULL, walk->keep);
        if (!call->out[i].element)
            return error_no_memory(err, "inference");
    }
    return STATUS_OK;
}

/* --- all of them --- */

static enum status control_walk(struct walk *walk, struct op_call *call, struct error *err)
{
    struct control control;

    TRY(control_read(call, &control, err));
    if (walk->depth > SUBGRAPH_DEPTH_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "graphs in graphs, more than %d deep",
                        SUBGRAPH_DEPTH_MAX);
    switch (control.kind) {
    case CONTROL_IF:
        return if_infer(walk, call, &control, err);
    case CONTROL_LOOP:
        return loop_infer(walk, call, &control, err);
    case CONTROL_SCAN:
        return scan_infer(walk, call, &control, err);
    case CONTROL_SEQUENCE_MAP:
        return map_infer(walk, call, &control, err);
    }
    return STATUS_OK;
}

static enum status control_infer(struct op_call *call, struct error *err)
{
    struct walk own = {.keep = call->memory, .steps = STEPS_MAX}, *outer = walking;
    struct arena scratch;
    enum status status;

    if (outer) {
        outer->depth++;
        status = control_walk(outer, call, err);
        outer->depth--;
        return status;
    }
    arena_init(&scratch, (size_t)1 << WALK_BYTES_SHIFT);
    own.scratch = &scratch;
    walking = &own;
    status = control_walk(&own, call, err);
    walking = NULL;
    arena_release(&scratch);
    return status;
}

enum status graph_call_infer(struct op_call *call, struct error *err)
{
    if (!(call->op->flags & OP_CONTAINERS))
        for (size_t i = 0; i < call->in_count; i++)
            if (dtype_is_container(call->in[i].dtype))
                return op_error(call, err, STATUS_UNSUPPORTED, "input %zu is a %s", i,
                                dtype_name(call->in[i].dtype));
    if (call->op->flags & OP_SUBGRAPHS)
        return control_infer(call, err);
    return call->op->infer(call, err);
}
