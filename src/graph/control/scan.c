// SPDX-License-Identifier: Apache-2.0
#include "graph/control/internal.h"
#include "tensor/sequence.h"

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
    return control_wants_counts(call, "body", control->graphs[0], given, call->out_count, err);
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
        inputs[i] = type_of(given);
        if (i >= scan->states) {
            TRY(control_scan_input(call, control, scan, i - scan->states, &axis, err));
            if (axis.axis >= 0)
                TRY(learn_length(call, given->shape.dims[axis.axis], length, err));
            inputs[i].shape =
                axis.axis < 0 ? shape_unknown() : shape_without_axis(&inputs[i].shape, axis.axis);
        }
        if (!control->batched || inputs[i].shape.rank < 0)
            continue;
        if (given->shape.rank < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has no batch dimension",
                            scan->first + i);
        TRY(learn_length(call, given->shape.dims[0], batch, err));
        inputs[i].shape = shape_without_axis(&inputs[i].shape, 0);
    }
    return STATUS_OK;
}

enum status scan_infer(struct walk *walk, struct op_call *call, const struct control *control,
                       struct error *err)
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
            call->out[i].shape = shape_with_axis(&given->shape, axis.axis, length);
        }
        if (control->batched)
            call->out[i].shape = shape_with_axis(&call->out[i].shape, 0, batch);
    }
    return STATUS_OK;
}
