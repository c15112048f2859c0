// SPDX-License-Identifier: Apache-2.0
/* ConvLSTM1D, 2D, 3D: an LSTM whose products are convolutions, as a loop over its steps. Gates
 * stand as i f c o. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { GATES = 4, SPATIAL_MAX = 3, SIZE_LIMIT = 1 << 24 };

struct convolution_lstm {
    struct call *c;
    int spatial;
    bool first;
    int64_t filters, kernel[SPATIAL_MAX], strides[SPATIAL_MAX], dilations[SPATIAL_MAX];
    struct tensor w, r, bias; /* (4 filters, in, kernel...) */
    bool has_bias, same;
    value_id constants[3]; /* of the loop */
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

/* The sizes are calculated with. */
static enum status sizes_check(const struct convolution_lstm *n, struct error *err)
{
    const int64_t *lists[] = {n->kernel, n->strides, n->dilations};

    if (n->filters < 1 || n->filters > SIZE_LIMIT)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld filters", (long long)n->filters);
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        for (int d = 0; d < n->spatial; d++)
            if (lists[i][d] < 1 || lists[i][d] > SIZE_LIMIT)
                return error_set(err, STATUS_INVALID_INPUT,
                                 "its kernel, strides or dilation hold %lld",
                                 (long long)lists[i][d]);
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
    TRY(sizes_check(n, err));
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
    return STATUS_OK;
}

static enum status constants_emit(struct convolution_lstm *n, struct error *err)
{
    const struct emitter *e = n->c->e;

    TRY(emit_constant(e, &n->w, &n->constants[0], err));
    TRY(emit_constant(e, &n->r, &n->constants[1], err));
    n->constants[2] = VALUE_NONE;
    return n->has_bias ? emit_constant(e, &n->bias, &n->constants[2], err) : STATUS_OK;
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

struct state {
    value_id h, cell;
    value_id output; /* of the last step that counted, zero before; VALUE_NONE: all steps count */
};

/* c' = f c + i g; h' = o activation(c'). */
static enum status step(const struct convolution_lstm *n, value_id x, struct state *s,
                        struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id z, r, i, f, g, o;

    TRY(convolve(n, x, false, &z, err));
    TRY(convolve(n, s->h, true, &r, err));
    TRY(emit_2(e, "Add", z, r, &z, err));
    TRY(gate(n, z, 0, "recurrent_activation", &i, err));
    TRY(gate(n, z, 1, "recurrent_activation", &f, err));
    TRY(gate(n, z, 2, "activation", &g, err));
    TRY(gate(n, z, 3, "recurrent_activation", &o, err));
    TRY(emit_2(e, "Mul", i, g, &g, err));
    TRY(emit_2(e, "Mul", f, s->cell, &f, err));
    TRY(emit_2(e, "Add", f, g, &s->cell, err));
    TRY(activation_emit(n->c, config_get(n->c, "activation", NULL), s->cell, &g, err));
    return emit_2(e, "Mul", o, g, &s->h, err);
}

/* A step that does not count leaves the state as it was before. */
static enum status hold(const struct convolution_lstm *n, value_id counts, value_id before,
                        value_id *state, struct error *err)
{
    return emit_where(n->c->e, counts, *state, before, state, err);
}

/* The same of all states, where the mask (batch,) says so; or zeros for the output. */
static enum status hold_all(const struct convolution_lstm *n, value_id counts,
                            const struct state *before, struct state *s, struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id otherwise = before->output;

    TRY(emit_cast(e, counts, DTYPE_BOOL, &counts, err));
    for (int d = 0; d <= n->spatial; d++)
        TRY(emit_unsqueeze(e, counts, d + 1, &counts, err));
    s->output = s->h;
    if (config_bool_or(n->c, "zero_output_for_mask", NULL, false))
        TRY(emit_number(e, n->c->dtype, 0, &otherwise, err));
    TRY(hold(n, counts, otherwise, &s->output, err));
    TRY(hold(n, counts, before->h, &s->h, err));
    return hold(n, counts, before->cell, &s->cell, err);
}

/* The sides of a state, from those of the input: numbers, or -1. */
static void sides_of(const struct convolution_lstm *n, const struct shape *x, struct shape *state,
                     int64_t added[SPATIAL_MAX])
{
    int in = n->first ? 3 : 2, out = n->first ? 2 : 1;

    *state = *x;
    state->rank = n->spatial + 2;
    state->dims[n->first ? 1 : n->spatial + 1] = n->filters;
    for (int d = 0; d < n->spatial; d++) {
        added[d] = n->strides[d] - (n->same ? 1 : n->dilations[d] * (n->kernel[d] - 1) + 1);
        state->dims[out + d] =
            x->dims[in + d] < 0 ? DIM_UNKNOWN : (x->dims[in + d] + added[d]) / n->strides[d];
    }
}

/* Zeros (batch, filters and sides). */
static enum status zeros_emit(const struct convolution_lstm *n, value_id *zeros, struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id x = n->c->in[0].value, sizes, batch, sides, added, strides, maps, shape;
    int64_t numbers[SPATIAL_MAX];
    struct shape known;

    sides_of(n, emit_shape(e, x), &known, numbers);
    TRY(emit_1(e, "Shape", x, &sizes, err));
    TRY(emit_slice(e, sizes, 0, 0, 1, 1, &batch, err));
    TRY(emit_slice(e, sizes, 0, n->first ? 3 : 2, (n->first ? 3 : 2) + n->spatial, 1, &sides, err));
    TRY(emit_ints(e, numbers, (size_t)n->spatial, &added, err));
    TRY(emit_ints(e, n->strides, (size_t)n->spatial, &strides, err));
    TRY(emit_2(e, "Add", sides, added, &sides, err));
    TRY(emit_2(e, "Div", sides, strides, &sides, err));
    TRY(EMIT_INTS(e, &maps, err, n->filters));
    TRY(emit_concat(e, n->first ? EMIT(batch, maps, sides) : EMIT(batch, sides, maps), 0, &shape,
                    err));
    TRY(emit_number(e, n->c->dtype, 0, zeros, err));
    TRY(emit_2(e, "Expand", *zeros, shape, zeros, err));
    return graph_declare(e->graph, *zeros, n->c->dtype, &known, err);
}

static enum status initial_read(const struct convolution_lstm *n, struct state *s,
                                struct error *err)
{
    const struct call *c = n->c;
    const struct keras_tensor *h = call_tensor(c, 1, "initial_state", 0);
    const struct keras_tensor *cell = call_tensor(c, 1, "initial_state", 1);

