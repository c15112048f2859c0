// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/spatial/resize_axis.h"

#include <math.h>

static bool is_identity(const struct resize_rule *rule, const struct resize_axis *axis)
{
    return axis->in == axis->out && axis->scale == 1 &&
           (rule->place != RESIZE_CROP || (axis->start == 0 && axis->end == 1));
}

/* Half as many taps on the left, itself included, as there are in all. */
static double taps_of(const struct resize_rule *rule, const struct resize_axis *axis)
{
    double scale = axis->scale < 1 && rule->antialias ? axis->scale : 1;

    if (rule->mode == RESIZE_NEAREST || is_identity(rule, axis) || axis->out == 0)
        return 1;
    /* 2 - 2 * (floor(-support / scale) + 1) */
    return -2 * floor((rule->mode == RESIZE_LINEAR ? -1 : -2) / scale);
}

size_t resize_table_size(const struct resize_rule *rule, const struct resize_axis *axis)
{
    double size = (double)axis->out * (taps_of(rule, axis) + 1) * 8;

    return size > (double)RESIZE_TABLE_MAX ? RESIZE_TABLE_MAX + 1 : (size_t)size;
}

/* Where output o lies among the inputs. */
static double place_of(const struct resize_rule *rule, const struct resize_axis *axis, int64_t o)
{
    double in = (double)axis->in, width = axis->scale * in;

    switch (rule->place) {
    case RESIZE_CORNERS:
        return width == 1 ? 0 : (double)o * (in - 1) / (width - 1);
    case RESIZE_ASYMMETRIC:
        return (double)o / axis->scale;
    case RESIZE_CROP:
        return axis->start * (in - 1) +
               (width == 1 ? (axis->end - axis->start) * (in - 1) / 2
                           : (double)o * (axis->end - axis->start) * (in - 1) / (width - 1));
    case RESIZE_TF_NEAREST:
        return ((double)o + 0.5) / axis->scale;
    case RESIZE_PYTORCH:
        return width == 1 ? -0.5 : ((double)o + 0.5) / axis->scale - 0.5;
    case RESIZE_SYMMETRIC:
        return in / 2 * (1 - (double)axis->out / width) + ((double)o + 0.5) / axis->scale - 0.5;
    default:
        return ((double)o + 0.5) / axis->scale - 0.5;
    }
}

static double nearest(const struct resize_rule *rule, const struct resize_axis *axis, double x)
{
    switch (rule->nearest) {
    case RESIZE_PREFER_FLOOR:
        return ceil(x - 0.5);
    case RESIZE_PREFER_CEIL:
        return floor(x + 0.5);
    case RESIZE_CEIL:
        return ceil(x);
    case RESIZE_OLD:
        return axis->scale < 1 ? ceil(x) : floor(x);
    default:
        return floor(x);
    }
}

/* The filter at distance d. */
static double filter(const struct resize_rule *rule, double d)
{
    double a = rule->cubic;

    d = fabs(d);
    if (rule->mode == RESIZE_LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static void fill_weights(const struct resize_rule *rule, const struct resize_axis *axis, double x,
                         struct resize_table *table, int64_t o)
{
    double scale = axis->scale < 1 && rule->antialias ? axis->scale : 1, sum = 0;
    double *weights = table->weights + o * table->taps;
    /* at an input: the window that ends with it, where the others begin */
    int64_t first = (int64_t)ceil(x) - table->taps / 2;

    for (int64_t k = 0; k < table->taps; k++) {
        weights[k] = filter(rule, scale * ((double)(first + k) - x));
        if (rule->exclude_outside && (first + k < 0 || first + k >= axis->in))
            weights[k] = 0;
        sum += weights[k];
    }
    for (int64_t k = 0; (rule->exclude_outside || rule->antialias) && sum && k < table->taps; k++)
        weights[k] /= sum;
    table->first[o] = first;
}

void resize_table_fill(const struct resize_rule *rule, const struct resize_axis *axis, void *memory,
                       struct resize_table *table)
{
    table->taps = (int64_t)taps_of(rule, axis);
    table->in = axis->in;
    table->first = memory;
    table->weights = (double *)memory + axis->out;
    for (int64_t o = 0; o < axis->out; o++) {
        double x = place_of(rule, axis, o), limit = (double)(axis->in + table->taps);

        if (is_identity(rule, axis)) {
            table->first[o] = o;
            table->weights[o] = 1;
            continue;
        }
        if (rule->place == RESIZE_CROP && !(x >= 0 && x <= (double)(axis->in - 1))) {
            table->first[o] = RESIZE_OUTSIDE;
            for (int64_t k = 0; k < table->taps; k++)
                table->weights[o * table->taps + k] = 0;
            continue;
        }
        x = !(x > -limit) ? -limit : x > limit ? limit : x; /* far outside is the edge */
        if (rule->mode == RESIZE_NEAREST) {
            table->first[o] = (int64_t)nearest(rule, axis, x);
            table->weights[o] = 1;
        } else {
            fill_weights(rule, axis, x, table, o);
        }
    }
}
