// SPDX-License-Identifier: Apache-2.0
/* SimpleRNN, LSTM, GRU; RNN with their cells, alone or one on another. */
#include "importers/keras/recurrent.h"

#include "base/text.h"

enum { CELLS_MAX = LAYER_OUTPUTS_MAX - 1 };

static const struct recurrent_class {
    const char *layer, *cell;
    struct recurrent_kind kind;
} CLASSES[] = {
    {"SimpleRNN", "SimpleRNNCell", {"RNN", 1, {0}, 1, NULL, false}},
    {"LSTM", "LSTMCell", {"LSTM", 4, {0, 3, 1, 2}, 2, "sigmoid", false}},
    {"GRU", "GRUCell", {"GRU", 3, {0, 1, 2}, 1, "sigmoid", false}},
    {"CuDNNLSTM", NULL, {"LSTM", 4, {0, 3, 1, 2}, 2, "sigmoid", true}},
    {"CuDNNGRU", NULL, {"GRU", 3, {0, 1, 2}, 1, "sigmoid", true}},
};

const struct recurrent_kind *recurrent_kind_find(struct bytes class_name)
{
    for (size_t i = 0; i < ARRAY_COUNT(CLASSES); i++)
        if (bytes_is(class_name, CLASSES[i].layer) ||
            (CLASSES[i].cell && bytes_is(class_name, CLASSES[i].cell)))
            return &CLASSES[i].kind;
    return NULL;
}

/* --- what a layer says, whatever its cells --- */

struct options {
    bool backwards, sequences, states, zeros;
    value_id x, mask;
    const struct keras_tensor *initial; /* of all cells, in order */
    size_t initial_count;
};

/* Initial states are a keyword, or follow the input. */
static enum status initial_read(const struct call *c, struct options *o, struct error *err)
{
    const struct argument *given = call_argument(c, call_place(c, 1), "initial_state");

    if (given && given->count) {
        o->initial = &c->tensors[given->first];
        o->initial_count = given->count;
    } else if (c->in_count > 1) {
        o->initial = c->in + 1;
        o->initial_count = c->in_count - 1;
    }
    if (config_get(c, "num_constants", NULL) && config_int_or(c, "num_constants", 0))
        return error_set(err, STATUS_UNSUPPORTED, "its 'num_constants' is not supported");
    return STATUS_OK;
}

static enum status options_read(struct call *c, struct options *o, struct error *err)
{
    int rank;

    *o = (struct options){
        .backwards = config_bool_or(c, "go_backwards", NULL, false),
        .sequences = config_bool_or(c, "return_sequences", NULL, false),
        .states = config_bool_or(c, "return_state", NULL, false),
        .zeros = config_bool_or(c, "zero_output_for_mask", NULL, false),
        .x = c->in[0].value,
        .mask = call_steps_mask(c),
    };
    TRY(config_refuse(c, "time_major", err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank != 3)
        return error_set(err, STATUS_UNSUPPORTED, "its input has %d dimensions, not 3", rank);
    TRY(initial_read(c, o, err));
    return config_bool_or(c, "stateful", NULL, false) ? call_stateful(c, err) : STATUS_OK;
}

/* --- one cell --- */

/* c's config and weights are the cell's. States begin at `*used` of those that are given. */
static enum status cell_emit(struct call *c, const struct recurrent_kind *kind,
                             const struct options *o, size_t *used, value_id *x, value_id *states,
                             value_id *mask, struct error *err)
{
    struct recurrent n = {
        .c = c,
        .kind = kind,
        .backwards = o->backwards,
        .sequences = o->sequences,
        .reset_after = config_bool_or(c, "reset_after", NULL, false),
        .zeros = o->zeros,
        .x = *x,
        .mask = *mask,
        .initial = {VALUE_NONE, VALUE_NONE},
    };

    TRY(config_int(c, "units", "output_dim", &n.units, err));
    for (int s = 0; s < kind->states && o->initial_count; s++) {
        if (*used == o->initial_count)
            return error_set(err, STATUS_INVALID_INPUT, "has %zu initial states", o->initial_count);
        n.initial[s] = o->initial[(*used)++].value;
    }
    TRY(recurrent_emit(&n, x, states, err));
    *mask = n.mask;
    return STATUS_OK;
}

static enum status give(struct call *c, const struct options *o, value_id y, value_id mask,
                        const value_id *states, size_t count, struct error *err)
{
    TRY(call_add(c, y, o->sequences ? mask : VALUE_NONE, err));
    for (size_t s = 0; o->states && s < count; s++)
        TRY(call_add(c, states[s], VALUE_NONE, err));
    return STATUS_OK;
}

static enum status recurrent(struct call *c, struct error *err)
{
    const struct recurrent_kind *kind = recurrent_kind_find(bytes_of(c->class_name));
    struct weights cell, *own = c->weights;
    value_id states[STATES_MAX], y, mask;
    struct options o;
    size_t used = 0;

