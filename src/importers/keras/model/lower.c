// SPDX-License-Identifier: Apache-2.0
/* Calling layers: a Sequential in order, a Functional model from its outputs backwards. */
#include "base/text.h"
#include "gen/layers.h"
#include "importers/keras/internal.h"

enum { LOWERED_MAX = 1000000 };

const struct layer_class *layer_find(const char *class_name)
{
    for (size_t s = 0; LAYERS[s]; s++)
        for (size_t i = 0; i < LAYERS[s]->count; i++) {
            const struct layer_class *class = &LAYERS[s]->classes[i];

            if (!strcmp(class->name, class_name) ||
                (class->alias && !strcmp(class->alias, class_name)))
                return class;
        }
    return NULL;
}

/* --- calls --- */

enum status call_add(struct call *c, value_id value, value_id mask, struct error *err)
{
    if (c->out_count == LAYER_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", LAYER_OUTPUTS_MAX);
    c->out[c->out_count++] = (struct keras_tensor){value, mask};
    return STATUS_OK;
}

enum status call_give(struct call *c, value_id value)
{
    c->out[0] = (struct keras_tensor){value, VALUE_NONE};
    c->out_count = 1;
    return STATUS_OK;
}

enum status call_wants(const struct call *c, size_t inputs, struct error *err)
{
    if (c->in_count == inputs)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not %zu", c->in_count, inputs);
}

const struct keras_tensor *call_tensor(const struct call *c, const char *name, size_t index)
{
    for (size_t i = 0; i < c->tensor_count; i++)
        if (bytes_is(c->tensors[i].name, name) && !index--)
            return &c->tensors[i].tensor;
    return NULL;
}

/* A keyword that a layer does not read must not matter. */
static enum status keywords_check(const struct call *c, const struct layer_class *class,
                                  struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (class->keywords)
        return STATUS_OK;
    if (c->tensor_count)
        return error_set(err, STATUS_UNSUPPORTED, "a tensor as its '%s' is not supported",
                         text_quote(c->tensors[0].name, quoted, sizeof quoted));
    for (size_t i = 0; c->keywords && c->keywords->kind == JSON_OBJECT && i < c->keywords->count;
         i++) {
        const struct json *value = &c->keywords->items[i];

        if (value->kind == JSON_NULL || bytes_is(value->key, "training") ||
            bytes_is(value->key, "name") || bytes_is(value->key, "mask") ||
            (value->kind == JSON_BOOL && !value->boolean))
            continue;
        return error_set(err, STATUS_UNSUPPORTED, "keyword '%s' of its call is not supported",
                         text_quote(value->key, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

enum status call_rank(const struct call *c, size_t input, int *rank, struct error *err)
{
    *rank = emit_shape(c->e, c->in[input].value)->rank;
    if (*rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of its input is not known");
    return STATUS_OK;
}

enum status call_dim(const struct call *c, size_t input, int axis, int64_t *dim, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[input].value);

    axis = axis < 0 ? axis + shape->rank : axis;
    if (axis < 0 || axis >= shape->rank || shape->dims[axis] < 0)
        return error_set(err, STATUS_UNSUPPORTED, "dimension %d of its input is not known", axis);
    *dim = shape->dims[axis];
    return STATUS_OK;
}

static enum status dtype_check(const struct call *c, struct error *err)
{
    const struct json *dtype = json_get(c->config, "dtype");
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;

    if (dtype && dtype->kind == JSON_OBJECT)
        dtype = json_get(json_get(dtype, "config"), "name");
    if (!json_string(dtype, &name) || bytes_is(name, "float32"))
        return STATUS_OK;
    if (bytes_starts(name, bytes_of("mixed_")) || bytes_is(name, "float16") ||
        bytes_is(name, "bfloat16") || bytes_is(name, "float64") ||
        bytes_starts(name, bytes_of("int8_")))
        return error_set(err, STATUS_UNSUPPORTED, "dtype policy '%s' is not supported",
                         text_quote(name, quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status call_run(struct call *c, struct error *err)
{
    const struct layer_class *class = layer_find(c->class_name);

    if (++c->k->lowered > LOWERED_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has too many layers");
    if (c->depth > NESTING_MAX)
        return error_set(err, STATUS_TOO_LARGE, "layers in layers, more than %d deep", NESTING_MAX);
    if (!class)
        return error_set(err, STATUS_UNSUPPORTED, "layer class '%.64s' is not supported",
                         c->class_name);
    TRY(dtype_check(c, err));
    TRY(keywords_check(c, class, err));
    if (!c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "has no input");
    TRY(class->lower(c, err));
    if (class->masks && c->out_count == 1 && c->out[0].mask == VALUE_NONE)
        c->out[0].mask = c->in[0].mask;
    return STATUS_OK;
}

enum status call_inner(struct call *c, const struct json *layer, const char *part,
                       const struct keras_tensor *in, size_t in_count, struct keras_tensor *out,
                       size_t *out_count, struct error *err)
{
    struct call inner = *c;
    struct weights weights;
    struct bytes name;

    if (!json_string(json_get(layer, "class_name"), &name) || !json_get(layer, "config"))
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is no layer", part);
    TRY(weights_part(c->k, c->weights, part, &weights, err));
    inner.class_name = arena_text(c->k->keep, name);
    inner.config = json_get(layer, "config");
    inner.weights = &weights;
    inner.in = in;
    inner.in_count = in_count;
    inner.out = out;
    inner.out_count = 0;
    inner.keywords = NULL;
    inner.tensor_count = 0;
    inner.depth = c->depth + 1;
    if (!inner.class_name)
        return error_no_memory(err, "a layer");
    if (call_run(&inner, err))
        return error_within(err, "its %s '%.64s'", part, inner.class_name);
    weights_part_end(c->weights, &weights);
    *out_count = inner.out_count;
    return STATUS_OK;
}

/* Call a layer of a network once. */
static enum status layer_call(struct keras *k, struct layer *layer, size_t index,
                              const struct keras_tensor *in, size_t in_count,
                              const struct call_keyword *tensors, size_t tensor_count,
                              const struct json *keywords, int depth, struct error *err)
{
    struct layer_call *made = &layer->calls[index];
    const char *where = k->e.where;
    struct weights weights = layer->weights;
    struct call c = {
        .k = k,
        .e = &k->e,
        .config = layer->config,
        .class_name = layer->class_name,
        .weights = &weights,
        .keywords = keywords,
        .in = in,
        .in_count = in_count,
        .tensors = tensors,
        .tensor_count = tensor_count,
        .out = made->outputs,
        .depth = depth,
    };
    enum status status;

    weights.next = 0;
    k->e.where = layer->name;
    if (layer->network) {
        status = network_lower(k, layer->network, in, in_count, made->outputs, depth + 1, err);
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
        TRY(layer_call(k, layer, 0, &in, 1, NULL, 0, NULL, depth, err));
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

struct arguments { /* of one call */
    struct reference positional[LAYER_INPUTS_MAX];
    struct {
        struct bytes name;
        struct reference reference;
    } keywords[LAYER_OUTPUTS_MAX];
    size_t positional_count, keyword_count;
    const struct json *plain; /* keywords that are no tensors, among others */
};

static enum status reference_of(const struct network *network, const struct json *name,
                                const struct json *call, const struct json *tensor,
                                struct reference *reference, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes text = {NULL, 0};
    int64_t call_index, tensor_index;

    if (!json_string(name, &text) || !json_i64(call, &call_index) || call_index < 0 ||
        !json_i64(tensor, &tensor_index) || tensor_index < 0 || tensor_index >= LAYER_OUTPUTS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "an inbound node is no [layer, node, tensor]");
    for (size_t i = 0; i < network->count; i++) {
        if (!bytes_is(text, network->layers[i].name))
            continue;
        *reference = (struct reference){i, (size_t)call_index, (size_t)tensor_index};
        if (reference->call >= network->layers[i].call_count)
            break;
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT, "there is no layer '%s', or no such call of it",
                     text_quote(text, quoted, sizeof quoted));
}

static enum status positional_add(struct arguments *a, struct reference reference,
                                  struct error *err)
{
    if (a->positional_count == LAYER_INPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d inputs", LAYER_INPUTS_MAX);
    a->positional[a->positional_count++] = reference;
    return STATUS_OK;
}

static enum status keyword_add(struct arguments *a, struct bytes name, struct reference reference,
                               struct error *err)
{
    if (a->keyword_count == LAYER_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d keywords", LAYER_OUTPUTS_MAX);
    a->keywords[a->keyword_count].name = name;
    a->keywords[a->keyword_count++].reference = reference;
    return STATUS_OK;
}

/* A tensor of Keras 3: {class_name: __keras_tensor__, config: {keras_history: [layer, node,
 * tensor]}}.
 */
static const struct json *history_of(const struct json *value)
{
    const struct json *history = json_get(json_get(value, "config"), "keras_history");

    return history && history->kind == JSON_ARRAY && history->count == 3 ? history : NULL;
}

/* Keras 3: tensors, and lists of tensors. */
static enum status args_read(const struct network *network, const struct json *value,
                             struct arguments *a, int depth, struct error *err)
{
    const struct json *history = history_of(value);
    struct reference reference;

    if (history) {
        TRY(reference_of(network, &history->items[0], &history->items[1], &history->items[2],
                         &reference, err));
        return positional_add(a, reference, err);
    }
    if (value->kind != JSON_ARRAY || depth > 4)
        return error_set(err, STATUS_UNSUPPORTED, "an argument is %s, not a tensor",
                         json_kind_name(value->kind));
    for (size_t i = 0; i < value->count; i++)
        TRY(args_read(network, &value->items[i], a, depth + 1, err));
    return STATUS_OK;
}

/* One keyword: a tensor, or a list of tensors under one name. */
static enum status keyword_read_3(const struct network *network, const struct json *value,
                                  struct bytes name, struct arguments *a, int depth,
                                  struct error *err)
{
    const struct json *history = history_of(value);
    struct reference reference;

    if (history) {
        TRY(reference_of(network, &history->items[0], &history->items[1], &history->items[2],
                         &reference, err));
        return keyword_add(a, name, reference, err);
    }
    for (size_t i = 0; value->kind == JSON_ARRAY && i < value->count && depth < 2; i++)
        TRY(keyword_read_3(network, &value->items[i], name, a, depth + 1, err));
    return STATUS_OK;
}

/* Keras 2: a tensor is [layer, node, tensor]. */
static enum status keyword_read_2(const struct network *network, const struct json *value,
                                  struct bytes name, struct arguments *a, int depth,
                                  struct error *err)
{
    struct reference reference;

    if (value->kind != JSON_ARRAY)
        return STATUS_OK;
    if (value->count >= 3 && value->items[0].kind == JSON_STRING &&
        value->items[1].kind == JSON_INT) {
        TRY(reference_of(network, &value->items[0], &value->items[1], &value->items[2], &reference,
                         err));
        return keyword_add(a, name, reference, err);
    }
    for (size_t i = 0; i < value->count && depth < 2; i++)
        TRY(keyword_read_2(network, &value->items[i], name, a, depth + 1, err));
    return STATUS_OK;
}

static enum status keywords_read(const struct network *network, const struct json *keywords,
                                 bool generation_3, struct arguments *a, struct error *err)
{
    if (keywords && keywords->kind == JSON_OBJECT)
        a->plain = keywords;
    for (size_t i = 0; a->plain == keywords && keywords && i < keywords->count; i++) {
        const struct json *value = &keywords->items[i];

        TRY((generation_3 ? keyword_read_3 : keyword_read_2)(network, value, value->key, a, 0,
                                                             err));
    }
    return STATUS_OK;
}

static enum status node_read(const struct network *network, const struct json *node,
                             struct arguments *a, struct error *err)
{
    if (node->kind == JSON_OBJECT) {
        const struct json *args = json_get(node, "args");

        for (size_t i = 0; args && args->kind == JSON_ARRAY && i < args->count; i++)
            TRY(args_read(network, &args->items[i], a, 0, err));
        return keywords_read(network, json_get(node, "kwargs"), true, a, err);
    }
    if (node->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "an inbound node is %s",
                         json_kind_name(node->kind));
    /* One call with one tensor may stand without its list. */
    if (node->count >= 3 && node->items[0].kind == JSON_STRING) {
        struct reference reference;

        TRY(reference_of(network, &node->items[0], &node->items[1], &node->items[2], &reference,
                         err));
        TRY(positional_add(a, reference, err));
        return keywords_read(network, node->count > 3 ? &node->items[3] : NULL, false, a, err);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct json *tensor = &node->items[i];
        struct reference reference;

        if (tensor->kind != JSON_ARRAY || tensor->count < 3)
            return error_set(err, STATUS_INVALID_INPUT, "an inbound node has no tensors");
        TRY(reference_of(network, &tensor->items[0], &tensor->items[1], &tensor->items[2],
                         &reference, err));
        TRY(positional_add(a, reference, err));
        TRY(keywords_read(network, tensor->count > 3 ? &tensor->items[3] : NULL, false, a, err));
    }
    return STATUS_OK;
}

struct frame { /* a call that waits for its arguments */
    size_t layer, call;
};

/* The first argument that is not there yet; false: all are. */
static bool argument_missing(const struct network *network, const struct arguments *a,
                             struct frame *missing)
{
    for (size_t i = 0; i < a->positional_count + a->keyword_count; i++) {
        const struct reference *r = i < a->positional_count
                                        ? &a->positional[i]
                                        : &a->keywords[i - a->positional_count].reference;

        if (network->layers[r->layer].calls[r->call].done)
            continue;
        *missing = (struct frame){r->layer, r->call};
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
                             const struct arguments *a, int depth, struct error *err)
{
    struct keras_tensor in[LAYER_INPUTS_MAX];
    struct call_keyword tensors[LAYER_OUTPUTS_MAX];

    for (size_t i = 0; i < a->positional_count; i++)
        TRY(tensor_at(network, &a->positional[i], &in[i], err));
    for (size_t i = 0; i < a->keyword_count; i++) {
        tensors[i].name = a->keywords[i].name;
        TRY(tensor_at(network, &a->keywords[i].reference, &tensors[i].tensor, err));
    }
    return layer_call(k, &network->layers[frame->layer], frame->call, in, a->positional_count,
                      tensors, a->keyword_count, a->plain, depth, err);
}

/* Everything that a call needs first, without recursion. */
static enum status resolve(struct keras *k, struct network *network, struct frame first,
                           struct frame *stack, size_t capacity, int depth, struct error *err)
{
    size_t count = 0;

    stack[count++] = first;
    while (count) {
        struct frame frame = stack[count - 1], missing;
        struct layer *layer = &network->layers[frame.layer];
        struct arguments *a;

        if (layer->calls[frame.call].done) {
            count--;
            continue;
        }
        a = arena_new(k->keep, struct arguments, 1);
        if (!a)
            return error_no_memory(err, "a call");
        if (!layer->inbound || frame.call >= layer->inbound->count)
            return error_set(err, STATUS_INVALID_INPUT, "layer '%.64s' is an input of nothing",
                             layer->name);
        if (node_read(network, &layer->inbound->items[frame.call], a, err))
            return error_within(err, "layer '%.64s'", layer->name);
        if (argument_missing(network, a, &missing)) {
            if (count == capacity)
                return error_set(err, STATUS_INVALID_INPUT, "layer '%.64s' is an input of itself",
                                 layer->name);
            stack[count++] = missing;
            continue;
        }
        TRY(frame_run(k, network, &frame, a, depth, err));
        count--;
    }
    return STATUS_OK;
}

static enum status functional_lower(struct keras *k, struct network *network,
                                    const struct keras_tensor *in, size_t in_count,
                                    struct keras_tensor *out, int depth, struct error *err)
{
    size_t calls = 1;
    struct frame *stack;

    for (size_t l = 0; l < network->count; l++) {
        for (size_t i = 0; i < network->layers[l].call_count; i++)
            network->layers[l].calls[i].done = false;
        calls += network->layers[l].call_count;
    }
    if (in_count != network->input_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not %zu", in_count,
                         network->input_count);
    stack = arena_new(k->keep, struct frame, calls);
    if (!stack)
        return error_no_memory(err, "the model");
    for (size_t i = 0; i < in_count; i++) {
        struct layer_call *call = &network->layers[network->inputs[i].layer].calls[0];

        *call = (struct layer_call){.count = 1, .done = true};
        call->outputs[0] = in[i];
    }
    for (size_t i = 0; i < network->output_count; i++) {
        const struct reference *r = &network->outputs[i];

        if (r->call >= network->layers[r->layer].call_count)
            return error_set(err, STATUS_INVALID_INPUT, "output %zu is of no call", i);
        TRY(resolve(k, network, (struct frame){r->layer, r->call}, stack, calls, depth, err));
        TRY(tensor_at(network, r, &out[i], err));
    }
    return STATUS_OK;
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
