// SPDX-License-Identifier: Apache-2.0
/* Control flow at run time. The graphs of If, Loop, Scan and SequenceMap are planned and run by
 * sessions of their own, so a shape seen before plans nothing. What is carried from one round to
 * the next is copied out of the body's memory; that memory, and all results, lie in the arena of
 * the session that runs the node. */
#include "base/checked.h"
#include "engine/internal.h"
#include "tensor/sequence.h"

/* Rounds of all loops in one run: a loop that does not end is refused, not waited for. */
enum { ITERATIONS_MAX = 1 << 26, STOP_ROUNDS = 256 };

struct running {
    const struct op_call *call;
    const struct control_step *step;
    struct native_session *session;
    struct arena *memory;   /* until the session's next run */
    struct tensor *results; /* (out_count,) */
    bool placed;            /* call->out has shapes and memory */
};

static enum status no_room(const struct running *r, struct error *err)
{
    return op_error(r->call, err, STATUS_TOO_LARGE,
                    "the tensors of one run need more than the limit of %zu bytes",
                    r->memory->limit);
}

static enum status body_plan(struct running *r, size_t body, const struct tensor *inputs,
                             struct native_session **child, struct plan **plan, struct error *err)
{
    if (++r->session->root->iterations > ITERATIONS_MAX)
        return op_error(r->call, err, STATUS_TOO_LARGE, "loops of more than %d rounds in one run",
                        ITERATIONS_MAX);
    if (r->session->root->iterations % STOP_ROUNDS == 0) /* of rounds without any step, too */
        TRY(session_stopped(&r->session->root->base, err));
    TRY(session_child(r->session, r->step->bodies[body], child, err));
    return session_plan(*child, 0, inputs, plan, err);
}

static enum status body_run(struct running *r, size_t body, const struct tensor *inputs,
                            struct tensor *outputs, struct error *err)
{
    struct native_session *child;
    struct plan *plan;

    TRY(body_plan(r, body, inputs, &child, &plan, err));
    return plan_execute(child, plan, inputs, outputs, err);
}

/* --- memory --- */

/* Memory that grows; what is left behind stays in the arena. */
struct block {
    char *data;
    size_t size;
};

static enum status block_reserve(struct running *r, struct block *block, size_t used, size_t size,
                                 struct error *err)
{
    size_t wanted;
    char *data;

    if (block->data && size <= block->size)
        return STATUS_OK;
    if (!checked_add(size, block->data ? size / 2 : 0, &wanted))
        return no_room(r, err);
    data = arena_alloc(r->memory, wanted, 1);
    if (!data)
        return no_room(r, err);
    if (used)
        memcpy(data, block->data, used);
    *block = (struct block){data, wanted};
    return STATUS_OK;
}

/* A value that goes from round to round, in one of two blocks: bodies may exchange two of them. */
struct carried {
    struct tensor value;
    struct block blocks[2];
    int at;     /* the block that `value` is in, or was last */
    bool owned; /* it is in a block */
};

static enum status carry(struct running *r, struct carried *carried, const struct tensor *next,
                         struct error *err)
{
    struct block *block = &carried->blocks[!carried->at];
    size_t bytes = tensor_bytes(next);

    if (next->data == carried->value.data) { /* left alone, or a view of it */
        carried->value = *next;
        return STATUS_OK;
    }
    TRY(block_reserve(r, block, 0, bytes, err));
    if (bytes)
        memcpy(block->data, next->data, bytes);
    carried->value = *next;
    carried->value.data = block->data;
    carried->at = !carried->at;
    carried->owned = true;
    return STATUS_OK;
}

/* The body is going to write over it: give it memory of its own. */
static enum status own(struct running *r, struct carried *carried, struct error *err)
{
    struct tensor value = carried->value;

    if (carried->owned)
        return STATUS_OK;
    carried->value.data = NULL;
    if (!value.data) /* of no elements */
        value.data = carried->blocks;
    return carry(r, carried, &value, err);
}

/* A state that was an optional is followed by what it holds: make that one. */
static enum status carry_held(struct running *r, struct carried *carried, const struct tensor *next,
                              struct error *err)
{
    struct tensor wrapped = carried->value;
    struct sequence held = {0};

    TRY(sequence_insert(&held, 0, next, false, &held, r->call->memory, err));
    wrapped.data = &held;
    return carry(r, carried, &wrapped, err);
}

