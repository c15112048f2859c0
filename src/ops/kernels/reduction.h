// SPDX-License-Identifier: Apache-2.0
/* A walk over a tensor for reductions: for every kept index, in row-major order, all reduced
 * elements, run by run of equal steps. Offsets count elements. */
#pragma once

#include "tensor/tensor.h"

struct reduction {
    size_t kept, reduced;       /* elements of the output; elements that make one of them */
    size_t run_count, run_step; /* the innermost reduced dimension */
    /* dimensions and strides, joined where they lie one after the other */
    size_t run_total; /* runs for one output element */
    int kept_rank, runs_rank;
    int64_t kept_dims[RANK_MAX], kept_strides[RANK_MAX];
    int64_t runs_dims[RANK_MAX], runs_strides[RANK_MAX];
};

struct reduction_walk {
    size_t at; /* where the current run begins */
    size_t base;
    int64_t kept[RANK_MAX], runs[RANK_MAX];
};

void reduction_of(struct reduction *reduction, const struct shape *shape,
                  const bool reduce[RANK_MAX]);

/* The number of output elements; then the number of runs for the current one. A walk over all runs
 * ends where it began, so that it can be repeated. */
size_t reduction_start(const struct reduction *reduction, struct reduction_walk *walk);
/* To output element number `output`. */
void reduction_seek(const struct reduction *reduction, struct reduction_walk *walk, size_t output);
void reduction_next(const struct reduction *reduction, struct reduction_walk *walk);
size_t reduction_runs(const struct reduction *reduction, struct reduction_walk *walk);
void reduction_next_run(const struct reduction *reduction, struct reduction_walk *walk);
