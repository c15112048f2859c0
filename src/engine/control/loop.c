// SPDX-License-Identifier: Apache-2.0
#include "base/checked.h"
#include "engine/control/internal.h"
#include "tensor/sequence.h"

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
        return running_no_room(r, err);
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
        TRY(carried_own(r, &loop->states[i], err));
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
        TRY(running_same_step(r, loop->state_count + i, &loop->steps[i], next, round, err));
        if (__builtin_mul_overflow(bytes, (size_t)round, &used) || !checked_add(used, bytes, &size))
            return running_no_room(r, err);
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

        *out = output_of_no_round(&r->call->out[loop->state_count + i]);
        if (!rounds)
            continue;
        *out = loop->steps[i];
        if (out->shape.rank >= RANK_MAX)
            return op_error(r->call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
        out->shape = shape_with_axis(&out->shape, 0, rounds);
        out->data = loop->stacks[i].data;
    }
    return STATUS_OK;
}

enum status run_loop(struct running *r, struct error *err)
{
    const struct tensor *in = r->call->in;
    int64_t trips = INT64_MAX, round = 0;
    bool go_on = true;
    struct loop loop = {0};

    if (in[0].dtype != DTYPE_NONE) {
        TRY(running_wants_one(r, &in[0], "the trip count", err));
        trips = *(const int64_t *)in[0].data;
    }
    if (in[1].dtype != DTYPE_NONE) {
        TRY(running_wants_one(r, &in[1], "the condition", err));
        go_on = flag_of(&in[1]);
    }
    TRY(loop_new(r, &loop, err));
    for (; round < trips && go_on; round++) {
        loop.inputs[0] = (struct tensor){DTYPE_I64, shape_scalar(), &round};
        loop.inputs[1] = (struct tensor){DTYPE_BOOL, shape_scalar(), &go_on};
        TRY(loop_round(r, &loop, err));
        TRY(loop_stack(r, &loop, round, err));
        TRY(running_wants_one(r, &loop.outputs[0], "the condition that the body gives", err));
        go_on = flag_of(&loop.outputs[0]);
        TRY(carry_all(r, loop.states, &loop.outputs[1], loop.state_count, err));
    }
    return loop_results(r, &loop, round, err);
}
