// SPDX-License-Identifier: Apache-2.0
/* The loops around the micro-kernels: blocks of output lines, whose windows stay in the L2 cache,
 * then parts of the sum, panels, and tiles of a line. Where windows reach outside of x, the block's
 * part of x is copied with zeros around it, while it is hot; else x is read in place. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/fast/conv/conv.h"
#include "ops/fast/spread.h"

enum {
    BLOCK_BYTES = 256 << 10,    /* of x for one block: a share of the L2 cache */
    SEGMENT_LEAST = 28,         /* pixels of a line in one block, where it is cut */
    ALIGN = 16,                 /* floats: a cache line */
    STREAMED_BYTES = 384 << 10, /* of weights that do not stay in the L2 cache between blocks */
};

/* How the work is cut. */
struct cut {
    struct conv_geometry g;
    bool padded;                        /* by a copy */
    size_t lines, line_blocks;          /* output lines of a block; blocks along the height */
    size_t segment, segments;           /* pixels of a line in a block; and how many make a line */
    size_t parts;                       /* the panels of a block are split in so many */
    size_t region_height, region_width; /* of x for one block, with zeros */
    size_t block_floats;
    size_t lanes;
    double ns; /* it may take on one of them */
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* a b, or what no cache holds either. */
static size_t at_most(size_t a, size_t b)
{
    size_t product;

    return checked_multiply(a, b, &product) && product < SIZE_MAX / 2 ? product : SIZE_MAX / 2;
}

static bool is_empty(const struct conv_weights *w, const struct conv_geometry *g)
{
    return !g->n || !g->out[0] || !g->out[1] || !g->out[2] || !w->maps || !w->groups;
}

/* Do windows leave x anywhere? */
static bool leaves(const struct conv_weights *w, const struct conv_geometry *g)
{
    for (int i = 0; i < 3; i++) {
        ptrdiff_t last =
            (ptrdiff_t)((g->out[i] - 1) * g->stride[i] + (w->kernel[i] - 1) * w->dilation[i]) -
            g->begin[i];

        if (w->runs && (g->begin[i] > 0 || last >= (ptrdiff_t)g->in[i]))
            return true;
    }
    return false;
}

/* A product of pixels: x and y are matrices, and lines need not be told apart. */
static bool is_product(const struct conv_weights *w, const struct conv_geometry *g)
{
    size_t step = g->y_step[2], plane = 1;

    for (int i = 2; i >= 0; i--) {
        if (w->kernel[i] != 1 || g->stride[i] != 1 || g->begin[i] || g->in[i] != g->out[i] ||
            g->y_step[i] != step * plane)
            return false;
        plane *= g->out[i];
    }
    return g->n == 1 || g->y_image == step * plane;
}

/* Are threads to share the panels of a block rather than its pixels? Each pass over the weights, or
 * over x, is for one share: the smaller of the two is what passes more than once. */
static bool shares_panels(const struct conv_weights *w, const struct conv_geometry *g, size_t lanes)
{
    double x = (double)(g->n * g->in[0] * g->in[1] * g->in[2]) * (double)g->x_step;
    double weights = (double)(w->groups * w->padded) * (double)(w->runs * w->run_length);

    return lanes > 1 && w->groups * w->panels >= 2 * lanes && weights > x;
}

static void cut_make(const struct conv_weights *w, const struct conv_geometry *geometry,
                     struct team *team, struct cut *cut)
{
    struct conv_geometry *g = &cut->g;
    size_t outputs, wanted, pixel_floats, line_floats, blocks;
    double flops;
    bool by_pixels;

    *cut = (struct cut){.g = *geometry, .parts = 1, .lanes = 1};
    outputs = g->n * g->out[0] * g->out[1] * g->out[2];
    flops =
        2.0 * (double)outputs * (double)(w->runs * w->run_length) * (double)(w->maps * w->groups);
    cut->ns = flops / SPREAD_FLOPS_PER_NS;
    if (spread_chunks(team, cut->ns) > 1)
        cut->lanes = team_lanes(team);
    if (is_product(w, g)) {
        g->in[2] = g->out[2] = outputs;
        g->n = g->in[0] = g->out[0] = g->in[1] = g->out[1] = 1;
    }
    cut->padded = leaves(w, g);
    by_pixels = cut->lanes > 1 && !shares_panels(w, g, cut->lanes);

