// SPDX-License-Identifier: Apache-2.0
/* The loops around the transforms: blocks of tiles (m by m outputs), whose frequencies stay in the
 * L2 cache between the three steps. A tile whose result is not finite is summed directly: an
 * infinity or NaN of x would spread from its own windows to the whole patch. */
#include "ops/fast/conv/winograd.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/spread.h"

enum {
    BLOCK_BYTES = 512 << 10, /* of frequencies of x and y for one block */
    BLOCK_BYTES_MOST = 1 << 20,
    TILES_LEAST = 14,
    TILES_MOST = 112,
    PANEL_MOST = 64, /* maps */
    ALIGN = 16,      /* floats */
    PACK_CHANNELS = 32,
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static const struct winograd_kernels *kernels_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return winograd_avx512;
    if (cpu_isa() == ISA_AVX2)
        return winograd_avx2;
#endif
    return winograd_portable;
}

/* Floats from one frequency of `tiles` to the next: an odd number of cache lines, so that the
 * frequencies of a tile do not all fall into a few sets of the cache. */
static size_t frequency_step(size_t tiles, size_t width)
{
    return (divide_up(tiles * width, ALIGN) | 1) * ALIGN;
}

/* In vectors multiplied and added, two a cycle; a transform of a vector of one patch and its
 * loads and stores come to so many. Weights that come from memory: 64 bytes in 20 cycles. */
size_t winograd_pays(const struct conv_source *s, const size_t *out)
{
    static const double INPUT[] = {100, 280}, OUTPUT[] = {70, 240};
    const double lanes = (double)conv_tiles_of_machine()->lanes, weight = 40 * lanes / 16;
    double maps = (double)divide_up(s->maps, (size_t)lanes), channels = (double)s->channels;
    double least = maps * channels * fmax(9 * (double)(out[0] * out[1]), 9 * weight) / 1.15;
    size_t best = 0;

    if (s->groups != 1 || s->kernel[0] != 1 || s->kernel[1] != 3 || s->kernel[2] != 3 ||
        s->channels < 16 || s->maps < 16)
        return 0;
    for (size_t m = 2; m <= 4; m += 2) {
        double tiles = (double)(divide_up(out[0], m) * divide_up(out[1], m));
        double frequencies = (double)((m + 2) * (m + 2));
        double cost = maps * channels * frequencies * fmax(tiles, weight) +
                      tiles * (channels / lanes * INPUT[m / 4] + maps * OUTPUT[m / 4]);

        if (cost < least) {
            least = cost;
            best = m;
        }
    }
    return best;
}

/* What weights are multiplied with from the left and, transposed, from the right: (n, 3). */
static void weights_transform(size_t m, double g[6][3])
{
    static const double POINTS[2][5] = {{0, 1, -1}, {0, 0.75, -0.75, 1.5, -1.5}};
    size_t finite = m + 1;

    for (size_t i = 0; i < finite; i++) {
        double at = POINTS[m / 4][i], scale = 1;

        for (size_t j = 0; j < finite; j++)
            if (j != i)
                scale *= at - POINTS[m / 4][j];
        for (int k = 0; k < 3; k++)
            g[i][k] = pow(at, k) / scale;
    }
    g[finite][0] = g[finite][1] = 0;
    g[finite][2] = 1;
    if (m == 2) /* whose transform of x has the signs turned for the point 0 and infinity */
        for (int k = 0; k < 3; k++)
            g[0][k] = -g[0][k];
}

/* The taps of `count` maps, map_step apart from `tap` on, one after the other: (9, width). */
static void taps_read(const struct conv_source *s, const unaligned_float *tap,
                      const double *factors, size_t count, size_t width, float *taps)
{
    for (ptrdiff_t k = 0; k < 9; k++, taps += width) {
        const unaligned_float *from = tap + k / 3 * s->step[1] + k % 3 * s->step[2];

        for (size_t j = 0; j < count; j++)
            taps[j] = from[j * s->map_step];
        for (size_t j = 0; factors && j < count; j++)
            taps[j] = (float)(taps[j] * factors[j]);
    }
}

