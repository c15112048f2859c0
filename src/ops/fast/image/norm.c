// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/image/norm.h"

#include <math.h>
#include <string.h>

#include "ops/fast/image/rows.h"

/* Sums of so many rows in float, of those in double: little is lost. */
enum { BLOCK_ROWS = 32, ARRAYS = 4 };

struct work {
    const struct row_kernels *kernels;
    float *mean, *factor, *bias, *part; /* (channels,) */
    double *sums;                       /* (channels,) */
};

size_t image_norm_scratch(size_t channels)
{
    return (ARRAYS + 2) * channels;
}

/* sums[c] = of all rows x, or of the squares of x - mean. */
static void sum_rows(const struct image_norm *norm, const float *x, bool squares,
                     const struct work *w)
{
    const float *rows[BLOCK_ROWS];

    memset(w->sums, 0, norm->channels * sizeof *w->sums);
    for (size_t r = 0; r < norm->count; r += BLOCK_ROWS) {
        size_t count = norm->count - r < BLOCK_ROWS ? norm->count - r : BLOCK_ROWS;

        if (squares)
            memset(w->part, 0, norm->channels * sizeof *w->part);
        for (size_t k = 0; k < count; k++) {
            rows[k] = x + (r + k) * norm->channels;
            if (squares)
                w->kernels->squares(w->part, rows[k], w->mean, norm->channels);
        }
        if (!squares)
            w->kernels->sum(w->part, rows, count, norm->channels);
        for (size_t c = 0; c < norm->channels; c++)
            w->sums[c] += w->part[c];
    }
}

/* Per group, the mean of the sums. */
static double group_mean(const struct image_norm *norm, const struct work *w, size_t group)
{
    size_t each = norm->channels / norm->groups;
    double sum = 0;

    for (size_t c = group * each; c < (group + 1) * each; c++)
        sum += w->sums[c];
    return sum / ((double)each * (double)norm->count);
}

static void item_run(const struct image_norm *norm, const float *x, float *y, const struct work *w)
{
    size_t each = norm->channels / norm->groups, share = norm->channels / norm->scales;

    sum_rows(norm, x, false, w);
    for (size_t g = 0; g < norm->groups; g++) {
        double mean = group_mean(norm, w, g);

        for (size_t c = g * each; c < (g + 1) * each; c++)
            w->mean[c] = (float)mean;
    }
    sum_rows(norm, x, true, w);
    for (size_t g = 0; g < norm->groups; g++) {
        double factor = 1 / sqrt(group_mean(norm, w, g) + norm->epsilon);

        for (size_t c = g * each; c < (g + 1) * each; c++) {
            w->factor[c] = (float)(norm->scale[c / share] * factor);
            w->bias[c] = norm->bias[c / share];
        }
    }
    for (size_t r = 0; r < norm->count; r++)
        w->kernels->normalize(y + r * norm->channels, x + r * norm->channels, w->mean, w->factor,
                              w->bias, norm->channels);
}

void image_norm_run(const struct image_norm *norm, float *scratch)
{
    size_t item = norm->count * norm->channels;
    struct work w = {.kernels = row_kernels(), .sums = (double *)(void *)scratch};

    w.mean = scratch + 2 * norm->channels;
    w.factor = w.mean + norm->channels;
    w.bias = w.factor + norm->channels;
    w.part = w.bias + norm->channels;
    for (size_t i = 0; i < norm->n; i++)
        item_run(norm, norm->x + i * item, norm->y + i * item, &w);
}
