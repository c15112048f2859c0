// SPDX-License-Identifier: Apache-2.0
/* The loops around the kernels: lines of the output, from each the pixels whose windows are inside
 * of x, in tiles, and those at its borders, each with the taps that are. */
#include "ops/fast/conv/depthwise.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/spread.h"

static const double FLOPS_PER_NS = 40;

static const struct depthwise_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &depthwise_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &depthwise_avx2;
#endif
    return &depthwise_portable;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

enum status depthwise_pack(const struct conv_source *s, const size_t *dilation,
                           struct depthwise_weights *w, struct arena *keep, struct error *err)
{
    size_t taps = s->kernel[0] * s->kernel[1] * s->kernel[2], count;
    float *to;

    *w = (struct depthwise_weights){
        .kernels = kernels_of_machine(),
        .channels = s->groups * s->maps,
        .multiplier = s->maps,
        .kernel = {s->kernel[0], s->kernel[1], s->kernel[2]},
        .dilation = {dilation[0], dilation[1], dilation[2]},
    };
    w->padded = divide_up(w->channels, w->kernels->lanes) * w->kernels->lanes;
    if (!checked_multiply(w->padded, taps, &count))
        return error_no_memory(err, "packed weights");
    w->data = to = arena_alloc(keep, count + 1024, sizeof *to); /* 64-byte aligned */
    w->bias = arena_alloc(keep, w->padded + 1024, sizeof *to);
    if (!w->data || !w->bias)
        return error_no_memory(err, "packed weights");
    if (s->bias)
        memcpy(w->bias, s->bias, w->channels * sizeof *to);
    for (size_t d = 0; d < s->kernel[0]; d++)
        for (size_t h = 0; h < s->kernel[1]; h++)
            for (size_t l = 0; l < s->kernel[2]; l++, to += w->padded) {
                const unaligned_float *tap = s->data + s->first + (ptrdiff_t)d * s->step[0] +
                                             (ptrdiff_t)h * s->step[1] + (ptrdiff_t)l * s->step[2];

                for (size_t c = 0; c < w->channels; c++)
                    to[c] = (float)(tap[c / s->maps * s->group_step + c % s->maps * s->map_step] *
                                    (s->factors ? s->factors[c] : 1));
            }
    w->finite = conv_all_finite(w->data, count);
    return STATUS_OK;
}

static size_t taps_size(const struct depthwise_weights *w)
{
    size_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];

    return divide_up(taps * sizeof(struct depthwise_tap), 64) * 64;
}

/* Every lane its list of taps; and x with each channel as often as it has outputs. */
size_t depthwise_scratch(const struct depthwise_weights *w, const struct conv_geometry *g,
                         struct team *team)
{
    size_t size = g->n;

    if (w->multiplier == 1)
        size = 0;
    for (int i = 0; i < 3; i++)
        if (!checked_multiply(size, g->in[i], &size))
            return SIZE_MAX;
    if (!checked_multiply(size, w->channels * sizeof(float), &size) ||
        !checked_add(size, team_lanes(team) * taps_size(w), &size))
        return SIZE_MAX;
    return size;
}

struct work {
    const struct depthwise_weights *w;
    struct conv_geometry g;
    const struct epilogue *epilogue;
    const float *x, *residual;
    float *y;
    char *taps; /* of each lane */
    size_t chunks, lines;
    size_t first, end; /* pixels of a line whose windows are inside */
    float low, high;
    bool after;
};

/* Taps [low, high) of a dimension are inside for the window that begins at `at`. */
static void range_inside(const struct depthwise_weights *w, const struct conv_geometry *g, int i,
                         ptrdiff_t at, size_t *low, size_t *high)
{
    ptrdiff_t dilation = (ptrdiff_t)w->dilation[i], in = (ptrdiff_t)g->in[i];
    ptrdiff_t from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    ptrdiff_t to = at >= in ? 0 : (in - 1 - at) / dilation + 1, kernel = (ptrdiff_t)w->kernel[i];

    to = to > kernel ? kernel : to;
    *low = (size_t)from;
    *high = (size_t)(to < from ? from : to);
}

