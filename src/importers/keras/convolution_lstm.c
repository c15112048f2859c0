// SPDX-License-Identifier: Apache-2.0
/* ConvLSTM1D, 2D, 3D: an LSTM whose products are convolutions. The steps must be a known number:
 * they are written one behind another. Gates stand as i f c o. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { STEPS_MAX = 512, GATES = 4, SPATIAL_MAX = 3 };

struct convolution_lstm {
    struct call *c;
    int spatial;
    bool first;
    int64_t filters, kernel[SPATIAL_MAX], strides[SPATIAL_MAX], dilations[SPATIAL_MAX], steps;
    struct tensor w, r, bias; /* (4 filters, in, kernel...) */
    bool has_bias, same;
    value_id constants[3];
};

static enum status kernel_turn(struct convolution_lstm *n, struct tensor *kernel, const char *what,
                               struct error *err)
{
    int perm[SPATIAL_MAX + 2] = {n->spatial + 1, n->spatial};
    struct tensor stored;

    for (int i = 0; i < n->spatial; i++)
        perm[i + 2] = i;
    TRY(weight_take(n->c, what, n->spatial + 2, &stored, err));
    TRY(tensor_permute(&stored, perm, kernel, n->c->k->keep, err));
    for (int i = 0; i < n->spatial; i++)
        if (kernel->shape.dims[i + 2] != n->kernel[i])
            return error_set(err, STATUS_INVALID_INPUT, "its %s is of another size", what);
    return STATUS_OK;
}

static enum status read(struct convolution_lstm *n, struct error *err)
{
    struct call *c = n->c;
    struct weights cell, *own = c->weights;
    struct bytes padding = config_text_or(c, "padding", "border_mode", "valid");

    n->first = config_channels_first(c, n->spatial);
    n->same = bytes_is(padding, "same");
    n->has_bias = config_bool_or(c, "use_bias", NULL, true);
    if (!n->same && !bytes_is(padding, "valid"))
        return error_set(err, STATUS_UNSUPPORTED, "its padding is not supported");
    TRY(config_int(c, "filters", "nb_filter", &n->filters, err));
    TRY(config_ints(c, "kernel_size", (size_t)n->spatial, 1, n->kernel, err));
    TRY(config_ints(c, "strides", (size_t)n->spatial, 1, n->strides, err));
    TRY(config_ints(c, "dilation_rate", (size_t)n->spatial, 1, n->dilations, err));
    TRY(call_dim(c, 0, 1, &n->steps, err));
    if (n->steps < 1 || n->steps > STEPS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has %lld steps", (long long)n->steps);
    TRY(weights_part(c->k, own, "cell", &cell, err));
    c->weights = &cell;
    TRY(kernel_turn(n, &n->w, "kernel", err));
    TRY(kernel_turn(n, &n->r, "recurrent kernel", err));
    if (n->has_bias)
        TRY(weight_take(c, "bias", 1, &n->bias, err));
    c->weights = own;
    weights_part_end(own, &cell);
    if (n->w.shape.dims[0] != GATES * n->filters || n->r.shape.dims[0] != GATES * n->filters)
        return error_set(err, STATUS_INVALID_INPUT, "its kernel has %lld maps, not %lld",
                         (long long)n->w.shape.dims[0], (long long)(GATES * n->filters));
    TRY(emit_constant(c->e, &n->w, &n->constants[0], err));
    TRY(emit_constant(c->e, &n->r, &n->constants[1], err));
    n->constants[2] = VALUE_NONE;
    return n->has_bias ? emit_constant(c->e, &n->bias, &n->constants[2], err) : STATUS_OK;
}

/* The convolution of the input has stride, dilation and padding; that of the state none and "same".
 */
static enum status convolve(const struct convolution_lstm *n, value_id x, bool state, value_id *y,
                            struct error *err)
{
    static const int64_t ONE[SPATIAL_MAX] = {1, 1, 1}, NONE[2 * SPATIAL_MAX] = {0};
    size_t spatial = (size_t)n->spatial;
    value_id inputs[3] = {x, n->constants[state], state ? VALUE_NONE : n->constants[2]};
    struct attribute attributes[] = {
        attribute_of_ints("kernel_shape", n->kernel, spatial),
        attribute_of_ints("strides", state ? ONE : n->strides, spatial),
        attribute_of_ints("dilations", state ? ONE : n->dilations, spatial),
        state || n->same ? attribute_of_text("auto_pad", "SAME_UPPER")
                         : attribute_of_ints("pads", NONE, 2 * spatial),
    };

