// SPDX-License-Identifier: Apache-2.0
/* One recurrent network: SimpleRNN, LSTM or GRU as ONNX's operator. Keras keeps kernels as (in,
 * gates * units), the gates of an LSTM as i f c o, of a GRU as z r h; ONNX wants (gates * units,
 * in), i o f c and z r h.
 *
 * Steps that do not count are taken out before: the others move to the front, run as a sequence of
 * their number, and move back; where a step did not count the output is that of the last one that
 * did, zeros before the first. */
#include "base/text.h"
#include "importers/keras/recurrent.h"

enum { GATES_MAX = 4 };

/* --- weights --- */

/* (rows, gates * units) -> (1, gates * units, rows), the gates in ONNX's order. */
static enum status gates_turn(struct recurrent *n, const struct tensor *stored,
                              struct tensor *turned, struct error *err)
{
    size_t rows = (size_t)stored->shape.dims[0], units = (size_t)n->units;
    size_t columns = (size_t)n->kind->gates * units;
    struct shape shape = SHAPE(1, (int64_t)columns, (int64_t)rows);
    size_t item = dtype_size(n->c->dtype);
    const char *from = stored->data;
    char *to;

    if ((size_t)stored->shape.dims[1] != columns)
        return error_set(err, STATUS_INVALID_INPUT, "its kernel has %lld columns, not %zu",
                         (long long)stored->shape.dims[1], columns);
    TRY(tensor_new(turned, n->c->dtype, &shape, n->c->k->keep, err));
    to = turned->data;
    for (int g = 0; g < n->kind->gates; g++)
        for (size_t u = 0; u < units; u++)
            for (size_t i = 0; i < rows; i++, to += item)
                memcpy(to, from + (i * columns + (size_t)n->kind->order[g] * units + u) * item,
                       item);
    return STATUS_OK;
}

/* Biases of the input and of the state: (gates * units,), (2, gates * units) or (2 * gates *
 * units,). */
static enum status bias_turn(struct recurrent *n, const struct tensor *stored, struct error *err)
{
    size_t units = (size_t)n->units, all = (size_t)n->kind->gates * units;
    size_t count = tensor_count(stored);
    struct shape shape = SHAPE(1, 2 * (int64_t)all);
    size_t gate = units * dtype_size(n->c->dtype);
    const char *from = stored->data;
    char *to;

    if (count != all && count != 2 * all)
        return error_set(err, STATUS_INVALID_INPUT, "its bias has %zu values, not %zu", count, all);
    n->reset_after = n->reset_after || (count == 2 * all && n->kind->gates == 3);
    TRY(tensor_new(&n->b, n->c->dtype, &shape, n->c->k->keep, err));
    to = n->b.data;
    for (size_t half = 0; half * all < count; half++)
        for (size_t g = 0; g < (size_t)n->kind->gates; g++)
            memcpy(to + (half * (size_t)n->kind->gates + g) * gate,
                   from + (half * (size_t)n->kind->gates + (size_t)n->kind->order[g]) * gate, gate);
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
    struct tensor parts[3];

    if (n->c->k->generation == 1 && n->kind->gates > 1) {
        TRY(weights_join(n, parts, err));
    } else {
        TRY(weight_take(n->c, "kernel", 2, &parts[0], err));
        TRY(weight_take(n->c, "recurrent kernel", 2, &parts[1], err));
        if (biased)
            TRY(weight_take(n->c, "bias", -1, &parts[2], err));
    }
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
    TRY(emit_where(e, n->mask, packing->place, steps, &slot, err));
    TRY(spread(n, slot, n->x, &wide, err));
    TRY(emit_number(e, emit_dtype(e, n->x), 0, &zeros, err));
    TRY(emit_1(e, "Shape", n->x, &shape, err));
    TRY(emit_2(e, "Expand", zeros, shape, &zeros, err));
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
    TRY(emit_cast(e, some, emit_dtype(e, *y), &some, err));
    TRY(emit_unsqueeze(e, some, 2, &some, err));
    return emit_2(e, "Mul", *y, some, y, err);
}

/* --- the operator --- */

/* The names, and the numbers of those that have some. */
struct activations {
    struct bytes names[3];
    double alphas[3], betas[3];
    size_t count, alpha_count, beta_count;
};

static void activation_add(struct activations *a, const struct recurrent_activation *added)
{
    a->names[a->count++] = bytes_of(added->name);
    if (added->numbers > 0)
        a->alphas[a->alpha_count++] = added->alpha;
    if (added->numbers > 1)
        a->betas[a->beta_count++] = added->beta;
}