    if (!h && c->in_count == 3) {
        h = &c->in[1];
        cell = &c->in[2];
    }
    if (!h && c->in_count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu inputs", c->in_count);
    if (h && !cell)
        return error_set(err, STATUS_UNSUPPORTED, "has one initial state of two");
    s->output = VALUE_NONE;
    if (!h || call_steps_mask(c) != VALUE_NONE)
        TRY(zeros_emit(n, &s->output, err));
    s->h = h ? h->value : s->output;
    s->cell = h ? cell->value : s->output;
    return STATUS_OK;
}

/* In: the initial states. Out: the last ones. */
static enum status loop(struct convolution_lstm *n, bool sequences, struct state *s, value_id *y,
                        struct error *err)
{
    value_id mask = call_steps_mask(n->c), x, counts, results[4], made[4];
    bool masked = mask != VALUE_NONE;
    size_t states = masked ? 3 : 2;
    struct state before;
    struct scan scan;

    TRY(scan_open(n->c, &scan, err));
    TRY(scan_state(n->c, &scan, s->h, &before.h, err));
    TRY(scan_state(n->c, &scan, s->cell, &before.cell, err));
    if (masked)
        TRY(scan_state(n->c, &scan, s->output, &before.output, err));
    TRY(scan_steps(n->c, &scan, n->c->in[0].value, &x, err));
    if (masked)
        TRY(scan_steps(n->c, &scan, mask, &counts, err));
    TRY(constants_emit(n, err));
    *s = before;
    TRY(step(n, x, s, err));
    if (masked)
        TRY(hold_all(n, counts, &before, s, err));
    made[0] = s->h;
    made[1] = s->cell;
    made[2] = made[states] = masked ? s->output : s->h;
    TRY(scan_close(n->c, &scan, config_bool_or(n->c, "go_backwards", NULL, false), made,
                   states + sequences, results, err));
    *s = (struct state){results[0], results[1], results[masked ? 2 : 0]};
    *y = sequences ? results[states] : s->output;
    return STATUS_OK;
}

static enum status convolution_lstm(struct call *c, int spatial, struct error *err)
{
    bool sequences = config_bool_or(c, "return_sequences", NULL, false);
    struct convolution_lstm n = {.c = c, .spatial = spatial};
    struct state s;
    value_id y;
    int rank;

    if (!config_get(c, "activation", NULL) ||
        (!config_get(c, "recurrent_activation", NULL) && !config_get(c, "inner_activation", NULL)))
        return error_set(err, STATUS_UNSUPPORTED, "does not state its activations");
    TRY(call_rank(c, 0, &rank, err));
    if (rank != spatial + 3)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions, not %d", rank,
                         spatial + 3);
    if (config_bool_or(c, "stateful", NULL, false))
        TRY(call_stateful(c, err));
    TRY(read(&n, err));
    TRY(initial_read(&n, &s, err));
    TRY(loop(&n, sequences, &s, &y, err));
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
