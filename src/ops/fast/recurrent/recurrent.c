// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/recurrent/recurrent.h"

#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/recurrent/cells.h"
#include "ops/fast/spread.h"

enum {
    GROUP = 32,      /* items that share a product with the recurrent weights */
    GROUP_MIN = 8,   /* the same, where threads are waiting for groups */
    SPLIT_MAX = 256, /* items of which groups are made smaller */
    ROWS = 64,       /* of one product with the inputs */
};
/* Of the product of a step that threads share, about 3 us: whoever helps looks out for the next. */
static const double SHARED_FLOPS = 400e3;

static const struct recurrent_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &recurrent_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &recurrent_avx2;
#endif
    return &recurrent_portable;
}

/* --- weights --- */

static bool resets_before(const struct recurrent_layer *layer)
{
    return layer->cell == RECURRENT_GRU && !layer->reset_after;
}

static enum status pack(struct packed_matrix *packed, const float *b, size_t k, size_t n,
                        struct arena *keep, struct error *err)
{
    size_t size = gemm_packed_size(DTYPE_F32, k, n);
    void *data = size > SIZE_MAX - 4096 ? NULL : arena_alloc(keep, size + 4096, 1);

    if (!data)
        return error_no_memory(err, "packed weights");
    gemm_pack(packed, DTYPE_F32, b, k, n, true, data);
    return STATUS_OK;
}

static enum status pack_parts(struct recurrent_matrix *matrix, const float *b, size_t k, size_t n,
                              struct arena *keep, struct error *err)
{
    matrix->columns = n;
    matrix->count = (n + RECURRENT_PART - 1) / RECURRENT_PART;
    matrix->parts = arena_new(keep, struct packed_matrix, matrix->count);
    if (!matrix->parts)
        return error_no_memory(err, "packed weights");
    for (size_t i = 0; i < matrix->count; i++) {
        size_t columns = n - i * RECURRENT_PART;

        TRY(pack(&matrix->parts[i], b + i * RECURRENT_PART * k, k,
                 columns < RECURRENT_PART ? columns : RECURRENT_PART, keep, err));
    }
    return STATUS_OK;
}

/* Both biases of a gate are added to the product with the inputs, where nothing stands between. */
static enum status pack_bias(const struct recurrent_layer *layer, const float *bias,
                             struct recurrent_direction *d, struct arena *keep, struct error *err)
{
    size_t n = layer->hidden, rows = layer->cell * n;
    float *sum = arena_new(keep, float, rows), *after = arena_new(keep, float, n);

    if (!sum || !after)
        return error_no_memory(err, "biases");
    d->bias = sum;
    d->bias_after = after;
    for (size_t i = 0; bias && i < rows; i++) {
        bool later = layer->cell == RECURRENT_GRU && layer->reset_after && i >= 2 * n;

        sum[i] = later ? bias[i] : bias[i] + bias[rows + i];
        if (later)
            after[i - 2 * n] = bias[rows + i];
    }
    return STATUS_OK;
}

static enum status copy_peepholes(const struct recurrent_layer *layer, const float *from,
                                  struct recurrent_direction *d, struct arena *keep,
                                  struct error *err)
{
    float *copy;

    if (!from)
        return STATUS_OK;
    copy = arena_new(keep, float, 3 * layer->hidden);
    if (!copy)
        return error_no_memory(err, "peepholes");
    memcpy(copy, from, 3 * layer->hidden * sizeof *copy);
    d->peepholes = copy;
    return STATUS_OK;
}

