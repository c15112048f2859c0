// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/int8/depthwise.h"

#include "ops/fast/spread.h"

enum { BLOCK = 256, /* channels at once */ CHUNKS_A_LANE = 4 };
static const double FLOPS_PER_NS = 40;

static size_t tap_count_of(const struct int8_conv *conv)
{
    return shape_span(&conv->request.w->shape, 2, conv->request.w->shape.rank);
}

static size_t quads_of(size_t taps)
{
    return (taps + 3) / 4;
}

/* Blocks of INT8_QUAD_CHANNELS; in each, for every quad, parts 0 to 3 of the kernel's order. */
static enum status pack_quads(struct int8_conv *conv, struct arena *keep, struct error *err)
{
    enum { WIDE = INT8_QUAD_CHANNELS };
    size_t taps = tap_count_of(conv), quads = quads_of(taps), maps = conv->maps;
    size_t blocks = (maps + WIDE - 1) / WIDE;

    for (size_t i = 0; i < taps * maps; i++)
        if (conv->depthwise[i] < INT8_MIN || conv->depthwise[i] > INT8_MAX)
            return STATUS_OK;
    conv->quads = arena_alloc(keep, blocks * WIDE * quads * 4 + 4096, 1); /* 64-byte aligned */
    if (!conv->quads)
        return error_no_memory(err, "packed weights");
    for (size_t m = 0; m < maps; m++)
        for (size_t t = 0; t < taps; t++) {
            size_t c = m % WIDE, part = c % 16 / 4, lane = c / 16 * 4 + c % 4;
            int8_t *to = conv->quads + (m / WIDE * quads + t / 4) * WIDE * 4;

            to[part * WIDE + lane * 4 + t % 4] = (int8_t)conv->depthwise[t * maps + m];
        }
    return STATUS_OK;
}

enum status int8_depthwise_pack(struct int8_conv *conv, struct arena *keep, struct error *err)
{
    const struct tensor *w = conv->request.w;
    size_t taps = tap_count_of(conv), maps = conv->maps;

    conv->depthwise = arena_new(keep, int16_t, taps * maps);
    conv->sums = arena_new(keep, int32_t, maps);
    if (!conv->depthwise || !conv->sums)
        return error_no_memory(err, "packed weights");
    for (size_t m = 0; m < maps; m++)
        for (size_t t = 0; t < taps; t++) {
            int64_t zero = conv->request.w_zero ? conv->request.w_zero[m] : 0;
            int16_t value = (int16_t)(tensor_i64(w, m * taps + t) - zero);

            conv->depthwise[t * maps + m] = value;
            conv->sums[m] = (int32_t)((uint32_t)conv->sums[m] + (uint32_t)(int32_t)value);
        }
    return conv->kernels->quads ? pack_quads(conv, keep, err) : STATUS_OK;
}

/* --- running --- */

/* Channels [first, first + count), ready for `finish`. */
struct block {
    size_t first, count;
    int32_t offset[BLOCK];
    float none[BLOCK];
    struct int8_finish finish;
    bool is_quads;
};

static void block_prepare(const struct int8_depthwise_job *job, struct block *block)
{
    const struct int8_conv *conv = job->conv;
    const struct int8_output *output = job->output;
    const float *scale = conv->request.scale;
    uint32_t zero = (uint32_t)output->x_zero;
    bool is_bounded = scale != NULL;

    for (size_t i = 0; i < block->count && is_bounded; i++)
        is_bounded = scale[block->first + i] < 0.5f;
    block->is_quads = conv->quads && is_bounded && !output->residual.data &&
                      (output->target == INT8_TO_U8 || output->target == INT8_TO_I8);
    if (block->is_quads && job->geometry->dtype == DTYPE_I8)
        zero += 128;
    for (size_t i = 0; i < block->count; i++) {
        size_t m = block->first + i;
        uint32_t bias = conv->request.bias ? (uint32_t)conv->request.bias[m] : 0;

        block->offset[i] = (int32_t)(bias - zero * (uint32_t)conv->sums[m]);
    }
    int8_finish_of(output, &block->finish);
    block->finish.offset = block->offset;
    block->finish.scale = scale ? scale + block->first : block->none;
    block->finish.bias = output->shift ? output->shift + block->first : block->none;
    block->finish.columns = block->count;
    block->finish.row_count = 1;
    block->finish.is_bounded = is_bounded;
}

/* The first window of a row of outputs. */
static const char *row_at(const struct int8_depthwise_job *job, size_t row)
{
    const struct window *w = &job->geometry->window;
    const char *from = job->base;

    for (int d = w->rank - 2; d >= 0; d--) {
        from += (ptrdiff_t)(row % (size_t)w->out[d]) * w->stride[d] * job->steps[d];
        row /= (size_t)w->out[d];
    }
    return from;
}

