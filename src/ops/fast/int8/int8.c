// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/int8/int8.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <string.h>

#include "base/cpu.h"
#include "ops/fast/int8/internal.h"
#include "ops/fast/spread.h"

enum {
    BLOCK_ROWS_MAX = 192,
    BLOCK_BYTES = 192 << 10,   /* of A that stay in L2 while the panels pass */
    PREFETCH_BYTES = 64 << 10, /* panels from this size on are fetched ahead */
};

static const double FLOPS_PER_NS = 4 * SPREAD_FLOPS_PER_NS, NS = 0.15; /* of an output */

static const struct int8_kernels *forced;

#if defined(__x86_64__)
/* Leaf 7, subleaf 1: not every compiler knows the name of the feature. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1;
}
#endif

static bool has_vnni(enum isa isa)
{
#if defined(__x86_64__)
    if (isa == ISA_AVX512)
        return __builtin_cpu_supports("avx512vnni");
    if (isa == ISA_AVX2)
        return has_avx_vnni();
#endif
    (void)isa;
    return false;
}

static const struct int8_kernels *const ALL[] = {
#if defined(__x86_64__)
    &int8_avx512_vnni, &int8_avx512, &int8_avx2_vnni, &int8_avx2,
#endif
    &int8_portable,
};

static bool is_usable(const struct int8_kernels *kernels, enum isa isa)
{
#if defined(__x86_64__)
    if (kernels == &int8_avx512_vnni)
        return isa >= ISA_AVX512 && has_vnni(ISA_AVX512);
    if (kernels == &int8_avx512)
        return isa >= ISA_AVX512;
    if (kernels == &int8_avx2_vnni)
        return isa >= ISA_AVX2 && has_vnni(ISA_AVX2);
    if (kernels == &int8_avx2)
        return isa >= ISA_AVX2;
#endif
    (void)isa;
    return true;
}

const struct int8_kernels *int8_kernels_of_machine(void)
{
    const struct int8_kernels *const *kernels = ALL;

    if (forced)
        return forced;
    while (!is_usable(*kernels, cpu_isa()))
        kernels++;
    return *kernels;
}

bool int8_kernels_force(const char *name)
{
    forced = NULL;
    for (size_t i = 0; name && i < sizeof ALL / sizeof *ALL; i++)
        if (!strcmp(ALL[i]->name, name) && is_usable(ALL[i], cpu_isa_best()))
            forced = ALL[i];
    return !name || forced;
}

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- running --- */

struct job {
    const struct int8_weights *weights;
    const struct int8_rows *rows;
    const struct int8_output *output;
    size_t m;           /* rows */
    int32_t zero, flip; /* x's zero point as the kernel sees it; what it adds */
    bool with_row_sums; /* a zero point of the weights is not 0 */
    size_t row_chunk, column_chunk, column_chunks;
};

/* The columns of a panel, ready for `finish`. */
struct panel {
    const char *data;
    size_t first, columns;
    int32_t offset[INT8_PANEL_MAX], w_zero[INT8_PANEL_MAX];
    float scale[INT8_PANEL_MAX], bias[INT8_PANEL_MAX];
    bool is_bounded;
};

/* Rows [first, first + count) of A. */
struct block {
    size_t first, count;
    const char *at[BLOCK_ROWS_MAX];
    int32_t sums[BLOCK_ROWS_MAX]; /* of the elements less zero; with_row_sums */
};

static void locate_rows(const struct int8_rows *rows, size_t first, size_t count, const char **at)
{
    size_t index[INT8_RANK_MAX] = {0}, rest = first;
    const char *from = rows->base;
    int last = rows->rank - 1;

    for (int d = last; d >= 0; d--) {
        index[d] = rest % rows->dims[d];
        rest /= rows->dims[d];
        from += (ptrdiff_t)index[d] * rows->steps[d];
    }
    for (size_t i = 0; i < count; i++) {
        at[i] = from;
        for (int d = last; d >= 0; d--) {
            from += rows->steps[d];
            if (++index[d] < rows->dims[d])
                break;
            from -= (ptrdiff_t)index[d] * rows->steps[d];
            index[d] = 0;
        }
    }
}

