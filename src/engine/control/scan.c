// SPDX-License-Identifier: Apache-2.0
#include "engine/control/internal.h"

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
        return running_no_room(r, err);
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
    entry.shape = shape_without_axis(&tensor->shape, 0);
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
    slice->shape = shape_without_axis(&whole.shape, axis);
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
            out->shape = shape_with_axis(&out->shape, axis->axis, s->length);
        }
        if (control->batched)
            out->shape = shape_with_axis(&out->shape, 0, s->batch);
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
            return running_no_room(r, err);
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

    expected.shape = shape_without_axis(&whole.shape, axis);
    TRY(running_same_step(r, s->scan.states + i, &expected, slice, at, err));
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
        r->results[i] = i < s->scan.states ? r->call->in[s->scan.first + i]
                                           : output_of_no_round(&r->call->out[i]);
}

enum status run_scan(struct running *r, struct error *err)
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
