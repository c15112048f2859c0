// SPDX-License-Identifier: Apache-2.0
/* Calls: one layer, its class looked up, its inputs in the dtype in which it computes. */
#include "base/text.h"
#include "gen/layers.h"
#include "importers/keras/internal.h"

enum { LOWERED_MAX = 1000000 };

static const struct layer_class *class_find(const char *class_name, bool operation)
{
    for (size_t s = 0; LAYERS[s]; s++)
        for (size_t i = 0; i < LAYERS[s]->count && LAYERS[s]->operations == operation; i++) {
            const struct layer_class *class = &LAYERS[s]->classes[i];

            if (!strcmp(class->name, class_name) ||
                (class->alias && !strcmp(class->alias, class_name)))
                return class;
        }
    return NULL;
}

bool operation_exists(const char *class_name)
{
    return class_find(class_name, true);
}

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
    return error_set(err, STATUS_UNSUPPORTED, "has %zu inputs, not %zu", c->in_count, inputs);
}

const struct argument *call_argument(const struct call *c, size_t place, const char *name)
{
    const struct arguments *a = c->arguments;

    for (size_t i = 0; a && i < a->part_count; i++)
        if (a->parts[i].name.size ? bytes_is(a->parts[i].name, name) : i == place) {
            seen_part(c, &a->parts[i]);
            return &a->parts[i];
        }
    return NULL;
}

const struct json *call_keyword(const struct call *c, const char *name)
{
    const struct argument *argument = call_argument(c, SIZE_MAX, name);

    return argument && !argument->count ? argument->value : NULL;
}

size_t call_place(const struct call *c, size_t place)
{
    return c->k->generation > 2 ? place : SIZE_MAX;
}

bool call_flag(const struct call *c, size_t place, const char *name, bool otherwise)
{
    const struct argument *argument = call_argument(c, call_place(c, place), name);
    bool flag;

    return argument && json_bool(argument->value, &flag) ? flag : otherwise;
}

const struct keras_tensor *call_tensor(const struct call *c, size_t place, const char *name,
                                       size_t index)
{
    const struct argument *argument = call_argument(c, call_place(c, place), name);

    return argument && index < argument->count ? &c->tensors[argument->first + index] : NULL;
}

/* What does not matter, whoever is called. */
static bool is_idle(const struct argument *argument)
{
    const struct json *value = argument->value;

    return value->kind == JSON_NULL || bytes_is(argument->name, "name") ||
           (value->kind == JSON_BOOL && !value->boolean);
}