static int32_t run_sum(const struct job *job, const char *at)
{
    size_t run = job->weights->run;
    uint32_t sum = 0;

    if (job->weights->kernels->element == 2)
        for (size_t i = 0; i < run; i++)
            sum += (uint32_t)(int32_t)((const int16_t *)(const void *)at)[i];
    else if (job->rows->is_signed)
        for (size_t i = 0; i < run; i++)
            sum += (uint32_t)(int32_t)((const int8_t *)at)[i];
    else
        for (size_t i = 0; i < run; i++)
            sum += ((const uint8_t *)at)[i];
    return (int32_t)sum;
}

static void sum_rows(const struct job *job, struct block *block)
{
    const struct int8_weights *weights = job->weights;
    uint32_t depth = (uint32_t)(weights->tap_count * weights->run);

    for (size_t i = 0; i < block->count; i++) {
        uint32_t sum = depth * (uint32_t)(job->flip - job->zero);

        for (size_t t = 0; t < weights->tap_count; t++)
            sum += (uint32_t)run_sum(job, block->at[i] + job->rows->taps[t]);
        block->sums[i] = (int32_t)sum;
    }
}

static void panel_prepare(const struct job *job, struct panel *panel)
{
    const struct int8_output *output = job->output;

    panel->is_bounded = true;
    for (size_t j = 0; j < panel->columns; j++) {
        size_t column = panel->first + j;
        uint32_t bias = output->bias ? (uint32_t)output->bias[column] : 0;

        panel->offset[j] =
            (int32_t)(bias - (uint32_t)job->zero * (uint32_t)job->weights->sums[column]);
        panel->w_zero[j] = (output->w_zero ? output->w_zero[column] : 0) + job->weights->shift;
        panel->scale[j] = output->scale ? output->scale[column] : 0;
        panel->bias[j] = output->shift ? output->shift[column] : 0;
        panel->is_bounded = panel->is_bounded && panel->scale[j] < 0.5f;
    }
}

/* sum (x - zero)(w - w_zero) = sum (x - zero) w - w_zero sum (x - zero) */
static void subtract_row_sums(const struct block *block, size_t first, size_t rows,
                              const struct panel *panel, int32_t *sums)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < panel->columns; j++)
            sums[r * INT8_PANEL_MAX + j] =
                (int32_t)((uint32_t)sums[r * INT8_PANEL_MAX + j] -
                          (uint32_t)block->sums[first + r] * (uint32_t)panel->w_zero[j]);
}

void int8_finish_of(const struct int8_output *output, struct int8_finish *finish)
{
    const struct int8_residual *residual = &output->residual;

    *finish = (struct int8_finish){
        .target = output->target,
        .low = (float)(output->low - output->zero),
        .high = (float)(output->high - output->zero),
        .zero = output->zero,
        .y_stride = output->stride,
        .residual_stride = residual->stride,
        .residual_zero = residual->zero,
        .own = residual->own,
        .other = residual->other,
        .sum_low = (float)(residual->sum_low - residual->sum_zero),
        .sum_high = (float)(residual->sum_high - residual->sum_zero),
    };
}

size_t int8_target_size(enum int8_target target)
{
    return target == INT8_TO_U8 || target == INT8_TO_I8 ? 1 : 4;
}

static void block_times_panel(const struct job *job, const struct block *block,
                              const struct panel *panel)
{
    const struct int8_kernels *kernels = job->weights->kernels;
    const struct int8_output *output = job->output;
    int32_t sums[INT8_ROWS_MAX * INT8_PANEL_MAX] __attribute__((aligned(64)));
    struct int8_finish finish;
    struct int8_tile tile = {
        .taps = job->rows->taps,
        .tap_count = job->weights->tap_count,
        .run = job->weights->read,
        .panel = panel->data,
        .columns = panel->columns,
        .is_signed = job->rows->is_signed,
        .sums = sums,
        .ahead = panel->data + int8_panel_bytes(job->weights, panel->columns),
    };
    size_t ahead = int8_panel_bytes(job->weights, panel->columns);
    size_t steps = ahead / (panel->columns * kernels->group * kernels->element) + 1;
    size_t tiles = (block->count + kernels->rows_max - 1) / kernels->rows_max;
    size_t size = int8_target_size(output->target), rows;

    int8_finish_of(output, &finish);
    /* The next panel, a part with each tile, in whole lines; where it fits L1 it comes by itself.
     */
    if (ahead > PREFETCH_BYTES)
        tile.ahead_step = (ahead / (tiles * steps) + 64) / 64 * 64;
    finish.sums = sums;
    finish.offset = panel->offset;
    finish.scale = panel->scale;
    finish.bias = panel->bias;
    finish.columns = panel->columns;
    finish.is_bounded = panel->is_bounded;
    for (size_t i = 0; i < block->count; i += rows, tiles--) {
        size_t row = block->first + i;

        rows = (block->count - i + tiles - 1) / tiles; /* evenly: a tile of one row is slow */
        tile.rows = block->at + i;
        tile.row_count = finish.row_count = rows;
        kernels->tile(&tile);
        tile.ahead += steps * tile.ahead_step;
        if (job->with_row_sums)
            subtract_row_sums(block, i, rows, panel, sums);
        finish.y = (char *)output->y + row * output->stride + panel->first * size;
        if (output->residual.data)
            finish.residual = (const char *)output->residual.data + row * output->residual.stride +
                              panel->first * size;
        kernels->finish(&finish);
    }
}

