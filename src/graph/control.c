// SPDX-License-Identifier: Apache-2.0
/* Inference of If, Loop, Scan and SequenceMap: a walk through their graphs with what is known of
 * the inputs. Nothing in the subgraphs changes. What a walk cannot tell is unknown; complaints are
 * made about what the node itself states: how many values go in and out, and of which kind. */
#include "graph/control.h"

#include "graph/internal.h"
#include "tensor/sequence.h"

enum {
    ROUNDS_MAX = 4,      /* until carried shapes stay; then they are given up */
    STEPS_MAX = 1 << 18, /* inferred nodes of one outermost call: nesting multiplies */
    WALK_BYTES_SHIFT = 32,
};

struct walk {
    struct arena *scratch;
    struct arena *keep; /* for descriptions of elements */
    size_t steps;       /* left */
    int depth;
};

/* The walk that is going on in this thread: nested nodes continue it. */
static _Thread_local struct walk *walking;

/* --- one graph --- */

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

/* The types of the outputs of a subgraph for inputs of these types. */
static enum status walk_graph(struct walk *walk, const struct graph *graph,
                              const struct tensor *inputs, struct tensor *outputs,
                              struct error *err)
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

static enum status wants_counts(const struct op_call *call, const char *name,
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

static enum status wants_flag(const struct op_call *call, const char *what,
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
    TRY(wants_flag(call, "the condition", &call->in[0], err));
    if (call->in[0].data)
        only = *(const bool *)call->in[0].data ? 0 : 1;
    for (int k = 0; k < 2; k++) {
        const struct graph *graph = control->graphs[k];

        TRY(wants_counts(call, k ? "else_branch" : "then_branch", graph, 0, count, err));
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

/* --- what Loop and Scan share: states that are carried from one round to the next --- */

struct rounds {
    struct tensor *inputs;  /* of the body, states from `first` on */
    struct tensor *outputs; /* of the body, states from `out_first` on */
    size_t first, out_first, states;
};

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

static enum status rounds_infer(struct walk *walk, const struct op_call *call,
                                const struct graph *body, struct rounds *rounds, struct error *err)
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

static enum status rounds_new(struct walk *walk, const struct graph *body, struct rounds *rounds,
                              struct error *err)
{
    rounds->inputs = arena_new(walk->scratch, struct tensor, body->signatures[0].input_count);
    rounds->outputs = arena_new(walk->scratch, struct tensor, body->signatures[0].output_count);
    return rounds->inputs && rounds->outputs ? STATUS_OK : error_no_memory(err, "inference");
}

static void captures_fill(const struct op_call *call, const struct control *control,
                          struct tensor *inputs)
{
    const struct graph_signature *body = &control->graphs[0]->signatures[0];

    for (size_t i = 0; i < body->capture_count; i++)
        inputs[body->input_count - body->capture_count + i] =
            described(&call->in[control->explicit_count + i]);
}

static struct tensor without_data(const struct tensor *tensor)
{
    struct tensor type = described(tensor);

    type.data = NULL;
    return type;
}

static struct shape with_axis(const struct shape *shape, int axis, int64_t dim)
{
    struct shape made = *shape;

    if (made.rank < 0 || made.rank >= RANK_MAX)
        return shape_unknown();
    memmove(&made.dims[axis + 1], &made.dims[axis], (size_t)(made.rank - axis) * sizeof *made.dims);
    made.dims[axis] = dim;
    made.rank++;
    return made;
}

static struct shape without_axis(const struct shape *shape, int axis)
{
    struct shape made = *shape;

    if (made.rank <= axis)
        return shape_unknown();
    memmove(&made.dims[axis], &made.dims[axis + 1],
            (size_t)(made.rank - axis - 1) * sizeof *made.dims);
    made.rank--;
    return made;
}

/* --- Loop --- */

/* How often it runs, where that is certain. */
static int64_t trip_count(const struct op_call *call, const struct graph *body)
{
    const struct graph_signature *signature = &body->signatures[0];
    const struct tensor *cond = &call->in[1];
    const struct value *again = &body->values[signature->outputs[0]];
    bool goes_on = cond->dtype == DTYPE_NONE || (cond->data && *(const bool *)cond->data);
    bool stays = signature->outputs[0] == signature->inputs[1] ||
                 (again->constant && again->constant->data && *(const bool *)again->constant->data);
    int64_t count;

    if (call->in[0].dtype != DTYPE_I64 || !call->in[0].data || !goes_on || !stays)
        return DIM_UNKNOWN;
    count = *(const int64_t *)call->in[0].data;
    return count < 0 ? 0 : count;
}

static enum status loop_infer(struct walk *walk, struct op_call *call,
                              const struct control *control, struct error *err)
{
    const struct graph *body = control->graphs[0];
    size_t states = control->explicit_count < 2 ? 0 : control->explicit_count - 2;
    struct rounds rounds = {.first = 2, .out_first = 1, .states = states};

    if (control->explicit_count < 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "a trip count without a condition");
    if (call->in[0].dtype != DTYPE_NONE && call->in[0].dtype != DTYPE_I64)
        return op_error(call, err, STATUS_INVALID_INPUT, "the trip count is %s, not int64",
                        dtype_name(call->in[0].dtype));
    if (call->in[0].dtype != DTYPE_NONE && shape_is_known(&call->in[0].shape) &&
        tensor_count(&call->in[0]) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "the trip count has %zu elements",
                        tensor_count(&call->in[0]));
    if (call->in[1].dtype != DTYPE_NONE)
        TRY(wants_flag(call, "the condition", &call->in[1], err));
    if (call->out_count < states)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs for %zu carried values",
                        call->out_count, states);
    TRY(wants_counts(call, "body", body, states + 2, call->out_count + 1, err));
    TRY(rounds_new(walk, body, &rounds, err));
    rounds.inputs[0] = (struct tensor){.dtype = DTYPE_I64, .shape = shape_scalar()};
    rounds.inputs[1] = (struct tensor){.dtype = DTYPE_BOOL, .shape = shape_scalar()};
    for (size_t i = 0; i < states; i++)
        rounds.inputs[2 + i] = without_data(&call->in[2 + i]);
    captures_fill(call, control, rounds.inputs);
    TRY(rounds_infer(walk, call, body, &rounds, err));
    TRY(wants_flag(call, "the condition that the body gives", &rounds.outputs[0], err));
    for (size_t i = 0; i < call->out_count; i++) {
        const struct tensor *given = &rounds.outputs[1 + i];

        call->out[i] = i < states ? rounds.inputs[2 + i] : *given;
        if (i < states && given->dtype != call->out[i].dtype) /* what the optional holds */
            call->out[i] = *rounds.inputs[2 + i].element;
        call->out[i].data = NULL;
        if (i < states)
            continue;
        if (dtype_is_container(given->dtype))
            return op_error(call, err, STATUS_UNSUPPORTED, "output %zu would stack %ss", i,
                            dtype_name(given->dtype));
        call->out[i].shape = with_axis(&given->shape, 0, trip_count(call, body));
    }
    return STATUS_OK;
}

/* --- Scan --- */

enum status control_scan(const struct op_call *call, const struct control *control,
                         struct scan *scan, struct error *err)
{
    const struct graph_signature *body = &control->graphs[0]->signatures[0];
    int64_t inputs = attribute_int(call->attributes, "num_scan_inputs", 0);
    size_t given = control->explicit_count;

    *scan = (struct scan){.first = control->batched};
    if (given < scan->first)
        return op_error(call, err, STATUS_INVALID_INPUT, "it has no inputs");
    given -= scan->first;
    if (inputs < 1 || (uint64_t)inputs > given)
        return op_error(call, err, STATUS_INVALID_INPUT, "num_scan_inputs is %lld, of %zu inputs",
                        (long long)inputs, given);
    scan->inputs = (size_t)inputs;
    scan->states = given - scan->inputs;
    if (call->out_count < scan->states)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs for %zu states",
                        call->out_count, scan->states);
    scan->outputs = call->out_count - scan->states;
    (void)body;
    return wants_counts(call, "body", control->graphs[0], given, call->out_count, err);
}

/* Entry `i` of a list attribute of `count` entries, all 0 when it is absent. */
static enum status list_entry(const struct op_call *call, const char *name, size_t i, size_t count,
                              int64_t *entry, struct error *err)
{
    size_t given;
    const int64_t *list = attribute_ints(call->attributes, name, &given);

    *entry = 0;
    if (!list || !given)
        return STATUS_OK;
    if (given != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s has %zu entries, not %zu", name, given,
                        count);
    *entry = list[i];
    return STATUS_OK;
}

static enum status direction_of(const struct op_call *call, const char *name, size_t i,
                                size_t count, bool *reverse, struct error *err)
{
    int64_t entry;

    TRY(list_entry(call, name, i, count, &entry, err));
    if (entry != 0 && entry != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%s: %lld is neither 0 nor 1", name,
                        (long long)entry);
    *reverse = entry == 1;
    return STATUS_OK;
}

enum status control_scan_input(const struct op_call *call, const struct control *control,
                               const struct scan *scan, size_t i, struct scan_axis *out,
                               struct error *err)
{
    const struct tensor *x = &call->in[scan->first + scan->states + i];
    int64_t axis = 1;

    TRY(direction_of(call, control->batched ? "directions" : "scan_input_directions", i,
                     scan->inputs, &out->reverse, err));
    if (!control->batched)
        TRY(list_entry(call, "scan_input_axes", i, scan->inputs, &axis, err));
    if (x->shape.rank < 0) {
        out->axis = -1;
        return STATUS_OK;
    }
    return op_axis(call, axis, x->shape.rank, &out->axis, err);
}

enum status control_scan_output(const struct op_call *call, const struct control *control,
                                const struct scan *scan, size_t i, int rank, struct scan_axis *out,
                                struct error *err)
{
    int64_t axis = 0;

    out->reverse = false;
    if (control->batched) {
        out->axis = 0;
        return STATUS_OK;
    }
    TRY(direction_of(call, "scan_output_directions", i, scan->outputs, &out->reverse, err));
    TRY(list_entry(call, "scan_output_axes", i, scan->outputs, &axis, err));
    return op_axis(call, axis, rank + 1, &out->axis, err);
}

/* The lengths that all scanned inputs agree on. */
static enum status learn_length(const struct op_call *call, int64_t dim, int64_t *length,
                                struct error *err)
{
    if (dim < 0)
        return STATUS_OK;
    if (*length >= 0 && *length != dim)
        return op_error(call, err, STATUS_INVALID_INPUT, "scanned inputs of %lld and %lld steps",
                        (long long)*length, (long long)dim);
    *length = dim;
    return STATUS_OK;
}

static enum status scan_inputs_fill(const struct op_call *call, const struct control *control,
                                    const struct scan *scan, struct tensor *inputs, int64_t *length,
                                    int64_t *batch, struct error *err)
{
    for (size_t i = 0; i < scan->states + scan->inputs; i++) {
        const struct tensor *given = &call->in[scan->first + i];
        struct scan_axis axis = {0};

        if (given->dtype == DTYPE_NONE || dtype_is_container(given->dtype))
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is no tensor",
                            scan->first + i);
        inputs[i] = without_data(given);
        if (i >= scan->states) {
            TRY(control_scan_input(call, control, scan, i - scan->states, &axis, err));
            if (axis.axis >= 0)
                TRY(learn_length(call, given->shape.dims[axis.axis], length, err));
            inputs[i].shape =
                axis.axis < 0 ? shape_unknown() : without_axis(&inputs[i].shape, axis.axis);
        }
        if (!control->batched || inputs[i].shape.rank < 0)
            continue;
        if (given->shape.rank < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has no batch dimension",
                            scan->first + i);
        TRY(learn_length(call, given->shape.dims[0], batch, err));
        inputs[i].shape = without_axis(&inputs[i].shape, 0);
    }
    return STATUS_OK;
}

