// SPDX-License-Identifier: Apache-2.0
#include "graph/control/internal.h"

#include "tensor/sequence.h"

enum { ROUNDS_MAX = 4 }; /* until carried shapes stay; then they are given up */

static struct tensor described(const struct tensor *tensor)
{
    struct tensor type = *tensor;

    shape_forget_symbols(&type.shape);
    return type;
}

/* What the graph itself knows of a value: its symbols are its own. */
static struct tensor stored(const struct value *value)
{
    struct tensor type = {value->dtype, value->declared ? shape_unknown() : value->shape, NULL,
                          value->element};

    if (dtype_is_container(type.dtype))
        type.shape = shape_scalar();
    return described(&type);
}

static void infer_node(struct walk *walk, const struct graph *graph, const struct node *node,
                       struct tensor *values, struct tensor *in, struct tensor *out)
{
    struct error ignored;
    struct op_call call = {
        .op = node->op,
        .opset = node->opset,
        .attributes = &node->attributes,
        .in_count = node->input_count,
        .out_count = node->output_count,
        .in = in,
        .out = out,
        .memory = walk->keep,
    };
    bool known;

    memset(out, 0, OP_OUTPUTS_MAX * sizeof *out);
    for (size_t i = 0; i < node->input_count; i++)
        in[i] = node->inputs[i] == VALUE_NONE ? (struct tensor){0} : values[node->inputs[i]];
    known = walk->steps > 0 && !graph_call_infer(&call, &ignored);
    walk->steps -= walk->steps > 0;
    for (size_t i = 0; i < node->output_count; i++)
        if (known && out[i].dtype == graph->values[node->outputs[i]].dtype) {
            values[node->outputs[i]] = described(&out[i]);
            values[node->outputs[i]].data = NULL;
        }
}

enum status walk_graph(struct walk *walk, const struct graph *graph, const struct tensor *inputs,
                       struct tensor *outputs, struct error *err)
{
    const struct graph_signature *signature = &graph->signatures[0];
    struct tensor *values = arena_new(walk->scratch, struct tensor, graph->value_count);
    struct tensor *out = arena_new(walk->scratch, struct tensor, OP_OUTPUTS_MAX), *in;
    size_t in_max = 1;

    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].input_count > in_max)
            in_max = graph->nodes[n].input_count;
    in = arena_new(walk->scratch, struct tensor, in_max);
    if (!values || !in || !out)
        return error_no_memory(err, "inference");
    for (size_t v = 0; v < graph->value_count; v++) {
        const struct tensor *constant = value_constant(graph, (value_id)v);

        values[v] = constant ? *constant : stored(&graph->values[v]);
    }
    for (size_t i = 0; i < signature->input_count; i++)
        values[signature->inputs[i]] = inputs[i];
    for (size_t n = 0; n < graph->node_count; n++)
        infer_node(walk, graph, &graph->nodes[n], values, in, out);
    for (size_t i = 0; i < signature->output_count; i++)
        outputs[i] = values[signature->outputs[i]];
    return STATUS_OK;
}

/* --- states that are carried from one round to the next --- */

static bool same_type(const struct tensor *a, const struct tensor *b)
{
    if (!a || !b)
        return a == b;
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
           (a->element == b->element ||
            (a->element && b->element && same_type(a->element, b->element)));
}

/* What a state may be in any round. An optional may be followed by what it holds: the body gets
 * that as an optional. */
static bool state_merge(const struct walk *walk, const struct tensor *state,
                        const struct tensor *next, struct tensor *merged)
{
    struct tensor element = *next;

    if (state->dtype != DTYPE_OPTIONAL || next->dtype == DTYPE_OPTIONAL)
        return element_merge(state, next, merged, walk->keep);
    element.data = NULL;
    if (state->element && !element_merge(state->element, &element, &element, walk->keep))
        return false;
    *merged = *state;
    merged->element = element_new(element.dtype, &element.shape, element.element, walk->keep);
    return merged->element != NULL;
}

enum status rounds_infer(struct walk *walk, const struct op_call *call, const struct graph *body,
                         struct rounds *rounds, struct error *err)
{
    bool stable = false;

    for (int round = 0; !stable; round++) {
        TRY(walk_graph(walk, body, rounds->inputs, rounds->outputs, err));
        stable = true;
        for (size_t i = 0; i < rounds->states; i++) {
            struct tensor *state = &rounds->inputs[rounds->first + i], merged;
            const struct tensor *next = &rounds->outputs[rounds->out_first + i];

            if (!state_merge(walk, state, next, &merged))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "carried value %zu is %s, after the body %s", i,
                                dtype_name(state->dtype), dtype_name(next->dtype));
            if (same_type(state, &merged))
                continue;
            stable = false;
            *state = merged;
            if (round >= ROUNDS_MAX && !dtype_is_container(state->dtype))
                state->shape = shape_unknown();
        }
        if (round > ROUNDS_MAX + 2)
            return op_error(call, err, STATUS_UNSUPPORTED, "the carried shapes find no end");
    }
    return STATUS_OK;
}

enum status rounds_new(struct walk *walk, const struct graph *body, struct rounds *rounds,
                       struct error *err)
{
    rounds->inputs = arena_new(walk->scratch, struct tensor, body->signatures[0].input_count);
    rounds->outputs = arena_new(walk->scratch, struct tensor, body->signatures[0].output_count);
    return rounds->inputs && rounds->outputs ? STATUS_OK : error_no_memory(err, "inference");
}

void captures_fill(const struct op_call *call, const struct control *control, struct tensor *inputs)
{
    const struct graph_signature *body = &control->graphs[0]->signatures[0];

    for (size_t i = 0; i < body->capture_count; i++)
        inputs[body->input_count - body->capture_count + i] =
            described(&call->in[control->explicit_count + i]);
}

struct tensor type_of(const struct tensor *tensor)
{
    struct tensor type = described(tensor);

    type.data = NULL;
    return type;
}
