// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/strided.h"

#include "ops/fast/move/transpose.h"
#include "ops/op.h"

void shape_strides(const struct shape *shape, int64_t strides[RANK_MAX])
{
    int64_t stride = 1;

    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        /* shapes in infer may be too large for any tensor */
        __builtin_mul_overflow(stride, shape->dims[i], &stride);
    }
}

void broadcast_strides(const struct shape *in, const struct shape *out, int64_t strides[RANK_MAX])
{
    int missing = out->rank - in->rank;
    int64_t stride = 1;

    for (int i = out->rank - 1; i >= 0; i--) {
        int64_t dim = i >= missing ? in->dims[i - missing] : 1;
        strides[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

/* Drop dimensions of 1 and join those that lie one after the other in both layouts. */
static struct strided strided_joined(const struct strided *copy)
{
    struct strided joined = {.rank = 0};

    for (int i = 0; i < copy->rank; i++) {
        int last = joined.rank - 1;

        if (copy->dims[i] == 1)
            continue;
        if (last >= 0 && joined.from[last] == copy->from[i] * copy->dims[i] &&
            joined.to[last] == copy->to[i] * copy->dims[i]) {
            joined.dims[last] *= copy->dims[i];
            joined.from[last] = copy->from[i];
            joined.to[last] = copy->to[i];
            continue;
        }
        joined.dims[joined.rank] = copy->dims[i];
        joined.from[joined.rank] = copy->from[i];
        joined.to[joined.rank] = copy->to[i];
        joined.rank++;
    }
    return joined;
}

struct element16 {
    uint64_t half[2];
};

/* one element repeated, or any strides */
#define COPY_ROW(type)                                                                             \
    if (from_stride == 0 && to_stride == 1) {                                                      \
        const type value = *(const type *)from;                                                    \
        for (int64_t i = 0; i < count; i++)                                                        \
            ((type *)to)[i] = value;                                                               \
        return;                                                                                    \
    }                                                                                              \
    for (int64_t i = 0; i < count; i++)                                                            \
        ((type *)to)[i * to_stride] = ((const type *)from)[i * from_stride];

static void copy_row(const char *from, char *to, int64_t count, int64_t from_stride,
                     int64_t to_stride, size_t size)
{
    if (from_stride == 1 && to_stride == 1) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    switch (size) {
    case 1:
        COPY_ROW(uint8_t)
        break;
    case 2:
        COPY_ROW(uint16_t)
        break;
    case 4:
        COPY_ROW(uint32_t)
        break;
    case 8:
        COPY_ROW(uint64_t)
        break;
    default:
        COPY_ROW(struct element16)
    }
}

/* Both layouts have a dimension of neighbours, but not the same one: a transposition. In tiles, so
 * that what is read of a line of the cache is used while it is there; of few columns whole rows. */
enum { TILE = 16 };

struct tiles {
    int64_t rows, columns;       /* a row of `to` is contiguous, a column of `from` */
    int64_t to_row, from_column; /* elements from one to the next */
};

#define COPY_TILES(type)                                                                           \
    {                                                                                              \
        const type *f = from;                                                                      \
        type *t = to;                                                                              \
                                                                                                   \
        if (tiles->columns == 3) {                                                                 \
            const type *a = f, *b = f + tiles->from_column, *c = b + tiles->from_column;           \
            for (int64_t r = 0; r < tiles->rows; r++, t += tiles->to_row)                          \
                t[0] = a[r], t[1] = b[r], t[2] = c[r];                                             \
            return;                                                                                \
        }                                                                                          \
        for (int64_t r = 0; r < tiles->rows; r += TILE) {                                          \
            int64_t rows = tiles->rows - r < TILE ? tiles->rows - r : TILE;                        \
            for (int64_t c = 0; c < tiles->columns; c += TILE) {                                   \
                int64_t end = tiles->columns - c < TILE ? tiles->columns : c + TILE;               \
                for (int64_t i = r; i < r + rows; i++)                                             \
                    for (int64_t k = c; k < end; k++)                                              \
                        t[i * tiles->to_row + k] = f[k * tiles->from_column + i];                  \
            }                                                                                      \
        }                                                                                          \
    }

static void copy_tiles(const struct tiles *tiles, const void *from, void *to, size_t size)
{
    struct transposition fast = {from,         to, tiles->rows, tiles->columns, tiles->from_column,
                                 tiles->to_row};

    if (!op_is_reference_only() && transpose_run(&fast, size))
        return;
    switch (size) {
    case 1:
        COPY_TILES(uint8_t)
        break;
    case 2:
        COPY_TILES(uint16_t)
        break;
    case 4:
        COPY_TILES(uint32_t)
        break;
    case 8:
        COPY_TILES(uint64_t)
        break;
    default:
        COPY_TILES(struct element16)
    }
}

/* The dimension that is contiguous in `from`, when it is not the last one and the last one is
 * contiguous in `to`; else -1. */
static int tiled_dimension(const struct strided *walk)
{
    int inner = walk->rank - 1;

    for (int d = 0; d < inner; d++)
        if (walk->from[d] == 1 && walk->to[inner] == 1 && walk->from[inner] != 1)
            return d;
    return -1;
}

void strided_copy(const struct strided *copy, const void *from, void *to, size_t element_size)
{
    struct strided walk;
    int64_t index[RANK_MAX] = {0}, at_from = 0, at_to = 0;
    struct tiles tiles = {0};
    int inner, tiled;

    for (int i = 0; i < copy->rank; i++)
        if (copy->dims[i] == 0)
            return;
    walk = strided_joined(copy);
    if (walk.rank == 0) {
        memcpy(to, from, element_size);
        return;
    }
    inner = walk.rank - 1;
    tiled = tiled_dimension(&walk);
    if (tiled >= 0) {
        tiles =
            (struct tiles){walk.dims[tiled], walk.dims[inner], walk.to[tiled], walk.from[inner]};
        walk.dims[tiled] = 1;
    }
    for (;;) {
        const char *source = (const char *)from + at_from * (int64_t)element_size;
        char *target = (char *)to + at_to * (int64_t)element_size;
        int d = inner - 1;

        if (tiled >= 0)
            copy_tiles(&tiles, source, target, element_size);
        else
            copy_row(source, target, walk.dims[inner], walk.from[inner], walk.to[inner],
                     element_size);
        for (; d >= 0; d--) {
            at_from += walk.from[d];
            at_to += walk.to[d];
            if (++index[d] < walk.dims[d])
                break;
            at_from -= walk.from[d] * walk.dims[d];
            at_to -= walk.to[d] * walk.dims[d];
            index[d] = 0;
        }
        if (d < 0)
            return;
    }
}

void broadcast_start(struct broadcast *walk, const struct shape *out,
                     const struct shape *const *inputs, int input_count)
{
    int64_t strides[BROADCAST_INPUTS_MAX][RANK_MAX];
    int last = -1;

    *walk = (struct broadcast){.inputs = input_count};
    for (int k = 0; k < input_count; k++)
        broadcast_strides(inputs[k], out, strides[k]);
    for (int i = 0; i < out->rank; i++) {
        bool joins = last >= 0;

        if (out->dims[i] == 1)
            continue;
        for (int k = 0; k < input_count; k++)
            joins = joins && walk->strides[k][last] == strides[k][i] * out->dims[i];
        if (joins) {
            walk->dims[last] *= out->dims[i];
        } else {
            walk->dims[++last] = out->dims[i];
        }
        for (int k = 0; k < input_count; k++)
            walk->strides[k][last] = strides[k][i];
    }
    walk->count = 1;
    if (last >= 0) {
        walk->count = (size_t)walk->dims[last];
        for (int k = 0; k < input_count; k++)
            walk->step[k] = walk->strides[k][last] != 0;
    }
    walk->rank = last > 0 ? last : 0;
    for (int i = 0; i < out->rank; i++)
        if (out->dims[i] == 0) {
            walk->count = 0;
            walk->rank = 0;
        }
}

bool broadcast_next(struct broadcast *walk)
{
    walk->done += walk->count;
    for (int d = walk->rank - 1; d >= 0; d--) {
        for (int k = 0; k < walk->inputs; k++)
            walk->at[k] += (size_t)walk->strides[k][d];
        if (++walk->index[d] < walk->dims[d])
            return true;
        for (int k = 0; k < walk->inputs; k++)
            walk->at[k] -= (size_t)(walk->strides[k][d] * walk->dims[d]);
        walk->index[d] = 0;
    }
    return false;
}

void broadcast_seek(struct broadcast *walk, size_t run)
{
    walk->done = run * walk->count;
    for (int k = 0; k < walk->inputs; k++)
        walk->at[k] = 0;
    for (int d = walk->rank - 1; d >= 0; d--) {
        walk->index[d] = (int64_t)(run % (size_t)walk->dims[d]);
        run /= (size_t)walk->dims[d];
        for (int k = 0; k < walk->inputs; k++)
            walk->at[k] += (size_t)(walk->index[d] * walk->strides[k][d]);
    }
}
