// SPDX-License-Identifier: Apache-2.0
/* SimpleRNN, LSTM, GRU, and both ways. Keras keeps kernels as (in, gates * units), the gates of an
 * LSTM as i f c o, of a GRU as z r h; ONNX wants (gates * units, in), i o f c and z r h.
 *
 * Steps that do not count are taken out before: the others move to the front, run as a sequence of
 * their number, and move back; where a step did not count the output is that of the last one that
 * did, zeros before the first. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { GATES_MAX = 4, STATES_MAX = 2 };

struct kind {
    const char *op;
    int gates, order[GATES_MAX]; /* ONNX's gate i is Keras's order[i] */
    int states;
    const char *recurrent; /* the default of recurrent_activation; NULL: there is none */
    bool cudnn;            /* separate biases for input and state */
};

static const struct kind SIMPLE = {"RNN", 1, {0}, 1, NULL, false};
static const struct kind LSTM = {"LSTM", 4, {0, 3, 1, 2}, 2, "sigmoid", false};
static const struct kind CUDNN_LSTM = {"LSTM", 4, {0, 3, 1, 2}, 2, "sigmoid", true};
static const struct kind GRU = {"GRU", 3, {0, 1, 2}, 1, "sigmoid", false};
static const struct kind CUDNN_GRU = {"GRU", 3, {0, 1, 2}, 1, "sigmoid", true};

struct recurrent {
    struct call *c;
    const struct kind *kind;
    int64_t units;
    bool backwards, sequences, states, reset_after;
    bool zeros;                   /* where a step does not count, rather than the last output */
    value_id x, mask;             /* (batch, steps, in), (batch, steps) */
    value_id initial[STATES_MAX]; /* (batch, units) or VALUE_NONE */
    struct tensor w, r, b;        /* as ONNX has them */
};

/* --- weights --- */

/* (rows, gates * units) -> (1, gates * units, rows), the gates in ONNX's order. */
static enum status gates_turn(struct recurrent *n, const struct tensor *stored,
                              struct tensor *turned, struct error *err)
{
    size_t rows = (size_t)stored->shape.dims[0], units = (size_t)n->units;
    size_t columns = (size_t)n->kind->gates * units;
    struct shape shape = SHAPE(1, (int64_t)columns, (int64_t)rows);
    const float *from = stored->data;
    float *to;

    if (stored->dtype != DTYPE_F32 || (size_t)stored->shape.dims[1] != columns)
        return error_set(err, STATUS_INVALID_INPUT, "its kernel has %lld columns, not %zu",
                         (long long)stored->shape.dims[1], columns);
    TRY(tensor_new(turned, DTYPE_F32, &shape, n->c->k->keep, err));
    to = turned->data;
    for (int g = 0; g < n->kind->gates; g++)
        for (size_t u = 0; u < units; u++)
            for (size_t i = 0; i < rows; i++)
                *to++ = from[i * columns + (size_t)n->kind->order[g] * units + u];
    return STATUS_OK;
}

/* Biases of the input and of the state: (gates * units,), (2, gates * units) or (2 * gates *
 * units,). */
static enum status bias_turn(struct recurrent *n, const struct tensor *stored, struct error *err)
{
    size_t units = (size_t)n->units, all = (size_t)n->kind->gates * units;
    size_t count = tensor_count(stored);
    struct shape shape = SHAPE(1, 2 * (int64_t)all);
    const float *from = stored->data;
    float *to;

    if (stored->dtype != DTYPE_F32 || (count != all && count != 2 * all))
        return error_set(err, STATUS_INVALID_INPUT, "its bias has %zu values, not %zu", count, all);
    n->reset_after = n->reset_after || (count == 2 * all && n->kind->gates == 3);
    TRY(tensor_new(&n->b, DTYPE_F32, &shape, n->c->k->keep, err));
    to = n->b.data;
    for (size_t half = 0; half * all < count; half++)
        for (int g = 0; g < n->kind->gates; g++)
            memcpy(to + half * all + (size_t)g * units,
                   from + half * all + (size_t)n->kind->order[g] * units, units * sizeof *to);
    return STATUS_OK;
}

/* Keras 1 kept a kernel, a recurrent kernel and a bias for each gate: an LSTM's as i c f o, a GRU's
 * as z r h. Put together they are as Keras 2 has them. */
