// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/attention.h"

#include <math.h>

#include "base/checked.h"
#include "ops/fast/gemm/gemm.h"
#include "ops/fast/normalize.h"
#include "ops/fast/spread.h"
#include "ops/fast/vector.h"

enum {
    SCORES = 65536, /* of a block of queries: 256 KiB */
    QUERIES_LEAST = 12,
};

/* Scratch memory of a lane. */
struct parts {
    size_t keys, values, scores, factors, all; /* bytes */
};

static size_t queries_of(const struct attention *a)
{
    size_t queries = a->keys ? SCORES / a->keys / 6 * 6 : a->queries;

    queries = queries < QUERIES_LEAST ? QUERIES_LEAST : queries;
    return queries < a->queries ? queries : a->queries;
}

/* Floats from one row of scores to the next. */
static size_t score_step(const struct attention *a)
{
    return (a->keys + 15) / 16 * 16;
}

static bool parts_of(const struct attention *a, struct parts *parts)
{
    size_t rows = queries_of(a);

    parts->keys = gemm_packed_size(DTYPE_F32, a->size, a->keys);
    parts->values = gemm_packed_size(DTYPE_F32, a->keys, a->value_size);
    if (parts->keys == SIZE_MAX || parts->values == SIZE_MAX || a->keys > SIZE_MAX / 64 ||
        !checked_multiply(rows, score_step(a) * sizeof(float), &parts->scores))
        return false;
    parts->factors = (rows * sizeof(float) + 63) / 64 * 64;
    return checked_add(parts->keys, parts->values, &parts->all) &&
           checked_add(parts->all, parts->scores, &parts->all) &&
           checked_add(parts->all, parts->factors, &parts->all);
}

size_t attention_scratch_size(const struct attention *attention, size_t lanes)
{
    struct parts parts;
    size_t size;

    return parts_of(attention, &parts) && checked_multiply(parts.all, lanes, &size) ? size
                                                                                    : SIZE_MAX;
}

/* --- one row of scores --- */

static void apply_mask(const struct attention *a, size_t batch, size_t head, size_t query,
                       float *scores)
{
    size_t at = batch * a->mask_step[0] + head * a->mask_step[1] + query * a->mask_step[2];
    size_t step = a->mask_step[3];

    if (a->mask_is == DTYPE_BOOL) {
        const uint8_t *mask = (const uint8_t *)a->mask + at;

        for (size_t j = 0; j < a->keys; j++)
            scores[j] = mask[j * step] ? scores[j] : a->fill;
    } else {
        const float *mask = (const float *)a->mask + at;

        if (step == 1)
            for (size_t j = 0; j < a->keys; j++)
                scores[j] += mask[j];
        else
            for (size_t j = 0; j < a->keys; j++)
                scores[j] += mask[j * step];
    }
}

/* Scores to weights that are too large by the factor that is returned. */
static float weigh(const struct attention *a, size_t batch, size_t head, size_t query,
                   float *scores)
{
    int64_t last = (int64_t)query + a->causal_offset;
    size_t keys = a->keys;
    float max;

    if (a->mask)
        apply_mask(a, batch, head, query, scores);
    if (a->is_causal && last + 1 < (int64_t)keys)
        keys = last < 0 ? 0 : (size_t)last + 1;
    max = row_max(scores, keys);
    if (a->keys > keys)
        memset(scores + keys, 0, (a->keys - keys) * sizeof *scores);
    if (a->zero_forbidden && max == -INFINITY) {
        memset(scores, 0, keys * sizeof *scores);
        return 0;
    }
    return a->keys ? 1 / vector_exp_sum(scores, max, scores, keys) : 0;
}

/* --- heads --- */

struct sharing {
    const struct attention *attention;
    struct parts parts;
    char *scratch;
    size_t rows, blocks; /* queries of a block; blocks of a head */
    size_t per_chunk;    /* pairs of batch and head of keys; or 1 and blocks are shared as well */
    bool split;
};

struct head {
    size_t batch, key_head;
    struct packed_matrix keys, values;
    float *scores, *factors;
};

