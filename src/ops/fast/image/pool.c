// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/image/pool.h"

#include <string.h>

#include "ops/fast/image/rows.h"
#include "ops/fast/spread.h"

enum {
    TAPS_MAX = 128, /* elements of a window */
};
static const double NS = 0.1; /* of an element read */

/* First tap inside the input and how many of them: of output `at` in dimension d. */
static int64_t inside_of(const struct window *w, int d, int64_t at, int64_t *count)
{
    int64_t start = at * w->stride[d] - w->begin[d], first = 0, end;

    if (start < 0)
        first = (-start + w->dilation[d] - 1) / w->dilation[d];
    end = w->in[d] > start ? (w->in[d] - start - 1) / w->dilation[d] + 1 : 0;
    end = end < w->kernel[d] ? end : w->kernel[d];
    *count = end > first ? end - first : 0;
    return start + first * w->dilation[d];
}

/* Taps that lie in the input or its pads: those beyond both, which ceil_mode adds, do not count. */
static int64_t padded_of(const struct window *w, int d, int64_t at)
{
    int64_t start = at * w->stride[d] - w->begin[d], end = w->in[d] + w->end[d];
    int64_t count = end > start ? (end - start - 1) / w->dilation[d] + 1 : 0;

    return count < w->kernel[d] ? count : w->kernel[d];
}

bool image_pool_fits(const struct image_pool *pool)
{
    const struct window *w = &pool->window;
    int64_t taps = 1, count;

    if (pool->dtype != DTYPE_F32 &&
        (pool->mean || (pool->dtype != DTYPE_U8 && pool->dtype != DTYPE_I8)))
        return false;
    for (int d = 0; d < w->rank; d++) {
        if (w->kernel[d] > TAPS_MAX)
            return false;
        taps *= w->kernel[d];
        for (int64_t at = 0; at < w->out[d]; at++) {
            inside_of(w, d, at, &count);
            if (count == 0)
                return false;
        }
    }
    return taps <= TAPS_MAX;
}

/* The rows under the window at `at` of the item that begins at x. */
static size_t rows_of(const struct image_pool *pool, const char *x, const int64_t *at,
                      const void **rows, int64_t *padded)
{
    const struct window *w = &pool->window;
    int64_t first[WINDOW_RANK_MAX], taps[WINDOW_RANK_MAX], tap[WINDOW_RANK_MAX] = {0};
    size_t row_bytes = pool->channels * dtype_size(pool->dtype), count = 0;

    *padded = 1;
    for (int d = 0; d < w->rank; d++) {
        first[d] = inside_of(w, d, at[d], &taps[d]);
        *padded *= padded_of(w, d, at[d]);
    }
    do {
        int64_t index = 0;

        for (int d = 0; d < w->rank; d++)
            index = index * w->in[d] + first[d] + tap[d] * w->dilation[d];
        rows[count++] = x + (size_t)index * row_bytes;
    } while (index_next(tap, taps, w->rank));
    return count;
}

static void pool_one(const struct image_pool *pool, const struct row_kernels *kernels,
                     const void *const *rows, size_t count, int64_t padded, void *y)
{
    if (pool->mean) {
        kernels->sum(y, (const float *const *)rows, count, pool->channels);
        kernels->divide(y, (float)(pool->count_pads ? padded : (int64_t)count), pool->channels);
    } else if (pool->dtype == DTYPE_F32) {
        kernels->max(y, (const float *const *)rows, count, pool->channels);
    } else if (pool->dtype == DTYPE_U8) {
        kernels->max_u8(y, (const uint8_t *const *)rows, count, pool->channels);
    } else {
        kernels->max_i8(y, (const int8_t *const *)rows, count, pool->channels);
    }
}

struct pooling {
    const struct image_pool *pool;
    const struct row_kernels *kernels;
    size_t lines, lines_per_chunk; /* a line: all outputs of one outermost index of one item */
    size_t in_bytes, line_outputs, row_bytes;
};

/* Outputs from `at` on, at most `most`, whose windows lie inside in the last dimension and so
 * differ only in where they are. */
static size_t alike(const struct window *w, const int64_t *at, int64_t most)
{
    int last = w->rank - 1;
    int64_t start = at[last] * w->stride[last] - w->begin[last];
    int64_t span = (w->kernel[last] - 1) * w->dilation[last] + 1, room = w->in[last] - span - start;

    if (start < 0 || room < 0)
        return 1;
    room = room / w->stride[last] + 1;
    return (size_t)(room < most ? room : most);
}

static void pool_line(const struct pooling *p, size_t line)
{
    const struct image_pool *pool = p->pool;
    const struct window *w = &pool->window;
    size_t outer = (size_t)w->out[0], step;
    const char *x = (const char *)pool->x + line / outer * p->in_bytes;
    char *y = (char *)pool->y + line * p->line_outputs * p->row_bytes;
    int64_t at[WINDOW_RANK_MAX] = {(int64_t)(line % outer)}, padded;
    const void *rows[TAPS_MAX];
    int last = w->rank - 1;

    step = (size_t)w->stride[last] * pool->channels;
    do {
        bool largest = !pool->mean && pool->dtype == DTYPE_F32 && last > 0;
        size_t windows = largest ? alike(w, at, w->out[last] - at[last]) : 1;
        size_t count = rows_of(pool, x, at, rows, &padded);

        if (windows > 1)
            p->kernels->max_windows((float *)(void *)y, (const float *const *)rows, count,
                                    pool->channels, windows, step);
        else
            pool_one(pool, p->kernels, rows, count, padded, y);
        y += windows * p->row_bytes;
        at[last] += last > 0 ? (int64_t)windows - 1 : 0;
    } while (index_next(at + 1, w->out + 1, last));
}

