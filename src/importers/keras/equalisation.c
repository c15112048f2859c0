// SPDX-License-Identifier: Apache-2.0
/* ContrastLimitedAdaptiveHistogramEqualization: each tile of an image has a table of 256 levels,
 * from its clipped histogram; a pixel's level is between those of the four tiles around it. */
#include <math.h>

#include "importers/keras/internal.h"

enum { LEVELS = 256, TILES_MAX = 1 << 16, SIDE_MAX = 1 << 16 };

struct side {
    int64_t size, tiles, tile; /* of the image; how many tiles, of how many pixels each */
};

struct clahe {
    struct call *c;
    struct side y, x;
    int64_t channels;
};

static enum status side_of(struct side *side, int64_t size, int64_t tiles, struct error *err)
{
    if (size < 1 || size > SIDE_MAX || tiles < 1 || tiles > TILES_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld pixels in %lld tiles", (long long)size,
                         (long long)tiles);
    *side = (struct side){size, tiles, (size + tiles - 1) / tiles};
    return STATUS_OK;
}

/* The image made larger to whole tiles, mirrored at its end with its last pixel twice. */
static enum status mirror(struct clahe *n, const struct side *side, int64_t axis, value_id *images,
                          struct error *err)
{
    int64_t count = side->tiles * side->tile, period = 2 * side->size, *places, at;
    value_id index;

    if (count == side->size)
        return STATUS_OK;
    places = arena_new(n->c->k->keep, int64_t, (size_t)count);
    if (!places)
        return error_no_memory(err, "the places of pixels");
    for (int64_t i = 0; i < count; i++) {
        at = i % period;
        places[i] = at < side->size ? at : period - 1 - at;
    }
    TRY(emit_ints(n->c->e, places, (size_t)count, &index, err));
    return emit_node(n->c->e, "", "Gather", EMIT(*images, index),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), images, err);
}

/* (images, rows, columns) of int64 levels -> (tiles of all images, 256): how often each is. */
static enum status histograms(struct clahe *n, value_id levels, value_id *counts, struct error *err)
{
    static const int64_t PERM[] = {0, 1, 3, 2, 4};
    const struct emitter *e = n->c->e;
    value_id shape, rows, width, ones, zeros;

    TRY(emit_reshape(e, levels, (const int64_t[]){-1, n->y.tiles, n->y.tile, n->x.tiles, n->x.tile},
                     5, &levels, err));
    TRY(emit_transpose(e, levels, PERM, 5, &levels, err));
    TRY(emit_reshape(e, levels, (const int64_t[]){-1, n->y.tile * n->x.tile}, 2, &levels, err));
    TRY(emit_1(e, "Shape", levels, &shape, err));
    TRY(emit_number(e, DTYPE_F32, 1, &ones, err));
    TRY(emit_2(e, "Expand", ones, shape, &ones, err));
    TRY(emit_slice(e, shape, 0, 0, 1, 1, &rows, err));
    TRY(EMIT_INTS(e, &width, err, LEVELS));
    TRY(emit_concat(e, EMIT(rows, width), 0, &shape, err));
    TRY(emit_number(e, DTYPE_F32, 0, &zeros, err));
    TRY(emit_2(e, "Expand", zeros, shape, &zeros, err));
    return emit_node(
        e, "", "ScatterElements", EMIT(zeros, levels, ones),
        EMIT_ATTRIBUTES(attribute_of_int("axis", 1), attribute_of_text("reduction", "add")), counts,
        err);
}

/* What is above the limit goes to all levels alike. */
static enum status clip(struct clahe *n, value_id *counts, struct error *err)
{
    static const int64_t LAST = 1;
    const struct emitter *e = n->c->e;
    double limit = config_number_or(n->c, "clip_limit", 4);
    value_id clipped, excess, levels;

    if (limit <= 0)
        return STATUS_OK;
    limit *= (double)(n->y.tile * n->x.tile) / LEVELS;
    TRY(emit_clip(e, *counts, 0, limit, &clipped, err));
    TRY(emit_2(e, "Sub", *counts, clipped, &excess, err));
    TRY(emit_reduce(e, "ReduceSum", excess, &LAST, 1, true, &excess, err));
    TRY(emit_number(e, DTYPE_F32, LEVELS, &levels, err));
    TRY(emit_2(e, "Div", excess, levels, &excess, err));
    return emit_2(e, "Add", clipped, excess, counts, err);
}

/* Histograms -> the new level of each level, 0 ... 255. */
static enum status tables(struct clahe *n, value_id counts, value_id *table, struct error *err)
{
    static const int64_t LAST = 1;
    const struct emitter *e = n->c->e;
    value_id axis, sum, low, number, below, zero, one, none;

