// SPDX-License-Identifier: Apache-2.0
/* Bidirectional: a recurrent layer, its twin that goes the other way, and their outputs joined. */
#include "importers/keras/internal.h"

/* A copy of an object with a key set to a bool. */
static enum status with_bool(struct call *c, const struct json *object, const char *key, bool value,
                             struct json *copy, struct error *err)
{
    struct json *items = arena_new(c->k->keep, struct json, object->count + 1);
    size_t at = object->count;

    if (!items)
        return error_no_memory(err, "a layer");
    memcpy(items, object->items, object->count * sizeof *items);
    for (size_t i = 0; i < object->count; i++)
        if (bytes_is(items[i].key, key))
            at = i;
    items[at] = (struct json){.kind = JSON_BOOL, .key = bytes_of(key), .boolean = value};
    *copy = *object;
    copy->items = items;
    copy->count = object->count + (at == object->count);
    return STATUS_OK;
}

/* tf.keras and Keras 3 make the steps that do not count zero where there is a sequence. */
static bool forces_zeros(const struct keras *k)
{
    return k->generation > 2 || (k->generation == 2 && (k->minor >= 4 || k->tensorflow));
}

/* The layer as it is called: backwards or not, zeros where steps do not count. */
static enum status direction(struct call *c, const struct json *layer, bool turn, struct json *copy,
                             struct error *err)
{
    const struct json *config = json_get(layer, "config");
    const struct json *way = json_get(config, "go_backwards");
    bool backwards = false, sequences = false;
    struct json *changed;

    if (!config || config->kind != JSON_OBJECT || layer->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "its layer has no config");
    if (way && way->kind != JSON_NULL && !json_bool(way, &backwards))
        return error_set(err, STATUS_INVALID_INPUT, "its layer's 'go_backwards' is %s",
                         json_kind_name(way->kind));
    json_bool(json_get(config, "return_sequences"), &sequences);
    TRY(with_bool(c, layer, "config", false, copy, err));
    for (size_t i = 0; i < copy->count; i++) {
        if (!bytes_is(copy->items[i].key, "config"))
            continue;
        changed = &copy->items[i];
        TRY(with_bool(c, config, "go_backwards", backwards != turn, changed, err));
        if (forces_zeros(c->k))
            TRY(with_bool(c, changed, "zero_output_for_mask", sequences, changed, err));
        changed->key = bytes_of("config");
    }
    return STATUS_OK;
}

static enum status join(struct call *c, struct bytes mode, value_id a, value_id b, value_id *y,
                        struct error *err)
{
    value_id two;

    if (bytes_is(mode, "concat"))
        return emit_concat(c->e, EMIT(a, b), -1, y, err);
    if (bytes_is(mode, "sum"))
        return emit_2(c->e, "Add", a, b, y, err);
    if (bytes_is(mode, "mul"))
        return emit_2(c->e, "Mul", a, b, y, err);
    if (!bytes_is(mode, "ave"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'merge_mode' is not supported");
    TRY(emit_2(c->e, "Add", a, b, y, err));
    TRY(emit_number(c->e, emit_dtype(c->e, *y), 2, &two, err));
    return emit_2(c->e, "Div", *y, two, y, err);
}

/* Initial states: half for each direction. */
static enum status states_split(const struct call *c, struct keras_tensor *in[2], size_t *count,
                                struct error *err)
{
    const struct argument *given = call_argument(c, call_place(c, 1), "initial_state");
    const struct keras_tensor *states = c->in + 1;
    size_t total = c->in_count - 1;

    if (given && given->count) {
        states = &c->tensors[given->first];
        total = given->count;
    }
    if (total % 2)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu initial states", total);
    *count = 1 + total / 2;
    for (size_t way = 0; way < 2; way++) {
        in[way] = arena_new(c->k->keep, struct keras_tensor, *count);
        if (!in[way])
            return error_no_memory(err, "a layer");
        in[way][0] = (struct keras_tensor){c->in[0].value, call_steps_mask(c)};
        memcpy(in[way] + 1, states + way * (*count - 1), (*count - 1) * sizeof *states);
    }
    return STATUS_OK;
}

static enum status bidirectional(struct call *c, struct error *err)
{
    const struct json *layer = config_get(c, "layer", NULL);
    const struct json *given = config_get(c, "backward_layer", NULL);
    const struct json *mode = config_get(c, "merge_mode", NULL);
    struct keras_tensor forward[LAYER_OUTPUTS_MAX], backward[LAYER_OUTPUTS_MAX], *in[2];
    size_t forward_count, backward_count, in_count = 1;
    bool sequences = false, own = given && given->kind == JSON_OBJECT;
    struct json ahead, back;
    value_id y, mask;

    if (!layer || !json_get(layer, "config"))
        return error_set(err, STATUS_INVALID_INPUT, "has no layer");
    json_bool(json_get(json_get(layer, "config"), "return_sequences"), &sequences);
    TRY(states_split(c, in, &in_count, err));
    TRY(direction(c, layer, false, &ahead, err));
    TRY(direction(c, own ? given : layer, !own, &back, err));
    TRY(call_inner(c, &ahead, "forward_layer", in[0], in_count, forward, &forward_count, err));
    TRY(call_inner(c, &back, "backward_layer", in[1], in_count, backward, &backward_count, err));
    if (forward_count != backward_count)
        return error_set(err, STATUS_INVALID_INPUT, "its two layers have different outputs");
    if (sequences)
        TRY(emit_slice(c->e, backward[0].value, 1, INT64_MAX, INT64_MIN, -1, &backward[0].value,
                       err));
    mask = sequences ? c->in[0].mask : VALUE_NONE;
    if (mode && mode->kind == JSON_NULL) {
        TRY(call_add(c, forward[0].value, mask, err));
        TRY(call_add(c, backward[0].value, mask, err));
    } else {
        TRY(join(c, config_text_or(c, "merge_mode", NULL, "concat"), forward[0].value,
                 backward[0].value, &y, err));
        TRY(call_add(c, y, mask, err));
    }
    for (size_t i = 1; i < forward_count; i++)
        TRY(call_add(c, forward[i].value, VALUE_NONE, err));
    for (size_t i = 1; i < backward_count; i++)
        TRY(call_add(c, backward[i].value, VALUE_NONE, err));
    return STATUS_OK;
}

const struct layer_set layers_bidirectional = LAYER_SET(
    {.name = "Bidirectional", .lower = bidirectional, .keywords = true, .mask_place = 2}, );