enum status recurrent_pack(struct recurrent_layer *layer, const struct recurrent_weights *weights,
                           bool backwards, struct arena *keep, struct error *err)
{
    size_t n = layer->hidden, rows = layer->cell * n;

    for (size_t i = 0; i < layer->directions; i++) {
        struct recurrent_direction *d = &layer->direction[i];
        const float *r = weights->r + i * rows * n;

        d->backwards = backwards || i == 1;
        TRY(pack(&d->w, weights->w + i * rows * layer->inputs, layer->inputs, rows, keep, err));
        TRY(pack_parts(&d->r, r, n, resets_before(layer) ? 2 * n : rows, keep, err));
        if (resets_before(layer))
            TRY(pack_parts(&d->candidate, r + 2 * n * n, n, n, keep, err));
        TRY(pack_bias(layer, weights->bias ? weights->bias + i * 2 * rows : NULL, d, keep, err));
        TRY(copy_peepholes(layer, weights->peepholes ? weights->peepholes + i * 3 * n : NULL, d,
                           keep, err));
    }
    return STATUS_OK;
}

/* --- runs --- */

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t groups_of(size_t batch, size_t group)
{
    return (batch + group - 1) / group;
}

/* Items of a group, so that every lane has one; the sums do not depend on it. */
static size_t group_size(const struct recurrent_run *run, size_t lanes)
{
    size_t group = GROUP;

    while (group > GROUP_MIN && run->batch <= SPLIT_MAX &&
           groups_of(run->batch, group) * run->layer->directions < lanes)
        group /= 2;
    return group;
}

/* Steps whose inputs are multiplied at once. */
static size_t steps_of(size_t items)
{
    return items < ROWS ? ROWS / items : 1;
}

/* Floats for one group: products of inputs, of states; states, cells, reset states. */
static size_t group_floats(const struct recurrent_layer *layer, size_t items, size_t parts[5])
{
    size_t row = layer->cell * layer->hidden, total = 0;

    parts[0] = steps_of(items) * items * row;
    parts[1] = items * row;
    parts[2] = parts[3] = parts[4] = items * layer->hidden;
    for (int i = 0; i < 5; i++) {
        parts[i] = (parts[i] + 15) / 16 * 16;
        total += parts[i];
    }
    return total;
}

static bool groups_floats(const struct recurrent_layer *layer, size_t batch, size_t group,
                          size_t *floats)
{
    size_t parts[5];

    return checked_multiply(group_floats(layer, minimum(batch, group), parts),
                            groups_of(batch, group) * layer->directions, floats);
}

/* For groups of whatever size: how many lanes there will be is not known. */
size_t recurrent_scratch(const struct recurrent_layer *layer, size_t batch)
{
    size_t most = 0, floats, size;

    if (!batch)
        return 0;
    for (size_t group = GROUP; group >= (batch <= SPLIT_MAX ? GROUP_MIN : GROUP); group /= 2) {
        if (!groups_floats(layer, batch, group, &floats))
            return SIZE_MAX;
        most = floats > most ? floats : most;
    }
    return checked_multiply(most, sizeof(float), &size) ? size : SIZE_MAX;
}

/* A group of items in one direction. */
struct group {
    const struct recurrent_run *run;
    const struct recurrent_layer *layer;
    const struct recurrent_direction *d;
    const struct recurrent_kernels *kernels;
    struct team *team; /* that shares the products of steps; NULL: it has other groups */
    size_t direction, first, items;
    size_t begin, end;           /* the steps whose inputs are multiplied */
    float *x;                    /* (step, item, gates * hidden) */
    float *h;                    /* (item, gates * hidden) */
    float *state, *cell, *reset; /* (item, hidden) */
};

static size_t length_of(const struct group *g, size_t item)
{
    return g->run->lengths ? (size_t)g->run->lengths[g->first + item] : g->run->steps;
}

/* The first of the times that an item's steps from begin to end are at, and how many they are. */
static size_t times_of(const struct group *g, size_t item, size_t *count)
{
    size_t length = length_of(g, item), end = minimum(g->end, length);

    *count = end > g->begin ? end - g->begin : 0;
    return g->d->backwards ? length - end : g->begin;
}

/* Rows of the inputs from time to time and from item to item. */
static void input_strides(const struct group *g, size_t *time, size_t *item)
{
    *time = g->layer->batch_first ? 1 : g->run->batch;
    *item = g->layer->batch_first ? g->run->steps : 1;
}