static void run_quads(const struct int8_depthwise_job *job, struct block *block, size_t row,
                      size_t rows)
{
    const struct int8_conv *conv = job->conv;
    const struct window *w = &job->geometry->window;
    int last = w->rank - 1;
    ptrdiff_t taps[INT8_DEPTHWISE_TAPS_MAX + 3];
    struct int8_quads quads = {
        .x = row_at(job, row) + block->first,
        .taps = taps,
        .quads = quads_of(job->tap_count),
        .rows = rows,
        .width = (size_t)w->out[last],
        .channels = block->count,
        .row_step = last ? w->stride[last - 1] * job->steps[last - 1] : 0,
        .step = w->stride[last] * job->steps[last],
        .is_signed = job->geometry->dtype == DTYPE_I8,
        .finish = &block->finish,
    };

    quads.w = conv->quads + block->first * quads.quads * 4;
    for (size_t t = 0; t < 4 * quads.quads; t++)
        taps[t] = job->taps[t < job->tap_count ? t : 0];
    block->finish.y =
        (char *)job->output->y + row * quads.width * job->output->stride + block->first;
    conv->kernels->quads(&quads);
}

static void run_row(const struct int8_depthwise_job *job, const struct block *block, size_t row)
{
    const struct int8_conv *conv = job->conv;
    const struct int8_output *output = job->output;
    const struct window *w = &job->geometry->window;
    size_t width = (size_t)w->out[w->rank - 1], size = int8_target_size(output->target);
    ptrdiff_t step = w->stride[w->rank - 1] * job->steps[w->rank - 1];
    const char *from = row_at(job, row) + block->first, *x[INT8_DEPTHWISE_TAPS_MAX];
    int32_t sums[BLOCK] __attribute__((aligned(64)));
    struct int8_finish finish = block->finish;
    struct int8_depthwise d = {
        .x = x,
        .w = conv->depthwise + block->first,
        .taps = job->tap_count,
        .w_stride = conv->maps,
        .count = block->count,
        .is_signed = job->geometry->dtype == DTYPE_I8,
        .sums = sums,
    };

    finish.sums = sums;
    for (size_t j = 0; j < width; j++, from += step) {
        size_t at = row * width + j;

        for (size_t t = 0; t < job->tap_count; t++)
            x[t] = from + job->taps[t];
        conv->kernels->depthwise(&d);
        finish.y = (char *)output->y + at * output->stride + block->first * size;
        if (output->residual.data)
            finish.residual =
                (const char *)output->residual.data + at * output->residual.stride + block->first;
        conv->kernels->finish(&finish);
    }
}

struct rows {
    const struct int8_depthwise_job *job;
    size_t count, chunk;
};

static void work(void *context, size_t chunk, size_t lane)
{
    const struct rows *rows = context;
    const struct int8_depthwise_job *job = rows->job;
    size_t first = chunk * rows->chunk, end = first + rows->chunk;
    bool is_plane = job->geometry->window.rank <= 2; /* rows are equally far apart */

    (void)lane;
    end = end < rows->count ? end : rows->count;
    for (size_t c = 0; c < job->conv->maps; c += BLOCK) {
        size_t left = job->conv->maps - c;
        struct block block = {.first = c, .count = left < BLOCK ? left : BLOCK};

        block_prepare(job, &block);
        if (block.is_quads && is_plane)
            run_quads(job, &block, first, end - first);
        for (size_t row = first; row < end && !(block.is_quads && is_plane); row++) {
            if (block.is_quads)
                run_quads(job, &block, row, 1);
            else
                run_row(job, &block, row);
        }
    }
}

void int8_depthwise_run(const struct int8_depthwise_job *job, struct team *team)
{
    const struct window *w = &job->geometry->window;
    struct rows rows = {job, 1, 1};
    size_t chunks, most;
    double flops;

    for (int d = 0; d < w->rank - 1; d++)
        rows.count *= (size_t)w->out[d];
    flops = 2.0 * (double)rows.count * (double)w->out[w->rank - 1] *
            (double)(job->conv->maps * job->tap_count);
    chunks = spread_chunks(team, flops / FLOPS_PER_NS);
    most = CHUNKS_A_LANE * team_lanes(team);
    rows.chunk = rows.count / (chunks < most ? chunks : most) + 1;
    spread_share(team, flops / FLOPS_PER_NS, (rows.count + rows.chunk - 1) / rows.chunk, work,
                 &rows);
}