    TRY(emit_number(e, DTYPE_I64, 1, &axis, err));
    TRY(emit_2(e, "CumSum", counts, axis, &sum, err));
    TRY(emit_reduce(e, "ReduceMin", sum, &LAST, 1, true, &low, err));
    TRY(emit_2(e, "Sub", sum, low, &sum, err));
    TRY(emit_number(e, DTYPE_F32, LEVELS - 1, &number, err));
    TRY(emit_2(e, "Mul", sum, number, &sum, err));
    TRY(emit_number(e, DTYPE_F32, (double)(n->y.tile * n->x.tile), &number, err));
    TRY(emit_2(e, "Sub", number, low, &below, err));
    TRY(emit_number(e, DTYPE_F32, 0, &zero, err));
    TRY(emit_number(e, DTYPE_F32, 1, &one, err));
    TRY(emit_2(e, "Equal", below, zero, &none, err));
    TRY(emit_where(e, none, one, below, &below, err));
    TRY(emit_2(e, "Div", sum, below, &sum, err));
    return emit_clip(e, sum, 0, LEVELS - 1, table, err);
}

/* The first and the last tile once more, around all: the places of `tiles` + 2. */
static enum status surround(struct clahe *n, const struct side *side, int64_t axis, value_id *table,
                            struct error *err)
{
    int64_t *places = arena_new(n->c->k->keep, int64_t, (size_t)side->tiles + 2);
    value_id index;

    if (!places)
        return error_no_memory(err, "the places of tiles");
    for (int64_t i = 0; i < side->tiles; i++)
        places[i + 1] = i;
    places[side->tiles + 1] = side->tiles - 1;
    TRY(emit_ints(n->c->e, places, (size_t)side->tiles + 2, &index, err));
    return emit_node(n->c->e, "", "Gather", EMIT(*table, index),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", axis)), table, err);
}

/* Of each row (or column): where in a flat table its two tiles begin, and how far it is between
 * them. `stride`: of a tile; shape: (size, 1) or (1, size). */
struct neighbours {
    value_id low, high, weight, rest;
};

static enum status neighbours_of(struct clahe *n, const struct side *side, int64_t stride,
                                 const int64_t dims[2], struct neighbours *found, struct error *err)
{
    const struct emitter *e = n->c->e;
    struct shape shape = SHAPE(side->size);
    size_t count = (size_t)side->size;
    int64_t *low = arena_new(n->c->k->keep, int64_t, count);
    int64_t *high = arena_new(n->c->k->keep, int64_t, count), last = side->tiles + 1;
    struct tensor weight, rest;
    float tile = (float)side->tile, half = (float)((double)side->tile / 2), place, floored;

    if (!low || !high)
        return error_no_memory(err, "the tiles of pixels");
    TRY(tensor_new(&weight, DTYPE_F32, &shape, n->c->k->keep, err));
    TRY(tensor_new(&rest, DTYPE_F32, &shape, n->c->k->keep, err));
    for (size_t i = 0; i < count; i++) {
        place = ((float)i - half) / tile + 1;
        floored = floorf(place);
        low[i] = (int64_t)floored < last ? (int64_t)floored : last;
        high[i] = low[i] < last ? low[i] + 1 : last;
        low[i] *= stride;
        high[i] *= stride;
        ((float *)weight.data)[i] = place - floored;
        ((float *)rest.data)[i] = 1 - (place - floored);
    }
    TRY(emit_ints(e, low, count, &found->low, err));
    TRY(emit_ints(e, high, count, &found->high, err));
    TRY(emit_constant(e, &weight, &found->weight, err));
    TRY(emit_constant(e, &rest, &found->rest, err));
    TRY(emit_reshape(e, found->low, dims, 2, &found->low, err));
    TRY(emit_reshape(e, found->high, dims, 2, &found->high, err));
    TRY(emit_reshape(e, found->weight, dims, 2, &found->weight, err));
    return emit_reshape(e, found->rest, dims, 2, &found->rest, err);
}

/* The levels (images, height, width) in the tables of tiles that begin at row + column. */
static enum status look_up(struct clahe *n, value_id table, value_id levels, value_id row,
                           value_id column, value_id *y, struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id index;

    TRY(emit_2(e, "Add", row, column, &index, err));
    TRY(emit_2(e, "Add", levels, index, &index, err));
    TRY(emit_reshape(e, index, (const int64_t[]){-1, n->y.size * n->x.size}, 2, &index, err));
    TRY(emit_node(e, "", "GatherElements", EMIT(table, index),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 1)), y, err));
    return emit_reshape(e, *y, (const int64_t[]){-1, n->y.size, n->x.size}, 3, y, err);
}