static void multiply_inputs(const struct group *g)
{
    size_t time, item, row = g->layer->cell * g->layer->hidden, inputs = g->layer->inputs, count;
    bool alike = !g->run->lengths || !g->d->backwards; /* all items are at the same times */
    size_t first = times_of(g, 0, &count);
    const float *x;

    input_strides(g, &time, &item);
    count = g->end - g->begin;
    x = g->run->x + (g->first * item + first * time) * inputs;
    if (alike && item == 1 && g->items == time) { /* rows one after the other */
        gemm_multiply(&(struct gemm){.b = &g->d->w,
                                     .a = x,
                                     .m = count * g->items,
                                     .lda = inputs,
                                     .bias = g->d->bias,
                                     .c = g->x,
                                     .ldc = row,
                                     .team = g->team});
    } else if (alike && g->items >= count) {
        for (size_t t = 0; t < count; t++)
            gemm_run(&g->d->w, x + t * time * inputs, g->items, item * inputs, g->d->bias,
                     g->x + t * g->items * row, row);
    } else {
        for (size_t i = 0; i < g->items; i++) {
            first = times_of(g, i, &count);
            x = g->run->x + ((g->first + i) * item + first * time) * inputs;
            gemm_run(&g->d->w, x, count, time * inputs, g->d->bias, g->x + i * row, g->items * row);
        }
    }
}

/* Offset of an item's row of y at a time, and of its row of the states. */
static size_t output_row(const struct group *g, size_t item, size_t time)
{
    const struct recurrent_run *run = g->run;
    size_t directions = g->layer->directions, at = g->first + item;

    if (g->layer->batch_first)
        return ((at * run->steps + time) * directions + g->direction) * g->layer->hidden;
    return ((time * directions + g->direction) * run->batch + at) * g->layer->hidden;
}

static size_t state_row(const struct group *g, size_t item)
{
    size_t at = g->first + item;

    return (g->layer->batch_first ? at * g->layer->directions + g->direction
                                  : g->direction * g->run->batch + at) *
           g->layer->hidden;
}

static void cell_of(const struct group *g, float *x, size_t item)
{
    const struct recurrent_layer *layer = g->layer;
    size_t n = layer->hidden, row = (resets_before(layer) ? 2 : layer->cell) * n;
    float *state = g->state + item * n;

    if (layer->cell == RECURRENT_LSTM)
        g->kernels->lstm(x, g->h + item * row, g->d->peepholes, layer->couple, layer->clip,
                         g->cell + item * n, state, n);
    else if (layer->cell == RECURRENT_RNN)
        g->kernels->rnn(x, g->h + item * row, layer->activation, layer->clip, state, n);
    else if (layer->reset_after)
        g->kernels->gru(x, g->h + item * row, g->d->bias_after, layer->clip, state, n);
    else
        g->kernels->gru_before(x, g->h + item * n, layer->clip, state, n);
}

/* The gates' products of the inputs of an item at a step. */
static float *inputs_of(const struct group *g, size_t item, size_t step, size_t *time)
{
    size_t length = length_of(g, item), count, first = times_of(g, item, &count);

    *time = g->d->backwards ? length - 1 - step : step;
    return g->x + ((*time - first) * g->items + item) * g->layer->cell * g->layer->hidden;
}

struct product {
    const struct group *group;
    const struct recurrent_matrix *matrix;
    const float *states;
    size_t step, shares;
};

/* A share of the parts, the same for a chunk at every step: they stay in the cache of who took it
 * the last time. */
static void multiply_share(void *context, size_t chunk, size_t lane)
{
    const struct product *p = context;
    const struct recurrent_matrix *matrix = p->matrix;
    const struct group *g = p->group;
    size_t first = matrix->count * chunk / p->shares;
    size_t end = matrix->count * (chunk + 1) / p->shares;

    (void)lane;
    for (size_t i = first; i < end; i++) {
        size_t part = p->step % 2 ? end - 1 - (i - first) : i;

        gemm_run(&matrix->parts[part], p->states, g->items, g->layer->hidden, NULL,
                 g->h + part * RECURRENT_PART, matrix->columns);
    }
}