static void panel_of(const struct winograd *w, size_t i, size_t *column, size_t *width)
{
    size_t all = w->padded / w->tiles->lanes, each = all / w->panels, more = all % w->panels;

    *width = (each + (i < more)) * w->tiles->lanes;
    *column = (i * each + minimum(i, more)) * w->tiles->lanes;
}

struct packing {
    const struct conv_source *source;
    const struct winograd *winograd;
    const double (*g)[3];
    bool finite;
};

/* A chunk are PACK_CHANNELS of a panel. */
static void pack_work(void *context, size_t chunk, size_t lane)
{
    struct packing *packing = context;
    const struct conv_source *s = packing->source;
    const struct winograd *w = packing->winograd;
    size_t first = chunk / w->panels * PACK_CHANNELS, column, width;
    size_t end = minimum(first + PACK_CHANNELS, s->channels);
    float taps[9 * PANEL_MOST] = {0};

    (void)lane;
    panel_of(w, chunk % w->panels, &column, &width);
    for (size_t c = first; c < end; c++) {
        taps_read(s, s->data + s->first + column * s->map_step + c * s->channel_step,
                  s->factors ? s->factors + column : NULL, minimum(width, s->maps - column), width,
                  taps);
        if (!conv_all_finite(taps, 9 * width))
            __atomic_store_n(&packing->finite, false, __ATOMIC_RELAXED);
        w->kernels->weights(taps, width, packing->g, w->data + column * w->channels + c * width,
                            w->padded * w->channels);
    }
}

enum status winograd_pack(const struct conv_source *s, size_t m, struct winograd *w,
                          struct team *team, struct arena *keep, struct error *err)
{
    const struct conv_tiles *tiles = conv_tiles_of_machine();
    size_t n = m + 2, count, zeros;
    struct packing packing;
    double g[6][3];

    *w = (struct winograd){.kernels = &kernels_of_machine()[m / 4],
                           .tiles = tiles,
                           .m = m,
                           .channels = s->channels,
                           .maps = s->maps};
    w->padded = divide_up(s->maps, tiles->lanes) * tiles->lanes;
    w->panels = divide_up(w->padded / tiles->lanes, tiles->vectors_max);
    zeros = w->padded > w->channels ? w->padded : w->channels;
    if (!checked_multiply(n * n * w->padded, w->channels, &count))
        return error_no_memory(err, "packed weights");
    w->data = arena_alloc(keep, count + 1024, sizeof(float)); /* 64-byte aligned */
    w->bias = arena_alloc(keep, w->padded + 1024, sizeof(float));
    w->zeros = arena_alloc(keep, zeros + 1024, sizeof(float));
    if (!w->data || !w->bias || !w->zeros)
        return error_no_memory(err, "packed weights");
    if (s->bias)
        memcpy(w->bias, s->bias, s->maps * sizeof(float));
    weights_transform(m, g);
    packing = (struct packing){s, w, (const double(*)[3])g, true};
    team_run(team, divide_up(s->channels, PACK_CHANNELS) * w->panels, pack_work, &packing);
    w->finite = packing.finite;
    return STATUS_OK;
}

/* --- a run --- */

struct work {
    const struct winograd *w;
    const struct conv_geometry *g;
    const struct epilogue *epilogue;
    const struct conv_operands *operands;
    size_t across, down, tiles; /* of a line, of an image, of all */
    size_t block, blocks;       /* tiles of a block; how many */
    size_t parts;               /* the panels of a block are split in so many */
    size_t lanes, lane_floats;
    double ns; /* it may take on one of them */
    float low, high;
    bool after;
};

static void work_make(const struct winograd *w, const struct conv_geometry *g, struct team *team,
                      struct work *work)
{
    size_t n = w->m + 2, frequencies = n * n, wanted;
    double flops;