    TRY(options_read(c, &o, err));
    y = o.x;
    mask = o.mask;
    TRY(weights_part(c->k, own, "cell", &cell, err));
    c->weights = &cell;
    TRY(cell_emit(c, kind, &o, &used, &y, states, &mask, err));
    c->weights = own;
    weights_part_end(own, &cell);
    if (used != o.initial_count)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu initial states", o.initial_count);
    /* the mask that goes on is that of the input, whatever the direction */
    return give(c, &o, y, c->in[0].mask, states, (size_t)kind->states, err);
}

/* --- RNN --- */

/* Cells one on another are layers one on another: what does not count changes no state of any. */
struct cells {
    const struct json *items[CELLS_MAX];
    size_t count;
    bool stacked;
};

static enum status cells_read(const struct call *c, struct cells *cells, struct error *err)
{
    const struct json *cell = config_get(c, "cell", NULL);
    const struct json *list = json_get(json_get(cell, "config"), "cells");
    const char *name = class_name_of(c->k, cell);

    *cells = (struct cells){.items = {cell}, .count = 1};
    if (!name || strcmp(name, "StackedRNNCells") != 0)
        return cell ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "has no cell");
    if (!list || list->kind != JSON_ARRAY || !list->count || list->count > CELLS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "its list of cells is not supported");
    if (config_bool_or(c, "reverse_state_order", NULL, false) ||
        config_bool_or(&(struct call){.config = json_get(cell, "config")}, "reverse_state_order",
                       NULL, false))
        return error_set(err, STATUS_UNSUPPORTED, "its 'reverse_state_order' is not supported");
    cells->stacked = true;
    cells->count = list->count;
    for (size_t i = 0; i < list->count; i++)
        cells->items[i] = &list->items[i];
    return STATUS_OK;
}

/* One cell of several: its inputs are the outputs of the one before it, for every step. */
static enum status stacked_cell(struct call *c, const struct json *cell, struct options *o,
                                size_t *used, value_id *x, value_id *states, size_t *state_count,
                                struct map *seen, struct error *err)
{
    const struct json *config = c->config;
    const struct recurrent_kind *kind;
    struct weights part, *own = c->weights;
    struct seen own_seen = {.config = json_get(cell, "config")}, *outer = c->seen;
    char quoted[TEXT_QUOTE_SIZE];
    const char *text = class_name_of(c->k, cell), *path;
    struct bytes name = bytes_of(text ? text : "");
    value_id mask = o->mask;

    kind = recurrent_kind_find(name);
    if (!kind || !json_get(cell, "config"))
        return error_set(err, STATUS_UNSUPPORTED, "its cell is of the class '%s', which is code",
                         text_quote(name, quoted, sizeof quoted));
    if (*state_count + (size_t)kind->states > CELLS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d states", CELLS_MAX);
    path = seen ? archive_name(c->k, seen, text) : "";
    if (!path)
        return error_no_memory(err, "a cell");
    if (seen)
        TRY(weights_part(c->k, own, path, &part, err));
    else
        part = *own;
    c->weights = &part;
    c->config = own_seen.config;
    c->seen = &own_seen;
    TRY(cell_emit(c, kind, o, used, x, states + *state_count, &mask, err));
    TRY(seen_check_config(c, err));
    c->config = config;
    c->seen = outer;
    c->weights = own;
    weights_part_end(own, &part);
    *state_count += (size_t)kind->states;
    return STATUS_OK;
}

static enum status rnn(struct call *c, struct error *err)
{
    struct weights cell, inner, *own = c->weights;
    value_id states[CELLS_MAX], x;
    size_t used = 0, count = 0;
    struct options o, each;
    struct cells cells;
    struct map seen;

    TRY(options_read(c, &o, err));
    TRY(cells_read(c, &cells, err));
    map_init(&seen, c->k->keep);
    TRY(weights_part(c->k, own, "cell", &cell, err));
    if (cells.stacked)
        TRY(weights_part(c->k, &cell, "cells", &inner, err));
    c->weights = cells.stacked ? &inner : &cell;
    x = o.x;
    each = o;
    for (size_t i = 0; i < cells.count; i++) {
        each.sequences = i + 1 < cells.count || o.sequences;
        each.backwards = o.backwards && i == 0; /* then the steps are turned already */
        TRY(stacked_cell(c, cells.items[i], &each, &used, &x, states, &count,
                         cells.stacked ? &seen : NULL, err));
        if (each.backwards && each.mask != VALUE_NONE)
            TRY(emit_slice(c->e, each.mask, 1, INT64_MAX, INT64_MIN, -1, &each.mask, err));
    }
    c->weights = own;
    if (cells.stacked)
        weights_part_end(&cell, &inner);
    weights_part_end(own, &cell);
    if (used != o.initial_count)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu initial states", o.initial_count);
    return give(c, &o, x, c->in[0].mask, states, count, err);
}

const struct layer_set layers_recurrent =
    LAYER_SET({.name = "SimpleRNN", .lower = recurrent, .keywords = true, .mask_place = 2},
              {.name = "LSTM", .lower = recurrent, .keywords = true, .mask_place = 2},
              {.name = "CuDNNLSTM", .lower = recurrent, .keywords = true, .mask_place = 2},
              {.name = "GRU", .lower = recurrent, .keywords = true, .mask_place = 2},
              {.name = "CuDNNGRU", .lower = recurrent, .keywords = true, .mask_place = 2},
              {.name = "RNN", .lower = rnn, .keywords = true, .mask_place = 2}, );