/* g->h = states times matrix */
static void multiply_states(const struct group *g, const struct recurrent_matrix *matrix,
                            const float *states, size_t step)
{
    struct product product = {g, matrix, states, step, 1};
    double flops = 2.0 * (double)(g->items * g->layer->hidden) * (double)matrix->columns;

    if (flops >= SHARED_FLOPS)
        product.shares = minimum(team_lanes(g->team), matrix->count);
    spread_share(g->team, flops / SPREAD_FLOPS_PER_NS * (double)g->run->steps, product.shares,
                 multiply_share, &product);
}

static void run_step(const struct group *g, size_t step)
{
    size_t n = g->layer->hidden, time;

    multiply_states(g, &g->d->r, g->state, step);
    if (resets_before(g->layer)) {
        for (size_t i = 0; i < g->items; i++) {
            if (step < length_of(g, i))
                g->kernels->gru_gates(inputs_of(g, i, step, &time), g->h + i * 2 * n,
                                      g->layer->clip, g->state + i * n, g->reset + i * n, n);
            else
                memset(g->reset + i * n, 0, n * sizeof *g->reset);
        }
        multiply_states(g, &g->d->candidate, g->reset, step);
    }
    for (size_t i = 0; i < g->items; i++) {
        if (step < length_of(g, i)) {
            float *x = inputs_of(g, i, step, &time);
            cell_of(g, x, i);
            memcpy(g->run->y + output_row(g, i, time), g->state + i * n, n * sizeof(float));
        } else {
            memset(g->run->y + output_row(g, i, step), 0, n * sizeof(float));
        }
    }
}

static void load_states(const struct group *g, float *states, const float *from)
{
    size_t n = g->layer->hidden;

    for (size_t i = 0; i < g->items; i++)
        if (from)
            memcpy(states + i * n, from + state_row(g, i), n * sizeof *states);
        else
            memset(states + i * n, 0, n * sizeof *states);
}

static void save_states(const struct group *g, const float *states, float *to)
{
    size_t n = g->layer->hidden;

    for (size_t i = 0; to && i < g->items; i++)
        memcpy(to + state_row(g, i), states + i * n, n * sizeof *states);
}

struct groups {
    const struct recurrent_run *run;
    struct team *team;
    size_t size, count; /* of one direction */
};

static void run_group(void *context, size_t chunk, size_t lane)
{
    const struct groups *groups = context;
    const struct recurrent_run *run = groups->run;
    const struct recurrent_layer *layer = run->layer;
    size_t parts[5], all = minimum(run->batch, groups->size);
    float *scratch = (float *)run->scratch + chunk * group_floats(layer, all, parts);
    struct group g = {
        .run = run,
        .layer = layer,
        .d = &layer->direction[chunk / groups->count],
        .kernels = kernels_of_machine(),
        .team = groups->count * layer->directions == 1 ? groups->team : NULL,
        .direction = chunk / groups->count,
        .first = chunk % groups->count * groups->size,
        .x = scratch,
        .h = scratch + parts[0],
        .state = scratch + parts[0] + parts[1],
        .cell = scratch + parts[0] + parts[1] + parts[2],
        .reset = scratch + parts[0] + parts[1] + parts[2] + parts[3],
    };

    (void)lane;
    g.items = minimum(groups->size, run->batch - g.first);
    load_states(&g, g.state, run->h0);
    load_states(&g, g.cell, run->c0);
    for (; g.begin < run->steps; g.begin = g.end) {
        g.end = minimum(run->steps, g.begin + steps_of(all));
        multiply_inputs(&g);
        for (size_t step = g.begin; step < g.end; step++)
            run_step(&g, step);
    }
    save_states(&g, g.state, run->y_h);
    save_states(&g, g.cell, run->y_c);
}

void recurrent_run(const struct recurrent_run *run, struct team *team)
{
    struct groups groups = {.run = run, .team = team, .size = group_size(run, team_lanes(team))};

    groups.count = groups_of(run->batch, groups.size);
    team_run(team, groups.count * run->layer->directions, run_group, &groups);
}