    *work = (struct work){.w = w, .g = g, .lanes = 1};
    work->across = divide_up(g->out[2], w->m);
    work->down = divide_up(g->out[1], w->m);
    work->tiles = g->n * work->across * work->down;
    flops = 2.0 * (double)(work->tiles * frequencies) * (double)(w->channels * w->maps);
    work->ns = flops / SPREAD_FLOPS_PER_NS;
    if (spread_chunks(team, work->ns) > 1)
        work->lanes = team_lanes(team);
    /* the weights pass once for each block: no less of the rest than of them */
    wanted = frequencies * w->channels * w->padded * sizeof(float);
    wanted = wanted < BLOCK_BYTES ? BLOCK_BYTES : minimum(wanted, BLOCK_BYTES_MOST);
    wanted = wanted / sizeof(float) / (frequencies * (w->channels + w->padded));
    wanted = wanted < TILES_LEAST ? TILES_LEAST : wanted > TILES_MOST ? TILES_MOST : wanted;
    work->parts = 1;
    if (work->lanes > 1 && w->panels < work->lanes)
        wanted = minimum(wanted, divide_up(work->tiles, 2 * work->lanes));
    work->blocks = divide_up(work->tiles, wanted);
    work->block = divide_up(work->tiles, work->blocks + !work->blocks);
    /* whole tiles of the micro-kernels, but for the last block */
    if (work->block > 7)
        work->block = divide_up(work->block, 7) * 7;
    work->blocks = divide_up(work->tiles, work->block + !work->block);
    if (work->lanes > 1 && w->panels >= work->lanes && work->blocks < 2 * work->lanes)
        work->parts = minimum(divide_up(2 * work->lanes, work->blocks + !work->blocks), w->panels);
    work->lane_floats = frequencies * (frequency_step(work->block, w->channels) +
                                       frequency_step(work->block, w->padded) + ALIGN);
}

size_t winograd_scratch(const struct winograd *w, const struct conv_geometry *g, struct team *team)
{
    struct work work;
    size_t size;

    work_make(w, g, team, &work);
    if (!checked_multiply(work.lanes * sizeof(float), work.lane_floats, &size))
        return SIZE_MAX;
    return size;
}

/* Where a tile is. */
struct place {
    size_t image, line, column; /* of its first output */
};

static struct place place_of(const struct work *work, size_t tile)
{
    size_t m = work->w->m;

    return (struct place){tile / work->across / work->down, tile / work->across % work->down * m,
                          tile % work->across * m};
}

static const float *pixel_at(const struct work *work, const struct place *place, size_t i, size_t j)
{
    const struct conv_geometry *g = work->g;
    ptrdiff_t line = (ptrdiff_t)(place->line + i) - g->begin[1];
    ptrdiff_t column = (ptrdiff_t)(place->column + j) - g->begin[2];

    if (line < 0 || line >= (ptrdiff_t)g->in[1] || column < 0 || column >= (ptrdiff_t)g->in[2])
        return work->w->zeros;
    return work->operands->x +
           ((place->image * g->in[1] + (size_t)line) * g->in[2] + (size_t)column) * g->x_step;
}

static void patch_read(const struct work *work, size_t tile, float *v, size_t v_step,
                       float *temporary)
{
    size_t n = work->w->m + 2;
    struct place place = place_of(work, tile);
    struct winograd_patch patch = {
        .channels = work->w->channels, .v = v, .v_step = v_step, .temporary = temporary};

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            patch.pixels[i * n + j] = pixel_at(work, &place, i, j);
    work->w->kernels->input(&patch);
}

/* Panels [first, end) of a block: the maps from `map` on. */
struct part {
    size_t first, end, map, maps;
};

