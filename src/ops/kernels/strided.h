// SPDX-License-Identifier: Apache-2.0
/* Walks over n-dimensional layouts: strided copies (Transpose, Slice, Concat, Expand ...) and
 * broadcasting. Strides count elements. */
#pragma once

#include "tensor/tensor.h"

/* For every index i: to[sum i * to_stride] = from[sum i * from_stride]. Strides may be 0 (from) or
 * negative. `rank` 0 is one element. */
struct strided {
    int rank;
    int64_t dims[RANK_MAX], from[RANK_MAX], to[RANK_MAX];
};

void strided_copy(const struct strided *copy, const void *from, void *to, size_t element_size);

/* Step an index through `dims`, last dimension first; false after the last one. */
static inline bool index_next(int64_t *index, const int64_t *dims, int rank)
{
    for (int d = rank - 1; d >= 0; d--) {
        if (++index[d] < dims[d])
            return true;
        index[d] = 0;
    }
    return false;
}

/* Row-major strides of a known shape. */
void shape_strides(const struct shape *shape, int64_t strides[RANK_MAX]);

/* Strides of `in` when it is broadcast to `out` (0 where repeated). */
void broadcast_strides(const struct shape *in, const struct shape *out, int64_t strides[RANK_MAX]);

/* A walk over an output in row-major order and its inputs broadcast to it, run by run: each run
 * is `count` consecutive elements of the output; input k starts at at[k] and steps by step[k],
 * 0 or 1.
 *
 *     struct broadcast walk;
 *     broadcast_start(&walk, &out->shape, shapes, 2);
 *     do
 *         kernel(a + walk.at[0], walk.step[0], ..., y + walk.done, walk.count);
 *     while (broadcast_next(&walk));
 */
enum { BROADCAST_INPUTS_MAX = 4 };
struct broadcast {
    size_t count, done;
    size_t at[BROADCAST_INPUTS_MAX];
    int step[BROADCAST_INPUTS_MAX];
    /* private */
    int inputs, rank; /* rank of the outer dimensions */
    int64_t dims[RANK_MAX], index[RANK_MAX];
    int64_t strides[BROADCAST_INPUTS_MAX][RANK_MAX];
};

void broadcast_start(struct broadcast *walk, const struct shape *out,
                     const struct shape *const *inputs, int input_count);
bool broadcast_next(struct broadcast *walk);
/* Go to run number `run`, counted from 0. */
void broadcast_seek(struct broadcast *walk, size_t run);
