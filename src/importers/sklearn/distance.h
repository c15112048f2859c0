// SPDX-License-Identifier: Apache-2.0
/* Distances to the rows of a training set, and kernels of them (sklearn/metrics/pairwise.py):
 * x (n, w), rows (m, w) -> (n, m). */
#pragma once

#include "importers/sklearn/internal.h"

/* |r|^2 - 2 x.r: the squared distance less |x|^2, what scikit-learn compares to find the nearest.
 */
enum status emit_partial_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                   value_id *out, struct error *err) must_check;
/* |x - r|^2, from products as scikit-learn has it, never negative. */
enum status emit_square_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                  value_id *out, struct error *err) must_check;
/* |x - r|^2 and sum |x - r| from the differences. */
enum status emit_exact_square_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                        value_id *out, struct error *err) must_check;
enum status emit_manhattan_distances(struct lowering *l, value_id x, const struct tensor *rows,
                                     value_id *out, struct error *err) must_check;

/* (x - center)' precision (x - center): center (w,), precision (w, w) -> (n, 1). */
enum status emit_mahalanobis(struct lowering *l, value_id x, const struct tensor *center,
                             const struct tensor *precision, value_id *out, struct error *err)
    must_check;

/* The row of the smallest distance, the first of several: (n, m) -> (n,) I64. */
enum status emit_nearest(struct lowering *l, value_id distances, value_id *index, struct error *err)
    must_check;

/* Rows over their norms (n, 1); those with a norm of 0, or below `least`, stay.
 * sklearn.preprocessing .normalize has had a `least` since 1.0: unit_rows_least. */
enum norm { NORM_L2, NORM_L1, NORM_MAX };
enum status emit_unit_rows(struct lowering *l, value_id x, enum norm norm, double least,
                           value_id *out, struct error *err) must_check;
enum status emit_over_norms(struct lowering *l, value_id x, value_id norms, double least,
                            value_id *out, struct error *err) must_check;
double unit_rows_least(const struct lowering *l, const struct pickle_object *self);

/* The kernel that the attributes kernel, gamma, coef0 and degree say ("linear", "poly",
 * "polynomial", "rbf", "laplacian", "sigmoid", "cosine"), of `gamma` where gamma_ holds the value
 * that counts. UNSUPPORTED for others and for code of one's own. */
enum status emit_kernel(struct lowering *l, const struct pickle_object *self, value_id x,
                        const struct tensor *rows, value_id *out, struct error *err) must_check;
