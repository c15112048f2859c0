// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/gemm/gemm.h"

#include "ops/fast/gemm/gemm_kernels.h"
#include "ops/fast/spread.h"

enum {
    ROWS_BYTES = 512 << 10, /* of the rows of A that pass by a panel: they stay in L2 */
    ROWS_LEAST = 192,
    TILES_SHARED = 4, /* rows of a chunk: every chunk passes over its panels once */
};

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- one rectangle of C --- */

struct rectangle {
    const struct gemm *gemm;
    const struct gemm_type *type;
    size_t size;        /* of an element */
    size_t row, column; /* first ones */
    size_t rows, columns;
};

/* C += residual, then the activation. */
static void finish(const struct gemm *g, size_t row, size_t column, size_t rows, size_t columns)
{
    if (!g->residual && epilogue_is_empty(g->epilogue))
        return;
    if (g->b->dtype == DTYPE_F32) {
        const float *residual = g->residual;

        epilogue_run(g->epilogue, (float *)g->c + row * g->ldc + column, g->ldc,
                     residual ? residual + row * g->ldr + column : NULL, g->ldr, rows, columns);
        return;
    }
    for (size_t i = row; i < row + rows; i++) {
        const double *residual = (const double *)g->residual + i * g->ldr;
        double *c = (double *)g->c + i * g->ldc;

        for (size_t j = column; j < column + columns; j++)
            c[j] += residual[j];
    }
}

/* No column of A: C is the bias. */
static void fill_bias(const struct gemm *g)
{
    size_t size = dtype_size(g->b->dtype), columns = g->b->columns;

    for (size_t i = 0; i < g->m && columns; i++) {
        char *c = (char *)g->c + i * g->ldc * size;

        if (g->bias)
            memcpy(c, g->bias, columns * size);
        else
            memset(c, 0, columns * size);
    }
    if (columns)
        finish(g, 0, 0, g->m, columns);
}

/* All rows of A by `panels` panels of B and a block of their rows, strip by strip. */
static void block_run(const struct rectangle *r, size_t row, size_t rows, size_t column,
                      size_t columns, size_t panels, size_t k0)
{
    const struct gemm *g = r->gemm;
    const struct packed_matrix *b = g->b;
    size_t size = r->size, depth = minimum(GEMM_BLOCK_BYTES / size, b->rows - k0);
    size_t width = (minimum(columns, r->type->panel) + r->type->vector - 1) / r->type->vector *
                   r->type->vector;
    size_t at = b->step ? k0 * b->step + column : column * b->rows + k0 * width;
    size_t stored = dtype_size(b->stored);
    size_t strips = (rows + r->type->rows_max - 1) / r->type->rows_max;
    struct gemm_strip strip = {
        .panel = (const char *)b->data + at * stored,
        .bias = g->bias ? (const char *)g->bias + column * size : NULL,
        .columns = columns,
        .depth = depth,
        .lda = g->lda,
        .ldc = g->ldc,
        .step = b->step ? b->step : width,
        .panels = panels,
        .distance = b->step ? r->type->panel : r->type->panel * b->rows,
        .add = k0 > 0,
    };
    const char *next = (const char *)strip.panel + depth * width * stored;
    const char *end = next + depth * width * stored;

    for (; strips; strips--) {
        strip.rows = (rows + strips - 1) / strips;
        strip.a = (const char *)g->a + (row * g->lda + k0) * size;
        strip.c = (char *)g->c + (row * g->ldc + column) * size;
        strip.next = next; /* of one row the strip itself loads as fast as can be */
        strip.next_step = !b->step && next < end ? GEMM_LINE : 0;
        next += depth * strip.next_step;
        r->type->strip(&strip);
        if (k0 + depth == b->rows)
            finish(g, row, column, strip.rows, columns);
        row += strip.rows;
        rows -= strip.rows;
    }
}