static enum status carry_all(struct running *r, struct carried *states, const struct tensor *next,
                             size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (states[i].value.dtype == DTYPE_OPTIONAL && next[i].dtype != DTYPE_OPTIONAL) {
            TRY(carry_held(r, &states[i], &next[i], err));
            continue;
        }
        if (next[i].dtype != states[i].value.dtype)
            return op_error(r->call, err, STATUS_INVALID_INPUT,
                            "carried value %zu is %s, after the body %s", i,
                            dtype_name(states[i].value.dtype), dtype_name(next[i].dtype));
        TRY(carry(r, &states[i], &next[i], err));
    }
    return STATUS_OK;
}

static enum status same_step(const struct running *r, size_t output, const struct tensor *first,
                             const struct tensor *next, int64_t round, struct error *err)
{
    char was[SHAPE_PRINT_SIZE], is[SHAPE_PRINT_SIZE];

    if (first->dtype == next->dtype && shape_equal(&first->shape, &next->shape))
        return STATUS_OK;
    return op_error(r->call, err, STATUS_INVALID_INPUT,
                    "output %zu has shape %s in the first round, %s in round %lld", output,
                    shape_print(&first->shape, was, sizeof was),
                    shape_print(&next->shape, is, sizeof is), (long long)round);
}

static struct shape with_axis(const struct shape *shape, int axis, int64_t dim)
{
    struct shape made = *shape;

    memmove(&made.dims[axis + 1], &made.dims[axis], (size_t)(made.rank - axis) * sizeof *made.dims);
    made.dims[axis] = dim;
    made.rank++;
    return made;
}

static struct shape without_axis(const struct shape *shape, int axis)
{
    struct shape made = *shape;

    memmove(&made.dims[axis], &made.dims[axis + 1],
            (size_t)(made.rank - axis - 1) * sizeof *made.dims);
    made.rank--;
    return made;
}

/* What an output is when no round ran: as far as known, the rest 0. */
static struct tensor nothing_of(const struct tensor *described)
{
    static _Alignas(64) char nothing[64];
    struct tensor made = *described;
    bool empty = false;

    if (made.shape.rank < 0)
        made.shape = SHAPE(0);
    for (int i = 0; i < made.shape.rank; i++) {
        made.shape.dims[i] = made.shape.dims[i] < 0 ? 0 : made.shape.dims[i];
        empty = empty || !made.shape.dims[i];
    }
    if (!empty && made.shape.rank)
        made.shape.dims[0] = 0;
    made.data = nothing;
    return made;
}

/* --- If --- */

static bool flag_of(const struct tensor *tensor)
{
    return *(const bool *)tensor->data;
}

static enum status wants_one(const struct running *r, const struct tensor *tensor, const char *what,
                             struct error *err)
{
    if (tensor_count(tensor) != 1)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu elements, not 1", what,
                        tensor_count(tensor));
    return STATUS_OK;
}

static enum status run_if(struct running *r, struct error *err)
{
    const struct control *control = &r->step->control;
    const struct tensor *captured = &r->call->in[1];
    size_t branch;

    TRY(wants_one(r, &r->call->in[0], "the condition", err));
    branch = flag_of(&r->call->in[0]) ? 0 : 1;
    if (branch)
        captured += control->graphs[0]->signatures[0].capture_count;
    return body_run(r, branch, captured, r->results, err);
}

/* --- Loop --- */

struct loop {
    struct tensor *inputs, *outputs; /* of the body */
    struct carried *states;
    struct block *stacks; /* of the outputs that are stacked */
    struct tensor *steps; /* what the first round gave for them */
    size_t state_count, stack_count;
};

static enum status loop_new(struct running *r, struct loop *loop, struct error *err)
{
    const struct control *control = &r->step->control;
    const struct graph_signature *body = &control->graphs[0]->signatures[0];

    loop->state_count = control->explicit_count - 2;
    loop->stack_count = r->call->out_count - loop->state_count;
    loop->inputs = arena_new(r->memory, struct tensor, body->input_count);
    loop->outputs = arena_new(r->memory, struct tensor, body->output_count);
    loop->states = arena_new(r->memory, struct carried, loop->state_count);
    loop->stacks = arena_new(r->memory, struct block, loop->stack_count);
    loop->steps = arena_new(r->memory, struct tensor, loop->stack_count);
    if (!loop->inputs || !loop->outputs || !loop->states || !loop->stacks || !loop->steps)
        return no_room(r, err);
    for (size_t i = 0; i < loop->state_count; i++)
        loop->states[i].value = r->call->in[2 + i];
    for (size_t i = 0; i < body->capture_count; i++)
        loop->inputs[body->input_count - body->capture_count + i] =
            r->call->in[control->explicit_count + i];
    for (size_t i = 0; r->placed && i < loop->stack_count; i++) {
        const struct tensor *out = &r->call->out[loop->state_count + i];
        loop->stacks[i] = (struct block){out->data, tensor_bytes(out)};
    }
    return STATUS_OK;
}

