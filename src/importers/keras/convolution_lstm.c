// SPDX-License-Identifier: Apache-2.0
/* ConvLSTM2D: an LSTM whose products are convolutions. The steps must be a known number: they are
 * written one behind another. Gates stand as i f c o. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { STEPS_MAX = 512, GATES = 4 };

struct convolution_lstm {
    struct call *c;
    bool first;
    int64_t filters, kernel[2], strides[2], dilations[2], steps;
    struct tensor w, r, bias; /* (4 filters, in, rows, columns) */
    bool has_bias, same;
    value_id constants[3];
};

static enum status kernel_turn(struct call *c, struct tensor *kernel, const char *what,
                               struct error *err)
{
    static const int PERM[] = {3, 2, 0, 1};
    struct tensor stored;

    TRY(weight_take(c, what, 4, &stored, err));
    return tensor_permute(&stored, PERM, kernel, c->k->keep, err);
}

static enum status read(struct convolution_lstm *n, struct error *err)
{
    struct call *c = n->c;
    struct weights cell, *own = c->weights;
    struct bytes padding = config_text_or(c, "padding", "border_mode", "valid");

    n->first = config_channels_first(c, 2);
    n->same = bytes_is(padding, "same");
    n->has_bias = config_bool_or(c, "use_bias", NULL, true);
    if (!n->same && !bytes_is(padding, "valid"))
        return error_set(err, STATUS_UNSUPPORTED, "its padding is not supported");
    TRY(config_int(c, "filters", "nb_filter", &n->filters, err));
    TRY(config_ints(c, "kernel_size", 2, 1, n->kernel, err));
    TRY(config_ints(c, "strides", 2, 1, n->strides, err));
    TRY(config_ints(c, "dilation_rate", 2, 1, n->dilations, err));
    TRY(call_dim(c, 0, 1, &n->steps, err));
    if (n->steps < 1 || n->steps > STEPS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has %lld steps", (long long)n->steps);
    TRY(weights_part(c->k, own, "cell", &cell, err));
    c->weights = &cell;
    TRY(kernel_turn(c, &n->w, "kernel", err));
    TRY(kernel_turn(c, &n->r, "recurrent kernel", err));
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
    static const int64_t ONE[2] = {1, 1}, NONE[4] = {0};
    value_id inputs[3] = {x, n->constants[state], state ? VALUE_NONE : n->constants[2]};
    struct attribute attributes[] = {
        attribute_of_ints("kernel_shape", n->kernel, 2),
        attribute_of_ints("strides", state ? ONE : n->strides, 2),
        attribute_of_ints("dilations", state ? ONE : n->dilations, 2),
        state || n->same ? attribute_of_text("auto_pad", "SAME_UPPER")
                         : attribute_of_ints("pads", NONE, 4),
    };

    return emit_image(n->c->e, "Conv", n->first, inputs, inputs[2] == VALUE_NONE ? 2 : 3,
                      attributes, ARRAY_COUNT(attributes), y, err);
}

static enum status gate(const struct convolution_lstm *n, value_id z, int index,
                        const char *activation, value_id *y, struct error *err)
{
    const struct json *given = json_get(n->c->config, activation);

    if (!given && !strcmp(activation, "recurrent_activation"))
        given = json_get(n->c->config, "inner_activation");
    TRY(emit_slice(n->c->e, z, n->first ? 1 : 3, index * n->filters, (index + 1) * n->filters, 1, y,
                   err));
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
    TRY(activation_emit(n->c, json_get(n->c->config, "activation"), g, &g, err));
    return emit_2(e, "Mul", o, g, h, err);
}

static enum status convolution_lstm(struct call *c, struct error *err)
{
    bool backwards = config_bool_or(c, "go_backwards", NULL, false);
    bool sequences = config_bool_or(c, "return_sequences", NULL, false);
    struct convolution_lstm n = {.c = c};
    value_id h = VALUE_NONE, cell = VALUE_NONE, x, outputs[STEPS_MAX], y;

    TRY(call_wants(c, 1, err));
    if (c->in[0].mask != VALUE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "a mask");
    if (!json_get(c->config, "activation") ||
        (!json_get(c->config, "recurrent_activation") && !json_get(c->config, "inner_activation")))
        return error_set(err, STATUS_UNSUPPORTED, "does not state its activations");
    TRY(read(&n, err));
    for (int64_t s = 0; s < n.steps; s++) {
        int64_t at = backwards ? n.steps - 1 - s : s;

        TRY(emit_slice(c->e, c->in[0].value, 1, at, at + 1, 1, &x, err));
        TRY(emit_squeeze(c->e, x, 1, &x, err));
        TRY(step(&n, x, &h, &cell, err));
        if (sequences)
            TRY(emit_unsqueeze(c->e, h, 1, &outputs[s], err));
    }
    y = h;
    if (sequences)
        TRY(emit_concat(c->e, (struct emit_inputs){outputs, (size_t)n.steps}, 1, &y, err));
    TRY(call_add(c, y, VALUE_NONE, err));
    if (!config_bool_or(c, "return_state", NULL, false))
        return STATUS_OK;
    TRY(call_add(c, h, VALUE_NONE, err));
    return call_add(c, cell, VALUE_NONE, err);
}

const struct layer_set layers_convolution_lstm =
    LAYER_SET({.name = "ConvLSTM2D", .lower = convolution_lstm}, );