/* Panels beside each other that a strip of these rows takes. */
static size_t panels_of(const struct gemm_type *type, size_t rows, size_t columns)
{
    size_t panels = rows > type->rows_max ? 1 : type->panels_max[rows];

    return panels > 1 && columns >= panels * type->panel ? panels : 1;
}

static void rectangle_run(const struct rectangle *r)
{
    size_t block = GEMM_BLOCK_BYTES / r->size, k = r->gemm->b->rows, taken;
    size_t rows_max = ROWS_BYTES / (k * r->size);

    rows_max = rows_max > ROWS_LEAST ? rows_max : ROWS_LEAST;
    for (size_t i = 0; i < r->rows; i += rows_max) {
        size_t rows = minimum(rows_max, r->rows - i);

        for (size_t j = 0; j < r->columns; j += taken) {
            size_t panels = panels_of(r->type, rows, r->columns - j);

            taken = minimum(panels * r->type->panel, r->columns - j);
            for (size_t k0 = 0; k0 < k; k0 += block)
                block_run(r, r->row + i, rows, r->column + j, taken, panels, k0);
        }
    }
}

/* --- the whole, alone or shared --- */

struct sharing {
    const struct gemm *gemm;
    size_t rows, columns; /* of a chunk of C */
    size_t across;        /* chunks beside each other */
};

static void chunk_run(void *context, size_t chunk, size_t lane)
{
    const struct sharing *s = context;
    const struct gemm *g = s->gemm;
    size_t row = chunk / s->across * s->rows, column = chunk % s->across * s->columns;

    (void)lane;
    rectangle_run(&(struct rectangle){
        .gemm = g,
        .type = gemm_type_of(g->b->kernels, g->b->stored),
        .size = dtype_size(g->b->dtype),
        .row = row,
        .column = column,
        .rows = minimum(s->rows, g->m - row),
        .columns = minimum(s->columns, g->b->columns - column),
    });
}

static size_t parts(size_t total, size_t part)
{
    return (total + part - 1) / part;
}

/* About how long: what the multiplications take, or reading B. */
static double ns_of(const struct gemm *g)
{
    double elements = (double)g->b->rows * (double)g->b->columns;
    double products = 2 * (double)g->m * elements / SPREAD_FLOPS_PER_NS;
    double read = elements * (double)dtype_size(g->b->stored) / SPREAD_BYTES_PER_NS;

    return products > read ? products : read;
}

static void multiply_shared(const struct gemm *g, size_t wanted)
{
    const struct gemm_type *type = gemm_type_of(g->b->kernels, g->b->stored);
    size_t panels = parts(g->b->columns, type->panel);
    size_t across = minimum(panels, wanted), least = TILES_SHARED * type->rows_max;
    size_t down = minimum(parts(wanted, across), g->m / least + 1);
    struct sharing sharing = {.gemm = g};

    sharing.columns = parts(panels, across) * type->panel;
    sharing.across = parts(g->b->columns, sharing.columns);
    sharing.rows = parts(parts(g->m, down), type->rows_max) * type->rows_max;
    spread_share(g->team, ns_of(g), sharing.across * parts(g->m, sharing.rows), chunk_run,
                 &sharing);
}

void gemm_multiply(const struct gemm *g)
{
    size_t chunks;

    if (!g->m || !g->b->columns)
        return;
    if (!g->b->rows) {
        fill_bias(g);
        return;
    }
    chunks = spread_chunks(g->team, ns_of(g));
    if (chunks > 1)
        multiply_shared(g, chunks);
    else
        chunk_run(&(struct sharing){g, g->m, g->b->columns, 1}, 0, 0);
}

void gemm_run(const struct packed_matrix *b, const void *a, size_t m, size_t lda, const void *bias,
              void *c, size_t ldc)
{
    gemm_multiply(
        &(struct gemm){.b = b, .a = a, .m = m, .lda = lda, .bias = bias, .c = c, .ldc = ldc});
}