/* Where the windows of output `out` of dimension i begin. */
static ptrdiff_t window_at(const struct conv_geometry *g, int i, size_t out)
{
    return (ptrdiff_t)(out * g->stride[i]) - g->begin[i];
}

struct line {
    size_t low[2], high[2]; /* taps inside, of the depth and the height */
    const float *x;         /* the line of x at the first tap, were it there: pixel 0 */
    float *y;
    const float *residual;
};

/* The taps of line and width [low, high), in order. */
static size_t taps_of(const struct work *work, const struct line *line, size_t low, size_t high,
                      struct depthwise_tap *taps)
{
    const struct depthwise_weights *w = work->w;
    const struct conv_geometry *g = &work->g;
    size_t count = 0, row = g->in[2] * g->x_step;

    for (size_t d = line->low[0]; d < line->high[0]; d++)
        for (size_t h = line->low[1]; h < line->high[1]; h++)
            for (size_t l = low; l < high; l++)
                taps[count++] = (struct depthwise_tap){
                    (ptrdiff_t)(((d * w->dilation[0] * g->in[1] + h * w->dilation[1]) * row +
                                 l * w->dilation[2] * g->x_step) *
                                sizeof(float)),
                    ((d * w->kernel[1] + h) * w->kernel[2] + l) * w->padded * sizeof(float)};
    return count;
}

/* Pixels [from, to) of a line, whose windows have the taps [low, high) along the width. */
static void pixels_run(const struct work *work, const struct line *line, size_t from, size_t to,
                       size_t low, size_t high, struct depthwise_tap *taps)
{
    const struct depthwise_kernels *kernels = work->w->kernels;
    const struct conv_geometry *g = &work->g;
    size_t tiles = divide_up(to - from, kernels->pixels_max), done = from;
    struct depthwise_tile tile = {
        .x_step = g->stride[2] * g->x_step,
        .taps = taps,
        .tap_count = taps_of(work, line, low, high, taps),
        .channels = work->w->channels,
        .w = work->w->data,
        .bias = work->w->bias,
        .y_step = g->y_step[2],
        .low = work->low,
        .high = work->high,
    };

    for (size_t t = 0; t < tiles; t++) {
        size_t count = (to - from) / tiles + (t < (to - from) % tiles);

        tile.x = line->x + window_at(g, 2, done) * (ptrdiff_t)g->x_step;
        tile.y = line->y + done * g->y_step[2];
        tile.residual = line->residual ? line->residual + done * g->y_step[2] : NULL;
        kernels->pixels[count - 1](&tile);
        done += count;
    }
}

static bool slides(const struct depthwise_weights *w, const struct conv_geometry *g)
{
    return w->kernel[2] == 3 && w->dilation[2] == 1 && g->stride[2] == 1 && g->begin[2] == 1 &&
           g->in[2] == g->out[2] && w->kernel[0] * w->kernel[1] <= 3;
}

/* False: there is no row of taps inside. */
static bool slide_run(const struct work *work, const struct line *line)
{
    const struct depthwise_weights *w = work->w;
    const struct conv_geometry *g = &work->g;
    struct depthwise_slide slide = {
        .x_step = g->x_step,
        .count = g->out[2],
        .bias = w->bias,
        .w_step = w->padded,
        .channels = w->channels,
        .y = line->y,
        .y_step = g->y_step[2],
        .residual = line->residual,
        .low = work->low,
        .high = work->high,
    };
    size_t rows = 0;

    for (size_t d = line->low[0]; d < line->high[0]; d++)
        for (size_t h = line->low[1]; h < line->high[1]; h++, rows++) {
            slide.x[rows] = line->x + (d * w->dilation[0] * g->in[1] + h * w->dilation[1]) *
                                          g->in[2] * g->x_step;
            slide.w[rows] = w->data + (d * w->kernel[1] + h) * 3 * w->padded;
        }
    if (rows)
        w->kernels->slide[rows - 1](&slide);
    return rows > 0;
}