/* An argument that a layer does not read must not matter. */
static enum status arguments_check(const struct call *c, const struct layer_class *class,
                                   struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    bool flag;

    /* Keras 3 says anew of every layer whether it trains. */
    if (c->k->generation < 3 && json_bool(call_keyword(c, "training"), &flag) && flag)
        return error_set(err, STATUS_UNSUPPORTED, "it is called with training=True");
    for (size_t i = 0; !class->keywords && c->arguments && i < c->arguments->part_count; i++) {
        const struct argument *part = &c->arguments->parts[i];

        if (!part->name.size && part->count)
            continue;
        if (!part->name.size && part->value->kind != JSON_NULL && part->value->kind != JSON_BOOL)
            return error_set(err, STATUS_UNSUPPORTED, "an argument is %s, not a tensor",
                             json_kind_name(part->value->kind));
        if (bytes_is(part->name, "mask"))
            continue;
        if (part->count && part->name.size)
            return error_set(err, STATUS_UNSUPPORTED, "a tensor as its '%s' is not supported",
                             text_quote(part->name, quoted, sizeof quoted));
        if (part->name.size && !is_idle(part) && !bytes_is(part->name, "training"))
            return error_set(err, STATUS_UNSUPPORTED, "keyword '%s' of its call is not supported",
                             text_quote(part->name, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

value_id call_steps_mask(const struct call *c)
{
    const struct argument *states = call_argument(c, call_place(c, 1), "initial_state");

    return c->k->generation > 2 && states && states->count && !c->masked ? VALUE_NONE
                                                                         : c->in[0].mask;
}

enum status call_stateful(const struct call *c, struct error *err)
{
    return description_warn(
        c->k->description, c->k->keep, err,
        "layer '%.64s' is stateful: the file holds no states, every request starts "
        "from zeros; Keras goes on from the request before",
        c->e->where);
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

/* --- dtype policies --- */

static const struct policy {
    const char *name;
    enum dtype dtype; /* in which we compute */
    enum dtype half;  /* to which inputs, weights and outputs are rounded; or DTYPE_NONE */
} POLICIES[] = {
    {"float32", DTYPE_F32, DTYPE_NONE},        {"float64", DTYPE_F64, DTYPE_NONE},
    {"float16", DTYPE_F32, DTYPE_F16},         {"bfloat16", DTYPE_F32, DTYPE_BF16},
    {"mixed_float16", DTYPE_F32, DTYPE_F16},   {"mixed_bfloat16", DTYPE_F32, DTYPE_BF16},
    {"policy_float32", DTYPE_F32, DTYPE_NONE},
};

/* A word; {config: {name}}; {config: {mode, source_name}} of a quantised layer. Integers and text
 * are dtypes of layers that compute no numbers. */
static enum status policy_find(const struct call *c, const struct policy **policy,
                               struct quantised *quantised, struct error *err)
{
    const struct json *dtype = json_get(c->config, "dtype");
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;

    *policy = &POLICIES[0];
    if (dtype && dtype->kind == JSON_OBJECT) {
        const struct json *config = json_get(dtype, "config");

        dtype = json_get(config, "name");
        if (json_string(json_get(config, "mode"), &name)) {
            dtype = json_get(config, "source_name");
            TRY(quantisation_of(name, quantised, err));
        }
        if (!dtype)
            return error_set(err, STATUS_UNSUPPORTED, "its dtype policy is not supported");
    }
    if (!dtype || dtype->kind == JSON_NULL)
        return STATUS_OK;
    if (!json_string(dtype, &name))
        return error_set(err, STATUS_INVALID_INPUT, "its 'dtype' is %s",
                         json_kind_name(dtype->kind));
    for (size_t i = 0; i < ARRAY_COUNT(POLICIES); i++)
        if (bytes_is(name, POLICIES[i].name)) {
            *policy = &POLICIES[i];
            return STATUS_OK;
        }
    if (bytes_starts(name, bytes_of("int")) || bytes_starts(name, bytes_of("uint")) ||
        bytes_is(name, "string") || bytes_is(name, "bool"))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "dtype policy '%s' is not supported",
                     text_quote(name, quoted, sizeof quoted));
}

/* The tensors of a call as the layer computes with them. */
static enum status inputs_cast(struct call *c, size_t count, const struct layer_class *class,
                               const struct policy *policy, struct error *err)
{
    bool rounds = policy->half != DTYPE_NONE && !(class->full_inputs && c->k->generation > 2);
    struct keras_tensor *cast = NULL;

    for (size_t i = 0; i < count; i++) {
        enum dtype dtype = emit_dtype(c->e, c->tensors[i].value);

        if (!dtype_is_float(dtype) || (dtype == policy->dtype && !rounds))
            continue;
        if (!cast) {
            cast = arena_new(c->k->keep, struct keras_tensor, count);
            if (!cast)
                return error_no_memory(err, "a call");
            memcpy(cast, c->tensors, count * sizeof *cast);
        }
        if (rounds)
            TRY(emit_cast(c->e, cast[i].value, policy->half, &cast[i].value, err));
        TRY(emit_cast(c->e, cast[i].value, policy->dtype, &cast[i].value, err));
    }
    if (cast)
        c->in = c->tensors = cast;
    return STATUS_OK;
}

static enum status outputs_cast(struct call *c, const struct policy *policy, struct error *err)
{
    for (size_t i = 0; i < c->out_count && policy->half != DTYPE_NONE; i++)
        if (emit_dtype(c->e, c->out[i].value) == policy->dtype)
            TRY(emit_cast(c->e, c->out[i].value, policy->half, &c->out[i].value, err));
    return STATUS_OK;
}

/* --- the call --- */

enum status call_masks(struct call *c, size_t place, struct error *err)
{
    const struct argument *given =
        call_argument(c, place ? call_place(c, place) : SIZE_MAX, "mask");
    bool list = given && given->value->kind == JSON_ARRAY && c->k->generation > 2;
    size_t count = c->arguments ? c->arguments->reference_count : 0, next = 0;
    struct keras_tensor *tensors;

    if (!given || !given->count)
        return STATUS_OK;
    tensors = arena_new(c->k->keep, struct keras_tensor, count);
    if (!tensors)
        return error_no_memory(err, "a call");
    memcpy(tensors, c->tensors, count * sizeof *tensors);
    if (!given->name.size)
        c->in_count = given->first;
    c->masked = true;
    for (size_t i = 0; i < c->in_count && next < given->count; i++)
        if (!list || (i < given->value->count && given->value->items[i].kind != JSON_NULL))
            tensors[i].mask = c->tensors[given->first + next++].value;
    if (next < given->count)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu masks", given->count);
    c->in = c->tensors = tensors;
    return STATUS_OK;
}

static enum status layer_lower(struct call *c, const struct layer_class *class, struct error *err)
{
    size_t count = c->arguments ? c->arguments->reference_count : c->in_count;
    const struct policy *policy;

    c->quantised.mode = QUANTISED_NOT;
    TRY(policy_find(c, &policy, &c->quantised, err));
    if (c->quantised.mode && !class->quantised)
        return error_set(err, STATUS_UNSUPPORTED, "it is quantised");
    if (c->quantised.mode) {
        c->k->quantised++;
        TRY(quantised_order(c, err));
    }
    c->dtype = policy->dtype;
    c->half = class->full_weights ? DTYPE_NONE : policy->half;
    TRY(arguments_check(c, class, err));
    if (!c->in_count && !class->keywords)
        return error_set(err, STATUS_INVALID_INPUT, "has no input");
    TRY(call_masks(c, (size_t) class->mask_place, err));
    if (!class->any_dtype)
        TRY(inputs_cast(c, count, class, policy, err));
    TRY(class->lower(c, err));
    if (!class->any_dtype)
        TRY(outputs_cast(c, policy, err));
    if (class->masks && c->out_count == 1 && c->out[0].mask == VALUE_NONE)
        c->out[0].mask = c->in[0].mask;
    return STATUS_OK;
}

static enum status layer_run(struct call *c, const struct layer_class *class, struct error *err)
{
    TRY(layer_lower(c, class, err));
    if (!class->idle)
        TRY(seen_check_config(c, err));
    return class->keywords ? seen_check_arguments(c, err) : STATUS_OK;
}

static enum status class_run(struct call *c, struct error *err)
{
    const struct layer_class *class = class_find(c->class_name, c->operation);

    if (++c->k->lowered > LOWERED_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the model has too many layers");
    if (c->depth > NESTING_MAX)
        return error_set(err, STATUS_TOO_LARGE, "layers in layers, more than %d deep", NESTING_MAX);
    if (c->config && c->config->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "its config is %s, not an object",
                         json_kind_name(c->config->kind));
    if (!class)
        return error_set(err, STATUS_UNSUPPORTED, "%s '%.64s' is not supported",
                         c->operation ? "operation" : "layer class", c->class_name);
    c->class_name = class->name;
    if (!c->operation)
        return layer_run(c, class, err);
    c->dtype = DTYPE_F32;
    TRY(class->lower(c, err));
    if (c->k->generation > 2) /* before, operations are called by a layer */
        TRY(seen_check_config(c, err));
    return seen_check_arguments(c, err);
}

enum status call_run(struct call *c, struct error *err)
{
    struct seen seen = {.config = c->config}, *outer = c->seen;
    enum status status;

    c->seen = &seen;
    status = class_run(c, err);
    c->seen = outer;
    return status;
}

/* The same of a model. */
static enum status network_inner(struct call *c, const struct json *model, const char *part,
                                 struct weights *weights, const struct keras_tensor *in,
                                 size_t in_count, struct keras_tensor *out, size_t *out_count,
                                 struct error *err)
{
    struct network *network;

    if (network_read(c->k, model, &network, c->depth + 1, err) ||
        weights_find_inner(c->k, network, weights, err) ||
        network_lower(c->k, network, in, in_count, out, c->depth + 1, err))
        return error_within(err, "its %s, a model", part);
    weights_part_end(c->weights, weights);
    *out_count = network->sequential ? 1 : network->output_count;
    return STATUS_OK;
}

enum status call_inner(struct call *c, const struct json *layer, const char *part,
                       const struct keras_tensor *in, size_t in_count, struct keras_tensor *out,
                       size_t *out_count, struct error *err)
{
    struct call inner = *c;
    struct weights weights;
    const char *text = class_name_of(c->k, layer);
    struct bytes name = bytes_of(text ? text : "");

    if (!text || !json_get(layer, "config"))
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is no layer", part);
    TRY(weights_part(c->k, c->weights, part, &weights, err));
    if (bytes_is(name, "Sequential") || bytes_is(name, "Functional") || bytes_is(name, "Model"))
        return network_inner(c, layer, part, &weights, in, in_count, out, out_count, err);
    inner.class_name = text;
    inner.config = json_get(layer, "config");
    inner.weights = &weights;
    inner.in = in;
    inner.in_count = in_count;
    inner.out = out;
    inner.out_count = 0;
    inner.operation = false;
    inner.arguments = NULL;
    inner.tensors = in;
    inner.depth = c->depth + 1;
    if (call_run(&inner, err))
        return error_within(err, "its %s '%.64s'", part, inner.class_name);
    weights_part_end(c->weights, &weights);
    *out_count = inner.out_count;
    return STATUS_OK;
}