static enum status weights_join(struct recurrent *n, struct tensor joined[3], struct error *err)
{
    static const int PLACES[GATES_MAX] = {0, 2, 1, 3};
    int gates = n->kind->gates;

    for (int g = 0; g < gates; g++)
        for (int part = 0; part < 3; part++) {
            size_t units = (size_t)n->units, rows, columns = (size_t)gates * units;
            size_t place = (size_t)(gates == 4 ? PLACES[g] : g);
            struct tensor piece;

            TRY(weight_take(n->c, "kernel", part == 2 ? 1 : 2, &piece, err));
            rows = part == 2 ? 1 : (size_t)piece.shape.dims[0];
            if (piece.dtype != DTYPE_F32 || tensor_count(&piece) != rows * units)
                return error_set(err, STATUS_INVALID_INPUT, "a kernel has the wrong shape");
            if (!g) {
                struct shape shape =
                    part == 2 ? SHAPE((int64_t)columns) : SHAPE((int64_t)rows, (int64_t)columns);
                TRY(tensor_new(&joined[part], DTYPE_F32, &shape, n->c->k->keep, err));
            } else if (part < 2 && (size_t)joined[part].shape.dims[0] != rows) {
                return error_set(err, STATUS_INVALID_INPUT, "its kernels have different shapes");
            }
            for (size_t i = 0; i < rows; i++)
                memcpy((float *)joined[part].data + i * columns + place * units,
                       (const float *)piece.data + i * units, units * sizeof(float));
        }
    return STATUS_OK;
}

static enum status weights_read(struct recurrent *n, struct error *err)
{
    bool biased = config_bool_or(n->c, "use_bias", NULL, true);
    struct weights cell, *own = n->c->weights;
    struct tensor parts[3];

    TRY(weights_part(n->c->k, own, "cell", &cell, err));
    n->c->weights = &cell;
    if (n->c->k->generation == 1 && n->kind->gates > 1) {
        TRY(weights_join(n, parts, err));
    } else {
        TRY(weight_take(n->c, "kernel", 2, &parts[0], err));
        TRY(weight_take(n->c, "recurrent kernel", 2, &parts[1], err));
        if (biased)
            TRY(weight_take(n->c, "bias", -1, &parts[2], err));
    }
    n->c->weights = own;
    weights_part_end(own, &cell);
    TRY(gates_turn(n, &parts[0], &n->w, err));
    TRY(gates_turn(n, &parts[1], &n->r, err));
    return biased ? bias_turn(n, &parts[2], err) : STATUS_OK;
}

/* --- steps that do not count --- */

struct packing {
    value_id lengths; /* (batch,) int32 */
    value_id place;   /* (batch, steps): place of the last step that counts so far; -1: none */
};

/* (batch, steps) -> (batch, steps, n), as the first two dimensions of `like` and its third. */
static enum status spread(struct recurrent *n, value_id index, value_id like, value_id *wide,
                          struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id shape;

    TRY(emit_unsqueeze(e, index, 2, wide, err));
    TRY(emit_1(e, "Shape", like, &shape, err));
    return emit_2(e, "Expand", *wide, shape, wide, err);
}

static enum status pack(struct recurrent *n, struct packing *packing, struct error *err)
{
    const struct emitter *e = n->c->e;
    int64_t one_axis = 1;
    value_id counts, axis, one, steps, shape, slot, zeros, wide, sum, end;

    TRY(emit_cast(e, n->mask, DTYPE_I64, &counts, err));
    TRY(emit_number(e, DTYPE_I64, 1, &axis, err));
    TRY(emit_2(e, "CumSum", counts, axis, &sum, err));
    TRY(emit_number(e, DTYPE_I64, 1, &one, err));
    TRY(emit_2(e, "Sub", sum, one, &packing->place, err));
    TRY(emit_reduce(e, "ReduceSum", counts, &one_axis, 1, false, &end, err));
    TRY(emit_cast(e, end, DTYPE_I32, &packing->lengths, err));
    /* what does not count goes to a slot behind the last step */
    TRY(emit_1(e, "Shape", counts, &shape, err));
    TRY(emit_slice(e, shape, 0, 1, 2, 1, &steps, err));
    TRY(emit_node(e, "", "Where", EMIT(n->mask, packing->place, steps), EMIT_PLAIN, &slot, err));
    TRY(spread(n, slot, n->x, &wide, err));
    TRY(emit_number(e, DTYPE_F32, 0, &zeros, err));
    TRY(emit_2(e, "Mul", n->x, zeros, &zeros, err));
    TRY(emit_slice(e, zeros, 1, 0, 1, 1, &end, err));
    TRY(emit_concat(e, EMIT(zeros, end), 1, &zeros, err));
    TRY(emit_node(e, "", "ScatterElements", EMIT(zeros, wide, n->x),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 1)), &n->x, err));
    return emit_slice(e, n->x, 1, 0, -1, 1, &n->x, err);
}

