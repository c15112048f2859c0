// SPDX-License-Identifier: Apache-2.0
/* Models: a Sequential in order, a Functional model from its outputs backwards. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { SCRATCH_MAX = 1 << 30 };

/* A model as a layer reads its inputs and their masks. Before Keras 3 it may be told to train. */
static enum status network_arguments(const struct call *c, struct error *err)
{
    const struct arguments *a = c->arguments;
    char quoted[TEXT_QUOTE_SIZE];
    bool flag;

    for (size_t i = 0; a && i < a->part_count; i++) {
        const struct argument *part = &a->parts[i];
        bool training = bytes_is(part->name, "training");
        bool masks = bytes_is(part->name, "mask") && part->count > 0 &&
                     (part->count == 1 || part->value->kind == JSON_ARRAY);

        if (!part->name.size || (!part->count && json_is_off(part->value)) || masks ||
            bytes_is(part->name, "name") || (training && c->k->generation > 2) ||
            (training && json_bool(part->value, &flag) && !flag))
            continue;
        return error_set(err, STATUS_UNSUPPORTED, "keyword '%s' of its call is not supported",
                         text_quote(part->name, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

/* A model whose inputs are a list takes a dictionary by the names of its input layers; the tensors
 * of a dictionary are in the order of its keys. */
static enum status inputs_by_name(struct keras *k, const struct network *network,
                                  const struct call *c, const struct keras_tensor **in,
                                  struct error *err)
{
    const struct arguments *a = c->arguments;
    const struct json *value = a && a->part_count ? a->parts[0].value : NULL, **sorted;
    struct keras_tensor *ordered;

    if (!value || value->kind != JSON_OBJECT || json_get(value, "class_name") ||
        network->sequential || network->keyed)
        return STATUS_OK;
    sorted = json_sorted(value, k->keep);
    ordered = arena_new(k->keep, struct keras_tensor, c->in_count);
    if (!sorted || !ordered)
        return error_no_memory(err, "a call");
    if (value->count != c->in_count || a->parts[0].count != c->in_count ||
        network->input_count != c->in_count)
        return error_set(err, STATUS_UNSUPPORTED, "is called with other inputs than it has");
    for (size_t i = 0; i < c->in_count; i++) {
        const char *name = network->layers[network->inputs[i].layer].name;
        size_t at = 0;

        while (at < c->in_count && !bytes_is(sorted[at]->key, name))
            at++;
        if (at == c->in_count)
            return error_set(err, STATUS_UNSUPPORTED, "is called without its input '%.64s'", name);
        ordered[i] = (*in)[at];
    }
    *in = ordered;
    return STATUS_OK;
}

/* Call a layer of a network once. `in`: the tensors of its arguments, of which the first `in_count`
 * are positional; `arguments` may be NULL. */
static enum status layer_call(struct keras *k, struct layer *layer, size_t index,
                              const struct keras_tensor *in, size_t in_count,
                              const struct arguments *arguments, int depth, struct error *err)
{
    struct layer_call *made = &layer->calls[index];
    const char *where = k->e.where;
    struct weights weights = layer->weights;
    struct call c = {
        .k = k,
        .e = &k->e,
        .config = layer->config,
        .class_name = layer->class_name,
        .operation = layer->operation,
        .weights = &weights,
        .arguments = arguments,
        .in = in,
        .in_count = in_count,
        .tensors = in,
        .out = made->outputs,
        .depth = depth,
    };
    enum status status;

    weights.next = 0;
    k->e.where = layer->name;
    if (layer->network) {
        status = network_arguments(&c, err);
        if (!status)
            status = call_masks(&c, 0, err);
        if (!status)
            status = inputs_by_name(k, layer->network, &c, &c.in, err);
        if (!status)
            status =
                network_lower(k, layer->network, c.in, in_count, made->outputs, depth + 1, err);
        c.out_count = layer->network->sequential ? 1 : layer->network->output_count;
    } else {
        status = call_run(&c, err);
    }
    k->e.where = where;
    if (status)
        return error_within(err, "layer '%.64s' (%.64s)", layer->name, layer->class_name);
    made->count = c.out_count;
    made->done = true;
    return STATUS_OK;
}

/* --- Sequential --- */

static enum status sequential_lower(struct keras *k, struct network *network,
                                    struct keras_tensor in, struct keras_tensor *out, int depth,
                                    struct error *err)
{
    for (size_t l = 0; l < network->count; l++) {
        struct layer *layer = &network->layers[l];

        if (!strcmp(layer->class_name, "InputLayer"))
            continue;
        TRY(layer_call(k, layer, 0, &in, 1, NULL, depth, err));
        if (layer->calls[0].count != 1)
            return error_set(err, STATUS_INVALID_INPUT,
                             "layer '%.64s' of a Sequential has %zu outputs", layer->name,
                             layer->calls[0].count);
        in = layer->calls[0].outputs[0];
        layer->calls[0].done = false; /* the model may be called again */
    }
    *out = in;
    return STATUS_OK;
}

/* --- Functional --- */

struct frame { /* a call that waits for its arguments */
    size_t layer, call;
    struct arguments *arguments;
};

/* The first argument that is not there yet; false: all are. */
static bool argument_missing(const struct network *network, const struct arguments *a,
                             struct frame *missing)
{
    for (size_t i = 0; i < a->reference_count; i++) {
        const struct reference *r = &a->references[i];

        if (network->layers[r->layer].calls[r->call].done)
            continue;
        *missing = (struct frame){r->layer, r->call, NULL};
        return true;
    }
    return false;
}

static enum status tensor_at(const struct network *network, const struct reference *r,
                             struct keras_tensor *tensor, struct error *err)
{
    const struct layer *layer = &network->layers[r->layer];

    if (r->call >= layer->call_count || r->tensor >= layer->calls[r->call].count)
        return error_set(err, STATUS_INVALID_INPUT, "layer '%.64s' has no output %zu of call %zu",
                         layer->name, r->tensor, r->call);
    *tensor = layer->calls[r->call].outputs[r->tensor];
    return STATUS_OK;
}

static enum status frame_run(struct keras *k, struct network *network, const struct frame *frame,
                             int depth, struct error *err)
{
    const struct arguments *a = frame->arguments;
    struct keras_tensor in[LAYER_INPUTS_MAX];
    size_t positional = 0;

    for (size_t i = 0; i < a->reference_count; i++)
        TRY(tensor_at(network, &a->references[i], &in[i], err));
    for (size_t i = 0; i < a->part_count && !a->parts[i].name.size; i++)
        positional += a->parts[i].count;
    return layer_call(k, &network->layers[frame->layer], frame->call, in, positional, a, depth,
                      err);
}

/* What the frame is called with, read when it is first seen. */
static enum status frame_read(struct network *network, struct frame *frame, struct arena *scratch,
                              struct error *err)
{
    const struct layer *layer = &network->layers[frame->layer];

    if (frame->arguments)
        return STATUS_OK;
    if (!layer->inbound || layer->inbound->kind != JSON_ARRAY ||
        frame->call >= layer->inbound->count)
        return error_set(err, STATUS_INVALID_INPUT, "layer '%.64s' is an input of nothing",
                         layer->name);
    if (arguments_read(network, &layer->inbound->items[frame->call], scratch, &frame->arguments,
                       err))
        return error_within(err, "layer '%.64s'", layer->name);
    return STATUS_OK;
}

struct stack {
    struct frame *frames;
    size_t capacity; /* as many as there are calls: more would be a cycle */
    struct arena arena;
};

/* Everything that a call needs first, without recursion. */
static enum status resolve(struct keras *k, struct network *network, struct frame first,
                           struct stack *stack, int depth, struct error *err)
{
    size_t count = 0;

    stack->frames[count++] = first;
    while (count) {
        struct frame *frame = &stack->frames[count - 1], missing;

        if (network->layers[frame->layer].calls[frame->call].done) {
            count--;
            continue;
        }
        TRY(frame_read(network, frame, &stack->arena, err));
        if (argument_missing(network, frame->arguments, &missing)) {
            if (count == stack->capacity)
                return error_set(err, STATUS_INVALID_INPUT, "layer '%.64s' is an input of itself",
                                 network->layers[frame->layer].name);
            stack->frames[count++] = missing;
            continue;
        }
        TRY(frame_run(k, network, frame, depth, err));
        count--;
    }
    return STATUS_OK;
}

static enum status outputs_lower(struct keras *k, struct network *network, struct stack *stack,
                                 struct keras_tensor *out, int depth, struct error *err)
{
    stack->frames = arena_new(&stack->arena, struct frame, stack->capacity);
    if (!stack->frames)
        return error_no_memory(err, "the model");
    for (size_t i = 0; i < network->output_count; i++) {
        const struct reference *r = &network->outputs[i];

        if (r->call >= network->layers[r->layer].call_count)
            return error_set(err, STATUS_INVALID_INPUT, "output %zu is of no call", i);
        TRY(resolve(k, network, (struct frame){r->layer, r->call, NULL}, stack, depth, err));
        TRY(tensor_at(network, r, &out[i], err));
    }
    return STATUS_OK;
}

static enum status functional_lower(struct keras *k, struct network *network,
                                    const struct keras_tensor *in, size_t in_count,
                                    struct keras_tensor *out, int depth, struct error *err)
{
    struct stack stack = {.capacity = 1};
    enum status status;

    for (size_t l = 0; l < network->count; l++) {
        for (size_t i = 0; i < network->layers[l].call_count; i++)
            network->layers[l].calls[i].done = false;
        stack.capacity += network->layers[l].call_count;
    }
    if (in_count != network->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not %zu", in_count,
                         network->input_count);
    for (size_t i = 0; i < in_count; i++) {
        struct layer_call *call = &network->layers[network->inputs[i].layer].calls[0];

        *call = (struct layer_call){.count = 1, .done = true};
        call->outputs[0] = in[i];
    }
    arena_init(&stack.arena, SCRATCH_MAX);
    status = outputs_lower(k, network, &stack, out, depth, err);
    arena_release(&stack.arena);
    return status;
}

enum status network_lower(struct keras *k, struct network *network, const struct keras_tensor *in,
                          size_t in_count, struct keras_tensor *out, int depth, struct error *err)
{
    if (depth > NESTING_MAX)
        return error_set(err, STATUS_TOO_LARGE, "models in models, more than %d deep", NESTING_MAX);
    if (!network->sequential && network->output_count > LAYER_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", LAYER_OUTPUTS_MAX);
    if (!network->sequential)
        return functional_lower(k, network, in, in_count, out, depth, err);
    if (in_count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "a Sequential has %zu inputs", in_count);
    return sequential_lower(k, network, in[0], out, depth, err);
}