static enum status loop_round(struct running *r, struct loop *loop, struct error *err)
{
    struct native_session *child;
    struct plan *plan;

    for (size_t i = 0; i < loop->state_count; i++)
        loop->inputs[2 + i] = loop->states[i].value;
    TRY(body_plan(r, 0, loop->inputs, &child, &plan, err));
    for (size_t i = 0; plan->overwritten && i < loop->state_count; i++) {
        if (!plan->overwritten[2 + i])
            continue;
        TRY(own(r, &loop->states[i], err));
        loop->inputs[2 + i] = loop->states[i].value;
    }
    return plan_execute(child, plan, loop->inputs, loop->outputs, err);
}

static enum status loop_stack(struct running *r, struct loop *loop, int64_t round,
                              struct error *err)
{
    for (size_t i = 0; i < loop->stack_count; i++) {
        const struct tensor *next = &loop->outputs[1 + loop->state_count + i];
        size_t bytes = tensor_bytes(next), used, size;

        if (round == 0)
            loop->steps[i] = *next;
        TRY(same_step(r, loop->state_count + i, &loop->steps[i], next, round, err));
        if (__builtin_mul_overflow(bytes, (size_t)round, &used) || !checked_add(used, bytes, &size))
            return no_room(r, err);
        TRY(block_reserve(r, &loop->stacks[i], used, size, err));
        if (bytes)
            memcpy(loop->stacks[i].data + used, next->data, bytes);
    }
    return STATUS_OK;
}

static enum status loop_results(struct running *r, struct loop *loop, int64_t rounds,
                                struct error *err)
{
    for (size_t i = 0; i < loop->state_count; i++) {
        const struct tensor *state = &loop->states[i].value;

        r->results[i] = *state;
        if (state->dtype != DTYPE_OPTIONAL || r->call->out[i].dtype == DTYPE_OPTIONAL)
            continue;
        if (!tensor_sequence(state)->count)
            return op_error(r->call, err, STATUS_INVALID_INPUT, "carried value %zu is empty", i);
        r->results[i] = tensor_sequence(state)->items[0];
    }
    for (size_t i = 0; i < loop->stack_count; i++) {
        struct tensor *out = &r->results[loop->state_count + i];

        *out = nothing_of(&r->call->out[loop->state_count + i]);
        if (!rounds)
            continue;
        *out = loop->steps[i];
        if (out->shape.rank >= RANK_MAX)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
        out->shape = with_axis(&out->shape, 0, rounds);
        out->data = loop->stacks[i].data;
    }
    return STATUS_OK;
}

static enum status run_loop(struct running *r, struct error *err)
{
    const struct tensor *in = r->call->in;
    int64_t trips = INT64_MAX, round = 0;
    bool go_on = true;
    struct loop loop = {0};

    if (in[0].dtype != DTYPE_NONE) {
        TRY(wants_one(r, &in[0], "the trip count", err));
        trips = *(const int64_t *)in[0].data;
    }
    if (in[1].dtype != DTYPE_NONE) {
        TRY(wants_one(r, &in[1], "the condition", err));
        go_on = flag_of(&in[1]);
    }
    TRY(loop_new(r, &loop, err));
    for (; round < trips && go_on; round++) {
        loop.inputs[0] = (struct tensor){DTYPE_I64, shape_scalar(), &round};
        loop.inputs[1] = (struct tensor){DTYPE_BOOL, shape_scalar(), &go_on};
        TRY(loop_round(r, &loop, err));
        TRY(loop_stack(r, &loop, round, err));
        TRY(wants_one(r, &loop.outputs[0], "the condition that the body gives", err));
        go_on = flag_of(&loop.outputs[0]);
        TRY(carry_all(r, loop.states, &loop.outputs[1], loop.state_count, err));
    }
    return loop_results(r, &loop, round, err);
}

/* --- Scan --- */