/* y (batch, steps, units) back to where the steps stood. */
static enum status unpack(struct recurrent *n, const struct packing *packing, value_id *y,
                          struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id zero, index, some, wide;

    TRY(emit_number(e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(e, "Max", packing->place, zero, &index, err));
    TRY(spread(n, index, *y, &wide, err));
    TRY(emit_node(e, "", "GatherElements", EMIT(*y, wide),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 1)), y, err));
    if (n->zeros)
        some = n->mask;
    else
        TRY(emit_2(e, "GreaterOrEqual", packing->place, zero, &some, err));
    TRY(emit_cast(e, some, DTYPE_F32, &some, err));
    TRY(emit_unsqueeze(e, some, 2, &some, err));
    return emit_2(e, "Mul", *y, some, y, err);
}

/* --- the operator --- */

static enum status activations_of(struct recurrent *n, struct attribute *attributes,
                                  struct bytes names[3], double numbers[6], size_t *count,
                                  struct error *err)
{
    struct call *c = n->c;
    struct recurrent_activation gate, cell;
    size_t used = 0;

    TRY(activation_recurrent(c, n->kind->cudnn ? NULL : json_get(c->config, "activation"), "tanh",
                             &cell, err));
    if (n->kind->recurrent) {
        const struct json *given = json_get(c->config, "recurrent_activation");

        if (!given)
            given = json_get(c->config, "inner_activation");
        TRY(activation_recurrent(c, n->kind->cudnn ? NULL : given,
                                 c->k->generation == 1 ? "hard_sigmoid" : n->kind->recurrent, &gate,
                                 err));
        names[used] = bytes_of(gate.name);
        numbers[used] = gate.alpha;
        numbers[3 + used++] = gate.beta;
    }
    for (; used < (n->kind->gates == 4 ? 3u : n->kind->gates == 3 ? 2u : 1u); used++) {
        names[used] = bytes_of(cell.name);
        numbers[used] = cell.alpha;
        numbers[3 + used] = cell.beta;
    }
    attributes[(*count)++] = (struct attribute){
        .name = "activations", .kind = ATTRIBUTE_STRINGS, .count = used, .strings = names};
    attributes[(*count)++] = (struct attribute){
        .name = "activation_alpha", .kind = ATTRIBUTE_FLOATS, .count = used, .floats = numbers};
    attributes[(*count)++] = (struct attribute){
        .name = "activation_beta", .kind = ATTRIBUTE_FLOATS, .count = used, .floats = numbers + 3};
    return STATUS_OK;
}

/* x is (batch, steps, in); y (batch, steps, units), states (batch, units). */
static enum status operator_emit(struct recurrent *n, value_id lengths, value_id *y,
                                 value_id *states, struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id in[7] = {VALUE_NONE, VALUE_NONE, VALUE_NONE, VALUE_NONE,
                      VALUE_NONE, VALUE_NONE, VALUE_NONE};
    size_t count = 0, in_count = n->kind->states == 2 ? 7 : 6;
    struct attribute attributes[8];
    struct bytes names[3];
    double numbers[6];
    value_id out[3];

    TRY(emit_transpose(e, n->x, (const int64_t[]){1, 0, 2}, 3, &in[0], err));
    TRY(emit_constant(e, &n->w, &in[1], err));
    TRY(emit_constant(e, &n->r, &in[2], err));
    if (n->b.data)
        TRY(emit_constant(e, &n->b, &in[3], err));
    in[4] = lengths;
    for (int s = 0; s < n->kind->states; s++)
        if (n->initial[s] != VALUE_NONE)
            TRY(emit_unsqueeze(e, n->initial[s], 0, &in[5 + s], err));
    attributes[count++] = attribute_of_int("hidden_size", n->units);
    if (n->kind->gates == 3)
        attributes[count++] = attribute_of_int("linear_before_reset", n->reset_after);
    TRY(activations_of(n, attributes, names, numbers, &count, err));
    TRY(emit(e, "", n->kind->op, in, in_count, attributes, count, out, 1 + (size_t)n->kind->states,
             err));
    TRY(emit_squeeze(e, out[0], 1, y, err));
    TRY(emit_transpose(e, *y, (const int64_t[]){1, 0, 2}, 3, y, err));
    for (int s = 0; s < n->kind->states; s++)
        TRY(emit_squeeze(e, out[1 + s], 0, &states[s], err));
    return STATUS_OK;
}