    return emit_image(n->c->e, "Conv", n->first, inputs, inputs[2] == VALUE_NONE ? 2 : 3,
                      attributes, ARRAY_COUNT(attributes), y, err);
}

static enum status gate(const struct convolution_lstm *n, value_id z, int index,
                        const char *activation, value_id *y, struct error *err)
{
    const struct json *given = config_get(n->c, activation, NULL);

    if (!given && !strcmp(activation, "recurrent_activation"))
        given = config_get(n->c, "inner_activation", NULL);
    TRY(emit_slice(n->c->e, z, n->first ? 1 : n->spatial + 1, index * n->filters,
                   (index + 1) * n->filters, 1, y, err));
    return activation_emit(n->c, given, *y, y, err);
}

/* c' = f c + i g; h' = o activation(c'). */
static enum status step(const struct convolution_lstm *n, value_id x, value_id *h, value_id *cell,
                        struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id z, i, f, g, o, r;

    TRY(convolve(n, x, false, &z, err));
    if (*h != VALUE_NONE) {
        TRY(convolve(n, *h, true, &r, err));
        TRY(emit_2(e, "Add", z, r, &z, err));
    }
    TRY(gate(n, z, 0, "recurrent_activation", &i, err));
    TRY(gate(n, z, 2, "activation", &g, err));
    TRY(gate(n, z, 3, "recurrent_activation", &o, err));
    TRY(emit_2(e, "Mul", i, g, &g, err));
    if (*cell != VALUE_NONE) {
        TRY(gate(n, z, 1, "recurrent_activation", &f, err));
        TRY(emit_2(e, "Mul", f, *cell, &f, err));
        TRY(emit_2(e, "Add", f, g, &g, err));
    }
    *cell = g;
    TRY(activation_emit(n->c, config_get(n->c, "activation", NULL), g, &g, err));
    return emit_2(e, "Mul", o, g, h, err);
}

/* What a step that does not count leaves: the state before it, or zeros before the first. */
static enum status hold(const struct convolution_lstm *n, value_id counts, value_id before,
                        value_id *state, struct error *err)
{
    const struct emitter *e = n->c->e;

    if (before == VALUE_NONE)
        TRY(emit_number(e, emit_dtype(e, *state), 0, &before, err));
    return emit_node(e, "", "Where", EMIT(counts, *state, before), EMIT_PLAIN, state, err);
}

/* Column `at` of the mask as (batch, 1, ...). */
static enum status mask_step(const struct convolution_lstm *n, int64_t at, value_id *counts,
                             struct error *err)
{
    const struct emitter *e = n->c->e;

    TRY(emit_cast(e, call_steps_mask(n->c), DTYPE_BOOL, counts, err));
    TRY(emit_slice(e, *counts, 1, at, at + 1, 1, counts, err));
    for (int d = 0; d < n->spatial; d++)
        TRY(emit_unsqueeze(e, *counts, 2, counts, err));
    return STATUS_OK;
}

struct state {
    value_id h, cell, output; /* the output is zero before the first step that counts */
};

static enum status run_step(const struct convolution_lstm *n, int64_t at, struct state *s,
                            struct error *err)
{
    const struct emitter *e = n->c->e;
    struct state before = *s;
    value_id x, counts;

    TRY(emit_slice(e, n->c->in[0].value, 1, at, at + 1, 1, &x, err));
    TRY(emit_squeeze(e, x, 1, &x, err));
    TRY(step(n, x, &s->h, &s->cell, err));
    s->output = s->h;
    if (call_steps_mask(n->c) == VALUE_NONE)
        return STATUS_OK;
    TRY(mask_step(n, at, &counts, err));
    TRY(hold(n, counts,
             config_bool_or(n->c, "zero_output_for_mask", NULL, false) ? VALUE_NONE : before.output,
             &s->output, err));
    TRY(hold(n, counts, before.h, &s->h, err));
    return hold(n, counts, before.cell, &s->cell, err);
}

static enum status initial_read(const struct call *c, struct state *s, struct error *err)
{
    const struct keras_tensor *h = call_tensor(c, 1, "initial_state", 0);
    const struct keras_tensor *cell = call_tensor(c, 1, "initial_state", 1);

    *s = (struct state){VALUE_NONE, VALUE_NONE, VALUE_NONE};
    if (!h && c->in_count == 3) {
        h = &c->in[1];
        cell = &c->in[2];
    }
    if (!h && c->in_count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu inputs", c->in_count);
    if (h && !cell)
        return error_set(err, STATUS_UNSUPPORTED, "has one initial state of two");
    if (h)
        *s = (struct state){h->value, cell->value, VALUE_NONE};
    return STATUS_OK;
}

static enum status convolution_lstm(struct call *c, int spatial, struct error *err)
{
    bool backwards = config_bool_or(c, "go_backwards", NULL, false);
    bool sequences = config_bool_or(c, "return_sequences", NULL, false);
    struct convolution_lstm n = {.c = c, .spatial = spatial};
    value_id outputs[STEPS_MAX], y;
    struct state s;

    if (!config_get(c, "activation", NULL) ||
        (!config_get(c, "recurrent_activation", NULL) && !config_get(c, "inner_activation", NULL)))
        return error_set(err, STATUS_UNSUPPORTED, "does not state its activations");
    TRY(initial_read(c, &s, err));
    TRY(read(&n, err));
    for (int64_t i = 0; i < n.steps; i++) {
        TRY(run_step(&n, backwards ? n.steps - 1 - i : i, &s, err));
        if (sequences)
            TRY(emit_unsqueeze(c->e, s.output, 1, &outputs[i], err));
    }
    y = s.output;
    if (sequences)
        TRY(emit_concat(c->e, (struct emit_inputs){outputs, (size_t)n.steps}, 1, &y, err));
    TRY(call_add(c, y, sequences ? c->in[0].mask : VALUE_NONE, err));
    if (!config_bool_or(c, "return_state", NULL, false))
        return STATUS_OK;
    TRY(call_add(c, s.h, VALUE_NONE, err));
    return call_add(c, s.cell, VALUE_NONE, err);
}

#define LAYER(n)                                                                                   \
    static enum status convolution_lstm_##n(struct call *c, struct error *err)                     \
    {                                                                                              \
        return convolution_lstm(c, n, err);                                                        \
    }
LAYER(1)
LAYER(2)
LAYER(3)

const struct layer_set layers_convolution_lstm = LAYER_SET(
    {.name = "ConvLSTM1D", .lower = convolution_lstm_1, .keywords = true, .mask_place = 2},
    {.name = "ConvLSTM2D", .lower = convolution_lstm_2, .keywords = true, .mask_place = 2},
    {.name = "ConvLSTM3D", .lower = convolution_lstm_3, .keywords = true, .mask_place = 2}, );