/* a * its weight + b * its. */
static enum status between(struct clahe *n, value_id a, value_id rest, value_id b, value_id weight,
                           value_id *y, struct error *err)
{
    TRY(emit_2(n->c->e, "Mul", a, rest, &a, err));
    TRY(emit_2(n->c->e, "Mul", b, weight, &b, err));
    return emit_2(n->c->e, "Add", a, b, y, err);
}

static enum status interpolate(struct clahe *n, value_id table, value_id levels, value_id *y,
                               struct error *err)
{
    int64_t across = (n->x.tiles + 2) * LEVELS, all = (n->y.tiles + 2) * across;
    struct neighbours row, column;
    value_id part[2][2], side[2];

    TRY(emit_reshape(n->c->e, table, (const int64_t[]){-1, n->y.tiles, n->x.tiles, LEVELS}, 4,
                     &table, err));
    TRY(surround(n, &n->y, 1, &table, err));
    TRY(surround(n, &n->x, 2, &table, err));
    TRY(emit_reshape(n->c->e, table, (const int64_t[]){-1, all}, 2, &table, err));
    TRY(neighbours_of(n, &n->y, across, (const int64_t[]){-1, 1}, &row, err));
    TRY(neighbours_of(n, &n->x, LEVELS, (const int64_t[]){1, -1}, &column, err));
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++)
            TRY(look_up(n, table, levels, i ? row.high : row.low, j ? column.high : column.low,
                        &part[i][j], err));
        TRY(between(n, part[i][0], column.rest, part[i][1], column.weight, &side[i], err));
    }
    return between(n, side[0], row.rest, side[1], row.weight, y, err);
}

/* The images of each channel, (batch * channels, height, width), of levels 0 ... 255. */
static enum status equalise(struct clahe *n, value_id *images, struct error *err)
{
    const struct emitter *e = n->c->e;
    value_id levels, whole, counts, table;

    TRY(emit_clip(e, *images, 0, LEVELS - 1, &levels, err));
    TRY(emit_cast(e, levels, DTYPE_I64, &levels, err));
    whole = levels;
    TRY(mirror(n, &n->y, 1, &whole, err));
    TRY(mirror(n, &n->x, 2, &whole, err));
    TRY(histograms(n, whole, &counts, err));
    TRY(clip(n, &counts, err));
    TRY(tables(n, counts, &table, err));
    return interpolate(n, table, levels, images, err);
}

static enum status sizes_of(struct clahe *n, bool first, struct error *err)
{
    struct call *c = n->c;
    int64_t tiles[2], height, width;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank != 4 || c->dtype != DTYPE_F32 || emit_dtype(c->e, c->in[0].value) != DTYPE_F32)
        return error_set(err, STATUS_UNSUPPORTED, "images of %d dimensions, of %s", rank,
                         dtype_name(emit_dtype(c->e, c->in[0].value)));
    TRY(config_ints(c, "tile_grid_size", 2, 8, tiles, err));
    TRY(call_dim(c, 0, first ? 2 : 1, &height, err));
    TRY(call_dim(c, 0, first ? 3 : 2, &width, err));
    TRY(call_dim(c, 0, first ? 1 : 3, &n->channels, err));
    TRY(side_of(&n->y, height, tiles[0], err));
    TRY(side_of(&n->x, width, tiles[1], err));
    if (tiles[0] * tiles[1] > TILES_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld x %lld tiles", (long long)tiles[0],
                         (long long)tiles[1]);
    return STATUS_OK;
}

static enum status lower_clahe(struct call *c, struct error *err)
{
    static const double BYTES[2] = {0, LEVELS - 1};
    static const int64_t TO_FIRST[] = {0, 3, 1, 2}, TO_LAST[] = {0, 2, 3, 1};
    bool first = config_channels_first(c, 2);
    struct clahe n = {.c = c};
    value_id x = c->in[0].value;
    double range[2];

    TRY(sizes_of(&n, first, err));
    TRY(value_range_of(c, range, err));
    TRY(value_range_change(c, range, BYTES, &x, err));
    if (!first)
        TRY(emit_transpose(c->e, x, TO_FIRST, 4, &x, err));
    TRY(emit_reshape(c->e, x, (const int64_t[]){-1, n.y.size, n.x.size}, 3, &x, err));
    TRY(equalise(&n, &x, err));
    TRY(emit_reshape(c->e, x, (const int64_t[]){-1, n.channels, n.y.size, n.x.size}, 4, &x, err));
    if (!first)
        TRY(emit_transpose(c->e, x, TO_LAST, 4, &x, err));
    TRY(value_range_change(c, BYTES, range, &x, err));
    return call_give(c, x);
}

const struct layer_set layers_equalisation =
    LAYER_SET({.name = "ContrastLimitedAdaptiveHistogramEqualization", .lower = lower_clahe}, );
