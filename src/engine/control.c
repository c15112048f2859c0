// SPDX-License-Identifier: Apache-2.0
/* Control flow at run time. The graphs of If, Loop, Scan and SequenceMap are planned and run by
 * sessions of their own, so a shape seen before plans nothing. What is carried from one round to
 * the next is copied out of the body's memory; that memory, and all results, lie in the arena of
 * the session that runs the node. */
#include "engine/control/internal.h"
#include "tensor/sequence.h"

/* --- If --- */

static enum status run_if(struct running *r, struct error *err)
{
    const struct control *control = &r->step->control;
    const struct tensor *captured = &r->call->in[1];
    size_t branch;

    TRY(running_wants_one(r, &r->call->in[0], "the condition", err));
    branch = flag_of(&r->call->in[0]) ? 0 : 1;
    if (branch)
        captured += control->graphs[0]->signatures[0].capture_count;
    return body_run(r, branch, captured, r->results, err);
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
        return running_no_room(r, err);
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
        return running_no_room(r, err);
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