/* --- the layer --- */

static enum status recurrent_read(struct call *c, const struct kind *kind, struct recurrent *n,
                                  struct error *err)
{
    const struct keras_tensor *mask = call_tensor(c, "mask", 0);
    int rank;

    *n = (struct recurrent){
        .c = c,
        .kind = kind,
        .backwards = config_bool_or(c, "go_backwards", NULL, false),
        .sequences = config_bool_or(c, "return_sequences", NULL, false),
        .states = config_bool_or(c, "return_state", NULL, false),
        .reset_after = config_bool_or(c, "reset_after", NULL, false),
        .zeros = config_bool_or(c, "zero_output_for_mask", NULL, false),
        .x = c->in[0].value,
        .mask = mask ? mask->value : c->in[0].mask,
        .initial = {VALUE_NONE, VALUE_NONE},
    };
    TRY(config_refuse(c, "time_major", err));
    if (n->zeros && !n->sequences && n->mask != VALUE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "zero_output_for_mask of the last output");
    TRY(config_int(c, "units", "output_dim", &n->units, err));
    if (n->units < 1 || n->units > 1 << 24)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld units", (long long)n->units);
    TRY(call_rank(c, 0, &rank, err));
    if (rank != 3)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions, not 3", rank);
    for (size_t s = 0; s < (size_t)kind->states; s++) {
        const struct keras_tensor *given = call_tensor(c, "initial_state", s);

        n->initial[s] = given             ? given->value
                        : c->in_count > 1 ? s + 1 < c->in_count ? c->in[s + 1].value : VALUE_NONE
                                          : VALUE_NONE;
    }
    if (c->in_count > 1 && c->in_count != 1 + (size_t)kind->states)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu inputs", c->in_count);
    return weights_read(n, err);
}

static enum status reverse(struct recurrent *n, value_id *x, struct error *err)
{
    return emit_slice(n->c->e, *x, 1, INT64_MAX, INT64_MIN, -1, x, err);
}

static enum status recurrent(struct call *c, const struct kind *kind, struct error *err)
{
    value_id y, states[STATES_MAX], lengths = VALUE_NONE;
    struct packing packing;
    struct recurrent n;

    TRY(recurrent_read(c, kind, &n, err));
    if (n.backwards) {
        TRY(reverse(&n, &n.x, err));
        if (n.mask != VALUE_NONE)
            TRY(reverse(&n, &n.mask, err));
    }
    if (n.mask != VALUE_NONE) {
        TRY(pack(&n, &packing, err));
        lengths = packing.lengths;
    }
    TRY(operator_emit(&n, lengths, &y, states, err));
    if (n.mask != VALUE_NONE && n.sequences)
        TRY(unpack(&n, &packing, &y, err));
    TRY(call_add(c, n.sequences ? y : states[0], n.sequences ? n.mask : VALUE_NONE, err));
    for (int s = 0; n.states && s < kind->states; s++)
        TRY(call_add(c, states[s], VALUE_NONE, err));
    return STATUS_OK;
}

#define RECURRENT(verb, kind)                                                                      \
    static enum status verb(struct call *c, struct error *err)                                     \
    {                                                                                              \
        return recurrent(c, &kind, err);                                                           \
    }
RECURRENT(simple_rnn, SIMPLE)
RECURRENT(lstm, LSTM)
RECURRENT(cudnn_lstm, CUDNN_LSTM)
RECURRENT(gru, GRU)
RECURRENT(cudnn_gru, CUDNN_GRU)

/* --- both ways --- */