/* products (frequencies, tiles, padded) = v (frequencies, tiles, channels) times the weights */
static void multiply(const struct work *work, const struct part *part, const float *v,
                     float *products, size_t tiles)
{
    static const ptrdiff_t RUNS[] = {0};
    const struct winograd *w = work->w;
    size_t n = w->m + 2, v_step = frequency_step(tiles, w->channels);
    size_t step = frequency_step(tiles, w->padded);

    for (size_t f = 0; f < n * n; f++)
        for (size_t i = part->first; i < part->end; i++) {
            size_t column, width, rows_max, count, done = 0, vectors;
            struct conv_tile tile = {.a_step = w->channels,
                                     .runs = RUNS,
                                     .run_count = 1,
                                     .run_length = w->channels,
                                     .bias = w->zeros,
                                     .c_step = w->padded,
                                     .low = -INFINITY,
                                     .high = INFINITY};

            panel_of(w, i, &column, &width);
            vectors = width / w->tiles->lanes;
            rows_max = w->tiles->rows_max[vectors - 1];
            count = divide_up(tiles, rows_max);
            tile.columns = width;
            tile.panel = w->data + (f * w->padded + column) * w->channels;
            for (size_t t = 0; t < count; t++) {
                size_t rows = tiles / count + (t < tiles % count);

                tile.next = tile.panel + (t < width / ALIGN ? width + t * ALIGN : 0) * w->channels;
                tile.next_step = tile.next == tile.panel ? 0 : ALIGN;
                tile.a = v + f * v_step + done * w->channels;
                tile.c = products + f * step + done * w->padded + column;
                w->tiles->rows[vectors - 1][rows - 1](&tile);
                done += rows;
            }
        }
}

/* The taps of `width` maps for one channel, back from their frequencies: tap 0 is the frequency of
 * point 0, tap 2 that of infinity, tap 1 half the difference of those of +a and -a; scaled. */
static void taps_of(const struct winograd *w, size_t at, size_t width, float taps[9][PANEL_MOST])
{
    static const size_t FROM[3] = {0, 1, 0}, COUNT[3] = {1, 2, 1};
    size_t n = w->m + 2, step = w->padded * w->channels;
    double g[6][3], a;

    weights_transform(w->m, g);
    a = g[1][1] / g[1][0];
    for (size_t tap = 0; tap < 9; tap++) {
        const size_t k[2] = {tap / 3, tap % 3};

        for (size_t j = 0; j < width; j++)
            taps[tap][j] = 0;
        for (size_t pair = 0; pair < COUNT[k[0]] * COUNT[k[1]]; pair++) {
            size_t index[2] = {pair / COUNT[k[1]], pair % COUNT[k[1]]}, frequency[2];
            double scale = 1;

            for (int d = 0; d < 2; d++) {
                frequency[d] = k[d] == 2 ? n - 1 : FROM[k[d]] + index[d];
                if (k[d] == 0)
                    scale /= g[0][0];
                else if (k[d] == 1)
                    scale *= (index[d] ? -1 : 1) / (2 * a * g[frequency[d]][0]);
            }
            for (size_t j = 0; j < width; j++)
                taps[tap][j] +=
                    (float)scale * w->data[(frequency[0] * n + frequency[1]) * step + at + j];
        }
    }
}

/* One panel of one tile as the sum it is; the outputs begin at `map`. */
static void panel_directly(const struct work *work, const struct place *place, size_t map,
                           size_t column, size_t width, const struct winograd_outputs *o)
{
    const struct winograd *w = work->w;
    float sums[4 * 4][PANEL_MOST], taps[9][PANEL_MOST];
    size_t count = minimum(width, w->maps - column);

    for (size_t p = 0; p < o->rows * o->columns; p++)
        memcpy(sums[p], w->bias + column, width * sizeof(float));
    for (size_t c = 0; c < w->channels; c++) {
        taps_of(w, column * w->channels + c * width, width, taps);
        for (size_t p = 0; p < o->rows * o->columns; p++)
            for (size_t tap = 0; tap < 9; tap++) {
                float x =
                    pixel_at(work, place, p / o->columns + tap / 3, p % o->columns + tap % 3)[c];

                for (size_t j = 0; j < width; j++)
                    sums[p][j] += x * taps[tap][j];
            }
    }
    for (size_t p = 0; p < o->rows * o->columns; p++) {
        size_t at = p / o->columns * o->y_line + p % o->columns * o->y_step + column - map;

        for (size_t j = 0; j < count; j++) {
            float value = sums[p][j] + (o->residual ? o->residual[at + j] : 0);

            value = value < o->low ? o->low : value;
            o->y[at + j] = value > o->high ? o->high : value;
        }
    }
}