static enum status activations_of(struct recurrent *n, struct activations *all,
                                  struct attribute attributes[3], struct error *err)
{
    struct call *c = n->c;
    struct recurrent_activation gate, cell;

    *all = (struct activations){0};
    TRY(activation_recurrent(c, n->kind->cudnn ? NULL : config_get(c, "activation", NULL), "tanh",
                             &cell, err));
    if (n->kind->recurrent) {
        const struct json *given = config_get(c, "recurrent_activation", NULL);

        if (!given)
            given = config_get(c, "inner_activation", NULL);
        TRY(activation_recurrent(c, n->kind->cudnn ? NULL : given,
                                 c->k->generation == 1 ? "hard_sigmoid" : n->kind->recurrent, &gate,
                                 err));
        activation_add(all, &gate);
    }
    while (all->count < (n->kind->gates == 4 ? 3u : n->kind->gates == 3 ? 2u : 1u))
        activation_add(all, &cell);
    attributes[0] = (struct attribute){.name = "activations",
                                       .kind = ATTRIBUTE_STRINGS,
                                       .count = all->count,
                                       .strings = all->names};
    attributes[1] = (struct attribute){.name = "activation_alpha",
                                       .kind = ATTRIBUTE_FLOATS,
                                       .count = all->alpha_count,
                                       .floats = all->alphas};
    attributes[2] = (struct attribute){.name = "activation_beta",
                                       .kind = ATTRIBUTE_FLOATS,
                                       .count = all->beta_count,
                                       .floats = all->betas};
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
    struct activations activations;
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
    TRY(activations_of(n, &activations, &attributes[count], err));
    count += 3;
    TRY(emit(e, "", n->kind->op, in, in_count, attributes, count, out, 1 + (size_t)n->kind->states,
             err));
    TRY(emit_squeeze(e, out[0], 1, y, err));
    TRY(emit_transpose(e, *y, (const int64_t[]){1, 0, 2}, 3, y, err));
    for (int s = 0; s < n->kind->states; s++)
        TRY(emit_squeeze(e, out[1 + s], 0, &states[s], err));
    return STATUS_OK;
}

/* --- the whole --- */

static enum status reverse(struct recurrent *n, value_id *x, struct error *err)
{
    return emit_slice(n->c->e, *x, 1, INT64_MAX, INT64_MIN, -1, x, err);
}

/* Where no step counts the output is zero; the states stay what they were. */
static enum status last_output(struct recurrent *n, value_id state, value_id *y, struct error *err)
{
    const struct emitter *e = n->c->e;
    int64_t steps = 1;
    value_id counts;

    *y = state;
    if (n->mask == VALUE_NONE ||
        ((n->initial[0] == VALUE_NONE || n->c->k->generation > 2) && !n->zeros))
        return STATUS_OK;
    if (n->zeros) {
        TRY(emit_slice(e, n->mask, 1, -1, INT64_MAX, 1, &counts, err));
        TRY(emit_cast(e, counts, emit_dtype(e, state), &counts, err));
    } else {
        TRY(emit_cast(e, n->mask, emit_dtype(e, state), &counts, err));
        TRY(emit_reduce(e, "ReduceMax", counts, &steps, 1, true, &counts, err));
    }
    return emit_2(e, "Mul", state, counts, y, err);
}

enum status recurrent_emit(struct recurrent *n, value_id *y, value_id *states, struct error *err)
{
    struct shape shape = *emit_shape(n->c->e, n->x); /* of y, which packing hides */
    value_id lengths = VALUE_NONE;
    struct packing packing;

    if (n->units < 1 || n->units > 1 << 24)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld units", (long long)n->units);
    TRY(weights_read(n, err));
    if (n->mask != VALUE_NONE) {
        if (emit_shape(n->c->e, n->mask)->rank != 2)
            return error_set(err, STATUS_UNSUPPORTED, "its mask has %d dimensions",
                             emit_shape(n->c->e, n->mask)->rank);
        TRY(emit_cast(n->c->e, n->mask, DTYPE_BOOL, &n->mask, err));
    }
    if (n->backwards) {
        TRY(reverse(n, &n->x, err));
        if (n->mask != VALUE_NONE)
            TRY(reverse(n, &n->mask, err));
    }
    if (n->mask != VALUE_NONE) {
        TRY(pack(n, &packing, err));
        lengths = packing.lengths;
    }
    TRY(operator_emit(n, lengths, y, states, err));
    if (!n->sequences)
        return last_output(n, states[0], y, err);
    if (n->mask == VALUE_NONE)
        return STATUS_OK;
    TRY(unpack(n, &packing, y, err));
    shape.dims[2] = n->units;
    return graph_declare(n->c->e->graph, *y, n->c->dtype, &shape, err);
}