struct scanning {
    struct scan scan;
    struct tensor *inputs, *outputs; /* of the body */
    struct carried *states;
    struct scan_axis *in_axes, *out_axes; /* of what one batch entry has */
    struct block *slices;                 /* of inputs that lie apart */
    int64_t length, batch;
    bool started; /* a step ran: the results have shapes */
};

static enum status scanning_new(struct running *r, struct scanning *s, struct error *err)
{
    const struct control *control = &r->step->control;
    const struct graph_signature *body = &control->graphs[0]->signatures[0];

    TRY(control_scan(r->call, control, &s->scan, err));
    s->inputs = arena_new(r->memory, struct tensor, body->input_count);
    s->outputs = arena_new(r->memory, struct tensor, body->output_count);
    s->states = arena_new(r->memory, struct carried, s->scan.states);
    s->in_axes = arena_new(r->memory, struct scan_axis, s->scan.inputs);
    s->out_axes = arena_new(r->memory, struct scan_axis, s->scan.outputs);
    s->slices = arena_new(r->memory, struct block, s->scan.inputs);
    if (!s->inputs || !s->outputs || !s->states || !s->in_axes || !s->out_axes || !s->slices)
        return no_room(r, err);
    for (size_t i = 0; i < body->capture_count; i++)
        s->inputs[body->input_count - body->capture_count + i] =
            r->call->in[control->explicit_count + i];
    s->batch = control->batched ? r->call->in[s->scan.first].shape.dims[0] : 1;
    for (size_t i = 0; i < s->scan.inputs; i++) {
        const struct tensor *x = &r->call->in[s->scan.first + s->scan.states + i];
        int64_t length;

        TRY(control_scan_input(r->call, control, &s->scan, i, &s->in_axes[i], err));
        length = x->shape.dims[s->in_axes[i].axis];
        if (i && length != s->length)
            return op_error(r->call, err, STATUS_INVALID_INPUT,
                            "scanned inputs of %lld and %lld steps", (long long)s->length,
                            (long long)length);
        s->length = length;
        s->in_axes[i].axis -= control->batched;
    }
    return STATUS_OK;
}

/* Entry `b` of the batch; of a Scan without one, all. */
static struct tensor entry_of(const struct running *r, const struct tensor *tensor, int64_t b)
{
    struct tensor entry = *tensor;

    if (!r->step->control.batched)
        return entry;
    entry.shape = without_axis(&tensor->shape, 0);
    entry.data = (char *)tensor->data + (size_t)b * tensor_bytes(&entry);
    return entry;
}

/* Pieces of a tensor along an axis: `count` pieces of `bytes`, `stride` apart. */
struct pieces {
    size_t count, bytes, stride;
};

static struct pieces pieces_of(const struct tensor *whole, int axis)
{
    struct pieces pieces = {1, dtype_size(whole->dtype), 0};

    for (int i = 0; i < axis; i++)
        pieces.count *= (size_t)whole->shape.dims[i];
    for (int i = axis + 1; i < whole->shape.rank; i++)
        pieces.bytes *= (size_t)whole->shape.dims[i];
    pieces.stride = pieces.bytes * (size_t)whole->shape.dims[axis];
    return pieces;
}

static enum status slice_in(struct running *r, struct scanning *s, size_t i, int64_t b, int64_t at,
                            struct error *err)
{
    struct tensor whole = entry_of(r, &r->call->in[s->scan.first + s->scan.states + i], b);
    struct tensor *slice = &s->inputs[s->scan.states + i];
    int axis = s->in_axes[i].axis;
    struct pieces pieces = pieces_of(&whole, axis);
    const char *from = (const char *)whole.data + (size_t)at * pieces.bytes;

    *slice = whole;
    slice->shape = without_axis(&whole.shape, axis);
    slice->data = (void *)(uintptr_t)from;
    if (pieces.count <= 1)
        return STATUS_OK;
    TRY(block_reserve(r, &s->slices[i], 0, tensor_bytes(slice), err));
    slice->data = s->slices[i].data;
    for (size_t k = 0; k < pieces.count && pieces.bytes; k++)
        memcpy((char *)slice->data + k * pieces.bytes, from + k * pieces.stride, pieces.bytes);
    return STATUS_OK;
}

/* Shapes and memory of the results, from what the first step gave. */
static enum status scan_start(struct running *r, struct scanning *s, struct error *err)
{
    const struct control *control = &r->step->control;
    size_t bytes;