static void line_run(const struct work *work, size_t index, struct depthwise_tap *taps)
{
    const struct conv_geometry *g = &work->g;
    size_t h = index % g->out[1], d = index / g->out[1] % g->out[0];
    size_t n = index / g->out[1] / g->out[0], low, high;
    size_t y_at = n * g->y_image + d * g->y_step[0] + h * g->y_step[1];
    ptrdiff_t at[2] = {window_at(g, 0, d), window_at(g, 1, h)};
    struct line line = {.y = work->y + y_at,
                        .residual = work->residual ? work->residual + y_at : NULL};

    for (int i = 0; i < 2; i++)
        range_inside(work->w, g, i, at[i], &line.low[i], &line.high[i]);
    line.x = work->x + (((ptrdiff_t)(n * g->in[0]) + at[0]) * (ptrdiff_t)g->in[1] + at[1]) *
                           (ptrdiff_t)(g->in[2] * g->x_step);
    for (size_t p = slides(work->w, g) && slide_run(work, &line) ? g->out[2] : 0; p < g->out[2];
         p++) {
        if (p == work->first && work->end > p) {
            pixels_run(work, &line, p, work->end, 0, work->w->kernel[2], taps);
            p = work->end - 1;
            continue;
        }
        range_inside(work->w, g, 2, window_at(g, 2, p), &low, &high);
        pixels_run(work, &line, p, p + 1, low, high, taps);
    }
    if (work->after && g->y_step[2] == work->w->channels)
        epilogue_run(work->epilogue, line.y, 0, NULL, 0, 1, g->out[2] * g->y_step[2]);
    else if (work->after)
        epilogue_run(work->epilogue, line.y, g->y_step[2], NULL, 0, g->out[2], work->w->channels);
}

static void chunk_run(void *context, size_t chunk, size_t lane)
{
    const struct work *work = context;
    struct depthwise_tap *taps = (struct depthwise_tap *)(work->taps + lane * taps_size(work->w));
    size_t end = work->lines * (chunk + 1) / work->chunks;

    for (size_t i = work->lines * chunk / work->chunks; i < end; i++)
        line_run(work, i, taps);
}

/* Each channel of x `times` times. */
static void repeat(const float *x, size_t count, size_t times, float *to)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < times; j++)
            *to++ = x[i];
}

void depthwise_run(const struct depthwise_weights *w, const struct conv_geometry *geometry,
                   const struct epilogue *epilogue, const struct conv_operands *operands)
{
    struct work work = {
        .w = w,
        .g = *geometry,
        .epilogue = epilogue,
        .x = operands->x,
        .residual = operands->residual,
        .y = operands->y,
        .taps = operands->scratch,
        .chunks = 1,
    };
    struct conv_geometry *g = &work.g;
    size_t chunks;
    double flops;

    work.lines = g->n * g->out[0] * g->out[1];
    if (!work.lines || !g->out[2] || !w->channels)
        return;
    if (w->multiplier != 1) {
        float *x = (float *)((char *)operands->scratch + team_lanes(operands->team) * taps_size(w));

        repeat(operands->x, g->n * g->in[0] * g->in[1] * g->in[2] * g->x_step, w->multiplier, x);
        g->x_step = w->channels;
        work.x = x;
    }
    for (size_t p = 0; p < g->out[2]; p++) {
        size_t low, high;

        range_inside(w, g, 2, window_at(g, 2, p), &low, &high);
        if (low || high < w->kernel[2])
            continue;
        if (!work.end)
            work.first = p;
        work.end = p + 1;
    }
    work.after = epilogue_limits(epilogue, &work.low, &work.high);
    flops = 2.0 * (double)(work.lines * g->out[2] * w->channels) *
            (double)(w->kernel[0] * w->kernel[1] * w->kernel[2]);
    chunks = spread_chunks(operands->team, flops / FLOPS_PER_NS);
    work.chunks = chunks < work.lines ? chunks : work.lines;
    spread_share(operands->team, flops / FLOPS_PER_NS, work.chunks, chunk_run, &work);
}
