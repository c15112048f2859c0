// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/image/resize.h"

#include "ops/fast/image/rows.h"
#include "ops/fast/spread.h"
#include "ops/kernels/strided.h"

enum {
    TAPS_MAX = 64,   /* of an output, over all axes */
    LINE_MAX = 4096, /* elements of an input line that is mixed before it is stretched */
    ROW_LEAST = 8,   /* shorter rows are not worth a call each */
};
static const double NS = 0.2; /* of an element written */

/* x and y are lines: (outer indices) by (the last axis that changes) by (a row of `inner`). */
struct lines {
    const struct image_resize *resize;
    const struct row_kernels *kernels;
    int last;                  /* the axis */
    bool idle[RANK_MAX];       /* axes that stay as they are */
    int64_t strides[RANK_MAX]; /* of x */
    size_t inner, count, per_chunk;
};

/* The taps of a line, or of one output. */
struct taps {
    size_t count;
    const float *rows[TAPS_MAX];
    float weights[TAPS_MAX];
};

/* Is every output of the axis the input of the same place? */
static bool is_idle(const struct image_resize *resize, int d)
{
    const struct resize_table *table = &resize->tables[d];
    int64_t out = resize->y->shape.dims[d];

    for (int64_t o = 0; o < out; o++) {
        double weight = resize->nearest && resize_index(table, o, 0) == o;

        for (int64_t k = 0; !resize->nearest && k < table->taps; k++) {
            double tap = table->weights[o * table->taps + k];

            if (tap != 0 && resize_index(table, o, k) != o)
                return false;
            weight += tap;
        }
        if (weight != 1)
            return false;
    }
    return table->in == out;
}

bool image_resize_fits(const struct image_resize *resize)
{
    const struct shape *out = &resize->y->shape;
    int64_t taps = 1;

    if (resize->x->dtype != DTYPE_F32 || out->rank < 1)
        return false;
    for (int d = 0; d < out->rank; d++) {
        const struct resize_table *table = &resize->tables[d];

        if (is_idle(resize, d))
            continue;
        if (table->taps > TAPS_MAX)
            return false;
        taps *= resize->nearest ? 1 : table->taps;
        if (taps > TAPS_MAX)
            return false;
        for (int64_t o = 0; o < out->dims[d]; o++)
            if (table->first[o] == RESIZE_OUTSIDE)
                return false;
    }
    return true;
}

/* All taps of axis `d` at output `at`, of each that is there already. */
static void taps_add(const struct lines *l, int d, int64_t at, struct taps *taps)
{
    const struct resize_table *table = &l->resize->tables[d];
    size_t had = taps->count, many = l->resize->nearest ? 1 : (size_t)table->taps;

    if (l->idle[d]) {
        for (size_t i = 0; i < had; i++)
            taps->rows[i] += at * l->strides[d];
        return;
    }
    taps->count = had * many;
    for (size_t i = taps->count; i-- > 0;) { /* backwards: the source is before the target */
        int64_t tap = (int64_t)(i % many);

        taps->rows[i] = taps->rows[i / many] + resize_index(table, at, tap) * l->strides[d];
        taps->weights[i] = taps->weights[i / many] *
                           (l->resize->nearest ? 1 : (float)table->weights[at * table->taps + tap]);
    }
}

static void blend(const struct lines *l, const struct taps *taps, float *y, size_t n)
{
    if (taps->count == 1 && taps->weights[0] == 1)
        memcpy(y, taps->rows[0], n * sizeof *y);
    else
        l->kernels->blend(y, taps->rows, taps->weights, taps->count, n);
}

/* Row by row. */
static void line_rows(const struct lines *l, const struct taps *above, float *y)
{
    struct taps taps;

    for (int64_t o = 0; o < l->resize->y->shape.dims[l->last]; o++, y += l->inner) {
        taps.count = above->count;
        for (size_t i = 0; i < above->count; i++) {
            taps.rows[i] = above->rows[i];
            taps.weights[i] = above->weights[i];
        }
        taps_add(l, l->last, o, &taps);
        blend(l, &taps, y, l->inner);
    }
}

/* Short rows: the lines above one another are mixed first. */
static void line_stretch(const struct lines *l, const struct taps *above, float *y)
{
    const struct resize_table *table = &l->resize->tables[l->last];
    size_t in = (size_t)table->in * l->inner, many = l->resize->nearest ? 1 : (size_t)table->taps;
    float mixed[LINE_MAX];
    const float *line = above->rows[0];

    if (above->count > 1 || above->weights[0] != 1) {
        blend(l, above, mixed, in);
        line = mixed;
    }
    for (int64_t o = 0; o < l->resize->y->shape.dims[l->last]; o++)
        for (size_t i = 0; i < l->inner; i++, y++) {
            float sum = 0;

            if (l->resize->nearest)
                sum = line[(size_t)resize_index(table, o, 0) * l->inner + i];
            else
                for (size_t k = 0; k < many; k++)
                    sum += (float)table->weights[(size_t)o * many + k] *
                           line[(size_t)resize_index(table, o, (int64_t)k) * l->inner + i];
            *y = sum;
        }
}

static void lines_chunk(void *context, size_t chunk, size_t lane)
{
    const struct lines *l = context;
    const struct shape *out = &l->resize->y->shape;
    size_t to = (chunk + 1) * l->per_chunk, row = (size_t)out->dims[l->last] * l->inner;
    bool stretch =
        l->inner < ROW_LEAST && (size_t)l->resize->tables[l->last].in * l->inner <= LINE_MAX;

    (void)lane;
    for (size_t line = chunk * l->per_chunk; line < to && line < l->count; line++) {
        struct taps taps = {1, {l->resize->x->data}, {1}};
        float *y = (float *)l->resize->y->data + line * row;
        size_t rest = line;

        for (int d = l->last - 1; d >= 0; d--) {
            taps_add(l, d, (int64_t)(rest % (size_t)out->dims[d]), &taps);
            rest /= (size_t)out->dims[d];
        }
        if (stretch)
            line_stretch(l, &taps, y);
        else
            line_rows(l, &taps, y);
    }
}

void image_resize_run(const struct image_resize *resize, struct team *team)
{
    const struct shape *out = &resize->y->shape;
    size_t chunks;
    struct lines l = {.resize = resize, .kernels = row_kernels(), .inner = 1, .count = 1};

    for (int d = 0; d < out->rank; d++)
        l.idle[d] = is_idle(resize, d);
    for (l.last = out->rank - 1; l.last > 0 && l.idle[l.last]; l.last--)
        l.inner *= (size_t)out->dims[l.last];
    for (int d = 0; d < l.last; d++)
        l.count *= (size_t)out->dims[d];
    shape_strides(&resize->x->shape, l.strides);
    chunks = spread_chunks(team, NS * (double)(l.count * (size_t)out->dims[l.last] * l.inner));
    l.per_chunk = l.count / chunks + 1;
    team_run(team, (l.count + l.per_chunk - 1) / l.per_chunk, lines_chunk, &l);
}