    /* pixels of a line */
    pixel_floats = at_most(g->x_step, at_most(g->stride[2], w->kernel[0] * w->kernel[1]));
    if (w->chunk_count > 1)
        pixel_floats = minimum(pixel_floats, divide_up(w->runs * w->run_length, w->chunk_count));
    wanted = BLOCK_BYTES / sizeof(float) / (pixel_floats + 1);
    if (by_pixels)
        wanted = minimum(wanted, divide_up(outputs, 2 * cut->lanes));
    if (wanted < SEGMENT_LEAST)
        wanted = SEGMENT_LEAST;
    cut->segments = divide_up(g->out[2], wanted);
    cut->segment = divide_up(g->out[2], cut->segments ? cut->segments : 1);
    if (cut->segments > 1) /* whole tiles */
        cut->segment = divide_up(cut->segment, SEGMENT_LEAST) * SEGMENT_LEAST;
    cut->segments = divide_up(g->out[2], cut->segment + !cut->segment);

    /* lines of a block */
    cut->region_width = (cut->segment - 1) * g->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1;
    line_floats =
        at_most(at_most(g->stride[1], w->kernel[0]), at_most(cut->region_width, g->x_step));
    cut->lines = BLOCK_BYTES / sizeof(float) / (line_floats + 1);
    if (by_pixels)
        cut->lines = minimum(cut->lines, g->n * g->out[0] * g->out[1] / (2 * cut->lanes));
    if (cut->segments > 1 || cut->lines < 1)
        cut->lines = 1;
    cut->line_blocks = divide_up(g->out[1], cut->lines);
    cut->lines = divide_up(g->out[1], cut->line_blocks + !cut->line_blocks);
    cut->region_height = (cut->lines - 1) * g->stride[1] + (w->kernel[1] - 1) * w->dilation[1] + 1;

    blocks = g->n * g->out[0] * cut->line_blocks * cut->segments;
    if (cut->lanes > 1 && blocks < 2 * cut->lanes)
        cut->parts = minimum(divide_up(2 * cut->lanes, blocks + !blocks), w->groups * w->panels);
    if (cut->padded && (!checked_multiply(w->kernel[0] * cut->region_height, cut->region_width,
                                          &cut->block_floats) ||
                        !checked_multiply(cut->block_floats, g->x_step, &cut->block_floats) ||
                        !checked_add(cut->block_floats, 2 * ALIGN - 1, &cut->block_floats)))
        cut->block_floats = SIZE_MAX;
    else
        cut->block_floats = cut->block_floats / ALIGN * ALIGN;
}

size_t conv_implicit_scratch(const struct conv_weights *w, const struct conv_geometry *g,
                             struct team *team)
{
    struct cut cut;
    size_t size, runs = divide_up(w->runs, ALIGN) * ALIGN;

    if (is_empty(w, g))
        return 0;
    cut_make(w, g, team, &cut);
    if (!checked_multiply(cut.block_floats, cut.lanes * sizeof(float), &size) ||
        !checked_add(size, runs * sizeof(ptrdiff_t), &size))
        return SIZE_MAX;
    return size;
}

struct work {
    const struct conv_weights *w;
    const struct epilogue *epilogue;
    const struct conv_operands *operands;
    struct cut cut;
    const ptrdiff_t *runs;
    float *blocks;   /* (lanes, block_floats) */
    float low, high; /* what the kernels hold the result within */
    bool after;      /* the activation is another function */
    bool streamed;   /* weights come from beyond the L2 cache for every block */
};

/* A block: lines [line, line + lines) of a plane of outputs, pixels [pixel, pixel + pixels). */
struct block {
    size_t image, plane, line, lines, pixel, pixels;
    const float *a; /* window of the first pixel */
    size_t a_line;  /* floats from line to line */
    float *y;
    const float *residual;
};

/* `count` pixels from pixel `at` of a line of x on, which is NULL outside; zeros where there are
 * none. */
static void copy_line(const struct conv_geometry *g, const float *line, ptrdiff_t at, size_t count,
                      float *to)
{
    ptrdiff_t in = (ptrdiff_t)g->in[2], end = at + (ptrdiff_t)count;
    ptrdiff_t low = at < 0 ? 0 : at, high = end > in ? in : end;
    size_t step = g->x_step;

    if (!line || low >= high) {
        memset(to, 0, count * step * sizeof(float));
        return;
    }
    memset(to, 0, (size_t)(low - at) * step * sizeof(float));
    memcpy(to + (size_t)(low - at) * step, line + (size_t)low * step,
           (size_t)(high - low) * step * sizeof(float));
    memset(to + (size_t)(high - at) * step, 0, (size_t)(end - high) * step * sizeof(float));
}

/* The block's part of x with zeros around it: (kernel[0], region_height, region_width, channels) */
static void copy_region(const struct work *work, const struct block *block, float *to)
{
    const struct conv_geometry *g = &work->cut.g;
    const struct conv_weights *w = work->w;
    size_t line_floats = g->in[2] * g->x_step, width = work->cut.region_width;
    size_t height = (block->lines - 1) * g->stride[1] + (w->kernel[1] - 1) * w->dilation[1] + 1;
    const float *image = work->operands->x + block->image * g->in[0] * g->in[1] * line_floats;
    ptrdiff_t first = (ptrdiff_t)(block->line * g->stride[1]) - g->begin[1];
    ptrdiff_t at = (ptrdiff_t)(block->pixel * g->stride[2]) - g->begin[2];

    for (size_t kd = 0; kd < w->kernel[0]; kd++) {
        ptrdiff_t d = (ptrdiff_t)(block->plane * g->stride[0] + kd * w->dilation[0]) - g->begin[0];
        float *plane = to + kd * work->cut.region_height * width * g->x_step;

        for (size_t h = 0; h < height; h++) {
            ptrdiff_t row = first + (ptrdiff_t)h;
            bool inside =
                d >= 0 && d < (ptrdiff_t)g->in[0] && row >= 0 && row < (ptrdiff_t)g->in[1];

            copy_line(g, inside ? image + ((size_t)d * g->in[1] + (size_t)row) * line_floats : NULL,
                      at, width, plane + h * width * g->x_step);
        }
    }
}

static struct block block_at(const struct work *work, size_t index, float *copy)
{
    const struct cut *cut = &work->cut;
    const struct conv_geometry *g = &cut->g;
    const struct conv_operands *operands = work->operands;
    struct block block;
    size_t y_at;

