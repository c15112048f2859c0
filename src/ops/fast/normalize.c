// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/normalize.h"

#include <math.h>

#include "base/cpu.h"
#include "ops/fast/normalize_kernels.h"
#include "ops/fast/spread.h"
#include "ops/fast/vector.h"

/* About how long an element takes. */
static const double NORMALIZE_NS = 0.2, SOFTMAX_NS = 0.5;

static const struct normalize_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &normalize_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &normalize_avx2;
#endif
    return &normalize_portable;
}

float row_max(const float *x, size_t n)
{
    return kernels_of_machine()->max(x, n);
}

void row_scale(const float *x, float factor, float *y, size_t n)
{
    kernels_of_machine()->scale(x, factor, y, n);
}

static void normalize_some(void *context, size_t from, size_t to)
{
    kernels_of_machine()->normalize(context, from, to);
}

void normalize_rows(const struct normalization *normalization, struct team *team)
{
    spread_run(team, normalization->rows, NORMALIZE_NS * (double)normalization->n, 1,
               normalize_some, (void *)normalization);
}

struct softmax {
    const float *x;
    float *y;
    size_t n, inner;
};

enum { NARROW = 40, NARROW_BLOCK = 64 }; /* rows that are too short for calls of their own */

/* Rows [from, to), at most NARROW_BLOCK: one call for the powers of all. */
static void softmax_narrow(const struct softmax *s, size_t from, size_t to)
{
    size_t n = s->n;
    float *all = s->y + from * n;

    for (size_t r = from; r < to; r++) {
        const float *x = s->x + r * n;
        float *y = s->y + r * n, max = -INFINITY;

        for (size_t i = 0; i < n; i++)
            max = x[i] > max ? x[i] : max;
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] - max;
    }
    vector_apply(VECTOR_EXP, all, all, (to - from) * n);
    for (size_t r = from; r < to; r++) {
        float *y = s->y + r * n, sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += y[i];
        sum = 1 / sum;
        for (size_t i = 0; i < n; i++)
            y[i] *= sum;
    }
}

static void softmax_some(void *context, size_t from, size_t to)
{
    const struct softmax *s = context;

    for (; s->n <= NARROW && from < to; from += NARROW_BLOCK)
        softmax_narrow(s, from, to - from < NARROW_BLOCK ? to : from + NARROW_BLOCK);
    for (size_t r = from; r < to; r++) {
        const float *x = s->x + r * s->n;
        float *y = s->y + r * s->n;

        row_scale(y, 1 / vector_exp_sum(x, row_max(x, s->n), y, s->n), y, s->n);
    }
}

void softmax_rows(const float *x, float *y, size_t rows, size_t n, struct team *team)
{
    struct softmax softmax = {x, y, n, 1};

    spread_run(team, rows, SOFTMAX_NS * (double)n, 1, softmax_some, &softmax);
}

static void log_softmax_some(void *context, size_t from, size_t to)
{
    enum { BLOCK = 512 };
    const struct softmax *s = context;
    float exps[BLOCK];

    for (size_t r = from; r < to; r++) {
        const float *x = s->x + r * s->n;
        float max = row_max(x, s->n), sum = 0;

        for (size_t i = 0; i < s->n; i += BLOCK)
            sum += vector_exp_sum(x + i, max, exps, s->n - i < BLOCK ? s->n - i : BLOCK);
        kernels_of_machine()->shift(x, max, s->y + r * s->n, s->n);
        kernels_of_machine()->shift(s->y + r * s->n, logf(sum), s->y + r * s->n, s->n);
    }
}

void log_softmax_rows(const float *x, float *y, size_t rows, size_t n, struct team *team)
{
    struct softmax softmax = {x, y, n, 1};

    spread_run(team, rows, SOFTMAX_NS * (double)n, 1, log_softmax_some, &softmax);
}

enum { COLUMNS = 64 }; /* lines that are worked on together */

/* One block of lines beside each other. */
static void softmax_columns(const struct softmax *s, size_t at, size_t columns)
{
    float max[COLUMNS], sum[COLUMNS] = {0};

    for (size_t j = 0; j < columns; j++)
        max[j] = -INFINITY;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < columns; j++) {
            float x = s->x[at + i * s->inner + j];
            max[j] = x > max[j] ? x : max[j];
        }
    for (size_t i = 0; i < s->n; i++) {
        const float *x = s->x + at + i * s->inner;
        float *y = s->y + at + i * s->inner;

        for (size_t j = 0; j < columns; j++)
            y[j] = x[j] - max[j];
        vector_apply(VECTOR_EXP, y, y, columns);
        for (size_t j = 0; j < columns; j++)
            sum[j] += y[j];
    }
    for (size_t j = 0; j < columns; j++)
        sum[j] = 1 / sum[j];
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < columns; j++)
            s->y[at + i * s->inner + j] *= sum[j];
}

/* Blocks [from, to): those of the first line block, then the next. */
static void softmax_blocks(void *context, size_t from, size_t to)
{
    const struct softmax *s = context;
    size_t across = (s->inner + COLUMNS - 1) / COLUMNS;

    for (size_t b = from; b < to; b++) {
        size_t column = b % across * COLUMNS, left = s->inner - column;

        softmax_columns(s, b / across * s->n * s->inner + column, left < COLUMNS ? left : COLUMNS);
    }
}

void softmax_lines(const float *x, float *y, size_t outer, size_t n, size_t inner,
                   struct team *team)
{
    struct softmax softmax = {x, y, n, inner};
    size_t across = (inner + COLUMNS - 1) / COLUMNS;

    if (inner == 1)
        softmax_rows(x, y, outer, n, team);
    else
        spread_run(team, outer * across, SOFTMAX_NS * (double)n * COLUMNS, 1, softmax_blocks,
                   &softmax);
}