    for (size_t i = 0; i < r->call->out_count; i++) {
        struct tensor *out = &r->results[i];

        *out = s->outputs[i];
        if (out->shape.rank + 1 + control->batched > RANK_MAX)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
        if (i >= s->scan.states) {
            struct scan_axis *axis = &s->out_axes[i - s->scan.states];

            TRY(control_scan_output(r->call, control, &s->scan, i - s->scan.states, out->shape.rank,
                                    axis, err));
            out->shape = with_axis(&out->shape, axis->axis, s->length);
        }
        if (control->batched)
            out->shape = with_axis(&out->shape, 0, s->batch);
        if (i < s->scan.states && !control->batched)
            continue; /* the carried value itself */
        if (r->placed && shape_equal(&out->shape, &r->call->out[i].shape)) {
            out->data = r->call->out[i].data;
            if (tensor_bytes(out))
                memset(out->data, 0, tensor_bytes(out));
            continue;
        }
        TRY(shape_check(&out->shape, out->dtype, r->memory->limit, &bytes, err));
        out->data = arena_alloc(r->memory, bytes, 1);
        if (!out->data)
            return no_room(r, err);
    }
    s->started = true;
    return STATUS_OK;
}

static enum status slice_out(struct running *r, struct scanning *s, size_t i, int64_t b, int64_t at,
                             struct error *err)
{
    struct tensor whole = entry_of(r, &r->results[s->scan.states + i], b);
    const struct tensor *slice = &s->outputs[s->scan.states + i];
    int axis = s->out_axes[i].axis;
    struct pieces pieces = pieces_of(&whole, axis);
    struct tensor expected = whole;

    expected.shape = without_axis(&whole.shape, axis);
    TRY(same_step(r, s->scan.states + i, &expected, slice, at, err));
    for (size_t k = 0; k < pieces.count && pieces.bytes; k++)
        memcpy((char *)whole.data + k * pieces.stride + (size_t)at * pieces.bytes,
               (const char *)slice->data + k * pieces.bytes, pieces.bytes);
    return STATUS_OK;
}

static enum status scan_step(struct running *r, struct scanning *s, int64_t b, int64_t t,
                             int64_t length, struct error *err)
{
    for (size_t i = 0; i < s->scan.states; i++)
        s->inputs[i] = s->states[i].value;
    for (size_t i = 0; i < s->scan.inputs; i++)
        TRY(slice_in(r, s, i, b, s->in_axes[i].reverse ? length - 1 - t : t, err));
    TRY(body_run(r, 0, s->inputs, s->outputs, err));
    if (!s->started)
        TRY(scan_start(r, s, err));
    for (size_t i = 0; i < s->scan.outputs; i++)
        TRY(slice_out(r, s, i, b, s->out_axes[i].reverse ? length - 1 - t : t, err));
    return carry_all(r, s->states, s->outputs, s->scan.states, err);
}

/* Steps of entry `b`: all, or as sequence_lens says. */
static enum status steps_of(const struct running *r, const struct scanning *s, int64_t b,
                            int64_t *steps, struct error *err)
{
    const struct tensor *given = &r->call->in[0];

    *steps = s->length;
    if (!r->step->control.batched || given->dtype == DTYPE_NONE)
        return STATUS_OK;
    if (given->dtype != DTYPE_I64 || tensor_count(given) != (size_t)s->batch)
        return op_error(r->call, err, STATUS_INVALID_INPUT,
                        "sequence_lens is not one int64 for each of %lld entries",
                        (long long)s->batch);
    *steps = tensor_i64(given, (size_t)b);
    if (*steps < 0 || *steps > s->length)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "sequence %lld has length %lld of %lld",
                        (long long)b, (long long)*steps, (long long)s->length);
    return STATUS_OK;
}

/* The states after the steps of an entry. */
static void states_out(struct running *r, struct scanning *s, int64_t b)
{
    for (size_t i = 0; i < s->scan.states; i++) {
        struct tensor entry;

        if (!r->step->control.batched) {
            r->results[i] = s->states[i].value;
            continue;
        }
        entry = entry_of(r, &r->results[i], b);
        if (tensor_bytes(&entry) == tensor_bytes(&s->states[i].value) && tensor_bytes(&entry))
            memcpy(entry.data, s->states[i].value.data, tensor_bytes(&entry));
    }
}

/* No step at all: states are what came in, the rest is empty. */
static void scan_nothing(struct running *r, struct scanning *s)
{
    for (size_t i = 0; i < r->call->out_count; i++)
        r->results[i] =
            i < s->scan.states ? r->call->in[s->scan.first + i] : nothing_of(&r->call->out[i]);
}

