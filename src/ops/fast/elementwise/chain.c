// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/elementwise/chain.h"

#include <math.h>

#include "ops/fast/spread.h"

enum {
    BLOCK = 1024,    /* floats: the operands of a chain stay in L1 */
    ROW = BLOCK / 4, /* rows from this length on are not repeated: blocks end with them */
};
static const double NS = 0.1; /* for an element in a step */

static const struct {
    const char *name;
    enum binary_function function;
} BINARIES[] = {{"Add", BINARY_ADD}, {"Sub", BINARY_SUB}, {"Mul", BINARY_MUL},
                {"Div", BINARY_DIV}, {"Max", BINARY_MAX}, {"Min", BINARY_MIN}};

enum binary_function chain_binary(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(BINARIES); i++)
        if (!strcmp(BINARIES[i].name, name))
            return BINARIES[i].function;
    return BINARY_NONE;
}

/* After which step nobody reads the result of `step`. */
static size_t last_use(const struct chain *chain, size_t step)
{
    size_t result = chain->input_count + step, last = step;

    for (size_t s = step + 1; s < chain->step_count; s++)
        if (chain->steps[s].a == result ||
            (chain->steps[s].unary.function == UNARY_NONE && chain->steps[s].b == result))
            last = s;
    return last;
}

void chain_plan(struct chain *chain)
{
    for (size_t s = 0; s < chain->step_count; s++) {
        bool taken[CHAIN_STEPS_MAX] = {false};
        size_t slot = 0;

        for (size_t before = 0; before < s; before++)
            if (last_use(chain, before) >= s)
                taken[chain->steps[before].slot] = true;
        while (taken[slot])
            slot++;
        chain->steps[s].slot = slot;
    }
}

struct work {
    const struct chain *chain;
    const struct chain_input *inputs;
    float *y;
    size_t count;
};

/* Operands of a block: inputs, then results. */
struct operand {
    const float *data;
    int step; /* 0: one element again and again */
};

/* Elements from `at` on that no long row ends within. */
static size_t block_length(const struct work *w, size_t at, size_t end)
{
    size_t n = end - at < BLOCK ? end - at : BLOCK;

    for (size_t i = 0; i < w->chain->input_count; i++) {
        size_t period = w->inputs[i].period, left = period - at % period;

        if (period >= ROW && left < n)
            n = left;
    }
    return n;
}

/* A short row repeated, from element `from` of it on. */
struct tile {
    _Alignas(64) float data[BLOCK];
    size_t from, count;
};

/* n elements of an input from `at` on. */
static struct operand input_at(const struct chain_input *input, size_t at, size_t n,
                               struct tile *tile)
{
    size_t period = input->period, from = at % period;

    if (period == 1)
        return (struct operand){input->data, 0};
    if (from + n <= period)
        return (struct operand){input->data + from, 1};
    if (tile->from == from && n <= tile->count)
        return (struct operand){tile->data, 1};
    tile->from = from;
    tile->count = n;
    for (size_t done = 0; done < n; from = 0) {
        size_t part = period - from < n - done ? period - from : n - done;

        memcpy(tile->data + done, input->data + from, part * sizeof *tile->data);
        done += part;
    }
    return (struct operand){tile->data, 1};
}

static void run_step(const struct chain_step *step, const struct operand *operands, float *y,
                     size_t n)
{
    const struct operand *a = &operands[step->a], *b = &operands[step->b];

    if (step->unary.function == UNARY_NONE) {
        binary_floats(step->binary, a->data, a->step, b->data, b->step, y, n);
    } else if (a->step) {
        unary_floats(&step->unary, a->data, y, n);
    } else {
        unary_floats(&step->unary, a->data, y, 1);
        for (size_t i = 1; i < n; i++)
            y[i] = y[0];
    }
}

static void run_range(void *context, size_t from, size_t to)
{
    _Alignas(64) float results[CHAIN_STEPS_MAX][BLOCK];
    struct tile tiles[CHAIN_INPUTS_MAX];
    struct operand operands[CHAIN_INPUTS_MAX + CHAIN_STEPS_MAX];
    const struct work *w = context;
    const struct chain *chain = w->chain;
    size_t n;

    for (size_t i = 0; i < chain->input_count; i++)
        tiles[i].count = 0;
    for (size_t at = from; at < to; at += n) {
        n = block_length(w, at, to);
        for (size_t i = 0; i < chain->input_count; i++)
            operands[i] = input_at(&w->inputs[i], at, n, &tiles[i]);
        for (size_t s = 0; s < chain->step_count; s++) {
            float *y = s + 1 < chain->step_count ? results[chain->steps[s].slot] : w->y + at;

            run_step(&chain->steps[s], operands, y, n);
            operands[chain->input_count + s] = (struct operand){y, 1};
        }
    }
}

void chain_run(const struct chain *chain, const struct chain_input *inputs, float *y, size_t count,
               struct team *team)
{
    struct work work = {chain, inputs, y, count};

    spread_run(team, count, NS * (double)chain->step_count, BLOCK, run_range, &work);
}

static double exact_step(const struct chain_step *step, const double *values)
{
    double a = values[step->a], b = values[step->b];

    if (step->unary.function != UNARY_NONE)
        return unary_exact(&step->unary, a);
    switch (step->binary) {
    case BINARY_ADD:
        return a + b;
    case BINARY_SUB:
        return a - b;
    case BINARY_MUL:
        return a * b;
    case BINARY_DIV:
        return a / b;
    case BINARY_MAX:
        return a > b || isnan(a) ? a : b;
    default:
        return a < b || isnan(a) ? a : b;
    }
}

void chain_exact(const struct chain *chain, const struct chain_input *inputs, float *y,
                 size_t count)
{
    double values[CHAIN_INPUTS_MAX + CHAIN_STEPS_MAX] = {0};

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < chain->input_count; k++)
            values[k] = inputs[k].data[i % inputs[k].period];
        for (size_t s = 0; s < chain->step_count; s++)
            values[chain->input_count + s] = (float)exact_step(&chain->steps[s], values);
        y[i] = (float)values[chain->input_count + chain->step_count - 1];
    }
}
