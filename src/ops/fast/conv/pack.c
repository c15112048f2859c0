// SPDX-License-Identifier: Apache-2.0
#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/conv/conv.h"
#include "ops/fast/move/transpose.h"

/* Floats of a column in one chunk: a panel of 64 columns is 192 KiB and stays in the L2 cache while
 * the rows pass. */
enum { CHUNK = 768 };

/* Packing goes by so many maps at once, a piece of the windows of each, and is shared by so many
 * weights. */
enum { LINES = 16, PIECE = 256, CHUNK_WEIGHTS = 1 << 16 };

const struct conv_tiles *conv_tiles_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &conv_tiles_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &conv_tiles_avx2;
#endif
    return &conv_tiles_portable;
}

bool conv_all_finite(const float *values, size_t count)
{
    enum { ACCUMULATORS = 16 };
    float sums[ACCUMULATORS] = {0}, sum = 0;
    size_t i = 0;

    for (; i + ACCUMULATORS <= count; i += ACCUMULATORS)
        for (size_t j = 0; j < ACCUMULATORS; j++)
            sums[j] += values[i + j] * 0; /* NaN for what is not finite */
    for (; i < count; i++)
        sum += values[i] * 0;
    for (size_t j = 0; j < ACCUMULATORS; j++)
        sum += sums[j];
    return sum == 0;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static enum status make_chunks(struct conv_weights *w, struct arena *keep, struct error *err)
{
    size_t pieces = divide_up(w->run_length, CHUNK), each, made = 0, k = 0;

    if (!w->runs || !pieces)
        return STATUS_OK;
    if (pieces > 1) { /* of a run */
        each = divide_up(w->run_length, pieces);
        w->chunks = arena_new(keep, struct conv_chunk, w->runs * pieces);
        if (!w->chunks)
            return error_no_memory(err, "chunks of weights");
        for (size_t run = 0; run < w->runs; run++)
            for (size_t from = 0; from < w->run_length; from += each) {
                size_t left = w->run_length - from, length = left < each ? left : each;

                w->chunks[made++] = (struct conv_chunk){run, 1, from, length, k};
                k += length;
            }
    } else { /* several runs */
        each = CHUNK / w->run_length;
        each = divide_up(w->runs, divide_up(w->runs, each));
        w->chunks = arena_new(keep, struct conv_chunk, divide_up(w->runs, each));
        if (!w->chunks)
            return error_no_memory(err, "chunks of weights");
        for (size_t run = 0; run < w->runs; run += each) {
            size_t left = w->runs - run, count = left < each ? left : each;

            w->chunks[made++] = (struct conv_chunk){run, count, 0, w->run_length, k};
            k += count * w->run_length;
        }
    }
    w->chunk_count = made;
    return STATUS_OK;
}

/* A tap of a map's window, channel 0. */
static const unaligned_float *tap_of(const struct conv_source *s, const unaligned_float *map,
                                     size_t tap)
{
    size_t line = tap / s->kernel[2];

    return map + s->first + (ptrdiff_t)(line / s->kernel[1]) * s->step[0] +
           (ptrdiff_t)(line % s->kernel[1]) * s->step[1] +
           (ptrdiff_t)(tap % s->kernel[2]) * s->step[2];
}

/* Weights [first, first + count) of a map's window, in the order of its taps, the channels of one
 * tap beside each other. */
static void read_window(const struct conv_source *s, const unaligned_float *map, size_t first,
                        size_t count, float *to)
{
    size_t tap = first / s->channels, channel = first % s->channels;

    for (; count; tap++, channel = 0) {
        size_t left = s->channels - channel, part = left < count ? left : count;
        const unaligned_float *from = tap_of(s, map, tap) + channel * s->channel_step;

        if (s->channel_step == 1)
            memcpy(to, from, part * sizeof *to);
        else
            for (size_t c = 0; c < part; c++)
                to[c] = from[c * s->channel_step];
        to += part;
        count -= part;
    }
}

static void scale(float *values, size_t count, double by)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(values[i] * by);
}

/* `count` maps side by side: weights [first, first + length) of their windows, `to` for the first,
 * the next ones `width` further. */
static void pack_lines(const struct conv_source *s, const unaligned_float *map,
                       const double *factors, size_t count, size_t first, size_t length,
                       size_t width, float *to)
{
    float lines[LINES][PIECE];
    struct transposition turn;

    for (size_t done, end = first + length; first < end; first += done) {
        done = end - first < PIECE ? end - first : PIECE;
        for (size_t j = 0; j < count; j++) {
            read_window(s, map + j * s->map_step, first, done, lines[j]);
            if (factors)
                scale(lines[j], done, factors[j]);
        }
        turn = (struct transposition){lines, to, done, count, PIECE, (ptrdiff_t)width};
        if (!transpose_run(&turn, sizeof *to))
            for (size_t k = 0; k < done; k++)
                for (size_t j = 0; j < count; j++)
                    to[k * width + j] = lines[j][k];
        to += done * width;
    }
}