static enum status run_scan(struct running *r, struct error *err)
{
    struct scanning s = {0};
    int64_t steps;

    TRY(scanning_new(r, &s, err));
    for (int64_t b = 0; b < s.batch; b++) {
        TRY(steps_of(r, &s, b, &steps, err));
        for (size_t i = 0; i < s.scan.states; i++)
            s.states[i].value = entry_of(r, &r->call->in[s.scan.first + i], b);
        for (int64_t t = 0; t < steps; t++)
            TRY(scan_step(r, &s, b, t, steps, err));
        if (s.started)
            states_out(r, &s, b);
        else if (b + 1 < s.batch && s.length)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "a first sequence of no steps");
    }
    if (!s.started)
        scan_nothing(r, &s);
    return STATUS_OK;
}

/* --- SequenceMap --- */

static enum status run_map(struct running *r, struct error *err)
{
    const struct control *control = &r->step->control;
    const struct graph_signature *body = &control->graphs[0]->signatures[0];
    struct tensor *inputs = arena_new(r->memory, struct tensor, body->input_count);
    struct tensor *outputs = arena_new(r->memory, struct tensor, body->output_count);
    struct sequence *made = arena_new(r->memory, struct sequence, body->output_count);
    size_t count = tensor_sequence(&r->call->in[0])->count;

    if (!inputs || !outputs || !made)
        return no_room(r, err);
    for (size_t i = 0; i < body->input_count; i++)
        inputs[i] = r->call->in[i];
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < control->explicit_count; i++) {
            if (r->call->in[i].dtype != DTYPE_SEQUENCE)
                continue;
            if (tensor_sequence(&r->call->in[i])->count != count)
                return op_error(r->call, err, STATUS_INVALID_INPUT,
                                "sequences of %zu and %zu items", count,
                                tensor_sequence(&r->call->in[i])->count);
            inputs[i] = tensor_sequence(&r->call->in[i])->items[k];
        }
        TRY(body_run(r, 0, inputs, outputs, err));
        for (size_t i = 0; i < body->output_count; i++)
            TRY(sequence_insert(&made[i], k, &outputs[i], false, &made[i], r->call->memory, err));
    }
    for (size_t i = 0; i < body->output_count; i++) {
        r->results[i] = r->call->out[i];
        r->results[i].data = &made[i];
    }
    return STATUS_OK;
}

/* --- all of them --- */

enum status control_prepare(struct plan *plan, const struct recipe_node *made, struct step *step,
                            struct error *err)
{
    struct control_step *control = arena_new(&plan->keep, struct control_step, 1);

    if (!control)
        return error_no_memory(err, "a plan");
    TRY(control_read(&step->call, &control->control, err));
    control->bodies = made->bodies;
    step->run = control_run;
    step->call.state = control;
    return STATUS_OK;
}

static enum status run(struct running *r, struct error *err)
{
    r->step = r->call->state;
    r->session = r->step->session;
    r->memory = &r->session->dynamic.arena;
    r->results = arena_new(r->memory, struct tensor, r->call->out_count);
    if (!r->results)
        return no_room(r, err);
    switch (r->step->control.kind) {
    case CONTROL_IF:
        return run_if(r, err);
    case CONTROL_LOOP:
        return run_loop(r, err);
    case CONTROL_SCAN:
        return run_scan(r, err);
    case CONTROL_SEQUENCE_MAP:
        return run_map(r, err);
    }
    return STATUS_OK;
}

enum status control_run(const struct op_call *call, struct error *err)
{
    struct running r = {.call = call, .placed = true};

    TRY(run(&r, err));
    for (size_t i = 0; i < call->out_count; i++) {
        const struct tensor *out = &call->out[i];

        if (r.results[i].dtype != out->dtype || !shape_equal(&r.results[i].shape, &out->shape))
            return op_error(call, err, STATUS_INTERNAL, "output %zu is not what was inferred", i);
        if (out->data != r.results[i].data && tensor_bytes(out))
            memcpy(out->data, r.results[i].data, tensor_bytes(out));
    }
    return STATUS_OK;
}

enum status control_run_dynamic(struct op_call *call, struct error *err)
{
    struct running r = {.call = call};

    TRY(run(&r, err));
    memcpy(call->out, r.results, call->out_count * sizeof *call->out);
    return STATUS_OK;
}
