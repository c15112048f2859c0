// SPDX-License-Identifier: Apache-2.0
/* Source of the arithmetic: Pillow's documentation of its filters, and its answers, with which the
 * tests compare. */
#include "ops/kernels/spatial/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 32 - 8 - 2 }; /* of weights: sums of bytes stay below 2^31 with their overshoot */

struct axis { /* output o is the sum of weights[o * taps + k] * in[first[o] + k], k < counts[o] */
    size_t taps;
    size_t *first, *counts;
    int32_t *weights;
    size_t from, to; /* inputs that are needed at all */
};

/* --- filters --- */

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double area(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double bicubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    const double y = x * M_PI;

    return x == 0 ? 1 : sin(y) / y;
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    double (*weight)(double x);
    double support;
} FILTERS[] = {
    [RESAMPLE_BILINEAR] = {bilinear, 1},
    [RESAMPLE_BICUBIC] = {bicubic, 2},
    [RESAMPLE_AREA] = {area, 0.5},
    [RESAMPLE_LANCZOS] = {lanczos, 3},
};

/* --- axes --- */

static void axis_free(struct axis *axis)
{
    free(axis->first);
    free(axis->counts);
    free(axis->weights);
}

static void weights_fill(enum resample how, double center, double stretch, size_t first,
                         size_t count, double *exact, int32_t *weights)
{
    double sum = 0;

    for (size_t k = 0; k < count; k++) {
        exact[k] = FILTERS[how].weight(((double)(k + first) - center + 0.5) * (1 / stretch));
        sum += exact[k];
    }
    for (size_t k = 0; k < count; k++) {
        double weight = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << BITS);

        weights[k] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

static bool axis_make(enum resample how, size_t in, size_t out, struct axis *axis)
{
    double scale = (double)in / (double)out, stretch = scale < 1 ? 1 : scale;
    double support = FILTERS[how].support * stretch, *exact;
    size_t taps = (size_t)ceil(support) * 2 + 1;

    *axis = (struct axis){.taps = taps};
    axis->first = calloc(out, sizeof *axis->first);
    axis->counts = calloc(out, sizeof *axis->counts);
    axis->weights = taps < SIZE_MAX / 8 / out ? calloc(out * taps, sizeof *axis->weights) : NULL;
    exact = calloc(taps, sizeof *exact);
    if (!axis->first || !axis->counts || !axis->weights || !exact) {
        axis_free(axis);
        free(exact);
        return false;
    }
    for (size_t o = 0; o < out; o++) {
        double center = ((double)o + 0.5) * scale;
        double low = center - support + 0.5, high = center + support + 0.5;
        size_t first = low < 0 ? 0 : (size_t)low, end = (size_t)high;

        end = end > in ? in : end;
        axis->first[o] = first;
        axis->counts[o] = end - first;
        weights_fill(how, center, stretch, first, end - first, exact, axis->weights + o * taps);
    }
    free(exact);
    axis->from = axis->first[0];
    axis->to = axis->first[out - 1] + axis->counts[out - 1];
    return true;
}

/* --- passes --- */

static inline uint8_t byte_of(int32_t sum)
{
    int32_t value = sum >> BITS;

    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One line of C channels; the compiler makes one function of each. */
#define LINE(C)                                                                                    \
    static void line_##C(const struct axis *axis, const uint8_t *from, uint8_t *to, size_t width)  \
    {                                                                                              \
        for (size_t o = 0; o < width; o++) {                                                       \
            const uint8_t *in = from + axis->first[o] * C;                                         \
            const int32_t *weights = axis->weights + o * axis->taps;                               \
            int32_t sums[C];                                                                       \
                                                                                                   \
            for (size_t c = 0; c < C; c++)                                                         \
                sums[c] = 1 << (BITS - 1);                                                         \
            for (size_t k = 0; k < axis->counts[o]; k++)                                           \
                for (size_t c = 0; c < C; c++)                                                     \
                    sums[c] += in[k * C + c] * weights[k];                                         \
            for (size_t c = 0; c < C; c++)                                                         \
                to[o * C + c] = byte_of(sums[c]);                                                  \
        }                                                                                          \
    }
LINE(1)
LINE(2)
LINE(3)
LINE(4)

static void along_lines(const struct axis *axis, const struct pixels *from, size_t first,
                        const struct pixels *to)
{
    static void (*const LINES[])(const struct axis *, const uint8_t *, uint8_t *,
                                 size_t) = {line_1, line_2, line_3, line_4};
    size_t in = from->width * from->channels, out = to->width * to->channels;

    for (size_t y = 0; y < to->height; y++)
        LINES[to->channels - 1](axis, from->data + (first + y) * in, to->data + y * out, to->width);
}

/* `from` begins with line `first` of the image that the axis is about; `sums` holds a line. */
static void along_columns(const struct axis *axis, const struct pixels *from, size_t first,
                          const struct pixels *to, int32_t *restrict sums)
{
    size_t line = to->width * to->channels;

    for (size_t o = 0; o < to->height; o++) {
        const int32_t *weights = axis->weights + o * axis->taps;
        const uint8_t *in = from->data + (axis->first[o] - first) * line;

        for (size_t x = 0; x < line; x++)
            sums[x] = 1 << (BITS - 1);
        for (size_t k = 0; k < axis->counts[o]; k++)
            for (size_t x = 0; x < line; x++)
                sums[x] += in[k * line + x] * weights[k];
        for (size_t x = 0; x < line; x++)
            to->data[o * line + x] = byte_of(sums[x]);
    }
}

static bool columns_pass(const struct axis *axis, const struct pixels *from, size_t first,
                         const struct pixels *to)
{
    int32_t *sums = malloc((to->width * to->channels + 1) * sizeof *sums);

    if (sums)
        along_columns(axis, from, first, to, sums);
    free(sums);
    return sums != NULL;
}

/* Which pass comes first shows where a filter overshoots, as bytes are cut off in between. Pillow
 * 13 (before it: lines always) begins with columns that lose more than twice what lines lose. */
static bool columns_first(const struct pixels *from, const struct pixels *to)
{
    int64_t lines = (int64_t)from->width - (int64_t)to->width;
    int64_t columns = (int64_t)from->height - (int64_t)to->height;

    return columns > 0 && columns > 2 * lines;
}

static bool two_passes(const struct axis *across, const struct axis *down,
                       const struct pixels *from, const struct pixels *to)
{
    bool early = columns_first(from, to);
    size_t first = early ? 0 : down->from;
    struct pixels between = {NULL, early ? to->height : down->to - first,
                             early ? from->width : to->width, to->channels};
    bool good;

    between.data = malloc(between.height * between.width * between.channels + 1);
    good = between.data != NULL;
    if (good && early) {
        good = columns_pass(down, from, 0, &between);
        along_lines(across, &between, 0, to);
    } else if (good) {
        along_lines(across, from, first, &between);
        good = columns_pass(down, &between, first, to);
    }
    free(between.data);
    return good;
}

static bool passes(enum resample how, const struct pixels *from, const struct pixels *to)
{
    struct axis across = {0}, down = {0};
    bool wide = from->width != to->width, high = from->height != to->height;
    bool good = (!wide || axis_make(how, from->width, to->width, &across)) &&
                (!high || axis_make(how, from->height, to->height, &down));

    if (good && wide && high)
        good = two_passes(&across, &down, from, to);
    else if (good && wide)
        along_lines(&across, from, 0, to);
    else if (good)
        good = columns_pass(&down, from, 0, to);
    axis_free(&across);
    axis_free(&down);
    return good;
}

/* --- nearest --- */

/* Where each output comes from; places are added up as Pillow adds them. */
static void places(size_t in, size_t out, size_t *place)
{
    double step = (double)in / (double)out, at = step * 0.5;

    for (size_t o = 0; o < out; o++, at += step) {
        size_t p = (size_t)at;

        place[o] = p < in ? p : in - 1;
    }
}

static bool nearest(const struct pixels *from, const struct pixels *to)
{
    size_t *columns = malloc(to->width * sizeof *columns);
    size_t *lines = malloc(to->height * sizeof *lines);
    size_t channels = to->channels;

    if (columns && lines) {
        places(from->width, to->width, columns);
        places(from->height, to->height, lines);
        for (size_t y = 0; y < to->height; y++)
            for (size_t x = 0; x < to->width; x++)
                memcpy(to->data + (y * to->width + x) * channels,
                       from->data + (lines[y] * from->width + columns[x]) * channels, channels);
    }
    free(columns);
    free(lines);
    return columns && lines;
}

/* --- all --- */

/* Colours times their alpha, as bytes, and back. */
static uint8_t times(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;

    return (uint8_t)(((product >> 8) + product) >> 8);
}

static void multiply_alpha(const struct pixels *image)
{
    for (size_t i = 0; i < image->height * image->width; i++)
        for (size_t c = 0; c < 3; c++)
            image->data[4 * i + c] = times(image->data[4 * i + c], image->data[4 * i + 3]);
}

static void divide_alpha(const struct pixels *image)
{
    for (size_t i = 0; i < image->height * image->width; i++) {
        uint8_t *p = image->data + 4 * i;
        unsigned alpha = p[3];

        for (size_t c = 0; alpha != 0 && alpha != 255 && c < 3; c++)
            p[c] = (uint8_t)(255 * p[c] / alpha > 255 ? 255 : 255 * p[c] / alpha);
    }
}

bool resample(enum resample how, const struct pixels *from, const struct pixels *to)
{
    size_t size = from->height * from->width * from->channels;
    struct pixels scaled = *from;
    bool good;

    if (from->height == to->height && from->width == to->width) {
        memcpy(to->data, from->data, size);
        return true;
    }
    if (how == RESAMPLE_NEAREST)
        return nearest(from, to);
    if (from->channels != 4)
        return passes(how, from, to);
    scaled.data = malloc(size + 1);
    if (!scaled.data)
        return false;
    memcpy(scaled.data, from->data, size);
    multiply_alpha(&scaled);
    good = passes(how, &scaled, to);
    if (good)
        divide_alpha(to);
    free(scaled.data);
    return good;
}