    block.pixel = index % cut->segments * cut->segment;
    index /= cut->segments;
    block.line = index % cut->line_blocks * cut->lines;
    index /= cut->line_blocks;
    block.plane = index % g->out[0];
    block.image = index / g->out[0];
    block.pixels = minimum(cut->segment, g->out[2] - block.pixel);
    block.lines = minimum(cut->lines, g->out[1] - block.line);
    if (cut->padded) {
        block.a = copy;
        block.a_line = g->stride[1] * cut->region_width * g->x_step;
        copy_region(work, &block, copy);
    } else {
        ptrdiff_t d = (ptrdiff_t)(block.plane * g->stride[0]) - g->begin[0];
        ptrdiff_t h = (ptrdiff_t)(block.line * g->stride[1]) - g->begin[1];
        ptrdiff_t p = (ptrdiff_t)(block.pixel * g->stride[2]) - g->begin[2];

        block.a = operands->x;
        if (work->w->runs)
            block.a += (((block.image * g->in[0] + (size_t)d) * g->in[1] + (size_t)h) * g->in[2] +
                        (size_t)p) *
                       g->x_step;
        block.a_line = g->stride[1] * g->in[2] * g->x_step;
    }
    y_at = block.image * g->y_image + block.plane * g->y_step[0] + block.line * g->y_step[1] +
           block.pixel * g->y_step[2];
    block.y = operands->y + y_at;
    block.residual = operands->residual ? operands->residual + y_at : NULL;
    return block;
}

/* All tiles of a block for one panel and one part of the sum. */
static void panel_run(const struct work *work, const struct block *block, size_t group,
                      size_t panel, const struct conv_chunk *chunk)
{
    const struct conv_weights *w = work->w;
    const struct conv_geometry *g = &work->cut.g;
    bool first = chunk->k == 0, final = !w->chunk_count || chunk == w->chunks + w->chunk_count - 1;
    size_t depth = chunk->run_count * chunk->length, column, vectors, width, rows_max, tiles, at;
    size_t fetched = 0;
    conv_tile_kernel *const *kernels;
    const float *next;
    struct conv_tile tile;

    conv_panel(w, panel, &column, &vectors);
    width = vectors * w->tiles->lanes;
    rows_max = w->tiles->rows_max[vectors - 1];
    kernels = w->tiles->rows[vectors - 1];
    at = group * w->maps + column;
    tile = (struct conv_tile){
        .a_step = g->stride[2] * g->x_step,
        .runs = work->runs + chunk->first_run,
        .run_count = chunk->run_count,
        .run_length = chunk->length,
        .panel =
            w->data + (group * w->runs * w->run_length + chunk->k) * w->padded + depth * column,
        .bias = first ? w->bias + group * w->padded + column : NULL,
        .c_step = g->y_step[2],
        .columns = minimum(width, w->maps - column),
        .low = final ? work->low : -INFINITY,
        .high = final ? work->high : INFINITY,
    };
    next = tile.panel + depth * width;
    if (next >= w->data + w->groups * w->runs * w->run_length * w->padded)
        next = w->data;
    tiles = divide_up(block->pixels, rows_max);
    for (size_t line = 0; line < block->lines; line++) {
        const float *a = block->a + line * block->a_line + group * w->channels + chunk->from;
        size_t c = line * g->y_step[1] + at, done = 0;

        for (size_t t = 0; t < tiles; t++) {
            size_t rows = block->pixels / tiles + (t < block->pixels % tiles);

            /* the weights that follow come near while these are used */
            tile.next = work->streamed && fetched < width / ALIGN ? next + fetched * depth * ALIGN
                                                                  : tile.panel;
            tile.next_step = tile.next == tile.panel ? 0 : ALIGN;
            fetched++;
            tile.a = a + done * tile.a_step;
            tile.c = block->y + c + done * tile.c_step;
            tile.residual =
                final && block->residual ? block->residual + c + done * tile.c_step : NULL;
            kernels[rows - 1](&tile);
            done += rows;
        }
    }
}

static void activate(const struct work *work, const struct block *block, size_t from, size_t count)
{
    const struct conv_geometry *g = &work->cut.g;
    bool whole = count == g->y_step[2];

    for (size_t line = 0; line < block->lines; line++) {
        float *y = block->y + line * g->y_step[1] + from;

        if (whole)
            epilogue_run(work->epilogue, y, 0, NULL, 0, 1, block->pixels * count);
        else
            epilogue_run(work->epilogue, y, g->y_step[2], NULL, 0, block->pixels, count);
    }
}

static void block_run(void *context, size_t chunk, size_t lane)
{
    static const struct conv_chunk NOTHING;
    const struct work *work = context;
    const struct conv_weights *w = work->w;
    size_t parts = work->cut.parts, part = chunk % parts, all = w->groups * w->panels;
    size_t from = all * part / parts, to = all * (part + 1) / parts, column, vectors, end;
    struct block block =
        block_at(work, chunk / parts, work->blocks + lane * work->cut.block_floats);

    for (size_t i = from; i < to;) {
        size_t group = i / w->panels, first = i % w->panels;
        size_t last = minimum(w->panels, first + to - i);

        for (size_t c = 0; c < (w->chunk_count ? w->chunk_count : 1); c++)
            for (size_t panel = first; panel < last; panel++)
                panel_run(work, &block, group, panel, w->chunk_count ? &w->chunks[c] : &NOTHING);
        i += last - first;
    }
    if (!work->after || from == to)
        return;
    conv_panel(w, from % w->panels, &column, &vectors);
    from = from / w->panels * w->maps + column;
    conv_panel(w, (to - 1) % w->panels, &column, &vectors);
    end = (to - 1) / w->panels * w->maps + minimum(w->maps, column + vectors * w->tiles->lanes);
    activate(work, &block, from, end - from);
}

static void runs_of(const struct work *work, ptrdiff_t *runs)
{
    const struct conv_weights *w = work->w;
    const struct cut *cut = &work->cut;
    const struct conv_geometry *g = &cut->g;
    size_t line = (cut->padded ? cut->region_width : g->in[2]) * g->x_step;
    size_t plane = (cut->padded ? cut->region_height : g->in[1] * w->dilation[0]) * line;
    size_t across = w->runs / (w->kernel[0] * w->kernel[1]);

    for (size_t i = 0; i < w->runs; i++) {
        size_t l = i % across, h = i / across % w->kernel[1], d = i / across / w->kernel[1];

        runs[i] =
            (ptrdiff_t)(d * plane + h * w->dilation[1] * line + l * w->dilation[2] * g->x_step);
    }
}

void conv_implicit_run(const struct conv_weights *w, const struct conv_geometry *g,
                       const struct epilogue *epilogue, const struct conv_operands *operands)
{
    struct work work = {
        .w = w,
        .epilogue = epilogue,
        .operands = operands,
        .runs = operands->scratch,
        .streamed =
            w->groups * w->padded * w->runs * w->run_length * sizeof(float) > STREAMED_BYTES,
    };
    size_t runs = divide_up(w->runs, ALIGN) * ALIGN;

    if (is_empty(w, g))
        return;
    cut_make(w, g, operands->team, &work.cut);
    runs_of(&work, operands->scratch);
    work.blocks = (float *)((char *)operands->scratch + runs * sizeof(ptrdiff_t));
    work.after = epilogue_limits(epilogue, &work.low, &work.high);
    spread_share(work.cut.lanes > 1 ? operands->team : NULL, work.cut.ns,
                 work.cut.g.n * work.cut.g.out[0] * work.cut.line_blocks * work.cut.segments *
                     work.cut.parts,
                 block_run, &work);
}