/* The same where neighbouring maps are neighbours in the source too. */
static void pack_rows(const struct conv_source *s, const unaligned_float *map,
                      const double *factors, size_t count, size_t first, size_t length,
                      size_t width, float *to)
{
    size_t tap = first / s->channels, channel = first % s->channels;

    for (; length; length--, to += width) {
        const unaligned_float *from = tap_of(s, map, tap) + channel * s->channel_step;

        if (factors)
            for (size_t j = 0; j < count; j++)
                to[j] = (float)(from[j] * factors[j]);
        else
            memcpy(to, from, count * sizeof *to);
        if (++channel == s->channels) {
            channel = 0;
            tap++;
        }
    }
}

struct packing {
    const struct conv_source *source;
    const struct conv_weights *weights;
    size_t panels; /* in a chunk */
    bool finite;
};

/* Panel `i`, counted through all groups. */
static bool pack_panel(const struct conv_source *s, const struct conv_weights *w, size_t i)
{
    size_t group = i / w->panels, column, vectors, width, maps;
    const unaligned_float *from = s->data + group * s->group_step;
    float *to = w->data + group * w->runs * w->run_length * w->padded;
    const double *factors;
    bool finite = true;

    conv_panel(w, i % w->panels, &column, &vectors);
    width = vectors * w->tiles->lanes;
    maps = s->maps - column < width ? s->maps - column : width;
    factors = s->factors ? s->factors + group * s->maps + column : NULL;
    for (size_t c = 0; c < w->chunk_count; c++) {
        const struct conv_chunk *chunk = &w->chunks[c];
        size_t length = chunk->run_count * chunk->length;
        size_t first = chunk->first_run * w->run_length + chunk->from;
        float *panel = to + chunk->k * w->padded + length * column;

        if (s->map_step == 1)
            pack_rows(s, from + column, factors, maps, first, length, width, panel);
        else
            for (size_t j = 0; j < maps; j += LINES)
                pack_lines(s, from + (column + j) * s->map_step, factors ? factors + j : NULL,
                           maps - j < LINES ? maps - j : LINES, first, length, width, panel + j);
        finite = conv_all_finite(panel, length * width) && finite;
    }
    return finite;
}

static void work(void *context, size_t chunk, size_t lane)
{
    struct packing *packing = context;
    const struct conv_weights *w = packing->weights;
    size_t first = chunk * packing->panels, end = first + packing->panels;

    (void)lane;
    for (; first < end && first < w->groups * w->panels; first++)
        if (!pack_panel(packing->source, w, first))
            __atomic_store_n(&packing->finite, false, __ATOMIC_RELAXED);
}

static void pack(const struct conv_source *source, struct conv_weights *w, struct team *team)
{
    size_t depth = w->runs * w->run_length, panels = w->groups * w->panels;
    struct packing packing = {source, w, 1, true};

    w->finite = true;
    if (!depth)
        return;
    packing.panels += CHUNK_WEIGHTS * w->panels / (depth * w->padded);
    team_run(team, (panels + packing.panels - 1) / packing.panels, work, &packing);
    w->finite = packing.finite;
}

enum status conv_pack(const struct conv_source *source, const size_t *dilation,
                      struct conv_weights *w, struct team *team, struct arena *keep,
                      struct error *err)
{
    const size_t *kernel = source->kernel;
    /* neighbours along the width are neighbours in memory */
    bool joined = source->groups == 1 && (dilation[2] == 1 || kernel[2] == 1);
    size_t taps = kernel[0] * kernel[1] * kernel[2], lanes, count;

    *w = (struct conv_weights){
        .tiles = conv_tiles_of_machine(),
        .groups = source->groups,
        .maps = source->maps,
        .channels = source->channels,
        .kernel = {kernel[0], kernel[1], kernel[2]},
        .dilation = {dilation[0], dilation[1], dilation[2]},
        .runs = joined ? kernel[0] * kernel[1] : taps,
        .run_length = source->channels * (joined ? kernel[2] : 1),
    };
    if (!taps || !w->run_length) { /* y is the bias */
        w->runs = w->run_length = 0;
        w->kernel[0] = w->kernel[1] = w->kernel[2] = 1;
    }
    lanes = w->tiles->lanes;
    w->padded = divide_up(source->maps, lanes) * lanes;
    w->panels = divide_up(w->padded / lanes, w->tiles->vectors_max);
    TRY(make_chunks(w, keep, err));
    if (!checked_multiply(w->groups * w->padded, w->runs * w->run_length, &count))
        return error_no_memory(err, "packed weights");
    w->data = arena_alloc(keep, count + 1024, sizeof(float)); /* 64-byte aligned */
    w->bias = arena_alloc(keep, w->groups * w->padded + 1024, sizeof(float));
    if (!w->data || !w->bias)
        return error_no_memory(err, "packed weights");
    pack(source, w, team);
    for (size_t g = 0; source->bias && g < w->groups; g++)
        memcpy(w->bias + g * w->padded, source->bias + g * w->maps, w->maps * sizeof(float));
    return STATUS_OK;
}
