// SPDX-License-Identifier: Apache-2.0
#include "base/checked.h"
#include "base/cpu.h"
#include "ops/fast/conv/conv.h"

/* Floats of a column in one chunk: a panel of 64 columns is 192 KiB and stays in the L2 cache while
 * the rows pass. */
enum { CHUNK = 768 };

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

/* Panel of `columns` maps from `from` on. A window's floats are in the order of its taps, the
 * channels of one tap beside each other. */
static void pack_panel(const struct conv_source *s, const float *from, size_t columns,
                       const struct conv_weights *w, float *group, size_t column, size_t width)
{
    const size_t *kernel = s->kernel;
    size_t chunk = 0, left = 0;
    float *to = NULL;

    for (size_t d = 0; d < kernel[0]; d++)
        for (size_t h = 0; h < kernel[1]; h++)
            for (size_t l = 0; l < kernel[2]; l++) {
                const float *tap = from + s->first + (ptrdiff_t)d * s->step[0] +
                                   (ptrdiff_t)h * s->step[1] + (ptrdiff_t)l * s->step[2];

                for (size_t c = 0; c < s->channels; c++, to += width, left--) {
                    if (!left) {
                        left = w->chunks[chunk].run_count * w->chunks[chunk].length;
                        to = group + w->chunks[chunk].k * w->padded + left * column;
                        chunk++;
                    }
                    for (size_t j = 0; j < columns; j++)
                        to[j] = tap[c * s->channel_step + j * s->map_step];
                }
            }
}

static void pack_group(const struct conv_source *s, size_t group, struct conv_weights *w)
{
    const float *from = s->data + group * s->group_step;
    float *to = w->data + group * w->runs * w->run_length * w->padded;

    for (size_t i = 0; i < w->panels; i++) {
        size_t column, vectors, width, left;

        conv_panel(w, i, &column, &vectors);
        width = vectors * w->tiles->lanes;
        left = s->maps - column;
        pack_panel(s, from + column * s->map_step, left < width ? left : width, w, to, column,
                   width);
    }
}

enum status conv_pack(const struct conv_source *source, const size_t *dilation,
                      struct conv_weights *w, struct arena *keep, struct error *err)
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
    for (size_t g = 0; g < w->groups; g++) {
        pack_group(source, g, w);
        if (source->bias)
            memcpy(w->bias + g * w->padded, source->bias + g * w->maps, w->maps * sizeof(float));
    }
    return STATUS_OK;
}