static void work(void *context, size_t chunk, size_t lane)
{
    const struct job *job = context;
    const struct int8_weights *weights = job->weights;
    size_t depth = weights->tap_count * weights->run * weights->kernels->element + 1;
    size_t block_rows = BLOCK_BYTES / depth / weights->kernels->rows_max;
    size_t row = chunk / job->column_chunks * job->row_chunk;
    size_t first = chunk % job->column_chunks * job->column_chunk;
    size_t row_end = minimum(row + job->row_chunk, job->m);
    size_t end = minimum(first + job->column_chunk, weights->columns);
    struct block block;
    struct panel panel;

    (void)lane;
    block_rows = (block_rows < 4 ? 4 : block_rows) * weights->kernels->rows_max;
    block_rows = minimum(block_rows, BLOCK_ROWS_MAX);
    for (; row < row_end; row += block.count) {
        block.first = row;
        block.count = minimum(block_rows, row_end - row);
        locate_rows(job->rows, row, block.count, block.at);
        if (job->with_row_sums)
            sum_rows(job, &block);
        panel.data = (const char *)weights->data + int8_panel_bytes(weights, first);
        for (panel.first = first; panel.first < end; panel.first += panel.columns) {
            panel.columns = minimum(weights->kernels->panel, end - panel.first);
            panel_prepare(job, &panel);
            block_times_panel(job, &block, &panel);
            panel.data += int8_panel_bytes(weights, panel.columns);
        }
    }
}

static bool has_w_zero(const struct int8_weights *weights, const int32_t *w_zero)
{
    for (size_t j = 0; j < weights->columns; j++)
        if ((w_zero ? w_zero[j] : 0) + weights->shift)
            return true;
    return false;
}

void int8_run(const struct int8_weights *weights, const struct int8_rows *rows,
              const struct int8_output *output, struct team *team)
{
    struct job job = {
        .weights = weights,
        .rows = rows,
        .output = output,
        .m = 1,
        .flip = rows->is_signed && weights->kernels->element == 1 ? 128 : 0,
        .with_row_sums = has_w_zero(weights, output->w_zero),
    };
    size_t panel = weights->kernels->panel, panels = (weights->columns + panel - 1) / panel;
    size_t depth = weights->tap_count * weights->run, chunks, row_chunks;
    double ns;

    for (int d = 0; d < rows->rank; d++)
        job.m *= rows->dims[d];
    if (!job.m || !weights->columns)
        return;
    job.zero = output->x_zero + job.flip;
    ns = (double)job.m * (double)weights->columns * (2.0 * (double)depth / FLOPS_PER_NS + NS);
    chunks = spread_chunks(team, ns);
    chunks = minimum(chunks, 4 * team_lanes(team));
    row_chunks = minimum(chunks, (job.m + 47) / 48);
    job.column_chunks = minimum((chunks + row_chunks - 1) / row_chunks, panels);
    job.row_chunk =
        int8_rounded_up((job.m + row_chunks - 1) / row_chunks, weights->kernels->rows_max);
    job.column_chunk = (panels + job.column_chunks - 1) / job.column_chunks * panel;
    row_chunks = (job.m + job.row_chunk - 1) / job.row_chunk;
    job.column_chunks = (weights->columns + job.column_chunk - 1) / job.column_chunk;
    spread_share(team, ns, row_chunks * job.column_chunks, work, &job);
}

void int8_widen(const void *bytes, bool is_signed, size_t count, int16_t *words)
{
    if (is_signed)
        for (size_t i = 0; i < count; i++)
            words[i] = ((const int8_t *)bytes)[i];
    else
        for (size_t i = 0; i < count; i++)
            words[i] = ((const uint8_t *)bytes)[i];
}