static void pool_chunk(void *context, size_t chunk, size_t lane)
{
    const struct pooling *p = context;
    size_t from = chunk * p->lines_per_chunk, to = from + p->lines_per_chunk;

    (void)lane;
    for (size_t line = from; line < to && line < p->lines; line++)
        pool_line(p, line);
}

void image_pool_run(const struct image_pool *pool, struct team *team)
{
    const struct window *w = &pool->window;
    struct pooling p = {
        .pool = pool,
        .kernels = row_kernels(),
        .lines = pool->n * (size_t)w->out[0],
        .line_outputs = 1,
        .row_bytes = pool->channels * dtype_size(pool->dtype),
    };
    size_t read = pool->channels, chunks;
    double ns;

    p.in_bytes = p.row_bytes;
    for (int d = 0; d < w->rank; d++) {
        p.in_bytes *= (size_t)w->in[d];
        p.line_outputs *= d ? (size_t)w->out[d] : 1;
        read *= (size_t)(d ? w->out[d] * w->kernel[d] : w->kernel[d]);
    }
    ns = NS * (double)(read * p.lines);
    chunks = spread_chunks(team, ns);
    p.lines_per_chunk = p.lines / chunks + 1;
    spread_share(team, ns, (p.lines + p.lines_per_chunk - 1) / p.lines_per_chunk, pool_chunk, &p);
}

/* --- over a whole item --- */

enum { BLOCK_ROWS = 64, BLOCK_CHANNELS = 256 };

struct whole {
    const struct row_kernels *kernels;
    const float *x;
    float *y;
    size_t count, channels, blocks; /* blocks of channels in an item */
    bool mean;
};

/* One item of few channels: several rows are taken as one, and at the end its parts together. */
static void whole_short(const struct whole *w, const float *x, float *y)
{
    size_t together = BLOCK_CHANNELS / w->channels, n = together * w->channels;
    size_t count = w->count / together, rest = count * together;
    const float *rows[BLOCK_ROWS], *parts[BLOCK_CHANNELS];
    float total[BLOCK_CHANNELS], part[BLOCK_CHANNELS], both[BLOCK_CHANNELS];
    void (*merge)(float *, const float *const *, size_t, size_t) =
        w->mean ? w->kernels->sum : w->kernels->max;

    for (size_t r = 0; r < count; r += BLOCK_ROWS - 1) {
        size_t many = count - r < BLOCK_ROWS - 1 ? count - r : BLOCK_ROWS - 1;

        for (size_t k = 0; k < many; k++)
            rows[k] = x + (r + k) * n;
        merge(part, rows, many, n);
        rows[0] = part;
        rows[1] = total;
        merge(both, rows, r ? 2 : 1, n);
        memcpy(total, both, n * sizeof *total);
    }
    for (size_t k = 0; k < together; k++)
        parts[k] = total + k * w->channels;
    merge(y, parts, together, w->channels);
    for (; rest < w->count; rest++) {
        parts[0] = y;
        parts[1] = x + rest * w->channels;
        merge(part, parts, 2, w->channels);
        memcpy(y, part, w->channels * sizeof *y);
    }
    if (w->mean)
        w->kernels->divide(y, (float)w->count, w->channels);
}

/* One block of channels of one item. Sums of BLOCK_ROWS rows first, so that little is lost. */
static void whole_chunk(void *context, size_t chunk, size_t lane)
{
    const struct whole *w = context;
    size_t item = chunk / w->blocks, from = chunk % w->blocks * BLOCK_CHANNELS;
    size_t n = w->channels - from < BLOCK_CHANNELS ? w->channels - from : BLOCK_CHANNELS;
    const float *x = w->x + item * w->count * w->channels + from, *rows[BLOCK_ROWS];
    float part[BLOCK_CHANNELS], *y = w->y + item * w->channels + from;

    (void)lane;
    if (2 * w->channels <= BLOCK_CHANNELS && w->count >= BLOCK_ROWS * 4) {
        whole_short(w, x, y);
        return;
    }
    for (size_t r = 0; r < w->count; r += BLOCK_ROWS) {
        size_t count = w->count - r < BLOCK_ROWS ? w->count - r : BLOCK_ROWS;
        float *to = r ? part : y;

        for (size_t k = 0; k < count; k++)
            rows[k] = x + (r + k) * w->channels;
        if (w->mean)
            w->kernels->sum(to, rows, count, n);
        else
            w->kernels->max(to, rows, count, n);
        if (r && w->mean)
            for (size_t i = 0; i < n; i++)
                y[i] += part[i];
        else if (r)
            for (size_t i = 0; i < n; i++)
                y[i] = part[i] > y[i] || part[i] != part[i] ? part[i] : y[i];
    }
    if (w->mean)
        w->kernels->divide(y, (float)w->count, n);
}

static void whole_run(struct whole *w, size_t n, struct team *team)
{
    double ns = NS * (double)(n * w->count * w->channels);

    w->kernels = row_kernels();
    w->blocks = (w->channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    if (spread_chunks(team, ns) < 2)
        team = NULL;
    spread_share(team, ns, n * w->blocks, whole_chunk, w);
}

void image_mean_all(const float *x, float *y, size_t n, size_t count, size_t channels,
                    struct team *team)
{
    whole_run(&(struct whole){.x = x, .y = y, .count = count, .channels = channels, .mean = true},
              n, team);
}

void image_max_all(const float *x, float *y, size_t n, size_t count, size_t channels,
                   struct team *team)
{
    whole_run(&(struct whole){.x = x, .y = y, .count = count, .channels = channels}, n, team);
}