/* The layer with go_backwards turned round. */
static enum status turned(struct call *c, const struct json *layer, struct json *copy,
                          struct error *err)
{
    const struct json *config = json_get(layer, "config");
    struct json *items, *keys;
    bool found = false;

    if (!config || config->kind != JSON_OBJECT || layer->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "its layer has no config");
    items = arena_new(c->k->keep, struct json, config->count + 1);
    keys = arena_new(c->k->keep, struct json, layer->count);
    if (!items || !keys)
        return error_no_memory(err, "a layer");
    memcpy(items, config->items, config->count * sizeof *items);
    memcpy(keys, layer->items, layer->count * sizeof *keys);
    for (size_t i = 0; i < config->count; i++)
        if (bytes_is(items[i].key, "go_backwards")) {
            bool backwards = items[i].kind == JSON_BOOL && items[i].boolean;

            items[i].kind = JSON_BOOL;
            items[i].boolean = !backwards;
            found = true;
        }
    items[config->count] =
        (struct json){.kind = JSON_BOOL, .key = bytes_of("go_backwards"), .boolean = true};
    *copy = *layer;
    copy->items = keys;
    for (size_t i = 0; i < layer->count; i++)
        if (bytes_is(keys[i].key, "config")) {
            keys[i].items = items;
            keys[i].count = config->count + !found;
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
    TRY(emit_number(c->e, DTYPE_F32, 2, &two, err));
    return emit_2(c->e, "Div", *y, two, y, err);
}

static enum status bidirectional(struct call *c, struct error *err)
{
    const struct json *layer = json_get(c->config, "layer");
    const struct json *given = json_get(c->config, "backward_layer");
    const struct json *mode = json_get(c->config, "merge_mode");
    struct keras_tensor forward[LAYER_OUTPUTS_MAX], backward[LAYER_OUTPUTS_MAX];
    size_t forward_count, backward_count;
    bool sequences = false, zeros = false;
    struct json copy;
    value_id y;

    TRY(call_wants(c, 1, err));
    if (!layer || !json_get(layer, "config"))
        return error_set(err, STATUS_INVALID_INPUT, "has no layer");
    json_bool(json_get(json_get(layer, "config"), "return_sequences"), &sequences);
    json_bool(json_get(json_get(layer, "config"), "zero_output_for_mask"), &zeros);
    if (sequences && !zeros && c->in[0].mask != VALUE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "sequences with a mask, both ways");
    TRY(call_inner(c, layer, "forward_layer", c->in, 1, forward, &forward_count, err));
    if (given && given->kind == JSON_OBJECT) {
        TRY(call_inner(c, given, "backward_layer", c->in, 1, backward, &backward_count, err));
    } else {
        TRY(turned(c, layer, &copy, err));
        TRY(call_inner(c, &copy, "backward_layer", c->in, 1, backward, &backward_count, err));
    }
    if (forward_count != backward_count)
        return error_set(err, STATUS_INVALID_INPUT, "its two layers have different outputs");
    if (sequences)
        TRY(emit_slice(c->e, backward[0].value, 1, INT64_MAX, INT64_MIN, -1, &backward[0].value,
                       err));
    if (mode && mode->kind == JSON_NULL) {
        TRY(call_add(c, forward[0].value, VALUE_NONE, err));
        TRY(call_add(c, backward[0].value, VALUE_NONE, err));
    } else {
        TRY(join(c, config_text_or(c, "merge_mode", NULL, "concat"), forward[0].value,
                 backward[0].value, &y, err));
        TRY(call_add(c, y, VALUE_NONE, err));
    }
    for (size_t i = 1; i < forward_count; i++)
        TRY(call_add(c, forward[i].value, VALUE_NONE, err));
    for (size_t i = 1; i < backward_count; i++)
        TRY(call_add(c, backward[i].value, VALUE_NONE, err));
    return STATUS_OK;
}

const struct layer_set layers_recurrent =
    LAYER_SET({.name = "SimpleRNN", .lower = simple_rnn, .keywords = true},
              {.name = "LSTM", .lower = lstm, .keywords = true},
              {.name = "CuDNNLSTM", .lower = cudnn_lstm, .keywords = true},
              {.name = "GRU", .lower = gru, .keywords = true},
              {.name = "CuDNNGRU", .lower = cudnn_gru, .keywords = true},
              {.name = "Bidirectional", .lower = bidirectional}, );
