// SPDX-License-Identifier: Apache-2.0
#include "graph/control/internal.h"
#include "tensor/sequence.h"

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

enum status loop_infer(struct walk *walk, struct op_call *call, const struct control *control,
                       struct error *err)
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
        TRY(control_wants_flag(call, "the condition", &call->in[1], err));
    if (call->out_count < states)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs for %zu carried values",
                        call->out_count, states);
    TRY(control_wants_counts(call, "body", body, states + 2, call->out_count + 1, err));
    TRY(rounds_new(walk, body, &rounds, err));
    rounds.inputs[0] = (struct tensor){.dtype = DTYPE_I64, .shape = shape_scalar()};
    rounds.inputs[1] = (struct tensor){.dtype = DTYPE_BOOL, .shape = shape_scalar()};
    for (size_t i = 0; i < states; i++)
        rounds.inputs[2 + i] = type_of(&call->in[2 + i]);
    captures_fill(call, control, rounds.inputs);
    TRY(rounds_infer(walk, call, body, &rounds, err));
    TRY(control_wants_flag(call, "the condition that the body gives", &rounds.outputs[0], err));
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
        call->out[i].shape = shape_with_axis(&given->shape, 0, trip_count(call, body));
    }
    return STATUS_OK;
}