static enum status scan_infer(struct walk *walk, struct op_call *call,
                              const struct control *control, struct error *err)
{
    struct rounds rounds = {0};
    int64_t length = DIM_UNKNOWN, batch = DIM_UNKNOWN;
    struct scan scan;

    TRY(control_scan(call, control, &scan, err));
    TRY(rounds_new(walk, control->graphs[0], &rounds, err));
    rounds.states = scan.states;
    TRY(scan_inputs_fill(call, control, &scan, rounds.inputs, &length, &batch, err));
    captures_fill(call, control, rounds.inputs);
    TRY(rounds_infer(walk, call, control->graphs[0], &rounds, err));
    for (size_t i = 0; i < call->out_count; i++) {
        const struct tensor *given = i < scan.states ? &rounds.inputs[i] : &rounds.outputs[i];
        struct scan_axis axis;

        call->out[i] = *given;
        call->out[i].data = NULL;
        if (dtype_is_container(given->dtype))
            return op_error(call, err, STATUS_UNSUPPORTED, "output %zu would stack %ss", i,
                            dtype_name(given->dtype));
        if (i >= scan.states && given->shape.rank >= 0) {
            TRY(control_scan_output(call, control, &scan, i - scan.states, given->shape.rank, &axis,
                                    err));
            call->out[i].shape = with_axis(&given->shape, axis.axis, length);
        }
        if (control->batched)
            call->out[i].shape = with_axis(&call->out[i].shape, 0, batch);
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
    TRY(wants_counts(call, "body", control->graphs[0], control->explicit_count, call->out_count,
                     err));
    TRY(rounds_new(walk, control->graphs[0], &rounds, err));
    for (size_t i = 0; i < control->explicit_count; i++) {
        const struct tensor *given = &call->in[i];

        if (given->dtype == DTYPE_SEQUENCE && !given->element)
            return op_error(call, err, STATUS_UNSUPPORTED, "it is not known what input %zu holds",
                            i);
        rounds.inputs[i] = without_data(given->dtype == DTYPE_SEQUENCE ? given->element : given);
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