static const float *row_of(const struct attention_side *side, size_t batch, size_t head, size_t row)
{
    return side->data + batch * side->at.batch + head * side->at.head + row * side->at.row;
}

/* Queries [from, from + rows) of one head. */
static void block_run(const struct attention *a, const struct head *h, size_t head, size_t from,
                      size_t rows)
{
    size_t step = score_step(a);
    float *y = a->y + h->batch * a->y_at.batch + head * a->y_at.head + from * a->y_at.row;

    gemm_run(&h->keys, row_of(&a->q, h->batch, head, from), rows, a->q.at.row, NULL, h->scores,
             step);
    for (size_t i = 0; i < rows; i++)
        h->factors[i] = weigh(a, h->batch, head, from + i, h->scores + i * step);
    gemm_run(&h->values, h->scores, rows, step, NULL, y, a->y_at.row);
    for (size_t i = 0; i < rows; i++, y += a->y_at.row)
        row_scale(y, h->factors[i], y, a->value_size);
}

static void head_open(const struct sharing *s, size_t pair, size_t lane, struct head *h)
{
    const struct attention *a = s->attention;
    char *memory = s->scratch + lane * s->parts.all;
    const float *v;

    h->batch = pair / a->key_heads;
    h->key_head = pair % a->key_heads;
    gemm_pack_strided(&h->keys, DTYPE_F32, row_of(&a->k, h->batch, h->key_head, 0), a->k.at.row,
                      a->size, a->keys, true, a->scale, memory);
    memory += s->parts.keys;
    v = row_of(&a->v, h->batch, h->key_head, 0);
    if (a->queries > GEMM_IN_PLACE_ROWS ||
        !gemm_in_place(&h->values, DTYPE_F32, v, a->v.at.row, a->keys, a->value_size))
        gemm_pack_strided(&h->values, DTYPE_F32, v, a->v.at.row, a->keys, a->value_size, false, 1,
                          memory);
    memory += s->parts.values;
    h->scores = (float *)memory;
    h->factors = (float *)(memory + s->parts.scores);
}

static void chunk_run(void *context, size_t chunk, size_t lane)
{
    const struct sharing *s = context;
    const struct attention *a = s->attention;
    size_t group = a->heads / a->key_heads, pairs = a->batch * a->key_heads;
    size_t first = (s->split ? chunk / s->blocks : chunk) * s->per_chunk;
    struct head head;

    for (size_t pair = first; pair < first + s->per_chunk && pair < pairs; pair++) {
        head_open(s, pair, lane, &head);
        for (size_t g = 0; g < group; g++)
            for (size_t b = 0; b < s->blocks; b++) {
                size_t from = b * s->rows, left = a->queries - from;

                if (!s->split || b == chunk % s->blocks)
                    block_run(a, &head, head.key_head * group + g, from,
                              left < s->rows ? left : s->rows);
            }
    }
}

/* Few heads with many queries each are shared out by blocks of queries, which packs keys and values
 * more than once. */
void attention_run(const struct attention *a, void *scratch, struct team *team)
{
    struct sharing s = {.attention = a, .scratch = scratch, .rows = queries_of(a)};
    size_t pairs = a->batch * a->key_heads, chunks;
    double work;

    if (!a->batch || !a->heads || !a->queries || !a->value_size || !parts_of(a, &s.parts))
        return;
    s.blocks = (a->queries + s.rows - 1) / s.rows;
    work = 2.0 * (double)(a->batch * a->heads * a->queries) *
           (double)(a->keys * (a->size + a->value_size));
    chunks = spread_chunks(team, work / SPREAD_FLOPS_PER_NS);
    s.per_chunk = chunks < pairs ? (pairs + chunks - 1) / chunks : 1;
    s.split = chunks > pairs && pairs < 2 * team_lanes(team) && s.blocks > 1;
    team_run(team, (pairs + s.per_chunk - 1) / s.per_chunk * (s.split ? s.blocks : 1), chunk_run,
             &s);
}
