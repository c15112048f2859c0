// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/reduction.h"

#include "ops/kernels/strided.h"

/* Append a dimension, joined with the last one when they lie one after the other. */
static void append(int64_t dims[RANK_MAX], int64_t strides[RANK_MAX], int *rank, int64_t dim,
                   int64_t stride)
{
    int last = *rank - 1;

    if (last >= 0 && strides[last] == stride * dim) {
        dims[last] *= dim;
        strides[last] = stride;
        return;
    }
    dims[*rank] = dim;
    strides[*rank] = stride;
    ++*rank;
}

void reduction_of(struct reduction *r, const struct shape *shape, const bool reduce[RANK_MAX])
{
    int64_t strides[RANK_MAX];

    *r = (struct reduction){.kept = 1, .reduced = 1, .run_count = 1, .run_total = 1};
    shape_strides(shape, strides);
    for (int i = 0; i < shape->rank; i++) {
        *(reduce[i] ? &r->reduced : &r->kept) *= (size_t)shape->dims[i];
        if (shape->dims[i] == 1)
            continue;
        if (reduce[i])
            append(r->runs_dims, r->runs_strides, &r->runs_rank, shape->dims[i], strides[i]);
        else
            append(r->kept_dims, r->kept_strides, &r->kept_rank, shape->dims[i], strides[i]);
    }
    if (r->runs_rank > 0) {
        r->runs_rank--;
        r->run_count = (size_t)r->runs_dims[r->runs_rank];
        r->run_step = (size_t)r->runs_strides[r->runs_rank];
        r->run_total = r->run_count ? r->reduced / r->run_count : 0;
    }
}

size_t reduction_start(const struct reduction *r, struct reduction_walk *walk)
{
    *walk = (struct reduction_walk){0};
    return r->kept;
}

static void step(size_t *at, int64_t index[RANK_MAX], const int64_t dims[RANK_MAX],
                 const int64_t strides[RANK_MAX], int rank)
{
    for (int d = rank - 1; d >= 0; d--) {
        *at += (size_t)strides[d];
        if (++index[d] < dims[d])
            return;
        *at -= (size_t)(strides[d] * dims[d]);
        index[d] = 0;
    }
}

void reduction_seek(const struct reduction *r, struct reduction_walk *walk, size_t output)
{
    *walk = (struct reduction_walk){0};
    for (int d = r->kept_rank - 1; d >= 0; d--) {
        walk->kept[d] = (int64_t)(output % (size_t)r->kept_dims[d]);
        output /= (size_t)r->kept_dims[d];
        walk->base += (size_t)(walk->kept[d] * r->kept_strides[d]);
    }
}

void reduction_next(const struct reduction *r, struct reduction_walk *walk)
{
    step(&walk->base, walk->kept, r->kept_dims, r->kept_strides, r->kept_rank);
}

size_t reduction_runs(const struct reduction *r, struct reduction_walk *walk)
{
    walk->at = walk->base;
    return r->run_total;
}

void reduction_next_run(const struct reduction *r, struct reduction_walk *walk)
{
    step(&walk->at, walk->runs, r->runs_dims, r->runs_strides, r->runs_rank);
}