static void tile_write(const struct work *work, const struct part *part, size_t tile,
                       const float *products, size_t step, float *temporary)
{
    const struct winograd *w = work->w;
    const struct conv_geometry *g = work->g;
    struct place place = place_of(work, tile);
    size_t y_at = place.image * g->y_image + place.line * g->y_step[1] +
                  place.column * g->y_step[2] + part->map;
    struct winograd_outputs outputs = {
        .products = products + part->map,
        .step = step,
        .maps = part->maps,
        .bias = w->bias + part->map,
        .rows = minimum(w->m, g->out[1] - place.line),
        .columns = minimum(w->m, g->out[2] - place.column),
        .y = work->operands->y + y_at,
        .y_line = g->y_step[1],
        .y_step = g->y_step[2],
        .residual = work->operands->residual ? work->operands->residual + y_at : NULL,
        .low = work->low,
        .high = work->high,
        .temporary = temporary,
    };

    if (!w->kernels->output(&outputs))
        for (size_t i = part->first; i < part->end; i++) {
            size_t column, width;

            panel_of(w, i, &column, &width);
            panel_directly(work, &place, part->map, column, width, &outputs);
        }
    for (size_t i = 0; work->after && i < outputs.rows; i++)
        epilogue_run(work->epilogue, outputs.y + i * outputs.y_line, outputs.y_step, NULL, 0,
                     outputs.columns, part->maps);
}

static struct part part_of(const struct work *work, size_t index)
{
    const struct winograd *w = work->w;
    struct part part = {.first = w->panels * index / work->parts,
                        .end = w->panels * (index + 1) / work->parts};
    size_t column, width;

    panel_of(w, part.first, &part.map, &width);
    panel_of(w, part.end - 1, &column, &width);
    part.maps = minimum(w->maps, column + width) - part.map;
    return part;
}

static void block_run(void *context, size_t chunk, size_t lane)
{
    const struct work *work = context;
    const struct winograd *w = work->w;
    size_t n = w->m + 2, first = chunk / work->parts * work->block;
    size_t tiles = minimum(work->block, work->tiles - first);
    float *temporary = (float *)work->operands->scratch + lane * work->lane_floats;
    float *v = temporary + n * n * ALIGN;
    size_t v_step = frequency_step(tiles, w->channels), step = frequency_step(tiles, w->padded);
    float *products = v + n * n * v_step;
    struct part part = part_of(work, chunk % work->parts);

    for (size_t t = 0; t < tiles; t++)
        patch_read(work, first + t, v + t * w->channels, v_step, temporary);
    multiply(work, &part, v, products, tiles);
    for (size_t t = 0; t < tiles; t++)
        tile_write(work, &part, first + t, products + t * w->padded, step, temporary);
}

void winograd_run(const struct winograd *w, const struct conv_geometry *g,
                  const struct epilogue *epilogue, const struct conv_operands *operands)
{
    struct work work;

    work_make(w, g, operands->team, &work);
    if (!work.tiles)
        return;
    work.epilogue = epilogue;
    work.operands = operands;
    work.after = epilogue_limits(epilogue, &work.low, &work.high);
    spread_share(work.lanes > 1 ? operands->team : NULL, work.ns, work.blocks * work.parts,
                 block_run, &work);
}
